//! What came of an attempt, in the words of the log.

use std::time::Duration;

use bytes::Bytes;
use workbell_egress::{Attempted, Failure, RetryAfter};
use workbell_model::attempt::{Failure as Kind, LONGEST_RETRY_AFTER};
use workbell_model::{ErrorClass, Outcome, Transition, Undelivered, log};
use workbell_store::record::{Attempt, Completion, Occasion};
use workbell_wire::Timestamp;

/// What is known of an attempt since it began.
pub(crate) struct Begun {
    pub(crate) delivery: Undelivered,
    pub(crate) start: Timestamp,
    pub(crate) occasion: Occasion,
    /// The endpoint's generation then.
    pub(crate) generation: u64,
}

/// How an attempt ended, as the log has it.
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<ErrorClass>,
    pub(crate) duration: Duration,
    pub(crate) detail: log::Detail,
}

impl Ended {
    /// From what came of a request.
    pub(crate) fn from_attempted(attempted: Attempted, url: &str, now: Timestamp) -> Self {
        let (outcome, status, error, explanation) = match &attempted.result {
            Ok(status) if status.is_success() => (Outcome::Succeeded, Some(status.as_u16()), None, None),
            Ok(status) => {
                let asks = matches!(status.as_u16(), 429 | 503);
                let asked = if asks { wait(attempted.retry_after.as_ref(), now) } else { None };
                let kind = Kind::of_status(status.as_u16(), asked);
                (Outcome::Failed(kind), Some(status.as_u16()), Some(ErrorClass::Status), None)
            }
            Err(failure) => {
                let class = class(failure);
                (Outcome::Failed(Kind::of_class(class)), None, Some(class), Some(failure.to_string()))
            }
        };
        let detail = log::Detail {
            url: url.to_owned(),
            request_headers: attempted
                .request_headers
                .into_iter()
                .map(|(name, value)| (name.into_owned(), value))
                .collect(),
            response_headers: attempted.response_headers,
            response_body: attempted.response_body,
            explanation,
            address: attempted.address.map(|address| address.to_string()),
            tls: attempted.tls,
            connect_time: attempted.connect_time.map(micros),
            first_byte_time: attempted.first_byte_time.map(micros),
            reconnected: attempted.reconnected,
            ..log::Detail::default()
        };
        Ended { outcome, status, error, duration: attempted.total, detail }
    }

    /// An attempt for which no request could be made.
    pub(crate) fn misconfigured(explanation: String, url: String) -> Self {
        Ended {
            outcome: Outcome::Failed(Kind::of_class(ErrorClass::Misconfigured)),
            status: None,
            error: Some(ErrorClass::Misconfigured),
            duration: Duration::ZERO,
            detail: log::Detail { url, explanation: Some(explanation), ..log::Detail::default() },
        }
    }

    /// An attempt that shut-down cut off.
    pub(crate) fn interrupted(url: String, duration: Duration) -> Self {
        Ended {
            outcome: Outcome::Interrupted,
            status: None,
            error: Some(ErrorClass::Interrupted),
            duration,
            detail: log::Detail { url, ..log::Detail::default() },
        }
    }

    /// What the store is told.
    pub(crate) fn completion(self, begun: Begun, transition: Transition) -> Completion {
        let Begun { delivery, start, occasion, generation } = begun;
        let outcome = self.outcome;
        let attempt = self.attempt(delivery.attempts.saturating_add(1), start);
        Completion { delivery, outcome, transition, occasion, generation, attempt }
    }

    /// The log record's own part.
    pub(crate) fn attempt(self, number: u16, start: Timestamp) -> Attempt {
        let detail = serde_json::to_vec(&self.detail).map_or_else(|_| Bytes::from_static(b"{}"), Bytes::from);
        Attempt {
            number,
            start,
            duration: self.duration,
            status: self.status,
            error: self.error.map(ErrorClass::name),
            detail,
        }
    }
}

fn wait(asked: Option<&RetryAfter>, now: Timestamp) -> Option<Duration> {
    let wait = match asked? {
        RetryAfter::Seconds(seconds) => Duration::from_secs(*seconds),
        RetryAfter::Date(text) => Timestamp::from_http_date(text).ok()?.since(now),
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

fn class(failure: &Failure) -> ErrorClass {
    match failure {
        Failure::Timeout { .. } => ErrorClass::Timeout,
        Failure::ResolveFailed { .. } => ErrorClass::ResolveFailed,
        Failure::AddressRefused(_) => ErrorClass::AddressRefused,
        Failure::ConnectionRefused(_) => ErrorClass::ConnectionRefused,
        Failure::ConnectFailed { .. } => ErrorClass::ConnectFailed,
        Failure::TlsFailed(_) => ErrorClass::TlsFailed,
        Failure::ConnectionClosed(_) => ErrorClass::ConnectionClosed,
        Failure::InvalidResponse(_) => ErrorClass::InvalidResponse,
        Failure::EarlyAnswer => ErrorClass::EarlyAnswer,
        Failure::SchemeRefused => ErrorClass::SchemeRefused,
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
