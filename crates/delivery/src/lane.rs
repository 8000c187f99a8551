//! The front of one lane, in memory.

use std::collections::VecDeque;

use workbell_model::{Sequence, Undelivered};
use workbell_wire::Timestamp;

/// Deliveries of one lane that are kept at most. 32: a refill then costs little of each delivery; the design demands
/// the head and 8 behind it.
pub(crate) const DEPTH: usize = 32;

/// With so few left the next ones are read ahead.
pub(crate) const LOW: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// Lowest sequence first; without the one in flight.
    pub(crate) queue: VecDeque<Undelivered>,
    /// An attempt that has no outcome on disk yet.
    pub(crate) in_flight: Option<Sequence>,
    /// Highest sequence that ever stood here.
    pub(crate) tail: Sequence,
    /// The store has more behind `tail`, beyond what a read under way will bring.
    pub(crate) more: bool,
    /// The ticket of the read of this lane that is under way; what comes with another ticket is not for this lane.
    pub(crate) loading: Option<u64>,
    /// What that read brings is out of date: read again, from the front.
    pub(crate) stale: bool,
    /// When one that stands ahead of all here is due, that waits and holds nobody: then it goes first.
    pub(crate) passed_due: Option<Timestamp>,
    /// Stands in the line of those that are ready.
    pub(crate) in_line: bool,
}

impl Lane {
    /// Takes a fresh delivery if it is the next one and there is room.
    pub(crate) fn push_fresh(&mut self, delivery: Undelivered, room: bool) -> bool {
        if delivery.sequence <= self.tail {
            return false;
        }
        if self.more || self.loading.is_some() || !room || self.queue.len() >= DEPTH {
            self.more = true;
            return false;
        }
        self.tail = delivery.sequence;
        self.queue.push_back(delivery);
        true
    }

    /// Whether the store should be read for what comes behind.
    pub(crate) fn wants_more(&self) -> bool {
        self.more && self.loading.is_none() && self.queue.len() < LOW
    }

    /// Whether something of it is here or on its way to here.
    pub(crate) fn goes_on(&self) -> bool {
        !self.queue.is_empty() || self.more || self.loading.is_some() || self.stale
    }

    /// Bytes of the bodies that stand here.
    pub(crate) fn bytes(&self) -> usize {
        self.queue.iter().map(|delivery| delivery.body.len()).sum()
    }

    /// Nothing of it is here, under way or to be read.
    pub(crate) fn is_done(&self) -> bool {
        self.queue.is_empty()
            && self.in_flight.is_none()
            && !self.more
            && self.loading.is_none()
            && !self.stale
    }
}
