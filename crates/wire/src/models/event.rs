//! The members of each action beside `Header`.
//!
//! Source: notifications.md section 3, in its order.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::additional_field::AdditionalFieldDescriptor;
use super::attachment::Attachment;
use super::check_list::{CheckListItem, CheckListItemDescriptor};
use super::completion::{CustomField, Feedback, GeoLocation, RepairInfo};
use super::decimal::Decimal;
use super::procedure::{Procedure, ProcedureUpdate, Step};
use super::terms::{Appointment, Quote, Sla};
use super::work_order::WorkOrder;
use crate::enumerations::{InvoiceStatus, IsmStatus, Status};
use crate::timestamp::Timestamp;

/// What happened. The variants are named as the actions; what each means is said at [`crate::Action::facts`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub enum Event {
    NewWorkOrder(Box<NewWorkOrder>),
    Accepted(StatusChanged),
    Rejected(StatusChanged),
    Recalled(StatusChanged),
    Reopened(StatusChanged),
    PutOnHold(StatusChanged),
    CheckedIn(StatusChangedOnSite),
    Paused(StatusChangedOnSite),
    CheckedOut(Box<CheckedOut>),
    NeedsCompletionDetails(StatusChanged),
    CompletionInfoChanged(CompletionInfoChanged),
    WorkVerified(WorkVerified),
    MessageSent(MessageSent),
    AttachmentAdded(Attachment),
    AttachmentRemoved(AttachmentRemoved),
    NteChanged(NteChanged),
    QuoteChanged(QuoteChanged),
    SlaChanged(SlaChanged),
    AppointmentInfoChanged(AppointmentInfoChanged),
    InvoiceStatusChanged(InvoiceStatusChanged),
    InternalNoteChanged(InternalNoteChanged),
    AdditionalFieldDescriptorUpdated(AdditionalFieldDescriptorUpdated),
    IsmStatusChanged(IsmStatusChanged),
    CheckListUpdated(CheckListUpdated),
    CheckListMigratedToProcedure(CheckListMigratedToProcedure),
    ProcedureUpdated(ProcedureUpdated),
    ProcedureStepUpdated(ProcedureStepUpdated),
    ProcedureMarked(ProcedureMarked),
    /// An action of the platform's own.
    Own(OwnEvent),
}

/// A new work order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewWorkOrder {
    /// The order itself.
    pub details: WorkOrder,
    /// Files that came with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<Attachment>>,
}

/// The work order reached another status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatusChanged {
    /// The status it has now.
    pub status: Status,
    /// Why; always there in Rejected and PutOnHold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// The work order reached another status, on site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StatusChangedOnSite {
    /// The status it has now.
    pub status: Status,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Where the technician was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<GeoLocation>,
}

/// The work was finished on site. There is no status: it follows from the action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CheckedOut {
    /// What was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Where the technician was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<GeoLocation>,
    /// The procedures, with their answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procedures: Option<Vec<Procedure>>,
    /// The answers to the check list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_list: Option<Vec<CheckListItem>>,
    /// Which repair was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_info: Option<RepairInfo>,
    /// What else the customer wants to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_fields: Option<Vec<CustomField>>,
}

/// The latest state of the completion details.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CompletionInfoChanged {
    /// What was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Which repair was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repair_info: Option<RepairInfo>,
    /// What else the customer wants to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_fields: Option<Vec<CustomField>>,
}

/// The customer verified the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WorkVerified {
    /// The status it has now.
    pub status: Status,
    /// What the customer says.
    pub feedback: Feedback,
}

/// Somebody wrote a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageSent {
    /// The message.
    pub text: String,
}

/// A file was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachmentRemoved {
    /// Which file.
    pub attachment_id: String,
}

/// The amount not to exceed was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NteChanged {
    /// What may be spent now.
    pub amount: Decimal,
}

/// The quote was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct QuoteChanged {
    /// The quote as it is now.
    pub quote: Quote,
}

/// What was agreed about times was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SlaChanged {
    /// What is agreed now.
    pub sla: Sla,
}

impl SlaChanged {
    /// Reads `Sla`, or `SLA` where there is none.
    pub(super) fn read(body: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Lenient {
            #[serde(rename = "Sla")]
            sla: Option<Sla>,
            /// Beside `Sla` it is an unknown member of any type.
            #[serde(rename = "SLA")]
            older: Option<Box<RawValue>>,
        }
        use serde::de::Error;
        let read: Lenient = serde_json::from_slice(body)?;
        let sla = match (read.sla, read.older) {
            (Some(sla), _) => sla,
            (None, Some(raw)) => serde_json::from_str(raw.get())?,
            (None, None) => return Err(serde_json::Error::missing_field("Sla")),
        };
        Ok(SlaChanged { sla })
    }
}

/// The appointment was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AppointmentInfoChanged {
    /// The appointment as it is now.
    pub appointment: Appointment,
}

/// The invoice reached another status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InvoiceStatusChanged {
    /// The status it has now.
    pub status: InvoiceStatus,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Number of the authorization, when authorized.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_number: Option<String>,
    /// Number of the check, when paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_number: Option<String>,
    /// When it was paid; the contract does not say in which form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_date: Option<String>,
    /// How much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
}

/// The provider's own note was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InternalNoteChanged {
    /// The note as it is now.
    pub internal_note: String,
    /// Who changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_by: Option<String>,
    /// When it was changed.
    pub action_date: Timestamp,
}

/// The company's additional fields were changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdditionalFieldDescriptorUpdated {
    /// The fields.
    pub additional_field_descriptors: Vec<AdditionalFieldDescriptor>,
}

/// The status of the safety check was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct IsmStatusChanged {
    /// The status it has now.
    pub status: IsmStatus,
}

/// The check list was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CheckListUpdated {
    /// The whole list.
    pub check_list: Vec<CheckListItemDescriptor>,
}

/// The check list became a procedure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CheckListMigratedToProcedure {
    /// The procedure that it became.
    pub procedure_id: i64,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// Procedures were added, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProcedureUpdated {
    /// What happened to which.
    pub procedure_updates: Vec<ProcedureUpdate>,
}

/// Steps of a procedure were answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProcedureStepUpdated {
    /// The steps.
    pub steps: Vec<Step>,
}

/// A procedure was marked as not applicable, or no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProcedureMarked {
    /// Which procedure.
    pub procedure_id: i64,
    /// Whether it is marked now.
    pub is_marked_na: bool,
}

/// The members of an action of the platform's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnEvent {
    /// The members, in their order.
    pub members: Vec<OwnMember>,
}

/// A member of an action of the platform's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnMember {
    /// Its name, decoded.
    pub name: String,
    /// Its value, as the exact JSON text.
    pub json: String,
}

impl Serialize for OwnEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for member in &self.members {
            let raw: &RawValue = serde_json::from_str(&member.json).map_err(serde::ser::Error::custom)?;
            map.serialize_entry(&member.name, raw)?;
        }
        map.end()
    }
}
