//! The window of one endpoint on the store: its due lanes and the front of each.
//!
//! Pure: it is told what happened and answers what to do. Bounded in lanes and bytes; what does not fit is left to the
//! store, and `more` remembers that there is something to come back for.
//!
//! What a read brings was true at some moment between its start and its end. Whatever is told meanwhile makes it out
//! of date: of a lane, then its ticket is withdrawn or more is known to stand behind it; of due lanes, then the lane
//! is noted in [`Refill`]. So nothing that was told once is lost or undone by a read that comes late.

mod refill;

use std::collections::{HashMap, VecDeque};

use workbell_model::{Sequence, State, Undelivered, WorkOrderId};
use workbell_store::record::{DueLanes, Front, LaneWindow};
use workbell_store::store::Fresh;
use workbell_wire::Timestamp;

use crate::inbox::Completed;
use crate::lane::{DEPTH, Lane};
use refill::{Meanwhile, Refill};

/// Lanes in the window at most: 256. Far more than attempts at once, and small in memory.
const MOST_LANES: usize = 256;

/// With fewer lanes than this the store is asked for more due ones.
const LOW_LANES: usize = 64;

/// So many attempts after the last look for due lanes the store is asked again even if there are enough, so that
/// retries have their turn while fresh deliveries keep the window full.
const TURN: usize = 256;

/// Deliveries behind each due head that are read with it. 8, as the design demands.
const BEHIND: usize = 8;

/// Bytes of bodies in one window: 4 MiB. Heads are let in beyond that, so that lanes do not wait for each other.
const MOST_BYTES: usize = 4 << 20;

/// Bytes of a body before one was read: 16 KiB, large for a notification, so that a first read brings rather little.
const USUAL_BYTES: usize = 16 << 10;

/// What the store is to be asked for. The answer carries the ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// So many due lanes beside those that are [`Window::known`], with so many deliveries behind each head.
    DueLanes { lanes: usize, behind: usize, ticket: u64 },
    /// So many deliveries of a lane, behind this sequence.
    Lane { work_order_id: WorkOrderId, after: Sequence, limit: usize, ticket: u64 },
}

#[derive(Debug)]
pub(crate) struct Window {
    lanes: HashMap<WorkOrderId, Lane>,
    /// Lanes whose head may be tried, in turn.
    line: VecDeque<WorkOrderId>,
    /// Of the bodies that stand here; without those in flight.
    bytes: usize,
    /// The store may have due lanes that are not here.
    more: bool,
    /// Earliest due time of what is not here, as far as known.
    next_due: Option<Timestamp>,
    refill: Option<Refill>,
    to_load: Vec<WorkOrderId>,
    last_ticket: u64,
    /// Deliveries given out since due lanes were last read.
    given: usize,
    /// Bytes of a body as the last read had them, on average.
    usual_bytes: usize,
}

impl Window {
    /// An empty one that will read the store.
    pub(crate) fn new() -> Self {
        Window {
            lanes: HashMap::new(),
            line: VecDeque::new(),
            bytes: 0,
            more: true,
            next_due: None,
            refill: None,
            to_load: Vec::new(),
            last_ticket: 0,
            given: 0,
            usual_bytes: USUAL_BYTES,
        }
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
            self.line_up(work_order_id);
        } else if !fresh.first {
            // Not here although not empty: it waits in the store, for its time or for room here.
            self.note(work_order_id, Meanwhile::Longer);
        } else if room && self.lanes.len() < MOST_LANES {
            let lane =
                Lane { tail: fresh.delivery.sequence, queue: [fresh.delivery].into(), ..Lane::default() };
            self.bytes += size;
            self.lanes.insert(work_order_id, lane);
            self.line_up(work_order_id);
        } else {
            self.more = true;
        }
    }

    /// More was accepted than could be handed over: the lanes here may lack some.
    pub(crate) fn overflowed(&mut self) {
        self.refill = None;
        self.more = true;
        for (work_order_id, lane) in &mut self.lanes {
            lane.more = true;
            self.to_load.push(*work_order_id);
        }
    }

    /// An attempt's outcome is on disk.
    pub(crate) fn completed(&mut self, completed: Completed, now: Timestamp) {
        let work_order_id = completed.work_order_id;
        self.note(work_order_id, Meanwhile::Settled);
        let Some(lane) = self.lanes.get_mut(&work_order_id) else {
            if let Some(due) = completed.due {
                self.wait_until(due);
            }
            return;
        };
        if lane.in_flight == Some(completed.sequence) {
            lane.in_flight = None;
        }
        // A read from the front that began before this outcome may bring the delivery as it was.
        lane.stale |= lane.loading.is_some() && lane.tail < completed.sequence;
        let goes_on = lane.goes_on();
        match (completed.state, completed.due) {
            (State::Delivered | State::Dead | State::Discarded, None) => self.go_on(work_order_id),
            // What stands here is the next in the line.
            (State::Delivered | State::Dead | State::Discarded, Some(_)) if goes_on => {
                self.go_on(work_order_id);
            }
            (_, Some(due)) if due > now => {
                // The whole lane waits: for its head, or for the end of its hold.
                self.forget(work_order_id);
                self.wait_until(due);
            }
            // Which one is next, the store knows.
            (_, Some(_) | None) => self.reload(work_order_id),
        }
    }

    /// Something was changed by hand in a lane.
    pub(crate) fn lane_changed(&mut self, work_order_id: WorkOrderId) {
        self.note(work_order_id, Meanwhile::Settled);
        if !self.lanes.contains_key(&work_order_id) {
            if self.lanes.len() >= MOST_LANES {
                self.more = true;
                return;
            }
            self.lanes.insert(work_order_id, Lane::default());
        }
        self.reload(work_order_id);
    }

    /// Throws all away that is not in flight and reads again.
    pub(crate) fn reload_all(&mut self) {
        self.refill = None;
        self.more = true;
        let known: Vec<_> = self.lanes.keys().copied().collect();
        for work_order_id in known {
            self.reload(work_order_id);
        }
    }

    /// Throws all away that is not in flight; nothing is read until something happens.
    pub(crate) fn clear(&mut self) {
        self.lanes.retain(|_, lane| lane.in_flight.is_some());
        for lane in self.lanes.values_mut() {
            // What stands behind it waits in the store, and goes before what comes from now on.
            *lane = Lane { in_flight: lane.in_flight, tail: lane.tail, more: true, ..Lane::default() };
        }
        self.line.clear();
        self.bytes = 0;
        self.more = false;
        self.next_due = None;
        self.refill = None;
        self.to_load.clear();
    }

    /// The next delivery to try; its lane waits until its outcome is on disk.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<Undelivered> {
        let work_order_id = self.front(now)?;
        self.line.pop_front();
        let lane = self.lanes.get_mut(&work_order_id)?;
        let head = lane.queue.pop_front()?;
        lane.in_line = false;
        lane.in_flight = Some(head.sequence);
        self.bytes = self.bytes.saturating_sub(head.body.len());
        self.given += 1;
        if lane.wants_more() {
            self.to_load.push(work_order_id);
        }
        Some(head)
    }

    /// Lets go of a delivery that [`Window::next`] gave and that is changed by hand instead of being tried. The lane
    /// waits until [`Window::lane_changed`] tells that it was.
    pub(crate) fn settle(&mut self, delivery: &Undelivered) {
        if let Some(lane) = self.lanes.get_mut(&delivery.work_order_id) {
            lane.in_flight = None;
            lane.stale = true;
        }
    }

    /// An attempt of a delivery starts that was not taken from here.
    pub(crate) fn began(&mut self, delivery: &Undelivered) {
        let lane = self.lanes.entry(delivery.work_order_id).or_default();
        lane.in_flight = Some(delivery.sequence);
        lane.more = true;
    }

    /// The lanes that are here: due in the store too, most of them.
    pub(crate) fn known(&self) -> Vec<WorkOrderId> {
        self.lanes.keys().copied().collect()
    }

    /// Work orders with an attempt whose outcome is not on disk yet.
    pub(crate) fn in_flight(&self) -> impl Iterator<Item = WorkOrderId> {
        self.lanes.iter().filter(|(_, lane)| lane.in_flight.is_some()).map(|(id, _)| *id)
    }

    /// Whether [`Window::next`] has something to give.
    pub(crate) fn has_next(&mut self, now: Timestamp) -> bool {
        self.front(now).is_some()
    }

    /// What is to be read now.
    pub(crate) fn reads(&mut self, now: Timestamp) -> Vec<Read> {
        let mut reads = Vec::new();
        for work_order_id in std::mem::take(&mut self.to_load) {
            reads.extend(self.load(work_order_id));
        }
        if self.next_due.is_some_and(|due| due <= now) {
            self.next_due = None;
            self.more = true;
        }
        let low = self.lanes.len() < LOW_LANES || (self.given >= TURN && self.lanes.len() < MOST_LANES);
        if self.more && low && self.refill.is_none() {
            self.more = false;
            self.given = 0;
            let ticket = self.ticket();
            self.refill = Some(Refill::new(ticket));
            let lanes = (self.affordable() / (1 + BEHIND)).clamp(1, LOW_LANES);
            reads.push(Read::DueLanes { lanes, behind: BEHIND, ticket });
        }
        reads
    }

    /// A read of a lane came back.
    pub(crate) fn loaded(&mut self, work_order_id: WorkOrderId, ticket: u64, front: Front) {
        self.learn_usual_bytes(&front.deliveries);
        let Some(lane) = self.lanes.get_mut(&work_order_id) else { return };
        if lane.loading != Some(ticket) {
            return;
        }
        lane.loading = None;
        lane.more |= front.more;
        lane.passed_due = lane.passed_due.or(front.passed_due);
        for delivery in front.deliveries {
            let known = delivery.sequence <= lane.tail || lane.in_flight == Some(delivery.sequence);
            if !known && self.bytes >= MOST_BYTES && !lane.queue.is_empty() {
                lane.more = true;
                break;
            }
            lane.tail = lane.tail.max(delivery.sequence);
            if !known {
                self.bytes += delivery.body.len();
                lane.queue.push_back(delivery);
            }
        }
        if let Some(next) = front.next_due {
            self.wait_until(next);
        }
        self.go_on(work_order_id);
    }

    /// A read of due lanes came back.
    pub(crate) fn refilled(&mut self, ticket: u64, due: DueLanes) {
        let Some(refill) = self.refill.take_if(|refill| refill.is(ticket)) else { return };
        self.more |= due.more;
        if let Some(next) = due.next_due {
            self.wait_until(next);
        }
        for found in due.lanes {
            self.learn_usual_bytes(&found.deliveries);
            let meanwhile = refill.meanwhile(found.work_order_id);
            if meanwhile == Some(Meanwhile::Settled) || self.lanes.contains_key(&found.work_order_id) {
                continue;
            }
            if self.lanes.len() >= MOST_LANES {
                self.more = true;
                break;
            }
            self.let_in(found, meanwhile == Some(Meanwhile::Longer));
        }
    }

    /// A read failed: it is to be tried again.
    pub(crate) fn read_failed(&mut self, read: Read) {
        match read {
            Read::DueLanes { ticket, .. } => {
                if self.refill.take_if(|refill| refill.is(ticket)).is_some() {
                    self.more = true;
                }
            }
            Read::Lane { work_order_id, ticket, .. } => {
                if self.lanes.get(&work_order_id).is_some_and(|lane| lane.loading == Some(ticket)) {
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
        self.lanes.is_empty() && self.refill.is_none() && !self.more
    }

    /// The lane whose turn it is; what stands in line without reason is taken out.
    fn front(&mut self, now: Timestamp) -> Option<WorkOrderId> {
        while let Some(work_order_id) = self.line.front().copied() {
            if let Some(lane) = self.lanes.get_mut(&work_order_id) {
                match lane.queue.front() {
                    Some(_) if lane.in_flight.is_some() || lane.stale => lane.in_line = false,
                    Some(_) if lane.passed_due.is_some_and(|due| due <= now) => {
                        lane.in_line = false;
                        self.reload(work_order_id);
                    }
                    // A wish that came too late for its attempt is applied now.
                    Some(head) if head.due <= now || head.wish.is_some() => return Some(work_order_id),
                    // Those behind it may be tried if its hold is over, which the store knows.
                    Some(_) => {
                        lane.in_line = false;
                        self.reload(work_order_id);
                    }
                    None => lane.in_line = false,
                }
            }
            self.line.pop_front();
        }
        None
    }

    /// How a lane is read on, if it is to be.
    fn load(&mut self, work_order_id: WorkOrderId) -> Option<Read> {
        let limit = self.affordable().clamp(2, DEPTH);
        let ticket = self.ticket();
        let lane = self.lanes.get_mut(&work_order_id)?;
        if lane.stale {
            // From the front: also what came since is read.
            self.bytes = self.bytes.saturating_sub(lane.bytes());
            *lane = Lane { in_flight: lane.in_flight, in_line: lane.in_line, ..Lane::default() };
        } else if !lane.wants_more() {
            return None;
        }
        lane.more = false;
        lane.loading = Some(ticket);
        Some(Read::Lane { work_order_id, after: lane.tail, limit, ticket })
    }

    fn let_in(&mut self, found: LaneWindow, longer: bool) {
        let work_order_id = found.work_order_id;
        let mut lane = Lane { more: found.more || longer, passed_due: found.passed_due, ..Lane::default() };
        for delivery in found.deliveries {
            if self.bytes >= MOST_BYTES && !lane.queue.is_empty() {
                lane.more = true;
                break;
            }
            self.bytes += delivery.body.len();
            lane.tail = delivery.sequence;
            lane.queue.push_back(delivery);
        }
        self.lanes.insert(work_order_id, lane);
        self.go_on(work_order_id);
    }

    /// Deliveries that may still come in, as far as the size of the last ones tells.
    fn affordable(&self) -> usize {
        MOST_BYTES.saturating_sub(self.bytes) / self.usual_bytes.max(1)
    }

    fn learn_usual_bytes(&mut self, deliveries: &[Undelivered]) {
        let bytes: usize = deliveries.iter().map(|delivery| delivery.body.len()).sum();
        if let Some(mean) = bytes.checked_div(deliveries.len()) {
            self.usual_bytes = mean;
        }
    }

    fn ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }

    fn note(&mut self, work_order_id: WorkOrderId, meanwhile: Meanwhile) {
        if let Some(refill) = &mut self.refill
            && !refill.note(work_order_id, meanwhile)
        {
            self.refill = None;
            self.more = true;
        }
    }

    fn wait_until(&mut self, due: Timestamp) {
        self.next_due = Some(self.next_due.map_or(due, |known| known.min(due)));
    }

    /// After a change of a lane: it goes on, is read on, or is let go.
    fn go_on(&mut self, work_order_id: WorkOrderId) {
        let Some(lane) = self.lanes.get(&work_order_id) else { return };
        if lane.stale || lane.wants_more() {
            self.to_load.push(work_order_id);
        }
        if lane.is_done() {
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

#[cfg(test)]
mod tests;
