//! What somebody should know of reaches the receiver of alerts: once, signed, also after a restart.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use workbell_testkit::{Answer, Installation, Platform, Random, Receiver, Recorded, wait_for};
use workbell_wire::Timestamp;
use workbell_wire::webhook_signature::{Headers, Secret, verify};

use crate::disk::SmallDisk;
use crate::notification::{BRANCH, COMPANY, publish, text};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// An installation that gives a delivery up after two attempts, and tells this receiver.
fn told_at(alerts: &Receiver) -> Installation {
    Installation::retrying("20ms")
        .set("delivery.max_attempts", "2")
        .set("alerts.url", &alerts.url("/alerts"))
        .set("alerts.secret", SECRET)
}

/// A company with an endpoint at which everything fails.
fn failing_endpoint(platform: &Platform) -> (Receiver, String) {
    let receiver = Receiver::answering(|_| Answer::Status(500));
    platform.create_company(COMPANY, BRANCH);
    let endpoint = platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    (receiver, endpoint.id)
}

fn is_dead(platform: &Platform, delivery: &str) -> Option<()> {
    (platform.delivery(delivery)["State"] == "Dead").then_some(())
}

/// The body, once its signature was checked by the standard's rules.
#[track_caller]
fn checked(request: &Recorded) -> Value {
    let secret: Secret = SECRET.parse().expect("a secret");
    let headers = Headers {
        id: request.header("webhook-id"),
        timestamp: request.header("webhook-timestamp"),
        signature: request.header("webhook-signature"),
    };
    let seconds: i64 = headers.timestamp.parse().expect("seconds");
    let now = Timestamp::from_unix_seconds(seconds);
    verify(&headers, &request.body, &[secret], now, Duration::from_secs(1)).expect("a good signature");
    request.json()
}

#[test]
fn deliveries_that_die_are_told_once_and_signed() {
    let alerts = Receiver::start();
    let installation = told_at(&alerts);
    let server = installation.start();
    let platform = server.platform();
    let (_receiver, endpoint) = failing_endpoint(&platform);
    let mut random = Random::new(120);
    // Fewer failures than close the endpoint, which would be an alert of its own.
    for work_order in 1..=3 {
        let (_, delivery) = publish(&platform, &mut random, work_order);
        wait_for("its death", || is_dead(&platform, &delivery));
    }
    let requests = alerts.answered(1);
    let body = checked(&requests[0]);
    assert_eq!(body["type"], "DeliveriesDying");
    assert_eq!(requests[0].header("Event-Type"), "DeliveriesDying");
    assert_eq!((&body["data"]["CompanyId"], &body["data"]["Subject"]), (&json!(COMPANY), &json!(endpoint)));
    assert_eq!(body["data"]["Reason"], "Exhausted");
    let listed = || platform.get("/v1/alerts?Lasting=true").with(200)["Items"].clone();
    wait_for("the note that it was told", || listed()[0]["Sent"].is_string().then_some(()));
    assert_eq!(listed()[0]["Count"], 3, "{}", listed());
    assert_eq!(alerts.requests().len(), 1, "the other two count in it");

    // Told is told, also after a restart; and who died in the meantime is the same event.
    server.kill();
    let server = installation.start();
    let platform = server.platform();
    let (_, delivery) = publish(&platform, &mut random, 6);
    wait_for("its death", || is_dead(&platform, &delivery));
    assert_eq!(platform.get("/v1/alerts").with(200)["Items"][0]["Count"], 4);
    assert_eq!(server.terminate().code(), Some(0));
    assert_eq!(alerts.requests().len(), 1);
}

#[test]
fn an_alert_that_nobody_took_is_told_after_a_restart_with_the_same_id() {
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let alerts =
        Receiver::answering(
            move |_| {
                if mended.load(Ordering::SeqCst) { Answer::Status(204) } else { Answer::Close }
            },
        );
    let installation = told_at(&alerts);
    let server = installation.start();
    let platform = server.platform();
    let (_receiver, _) = failing_endpoint(&platform);
    let (_, delivery) = publish(&platform, &mut Random::new(121), 1);
    wait_for("its death", || is_dead(&platform, &delivery));
    alerts.wait("a try", |requests| (!requests.is_empty()).then_some(()));
    server.kill();
    alerts.settle();
    is_mended.store(true, Ordering::SeqCst);
    let server = installation.start();
    let platform = server.platform();
    wait_for("the note that it was told", || {
        platform.get("/v1/alerts").with(200)["Items"][0]["Sent"].is_string().then_some(())
    });
    let requests = alerts.requests();
    let told: Vec<&Recorded> = requests.iter().filter(|request| request.is_delivered()).collect();
    assert_eq!(told.len(), 1, "once");
    checked(told[0]);
    assert!(requests.iter().all(|request| request.header("webhook-id") == told[0].header("webhook-id")));
}

/// A receiver of alerts that hangs up until the flag is set.
fn closed_at_first() -> (Receiver, Arc<AtomicBool>) {
    let is_open = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&is_open);
    let receiver =
        Receiver::answering(
            move |_| {
                if open.load(Ordering::SeqCst) { Answer::Status(204) } else { Answer::Close }
            },
        );
    (receiver, is_open)
}

/// A company with an endpoint whose receiver answers with the status that is in the number.
fn endpoint_with_status(platform: &Platform, members: Value) -> (Receiver, Arc<AtomicU16>, String) {
    let status = Arc::new(AtomicU16::new(500));
    let told = Arc::clone(&status);
    let receiver = Receiver::answering(move |_| Answer::Status(told.load(Ordering::SeqCst)));
    platform.create_company(COMPANY, BRANCH);
    let endpoint = platform.create_endpoint(COMPANY, &receiver.url("/in"), members);
    (receiver, status, endpoint.id)
}

/// Alerts of this kind, newest first.
fn of_kind(platform: &Platform, kind: &str) -> Vec<Value> {
    platform.list(&format!("/v1/alerts?Kind={kind}"))
}

/// Tells of an event of its own, so late that whatever was to be told before is.
fn sentinel(platform: &Platform, alerts: &Receiver) {
    let gone = Receiver::answering(|_| Answer::Status(410));
    platform.create_company("sentinel", 7);
    let endpoint = platform.create_endpoint("sentinel", &gone.url("/in"), json!({"On410": "Pause"}));
    let order = json!({"WorkOrderId": 7_000_001, "BranchId": 7, "Action": "MessageSent",
        "Sender": {"Name": "Jon Snow", "Type": "CorrigoPro"}});
    platform.post("/v1/notifications", &json!({"Header": order, "Text": "Hello"})).with(202);
    alerts.wait("the sentinel's alert", |requests| {
        let is_it = |it: &Recorded| it.is_delivered() && it.json()["data"]["Subject"] == endpoint.id;
        requests.iter().any(is_it).then_some(())
    });
}

/// What makes an alert: the settings that it needs, the members of the endpoint, and the deed.
struct Event {
    kind: &'static str,
    reason: Option<&'static str>,
    settings: &'static [(&'static str, &'static str)],
    members: fn() -> Value,
    /// Gets the platform and the status that the endpoint's receiver answers with.
    happens: fn(&Platform, &AtomicU16),
}

fn publishes(platform: &Platform, status: &AtomicU16, answer: u16, times: usize) {
    status.store(answer, Ordering::SeqCst);
    let mut random = Random::new(122);
    for work_order in 1..=times {
        publish(platform, &mut random, i64::try_from(work_order).expect("few"));
    }
}

const EVENTS: &[Event] = &[
    Event {
        kind: "EndpointDown",
        reason: None,
        settings: &[("delivery.down_after", "3")],
        members: || json!({}),
        happens: |platform, status| publishes(platform, status, 503, 3),
    },
    Event {
        kind: "EndpointReopened",
        reason: None,
        settings: &[("delivery.down_after", "3"), ("delivery.probe_interval", "50ms")],
        members: || json!({}),
        happens: |platform, status| {
            publishes(platform, status, 503, 3);
            wait_for("it is down", || (!of_kind(platform, "EndpointDown").is_empty()).then_some(()));
            status.store(200, Ordering::SeqCst);
        },
    },
    Event {
        kind: "EndpointPaused",
        reason: None,
        settings: &[],
        members: || json!({"On410": "Pause"}),
        happens: |platform, status| publishes(platform, status, 410, 1),
    },
    Event {
        kind: "DeliveriesDying",
        reason: Some("Exhausted"),
        settings: &[("delivery.max_attempts", "2")],
        members: || json!({}),
        happens: |platform, status| publishes(platform, status, 400, 2),
    },
    Event {
        kind: "DeliveriesDying",
        reason: Some("Expired"),
        settings: &[("delivery.max_age", "100ms")],
        members: || json!({}),
        happens: |platform, status| publishes(platform, status, 400, 2),
    },
    Event {
        kind: "DeliveriesDying",
        reason: Some("Overflow"),
        settings: &[("limits.waiting", "1"), ("delivery.retry_schedule", "1h")],
        members: || json!({}),
        happens: |platform, status| {
            status.store(500, Ordering::SeqCst);
            let mut random = Random::new(123);
            for _ in 0..3 {
                publish(platform, &mut random, 1);
            }
        },
    },
];

/// Each event of an endpoint is told once: its commit is on disk, nobody took the alert, the process is killed; after
/// the restart it is told within a minute, and never again.
#[test]
fn every_event_of_an_endpoint_is_told_once_also_when_the_process_is_killed_before() {
    for event in EVENTS {
        let name = format!("{} {}", event.kind, event.reason.unwrap_or_default());
        let (alerts, is_open) = closed_at_first();
        let mut installation = Installation::retrying("20ms")
            .set("alerts.url", &alerts.url("/alerts"))
            .set("alerts.secret", SECRET);
        for (key, value) in event.settings {
            installation = installation.set(key, value);
        }
        let server = installation.start();
        let platform = server.platform();
        let (_receiver, status, endpoint) = endpoint_with_status(&platform, (event.members)());
        (event.happens)(&platform, &status);
        wait_for(&name, || (!of_kind(&platform, event.kind).is_empty()).then_some(()));
        server.kill();
        alerts.settle();
        is_open.store(true, Ordering::SeqCst);

        let server = installation.start();
        let platform = server.platform();
        let of_it = |request: &&Recorded| {
            let body = request.json();
            request.is_delivered() && body["type"] == event.kind && body["data"]["Subject"] == endpoint
        };
        alerts.wait(&name, |requests| requests.iter().any(|request| of_it(&request)).then_some(()));
        wait_for(&name, || of_kind(&platform, event.kind)[0]["Sent"].is_string().then_some(()));
        server.kill();

        let server = installation.start();
        let platform = server.platform();
        sentinel(&platform, &alerts);
        let requests = alerts.requests();
        let told: Vec<&Recorded> = requests.iter().filter(of_it).collect();
        assert_eq!(told.len(), 1, "{name}: once");
        let body = checked(told[0]);
        assert_eq!(body["data"]["CompanyId"], COMPANY, "{name}");
        assert_eq!(body["data"].get("Reason").and_then(Value::as_str), event.reason, "{name}");
        let kept: Vec<Value> = of_kind(&platform, event.kind);
        let kept: Vec<&Value> = kept.iter().filter(|alert| alert["Subject"] == endpoint).collect();
        assert_eq!(kept.len(), 1, "{name}: {kept:?}");
        // Tries before the restart had the same id.
        let id = told[0].header("webhook-id");
        let tries = requests.iter().filter(|it| it.json()["data"]["AlertId"] == body["data"]["AlertId"]);
        assert!(tries.into_iter().all(|it| it.header("webhook-id") == id), "{name}");
    }
}

/// Attempts to other endpoints hang, and the endpoint itself is down: its alert comes all the same.
#[test]
fn an_alert_needs_neither_the_endpoint_nor_those_that_hang() {
    let alerts = Receiver::start();
    let installation = told_at(&alerts).set("delivery.down_after", "1");
    let server = installation.start();
    let platform = server.platform();
    let hanging = Receiver::answering(|_| Answer::Nothing);
    platform.create_company("hangs", 7);
    let mut hung = 0;
    for _ in 0..20 {
        platform.create_endpoint("hangs", &hanging.url("/in"), json!({"Timeout": "30s"}));
        hung += 1;
    }
    let order = json!({"WorkOrderId": 7_000_001, "BranchId": 7, "Action": "MessageSent",
        "Sender": {"Name": "Jon Snow", "Type": "CorrigoPro"}});
    platform.post("/v1/notifications", &json!({"Header": order, "Text": "Hello"})).with(202);
    hanging.wait("all to hang", |requests| (requests.len() == hung).then_some(()));
    let (_receiver, endpoint) = failing_endpoint(&platform);
    publish(&platform, &mut Random::new(124), 1);
    let told =
        alerts.wait("the alert", |requests| requests.iter().find(|request| request.is_delivered()).cloned());
    let body = checked(&told);
    assert_eq!((&body["type"], &body["data"]["Subject"]), (&json!("EndpointDown"), &json!(endpoint)));
    assert_eq!(platform.list("/v1/deliveries?CompanyId=hangs&State=Pending").len(), hung, "they still hang");
    let listed = || of_kind(&platform, "EndpointDown").remove(0);
    let listed = wait_for("the note", || Some(listed()).filter(|alert| alert["Sent"].is_string()));
    let moment = |name: &str| text(&listed[name]).parse::<Timestamp>().expect("a time");
    assert!(moment("Sent").since(moment("Raised")) < Duration::from_secs(60), "{listed}");
}

/// Alerts that its receiver refuses are not in the way of those that it takes.
#[test]
fn alerts_that_are_refused_hold_up_no_other() {
    let alerts = Receiver::answering(|request| {
        Answer::Status(if request.header("Event-Type") == "DeliveriesDying" { 400 } else { 204 })
    });
    let installation = told_at(&alerts).set("delivery.max_attempts", "1").set("limits.endpoints", "100");
    let server = installation.start();
    let platform = server.platform();
    let receiver = Receiver::answering(|_| Answer::Status(500));
    platform.create_company(COMPANY, BRANCH);
    // More than are read at once.
    for _ in 0..60 {
        platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    }
    platform.publish(crate::notification::message(&Random::new(125).guid(), 1, "Hello").as_bytes()).with(202);
    alerts.wait("all refusals", |requests| {
        let ids: BTreeSet<&str> = requests.iter().map(|request| request.header("webhook-id")).collect();
        (ids.len() == 60).then_some(())
    });
    sentinel(&platform, &alerts);
}

#[test]
fn a_disk_near_its_end_is_told_once_also_after_a_restart() {
    let Some(disk) = SmallDisk::mount("64m") else {
        // Without the right to mount, the warden's own tests are left.
        return;
    };
    let (alerts, is_open) = closed_at_first();
    let installation = Installation::new()
        .at(&disk.path().join("data"))
        .set("alerts.url", &alerts.url("/alerts"))
        .set("alerts.secret", SECRET);
    // 5 of 64 MiB is less than a tenth.
    disk.fill_up_to(5 << 20);
    let server = installation.start();
    alerts.wait("a try", |requests| (!requests.is_empty()).then_some(()));
    server.kill();
    alerts.settle();
    is_open.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        let server = installation.start();
        let platform = server.platform();
        wait_for("it is told", || of_kind(&platform, "DiskEnding")[0]["Sent"].is_string().then_some(()));
        server.kill();
    }
    let server = installation.start();
    let platform = server.platform();
    sentinel(&platform, &alerts);
    let requests = alerts.requests();
    let told: Vec<&Recorded> =
        requests.iter().filter(|it| it.is_delivered() && it.json()["type"] == "DiskEnding").collect();
    assert_eq!(told.len(), 1, "once");
    let body = checked(told[0]);
    assert_eq!((&body["data"]["Subject"], &body["data"]["CompanyId"]), (&json!("disk"), &Value::Null));
    assert!(body["data"]["FreeBytes"].as_u64().is_some_and(|free| free < 6 << 20), "{body}");
    server.kill();

    // There is room again: it is over, and the next time is another event.
    disk.make_room();
    let server = installation.start();
    let platform = server.platform();
    wait_for("its end", || of_kind(&platform, "DiskEnding")[0]["Ended"].is_string().then_some(()));
    server.kill();
    disk.fill_up_to(5 << 20);
    let server = installation.start();
    let platform = server.platform();
    wait_for("the next one", || {
        let alerts = of_kind(&platform, "DiskEnding");
        (alerts.len() == 2 && alerts[0]["Sent"].is_string()).then_some(())
    });
    drop(server);
}

#[test]
fn an_alert_url_that_cannot_be_used_stops_the_start() {
    let installation = Installation::new()
        .set("alerts.url", "https://user:word@alerts.example/")
        .set("alerts.secret", SECRET);
    let ended = installation.fail_to_start(&[]);
    assert!(ended.error().contains("alerts.url"), "{ended}");
}
