//! Who may call what: the operator, Admins and Readers of one company, nobody else.

use std::time::Duration;

use axum::body::Body;
use serde_json::{Value, json};
use uuid::Uuid;
use workbell_model::{CompanyId, EndpointKey, Person, PersonId, Role};
use workbell_signing::hash_secret;
use workbell_store::Store;
use workbell_store::record::{Change, Session};

use crate::house::{House, Reply};

const OWN_ORIGIN: (&str, &str) = ("origin", "http://127.0.0.1:8080");
pub(crate) const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
/// Names no endpoint, delivery or client.
const NOTHING: &str = "01993c0e-7f1a-7d4e-9c3b-2f6a1d0b5e77";

/// Signs a new person of `acme` in; what the cookie holds.
pub(crate) async fn sign_in(house: &House, role: Role) -> String {
    let company_id: CompanyId = "acme".parse().unwrap();
    let person_id = PersonId::from_uuid(Uuid::from_u128(role as u128 + 1));
    let person = Person {
        company_id: company_id.clone(),
        person_id,
        email: format!("{}@example.org", role.name()),
        role,
        password: None,
        link: None,
        created: house.now(),
    };
    house.store.change(Change::CreatePerson(person)).await.unwrap();
    let until = house.now().plus(Duration::from_secs(60));
    let session = Session { token: hash_secret(role.name()), person: Some((company_id, person_id)), until };
    house.store.change(Change::OpenSession(session, house.now())).await.unwrap();
    format!("other=1; workbell_session={}", role.name())
}

pub(crate) async fn with_cookie(
    house: &House,
    cookie: &str,
    (method, path): (&str, &str),
    more: &[(&str, &str)],
    body: Option<Value>,
) -> Reply {
    let text = body.map(|body| body.to_string()).unwrap_or_default();
    let length = text.len().to_string();
    let mut headers = vec![("cookie", cookie), ("content-length", length.as_str())];
    if !text.is_empty() {
        headers.push(("content-type", "application/json"));
    }
    headers.extend(more);
    house.send_bare(method, path, &headers, Body::from(text)).await
}

async fn get(house: &House, cookie: &str, path: &str) -> Reply {
    with_cookie(house, cookie, ("GET", path), &[], None).await
}

fn notification(branch: i64) -> Value {
    json!({ "Header": { "WorkOrderId": branch, "BranchId": branch, "Action": "Accepted",
                        "Sender": { "Name": "Jon Snow", "Type": "CorrigoPro" } }, "Status": "Accepted" })
}

/// `acme` (endpoint, notification) and `other` with the same; ids of the other's endpoint, delivery, message, record.
async fn two_companies() -> (House, String, [String; 4]) {
    let (house, own) = House::furnished().await;
    house.post("/v1/companies", json!({"CompanyId": "other", "Name": "Other"})).await.with(201);
    let branch = json!({"BranchId": 7, "Name": "South"});
    house.post("/v1/companies/other/branches", branch).await.with(201);
    let endpoint = json!({"Url": "https://example.net/in"});
    let endpoint = house.post("/v1/companies/other/endpoints", endpoint).await.with(201);
    let endpoint = endpoint["EndpointId"].as_str().unwrap().to_owned();
    house.post("/v1/notifications", notification(492_042)).await.with(202);
    let published = house.post("/v1/notifications", notification(7)).await.with(202);
    let key = EndpointKey { company_id: "other".parse().unwrap(), endpoint_id: endpoint.parse().unwrap() };
    let dead = workbell_model::Transition::Dead(workbell_model::Reason::Exhausted);
    house.attempt(&key, 500, dead).await;
    let record = house.get("/v1/log?CompanyId=other").await.with(200)["Items"][0]["LogId"].to_string();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let ids = [endpoint, text(&published["Deliveries"][0]), text(&published["MessageId"]), record];
    (house, own, ids)
}

#[tokio::test]
async fn a_reader_reads_what_is_the_companys_and_changes_nothing() {
    let (house, own, _) = two_companies().await;
    let cookie = sign_in(&house, Role::Reader).await;
    let endpoint = format!("/v1/companies/acme/endpoints/{own}");
    for path in [
        "/v1/companies/acme/endpoints",
        &endpoint,
        &format!("{endpoint}/health"),
        "/v1/companies/acme/clients",
        "/v1/deliveries",
        "/v1/notifications",
        "/v1/log",
    ] {
        get(&house, &cookie, path).await.with(200);
    }
    for (method, path) in [
        ("PATCH", endpoint.clone()),
        ("DELETE", endpoint.clone()),
        ("POST", format!("{endpoint}/pause")),
        ("POST", format!("{endpoint}/emulate")),
        ("POST", "/v1/companies/acme/clients".to_owned()),
        ("POST", format!("/v1/deliveries/{NOTHING}/retry")),
        ("POST", "/v1/companies/nobody/endpoints".to_owned()),
    ] {
        let reply = with_cookie(&house, &cookie, (method, &path), &[SAME], Some(json!({}))).await;
        reply.problem(403, "forbidden");
    }
    assert_eq!(house.get(&endpoint).await.with(200)["Paused"], Value::Null);
}

#[tokio::test]
async fn an_admin_changes_what_is_the_companys_and_nothing_of_the_operators() {
    let (house, own, _) = two_companies().await;
    let cookie = sign_in(&house, Role::Admin).await;
    let endpoint = format!("/v1/companies/acme/endpoints/{own}");
    let change = Some(json!({"MaxAttempts": 3}));
    let reply = with_cookie(&house, &cookie, ("PATCH", &endpoint), &[SAME], change).await;
    assert_eq!(reply.with(200)["MaxAttempts"], 3);
    let beyond = Some(json!({"MaxAttempts": 5000}));
    let reply = with_cookie(&house, &cookie, ("PATCH", &endpoint), &[SAME], beyond).await;
    reply.problem(422, "schema_violation");
    with_cookie(&house, &cookie, ("POST", "/v1/companies/acme/clients"), &[SAME], None).await.with(201);
    for (method, path) in [
        ("GET", "/v1/companies"),
        ("GET", "/v1/companies/acme"),
        ("GET", "/v1/companies/other"),
        ("DELETE", "/v1/companies/acme"),
        ("GET", "/v1/companies/acme/branches"),
        ("POST", "/v1/companies/acme/branches"),
        ("GET", "/v1/keys"),
        ("POST", "/v1/keys"),
        ("POST", "/v1/actions"),
        ("POST", "/v1/notifications"),
    ] {
        with_cookie(&house, &cookie, (method, path), &[SAME], None).await.problem(403, "forbidden");
    }
}

#[tokio::test]
async fn a_foreign_id_answers_exactly_as_one_that_does_not_exist() {
    let (house, _, [endpoint, delivery, message, record]) = two_companies().await;
    let cookie = sign_in(&house, Role::Admin).await;
    let pairs = [
        ("GET", format!("/v1/companies/other/endpoints/{endpoint}"), "other", "nobody"),
        ("GET", "/v1/companies/other/clients".to_owned(), "other", "nobody"),
        ("POST", "/v1/companies/other/endpoints".to_owned(), "other", "nobody"),
        ("GET", format!("/v1/companies/acme/endpoints/{endpoint}"), endpoint.as_str(), NOTHING),
        ("DELETE", format!("/v1/companies/acme/endpoints/{endpoint}"), endpoint.as_str(), NOTHING),
        ("POST", format!("/v1/companies/acme/endpoints/{endpoint}/emulate"), endpoint.as_str(), NOTHING),
        ("POST", format!("/v1/companies/other/endpoints/{endpoint}/emulate"), "other", "nobody"),
        ("GET", format!("/v1/deliveries/{delivery}"), delivery.as_str(), NOTHING),
        ("POST", format!("/v1/deliveries/{delivery}/retry"), delivery.as_str(), NOTHING),
        ("POST", format!("/v1/deliveries/{delivery}/discard"), delivery.as_str(), NOTHING),
        ("GET", format!("/v1/log/{record}"), record.as_str(), "99999"),
        ("GET", format!("/v1/notifications/{message}?CompanyId=acme"), message.as_str(), NOTHING),
        ("GET", format!("/v1/notifications/{message}?CompanyId=other"), message.as_str(), NOTHING),
        ("GET", "/v1/deliveries?CompanyId=other".to_owned(), "other", "nobody"),
        ("GET", "/v1/notifications?CompanyId=other".to_owned(), "other", "nobody"),
        ("GET", "/v1/log?CompanyId=other".to_owned(), "other", "nobody"),
        ("GET", format!("/v1/log?EndpointId={endpoint}&Limit=1"), endpoint.as_str(), NOTHING),
        ("GET", format!("/v1/log?DeliveryId={delivery}"), delivery.as_str(), NOTHING),
        ("GET", "/v1/log?WorkOrderId=7".to_owned(), "7", "8"),
        ("GET", "/v1/deliveries?WorkOrderId=7".to_owned(), "7", "8"),
    ];
    for (method, path, foreign, missing) in pairs {
        let body = match path.rsplit('/').next() {
            Some("endpoints") => Some(json!({"Url": "https://example.com/x"})),
            Some("emulate") => Some(json!({"Action": "Accepted"})),
            _ => None,
        };
        let there = with_cookie(&house, &cookie, (method, &path), &[SAME], body.clone()).await;
        let at = path.rfind(foreign).unwrap();
        let nowhere = format!("{}{missing}{}", &path[..at], &path[at + foreign.len()..]);
        let none = with_cookie(&house, &cookie, (method, &nowhere), &[SAME], body).await;
        assert_eq!(there.status, none.status, "{path}");
        assert_eq!(there.text.replace(foreign, "?"), none.text.replace(missing, "?"), "{path}");
        if there.status == 200 {
            assert_eq!(there.json(), json!({"Items": [], "Next": null}), "{path}");
        }
    }
    // Nothing of it was touched.
    assert_eq!(house.get(&format!("/v1/deliveries/{delivery}")).await.with(200)["State"], "Dead");
}

#[tokio::test]
async fn lists_without_a_company_are_cut_to_the_persons_own() {
    let (house, ..) = two_companies().await;
    let cookie = sign_in(&house, Role::Reader).await;
    for path in ["/v1/deliveries", "/v1/notifications", "/v1/log"] {
        let items = get(&house, &cookie, path).await.with(200)["Items"].as_array().unwrap().clone();
        assert!(items.iter().all(|item| item["CompanyId"] == "acme"), "{path}");
        assert_eq!(items.is_empty(), path == "/v1/log", "{path}");
    }
    assert_eq!(house.get("/v1/deliveries").await.with(200)["Items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_write_with_a_session_must_come_from_our_own_pages() {
    let (house, own, _) = two_companies().await;
    let cookie = sign_in(&house, Role::Admin).await;
    let path = format!("/v1/companies/acme/endpoints/{own}/pause");
    let refused: [&[(&str, &str)]; 5] = [
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site"), OWN_ORIGIN],
        &[("origin", "http://127.0.0.1:8081")],
        &[("origin", "null")],
    ];
    for headers in refused {
        let reply = with_cookie(&house, &cookie, ("POST", &path), headers, None).await;
        reply.problem(403, "forbidden");
    }
    for headers in [[SAME], [OWN_ORIGIN]] {
        with_cookie(&house, &cookie, ("POST", &path), &headers, None).await.with(200);
    }
}

#[tokio::test]
async fn a_session_that_is_over_or_made_up_is_nobody() {
    let (house, ..) = two_companies().await;
    let cookie = sign_in(&house, Role::Admin).await;
    get(&house, "workbell_session=made-up", "/v1/log").await.problem(401, "unauthorized");
    get(&house, "workbell_session=", "/v1/log").await.problem(401, "unauthorized");
    get(&house, &cookie, "/v1/log").await.with(200);
    house.later(Duration::from_secs(60));
    get(&house, &cookie, "/v1/log").await.problem(401, "unauthorized");
}

#[tokio::test]
async fn people_see_the_audit_of_their_own_company_and_of_no_other() {
    let (house, _, _) = two_companies().await;
    house.post("/v1/keys", json!({})).await.with(201);
    let cookie = sign_in(&house, Role::Reader).await;
    let all = house.get("/v1/audit?Limit=500").await.with(200);
    let companies = |page: &Value| -> Vec<Value> {
        let items = page["Items"].as_array().unwrap();
        items.iter().map(|item| item["CompanyId"].clone()).collect()
    };
    for there in [json!("acme"), json!("other"), Value::Null] {
        assert!(companies(&all).contains(&there), "{there}");
    }
    let own = get(&house, &cookie, "/v1/audit?Limit=500").await.with(200);
    assert!(!companies(&own).is_empty());
    assert!(companies(&own).iter().all(|company| *company == "acme"), "{own}");
    let foreign = get(&house, &cookie, "/v1/audit?CompanyId=other").await.with(200);
    assert_eq!(foreign, get(&house, &cookie, "/v1/audit?CompanyId=nobody").await.with(200));
    let subject = get(&house, &cookie, "/v1/audit?Subject=other").await.with(200);
    assert_eq!(subject["Items"], json!([]));
    // Who writes with a session is named.
    let admin = sign_in(&house, Role::Admin).await;
    let new = Some(json!({}));
    with_cookie(&house, &admin, ("POST", "/v1/companies/acme/clients"), &[SAME], new).await.with(201);
    let newest = &house.get("/v1/audit").await.with(200)["Items"][0];
    assert_eq!((&newest["Actor"], &newest["ActorName"]), (&json!("Person"), &json!("Admin@example.org")));
}
