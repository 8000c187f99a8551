//! What was agreed about a work order: money, times, appointment.

use serde::{Deserialize, Serialize};

use super::decimal::Decimal;
use crate::enumerations::{Pte, QuoteStatus};
use crate::timestamp::Timestamp;

/// What was agreed about times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Sla {
    /// When the work is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Timestamp>,
    /// When somebody is to be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_site_by: Option<Timestamp>,
    /// When the order is to be accepted or rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledge_by: Option<Timestamp>,
    /// Id of the priority.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_id: Option<i64>,
    /// The priority in words; always there in SlaChanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_name: Option<String>,
    /// Whether it is an emergency; always there in SlaChanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_emergency: Option<bool>,
}

/// What the provider wants for the work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Quote {
    /// How much; always there in QuoteChanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Decimal>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// How far it has come; always there in QuoteChanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote_status: Option<QuoteStatus>,
}

/// When somebody comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Appointment {
    /// When the work begins.
    pub scheduled_start: Timestamp,
    /// Permission to enter.
    pub pte: Pte,
}
