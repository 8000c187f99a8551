//! Notifications as typed values, for receivers.
//!
//! [`Notification::from_slice`] reads the bytes of a body. It is lenient where the contract tells it to be
//! (`PerformedBy` for `Sender`, a missing `ActionDate`, a `Sender` without `Type`, two older names), ignores
//! members that it does not know, and keeps unknown values of enumerations. A member that may be missing or null
//! in anything that can be published is an `Option` here; money and degrees keep their exact digits
//! ([`Decimal`]).
//!
//! Source: notifications.md sections 2 to 4.

mod additional_field;
mod attachment;
mod check_list;
mod completion;
mod decimal;
mod event;
mod header;
mod notification;
mod procedure;
mod terms;
mod work_order;

pub use additional_field::{AdditionalField, AdditionalFieldDescriptor};
pub use attachment::Attachment;
pub use check_list::{CheckListItem, CheckListItemDescriptor};
pub use completion::{CustomField, Feedback, GeoLocation, RepairInfo};
pub use decimal::{Decimal, ParseError as DecimalParseError};
pub use event::*;
pub use header::{ActorInfo, MessageHeader};
pub use notification::{Error, Notification};
pub use procedure::{Procedure, ProcedureUpdate, Step, StepDescriptor};
pub use terms::{Appointment, Quote, Sla};
pub use work_order::{
    Address, Contact, Customer, Nte, Schedule, ServiceLocation, WorkDetails, WorkOrder, WorkOrderAsset,
    WorkType,
};
