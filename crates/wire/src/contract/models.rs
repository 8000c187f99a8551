//! The models of the contract.
//!
//! Source: notifications.md section 4, in its order. Types follow its rule: names that end in `Id`, `Order`,
//! `SortingIndex`, `Size`, `DataLength` are int64, `Is…` and `Allow…` are flags, money is a number, all else
//! is text.

use super::{Form, Member, Model, demanded, inferred, optional};
use crate::enumerations::{
    ActorType, AttachmentSubtype, FeedbackType, FieldDataType, ProcedureUpdateType, Pte, QuoteStatus, Status,
    StepDataType, StepStatus, StepType, WorkOrderType,
};

/// Form of a GeoLocation.
pub const GEO_LOCATION: Model = Model {
    name: "GeoLocation",
    members: &[demanded("Latitude", Form::Number), demanded("Longitude", Form::Number)],
};

/// Who did it.
pub const ACTOR_INFO: Model = Model {
    name: "ActorInfo",
    members: &[
        demanded("Name", Form::Text),
        optional("Phone", Form::Text),
        demanded("Type", Form::Known(ActorType::VALUES)),
    ],
};

/// The `Header` as it is published: what may be missing there is filled in before it is sent.
pub const HEADER: Model = Model {
    name: "MessageHeader",
    members: &[
        demanded("WorkOrderId", Form::Integer),
        demanded("BranchId", Form::Integer),
        demanded("Sender", Form::Model(&ACTOR_INFO)),
        demanded("Action", Form::ActionName),
        optional("ActionDate", Form::Time),
        optional("ApiVersion", Form::Text),
        optional("MessageId", Form::Guid),
    ],
};

/// Which Direct client caused the notification.
pub const INITIATED_BY: Model = Model { name: "InitiatedBy", members: &[demanded("ClientId", Form::Text)] };

/// Top-level members that are read at publishing and never sent on.
pub const RESERVED: &[Member] =
    &[optional("InitiatedBy", Form::Model(&INITIATED_BY)), optional("CompanyId", Form::CompanyId)];

/// A postal address.
pub const ADDRESS: Model = Model {
    name: "Address",
    members: &[
        optional("Street1", Form::LimitedText(128)),
        optional("Street2", Form::LimitedText(128)),
        optional("City", Form::LimitedText(40)),
        optional("State", Form::LimitedText(128)),
        optional("PostalCode", Form::Text),
        optional("Country", Form::LimitedText(50)),
    ],
};

/// What was agreed about times.
pub const SLA: Model = Model {
    name: "SLA",
    members: &[
        optional("DueDate", Form::Time),
        optional("OnSiteBy", Form::Time),
        optional("AcknowledgeBy", Form::Time),
        optional("PriorityId", Form::Integer),
        demanded("PriorityName", Form::Text),
        demanded("IsEmergency", Form::Flag),
    ],
};

/// What the provider wants for the work.
pub const QUOTE: Model = Model {
    name: "Quote",
    members: &[
        demanded("Amount", Form::Number),
        optional("Comment", Form::Text),
        demanded("QuoteStatus", Form::OneOf(QuoteStatus::VALUES)),
    ],
};

/// When somebody comes.
pub const APPOINTMENT: Model = Model {
    name: "Appointment",
    members: &[demanded("ScheduledStart", Form::Time), demanded("Pte", Form::Known(Pte::VALUES))],
};

/// What the customer says about the work.
pub const FEEDBACK: Model = Model {
    name: "Feedback",
    members: &[
        demanded("TimeStamp", Form::Time),
        demanded("Actor", Form::Text),
        optional("Comment", Form::Text),
        demanded("Type", Form::Known(FeedbackType::VALUES)),
    ],
};

/// Which repair was done.
pub const REPAIR_INFO: Model = Model {
    name: "RepairInfo",
    members: &[
        demanded("CodeId", Form::Integer),
        demanded("Code", Form::Text),
        demanded("CategoryId", Form::Integer),
        demanded("Category", Form::Text),
    ],
};

/// A value that the customer wants to know at the end.
pub const CUSTOM_FIELD: Model =
    Model { name: "CustomField", members: &[demanded("Id", Form::Integer), demanded("Value", Form::Text)] };

/// A point of a check list, with its text.
pub const CHECK_LIST_ITEM_DESCRIPTOR: Model = Model {
    name: "CheckListItemDescriptor",
    members: &[
        demanded("Id", Form::Integer),
        demanded("SortingIndex", Form::Integer),
        demanded("Description", Form::Text),
        optional("Comment", Form::Text),
        optional("Exception", Form::Text),
        demanded("IsDone", Form::Flag),
    ],
};

/// The answer to a point of a check list.
pub const CHECK_LIST_ITEM: Model = Model {
    name: "CheckListItem",
    members: &[
        demanded("Id", Form::Integer),
        demanded("IsDone", Form::Flag),
        optional("Comment", Form::Text),
        optional("Exception", Form::Text),
    ],
};

const STEP_STATUS: Form = Form::OneOf(StepStatus::VALUES);

/// The answer to a step of a procedure.
pub const STEP: Model = Model {
    name: "Step",
    members: &[
        demanded("Id", Form::Integer),
        demanded("Status", STEP_STATUS),
        optional("Value", Form::Text),
        optional("Comment", Form::Text),
        optional("Currency", Form::Text),
    ],
};

/// A step of a procedure, with its question.
pub const STEP_DESCRIPTOR: Model = Model {
    name: "StepDescriptor",
    members: &[
        demanded("Id", Form::Integer),
        demanded("Status", STEP_STATUS),
        optional("Value", Form::Text),
        optional("Comment", Form::Text),
        optional("Currency", Form::Text),
        demanded("Order", Form::Integer),
        demanded("IsRequired", Form::Flag),
        demanded("Label", Form::Text),
        optional("Description", Form::Text),
        demanded("StepType", Form::OneOf(StepType::VALUES)),
        demanded("DataType", Form::Known(StepDataType::VALUES)),
        optional("FlagReason", Form::Text),
    ],
};

/// A thing that the work is about.
pub const WORK_ORDER_ASSET: Model = Model {
    name: "WorkOrderAsset",
    members: &[
        demanded("Id", Form::Integer),
        optional("Path", Form::Text),
        optional("Task", Form::Text),
        optional("AssetName", Form::Text),
        optional("Comment", Form::Text),
    ],
};

/// Steps to be done, perhaps for one asset.
pub const PROCEDURE: Model = Model {
    name: "Procedure",
    members: &[
        demanded("Id", Form::Integer),
        demanded("Order", Form::Integer),
        demanded("Name", Form::Text),
        demanded("Status", STEP_STATUS),
        demanded("AllowMarkNotApplicable", Form::Flag),
        optional("Asset", Form::Model(&WORK_ORDER_ASSET)),
        demanded("Steps", Form::List(&Form::Model(&STEP_DESCRIPTOR))),
    ],
};

/// A procedure, and what happened to it.
pub const PROCEDURE_UPDATE: Model = Model {
    name: "ProcedureUpdate",
    members: &[
        demanded("Procedure", Form::Model(&PROCEDURE)),
        demanded("UpdateType", Form::Known(ProcedureUpdateType::VALUES)),
    ],
};

/// A file, without its content.
pub const ATTACHMENT: Model = Model {
    name: "Attachment",
    members: &[
        demanded("AttachmentId", Form::LimitedText(36)),
        demanded("Name", Form::Text),
        demanded("MimeType", Form::Text),
        demanded("Size", Form::Integer),
        optional("Subtype", Form::Known(AttachmentSubtype::VALUES)),
    ],
};

/// The value of an additional field.
pub const ADDITIONAL_FIELD: Model = Model {
    name: "AdditionalField",
    members: &[
        demanded("AdditionalField", Form::Integer),
        demanded("FieldLabel", Form::Text),
        optional("URLLabel", Form::Text),
        demanded("Value", Form::Text),
    ],
};

/// An additional field of a company.
pub const ADDITIONAL_FIELD_DESCRIPTOR: Model = Model {
    name: "AdditionalFieldDescriptor",
    members: &[
        demanded("Id", Form::Text),
        demanded("Label", Form::Text),
        optional("Values", Form::List(&Form::Text)),
        demanded("DataType", Form::OneOf(FieldDataType::VALUES)),
        demanded("DataLength", Form::Integer),
        demanded("IsDeleted", Form::Flag),
        demanded("IsReadonly", Form::Flag),
    ],
};

/// The work order, as a customer sends it. Five members are demanded; the rest is checked for type.
pub const WORK_ORDER: Model = Model {
    name: "WorkOrder",
    members: &[
        demanded("WorkOrderId", Form::Integer),
        demanded("WorkOrderNumber", Form::Text),
        demanded("BranchId", Form::Integer),
        demanded("Status", Form::OneOf(Status::VALUES)),
        demanded("Type", Form::OneOf(WorkOrderType::VALUES)),
        inferred("Customer", Form::Model(&CUSTOMER)),
        inferred("Created", Form::Time),
        inferred("LastUpdate", Form::Time),
        inferred("AccompanyingMessage", Form::Text),
        inferred("Currency", Form::Text),
        inferred("IsPreBilled", Form::Flag),
        inferred("Schedule", Form::Model(&SCHEDULE)),
        inferred("Nte", Form::Model(&NTE)),
        inferred("Sla", Form::Model(&SLA)),
        inferred("WorkType", Form::Model(&WORK_TYPE)),
        inferred("WorkDetails", Form::Model(&WORK_DETAILS)),
        inferred("Contact", Form::Model(&CONTACT)),
        inferred("ServiceLocation", Form::Model(&SERVICE_LOCATION)),
        inferred("AdditionalFields", Form::List(&Form::Model(&ADDITIONAL_FIELD))),
        inferred("InternalNote", Form::Text),
    ],
};

/// Whose work order it is.
pub const CUSTOMER: Model =
    Model { name: "Customer", members: &[inferred("Id", Form::Integer), inferred("Name", Form::Text)] };

/// When the work is to begin.
pub const SCHEDULE: Model = Model {
    name: "Schedule",
    members: &[inferred("ScheduledStart", Form::Time), inferred("Pte", Form::Known(Pte::VALUES))],
};

/// What may be spent: an amount of 0 is no limit.
pub const NTE: Model = Model {
    name: "Nte",
    members: &[inferred("Amount", Form::Number), inferred("Quote", Form::Model(&QUOTE))],
};

/// Kind of work.
pub const WORK_TYPE: Model = Model {
    name: "WorkType",
    members: &[
        inferred("Id", Form::Integer),
        inferred("Category", Form::Text),
        inferred("Name", Form::Text),
        inferred("IsVisit", Form::Flag),
    ],
};

/// What is to be done.
pub const WORK_DETAILS: Model = Model {
    name: "WorkDetails",
    members: &[
        inferred("CheckList", Form::List(&Form::Model(&CHECK_LIST_ITEM_DESCRIPTOR))),
        inferred("Procedures", Form::List(&Form::Model(&PROCEDURE))),
        inferred("Assets", Form::List(&Form::Model(&WORK_ORDER_ASSET))),
    ],
};

/// Whom to ask.
pub const CONTACT: Model = Model {
    name: "Contact",
    members: &[
        inferred("FullName", Form::Text),
        inferred("ContactAt", Form::Text),
        inferred("Phones", Form::List(&Form::Text)),
        inferred("Emails", Form::List(&Form::Text)),
    ],
};

/// Where the work is.
pub const SERVICE_LOCATION: Model = Model {
    name: "ServiceLocation",
    members: &[
        inferred("Name", Form::Text),
        inferred("OccupantId", Form::Integer),
        inferred("Address", Form::Model(&ADDRESS)),
    ],
};
