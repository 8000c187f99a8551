//! No company sees or touches another's anything: every route of both interfaces, with another company's client,
//! session and ids, answers as if what is foreign did not exist.
//!
//! The walk goes through the document, so a route that has no place here fails the test.

use axum::body::Body;
use serde_json::{Value, json};
use workbell_model::Role;
use workbell_wire::{Action, Variant};

use crate::direct::call_as;
use crate::document;
use crate::house::{House, Reply};
use crate::oauth::{access_token, client};
use crate::rights::{sign_in, with_cookie};
use crate::work_orders::{act, body};

/// Stands in a path or body where an id goes.
const ID: &str = "{ID}";
const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
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
    new["Details"]["WorkOrderId"] = 471_100.into();
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

/// Writes with a body that a handler would take; the operator's own are refused before it is looked at.
fn write_body(route: &str) -> Option<Value> {
    let operators = json!({});
    Some(match route {
        "POST /v1/companies/{CompanyId}/clients"
        | "POST /v1/companies/{CompanyId}/clients/{ClientId}/rotate" => {
            json!({})
        }
        "PATCH /v1/companies/{CompanyId}/clients/{ClientId}" => json!({"Name": "Mine"}),
        "POST /v1/companies/{CompanyId}/endpoints" => json!({"Url": "https://example.com/x"}),
        "PATCH /v1/companies/{CompanyId}/endpoints/{EndpointId}" => json!({"MaxAttempts": 3}),
        "POST /v1/companies/{CompanyId}/endpoints/{EndpointId}/pause"
        | "POST /v1/companies/{CompanyId}/endpoints/{EndpointId}/resume"
        | "POST /v1/companies/{CompanyId}/people/{PersonId}/link"
        | "POST /v1/deliveries/{DeliveryId}/discard"
        | "POST /v1/deliveries/{DeliveryId}/retry"
        | "POST /v1/jobs/{JobId}/cancel" => Value::Null,
        "POST /v1/companies/{CompanyId}/endpoints/{EndpointId}/rotate-secret" => json!({}),
        "POST /v1/companies/{CompanyId}/endpoints/{EndpointId}/emulate" => {
            json!({"Action": "Accepted", "BranchId": 492_042, "Variant": "minimal"})
        }
        "POST /v1/companies/{CompanyId}/people" => json!({"Email": "m@acme.example", "Role": "Admin"}),
        "PATCH /v1/companies/{CompanyId}/people/{PersonId}" => json!({"Role": "Reader"}),
        "POST /v1/jobs" => json!({"Kind": "Retry", "Filter": {"CompanyId": "{CompanyId}"}}),
        "POST /v1/actions"
        | "POST /v1/companies"
        | "PATCH /v1/companies/{CompanyId}"
        | "POST /v1/companies/{CompanyId}/branches"
        | "PATCH /v1/companies/{CompanyId}/branches/{BranchId}"
        | "PUT /v1/customers/{CustomerId}"
        | "POST /v1/keys"
        | "POST /v1/notifications"
        | "POST /v1/work-orders"
        | "POST /v1/work-orders/{WorkOrderId}/actions" => operators,
        _ => return None,
    })
}

/// What follows the path of a route that reads, or deletes.
fn read_query(route: &str) -> Option<&'static str> {
    Some(match route {
        "GET /v1/deliveries"
        | "GET /v1/log"
        | "GET /v1/notifications"
        | "GET /v1/work-orders"
        | "GET /v1/jobs"
        | "GET /v1/audit"
        | "GET /v1/alerts"
        | "GET /v1/notifications/{MessageId}" => "?CompanyId={CompanyId}",
        "GET /v1/companies/{CompanyId}/endpoints/{EndpointId}/traffic" => {
            "?From=2026-01-01T00:00:00Z&To=2026-01-02T00:00:00Z"
        }
        "DELETE /v1/companies/{CompanyId}/endpoints/{EndpointId}" => "?Undelivered=Discard",
        _ if route.contains('{') => "",
        "GET /v1/actions" | "GET /v1/companies" | "GET /v1/customers" | "GET /v1/keys" => "",
        _ => return None,
    })
}

/// Ids of a company, by the parameter of the path that takes them.
type Ids = Vec<(&'static str, String)>;

/// The other company's, of everything that can be named.
async fn foreign_ids(house: &House, order: i64) -> Ids {
    let endpoint = json!({"Url": "https://example.net/in"});
    let endpoint = house.post("/v1/companies/other/endpoints", endpoint).await.with(201);
    let person = json!({"Email": "bo@other.example", "Role": "Admin"});
    let person = house.post("/v1/companies/other/people", person).await.with(201);
    let acted = act(house, order, body(Action::MessageSent, Variant::Minimal, house)).await.with(202);
    let key = workbell_model::EndpointKey {
        company_id: "other".parse().unwrap(),
        endpoint_id: endpoint["EndpointId"].as_str().unwrap().parse().unwrap(),
    };
    house.attempt(&key, 500, workbell_model::Transition::Dead(workbell_model::Reason::Exhausted)).await;
    let log = house.get("/v1/log?CompanyId=other").await.with(200);
    let job = json!({"Kind": "Retry", "Filter": {"CompanyId": "other"}});
    let job = house.post("/v1/jobs", job).await.with(201);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    vec![
        ("{CompanyId}", "other".to_owned()),
        ("{BranchId}", "7".to_owned()),
        ("{EndpointId}", text(&endpoint["EndpointId"])),
        ("{ClientId}", client(house, "other").await.0),
        ("{PersonId}", text(&person["PersonId"])),
        ("{DeliveryId}", text(&acted["Deliveries"][0])),
        ("{MessageId}", text(&acted["MessageId"])),
        ("{LogId}", text(&log["Items"][0]["LogId"])),
        ("{JobId}", text(&job["JobId"])),
        ("{WorkOrderId}", order.to_string()),
        ("{CustomerId}", "7".to_owned()),
        ("{Name}", "Painted".to_owned()),
    ]
}

/// Ids in the same places that name nothing.
fn missing_ids(foreign: &Ids) -> Ids {
    let missing = |name: &str| match name {
        "{CompanyId}" => "nobody",
        "{BranchId}" | "{LogId}" | "{WorkOrderId}" | "{CustomerId}" => "987654",
        "{Name}" => "Unpainted",
        _ => "01993c0e-7f1a-7d4e-9c3b-2f6a1d0b5e77",
    };
    foreign.iter().map(|(name, _)| (*name, missing(name).to_owned())).collect()
}

fn filled(text: &str, ids: &Ids) -> String {
    ids.iter().fold(text.to_owned(), |text, (name, id)| text.replace(name, id))
}

/// What an answer says, with the ids that were asked for taken out; short ones only where they stand alone.
fn without(text: &str, ids: &Ids) -> String {
    ids.iter().fold(text.to_owned(), |text, (_, id)| {
        let text = text.replace(&format!(" {id} "), " ? ");
        if id.len() > 3 { text.replace(id, "?") } else { text }
    })
}

#[tokio::test]
async fn every_route_of_the_platform_is_blind_for_what_is_another_companys() {
    let (house, _, order) = two_companies().await;
    let foreign = foreign_ids(&house, order).await;
    let missing = missing_ids(&foreign);
    let cookie = sign_in(&house, Role::Admin).await;
    let snapshot = async || {
        let mut all = String::new();
        for path in [
            "/v1/companies/other/endpoints",
            "/v1/companies/other/clients",
            "/v1/companies/other/people",
            "/v1/companies/other/branches",
            "/v1/deliveries?CompanyId=other",
            "/v1/work-orders?CompanyId=other",
            "/v1/jobs",
        ] {
            all += &house.get(path).await.text;
        }
        all
    };
    let before = snapshot().await;
    let own_company = |ids: &Ids| -> Ids {
        let name = |(name, id): &(&'static str, String)| {
            (*name, if *name == "{CompanyId}" { "acme".to_owned() } else { id.clone() })
        };
        ids.iter().map(name).collect()
    };
    let document = document::read(&house).await;
    let mut walked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if !path.starts_with("/v1/") {
            continue;
        }
        for method in item.as_object().unwrap().keys().map(|method| method.to_ascii_uppercase()) {
            let route = format!("{method} {path}");
            let is_write = ["POST", "PUT", "PATCH"].contains(&method.as_str());
            let place = format!("{route} is new: give it a place in this test");
            let sent = if is_write { write_body(&route).expect(&place) } else { Value::Null };
            let query = if is_write { "" } else { read_query(&route).expect(&place) };
            let template = format!("{path}{query}");
            let ask = async |ids: &Ids| -> Reply {
                let path = filled(&template, ids);
                assert!(!path.contains('{'), "{route}: give its ids a place in this test");
                let sent: Value = serde_json::from_str(&filled(&sent.to_string(), ids)).unwrap();
                let sent = (!sent.is_null()).then_some(sent);
                with_cookie(&house, &cookie, (&method, &path), &[SAME], sent).await
            };
            let mut pairs = vec![(foreign.clone(), missing.clone())];
            if path.matches('{').count() > 1 {
                pairs.push((own_company(&foreign), own_company(&missing)));
            }
            for (foreign, missing) in pairs {
                let (there, nowhere) = (ask(&foreign).await, ask(&missing).await);
                assert_eq!(there.status, nowhere.status, "{route}: {} {}", there.text, nowhere.text);
                assert_eq!(without(&there.text, &foreign), without(&nowhere.text, &missing), "{route}");
                match there.status {
                    403 | 404 => {}
                    200 => assert_eq!(there.json()["Items"], json!([]), "{route}"),
                    other => panic!("{route}: {other} {}", there.text),
                }
            }
            walked += 1;
        }
    }
    assert!(walked > 45, "{walked}");
    assert_eq!(snapshot().await, before, "nothing was touched");
}
