//! Companies, branches, clients.

use std::time::Duration;

use serde_json::json;
use workbell_model::ClientId;
use workbell_signing::secret_matches;
use workbell_store::Store;

use crate::house::{House, accepted, faults};

#[tokio::test]
async fn a_company_is_created_read_renamed_and_deleted() {
    let house = House::new().await;
    let reply = house.post("/v1/companies", json!({"CompanyId": "acme_1-X", "Name": "Acme"})).await;
    assert_eq!(reply.header("location"), "/v1/companies/acme_1-X");
    let created = reply.with(201);
    assert_eq!(created, json!({"CompanyId": "acme_1-X", "Name": "Acme", "Created": "2026-01-01T00:00:00Z"}));
    assert_eq!(house.get("/v1/companies/acme_1-X").await.with(200), created);
    let renamed = house.patch("/v1/companies/acme_1-X", json!({"Name": "Acme Ltd"})).await.with(200);
    assert_eq!(renamed["Name"], "Acme Ltd");
    assert_eq!(house.patch("/v1/companies/acme_1-X", json!({})).await.with(200), renamed);
    assert_eq!(house.get("/v1/companies/acme_1-X").await.with(200), renamed);
    let reply = house.delete("/v1/companies/acme_1-X").await;
    assert_eq!(reply.text, "");
    reply.with(204);
    house.get("/v1/companies/acme_1-X").await.problem(404, "not_found");
    house.delete("/v1/companies/acme_1-X").await.problem(404, "not_found");
}

#[tokio::test]
async fn what_is_there_cannot_be_created_again() {
    let (house, _) = House::furnished().await;
    house
        .post("/v1/companies", json!({"CompanyId": "acme", "Name": "x"}))
        .await
        .problem(409, "state_conflict");
    house.post("/v1/companies", json!({"CompanyId": "other", "Name": "Other"})).await.with(201);
    let branch = json!({"BranchId": 492042, "Name": "x"});
    let reply = house.post("/v1/companies/other/branches", branch).await;
    reply.problem(409, "branch_taken");
    house.get("/v1/companies/other/branches/492042").await.problem(404, "not_found");
}

#[tokio::test]
async fn company_ids_and_names_keep_to_their_form() {
    let house = House::new().await;
    for (id, name) in
        [("", "x"), ("a b", "x"), (&"x".repeat(65), "x"), ("ä", "x"), ("a", ""), ("a", &"x".repeat(201))]
    {
        let found = house.post("/v1/companies", json!({"CompanyId": id, "Name": name})).await;
        assert_eq!(found.problem(422, "schema_violation").len(), 1, "{id} {name}");
    }
    let found = house.patch("/v1/companies/nobody", json!({"CompanyId": "x"})).await;
    assert_eq!(found.problem(422, "schema_violation"), faults([("/CompanyId", "unknown_member")]));
}

#[tokio::test]
async fn a_branch_is_created_read_renamed_deleted_and_its_id_may_come_again() {
    let (house, _) = House::furnished().await;
    let reply = house.post("/v1/companies/acme/branches", json!({"BranchId": 7, "Name": "South"})).await;
    assert_eq!(reply.header("location"), "/v1/companies/acme/branches/7");
    let branch = reply.with(201);
    assert_eq!((&branch["CompanyId"], &branch["BranchId"]), (&json!("acme"), &json!(7)));
    let renamed = house.patch("/v1/companies/acme/branches/7", json!({"Name": "West"})).await.with(200);
    assert_eq!(house.get("/v1/companies/acme/branches/7").await.with(200), renamed);
    house.delete("/v1/companies/acme/branches/7").await.with(204);
    house.get("/v1/companies/acme/branches/7").await.problem(404, "not_found");
    house.post("/v1/companies", json!({"CompanyId": "other", "Name": "Other"})).await.with(201);
    house.post("/v1/companies/other/branches", json!({"BranchId": 7, "Name": "South"})).await.with(201);
    for bad in [json!(0), json!(-1), json!("7"), json!(1.5), json!(9_223_372_036_854_775_808_u64)] {
        let reply = house.post("/v1/companies/acme/branches", json!({"BranchId": bad, "Name": "x"})).await;
        reply.problem(422, "schema_violation");
    }
}

#[tokio::test]
async fn what_has_undelivered_deliveries_is_deleted_only_with_discard() {
    for path in ["/v1/companies/acme", "/v1/companies/acme/branches/492042"] {
        let (house, _) = House::furnished().await;
        let answer = house.post("/v1/notifications", accepted("ok")).await.with(202);
        house.post("/v1/notifications", accepted("ok")).await.with(202);
        let reply = house.delete(path).await;
        assert_eq!(reply.json()["Undelivered"], 2, "{path}");
        reply.problem(409, "undelivered_exist");
        house.get(path).await.with(200);
        let found = house.delete(&format!("{path}?Undelivered=Keep")).await.problem(422, "schema_violation");
        assert_eq!(found, faults([("?Undelivered", "not_allowed")]));
        house.delete(&format!("{path}?Undelivered=Discard")).await.with(204);
        let delivery = answer["Deliveries"][0].as_str().unwrap();
        let delivery = house.get(&format!("/v1/deliveries/{delivery}")).await;
        if delivery.status == 200 {
            let delivery = delivery.with(200);
            assert_eq!(delivery["State"], "Discarded", "{path}");
        }
    }
}

#[tokio::test]
async fn a_clients_secret_is_shown_once_and_kept_as_a_hash() {
    let (house, _) = House::furnished().await;
    let reply = house.post("/v1/companies/acme/clients", json!({"Name": "CMMS"})).await;
    let location = reply.header("location").to_owned();
    let client = reply.with(201);
    let secret = client["ClientSecret"].as_str().unwrap();
    assert!(secret.len() > 40);
    assert_eq!(location, format!("/v1/companies/acme/clients/{}", client["ClientId"].as_str().unwrap()));
    let read = house.get(&location).await.with(200);
    assert!(read.get("ClientSecret").is_none());
    assert!(!house.get("/v1/companies/acme/clients").await.text.contains(secret));
    let id: ClientId = client["ClientId"].as_str().unwrap().parse().unwrap();
    let kept = house.store.directory().company(&"acme".parse().unwrap()).unwrap().clients[&id].clone();
    assert!(secret_matches(secret, &kept.secret_hash));
    let renamed = house.patch(&location, json!({"Name": "Other CMMS"})).await.with(200);
    assert_eq!(renamed["Name"], "Other CMMS");
}

#[tokio::test]
async fn the_old_secret_of_a_client_lives_on_for_a_day_unless_it_leaked() {
    let (house, _) = House::furnished().await;
    let reply = house.send("POST", "/v1/companies/acme/clients", &[], axum::body::Body::empty()).await;
    let path = reply.header("location").to_owned();
    let first = reply.with(201);
    let id: ClientId = first["ClientId"].as_str().unwrap().parse().unwrap();
    let kept = || house.store.directory().company(&"acme".parse().unwrap()).unwrap().clients[&id].clone();

    house.later(Duration::from_secs(60));
    let second = house.post(&format!("{path}/rotate"), json!({})).await.with(200);
    assert_ne!(first["ClientSecret"], second["ClientSecret"]);
    assert_eq!(second["OldSecretUntil"], "2026-01-02T00:01:00Z");
    let (old, until) = kept().previous_secret.unwrap();
    assert!(secret_matches(first["ClientSecret"].as_str().unwrap(), &old));
    assert_eq!(until.to_string(), "2026-01-02T00:01:00Z");
    house.later(Duration::from_secs(86_400));
    assert_eq!(house.get(&path).await.with(200)["OldSecretUntil"], json!(null));

    let third = house.post(&format!("{path}/rotate"), json!({"Now": true})).await.with(200);
    assert_eq!(third["OldSecretUntil"], json!(null));
    assert_eq!((kept().previous_secret, kept().tokens_from), (None, house.now()));
    assert!(secret_matches(third["ClientSecret"].as_str().unwrap(), &kept().secret_hash));
}

#[tokio::test]
async fn a_deleted_client_is_gone_and_one_that_an_endpoint_names_stays() {
    let (house, endpoint) = House::furnished().await;
    let client = house.post("/v1/companies/acme/clients", json!({})).await.with(201);
    let id = client["ClientId"].as_str().unwrap();
    let path = format!("/v1/companies/acme/clients/{id}");
    let endpoint = format!("/v1/companies/acme/endpoints/{endpoint}");
    house.patch(&endpoint, json!({"ClientId": id})).await.with(200);
    house.delete(&path).await.problem(409, "state_conflict");
    house.patch(&endpoint, json!({"ClientId": null})).await.with(200);
    house.delete(&path).await.with(204);
    for reply in [house.get(&path).await, house.delete(&path).await] {
        reply.problem(404, "not_found");
    }
    assert_eq!(house.get("/v1/companies/acme/clients").await.with(200)["Items"], json!([]));
    let refused = house.patch(&endpoint, json!({"ClientId": id})).await.problem(422, "unknown_client");
    assert_eq!(refused, faults([("/ClientId", "unknown_client")]));
}

/// A foreign id answers exactly as one that does not exist.
#[tokio::test]
async fn nothing_of_one_company_is_seen_through_another() {
    let (house, endpoint) = House::furnished().await;
    house.post("/v1/companies", json!({"CompanyId": "other", "Name": "Other"})).await.with(201);
    let client = house.post("/v1/companies/acme/clients", json!({})).await.with(201);
    let client = client["ClientId"].as_str().unwrap();
    let none = "01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47";
    let things = [("branches", "492042", "7"), ("clients", client, none), ("endpoints", &endpoint, none)];
    for (kind, foreign, missing) in things {
        let mut acts = vec![("GET", "", None), ("PATCH", "", Some("{}")), ("DELETE", "", None)];
        match kind {
            "clients" => acts.push(("POST", "/rotate", Some("{}"))),
            "endpoints" => {
                acts.extend(["/pause", "/resume", "/rotate-secret"].map(|act| ("POST", act, Some("{}"))))
            }
            _ => {}
        }
        for (method, act, body) in acts {
            let mut answers = Vec::new();
            for id in [foreign, missing] {
                let path = format!("/v1/companies/other/{kind}/{id}{act}");
                let reply = house.text(method, &path, body.unwrap_or_default()).await;
                answers.push((reply.status, reply.text.replace(id, "ID")));
            }
            assert_eq!(answers[0], answers[1], "{method} {kind}{act}");
            assert_eq!(answers[0].0, 404, "{method} {kind}{act}");
        }
        house.get(&format!("/v1/companies/acme/{kind}/{foreign}")).await.with(200);
    }
}
