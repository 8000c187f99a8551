//! The headers that say who sends what, in the documented order.
//!
//! One place for the delivery engine and for whatever sends tests, so that both look alike on the wire.
//! Source: notifications.md section 1.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};

const EVENT_TYPE: HeaderName = HeaderName::from_static("event-type");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const WORKBELL_ATTEMPT: HeaderName = HeaderName::from_static("workbell-attempt");
const WORKBELL_SEQUENCE: HeaderName = HeaderName::from_static("workbell-sequence");
const WORKBELL_MODE: HeaderName = HeaderName::from_static("workbell-mode");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("Workbell/", env!("CARGO_PKG_VERSION")));

/// What one request says about itself.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// `Authorization`; `None` only to test a receiver.
    pub authorization: Option<HeaderValue>,
    /// `Event-Type`: name of the action.
    pub event_type: HeaderValue,
    /// The Standard Webhooks headers; `None` where the endpoint has them switched off.
    pub signature: Option<Signed>,
    /// `Workbell-Attempt`, from 1.
    pub attempt: u64,
    /// `Workbell-Sequence`; `None` where the notification has no place in a lane.
    pub sequence: Option<u64>,
    /// `Workbell-Mode`.
    pub mode: &'static str,
}

/// The Standard Webhooks headers of one attempt.
#[derive(Debug, Clone)]
pub struct Signed {
    /// `webhook-id`: the MessageId.
    pub id: HeaderValue,
    /// `webhook-timestamp`: seconds since 1970.
    pub timestamp: i64,
    /// `webhook-signature`.
    pub signature: HeaderValue,
}

impl Stamp {
    /// The headers, in the order in which they are sent.
    pub fn headers(self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(16);
        if let Some(authorization) = self.authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        headers.insert(EVENT_TYPE, self.event_type);
        if let Some(signed) = self.signature {
            headers.insert(WEBHOOK_ID, signed.id);
            headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(signed.timestamp));
            headers.insert(WEBHOOK_SIGNATURE, signed.signature);
        }
        headers.insert(WORKBELL_ATTEMPT, HeaderValue::from(self.attempt));
        if let Some(sequence) = self.sequence {
            headers.insert(WORKBELL_SEQUENCE, HeaderValue::from(sequence));
        }
        headers.insert(WORKBELL_MODE, HeaderValue::from_static(self.mode));
        headers.insert(USER_AGENT, AGENT);
        headers
    }
}
