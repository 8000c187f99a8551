// What makes pages live beside htmx: times in the reader's zone, fields for times in that zone, copying, parts that are
// not replaced while somebody reads or works in them, and where the focus is: at what is wrong, in a question while it
// is open. Pages are whole without it.
"use strict";

const sameDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const otherDay = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});
const dayOnly = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
const whole = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
});
const relative = new Intl.RelativeTimeFormat(undefined, { style: "short", numeric: "always" });

/** Steps of relative times: seconds of one, and below how many seconds it is used. */
const STEPS = [["second", 1, 60], ["minute", 60, 3600], ["hour", 3600, 86_400 * 2], ["day", 86_400, Infinity]];

function fromNow(moment) {
  const seconds = Math.round((moment - Date.now()) / 1000);
  const [unit, length] = STEPS.find(([, , below]) => Math.abs(seconds) < below);
  return relative.format(Math.trunc(seconds / length), unit);
}

function localTimes(root) {
  const today = new Date().toDateString();
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.dataset.local = "";
    time.title = `${whole.format(moment)} = ${time.dateTime}`;
    if (time.hasAttribute("data-ago")) {
      time.textContent = fromNow(moment);
      continue;
    }
    const form = time.hasAttribute("data-day") ? dayOnly
      : moment.toDateString() === today ? sameDay : otherDay;
    time.textContent = form.format(moment);
  }
}

// Times from now go on while the page is open.
setInterval(() => {
  if (document.hidden) return;
  for (const time of document.querySelectorAll("time[data-ago][data-local]")) {
    const said = fromNow(new Date(time.dateTime));
    if (time.textContent !== said) time.textContent = said;
  }
}, 1000);

/** A Date as the value of a field: in the reader's zone, to the minute or the second as it was given. */
function fieldValue(moment, length) {
  const two = (number) => String(number).padStart(2, "0");
  const day = `${String(moment.getFullYear()).padStart(4, "0")}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  const time = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(":");
  return `${day}T${time}`.slice(0, length);
}

function exactTime(field) {
  const moment = new Date(field.value);
  field.title = Number.isNaN(moment.getTime()) ? "" : `${whole.format(moment)} = ${moment.toISOString()}`;
}

// Fields for times are in UTC as the service writes them; here they become times of the reader's zone, and their labels
// say which zone that is.
function timeFields(root) {
  for (const field of root.querySelectorAll("input[data-utc]:not([data-local])")) {
    field.dataset.local = "";
    const moment = new Date(`${field.value}Z`);
    if (field.value && !Number.isNaN(moment.getTime())) field.value = fieldValue(moment, field.value.length);
    const zone = whole.formatToParts(moment.getTime() ? moment : new Date()).find((part) => part.type === "timeZoneName");
    for (const label of field.labels) {
      const place = label.querySelector("[data-zone]");
      if (place && zone) place.textContent = zone.value;
    }
    exactTime(field);
    field.addEventListener("input", () => exactTime(field));
  }
}

// They are sent in UTC.
document.addEventListener("formdata", (event) => {
  for (const field of event.target.querySelectorAll("input[data-utc][data-local]")) {
    const moment = new Date(field.value);
    if (field.name && field.value && !Number.isNaN(moment.getTime())) {
      event.formData.set(field.name, moment.toISOString().slice(0, field.value.length));
    }
  }
});

function copyButtons(root) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("button[data-copy][hidden]")) button.hidden = false;
}

// In a row that is longer than the screen, where we are is seen.
function hereInView(root) {
  for (const here of root.querySelectorAll("nav [aria-current], .tabs [aria-current]")) {
    const row = here.closest("ul, .tabs");
    if (row.scrollWidth > row.clientWidth) {
      row.scrollLeft = here.getBoundingClientRect().left - row.getBoundingClientRect().left + row.scrollLeft - 32;
    }
  }
}

function alive(root) {
  localTimes(root);
  timeFields(root);
  copyButtons(root);
  hereInView(root);
}

document.addEventListener("DOMContentLoaded", () => {
  alive(document);
  document.querySelector("[aria-invalid='true']")?.focus();
  // What comes later is made alive before it is painted.
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) if (node instanceof Element) alive(node.parentElement ?? node);
    }
    holdAnchor();
  }).observe(document.body, { childList: true, subtree: true });
});

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

/** Whether somebody works in a part, or has marked some of it: then it is not replaced under their hands. */
function isInUse(part) {
  if (part.querySelector(":popover-open") || part.contains(document.activeElement)) return true;
  const selection = getSelection();
  return !selection.isCollapsed && part.contains(selection.anchorNode);
}

/** The row at the top of the screen, and how far down it is: it stays there when rows come in above it. */
let anchor = null;

function dropAnchor() {
  anchor = null;
  if (window.scrollY === 0) return;
  for (const row of document.querySelectorAll("[data-live] tr[id]")) {
    const { top } = row.getBoundingClientRect();
    if (top >= 0) {
      anchor = top < window.innerHeight ? { id: row.id, top } : null;
      return;
    }
  }
}

function holdAnchor() {
  const row = anchor && document.getElementById(anchor.id);
  if (row) window.scrollBy({ top: row.getBoundingClientRect().top - anchor.top, behavior: "instant" });
  anchor = null;
}

document.addEventListener("htmx:beforeSwap", (event) => {
  const part = event.target.closest("[data-live]");
  if (!part || !event.detail.shouldSwap) return;
  if (isInUse(part)) event.detail.shouldSwap = false;
  else dropAnchor();
});

// Nothing is asked for a page that nobody sees.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.closest("[data-live]")) event.preventDefault();
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
