//! After an erase nothing is left of a work order that Workbell holds: no text of its details, its time line, its
//! messages and notes, of what was sent and answered, of what clients of the Direct API said and read.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use workbell_testkit::{Answer, Installation, Platform, Random, Receiver, Reply, wait_for};
use workbell_wire::{Action, Variant};

use crate::erase::holding;
use crate::notification::{BRANCH, COMPANY, text};
use crate::work_orders::{access_token, act_body, acts, after};

/// Stands in every text of the orders that go, and nowhere else. Short, for some texts may not be long.
const SECRET: &str = "XyQ7";

/// Members that say which request it is, not what is in it.
const KEPT: [&str; 3] = ["Action", "ActionDate", "MessageId"];

/// Where texts stand in a body.
fn texts(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(pointer.to_owned()),
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                texts(item, &format!("{pointer}/{place}"), found);
            }
        }
        Value::Object(members) => {
            let members =
                members.iter().filter(|(name, _)| !(pointer.is_empty() && KEPT.contains(&name.as_str())));
            for (name, member) in members {
                texts(member, &format!("{pointer}/{name}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Sends the body with the secret in every text that takes it: what the service refuses there is as it was. How many
/// texts had it.
#[track_caller]
fn send_marked(body: &Value, send: impl Fn(&Value) -> Reply) -> (Value, usize) {
    let mut places = Vec::new();
    texts(body, "", &mut places);
    loop {
        let mut marked = body.clone();
        for place in &places {
            *marked.pointer_mut(place).expect("it was found there") = SECRET.into();
        }
        let reply = send(&marked);
        if reply.status != 422 {
            let status = reply.status;
            assert!(matches!(status, 200..=202), "{status}: {}", reply.text());
            return (reply.json(), places.len());
        }
        let refused = reply.json();
        let refused: BTreeSet<String> = refused["Errors"]
            .as_array()
            .expect("faults")
            .iter()
            .map(|fault| text(&fault["Pointer"]))
            .collect();
        let before = places.len();
        places.retain(|place| !refused.contains(place));
        assert!(places.len() < before, "{refused:?}");
    }
}

/// A caller of the Direct API.
struct Client<'a> {
    platform: &'a Platform,
    bearer: String,
}

impl Client<'_> {
    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let body = body.map(Value::to_string).unwrap_or_default();
        let headers = [("Authorization", self.bearer.as_str()), ("Content-Type", "application/json")];
        let headers = if body.is_empty() { &headers[..1] } else { &headers };
        let path = format!("/Direct/api/{path}");
        self.platform.send(method, &path, headers, body.as_bytes()).expect("there is an answer")
    }

    /// An act whose every text is the secret.
    fn act(&self, method: &str, call: &str, order: i64, members: Value) {
        let mut body = json!({ "MessageId": SECRET, "WorkOrderId": order,
            "PerformedBy": { "Name": SECRET, "Phone": SECRET } });
        let members = members.as_object().cloned().expect("members");
        body.as_object_mut().expect("an object").extend(members);
        self.call(method, call, Some(&body)).with(200);
    }
}

fn create(platform: &Platform, random: &mut Random) -> i64 {
    let body = act_body(Action::NewWorkOrder, Variant::Maximal, &random.guid());
    let (made, marked) = send_marked(&body, |body| platform.post("/v1/work-orders", body));
    assert!(marked > 10, "only {marked} texts could be marked");
    made["WorkOrderId"].as_i64().expect("an order has an id")
}

/// Does every act but a rejection to an order, each with all texts that it can have.
fn live_through_everything(platform: &Platform, order: i64, random: &mut Random) {
    let path = format!("/v1/work-orders/{order}/actions");
    let mut act = |action: Action| {
        let body = act_body(action, Variant::Maximal, &random.guid());
        let (_, marked) = send_marked(&body, |body| platform.post(&path, body));
        assert!(marked > 0, "{action}");
    };
    let mut left: BTreeSet<&str> = acts().iter().map(|action| action.name()).collect();
    let named = |name: &str| acts().into_iter().find(|action| action.name() == name).expect("it is one");
    let mut status = "New";
    for step in [
        "MessageSent",
        "Accepted",
        "CheckedIn",
        "Paused",
        "CheckedIn",
        "NeedsCompletionDetails",
        "Reopened",
        "Accepted",
        "CheckedIn",
        "CheckedOut",
        "WorkVerified",
        "Reopened",
        "PutOnHold",
        "Recalled",
    ] {
        act(named(step));
        left.remove(step);
        status = after(step, status).expect("the path is a good one");
        let stays: Vec<&str> =
            left.iter().filter(|name| after(name, status) == Some(status)).copied().collect();
        for name in stays {
            act(named(name));
            left.remove(name);
        }
    }
    assert_eq!(left.into_iter().collect::<Vec<_>>(), ["Rejected"]);
}

/// Erases an order and waits for the end of it.
fn erase(platform: &Platform, order: i64) {
    let filter = json!({ "CompanyId": COMPANY, "WorkOrderId": order });
    let job = json!({ "Kind": "Erase", "Filter": filter, "RatePerSecond": 1000 });
    let job = platform.post("/v1/jobs", &job).with(201);
    let path = format!("/v1/jobs/{}", text(&job["JobId"]));
    wait_for("the erase ends", || (platform.get(&path).with(200)["State"] == "Finished").then_some(()));
}

/// All that the interfaces answer about the orders, with the paths.
fn answers(platform: &Platform, client: &Client<'_>, orders: &[i64], pull: &str) -> Vec<(String, String)> {
    let mut paths: Vec<String> =
        ["notifications", "deliveries", "log", "audit", "alerts", "jobs", "work-orders"]
            .map(|list| format!("/v1/{list}?Limit=500"))
            .into();
    for (list, id) in [("log", "LogId"), ("deliveries", "DeliveryId")] {
        let items = platform.list(&format!("/v1/{list}?CompanyId={COMPANY}"));
        let id = |item: &Value| item[id].as_str().map_or_else(|| item[id].to_string(), str::to_owned);
        paths.extend(items.iter().map(|item| format!("/v1/{list}/{}", id(item))));
    }
    for item in platform.list(&format!("/v1/notifications?CompanyId={COMPANY}")) {
        paths.push(format!("/v1/notifications/{}?CompanyId={COMPANY}", text(&item["MessageId"])));
    }
    paths.extend(orders.iter().map(|order| format!("/v1/work-orders/{order}")));
    let mut found: Vec<(String, String)> = paths
        .into_iter()
        .map(|path| {
            let reply = platform.get(&path);
            assert_eq!(reply.status, 200, "{path}: {}", reply.text());
            (path, reply.text())
        })
        .collect();
    let mut calls: Vec<(&str, String, Option<Value>)> = vec![
        ("GET", format!("notifications?Endpoint={pull}&Limit=500"), None),
        (
            "POST",
            "workorder/search".to_owned(),
            Some(json!({ "MessageId": "m", "Parameters": { "Statuses": ["Recalled"] } })),
        ),
    ];
    for order in orders {
        for call in ["workOrder?ids=", "messages?workOrderId=", "workorder/noteHistory?workOrderId="] {
            calls.push(("GET", format!("{call}{order}"), None));
        }
    }
    for (method, path, body) in calls {
        let reply = client.call(method, &path, body.as_ref());
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        found.push((path, reply.text()));
    }
    found
}

#[test]
fn after_an_erase_no_text_of_a_work_order_that_is_held_is_left() {
    let installation = Installation::retrying("1h");
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    // They say back what they heard: one takes it, one fails and lets it wait, one gives it up.
    let (takes, fails) =
        (Receiver::answering(|_| Answer::Echo(200)), Receiver::answering(|_| Answer::Echo(500)));
    platform.create_endpoint(COMPANY, &takes.url("/in"), json!({}));
    platform.create_endpoint(COMPANY, &fails.url("/waits"), json!({}));
    platform.create_endpoint(COMPANY, &fails.url("/dies"), json!({ "MaxAttempts": 1 }));
    let pull =
        platform.post(&format!("/v1/companies/{COMPANY}/endpoints"), &json!({ "Url": null })).with(201);
    let pull = text(&pull["EndpointId"]);
    let client = Client { platform: &platform, bearer: format!("Bearer {}", access_token(&platform)) };
    let mut random = Random::new(170);

    let [acted, told] = [(); 2].map(|()| create(&platform, &mut random));
    for order in [acted, told] {
        client.act("PUT", "workOrder/note", order, json!({ "InternalNote": SECRET }));
        client.act("POST", "messages", order, json!({ "Text": SECRET }));
        client.call("GET", &format!("workOrder?ids={order}"), None).with(200);
        client.call("GET", &format!("messages?workOrderId={order}"), None).with(200);
        client.call("GET", &format!("workorder/noteHistory?workOrderId={order}"), None).with(200);
    }
    client.call("GET", &format!("workOrder?ids={acted},{told}"), None).with(200);
    let search = json!({ "MessageId": SECRET, "Parameters": { "WorkOrderNumber": SECRET } });
    let found = client.call("POST", "workorder/search", Some(&search)).with(200);
    assert_eq!(found["WorkOrders"].as_array().map(Vec::len), Some(2), "the number is a text, too: {found}");
    live_through_everything(&platform, acted, &mut random);
    client.act("PUT", "workOrder/reject", told, json!({ "Comment": SECRET }));
    let refused = json!({ "MessageId": SECRET, "WorkOrderId": told, "PerformedBy": { "Name": SECRET }, "Text": SECRET });
    assert_eq!(client.call("POST", "messages", Some(&refused)).status, 409, "it is final");

    // By hand, so that it stands in the audit.
    let waiting = wait_for("what waits", || {
        let waiting = platform.list(&format!("/v1/deliveries?WorkOrderId={acted}&State=Pending"));
        (waiting.len() > 10).then_some(waiting)
    });
    platform.ask(&format!("/v1/deliveries/{}/discard", text(&waiting[0]["DeliveryId"]))).with(200);
    wait_for("an alert", || (!platform.list("/v1/alerts?Kind=DeliveriesDying").is_empty()).then_some(()));
    wait_for("what was delivered", || {
        let notifications = platform.list(&format!("/v1/notifications?WorkOrderId={acted}")).len();
        let told = platform.list(&format!("/v1/log?WorkOrderId={acted}"));
        let taken = told.iter().filter(|record| record["Status"] == 200 && record["Direction"] == "Outbound");
        (taken.count() >= notifications - 5).then_some(())
    });
    wait_for("the last request in the log", || {
        let inbound = platform.list(&format!("/v1/log?WorkOrderId={told}&Direction=Inbound"));
        inbound.iter().any(|record| record["Status"] == 409).then_some(())
    });
    let orders = [acted, told];
    let before = answers(&platform, &client, &orders, &pull);
    let with_it: BTreeSet<&str> = before
        .iter()
        .filter(|(_, answer)| answer.contains(SECRET))
        .map(|(path, _)| {
            path.split(['?', '/']).find(|part| !part.is_empty() && *part != "v1").unwrap_or(path)
        })
        .collect();
    for expected in ["notifications", "log", "work-orders", "workOrder", "messages", "workorder"] {
        assert!(with_it.contains(expected), "{expected} is in none of {with_it:?}");
    }
    assert!(!holding(installation.data_dir(), SECRET).is_empty(), "it stands there before");

    for order in orders {
        erase(&platform, order);
    }
    for (path, answer) in answers(&platform, &client, &orders, &pull) {
        assert!(!answer.contains(SECRET), "{path}: {answer}");
    }
    let early = installation.folder().join("early.db");
    let backup = installation.run(&["backup", early.to_str().expect("it is text")]);
    assert!(backup.status.success(), "{}", String::from_utf8_lossy(&backup.stderr));
    assert_eq!(server.terminate().code(), Some(0));
    let exported = installation.folder().join("early.jsonl");
    let export = installation.run(&["export", exported.to_str().expect("it is text")]);
    assert!(export.status.success(), "{}", String::from_utf8_lossy(&export.stderr));
    let compacted = installation.run(&["compact"]);
    assert!(compacted.status.success(), "{}", String::from_utf8_lossy(&compacted.stderr));
    // The data dir, the backup and the export.
    assert_eq!(holding(installation.folder(), SECRET), Vec::<String>::new());

    let server = installation.start();
    let platform = server.platform();
    let client = Client { platform: &platform, bearer: client.bearer };
    for (path, answer) in answers(&platform, &client, &orders, &pull) {
        assert!(!answer.contains(SECRET), "{path}: {answer}");
    }
    assert_eq!(
        platform.get(&format!("/v1/work-orders/{acted}")).with(200)["Status"],
        "Recalled",
        "its state stays"
    );
}
