//! The signing keys are replaced while deliveries go on.

use serde_json::json;
use workbell_testkit::{Installation, Random, Receiver};

use crate::notification::{BRANCH, COMPANY, publish};
use crate::verifiers::verify_token;

#[test]
fn after_a_key_was_replaced_now_the_next_token_verifies_with_the_new_certificate_only() {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let mut random = Random::new(30);
    publish(&platform, &mut random, 42);
    let old_token = receiver.answered(1)[0].header("Authorization").to_owned();
    let old = platform.get("/certificates").body;

    platform.post("/v1/keys", &json!({"Now": true})).with(201);
    let new = platform.get("/certificates").body;
    assert_ne!(new, old);
    assert_eq!(new.windows(10).filter(|part| part == b"-----BEGIN").count(), 1, "the old one is gone");
    publish(&platform, &mut random, 42);
    let new_token = receiver.answered(2)[1].header("Authorization").to_owned();

    for (token, certificates, failed) in [
        (&old_token, &old, None),
        (&new_token, &new, None),
        (&new_token, &old, Some("signature")),
        (&old_token, &new, Some("signature")),
    ] {
        let (status, answer) = verify_token(token, certificates, &[]);
        match failed {
            None => assert_eq!((status, &answer["valid"]), (Some(0), &json!(true)), "{answer}"),
            Some(failed) => assert_eq!((status, &answer["failed"]), (Some(1), &json!([failed])), "{answer}"),
        }
    }
}

#[test]
fn a_certificate_is_published_before_its_key_signs() {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let old = platform.get("/certificates").body;
    platform.ask("/v1/keys").with(201);
    let both = platform.get("/certificates").body;
    assert_eq!(both.windows(10).filter(|part| part == b"-----BEGIN").count(), 2);
    publish(&platform, &mut Random::new(31), 42);
    let requests = receiver.answered(1);
    for certificates in [&old, &both] {
        let (status, answer) = verify_token(requests[0].header("Authorization"), certificates, &[]);
        assert_eq!((status, &answer["valid"]), (Some(0), &json!(true)), "{answer}");
    }
}
