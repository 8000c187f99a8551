//! A record of the log as pages show it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::moment::Moment;
use super::number::Micros;
use super::plain::{indented, plain};

/// A record of the log as the interface answers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Record {
    pub(super) log_id: u64,
    pub(super) start: Moment,
    pub(super) duration: Micros,
    pub(super) direction: String,
    pub(super) company_id: String,
    pub(super) branch_id: i64,
    pub(super) endpoint_id: Option<String>,
    pub(super) delivery_id: Option<String>,
    pub(super) work_order_id: i64,
    pub(super) work_order_number: Option<String>,
    pub(super) customer: Option<String>,
    pub(super) action: String,
    pub(super) message_id: Option<String>,
    pub(super) attempt: u16,
    pub(super) mode: String,
    pub(super) url: String,
    pub(super) request_headers: BTreeMap<String, String>,
    pub(super) body: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) response_headers: BTreeMap<String, String>,
    pub(super) response_body: String,
    pub(super) error: Option<String>,
    pub(super) explanation: Option<String>,
    pub(super) address: Option<String>,
    pub(super) tls: Option<String>,
    pub(super) connect_time: Micros,
    pub(super) first_byte_time: Micros,
    pub(super) reconnected: bool,
    pub(super) next_attempt_at: Option<Moment>,
}

impl Record {
    /// The class of its colour.
    pub(super) fn tone(&self) -> &'static str {
        match (&self.error, self.status) {
            (Some(_), _) | (None, Some(400..)) => "bad",
            (None, Some(_) | None) => "good",
        }
    }

    /// How it ended, in a word.
    pub(super) fn outcome(&self) -> String {
        match (&self.error, self.status) {
            (Some(error), Some(status)) if error == "Status" => status.to_string(),
            (Some(error), Some(status)) => format!("{status} {error}"),
            (Some(error), None) => error.clone(),
            (None, Some(status)) => status.to_string(),
            (None, None) => "–".to_owned(),
        }
    }

    /// Whether the company's system sent it to us.
    pub(super) fn is_inbound(&self) -> bool {
        self.direction == "Inbound"
    }

    /// The body that was sent, to be looked at.
    pub(super) fn sent(&self) -> String {
        plain(self.body.as_deref().unwrap_or_default())
    }

    /// The body that came back, to be looked at.
    pub(super) fn answered(&self) -> String {
        plain(&self.response_body)
    }

    /// The body that was sent, line by line, when it is JSON.
    pub(super) fn sent_in_lines(&self) -> Option<String> {
        indented(self.body.as_deref().unwrap_or_default())
    }

    /// The body that came back, line by line, when it is JSON.
    pub(super) fn answered_in_lines(&self) -> Option<String> {
        indented(&self.response_body)
    }

    /// Headers that came back, to be looked at.
    pub(super) fn headers_that_came(&self) -> Vec<(String, String)> {
        self.response_headers.iter().map(|(name, value)| (plain(name), plain(value))).collect()
    }
}
