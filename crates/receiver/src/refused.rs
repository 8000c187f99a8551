//! Why a request is no notification for this receiver: which check failed, and how.

use http::StatusCode;
use workbell_wire::MessageId;
use workbell_wire::token::Check;
use workbell_wire::webhook_signature;

/// Why a request was refused. `Display` names the check that failed and is fit to be sent back: it holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no `Authorization: Bearer …`, or more than one `Authorization`.
    #[error("the request has no single header Authorization with a Bearer token")]
    NoToken,
    /// The token failed a check.
    #[error("token, {check}: {reason}")]
    Token {
        /// The first check that failed, in the order of the contract.
        check: Check,
        /// What is wrong.
        reason: String,
    },
    /// A header that the signature needs is missing, doubled, or no text.
    #[error("the request has no single header {0}; the endpoint must be set to Signature: Hmac")]
    NoSignature(&'static str),
    /// The signature does not hold.
    #[error("signature: {0}")]
    Signature(#[source] webhook_signature::Error),
    /// The body is no notification.
    #[error("body: {0}")]
    Body(#[source] serde_json::Error),
    /// The signed id is not the one in the body.
    #[error("Webhook-Id is {webhook_id} and Header.MessageId is {message_id}; they must be the same")]
    OtherMessage {
        /// The header's value.
        webhook_id: String,
        /// What the body says.
        message_id: MessageId,
    },
    /// A header of the service has a value that it never sends.
    #[error("the header {name} is {value:?}")]
    Header {
        /// Which one.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// The body is longer than the limit.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// The body did not come in whole.
    #[error("the body could not be read: {0}")]
    Unreadable(String),
}

impl Refused {
    /// Short name of the check that failed: `shape` … `expired` of the token, `token`, `signature`, `body`.
    pub fn check(&self) -> &'static str {
        match self {
            Refused::NoToken => "token",
            Refused::Token { check, .. } => check.name(),
            Refused::NoSignature(_) | Refused::Signature(_) => "signature",
            Refused::Body(_)
            | Refused::OtherMessage { .. }
            | Refused::Header { .. }
            | Refused::TooLong(_)
            | Refused::Unreadable(_) => "body",
        }
    }

    /// What to answer: 401 when it is not proven who sent it or that it is whole, else 400 or 413.
    pub fn status(&self) -> StatusCode {
        match self {
            Refused::NoToken | Refused::Token { .. } | Refused::NoSignature(_) | Refused::Signature(_) => {
                StatusCode::UNAUTHORIZED
            }
            Refused::Body(_)
            | Refused::OtherMessage { .. }
            | Refused::Header { .. }
            | Refused::Unreadable(_) => StatusCode::BAD_REQUEST,
            Refused::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}
