//! A bad request changes nothing. The tests of the server have the whole table; these few come over a real socket.

use serde_json::{Value, json};
use workbell_testkit::{Installation, Platform, Random, Receiver, Reply};

use crate::notification::{BRANCH, COMPANY, message, publish};

/// All that a request could have changed.
fn everything(platform: &Platform) -> Vec<Value> {
    ["/v1/companies", "/v1/notifications", "/v1/deliveries", "/v1/log", "/v1/keys", "/v1/actions"]
        .iter()
        .map(|path| platform.get(path).with(200))
        .collect()
}

#[test]
fn a_bad_request_is_refused_with_its_code_and_changes_nothing() {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let mut random = Random::new(20);
    let (_, delivery) = publish(&platform, &mut random, 42);
    workbell_testkit::wait_for("the first delivery", || {
        (platform.delivery(&delivery)["State"] == "Delivered").then_some(())
    });
    let before = everything(&platform);

    let good = message(&random.guid(), 42, "Hello");
    let doubled = good.replacen("\"BranchId\"", "\"BranchId\":1,\"BranchId\"", 1);
    let long = message(&random.guid(), 42, &"x".repeat(3001));
    let large = message(&random.guid(), 42, &"x".repeat(257 << 10));
    let broken = &good[..good.len() - 1];
    let headers = |content_type: &'static str| {
        let key = std::fs::read_to_string(installation.data_dir().join("platform.key")).expect("the key");
        vec![("Authorization", format!("Bearer {}", key.trim())), ("Content-Type", content_type.to_owned())]
    };
    let send = |headers: &[(&str, String)], body: &str| -> Reply {
        // A connection of its own: a refused body may end it.
        let caller = server.platform();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        caller.send("POST", "/v1/notifications", &headers, body.as_bytes()).expect("an answer")
    };
    let json = headers("application/json");
    send(&json, &large).problem(413, "body_too_large");
    send(&json, broken).problem(400, "invalid_json");
    send(&json, &doubled).problem(422, "schema_violation");
    send(&headers("text/plain"), &good).problem(415, "unsupported_media_type");
    send(&[json[1].clone()], &good).problem(401, "unauthorized");
    let wrong_key = [("Authorization", "Bearer wbpk_somebody-elses-key".to_owned()), json[1].clone()];
    send(&wrong_key, &good).problem(401, "unauthorized");
    send(&json, &good.replace(&BRANCH.to_string(), "7")).problem(422, "unknown_branch");
    send(&json, &good.replace("MessageSent", "MessageSend")).problem(422, "unknown_action");
    let refused = send(&json, &long);
    refused.problem(422, "schema_violation");
    assert_eq!(refused.json()["Errors"][0]["Pointer"], "/Text", "{}", refused.text());

    assert_eq!(everything(&platform), before);
    assert_eq!(receiver.requests().len(), 1);
    // And the same text, left as it was, is still accepted as a new one.
    platform.publish(good.as_bytes()).with(202);
    receiver.answered(2);
}
