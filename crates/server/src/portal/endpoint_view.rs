//! An endpoint as pages show it, and its health.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::moment::Moment;
use super::number::{Count, Micros};

/// An endpoint as the interface answers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EndpointView {
    pub(super) endpoint_id: String,
    pub(super) url: Option<String>,
    pub(super) enabled: bool,
    pub(super) actions: Vec<String>,
    pub(super) branch_ids: Vec<Value>,
    pub(super) client_id: Option<String>,
    pub(super) authorization: String,
    pub(super) signature: String,
    pub(super) expect_continue: bool,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) hold_limit: Option<String>,
    pub(super) max_concurrency: Option<u16>,
    pub(super) rate_per_second: Option<u32>,
    pub(super) retry_schedule: Option<Vec<String>>,
    pub(super) max_attempts: Option<u16>,
    pub(super) timeout: Option<String>,
    #[serde(rename = "On410")]
    pub(super) on_410: String,
    pub(super) paused: Option<Moment>,
    pub(super) old_secret_until: Option<Moment>,
    pub(super) created: Moment,
    pub(super) secret: Option<String>,
}

impl EndpointView {
    /// What it is called: its URL, or that its receiver pulls.
    pub(super) fn name(&self) -> String {
        self.url.clone().unwrap_or_else(|| format!("Pull endpoint {}", self.tail()))
    }

    /// The last letters of its id, to tell pull endpoints apart.
    fn tail(&self) -> &str {
        self.endpoint_id.get(self.endpoint_id.len().saturating_sub(6)..).unwrap_or_default()
    }

    /// Which actions it gets, in few words.
    pub(super) fn actions_in_short(&self) -> String {
        in_short(self.actions.iter().map(String::as_str).collect(), "All actions", "No action", "actions")
    }

    /// Which branches it is for, in few words.
    pub(super) fn branches_in_short(&self) -> String {
        let ids: Vec<_> = self.branch_ids.iter().map(text).collect();
        in_short(ids.iter().map(String::as_str).collect(), "all branches", "no branch", "branches")
    }
}

fn in_short(names: Vec<&str>, all: &str, none: &str, many: &str) -> String {
    match names.as_slice() {
        [] => none.to_owned(),
        names if names.contains(&"*") => all.to_owned(),
        names if names.len() <= 3 => names.join(", "),
        names => format!("{} {many}", names.len()),
    }
}

/// A JSON text or number as text.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Health as the interface answers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HealthView {
    pub(super) health: String,
    pub(super) queue_size: Count,
    pub(super) oldest_waiting: Option<Moment>,
    pub(super) consecutive_failures: Count,
    #[serde(rename = "Last1h")]
    pub(super) last_hour: Sum,
    #[serde(rename = "Last24h")]
    pub(super) last_day: Sum,
}

/// What attempts came to.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Sum {
    pub(super) delivered: Count,
    pub(super) failed: Count,
    #[serde(rename = "LatencyP50")]
    pub(super) latency_p50: Micros,
    #[serde(rename = "LatencyP99")]
    pub(super) latency_p99: Micros,
}

impl HealthView {
    /// The class of its colour.
    pub(super) fn tone(&self) -> &'static str {
        match self.health.as_str() {
            "Healthy" => "good",
            "Degraded" | "Paused" => "wait",
            "Down" => "bad",
            _ => "off",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_said_in_few_words() {
        assert_eq!(in_short(vec!["*"], "all", "none", "things"), "all");
        assert_eq!(in_short(vec![], "all", "none", "things"), "none");
        assert_eq!(in_short(vec!["a", "b"], "all", "none", "things"), "a, b");
        assert_eq!(in_short(vec!["a", "b", "c", "d"], "all", "none", "things"), "4 things");
    }
}
