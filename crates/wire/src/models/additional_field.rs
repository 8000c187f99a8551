//! Additional fields of a company, and their values on a work order.

use serde::{Deserialize, Serialize};

use crate::enumerations::FieldDataType;

/// The value of an additional field on a work order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdditionalField {
    /// Id of the field.
    #[serde(rename = "AdditionalField", skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Its label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_label: Option<String>,
    /// What to show for a link.
    #[serde(rename = "URLLabel", skip_serializing_if = "Option::is_none")]
    pub url_label: Option<String>,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// An additional field of a company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AdditionalFieldDescriptor {
    /// Which field.
    pub id: String,
    /// Its label.
    pub label: String,
    /// The values to choose from; `None` when any may be entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// Type of its value.
    pub data_type: FieldDataType,
    /// Most characters of its value.
    pub data_length: i64,
    /// Whether it is gone.
    pub is_deleted: bool,
    /// Whether the provider may not change it.
    pub is_readonly: bool,
}
