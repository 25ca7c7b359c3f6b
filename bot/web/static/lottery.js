// Works a lottery's order out again from pasted messages, in this browser alone (docs/lottery.md). Nothing is sent.
"use strict";

const form = document.getElementById("lottery");
const verdict = document.getElementById("verdict");
const HEX = "([0-9a-f]{64})\\b";

const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
const text = (said) => new TextEncoder().encode(said);
const hashed = async (bytes) => hex(await crypto.subtle.digest("SHA-256", bytes));
const tier = (marks) => Number.parseInt(marks, 10) || 0; // marks of a hand: its tier, if it has one, and its star
const first = (pattern, said) => (new RegExp(pattern).exec(said) || [])[1] || "";

function listed(heading, pattern, said) {
  const found = new Map();
  let part = "";
  for (const line of said.split(/\r?\n/)) {
    const last = line.trim().split(" ").pop();
    part = ["HANDS", "WORDS", "ORDER"].includes(last) && !line.includes("#") ? last : part;
    const fits = part === heading && pattern.exec(line);
    if (fits && !found.has(Number(fits[1]))) found.set(Number(fits[1]), fits.slice(2).join(""));
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

async function order(code, seed, wordsHash, hands) {
  const version = [...hands.values()].some((marks) => tier(marks)) ? 2 : 1;
  const key = await crypto.subtle.importKey("raw", seed, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  let counter = 0;
  async function below(count) {
    const whole = 2n ** 64n - (2n ** 64n % BigInt(count));
    for (;;) {
      const mac = await crypto.subtle.sign("HMAC", key, text(`pardna lottery ${version}|${code}|${wordsHash}|${counter}`));
      const number = new DataView(mac).getBigUint64(0);
      counter += 1;
      if (number < whole) return Number(number % BigInt(count));
    }
  }
  let left = [...hands.keys()];
  const drawn = [];
  for (let turn = 1; turn <= hands.size; turn += 1) {
    const best = Math.min(...left.map((hand) => tier(hands.get(hand))));
    const same = left.filter((hand) => tier(hands.get(hand)) === best);
    const free = same.filter((hand) => !hands.get(hand).endsWith("*"));
    const pool = free.length && turn <= Math.floor(hands.size / 3) ? free : same;
    const hand = pool[await below(pool.length)];
    left = left.filter((other) => other !== hand);
    drawn.push(hand);
  }
  return drawn;
}

async function faults(said) {
  const code = first("LOTTERY ([A-Z2-9]{6})\\b", said);
  const seedHash = first(`SEED HASH ${HEX}`, said);
  const wordsHash = first(`WORDS HASH ${HEX}`, said);
  const seed = first(`SEED ${HEX}`, said);
  const hands = listed("HANDS", /#(\d+) \S[^#]*?(?: tier (\d))?(\*?)\s*$/, said);
  const words = listed("WORDS", /#(\d+) ([a-z]+|-)\s*$/, said);
  const told = [...listed("ORDER", /(\d+) \S[^#]* #(\d+)\s*$/, said).values()].map(Number);
  const tiered = [...hands.values()].filter(tier).length;
  const complete =
    [...hands.keys()].every((hand, place) => hand === place + 1) && (!tiered || tiered === hands.size);
  if (!(code && seedHash && wordsHash && seed && hands.size && words.size && told.length && complete)) return ["missing"];
  const bytes = Uint8Array.from(seed.match(/../g), (two) => parseInt(two, 16));
  const lines = [...words].map(([hand, word]) => `${hand}:${word === "-" ? "" : word}\n`).join("");
  const right = await order(code, bytes, wordsHash, hands);
  const wrong = [];
  if ((await hashed(bytes)) !== seedHash) wrong.push("seed");
  if ((await hashed(text(lines))) !== wordsHash) wrong.push("words");
  if (right.join() !== told.join()) wrong.push("order");
  return wrong;
}

form.hidden = false;
document.getElementById("unscripted").hidden = true;
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const wrong = await faults(form.elements.said.value);
  verdict.className = `stamp ${wrong.length ? "bad" : "good"}`;
  verdict.textContent = (wrong.length ? wrong : ["right"]).map((one) => verdict.dataset[one]).join(" ");
});
