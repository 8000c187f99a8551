//! A feed keeps its order and its places through kill -9, and a reader that waits does not hold up a stop.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use workbell_testkit::{Installation, Platform, Random, Server, wait_for};

use crate::metrics::{metrics, queries, scrape, stays_idle};
use crate::notification::{BRANCH, COMPANY, publish, text};

/// How long a stop lets requests end; one that is held back for 60 s would take all of it.
const PATIENCE_OF_A_STOP: Duration = Duration::from_secs(10);

/// A client's id, secret, and an access token for them.
fn access_token(server: &Server) -> String {
    let platform = server.platform();
    let made = platform.post(&format!("/v1/companies/{COMPANY}/clients"), &json!({})).with(201);
    let (id, secret) = (text(&made["ClientId"]), text(&made["ClientSecret"]));
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let reply = platform.send("POST", "/OAuth/Token", &headers, form.as_bytes()).expect("it answers");
    text(&reply.with(200)["access_token"])
}

fn read(platform: &Platform, token: &str, query: &str) -> Value {
    let bearer = format!("Bearer {token}");
    let path = format!("/Direct/api/notifications?{query}");
    platform.send("GET", &path, &[("Authorization", &bearer)], b"").expect("it answers").with(200)
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["Items"].as_array().expect("a page has items");
    items.iter().map(|item| text(&item["Headers"]["Webhook-Id"])).collect()
}

#[test]
fn a_place_in_the_feed_holds_over_kills_and_nothing_is_missing_or_doubled() {
    let installation = Installation::new();
    let mut random = Random::new(51);
    let mut server = installation.start();
    server.platform().create_company(COMPANY, BRANCH);
    let endpoints = format!("/v1/companies/{COMPANY}/endpoints");
    server.platform().post(&endpoints, &json!({"Url": null})).with(201);
    let token = access_token(&server);
    let (mut published, mut found, mut query) = (Vec::new(), Vec::new(), "Limit=3".to_owned());
    for _ in 0..4 {
        for order in [42, 43, 42, 44, 42] {
            published.push(publish(&server.platform(), &mut random, order).0);
        }
        // Read half of it before, the rest after the kill.
        let page = read(&server.platform(), &token, &query);
        found.extend(ids(&page));
        query = format!("Limit=4&After={}", text(&page["Next"]));
        server.kill();
        server = installation.start();
    }
    loop {
        let page = read(&server.platform(), &token, &query);
        if ids(&page).is_empty() {
            break;
        }
        found.extend(ids(&page));
        query = format!("After={}", text(&page["Next"]));
    }
    assert_eq!(found, published);
    let all = read(&server.platform(), &token, "Limit=500");
    let of_42 = all["Items"]
        .as_array()
        .expect("items")
        .iter()
        .filter(|item| item["Body"].as_str().is_some_and(|body| body.contains("\"WorkOrderId\":42")));
    let sequences: Vec<u64> =
        of_42.map(|item| text(&item["Headers"]["Workbell-Sequence"]).parse().expect("a number")).collect();
    assert!(sequences.into_iter().eq(1..=12), "the sequence of work order 42 has no hole");
}

#[test]
fn a_reader_that_waits_costs_nothing_and_does_not_hold_up_a_stop() {
    let installation = Installation::new().set("metrics.listen", "127.0.0.1:0");
    let server = installation.start();
    let metrics = metrics(&server);
    server.platform().create_company(COMPANY, BRANCH);
    server.platform().post(&format!("/v1/companies/{COMPANY}/endpoints"), &json!({"Url": null})).with(201);
    let token = access_token(&server);
    let platform = server.platform();
    let before = stays_idle(&metrics);
    let reader = std::thread::spawn(move || read(&platform, &token, "Wait=60"));
    wait_for("the reader to look once", || (queries(&scrape(&metrics)).0 > before.0).then_some(()));
    stays_idle(&metrics);
    let began = Instant::now();
    assert_eq!(server.terminate().code(), Some(0));
    assert!(began.elapsed() < PATIENCE_OF_A_STOP, "it did not wait for the reader");
    let page = reader.join().expect("the reader is answered");
    assert_eq!(page["Items"], json!([]));
}
