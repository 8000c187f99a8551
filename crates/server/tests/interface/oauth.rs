//! Access tokens: how they are asked for, what ends them, and what they open.

use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use workbell_wire::token::{self, ACCESS_USE, COMPANY_CLAIM, NAME_CLAIM, USE_CLAIM};

use crate::house::{House, Reply};

/// A client of `acme`: id and secret.
pub(crate) async fn client(house: &House, company: &str) -> (String, String) {
    let made = house.post(&format!("/v1/companies/{company}/clients"), json!({})).await.with(201);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("ClientId"), text("ClientSecret"))
}

/// Asks with this form and these headers.
async fn ask(house: &House, path: &str, headers: &[(&str, &str)], form: &str) -> Reply {
    let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
    all.extend(headers);
    house.send_bare("POST", path, &all, Body::from(form.to_owned())).await
}

fn form((id, secret): &(String, String)) -> String {
    format!("grant_type=client_credentials&client_id={id}&client_secret={secret}")
}

/// An access token of these credentials.
pub(crate) async fn access_token(house: &House, credentials: &(String, String)) -> String {
    let answer = ask(house, "/OAuth/Token", &[], &form(credentials)).await.with(200);
    answer["access_token"].as_str().unwrap().to_owned()
}

async fn heartbeat(house: &House, token: &str) -> Reply {
    let bearer = format!("Bearer {token}");
    house.send_bare("GET", "/Direct/api/heartbeat", &[("authorization", &bearer)], Body::empty()).await
}

#[track_caller]
fn refused(reply: &Reply, status: u16, error: &str) {
    assert_eq!((reply.status, reply.json()["error"].as_str()), (status, Some(error)), "{}", reply.text);
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("www-authenticate").is_empty(), status != 401);
}

#[tokio::test]
async fn a_token_is_given_for_form_and_basic_on_a_path_without_case() {
    let (house, _) = House::furnished().await;
    let credentials = client(&house, "acme").await;
    let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", credentials.0, credentials.1)));
    let replies = [
        ask(&house, "/OAuth/Token", &[], &form(&credentials)).await,
        ask(&house, "/oauth/TOKEN", &[], &form(&credentials)).await,
        ask(&house, "/OAuth/Token", &[("authorization", &basic)], "grant_type=client_credentials").await,
    ];
    for reply in replies {
        assert_eq!(reply.header("cache-control"), "no-store");
        let answer = reply.with(200);
        assert_eq!(
            (answer["token_type"].as_str(), answer["expires_in"].as_u64()),
            (Some("bearer"), Some(1199))
        );
        let text = answer["access_token"].as_str().unwrap();
        let parsed = token::read(text).unwrap();
        assert_eq!(parsed.claim(NAME_CLAIM), Some(credentials.0.as_str()));
        assert_eq!(parsed.claim(COMPANY_CLAIM), Some("acme"));
        assert_eq!(parsed.claim(USE_CLAIM), Some(ACCESS_USE));
        assert_eq!(heartbeat(&house, text).await.with(200)["Status"], "Ok");
    }
}

/// Headers, form, expected status and error code.
type Case<'a> = (&'a [(&'a str, &'a str)], String, u16, &'a str);

#[tokio::test]
async fn what_is_wrong_with_a_token_request_is_told_as_the_rfc_says() {
    let (house, _) = House::furnished().await;
    let (id, secret) = client(&house, "acme").await;
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let basic = ("authorization", basic.as_str());
    let grant = "grant_type=client_credentials";
    let with_basic = [basic];
    let nonsense = [("authorization", "Basic nonsense")];
    let cases: Vec<Case<'_>> = vec![
        (&[], String::new(), 401, "invalid_client"),
        (&[], grant.to_owned(), 401, "invalid_client"),
        (&[], format!("client_id={id}&client_secret={secret}"), 400, "invalid_request"),
        (&[], format!("{grant}&client_id={id}"), 400, "invalid_request"),
        (&[], format!("{grant}&client_secret={secret}"), 400, "invalid_request"),
        (&[], format!("{grant}&client_id={id}&client_secret={secret}x"), 401, "invalid_client"),
        (&[], format!("{grant}&client_id=nobody&client_secret={secret}"), 401, "invalid_client"),
        (&[], format!("{grant}&{grant}&client_id={id}&client_secret={secret}"), 400, "invalid_request"),
        (
            &[],
            format!("grant_type=password&client_id={id}&client_secret={secret}"),
            400,
            "unsupported_grant_type",
        ),
        (&nonsense, grant.to_owned(), 401, "invalid_client"),
        (&with_basic, format!("{grant}&client_secret={secret}"), 400, "invalid_request"),
        (&with_basic, format!("{grant}&client_id=other"), 400, "invalid_request"),
        (&[], "x".repeat(20_000), 413, "invalid_request"),
    ];
    for (headers, body, status, error) in cases {
        refused(&ask(&house, "/OAuth/Token", headers, &body).await, status, error);
    }
    let json = [("content-type", "application/json")];
    let reply = house.send_bare("POST", "/OAuth/Token", &json, Body::from("{}")).await;
    refused(&reply, 400, "invalid_request");
    let reply = house.send_bare("GET", "/OAuth/Token", &[], Body::empty()).await;
    assert_eq!((reply.status, reply.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn after_a_rotation_the_old_secret_is_taken_for_a_day_and_with_now_it_ends_with_its_tokens() {
    let (house, _) = House::furnished().await;
    let old = client(&house, "acme").await;
    let rotate = format!("/v1/companies/acme/clients/{}/rotate", old.0);
    let rotated = |answer: Value| (old.0.clone(), answer["ClientSecret"].as_str().unwrap().to_owned());
    let token = access_token(&house, &old).await;
    let second = rotated(house.post(&rotate, json!({})).await.with(200));
    access_token(&house, &second).await;
    access_token(&house, &old).await;
    heartbeat(&house, &token).await.with(200);
    house.later(Duration::from_secs(24 * 3600 - 1));
    access_token(&house, &old).await;
    house.later(Duration::from_secs(1));
    refused(&ask(&house, "/OAuth/Token", &[], &form(&old)).await, 401, "invalid_client");

    // The clock stands still meanwhile: what counts is the secret, not the second.
    let token = access_token(&house, &second).await;
    let third = rotated(house.post(&rotate, json!({"Now": true})).await.with(200));
    refused(&ask(&house, "/OAuth/Token", &[], &form(&second)).await, 401, "invalid_client");
    assert_eq!(heartbeat(&house, &token).await.with(401)["Code"], 401);
    let fresh = access_token(&house, &third).await;
    heartbeat(&house, &fresh).await.with(200);

    house.delete(&format!("/v1/companies/acme/clients/{}", old.0)).await.with(204);
    heartbeat(&house, &fresh).await.with(401);
    refused(&ask(&house, "/OAuth/Token", &[], &form(&third)).await, 401, "invalid_client");
}

#[tokio::test]
async fn only_a_good_access_token_opens_the_direct_api() {
    let (house, endpoint) = House::furnished().await;
    let credentials = client(&house, "acme").await;
    let token = access_token(&house, &credentials).await;
    // One byte of the signature changed.
    let last = token.len() - 10;
    let forged = format!(
        "{}{}{}",
        &token[..last],
        if &token[last..=last] == "A" { "B" } else { "A" },
        &token[last + 1..]
    );
    let notification = house.notification_token("acme", &endpoint);
    for (bad, why) in [
        (forged.as_str(), "signature"),
        (notification.as_str(), "signature"),
        ("nonsense", "shape"),
        ("", "shape"),
        (crate::house::KEY, "shape"),
    ] {
        let reply = heartbeat(&house, bad).await;
        assert!(!reply.header("www-authenticate").is_empty());
        let answer = reply.with(401);
        assert_eq!(answer["Code"], 401);
        let message = answer["Message"].as_str().unwrap();
        assert!(message.contains(why) || bad.is_empty(), "{bad}: {message}");
    }
    house.send_bare("GET", "/direct/API/heartbeat", &[], Body::empty()).await.with(401);
    house.later(Duration::from_secs(1200 + 61));
    let answer = heartbeat(&house, &token).await.with(401);
    assert!(answer["Message"].as_str().unwrap().contains("expired"), "{answer}");
}

#[tokio::test]
async fn a_client_that_asks_without_end_is_told_when_to_come_again() {
    let (house, _) = House::furnished().await;
    let credentials = client(&house, "acme").await;
    let other = client(&house, "acme").await;
    let mut given = 0;
    let reply = loop {
        let reply = ask(&house, "/OAuth/Token", &[], &form(&credentials)).await;
        if reply.status != 200 {
            break reply;
        }
        given += 1;
        assert!(given < 1000);
    };
    assert_eq!((reply.status, given), (429, 60));
    assert_eq!(reply.json()["error"], "temporarily_unavailable");
    access_token(&house, &other).await;
    house.later(Duration::from_secs(reply.header("retry-after").parse().unwrap()));
    access_token(&house, &credentials).await;
}
