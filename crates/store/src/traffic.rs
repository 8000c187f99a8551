//! What an endpoint's attempts came to, and what waits there.

use std::time::Duration;

use workbell_model::Latencies;
use workbell_wire::Timestamp;

/// A minute: what traffic is counted by.
pub const MINUTE: Duration = Duration::from_secs(60);

/// A span of time in steps of whole minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it begins; the minute in which this lies belongs to it.
    pub from: Timestamp,
    /// Where it ends; the minute in which this lies belongs to it unless it begins there.
    pub to: Timestamp,
    /// Minutes of one step; at least 1. Steps begin at multiples of it since 1970.
    pub step: u32,
}

/// What attempts that began within a step came to. Samples and interrupted attempts do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// When the step begins.
    pub start: Timestamp,
    /// Attempts that delivered.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Those of the failed ones that were answered.
    pub answered: u64,
    /// How long the attempts took that delivered.
    pub latencies: Latencies,
}

/// What waits at an endpoint, and how its last attempts ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Undelivered deliveries.
    pub waiting: u64,
    /// When the oldest of them was accepted.
    pub oldest: Option<Timestamp>,
    /// Failed attempts since the last one that delivered, whether or not the log has them still. Samples, interrupted
    /// ones, and those that began before a change of the request or target do not count.
    pub consecutive_failures: u32,
}

/// Most deliveries of a state that are counted: 10,000. More take no longer to count, and nobody looks through them.
pub const MOST_TALLIED: u64 = 10_000;

/// How many deliveries of a company stand in which state, each at most [`MOST_TALLIED`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Undelivered ones, replays included.
    pub undelivered: u64,
    /// Those of them that were tried.
    pub retrying: u64,
    /// Dead ones.
    pub dead: u64,
    /// Discarded ones.
    pub discarded: u64,
}

/// The undelivered deliveries of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// How many.
    pub waiting: u64,
    /// When the oldest of them was accepted.
    pub oldest: Option<Timestamp>,
}

impl Traffic {
    /// Nothing, of a step that begins then.
    pub fn none(start: Timestamp) -> Self {
        Traffic { start, delivered: 0, failed: 0, answered: 0, latencies: Latencies::default() }
    }

    /// Adds what another one has counted.
    pub fn merge(&mut self, other: &Traffic) {
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.answered += other.answered;
        self.latencies.merge(&other.latencies);
    }
}
