//! Pull endpoints and their feed: what stands in it, how it is read on, and how long it waits.

use std::time::Duration;

use axum::body::Body;
use serde_json::{Value, json};
use workbell_store::Store;
use workbell_wire::token::{self, Expect};
use workbell_wire::webhook_signature;

use crate::house::{House, Reply, accepted, accepted_as, faults};
use crate::oauth::{access_token, client};

/// How long a test waits for what must come. 30 s: only a broken service needs it.
const DEADLINE: Duration = Duration::from_secs(30);

/// A house whose company `acme` has a pull endpoint alone: with it, its id, its secret and an access token.
async fn pulled() -> (House, String, String, String) {
    let (house, push) = House::furnished().await;
    house.delete(&format!("/v1/companies/acme/endpoints/{push}")).await.with(204);
    let made = house.post("/v1/companies/acme/endpoints", json!({"Url": null})).await.with(201);
    assert_eq!(made["Url"], Value::Null);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let credentials = client(&house, "acme").await;
    let token = access_token(&house, &credentials).await;
    let (id, secret) = (text("EndpointId"), text("Secret"));
    (house, id, secret, token)
}

async fn read(house: &House, token: &str, query: &str) -> Reply {
    let (path, bearer) = (format!("/Direct/api/notifications{query}"), format!("Bearer {token}"));
    house.send_bare("GET", &path, &[("authorization", &bearer)], Body::empty()).await
}

async fn publish(house: &House, comment: &str) -> String {
    let answer = house.post("/v1/notifications", accepted(comment)).await.with(202);
    assert_eq!(answer["Fate"], "Queued");
    answer["MessageId"].as_str().unwrap().to_owned()
}

/// The MessageIds of a page.
fn ids(page: &Value) -> Vec<String> {
    let items = page["Items"].as_array().unwrap();
    items.iter().map(|item| item["Headers"]["Webhook-Id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_endpoint_is_pushed_to_or_pulls_for_life() {
    let (house, push) = House::furnished().await;
    let endpoints = "/v1/companies/acme/endpoints";
    let made = house.post(endpoints, json!({"Url": null})).await.with(201);
    let pull = made["EndpointId"].as_str().unwrap();
    let found = house.post(endpoints, json!({"Enabled": true})).await.problem(422, "schema_violation");
    assert_eq!(found, faults([("/Url", "missing")]), "a URL is not forgotten by accident");
    let reply = house.patch(&format!("{endpoints}/{push}"), json!({"Url": null, "ClientId": "x"})).await;
    assert_eq!(reply.problem(422, "schema_violation")[0].0, "/ClientId");
    let reply = house.patch(&format!("{endpoints}/{push}"), json!({"Url": null, "Timeout": "999h"})).await;
    let all = faults([("/Url", "for_life"), ("/Timeout", "out_of_range")]);
    assert_eq!(reply.problem(422, "schema_violation"), all, "both at once");
    let other = json!({"Url": "https://example.com/in"});
    let reply = house.patch(&format!("{endpoints}/{pull}"), other).await;
    assert_eq!(reply.problem(422, "schema_violation"), faults([("/Url", "for_life")]));
    let same =
        house.patch(&format!("{endpoints}/{pull}"), json!({"Url": null, "Actions": []})).await.with(200);
    assert_eq!((&same["Url"], &same["Actions"]), (&Value::Null, &json!([])));
    house.post(&format!("{endpoints}/{pull}/pause"), json!({})).await.problem(409, "state_conflict");
    house.post(&format!("{endpoints}/{pull}/rotate-secret"), json!({})).await.with(200);
    house.delete(&format!("{endpoints}/{pull}")).await.with(204);
}

#[tokio::test]
async fn a_feed_has_what_would_have_been_sent_with_token_and_signature() {
    let (house, endpoint, secret, token) = pulled().await;
    let headers = json!({"X-Site": "north"});
    let path = format!("/v1/companies/acme/endpoints/{endpoint}");
    house.patch(&path, json!({"Headers": headers})).await.with(200);
    let id = "0d9e9b7a-1c4c-4a4a-9f2e-5a0e3a1f6c11";
    let answer = house.post("/v1/notifications", accepted_as(id, "first")).await.with(202);
    publish(&house, "second").await;
    let delivery = answer["Deliveries"][0].as_str().unwrap();
    let delivery = house.get(&format!("/v1/deliveries/{delivery}")).await.with(200);
    assert_eq!((&delivery["State"], &delivery["Attempts"]), (&json!("Delivered"), &json!([])));

    let page = read(&house, &token, &format!("?Endpoint={endpoint}")).await.with(200);
    assert_eq!(page["Items"].as_array().unwrap().len(), 2);
    let item = &page["Items"][0];
    let header = |name: &str| item["Headers"][name].as_str().unwrap_or_else(|| panic!("{name}: {item}"));
    for (name, value) in [
        ("Content-Type", "application/json; charset=utf-8"),
        ("Event-Type", "Accepted"),
        ("Webhook-Id", id),
        ("Workbell-Attempt", "1"),
        ("Workbell-Sequence", "1"),
        ("Workbell-Mode", "live"),
        ("X-Site", "north"),
    ] {
        assert_eq!(header(name), value);
    }
    assert_eq!(page["Items"][1]["Headers"]["Workbell-Sequence"], "2");
    let kept = house.get(&format!("/v1/notifications/{id}?CompanyId=acme")).await.with(200);
    let body = item["Body"].as_str().unwrap();
    assert_eq!(kept["Body"].as_str().unwrap(), body, "the exact text");

    let bearer = header("Authorization").strip_prefix("Bearer ").unwrap();
    let destination = format!("pull:{endpoint}");
    let expect = Expect {
        audience: Some("CorrigoProDirect"),
        endpoint: Some(&endpoint),
        destination: Some(&destination),
        ..Expect::at(house.now())
    };
    let report = token::verify(bearer, &house.certificates(), &expect);
    assert!(report.is_valid(), "{report:?}");
    let secrets: [webhook_signature::Secret; 1] = [secret.parse().unwrap()];
    let signed = webhook_signature::Headers {
        id,
        timestamp: header("Webhook-Timestamp"),
        signature: header("Webhook-Signature"),
    };
    let keys = webhook_signature::Keys::new(&secrets);
    keys.verify(&signed, body.as_bytes(), house.now(), Duration::from_secs(1)).unwrap();
    assert_ne!(bearer, token, "what is read is not signed like what reads");
}

#[tokio::test]
async fn a_feed_is_read_on_from_any_place_and_limits_are_cut() {
    let (house, endpoint, _, token) = pulled().await;
    let empty = read(&house, &token, "").await.with(200);
    assert_eq!(empty["Items"], json!([]));
    let mut published = Vec::new();
    for number in 0..7 {
        published.push(publish(&house, &number.to_string()).await);
    }
    let (mut found, mut after) = (Vec::new(), empty["Next"].as_str().unwrap().to_owned());
    for size in [3, 3, 1, 0] {
        let page = read(&house, &token, &format!("?After={after}&Limit=3")).await.with(200);
        assert_eq!(ids(&page).len(), size);
        found.extend(ids(&page));
        after = page["Next"].as_str().unwrap().to_owned();
    }
    assert_eq!(found, published);
    let all = read(&house, &token, "?limit=100000&WAIT=1h&messageid=x").await.with(200);
    assert_eq!(ids(&all), published, "names have no case, limits are cut");
    assert_eq!(all["Next"], after.as_str());
    let cursor = all["Items"][5]["Cursor"].as_str().unwrap();
    let rest = read(&house, &token, &format!("?Endpoint={endpoint}&After={cursor}")).await.with(200);
    assert_eq!(ids(&rest), published[6..]);
    for (query, name) in [
        ("?Limit=0", "Limit"),
        ("?Limit=-1", "Limit"),
        ("?Limit=many", "Limit"),
        ("?Wait=soon", "Wait"),
        ("?After=nonsense", "After"),
    ] {
        let answer = read(&house, &token, query).await.with(400);
        assert_eq!(answer["Code"], 2100);
        assert!(answer["Message"].as_str().unwrap().starts_with(name), "{answer}");
    }
}

#[tokio::test]
async fn a_cursor_whose_notification_is_gone_is_410() {
    let (house, _, _, token) = pulled().await;
    publish(&house, "old").await;
    let old = read(&house, &token, "").await.with(200)["Next"].as_str().unwrap().to_owned();
    house.later(Duration::from_secs(2));
    let sweep = house.store.sweep(house.now(), Duration::from_secs(1), Duration::from_secs(1)).await.unwrap();
    assert_eq!(sweep.notifications, 1);
    let answer = read(&house, &token, &format!("?After={old}&Wait=60")).await.with(410);
    assert_eq!(answer["Code"], 410);
    assert!(answer["Message"].as_str().unwrap().starts_with("cursor_expired"));
    let fresh = publish(&house, "new").await;
    assert_eq!(ids(&read(&house, &token, "").await.with(200)), [fresh]);
}

#[tokio::test]
async fn a_reader_sees_pull_endpoints_of_its_own_company_only() {
    let (house, endpoint, _, token) = pulled().await;
    house.post("/v1/companies", json!({"CompanyId": "other", "Name": "Other"})).await.with(201);
    let credentials = client(&house, "other").await;
    let stranger = access_token(&house, &credentials).await;
    let message = |answer: Value| {
        assert_eq!(answer["Code"], 3003);
        answer["Message"].as_str().unwrap().to_owned()
    };
    let foreign = message(read(&house, &stranger, &format!("?Endpoint={endpoint}")).await.with(404));
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    let unknown = message(read(&house, &stranger, &format!("?Endpoint={nobody}")).await.with(404));
    assert_eq!(foreign.replace(&endpoint, nobody), unknown);
    assert!(message(read(&house, &stranger, "").await.with(404)).contains("--pull"));
    read(&house, "nonsense", "").await.with(401);

    let endpoints = "/v1/companies/acme/endpoints";
    let push = house.post(endpoints, json!({"Url": "https://example.com/"})).await.with(201);
    let push = push["EndpointId"].as_str().unwrap();
    assert!(message(read(&house, &token, &format!("?Endpoint={push}")).await.with(404)).contains("no feed"));
    read(&house, &token, "").await.with(200);
    house.post(endpoints, json!({"Url": null})).await.with(201);
    assert_eq!(read(&house, &token, "").await.with(400)["Code"], 2100, "one of two must be named");
    read(&house, &token, &format!("?Endpoint={endpoint}")).await.with(200);
}

#[tokio::test]
async fn the_log_says_what_was_read_and_holds_no_token_of_it() {
    let (house, endpoint, _, token) = pulled().await;
    let path = format!("/v1/companies/acme/endpoints/{endpoint}");
    house.patch(&path, json!({"Headers": {"X-Site-Key": "s3cret"}})).await.with(200);
    let id = publish(&house, "to be read").await;
    let page = read(&house, &token, "").await.with(200);
    assert_eq!(page["Items"][0]["Headers"]["X-Site-Key"], "s3cret", "its reader gets it");
    let record = loop {
        // It is written behind the answer.
        let log = house.get("/v1/log?CompanyId=acme&Direction=Inbound").await.with(200);
        match log["Items"].as_array().unwrap().first() {
            Some(record) => break record.clone(),
            None => tokio::task::yield_now().await,
        }
    };
    let text = record.to_string();
    assert!(text.contains(&id) && text.contains(page["Next"].as_str().unwrap()), "{text}");
    for secret in ["s3cret", "<---->", "to be read", token.as_str()] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn the_echo_rule_holds_for_a_feed() {
    let (house, _, _, token) = pulled().await;
    let own = client(&house, "acme").await.0;
    let mut echo = accepted("own");
    echo["InitiatedBy"] = json!({"ClientId": own});
    let answer = house.post("/v1/notifications", echo).await.with(202);
    assert_eq!((&answer["Fate"], &answer["Deliveries"]), (&json!("Suppressed"), &json!([])));
    let other = publish(&house, "of the customer").await;
    assert_eq!(ids(&read(&house, &token, "").await.with(200)), [other]);
}

/// Waits until somebody has asked the store something.
async fn asked(house: &House, before: u64) -> u64 {
    let asked = async {
        loop {
            let now = house.store.counters().reads();
            if now > before {
                return now;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, asked).await.unwrap()
}

#[tokio::test]
async fn a_held_back_answer_comes_with_the_next_notification_and_asks_the_store_nothing_meanwhile() {
    let (house, _, _, token) = pulled().await;
    publish(&house, "before").await;
    let next = read(&house, &token, "").await.with(200)["Next"].as_str().unwrap().to_owned();
    let reads = house.store.counters().reads();
    let query = format!("?After={next}&Wait=60s");
    let (held, (published, idle)) = tokio::join!(read(&house, &token, &query), async {
        let looked = asked(&house, reads).await;
        // Another company's news, and changes of the configuration, are none of this reader's.
        house.post("/v1/companies", json!({"CompanyId": "other", "Name": "Other"})).await.with(201);
        house.post("/v1/companies/other/branches", json!({"BranchId": 7, "Name": "South"})).await.with(201);
        house.post("/v1/companies/other/endpoints", json!({"Url": null})).await.with(201);
        let mut other = accepted("of another");
        other["Header"]["BranchId"] = json!(7);
        house.post("/v1/notifications", other).await.with(202);
        let idle = (looked, house.store.counters().reads());
        (publish(&house, "meanwhile").await, idle)
    });
    assert_eq!(ids(&held.with(200)), [published]);
    assert_eq!(idle.0, idle.1, "nothing was asked while it waited");
    assert_eq!(house.store.counters().reads(), idle.1 + 1, "and once when there was something");
}

#[tokio::test]
async fn a_held_back_answer_ends_with_its_time_or_its_endpoint() {
    let (house, endpoint, _, token) = pulled().await;
    let reads = house.store.counters().reads();
    let nothing = read(&house, &token, "?Wait=50ms").await.with(200);
    assert_eq!(nothing["Items"], json!([]));
    assert_eq!(house.store.counters().reads(), reads + 1, "it did not look again at the end");
    let next = nothing["Next"].as_str().unwrap().to_owned();
    let query = format!("?After={next}&Wait=60");
    let (held, ()) = tokio::join!(read(&house, &token, &query), async {
        asked(&house, reads + 1).await;
        house.delete(&format!("/v1/companies/acme/endpoints/{endpoint}")).await.with(204);
    });
    assert_eq!(held.with(404)["Code"], 3003);
}
