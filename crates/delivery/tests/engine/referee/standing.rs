//! What follows for an endpoint.

use std::time::Duration;

use workbell_model::attempt::Failure;
use workbell_model::{Defaults, WorkOrderId};
use workbell_store::record::EndpointChange;
use workbell_wire::Timestamp;

use super::Place;

const FIRST_PROBE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug)]
pub(super) struct Down {
    probes: u32,
    pub(super) next: Timestamp,
    pub(super) asked: Option<WorkOrderId>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// As it was before the last that happened to it, and when: what begins in that moment may not know of it.
    pub(super) before: Option<(Timestamp, Box<Standing>)>,
    /// Paused or off.
    pub(super) is_shut: bool,
    pub(super) down: Option<Down>,
    /// Until when, and the last wait that was not asked for, in seconds.
    pub(super) throttle: Option<(Timestamp, u64)>,
    pub(super) slots: Option<u16>,
    pub(super) row: u32,
    pub(super) consecutive: u32,
    /// Commits: of its last success, its last reopening, the last change or resumption, the last change.
    pub(super) last_success: u64,
    pub(super) reopened: u64,
    pub(super) lifted: u64,
    pub(super) anew: u64,
    /// The probe that is under way.
    pub(super) probing: Option<Place>,
    pub(super) last_start: Option<Timestamp>,
    /// When something last changed of it.
    pub(super) since: Option<Timestamp>,
    /// Stretches in which it was not open.
    stretches: Vec<(Timestamp, Option<Timestamp>)>,
}

impl Standing {
    pub(super) fn throttled(&self, now: Timestamp) -> bool {
        self.throttle.is_some_and(|(until, _)| until > now)
    }

    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        self.down.is_none() && !self.is_shut && !self.throttled(now)
    }

    pub(super) fn success(&mut self, _order: WorkOrderId, at: Timestamp, commit: u64, most_slots: u16) {
        self.remember(at);
        self.last_success = commit;
        (self.row, self.consecutive) = (0, 0);
        self.throttle = self.throttle.filter(|(until, _)| *until > at);
        if self.down.take().is_some() {
            (self.slots, self.reopened) = (Some(1), commit);
        } else if let Some(slots) = self.slots {
            self.slots = (slots * 2 < most_slots).then_some(slots * 2);
        }
        self.note(at);
    }

    pub(super) fn failure(
        &mut self,
        failure: Failure,
        own: bool,
        probe: bool,
        order: WorkOrderId,
        at: Timestamp,
        rules: &Defaults,
    ) {
        self.remember(at);
        self.consecutive += 1;
        let counts = !own && !failure.is_throttle();
        match &mut self.down {
            Some(down) if probe => {
                down.probes += 1;
                down.asked = down.asked.filter(|asked| *asked != order);
                let wait = (FIRST_PROBE * (1 << down.probes.min(10))).min(rules.probe_interval);
                down.next = if down.asked.is_some() { at } else { at.plus(wait) };
            }
            None if counts => {
                self.row += 1;
                if rules.down_after > 0 && (self.row >= rules.down_after || self.slots.is_some()) {
                    let next = at.plus(FIRST_PROBE.min(rules.probe_interval));
                    self.down = Some(Down { probes: 0, next, asked: None });
                    self.slots = None;
                }
            }
            Some(_) | None => {}
        }
        if let Some(asked) = failure.throttles() {
            let (before, step) = self.throttle.unwrap_or((at, 0));
            let longer = asked.is_none() && (before <= at || step == 0);
            let step = if longer { (step * 2).clamp(1, 60) } else { step };
            self.throttle = Some((before.max(at.plus(asked.unwrap_or(Duration::from_secs(step)))), step));
        }
        self.note(at);
    }

    fn remember(&mut self, now: Timestamp) {
        let before = Standing { before: None, ..self.clone() };
        self.before = Some((now, Box::new(before)));
    }

    pub(super) fn changed(&mut self, change: EndpointChange, shut: bool, now: Timestamp, commit: u64) {
        self.remember(now);
        self.is_shut = shut;
        if matches!(change, EndpointChange::Reopened | EndpointChange::Resumed) {
            (self.down, self.throttle, self.probing) = (None, None, None);
            (self.row, self.slots) = (0, Some(1));
            (self.reopened, self.lifted) = (commit, commit);
        }
        if change == EndpointChange::Reopened {
            self.anew = commit;
        }
        self.note(now);
    }

    pub(super) fn retried(&mut self, order: WorkOrderId, is_head: bool, at: Timestamp) {
        self.remember(at);
        self.throttle = None;
        if let Some(down) = &mut self.down
            && is_head
        {
            (down.next, down.asked) = (at, Some(order));
        }
        self.note(at);
    }

    /// Notes whether it is open from `now` on; a throttle's end is known beforehand.
    fn note(&mut self, now: Timestamp) {
        self.since = Some(now);
        if let Some((_, end)) = self.stretches.last_mut()
            && end.is_none_or(|end| end > now)
        {
            *end = Some(now);
        }
        if self.down.is_some() || self.is_shut {
            self.stretches.push((now, None));
        } else if let Some((until, _)) = self.throttle.filter(|(until, _)| *until > now) {
            self.stretches.push((now, Some(until)));
        }
    }

    /// Open time between two moments.
    pub(super) fn open_between(&self, from: Timestamp, to: Timestamp) -> Duration {
        let mut open = to.since(from);
        let mut covered = from;
        for (begin, end) in &self.stretches {
            let (begin, end) = ((*begin).max(covered), end.unwrap_or(to).min(to));
            if end > begin {
                open = open.saturating_sub(end.since(begin));
                covered = end;
            }
        }
        open
    }
}
