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
    /// Anything else. `retry_after` is what a 429 or 503 asked for, from the end of the attempt.
    Failed {
        /// The wait that the receiver asked for, already cut to [`LONGEST_RETRY_AFTER`].
        retry_after: Option<Duration>,
    },
    /// Cut off by shut-down: recorded, not counted, due at once.
    Interrupted,
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

/// What follows from an attempt that ended at `ended`; `luck` is a random number from 0 to 1.
pub fn follow(
    delivery: &Undelivered,
    outcome: Outcome,
    rules: Rules<'_>,
    ended: Timestamp,
    luck: f64,
) -> Transition {
    let retry_after = match outcome {
        Outcome::Succeeded => return Transition::Delivered,
        Outcome::Interrupted => return Transition::Retrying { due: ended, counted: delivery.counted },
        Outcome::Failed { retry_after } => retry_after,
    };
    let counted = delivery.counted.saturating_add(1);
    if counted >= rules.max_attempts {
        return Transition::Dead(Reason::Exhausted);
    }
    let end_of_age = delivery.since.plus(rules.max_age);
    if ended >= end_of_age {
        return Transition::Dead(Reason::Expired);
    }
    let scheduled = rules.schedule.wait_after(counted, rules.jitter_percent, luck);
    let wait = scheduled.max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER));
    Transition::Retrying { due: ended.plus(wait).min(end_of_age), counted }
}
