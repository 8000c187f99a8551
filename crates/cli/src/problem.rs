//! A problem document (RFC 9457 with `Code` and `Errors`), shown with all its faults.

use std::fmt;

use bytes::Bytes;
use hyper::StatusCode;
use serde::Deserialize;

use crate::screen::{columns, fit, harmless};

/// Why the service did not do what was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    retry_after: Option<String>,
    document: Document,
    text: Bytes,
}

#[derive(Clone, Debug, Deserialize)]
struct Document {
    title: Option<String>,
    detail: Option<String>,
    #[serde(rename = "Code")]
    code: String,
    #[serde(rename = "Errors", default)]
    errors: Vec<Fault>,
    /// Of a work order on which another act was tried.
    #[serde(rename = "AllowedActs", default)]
    allowed_acts: Vec<String>,
}

/// One of its faults.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fault {
    #[serde(default)]
    pointer: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Problem {
    /// Reads a problem document; `None` when the text is none.
    pub(crate) fn read(status: StatusCode, text: &Bytes, retry_after: Option<&str>) -> Option<Self> {
        let document = serde_json::from_slice(text).ok()?;
        Some(Problem { status, retry_after: retry_after.map(str::to_owned), document, text: text.clone() })
    }

    /// The document as it came.
    pub(crate) fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }

    /// Whether there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// Whether the key was refused.
    pub(crate) fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Document { title, detail, code, errors, allowed_acts } = &self.document;
        let detail = detail.as_deref().filter(|detail| match errors.as_slice() {
            // The only fault stands below in full.
            [only] => only.message.is_empty() || !detail.contains(&only.message),
            _ => true,
        });
        let sentence = detail.or(title.as_deref()).unwrap_or("the service gives no reason");
        write!(f, "{} ({} {})", harmless(sentence), self.status.as_u16(), harmless(code))?;
        // An empty pointer is the document as a whole.
        let place =
            |fault: &Fault| if fault.pointer.is_empty() { "/".to_owned() } else { harmless(&fault.pointer) };
        let places = errors.iter().map(|fault| columns(&place(fault))).max().unwrap_or(0);
        let codes = errors.iter().map(|fault| columns(&harmless(&fault.code))).max().unwrap_or(0);
        for fault in errors {
            let message = harmless(&fault.message);
            write!(
                f,
                "\n  {}  {}  {message}",
                fit(&place(fault), places),
                fit(&harmless(&fault.code), codes)
            )?;
        }
        if !allowed_acts.is_empty() {
            write!(f, "\n  allowed now: {}", harmless(&allowed_acts.join(", ")))?;
        }
        match code.as_str() {
            "undelivered_exist" => f.write_str("\n  --discard-undelivered deletes it all the same"),
            "rate_limited" | "queue_full" | "store_unavailable" | "disk_full" => match &self.retry_after {
                Some(wait) => write!(f, "\n  try again in {} s", harmless(wait)),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(status: u16, text: &str, retry_after: Option<&str>) -> String {
        let status = StatusCode::from_u16(status).unwrap();
        Problem::read(status, &Bytes::copy_from_slice(text.as_bytes()), retry_after).unwrap().to_string()
    }

    #[test]
    fn all_faults_are_shown_with_pointer_code_and_message() {
        let text = r#"{"type":"x","title":"schema violation","status":422,"detail":"2 faults","Code":"schema_violation",
            "Errors":[{"Pointer":"/Status","Code":"missing","Message":"is demanded"},
                      {"Pointer":"/Header/WorkOrderId","Code":"wrong_type","Message":"is no int64"}]}"#;
        assert_eq!(
            shown(422, text, None),
            "2 faults (422 schema_violation)\n\
             \x20 /Status              missing     is demanded\n\
             \x20 /Header/WorkOrderId  wrong_type  is no int64"
        );
    }

    #[test]
    fn an_act_that_is_not_allowed_is_told_with_those_that_are() {
        let text = r#"{"title":"x","status":409,"detail":"Verify is not allowed while the work order is New",
            "Code":"state_conflict","AllowedActs":["Accepted","Rejected"]}"#;
        assert_eq!(
            shown(409, text, None),
            "Verify is not allowed while the work order is New (409 state_conflict)\n\
             \x20 allowed now: Accepted, Rejected"
        );
    }

    #[test]
    fn the_only_fault_is_not_said_twice() {
        let text = r#"{"title":"The branch is not known","status":422,"detail":"/Header/BranchId: no branch 7 is known",
            "Code":"unknown_branch","Errors":[{"Pointer":"/Header/BranchId","Code":"unknown_branch","Message":"no branch 7 is known"}]}"#;
        assert_eq!(
            shown(422, text, None),
            "The branch is not known (422 unknown_branch)\n  /Header/BranchId  unknown_branch  no branch 7 is known"
        );
    }

    #[test]
    fn the_way_out_is_named_where_there_is_one() {
        let text = r#"{"title":"undelivered deliveries","status":409,"detail":"7 deliveries wait","Code":"undelivered_exist"}"#;
        assert_eq!(
            shown(409, text, None),
            "7 deliveries wait (409 undelivered_exist)\n  --discard-undelivered deletes it all the same"
        );
        let text = r#"{"title":"queue full","status":503,"Code":"queue_full"}"#;
        assert_eq!(shown(503, text, Some("1")), "queue full (503 queue_full)\n  try again in 1 s");
    }

    #[test]
    fn other_json_is_no_problem_document() {
        let text = Bytes::from_static(b"{\"error\":\"nope\"}");
        assert!(Problem::read(StatusCode::NOT_FOUND, &text, None).is_none());
    }
}
