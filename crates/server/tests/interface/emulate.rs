//! What `…/emulate` refuses before anything is sent. What it sends is seen by the engine's tests and from outside.

use serde_json::json;

use crate::house::{House, faults};

const ALL: &str = "/v1/companies/acme/endpoints";

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_all_that_is_wrong() {
    let (house, id) = House::furnished().await;
    let path = format!("{ALL}/{id}/emulate");
    let wrong = json!({"Action": "InventoryLow", "BranchId": 7});
    let found = house.post(&path, wrong).await.problem(422, "unknown_action");
    assert_eq!(found, faults([("/Action", "unknown_action"), ("/BranchId", "unknown_branch")]));
    let wrong = json!({"Action": "Accepted", "Variant": "huge", "Colour": "red"});
    let found = house.post(&path, wrong).await.problem(422, "schema_violation");
    assert_eq!(
        found.iter().map(|(pointer, _)| pointer.as_str()).collect::<Vec<_>>(),
        ["/Colour", "/Variant"]
    );
    house.post(&path, json!({})).await.problem(422, "schema_violation");
    let nowhere = format!("{ALL}/01993c0e-7f1a-7d4e-9c3b-2f6a1d0b5e77/emulate");
    house.post(&nowhere, json!({"Action": "Accepted"})).await.problem(404, "not_found");
    // All is well with this one, but there is no engine here.
    let reply = house.post(&path, json!({"Action": "Accepted", "BranchId": 492_042})).await;
    reply.problem(503, "store_unavailable");
}

#[tokio::test]
async fn an_endpoint_that_is_off_or_pulled_is_a_conflict_and_one_that_is_paused_is_not() {
    let (house, id) = House::furnished().await;
    let path = format!("{ALL}/{id}");
    let sample = json!({"Action": "Accepted"});
    house.post(&format!("{path}/pause"), json!({})).await.with(200);
    house.post(&format!("{path}/emulate"), sample.clone()).await.problem(503, "store_unavailable");
    house.patch(&path, json!({"Enabled": false})).await.with(200);
    house.post(&format!("{path}/emulate"), sample.clone()).await.problem(409, "state_conflict");
    let pulled = house.post(ALL, json!({"Url": null})).await.with(201)["EndpointId"].clone();
    let pulled = format!("{ALL}/{}/emulate", pulled.as_str().unwrap());
    house.post(&pulled, sample).await.problem(409, "state_conflict");
}
