//! A job: one act over many deliveries, in steps, that ends once.
//!
//! Source: service.md section 6, Jobs.

use serde::{Deserialize, Serialize};

use crate::delivery::State;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Deliveries become due at once, as if each was retried by hand.
    Retry,
    /// Deliveries leave the queue, as if each was discarded by hand.
    Discard,
    /// Kept notifications are sent once more, in lanes of their own.
    Replay,
    /// All texts of a work order go.
    Erase,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Retry, Kind::Discard, Kind::Replay, Kind::Erase];

    /// The name in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Retry => "Retry",
            Kind::Discard => "Discard",
            Kind::Replay => "Replay",
            Kind::Erase => "Erase",
        }
    }

    /// Whether deliveries in this state are for such a job to act on. Replay and Erase look at notifications, whatever
    /// became of their deliveries.
    pub const fn takes(self, state: State) -> bool {
        match (self, state) {
            (Kind::Retry, State::Pending | State::Retrying | State::Dead | State::Discarded)
            | (Kind::Discard, State::Pending | State::Retrying | State::Dead)
            | (Kind::Replay | Kind::Erase, _) => true,
            (Kind::Retry, State::Delivered) | (Kind::Discard, State::Delivered | State::Discarded) => false,
        }
    }

    /// Whether it acts on deliveries, so that `State` and `Error` of a filter mean something.
    pub const fn is_of_deliveries(self) -> bool {
        matches!(self, Kind::Retry | Kind::Discard)
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JobState {
    /// Under way, also while it waits.
    Running,
    /// Came to its end.
    Finished,
    /// Ended by hand; what was done stays done.
    Cancelled,
}

impl JobState {
    /// The name in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            JobState::Running => "Running",
            JobState::Finished => "Finished",
            JobState::Cancelled => "Cancelled",
        }
    }
}

/// Items per second when nobody says. Source: service.md section 6.
pub const USUAL_RATE: u32 = 50;

/// Most items per second that can be asked for: 100,000, more than a node can write.
pub const HIGHEST_RATE: u32 = 100_000;
