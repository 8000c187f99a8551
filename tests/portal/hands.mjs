// Somebody who has a keyboard and nothing else. At each stop the focus must be seen: outlined, against what is behind
// it, on the screen, under nothing.

import assert from "node:assert/strict";

/** Most stops of one page; more is a trap. */
const MOST_STOPS = 250;

/** Most frames until the focus has to be seen. */
const MOST_FRAMES = 60;

/** Least contrast of the outline with what is behind it. Source: WCAG 2.2, 1.4.11. */
const LEAST_CONTRAST = 3;

/** Runs in the page: where the focus is, and what is wrong with how it is seen. `null` when nothing has it. */
function look(leastContrast) {
  const it = document.activeElement;
  if (!it || it === document.body || it === document.documentElement) return null;
  const faults = [];
  const numbers = (color) => {
    const found = (color.match(/[\d.]+/g) ?? []).map(Number);
    const scale = color.startsWith("color(") ? 255 : 1;
    return [...found.slice(0, 3).map((part) => part * scale), found[3] ?? 1];
  };
  const luminance = ([red, green, blue]) => {
    const part = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  };
  const contrast = (one, other) => {
    const [more, less] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (more + 0.05) / (less + 0.05);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = numbers(getComputedStyle(at).backgroundColor);
      if (color[3] > 0.9) return color;
    }
    return [255, 255, 255, 1];
  };
  const style = getComputedStyle(it);
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) faults.push("it has no outline");
  else {
    const around = parseFloat(style.outlineOffset) < 0 ? it : it.parentElement;
    const reached = contrast(numbers(style.outlineColor), behind(around));
    if (reached < leastContrast) faults.push(`its outline has a contrast of ${reached.toFixed(2)}`);
  }
  const rect = [...it.getClientRects()].find((part) => part.width > 0 && part.height > 0);
  const label = it.labels?.[0]?.innerText ?? it.getAttribute("aria-label") ?? it.innerText ?? "";
  if (!rect) faults.push("it has no size");
  else {
    const [left, right] = [Math.max(rect.left, 0), Math.min(rect.right, innerWidth)];
    const [top, bottom] = [Math.max(rect.top, 0), Math.min(rect.bottom, innerHeight)];
    if (right - left < Math.min(rect.width, 20) || bottom - top < Math.min(rect.height, 12)) faults.push("it is off the screen");
    else {
      const over = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
      const isSeen = over && (it.contains(over) || over.contains(it) || it.labels?.[0]?.contains(over));
      if (!isSeen) faults.push(`it is under ${over?.outerHTML.slice(0, 80)}`);
    }
  }
  if (!label.trim() && !it.title) faults.push("it has no name");
  const key = `${it.tagName}#${it.id} ${label.trim().slice(0, 60)}`;
  return { key, faults };
}

/** Runs in the page: everything that Tab has to come to, each marked with a number. One radio stands for its group. */
function stops() {
  const all = document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]");
  const groups = new Set();
  const found = [...all].filter((it) => {
    if (it.matches(":disabled, [type=hidden], [tabindex='-1']") || !it.checkVisibility({ visibilityProperty: true })) return false;
    if (it.type !== "radio") return true;
    const group = `${[...document.forms].indexOf(it.form)} ${it.name}`;
    return groups.has(group) ? false : groups.add(group);
  });
  return found.map((it, place) => {
    it.dataset.stop = place;
    if (it.type === "radio") for (const other of it.form.elements[it.name]) other.dataset.stop = place;
    return it.outerHTML.slice(0, 120);
  });
}

export class Hands {
  constructor(page) {
    this.page = page;
  }

  /** Presses these keys one after the other. */
  async press(...keys) {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  type(text) {
    return this.page.keyboard.type(text);
  }

  /** The focus must be seen; where it is. */
  async see() {
    let seen = await this.page.evaluate(look, LEAST_CONTRAST);
    // A browser scrolls to the focus with one of the next frames.
    for (let frame = 0; seen?.faults.length > 0 && frame < MOST_FRAMES; frame += 1) {
      await this.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
      seen = await this.page.evaluate(look, LEAST_CONTRAST);
    }
    assert.deepEqual(seen?.faults ?? [], [], `${this.page.url()}: the focus on ${seen?.key}`);
    return seen?.key ?? null;
  }

  /** Whether this one has the focus. */
  async has(locator) {
    return locator.first().evaluate((it) => it === document.activeElement);
  }

  /** This one must have the focus, seen. */
  async demand(locator, what) {
    assert.ok(await this.has(locator), `${what}; the focus is on ${await this.see()}`);
    await this.see();
  }

  /** Presses Tab until this one has the focus. */
  async to(locator, key = "Tab") {
    await locator.first().waitFor();
    for (let stop = 0; stop < MOST_STOPS; stop += 1) {
      await this.press(key);
      await this.see();
      if (await this.has(locator)) return;
    }
    throw new Error(`${this.page.url()}: ${locator} cannot be reached by ${key}`);
  }

  /** Goes to this one and presses Enter. */
  async enter(locator) {
    await this.to(locator);
    await this.press("Enter");
  }

  /** Goes to this field and types. */
  async fill(locator, text) {
    await this.to(locator);
    await this.press("Control+A");
    await this.type(text);
  }

  /** Goes to this list and types the beginning of a choice. */
  async choose(locator, text) {
    await this.to(locator);
    await this.type(text);
    const chosen = await locator.first().evaluate((it) => it.selectedOptions[0].label);
    assert.ok(chosen.startsWith(text), `${chosen} instead of ${text}`);
  }

  /** Goes to this opener and opens its dialog, into which the focus goes. */
  async open(opener, dialog) {
    await this.enter(opener);
    await dialog.waitFor();
    // It goes there when the browser has told that the dialog is open.
    await dialog.locator(":focus").waitFor();
    await this.within(dialog, "the focus goes into the dialog");
  }

  /** The focus must be within this one. */
  async within(dialog, what) {
    const inside = await dialog.evaluate((it) => it.contains(document.activeElement));
    assert.ok(inside, `${this.page.url()}: ${what}; it is on ${await this.see()}`);
    await this.see();
  }

  /** Opens a dialog, walks around in it, closes it with Escape: the focus is back on its opener. Opens it again. */
  async lookInto(opener, dialog) {
    await this.open(opener, dialog);
    for (const key of ["Tab", "Shift+Tab"]) {
      for (let stop = 0; stop < 8; stop += 1) {
        await this.press(key);
        await this.within(dialog, `${key} stays in the dialog`);
      }
    }
    await this.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    await this.demand(opener, "Escape brings the focus back to the opener");
    await this.press("Enter");
    await dialog.waitFor();
    const keep = dialog.getByRole("button", { name: /^(Keep|Cancel)/ });
    if (!(await this.has(keep))) await this.to(keep);
    await this.press("Enter");
    await dialog.waitFor({ state: "hidden" });
    await this.demand(opener, "the dialog's own way out brings the focus back as well");
    await this.press("Enter");
    await dialog.waitFor();
  }

  /** The first stop is the way past the navigation, and leads into the page. */
  async skip() {
    const skip = this.page.getByRole("link", { name: "Skip to the page" });
    if (!(await this.has(skip))) await this.press("Tab");
    await this.demand(skip, "the first stop skips the navigation");
    await this.press("Enter");
    await this.press("Tab");
    const inside = await this.page.evaluate(() => {
      const main = document.querySelector("main");
      return main.contains(document.activeElement) || !main.querySelector("a[href], button, input, select");
    });
    assert.ok(inside, `${this.page.url()}: the skip link leads into the page`);
  }

  /** From the top of a page Tab comes to everything once, in the page's order, and leaves at the end. */
  async walk() {
    const expected = await this.page.evaluate(stops);
    // A page may begin with the focus at a wrong field; back to its top.
    for (let stop = 0; stop < MOST_STOPS && (await this.see()) !== null; stop += 1) await this.press("Shift+Tab");
    const reached = [];
    for (let stop = 0; stop < MOST_STOPS; stop += 1) {
      await this.press("Tab");
      const key = await this.see();
      const place = await this.page.evaluate(() => document.activeElement?.dataset?.stop);
      // After the last one the focus leaves the page and comes in again at the first.
      if (key === null || (place === "0" && reached.length > 0)) break;
      assert.ok(place !== undefined, `${this.page.url()}: ${key} is no stop that was expected`);
      // Parts of a date are several stops of one control.
      if (reached.at(-1) !== Number(place)) reached.push(Number(place));
    }
    const missed = expected.filter((_, place) => !reached.includes(place));
    assert.deepEqual(missed, [], `${this.page.url()}: Tab does not come to these`);
    assert.deepEqual(reached, [...reached].sort((a, b) => a - b), `${this.page.url()}: the order of the page`);
    return reached.length;
  }
}
