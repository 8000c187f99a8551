//! Errors as clients of the Direct API know them: `{ Code, Message, ValidationErrors?, MessageId }`.

use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use workbell_store::Error as StoreError;

use crate::answer;
use crate::problem::{Code as Refusal, Problem};

/// Most characters of `Message`. Source: service.md section 5.
const LONGEST_MESSAGE: usize = 1000;

/// What is wrong. Source: service.md section 5; where it names no code the status of HTTP stands in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// 2100 with 400: the body or a parameter is not what it must be.
    InvalidModel,
    /// 401: no access token, or a bad one.
    Unauthorized,
    /// 404: there is no such call.
    NoSuchCall,
    /// 3003 with 404: what was named is not there.
    NotFound,
    /// 3005 with 404: the work order was recalled.
    Recalled,
    /// 408: the body did not arrive in time.
    RequestTimeout,
    /// 3001 with 409: the act is not allowed while the work order is in this state.
    WrongState,
    /// 3002 with 409: a pre-billed work order is not accepted here.
    PreBilled,
    /// 3004 with 409: the customer does not allow quotes.
    QuotesNotAllowed,
    /// 413: the body, or what the work order would become, is too large.
    BodyTooLarge,
    /// 415: the body is no JSON by its own word.
    UnsupportedMediaType,
    /// 410: the notification of this place in the feed is not kept any more.
    Expired,
    /// 405: the call has another method.
    NoSuchMethod,
    /// 3000 with 500: a defect of ours, or a database that fails.
    Internal,
    /// 3000 with 503: the store takes no writes at present.
    Unavailable,
}

impl Code {
    pub(crate) const ALL: [Code; 15] = [
        Code::InvalidModel,
        Code::Unauthorized,
        Code::NoSuchCall,
        Code::NotFound,
        Code::Recalled,
        Code::RequestTimeout,
        Code::WrongState,
        Code::PreBilled,
        Code::QuotesNotAllowed,
        Code::BodyTooLarge,
        Code::UnsupportedMediaType,
        Code::Expired,
        Code::NoSuchMethod,
        Code::Internal,
        Code::Unavailable,
    ];

    /// The value of `Code`.
    pub(crate) const fn number(self) -> u16 {
        match self {
            Code::InvalidModel => 2100,
            Code::Unauthorized => 401,
            Code::NoSuchCall => 404,
            Code::NotFound => 3003,
            Code::Recalled => 3005,
            Code::RequestTimeout => 408,
            Code::WrongState => 3001,
            Code::PreBilled => 3002,
            Code::QuotesNotAllowed => 3004,
            Code::BodyTooLarge => 413,
            Code::UnsupportedMediaType => 415,
            Code::Expired => 410,
            Code::NoSuchMethod => 405,
            Code::Internal | Code::Unavailable => 3000,
        }
    }

    /// The status of HTTP.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Code::InvalidModel => 400,
            Code::Unauthorized => 401,
            Code::NoSuchCall | Code::NotFound | Code::Recalled => 404,
            Code::RequestTimeout => 408,
            Code::WrongState | Code::PreBilled | Code::QuotesNotAllowed => 409,
            Code::BodyTooLarge => 413,
            Code::UnsupportedMediaType => 415,
            Code::NoSuchMethod => 405,
            Code::Expired => 410,
            Code::Internal => 500,
            Code::Unavailable => 503,
        }
    }
}

impl Code {
    /// Whether only a call with a body can be answered so.
    pub(crate) const fn is_about_bodies(self) -> bool {
        matches!(
            self,
            Code::RequestTimeout
                | Code::WrongState
                | Code::PreBilled
                | Code::QuotesNotAllowed
                | Code::BodyTooLarge
                | Code::UnsupportedMediaType
        )
    }
}

/// An error answer.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// What is wrong with the members; with 2100.
    pub(crate) validation: Vec<workbell_wire::Fault>,
    /// Calls that are allowed for the work order; where an act was refused.
    pub(crate) allowed_acts: Option<Vec<&'static str>>,
    /// Echoed from the request.
    pub(crate) message_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members<'a> {
    code: u16,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    validation_errors: Vec<ValidationError<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_acts: Option<&'a [&'static str]>,
    message_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ValidationError<'a> {
    pointer: &'a str,
    code: &'a str,
    message: &'a str,
}

impl Fault {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Fault { code, message, validation: Vec::new(), allowed_acts: None, message_id: None }
    }

    /// Members that are not as they must be; at least one.
    pub(crate) fn invalid(validation: Vec<workbell_wire::Fault>) -> Self {
        let message = match validation.as_slice() {
            [only] => format!("{}: {}", only.pointer, only.message),
            several => format!("{} members are not as they should be; see ValidationErrors", several.len()),
        };
        Fault { validation, ..Fault::new(Code::InvalidModel, message) }
    }

    /// The message, cut to what is told.
    pub(crate) fn short_message(&self) -> String {
        self.message.chars().take(LONGEST_MESSAGE).collect()
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let problem = Problem::from(error);
        if problem.code().status() == 503 {
            return Fault::new(Code::Unavailable, problem.detail());
        }
        Fault::new(Code::Internal, problem.detail())
    }
}

/// A body that cannot be read.
impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        let code = match problem.code() {
            Refusal::UnsupportedMediaType => Code::UnsupportedMediaType,
            Refusal::BodyTooLarge => Code::BodyTooLarge,
            Refusal::RequestTimeout => Code::RequestTimeout,
            Refusal::QueueFull => Code::Unavailable,
            _ => Code::InvalidModel,
        };
        Fault::new(code, problem.detail())
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let members = Members {
            code: self.code.number(),
            message: self.short_message(),
            validation_errors: (self.validation.iter())
                .map(|fault| ValidationError {
                    pointer: &fault.pointer,
                    code: fault.code,
                    message: &fault.message,
                })
                .collect(),
            allowed_acts: self.allowed_acts.as_deref(),
            message_id: self.message_id.as_deref(),
        };
        let status = StatusCode::from_u16(self.code.status()).expect("codes have statuses of HTTP");
        let mut response = answer::json(status, &members);
        if self.code == Code::Unauthorized {
            let bearer = HeaderValue::from_static("Bearer realm=\"workbell\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, bearer);
        }
        if self.code == Code::Unavailable {
            response.headers_mut().insert(RETRY_AFTER, 5.into());
        }
        response
    }
}
