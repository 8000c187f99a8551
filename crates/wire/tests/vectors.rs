//! The golden vectors of `vectors/bodies`; their README says the format.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use workbell_wire::publication::{Error, Publication};
use workbell_wire::{MessageId, Timestamp};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    name: String,
    published: String,
    message_id: MessageId,
    now: Timestamp,
    body: String,
    body_sha256: String,
    content_sha256: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refused {
    name: String,
    published: String,
    faults: Vec<Fault>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fault {
    pointer: String,
    code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Malformed {
    name: String,
    published_base64: String,
    line: usize,
    column: usize,
}

fn read<T: DeserializeOwned>(file: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/bodies").join(file);
    let vectors: Vec<T> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(vectors.len() > 20, "{file} has lost vectors");
    vectors
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_published_is_sent_byte_for_byte() {
    for vector in read::<Sent>("sent.json") {
        let name = &vector.name;
        let publication =
            Publication::parse(vector.published.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let body = publication.body(vector.message_id, vector.now);
        assert_eq!(String::from_utf8(body.clone()).unwrap(), vector.body, "{name}");
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &body);
        assert_eq!(hex(digest.as_ref()), vector.body_sha256, "{name}");
        assert_eq!(hex(&publication.content_hash()), vector.content_sha256, "{name}");
    }
}

#[test]
fn what_breaks_the_contract_is_refused_with_all_its_faults() {
    for vector in read::<Refused>("refused.json") {
        let name = &vector.name;
        let Err(Error::Schema(faults)) = Publication::parse(vector.published.as_bytes()) else {
            panic!("{name} is not refused")
        };
        let told: Vec<_> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        let expected: Vec<_> =
            vector.faults.iter().map(|fault| (fault.pointer.as_str(), fault.code.as_str())).collect();
        assert_eq!(told, expected, "{name}");
    }
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    for vector in read::<Malformed>("malformed.json") {
        let name = &vector.name;
        let published = STANDARD.decode(vector.published_base64).unwrap();
        let Err(Error::InvalidJson { line, column, message }) = Publication::parse(&published) else {
            panic!("{name} is not refused")
        };
        assert_eq!((line, column), (vector.line, vector.column), "{name}: {message}");
    }
}
