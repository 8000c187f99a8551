// Everything that can be done in the portal, with a keyboard and nothing else; and every page walked from end to end.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Hands } from "./hands.mjs";
import { House, PASSWORD } from "./house.mjs";

let house;
before(async () => {
  house = await House.start(process.argv[2]);
});
after(async () => {
  await house?.end();
});

const button = (page, name, options = {}) => page.getByRole("button", { name, exact: true, ...options });
const link = (page, name) => page.getByRole("link", { name, exact: true });
const title = (page, name) => page.getByRole("heading", { name, level: 1 }).waitFor();

/** A page of the navigation. */
async function go(hands, label) {
  await hands.enter(hands.page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: label }));
  await title(hands.page, label);
}

/** A window of somebody who signed in with the keyboard, with their hands. */
async function signedIn(person, options) {
  const page = await house.window(options);
  const hands = new Hands(page);
  await page.goto(person.Link);
  await hands.fill(page.getByLabel("New password"), PASSWORD);
  await hands.press("Enter");
  await title(page, "Configuration");
  return hands;
}

test("signing in, with errors, and out", async () => {
  const company = await house.company("Door");
  const hands = await signedIn(company.admin);
  const { page } = hands;
  await hands.enter(button(page, "Sign out"));
  await page.getByText("You are signed out.").waitFor();
  await hands.skip();
  await page.goto("/portal/sign-in");
  await hands.fill(page.getByLabel("Email"), company.admin.Email);
  await hands.fill(page.getByLabel("Password"), "wrong");
  await hands.press("Enter");
  await page.getByRole("alert").filter({ hasText: "Email or password is not right." }).waitFor();
  await hands.demand(page.getByLabel("Email"), "the focus is at what is wrong");
  await hands.fill(page.getByLabel("Password"), PASSWORD);
  await hands.enter(button(page, "Sign in"));
  await title(page, "Configuration");

  await page.goto("/portal/sign-in");
  const summary = page.getByText("Operator: use the platform key");
  await hands.to(summary);
  await hands.press("Enter");
  await page.getByLabel("Platform key").waitFor();
  await hands.press("Space");
  await page.getByLabel("Platform key").waitFor({ state: "hidden" });
  await hands.press("Space");
  await hands.fill(page.getByLabel("Platform key"), house.key);
  await hands.enter(button(page, "Sign in with the key"));
  await title(page, "Companies");
  house.errors = house.errors.filter((error) => !/401/.test(error));
});

test("an endpoint is added, with errors in place, changed, paused, resumed, given a new secret, and deleted", async () => {
  const company = await house.company("Endpoints");
  const hands = await signedIn(company.admin);
  const { page } = hands;
  await hands.enter(link(page, "Add an endpoint"));
  await title(page, "New endpoint");
  // Radios: one stop, arrows choose.
  await hands.to(page.getByRole("radio", { name: "Workbell posts to a URL" }));
  await hands.press("ArrowDown");
  await hands.demand(page.getByRole("radio", { name: /reads a feed/ }), "an arrow goes on");
  await page.getByLabel("URL", { exact: true }).waitFor({ state: "hidden" });
  await hands.press("ArrowUp");
  await hands.fill(page.getByLabel("URL", { exact: true }), "ftp://example.com");
  await hands.press("Enter");
  await page.getByText("Nothing is saved yet: see the fields below.").waitFor();
  await hands.demand(page.getByLabel("URL", { exact: true }), "the focus is at the first wrong field");
  await hands.press("Control+A");
  await hands.type(`${house.receiverUrl}/keys`);
  await hands.to(page.getByRole("radio", { name: "All actions, also those that will be added" }));
  await hands.press("ArrowDown");
  await hands.to(page.getByRole("checkbox", { name: "CheckedIn", exact: true }));
  await hands.press("Space");
  await hands.to(page.getByRole("radio", { name: "All branches" }));
  await hands.press("ArrowDown");
  await hands.to(page.getByRole("checkbox", { name: /^Portland/ }));
  await hands.press("Space");
  await hands.choose(page.getByLabel("Token", { exact: true }), "JWT");
  await hands.enter(page.getByText("More: headers, retries, limits"));
  await hands.fill(page.getByLabel("Custom headers"), "X-Api-Key: abc");
  await hands.fill(page.getByLabel("Longest attempt"), "5s");
  await hands.choose(page.getByLabel("When it answers 410 Gone"), "Pause");
  await hands.enter(button(page, "Add the endpoint"));
  await page.getByRole("heading", { name: "Signing secret" }).waitFor();
  const secret = await page.locator("#secret").innerText();
  const [made] = (await house.api("GET", `/v1/companies/${company.id}/endpoints`)).Items;
  assert.deepEqual(
    [made.Actions, made.BranchIds, made.Authorization, made.Timeout, made.On410],
    [["CheckedIn"], [company.branch + 1], "Jwt", "5s", "Pause"],
  );
  await hands.to(page.getByRole("checkbox", { name: "Event notifications are on" }));
  await hands.press("Space");
  await hands.enter(button(page, "Save"));
  await page.getByText("The change is saved.").waitFor();
  await page.getByText("Event notifications are off").waitFor();
  await hands.enter(button(page, "Pause"));
  await page.getByText("Paused since").waitFor();
  await hands.enter(button(page, "Resume"));
  await page.getByText("The endpoint is resumed").waitFor();
  const dialog = page.getByRole("dialog");
  await hands.lookInto(button(page, "New secret"), dialog);
  const now = page.getByRole("radio", { name: /it ends at once/ });
  await hands.to(page.getByRole("radio", { name: /Both sign/ }));
  await hands.press("ArrowDown");
  assert.ok(await now.isChecked());
  await hands.enter(button(page, "Make a new secret"));
  await page.getByRole("heading", { name: "Signing secret" }).waitFor();
  assert.notEqual(await page.locator("#secret").innerText(), secret);
  await hands.lookInto(button(page, "Delete"), dialog);
  await hands.enter(button(dialog, "Delete"));
  await page.getByText("No endpoint yet").waitFor();
  house.errors = house.errors.filter((error) => !/422/.test(error));
});

test("credentials, branches, certificates", async () => {
  const company = await house.company("Credentials by keyboard");
  const hands = await signedIn(company.admin);
  const { page } = hands;
  const dialog = page.getByRole("dialog");
  await hands.fill(page.getByLabel("Name of a new client"), "Our CMMS");
  await hands.press("Enter");
  const old = await page.locator("#secret").innerText();
  const opener = button(page, "Regenerate secret of Our CMMS");
  await hands.lookInto(opener, dialog);
  await hands.enter(button(page, "Make a new secret"));
  await page.getByText("The secret before it is taken until").waitFor();
  assert.notEqual(await page.locator("#secret").innerText(), old);
  await hands.to(link(page, "Download certificates (PEM)"));
  const downloading = page.waitForEvent("download");
  await hands.press("Enter");
  assert.match((await downloading).suggestedFilename(), /\.pem$/);
  await hands.lookInto(button(page, "Delete Our CMMS"), dialog);
  await hands.enter(button(dialog, "Delete"));
  await page.getByText("No client yet").waitFor();

  const operator = new Hands(await house.operator());
  await operator.page.goto(`${company.portal}/configuration`);
  await operator.fill(operator.page.getByLabel("BranchId"), "x");
  await operator.fill(operator.page.getByLabel("BranchId"), "778");
  await operator.fill(operator.page.getByLabel("Name", { exact: true }), "Spokane");
  await operator.press("Enter");
  await operator.page.getByRole("cell", { name: "Spokane" }).waitFor();
  const question = operator.page.getByRole("dialog");
  await operator.lookInto(button(operator.page, "Delete branch 778"), question);
  await operator.enter(button(question, "Delete"));
  await operator.page.getByRole("cell", { name: "Spokane" }).waitFor({ state: "hidden" });
});

test("a sample is sent from the emulator", async () => {
  const company = await house.company("Emulated by keyboard");
  await house.endpoint(company, "/emulated-by-keyboard");
  const hands = await signedIn(company.admin);
  const { page } = hands;
  await go(hands, "Emulator");
  await hands.choose(page.getByLabel("Action"), "QuoteCh");
  await hands.choose(page.getByLabel("Branch"), "Portland");
  await hands.choose(page.getByLabel("Variant"), "Min");
  await hands.enter(button(page, "Send"));
  await page.getByRole("region", { name: "Answer" }).getByText("200").waitFor();
  // The bodies scroll; so they have a stop of their own.
  await hands.to(page.getByRole("group", { name: "Body that was sent" }));
  await hands.to(page.getByRole("group", { name: "Body that came back" }));
  await hands.enter(link(page, "In the usage log"));
  await title(page, /QuoteChanged of work order/);
});

test("the usage log is searched by each field, followed live, and a record is read", async () => {
  const company = await house.company("Logged by keyboard");
  house.answers("/broken", 500, "text/plain", "broken");
  const bad = await house.endpoint(company, "/broken");
  await house.endpoint(company, "/logged-well");
  const records = (count) =>
    house.until(`${count} records`, async () => (await house.api("GET", `/v1/log?CompanyId=${company.id}&Limit=500`)).Items.length >= count);
  for (let order = 0; order < 5; order += 1) await house.publish(company, company.order + order);
  await records(10);
  await house.api("POST", `/v1/companies/${company.id}/endpoints/${bad.EndpointId}/pause`);
  for (let order = 5; order < 70; order += 1) await house.publish(company, company.order + order);
  await records(75);
  const hands = await signedIn(company.reader);
  const { page } = hands;
  await go(hands, "Usage log");
  const rows = page.getByRole("region", { name: "Records, newest first" }).getByRole("row");
  const clear = async () => {
    await hands.enter(link(page, "Clear"));
    await link(page, "Clear").waitFor({ state: "detached" });
  };
  const search = async (filled, expected) => {
    await filled();
    await hands.enter(button(page, "Search"));
    await link(page, "Clear").waitFor();
    assert.equal((await rows.count()) - 1, expected);
    await clear();
  };
  await search(() => hands.fill(page.getByLabel("Work order or MessageId"), String(company.order + 3)), 2);
  await search(() => hands.choose(page.getByLabel("Endpoint"), `${house.receiverUrl}/broken`), 5);
  await search(() => hands.fill(page.getByLabel("Status"), "500"), 5);
  await search(async () => {
    await hands.choose(page.getByLabel("Failure"), "Status");
    await hands.choose(page.getByLabel("Action"), "Accepted");
    await hands.choose(page.getByLabel("Direction"), "To the");
    // Month, day, year, hour, minute, half of the day: the parts of one field.
    for (const [label, date] of [["From (UTC)", "01012020"], ["To (UTC)", "01012099"]]) {
      await hands.to(page.getByLabel(label));
      await hands.type(date);
      await hands.press("Tab");
      await hands.type("0101AM");
    }
  }, 5);
  await hands.fill(page.getByLabel("Work order or MessageId"), "nonsense");
  await hands.press("Enter");
  await page.getByRole("alert").filter({ hasText: "A work order is a number" }).waitFor();
  await hands.demand(page.getByLabel("Work order or MessageId"), "the focus is at the wrong field");
  await clear();
  await hands.enter(link(page, "Older ones"));
  await link(page, "Newest").waitFor();
  await hands.enter(link(page, "Newest"));
  await hands.enter(link(page, "Follow live"));
  await page.getByText("Live", { exact: true }).waitFor();

  // What is read again every two seconds does not take the focus away, and goes on when the focus has left it.
  const first = page.getByRole("region", { name: "Records, newest first" }).getByRole("link", { name: "Accepted" });
  await hands.to(first);
  const readAgain = page.waitForResponse((response) => response.url().includes("/log/rows") && response.status() === 200);
  await house.publish(company, company.order + 77);
  await readAgain;
  await hands.demand(first, "the focus stays where it was");
  assert.equal(await link(page, String(company.order + 77)).count(), 0, "the part is left alone");
  await hands.to(link(page, "Stop"), "Shift+Tab");
  await link(page, String(company.order + 77)).first().waitFor();
  await hands.demand(link(page, "Stop"), "the focus stays outside as well");
  await hands.press("Enter");
  await link(page, "Follow live").waitFor();

  await hands.enter(page.getByRole("region", { name: "Records, newest first" }).getByRole("link", { name: "Accepted" }));
  await title(page, /Accepted of work order/);
  await hands.to(page.getByRole("group", { name: "Body that was sent" }));
  await hands.enter(link(page, "Usage log").last());
  await title(page, "Usage log");
});

test("the queue: retry, discard with its question, all of them by jobs, replay, cancel", async () => {
  const company = await house.company("Queued by keyboard");
  house.answers("/queued", 503);
  const endpoint = await house.endpoint(company, "/queued");
  for (let order = 0; order < 6; order += 1) await house.publish(company, company.order + order);
  await house.until("six attempts", () => house.requests.filter((it) => it.place === "/queued").length >= 6);
  const hands = await signedIn(company.admin);
  const { page } = hands;
  const dialog = page.getByRole("dialog");
  const jobs = page.getByRole("region", { name: "Jobs, newest first" });
  await go(hands, "Queue");
  await hands.enter(link(page, "Retrying"));
  await page.getByRole("link", { name: "Retrying", exact: true, current: true }).waitFor();
  const tried = house.requests.filter((it) => it.place === "/queued").length;
  await hands.enter(button(page, `Retry Accepted of work order ${company.order}`));
  await page.getByText("It is due at once").waitFor();
  await house.until("the retry", () => house.requests.filter((it) => it.place === "/queued").length > tried);
  await hands.lookInto(button(page, `Discard Accepted of work order ${company.order + 1}`), dialog);
  // What is read again meanwhile does not close the question.
  const readAgain = page.waitForResponse((response) => response.url().includes("/queue/rows") && response.status() === 200);
  await house.publish(company, company.order + 9);
  await readAgain;
  await hands.within(dialog, "the question stays open");
  await hands.enter(button(dialog, "Discard"));
  await page.getByText("It is discarded").waitFor();
  await hands.fill(page.getByRole("search").getByLabel("Work order"), String(company.order + 1));
  await hands.choose(page.getByRole("search").getByLabel("Endpoint"), house.receiverUrl);
  await hands.enter(button(page, "Search"));
  await page.getByRole("region", { name: "Deliveries, newest first" }).getByText("ByHand").waitFor();
  await hands.enter(link(page, "Clear"));
  await link(page, "Clear").waitFor({ state: "detached" });

  await hands.lookInto(button(page, "Discard all…"), dialog);
  await hands.enter(button(dialog, "Discard all"));
  await page.getByText("The job runs").waitFor();
  await jobs.getByText("Finished").waitFor();
  house.answers("/queued", 200);
  await hands.enter(link(page, "Discarded"));
  await page.getByRole("link", { name: "Discarded", exact: true, current: true }).waitFor();
  await hands.lookInto(button(page, "Retry all…"), dialog);
  await hands.enter(button(dialog, "Retry all"));
  await page.getByText("The job runs").waitFor();
  await jobs.getByText("Finished").nth(1).waitFor();
  await hands.enter(link(page, "All"));
  await page.getByRole("link", { name: "All", exact: true, current: true }).waitFor();

  await hands.lookInto(button(page, "Replay…"), dialog);
  await hands.choose(dialog.getByLabel("To", { exact: true }), house.receiverUrl);
  await hands.fill(dialog.getByLabel("Work order"), String(company.order + 2));
  await hands.enter(button(dialog, "Replay"));
  await jobs.getByText("1 of 1").waitFor();
  await house.until("the replay", () => house.requests.some((it) => it.place === "/queued" && it.headers["workbell-mode"] === "replay"));

  // A replay to a paused endpoint waits; so there is something to cancel.
  await house.api("POST", `/v1/companies/${company.id}/endpoints/${endpoint.EndpointId}/pause`);
  await house.api("POST", "/v1/jobs", { Kind: "Replay", Filter: { CompanyId: company.id } });
  await page.reload();
  await hands.enter(button(page, "Cancel Replay"));
  await page.getByText("The job is cancelled").waitFor();
  await jobs.getByText("Cancelled").waitFor();
});

test("health, and work orders with their time line", async () => {
  const company = await house.company("Healthy by keyboard");
  await house.endpoint(company, "/healthy-by-keyboard");
  await house.workOrder(company);
  const hands = await signedIn(company.reader);
  const { page } = hands;
  await go(hands, "Health");
  await page.getByRole("img").nth(1).waitFor();
  await hands.enter(link(page, "Week"));
  await page.getByRole("link", { name: "Week", current: true }).waitFor();
  await hands.to(page.getByRole("main").getByRole("link", { name: `${house.receiverUrl}/healthy-by-keyboard` }));
  // The charts come while the focus is on the page: it stays.
  await page.getByRole("img").nth(1).waitFor();
  await hands.demand(page.getByRole("main").getByRole("link", { name: house.receiverUrl }), "charts take no focus");
  await hands.press("Enter");
  await title(page, /healthy-by-keyboard/);

  await go(hands, "Work orders");
  await hands.choose(page.getByLabel("Status"), "CheckedIn");
  await hands.enter(button(page, "Search"));
  await link(page, "Clear").waitFor();
  await hands.enter(page.getByRole("region", { name: "Work orders, newest first" }).getByRole("link"));
  await title(page, /Work order/);
  await hands.enter(page.getByText("What it said").first());
  await hands.to(page.getByRole("group", { name: "Members of NewWorkOrder" }));
  await hands.to(page.getByText("Details", { exact: true }));
  await hands.press("Space");
  await hands.to(page.getByRole("group", { name: "Details" }));
  await hands.enter(page.getByRole("link", { name: "Attempts of NewWorkOrder" }));
  await title(page, "Usage log");
});

test("people are let in, given a new link and another role, and deleted", async () => {
  const company = await house.company("Peopled by keyboard");
  const hands = await signedIn(company.admin);
  const { page } = hands;
  await go(hands, "People");
  await hands.fill(page.getByLabel("Email"), company.reader.Email);
  await hands.press("Enter");
  await page.getByRole("alert").waitFor();
  await hands.demand(page.getByLabel("Email"), "the focus is at the wrong field");
  await hands.press("Control+A");
  await hands.type("fresh@example.com");
  await hands.choose(page.getByLabel("Role"), "Admin");
  await hands.enter(button(page, "Make a one-time link"));
  await page.getByRole("heading", { name: "One-time link for fresh@example.com" }).waitFor();
  const row = page.getByRole("row").filter({ hasText: "fresh@example.com" });
  await hands.enter(row.getByRole("button", { name: /^New link/ }));
  await page.getByRole("heading", { name: "One-time link for fresh@example.com" }).waitFor();
  await hands.enter(row.getByRole("button", { name: /^Make.* Reader/ }));
  await row.getByRole("cell", { name: "Reader", exact: true }).waitFor();
  await hands.lookInto(button(page, "Delete fresh@example.com"), page.getByRole("dialog"));
  await hands.enter(button(page.getByRole("dialog"), "Delete"));
  await row.waitFor({ state: "detached" });
  house.errors = house.errors.filter((error) => !/409|422/.test(error));
});

test("the operator: companies, keys, audit", async () => {
  const hands = new Hands(await house.operator());
  const { page } = hands;
  const dialog = page.getByRole("dialog");
  await hands.fill(page.getByLabel("Name"), "Made by keyboard");
  await hands.fill(page.getByLabel("CompanyId"), "made-by-keyboard");
  await hands.press("Enter");
  await page.getByText("No branch yet").waitFor();
  await go(hands, "Companies");
  await hands.enter(link(page, "Made by keyboard"));
  await title(page, "Configuration");
  await go(hands, "Keys");
  await hands.lookInto(button(page, "Publish the next keys"), dialog);
  await hands.enter(button(dialog, "Publish"));
  await page.getByText("Next", { exact: true }).first().waitFor();
  await hands.lookInto(button(page, "Replace now"), dialog);
  await hands.press("Escape");
  await go(hands, "Audit");
  await hands.fill(page.getByLabel("CompanyId"), "made-by-keyboard");
  await hands.fill(page.getByLabel(/What changed/), "made-by-keyboard");
  await hands.press("Enter");
  await page.getByText("CompanyCreated").waitFor();
  await hands.enter(link(page, "Clear"));
  await link(page, "Clear").waitFor({ state: "detached" });
});

/** Parts that read themselves again stay as they are while a page is walked. */
async function still(page) {
  const isPart = (url) => /\/(log\/rows|queue\/rows|queue\/jobs)$/.test(url.pathname);
  await page.route(isPart, (route) => (route.request().method() === "GET" ? route.fulfill({ status: 204 }) : route.fallback()));
}

for (const [colorScheme, width] of [
  ["light", 1280],
  ["dark", 375],
]) {
  test(`every page is walked from its first control to its last, ${colorScheme}, ${width} px`, async () => {
    const scene = await house.scene(`Walked in ${colorScheme}`);
    const options = { colorScheme, viewport: { width, height: 900 } };
    const out = new Hands(await house.window(options));
    for (const place of scene.outside) {
      await out.page.goto(place);
      await out.walk();
    }
    for (const [page, pages] of [
      [await house.operator(options), scene.pages],
      [await house.signedIn(await house.anew(scene.company, scene.company.reader), options), scene.ofCompany],
    ]) {
      await still(page);
      const hands = new Hands(page);
      for (const [, place, heading] of pages) {
        await page.goto(place);
        await page.getByRole("heading", { level: 1 }).filter({ hasText: heading }).waitFor();
        const stops = await hands.walk();
        assert.ok(stops >= 4, `${place}: ${stops} stops`);
        await hands.skip();
      }
    }
    house.errors = house.errors.filter((error) => !/404/.test(error));
  });
}

test("no page caused an error meanwhile", () => {
  assert.deepEqual(house.errors, []);
});
