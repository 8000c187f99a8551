//! What a party can do to a work order.
//!
//! Source: notifications.md section 3 and service.md section 5.

use workbell_wire::Action;
use workbell_wire::action::Starter;

/// An act on a work order that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Take the order on.
    Accept,
    /// Decline it.
    Reject,
    /// Take it back.
    Recall,
    /// Let it wait.
    PutOnHold,
    /// Begin it anew.
    Reopen,
    /// Start the work on site.
    CheckIn,
    /// Interrupt the work.
    Pause,
    /// Finish the work on site.
    CheckOut,
    /// Give the details of the completion afterwards.
    WorkDoneDetails,
    /// Tell the latest details of the completion with the invoice; no rule of the life cycle stands in its way.
    ChangeCompletionInfo,
    /// Judge the work, again as often as wished.
    Verify,
    /// Write a message.
    SendMessage,
    /// Attach a file.
    AddAttachment,
    /// Remove a file.
    RemoveAttachment,
    /// Change the provider's own note.
    ChangeInternalNote,
    /// Change the amount not to exceed.
    ChangeNte,
    /// Change times or priority.
    ChangeSla,
    /// Request, submit, approve or reject a quote.
    ChangeQuote,
    /// Change the appointment.
    ChangeAppointment,
    /// Change the status of the safety check.
    ChangeIsmStatus,
    /// Change the check list.
    UpdateCheckList,
    /// Make a procedure of the check list.
    MigrateCheckList,
    /// Add, change or remove procedures.
    UpdateProcedures,
    /// Answer steps of a procedure.
    UpdateSteps,
    /// Mark a procedure as not applicable, or no more.
    MarkProcedure,
    /// Change the status of the invoice.
    ChangeInvoiceStatus,
}

impl Act {
    /// All of them, in the order of the table of the life cycle.
    pub const ALL: [Act; 26] = [
        Act::Accept,
        Act::Reject,
        Act::Recall,
        Act::PutOnHold,
        Act::Reopen,
        Act::CheckIn,
        Act::Pause,
        Act::CheckOut,
        Act::WorkDoneDetails,
        Act::ChangeCompletionInfo,
        Act::Verify,
        Act::SendMessage,
        Act::AddAttachment,
        Act::RemoveAttachment,
        Act::ChangeInternalNote,
        Act::ChangeNte,
        Act::ChangeSla,
        Act::ChangeQuote,
        Act::ChangeAppointment,
        Act::ChangeIsmStatus,
        Act::UpdateCheckList,
        Act::MigrateCheckList,
        Act::UpdateProcedures,
        Act::UpdateSteps,
        Act::MarkProcedure,
        Act::ChangeInvoiceStatus,
    ];

    /// The act that the platform interface means by an action. `None` for the creation of an order and for the
    /// additional fields of a company, which concern no order that exists.
    pub const fn of_action(action: Action) -> Option<Act> {
        Some(match action {
            Action::NewWorkOrder | Action::AdditionalFieldDescriptorUpdated => return None,
            Action::Accepted => Act::Accept,
            Action::Rejected => Act::Reject,
            Action::Recalled => Act::Recall,
            Action::Reopened => Act::Reopen,
            Action::PutOnHold => Act::PutOnHold,
            Action::CheckedIn => Act::CheckIn,
            Action::Paused => Act::Pause,
            // The latter is a check out of which the caller says itself that details are lacking.
            Action::CheckedOut | Action::NeedsCompletionDetails => Act::CheckOut,
            Action::CompletionInfoChanged => Act::ChangeCompletionInfo,
            Action::WorkVerified => Act::Verify,
            Action::MessageSent => Act::SendMessage,
            Action::AttachmentAdded => Act::AddAttachment,
            Action::AttachmentRemoved => Act::RemoveAttachment,
            Action::NteChanged => Act::ChangeNte,
            Action::QuoteChanged => Act::ChangeQuote,
            Action::SlaChanged => Act::ChangeSla,
            Action::AppointmentInfoChanged => Act::ChangeAppointment,
            Action::InvoiceStatusChanged => Act::ChangeInvoiceStatus,
            Action::InternalNoteChanged => Act::ChangeInternalNote,
            Action::IsmStatusChanged => Act::ChangeIsmStatus,
            Action::CheckListUpdated => Act::UpdateCheckList,
            Action::CheckListMigratedToProcedure => Act::MigrateCheckList,
            Action::ProcedureUpdated => Act::UpdateProcedures,
            Action::ProcedureStepUpdated => Act::UpdateSteps,
            Action::ProcedureMarked => Act::MarkProcedure,
        })
    }

    /// Its name in the time line; kept in the store, so never change one.
    pub const fn name(self) -> &'static str {
        match self {
            Act::Accept => "Accept",
            Act::Reject => "Reject",
            Act::Recall => "Recall",
            Act::PutOnHold => "PutOnHold",
            Act::Reopen => "Reopen",
            Act::CheckIn => "CheckIn",
            Act::Pause => "Pause",
            Act::CheckOut => "CheckOut",
            Act::WorkDoneDetails => "WorkDoneDetails",
            Act::ChangeCompletionInfo => "ChangeCompletionInfo",
            Act::Verify => "Verify",
            Act::SendMessage => "SendMessage",
            Act::AddAttachment => "AddAttachment",
            Act::RemoveAttachment => "RemoveAttachment",
            Act::ChangeInternalNote => "ChangeInternalNote",
            Act::ChangeNte => "ChangeNte",
            Act::ChangeSla => "ChangeSla",
            Act::ChangeQuote => "ChangeQuote",
            Act::ChangeAppointment => "ChangeAppointment",
            Act::ChangeIsmStatus => "ChangeIsmStatus",
            Act::UpdateCheckList => "UpdateCheckList",
            Act::MigrateCheckList => "MigrateCheckList",
            Act::UpdateProcedures => "UpdateProcedures",
            Act::UpdateSteps => "UpdateSteps",
            Act::MarkProcedure => "MarkProcedure",
            Act::ChangeInvoiceStatus => "ChangeInvoiceStatus",
        }
    }

    /// Who can start it.
    pub const fn starter(self) -> Starter {
        self.rule().action.facts().starter
    }

    /// The call of the Direct API that does it; `None` when there is none.
    pub const fn direct_call(self) -> Option<&'static str> {
        match self {
            // The call of its action does `WorkDoneDetails`.
            Act::ChangeCompletionInfo => None,
            Act::Accept
            | Act::Reject
            | Act::Recall
            | Act::PutOnHold
            | Act::Reopen
            | Act::CheckIn
            | Act::Pause
            | Act::CheckOut
            | Act::WorkDoneDetails
            | Act::Verify
            | Act::SendMessage
            | Act::AddAttachment
            | Act::RemoveAttachment
            | Act::ChangeInternalNote
            | Act::ChangeNte
            | Act::ChangeSla
            | Act::ChangeQuote
            | Act::ChangeAppointment
            | Act::ChangeIsmStatus
            | Act::UpdateCheckList
            | Act::MigrateCheckList
            | Act::UpdateProcedures
            | Act::UpdateSteps
            | Act::MarkProcedure
            | Act::ChangeInvoiceStatus => self.rule().action.facts().direct_call,
        }
    }
}
