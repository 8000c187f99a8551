//! `GET /v1/audit`: every write leaves a record, and nobody sees another company's.

use std::collections::BTreeSet;

use axum::body::Body;
use serde_json::{Value, json};

use crate::document;
use crate::house::{House, accepted};

/// Writes that have no record: what they do stands in the lists of notifications and in the log.
const WITHOUT: [&str; 4] = [
    "POST /v1/notifications",
    "POST /v1/work-orders",
    "POST /v1/work-orders/{WorkOrderId}/actions",
    "POST /v1/companies/{CompanyId}/endpoints/{EndpointId}/emulate",
];

async fn records(house: &House) -> Vec<Value> {
    house.get("/v1/audit?Limit=500").await.with(200)["Items"].as_array().unwrap().clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Every write of the document, in an order in which each is possible: method, template, path, body, act.
async fn writes(
    house: &House,
    endpoint: &str,
) -> Vec<(&'static str, &'static str, String, Value, &'static str)> {
    let client = house.post("/v1/companies/acme/clients", json!({})).await.with(201);
    let client = text(&client["ClientId"]);
    let published = house.post("/v1/notifications", accepted("x")).await.with(202);
    let delivery = text(&published["Deliveries"][0]);
    let person = json!({"Email": "jon@acme.example", "Role": "Admin"});
    let person = text(&house.post("/v1/companies/acme/people", person).await.with(201)["PersonId"]);
    let of_person = format!("/v1/companies/acme/people/{person}");
    let job = json!({"Kind": "Discard", "All": true, "DryRun": true});
    let job = text(&house.post("/v1/jobs", job).await.with(201)["JobId"]);
    let acme = "/v1/companies/acme".to_owned();
    let (of_endpoint, of_client) =
        (format!("{acme}/endpoints/{endpoint}"), format!("{acme}/clients/{client}"));
    let delivery = format!("/v1/deliveries/{delivery}");
    let name = json!({ "Name": "Another" });
    vec![
        (
            "POST",
            "/v1/companies",
            "/v1/companies".into(),
            json!({"CompanyId": "b", "Name": "B"}),
            "CompanyCreated",
        ),
        ("PATCH", "/v1/companies/{CompanyId}", acme.clone(), name.clone(), "CompanyChanged"),
        ("DELETE", "/v1/companies/{CompanyId}", "/v1/companies/b".into(), Value::Null, "CompanyDeleted"),
        (
            "POST",
            "/v1/companies/{CompanyId}/branches",
            format!("{acme}/branches"),
            json!({"BranchId": 8, "Name": "East"}),
            "BranchCreated",
        ),
        (
            "PATCH",
            "/v1/companies/{CompanyId}/branches/{BranchId}",
            format!("{acme}/branches/8"),
            name.clone(),
            "BranchChanged",
        ),
        (
            "DELETE",
            "/v1/companies/{CompanyId}/branches/{BranchId}",
            format!("{acme}/branches/8"),
            Value::Null,
            "BranchDeleted",
        ),
        ("POST", "/v1/companies/{CompanyId}/clients", format!("{acme}/clients"), json!({}), "ClientCreated"),
        ("PATCH", "/v1/companies/{CompanyId}/clients/{ClientId}", of_client.clone(), name, "ClientChanged"),
        (
            "POST",
            "/v1/companies/{CompanyId}/clients/{ClientId}/rotate",
            format!("{of_client}/rotate"),
            json!({}),
            "ClientChanged",
        ),
        ("DELETE", "/v1/companies/{CompanyId}/clients/{ClientId}", of_client, Value::Null, "ClientDeleted"),
        (
            "POST",
            "/v1/deliveries/{DeliveryId}/discard",
            format!("{delivery}/discard"),
            Value::Null,
            "DeliveryDiscarded",
        ),
        (
            "POST",
            "/v1/deliveries/{DeliveryId}/retry",
            format!("{delivery}/retry"),
            Value::Null,
            "DeliveryRetried",
        ),
        (
            "POST",
            "/v1/companies/{CompanyId}/endpoints",
            format!("{acme}/endpoints"),
            json!({"Url": "https://example.com/2", "Headers": {"X-Key": "top-secret-value"}}),
            "EndpointCreated",
        ),
        (
            "PATCH",
            "/v1/companies/{CompanyId}/endpoints/{EndpointId}",
            of_endpoint.clone(),
            json!({"Url": "https://example.com/3"}),
            "EndpointChanged",
        ),
        (
            "POST",
            "/v1/companies/{CompanyId}/endpoints/{EndpointId}/pause",
            format!("{of_endpoint}/pause"),
            Value::Null,
            "EndpointChanged",
        ),
        (
            "POST",
            "/v1/companies/{CompanyId}/endpoints/{EndpointId}/resume",
            format!("{of_endpoint}/resume"),
            Value::Null,
            "EndpointChanged",
        ),
        (
            "POST",
            "/v1/companies/{CompanyId}/endpoints/{EndpointId}/rotate-secret",
            format!("{of_endpoint}/rotate-secret"),
            json!({}),
            "EndpointChanged",
        ),
        (
            "DELETE",
            "/v1/companies/{CompanyId}/endpoints/{EndpointId}",
            format!("{of_endpoint}?Undelivered=Discard"),
            Value::Null,
            "EndpointDeleted",
        ),
        (
            "POST",
            "/v1/companies/{CompanyId}/people",
            format!("{acme}/people"),
            json!({"Email": "ann@acme.example", "Role": "Reader"}),
            "PersonCreated",
        ),
        (
            "PATCH",
            "/v1/companies/{CompanyId}/people/{PersonId}",
            of_person.clone(),
            json!({"Role": "Reader"}),
            "PersonChanged",
        ),
        (
            "POST",
            "/v1/companies/{CompanyId}/people/{PersonId}/link",
            format!("{of_person}/link"),
            Value::Null,
            "PersonChanged",
        ),
        ("DELETE", "/v1/companies/{CompanyId}/people/{PersonId}", of_person, Value::Null, "PersonDeleted"),
        ("POST", "/v1/jobs", "/v1/jobs".into(), json!({"Kind": "Retry", "All": true}), "JobCreated"),
        ("POST", "/v1/jobs/{JobId}/cancel", format!("/v1/jobs/{job}/cancel"), Value::Null, "JobCancelled"),
        (
            "POST",
            "/v1/actions",
            "/v1/actions".into(),
            json!({"Name": "Painted", "Sample": {"C": 1}}),
            "ActionPut",
        ),
        (
            "PUT",
            "/v1/customers/{CustomerId}",
            "/v1/customers/77".into(),
            json!({"Name": "Bakery", "DemandsRepairInfo": true}),
            "CustomerPut",
        ),
        ("DELETE", "/v1/actions/{Name}", "/v1/actions/Painted".into(), Value::Null, "ActionDeleted"),
        ("POST", "/v1/keys", "/v1/keys".into(), json!({"Now": true}), "KeysChanged"),
    ]
}

#[tokio::test]
async fn every_write_leaves_a_record_of_who_made_it() {
    let (house, endpoint) = House::furnished().await;
    let mut covered = BTreeSet::from(WITHOUT.map(str::to_owned));
    for (method, template, path, body, act) in writes(&house, &endpoint).await {
        let before = records(&house).await;
        let reply = match &body {
            Value::Null => house.send(method, &path, &[], Body::empty()).await,
            body => house.text(method, &path, &body.to_string()).await,
        };
        assert!((200..300).contains(&reply.status), "{method} {path}: {}", reply.text);
        let after = records(&house).await;
        assert_eq!(after.len(), before.len() + 1, "{method} {path}");
        assert_eq!(
            (&after[0]["Act"], &after[0]["Actor"]),
            (&json!(act), &json!("PlatformKey")),
            "{method} {path}"
        );
        assert_eq!(after[0]["Changed"], json!(house.now()), "{method} {path}");
        covered.insert(format!("{method} {template}"));
    }
    let document = document::read(&house).await;
    for (path, item) in
        document["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/v1/"))
    {
        for method in item.as_object().unwrap().keys().map(|method| method.to_ascii_uppercase()) {
            let is_write = ["POST", "PUT", "PATCH", "DELETE"].contains(&method.as_str());
            let known = covered.contains(&format!("{method} {path}"));
            assert!(!is_write || known, "{method} {path} writes: does it leave a record? Name it here");
        }
    }
    let all = format!("{:?}", records(&house).await);
    assert!(!all.contains("top-secret-value") && !all.contains("whsec_"), "{all}");
}

#[tokio::test]
async fn a_refused_write_leaves_none_and_filters_are_checked() {
    let (house, _) = House::furnished().await;
    let before = records(&house).await;
    let company = json!({"CompanyId": "acme", "Name": "x"});
    house.post("/v1/companies", company).await.problem(409, "state_conflict");
    house.patch("/v1/companies/nobody", json!({"Name": "x"})).await.problem(404, "not_found");
    assert_eq!(records(&house).await, before);
    house.get("/v1/audit?Act=Nonsense").await.problem(422, "schema_violation");
    let created = house.get("/v1/audit?Act=CompanyCreated&CompanyId=acme&Subject=acme").await.with(200);
    assert_eq!(created["Items"].as_array().unwrap().len(), 1);
    assert_eq!(created["Items"][0]["After"], json!({"Name": "Acme"}));
    assert_eq!(house.get("/v1/audit?CompanyId=nobody").await.with(200)["Items"], json!([]));
}
