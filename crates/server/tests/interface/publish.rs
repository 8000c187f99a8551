//! `POST /v1/notifications`: fates, idempotency, the echo rule, arrays, and reading back.

use serde_json::{Value, json};
use workbell_egress::Policy;
use workbell_server::Limits;

use crate::house::{House, accepted, accepted_as, faults};

const ID: &str = "01922D6E-7b2a-7c4e-9a53-3f0c8d1e2b47";

async fn publish(house: &House, notification: &Value) -> crate::house::Reply {
    house.post("/v1/notifications", notification.clone()).await
}

#[tokio::test]
async fn one_is_accepted_with_its_fate_and_deliveries() {
    let (house, endpoint) = House::furnished().await;
    let answer = publish(&house, &accepted_as(ID, "ok")).await.with(202);
    assert_eq!(answer["MessageId"], ID.to_ascii_lowercase());
    assert_eq!(answer["Fate"], "Queued");
    let deliveries = answer["Deliveries"].as_array().unwrap();
    assert_eq!(deliveries.len(), 1);
    assert_eq!(answer.as_object().unwrap().len(), 3);

    let id = deliveries[0].as_str().unwrap();
    let delivery = house.get(&format!("/v1/deliveries/{id}")).await.with(200);
    assert_eq!(delivery["EndpointId"], endpoint);
    assert_eq!((&delivery["State"], &delivery["Sequence"]), (&json!("Pending"), &json!(1)));
}

#[tokio::test]
async fn a_missing_message_id_is_made_and_a_repeat_is_a_second_notification() {
    let (house, _) = House::furnished().await;
    let first = publish(&house, &accepted("ok")).await.with(202);
    let second = publish(&house, &accepted("ok")).await.with(202);
    assert_ne!(first["MessageId"], second["MessageId"]);
    let id: uuid::Uuid = first["MessageId"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
}

#[tokio::test]
async fn the_same_again_gets_the_first_answer_whatever_the_case_of_its_id() {
    let (house, _) = House::furnished().await;
    let first = publish(&house, &accepted_as(ID, "ok")).await.with(202);
    let again = publish(&house, &accepted_as(&ID.to_ascii_lowercase(), "ok")).await.with(200);
    assert_eq!(first, again);
}

#[tokio::test]
async fn other_content_under_the_same_id_is_a_conflict_and_changes_nothing() {
    let (house, _) = House::furnished().await;
    publish(&house, &accepted_as(ID, "ok")).await.with(202);
    let before = house.get("/v1/notifications").await.with(200);
    publish(&house, &accepted_as(ID, "other")).await.problem(409, "message_id_conflict");
    assert_eq!(house.get("/v1/notifications").await.with(200), before);
}

#[tokio::test]
async fn nobody_who_wants_it_is_no_endpoint() {
    let (house, endpoint) = House::furnished().await;
    house
        .patch(&format!("/v1/companies/acme/endpoints/{endpoint}"), json!({"Actions": ["Recalled"]}))
        .await
        .with(200);
    let answer = publish(&house, &accepted("ok")).await.with(202);
    assert_eq!((&answer["Fate"], &answer["Deliveries"]), (&json!("NoEndpoint"), &json!([])));
}

#[tokio::test]
async fn what_the_companys_own_client_did_is_stored_and_never_pushed() {
    let (house, _) = House::furnished().await;
    let client = house.post("/v1/companies/acme/clients", json!({"Name": "CMMS"})).await.with(201);
    let client = client["ClientId"].as_str().unwrap();
    let mut notification = accepted_as(ID, "ok");
    notification["InitiatedBy"] = json!({"ClientId": client});
    let answer = publish(&house, &notification).await.with(202);
    assert_eq!((&answer["Fate"], &answer["Deliveries"]), (&json!("Suppressed"), &json!([])));

    let kept = house.get(&format!("/v1/notifications/{ID}?CompanyId=acme")).await.with(200);
    assert_eq!((&kept["Fate"], &kept["InitiatedBy"]), (&json!("Suppressed"), &json!(client)));
    assert!(!kept["Body"].as_str().unwrap().contains("InitiatedBy"));

    house.delete(&format!("/v1/companies/acme/clients/{client}")).await.with(204);
    let mut later = accepted("after its deletion");
    later["InitiatedBy"] = json!({"ClientId": client});
    assert_eq!(publish(&house, &later).await.with(202)["Fate"], "Suppressed");
}

#[tokio::test]
async fn a_foreign_or_unknown_client_is_refused_alike() {
    let (house, _) = House::furnished().await;
    house.post("/v1/companies", json!({"CompanyId": "other", "Name": "Other"})).await.with(201);
    let foreign = house.post("/v1/companies/other/clients", json!({})).await.with(201);
    let mut answers = Vec::new();
    for client in [foreign["ClientId"].as_str().unwrap(), "01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47", "nobody"] {
        let mut notification = accepted("ok");
        notification["InitiatedBy"] = json!({"ClientId": client});
        answers.push(publish(&house, &notification).await.problem(422, "unknown_client"));
    }
    assert!(answers.iter().all(|it| *it == faults([("/InitiatedBy/ClientId", "unknown_client")])));
}

#[tokio::test]
async fn branch_and_company_must_be_known_and_belong_together() {
    let (house, _) = House::furnished().await;
    house.post("/v1/companies", json!({"CompanyId": "other", "Name": "Other"})).await.with(201);
    let at_branch = faults([("/Header/BranchId", "unknown_branch")]);
    let mut unknown = accepted("ok");
    unknown["Header"]["BranchId"] = json!(7);
    assert_eq!(publish(&house, &unknown).await.problem(422, "unknown_branch"), at_branch);
    let mut foreign = accepted("ok");
    foreign["CompanyId"] = json!("other");
    assert_eq!(publish(&house, &foreign).await.problem(422, "unknown_branch"), at_branch);

    let mut whole = json!({"Header": {"WorkOrderId": 0, "BranchId": 0, "Action": "AdditionalFieldDescriptorUpdated",
        "Sender": {"Name": "x", "Type": "Customer"}}, "AdditionalFieldDescriptors": []});
    let missing = publish(&house, &whole).await.problem(422, "schema_violation");
    assert_eq!(missing, faults([("/CompanyId", "missing")]));
    whole["CompanyId"] = json!("nobody");
    let nobody = publish(&house, &whole).await.problem(422, "unknown_branch");
    assert_eq!(nobody, faults([("/CompanyId", "unknown_branch")]));
    whole["CompanyId"] = json!("acme");
    assert_eq!(publish(&house, &whole).await.with(202)["Fate"], "Queued");
}

#[tokio::test]
async fn an_action_is_unknown_until_it_is_registered() {
    let (house, _) = House::furnished().await;
    let mut own = accepted("ok");
    own["Header"]["Action"] = "TemperatureRead".into();
    let refused = publish(&house, &own).await.problem(422, "unknown_action");
    assert_eq!(refused, faults([("/Header/Action", "unknown_action")]));
    house
        .post("/v1/actions", json!({"Name": "TemperatureRead", "Sample": {"Celsius": 4.50}}))
        .await
        .with(201);
    publish(&house, &own).await.with(202);
}

#[tokio::test]
async fn all_faults_of_a_notification_are_named_at_once_with_pointers() {
    let (house, _) = House::furnished().await;
    let notification = json!({
        "Header": {"WorkOrderId": "42", "BranchId": 492042, "Action": "Rejected", "Sender": {"Type": 5},
                   "ActionDate": "2018-09-04T10:12:08+02:00"},
        "Status": "Accepted", "Comment": "x".repeat(3001)
    });
    let mut found = publish(&house, &notification).await.problem(422, "schema_violation");
    found.sort();
    let expected = faults([
        ("/Comment", "too_long"),
        ("/Header/ActionDate", "bad_time"),
        ("/Header/Sender/Name", "missing"),
        ("/Header/Sender/Type", "wrong_type"),
        ("/Header/WorkOrderId", "wrong_type"),
        ("/Status", "not_allowed"),
    ]);
    assert_eq!(found, expected);
    assert_eq!(house.get("/v1/notifications").await.with(200)["Items"], json!([]));
}

#[tokio::test]
async fn a_doubled_member_is_refused_at_any_depth_of_the_header() {
    let (house, _) = House::furnished().await;
    let text = accepted("ok").to_string();
    let doubled = text.replacen("\"Name\":", "\"Name\":\"x\",\"Name\":", 1);
    let found = house.text("POST", "/v1/notifications", &doubled).await.problem(422, "schema_violation");
    assert_eq!(found, faults([("/Header/Sender/Name", "doubled")]));
}

#[tokio::test]
async fn the_exact_body_is_kept_and_the_reserved_members_are_not_in_it() {
    let (house, _) = House::furnished().await;
    let text = r#" { "Note" : null, "Amount": 1.10, "CompanyId": "acme", "Header": {
        "MessageId": "01922D6E-7b2a-7c4e-9a53-3f0c8d1e2b47", "X": [1.0],
        "WorkOrderId": 42, "BranchId": 492042, "Action": "NteChanged", "Sender": {"Name": "A", "Type": "Customer"} } }"#;
    house.text("POST", "/v1/notifications", text).await.with(202);
    let kept = house.get(&format!("/v1/notifications/{ID}?CompanyId=acme")).await.with(200);
    assert_eq!(
        kept["Body"],
        concat!(
            r#"{"Header":{"WorkOrderId":42,"BranchId":492042,"Sender":{"Name": "A", "Type": "Customer"},"#,
            r#""Action":"NteChanged","ActionDate":"2026-01-01T00:00:00Z","ApiVersion":"1.1","#,
            r#""MessageId":"01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47","X":[1.0]},"Note":null,"Amount":1.10}"#
        )
    );
    assert_eq!(kept["Deliveries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_array_answers_each_item_in_order_and_keeps_the_good_ones() {
    let (house, _) = House::furnished().await;
    let mut unknown = accepted("ok");
    unknown["Header"]["BranchId"] = json!(7);
    let items = json!([accepted_as(ID, "ok"), {"Header": {}}, accepted_as(ID, "ok"), accepted_as(ID, "x"), unknown, 5]);
    let answers = publish(&house, &items).await.with(200);
    let statuses: Vec<_> =
        answers.as_array().unwrap().iter().map(|it| it["Status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [202, 422, 200, 409, 422, 422]);
    assert_eq!(answers[0]["Fate"], "Queued");
    assert_eq!(answers[2]["Deliveries"], answers[0]["Deliveries"]);
    assert_eq!((&answers[1]["Code"], &answers[1]["status"]), (&json!("schema_violation"), &json!(422)));
    assert_eq!(answers[1]["Errors"][0]["Pointer"], "/Header/WorkOrderId");
    assert_eq!(answers[3]["Code"], "message_id_conflict");
    assert_eq!(answers[4]["Code"], "unknown_branch");
    assert_eq!(house.get("/v1/notifications").await.with(200)["Items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_item_of_an_array_is_its_status_and_the_answer_or_the_whole_problem() {
    let (house, _) = House::furnished().await;
    let mut elsewhere = accepted("ok");
    elsewhere["Header"]["BranchId"] = 7.into();
    let reply = publish(&house, &json!([accepted_as(ID, "ok"), elsewhere, accepted_as(ID, "ok")])).await;
    let alone = publish(&house, &elsewhere).await;
    let first = house.get(&format!("/v1/notifications/{ID}?CompanyId=acme")).await.with(200);
    let delivery = first["Deliveries"][0]["DeliveryId"].as_str().unwrap();
    let answer =
        format!(r#""MessageId":"{}","Fate":"Queued","Deliveries":["{delivery}"]"#, ID.to_lowercase());
    let problem = alone.text.strip_prefix('{').unwrap();
    assert_eq!(
        reply.text,
        format!(r#"[{{"Status":202,{answer}}},{{"Status":422,{problem},{{"Status":200,{answer}}}]"#)
    );
}

#[tokio::test]
async fn an_empty_array_is_nothing_to_do() {
    let house = House::new().await;
    assert_eq!(publish(&house, &json!([])).await.with(200), json!([]));
}

#[tokio::test]
async fn limits_of_items_and_bytes_hold_and_change_nothing() {
    let limits = Limits { body: 1000, batch: 2, batch_body: 5000, endpoints: 20 };
    let house = House::with(limits, Policy::public()).await;
    house.post("/v1/companies", json!({"CompanyId": "acme", "Name": "Acme"})).await.with(201);
    house.post("/v1/companies/acme/branches", json!({"BranchId": 492042, "Name": "N"})).await.with(201);
    let long = accepted(&"x".repeat(1000));
    publish(&house, &long).await.problem(413, "body_too_large");
    let three = json!([accepted("1"), accepted("2"), accepted("3")]);
    publish(&house, &three).await.problem(413, "body_too_large");
    publish(&house, &json!([accepted(&"x".repeat(5000))])).await.problem(413, "body_too_large");
    assert_eq!(house.get("/v1/notifications").await.with(200)["Items"], json!([]));

    let answers = publish(&house, &json!([long, accepted("ok")])).await.with(200);
    assert_eq!((&answers[0]["Status"], &answers[0]["Code"]), (&json!(413), &json!("body_too_large")));
    assert_eq!(answers[1]["Status"], 202);
}

#[tokio::test]
async fn while_the_store_refuses_writes_the_whole_call_is_refused() {
    let (house, _) = House::furnished().await;
    workbell_store::Store::close(&*house.store).await;
    for body in [accepted("ok"), json!([accepted("ok"), {"Header": {}}])] {
        let reply = publish(&house, &body).await;
        assert_eq!(reply.header("retry-after"), "5");
        reply.problem(503, "store_unavailable");
    }
}

#[tokio::test]
async fn a_notification_of_another_company_does_not_exist() {
    let (house, _) = House::furnished().await;
    house.post("/v1/companies", json!({"CompanyId": "other", "Name": "Other"})).await.with(201);
    publish(&house, &accepted_as(ID, "ok")).await.with(202);
    let foreign = house.get(&format!("/v1/notifications/{ID}?CompanyId=other")).await;
    let missing = house.get("/v1/notifications/01922d6e-7b2a-7c4e-9a53-000000000000?CompanyId=other").await;
    assert_eq!(
        foreign.text.replace(ID, "x"),
        missing.text.replace("01922d6e-7b2a-7c4e-9a53-000000000000", "x")
    );
    foreign.problem(404, "not_found");
    let unnamed = house.get(&format!("/v1/notifications/{ID}")).await.problem(422, "schema_violation");
    assert_eq!(unnamed, faults([("?CompanyId", "missing")]));
}
