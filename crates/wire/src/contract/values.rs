//! The values that enumerations list.
//!
//! Source: notifications.md section 4. Where some values of an enumeration are our inference, any string
//! passes, and these are only known.

/// Life of a work order.
pub const STATUS: &[&str] = &[
    "New",
    "Accepted",
    "Rejected",
    "Recalled",
    "OnHold",
    "CheckedIn",
    "Paused",
    "CheckedOut",
    "NeedsCompletionDetails",
    "Verified",
];

/// Kind of a work order: planned maintenance, or a request.
pub const WORK_ORDER_TYPE: &[&str] = &["PMRM", "Request"];

/// Life of an invoice; partly inferred.
pub const INVOICE_STATUS: &[&str] =
    &["Draft", "Submitted", "PendingVerification", "Disputed", "Authorized", "Paid"];

/// Life of a quote.
pub const QUOTE_STATUS: &[&str] = &["Requested", "Submitted", "Approved", "Rejected"];

/// Status of the safety check.
pub const ISM_STATUS: &[&str] = &["NotRequired", "Waiting", "Started", "Passed", "ManuallyPassed"];

/// What the customer thinks of the work; partly inferred.
pub const FEEDBACK_TYPE: &[&str] = &["Positive", "Neutral", "Negative", "NotCompleted"];

/// Status of a step, and of a procedure.
pub const STEP_STATUS: &[&str] = &["Unknown", "Open", "NA", "Done"];

/// Whether a step is to be filled in or read.
pub const STEP_TYPE: &[&str] = &["Field", "Text"];

/// Type of a step's value; the contract's list is open.
pub const STEP_DATA_TYPE: &[&str] = &["String", "Bool", "Money"];

/// Type of an additional field's value.
pub const FIELD_DATA_TYPE: &[&str] =
    &["String", "Integer", "Float", "Money", "PhoneNumber", "Date", "Time", "Bool", "Url"];

/// What happened to a procedure; partly inferred.
pub const PROCEDURE_UPDATE_TYPE: &[&str] = &["Add", "Update", "Remove"];

/// What an attachment is; inferred.
pub const ATTACHMENT_SUBTYPE: &[&str] =
    &["Document", "Picture", "Signature", "InvoicePrintout", "ServiceContract", "Misc"];

/// Permission to enter; the contract's list is open.
pub const PTE: &[&str] = &["CallFirst", "Appointment"];

/// Who acted; any other string passes.
pub const ACTOR_TYPE: &[&str] = &["CorrigoPro", "Customer"];
