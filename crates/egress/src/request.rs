//! What is sent: the documented request.
//!
//! The caller brings the headers that say who and what; this crate writes those that say how (framing,
//! host, content type, expectation) and puts all into the documented order. Source: notifications.md
//! section 1.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, HeaderMap, HeaderName,
    HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use crate::url::Target;

/// One request, complete but for what this crate writes.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where to.
    pub target: Arc<Target>,
    /// `Authorization`, `Event-Type` and the others, in the order in which they shall be sent. Those that
    /// this crate writes itself (`Connection`, `Content-Length`, `Content-Type`, `Expect`, `Host`, and all
    /// that frames a message) are ignored here. Values marked sensitive are masked in the log.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: Bytes,
    /// For the whole attempt, resends included.
    pub timeout: Duration,
    /// For the look-up of the name, and again for TCP and TLS together.
    pub connect_timeout: Duration,
    /// Whether to send `Expect: 100-continue`.
    pub expect_continue: bool,
    /// How many bytes of the answer's body are read and kept.
    pub response_limit: usize,
}

/// One header of a request as sent, for the log: name in Title-Case, value with secrets masked.
pub type SentHeader = (Cow<'static, str>, String);

const EVENT_TYPE: HeaderName = HeaderName::from_static("event-type");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// What the log shows in place of a secret.
pub const MASK: &str = "***";

/// The head as it goes on the wire, in the documented order.
pub(crate) fn head(request: &Request, expect: bool) -> HeaderMap {
    let mut head = HeaderMap::with_capacity(request.headers.len() + 8);
    head.insert(CONNECTION, HeaderValue::from_static("Keep-Alive"));
    head.insert(CONTENT_LENGTH, HeaderValue::from(request.body.len()));
    head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    if let Some(value) = request.headers.get(AUTHORIZATION) {
        head.insert(AUTHORIZATION, value.clone());
    }
    if expect {
        head.insert(EXPECT, HeaderValue::from_static("100-continue"));
    }
    head.insert(HOST, request.target.host_header().clone());
    if let Some(value) = request.headers.get(EVENT_TYPE) {
        head.insert(EVENT_TYPE, value.clone());
    }
    for (name, value) in &request.headers {
        if !is_ours(name) {
            head.append(name, value.clone());
        }
    }
    head
}

/// Whether a header is written by this crate, or was put in its place already.
fn is_ours(name: &HeaderName) -> bool {
    [CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, AUTHORIZATION, EXPECT, HOST, EVENT_TYPE].contains(name)
        || [TRANSFER_ENCODING, TE, TRAILER, UPGRADE, KEEP_ALIVE, PROXY_CONNECTION].contains(name)
}

/// The head for the log.
pub(crate) fn logged(head: &HeaderMap) -> Vec<SentHeader> {
    head.iter().map(|(name, value)| (title_case(name), shown(name, value))).collect()
}

fn shown(name: &HeaderName, value: &HeaderValue) -> String {
    if *name == AUTHORIZATION {
        // the scheme tells which kind of credential it was
        let scheme = value.to_str().ok().and_then(|value| value.split_once(' '));
        scheme.map_or_else(|| MASK.to_owned(), |(scheme, _)| format!("{scheme} {MASK}"))
    } else if *name == WEBHOOK_SIGNATURE || value.is_sensitive() {
        MASK.to_owned()
    } else {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    }
}

/// The name as hyper writes it: each letter that begins a word in upper case.
fn title_case(name: &HeaderName) -> Cow<'static, str> {
    match name.as_str() {
        "connection" => Cow::Borrowed("Connection"),
        "content-length" => Cow::Borrowed("Content-Length"),
        "content-type" => Cow::Borrowed("Content-Type"),
        "authorization" => Cow::Borrowed("Authorization"),
        "expect" => Cow::Borrowed("Expect"),
        "host" => Cow::Borrowed("Host"),
        "event-type" => Cow::Borrowed("Event-Type"),
        "webhook-id" => Cow::Borrowed("Webhook-Id"),
        "webhook-timestamp" => Cow::Borrowed("Webhook-Timestamp"),
        "webhook-signature" => Cow::Borrowed("Webhook-Signature"),
        "workbell-attempt" => Cow::Borrowed("Workbell-Attempt"),
        "workbell-sequence" => Cow::Borrowed("Workbell-Sequence"),
        "workbell-mode" => Cow::Borrowed("Workbell-Mode"),
        "user-agent" => Cow::Borrowed("User-Agent"),
        other => {
            let mut begins = true;
            let title = |c: char| {
                let c = if begins { c.to_ascii_uppercase() } else { c };
                begins = c == '-';
                c
            };
            Cow::Owned(other.chars().map(title).collect())
        }
    }
}
