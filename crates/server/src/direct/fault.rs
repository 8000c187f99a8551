//! Errors as clients of the Direct API know them: `{ Code, Message, MessageId }`.

use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::answer;

/// Most characters of `Message`. Source: service.md section 5.
const LONGEST_MESSAGE: usize = 1000;

/// What is wrong. Source: service.md section 5; where it names no code the status of HTTP stands in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// 2100 with 400: a parameter is not what it must be.
    InvalidModel,
    /// 401: no access token, or a bad one.
    Unauthorized,
    /// 404: there is no such call.
    NoSuchCall,
    /// 3003 with 404: what was named is not there.
    NotFound,
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
    pub(crate) const ALL: [Code; 8] = [
        Code::InvalidModel,
        Code::Unauthorized,
        Code::NoSuchCall,
        Code::NotFound,
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
            Code::NoSuchCall | Code::NotFound => 404,
            Code::NoSuchMethod => 405,
            Code::Expired => 410,
            Code::Internal => 500,
            Code::Unavailable => 503,
        }
    }
}

/// An error answer.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// Echoed from the request.
    pub(crate) message_id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members<'a> {
    code: u16,
    message: String,
    message_id: Option<&'a str>,
}

impl Fault {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Fault { code, message: message.into(), message_id: None }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let members = Members {
            code: self.code.number(),
            message: self.message.chars().take(LONGEST_MESSAGE).collect(),
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
