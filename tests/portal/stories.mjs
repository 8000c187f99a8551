// What people do in the portal, by role and label, against the real binary.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";

import { House, PASSWORD } from "./house.mjs";

let house;
before(async () => {
  house = await House.start(process.argv[2]);
});
after(async () => {
  await house?.end();
});

/** The number of a row's cell, by the endpoint's name. */
async function waiting(page, name) {
  const row = page.getByRole("region", { name: "Waiting, by endpoint" }).getByRole("row").filter({ hasText: name });
  return Number(await row.getByRole("cell").nth(2).innerText());
}

test("a person signs in by link, out, and in again with the password", async () => {
  const company = await house.company("Northwall");
  const page = await house.signedIn(company.admin);
  const [cookie] = (await page.context().cookies()).filter((it) => it.name === "workbell_session");
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.sameSite, "Lax");
  assert.ok(Math.abs(cookie.expires * 1000 - Date.now() - 12 * 3600_000) < 60_000);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("You are signed out.").waitFor();
  await page.goto(company.admin.Link).catch(() => {});
  await page.getByRole("heading", { name: "This link is no longer valid" }).waitFor();
  await page.goto(`${company.portal}/queue`);
  await page.getByLabel("Email").fill(company.admin.Email);
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("alert").filter({ hasText: "Email or password is not right." }).waitFor();
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  // Back to the page that was asked for.
  await page.getByRole("heading", { name: "Queue", level: 1 }).waitFor();
  house.errors = house.errors.filter((error) => !/40[14]/.test(error));
});

test("wrong passwords lock, and say for how long", async () => {
  const company = await house.company("Locked");
  await (await house.signedIn(company.reader)).context().close();
  const page = await house.window();
  await page.goto("/portal/sign-in");
  for (let tried = 0; tried < 6; tried += 1) {
    await page.getByLabel("Email").fill(company.reader.Email);
    await page.getByLabel("Password").fill("not the password");
    const answered = page.waitForResponse((response) => response.request().method() === "POST");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    const response = await answered;
    assert.equal(response.status(), tried < 5 ? 401 : 429);
    if (tried === 5) assert.ok(Number(response.headers()["retry-after"]) > 800);
    await page.getByRole("alert").waitFor();
  }
  await page.getByText("Too many wrong tries. Try again in 15 min").waitFor();
  house.errors = house.errors.filter((error) => !/401|429/.test(error));
});

test("an endpoint is added, with errors in place, changed, paused and deleted", async () => {
  const company = await house.company("Configured");
  const page = await house.signedIn(company.admin);
  await page.getByText("No endpoint yet").waitFor();
  await page.getByRole("link", { name: "Add an endpoint" }).click();
  await page.getByLabel("URL", { exact: true }).fill("ftp://example.com");
  await page.getByRole("button", { name: "Add the endpoint" }).click();
  const url = page.getByLabel("URL", { exact: true });
  await page.getByRole("alert").first().waitFor();
  assert.equal(await url.getAttribute("aria-invalid"), "true");
  assert.equal(await url.inputValue(), "ftp://example.com", "what was typed is still there");
  await url.fill(`${house.receiverUrl}/configured`);
  await page.getByRole("radio", { name: "Only these" }).first().check();
  await page.getByRole("checkbox", { name: "Accepted", exact: true }).check();
  await page.getByText("More: headers, retries, limits").click();
  await page.getByLabel("Custom headers").fill("X-Api-Key: abc");
  await page.getByLabel("Longest attempt").fill("5s");
  await page.getByRole("button", { name: "Add the endpoint" }).click();
  const secret = await page.locator("#secret").innerText();
  assert.match(secret, /^whsec_/);

  const [made] = (await house.api("GET", `/v1/companies/${company.id}/endpoints`)).Items;
  assert.deepEqual([made.Actions, made.Timeout, made.Headers], [["Accepted"], "5s", { "X-Api-Key": "***" }]);
  await page.getByRole("link", { name: "Configuration" }).first().click();
  await page.getByRole("link", { name: `${house.receiverUrl}/configured` }).click();
  assert.equal(await page.locator("#secret").count(), 0, "a secret is shown once");
  await page.getByRole("radio", { name: "All actions" }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The change is saved.").waitFor();
  const changed = await house.api("GET", `/v1/companies/${company.id}/endpoints/${made.EndpointId}`);
  assert.deepEqual([changed.Actions, changed.Headers, changed.Timeout], [["*"], { "X-Api-Key": "***" }, "5s"]);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused since").waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByText("The endpoint is resumed").waitFor();
  await page.getByRole("button", { name: "New secret" }).click();
  await page.getByRole("button", { name: "Make a new secret" }).click();
  assert.notEqual(await page.locator("#secret").innerText(), secret);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Keep" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("No endpoint yet").waitFor();
  house.errors = house.errors.filter((error) => !/422/.test(error));
});

test("credentials are made and regenerated, and the old secret works on", async () => {
  const company = await house.company("Credentials");
  const page = await house.signedIn(company.admin);
  await page.getByLabel("Name of a new client").fill("Our CMMS");
  await page.getByRole("button", { name: "Create a client" }).click();
  const old = await page.locator("#secret").innerText();
  const id = await page.getByRole("region", { name: "Secret of Our CMMS" }).locator("code").first().innerText();
  await page.getByRole("button", { name: "Regenerate secret of Our CMMS" }).click();
  await page.getByRole("button", { name: "Make a new secret" }).click();
  await page.getByText("The secret before it is taken until").waitFor();
  const fresh = await page.locator("#secret").innerText();
  assert.notEqual(fresh, old);
  const token = async (secret) => {
    const form = new URLSearchParams({ grant_type: "client_credentials", client_id: id, client_secret: secret });
    return (await fetch(`${house.base}/OAuth/Token`, { method: "POST", body: form })).status;
  };
  assert.deepEqual([await token(fresh), await token(old), await token("made up")], [200, 200, 401]);
  await page.getByRole("button", { name: "Regenerate secret of Our CMMS" }).click();
  await page.getByRole("radio", { name: "It has leaked" }).check();
  await page.getByRole("button", { name: "Make a new secret" }).click();
  const last = await page.locator("#secret").innerText();
  assert.deepEqual([await token(last), await token(fresh), await token(old)], [200, 401, 401]);
  await page.getByRole("button", { name: "Delete Our CMMS" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("No client yet").waitFor();
  assert.equal(await token(last), 401);
});

test("certificates are downloaded, and verify the token of a notification", async () => {
  const company = await house.company("Certified");
  await house.endpoint(company, "/certified");
  await house.publish(company, company.order);
  const arrived = await house.until("the notification", () => house.requests.find((it) => it.place === "/certified"));
  const page = await house.signedIn(company.reader);
  const downloading = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download certificates (PEM)" }).click();
  const file = path.join(house.folder, "certificates.pem");
  await (await downloading).saveAs(file);
  assert.match(fs.readFileSync(file, "utf8"), /BEGIN CERTIFICATE/);
  const words = ["verify", "--certificate", file, "--audience", "CorrigoProDirect"];
  const verified = house.workbell(words, arrived.headers.authorization.replace(/^Bearer /, ""));
  assert.equal(verified.status, 0, verified.stdout + verified.stderr);
});

test("each of the 28 actions is emulated, and both sides are seen", async () => {
  const company = await house.company("Emulated");
  const page = await house.signedIn(company.admin);
  await page.getByRole("link", { name: "Emulator" }).click();
  await page.getByText("There is no endpoint yet.").waitFor();
  const endpoint = await house.endpoint(company, "/emulated", { Enabled: false });
  await page.reload();
  await page.getByText("All endpoints with a URL are off.").waitFor();
  await house.api("PATCH", `/v1/companies/${company.id}/endpoints/${endpoint.EndpointId}`, { Enabled: true });
  await page.reload();
  const actions = await page.getByLabel("Action").getByRole("option").allInnerTexts();
  assert.equal(actions.length, 28);
  const variants = ["minimal", "typical", "maximal"];
  for (const [place, action] of actions.entries()) {
    await page.getByLabel("Action").selectOption(action);
    await page.getByLabel("Variant").selectOption(variants[place % 3]);
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("heading", { name: action, exact: true }).waitFor();
    assert.match(await page.getByRole("region", { name: "Answer" }).innerText(), /200[\s\S]*\{"ok":true\}/);
    const request = await page.getByRole("region", { name: "Request" }).innerText();
    assert.ok(request.includes(`"Action":"${action}"`), request);
    assert.match(request, /workbell-mode\s+test/i);
  }
  const arrived = house.requests.filter((it) => it.place === "/emulated");
  assert.deepEqual(arrived.map((it) => JSON.parse(it.body).Header.Action), actions);
  assert.ok(arrived.every((it) => it.headers["workbell-mode"] === "test"));
  // Nothing of it waits.
  await page.getByRole("link", { name: "Queue", exact: true }).click();
  assert.equal(await waiting(page, "/emulated"), 0);
});

test("a broken receiver fills the queue, a repaired URL drains it in order", async () => {
  const company = await house.company("Repaired");
  house.answers("/broken", 500);
  await house.endpoint(company, "/broken");
  const page = await house.signedIn(company.admin);
  await page.getByRole("link", { name: "Queue", exact: true }).click();
  for (let number = 0; number < 12; number += 1) await house.publish(company, company.order + (number % 3));
  // It keeps itself up to date.
  await house.until("12 to wait", async () => (await waiting(page, "/broken")) === 12);
  await page.goto(`${company.portal}/queue?State=Retrying`);
  await page.getByRole("cell", { name: "Retrying" }).nth(2).waitFor();
  await page.getByRole("link", { name: "Configuration" }).click();
  await page.getByRole("link", { name: `${house.receiverUrl}/broken` }).click();
  await page.getByLabel("URL", { exact: true }).fill(`${house.receiverUrl}/mended`);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("The change is saved.").waitFor();
  await page.getByRole("link", { name: "Queue", exact: true }).click();
  await house.until("the queue to drain", async () => (await waiting(page, "/mended")) === 0);
  const arrived = house.requests.filter((it) => it.place === "/mended");
  for (let order = 0; order < 3; order += 1) {
    const sequence = arrived
      .filter((it) => JSON.parse(it.body).Header.WorkOrderId === company.order + order)
      .map((it) => Number(it.headers["workbell-sequence"]));
    assert.deepEqual(sequence, [1, 2, 3, 4]);
  }
});

test("a notification is found by its work order, and its record shows both sides as text", async () => {
  const company = await house.company("Found");
  const evil = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u001b[31m\u202eleft";
  house.answers("/evil", 500, "text/html", evil);
  await house.endpoint(company, "/evil");
  await house.publish(company, company.order + 7, { Comment: "<b>bold</b>" });
  await house.publish(company, company.order + 8);
  const page = await house.signedIn(company.reader);
  await page.getByRole("link", { name: "Usage log" }).click();
  await page.getByRole("link", { name: "Follow live" }).click();
  await page.getByRole("link", { name: String(company.order + 7) }).waitFor();
  await page.goto(`${company.portal}/log`);
  await page.getByLabel("Work order or MessageId").fill(String(company.order + 7));
  await page.getByRole("button", { name: "Search" }).click();
  const rows = page.getByRole("region", { name: "Records, newest first" }).getByRole("row");
  await page.getByRole("link", { name: "Clear" }).waitFor();
  assert.equal(await rows.count(), 2, "the heading and one record");
  await page.getByRole("link", { name: "Accepted" }).click();
  const answer = page.getByRole("region", { name: "Answer" });
  await answer.getByText("<script>document.title='owned'</script>").waitFor();
  const shown = await answer.locator("pre").innerText();
  assert.ok(!/[\u001b\u202e]/.test(shown), JSON.stringify(shown));
  assert.match(await page.getByRole("region", { name: "Request" }).innerText(), /Bearer \*\*\*[\s\S]*<b>bold<\/b>/);
  assert.notEqual(await page.title(), "owned");
  assert.equal(await page.locator("main img, main script").count(), 0);
  await page.goto(`${company.portal}/log?Find=nonsense`);
  await page.getByRole("alert").filter({ hasText: "A work order is a number" }).waitFor();
});

test("one is retried, one discarded, and all are retried by a job that shows its progress", async () => {
  const company = await house.company("By hand");
  house.answers("/by-hand", 503);
  await house.endpoint(company, "/by-hand");
  for (let order = 0; order < 6; order += 1) await house.publish(company, company.order + order);
  const page = await house.signedIn(company.admin);
  const arrived = (order) => house.requests.filter((it) => it.place === "/by-hand" && JSON.parse(it.body).Header.WorkOrderId === order);
  await house.until("first attempts", () => Array.from({ length: 6 }, (_, at) => company.order + at).every((order) => arrived(order).length > 0));
  await page.goto(`${company.portal}/queue?State=Retrying`);
  const tried = arrived(company.order).length;
  await page.getByRole("button", { name: `Retry Accepted of work order ${company.order}`, exact: true }).click();
  await page.getByText("It is due at once").waitFor();
  await house.until("the retry", () => arrived(company.order).length > tried);
  await page.getByRole("button", { name: `Discard Accepted of work order ${company.order + 1}`, exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Discard" }).click();
  await page.getByText("It is discarded").waitFor();
  await page.getByRole("link", { name: "Discarded", exact: true }).click();
  await page.getByRole("region", { name: "Deliveries, newest first" }).getByText("ByHand").waitFor();

  house.answers("/by-hand", 200);
  await page.goto(`${company.portal}/queue?State=Retrying`);
  await page.getByRole("button", { name: "Retry all…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Retry all" }).click();
  await page.getByText("The job runs").waitFor();
  const jobs = page.getByRole("region", { name: "Jobs, newest first" });
  await jobs.getByText("Finished").waitFor();
  await house.until("the queue to drain", async () => (await waiting(page, "/by-hand")) === 0);
  await jobs.getByText("5 of 5").waitFor();
});

test("what was given up raises a banner that leads to it, and a replay sends it again with its progress", async () => {
  const company = await house.company("Dying");
  house.answers("/dying", 400);
  const endpoint = await house.endpoint(company, "/dying", { MaxAttempts: 1 });
  for (let order = 0; order < 3; order += 1) await house.publish(company, company.order + order);
  const page = await house.signedIn(company.admin);
  await house.until("the banner", async () => {
    await page.reload();
    return page.getByRole("status").filter({ hasText: `Given up: 3 in the last hour, to ${house.receiverUrl}/dying` }).count();
  });
  await page.getByRole("link", { name: "See it" }).click();
  await page.getByRole("cell", { name: "Dead Exhausted" }).nth(2).waitFor();
  house.answers("/dying", 200);
  const before = house.requests.filter((it) => it.place === "/dying").length;
  await page.getByRole("button", { name: "Replay…" }).click();
  const dialog = page.getByRole("dialog", { name: "Replay notifications" });
  await dialog.getByLabel("To", { exact: true }).selectOption(endpoint.EndpointId);
  await dialog.getByRole("button", { name: "Replay" }).click();
  const jobs = page.getByRole("region", { name: "Jobs, newest first" });
  await jobs.getByText("Finished").waitFor();
  await jobs.getByText("3 of 3").waitFor();
  await house.until("the replays", () => house.requests.filter((it) => it.place === "/dying").length === before + 3);
  const replays = house.requests.filter((it) => it.place === "/dying").slice(before);
  assert.ok(replays.every((it) => it.headers["workbell-mode"] === "replay"));
});

test("the charts come after the page", async () => {
  const company = await house.company("Charted");
  await house.endpoint(company, "/charted");
  await house.publish(company, company.order);
  await house.until("the notification", () => house.requests.some((it) => it.place === "/charted"));
  const page = await house.signedIn(company.reader);
  const response = await page.goto(`${company.portal}/health`);
  assert.ok(!(await response.text()).includes("<svg"));
  await page.getByRole("img", { name: /1 delivered and 0 failed/ }).waitFor();
});

test("a Reader can change nothing, an Admin nothing of the operator's, and nobody sees another company", async () => {
  const company = await house.company("Readable");
  const other = await house.company("Other one");
  const endpoint = await house.endpoint(company, "/readable");
  await house.endpoint(other, "/foreign-endpoint");
  house.answers("/readable", 500);
  await house.publish(company, company.order);
  await house.publish(other, other.order);
  await house.until("an attempt", () => house.requests.some((it) => it.place === "/readable"));
  const reader = await house.signedIn(company.reader);
  const places = ["configuration", `configuration/endpoints/${endpoint.EndpointId}`, "log", "queue", "health", "people"];
  for (const place of places) {
    const response = await reader.goto(`${company.portal}/${place}`);
    assert.equal(response.status(), 200, place);
    const forms = await reader.locator("form[method=post]").evaluateAll((all) => all.map((form) => form.getAttribute("action")));
    const enabled = await reader.locator("main button:not(:disabled)").allInnerTexts();
    assert.deepEqual(enabled.filter((text) => text !== "Search"), [], place);
    assert.ok(forms.every((action) => action === "/portal/sign-out" || place.includes("endpoints/")), `${place}: ${forms}`);
    assert.ok(!(await reader.content()).includes("foreign-endpoint"), place);
  }
  // What the page does not offer is refused as well.
  const post = (page, target) => page.evaluate(async (path) => (await fetch(path, { method: "POST", redirect: "manual" })).status, target);
  const pause = `${company.portal}/configuration/endpoints/${endpoint.EndpointId}/pause`;
  assert.equal(await post(reader, pause), 403);
  const admin = await house.signedIn(company.admin);
  assert.equal(await post(admin, `${company.portal}/configuration/branches`), 403);
  assert.equal(await post(admin, "/portal/keys"), 403);
  for (const target of ["/portal/companies", "/portal/keys"]) {
    assert.equal((await admin.goto(target)).status(), 403, target);
  }
  for (const place of ["configuration", "log", "queue", "health", "people"]) {
    assert.equal((await admin.goto(`${other.portal}/${place}`)).status(), 404, place);
  }
  house.errors = house.errors.filter((error) => !/40[34]/.test(error));
});

test("a form on another site is refused, and nothing changes", async () => {
  const company = await house.company("Attacked");
  const endpoint = await house.endpoint(company, "/attacked");
  const page = await house.signedIn(company.admin);
  const target = `${house.base}${company.portal}/configuration/endpoints/${endpoint.EndpointId}/pause`;
  house.answers("/trap", 200, "text/html", `<form method="post" action="${target}"><button>Win a prize</button></form>`);
  // Another host name is another site.
  await page.goto(`${house.receiverUrl.replace("127.0.0.1", "localhost")}/trap`);
  const answered = page.waitForResponse(target);
  await page.getByRole("button", { name: "Win a prize" }).click();
  // A Lax cookie stays at home, so this is nobody; from another port of the same host it comes along.
  assert.notEqual((await answered).status(), 200);
  await page.goto(`${house.receiverUrl}/trap`);
  const again = page.waitForResponse(target);
  await page.getByRole("button", { name: "Win a prize" }).click();
  assert.equal((await again).status(), 403);
  const now = await house.api("GET", `/v1/companies/${company.id}/endpoints/${endpoint.EndpointId}`);
  assert.equal(now.Paused, null);
  house.errors = house.errors.filter((error) => !/403|favicon/.test(error));
});

test("the operator makes a company with a branch, and lets somebody sign in", async () => {
  const page = await house.operator();
  await page.getByLabel("Name").fill("Brand new");
  await page.getByLabel("CompanyId").fill("brand-new");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByText("No branch yet").waitFor();
  await page.getByLabel("BranchId").fill("777");
  await page.getByLabel("Name", { exact: true }).fill("Spokane");
  await page.getByRole("button", { name: "Create a branch" }).click();
  await page.getByRole("cell", { name: "Spokane" }).waitFor();
  await page.getByRole("link", { name: "People" }).click();
  await page.getByLabel("Email").fill("new@example.com");
  await page.getByLabel("Role").selectOption("Admin");
  await page.getByRole("button", { name: "Make a one-time link" }).click();
  const link = await page.locator("#link").innerText();
  const other = await house.signedIn({ Link: link });
  await other.getByText("Brand new").waitFor();
  await page.goto("/portal/keys");
  await page.getByRole("button", { name: "Publish the next keys" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Publish" }).click();
  await page.getByText("Next", { exact: true }).first().waitFor();
});

test("no page caused an error, and a script in a page does not run", async () => {
  const page = await house.window();
  await page.goto("/portal/sign-in");
  assert.deepEqual(house.errors, []);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.title = 'inline'";
    document.body.append(script);
  });
  assert.notEqual(await page.title(), "inline");
});
