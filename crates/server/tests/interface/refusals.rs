//! What every route refuses alike: keys, paths, methods, media types, JSON, queries.

use axum::body::Body;
use serde_json::json;

use crate::house::{House, KEY, accepted, faults};

#[tokio::test]
async fn without_the_right_key_nothing_happens() {
    let house = House::new().await;
    let company = json!({"CompanyId": "acme", "Name": "Acme"}).to_string();
    let other = format!("Bearer {KEY}x");
    let bare = format!("Basic {KEY}");
    for value in [None, Some(""), Some("Bearer"), Some("Bearer "), Some(other.as_str()), Some(bare.as_str())]
    {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(value.map(|value| ("authorization", value)));
        let reply = house.send_bare("POST", "/v1/companies", &headers, Body::from(company.clone())).await;
        assert!(reply.header("www-authenticate").starts_with("Bearer"), "{value:?}");
        reply.problem(401, "unauthorized");
    }
    assert_eq!(house.get("/v1/companies").await.with(200)["Items"], json!([]));
    let lower = format!("bearer {KEY}");
    house.send_bare("GET", "/v1/companies", &[("authorization", &lower)], Body::empty()).await.with(200);
}

#[tokio::test]
async fn the_key_is_asked_for_before_anything_of_the_request_is_judged() {
    let house = House::new().await;
    for (method, path) in
        [("GET", "/v1/companies?Nonsense=1"), ("GET", "/v1/companies/none"), ("POST", "/v1/keys")]
    {
        house.send_bare(method, path, &[], Body::from("{")).await.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told() {
    let house = House::new().await;
    for path in ["/", "/v1", "/v2/companies", "/v1/companies/", "/v1/companies/a/b/c/d", "/V1/companies"] {
        house.get(path).await.problem(404, "not_found");
    }
    let reply = house.send("PUT", "/v1/companies/acme", &[], Body::empty()).await;
    assert_eq!(reply.header("allow"), "GET,HEAD,PATCH,DELETE");
    reply.problem(405, "method_not_allowed");
    house.get("/v1/companies/%ff").await.problem(404, "not_found");
}

#[tokio::test]
async fn a_body_must_be_declared_as_json_in_utf_8() {
    let (house, _) = House::furnished().await;
    let body = || Body::from(accepted("ok").to_string());
    let refused: [&[(&str, &str)]; 7] = [
        &[],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "application/json; charset=latin1")],
        &[("content-type", "application/problem+json")],
        &[("content-type", "application/json"), ("content-encoding", "gzip")],
        &[("content-type", "application/json"), ("content-type", "text/plain")],
    ];
    for headers in refused {
        let reply = house.send("POST", "/v1/notifications", headers, body()).await;
        reply.problem(415, "unsupported_media_type");
    }
    assert_eq!(house.get("/v1/notifications").await.with(200)["Items"], json!([]));
    for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""]
    {
        house.send("POST", "/v1/notifications", &[("content-type", good)], body()).await.with(202);
    }
}

#[tokio::test]
async fn broken_json_is_told_with_its_place() {
    let (house, _) = House::furnished().await;
    let broken = ["", "{", "{\"Header\":}", "[{},", "{} {}", "{'a':1}", "\u{feff}{}", "nul"];
    for text in broken {
        house.text("POST", "/v1/notifications", text).await.problem(400, "invalid_json");
        house.text("POST", "/v1/companies", text).await.problem(400, "invalid_json");
    }
    let not_utf_8 = Body::from(&b"{\"a\":\"\xff\"}"[..]);
    let headers = [("content-type", "application/json")];
    house.send("POST", "/v1/notifications", &headers, not_utf_8).await.problem(400, "invalid_json");
    let reply = house.text("POST", "/v1/companies", "{\n  \"Name\" 5}").await;
    assert!(reply.json()["detail"].as_str().unwrap().contains("line 2"), "{}", reply.text);
    assert_eq!(house.get("/v1/companies").await.with(200)["Items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_what_it_announces_and_by_what_comes() {
    let house = House::new().await;
    let announced = [("content-type", "application/json"), ("content-length", "262145")];
    house.send("POST", "/v1/companies", &announced, Body::from("{}")).await.problem(413, "body_too_large");
    let long = Body::from(format!("{{\"Name\": \"{}\"}}", "x".repeat(262_144)));
    let headers = [("content-type", "application/json")];
    house.send("POST", "/v1/companies", &headers, long).await.problem(413, "body_too_large");
}

#[tokio::test]
async fn all_faults_of_a_configuration_body_are_named_at_once() {
    let house = House::new().await;
    let text = r#"{"CompanyId": "a b", "Name": 5, "name": "x", "CompanyId": "c"}"#;
    let found = house.text("POST", "/v1/companies", text).await.problem(422, "schema_violation");
    let expected = faults([
        ("/CompanyId", "bad_id"),
        ("/Name", "wrong_type"),
        ("/name", "unknown_member"),
        ("/CompanyId", "doubled"),
    ]);
    assert_eq!(found, expected);
    let found = house.text("POST", "/v1/companies", "[]").await.problem(422, "schema_violation");
    assert_eq!(found, faults([("", "wrong_type")]));
    let found = house.text("POST", "/v1/companies", "{}").await.problem(422, "schema_violation");
    assert_eq!(found, faults([("/CompanyId", "missing"), ("/Name", "missing")]));
}

#[tokio::test]
async fn unknown_doubled_and_mistyped_query_parameters_are_named() {
    let house = House::new().await;
    let path =
        "/v1/deliveries?state=Dead&State=Dead&State=Dead&BranchId=x&From=yesterday&Limit=0&EndpointId=1";
    let found = house.get(path).await.problem(422, "schema_violation");
    let expected = faults([
        ("?state", "unknown_member"),
        ("?State", "doubled"),
        ("?BranchId", "wrong_type"),
        ("?From", "bad_time"),
        ("?Limit", "out_of_range"),
        ("?EndpointId", "bad_id"),
    ]);
    assert_eq!(found, expected);
    house.get("/v1/deliveries?State=&EndpointId=&CompanyId=&Limit=").await.with(200);
    house.get("/certificates?x=1").await.problem(422, "schema_violation");
}
