//! Where the probing of an endpoint that is down stands.

use workbell_model::{Sequence, WorkOrderId};
use workbell_store::record::Probe;

/// One probe at a time: looked up in the store, then tried, until its outcome is on disk.
#[derive(Debug, Default)]
pub(crate) enum Prober {
    /// None is under way; the next one has its time.
    #[default]
    Waiting,
    /// The store is asked what to try; what it finds may be out of date already.
    Asking { stale: bool },
    /// This one is to be tried as soon as there is a slot.
    Found(Box<Probe>),
    /// It is tried.
    Trying(WorkOrderId, Sequence),
    /// What was wished by hand for it is being applied instead.
    Settling(WorkOrderId),
    /// Nothing waits; something has to come first.
    Nothing,
}

impl Prober {
    /// What the store found.
    pub(crate) fn found(probe: Option<Probe>) -> Self {
        probe.map_or(Prober::Nothing, |probe| Prober::Found(Box::new(probe)))
    }

    /// Nothing of it is under way.
    pub(crate) fn rests(&self) -> bool {
        match self {
            Prober::Waiting | Prober::Nothing => true,
            Prober::Asking { .. } | Prober::Found(_) | Prober::Trying(..) | Prober::Settling(_) => false,
        }
    }

    /// An outcome is on disk.
    pub(crate) fn completed(&mut self, work_order_id: WorkOrderId, sequence: Sequence) {
        if matches!(self, Prober::Trying(lane, place) if (*lane, *place) == (work_order_id, sequence)) {
            *self = Prober::Waiting;
        }
    }

    /// Something else happened in a lane.
    pub(crate) fn lane_changed(&mut self, work_order_id: WorkOrderId) {
        match self {
            Prober::Nothing => *self = Prober::Waiting,
            Prober::Settling(lane) if *lane == work_order_id => *self = Prober::Waiting,
            // What was found may be out of date.
            Prober::Found(_) => *self = Prober::Waiting,
            Prober::Asking { stale } => *stale = true,
            Prober::Waiting | Prober::Trying(..) | Prober::Settling(_) => {}
        }
    }

    /// Something changed somewhere.
    pub(crate) fn changed(&mut self) {
        match self {
            Prober::Nothing | Prober::Found(_) | Prober::Settling(_) => *self = Prober::Waiting,
            Prober::Asking { stale } => *stale = true,
            Prober::Waiting | Prober::Trying(..) => {}
        }
    }

    /// Something came that waits.
    pub(crate) fn accepted(&mut self) {
        if matches!(self, Prober::Nothing) {
            *self = Prober::Waiting;
        }
    }

    /// The endpoint has another URL: what is tried at the one before is no probe of this one.
    pub(crate) fn leave(&mut self) {
        if matches!(self, Prober::Trying(..)) {
            *self = Prober::Waiting;
        }
    }

    /// The endpoint is not down any more. What is tried goes on.
    pub(crate) fn let_go(&mut self) {
        if !matches!(self, Prober::Trying(..) | Prober::Asking { .. } | Prober::Settling(_)) {
            *self = Prober::Waiting;
        }
    }
}
