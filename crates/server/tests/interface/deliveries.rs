//! The queue and the log.

use std::time::Duration;

use serde_json::{Value, json};
use workbell_model::{EndpointKey, Reason, Transition};

use crate::house::{House, accepted};

fn key(endpoint: &str) -> EndpointKey {
    EndpointKey { company_id: "acme".parse().unwrap(), endpoint_id: endpoint.parse().unwrap() }
}

async fn published(house: &House) -> String {
    let answer = house.post("/v1/notifications", accepted("ok")).await.with(202);
    answer["Deliveries"][0].as_str().unwrap().to_owned()
}

fn ids(page: &Value, name: &str) -> Vec<String> {
    let items = page["Items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item[name].as_str().map_or_else(|| item[name].to_string(), str::to_owned))
        .collect()
}

#[tokio::test]
async fn a_delivery_is_read_with_its_attempts() {
    let (house, endpoint) = House::furnished().await;
    let id = published(&house).await;
    let due = house.now().plus(Duration::from_secs(300));
    house.attempt(&key(&endpoint), 500, Transition::Retrying { due, counted: 1 }).await;
    let delivery = house.get(&format!("/v1/deliveries/{id}")).await.with(200);
    assert_eq!(delivery["State"], "Retrying");
    assert_eq!((&delivery["AttemptCount"], &delivery["LastStatus"]), (&json!(1), &json!(500)));
    assert_eq!(
        (&delivery["LastError"], &delivery["NextAttemptAt"]),
        (&json!("Status"), &json!("2026-01-01T00:05:00Z"))
    );
    assert!(delivery.get("InFlight").is_none());
    let attempt = &delivery["Attempts"][0];
    assert_eq!((&attempt["Attempt"], &attempt["Status"]), (&json!(1), &json!(500)));
    assert_eq!(attempt["ResponseHeaders"], json!({"Set-Cookie": "a, b"}));
    house.get("/v1/deliveries/01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47").await.problem(404, "not_found");
    house.get("/v1/deliveries/x").await.problem(404, "not_found");
}

#[tokio::test]
async fn what_waits_says_what_for_and_behind_whom() {
    let (house, endpoint) = House::furnished().await;
    let first = published(&house).await;
    let second = published(&house).await;
    let said = async |id: &str| {
        let one = house.get(&format!("/v1/deliveries/{id}")).await.with(200);
        let list = house.get("/v1/deliveries").await.with(200);
        let listed = list["Items"].as_array().unwrap().iter().find(|it| it["DeliveryId"] == id).unwrap();
        for name in ["WaitsFor", "Behind", "BehindSequence"] {
            assert_eq!(one[name], listed[name], "{name}");
        }
        let notification = format!("/v1/notifications/{}?CompanyId=acme", one["MessageId"].as_str().unwrap());
        let notification = house.get(&notification).await.with(200);
        assert_eq!(notification["Deliveries"][0]["WaitsFor"], one["WaitsFor"]);
        json!([one["WaitsFor"], one["Behind"], one["BehindSequence"]])
    };
    assert_eq!(said(&first).await, json!(["Slot", null, null]));
    assert_eq!(said(&second).await, json!(["Earlier", first, 1]));
    let due = house.now().plus(Duration::from_secs(300));
    house.attempt(&key(&endpoint), 500, Transition::Retrying { due, counted: 1 }).await;
    assert_eq!(said(&first).await, json!(["Time", null, null]));
    assert_eq!(said(&second).await, json!(["Earlier", first, 1]));

    let path = format!("/v1/companies/acme/endpoints/{endpoint}");
    house.post(&format!("{path}/pause"), json!({})).await.with(200);
    assert_eq!(said(&first).await, json!(["Paused", null, null]));
    assert_eq!(said(&second).await, json!(["Paused", first, 1]));
    house.post(&format!("{path}/resume"), json!({})).await.with(200);
    house.patch(&path, json!({"Enabled": false})).await.with(200);
    assert_eq!(said(&second).await, json!(["Off", first, 1]));
    house.patch(&path, json!({"Enabled": true})).await.with(200);
    for _ in 0..10 {
        let due = house.now();
        house.attempt(&key(&endpoint), 502, Transition::Retrying { due, counted: 1 }).await;
    }
    assert_eq!(said(&first).await, json!(["Down", null, null]));
    house.post(&format!("{path}/resume"), json!({})).await.with(200);
    let due = house.now();
    house.attempt(&key(&endpoint), 429, Transition::Retrying { due, counted: 1 }).await;
    assert_eq!(said(&second).await, json!(["Throttled", first, 1]));
    house.later(Duration::from_secs(61));
    house.attempt(&key(&endpoint), 204, Transition::Delivered).await;
    assert_eq!(said(&first).await, json!([null, null, null]));
    assert_eq!(said(&second).await, json!(["Slot", null, null]));
}

#[tokio::test]
async fn retry_and_discard_by_hand_follow_the_state() {
    let (house, endpoint) = House::furnished().await;
    let id = published(&house).await;
    let path = |act: &str| format!("/v1/deliveries/{id}/{act}");
    house.attempt(&key(&endpoint), 500, Transition::Dead(Reason::Exhausted)).await;
    let dead = house.get(&format!("/v1/deliveries/{id}")).await.with(200);
    assert_eq!((&dead["State"], &dead["Reason"]), (&json!("Dead"), &json!("Exhausted")));
    let again = house.post(&path("retry"), json!({})).await.with(200);
    assert_eq!((&again["State"], &again["AttemptCount"]), (&json!("Retrying"), &json!(1)));
    let gone = house.send("POST", &path("discard"), &[], axum::body::Body::empty()).await.with(200);
    assert_eq!((&gone["State"], &gone["Reason"]), (&json!("Discarded"), &json!("ByHand")));
    house.post(&path("discard"), json!({})).await.problem(409, "state_conflict");
    house.post(&path("retry"), json!({})).await.with(200);
    house.attempt(&key(&endpoint), 204, Transition::Delivered).await;
    for act in ["retry", "discard"] {
        house.post(&path(act), json!({})).await.problem(409, "state_conflict");
        let none = format!("/v1/deliveries/01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47/{act}");
        house.post(&none, json!({})).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn deliveries_are_filtered_by_everything_that_is_documented() {
    let (house, endpoint) = House::furnished().await;
    let first = published(&house).await;
    house.attempt(&key(&endpoint), 500, Transition::Dead(Reason::Exhausted)).await;
    house.later(Duration::from_secs(60));
    let second = published(&house).await;
    let filters = [
        ("", vec![&second, &first]),
        ("State=Dead", vec![&first]),
        ("State=Pending", vec![&second]),
        ("State=Delivered", vec![]),
        ("Error=Status", vec![&first]),
        ("Error=Timeout", vec![]),
        ("CompanyId=acme", vec![&second, &first]),
        ("CompanyId=nobody", vec![]),
        ("BranchId=492042&WorkOrderId=42&Action=Accepted", vec![&second, &first]),
        ("BranchId=7", vec![]),
        ("WorkOrderId=41", vec![]),
        ("Action=Recalled", vec![]),
        ("From=2026-01-01T00:01:00Z", vec![&second]),
        ("To=2026-01-01T00:01:00Z", vec![&first]),
        (&format!("EndpointId={endpoint}"), vec![&second, &first]),
        ("EndpointId=01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47", vec![]),
    ];
    for (filter, expected) in filters {
        let page = house.get(&format!("/v1/deliveries?{filter}")).await.with(200);
        assert_eq!(ids(&page, "DeliveryId").iter().collect::<Vec<_>>(), expected, "{filter}");
    }
}

#[tokio::test]
async fn the_log_has_both_sides_of_every_attempt() {
    let (house, endpoint) = House::furnished().await;
    let id = published(&house).await;
    let due = house.now();
    house.attempt(&key(&endpoint), 500, Transition::Retrying { due, counted: 1 }).await;
    house.later(Duration::from_secs(60));
    house.attempt(&key(&endpoint), 204, Transition::Delivered).await;
    let page = house.get("/v1/log").await.with(200);
    let records = page["Items"].as_array().unwrap();
    assert_eq!(records.iter().map(|it| &it["Attempt"]).collect::<Vec<_>>(), [&json!(2), &json!(1)]);
    let record = &records[1];
    let expected = [
        ("Direction", json!("Outbound")),
        ("DeliveryId", json!(id)),
        ("EndpointId", json!(endpoint)),
        ("WorkOrderId", json!(42)),
        ("Mode", json!("live")),
        ("Url", json!("https://example.com/in")),
        ("RequestHeaders", json!({"Host": "example.com", "X-Key": "***"})),
        ("Status", json!(500)),
        ("ResponseBody", json!("thanks")),
        ("Error", json!("Status")),
        ("Duration", json!(12_345)),
        ("ConnectTime", json!(1500)),
        ("Reconnected", json!(false)),
    ];
    for (name, value) in expected {
        assert_eq!(record[name], value, "{name}");
    }
    assert!(record.get("Body").is_none());
    let whole = house.get(&format!("/v1/log/{}", record["LogId"])).await.with(200);
    assert!(whole["Body"].as_str().unwrap().contains("\"Comment\":\"ok\""));
    for path in ["/v1/log/999999", "/v1/log/x", "/v1/log/-1"] {
        house.get(path).await.problem(404, "not_found");
    }

    let filters = [
        ("Status=500", 1),
        ("Error=Status", 1),
        ("Direction=Outbound", 2),
        ("Direction=Inbound", 0),
        ("CompanyId=acme&WorkOrderId=42&BranchId=492042&Action=Accepted", 2),
        ("CompanyId=other", 0),
        ("From=2026-01-01T00:01:00Z", 1),
        ("To=2026-01-01T00:01:00Z", 1),
        (&format!("DeliveryId={id}"), 2),
        (&format!("EndpointId={endpoint}"), 2),
        (&format!("MessageId={}", record["MessageId"].as_str().unwrap()), 2),
        ("MessageId=01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47", 0),
    ];
    for (filter, expected) in filters {
        let page = house.get(&format!("/v1/log?{filter}")).await.with(200);
        assert_eq!(page["Items"].as_array().unwrap().len(), expected, "{filter}");
    }
}
