//! A notification as Workbell keeps it: accepted once, its bytes never change.

use serde::{Deserialize, Serialize};

/// What acceptance made of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// There are deliveries.
    Queued,
    /// The echo rule: the company's own client did it.
    Suppressed,
    /// No endpoint wants it.
    NoEndpoint,
}

impl Fate {
    /// The name in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Fate::Queued => "Queued",
            Fate::Suppressed => "Suppressed",
            Fate::NoEndpoint => "NoEndpoint",
        }
    }
}
