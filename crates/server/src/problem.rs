//! Errors as callers see them: problem documents with a code, and all faults of a body at once.
//!
//! Members of RFC 9457 are in lower case, ours (`Code`, `Errors`, `Undelivered`) in PascalCase. Each code has a page
//! in the documentation, `docs/src/errors/<code>.md`; `type` is its path. What went wrong inside is logged where it
//! is handled and never told here.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde::ser::SerializeMap;
use workbell_store::Error as StoreError;
use workbell_wire::Fault;

/// Members that the text of a problem names; `Errors` has them all. 3, for the text is read by people.
const NAMED: usize = 3;

/// What is wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The body is no JSON.
    InvalidJson,
    /// No platform key, or a wrong one.
    Unauthorized,
    /// The caller is known and may not do this.
    Forbidden,
    /// There is no such thing, or it is another company's.
    NotFound,
    /// The path exists, but not with this method.
    MethodNotAllowed,
    /// The client stopped sending its request.
    RequestTimeout,
    /// The MessageId was accepted before with other content.
    MessageIdConflict,
    /// What is there does not allow it.
    StateConflict,
    /// This BranchId is taken, by this company or another.
    BranchTaken,
    /// What was to be deleted has undelivered deliveries.
    UndeliveredExist,
    /// More bytes or items than the limits allow.
    BodyTooLarge,
    /// The body is not `application/json`.
    UnsupportedMediaType,
    /// The body, or the query, is not what is asked for.
    SchemaViolation,
    /// No company has this branch.
    UnknownBranch,
    /// Neither of the 28 nor registered.
    UnknownAction,
    /// Not a client of this company.
    UnknownClient,
    /// The address policy refuses the host of the URL.
    AddressRefused,
    /// A custom header that would break the contract.
    InvalidHeader,
    /// Too many tries in a short time.
    RateLimited,
    /// A defect of ours, or a database that fails.
    InternalError,
    /// The store's writer is behind, or too many bodies are in memory.
    QueueFull,
    /// The store takes no writes at present.
    StoreUnavailable,
    /// No room is left on the disk.
    DiskFull,
}

impl Code {
    /// All of them, by status.
    pub const ALL: [Code; 23] = [
        Code::InvalidJson,
        Code::Unauthorized,
        Code::Forbidden,
        Code::NotFound,
        Code::MethodNotAllowed,
        Code::RequestTimeout,
        Code::MessageIdConflict,
        Code::StateConflict,
        Code::BranchTaken,
        Code::UndeliveredExist,
        Code::BodyTooLarge,
        Code::UnsupportedMediaType,
        Code::SchemaViolation,
        Code::UnknownBranch,
        Code::UnknownAction,
        Code::UnknownClient,
        Code::AddressRefused,
        Code::InvalidHeader,
        Code::RateLimited,
        Code::InternalError,
        Code::QueueFull,
        Code::StoreUnavailable,
        Code::DiskFull,
    ];

    /// The value of `Code`, and the name of the documentation's page.
    pub const fn name(self) -> &'static str {
        self.facts().0
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        self.facts().1
    }

    /// One sentence that is the same each time: the document's `title`.
    pub const fn title(self) -> &'static str {
        self.facts().2
    }

    /// The documentation's page, Markdown.
    pub const fn page(self) -> &'static str {
        match self {
            Code::InvalidJson => include_str!("../../../docs/src/errors/invalid_json.md"),
            Code::Unauthorized => include_str!("../../../docs/src/errors/unauthorized.md"),
            Code::Forbidden => include_str!("../../../docs/src/errors/forbidden.md"),
            Code::NotFound => include_str!("../../../docs/src/errors/not_found.md"),
            Code::MethodNotAllowed => include_str!("../../../docs/src/errors/method_not_allowed.md"),
            Code::RequestTimeout => include_str!("../../../docs/src/errors/request_timeout.md"),
            Code::MessageIdConflict => include_str!("../../../docs/src/errors/message_id_conflict.md"),
            Code::StateConflict => include_str!("../../../docs/src/errors/state_conflict.md"),
            Code::BranchTaken => include_str!("../../../docs/src/errors/branch_taken.md"),
            Code::UndeliveredExist => include_str!("../../../docs/src/errors/undelivered_exist.md"),
            Code::BodyTooLarge => include_str!("../../../docs/src/errors/body_too_large.md"),
            Code::UnsupportedMediaType => include_str!("../../../docs/src/errors/unsupported_media_type.md"),
            Code::SchemaViolation => include_str!("../../../docs/src/errors/schema_violation.md"),
            Code::UnknownBranch => include_str!("../../../docs/src/errors/unknown_branch.md"),
            Code::UnknownAction => include_str!("../../../docs/src/errors/unknown_action.md"),
            Code::UnknownClient => include_str!("../../../docs/src/errors/unknown_client.md"),
            Code::AddressRefused => include_str!("../../../docs/src/errors/address_refused.md"),
            Code::InvalidHeader => include_str!("../../../docs/src/errors/invalid_header.md"),
            Code::RateLimited => include_str!("../../../docs/src/errors/rate_limited.md"),
            Code::InternalError => include_str!("../../../docs/src/errors/internal_error.md"),
            Code::QueueFull => include_str!("../../../docs/src/errors/queue_full.md"),
            Code::StoreUnavailable => include_str!("../../../docs/src/errors/store_unavailable.md"),
            Code::DiskFull => include_str!("../../../docs/src/errors/disk_full.md"),
        }
    }

    /// Seconds that a client should wait before it tries again; 503 only.
    ///
    /// A full queue drains within a second; a store that failed is tried again every few seconds; room on a disk is
    /// made by people. The values are our choice.
    pub const fn retry_after(self) -> Option<u32> {
        match self {
            Code::QueueFull => Some(1),
            Code::StoreUnavailable => Some(5),
            Code::DiskFull => Some(30),
            _ => None,
        }
    }

    const fn facts(self) -> (&'static str, u16, &'static str) {
        match self {
            Code::InvalidJson => ("invalid_json", 400, "The body is not valid JSON"),
            Code::Unauthorized => ("unauthorized", 401, "The platform key is missing or wrong"),
            Code::Forbidden => ("forbidden", 403, "This is not yours to do"),
            Code::NotFound => ("not_found", 404, "There is no such thing here"),
            Code::MethodNotAllowed => ("method_not_allowed", 405, "This path does not take this method"),
            Code::RequestTimeout => ("request_timeout", 408, "The request did not arrive in time"),
            Code::MessageIdConflict => {
                ("message_id_conflict", 409, "The MessageId was used before with other content")
            }
            Code::StateConflict => ("state_conflict", 409, "The present state does not allow this"),
            Code::BranchTaken => ("branch_taken", 409, "This BranchId is taken"),
            Code::UndeliveredExist => ("undelivered_exist", 409, "Undelivered notifications still wait here"),
            Code::BodyTooLarge => ("body_too_large", 413, "The body is larger than the limit"),
            Code::UnsupportedMediaType => {
                ("unsupported_media_type", 415, "The body must be application/json")
            }
            Code::SchemaViolation => ("schema_violation", 422, "The request is not what is asked for"),
            Code::UnknownBranch => ("unknown_branch", 422, "The branch is not known"),
            Code::UnknownAction => ("unknown_action", 422, "The action is not known"),
            Code::UnknownClient => ("unknown_client", 422, "The client is not known"),
            Code::AddressRefused => ("address_refused", 422, "The address policy refuses this host"),
            Code::InvalidHeader => ("invalid_header", 422, "A custom header is not allowed"),
            Code::RateLimited => ("rate_limited", 429, "Too many tries in a short time"),
            Code::InternalError => ("internal_error", 500, "Something failed inside"),
            Code::QueueFull => ("queue_full", 503, "Too much is waiting to be written"),
            Code::StoreUnavailable => ("store_unavailable", 503, "The store takes no writes at present"),
            Code::DiskFull => ("disk_full", 503, "No room is left on the disk"),
        }
    }
}

/// A problem document.
#[derive(Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    faults: Vec<Fault>,
    undelivered: Option<u64>,
    /// When to come again, where that is not the same for all problems of the code.
    wait: Option<Duration>,
    allowed_acts: Option<Vec<&'static str>>,
}

impl Problem {
    /// A problem with what is to be said about this case: a sentence, what to do included.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Problem {
            code,
            detail: detail.into(),
            faults: Vec::new(),
            undelivered: None,
            wait: None,
            allowed_acts: None,
        }
    }

    /// A problem that is one fault at one place. The fault's code is the problem's.
    pub fn at(code: Code, pointer: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let fault = Fault { pointer: pointer.to_owned(), code: code.name(), message: message.clone() };
        Problem {
            code,
            detail: message,
            faults: vec![fault],
            undelivered: None,
            wait: None,
            allowed_acts: None,
        }
    }

    /// The problem that these faults are together; at least one.
    ///
    /// A fault whose code is a problem's own name (`invalid_header`) gives its name to the whole when all are such;
    /// as soon as one is about the form of the body, the whole is `schema_violation`.
    pub fn of_faults(faults: Vec<Fault>) -> Self {
        let own_code = |fault: &Fault| Code::ALL.into_iter().find(|code| code.name() == fault.code);
        let code = match faults.first().map(own_code) {
            Some(Some(first)) if faults.iter().all(|fault| own_code(fault).is_some()) => first,
            _ => Code::SchemaViolation,
        };
        let detail = match faults.as_slice() {
            [only] if only.pointer.is_empty() => only.message.clone(),
            [only] => format!("{}: {}", only.pointer, only.message),
            several => {
                let pointers: Vec<_> =
                    several.iter().take(NAMED).map(|fault| fault.pointer.as_str()).collect();
                let more = if several.len() > NAMED { ", …" } else { "" };
                format!("{} members are not as they should be: {}{more}", several.len(), pointers.join(", "))
            }
        };
        Problem { code, detail, faults, undelivered: None, wait: None, allowed_acts: None }
    }

    /// An act that is not allowed, with those that are.
    pub(crate) fn not_allowed(detail: String, allowed_acts: Vec<&'static str>) -> Self {
        Problem { allowed_acts: Some(allowed_acts), ..Problem::new(Code::StateConflict, detail) }
    }

    /// The same with more faults behind its own, those left out that it names already. One that is not about faults
    /// stays as it is.
    pub(crate) fn also(self, more: Vec<Fault>) -> Self {
        if self.faults.is_empty() || more.is_empty() {
            return self;
        }
        let mut faults = self.faults;
        for fault in more {
            if !faults.iter().any(|own| (&own.pointer, own.code) == (&fault.pointer, fault.code)) {
                faults.push(fault);
            }
        }
        faults.truncate(workbell_wire::fault::MAX_FAULTS);
        Problem::of_faults(faults)
    }

    /// The same with more faults.
    pub(crate) fn and(self, mut faults: Vec<Fault>) -> Self {
        faults.extend(self.faults);
        faults.truncate(workbell_wire::fault::MAX_FAULTS);
        Problem::of_faults(faults)
    }

    /// The same, with the time after which to come again.
    pub(crate) fn after(self, wait: Duration) -> Self {
        Problem { wait: Some(wait), ..self }
    }

    /// There is no such thing.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Problem::new(Code::NotFound, format!("{what} does not exist"))
    }

    /// One sentence that is the same each time.
    pub(crate) fn title(&self) -> &'static str {
        self.code.title()
    }

    /// What is to be said about this case.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// What is to be said beside a form: its only fault, or the case.
    pub(crate) fn in_short(&self) -> String {
        match self.faults.as_slice() {
            [only] => only.message.clone(),
            _ => self.detail.clone(),
        }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).expect("codes have statuses of HTTP")
    }

    /// All faults of the body.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What is wrong.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Writes the members of the document into a JSON object that is being written.
    pub(crate) fn write_members<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("type", &format_args!("/errors/{}", self.code.name()).to_string())?;
        map.serialize_entry("title", self.code.title())?;
        map.serialize_entry("status", &self.code.status())?;
        map.serialize_entry("detail", &self.detail)?;
        map.serialize_entry("Code", self.code.name())?;
        if let Some(number) = self.undelivered {
            map.serialize_entry("Undelivered", &number)?;
        }
        if let Some(acts) = &self.allowed_acts {
            map.serialize_entry("AllowedActs", acts)?;
        }
        if !self.faults.is_empty() {
            map.serialize_entry("Errors", &self.faults.iter().map(FaultMembers::from).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FaultMembers<'a> {
    pointer: &'a str,
    code: &'a str,
    message: &'a str,
}

impl<'a> From<&'a Fault> for FaultMembers<'a> {
    fn from(fault: &'a Fault) -> Self {
        FaultMembers { pointer: &fault.pointer, code: fault.code, message: &fault.message }
    }
}

impl Serialize for Problem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.write_members(&mut map)?;
        map.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("a problem document is plain data");
        let mut response = Response::new(body.into());
        *response.status_mut() =
            StatusCode::from_u16(self.code.status()).expect("codes have statuses of HTTP");
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let whole = |wait: Duration| u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        if let Some(seconds) = self.wait.map(whole).or(self.code.retry_after()) {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.code == Code::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"workbell\""));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::QueueFull => Code::QueueFull,
            StoreError::DiskFull => Code::DiskFull,
            StoreError::Unavailable(_) | StoreError::Closed => Code::StoreUnavailable,
            StoreError::NotFound(_) => Code::NotFound,
            StoreError::Exists(_) | StoreError::StateConflict(_) | StoreError::TooMany(_) => {
                Code::StateConflict
            }
            StoreError::BranchTaken(_) => Code::BranchTaken,
            StoreError::Locked(_) => Code::RateLimited,
            StoreError::UndeliveredExist(number) => {
                let detail = format!(
                    "{number} undelivered deliveries still wait here; deliver them first, or discard them with \
                     the deletion"
                );
                return Problem {
                    undelivered: Some(*number),
                    ..Problem::new(Code::UndeliveredExist, detail)
                };
            }
            StoreError::BadCursor(_) | StoreError::CursorExpired => {
                let fault = Fault {
                    pointer: "?After".to_owned(),
                    code: crate::check::BAD_CURSOR,
                    message: error.to_string(),
                };
                return Problem::of_faults(vec![fault]);
            }
            StoreError::InUse { .. }
            | StoreError::Open { .. }
            | StoreError::TooNew { .. }
            | StoreError::Database(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the store failed to answer");
                return Problem::new(
                    Code::InternalError,
                    "the store failed to answer; the service's log says why",
                );
            }
        };
        Problem::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn answered(problem: Problem) -> (u16, Option<String>, String) {
        let (parts, body) = problem.into_response().into_parts();
        assert_eq!(parts.headers[CONTENT_TYPE], "application/problem+json");
        let retry_after = parts.headers.get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), retry_after, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn what_the_store_refuses_is_told_with_when_to_come_again() {
        let cases = [
            (StoreError::QueueFull, "queue_full", Some("1")),
            (StoreError::Unavailable("it is full of ants".to_owned()), "store_unavailable", Some("5")),
            (StoreError::Closed, "store_unavailable", Some("5")),
            (StoreError::DiskFull, "disk_full", Some("30")),
        ];
        for (error, code, seconds) in cases {
            let detail = error.to_string();
            let (status, retry_after, text) = answered(error.into()).await;
            assert_eq!((status, retry_after.as_deref()), (503, seconds), "{code}");
            let title = Code::ALL.into_iter().find(|it| it.name() == code).unwrap().title();
            let expected = format!(
                r#"{{"type":"/errors/{code}","title":"{title}","status":503,"detail":"{detail}","Code":"{code}"}}"#
            );
            assert_eq!(text, expected);
        }
    }

    #[tokio::test]
    async fn a_failing_database_is_not_described_to_callers() {
        let error = StoreError::Open { path: "/secret/place".to_owned(), reason: "x".to_owned() };
        let (status, retry_after, text) = answered(error.into()).await;
        assert_eq!((status, retry_after), (500, None));
        assert!(text.contains("internal_error") && !text.contains("secret"), "{text}");
    }

    #[tokio::test]
    async fn the_number_of_undelivered_ones_and_all_faults_stand_in_the_document() {
        let (status, _, text) = answered(StoreError::UndeliveredExist(7).into()).await;
        assert_eq!(status, 409);
        assert!(text.ends_with(r#""Code":"undelivered_exist","Undelivered":7}"#), "{text}");
        let (_, _, text) =
            answered(Problem::at(Code::UnknownBranch, "/Header/BranchId", "no branch 7 is known")).await;
        let expected = concat!(
            r#"{"type":"/errors/unknown_branch","title":"The branch is not known","status":422,"#,
            r#""detail":"no branch 7 is known","Code":"unknown_branch","#,
            r#""Errors":[{"Pointer":"/Header/BranchId","Code":"unknown_branch","Message":"no branch 7 is known"}]}"#
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn one_fault_of_form_makes_the_whole_a_schema_violation() {
        let fault = |code| Fault { pointer: "/X".to_owned(), code, message: "no".to_owned() };
        let code =
            |codes: &[&'static str]| Problem::of_faults(codes.iter().copied().map(fault).collect()).code();
        assert_eq!(code(&["invalid_header", "unknown_action"]), Code::InvalidHeader);
        assert_eq!(code(&["invalid_header", "missing"]), Code::SchemaViolation);
        assert_eq!(code(&["missing"]), Code::SchemaViolation);
    }
}
