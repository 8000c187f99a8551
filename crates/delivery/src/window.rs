//! The window of one endpoint on the store: its due lanes and the front of each.
//!
//! Pure: it is told what happened and answers what to do. Bounded in lanes and bytes; what does not fit is left to the
//! store, and `more` remembers that there is something to come back for.

use std::collections::{HashMap, HashSet, VecDeque};

use workbell_model::{Sequence, State, Undelivered, WorkOrderId};
use workbell_store::record::DueLanes;
use workbell_store::store::Fresh;
use workbell_wire::Timestamp;

use crate::inbox::Completed;
use crate::lane::{DEPTH, Lane};

/// Lanes in the window at most: 256. Far more than attempts at once, and small in memory.
const MOST_LANES: usize = 256;

/// With fewer lanes than this the store is asked for more due ones.
const LOW_LANES: usize = 64;

/// Bytes of bodies in one window: 4 MiB. A single body is at most `limits.body`, so the front of a lane always fits.
const MOST_BYTES: usize = 4 << 20;

/// What the store is to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// So many due lanes.
    DueLanes(usize),
    /// A lane behind this sequence; the answer carries the ticket.
    Lane { work_order_id: WorkOrderId, after: Sequence, ticket: u64 },
}

#[derive(Debug, Default)]
pub(crate) struct Window {
    lanes: HashMap<WorkOrderId, Lane>,
    /// Lanes whose head may be tried, in turn.
    line: VecDeque<WorkOrderId>,
    bytes: usize,
    /// The store may have due lanes that are not here.
    more: bool,
    /// Earliest due time of what is not here, as far as known.
    next_due: Option<Timestamp>,
    refilling: bool,
    /// Lanes of which something became known while a refill was under way: what it says of them is out of date.
    touched: HashSet<WorkOrderId>,
    to_load: Vec<WorkOrderId>,
    last_ticket: u64,
}

impl Window {
    /// An empty one that will read the store.
    pub(crate) fn new() -> Self {
        Window { more: true, ..Window::default() }
    }

    /// A delivery was just created.
    pub(crate) fn fresh(&mut self, fresh: Fresh) {
        let room = self.bytes < MOST_BYTES;
        let work_order_id = fresh.delivery.work_order_id;
        let size = fresh.delivery.body.len();
        if let Some(lane) = self.lanes.get_mut(&work_order_id) {
            if lane.push_fresh(fresh.delivery, room) {
                self.bytes += size;
            }
        } else if fresh.first && room && self.lanes.len() < MOST_LANES {
            let lane =
                Lane { tail: fresh.delivery.sequence, queue: [fresh.delivery].into(), ..Lane::default() };
            self.bytes += size;
            self.lanes.insert(work_order_id, lane);
        } else if fresh.first {
            self.more = true;
        } else {
            // Not here although not empty: it waits in the store, for its time or for room here.
            return;
        }
        self.line_up(work_order_id);
    }

    /// More was accepted than could be handed over: the lanes here may lack some.
    pub(crate) fn overflowed(&mut self) {
        self.more = true;
        for lane in self.lanes.values_mut() {
            lane.more = true;
        }
        self.to_load.extend(self.lanes.keys());
    }

    /// An attempt's outcome is on disk.
    pub(crate) fn completed(&mut self, completed: Completed, now: Timestamp) {
        self.touch(completed.work_order_id);
        let Some(lane) = self.lanes.get_mut(&completed.work_order_id) else {
            if completed.state.is_undelivered() {
                self.wait_until(completed.due);
            }
            return;
        };
        if lane.in_flight == Some(completed.sequence) {
            lane.in_flight = None;
        }
        match completed.state {
            State::Delivered | State::Dead | State::Discarded => self.go_on(completed.work_order_id),
            State::Pending | State::Retrying if completed.due <= now => self.reload(completed.work_order_id),
            State::Pending | State::Retrying => {
                // Strictly in order: the whole lane waits with its head.
                self.forget(completed.work_order_id);
                self.wait_until(completed.due);
            }
        }
    }

    /// Something was changed by hand in a lane.
    pub(crate) fn lane_changed(&mut self, work_order_id: WorkOrderId) {
        self.touch(work_order_id);
        if self.lanes.contains_key(&work_order_id) {
            self.reload(work_order_id);
        } else {
            self.more = true;
        }
    }

    /// Throws all away that is not in flight and reads again.
    pub(crate) fn reload_all(&mut self) {
        let known: Vec<_> = self.lanes.keys().copied().collect();
        for work_order_id in known {
            self.touch(work_order_id);
            self.reload(work_order_id);
        }
        self.more = true;
    }

    /// Throws all away that is not in flight; nothing is read until something happens.
    pub(crate) fn clear(&mut self) {
        self.lanes.retain(|_, lane| lane.in_flight.is_some());
        for lane in self.lanes.values_mut() {
            lane.queue.clear();
            lane.more = false;
            lane.stale = false;
            lane.loading = None;
            lane.in_line = false;
        }
        self.line.clear();
        self.bytes = 0;
        self.more = false;
        self.next_due = None;
        self.to_load.clear();
    }

    /// The next delivery to try; its lane waits until its outcome is on disk.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<Undelivered> {
        while let Some(work_order_id) = self.line.pop_front() {
            let Some(lane) = self.lanes.get_mut(&work_order_id) else { continue };
            lane.in_line = false;
            if lane.in_flight.is_some() || lane.stale {
                continue;
            }
            let Some(head) = lane.queue.pop_front() else { continue };
            self.bytes = self.bytes.saturating_sub(head.body.len());
            if head.due > now {
                let due = head.due;
                self.forget(work_order_id);
                self.wait_until(due);
                continue;
            }
            lane.in_flight = Some(head.sequence);
            if lane.wants_more() {
                self.to_load.push(work_order_id);
            }
            return Some(head);
        }
        None
    }

    /// Lets go of a delivery that [`Window::next`] gave and that is changed by hand instead of being tried. The lane
    /// waits until [`Window::lane_changed`] tells that it was.
    pub(crate) fn settle(&mut self, delivery: &Undelivered) {
        if let Some(lane) = self.lanes.get_mut(&delivery.work_order_id) {
            lane.in_flight = None;
            lane.stale = true;
        }
    }

    pub(crate) fn has_next(&self) -> bool {
        !self.line.is_empty()
    }

    /// What is to be read now.
    pub(crate) fn reads(&mut self, now: Timestamp) -> Vec<Read> {
        let mut reads = Vec::new();
        for work_order_id in std::mem::take(&mut self.to_load) {
            let Some(lane) = self.lanes.get_mut(&work_order_id) else { continue };
            if lane.stale {
                // From the front: also what came since is read.
                self.bytes = self.bytes.saturating_sub(lane.bytes());
                *lane = Lane { in_flight: lane.in_flight, in_line: lane.in_line, ..Lane::default() };
            } else if lane.loading.is_some() || !lane.more {
                continue;
            }
            self.last_ticket += 1;
            lane.loading = Some(self.last_ticket);
            reads.push(Read::Lane { work_order_id, after: lane.tail, ticket: self.last_ticket });
        }
        if self.next_due.is_some_and(|due| due <= now) {
            self.next_due = None;
            self.more = true;
        }
        if self.more && !self.refilling && self.lanes.len() < LOW_LANES {
            self.more = false;
            self.refilling = true;
            self.touched.clear();
            reads.push(Read::DueLanes(self.lanes.len() + LOW_LANES));
        }
        reads
    }

    /// A read of a lane came back.
    pub(crate) fn loaded(&mut self, work_order_id: WorkOrderId, ticket: u64, deliveries: Vec<Undelivered>) {
        let Some(lane) = self.lanes.get_mut(&work_order_id) else { return };
        if lane.loading != Some(ticket) {
            return;
        }
        lane.loading = None;
        lane.more = deliveries.len() >= DEPTH;
        for delivery in deliveries {
            let known = delivery.sequence <= lane.tail || lane.in_flight == Some(delivery.sequence);
            lane.tail = lane.tail.max(delivery.sequence);
            if !known {
                self.bytes += delivery.body.len();
                lane.queue.push_back(delivery);
            }
        }
        self.go_on(work_order_id);
    }

    /// A read of due lanes came back.
    pub(crate) fn refilled(&mut self, due: DueLanes) {
        self.refilling = false;
        self.more |= due.more;
        if let Some(next) = due.next_due {
            self.wait_until(next);
        }
        for found in due.lanes {
            let work_order_id = found.work_order_id;
            if self.touched.contains(&work_order_id) {
                // Read again: it may be due, but what was read of it is out of date.
                self.more |= !self.lanes.contains_key(&work_order_id);
                continue;
            }
            if self.lanes.contains_key(&work_order_id) {
                continue;
            }
            let tail = found.deliveries.last().map_or(0, |last| last.sequence);
            self.bytes += found.deliveries.iter().map(|delivery| delivery.body.len()).sum::<usize>();
            let lane = Lane { queue: found.deliveries.into(), tail, more: found.more, ..Lane::default() };
            self.lanes.insert(work_order_id, lane);
            self.line_up(work_order_id);
        }
        self.touched.clear();
    }

    /// A read failed: it is to be tried again.
    pub(crate) fn read_failed(&mut self, read: Read) {
        match read {
            Read::DueLanes(_) => {
                self.refilling = false;
                self.more = true;
            }
            Read::Lane { work_order_id, ticket, .. } => {
                if let Some(lane) = self.lanes.get_mut(&work_order_id)
                    && lane.loading == Some(ticket)
                {
                    self.reload(work_order_id);
                }
            }
        }
    }

    /// When there may be something to do that nobody will tell.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.next_due
    }

    /// Nothing is here, under way, or to be read.
    pub(crate) fn is_idle(&self) -> bool {
        self.lanes.is_empty() && !self.refilling && !self.more
    }

    fn touch(&mut self, work_order_id: WorkOrderId) {
        if self.refilling {
            self.touched.insert(work_order_id);
        }
    }

    fn wait_until(&mut self, due: Timestamp) {
        self.next_due = Some(self.next_due.map_or(due, |known| known.min(due)));
    }

    /// After a change of a lane: it goes on, is read on, or is let go.
    fn go_on(&mut self, work_order_id: WorkOrderId) {
        let Some(lane) = self.lanes.get(&work_order_id) else { return };
        if lane.wants_more() || lane.stale {
            self.to_load.push(work_order_id);
        }
        if lane.is_done() && !lane.stale {
            self.lanes.remove(&work_order_id);
        } else {
            self.line_up(work_order_id);
        }
    }

    fn line_up(&mut self, work_order_id: WorkOrderId) {
        if let Some(lane) = self.lanes.get_mut(&work_order_id)
            && !lane.in_line
            && !lane.stale
            && lane.in_flight.is_none()
            && !lane.queue.is_empty()
        {
            lane.in_line = true;
            self.line.push_back(work_order_id);
        }
    }

    /// What is known of a lane is out of date: it is read again from its front.
    fn reload(&mut self, work_order_id: WorkOrderId) {
        let Some(lane) = self.lanes.get_mut(&work_order_id) else { return };
        self.bytes = self.bytes.saturating_sub(lane.bytes());
        lane.queue.clear();
        lane.stale = true;
        self.to_load.push(work_order_id);
    }

    fn forget(&mut self, work_order_id: WorkOrderId) {
        if let Some(lane) = self.lanes.remove(&work_order_id) {
            self.bytes = self.bytes.saturating_sub(lane.bytes());
        }
    }
}
