//! Attached files, without their content.

use serde::{Deserialize, Serialize};

use crate::enumerations::AttachmentSubtype;

/// A file. Its content is fetched elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Attachment {
    /// Which file.
    pub attachment_id: String,
    /// Name of the file.
    pub name: String,
    /// Media type, `image/jpeg`.
    pub mime_type: String,
    /// Bytes.
    pub size: i64,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtype: Option<AttachmentSubtype>,
}
