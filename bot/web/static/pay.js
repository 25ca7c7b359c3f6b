// Copy buttons of the pay page. Without script, or without a clipboard, the lines are there to be read and typed.
"use strict";

const told = document.getElementById("copied");

if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
        told.textContent = `${told.dataset.done} ${button.dataset.copy}`;
      } catch {
        told.textContent = told.dataset.not;
      }
    });
  }
}
