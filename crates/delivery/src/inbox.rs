//! What an endpoint's task is told by the store's writer: taken as a whole, so that order is kept and a wake-up can
//! serve many events.

use std::sync::{Mutex, MutexGuard, PoisonError};

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
    /// When a head of the lane may be tried next; `None` when nothing waits in it.
    pub(crate) due: Option<Timestamp>,
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
    /// It was down and answers again: what waits is due at once.
    pub(crate) reopened: bool,
}

/// Nobody reads this inbox any more: the endpoint has another one by now, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed;

impl Events {
    fn is_empty(&self) -> bool {
        self.fresh.is_empty()
            && !self.overflowed
            && self.completed.is_empty()
            && self.changed_lanes.is_empty()
            && !self.all_changed
            && !self.endpoint_changed
            && !self.reopened
    }
}

#[derive(Debug)]
pub(crate) struct Inbox {
    /// `None` once its task has ended.
    events: Mutex<Option<Events>>,
    notify: Notify,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Inbox { events: Mutex::new(Some(Events::default())), notify: Notify::new() }
    }

    /// Gives the delivery back when nobody reads this inbox any more.
    pub(crate) fn push_fresh(&self, fresh: Fresh) -> Option<Fresh> {
        let mut events = self.lock();
        let Some(events) = events.as_mut() else { return Some(fresh) };
        if events.fresh.len() < MOST_FRESH {
            events.fresh.push(fresh);
        } else {
            events.overflowed = true;
        }
        self.notify.notify_one();
        None
    }

    pub(crate) fn push_completed(&self, completed: Completed) -> Result<(), Closed> {
        self.push(|events| events.completed.push(completed))
    }

    pub(crate) fn push_changed_lane(&self, work_order_id: WorkOrderId) -> Result<(), Closed> {
        self.push(|events| {
            if events.changed_lanes.len() < MOST_CHANGED {
                events.changed_lanes.push(work_order_id);
            } else {
                events.all_changed = true;
            }
        })
    }

    pub(crate) fn push_endpoint_changed(&self) -> Result<(), Closed> {
        self.push(|events| events.endpoint_changed = true)
    }

    pub(crate) fn push_reopened(&self) -> Result<(), Closed> {
        self.push(|events| events.reopened = true)
    }

    /// All is to be read again.
    pub(crate) fn push_all_changed(&self) {
        // One that is closed reads all when it is opened again.
        let _closed = self.push(|events| events.all_changed = true);
    }

    /// Wakes the task although nothing came.
    pub(crate) fn wake(&self) {
        self.notify.notify_one();
    }

    pub(crate) fn take(&self) -> Events {
        self.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Closes it if nothing is in it; true when it is closed.
    pub(crate) fn close(&self) -> bool {
        let mut events = self.lock();
        if events.as_ref().is_some_and(Events::is_empty) {
            *events = None;
        }
        events.is_none()
    }

    /// Waits until something came.
    ///
    /// # Cancel safety
    /// A wake-up is not lost.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }

    fn push(&self, change: impl FnOnce(&mut Events)) -> Result<(), Closed> {
        change(self.lock().as_mut().ok_or(Closed)?);
        self.notify.notify_one();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Events>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_before_it_closes_keeps_it_open_and_what_comes_after_is_refused() {
        let inbox = Inbox::new();
        inbox.push_changed_lane(42).unwrap();
        assert!(!inbox.close(), "there is something to do");
        inbox.woken().await;
        assert_eq!(inbox.take().changed_lanes, [42]);
        assert!(inbox.close());
        inbox.push_changed_lane(42).unwrap_err();
        inbox.push_endpoint_changed().unwrap_err();
        let completed = Completed { work_order_id: 42, sequence: 1, state: State::Delivered, due: None };
        inbox.push_completed(completed).unwrap_err();
        assert!(inbox.close(), "once and for all");
    }

    #[test]
    fn a_flood_of_changes_is_remembered_as_one() {
        let inbox = Inbox::new();
        (0..5000).for_each(|id| inbox.push_changed_lane(id).unwrap());
        let events = inbox.take();
        assert_eq!(events.changed_lanes.len(), MOST_CHANGED);
        assert!(events.all_changed);
        assert!(inbox.take().is_empty());
    }
}
