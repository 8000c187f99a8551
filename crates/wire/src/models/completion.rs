//! What is told at the end of the work, and what the customer says about it.

use serde::{Deserialize, Serialize};

use super::decimal::Decimal;
use crate::enumerations::FeedbackType;
use crate::timestamp::Timestamp;

/// A place on earth, in degrees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GeoLocation {
    /// North of the equator; negative south of it.
    pub latitude: Decimal,
    /// East of Greenwich; negative west of it.
    pub longitude: Decimal,
}

/// Which repair was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RepairInfo {
    /// Id of the repair code.
    pub code_id: i64,
    /// The repair in words.
    pub code: String,
    /// Id of the category.
    pub category_id: i64,
    /// The category in words.
    pub category: String,
}

/// A value that the customer wants to know at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CustomField {
    /// Which field.
    pub id: i64,
    /// Its value.
    pub value: String,
}

/// What the customer says about the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Feedback {
    /// When the customer said it.
    pub time_stamp: Timestamp,
    /// Who said it.
    pub actor: String,
    /// In their own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The verdict.
    #[serde(rename = "Type")]
    pub kind: FeedbackType,
}
