//! No company sees or touches another's anything: every route of both interfaces, with another company's client,
//! session and ids, answers as if what is foreign did not exist.
//!
//! The walk goes through the document, so a route that has no place here fails the test.

use axum::body::Body;
use serde_json::{Value, json};
use workbell_wire::{Action, Variant};

use crate::direct::call_as;
use crate::document;
use crate::house::{House, Reply};
use crate::oauth::{access_token, client};
use crate::work_orders::{act, body};

/// Stands in a path or body where an id goes.
const ID: &str = "{ID}";
/// Names no work order.
const NO_ORDER: i64 = 987_654;

/// What is done with a call of the Direct API.
enum Place {
    /// It names nothing.
    OfNothing,
    /// It names a work order, in its query or its body: foreign is as missing.
    OfOrder { query: &'static str, body: Value },
    /// It answers a list without what is foreign.
    List { query: &'static str, body: Value },
    /// It is tested in another file: its text.
    Elsewhere(&'static str),
}

fn order_body(more: Value) -> Value {
    let mut body = json!({"MessageId": "m", "WorkOrderId": ID, "PerformedBy": {"Name": "Mallory"}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn place(operation: &str) -> Option<Place> {
    let none = Value::Null;
    Some(match operation {
        "directHeartbeat" | "directHealth" => Place::OfNothing,
        "directAccept"
        | "directReject"
        | "directCheckIn"
        | "directPause"
        | "directCheckOut"
        | "directWorkDoneDetails" => Place::OfOrder { query: "", body: order_body(json!({"Comment": "x"})) },
        "directQuoteSubmit" => {
            Place::OfOrder { query: "", body: order_body(json!({"Quote": {"Amount": 1}})) }
        }
        "directNote" => Place::OfOrder { query: "", body: order_body(json!({"InternalNote": "x"})) },
        "directSendMessage" => Place::OfOrder { query: "", body: order_body(json!({"Text": "x"})) },
        "directMessages" | "directNoteHistory" => Place::OfOrder { query: "?WorkOrderId={ID}", body: none },
        "directBulkAccept" | "directBulkReject" => Place::OfOrder {
            query: "",
            body: json!({"PerformedBy": {"Name": "Mallory"}, "Comment": "x", "WorkOrderIds": [ID]}),
        },
        "directReadWorkOrders" => Place::List { query: "?ids={ID}", body: none },
        "directSearchWorkOrders" => Place::List { query: "", body: json!({"Parameters": {}}) },
        "directNotifications" => Place::Elsewhere(include_str!("feed.rs")),
        _ => return None,
    })
}

/// The id in the place of `{ID}`; as a number where it stands alone.
fn with_id(text: &str, id: i64) -> String {
    text.replace("\"{ID}\"", &id.to_string()).replace(ID, &id.to_string())
}

async fn two_companies() -> (House, String, i64) {
    let (house, _) = House::furnished().await;
    house.post("/v1/companies", json!({"CompanyId": "other", "Name": "Other"})).await.with(201);
    house.post("/v1/companies/other/branches", json!({"BranchId": 7, "Name": "South"})).await.with(201);
    let mut new = body(Action::NewWorkOrder, Variant::Typical, &house);
    new["Details"]["BranchId"] = 7.into();
    let order = house.post("/v1/work-orders", new).await.with(201)["WorkOrderId"].as_i64().unwrap();
    act(&house, order, body(Action::MessageSent, Variant::Minimal, &house)).await.with(202);
    act(&house, order, body(Action::InternalNoteChanged, Variant::Minimal, &house)).await.with(202);
    let credentials = client(&house, "acme").await;
    let token = access_token(&house, &credentials).await;
    (house, token, order)
}

#[tokio::test]
async fn every_call_of_the_direct_api_is_blind_for_what_is_another_companys() {
    let (house, token, order) = two_companies().await;
    let before = house.get(&format!("/v1/work-orders/{order}")).await.with(200);
    let document = document::read(&house).await;
    let mut walked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/Direct/") {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let place = place(id).unwrap_or_else(|| panic!("{id} is new: give it a place in this test"));
            let method = method.to_ascii_uppercase();
            let ask = async |query: &str, body: &Value, id: i64| -> Reply {
                let path = with_id(&format!("{path}{query}"), id);
                let body: Value = serde_json::from_str(&with_id(&body.to_string(), id)).unwrap();
                call_as(&house, &token, &method, &path, (!body.is_null()).then_some(body)).await
            };
            match place {
                Place::OfNothing => drop(ask("", &Value::Null, 0).await.with(200)),
                Place::Elsewhere(tests) => assert!(tests.contains("of_its_own_company_only"), "{id}"),
                Place::OfOrder { query, body } => {
                    let foreign = ask(query, &body, order).await;
                    let missing = ask(query, &body, NO_ORDER).await;
                    assert_eq!(foreign.status, missing.status, "{id}");
                    let text = missing.text.replace(&NO_ORDER.to_string(), &order.to_string());
                    assert_eq!(foreign.text, text, "{id}");
                    assert!(foreign.text.contains("3003"), "{id}: {}", foreign.text);
                }
                Place::List { query, body } => {
                    let answer = ask(query, &body, order).await.with(200);
                    assert_eq!(answer["WorkOrders"], json!([]), "{id}");
                }
            }
            walked += 1;
        }
    }
    assert!(walked > 15, "{walked}");
    assert_eq!(house.get(&format!("/v1/work-orders/{order}")).await.with(200), before, "nothing was touched");
}

#[tokio::test]
async fn an_access_token_opens_nothing_of_the_platform_and_its_key_nothing_of_the_direct_api() {
    let (house, token, _) = two_companies().await;
    let document = document::read(&house).await;
    let mut walked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let concrete =
            path.replace("{CompanyId}", "other").replace("{BranchId}", "7").replace(['{', '}'], "");
        for method in item.as_object().unwrap().keys().map(|method| method.to_ascii_uppercase()) {
            if path.starts_with("/v1/") {
                let bearer = format!("Bearer {token}");
                let reply =
                    house.send_bare(&method, &concrete, &[("authorization", &bearer)], Body::empty()).await;
                reply.problem(401, "unauthorized");
                walked += 1;
            }
            if path.starts_with("/Direct/") {
                let reply = house.send(&method, &concrete, &[], Body::empty()).await;
                assert_eq!((reply.status, &reply.json()["Code"]), (401, &json!(401)), "{method} {path}");
                walked += 1;
            }
        }
    }
    assert!(walked > 60, "{walked}");
}
