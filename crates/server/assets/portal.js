// What makes pages live beside htmx: times in the reader's zone, copying, and where the focus is: at what is wrong, in a
// question while it is open, and where it was when a part is read again.
// Pages are whole without it.
"use strict";

const sameDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const otherDay = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
const dayOnly = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });

function localTimes(root) {
  const today = new Date().toDateString();
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.dataset.local = "";
    time.title = time.dateTime;
    const form = time.hasAttribute("data-day") ? dayOnly
      : moment.toDateString() === today ? sameDay : otherDay;
    time.textContent = form.format(moment);
  }
}

function copyButtons(root) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("button[data-copy][hidden]")) button.hidden = false;
}

function alive(root) {
  localTimes(root);
  copyButtons(root);
}

document.addEventListener("DOMContentLoaded", () => {
  alive(document);
  document.querySelector("[aria-invalid='true']")?.focus();
  for (const here of document.querySelectorAll("nav a[aria-current], .tabs a[aria-current]")) {
    const line = here.closest("ul, .tabs");
    line.scrollLeft += here.getBoundingClientRect().right - line.getBoundingClientRect().right + here.offsetWidth;
  }
});
document.addEventListener("htmx:afterSettle", (event) => alive(event.target.parentElement ?? document));

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(source);
  }
});

// A part that somebody works in is not replaced under their hands.
document.addEventListener("htmx:beforeSwap", (event) => {
  const part = event.target.closest("[data-live]");
  if (part && (part.querySelector(":popover-open") || part.contains(document.activeElement))) {
    event.detail.shouldSwap = false;
  }
});

// Where links stand in one line that scrolls, browsers leave one that is half seen as it is.
document.addEventListener("focusin", (event) => {
  if (event.target.matches("nav a, .tabs a")) event.target.scrollIntoView({ block: "nearest", inline: "nearest" });
});

// A question takes the focus when it opens and keeps it; the browser gives it back to the opener.
const CONTROLS = "a[href], button:not(:disabled), select, textarea, input:not([type='hidden'], [type='radio']:not(:checked))";

document.addEventListener("toggle", (event) => {
  if (event.newState === "open" && event.target.matches("[popover]")) event.target.querySelector(CONTROLS)?.focus();
}, true);

document.addEventListener("keydown", (event) => {
  const question = event.key === "Tab" ? document.querySelector(":popover-open") : null;
  if (!question) return;
  const all = [...question.querySelectorAll(CONTROLS)];
  const [first, last] = event.shiftKey ? [all.at(-1), all[0]] : [all[0], all.at(-1)];
  if (question.contains(document.activeElement) && document.activeElement !== last) return;
  event.preventDefault();
  first?.focus();
});
