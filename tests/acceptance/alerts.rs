//! What somebody should know of reaches the receiver of alerts: once, signed, also after a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use workbell_testkit::{Answer, Installation, Platform, Random, Receiver, Recorded, wait_for};
use workbell_wire::webhook_signature::{Headers, Secret, verify};

use crate::notification::{BRANCH, COMPANY, publish};

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
    let now = workbell_wire::Timestamp::from_unix_seconds(seconds);
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

#[test]
fn an_alert_url_that_cannot_be_used_stops_the_start() {
    let installation = Installation::new()
        .set("alerts.url", "https://user:word@alerts.example/")
        .set("alerts.secret", SECRET);
    let ended = installation.fail_to_start(&[]);
    assert!(ended.error().contains("alerts.url"), "{ended}");
}
