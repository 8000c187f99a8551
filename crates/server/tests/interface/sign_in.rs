//! Signing in to the portal: links, passwords, cookies, locks, and forms that come from elsewhere.

use std::time::Duration;

use axum::body::Body;
use serde_json::json;

use crate::house::{House, KEY, Reply};

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
const PASSWORD: &str = "correct horse battery";

/// A form from one of our own pages.
async fn send(house: &House, path: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Reply {
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let length = text.len().to_string();
    let mut all = vec![("content-type", "application/x-www-form-urlencoded"), ("content-length", &*length)];
    all.extend(headers);
    house.send_bare("POST", path, &all, Body::from(text)).await
}

async fn open(house: &House, path: &str, cookie: &str) -> Reply {
    house.send_bare("GET", path, &[("cookie", cookie)], Body::empty()).await
}

/// The path of a new person's link.
async fn invite(house: &House, company: &str, email: &str, role: &str) -> String {
    let path = format!("/v1/companies/{company}/people");
    let made = house.post(&path, json!({"Email": email, "Role": role})).await.with(201);
    made["Link"].as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap().to_owned()
}

/// What the cookie that was set holds, as it is sent back.
fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn sign_in(house: &House, email: &str, password: &str) -> Reply {
    send(house, "/portal/sign-in", &[SAME], &[("Email", email), ("Password", password)]).await
}

#[tokio::test]
async fn a_link_sets_a_password_once_and_signs_in() {
    let (house, _) = House::furnished().await;
    let link = invite(&house, "acme", "jo@example.com", "Reader").await;
    // Whoever only looks, a scanner of mail among them, uses nothing up.
    for _ in 0..3 {
        let page = open(&house, &link, "").await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("jo@example.com"));
        assert_eq!(page.header("set-cookie"), "");
    }
    let short = send(&house, &link, &[SAME], &[("Password", "eleven char")]).await;
    assert_eq!(short.status, 422);
    let signed_in = send(&house, &link, &[SAME], &[("Password", PASSWORD)]).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "/portal"));
    let flags = signed_in.header("set-cookie");
    assert!(flags.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"), "{flags}");
    house.send_bare("GET", "/v1/log", &[("cookie", &cookie(&signed_in))], Body::empty()).await.with(200);

    assert_eq!(open(&house, &link, "").await.status, 404);
    assert_eq!(send(&house, &link, &[SAME], &[("Password", PASSWORD)]).await.status, 404);
    assert_eq!(sign_in(&house, "JO@example.com ", PASSWORD).await.status, 303);
    assert_eq!(sign_in(&house, "jo@example.com", "Correct horse battery").await.status, 401);
}

#[tokio::test]
async fn a_new_password_ends_all_sessions_and_a_link_ends_after_a_day() {
    let (house, _) = House::furnished().await;
    let link = invite(&house, "acme", "jo@example.com", "Reader").await;
    let first = cookie(&send(&house, &link, &[SAME], &[("Password", PASSWORD)]).await);
    let people = house.get("/v1/companies/acme/people").await.with(200);
    let id = people["Items"][0]["PersonId"].as_str().unwrap().to_owned();
    let path = format!("/v1/companies/acme/people/{id}/link");
    let again = |made: serde_json::Value| {
        made["Link"].as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap().to_owned()
    };
    let old = again(house.text("POST", &path, "").await.with(200));
    let new = again(house.text("POST", &path, "").await.with(200));
    assert_eq!(open(&house, &old, "").await.status, 404, "a newer link takes its place");
    assert_eq!(open(&house, "/portal/companies/acme/people", &first).await.status, 200);
    let second = cookie(&send(&house, &new, &[SAME], &[("Password", "another good password")]).await);
    assert_eq!(open(&house, "/portal/companies/acme/people", &first).await.status, 303);
    assert_eq!(open(&house, "/portal/companies/acme/people", &second).await.status, 200);

    let late = again(house.text("POST", &path, "").await.with(200));
    house.later(Duration::from_secs(24 * 3600));
    assert_eq!(open(&house, &late, "").await.status, 404);
    assert_eq!(open(&house, "/portal/companies/acme/people", &second).await.status, 303, "12 hours are over");
}

#[tokio::test]
async fn five_wrong_passwords_lock_a_name_for_fifteen_minutes() {
    let (house, _) = House::furnished().await;
    for email in ["jo@example.com", "al@example.com"] {
        let link = invite(&house, "acme", email, "Reader").await;
        send(&house, &link, &[SAME], &[("Password", PASSWORD)]).await;
    }
    for _ in 0..4 {
        assert_eq!(sign_in(&house, "jo@example.com", "wrong").await.status, 401);
    }
    assert_eq!(
        sign_in(&house, "jo@example.com", PASSWORD).await.status,
        303,
        "the right one takes them away"
    );
    for _ in 0..5 {
        assert_eq!(sign_in(&house, "jo@example.com", "wrong").await.status, 401);
    }
    house.later(Duration::from_secs(60));
    let locked = sign_in(&house, "jo@example.com", PASSWORD).await;
    assert_eq!((locked.status, locked.header("retry-after")), (429, "841"));
    assert_eq!(sign_in(&house, "al@example.com", PASSWORD).await.status, 303, "only this name");
    house.later(Duration::from_secs(841));
    assert_eq!(sign_in(&house, "jo@example.com", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_refused_and_locked_like_one_that_does() {
    let (house, _) = House::furnished().await;
    let link = invite(&house, "acme", "jo@example.com", "Reader").await;
    send(&house, &link, &[SAME], &[("Password", PASSWORD)]).await;
    for _ in 0..6 {
        let there = sign_in(&house, "jo@example.com", "wrong").await;
        let nowhere = sign_in(&house, "xy@example.com", "wrong").await;
        assert_eq!((there.status, there.text.replace("jo@", "xy@")), (nowhere.status, nowhere.text));
    }
}

#[tokio::test]
async fn the_operator_signs_in_with_the_key_and_wrong_ones_lock_the_address() {
    let (house, _) = House::furnished().await;
    let with = |key: &'static str| [("PlatformKey", key), ("Next", "/portal/companies")];
    let signed_in = send(&house, "/portal/sign-in", &[SAME], &with(KEY)).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "/portal/companies"));
    let page = open(&house, "/portal/companies", &cookie(&signed_in)).await;
    assert!(page.text.contains("Acme"), "{}", page.text);
    for _ in 0..5 {
        assert_eq!(send(&house, "/portal/sign-in", &[SAME], &with("wbpk_wrong")).await.status, 401);
    }
    assert_eq!(send(&house, "/portal/sign-in", &[SAME], &with(KEY)).await.status, 429);
    // A session that is open stays open.
    assert_eq!(open(&house, "/portal/companies", &cookie(&signed_in)).await.status, 200);
}

#[tokio::test]
async fn forms_from_elsewhere_are_refused_and_signing_out_ends_the_session() {
    let (house, _) = House::furnished().await;
    let link = invite(&house, "acme", "jo@example.com", "Admin").await;
    let foreign: [&[(&str, &str)]; 3] =
        [&[], &[("sec-fetch-site", "cross-site")], &[("origin", "https://example.com")]];
    for headers in foreign {
        assert_eq!(send(&house, &link, headers, &[("Password", PASSWORD)]).await.status, 403);
    }
    let session = cookie(&send(&house, &link, &[SAME], &[("Password", PASSWORD)]).await);
    let people = "/portal/companies/acme/people";
    let form = [("Email", "al@example.com"), ("Role", "Admin")];
    for headers in foreign {
        let headers = [&[("cookie", &*session)], headers].concat();
        assert_eq!(send(&house, people, &headers, &form).await.status, 403);
        assert_eq!(send(&house, "/portal/sign-out", &headers, &[]).await.status, 403);
    }
    // The platform key is no session: the portal takes the cookie only.
    let bearer = format!("Bearer {KEY}");
    assert_eq!(send(&house, people, &[SAME, ("authorization", &bearer)], &form).await.status, 303);
    assert_eq!(house.get("/v1/companies/acme/people").await.with(200)["Items"].as_array().unwrap().len(), 1);
    let ours = [SAME, ("cookie", &*session)];
    assert_eq!(send(&house, people, &ours, &form).await.status, 200);

    let out = send(&house, "/portal/sign-out", &ours, &[]).await;
    assert!(out.header("set-cookie").starts_with("workbell_session=; Path=/; Max-Age=0"));
    assert_eq!(open(&house, people, &session).await.status, 303);
}

#[tokio::test]
async fn where_one_wanted_to_go_is_followed_only_within_the_portal() {
    let (house, _) = House::furnished().await;
    for (next, location) in [
        ("/portal/companies", "/portal/companies"),
        ("https://example.com/", "/portal"),
        ("//example.com/", "/portal"),
        ("/portal//example.com", "/portal"),
        ("/portal/\r\nX: y", "/portal"),
        ("/v1/companies", "/portal"),
    ] {
        let form = [("PlatformKey", KEY), ("Next", next)];
        let signed_in = send(&house, "/portal/sign-in", &[SAME], &form).await;
        assert_eq!((signed_in.status, signed_in.header("location")), (303, location), "{next}");
    }
    let asked = open(&house, "/portal/companies/acme/people", "").await;
    assert_eq!(asked.header("location"), "/portal/sign-in?Next=%2Fportal%2Fcompanies%2Facme%2Fpeople");
}

#[tokio::test]
async fn a_reader_changes_nothing_and_another_company_does_not_exist() {
    let (house, _) = House::furnished().await;
    house.post("/v1/companies", json!({"CompanyId": "other", "Name": "Other"})).await.with(201);
    let link = invite(&house, "acme", "jo@example.com", "Reader").await;
    let session = cookie(&send(&house, &link, &[SAME], &[("Password", PASSWORD)]).await);
    let page = open(&house, "/portal/companies/acme/people", &session).await;
    assert!(page.status == 200 && !page.text.contains("One-time link") && !page.text.contains("Delete"));
    let ours = [SAME, ("cookie", &*session)];
    let form = [("Email", "al@example.com"), ("Role", "Admin")];
    assert_eq!(send(&house, "/portal/companies/acme/people", &ours, &form).await.status, 403);
    assert_eq!(open(&house, "/portal/companies", &session).await.status, 403);
    let other = open(&house, "/portal/companies/other/people", &session).await;
    let nobody = open(&house, "/portal/companies/nobody/people", &session).await;
    assert_eq!(other.status, 404);
    assert_eq!(other.text.replace("other", "nobody"), nobody.text);
}

#[tokio::test]
async fn what_is_no_page_is_said_by_one() {
    let (house, _) = House::furnished().await;
    let form = [("PlatformKey", KEY)];
    let session = cookie(&send(&house, "/portal/sign-in", &[SAME], &form).await);
    for path in ["/portal/nothing", "/portal/companies/acme/nothing/here", "/portal/companies/%ff/queue"] {
        let page = open(&house, path, &session).await;
        assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
        assert!(page.text.contains("Go to the start page"), "{path}");
    }
    assert_eq!(open(&house, "/portal/", &session).await.header("location"), "/portal/companies");
}

#[tokio::test]
async fn pages_forbid_what_is_inline_and_their_files_are_kept_for_good() {
    let (house, _) = House::furnished().await;
    let page = open(&house, "/portal/sign-in", "").await;
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(!page.text.contains(" style=") && !page.text.contains(" onclick"));
    let files: Vec<_> = page.text.split('"').filter(|part| part.starts_with("/portal/assets/")).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let file = open(&house, file, "").await;
        assert_eq!(file.status, 200);
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
    }
    assert_eq!(open(&house, "/portal/assets/portal.000000000000.css", "").await.status, 404);
}
