// `workbell demo` prints a link; whoever opens it is in the portal, in the middle of the demo's own story.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";

import { PASSWORD, launch, until } from "./house.mjs";

let folder;
let demo;
let said = "";
let browser;
let link;

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "workbell-portal-demo-"));
  const environment = { PATH: process.env.PATH, HOME: folder, TMPDIR: folder };
  demo = spawn(path.resolve(process.argv[2]), ["demo"], { cwd: folder, env: environment, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [demo.stdout, demo.stderr]) stream.on("data", (chunk) => (said += chunk));
  const found = until("the link", () => said.match(/(http:\/\/127\.0\.0\.1:\d+\/portal\/link\/\S+)\s/));
  const ended = new Promise((_, reject) => demo.on("exit", () => reject(new Error(`the demo ended: ${said}`))));
  ended.catch(() => {});
  link = (await Promise.race([found, ended]))[1];
  browser = await launch();
});
after(async () => {
  await browser?.close();
  demo?.kill("SIGTERM");
  await until("the end of the demo", () => demo.exitCode !== null || demo.signalCode !== null);
  fs.rmSync(folder, { recursive: true, force: true });
});

test("the demo's link signs in, and its work orders, attempts and queue are there", async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const errors = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(link);
  await page.getByText("you@northwall.example").waitFor();
  await page.getByLabel("New password").fill(PASSWORD);
  await page.getByRole("button", { name: "Set the password and sign in" }).click();
  await page.getByRole("heading", { name: "Configuration", level: 1 }).waitFor();
  await page.getByRole("banner").getByText("Northwall").first().waitFor();
  const endpoint = page.getByRole("region", { name: "Event notifications" }).getByRole("link", { name: /\/workbell$/ });
  assert.equal(await endpoint.count(), 1);

  await page.getByRole("link", { name: "Work orders", exact: true }).click();
  const orders = page.getByRole("region", { name: "Work orders, newest first" });
  assert.ok((await orders.getByRole("row").count()) > 4, "the story's work orders");
  await orders.getByRole("link").first().click();
  await page.getByRole("heading", { name: "Time line" }).waitFor();

  await page.getByRole("link", { name: "Usage log", exact: true }).click();
  // One attempt of the story is answered 500 and comes again.
  await page.getByLabel("Status").fill("500");
  await page.getByRole("button", { name: "Search" }).click();
  const records = page.getByRole("region", { name: "Records, newest first" });
  await page.getByRole("link", { name: "Clear" }).waitFor();
  assert.equal(await records.getByRole("row").count(), 2, "the heading and one record");

  await page.getByRole("link", { name: "Queue", exact: true }).click();
  const waiting = page.getByRole("region", { name: "Waiting, by endpoint" });
  await waiting.getByRole("cell", { name: "0", exact: true }).waitFor();

  // It runs on: a sample goes to the demo's own receiver.
  await page.getByRole("link", { name: "Emulator", exact: true }).click();
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("region", { name: "Answer" }).getByText(/^2\d\d$/).waitFor();
  await page.getByRole("link", { name: "Health", exact: true }).click();
  await page.getByRole("img").nth(1).waitFor();
  assert.deepEqual(errors, []);
});
