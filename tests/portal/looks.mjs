// Every page in both themes and both widths: nothing serious found by axe, nothing wider than the screen.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { House, axeSource } from "./house.mjs";

let house;
let company;
let pages;

before(async () => {
  house = await House.start(process.argv[2]);
  company = await house.company("Northwall Facility Services");
  house.answers("/analytics", 500, "text/html", "<h1>Internal Server Error</h1>");
  await house.api("POST", `/v1/companies/${company.id}/clients`, { Name: "Northwall CMMS" });
  const good = await house.endpoint(company, "/workbell");
  const bad = await house.endpoint(company, "/analytics", { Actions: ["Accepted", "CheckedIn"], Headers: { "X-Api-Key": "abc" } });
  for (let number = 0; number < 14; number += 1) await house.publish(company, company.order + (number % 6));
  const record = await house.until("a failed attempt", async () => {
    const query = `CompanyId=${company.id}&EndpointId=${bad.EndpointId}&Status=500`;
    return (await house.api("GET", `/v1/log?${query}`)).Items[0];
  });
  await house.until("14 deliveries", () => house.requests.filter((it) => it.place === "/workbell").length === 14);
  await house.api("POST", "/v1/jobs", { Kind: "Retry", Filter: { CompanyId: company.id, State: "Dead" } });
  const order = await house.workOrder(company);
  // Name, place, what is there when the page is whole.
  pages = [
    ["companies", "/portal/companies", "Companies"],
    ["keys", "/portal/keys", "Keys"],
    ["audit", "/portal/audit", "Audit"],
    ["emulator", `${company.portal}/emulator`, "Emulator"],
    ["work-orders", `${company.portal}/work-orders`, "Work orders"],
    ["work-order", `${company.portal}/work-orders/${order.WorkOrderId}`, "Work order"],
    ["configuration", `${company.portal}/configuration`, "Configuration"],
    ["new-endpoint", `${company.portal}/configuration/endpoints/new`, "New endpoint"],
    ["endpoint", `${company.portal}/configuration/endpoints/${good.EndpointId}`, "/workbell"],
    ["endpoint-with-headers", `${company.portal}/configuration/endpoints/${bad.EndpointId}`, "/analytics"],
    ["usage-log", `${company.portal}/log?Live=on`, "Usage log"],
    ["nothing-found", `${company.portal}/log?Find=1`, "Usage log"],
    ["record", `${company.portal}/log/records/${record.LogId}`, "Accepted"],
    ["queue", `${company.portal}/queue?EndpointId=${bad.EndpointId}`, "Queue"],
    ["health", `${company.portal}/health`, "Health"],
    ["people", `${company.portal}/people`, "People"],
    ["nowhere", "/portal/companies/nobody/queue", "There is no such thing here"],
  ];
});
after(async () => {
  await house?.end();
});

async function demandGood(page, what) {
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wider <= 0, `${what} is ${wider} px wider than the screen`);
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter((it) => ["serious", "critical"].includes(it.impact));
  const said = serious.map((it) => `${it.id}: ${it.nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n  ")}`);
  assert.deepEqual(said, [], what);
}

for (const colorScheme of ["light", "dark"]) {
  for (const width of [1280, 375]) {
    test(`every page is good, ${colorScheme}, ${width} px`, async () => {
      const viewport = { width, height: 900 };
      const out = await house.window({ colorScheme, viewport });
      await out.goto("/portal/sign-in");
      await demandGood(out, "sign-in");
      await out.goto(company.reader.Link);
      await demandGood(out, "link");
      await out.context().close();
      const page = await house.operator({ colorScheme, viewport });
      for (const [name, place, heading] of pages) {
        await page.goto(place);
        await page.getByRole("heading", { level: 1 }).filter({ hasText: heading }).waitFor();
        if (name === "emulator") {
          await page.getByLabel("Endpoint").selectOption({ label: `${house.receiverUrl}/workbell` });
          await page.getByLabel("Action").selectOption("QuoteChanged");
          await page.getByRole("button", { name: "Send" }).click();
          await page.getByRole("heading", { name: "Answer" }).waitFor();
        }
        if (name === "health") await page.getByRole("img").nth(3).waitFor();
        await demandGood(page, name);
        const opener = page.locator("[popovertarget]:not([popovertargetaction])").first();
        if (await opener.count()) {
          await opener.click();
          await page.getByRole("dialog").first().waitFor();
          await demandGood(page, `${name}, with its question open`);
        }
      }
      await page.context().close();
    });
  }
}
