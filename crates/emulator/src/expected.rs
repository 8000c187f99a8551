//! What a receiver that copes does with a fault: it takes the notification, or refuses it.

use http::StatusCode;
use workbell_egress::Failure;

use crate::{Fault, Sent};

/// Answers of a server that has not looked at the notification: wrong path or method, gone, too many requests.
const ELSEWHERE: [StatusCode; 4] =
    [StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED, StatusCode::GONE, StatusCode::TOO_MANY_REQUESTS];

/// What a receiver should do with what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Take it: a 2xx.
    Success,
    /// Refuse it: a 4xx that means this notification.
    Refusal,
    /// Take it or refuse it: what it does not know is up to it.
    SuccessOrRefusal,
    /// Take it, or say that it is too large.
    SuccessOrTooLarge,
    /// Anything but take it; the connection may end without an answer.
    NoSuccess,
}

impl Expected {
    /// What is expected when this is wrong with a notification, or nothing is.
    pub const fn of(fault: Option<Fault>) -> Expected {
        match fault {
            Some(
                Fault::ExpiredToken
                | Fault::WrongAudience
                | Fault::ForeignEndpoint
                | Fault::AccessToken
                | Fault::BadSignature
                | Fault::TamperedBody,
            ) => Expected::Refusal,
            Some(Fault::TruncatedBody) => Expected::NoSuccess,
            Some(Fault::UnknownAction) => Expected::SuccessOrRefusal,
            Some(Fault::HugeBody) => Expected::SuccessOrTooLarge,
            Some(
                Fault::Duplicate
                | Fault::Reordered
                | Fault::UnknownMember
                | Fault::NullMembers
                | Fault::SlowBody
                | Fault::NoExpect,
            )
            | None => Expected::Success,
        }
    }

    /// In words.
    pub const fn what(self) -> &'static str {
        match self {
            Expected::Success => "a 2xx",
            Expected::Refusal => "a refusal, 4xx",
            Expected::SuccessOrRefusal => "a 2xx or a refusal, 4xx",
            Expected::SuccessOrTooLarge => "a 2xx or 413",
            Expected::NoSuccess => "anything but a 2xx",
        }
    }

    /// Whether the receiver did so.
    pub fn is_met_by(self, sent: &Sent) -> bool {
        self.is_met_by_result(&sent.attempted.result)
    }

    fn is_met_by_result(self, result: &Result<StatusCode, Failure>) -> bool {
        let refused = |status: &StatusCode| status.is_client_error() && !ELSEWHERE.contains(status);
        match (self, result) {
            (Expected::Success, Ok(status)) => status.is_success(),
            (Expected::Refusal, Ok(status)) => refused(status),
            (Expected::SuccessOrRefusal, Ok(status)) => status.is_success() || refused(status),
            (Expected::SuccessOrTooLarge, Ok(status)) => {
                status.is_success() || *status == StatusCode::PAYLOAD_TOO_LARGE
            }
            (Expected::NoSuccess, Ok(status)) => refused(status) || status.is_server_error(),
            (Expected::NoSuccess, Err(Failure::ConnectionClosed(_))) => true,
            (
                Expected::Success
                | Expected::Refusal
                | Expected::SuccessOrRefusal
                | Expected::SuccessOrTooLarge
                | Expected::NoSuccess,
                Err(_),
            ) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(fault: Fault, status: u16) -> bool {
        Expected::of(Some(fault)).is_met_by_result(&Ok(StatusCode::from_u16(status).unwrap()))
    }

    #[test]
    fn what_is_forged_is_to_be_refused_and_what_is_unusual_is_to_be_taken() {
        for fault in Fault::ALL {
            let answers = [200, 204, 301, 400, 401, 404, 405, 410, 413, 429, 500].map(|it| met(fault, it));
            let met_by = match Expected::of(Some(fault)) {
                Expected::Success => [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                Expected::Refusal => [0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0],
                Expected::SuccessOrRefusal => [1, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0],
                Expected::SuccessOrTooLarge => [1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0],
                Expected::NoSuccess => [0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1],
            };
            assert_eq!(answers.map(u8::from), met_by, "{}", fault.name());
        }
        let refused = Fault::ALL.into_iter().filter(|fault| Expected::of(Some(*fault)) == Expected::Refusal);
        let names: Vec<&str> = refused.map(Fault::name).collect();
        let forged = ["expired-token", "wrong-audience", "foreign-endpoint", "access-token", "bad-signature"];
        assert_eq!(names, [&forged[..], &["tampered-body"]].concat());
    }

    #[test]
    fn nobody_there_is_no_refusal() {
        let nobody = Err(Failure::ConnectionRefused("127.0.0.1:1".parse().unwrap()));
        for fault in Fault::ALL {
            assert!(!Expected::of(Some(fault)).is_met_by_result(&nobody), "{}", fault.name());
        }
    }
}
