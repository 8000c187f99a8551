//! What an endpoint's task is told by the store's writer: taken as a whole, so that order is kept and a wake-up can
//! serve many events.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use workbell_model::{Sequence, State, WorkOrderId};
use workbell_store::store::Fresh;
use workbell_wire::Timestamp;

/// Fresh deliveries that wait here at most; what exceeds it is read from the store. 1,024, as much as a window holds.
const MOST_FRESH: usize = 1024;

/// Changed lanes that are remembered one by one; beyond it the whole window is read again. 1,024.
const MOST_CHANGED: usize = 1024;

/// The outcome of an attempt is on disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Completed {
    pub(crate) work_order_id: WorkOrderId,
    pub(crate) sequence: Sequence,
    pub(crate) state: State,
    pub(crate) due: Timestamp,
}

/// All that came since the last look. To be worked off in the order of the fields.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// In the order of acceptance.
    pub(crate) fresh: Vec<Fresh>,
    /// More was accepted than fits here.
    pub(crate) overflowed: bool,
    /// At most as many as attempts were in flight.
    pub(crate) completed: Vec<Completed>,
    pub(crate) changed_lanes: Vec<WorkOrderId>,
    /// More lanes changed than fit here.
    pub(crate) all_changed: bool,
    /// The endpoint itself is another one.
    pub(crate) endpoint_changed: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    events: Mutex<Events>,
    notify: Notify,
}

impl Inbox {
    pub(crate) fn push_fresh(&self, fresh: Fresh) {
        self.with(|events| {
            if events.fresh.len() < MOST_FRESH {
                events.fresh.push(fresh);
            } else {
                events.overflowed = true;
            }
        });
    }

    pub(crate) fn push_completed(&self, completed: Completed) {
        self.with(|events| events.completed.push(completed));
    }

    pub(crate) fn push_changed_lane(&self, work_order_id: WorkOrderId) {
        self.with(|events| {
            if events.changed_lanes.len() < MOST_CHANGED {
                events.changed_lanes.push(work_order_id);
            } else {
                events.all_changed = true;
            }
        });
    }

    pub(crate) fn push_endpoint_changed(&self) {
        self.with(|events| events.endpoint_changed = true);
    }

    /// Wakes the task although nothing came.
    pub(crate) fn wake(&self) {
        self.notify.notify_one();
    }

    pub(crate) fn take(&self) -> Events {
        std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn is_empty(&self) -> bool {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.fresh.is_empty()
            && !events.overflowed
            && events.completed.is_empty()
            && events.changed_lanes.is_empty()
            && !events.all_changed
            && !events.endpoint_changed
    }

    /// Waits until something came.
    ///
    /// # Cancel safety
    /// A wake-up is not lost.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }

    fn with(&self, change: impl FnOnce(&mut Events)) {
        change(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner));
        self.notify.notify_one();
    }
}
