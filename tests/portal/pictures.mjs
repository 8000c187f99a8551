// The pictures of the book, and the walk-through that they belong to: each page that the navigation offers has its
// page in the book with its picture. They are written into the folder of the second argument; the third is the book.
//
// Two pictures of one page differ in times and ids, so they are compared by name and size only; whether the pages
// were changed since the committed ones were taken, `cargo xtask ci` knows from their stamp.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";

import { House } from "./house.mjs";

const [, , binary, folder, book] = process.argv;
const committed = path.join(book, "pictures");

let house;
let company;
let operator;
let admin;
const taken = new Set();

/** Takes a picture of what the window shows. */
async function picture(page, name) {
  await page.evaluate(() => document.fonts.ready);
  const file = path.join(folder, `${name}.png`);
  await page.screenshot({ path: file, animations: "disabled", caret: "hide" });
  taken.add(name);
}

/** Pages of the navigation: label and address. */
async function pagesOf(page) {
  const links = await page.getByRole("navigation", { name: "Pages" }).getByRole("link").all();
  return Promise.all(links.map(async (link) => [(await link.innerText()).trim(), await link.getAttribute("href")]));
}

const slug = (label) => label.toLowerCase().replaceAll(" ", "-");

before(async () => {
  house = await House.start(binary);
  company = await house.company("Northwall Facility Services");
  house.answers("/analytics", 500, "text/html", "<h1>Internal Server Error</h1>");
  await house.api("POST", `/v1/companies/${company.id}/clients`, { Name: "Northwall CMMS" });
  await house.endpoint(company, "/workbell");
  await house.endpoint(company, "/analytics", { Actions: ["Accepted", "CheckedIn"], Headers: { "X-Api-Key": "abc" } });
  for (let number = 0; number < 14; number += 1) await house.publish(company, company.order + (number % 6));
  for (let number = 0; number < 3; number += 1) await house.workOrder(company);
  await house.until("14 deliveries", () => house.requests.filter((it) => it.place === "/workbell").length >= 14);
  operator = await house.operator();
  const door = await house.window();
  await door.goto("/portal/sign-in");
  await picture(door, "sign-in");
  admin = await house.signedIn(company.admin);
});
after(async () => {
  await house?.end();
});

test("each page of the navigation has its page in the book, with its picture", async () => {
  const ofCompany = await pagesOf(admin);
  await operator.goto("/portal/companies");
  const ofOperator = await pagesOf(operator);
  assert.ok(ofCompany.length >= 7 && ofOperator.length >= 3, `${ofCompany} ${ofOperator}`);
  for (const [page, label, target] of [
    ...ofCompany.map((it) => [admin, ...it]),
    ...ofOperator.map((it) => [operator, ...it]),
  ]) {
    await page.goto(target);
    await page.getByRole("heading", { level: 1, name: label, exact: true }).waitFor();
    if (label === "Emulator") {
      await page.getByLabel("Endpoint").selectOption({ label: `${house.receiverUrl}/workbell` });
      await page.getByLabel("Action").selectOption("QuoteChanged");
      await page.getByRole("button", { name: "Send" }).click();
      await page.getByRole("heading", { name: "Answer" }).waitFor();
    }
    if (label === "Usage log") {
      await page.getByRole("link", { name: "Follow live" }).click();
      await page.getByText("Live", { exact: true }).waitFor();
    }
    if (label === "Health") await page.getByRole("img").nth(3).waitFor();
    await picture(page, slug(label));
    const chapter = fs.readFileSync(path.join(book, "portal", `${slug(label)}.md`), "utf8");
    assert.match(chapter, new RegExp(`^# ${label}$`, "m"));
    assert.ok(chapter.includes(`](../pictures/${slug(label)}.png)`), `the page of ${label} shows its picture`);
  }
});

test("one endpoint, one record, one work order", async () => {
  await admin.goto(`${company.portal}/configuration`);
  await admin.getByRole("link", { name: `${house.receiverUrl}/analytics` }).click();
  await admin.getByRole("heading", { level: 1, name: "/analytics" }).waitFor();
  await picture(admin, "endpoint");
  await admin.goto(`${company.portal}/log?Status=500`);
  await admin.getByRole("region", { name: "Records, newest first" }).getByRole("link", { name: "Accepted" }).first().click();
  await admin.getByRole("heading", { name: "Answer" }).waitFor();
  await picture(admin, "record");
  await admin.goto(`${company.portal}/work-orders`);
  await admin.getByRole("region", { name: "Work orders, newest first" }).getByRole("link").first().click();
  await admin.getByRole("heading", { name: "Time line" }).waitFor();
  await picture(admin, "work-order");
});

test("an endpoint is repaired as the walk-through says", async () => {
  const moved = await house.company("Harbor Property Care");
  house.answers("/workbell-v1", 404, "text/plain", "This address is no longer in use. See /workbell-v2.");
  house.answers("/workbell-v2", 200);
  await house.endpoint(moved, "/workbell-v1");
  for (let number = 0; number < 6; number += 1) await house.publish(moved, moved.order + (number % 3));
  const waits = async () => (await house.api("GET", `/v1/companies/${moved.id}/endpoints`)).Items[0];
  const health = async () => house.api("GET", `/v1/companies/${moved.id}/endpoints/${(await waits()).EndpointId}/health`);
  await house.until("three failures", async () => (await health()).Last1h.Failed >= 3);
  const page = await house.signedIn(moved.admin);
  // 1. See it.
  await page.getByRole("cell", { name: "Degraded" }).waitFor();
  await page.getByRole("cell", { name: "6", exact: true }).waitFor();
  await picture(page, "repair-see");
  // 2. See why.
  await page.getByRole("link", { name: "Usage log" }).click();
  await page.getByRole("region", { name: "Records, newest first" }).getByRole("link", { name: "Accepted" }).first().click();
  await page.getByRole("region", { name: "Answer" }).getByText("This address is no longer in use.").waitFor();
  await picture(page, "repair-why");
  // 3. Mend it.
  await page.getByRole("link", { name: "Configuration" }).click();
  await page.getByRole("link", { name: `${house.receiverUrl}/workbell-v1` }).click();
  const url = page.getByLabel("URL", { exact: true });
  await url.fill(`${house.receiverUrl}/workbell-v2`);
  await url.scrollIntoViewIfNeeded();
  await picture(page, "repair-mend");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The change is saved.").waitFor();
  // 4. Watch it.
  await page.getByRole("link", { name: "Queue" }).click();
  const waiting = page.getByRole("region", { name: "Waiting, by endpoint" });
  await waiting.getByRole("cell", { name: "0", exact: true }).waitFor();
  await page.getByRole("cell", { name: "Delivered" }).nth(5).waitFor();
  await picture(page, "repair-watch");
  const arrived = house.requests.filter((it) => it.place === "/workbell-v2").map((it) => JSON.parse(it.body).Header.WorkOrderId);
  assert.equal(arrived.length, 6);
});

/** Width and height of a PNG, from its header. */
function size(file) {
  const header = fs.readFileSync(file).subarray(0, 24);
  assert.equal(header.toString("latin1", 1, 4), "PNG", file);
  return [header.readUInt32BE(16), header.readUInt32BE(20)];
}

test("the book has these pictures, no others, and shows each", () => {
  const names = (at) => fs.readdirSync(at).filter((name) => name.endsWith(".png")).map((name) => name.slice(0, -4)).sort();
  assert.deepEqual(names(committed), [...taken].sort(), "run `cargo xtask pictures`");
  const chapters = fs.readdirSync(book, { recursive: true }).filter((name) => name.endsWith(".md"));
  const text = chapters.map((name) => fs.readFileSync(path.join(book, name), "utf8")).join("\n");
  for (const name of taken) {
    assert.deepEqual(size(path.join(committed, `${name}.png`)), size(path.join(folder, `${name}.png`)), name);
    assert.ok(text.includes(`pictures/${name}.png)`), `${name}.png is shown nowhere in the book`);
  }
});

test("nothing went wrong in the browser meanwhile", () => {
  assert.deepEqual(house.errors, []);
});
