// A company of which every page has something to show, and all pages of the portal: what they are called, where they
// are, what stands on top of them. A page that is added to the portal has to be added here: a test compares (guards).

import fs from "node:fs";

/** Every page and every form of the portal: method, path; as the service's own tables name them. */
export function table() {
  const folder = new URL("../../crates/server/src/portal/", import.meta.url);
  const sources = fs.readdirSync(folder).filter((name) => name.endsWith(".rs"));
  return sources.flatMap((name) => {
    const text = fs.readFileSync(new URL(name, folder), "utf8");
    const long = text.matchAll(/method: Method::(\w+),\s+path: "([^"]+)"/g);
    // Tables of many pages leave out what their paths have in common.
    const common = text.match(/path: concat!\("([^"]+)", \$path\)/)?.[1];
    const short = common ? text.matchAll(/page!\((\w+), "([^"]*)", \w+\)/g) : [];
    return [
      ...[...long].map(([, method, path]) => ({ method, path })),
      ...[...short].map(([, method, rest]) => ({ method, path: common + rest })),
    ];
  });
}

/** The pages of one company, for whoever has a right to them, and those around them. */
export async function scene(house, name) {
  const company = await house.company(name);
  const empty = await house.company(`${name}, still empty`);
  const place = `/scene-of-${company.id}`;
  house.answers(`${place}/analytics`, 500, "text/html", "<h1>Internal Server Error</h1>");
  await house.api("POST", `/v1/companies/${company.id}/clients`, { Name: "Northwall CMMS" });
  const good = await house.endpoint(company, `${place}/workbell`);
  const bad = await house.endpoint(company, `${place}/analytics`, { Actions: ["Accepted", "CheckedIn"], Headers: { "X-Api-Key": "abc" } });
  const feed = await house.api("POST", `/v1/companies/${company.id}/endpoints`, { Url: null });
  for (let number = 0; number < 14; number += 1) await house.publish(company, company.order + (number % 6));
  const order = await house.workOrder(company);
  const record = await house.until("a failed attempt", async () => {
    const query = `CompanyId=${company.id}&EndpointId=${bad.EndpointId}&Status=500`;
    return (await house.api("GET", `/v1/log?${query}`)).Items[0];
  });
  const [delivery] = (await house.api("GET", `/v1/deliveries?CompanyId=${company.id}&EndpointId=${bad.EndpointId}`)).Items;
  await house.until("14 deliveries", () => house.requests.filter((it) => it.place === `${place}/workbell`).length >= 14);
  await house.api("POST", "/v1/jobs", { Kind: "Retry", Filter: { CompanyId: company.id, State: "Dead" } });

  const at = (part, of = company) => `${of.portal}/${part}`;
  const mayRead = [
    ["configuration", at("configuration"), "Configuration"],
    ["endpoint", at(`configuration/endpoints/${good.EndpointId}`), "/workbell"],
    ["endpoint with headers", at(`configuration/endpoints/${bad.EndpointId}`), "/analytics"],
    ["pull endpoint", at(`configuration/endpoints/${feed.EndpointId}`), ""],
    ["emulator", at("emulator"), "Emulator"],
    ["work orders", at("work-orders"), "Work orders"],
    ["work order", at(`work-orders/${order.WorkOrderId}`), "Work order"],
    ["usage log", at("log"), "Usage log"],
    ["usage log, live", at("log?Live=on"), "Usage log"],
    ["record", at(`log/records/${record.LogId}`), "Accepted"],
    ["queue", at("queue"), "Queue"],
    ["queue of one endpoint", at(`queue?EndpointId=${bad.EndpointId}&State=Retrying`), "Queue"],
    ["delivery", at(`queue/${delivery.DeliveryId}`), "of work order"],
    ["health", at("health"), "Health"],
    ["people", at("people"), "People"],
    ["nothing in the log", at("log?Find=1"), "Usage log"],
    ["nonsense in the log", at("log?Find=nonsense&Status=x"), "Usage log"],
    ["nothing in the queue", at("queue?Find=1"), "Queue"],
    ["no such work order", at("work-orders/1"), ""],
    ["no such record", at("log/records/999999999"), ""],
    ["no such endpoint", at("configuration/endpoints/01890a5d-ac96-774b-bcce-b302099a8057"), ""],
    ["no such page", at("nothing"), ""],
  ];
  const mayChange = [["new endpoint", at("configuration/endpoints/new"), "New endpoint"]];
  const ofEmpty = ["configuration", "emulator", "work-orders", "log", "queue", "health", "people"].map((part) => [
    `${part}, empty`,
    at(part, empty),
    "",
  ]);
  const ofOperator = [
    ["companies", "/portal/companies", "Companies"],
    ["keys", "/portal/keys", "Keys"],
    ["audit", "/portal/audit", "Audit"],
    ["nothing in the audit", "/portal/audit?CompanyId=nobody", "Audit"],
    ["no such company", "/portal/companies/nobody/queue", "There is no such thing here"],
  ];
  const spare = await house.api("POST", `/v1/companies/${company.id}/people`, { Email: `spare-${company.id}@example.com`, Role: "Reader" });
  return {
    company,
    empty,
    endpoints: { good, bad, feed },
    ofCompany: mayRead,
    pages: [...mayRead, ...mayChange, ...ofEmpty, ...ofOperator],
    outside: ["/portal/sign-in", spare.Link, "/portal/link/used-up"],
  };
}
