//! The state of an endpoint as a whole: whether it is down, throttled or reopening, and the marks that spare its
//! deliveries an update each. Pure: time is an argument, every transition has a name.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use workbell_wire::Timestamp;

use crate::attempt::{Failure, LONGEST_RETRY_AFTER, Outcome};
use crate::hold::Failures;
use crate::id::WorkOrderId;
use crate::standing_clock::StandingClock;

/// First wait of an endpoint that throttles without saying for how long. 1 s, doubled each time.
pub const FIRST_THROTTLE: Duration = Duration::from_secs(1);

/// Longest such wait. 60 s.
pub const LONGEST_THROTTLE: Duration = Duration::from_secs(60);

/// Wait before the first probe of an endpoint that went down. 5 s, doubled each time up to `delivery.probe_interval`.
pub const FIRST_PROBE: Duration = Duration::from_secs(5);

/// What may be written of an endpoint while its times are looked at. 1 s: that is no reason to take them for wrong.
const MEANWHILE: Duration = Duration::from_secs(1);

/// An endpoint that is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Down {
    /// Since when, in ticks.
    since: i64,
    /// Probes that failed.
    probes: u32,
    /// When the next one starts, in ticks.
    next: i64,
    /// The last head that was tried in order of due time.
    pub cursor: Option<Cursor>,
    /// The work order whose head was retried by hand: the next probe.
    pub asked: Option<WorkOrderId>,
}

impl Down {
    /// Since when.
    pub fn since(&self) -> Timestamp {
        Timestamp::from_ticks(self.since)
    }

    /// When the next probe starts.
    pub fn next(&self) -> Timestamp {
        Timestamp::from_ticks(self.next)
    }

    /// Which head is to be tried: by turns the next one in order of due time, and that of the lane that accepted last.
    pub fn turn(&self, last_lane: Option<WorkOrderId>) -> Turn {
        match (self.asked, last_lane) {
            (Some(asked), _) => Turn::Lane(asked),
            (None, Some(last)) if self.probes % 2 == 1 => Turn::Lane(last),
            (None, Some(_) | None) => Turn::InOrder(self.cursor),
        }
    }
}

/// A place in the order of due time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cursor {
    /// The mark under which the lane's due time was written: older ones are due first.
    pub mark: u64,
    /// The lane's due time, in ticks.
    pub due: i64,
    /// Whose lane.
    pub work_order_id: WorkOrderId,
}

/// Whose head a probe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The one after this place in order of due time; from the front again at the end.
    InOrder(Option<Cursor>),
    /// That of this work order, or the next in order if nothing waits there.
    Lane(WorkOrderId),
}

/// An endpoint that asked for a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Throttle {
    /// In ticks.
    until: i64,
    /// The last wait that was ours, in seconds.
    step: u64,
}

/// The state of an endpoint as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// Counted failures since the last success or reopening.
    pub failures: u32,
    /// It is down.
    pub down: Option<Down>,
    /// It was reopened and is given so many slots; `None` when that is over.
    pub reopening: Option<u16>,
    throttle: Option<Throttle>,
    /// Attempts that failed since its last success, whatever they say of it.
    consecutive: u32,
    /// Successes that followed a failure. Whatever failed in an earlier epoch failed before the last success.
    pub epoch: u64,
    /// Its last success, in ticks, as of the last time anything here was written.
    last_success: Option<i64>,
    /// Whose lane that was.
    pub last_lane: Option<WorkOrderId>,
    /// In ticks.
    last_reopening: Option<i64>,
    /// Time in which it is open: not down, throttled, paused or off.
    pub open: StandingClock,
    /// Time in which it is neither paused nor off.
    pub age: StandingClock,
    /// Grows with each reopening, each change and each shorter hold limit. Lanes of which the due time was written under
    /// an older one are looked at again.
    pub mark: u64,
    /// The mark of the last reopening, change or resumption. What became due under an older one is due at once.
    pub reopened: u64,
    /// The mark of the last change or resumption, which lifts own failures too.
    pub lifted: u64,
    /// The mark of the last change of request or target, which starts holds anew.
    pub anew: u64,
}

/// What somebody did to the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Its request or target is another one.
    Changed,
    /// It was resumed or switched on.
    Resumed,
    /// Its hold limit is a shorter one: holds may be over.
    ShorterHold,
    /// Something else about it changed.
    Adjusted,
}

/// The numbers that decide what an attempt does to its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// `delivery.down_after`; 0 is never.
    pub down_after: u32,
    /// `delivery.probe_interval`.
    pub probe_interval: Duration,
    /// The endpoint's `MaxConcurrency`.
    pub most_slots: u16,
    /// A `410 Gone` pauses the endpoint.
    pub pauses_at_410: bool,
}

/// What became of an endpoint with an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// Nothing.
    Unchanged,
    /// A success after failures.
    Recovered,
    /// A success of one that was down: it is open again.
    Reopened,
    /// A success while it reopens: twice the slots.
    Widened,
    /// A failure that counts, one more in a row.
    Counted,
    /// A failure that says nothing of the endpoint: a delivery's own, or 429.
    Excused,
    /// So many in a row that it is down; or one while it reopened.
    Closed,
    /// A probe failed: it stays down.
    Probed,
}

/// All that follows for the endpoint, and what the delivery remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// What it was.
    pub transition: Transition,
    /// The state from now on.
    pub health: Health,
    /// What the delivery remembers.
    pub failures: Failures,
    /// A probe failed: whatever is older than `max_age` expires with it.
    pub expires_old: bool,
    /// The endpoint is paused from now on.
    pub pauses: bool,
}

/// An attempt that ended, as the endpoint sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// It was the probe of an endpoint that is down.
    pub probe: bool,
    /// Whose lane.
    pub work_order_id: WorkOrderId,
    /// When.
    pub at: Timestamp,
}

/// What an endpoint lets start at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Attempts, at most so many at once if it reopens.
    Open(Option<u16>),
    /// Nothing before this time.
    Throttled(Timestamp),
    /// A probe at this time.
    Down(Timestamp),
}

impl Health {
    /// Whether anything but the age of its state can be told of it.
    pub fn is_plain(&self) -> bool {
        *self == Health { last_success: self.last_success, last_lane: self.last_lane, ..Health::default() }
    }

    /// What may start.
    pub fn access(&self, now: Timestamp) -> Access {
        let throttled = self.throttled_until().filter(|until| *until > now);
        match (self.down, throttled) {
            (Some(down), throttled) => {
                Access::Down(throttled.map_or(down.next(), |until| until.max(down.next())))
            }
            (None, Some(until)) => Access::Throttled(until),
            (None, None) => Access::Open(self.reopening),
        }
    }

    /// Whether an attempt failed since its last success: the next one tells what the failures were.
    pub fn has_failed(&self) -> bool {
        self.consecutive > 0
    }

    /// Attempts that failed since its last success, whatever they say of it. Those that were interrupted, or that began
    /// before a change of the request or target, are none of them.
    pub fn consecutive_failures(&self) -> u32 {
        self.consecutive
    }

    /// Until when the endpoint asked for a pause, as far as known; may be over.
    pub fn throttled_until(&self) -> Option<Timestamp> {
        self.throttle.map(|throttle| Timestamp::from_ticks(throttle.until))
    }

    /// Its last success, as of the last time its state was written.
    pub fn last_success(&self) -> Option<Timestamp> {
        self.last_success.map(Timestamp::from_ticks)
    }

    /// When it was last reopened.
    pub fn last_reopening(&self) -> Option<Timestamp> {
        self.last_reopening.map(Timestamp::from_ticks)
    }

    /// The same with the last success of another one: what is kept of that may be behind.
    #[must_use]
    pub fn with_success_of(&self, other: &Health) -> Self {
        Health { last_success: other.last_success, last_lane: other.last_lane, ..*self }
    }

    /// Whether a success changes more than when and where it was: then the new state is to be stored.
    pub fn notices_success(&self) -> bool {
        self.has_failed()
            || self.failures > 0
            || self.down.is_some()
            || self.reopening.is_some()
            || self.throttle.is_some()
    }

    /// Notes a success that changes nothing else. Not worth a write of its own.
    pub fn note_success(&mut self, work_order_id: WorkOrderId, at: Timestamp) {
        (self.last_success, self.last_lane) = (Some(at.ticks()), Some(work_order_id));
    }

    /// What an attempt does to its endpoint. `known` is what its delivery remembers.
    pub fn after(&self, ended: Ended, known: Failures, numbers: Numbers) -> After {
        match ended.outcome {
            Outcome::Succeeded => self.after_success(ended, known, numbers),
            Outcome::Interrupted => self.with(Transition::Unchanged, known),
            Outcome::Failed(failure) => self.after_failure(failure, ended, known, numbers),
        }
    }

    fn with(&self, transition: Transition, failures: Failures) -> After {
        After { transition, health: *self, failures, expires_old: false, pauses: false }
    }

    fn after_success(&self, ended: Ended, known: Failures, numbers: Numbers) -> After {
        let mut health = *self;
        health.note_success(ended.work_order_id, ended.at);
        health.epoch += u64::from(self.has_failed());
        (health.consecutive, health.failures, health.throttle) = (0, 0, None);
        let throttled = self.throttled_until().is_some_and(|until| until > ended.at);
        if self.throttle.is_some() && throttled {
            // What was under way when it asked for a pause does not end the pause.
            health.throttle = self.throttle;
        }
        let transition = match (self.down, self.reopening) {
            (Some(_), _) => {
                health.down = None;
                health.reopen(ended.at);
                Transition::Reopened
            }
            (None, Some(slots)) => {
                let more = slots.saturating_mul(2);
                health.reopening = (more < numbers.most_slots).then_some(more);
                Transition::Widened
            }
            (None, None) if self.has_failed() => Transition::Recovered,
            (None, None) => Transition::Unchanged,
        };
        After { health, ..self.with(transition, known) }
    }

    fn after_failure(&self, failure: Failure, ended: Ended, known: Failures, numbers: Numbers) -> After {
        let own = failure.may_be_own() && known.first_epoch.is_some_and(|epoch| epoch < self.epoch);
        let counts = !own && !failure.is_throttle();
        let mut health = *self;
        health.consecutive = self.consecutive.saturating_add(1);
        let open = self.open.reading(ended.at);
        // One that lies ahead was noted while a clock was wrong: the hold begins now.
        let noted = |from: Option<Timestamp>| from.map(|from| from.min(open));
        let failures = Failures {
            first_epoch: known.first_epoch.or(Some(self.epoch)),
            held_epoch: known.held_epoch.or(Some(self.epoch)),
            held_from: noted(known.held_from).or(Some(open)),
            refused_from: noted(known.refused_from).or(failure.speaks_against_delivery().then_some(open)),
            own,
        };
        let transition = match (self.down, counts) {
            (Some(down), _) if ended.probe => {
                health.down = Some(down.probed(ended, numbers.probe_interval));
                Transition::Probed
            }
            (Some(_), _) => Transition::Unchanged,
            (None, false) => Transition::Excused,
            (None, true) => health.count_failure(ended.at, numbers),
        };
        health.throttle_after(failure, ended.at);
        let pauses = numbers.pauses_at_410 && failure == Failure::Gone;
        if pauses {
            health.stand_still(ended.at);
        }
        let expires_old = transition == Transition::Probed && !failure.is_throttle();
        After { transition, health, failures, expires_old, pauses }
    }

    fn count_failure(&mut self, at: Timestamp, numbers: Numbers) -> Transition {
        self.failures = self.failures.saturating_add(1);
        let reopening = self.reopening.is_some();
        if numbers.down_after == 0 || (self.failures < numbers.down_after && !reopening) {
            return Transition::Counted;
        }
        let next = at.plus(FIRST_PROBE.min(numbers.probe_interval)).ticks();
        self.down = Some(Down { since: at.ticks(), probes: 0, next, cursor: None, asked: None });
        self.reopening = None;
        self.open = self.open.stopped(at);
        Transition::Closed
    }

    fn throttle_after(&mut self, failure: Failure, at: Timestamp) {
        let Some(asked) = failure.throttles() else { return };
        let (before, step) = self.throttle.map_or((at, 0), |it| (Timestamp::from_ticks(it.until), it.step));
        let ours =
            if step == 0 { FIRST_THROTTLE } else { Duration::from_secs(step * 2).min(LONGEST_THROTTLE) };
        // One that was under way when the pause began doubles nothing.
        let doubled = asked.is_none() && (before <= at || step == 0);
        let step = if doubled { ours.as_secs() } else { step };
        let until = before.max(at.plus(asked.unwrap_or(Duration::from_secs(step))));
        self.throttle = Some(Throttle { until: until.ticks(), step });
        if self.down.is_none() && !self.open.is_stopped() {
            self.open = self.open.going_from(at, until);
        }
    }

    fn reopen(&mut self, at: Timestamp) {
        self.mark += 1;
        self.reopened = self.mark;
        self.failures = 0;
        self.reopening = Some(1);
        self.last_reopening = Some(at.ticks());
        self.let_open_time_go(at);
    }

    /// Open time goes on, unless something else makes it stand still.
    fn let_open_time_go(&mut self, at: Timestamp) {
        if self.down.is_none() && !self.age.is_stopped() {
            self.open = self.open.going_from(at, self.throttled_until().unwrap_or(at));
        }
    }

    fn stand_still(&mut self, at: Timestamp) {
        (self.open, self.age) = (self.open.stopped(at), self.age.stopped(at));
    }

    /// What somebody did to the endpoint at `at`; `stands_still` says whether it is paused or off from now on.
    #[must_use]
    pub fn acted(&self, act: Act, stands_still: bool, at: Timestamp) -> Self {
        let mut health = *self;
        match (stands_still, self.age.is_stopped()) {
            (true, false) => health.stand_still(at),
            (false, true) => {
                health.age = health.age.going_from(at, at);
                health.let_open_time_go(at);
            }
            (true, true) | (false, false) => {}
        }
        match act {
            Act::Adjusted => return health,
            Act::ShorterHold => {
                health.mark += 1;
                return health;
            }
            Act::Changed | Act::Resumed => {
                (health.down, health.throttle) = (None, None);
                health.reopen(at);
                health.lifted = health.mark;
            }
        }
        if act == Act::Changed {
            health.anew = health.mark;
        }
        health
    }

    /// A retry by hand ends a throttle; of a head it is a probe at once.
    #[must_use]
    pub fn retried(&self, work_order_id: WorkOrderId, is_head: bool, at: Timestamp) -> Self {
        let mut health = *self;
        if health.throttle.take().is_some() {
            health.let_open_time_go(at);
        }
        if let Some(down) = &mut health.down
            && is_head
        {
            (down.next, down.asked) = (at.ticks(), Some(work_order_id));
        }
        health
    }

    /// The same without times that only a clock that was wrong can have written, for they lie further ahead than any
    /// wait: a throttle is over then, a probe is due at once, and what stood still until then goes on. Source:
    /// service.md section 6, Clock.
    #[must_use]
    pub fn righted(&self, now: Timestamp, probe_interval: Duration) -> Self {
        let horizon = now.plus(LONGEST_RETRY_AFTER + MEANWHILE);
        let throttle = self.throttle.filter(|throttle| throttle.until <= horizon.ticks());
        let last_probe = now.plus(probe_interval.saturating_add(MEANWHILE));
        let down = self.down.map(|down| {
            let next = if down.next() > last_probe { now.ticks() } else { down.next };
            Down { next, ..down }
        });
        let (open, age) = (self.open.righted(now, horizon), self.age.righted(now, horizon));
        Health { throttle, down, open, age, ..*self }
    }

    /// Whether it was paused or switched off, and stands still.
    pub fn stands_still(&self) -> bool {
        self.age.is_stopped()
    }

    /// The place at which a probe in order was found.
    #[must_use]
    pub fn probing(&self, cursor: Option<Cursor>) -> Self {
        let down = self.down.map(|down| Down { cursor: cursor.or(down.cursor), ..down });
        Health { down, ..*self }
    }
}

impl Down {
    fn probed(&self, ended: Ended, interval: Duration) -> Down {
        let probes = self.probes.saturating_add(1);
        let wait = FIRST_PROBE.saturating_mul(1 << probes.min(20)).min(interval);
        // What was asked for meanwhile is still to come.
        let asked = self.asked.filter(|asked| *asked != ended.work_order_id);
        let next = if asked.is_some() { ended.at } else { ended.at.plus(wait) };
        Down { probes, next: next.ticks(), asked, ..*self }
    }
}
