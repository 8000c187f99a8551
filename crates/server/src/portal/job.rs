//! A job as pages show it.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::endpoint_view::text;
use super::endpoints::Endpoints;
use super::moment::Moment;
use super::number::Count;

/// A job as the interface answers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Job {
    pub(super) job_id: String,
    pub(super) kind: String,
    filter: Map<String, Value>,
    pub(super) state: String,
    pub(super) total: Option<u64>,
    done: Count,
    pub(super) skipped: Count,
    pub(super) failed: Count,
    pub(super) created: Moment,
}

/// A part of what a job acts on.
pub(super) struct Part {
    pub(super) text: String,
    /// A moment that belongs to it.
    pub(super) at: Option<Moment>,
}

impl Job {
    pub(super) fn tone(&self) -> &'static str {
        match self.state.as_str() {
            "Running" => "busy",
            "Finished" => "good",
            _ => "off",
        }
    }

    pub(super) fn over(&self) -> Count {
        Count(self.done.0 + self.skipped.0 + self.failed.0)
    }

    pub(super) fn total(&self) -> Count {
        Count(self.total.unwrap_or_default())
    }

    /// What it acts on, in words.
    pub(super) fn scope(&self, endpoints: &Endpoints) -> Vec<Part> {
        let said = |(name, value): (&String, &Value)| {
            let value = text(value);
            let words = |text: String| Some(Part { text, at: None });
            match name.as_str() {
                "CompanyId" => None,
                "EndpointId" => words(format!("to {}", endpoints.name(Some(&value)))),
                "WorkOrderId" => words(format!("work order {value}")),
                "BranchId" => words(format!("branch {value}")),
                "From" => Some(Part { text: "from".to_owned(), at: Some(Moment::of(value)) }),
                "To" => Some(Part { text: "before".to_owned(), at: Some(Moment::of(value)) }),
                _ => words(value),
            }
        };
        let mut parts: Vec<_> =
            self.filter.iter().filter(|(_, value)| !value.is_null()).filter_map(said).collect();
        if parts.is_empty() {
            parts.push(Part { text: "everything".to_owned(), at: None });
        }
        parts
    }
}
