//! Check lists.

use serde::{Deserialize, Serialize};

/// A point of a check list, with its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CheckListItemDescriptor {
    /// Which point; always there in CheckListUpdated, as are the next two and the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
    /// Its place in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sorting_index: Option<i64>,
    /// What is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What the technician remarks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Why it could not be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
    /// Whether it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_done: Option<bool>,
}

/// The answer to a point of a check list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CheckListItem {
    /// Which point.
    pub id: i64,
    /// Whether it is done.
    pub is_done: bool,
    /// What the technician remarks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Why it could not be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<String>,
}
