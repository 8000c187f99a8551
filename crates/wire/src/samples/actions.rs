//! The members of each action, in the story.

use super::json::{Object, string};
use super::{DAY, Maker};
use crate::action::Action;

/// Most characters of a comment, a message or a note.
const LONG_TEXT: usize = 3000;
const ATTACHMENT_ID: &str = "5f0c9a34-52c5-4f3e-8a5b-9c7f1d2e6b10";

impl Maker<'_> {
    /// Writes the members beside `Header`.
    pub(super) fn members(&self, to: &mut Object) {
        match self.action {
            Action::NewWorkOrder => {
                to.json("Details", self.work_order());
                if self.typical() {
                    to.list("Attachments", [self.attachment()]);
                }
            }
            Action::Accepted => self.status(to, "Accepted", "We come tomorrow morning before you open."),
            Action::Rejected => self.status(to, "Rejected", "All our plumbers are booked until Friday."),
            Action::Recalled => self.status(to, "Recalled", "The landlord takes care of it."),
            Action::Reopened => self.status(to, "New", "It drips again."),
            Action::PutOnHold => self.status(to, "OnHold", "Please wait until the ceiling is dry."),
            Action::CheckedIn => {
                self.status(to, "CheckedIn", "On site, looking for the valve.");
                self.location(to);
            }
            Action::Paused => {
                self.status(to, "Paused", "Gone for a valve, back in an hour.");
                self.location(to);
            }
            Action::CheckedOut => self.checked_out(to),
            Action::NeedsCompletionDetails => to.text("Status", "NeedsCompletionDetails"),
            Action::CompletionInfoChanged => self.completion(to),
            Action::WorkVerified => {
                to.text("Status", "Verified");
                to.json("Feedback", self.feedback());
            }
            Action::MessageSent => {
                to.text("Text", &self.up_to(LONG_TEXT, "Is the oven room dry as well?"));
            }
            Action::AttachmentAdded => self.attachment_members(to),
            Action::AttachmentRemoved => to.text("AttachmentId", ATTACHMENT_ID),
            Action::NteChanged => to.json("Amount", "1500.00"),
            Action::QuoteChanged => to.json("Quote", self.quote()),
            Action::SlaChanged => to.json("Sla", self.sla()),
            Action::AppointmentInfoChanged => {
                let mut appointment = Object::new();
                appointment.text("ScheduledStart", &self.time(DAY));
                appointment.text("Pte", "Appointment");
                to.json("Appointment", appointment.end());
            }
            Action::InvoiceStatusChanged => self.invoice(to),
            Action::InternalNoteChanged => {
                to.text("InternalNote", &self.up_to(LONG_TEXT, "Key box code is with dispatch."));
                if self.typical() {
                    to.text("UpdatedBy", &self.up_to(100, "Jon Snow"));
                }
                to.text("ActionDate", &self.context.now.to_string());
            }
            Action::AdditionalFieldDescriptorUpdated => {
                to.list("AdditionalFieldDescriptors", self.field_descriptors());
            }
            Action::IsmStatusChanged => to.text("Status", "Passed"),
            Action::CheckListUpdated => to.list("CheckList", self.check_list_descriptors()),
            Action::CheckListMigratedToProcedure => {
                to.integer("ProcedureId", 3_301);
                to.list("Steps", self.steps());
            }
            Action::ProcedureUpdated => {
                let mut update = Object::new();
                update.json("Procedure", self.procedure());
                update.text("UpdateType", "Add");
                to.list("ProcedureUpdates", [update.end()]);
            }
            Action::ProcedureStepUpdated => to.list("Steps", self.steps()),
            Action::ProcedureMarked => {
                to.integer("ProcedureId", 3_301);
                to.flag("IsMarkedNa", true);
            }
        }
    }

    fn status(&self, to: &mut Object, status: &str, comment: &str) {
        to.text("Status", status);
        let demanded = self.action.members().iter().any(|member| member.name == "Comment" && member.demanded);
        if demanded || self.typical() {
            to.text("Comment", &self.up_to(LONG_TEXT, comment));
        }
    }

    fn location(&self, to: &mut Object) {
        if self.typical() {
            to.json("Location", r#"{"Latitude":38.9115200,"Longitude":-77.0421660}"#);
        }
    }

    fn checked_out(&self, to: &mut Object) {
        if self.typical() {
            to.text("Comment", &self.up_to(LONG_TEXT, "Pipe and valve replaced, ceiling still damp."));
        }
        self.location(to);
        if self.typical() {
            to.list("Procedures", [self.procedure()]);
            to.list("CheckList", self.check_list_items());
        }
        self.repair(to);
    }

    fn completion(&self, to: &mut Object) {
        if self.typical() {
            to.text("Comment", &self.up_to(LONG_TEXT, "Pipe and valve replaced, ceiling dry."));
        }
        self.repair(to);
    }

    fn repair(&self, to: &mut Object) {
        if self.typical() {
            let repair = r#"{"CodeId":88,"Code":"Replaced pipe","CategoryId":8,"Category":"Plumbing"}"#;
            to.json("RepairInfo", repair);
            to.json("CustomFields", r#"[{"Id":11,"Value":"4711-17"},{"Id":13,"Value":"Copper"}]"#);
        }
    }

    fn feedback(&self) -> String {
        let mut feedback = Object::new();
        feedback.text("TimeStamp", &self.context.now.to_string());
        feedback.text("Actor", "Dana Whitfield");
        if self.typical() {
            feedback.text("Comment", "Quick and tidy, thank you.");
        }
        feedback.text("Type", "Positive");
        feedback.end()
    }

    fn attachment(&self) -> String {
        let mut attachment = Object::new();
        self.attachment_members(&mut attachment);
        attachment.end()
    }

    fn attachment_members(&self, to: &mut Object) {
        to.text("AttachmentId", ATTACHMENT_ID);
        to.text("Name", "ceiling above proofing room.jpg");
        to.text("MimeType", "image/jpeg");
        to.integer("Size", 482_133);
        if self.typical() {
            to.text("Subtype", "Picture");
        }
    }

    fn invoice(&self, to: &mut Object) {
        let paid = self.typical();
        to.text("Status", if paid { "Paid" } else { "PendingVerification" });
        if self.maximal() {
            to.text("Comment", "Thank you for the quick work.");
            to.text("AuthNumber", "AUTH-20931");
        }
        if paid {
            to.text("CheckNumber", "0018823");
            to.text("PaidDate", &self.context.now.to_string());
            to.json("Amount", "1480.50");
        }
    }

    fn field_descriptors(&self) -> Vec<String> {
        let descriptor = |id: &str, label: &str, data_type: &str, length: i64, values: &[&str]| {
            let mut field = Object::new();
            field.text("Id", id);
            field.text("Label", label);
            if !values.is_empty() && self.typical() {
                field.list("Values", values.iter().copied().map(string));
            }
            field.text("DataType", data_type);
            field.integer("DataLength", length);
            field.flag("IsDeleted", false);
            field.flag("IsReadonly", true);
            field.end()
        };
        let mut fields = vec![descriptor("11", "Cost centre", "String", 20, &[])];
        if self.typical() {
            fields.push(descriptor("13", "Material", "String", 20, &["Copper", "Steel", "PEX"]));
        }
        if self.maximal() {
            fields.push(descriptor("12", "Floor plan", "Url", 2048, &[]));
            fields.push(descriptor("14", "Parts", "Money", 12, &[]));
        }
        fields
    }
}
