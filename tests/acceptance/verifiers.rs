//! Other people's code verifies what we send: Python's `cryptography`, PyJWT, and the `standardwebhooks` packages.

use std::process::Output;

use serde_json::{Value, json};
use workbell_testkit::{Installation, Platform, Random, Receiver, Recorded, checkout, node, python};

use crate::notification::{BRANCH, COMPANY, message};

#[track_caller]
fn printed(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

/// Publishes messages, the second with characters beyond ASCII, and gives what arrived.
#[track_caller]
fn deliver(platform: &Platform, receiver: &Receiver, seed: u64) -> Vec<Recorded> {
    let mut random = Random::new(seed);
    let before = receiver.requests().len();
    for (work_order, text) in [(42, "Hello"), (43, "Grüße, 水漏れ 🔧 \\u00e9")] {
        platform.publish(message(&random.guid(), work_order, text).as_bytes()).with(202);
    }
    receiver.answered(before + 2).split_off(before)
}

/// Runs the independent implementation of the token; gives its exit status and what it printed.
#[track_caller]
pub(crate) fn verify_token(token: &str, certificates: &[u8], checks: &[&str]) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("certificates.pem");
    std::fs::write(&file, certificates).expect("the file can be written");
    let script = checkout().join("crates/wire/vectors/verify_token.py");
    let path = file.display().to_string();
    let arguments: Vec<&str> = ["--certificate", path.as_str()].iter().chain(checks).copied().collect();
    let output = python(&script, &arguments, token.as_bytes());
    let errors = String::from_utf8_lossy(&output.stderr);
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"));
    (output.status.code(), answer)
}

#[test]
fn an_independent_implementation_verifies_the_token_with_the_published_certificate() {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let endpoint = platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let other = platform.create_endpoint(COMPANY, &receiver.url("/other"), json!({"Actions": []}));
    let requests = deliver(&platform, &receiver, 3);
    let certificates = platform.get("/certificates");
    assert_eq!(certificates.status, 200);

    let origin = receiver.url("");
    let checks =
        ["--audience", "CorrigoProDirect", "--endpoint", &endpoint.id, "--destination", origin.as_str()];
    for request in &requests {
        let (status, answer) = verify_token(request.header("Authorization"), &certificates.body, &checks);
        assert_eq!((status, &answer["valid"]), (Some(0), &json!(true)), "{answer}");
        assert_eq!(answer["name"], COMPANY);
    }
    let token = requests[0].header("Authorization");
    for (asked, failed) in [
        (["--endpoint", other.id.as_str()], "endpoint"),
        (["--destination", "http://127.0.0.1"], "destination"),
        (["--audience", "Somebody"], "audience"),
        (["--now", "2018-09-04T10:12:08Z"], "not yet valid"),
    ] {
        let (status, answer) = verify_token(token, &certificates.body, &asked);
        let named = answer["failed"].as_array().is_some_and(|failures| failures.contains(&json!(failed)));
        assert!(status == Some(1) && named, "{asked:?}: {answer}");
    }
}

#[test]
fn a_jwt_library_verifies_the_other_form_with_the_published_keys() {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let endpoint = platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({"Authorization": "Jwt"}));
    let requests = deliver(&platform, &receiver, 4);
    let keys = platform.get("/.well-known/jwks.json").with(200);

    let token = requests[0].header("Authorization").strip_prefix("Bearer ").expect("it is a bearer token");
    let audience = receiver.url("");
    let issuer = format!("http://{}", server.address());
    let ask = |audience: &str, issuer: &str| json!({"Token": token, "Audience": audience, "Issuer": issuer});
    let questions =
        [ask(&audience, &issuer), ask("http://127.0.0.1", &issuer), ask(&audience, "http://elsewhere")];
    let input = json!({"Jwks": keys, "Tokens": questions}).to_string();
    let script = checkout().join("tests/scripts/verify_jwt.py");
    let verdicts = printed(&python(&script, &[], input.as_bytes()));
    let claims = &verdicts[0]["Claims"];
    assert_eq!(claims["sub"], COMPANY, "{verdicts}");
    assert_eq!(claims["endpoint"], endpoint.id, "{verdicts}");
    assert_eq!(verdicts[0]["Header"]["alg"], "ES256");
    assert_eq!(verdicts[0]["Header"]["typ"], "at+jwt");
    assert_eq!(verdicts[1]["Refused"], "InvalidAudienceError");
    assert_eq!(verdicts[2]["Refused"], "InvalidIssuerError");
}

#[test]
fn the_official_packages_verify_the_signature_and_refuse_another_body() {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let endpoint = platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let mut requests = deliver(&platform, &receiver, 5);
    // For a day after a rotation both secrets sign.
    let path = format!("/v1/companies/{COMPANY}/endpoints/{}/rotate-secret", endpoint.id);
    let rotated = platform.ask(&path);
    assert_eq!(rotated.status, 200, "{}", rotated.text());
    let secret = rotated.json()["Secret"].as_str().expect("a new secret").to_owned();
    assert_ne!(secret, endpoint.secret);
    requests.extend(deliver(&platform, &receiver, 6));

    let case = |request: &Recorded, secret: &str, extra: &str| {
        let headers: serde_json::Map<String, Value> =
            request.headers().iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let body = format!("{}{extra}", String::from_utf8_lossy(&request.body));
        json!({"Secret": secret, "Headers": headers, "Body": body})
    };
    let cases = [
        (case(&requests[0], &endpoint.secret, ""), true),
        (case(&requests[1], &endpoint.secret, ""), true),
        (case(&requests[0], &secret, ""), false),
        (case(&requests[0], &endpoint.secret, " "), false),
        (case(&requests[2], &endpoint.secret, ""), true),
        (case(&requests[2], &secret, ""), true),
        (case(&requests[3], &secret, ""), true),
    ];
    let input = json!(cases.iter().map(|(case, _)| case).collect::<Vec<_>>()).to_string();
    let scripts = checkout().join("tests/scripts");
    let verdicts = [
        printed(&python(&scripts.join("verify_signature.py"), &[], input.as_bytes())),
        printed(&node(&scripts.join("verify_signature.js"), &[], input.as_bytes())),
    ];
    for verdicts in verdicts {
        let good: Vec<bool> =
            verdicts.as_array().expect("a list").iter().map(|verdict| verdict == "ok").collect();
        let expected: Vec<bool> = cases.iter().map(|(_, expected)| *expected).collect();
        assert_eq!(good, expected, "{verdicts}");
    }
}
