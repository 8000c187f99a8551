//! Own actions.

use serde_json::json;

use crate::house::{House, faults};

#[tokio::test]
async fn an_own_action_is_registered_listed_given_another_sample_and_deleted() {
    let house = House::new().await;
    let text = r#"{"Name": "TemperatureRead", "Sample": {"Celsius": 4.50, "Sensors": [{"Id": 1}]}}"#;
    let reply = house.text("POST", "/v1/actions", text).await;
    assert_eq!(reply.header("location"), "/v1/actions/TemperatureRead");
    // The sample keeps its exact bytes.
    assert!(reply.text.contains(r#""Sample":{"Celsius": 4.50, "Sensors": [{"Id": 1}]}"#), "{}", reply.text);
    let made = reply.with(201);
    assert_eq!((&made["Own"], &made["Schema"]), (&json!(true), &json!("/schemas/TemperatureRead.json")));
    assert_eq!(house.get("/v1/actions/TemperatureRead").await.with(200), made);
    let schema = house.get("/schemas/TemperatureRead.json").await.with(200);
    assert_eq!(schema["properties"]["Header"]["properties"]["Action"]["const"], "TemperatureRead");

    let again = house.post("/v1/actions", json!({"Name": "TemperatureRead", "Sample": {}})).await.with(200);
    assert_eq!((&again["Sample"], &again["Created"]), (&json!({}), &made["Created"]));
    let all = house.get("/v1/actions").await.with(200);
    let names: Vec<_> =
        all["Items"].as_array().unwrap().iter().map(|it| it["Name"].as_str().unwrap()).collect();
    assert_eq!((names.len(), names[0], names[1]), (29, "TemperatureRead", "NewWorkOrder"));

    house.delete("/v1/actions/TemperatureRead").await.with(204);
    house.delete("/v1/actions/TemperatureRead").await.problem(404, "not_found");
    house.get("/v1/actions/TemperatureRead").await.problem(404, "not_found");
    house.get("/schemas/TemperatureRead.json").await.problem(404, "not_found");
}

#[tokio::test]
async fn the_28_need_no_registration_and_cannot_be_deleted() {
    let house = House::new().await;
    let found = house.post("/v1/actions", json!({"Name": "Accepted", "Sample": {}})).await;
    assert_eq!(found.problem(422, "schema_violation"), faults([("/Name", "not_allowed")]));
    house.delete("/v1/actions/Accepted").await.problem(409, "state_conflict");
    let known = house.get("/v1/actions/Accepted").await.with(200);
    assert_eq!((&known["Own"], &known["Schema"]), (&json!(false), &json!("/schemas/Accepted.json")));
}

#[tokio::test]
async fn name_and_sample_keep_to_their_form() {
    let house = House::new().await;
    for name in ["", "9A", "A-B", &"A".repeat(65)] {
        let found = house.post("/v1/actions", json!({"Name": name, "Sample": {}})).await;
        assert_eq!(found.problem(422, "schema_violation"), faults([("/Name", "bad_name")]), "{name}");
    }
    for sample in [json!([]), json!(null), json!("x")] {
        let found = house.post("/v1/actions", json!({"Name": "Own", "Sample": sample})).await;
        assert_eq!(found.problem(422, "schema_violation"), faults([("/Sample", "wrong_type")]), "{sample}");
    }
    let reserved = json!({"Name": "Own", "Sample": {"Header": {}, "CompanyId": "x"}});
    let mut found = house.post("/v1/actions", reserved).await.problem(422, "schema_violation");
    found.sort();
    assert_eq!(found, faults([("/Sample/CompanyId", "not_allowed"), ("/Sample/Header", "not_allowed")]));
    let doubled = r#"{"Name": "Own", "Sample": {"A": 1, "A": 2}}"#;
    let found = house.text("POST", "/v1/actions", doubled).await.problem(422, "schema_violation");
    assert_eq!(found, faults([("/Sample/A", "doubled")]));
}
