//! `…/people`: one-time links stand in the answers of the POSTs alone.

use serde_json::json;

use crate::house::{House, faults};

const PEOPLE: &str = "/v1/companies/acme/people";

#[tokio::test]
async fn a_link_is_shown_by_the_posts_and_by_nothing_else() {
    let (house, _) = House::furnished().await;
    let made = house.post(PEOPLE, json!({"Email": "Jo@Example.com", "Role": "Admin"})).await;
    let location = made.header("location").to_owned();
    let made = made.with(201);
    assert_eq!((&made["Email"], &made["Role"]), (&json!("jo@example.com"), &json!("Admin")));
    assert_eq!(made["HasPassword"], false);
    let link = made["Link"].as_str().unwrap();
    assert!(link.starts_with("http://127.0.0.1:8080/portal/link/"), "{link}");
    assert_eq!(location, format!("{PEOPLE}/{}", made["PersonId"].as_str().unwrap()));

    let other = house.text("POST", &format!("{location}/link"), "").await.with(200)["Link"].clone();
    assert_ne!(other, made["Link"]);
    for path in [PEOPLE, &location] {
        let text = house.get(path).await.text;
        assert!(
            text.contains("LinkUntil") && !text.contains("\"Link\"") && !text.contains("/link/"),
            "{text}"
        );
    }
    let until = house.get(&location).await.with(200)["LinkUntil"].clone();
    assert_eq!(until, "2026-01-02T00:00:00Z");
    house.later(std::time::Duration::from_secs(24 * 3600));
    assert_eq!(house.get(&location).await.with(200)["LinkUntil"], json!(null));
}

#[tokio::test]
async fn what_is_no_email_or_taken_is_refused_and_changes_nothing() {
    let (house, _) = House::furnished().await;
    for email in ["nobody", "@host", "name@", "a b@host", "a@b\u{7}c"] {
        let reply = house.post(PEOPLE, json!({"Email": email, "Role": "Reader"})).await;
        assert_eq!(reply.problem(422, "schema_violation"), faults([("/Email", "bad_email")]), "{email}");
    }
    let reply = house.post(PEOPLE, json!({"Email": "a@b", "Role": "Owner"})).await;
    assert_eq!(reply.problem(422, "schema_violation"), faults([("/Role", "not_allowed")]));
    let jo = house.post(PEOPLE, json!({"Email": "jo@b", "Role": "Reader"})).await.with(201);
    house.post(PEOPLE, json!({"Email": "JO@b", "Role": "Admin"})).await.problem(409, "state_conflict");
    let al = house.post(PEOPLE, json!({"Email": "al@b", "Role": "Reader"})).await.with(201);
    let path = format!("{PEOPLE}/{}", al["PersonId"].as_str().unwrap());
    house.patch(&path, json!({"Email": "jo@b"})).await.problem(409, "state_conflict");
    let changed = house.patch(&path, json!({"Role": "Admin"})).await.with(200);
    assert_eq!((&changed["Email"], &changed["Role"]), (&json!("al@b"), &json!("Admin")));

    house.delete(&path).await.with(204);
    house.get(&path).await.problem(404, "not_found");
    let left = house.get(PEOPLE).await.with(200)["Items"].as_array().unwrap().clone();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["PersonId"], jo["PersonId"]);
}
