// The phones: shows what the service sent, sends what is typed or tapped. Knows nothing of pardnas.
"use strict";

const CHANNELS = { whatsapp: "WhatsApp", sms: "SMS", telegram: "Telegram", email: "E-mail" };
const FIVE = [
  { channel: "whatsapp", address: "+18765550101", name: "Marva" },
  { channel: "sms", address: "+18765550102", name: "Devon" },
  { channel: "telegram", address: "5550103", name: "Keisha" },
  { channel: "whatsapp", address: "+18765550104", name: "Andre" },
  { channel: "sms", address: "+18765550105", name: "Sister P" },
];
const CLERK = { channel: "telegram", address: "5550100", name: "Miss Clerk" };
const ZONE = "America/Jamaica";
const $ = (id) => document.getElementById(id);
const phones = new Map(); // "channel:address" -> { info, el, log, mine, theirs }
let lastId = 0; // the newest message seen
let ahead = 0; // milliseconds that the service's clock is ahead of the browser's

// --- small helpers -------------------------------------------------------------------------------------------------

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function remember(key, value) {
  try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* a full or closed store only costs memory */ }
}

function recall(key, fallback) {
  try { return JSON.parse(localStorage.getItem(key)) ?? fallback; } catch { return fallback; }
}

const formats = {
  time: new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hour: "2-digit", minute: "2-digit" }),
  day: new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, weekday: "short", day: "numeric", month: "short", year: "numeric" }),
};
const serviceNow = () => Date.now() + ahead;

async function call(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(path, options);
  const text = await answer.text();
  if (!answer.ok) throw new Error(text.trim() || `The service answered ${answer.status}.`);
  return text ? JSON.parse(text) : null;
}

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

// --- GSM-7: what an SMS costs, for the line under the writing field (the service counts its own) --------------------

const BASIC = new Set("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà");
const EXTENDED = new Set("^{}\\[~]|€");

function smsCost(text) {
  const characters = [...text];
  const plain = characters.every((c) => BASIC.has(c) || EXTENDED.has(c));
  const units = plain ? characters.reduce((sum, c) => sum + (EXTENDED.has(c) ? 2 : 1), 0) : text.length;
  const [alone, part] = plain ? [160, 153] : [70, 67];
  const count = units <= alone ? 1 : Math.ceil(units / part);
  return { units, count, room: count === 1 ? alone : count * part, plain };
}

// --- one phone -----------------------------------------------------------------------------------------------------

function addPhone(info, focus = false) {
  const key = `${info.channel}:${info.address}`;
  if (phones.has(key)) { front(phones.get(key)); return; }
  const el = $("phone").content.firstElementChild.cloneNode(true);
  const label = info.name || info.address;
  el.classList.add(info.channel);
  el.dataset.key = key;
  el.setAttribute("aria-label", `${label}, ${CHANNELS[info.channel]}`);
  el.querySelector("h2").append(label, make("small", {}, CHANNELS[info.channel]));
  el.querySelector(".who p").textContent = info.address;
  el.querySelector(".face").textContent = label.replace(/^\+/, "").slice(0, 1).toUpperCase();
  el.querySelector(".remove").setAttribute("aria-label", `Remove ${label}`);
  const field = el.querySelector("textarea");
  field.id = `write-${phones.size}-${info.address.replace(/\W/g, "")}`;
  Object.assign(el.querySelector("label"), { htmlFor: field.id, textContent: `Message from ${label}` });
  field.placeholder = "Message";
  const log = el.querySelector(".log");
  log.setAttribute("aria-label", `Chat of ${label}`);
  const phone = { info, el, log, key, mine: recall(`sent ${key}`, []), theirs: new Map() };
  phones.set(key, phone);
  wire(phone, field);
  $("phones").append(el);
  saved();
  if (info.channel === "email") el.querySelector("form").hidden = true; // a mail is looked at and not answered
  if (focus) front(phone);
  load(phone);
}

function front(phone) {
  (phone.info.channel === "email" ? phone.log : phone.el.querySelector("textarea")).focus();
}

function wire(phone, field) {
  const form = phone.el.querySelector("form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    count(phone, field);
    send(phone, { text }, text);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); form.requestSubmit(); }
  });
  field.addEventListener("input", () => count(phone, field));
  phone.el.querySelector(".remove").addEventListener("click", () => removePhone(phone));
  count(phone, field);
}

function count(phone, field) {
  field.rows = Math.min(4, Math.max(1, field.value.split("\n").length, Math.ceil(field.value.length / 26)));
  if (phone.info.channel !== "sms") return;
  const cost = smsCost(field.value);
  const name = cost.plain ? "" : " · not GSM-7";
  phone.el.querySelector(".count").textContent = field.value ? `${cost.units}/${cost.room} · ${cost.count} SMS${name}` : "";
}

function removePhone(phone) {
  phones.delete(phone.key);
  phone.el.remove();
  saved();
  $("phones").focus();
}

function saved() {
  remember("phones", [...phones.values()].map((phone) => phone.info));
  $("empty").hidden = phones.size > 0;
}

async function load(phone) {
  const { channel, address } = phone.info;
  const query = new URLSearchParams({ channel, address, after: 0 });
  try {
    take(await call(`/sim/messages?${query}`));
  } catch (error) { say(error.message, true); }
  draw(phone);
}

async function send(phone, what, shown) {
  const note = { id: crypto.randomUUID?.() ?? String(Math.random()), text: shown, at: serviceNow(), state: "…" };
  phone.mine.push(note);
  draw(phone);
  try {
    await call("/sim/messages", { ...phone.info, ...what, id: note.id });
    note.state = "✓";
  } catch (error) {
    note.state = "not sent";
    say(`${phone.info.name || phone.info.address}: ${error.message}`, true);
  }
  remember(`sent ${phone.key}`, (phone.mine = phone.mine.slice(-200)));
  draw(phone);
}

// --- what a chat looks like ----------------------------------------------------------------------------------------

function draw(phone) {
  const all = [...phone.mine.map((m) => ({ ...m, own: true })), ...phone.theirs.values()].sort((a, b) => a.at - b.at);
  const nodes = [];
  let day = "";
  const newest = all.findLast((m) => !m.own);
  for (const message of all) {
    const today = formats.day.format(message.at);
    if (today !== day) nodes.push(make("p", { className: "day" }, (day = today)));
    nodes.push(bubble(phone, message, message === newest));
  }
  const start = phone.info.channel === "email" ? `Nothing yet. LINK ${phone.info.address} on a phone.` : "Nothing yet. Say hi.";
  if (!all.length) nodes.push(make("p", { className: "day" }, start));
  phone.log.replaceChildren(...nodes);
  phone.log.scrollTop = phone.log.scrollHeight;
}

function bubble(phone, message, newest) {
  const element = make("div", { className: `bubble ${message.own ? "own" : "bot"}` });
  if (message.image) {
    const opens = make("a", { href: message.image, target: "_blank", rel: "noopener noreferrer" });
    const picture = make("img", { src: message.image, alt: message.alt || "Picture of the same facts" });
    picture.addEventListener("load", () => { phone.log.scrollTop = phone.log.scrollHeight; });
    opens.append(picture);
    element.append(opens);
  }
  for (const { name, address } of [message.document, message.table].filter(Boolean)) {
    const paper = make("a", { className: "paper", href: address, target: "_blank", rel: "noopener noreferrer" }, name);
    paper.dataset.kind = name.split(".").pop().toUpperCase();
    element.append(paper);
  }
  element.append(...(message.look ? mail(message, newest) : [make("p", { className: "text" }, ...linked(message.text))]));
  const foot = [formats.time.format(message.at)];
  if (message.own) foot.push(message.state);
  if (!message.own && message.segments) foot.unshift(`${message.text.length} chars · ${message.segments} SMS`);
  element.append(make("p", { className: "foot" }, foot.join(" · ")));
  const box = make("div", { className: "turn" }, element);
  const choices = message.choices || [];
  if (choices.length && !["sms", "email"].includes(phone.info.channel)) box.append(keyboard(phone, choices, newest, message.button));
  return box;
}

// A mail as its program shows it, in a frame that runs nothing, and as plain text.
function mail(message, newest) {
  const frame = make("iframe", { src: message.look, title: message.subject, loading: "lazy" });
  frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
  const plain = make("details", {}, make("summary", {}, "As plain text"), make("p", { className: "text" }, ...linked(message.letter)));
  return [make("details", { className: "mail", open: newest }, make("summary", {}, message.subject), frame, plain)];
}

function linked(text) {
  return text.split(/(https?:\/\/[^\s]+)/).map((part, i) => (i % 2
    ? make("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part)
    : part));
}

function keyboard(phone, choices, newest, label) {
  const buttons = choices.map((choice) => {
    const button = make("button", { type: "button", className: "choice" }, choice.label);
    if (choice.detail) button.append(make("small", {}, choice.detail));
    button.addEventListener("click", () => send(phone, { choice: choice.id }, choice.label));
    return button;
  });
  const short = choices.every((choice) => choice.label.length <= 14 && !choice.detail);
  const two = short && choices.length > 1 && phone.info.channel === "telegram";
  const keys = make("div", { className: `keys ${two ? "two" : ""}`, role: "group", ariaLabel: "Answers" }, ...buttons);
  if (phone.info.channel !== "whatsapp" || choices.length <= 3) return keys;
  const list = make("details", { className: "list", open: newest }, make("summary", {}, label || "Choose"), keys);
  return list;
}

// --- what comes from the service -----------------------------------------------------------------------------------

function take(messages) {
  const touched = new Set();
  for (const message of messages) {
    lastId = Math.max(lastId, message.id);
    const phone = phones.get(`${message.channel}:${message.address}`);
    if (!phone || phone.theirs.has(message.id)) continue;
    phone.theirs.set(message.id, { ...message, at: Date.parse(message.at) });
    touched.add(phone);
  }
  touched.forEach(draw);
  if (touched.size) refresh();
}

async function listen() {
  for (;;) {
    try {
      const messages = await call(`/sim/messages?after=${lastId}&wait=25`);
      take(messages);
      if (messages.length) setTimeout(catchUp, 400);
      if ($("status").classList.contains("lost")) { $("status").classList.remove("lost"); say(""); }
    } catch {
      $("status").classList.add("lost");
      say("The service cannot be reached; trying again.", true);
      await new Promise((done) => setTimeout(done, 1500));
    }
  }
}

// A lower id of another phone may be committed a moment after a higher one was read.
async function catchUp() {
  try { take(await call(`/sim/messages?after=${Math.max(0, lastId - 50)}`)); } catch { /* listen() says so */ }
}

// A new database counts from 1 again: what was sent to the old one is forgotten.
function settle() {
  const newest = Number(document.body.dataset.newest);
  if (newest < recall("newest", 0)) {
    Object.keys(localStorage).filter((key) => key.startsWith("sent ")).forEach((key) => localStorage.removeItem(key));
  }
  remember("newest", newest);
  addEventListener("pagehide", () => remember("newest", Math.max(lastId, newest)));
}

// --- the clock -----------------------------------------------------------------------------------------------------

function showClock({ now, next_duty: next }) {
  ahead = Date.parse(now) - Date.now();
  $("next").disabled = !next;
  $("next").dataset.at = next || "";
  $("next").title = next ? `${formats.day.format(Date.parse(next))}, ${formats.time.format(Date.parse(next))}` : "No duty is planned";
  tick();
}

function tick() {
  const now = serviceNow();
  $("now").textContent = `${formats.day.format(now)}, ${formats.time.format(now)}`;
  $("now").dateTime = new Date(now).toISOString();
}

async function move(button) {
  const to = button.dataset.move === "next" ? { set: button.dataset.at } : { advance: button.dataset.move };
  const buttons = [...document.querySelectorAll("[data-move]")];
  buttons.forEach((each) => { each.disabled = true; });
  say("The clock is moving …");
  try {
    const clock = await call("/sim/clock", to);
    showClock(clock);
    say(`It is now ${$("now").textContent}.`);
  } catch (error) { say(error.message, true); }
  buttons.forEach((each) => { each.disabled = each.id === "next" && !each.dataset.at; });
  button.focus();
  refresh();
}

// --- the ledger ----------------------------------------------------------------------------------------------------

let due = 0;
function refresh() { clearTimeout(due); due = setTimeout(look, 250); }

async function look() {
  try {
    showLedger(await call("/sim/ledger"));
    showClock(await call("/sim/clock"));
  } catch (error) { say(error.message, true); }
}

function showLedger({ totals, groups, transfers }) {
  $("totals").replaceChildren(...totals.map((total) => make("p", { className: total.even ? "even" : "odd" },
    make("span", {}, `Held ${total.held}`), make("span", {}, `Owed ${total.owed}`), make("b", {}, total.even ? "✓ even" : "✗ not even"))));
  const zeros = $("zeros").checked;
  $("circles").replaceChildren(...groups.map((group) => account(group, zeros)));
  if (!groups.length) $("circles").append(make("p", { className: "none" }, "No money has moved yet."));
  $("transfers").replaceChildren(...transfers.map((line) => make("tr", {},
    make("td", {}, `${formats.day.format(Date.parse(line.at)).replace(/ \d{4}$/, "")} ${formats.time.format(Date.parse(line.at))}`),
    make("td", {}, line.kind), make("td", {}, line.debit), make("td", {}, line.credit), make("td", { className: "num" }, line.amount))));
}

function account(group, zeros) {
  const lines = group.accounts.filter((line) => zeros || !line.zero);
  const rows = lines.map((line) => make("tr", {}, make("th", { scope: "row" }, line.label),
    make("td", { className: line.side }, line.side === "asset" ? "held" : "owed"), make("td", { className: "num" }, line.balance)));
  const head = make("header", {}, make("h3", {}, group.title), make("p", {}, group.note));
  const body = rows.length ? make("table", {}, make("tbody", {}, ...rows)) : make("p", { className: "none" }, "Everything is at zero.");
  return make("article", {}, head, body);
}

// --- start ---------------------------------------------------------------------------------------------------------

function five() {
  FIVE.forEach((info) => addPhone(info));
  phones.get("whatsapp:+18765550101").el.querySelector("textarea").focus();
}

async function hire() {
  try {
    await call("/sim/staff", CLERK);
    addPhone(CLERK, true);
    say("Miss Clerk is staff: QUEUE shows what waits for her.");
  } catch (error) { say(error.message, true); }
}

$("staff").addEventListener("click", hire);
$("five").addEventListener("click", five);
$("five-too").addEventListener("click", five);
$("add-open").addEventListener("click", () => {
  $("add").hidden = !$("add").hidden;
  $("add-open").setAttribute("aria-expanded", String(!$("add").hidden));
  if (!$("add").hidden) $("add").elements.channel.focus();
});
$("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { channel, address, name } = Object.fromEntries(new FormData($("add")));
  try {
    const known = await call(`/sim/address?${new URLSearchParams({ channel, address })}`);
    addPhone({ channel, address: known.address, name: name.trim() }, true);
    $("add").reset();
    say("");
  } catch (error) { say(error.message, true); }
});
$("zeros").addEventListener("change", look);
document.querySelectorAll("[data-move]").forEach((button) => button.addEventListener("click", () => move(button)));
setInterval(tick, 5000);

settle();
recall("phones", []).forEach((info) => addPhone(info));
saved();
look();
listen();
