// Every page, also the empty ones, the wrong forms and what is not there: nothing serious found by axe in either theme,
// nothing wider than the screen, no control too small for a finger; and so is each question that a page may ask.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { House, axeSource } from "./house.mjs";

/** Least width and height of a control, in pixels. Source: WCAG 2.2, 2.5.8. */
const LEAST_SIZE = 24;

let house;
let scene;

before(async () => {
  house = await House.start(process.argv[2]);
  scene = await house.scene("Northwall Facility Services");
});
after(async () => {
  await house?.end();
});

/** Runs in the page: controls that are too small. A link within a text has the height of its line. */
function tooSmall(least) {
  const targets = [...document.querySelectorAll("button, .button, select, input:not([type=hidden]), textarea, summary, nav a, .tabs a")];
  return targets
    .filter((it) => it.checkVisibility() && !it.matches(".hidden"))
    .map((it) => [it, (it.matches("[type=checkbox], [type=radio]") ? it.labels[0] : it).getBoundingClientRect()])
    .filter(([, { width, height }]) => width < least || height < least)
    .map(([it, { width, height }]) => `${it.outerHTML.slice(0, 100)}: ${width} x ${height}`);
}

/** What is asked of each page. */
async function demandGood(page, what, withAxe = true) {
  const measured = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  let wider = await measured();
  // A part that has just been put in may be laid out a moment later.
  for (let looks = 0; wider > 0 && looks < 100; looks += 1) {
    await page.waitForTimeout(50);
    wider = await measured();
  }
  assert.ok(wider <= 0, `${what} is ${wider} px wider than the screen`);
  assert.deepEqual(await page.evaluate(tooSmall, LEAST_SIZE), [], what);
  if (!withAxe) return;
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axeSource);
  const options = { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } };
  const { violations } = await page.evaluate((chosen) => globalThis.axe.run(document, chosen), options);
  const serious = violations.filter((it) => ["serious", "critical"].includes(it.impact));
  const said = serious.map((it) => `${it.id}: ${it.nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n  ")}`);
  assert.deepEqual(said, [], what);
}

/** Opens each question of the page, one of each kind. */
async function openQuestions(page, what, withAxe) {
  const openers = await page.locator("[popovertarget]:not([popovertargetaction])").all();
  const kinds = new Set();
  for (const opener of openers) {
    // `discard-0189…` and its sisters ask the same.
    const kind = (await opener.getAttribute("popovertarget")).split("-").slice(0, 2).join("-").replace(/[0-9a-f]{8,}|\d+/, "");
    if (kinds.has(kind)) continue;
    kinds.add(kind);
    await opener.click();
    await page.getByRole("dialog").waitFor();
    await demandGood(page, `${what}, with ${kind} open`, withAxe);
    await page.evaluate(() => document.querySelector(":popover-open").hidePopover());
  }
  return kinds.size;
}

/** Parts that read themselves again stay as they are while a page is looked at. */
async function still(page) {
  const isPart = (url) => /\/(log\/rows|queue\/rows|queue\/jobs)$/.test(url.pathname);
  await page.route(isPart, (route) => (route.request().method() === "GET" ? route.fulfill({ status: 204 }) : route.fallback()));
}

for (const [colorScheme, width, withAxe] of [
  ["light", 1280, true],
  ["dark", 375, true],
  ["light", 375, false],
  ["dark", 1280, false],
]) {
  test(`every page is good, ${colorScheme}, ${width} px`, async () => {
    const options = { colorScheme, viewport: { width, height: 900 } };
    const out = await house.window(options);
    for (const place of scene.outside) {
      await out.goto(place);
      await demandGood(out, place, withAxe);
    }
    let questions = 0;
    const page = await house.operator(options);
    await still(page);
    for (const [name, place, heading] of scene.pages) {
      await page.goto(place);
      const top = await page.getByRole("heading", { level: 1 }).innerText();
      assert.ok(top.includes(heading), `${name} is headed ${top}`);
      if (name === "health") await page.getByRole("img").nth(3).waitFor();
      for (const summary of await page.locator("main summary").all()) await summary.click();
      await demandGood(page, name, withAxe);
      questions += await openQuestions(page, name, withAxe);
    }
    assert.ok(questions >= 12, `${questions} questions`);
    await page.goto(`${scene.company.portal}/emulator`);
    await page.getByLabel("Endpoint").selectOption({ label: scene.endpoints.good.Url });
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("heading", { name: "Answer" }).waitFor();
    await demandGood(page, "emulator, with its answer", withAxe);
    const reader = await house.signedIn(await house.anew(scene.company, scene.company.reader), options);
    await still(reader);
    for (const [name, place] of scene.ofCompany.slice(0, 14)) {
      await reader.goto(place);
      await demandGood(reader, `${name}, for a Reader`, withAxe);
    }
    for (const window of [out, page, reader]) await window.context().close();
  });

  test(`every form that is wrong is good, ${colorScheme}, ${width} px`, async () => {
    const options = { colorScheme, viewport: { width, height: 900 } };
    const out = await house.window(options);
    const said = async (page, what) => {
      await page.getByRole("alert").first().waitFor();
      await demandGood(page, `${what}, wrong`, withAxe);
    };
    await out.goto("/portal/sign-in");
    await out.getByLabel("Email").fill(`nobody-${colorScheme}-${width}@example.com`);
    await out.getByLabel("Password").fill("wrong");
    await out.getByRole("button", { name: "Sign in", exact: true }).click();
    await said(out, "sign-in");
    await out.getByText("Operator: use the platform key").click();
    await out.getByLabel("Platform key").fill("wrong");
    await out.getByRole("button", { name: "Sign in with the key" }).click();
    await said(out, "platform key");
    const { Link } = await house.anew(scene.company, scene.company.admin);
    await out.goto(Link);
    await out.getByLabel("New password").evaluate((it) => it.removeAttribute("minlength"));
    await out.getByLabel("New password").fill("short");
    await out.getByRole("button", { name: "Set the password and sign in" }).click();
    await said(out, "link");

    const page = await house.operator(options);
    await page.getByLabel("Name").fill("Twice");
    await page.getByLabel("CompanyId").fill(scene.company.id);
    await page.getByRole("button", { name: "Create" }).click();
    await said(page, "companies");
    await page.goto(`${scene.company.portal}/configuration`);
    await page.getByLabel("BranchId").fill(String(scene.company.branch));
    await page.getByLabel("Name", { exact: true }).fill("Twice");
    await page.getByRole("button", { name: "Create a branch" }).click();
    await said(page, "branches");
    await page.goto(`${scene.company.portal}/configuration/endpoints/new`);
    await page.getByLabel("URL", { exact: true }).fill("ftp://example.com");
    await page.getByText("More: headers, retries, limits").click();
    await page.getByLabel("Custom headers").fill("no header");
    for (const label of ["Waits between attempts", "Longest attempt", "Hold a work order for", "Most attempts"]) await page.getByLabel(label).fill("x");
    await page.getByRole("button", { name: "Add the endpoint" }).click();
    await said(page, "new endpoint");
    await page.goto(`${scene.company.portal}/people`);
    await page.getByLabel("Email").fill(scene.company.reader.Email);
    await page.getByRole("button", { name: "Make a one-time link" }).click();
    await said(page, "people");
    for (const part of ["log?Find=nonsense", "queue?Find=nonsense"]) {
      await page.goto(`${scene.company.portal}/${part}`);
      await said(page, part);
    }
    for (const window of [out, page]) await window.context().close();
  });
}
