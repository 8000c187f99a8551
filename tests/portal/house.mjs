// One service (the real binary, given as the first argument), one receiver, one browser, for all stories of a file.
// Each story has a company of its own.

import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";

import { scene } from "./scene.mjs";

const packages = createRequire(path.join(process.env.NODE_PATH ?? "", "/"));
const { chromium } = packages("playwright-core");
export const axeSource = fs.readFileSync(packages.resolve("axe-core/axe.min.js"), "utf8");

/** How long anything may take before a story fails, in milliseconds. */
export const PATIENCE = 60_000;

export const PASSWORD = "correct horse battery";

/** Debian's chromium. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.WORKBELL_TEST_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

/** Waits until `look` finds something, and gives it. */
export async function until(what, look) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${PATIENCE} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export class House {
  /** Console errors and page errors of all pages: there must be none that a story does not expect. */
  errors = [];
  requests = [];
  #answers = new Map();
  #companies = 0;
  #orders = 0;

  /** The service may have settings as variables, and do without a browser. */
  static async start(binary, { environment = {}, browser = true } = {}) {
    const house = new House();
    house.binary = binary;
    house.folder = fs.mkdtempSync(path.join(os.tmpdir(), "workbell-portal-"));
    await house.#startReceiver();
    await house.#startService(environment);
    if (browser) house.browser = await launch();
    return house;
  }

  async #startReceiver() {
    this.receiver = http.createServer((request, response) => {
      const chunks = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        const place = new URL(request.url, "http://receiver").pathname;
        this.requests.push({ place, headers: request.headers, body: Buffer.concat(chunks).toString() });
        const [status, type, body, more] = this.#answers.get(place) ?? [200, "application/json", '{"ok":true}', {}];
        response.writeHead(status, { "content-type": type, ...more });
        response.end(body);
      });
    });
    await new Promise((resolve) => this.receiver.listen(0, "127.0.0.1", resolve));
    this.receiverUrl = `http://127.0.0.1:${this.receiver.address().port}`;
  }

  async #startService(settings) {
    const data = path.join(this.folder, "data");
    const environment = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith("WORKBELL_") && name !== "RUST_LOG"),
    );
    const flags = ["serve", "--allow-loopback", "--listen", "127.0.0.1:0", "--data-dir", data];
    this.service = spawn(this.binary, flags, { stdio: ["ignore", "ignore", "pipe"], env: { ...environment, ...settings } });
    const address = await new Promise((resolve, reject) => {
      let said = "";
      this.service.stderr.on("data", (chunk) => {
        said += chunk;
        const found = said.match(/listening address=(\S+)/);
        if (found) resolve(found[1]);
      });
      this.service.on("exit", () => reject(new Error(`the service ended: ${said}`)));
    });
    this.base = `http://${address}`;
    this.key = fs.readFileSync(path.join(data, "platform.key"), "utf8").trim();
  }

  async end() {
    await this.browser?.close();
    this.service?.kill("SIGTERM");
    this.receiver?.close();
    this.receiver?.closeAllConnections();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  /** From now on the receiver answers this at that path. */
  answers(place, status, type = "application/json", body = "{}", headers = {}) {
    this.#answers.set(place, [status, type, body, headers]);
  }

  /** A call of the platform interface that must succeed. */
  async api(method, route, body) {
    const headers = { authorization: `Bearer ${this.key}`, "content-type": "application/json" };
    const response = await fetch(this.base + route, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** A company with two branches, and an Admin and a Reader who have no password yet. */
  async company(name) {
    this.#companies += 1;
    const number = this.#companies;
    const id = `company-${number}`;
    await this.api("POST", "/v1/companies", { CompanyId: id, Name: name });
    const branch = 492_000 + number * 10;
    await this.api("POST", `/v1/companies/${id}/branches`, { BranchId: branch, Name: "Seattle" });
    await this.api("POST", `/v1/companies/${id}/branches`, { BranchId: branch + 1, Name: "Portland" });
    const person = (email, role) =>
      this.api("POST", `/v1/companies/${id}/people`, { Email: `${email}-${number}@example.com`, Role: role });
    const admin = await person("admin", "Admin");
    const reader = await person("reader", "Reader");
    return { id, name, branch, admin, reader, order: 51_000 + number * 100, portal: `/portal/companies/${id}` };
  }

  endpoint(company, place, more = {}) {
    const settings = { Url: this.receiverUrl + place, ...more };
    return this.api("POST", `/v1/companies/${company.id}/endpoints`, settings);
  }

  /** Publishes that a work order was accepted; the answer. */
  publish(company, order, more = {}) {
    const sender = { Name: "Jon Snow", Phone: "+12025550141", Type: "CorrigoPro" };
    const header = { WorkOrderId: order, BranchId: company.branch, Action: "Accepted", Sender: sender };
    return this.api("POST", "/v1/notifications", { Header: header, Status: "Accepted", ...more });
  }

  /** A work order that Workbell holds: created, accepted, checked in. */
  async workOrder(company) {
    const id = 4217 + this.#orders;
    this.#orders += 1;
    const sender = { Name: "Jon Snow", Phone: "+12025550141", Type: "CorrigoPro" };
    const customer = { Name: "Sansa Stark", Type: "Customer" };
    const { Details } = await this.#sample("NewWorkOrder");
    const made = await this.api("POST", "/v1/work-orders", {
      Sender: customer,
      Details: { ...Details, WorkOrderId: id, WorkOrderNumber: `SPR${id}`, BranchId: company.branch, Status: "New" },
    });
    const act = (members) => this.api("POST", `/v1/work-orders/${made.WorkOrderId}/actions`, { Sender: sender, ...members });
    await act({ Action: "Accepted" });
    await act({ Action: "CheckedIn" });
    return made;
  }

  /** The sample of an action, as `workbell emulate` sends it to our receiver. */
  async #sample(action) {
    const place = `/sample-of-${action}`;
    const words = ["emulate", action, "--to", this.receiverUrl + place];
    const environment = { PATH: process.env.PATH, HOME: this.folder };
    const emulator = spawn(this.binary, words, { stdio: "ignore", env: environment });
    await new Promise((resolve) => emulator.on("exit", resolve));
    return JSON.parse(this.requests.findLast((it) => it.place === place).body);
  }

  /** The same person with a new link. */
  anew(company, person) {
    return this.api("POST", `/v1/companies/${company.id}/people/${person.PersonId}/link`);
  }

  /** A company with something on every page, and where all pages are. */
  scene(name) {
    return scene(this, name);
  }

  /** A fresh browser window. */
  async window(options = {}) {
    const context = await this.browser.newContext({
      baseURL: this.base,
      viewport: { width: 1280, height: 900 },
      ...options,
    });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(`${page.url()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.errors.push(`${page.url()}: ${error}`));
    return page;
  }

  /** A window of somebody who sets their password with the link. */
  async signedIn(person, options) {
    const page = await this.window(options);
    await page.goto(person.Link);
    await page.getByLabel("New password").fill(PASSWORD);
    await page.getByRole("button", { name: "Set the password and sign in" }).click();
    await page.getByRole("heading", { name: "Configuration", level: 1 }).waitFor();
    return page;
  }

  /** A window of the operator. */
  async operator(options) {
    const page = await this.window(options);
    await page.goto("/portal");
    await page.getByText("Operator: use the platform key").click();
    await page.getByLabel("Platform key").fill(this.key);
    await page.getByRole("button", { name: "Sign in with the key" }).click();
    await page.getByRole("heading", { name: "Companies", level: 1 }).waitFor();
    return page;
  }

  /** Runs `workbell` with these words. */
  workbell(words, input) {
    return spawnSync(this.binary, words, { input, encoding: "utf8" });
  }

  /** Waits until `look` finds something, and gives it. */
  until(what, look) {
    return until(what, look);
  }
}
