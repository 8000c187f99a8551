//! Which act is allowed in which state, and what follows from it: one table.
//!
//! Source: service.md section 5; the notifications and their `Status` members: notifications.md section 3.

use workbell_wire::Action;

use crate::work_order::act::Act;
use crate::work_order::completion::Completion;
use crate::work_order::status::Status;

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    act: Act,
    allowed: &'static [Status],
    then: Then,
    /// The notification that follows; a check out that lacks details has another one.
    pub(crate) action: Action,
}

/// What becomes of the state.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// It stays, and the notification does not tell it.
    Stays,
    /// This one; the notification tells it in `Status`.
    Becomes(Status),
    /// This one; the notification has no `Status` member for it.
    BecomesUntold(Status),
    /// As the completion says.
    CheckedOut,
}

const ALIVE: &[Status] = &[
    Status::New,
    Status::Accepted,
    Status::OnHold,
    Status::CheckedIn,
    Status::Paused,
    Status::CheckedOut,
    Status::NeedsCompletionDetails,
    Status::Verified,
];
const IN_WORK: &[Status] = &[Status::Accepted, Status::CheckedIn, Status::Paused, Status::OnHold];
const DONE: &[Status] = &[Status::CheckedOut, Status::Verified];

const fn rule(act: Act, allowed: &'static [Status], then: Then, action: Action) -> Rule {
    Rule { act, allowed, then, action }
}

/// The life cycle, one rule for each act, in the order of [`Act::ALL`].
#[rustfmt::skip]
const RULES: [Rule; Act::ALL.len()] = [
    rule(Act::Accept, &[Status::New], Then::Becomes(Status::Accepted), Action::Accepted),
    rule(Act::Reject, &[Status::New], Then::Becomes(Status::Rejected), Action::Rejected),
    rule(Act::Recall, &[Status::New, Status::Accepted, Status::OnHold], Then::Becomes(Status::Recalled), Action::Recalled),
    rule(Act::PutOnHold, &[Status::New, Status::Accepted, Status::CheckedIn, Status::Paused], Then::Becomes(Status::OnHold), Action::PutOnHold),
    rule(Act::Reopen, &[Status::OnHold, Status::CheckedOut, Status::NeedsCompletionDetails, Status::Verified], Then::Becomes(Status::New), Action::Reopened),
    rule(Act::CheckIn, &[Status::Accepted, Status::Paused], Then::Becomes(Status::CheckedIn), Action::CheckedIn),
    rule(Act::Pause, &[Status::CheckedIn], Then::Becomes(Status::Paused), Action::Paused),
    rule(Act::CheckOut, &[Status::CheckedIn], Then::CheckedOut, Action::CheckedOut),
    rule(Act::WorkDoneDetails, &[Status::NeedsCompletionDetails, Status::CheckedOut], Then::BecomesUntold(Status::CheckedOut), Action::CompletionInfoChanged),
    rule(Act::ChangeCompletionInfo, &Status::ALL, Then::Stays, Action::CompletionInfoChanged),
    rule(Act::Verify, DONE, Then::Becomes(Status::Verified), Action::WorkVerified),
    rule(Act::SendMessage, ALIVE, Then::Stays, Action::MessageSent),
    rule(Act::AddAttachment, ALIVE, Then::Stays, Action::AttachmentAdded),
    rule(Act::RemoveAttachment, ALIVE, Then::Stays, Action::AttachmentRemoved),
    rule(Act::ChangeInternalNote, ALIVE, Then::Stays, Action::InternalNoteChanged),
    rule(Act::ChangeNte, IN_WORK, Then::Stays, Action::NteChanged),
    rule(Act::ChangeSla, IN_WORK, Then::Stays, Action::SlaChanged),
    rule(Act::ChangeQuote, IN_WORK, Then::Stays, Action::QuoteChanged),
    rule(Act::ChangeAppointment, IN_WORK, Then::Stays, Action::AppointmentInfoChanged),
    rule(Act::ChangeIsmStatus, IN_WORK, Then::Stays, Action::IsmStatusChanged),
    rule(Act::UpdateCheckList, IN_WORK, Then::Stays, Action::CheckListUpdated),
    rule(Act::MigrateCheckList, IN_WORK, Then::Stays, Action::CheckListMigratedToProcedure),
    rule(Act::UpdateProcedures, IN_WORK, Then::Stays, Action::ProcedureUpdated),
    rule(Act::UpdateSteps, IN_WORK, Then::Stays, Action::ProcedureStepUpdated),
    rule(Act::MarkProcedure, IN_WORK, Then::Stays, Action::ProcedureMarked),
    rule(Act::ChangeInvoiceStatus, DONE, Then::Stays, Action::InvoiceStatusChanged),
];

// Each rule stands at the place of its act, so `Act::rule` finds the right one.
const _: () = {
    let mut at = 0;
    while at < RULES.len() {
        assert!(RULES[at].act as usize == at && Act::ALL[at] as usize == at);
        at += 1;
    }
};

impl Act {
    pub(crate) const fn rule(self) -> &'static Rule {
        const TABLE: &[Rule] = &RULES;
        &TABLE[self as usize]
    }
}

/// What an act that is allowed does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The order's state from now on.
    pub status: Status,
    /// The notification that follows.
    pub action: Action,
    /// The `Status` member of that notification, where it tells the order's state.
    pub told: Option<Status>,
}

/// An act that is not allowed in the order's state. Nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{act:?} is not allowed while the work order is {status}")]
pub struct Refusal {
    /// What was tried.
    pub act: Act,
    /// The order's state; [`allowed_acts`] says what is allowed there.
    pub status: Status,
}

impl Refusal {
    /// The same with the name by which the caller knows the act: an action, or a call of the Direct API.
    pub fn told_as(&self, name: &str) -> String {
        format!("{name} is not allowed while the work order is {}", self.status)
    }
}

/// What `act` does to an order in the state `status`. `completion` matters to a check out alone.
///
/// # Errors
/// When the act is not allowed in this state.
pub fn decide(status: Status, act: Act, completion: Completion) -> Result<Change, Refusal> {
    let rule = act.rule();
    if !rule.allowed.contains(&status) {
        return Err(Refusal { act, status });
    }
    let action = rule.action;
    Ok(match (rule.then, completion) {
        (Then::Stays, _) => Change { status, action, told: None },
        (Then::Becomes(next), _) => Change { status: next, action, told: Some(next) },
        (Then::BecomesUntold(next), _) => Change { status: next, action, told: None },
        (Then::CheckedOut, Completion::Full) => Change { status: Status::CheckedOut, action, told: None },
        (Then::CheckedOut, Completion::Lacking) => Change {
            status: Status::NeedsCompletionDetails,
            action: Action::NeedsCompletionDetails,
            told: Some(Status::NeedsCompletionDetails),
        },
    })
}

/// The acts that are allowed in a state, in the order of the table.
pub fn allowed_acts(status: Status) -> impl Iterator<Item = Act> {
    RULES.iter().filter(move |rule| rule.allowed.contains(&status)).map(|rule| rule.act)
}

#[cfg(test)]
mod tests;
