//! How an endpoint does, and the series for charts.

use std::time::Duration;

use serde_json::json;
use workbell_model::{EndpointKey, Transition};

use crate::house::{House, accepted, faults};

fn key(id: &str) -> EndpointKey {
    EndpointKey { company_id: "acme".parse().unwrap(), endpoint_id: id.parse().unwrap() }
}

async fn attempt(house: &House, id: &str, status: u16) {
    let transition = match status {
        200 => Transition::Delivered,
        _ => Transition::Retrying { due: house.now(), counted: 1 },
    };
    house.attempt(&key(id), status, transition).await;
}

#[tokio::test]
async fn health_says_what_waits_and_how_attempts_ended() {
    let (house, id) = House::furnished().await;
    let path = format!("/v1/companies/acme/endpoints/{id}/health");
    let nothing = json!({"Delivered": 0, "Failed": 0, "LatencyP50": null, "LatencyP99": null});
    let expected = json!({
        "Health": "Healthy", "QueueSize": 0, "OldestWaiting": null, "ConsecutiveFailures": 0,
        "Last1h": nothing, "Last24h": nothing
    });
    assert_eq!(house.get(&path).await.with(200), expected);

    let began = house.now();
    house.post("/v1/notifications", accepted("first")).await.with(202);
    house.later(Duration::from_secs(60));
    house.post("/v1/notifications", accepted("second")).await.with(202);
    attempt(&house, &id, 500).await;
    attempt(&house, &id, 500).await;
    let found = house.get(&path).await.with(200);
    assert_eq!(
        (&found["Health"], &found["QueueSize"], &found["ConsecutiveFailures"], &found["Last1h"]["Failed"]),
        (&json!("Degraded"), &json!(2), &json!(2), &json!(2))
    );
    assert_eq!(found["OldestWaiting"], json!(began));

    attempt(&house, &id, 200).await;
    let found = house.get(&path).await.with(200);
    assert_eq!(
        (&found["Health"], &found["QueueSize"], &found["ConsecutiveFailures"]),
        (&json!("Degraded"), &json!(1), &json!(0)),
        "the failure is less than an hour ago"
    );
    let latency = found["Last24h"]["LatencyP99"].as_u64().unwrap();
    assert!((12_345..=14_691).contains(&latency), "{latency}");

    house.later(Duration::from_secs(3700));
    let found = house.get(&path).await.with(200);
    assert_eq!((&found["Health"], &found["Last1h"]), (&json!("Healthy"), &nothing));
    assert_eq!((&found["Last24h"]["Failed"], &found["Last24h"]["Delivered"]), (&json!(2), &json!(1)));
    house.later(Duration::from_secs(86_400));
    assert_eq!(house.get(&path).await.with(200)["Last24h"], nothing);
}

#[tokio::test]
async fn an_endpoint_that_is_down_says_so_until_it_answers() {
    let (house, id) = House::furnished().await;
    let path = format!("/v1/companies/acme/endpoints/{id}/health");
    house.post("/v1/notifications", accepted("first")).await.with(202);
    for nth in 1..=10 {
        attempt(&house, &id, 503).await;
        let found = house.get(&path).await.with(200);
        let expected = if nth == 10 { "Down" } else { "Degraded" };
        assert_eq!((&found["Health"], &found["ConsecutiveFailures"]), (&json!(expected), &json!(nth)));
    }
    let paused = format!("/v1/companies/acme/endpoints/{id}");
    house.post(&format!("{paused}/pause"), json!({})).await.with(200);
    assert_eq!(house.get(&path).await.with(200)["Health"], "Paused", "that is said first");
    house.post(&format!("{paused}/resume"), json!({})).await.with(200);
    assert_eq!(house.get(&path).await.with(200)["Health"], "Degraded", "resumed, it is open");
    attempt(&house, &id, 503).await;
    let found = house.get(&path).await.with(200);
    let counts = (&found["Health"], &found["ConsecutiveFailures"]);
    assert_eq!(counts, (&json!("Down"), &json!(11)), "a failure of one that reopens closes it");
    attempt(&house, &id, 200).await;
    let found = house.get(&path).await.with(200);
    assert_eq!((&found["Health"], &found["ConsecutiveFailures"]), (&json!("Degraded"), &json!(0)));
}

#[tokio::test]
async fn paused_and_off_are_said_before_all_else() {
    let (house, id) = House::furnished().await;
    let endpoint = format!("/v1/companies/acme/endpoints/{id}");
    house.post(&format!("{endpoint}/pause"), json!({})).await.with(200);
    assert_eq!(house.get(&format!("{endpoint}/health")).await.with(200)["Health"], "Paused");
    house.patch(&endpoint, json!({"Enabled": false})).await.with(200);
    assert_eq!(house.get(&format!("{endpoint}/health")).await.with(200)["Health"], "Off");
}

#[tokio::test]
async fn traffic_is_a_series_without_gaps() {
    let (house, id) = House::furnished().await;
    let path = format!("/v1/companies/acme/endpoints/{id}/traffic");
    house.post("/v1/notifications", accepted("first")).await.with(202);
    attempt(&house, &id, 500).await;
    house.later(Duration::from_secs(120));
    attempt(&house, &id, 200).await;
    let series =
        house.get(&format!("{path}?From=2026-01-01T00:00:00Z&To=2026-01-01T00:04:00Z")).await.with(200);
    let counts: Vec<_> = series["Items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (step["Start"].as_str().unwrap(), step["Delivered"].as_u64(), step["Failed"].as_u64()))
        .collect();
    let expected = [
        ("2026-01-01T00:00:00Z", Some(0), Some(1)),
        ("2026-01-01T00:01:00Z", Some(0), Some(0)),
        ("2026-01-01T00:02:00Z", Some(1), Some(0)),
        ("2026-01-01T00:03:00Z", Some(0), Some(0)),
    ];
    assert_eq!(counts.len(), 4, "{series}");
    for (found, (start, delivered, failed)) in counts.iter().zip(expected) {
        assert!(found.0.starts_with(start.trim_end_matches('Z')), "{series}");
        assert_eq!((found.1, found.2), (delivered, failed), "{series}");
    }
    let hour = house.get(&format!("{path}?Step=1h")).await.with(200);
    assert_eq!((&hour["Step"], hour["Items"][1]["Failed"].as_u64()), (&json!("1h"), Some(1)), "{hour}");
}

#[tokio::test]
async fn a_span_that_makes_no_sense_or_too_many_steps_is_refused() {
    let (house, id) = House::furnished().await;
    let path = format!("/v1/companies/acme/endpoints/{id}/traffic");
    for (query, at) in [
        ("Step=30s", "?Step"),
        ("Step=0s", "?Step"),
        ("From=2026-01-02T00:00:00Z&To=2026-01-01T00:00:00Z", "?From"),
        ("From=2020-01-01T00:00:00Z", "?Step"),
    ] {
        let found = house.get(&format!("{path}?{query}")).await.problem(422, "schema_violation");
        assert_eq!(found, faults([(at, "out_of_range")]), "{query}");
    }
}

#[tokio::test]
async fn another_companys_endpoint_has_no_health() {
    let (house, id) = House::furnished().await;
    house.post("/v1/companies", json!({"CompanyId": "other", "Name": "x"})).await.with(201);
    for what in ["health", "traffic"] {
        house.get(&format!("/v1/companies/other/endpoints/{id}/{what}")).await.problem(404, "not_found");
    }
}
