//! The members of each action beside `Header`.
//!
//! Source: notifications.md section 3, in its order.

use super::models::{
    ADDITIONAL_FIELD_DESCRIPTOR, APPOINTMENT, ATTACHMENT, CHECK_LIST_ITEM, CHECK_LIST_ITEM_DESCRIPTOR,
    CUSTOM_FIELD, FEEDBACK, GEO_LOCATION, PROCEDURE, PROCEDURE_UPDATE, QUOTE, REPAIR_INFO, SLA, STEP,
    WORK_ORDER,
};
use super::{Form, Member, demanded, optional};
use crate::action::Action;
use crate::enumerations::{AttachmentSubtype, InvoiceStatus, IsmStatus};

/// Most characters of a comment, a message or a note.
const LONG_TEXT: Form = Form::LimitedText(3000);

const COMMENT: Member = optional("Comment", LONG_TEXT);
const DEMANDED_COMMENT: Member = demanded("Comment", LONG_TEXT);
const LOCATION: Member = optional("Location", Form::Model(&GEO_LOCATION));
const REPAIR: Member = optional("RepairInfo", Form::Model(&REPAIR_INFO));
const CUSTOM_FIELDS: Member = optional("CustomFields", Form::List(&Form::Model(&CUSTOM_FIELD)));
const ATTACHMENT_ID: Member = demanded("AttachmentId", Form::LimitedText(36));
const PROCEDURE_ID: Member = demanded("ProcedureId", Form::Integer);
const STEPS: Member = demanded("Steps", Form::List(&Form::Model(&STEP)));

const fn status(value: &'static str) -> Member {
    demanded("Status", Form::Constant(value))
}

/// The members of an action beside `Header`.
pub const fn members_of(action: Action) -> &'static [Member] {
    match action {
        Action::NewWorkOrder => {
            const {
                &[
                    demanded("Details", Form::Model(&WORK_ORDER)),
                    optional("Attachments", Form::List(&Form::Model(&ATTACHMENT))),
                ]
            }
        }
        Action::Accepted => const { &[status("Accepted"), COMMENT] },
        Action::Rejected => const { &[status("Rejected"), DEMANDED_COMMENT] },
        Action::Recalled => const { &[status("Recalled"), COMMENT] },
        Action::Reopened => const { &[status("New"), COMMENT] },
        Action::PutOnHold => const { &[status("OnHold"), DEMANDED_COMMENT] },
        Action::CheckedIn => const { &[status("CheckedIn"), COMMENT, LOCATION] },
        Action::Paused => const { &[status("Paused"), COMMENT, LOCATION] },
        Action::CheckedOut => {
            const {
                &[
                    COMMENT,
                    LOCATION,
                    optional("Procedures", Form::List(&Form::Model(&PROCEDURE))),
                    optional("CheckList", Form::List(&Form::Model(&CHECK_LIST_ITEM))),
                    REPAIR,
                    CUSTOM_FIELDS,
                ]
            }
        }
        Action::NeedsCompletionDetails => const { &[status("NeedsCompletionDetails")] },
        Action::CompletionInfoChanged => const { &[COMMENT, REPAIR, CUSTOM_FIELDS] },
        Action::WorkVerified => const { &[status("Verified"), demanded("Feedback", Form::Model(&FEEDBACK))] },
        Action::MessageSent => const { &[demanded("Text", LONG_TEXT)] },
        Action::AttachmentAdded => {
            const {
                &[
                    ATTACHMENT_ID,
                    demanded("Name", Form::Text),
                    demanded("MimeType", Form::Text),
                    demanded("Size", Form::Integer),
                    optional("Subtype", Form::Known(AttachmentSubtype::VALUES)),
                ]
            }
        }
        Action::AttachmentRemoved => const { &[ATTACHMENT_ID] },
        Action::NteChanged => const { &[demanded("Amount", Form::Number)] },
        Action::QuoteChanged => const { &[demanded("Quote", Form::Model(&QUOTE))] },
        Action::SlaChanged => const { &[demanded("Sla", Form::Model(&SLA))] },
        Action::AppointmentInfoChanged => const { &[demanded("Appointment", Form::Model(&APPOINTMENT))] },
        Action::InvoiceStatusChanged => {
            const {
                &[
                    demanded("Status", Form::Known(InvoiceStatus::VALUES)),
                    optional("Comment", Form::Text),
                    optional("AuthNumber", Form::Text),
                    optional("CheckNumber", Form::Text),
                    optional("PaidDate", Form::Text),
                    optional("Amount", Form::Number),
                ]
            }
        }
        Action::InternalNoteChanged => {
            const {
                &[
                    demanded("InternalNote", LONG_TEXT),
                    optional("UpdatedBy", Form::LimitedText(100)),
                    demanded("ActionDate", Form::Time),
                ]
            }
        }
        Action::AdditionalFieldDescriptorUpdated => {
            const {
                &[demanded(
                    "AdditionalFieldDescriptors",
                    Form::List(&Form::Model(&ADDITIONAL_FIELD_DESCRIPTOR)),
                )]
            }
        }
        Action::IsmStatusChanged => const { &[demanded("Status", Form::OneOf(IsmStatus::VALUES))] },
        Action::CheckListUpdated => {
            const { &[demanded("CheckList", Form::List(&Form::Model(&CHECK_LIST_ITEM_DESCRIPTOR)))] }
        }
        Action::CheckListMigratedToProcedure => const { &[PROCEDURE_ID, STEPS] },
        Action::ProcedureUpdated => {
            const { &[demanded("ProcedureUpdates", Form::List(&Form::Model(&PROCEDURE_UPDATE)))] }
        }
        Action::ProcedureStepUpdated => const { &[STEPS] },
        Action::ProcedureMarked => const { &[PROCEDURE_ID, demanded("IsMarkedNa", Form::Flag)] },
    }
}
