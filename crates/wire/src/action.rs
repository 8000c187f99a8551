//! The 28 actions of the contract, and what it says about each.
//!
//! Source: notifications.md section 3. The members of each stand in [`crate::contract`].

use std::fmt;

use crate::contract::{self, Member};

/// What happened to a work order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the contract's own; what each means is `Action::facts`")]
pub enum Action {
    NewWorkOrder,
    Accepted,
    Rejected,
    Recalled,
    Reopened,
    PutOnHold,
    CheckedIn,
    Paused,
    CheckedOut,
    NeedsCompletionDetails,
    CompletionInfoChanged,
    WorkVerified,
    MessageSent,
    AttachmentAdded,
    AttachmentRemoved,
    NteChanged,
    QuoteChanged,
    SlaChanged,
    AppointmentInfoChanged,
    InvoiceStatusChanged,
    InternalNoteChanged,
    AdditionalFieldDescriptorUpdated,
    IsmStatusChanged,
    CheckListUpdated,
    CheckListMigratedToProcedure,
    ProcedureUpdated,
    ProcedureStepUpdated,
    ProcedureMarked,
}

/// Who can start an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Starter {
    /// The customer.
    Customer,
    /// The provider's people: desktop, mobile, IVR (`Sender.Type` is `CorrigoPro`).
    Provider,
    /// Either of them.
    Both,
}

/// What the contract says about an action, beside its members.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// One sentence: what happened.
    pub summary: &'static str,
    /// Who can start it.
    pub starter: Starter,
    /// The call of the Direct API that does the same and then notifies nobody; `None` when there is none.
    pub direct_call: Option<&'static str>,
}

macro_rules! facts {
    ($summary:literal, $starter:ident) => {
        Facts { summary: $summary, starter: Starter::$starter, direct_call: None }
    };
    ($summary:literal, $starter:ident, $call:literal) => {
        Facts { summary: $summary, starter: Starter::$starter, direct_call: Some($call) }
    };
}

impl Action {
    /// All of them, in the order of the contract.
    pub const ALL: [Action; 28] = [
        Action::NewWorkOrder,
        Action::Accepted,
        Action::Rejected,
        Action::Recalled,
        Action::Reopened,
        Action::PutOnHold,
        Action::CheckedIn,
        Action::Paused,
        Action::CheckedOut,
        Action::NeedsCompletionDetails,
        Action::CompletionInfoChanged,
        Action::WorkVerified,
        Action::MessageSent,
        Action::AttachmentAdded,
        Action::AttachmentRemoved,
        Action::NteChanged,
        Action::QuoteChanged,
        Action::SlaChanged,
        Action::AppointmentInfoChanged,
        Action::InvoiceStatusChanged,
        Action::InternalNoteChanged,
        Action::AdditionalFieldDescriptorUpdated,
        Action::IsmStatusChanged,
        Action::CheckListUpdated,
        Action::CheckListMigratedToProcedure,
        Action::ProcedureUpdated,
        Action::ProcedureStepUpdated,
        Action::ProcedureMarked,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Action::NewWorkOrder => "NewWorkOrder",
            Action::Accepted => "Accepted",
            Action::Rejected => "Rejected",
            Action::Recalled => "Recalled",
            Action::Reopened => "Reopened",
            Action::PutOnHold => "PutOnHold",
            Action::CheckedIn => "CheckedIn",
            Action::Paused => "Paused",
            Action::CheckedOut => "CheckedOut",
            Action::NeedsCompletionDetails => "NeedsCompletionDetails",
            Action::CompletionInfoChanged => "CompletionInfoChanged",
            Action::WorkVerified => "WorkVerified",
            Action::MessageSent => "MessageSent",
            Action::AttachmentAdded => "AttachmentAdded",
            Action::AttachmentRemoved => "AttachmentRemoved",
            Action::NteChanged => "NteChanged",
            Action::QuoteChanged => "QuoteChanged",
            Action::SlaChanged => "SlaChanged",
            Action::AppointmentInfoChanged => "AppointmentInfoChanged",
            Action::InvoiceStatusChanged => "InvoiceStatusChanged",
            Action::InternalNoteChanged => "InternalNoteChanged",
            Action::AdditionalFieldDescriptorUpdated => "AdditionalFieldDescriptorUpdated",
            Action::IsmStatusChanged => "IsmStatusChanged",
            Action::CheckListUpdated => "CheckListUpdated",
            Action::CheckListMigratedToProcedure => "CheckListMigratedToProcedure",
            Action::ProcedureUpdated => "ProcedureUpdated",
            Action::ProcedureStepUpdated => "ProcedureStepUpdated",
            Action::ProcedureMarked => "ProcedureMarked",
        }
    }

    /// The action with this name on the wire; case matters.
    pub fn from_name(name: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.name() == name)
    }

    /// The members beside `Header`, in the order of the contract.
    pub const fn members(self) -> &'static [Member] {
        contract::members_of(self)
    }

    /// What the contract says about it, beside its members.
    pub const fn facts(self) -> Facts {
        match self {
            Action::NewWorkOrder => facts!("A customer sent a new work order.", Customer),
            Action::Accepted => facts!("The work order was accepted.", Both, "accept"),
            Action::Rejected => facts!("The provider rejected the work order.", Provider, "reject"),
            Action::Recalled => facts!("The customer took the work order back; this is final.", Customer),
            Action::Reopened => facts!("The work order was opened again.", Both),
            Action::PutOnHold => facts!("The customer put the work order on hold.", Customer),
            Action::CheckedIn => facts!("Somebody started the work on site.", Both, "checkIn"),
            Action::Paused => facts!("The work was interrupted.", Provider, "pause"),
            Action::CheckedOut => facts!("The work was finished on site.", Provider, "checkout"),
            Action::NeedsCompletionDetails => facts!(
                "Somebody checked out by telephone, and details of the completion are lacking.",
                Provider,
                "checkout"
            ),
            Action::CompletionInfoChanged => facts!(
                "The invoice was submitted: the latest state of the completion details, once.",
                Provider,
                "workDoneDetails"
            ),
            Action::WorkVerified => {
                facts!("The customer verified the work, or changed the verification.", Customer)
            }
            Action::MessageSent => facts!("Somebody wrote a message that all may see.", Both, "messages"),
            Action::AttachmentAdded => {
                facts!("A file was attached that all may see; its content is not sent.", Both, "attachments")
            }
            Action::AttachmentRemoved => facts!("A file was removed.", Customer),
            Action::NteChanged => {
                facts!("The amount not to exceed was changed, though not by a quote.", Customer)
            }
            Action::QuoteChanged => {
                facts!("A quote was requested, submitted, approved or rejected.", Both, "quoteSubmit")
            }
            Action::SlaChanged => facts!("Times or priority of an accepted order were changed.", Customer),
            Action::AppointmentInfoChanged => facts!("The appointment was changed.", Both),
            Action::InvoiceStatusChanged => {
                facts!("The invoice reached another status.", Customer, "invoice/submit")
            }
            Action::InternalNoteChanged => facts!("The provider's own note was changed.", Provider, "note"),
            Action::AdditionalFieldDescriptorUpdated => {
                facts!("The company's additional fields were changed; no work order is concerned.", Customer)
            }
            Action::IsmStatusChanged => facts!("The status of the safety check was changed.", Both),
            Action::CheckListUpdated => {
                facts!("The check list was changed; the whole list is sent.", Provider, "checklist")
            }
            Action::CheckListMigratedToProcedure => facts!("The check list became a procedure.", Both),
            Action::ProcedureUpdated => facts!("Procedures were added, changed or removed.", Both),
            Action::ProcedureStepUpdated => {
                facts!("Steps of a procedure were answered.", Both, "procedure/step")
            }
            Action::ProcedureMarked => facts!("A procedure was marked as not applicable, or no more.", Both),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_is_found_by_its_name_and_no_other() {
        for action in Action::ALL {
            assert_eq!(Action::from_name(action.name()), Some(action));
            assert_eq!(action.name(), format!("{action:?}"));
            assert_eq!(Action::from_name(&action.name().to_lowercase()), None);
        }
    }
}
