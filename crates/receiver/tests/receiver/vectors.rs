//! The golden vectors of the contract, through the verifier.

use std::path::Path;

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use workbell_receiver::wire::Timestamp;
use workbell_receiver::{Builder, RawBody, Refused, Verifier};

fn vectors(folder: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/vectors").join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: std::path::PathBuf| {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap())
    };
    files.into_iter().map(read).collect()
}

fn vector(folder: &str, name: &str) -> Value {
    vectors(folder).into_iter().find(|(other, _)| other == name).unwrap().1
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    headers.insert(name, HeaderValue::from_str(value).unwrap());
}

/// The documented token and what it is for.
fn trusting(documented: &Value) -> Builder {
    Verifier::builder()
        .certificates(documented["certificates"].as_str().unwrap())
        .unwrap()
        .audience(documented["expect"]["audience"].as_str().unwrap())
        .endpoint(documented["expect"]["endpoint"].as_str().unwrap())
        .url(documented["expect"]["destination"].as_str().unwrap())
        .unwrap()
}

#[test]
fn every_token_is_taken_or_refused_as_its_vector_says_and_the_first_failed_check_is_named() {
    let body = STANDARD.decode(vector("signatures", "one-secret")["body"].as_str().unwrap()).unwrap();
    let documented = vector("tokens", "documented");
    let mut judged = 0;
    for (name, vector) in vectors("tokens") {
        if vector["expect"].as_object().unwrap().len() < 3 {
            // A receiver always asks for all three.
            continue;
        }
        let Ok(builder) = Verifier::builder().certificates(vector["certificates"].as_str().unwrap()) else {
            panic!("{name}: its certificates cannot be read");
        };
        assert_eq!(vector["expect"], documented["expect"], "{name}");
        let verifier = builder
            .audience(vector["expect"]["audience"].as_str().unwrap())
            .endpoint(vector["expect"]["endpoint"].as_str().unwrap())
            .url(vector["expect"]["destination"].as_str().unwrap())
            .unwrap()
            .without_signature()
            .build()
            .unwrap();
        let mut headers = HeaderMap::new();
        put(&mut headers, "authorization", &format!("Bearer {}", vector["token"].as_str().unwrap()));
        let now: Timestamp = vector["now"].as_str().unwrap().parse().unwrap();
        let result = verifier.verify_at(&headers, RawBody::received(body.clone().into()), now);
        assert_eq!(result.is_ok(), vector["valid"], "{name}: {result:?}");
        if let Err(refused) = result {
            if vector["token"] == "" {
                // Nothing stands behind `Bearer`, so there is no token that could fail a check.
                assert!(matches!(refused, Refused::NoToken), "{name}: {refused}");
                judged += 1;
                continue;
            }
            assert!(matches!(refused, Refused::Token { .. }), "{name}: {refused}");
            assert_eq!(vector["checks"][refused.check()], "failed", "{name}: {refused}");
        }
        judged += 1;
    }
    assert!(judged >= 40, "{judged}");
}

#[test]
fn every_signed_request_is_taken_or_refused_as_its_vector_says() {
    let documented = vector("tokens", "documented");
    for (name, vector) in vectors("signatures") {
        let mut builder = trusting(&documented);
        for secret in vector["secrets"].as_array().unwrap() {
            builder = builder.secret(secret.as_str().unwrap()).unwrap();
        }
        let verifier = builder.build().unwrap();
        let mut headers = HeaderMap::new();
        put(&mut headers, "authorization", &format!("Bearer {}", documented["token"].as_str().unwrap()));
        for header in ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"] {
            let lower: &'static str = match header {
                "Webhook-Id" => "webhook-id",
                "Webhook-Timestamp" => "webhook-timestamp",
                _ => "webhook-signature",
            };
            put(&mut headers, lower, vector["headers"][header].as_str().unwrap());
        }
        let body = RawBody::received(STANDARD.decode(vector["body"].as_str().unwrap()).unwrap().into());
        let now = Timestamp::from_unix_seconds(vector["now"].as_i64().unwrap());
        match verifier.verify_at(&headers, body, now) {
            Ok(verified) => {
                assert_eq!(vector["valid"], true, "{name}");
                assert_eq!(verified.header().work_order_id, 42, "{name}");
                assert!(verified.notification().is_ok(), "{name}");
            }
            // Signed, and no notification.
            Err(Refused::Body(_)) => assert!(vector["valid"] == true && name != "one-secret", "{name}"),
            Err(refused) => {
                assert_eq!(vector["valid"], false, "{name}: {refused}");
                // At that time the token is not valid yet either, and the token is judged first.
                let early = name == "too-new" && refused.check() == "not yet valid";
                assert!(early || matches!(refused, Refused::Signature(_)), "{name}: {refused}");
            }
        }
    }
}

#[test]
fn a_body_that_was_parsed_and_written_again_is_refused() {
    let (documented, signed) = (vector("tokens", "documented"), vector("signatures", "one-secret"));
    let secret = signed["secrets"][0].as_str().unwrap();
    let verifier = trusting(&documented).secret(secret).unwrap().build().unwrap();
    let mut headers = HeaderMap::new();
    put(&mut headers, "authorization", &format!("Bearer {}", documented["token"].as_str().unwrap()));
    put(&mut headers, "webhook-id", signed["headers"]["Webhook-Id"].as_str().unwrap());
    put(&mut headers, "webhook-timestamp", signed["headers"]["Webhook-Timestamp"].as_str().unwrap());
    put(&mut headers, "webhook-signature", signed["headers"]["Webhook-Signature"].as_str().unwrap());
    let now = Timestamp::from_unix_seconds(signed["now"].as_i64().unwrap());
    let raw = STANDARD.decode(signed["body"].as_str().unwrap()).unwrap();
    let parsed: Value = serde_json::from_slice(&raw).unwrap();
    let again = serde_json::to_vec_pretty(&parsed).unwrap();
    let refused = verifier.verify_at(&headers, RawBody::received(again.into()), now).unwrap_err();
    assert_eq!(refused.check(), "signature");
    let mut doubled = headers.clone();
    doubled.append("authorization", HeaderValue::from_static("Bearer x"));
    let refused = verifier.verify_at(&doubled, RawBody::received(raw.clone().into()), now).unwrap_err();
    assert!(matches!(refused, Refused::NoToken), "{refused}");
    assert!(verifier.verify_at(&headers, RawBody::received(raw.into()), now).is_ok());
}

#[test]
fn a_verifier_that_would_take_too_much_cannot_be_built() {
    let documented = vector("tokens", "documented");
    let pem = documented["certificates"].as_str().unwrap();
    let error = |builder: Builder| builder.build().unwrap_err().to_string();
    assert!(error(Verifier::builder()).starts_with("no certificates"));
    let with = || Verifier::builder().certificates(pem).unwrap();
    assert!(error(with()).starts_with("no whsec_ secret"));
    assert!(error(with().without_signature()).starts_with("no endpoint id"));
    assert!(error(with().without_signature().endpoint("e")).starts_with("no URL"));
    let pulled = with().without_signature().endpoint("e").pulled().build().unwrap();
    assert_eq!(pulled.destination(), "pull:e");
    let url = with().without_signature().endpoint("e").url("https://Bücher.example:443/x?y").unwrap();
    assert_eq!(url.build().unwrap().destination(), "https://xn--bcher-kva.example");
}
