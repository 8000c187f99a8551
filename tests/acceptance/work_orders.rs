//! Work orders: every act tells of itself, a kill leaves all of an act or nothing, and a crowd breaks no rule.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use workbell_testkit::{Installation, Platform, Random, Receiver, Server, wait_for};
use workbell_wire::{Action, MessageId, SampleContext, Timestamp, Variant, sample};

use crate::notification::{BRANCH, COMPANY, all_settled, text};

/// Services side by side, and kills of each: 112 in all.
const SERVICES: u64 = 4;
const KILLS: usize = 28;

/// Work orders that are acted on at a time.
const ORDERS: usize = 6;

/// A kill comes when up to so many acts of its life were answered, and up to this much later.
const MOST_ACTS: u64 = 24;
const LONGEST_WAIT_US: u64 = 12_000;

/// Acts of one actor in one life.
const BURST: usize = 40;

/// Who acts at once on one order, half of them through the Direct API, and how often each.
const CROWD: usize = 50;
const ACTS_EACH: usize = 12;

/// The state after an act, `None` when it is not allowed. Source: service.md section 5.
pub(crate) fn after<'a>(action: &str, status: &'a str) -> Option<&'a str> {
    let (allowed, then): (&[&str], &'static str) = match action {
        "Accepted" => (&["New"], "Accepted"),
        "Rejected" => (&["New"], "Rejected"),
        "Recalled" => (&["New", "Accepted", "OnHold"], "Recalled"),
        "PutOnHold" => (&["New", "Accepted", "CheckedIn", "Paused"], "OnHold"),
        "Reopened" => (&["OnHold", "CheckedOut", "NeedsCompletionDetails", "Verified"], "New"),
        "CheckedIn" => (&["Accepted", "Paused"], "CheckedIn"),
        "Paused" => (&["CheckedIn"], "Paused"),
        "CheckedOut" => (&["CheckedIn"], "CheckedOut"),
        "NeedsCompletionDetails" => (&["CheckedIn"], "NeedsCompletionDetails"),
        "WorkVerified" => (&["CheckedOut", "Verified"], "Verified"),
        "InvoiceStatusChanged" => return ["CheckedOut", "Verified"].contains(&status).then_some(status),
        "MessageSent" | "AttachmentAdded" | "AttachmentRemoved" | "InternalNoteChanged" => {
            return (!["Rejected", "Recalled"].contains(&status)).then_some(status);
        }
        "CompletionInfoChanged" => return Some(status),
        _ => return ["Accepted", "CheckedIn", "Paused", "OnHold"].contains(&status).then_some(status),
    };
    allowed.contains(&status).then_some(then)
}

pub(crate) fn acts() -> Vec<Action> {
    let no_act = [Action::NewWorkOrder, Action::AdditionalFieldDescriptorUpdated];
    Action::ALL.into_iter().filter(|action| !no_act.contains(action)).collect()
}

fn of_sample(action: Action, variant: Variant, order: i64) -> Value {
    let now = Timestamp::from_unix_seconds(1_767_225_600);
    let context = SampleContext::new(order, BRANCH, MessageId::from_bytes([7; 16]), now);
    serde_json::from_slice(&sample(action, variant, &context)).expect("a sample is JSON")
}

/// The body that does what a sample tells of.
pub(crate) fn act_body(action: Action, variant: Variant, message_id: &str) -> Value {
    let mut body = of_sample(action, variant, 1);
    let header = body["Header"].take();
    let members = body.as_object_mut().expect("a sample is an object");
    members.remove("Header");
    members.insert("Sender".to_owned(), header["Sender"].clone());
    members.insert("ActionDate".to_owned(), header["ActionDate"].clone());
    members.insert("MessageId".to_owned(), message_id.into());
    if action == Action::NewWorkOrder {
        members["Details"].as_object_mut().expect("details are an object").remove("WorkOrderId");
        members["Details"]["Status"] = "New".into();
    } else {
        members.insert("Action".to_owned(), action.name().into());
    }
    body
}

fn create(platform: &Platform, random: &mut Random) -> i64 {
    let body = act_body(Action::NewWorkOrder, Variant::Typical, &random.guid());
    let made = platform.post("/v1/work-orders", &body).with(201);
    made["WorkOrderId"].as_i64().expect("an order has an id")
}

fn act(platform: &Platform, order: i64, body: &Value) -> workbell_testkit::Reply {
    platform.post(&format!("/v1/work-orders/{order}/actions"), body)
}

fn whole(platform: &Platform, order: i64) -> Value {
    platform.get(&format!("/v1/work-orders/{order}")).with(200)
}

fn time_line(order: &Value) -> &Vec<Value> {
    order["Timeline"].as_array().expect("an order has a time line")
}

#[test]
fn every_action_arrives_with_its_documented_members_and_the_orders_status() {
    let installation = Installation::new();
    let server = installation.start();
    let (platform, receiver) = (server.platform(), Receiver::start());
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let mut random = Random::new(7);
    let mut told = BTreeSet::new();
    for action in acts() {
        let order = create(&platform, &mut random);
        let mut path = vec![Action::Accepted, Action::CheckedIn, Action::CheckedOut];
        // The shortest way to a state in which it is allowed.
        let states = ["New", "Accepted", "CheckedIn", "CheckedOut"];
        let steps = states.iter().position(|status| after(action.name(), status).is_some());
        path.truncate(match (steps, action) {
            (_, Action::Reopened) => 3,
            (Some(steps), _) => steps,
            (None, _) => panic!("{action} is allowed in none of {states:?}"),
        });
        for step in path {
            act(&platform, order, &act_body(step, Variant::Minimal, &random.guid())).with(202);
        }
        let id = random.guid();
        act(&platform, order, &act_body(action, Variant::Maximal, &id)).with(202);
        let arrived = receiver.wait("the notification of an act", |requests| {
            requests
                .iter()
                .find(|request| request.message_id() == id)
                .map(|request| (request.header("Event-Type").to_owned(), request.json()))
        });
        let mut expected = of_sample(action, Variant::Maximal, order);
        expected["Header"]["MessageId"] = id.into();
        assert_eq!(arrived, (action.name().to_owned(), expected));
        let now = whole(&platform, order);
        if let Some(status) = arrived.1.get("Status")
            && !matches!(action, Action::InvoiceStatusChanged | Action::IsmStatusChanged)
        {
            assert_eq!(*status, now["Status"], "{action}");
        }
        told.insert(action.name());
    }
    assert_eq!(told.len(), 26);
    let created = receiver.requests().into_iter().filter(|it| it.header("Event-Type") == "NewWorkOrder");
    assert_eq!(created.count(), 26);
}

#[test]
fn a_hundred_kills_leave_all_of_an_act_or_nothing() {
    let seed = Random::fresh_seed();
    println!("WORKBELL_TEST_SEED={seed}");
    std::thread::scope(|scope| {
        for service in 0..SERVICES {
            scope.spawn(move || lives(Random::new(seed.wrapping_add(service))));
        }
    });
}

/// All lives of one service. After each kill every order must be whole.
fn lives(mut random: Random) {
    let installation = Installation::retrying("15ms");
    let receiver = Receiver::start();
    {
        let server = installation.start();
        let platform = server.platform();
        platform.create_company(COMPANY, BRANCH);
        platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
        server.kill();
    }
    let acknowledged = Mutex::new(BTreeSet::new());
    let mut orders: Vec<i64> = Vec::new();
    for _ in 0..KILLS {
        let server = installation.start();
        let platform = server.platform();
        orders.retain(|order| {
            let order = check(&platform, *order);
            !["Rejected", "Recalled"].contains(&order["Status"].as_str().expect("it has a status"))
        });
        while orders.len() < ORDERS {
            orders.push(create(&platform, &mut random));
        }
        one_life(server, &orders, &mut random, &acknowledged);
    }
    let server = installation.start();
    let platform = server.platform();
    all_settled(&platform);
    let acknowledged = acknowledged.into_inner().expect("nobody panics with it");
    let all = platform.list("/v1/work-orders?CompanyId=acme");
    assert!(all.len() >= ORDERS, "{}", all.len());
    let mut told = BTreeSet::new();
    for order in all {
        let order = check(&platform, order["WorkOrderId"].as_i64().expect("it has an id"));
        told.extend(time_line(&order).iter().map(|line| text(&line["MessageId"])));
    }
    let lost: Vec<_> = acknowledged.difference(&told).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let arrived: BTreeSet<String> =
        receiver.requests().iter().map(|request| request.message_id().to_owned()).collect();
    assert_eq!(arrived, told, "what stands in a time line arrives, and nothing else");
    assert!(acknowledged.len() > 2 * KILLS, "too little was done to prove anything: {}", acknowledged.len());
}

/// Two actors, and a kill in the middle of it.
fn one_life(server: Server, orders: &[i64], random: &mut Random, acknowledged: &Mutex<BTreeSet<String>>) {
    let (wanted, wait) = (random.below(MOST_ACTS), Duration::from_micros(random.below(LONGEST_WAIT_US)));
    let answered = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (platform, mut random, answered) =
                (server.platform(), Random::new(random.number()), &answered);
            scope.spawn(move || {
                for _ in 0..BURST {
                    let (action, order) = (any(&acts(), &mut random), any(orders, &mut random));
                    let id = random.guid();
                    let body = act_body(action, Variant::Minimal, &id).to_string();
                    let path = format!("/v1/work-orders/{order}/actions");
                    let Ok(reply) = platform.try_call("POST", &path, body.as_bytes()) else { break };
                    match reply.status {
                        202 => {
                            acknowledged.lock().expect("nobody panics with it").insert(id);
                        }
                        409 => reply.problem(409, "state_conflict"),
                        other => panic!("{other}: {}", reply.text()),
                    }
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        wait_for("some answers", || (answered.load(Ordering::SeqCst) >= wanted).then_some(()));
        std::thread::park_timeout(wait);
        server.kill();
    });
}

fn any<T: Copy>(all: &[T], random: &mut Random) -> T {
    all[usize::try_from(random.below(all.len() as u64)).expect("a small number")]
}

/// An order is whole: its state is that of its last act, each act has its notification and that one its delivery, in
/// the same order.
fn check(platform: &Platform, id: i64) -> Value {
    let order = whole(platform, id);
    let lines = time_line(&order);
    check_rules(lines);
    let last = lines.last().expect("a created order has an entry");
    assert_eq!(order["Status"], last["Status"], "{id}");
    assert_eq!(order["Details"]["Status"], last["Status"], "{id}");
    assert_eq!(order["LastUpdate"], last["Recorded"], "{id}");
    let ids = |items: &[Value]| items.iter().map(|item| text(&item["MessageId"])).collect::<Vec<_>>();
    let told = ids(lines);
    let mut notifications = platform.list(&format!("/v1/notifications?WorkOrderId={id}"));
    notifications.reverse();
    assert_eq!(ids(&notifications), told, "{id}: an entry has its notification");
    let mut deliveries = platform.list(&format!("/v1/deliveries?WorkOrderId={id}"));
    deliveries.sort_by_key(|delivery| delivery["Sequence"].as_u64());
    assert_eq!(ids(&deliveries), told, "{id}: a notification has its delivery");
    let distinct: BTreeSet<_> = told.iter().collect();
    assert_eq!(distinct.len(), told.len(), "{id}: each act is there once");
    order
}

/// The time line has no gap, and each step is one that the table allows.
fn check_rules(lines: &[Value]) {
    assert_eq!((&lines[0]["Action"], &lines[0]["Status"]), (&json!("NewWorkOrder"), &json!("New")));
    for (place, pair) in (2..).zip(lines.windows(2)) {
        let action = pair[1]["Action"].as_str().expect("an entry has an action");
        let before = pair[0]["Status"].as_str().expect("an entry has a status");
        // The same action tells of two acts; the details that were given afterwards lead to CheckedOut.
        let given_afterwards = pair[1]["Act"] == "WorkDoneDetails";
        let expected = match given_afterwards {
            true => ["NeedsCompletionDetails", "CheckedOut"].contains(&before).then_some("CheckedOut"),
            false => after(action, before),
        };
        assert_eq!(pair[1]["Status"].as_str(), expected, "{action} in {before}");
        assert_eq!(pair[1]["Place"], place);
    }
}

#[test]
fn a_crowd_on_one_order_breaks_no_rule_and_is_told_in_the_order_of_the_time_line() {
    let installation = Installation::new();
    let server = installation.start();
    let (platform, receiver) = (server.platform(), Receiver::start());
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let mut random = Random::new(Random::fresh_seed());
    let order = create(&platform, &mut random);
    let token = access_token(&platform);
    let done = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for one in 0..CROWD {
            let (platform, token, done) = (server.platform(), token.clone(), &done);
            let mut random = Random::new(random.number());
            scope.spawn(move || {
                for _ in 0..ACTS_EACH {
                    let is_done = match one % 2 {
                        0 => by_platform(&platform, order, &mut random),
                        _ => by_client(&platform, &token, order, &mut random),
                    };
                    done.fetch_add(u64::from(is_done), Ordering::SeqCst);
                }
            });
        }
    });
    all_settled(&platform);
    let order = whole(&platform, order);
    let lines = time_line(&order);
    assert_eq!(lines.len() as u64, done.into_inner() + 1, "each act that was done stands there once");
    check_rules(lines);
    assert_eq!(order["Status"], lines.last().expect("there are entries")["Status"]);
    let is_told = |line: &&Value| line["Fate"] == "Queued";
    let told: Vec<_> = lines.iter().filter(is_told).map(|line| text(&line["MessageId"])).collect();
    let arrived: Vec<_> = receiver.requests().iter().map(|request| request.message_id().to_owned()).collect();
    assert_eq!(arrived, told);
    let of_client = lines.iter().filter(|line| line["Interface"] == "Direct");
    assert!(of_client.clone().all(|line| line["Fate"] == "Suppressed"));
    assert!(of_client.count() > 0 && told.len() > 1, "both sides have acted");
}

pub(crate) fn access_token(platform: &Platform) -> String {
    let client = platform.post(&format!("/v1/companies/{COMPANY}/clients"), &json!({})).with(201);
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        text(&client["ClientId"]),
        text(&client["ClientSecret"])
    );
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let reply = platform.send("POST", "/OAuth/Token", &headers, form.as_bytes()).expect("there is an answer");
    text(&reply.with(200)["access_token"])
}

/// Whether it was allowed. Rejecting and recalling would end the fun early.
fn by_platform(platform: &Platform, order: i64, random: &mut Random) -> bool {
    let harmless = |action: &Action| !matches!(action, Action::Rejected | Action::Recalled);
    let acts: Vec<_> = acts().into_iter().filter(harmless).collect();
    let reply = act(platform, order, &act_body(any(&acts, random), Variant::Minimal, &random.guid()));
    if reply.status == 202 {
        return true;
    }
    reply.problem(409, "state_conflict");
    false
}

/// The same through the Direct API.
fn by_client(platform: &Platform, token: &str, order: i64, random: &mut Random) -> bool {
    const CALLS: [(&str, &str); 7] = [
        ("PUT", "workOrder/accept"),
        ("PUT", "workOrder/checkIn"),
        ("PUT", "workOrder/pause"),
        ("PUT", "workOrder/checkout"),
        ("PUT", "workOrder/workDoneDetails"),
        ("PUT", "workOrder/note"),
        ("POST", "messages"),
    ];
    let (method, call) = any(&CALLS, random);
    let body = json!({"MessageId": "constant", "WorkOrderId": order, "PerformedBy": {"Name": "Jon"},
        "InternalNote": "x", "Text": "x"});
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let path = format!("/Direct/api/{call}");
    let reply =
        platform.send(method, &path, &headers, body.to_string().as_bytes()).expect("there is an answer");
    if reply.status == 200 {
        return true;
    }
    assert_eq!((reply.status, &reply.json()["Code"]), (409, &json!(3001)), "{}", reply.text());
    false
}
