//! Endpoints: what can be set, what is refused, secrets, masks.

use std::time::Duration;

use serde_json::{Value, json};
use workbell_egress::Policy;
use workbell_model::{Endpoint, EndpointKey};
use workbell_server::Limits;
use workbell_store::Store;
use workbell_wire::webhook_signature::Secret;

use crate::house::{House, accepted, faults};

const ALL: &str = "/v1/companies/acme/endpoints";

fn kept(house: &House, id: &str) -> Endpoint {
    let key = EndpointKey { company_id: "acme".parse().unwrap(), endpoint_id: id.parse().unwrap() };
    Endpoint::clone(&house.store.directory().endpoint(&key).unwrap())
}

async fn refused(house: &House, settings: Value, code: &str) -> Vec<(String, String)> {
    let mut whole = json!({"Url": "https://example.com/"});
    whole.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let before = house.get(ALL).await.with(200);
    let found = house.post(ALL, whole).await.problem(422, code);
    assert_eq!(house.get(ALL).await.with(200), before);
    found
}

#[tokio::test]
async fn an_endpoint_with_a_url_alone_has_the_usual_settings() {
    let (house, _) = House::furnished().await;
    let reply = house.post(ALL, json!({"Url": "https://example.com/in?x=1"})).await;
    let location = reply.header("location").to_owned();
    let mut made = reply.with(201);
    let secret = made.as_object_mut().unwrap().remove("Secret").unwrap();
    assert!(secret.as_str().unwrap().parse::<Secret>().is_ok());
    let id = made["EndpointId"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("{ALL}/{id}"));
    let expected = json!({
        "CompanyId": "acme", "EndpointId": id, "Url": "https://example.com/in?x=1", "Enabled": true,
        "Actions": ["*"], "BranchIds": ["*"], "ClientId": null, "Authorization": "Token", "Signature": "Hmac",
        "ExpectContinue": true, "Headers": {}, "HoldLimit": null, "MaxConcurrency": null, "RatePerSecond": null,
        "RetrySchedule": null, "MaxAttempts": null, "Timeout": null, "On410": "Retry", "Paused": null,
        "OldSecretUntil": null, "Created": "2026-01-01T00:00:00Z"
    });
    assert_eq!(made, expected);
    assert_eq!(house.get(&location).await.with(200), expected);
    let endpoint = kept(&house, &id);
    let opened = house.master_key.open(&endpoint.key.secret_record(), &endpoint.secret.0).unwrap();
    assert_eq!(opened.as_slice(), secret.as_str().unwrap().as_bytes());
}

#[tokio::test]
async fn everything_can_be_set_changed_and_reset() {
    let (house, _) = House::furnished().await;
    let client = house.post("/v1/companies/acme/clients", json!({})).await.with(201);
    let settings = json!({
        "Url": "https://example.com/", "Enabled": false, "Actions": ["Accepted", "Rejected"], "BranchIds": [492042],
        "ClientId": client["ClientId"], "Authorization": "Jwt", "Signature": "None", "ExpectContinue": false,
        "Headers": {"X-Api-Key": "geheim"}, "HoldLimit": "0s", "MaxConcurrency": 4, "RatePerSecond": 10,
        "RetrySchedule": ["1s", "250ms", "1h"], "MaxAttempts": 5, "Timeout": "1500ms", "On410": "Pause"
    });
    let made = house.post(ALL, settings.clone()).await.with(201);
    let path = format!("{ALL}/{}", made["EndpointId"].as_str().unwrap());
    for (name, value) in settings.as_object().unwrap() {
        let expected = if name == "Headers" { &json!({"X-Api-Key": "***"}) } else { value };
        assert_eq!(&made[name], expected, "{name}");
    }

    let only = house.patch(&path, json!({"MaxConcurrency": 2})).await.with(200);
    assert_eq!((&only["MaxConcurrency"], &only["Timeout"]), (&json!(2), &json!("1500ms")));
    let nulls: Value = settings
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| *name != "Url")
        .map(|name| (name.clone(), Value::Null))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let reset = house.patch(&path, nulls).await.with(200);
    let usual = house.post(ALL, json!({"Url": "https://example.com/"})).await.with(201);
    for name in settings.as_object().unwrap().keys() {
        assert_eq!(reset[name], usual[name], "{name}");
    }
}

#[tokio::test]
async fn a_patch_without_members_changes_nothing_and_an_unknown_member_is_refused() {
    let (house, endpoint) = House::furnished().await;
    let path = format!("{ALL}/{endpoint}");
    let before = house.get(&path).await.with(200);
    assert_eq!(house.patch(&path, json!({})).await.with(200), before);
    let found = house.patch(&path, json!({"Enabled": false, "Url": 5, "Paused": true, "Secret": "x"})).await;
    let expected =
        faults([("/Paused", "unknown_member"), ("/Secret", "unknown_member"), ("/Url", "wrong_type")]);
    assert_eq!(found.problem(422, "schema_violation"), expected);
    assert_eq!(house.get(&path).await.with(200), before);
}

#[tokio::test]
async fn all_mistyped_members_are_named_at_once() {
    let (house, _) = House::furnished().await;
    let settings = json!({
        "Url": 5, "Enabled": "yes", "Actions": "*", "BranchIds": [1.5, "x"], "ClientId": "x",
        "Authorization": "Basic", "Signature": null, "ExpectContinue": 1, "Headers": {"A": 1}, "HoldLimit": 60,
        "MaxConcurrency": 0, "RatePerSecond": "fast", "RetrySchedule": ["5"], "MaxAttempts": 65536, "Timeout": "30",
        "On410": "Stop"
    });
    let expected = faults([
        ("/Actions", "wrong_type"),
        ("/Authorization", "not_allowed"),
        ("/BranchIds/0", "wrong_type"),
        ("/BranchIds/1", "wrong_type"),
        ("/ClientId", "bad_id"),
        ("/Enabled", "wrong_type"),
        ("/ExpectContinue", "wrong_type"),
        ("/Headers/A", "wrong_type"),
        ("/HoldLimit", "wrong_type"),
        ("/MaxAttempts", "out_of_range"),
        ("/MaxConcurrency", "out_of_range"),
        ("/On410", "not_allowed"),
        ("/RatePerSecond", "wrong_type"),
        ("/RetrySchedule/0", "bad_duration"),
        ("/Timeout", "bad_duration"),
        ("/Url", "wrong_type"),
    ]);
    let mut found = house.post(ALL, settings).await.problem(422, "schema_violation");
    found.sort();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn limits_do_not_exceed_the_services_settings() {
    let (house, _) = House::furnished().await;
    let settings = json!({"HoldLimit": "61m", "MaxConcurrency": 17, "MaxAttempts": 201, "Timeout": "31s", "RetrySchedule": []});
    let mut found = refused(&house, settings, "schema_violation").await;
    found.sort();
    let names = ["HoldLimit", "MaxAttempts", "MaxConcurrency", "RetrySchedule", "Timeout"];
    assert_eq!(found, names.map(|name| (format!("/{name}"), "out_of_range".to_owned())));
    assert_eq!(refused(&house, json!({"Timeout": "0s"}), "schema_violation").await.len(), 1);
    let most = json!({"Url": "https://example.com/", "HoldLimit": "1h", "MaxConcurrency": 16, "MaxAttempts": 200, "Timeout": "30s"});
    house.post(ALL, most).await.with(201);
}

#[tokio::test]
async fn what_cannot_be_posted_to_is_no_url() {
    let (house, _) = House::furnished().await;
    for url in [
        "example.com",
        "ftp://example.com/",
        "https://",
        "https://u:p@example.com/",
        "https://example.com/#x",
        "https://a b/",
        "https://example.com:25/",
    ] {
        let found = refused(&house, json!({"Url": url}), "schema_violation").await;
        assert_eq!(found, faults([("/Url", "bad_url")]), "{url}");
    }
    let found = refused(
        &house,
        json!({"Url": format!("https://example.com/{}", "x".repeat(2048))}),
        "schema_violation",
    )
    .await;
    assert_eq!(found, faults([("/Url", "too_long")]));
}

#[tokio::test]
async fn a_refused_address_names_the_setting_that_would_allow_it() {
    let (house, _) = House::furnished().await;
    for url in [
        "http://127.0.0.1/",
        "http://0x7f.1/",
        "http://[::1]:8080/",
        "https://169.254.169.254/",
        "http://10.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "https://192.0.2.1/",
    ] {
        let found = refused(&house, json!({"Url": url}), "address_refused").await;
        assert_eq!(found, faults([("/Url", "address_refused")]), "{url}");
    }
    let reply = house.post(ALL, json!({"Url": "http://10.0.0.1/"})).await.json();
    assert!(reply["Errors"][0]["Message"].as_str().unwrap().contains("egress.allow"), "{reply}");
    // A name is judged when it is dialled.
    house.post(ALL, json!({"Url": "http://localhost/"})).await.with(201);

    let strict = House::with(Limits::default(), Policy { allow_http: false, ..Policy::public() }).await;
    strict.post("/v1/companies", json!({"CompanyId": "acme", "Name": "Acme"})).await.with(201);
    let reply = strict.post(ALL, json!({"Url": "http://example.com/"})).await;
    assert!(reply.text.contains("egress.http"), "{}", reply.text);
    assert_eq!(reply.problem(422, "address_refused"), faults([("/Url", "address_refused")]));
}

#[tokio::test]
async fn filters_name_what_exists_and_belongs_to_the_company() {
    let (house, _) = House::furnished().await;
    house.post("/v1/companies", json!({"CompanyId": "other", "Name": "Other"})).await.with(201);
    house.post("/v1/companies/other/branches", json!({"BranchId": 7, "Name": "x"})).await.with(201);
    let found =
        refused(&house, json!({"Actions": ["Accepted", "TemperatureRead", "accepted"]}), "unknown_action")
            .await;
    assert_eq!(found, faults([("/Actions/1", "unknown_action"), ("/Actions/2", "unknown_action")]));
    let found = refused(&house, json!({"BranchIds": [492042, 7, 8]}), "unknown_branch").await;
    assert_eq!(found, faults([("/BranchIds/1", "unknown_branch"), ("/BranchIds/2", "unknown_branch")]));
    let foreign = house.post("/v1/companies/other/clients", json!({})).await.with(201);
    let found = refused(&house, json!({"ClientId": foreign["ClientId"]}), "unknown_client").await;
    assert_eq!(found, faults([("/ClientId", "unknown_client")]));

    house.post("/v1/actions", json!({"Name": "TemperatureRead", "Sample": {}})).await.with(201);
    let own = json!({"Url": "https://example.com/", "Actions": ["TemperatureRead", "*"], "BranchIds": []});
    let made = house.post(ALL, own).await.with(201);
    assert_eq!((&made["Actions"], &made["BranchIds"]), (&json!(["TemperatureRead", "*"]), &json!([])));
}

#[tokio::test]
async fn headers_that_would_break_the_contract_are_refused() {
    let (house, _) = House::furnished().await;
    let headers = json!({
        "host": "x", "Content-Type": "x", "CONTENT-LENGTH": "1", "Transfer-Encoding": "chunked", "Connection": "close",
        "Expect": "x", "Authorization": "Bearer x", "Event-Type": "x", "webhook-id": "x", "Workbell-Mode": "live",
        "A B": "x", "X-Line": "a\r\nHost: b", "X-Nul": "\u{0}"
    });
    let mut found = refused(&house, json!({"Headers": headers}), "invalid_header").await;
    found.sort();
    let mut expected: Vec<_> = headers
        .as_object()
        .unwrap()
        .keys()
        .map(|name| (format!("/Headers/{name}"), "invalid_header".to_owned()))
        .collect();
    expected.sort();
    assert_eq!(found, expected);

    let found = refused(&house, json!({"Headers": {"X-A": "1", "x-a": "2"}}), "schema_violation").await;
    assert_eq!(found, faults([("/Headers/x-a", "doubled")]));
    let mixed =
        refused(&house, json!({"Headers": {"Host": "x"}, "Url": "nowhere"}), "schema_violation").await;
    assert_eq!(mixed, faults([("/Headers/Host", "invalid_header"), ("/Url", "bad_url")]));
}

#[tokio::test]
async fn header_values_are_sealed_masked_and_kept_by_their_mask() {
    let (house, endpoint) = House::furnished().await;
    let path = format!("{ALL}/{endpoint}");
    let opened = |name: &str| {
        let endpoint = kept(&house, &endpoint);
        let (name, sealed) =
            endpoint.settings.headers.iter().find(|(known, _)| known == name).unwrap().clone();
        let value = house.master_key.open(&endpoint.key.header_record(&name), &sealed.0).unwrap();
        String::from_utf8(value.to_vec()).unwrap()
    };
    let shown = house.patch(&path, json!({"Headers": {"X-Api-Key": "geheim", "X-Two": "zwei"}})).await;
    assert!(!shown.text.contains("geheim"));
    assert_eq!(shown.with(200)["Headers"], json!({"X-Api-Key": "***", "X-Two": "***"}));
    assert_eq!(opened("X-Api-Key"), "geheim");

    house.patch(&path, json!({"Headers": {"X-Api-Key": "***", "X-Three": "drei"}})).await.with(200);
    assert_eq!((opened("X-Api-Key"), opened("X-Three")), ("geheim".to_owned(), "drei".to_owned()));
    assert_eq!(kept(&house, &endpoint).settings.headers.len(), 2);
    let found = house.patch(&path, json!({"Headers": {"X-New": "***"}})).await.problem(422, "invalid_header");
    assert_eq!(found, faults([("/Headers/X-New", "invalid_header")]));
    for text in [house.get(&path).await.text, house.get(ALL).await.text] {
        assert!(!text.contains("geheim") && !text.contains("drei"), "{text}");
    }
}

#[tokio::test]
async fn a_company_has_so_many_endpoints_at_most() {
    let house = House::with(Limits { endpoints: 2, ..Limits::default() }, Policy::public()).await;
    house.post("/v1/companies", json!({"CompanyId": "acme", "Name": "Acme"})).await.with(201);
    for _ in 0..2 {
        house.post(ALL, json!({"Url": "https://example.com/"})).await.with(201);
    }
    let reply = house.post(ALL, json!({"Url": "https://example.com/"})).await;
    assert!(reply.text.contains("limits.endpoints"), "{}", reply.text);
    reply.problem(409, "state_conflict");
}

#[tokio::test]
async fn pausing_keeps_what_waits_and_resuming_makes_it_due() {
    let (house, endpoint) = House::furnished().await;
    let path = format!("{ALL}/{endpoint}");
    let before = kept(&house, &endpoint);
    let paused = house.post(&format!("{path}/pause"), json!({})).await.with(200);
    assert_eq!(paused["Paused"], "2026-01-01T00:00:00Z");
    house.later(Duration::from_secs(60));
    // A second pause does not move the first, and no body is needed.
    let again = house.send("POST", &format!("{path}/pause"), &[], axum::body::Body::empty()).await.with(200);
    assert_eq!(again, paused);
    assert_eq!(house.post("/v1/notifications", accepted("ok")).await.with(202)["Fate"], "Queued");
    assert_eq!(kept(&house, &endpoint).generation, before.generation);
    let resumed = house.post(&format!("{path}/resume"), json!({})).await.with(200);
    assert_eq!(resumed["Paused"], json!(null));
    assert!(kept(&house, &endpoint).generation > before.generation);
}

#[tokio::test]
async fn what_alters_the_request_makes_all_due_and_what_does_not_leaves_it() {
    let (house, endpoint) = House::furnished().await;
    let path = format!("{ALL}/{endpoint}");
    let client = house.post("/v1/companies/acme/clients", json!({})).await.with(201);
    let changes = [
        (json!({"Url": "https://example.org/"}), true),
        (json!({"Url": "https://example.org/"}), false),
        (json!({"Headers": {"X-A": "1"}}), true),
        (json!({"Headers": {"X-A": "***"}}), false),
        (json!({"ClientId": client["ClientId"]}), true),
        (json!({"Authorization": "Jwt"}), true),
        (json!({"Signature": "None"}), true),
        (json!({"ExpectContinue": false}), true),
        (json!({"Enabled": false}), false),
        (json!({"Enabled": true}), true),
        (json!({"MaxConcurrency": 2, "Timeout": "5s", "RetrySchedule": ["1s"], "Actions": []}), false),
    ];
    for (change, expected) in changes {
        let before = kept(&house, &endpoint).generation;
        house.patch(&path, change.clone()).await.with(200);
        assert_eq!(kept(&house, &endpoint).generation > before, expected, "{change}");
    }
}

#[tokio::test]
async fn a_rotated_secret_is_shown_once_and_both_sign_for_a_day() {
    let (house, endpoint) = House::furnished().await;
    let path = format!("{ALL}/{endpoint}/rotate-secret");
    let opened = |sealed: &workbell_model::SealedText| {
        let record = kept(&house, &endpoint).key.secret_record();
        String::from_utf8(house.master_key.open(&record, &sealed.0).unwrap().to_vec()).unwrap()
    };
    let first = opened(&kept(&house, &endpoint).secret);
    let second = house.post(&path, json!({})).await.with(200);
    assert_eq!(second["OldSecretUntil"], "2026-01-02T00:00:00Z");
    let now = kept(&house, &endpoint);
    assert_eq!(json!(opened(&now.secret)), second["Secret"]);
    let (previous, until) = now.previous_secret.unwrap();
    assert_eq!((opened(&previous), until.to_string()), (first, "2026-01-02T00:00:00Z".to_owned()));
    assert!(house.get(&format!("{ALL}/{endpoint}")).await.with(200).get("Secret").is_none());
    house.post(&path, json!({"Now": true})).await.with(200);
    assert_eq!(kept(&house, &endpoint).previous_secret, None);
}

#[tokio::test]
async fn deleting_discards_only_when_told_so() {
    let (house, endpoint) = House::furnished().await;
    let path = format!("{ALL}/{endpoint}");
    let answer = house.post("/v1/notifications", accepted("ok")).await.with(202);
    let reply = house.delete(&path).await;
    assert_eq!(reply.json()["Undelivered"], 1);
    reply.problem(409, "undelivered_exist");
    house.delete(&format!("{path}?Undelivered=Discard")).await.with(204);
    house.get(&path).await.problem(404, "not_found");
    let delivery = format!("/v1/deliveries/{}", answer["Deliveries"][0].as_str().unwrap());
    let gone = house.get(&delivery).await.with(200);
    assert_eq!((&gone["State"], &gone["Reason"]), (&json!("Discarded"), &json!("EndpointDeleted")));
    house.post(&format!("{delivery}/retry"), json!({})).await.problem(409, "state_conflict");
}
