//! The work order, as a customer sends it.

use serde::{Deserialize, Serialize};

use super::additional_field::AdditionalField;
use super::check_list::CheckListItemDescriptor;
use super::decimal::Decimal;
use super::procedure::Procedure;
use super::terms::{Quote, Sla};
use crate::enumerations::{Pte, Status, WorkOrderType};
use crate::timestamp::Timestamp;

/// The order itself. Five members are always there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WorkOrder {
    /// Which work order.
    pub work_order_id: i64,
    /// The number that people use.
    pub work_order_number: String,
    /// The branch that is to do the work.
    pub branch_id: i64,
    /// How far it has come.
    pub status: Status,
    /// Planned maintenance, or a request.
    #[serde(rename = "Type")]
    pub kind: WorkOrderType,
    /// Whose work order it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_update: Option<Timestamp>,
    /// What the customer writes with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accompanying_message: Option<String>,
    /// ISO 4217.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Whether the invoice comes before the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_pre_billed: Option<bool>,
    /// When the work is to begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// What may be spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nte: Option<Nte>,
    /// What was agreed about times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sla: Option<Sla>,
    /// Kind of work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_type: Option<WorkType>,
    /// What is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_details: Option<WorkDetails>,
    /// Whom to ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// Where the work is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_location: Option<ServiceLocation>,
    /// Values of the company's additional fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_fields: Option<Vec<AdditionalField>>,
    /// The provider's own note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_note: Option<String>,
}

/// Whose work order it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Customer {
    /// Which customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// When the work is to begin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Schedule {
    /// When the work is to begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_start: Option<Timestamp>,
    /// Permission to enter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pte: Option<Pte>,
}

/// What may be spent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Nte {
    /// Not to exceed; 0 is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
    /// The quote that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<Quote>,
}

/// Kind of work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WorkType {
    /// Which kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// What it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether somebody only comes to look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_visit: Option<bool>,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WorkDetails {
    /// Points to be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_list: Option<Vec<CheckListItemDescriptor>>,
    /// Procedures to be followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procedures: Option<Vec<Procedure>>,
    /// Things that the work is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assets: Option<Vec<WorkOrderAsset>>,
}

/// A thing that the work is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WorkOrderAsset {
    /// Which thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Where it stands among the things, `Building A>Kitchen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is to be done with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset_name: Option<String>,
    /// A remark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Whom to ask.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Contact {
    /// Name of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// How to reach the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_at: Option<String>,
    /// Telephone numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phones: Option<Vec<String>>,
    /// Mail addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emails: Option<Vec<String>>,
}

/// Where the work is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ServiceLocation {
    /// Name of the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occupant_id: Option<i64>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Address {
    /// Street and number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street1: Option<String>,
    /// Floor, door, and so on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub street2: Option<String>,
    /// Town.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
    /// State or province.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Postal code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    /// Country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
}
