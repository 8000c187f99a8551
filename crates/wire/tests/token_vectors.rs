//! The vectors in `vectors/tokens` and `vectors/signatures`, which another implementation made.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use workbell_wire::Timestamp;
use workbell_wire::certificate::Certificate;
use workbell_wire::token::{Check, Expect, Report, Verdict, diagnose, verify};
use workbell_wire::webhook_signature::{self, Headers, Secret, TOLERANCE};

fn vectors(folder: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(folder);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap())
        })
        .collect()
}

fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
    vector[member].as_str().unwrap()
}

fn judged(vector: &Value, by: fn(&str, &[Certificate], &Expect<'_>) -> Report) -> Report {
    let certificates = Certificate::read_bundle(text(vector, "certificates")).unwrap();
    let expect = Expect {
        audience: vector["expect"]["audience"].as_str(),
        endpoint: vector["expect"]["endpoint"].as_str(),
        destination: vector["expect"]["destination"].as_str(),
        ..Expect::at(text(vector, "now").parse::<Timestamp>().unwrap())
    };
    by(text(vector, "token"), &certificates, &expect)
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed(_) => "failed",
        Verdict::NotChecked => "not checked",
    }
}

#[test]
fn every_token_vector_is_judged_check_by_check_as_it_says() {
    let vectors = vectors("tokens");
    assert!(vectors.len() >= 40, "{}", vectors.len());
    for (name, vector) in &vectors {
        for by in [verify, diagnose] {
            let report = judged(vector, by);
            for (check, verdict) in report.checks() {
                assert_eq!(word(verdict), vector["checks"][check.name()], "{name}: {check}: {verdict:?}");
            }
            assert_eq!(report.is_valid(), vector["valid"], "{name}");
        }
    }
}

#[test]
fn diagnosis_names_the_form_that_fits_and_a_receiver_takes_none_but_the_documented_one() {
    for (name, vector) in vectors("tokens") {
        let matched = judged(&vector, diagnose).matched().map(|it| it.to_string());
        assert_eq!(matched.as_deref(), vector["matched"].as_str(), "{name}");
        if let Some(strict) = judged(&vector, verify).matched() {
            assert!(strict.is_documented(), "{name}");
        }
    }
}

#[test]
fn there_is_a_negative_vector_for_every_check() {
    let vectors = vectors("tokens");
    for check in Check::ALL {
        assert!(vectors.iter().any(|(_, vector)| vector["checks"][check.name()] == "failed"), "{check}");
    }
}

#[test]
fn without_certificates_nothing_is_valid() {
    let (_, vector) = vectors("tokens").into_iter().find(|(name, _)| name == "documented").unwrap();
    let now = text(&vector, "now").parse().unwrap();
    let report = verify(text(&vector, "token"), &[], &Expect::at(now));
    assert_eq!(report.failure(), Some((Check::Certificate, "no certificate was given")));
    assert!(!report.is_valid());
}

#[test]
fn every_signed_request_holds_or_not_as_it_says() {
    let vectors = vectors("signatures");
    assert!(vectors.len() >= 14, "{}", vectors.len());
    for (name, vector) in vectors {
        let header = |name: &str| vector["headers"][name].as_str().unwrap();
        let headers = Headers {
            id: header("Webhook-Id"),
            timestamp: header("Webhook-Timestamp"),
            signature: header("Webhook-Signature"),
        };
        let secrets: Vec<Secret> = vector["secrets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|secret| secret.as_str().unwrap().parse().unwrap())
            .collect();
        let body = STANDARD.decode(text(&vector, "body")).unwrap();
        let now = Timestamp::from_unix_seconds(vector["now"].as_i64().unwrap());
        let result = webhook_signature::verify(&headers, &body, &secrets, now, TOLERANCE);
        assert_eq!(result.is_ok(), vector["valid"], "{name}: {result:?}");
    }
}

#[test]
fn a_bundle_that_holds_no_rsa_certificate_is_refused_by_name() {
    let error = |pem: &str| Certificate::read_bundle(pem).unwrap_err().to_string();
    assert!(error("").starts_with("there is no -----BEGIN CERTIFICATE-----"));
    assert!(error("hello\n").starts_with("there is no -----BEGIN CERTIFICATE-----"));
    let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(error(key), "PEM block 1 is a PRIVATE KEY, not a CERTIFICATE");
    let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(error(cut).starts_with("certificate 1 cannot be read"), "{}", error(cut));
    assert!(error("-----BEGIN CERTIFICATE-----\nAAAA\n").starts_with("the PEM text cannot be read"));
}

/// Runs `vectors/verify_token.py` over all vectors in one process and prints what differs.
const AGREE: &str = r#"
import datetime, json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
sys.dont_write_bytecode = True
sys.path.insert(0, str(folder))
import verify_token
files = sorted((folder / "tokens").glob("*.json"))
for file in files:
    vector = json.loads(file.read_text())
    now = datetime.datetime.strptime(vector["now"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    failed, _ = verify_token.verify(vector["token"], vector["certificates"].encode(), now, **vector["expect"])
    expected = {check for check, verdict in vector["checks"].items() if verdict == "failed"}
    if set(failed) != expected:
        print(file.stem, failed, "in place of", expected)
print("judged", len(files))
"#;

#[test]
fn the_verifier_in_python_agrees_on_every_vector() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let output = std::process::Command::new("python3").arg("-c").arg(AGREE).arg(&folder).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(printed.trim(), format!("judged {}", vectors("tokens").len()));
}
