//! What an attempt ended with, and what follows from it for the delivery.

use std::time::Duration;

use workbell_wire::Timestamp;

use crate::delivery::{Reason, Undelivered};
use crate::schedule::RetrySchedule;

/// Classes of failures that were no answer. The names stand in the log and in `?Error=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// An answer came, with another status than 2xx.
    Status,
    /// A phase or the whole took too long.
    Timeout,
    /// The name has no address.
    ResolveFailed,
    /// An address that the policy refuses.
    AddressRefused,
    /// Nobody listens there.
    ConnectionRefused,
    /// No connection for another reason.
    ConnectFailed,
    /// No TLS, or a certificate that is not to be trusted.
    TlsFailed,
    /// The connection closed before an answer.
    ConnectionClosed,
    /// What came back is no HTTP/1.1 answer within bounds.
    InvalidResponse,
    /// A 2xx before the last byte of the body was sent.
    EarlyAnswer,
    /// Plain http, which a setting forbids.
    SchemeRefused,
    /// The request could not be made: URL, secret or header unusable.
    Misconfigured,
    /// Cut off by shut-down.
    Interrupted,
}

impl ErrorClass {
    /// All of them.
    pub const ALL: [ErrorClass; 13] = [
        ErrorClass::Status,
        ErrorClass::Timeout,
        ErrorClass::ResolveFailed,
        ErrorClass::AddressRefused,
        ErrorClass::ConnectionRefused,
        ErrorClass::ConnectFailed,
        ErrorClass::TlsFailed,
        ErrorClass::ConnectionClosed,
        ErrorClass::InvalidResponse,
        ErrorClass::EarlyAnswer,
        ErrorClass::SchemeRefused,
        ErrorClass::Misconfigured,
        ErrorClass::Interrupted,
    ];

    /// The name in log and interface.
    pub const fn name(self) -> &'static str {
        match self {
            ErrorClass::Status => "Status",
            ErrorClass::Timeout => "Timeout",
            ErrorClass::ResolveFailed => "ResolveFailed",
            ErrorClass::AddressRefused => "AddressRefused",
            ErrorClass::ConnectionRefused => "ConnectionRefused",
            ErrorClass::ConnectFailed => "ConnectFailed",
            ErrorClass::TlsFailed => "TlsFailed",
            ErrorClass::ConnectionClosed => "ConnectionClosed",
            ErrorClass::InvalidResponse => "InvalidResponse",
            ErrorClass::EarlyAnswer => "EarlyAnswer",
            ErrorClass::SchemeRefused => "SchemeRefused",
            ErrorClass::Misconfigured => "Misconfigured",
            ErrorClass::Interrupted => "Interrupted",
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Any 2xx.
    Succeeded,
    /// Anything else.
    Failed(Failure),
    /// Cut off by shut-down: recorded, not counted, due at once.
    Interrupted,
}

/// Kinds of failures, by what they say of endpoint and delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 429, with the wait that was asked for, already cut to [`LONGEST_RETRY_AFTER`]. No failure of the endpoint.
    TooManyRequests(Option<Duration>),
    /// 503, with the wait that was asked for, cut likewise.
    Unavailable(Option<Duration>),
    /// 502 or 504.
    BadGateway,
    /// 410.
    Gone,
    /// Any other status: it speaks against the notification.
    Refused,
    /// No connection, none that lasted until an answer, or no answer in time.
    Unreached,
    /// Something else than an answer.
    Unanswered,
}

impl Failure {
    /// The kind of an answer that is no success. `asked` is its Retry-After.
    pub fn of_status(status: u16, asked: Option<Duration>) -> Self {
        let asked = asked.map(|wait| wait.min(LONGEST_RETRY_AFTER));
        match status {
            429 => Failure::TooManyRequests(asked),
            503 => Failure::Unavailable(asked),
            502 | 504 => Failure::BadGateway,
            410 => Failure::Gone,
            _ => Failure::Refused,
        }
    }

    /// The kind of a failure that was no answer.
    pub fn of_class(class: ErrorClass) -> Self {
        match class {
            ErrorClass::Timeout
            | ErrorClass::ResolveFailed
            | ErrorClass::ConnectionRefused
            | ErrorClass::ConnectFailed
            | ErrorClass::TlsFailed
            | ErrorClass::ConnectionClosed => Failure::Unreached,
            ErrorClass::Status
            | ErrorClass::AddressRefused
            | ErrorClass::InvalidResponse
            | ErrorClass::EarlyAnswer
            | ErrorClass::SchemeRefused
            | ErrorClass::Misconfigured
            | ErrorClass::Interrupted => Failure::Unanswered,
        }
    }

    /// 429: the endpoint is well and asks for patience.
    pub fn is_throttle(self) -> bool {
        matches!(self, Failure::TooManyRequests(_))
    }

    /// Whether it speaks against the notification itself: a status other than 429, 502, 503, 504.
    pub fn speaks_against_delivery(self) -> bool {
        matches!(self, Failure::Gone | Failure::Refused)
    }

    /// Whether it may be a delivery's own: a status other than 502, 503, 504.
    pub fn may_be_own(self) -> bool {
        matches!(self, Failure::Gone | Failure::Refused | Failure::TooManyRequests(_))
    }

    /// Whether no attempt may start for a while, and for how long if that was said: 429, or 503 with Retry-After.
    pub fn throttles(self) -> Option<Option<Duration>> {
        match self {
            Failure::TooManyRequests(asked) => Some(asked),
            Failure::Unavailable(Some(asked)) => Some(Some(asked)),
            Failure::Unavailable(None)
            | Failure::BadGateway
            | Failure::Gone
            | Failure::Refused
            | Failure::Unreached
            | Failure::Unanswered => None,
        }
    }

    /// The wait that was asked for.
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Failure::TooManyRequests(asked) | Failure::Unavailable(asked) => asked,
            Failure::BadGateway
            | Failure::Gone
            | Failure::Refused
            | Failure::Unreached
            | Failure::Unanswered => None,
        }
    }
}

/// Longest wait that an endpoint may ask for with `Retry-After`.
///
/// 24 hours. A longer one is cut to this, for the schedule as a whole ends after eight days.
/// Source: RFC 9110 section 10.2.3; the value is our choice.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(86_400);

/// What follows from an attempt for its delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// It arrived.
    Delivered,
    /// It waits for the next attempt.
    Retrying {
        /// When that may start.
        due: Timestamp,
        /// Counted attempts so far.
        counted: u16,
    },
    /// It is given up.
    Dead(Reason),
}

/// The numbers of an endpoint that decide what follows.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// Waits between attempts.
    pub schedule: &'a RetrySchedule,
    /// Share of a wait that may be added, in percent.
    pub jitter_percent: u8,
    /// Counted attempts until `Dead`.
    pub max_attempts: u16,
    /// Age at which a failing delivery expires.
    pub max_age: Duration,
}

/// When an attempt was.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// What the endpoint's age clock showed then.
    pub age: Timestamp,
}

/// What follows from an attempt for its delivery; `luck` is a random number from 0 to 1.
///
/// An early one (a probe, or after a reopening) that fails leaves schedule and count as they were.
pub fn follow(
    delivery: &Undelivered,
    outcome: Outcome,
    rules: Rules<'_>,
    span: Span,
    luck: f64,
) -> Transition {
    let early = is_early(delivery, span.started, rules.schedule.longest_wait());
    let failure = match outcome {
        Outcome::Succeeded => return Transition::Delivered,
        Outcome::Interrupted if early => {
            return Transition::Retrying { due: delivery.scheduled, counted: delivery.counted };
        }
        Outcome::Interrupted => return Transition::Retrying { due: span.ended, counted: delivery.counted },
        Outcome::Failed(failure) => failure,
    };
    let counted = delivery.counted.saturating_add(u16::from(!early));
    if !early && counted >= rules.max_attempts {
        return Transition::Dead(Reason::Exhausted);
    }
    let end_of_age = delivery.since.plus(rules.max_age);
    if span.age >= end_of_age {
        return Transition::Dead(Reason::Expired);
    }
    let asked = span.ended.plus(failure.retry_after().unwrap_or_default());
    let scheduled = if early {
        delivery.scheduled
    } else {
        span.ended.plus(rules.schedule.wait_after(counted, rules.jitter_percent, luck))
    };
    // The last wait ends with the age.
    let last = span.ended.plus(end_of_age.since(span.age));
    Transition::Retrying { due: scheduled.max(asked).min(last), counted }
}

/// Whether an attempt begins before its delivery's own due time. A due time further ahead than any wait was written by a
/// clock that was wrong.
pub fn is_early(delivery: &Undelivered, started: Timestamp, longest: Duration) -> bool {
    delivery.scheduled > started && delivery.scheduled <= started.plus(longest)
}
