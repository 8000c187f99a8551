//! The Header of a notification, as a receiver reads it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::action_name::ActionName;
use crate::enumerations::ActorType;
use crate::message_id::MessageId;
use crate::timestamp::Timestamp;

/// What stands in `Header`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MessageHeader {
    /// The work order; 0 when the action is not about one.
    pub work_order_id: i64,
    /// The recipient branch; 0 for company-wide configuration.
    pub branch_id: i64,
    /// Who did it.
    pub sender: ActorInfo,
    /// What happened, as it was written; equals the `Event-Type` header.
    pub action: ActionName,
    /// When it happened (not when it was sent); `None` when the sender does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action_date: Option<Timestamp>,
    /// Version of the interface; `None` when the sender does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Stable across every retry and replay: the key by which to recognise a repeat.
    pub message_id: MessageId,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ActorInfo {
    /// Name of a person, or `IVR` for the telephone.
    pub name: String,
    /// Telephone number, E.164 when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Whose side the actor is on; `None` when the sender does not say.
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ActorType>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Lenient {
    work_order_id: i64,
    branch_id: i64,
    sender: Option<ActorInfo>,
    /// Read only where `Sender` is missing; beside it, it is an unknown member of any type.
    performed_by: Option<Box<RawValue>>,
    action: ActionName,
    action_date: Option<Timestamp>,
    api_version: Option<String>,
    message_id: MessageId,
}

impl<'de> Deserialize<'de> for MessageHeader {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let read = Lenient::deserialize(deserializer)?;
        let sender = match (read.sender, read.performed_by) {
            (Some(sender), _) => sender,
            (None, Some(raw)) => serde_json::from_str(raw.get()).map_err(D::Error::custom)?,
            (None, None) => return Err(D::Error::missing_field("Sender")),
        };
        Ok(MessageHeader {
            work_order_id: read.work_order_id,
            branch_id: read.branch_id,
            sender,
            action: read.action,
            action_date: read.action_date,
            api_version: read.api_version,
            message_id: read.message_id,
        })
    }
}
