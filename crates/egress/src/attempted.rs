//! What came of an attempt: its result and the facts for the log.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::failure::Failure;
use crate::request::SentHeader;

/// The end of one attempt. Every attempt has one, also when no socket was opened.
#[derive(Debug, Clone)]
pub struct Attempted {
    /// The final status, whatever it is, or why there is none. A redirect is a status like any other.
    pub result: Result<StatusCode, Failure>,
    /// The head of the answer as text, cut to [`MAX_LOGGED_HEADERS`](crate::MAX_LOGGED_HEADERS) bytes.
    pub response_headers: Vec<(String, String)>,
    /// The body of the answer as text, cut to the limit; what is no UTF-8 shows as U+FFFD, a control
    /// character other than tab and line ends as `\xNN`.
    pub response_body: String,
    /// Whether there was more of the body than is kept.
    pub response_cut: bool,
    /// The address dialled; `None` when no socket was opened.
    pub address: Option<SocketAddr>,
    /// Version and cipher suite, as `TLSv1.3 TLS13_AES_256_GCM_SHA384`; `None` for http.
    pub tls: Option<String>,
    /// The certificate that the endpoint presented as its own, DER; `None` for http.
    pub certificate: Option<Arc<[u8]>>,
    /// How long TCP and TLS took; `None` on a reused connection.
    pub connect_time: Option<Duration>,
    /// From the start of the attempt to the first byte of the final answer.
    pub first_byte_time: Option<Duration>,
    /// From the start of the attempt to its end.
    pub total: Duration,
    /// Whether the connection that gave the result had served before.
    pub reused: bool,
    /// Whether a reused connection had closed and the request went once more on a fresh one.
    pub reconnected: bool,
    /// The head as sent, secrets masked; empty when nothing was sent.
    pub request_headers: Vec<SentHeader>,
    /// The `Retry-After` of the answer.
    pub retry_after: Option<RetryAfter>,
    /// What became of `Expect: 100-continue`.
    pub continued: Continued,
}

/// A `Retry-After` header as it came (RFC 9110 section 10.2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryAfter {
    /// So many seconds from now; more than fit are `u64::MAX`.
    Seconds(u64),
    /// The text of an HTTP date, or whatever else stood there.
    Date(String),
}

/// What became of `Expect: 100-continue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Continued {
    /// The header was not sent.
    #[default]
    NotAsked,
    /// `100 Continue` came, then the body went.
    Continued100,
    /// No `100` came; the body went after the wait, if the connection lasted that long.
    NoContinue,
    /// The header was sent, the body went with it, because this endpoint never answers `100`.
    WaitSkipped,
    /// A final status that is no success came instead of the `100`; the body was not sent.
    AnsweredEarly,
    /// A 2xx before the body, or a 417: the request went once more without the header.
    Resent,
}
