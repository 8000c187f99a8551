//! A read of due lanes that is under way, and what became known while it is.

use std::collections::HashMap;

use workbell_model::WorkOrderId;

/// Lanes noted during one read; beyond it the read is made again. 4,096.
const MOST_NOTED: usize = 4096;

#[derive(Debug)]
pub(super) struct Refill {
    ticket: u64,
    meanwhile: HashMap<WorkOrderId, Meanwhile>,
}

/// What became known of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meanwhile {
    /// More stands behind what is read.
    Longer,
    /// What is read is out of date, and the window knows better already.
    Settled,
}

impl Refill {
    pub(super) fn new(ticket: u64) -> Self {
        Refill { ticket, meanwhile: HashMap::new() }
    }

    /// Whether the answer with this ticket is its own.
    pub(super) fn is(&self, ticket: u64) -> bool {
        self.ticket == ticket
    }

    pub(super) fn meanwhile(&self, work_order_id: WorkOrderId) -> Option<Meanwhile> {
        self.meanwhile.get(&work_order_id).copied()
    }

    /// False when there is too much to note.
    pub(super) fn note(&mut self, work_order_id: WorkOrderId, meanwhile: Meanwhile) -> bool {
        let noted = self.meanwhile.entry(work_order_id).or_insert(meanwhile);
        if meanwhile == Meanwhile::Settled {
            *noted = meanwhile;
        }
        self.meanwhile.len() <= MOST_NOTED
    }
}
