//! A part of a list, as the interface answers it.

use serde::Deserialize;

/// A page of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
    /// Where to go on.
    pub(super) next: Option<String>,
}
