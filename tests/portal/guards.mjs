// What nobody may do: a Reader change anything, an Admin what is the operator's, a company see another, a foreign site
// send our forms, a text of somebody else become markup, a page run what is inline. Each over every page there is.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, test } from "node:test";

import { House, PASSWORD } from "./house.mjs";
import { table } from "./scene.mjs";

let house;
let scene;
before(async () => {
  house = await House.start(process.argv[2]);
  scene = await house.scene("Guarded");
});
after(async () => {
  await house?.end();
});

const OURS = { "sec-fetch-site": "same-origin" };

/** A request as it is, without what a browser adds to it. */
function send(base, method, path, headers = {}, form = {}) {
  const body = new URLSearchParams(form).toString();
  const own = method === "GET" ? {} : { "content-type": "application/x-www-form-urlencoded", "content-length": Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const request = http.request(base + path, { method, headers: { ...own, ...headers } }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    request.on("error", reject);
    request.end(method === "GET" ? undefined : body);
  });
}

/** The session of somebody who sets their password with the link. */
async function session(base, person) {
  const { pathname } = new URL(person.Link);
  const answer = await send(base, "POST", pathname, OURS, { Password: PASSWORD });
  assert.equal(answer.status, 303, answer.text);
  return { cookie: answer.headers["set-cookie"][0].split(";")[0] };
}

/** Something that would change much, wherever it is sent. */
const MISCHIEF = {
  Name: "Mischief", CompanyId: "mischief", BranchId: "990", Email: "mischief@example.com", Role: "Admin", Kind: "Discard",
  Url: "https://example.com/mischief", WhichActions: "all", WhichBranches: "all", Action: "Accepted", Now: "true", Undelivered: "Discard",
};

/** Ids of things that are there, by the names that paths have for them. */
async function ids() {
  const { company, endpoints } = scene;
  const first = async (route) => (await house.api("GET", route)).Items[0];
  const of = `/v1/companies/${company.id}`;
  return {
    CompanyId: company.id,
    EndpointId: endpoints.good.EndpointId,
    ClientId: (await first(`${of}/clients`)).ClientId,
    BranchId: company.branch + 1,
    PersonId: company.reader.PersonId,
    DeliveryId: (await first(`/v1/deliveries?CompanyId=${company.id}&EndpointId=${endpoints.bad.EndpointId}`)).DeliveryId,
    JobId: (await first(`/v1/jobs?CompanyId=${company.id}`)).JobId,
    LogId: (await first(`/v1/log?CompanyId=${company.id}`)).LogId,
    WorkOrderId: (await first(`/v1/work-orders?CompanyId=${company.id}`)).WorkOrderId,
  };
}

const filled = (path, names) =>
  path.replace(/\{(\w+)\}/g, (_, name) => {
    assert.ok(name in names, `${path}: there is no ${name}`);
    return names[name];
  });

/** All that was changed by hand in a company so far. */
const changes = async (company) => JSON.stringify((await house.api("GET", `/v1/audit?CompanyId=${company}&Limit=500`)).Items.map((it) => it.AuditId ?? it));

const DOORS = /^\/portal\/(sign-in|sign-out|link)/;

test("a Reader can change nothing, and nobody but the operator what is the operator's", async () => {
  const names = await ids();
  const reader = { ...OURS, ...(await session(house.base, scene.company.reader)) };
  const admin = { ...OURS, ...(await session(house.base, scene.company.admin)) };
  const before = await changes(scene.company.id);
  const posts = table().filter(({ method, path }) => method === "Post" && !DOORS.test(path));
  assert.ok(posts.length >= 18, `${posts.length}`);
  for (const { path } of posts) {
    const answer = await send(house.base, "POST", filled(path, names), reader, MISCHIEF);
    assert.equal(answer.status, 403, `${path}: ${answer.text}`);
  }
  const ofOperator = table().filter(({ path }) => /^\/portal\/(companies|keys)$|\/branches/.test(path));
  assert.ok(ofOperator.length >= 6);
  for (const { method, path } of ofOperator) {
    for (const who of [reader, admin]) {
      const answer = await send(house.base, method.toUpperCase(), filled(path, names), who, MISCHIEF);
      assert.equal(answer.status, 403, path);
      assert.ok(!answer.text.includes(scene.empty.name), path);
    }
  }
  // The audit of their own company is theirs to read, of another it is not.
  for (const who of [reader, admin]) {
    for (const query of ["", `?CompanyId=${scene.company.id}`, `?CompanyId=${scene.empty.id}`, `?Subject=${scene.empty.id}`]) {
      const { text } = await send(house.base, "GET", `/portal/audit${query}`, who);
      const rows = text.slice(text.indexOf("</form>", text.indexOf('role="search"')));
      assert.ok(!rows.includes(scene.empty.id) && !rows.includes(scene.empty.name), `${query}: ${rows}`);
    }
  }
  assert.equal(await changes(scene.company.id), before, "nothing was changed");
  assert.deepEqual((await house.api("GET", "/v1/companies?Limit=500")).Items.filter((it) => it.CompanyId === "mischief"), []);
});

test("an Admin may do all that is the company's", async () => {
  const names = await ids();
  const admin = { ...OURS, ...(await session(house.base, await house.anew(scene.company, scene.company.admin))) };
  const pause = filled("/portal/companies/{CompanyId}/configuration/endpoints/{EndpointId}/pause", names);
  assert.equal((await send(house.base, "POST", pause, admin)).status, 303);
  assert.equal((await send(house.base, "POST", pause.replace("pause", "resume"), admin)).status, 303);
});

test("another company's pages are as if they did not exist, for reading and for writing", async () => {
  const names = await ids();
  const stranger = { ...OURS, ...(await session(house.base, scene.empty.admin)) };
  const before = await changes(scene.company.id);
  const pages = table().filter(({ path }) => path.includes("{CompanyId}"));
  assert.ok(pages.length >= 30, `${pages.length}`);
  for (const { method, path } of pages) {
    const ask = (of) => send(house.base, method.toUpperCase(), filled(path, { ...names, CompanyId: of }), stranger, MISCHIEF);
    const [theirs, nobodys] = [await ask(scene.company.id), await ask("nobody")];
    assert.equal(theirs.status, path.includes("/branches") ? 403 : 404, path);
    assert.equal(theirs.status, nobodys.status, path);
    assert.equal(theirs.text.replaceAll(scene.company.id, "nobody"), nobodys.text, path);
  }
  // Nor by the address of one's own company with another's ids.
  for (const { method, path } of pages.filter(({ path }) => path.match(/\{/g).length > 1 && !path.includes("/branches"))) {
    const answer = await send(house.base, method.toUpperCase(), filled(path, { ...names, CompanyId: scene.empty.id }), stranger, MISCHIEF);
    assert.equal(answer.status, 404, `${method} ${path}`);
  }
  assert.equal(await changes(scene.company.id), before, "nothing was changed");
});

test("a form that does not come from our pages is refused everywhere, and changes nothing", async () => {
  const names = { ...(await ids()), Secret: "x" };
  const operator = await send(house.base, "POST", "/portal/sign-in", OURS, { PlatformKey: house.key });
  const cookie = operator.headers["set-cookie"][0].split(";")[0];
  const refused = {
    "from another site": { "sec-fetch-site": "cross-site" },
    "from another site, with our Origin": { "sec-fetch-site": "cross-site", origin: house.base },
    "from a subdomain or another port": { "sec-fetch-site": "same-site" },
    "typed or from a bookmark": { "sec-fetch-site": "none" },
    "with a foreign Origin": { origin: "https://example.com" },
    "with no Origin of its own": { origin: "null" },
    "with neither": {},
  };
  const before = await changes(scene.company.id);
  const posts = table().filter(({ method }) => method === "Post");
  for (const [how, headers] of Object.entries(refused)) {
    for (const { path } of posts) {
      const answer = await send(house.base, "POST", filled(path, names), { cookie, ...headers }, { ...MISCHIEF, PlatformKey: house.key });
      assert.equal(answer.status, 403, `${path} ${how}`);
      assert.equal(answer.headers["set-cookie"], undefined, `${path} ${how}`);
    }
    const write = await send(house.base, "POST", `/v1/companies/${scene.company.id}/endpoints/${names.EndpointId}/pause`, { cookie, ...headers });
    assert.equal(write.status, 403, `/v1 ${how}`);
  }
  assert.equal(await changes(scene.company.id), before, "nothing was changed");
  // The same from our own pages, as a browser of today and one of yesterday say it.
  for (const headers of [OURS, { origin: house.base }]) {
    const resume = filled("/portal/companies/{CompanyId}/configuration/endpoints/{EndpointId}/resume", names);
    assert.equal((await send(house.base, "POST", resume, { cookie, ...headers })).status, 303);
  }
});

test("the cookie is Secure where people come by https, and only there", async () => {
  /** The flags of the cookies that a service with these settings sets when somebody comes and goes. */
  const flags = async (environment, headers = {}) => {
    const other = await House.start(process.argv[2], { environment, browser: false });
    try {
      const come = await send(other.base, "POST", "/portal/sign-in", { ...OURS, ...headers }, { PlatformKey: other.key });
      const [set] = come.headers["set-cookie"];
      const go = await send(other.base, "POST", "/portal/sign-out", { ...OURS, ...headers, cookie: set.split(";")[0] });
      return [set, go.headers["set-cookie"][0]];
    } finally {
      await other.end();
    }
  };
  const https = { "x-forwarded-proto": "https", "x-forwarded-for": "192.0.2.7" };
  const proxy = { WORKBELL_PROXY__TRUSTED: "127.0.0.0/8" };
  for (const [what, secure, environment, headers] of [
    ["nothing but loopback", false, {}, {}],
    ["public_url is https", true, { WORKBELL_PUBLIC_URL: "https://bell.example" }, {}],
    ["a trusted proxy says https", true, proxy, https],
    ["a trusted proxy says https by the standard's header", true, proxy, { forwarded: "for=192.0.2.7;proto=https" }],
    ["a trusted proxy says http", false, proxy, { ...https, "x-forwarded-proto": "http" }],
    ["anybody says https", false, {}, https],
  ]) {
    for (const cookie of await flags(environment, headers)) {
      assert.match(cookie, /; HttpOnly; SameSite=Lax/, what);
      assert.equal(/; Secure(;|$)/.test(cookie), secure, `${what}: ${cookie}`);
    }
  }
});

test("texts of others are shown as texts on every page", async () => {
  const evil = (name) => `<img src=x onerror="globalThis.owned='${name}'"><script>globalThis.owned='${name}'</script>${name}`;
  const hidden = "\u001b[31m\u202eleft\u0007\u200b";
  const company = await house.company(evil("company").slice(0, 190));
  await house.api("POST", `/v1/companies/${company.id}/branches`, { BranchId: company.branch + 2, Name: evil("branch").slice(0, 190) });
  await house.api("POST", `/v1/companies/${company.id}/clients`, { Name: evil("client").slice(0, 190) });
  const place = "/evil'%3Cscript%3E";
  house.answers(place, 500, "text/html", evil("answer") + hidden, { "X-Evil": "<script>globalThis.owned='header'</script>" });
  await house.endpoint(company, place, { Headers: { "X-Own": "<b>own</b>" } });
  const sender = { Name: evil("sender").slice(0, 60), Phone: "+12025550141", Type: "CorrigoPro" };
  const header = { WorkOrderId: company.order, BranchId: company.branch, Action: "Accepted", Sender: sender };
  await house.api("POST", "/v1/notifications", { Header: header, Status: "Accepted", Comment: evil("comment") });
  const order = await house.workOrder(company);
  await house.api("POST", `/v1/work-orders/${order.WorkOrderId}/actions`, { Sender: sender, Action: "MessageSent", Message: evil("message") }).catch(() => {});
  const record = await house.until("an attempt", async () => (await house.api("GET", `/v1/log?CompanyId=${company.id}&Status=500`)).Items[0]);
  const page = await house.operator();
  const demandText = async (where) => {
    assert.equal(await page.evaluate(() => globalThis.owned), undefined, where);
    assert.equal(await page.locator("img[src=x], main script, main b").count(), 0, where);
    const text = await page.evaluate(() => document.documentElement.innerText);
    assert.ok(!/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]/.test(text), where);
    return text;
  };
  for (const part of [
    "configuration", "configuration/endpoints/new", "emulator", "work-orders", `work-orders/${order.WorkOrderId}`, "log", "log?Live=on",
    `log/records/${record.LogId}`, "queue", "health", "people", `log?Find=${encodeURIComponent(evil("search"))}`,
  ]) {
    await page.goto(`${company.portal}/${part}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    assert.ok((await demandText(part)).includes("<img src=x"), `${part} names the company as it is`);
  }
  await page.goto(`${company.portal}/log/records/${record.LogId}`);
  const text = await demandText("record");
  for (const shown of ["<script>globalThis.owned='answer'</script>", "<script>globalThis.owned='header'</script>"]) assert.ok(text.includes(shown), shown);
  await page.goto(`${company.portal}/emulator`);
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("heading", { name: "Answer" }).waitFor();
  assert.ok((await demandText("emulator")).includes("<script>globalThis.owned='answer'</script>"));
  for (const place of ["/portal/companies", "/portal/audit", `/portal/audit?Subject=${encodeURIComponent(evil("subject"))}`]) {
    await page.goto(place);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await demandText(place);
  }
});

test("no answer has anything inline, no page breaks its policy, and every page of the table was seen", async () => {
  const inline = (html) => {
    const tags = html.match(/<[a-z](?:"[^"]*"|'[^']*'|[^'">])*>/gi) ?? [];
    return tags.filter((tag) => {
      const bare = tag.replace(/"[^"]*"|'[^']*'/g, "");
      return /^<style\b/i.test(tag) || /\s(style|on[a-z]+)\s*=/i.test(bare) || (/^<script\b/i.test(tag) && !/\ssrc=/i.test(bare)) || /=["']?\s*javascript:/i.test(tag);
    });
  };
  assert.equal(inline('<p style="x"><i onclick="y"><script><style><a href="javascript:1"><p title=" style=">').length, 5);
  const page = await house.window();
  const asked = new Set();
  await page.addInitScript(() => {
    globalThis.broken = [];
    document.addEventListener("securitypolicyviolation", (event) => globalThis.broken.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  page.on("request", (request) => {
    const { pathname, search } = new URL(request.url());
    if (request.method() === "GET" && pathname.startsWith("/portal") && !pathname.includes("/assets/")) asked.add(pathname + search.replace(/&?Seen=\w+/, ""));
  });
  const demandKept = async (where) => assert.deepEqual(await page.evaluate(() => globalThis.broken), [], where);
  for (const place of scene.outside) {
    await page.goto(place);
    await demandKept(place);
  }
  await page.goto("/portal/sign-in");
  await page.getByText("Operator: use the platform key").click();
  await page.getByLabel("Platform key").fill(house.key);
  await page.getByRole("button", { name: "Sign in with the key" }).click();
  await page.getByRole("heading", { name: "Companies", level: 1 }).waitFor();
  for (const [name, place] of scene.pages) {
    const parts = { health: ["img"], queue: ["/queue/rows", "/queue/jobs"], "usage log, live": ["/log/rows"] }[name] ?? [];
    const waits = parts.filter((it) => it.startsWith("/")).map((it) => page.waitForResponse((response) => response.url().includes(it)));
    await page.goto(place);
    await Promise.all(waits);
    if (parts.includes("img")) await page.getByRole("img").nth(1).waitFor();
    await demandKept(place);
  }
  await page.goto("/portal/");
  const [{ name, value }] = (await page.context().cookies()).filter((it) => it.name === "workbell_session");
  for (const target of asked) {
    const answer = await send(house.base, "GET", target, { cookie: `${name}=${value}` });
    assert.deepEqual(inline(answer.text), [], target);
    const policy = answer.headers["content-security-policy"];
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/, target);
    assert.ok(!policy.includes("unsafe"), target);
  }
  assert.ok(asked.size >= scene.pages.length);
  const unseen = table().filter(({ method, path }) => {
    const pattern = new RegExp(`^${path.replace(/\{\*\w+\}/, ".+").replace(/\{\w+\}/g, "[^/?]+")}(\\?.*)?$`);
    return method === "Get" && ![...asked].some((it) => pattern.test(it));
  });
  assert.deepEqual(unseen, [], "add these to the scene");
  // What watches would have seen it.
  await page.evaluate(() => document.body.setAttribute("style", "color: red"));
  await house.until("a broken policy", () => page.evaluate(() => globalThis.broken.length > 0));
});

test("a page is painted and of use before its charts come", async () => {
  const page = await house.operator();
  let release;
  const held = new Promise((resolve) => (release = resolve));
  let asked = 0;
  await page.route(/\/health\/[0-9a-f-]{36}/, async (route) => {
    asked += 1;
    await held;
    await route.continue();
  });
  await page.goto(`${scene.company.portal}/health`, { waitUntil: "load" });
  await house.until("the charts to be asked for", () => asked >= 2);
  await house.until("the first paint", () => page.evaluate(() => performance.getEntriesByName("first-contentful-paint").length > 0));
  const main = page.getByRole("main");
  assert.equal(await main.getByRole("img").count(), 0, "no chart is there yet");
  await main.getByText("delivered in the last hour").first().waitFor();
  await main.getByText("The charts are on their way.").first().waitFor();
  assert.ok(await main.getByText("failed in the last hour").first().isVisible());
  // It can be used meanwhile: another span, and away.
  await main.getByRole("link", { name: "Day" }).click();
  await main.getByRole("link", { name: "Day", current: true }).waitFor();
  assert.equal(await main.getByRole("img").count(), 0);
  release();
  await main.getByRole("img").nth(3).waitFor();
});
