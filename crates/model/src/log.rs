//! The communication log: both sides of every attempt and of every Direct API request.

use serde::{Deserialize, Serialize};

/// Which way a logged request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// From Workbell to an endpoint.
    Outbound,
    /// From a client of the Direct API.
    Inbound,
}

impl Direction {
    /// The name in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::Outbound => "Outbound",
            Direction::Inbound => "Inbound",
        }
    }
}

/// The part of a log record that nobody filters by; the store keeps it as one JSON text.
///
/// Times are microseconds. Header values that are secret come masked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Detail {
    /// The whole URL.
    pub url: String,
    /// As sent, in order.
    pub request_headers: Vec<(String, String)>,
    /// As received, in order, cut to the bound of the head.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub response_headers: Vec<(String, String)>,
    /// Text, cut to `delivery.response_limit`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub response_body: String,
    /// What went wrong, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// Address and port dialled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Version and cipher suite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// Resolve, TCP and TLS; `None` on a reused connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_time: Option<u64>,
    /// From the start of the attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_time: Option<u64>,
    /// The `MessageId` of what is in no queue: of an emulated notification, or as a client of the Direct API sent it;
    /// never a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The body of what is in no queue; that of a notification stands with the notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// A reused connection was dead and the request went once more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reconnected: bool,
}
