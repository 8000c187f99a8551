//! Requests as the service signs them, with the documented token.

use axum::http::{HeaderMap, HeaderValue};
use serde_json::Value;
use workbell_receiver::wire::Timestamp;
use workbell_receiver::wire::webhook_signature::sign;
use workbell_receiver::{RawBody, Verified, Verifier};

const SECRET: &str = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

/// When the documented token is valid.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_536_055_928)
}

fn documented() -> Value {
    serde_json::from_str(include_str!("../../../wire/vectors/tokens/documented.json")).unwrap()
}

/// A verifier that trusts the documented token, at its time.
pub(crate) fn verifier() -> Verifier {
    let vector = documented();
    let text = |member: &str| vector["expect"][member].as_str().unwrap().to_owned();
    Verifier::builder()
        .certificates(vector["certificates"].as_str().unwrap())
        .and_then(|builder| builder.secret(SECRET))
        .and_then(|builder| {
            builder.audience(text("audience")).endpoint(text("endpoint")).url(&text("destination"))
        })
        .and_then(|builder| builder.clock(now).build())
        .unwrap()
}

/// Headers and body of the notification of work order `order` with this sequence.
pub(crate) fn request(order: i64, sequence: u64) -> (HeaderMap, String) {
    let id = format!("00000000-0000-7000-{order:04x}-{sequence:012x}");
    let body = format!(
        r#"{{"Header":{{"WorkOrderId":{order},"BranchId":7,"Sender":{{"Name":"Jon Snow","Type":"CorrigoPro"}},"Action":"Accepted","ActionDate":"2018-09-04T10:12:08Z","ApiVersion":"1.1","MessageId":"{id}"}},"Status":"Accepted"}}"#
    );
    let seconds = now().unix_seconds();
    let mut headers = HeaderMap::new();
    let mut put =
        |name: &'static str, value: String| headers.insert(name, HeaderValue::from_str(&value).unwrap());
    put("authorization", format!("Bearer {}", documented()["token"].as_str().unwrap()));
    put("webhook-signature", sign(&[SECRET.parse().unwrap()], &id, seconds, body.as_bytes()));
    put("webhook-id", id);
    put("webhook-timestamp", seconds.to_string());
    put("workbell-sequence", sequence.to_string());
    (headers, body)
}

/// The same, verified.
pub(crate) fn verified(order: i64, sequence: u64) -> Verified {
    let (headers, body) = request(order, sequence);
    verifier().verify(&headers, RawBody::received(body.into())).unwrap()
}
