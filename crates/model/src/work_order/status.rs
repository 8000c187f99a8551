//! The state of a work order.
//!
//! Source: notifications.md section 4, `Status`. Unlike [`workbell_wire::enumerations::Status`], which reads what others
//! wrote, it knows the ten states alone.

use std::fmt;
use std::str::FromStr;

/// Where a work order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub enum Status {
    New,
    Accepted,
    Rejected,
    Recalled,
    OnHold,
    CheckedIn,
    Paused,
    CheckedOut,
    NeedsCompletionDetails,
    Verified,
}

/// A text that is the name of no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the status of a work order (New, Accepted, Rejected, Recalled, OnHold, CheckedIn, Paused, CheckedOut, NeedsCompletionDetails or Verified)"
)]
pub struct UnknownStatus;

impl Status {
    /// All of them, in the order of the contract.
    pub const ALL: [Status; 10] = [
        Status::New,
        Status::Accepted,
        Status::Rejected,
        Status::Recalled,
        Status::OnHold,
        Status::CheckedIn,
        Status::Paused,
        Status::CheckedOut,
        Status::NeedsCompletionDetails,
        Status::Verified,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Status::New => "New",
            Status::Accepted => "Accepted",
            Status::Rejected => "Rejected",
            Status::Recalled => "Recalled",
            Status::OnHold => "OnHold",
            Status::CheckedIn => "CheckedIn",
            Status::Paused => "Paused",
            Status::CheckedOut => "CheckedOut",
            Status::NeedsCompletionDetails => "NeedsCompletionDetails",
            Status::Verified => "Verified",
        }
    }
}

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, UnknownStatus> {
        Status::ALL.into_iter().find(|status| status.name() == text).ok_or(UnknownStatus)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
