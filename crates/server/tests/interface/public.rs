//! What anybody may read.

use axum::body::Body;
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn public_routes_need_no_key() {
    let house = House::new().await;
    for path in [
        "/certificates",
        "/.well-known/jwks.json",
        "/schemas/Accepted.json",
        "/openapi.json",
        "/healthz",
        "/readyz",
    ] {
        assert_eq!(house.send_bare("GET", path, &[], Body::empty()).await.status, 200, "{path}");
    }
    let bundle = house.send_bare("GET", "/certificates", &[], Body::empty()).await;
    assert_eq!(bundle.header("content-type"), "application/x-pem-file");
}

#[tokio::test]
async fn each_of_the_28_actions_has_a_schema() {
    let house = House::new().await;
    for action in workbell_wire::Action::ALL {
        let schema = house.get(&format!("/schemas/{action}.json")).await.with(200);
        assert_eq!(schema["$id"], format!("/schemas/{action}.json"));
    }
    for path in
        ["/schemas/Nothing.json", "/schemas/Accepted", "/schemas/accepted.json", "/schemas/..%2fx.json"]
    {
        house.get(path).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn readiness_follows_the_store() {
    let house = House::new().await;
    assert_eq!(house.get("/readyz").await.with(200), json!({"Status": "Ok"}));
    assert_eq!(house.get("/healthz").await.with(200), json!({"Status": "Ok"}));
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_page() {
    let house = House::new().await;
    let problem = house.get("/v1/companies/nobody").await.json();
    let page = house.send_bare("GET", problem["type"].as_str().unwrap(), &[], Body::empty()).await;
    assert_eq!(page.status, 200);
    assert!(page.text.starts_with('#') && page.text.contains("not_found"), "{}", page.text);
    house.get("/errors/nothing").await.problem(404, "not_found");
}
