//! Signing keys and their rotation.

use std::time::Duration;

use serde_json::{Value, json};

use crate::house::House;

fn states(page: &Value, kind: &str) -> Vec<String> {
    let items = page["Items"].as_array().unwrap().iter().filter(|it| it["Kind"] == kind);
    items.map(|it| it["State"].as_str().unwrap().to_owned()).collect()
}

fn certificates(bundle: &str) -> usize {
    bundle.matches("-----BEGIN CERTIFICATE-----").count()
}

#[tokio::test]
async fn the_next_certificate_is_published_before_its_key_signs() {
    let house = House::new().await;
    assert_eq!(certificates(&house.get("/certificates").await.text), 1);
    let page = house.post("/v1/keys", json!({})).await.with(201);
    assert_eq!(states(&page, "Token"), ["Next", "Current"]);
    assert_eq!(certificates(&house.get("/certificates").await.text), 2);
    let set = house.get("/.well-known/jwks.json").await.with(200);
    assert_eq!(set["keys"].as_array().unwrap().len(), 2);
    house.post("/v1/keys", json!({})).await.problem(409, "state_conflict");
    house.later(Duration::from_secs(7 * 86_400));
    let page = house.get("/v1/keys").await.with(200);
    assert_eq!(states(&page, "Token"), ["Current", "Previous"]);
}

#[tokio::test]
async fn a_leaked_key_is_replaced_at_once() {
    let house = House::new().await;
    let before = house.get("/certificates").await.text;
    let page = house.post("/v1/keys", json!({"Now": true})).await.with(201);
    assert_eq!(
        (states(&page, "Token"), states(&page, "Jwt")),
        (vec!["Current".to_owned()], vec!["Current".to_owned()])
    );
    let after = house.get("/certificates").await.text;
    assert_eq!(certificates(&after), 1);
    assert_ne!(before, after);
}

#[tokio::test]
async fn listings_show_no_private_part() {
    let house = House::new().await;
    let reply = house.send("POST", "/v1/keys", &[], axum::body::Body::empty()).await;
    assert!(!reply.text.contains("sealed") && !reply.text.contains("PRIVATE"));
    reply.with(201);
}
