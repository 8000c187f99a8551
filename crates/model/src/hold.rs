//! How long a head that fails holds its lane, and which of a lane's deliveries may be tried.

use std::time::Duration;

use workbell_wire::Timestamp;

use crate::health::Health;

/// What a delivery remembers of its failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// The endpoint's epoch at its first failure ever: a success of the endpoint since then makes a later epoch.
    pub first_epoch: Option<u64>,
    /// Its first failure since its hold began anew: the endpoint's epoch then.
    pub held_epoch: Option<u64>,
    /// The same: the endpoint's open time then.
    pub held_from: Option<Timestamp>,
    /// Its first failure since then whose status speaks against it: the endpoint's open time then.
    pub refused_from: Option<Timestamp>,
    /// Its last failure was its own: it says nothing of the endpoint.
    pub own: bool,
}

impl Failures {
    /// From when on it holds its lane for a limited time, in the endpoint's open time. `None`: nothing speaks against
    /// it yet.
    pub fn counts_from(&self, epoch: u64) -> Option<Timestamp> {
        if self.held_epoch.is_some_and(|held| held < epoch) { self.held_from } else { self.refused_from }
    }

    /// The hold starts anew; what is known of the delivery itself stays.
    #[must_use]
    pub fn anew(self) -> Self {
        Failures { held_epoch: None, held_from: None, refused_from: None, ..self }
    }
}

/// Whether a head holds its lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// No longer: the next one is a head too.
    Over,
    /// Until then, if the endpoint stays open.
    Until(Timestamp),
    /// For a time that nobody knows: nothing speaks against it, or the endpoint's open time stands still.
    Open,
}

/// One that waits, as far as a lane's order is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// Due time as it was written.
    pub scheduled: Timestamp,
    /// The endpoint's mark when that was written.
    pub mark: u64,
    /// What it remembers of its failures.
    pub failures: Failures,
    /// Something was wished by hand for it.
    pub wished: bool,
}

impl Waits {
    /// What its failures mean now: a change of the request since then starts its hold anew.
    pub fn failures_now(&self, health: &Health) -> Failures {
        if self.mark < health.anew { self.failures.anew() } else { self.failures }
    }

    /// When it may be tried: at once when the endpoint was reopened or changed after its due time was written (its own
    /// failure is not forgiven by a mere reopening), or when that time lies further ahead than any wait.
    pub fn due(&self, health: &Health, now: Timestamp, longest: Duration) -> Timestamp {
        let shown = self.shown(health);
        if self.is_lifted(health) || self.scheduled > now.plus(longest) { shown.min(now) } else { shown }
    }

    /// The same as lists show it: what a reopening made due at once is due since then.
    pub fn shown(&self, health: &Health) -> Timestamp {
        let since = if self.is_lifted(health) { health.last_reopening() } else { None };
        since.map_or(self.scheduled, |since| self.scheduled.min(since))
    }

    fn is_lifted(&self, health: &Health) -> bool {
        self.mark < if self.failures.own { health.lifted } else { health.reopened }
    }

    /// Whether it holds its lane.
    pub fn hold(&self, health: &Health, now: Timestamp, limit: Duration) -> Hold {
        let Some(from) = self.failures_now(health).counts_from(health.epoch) else { return Hold::Open };
        match health.open.when_after(from, limit) {
            None => Hold::Open,
            Some(until) if until <= now => Hold::Over,
            Some(until) => Hold::Until(until),
        }
    }
}

/// What a walk along a lane says of the next delivery, lowest sequence first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A head that is due.
    Try,
    /// A head that waits and holds nobody.
    Pass,
    /// A head that waits, and all behind it with it.
    Stop,
    /// Behind one that may be tried: it comes after that one's fate.
    Behind,
}

/// A walk along a lane.
#[derive(Clone, Copy, Debug)]
pub struct Walk<'a> {
    health: &'a Health,
    now: Timestamp,
    limit: Duration,
    longest: Duration,
    behind: bool,
    /// Earliest time at which a head is due (that of one that may be tried is not after now), or at which a hold ends
    /// with another one behind.
    pub next: Option<Timestamp>,
    held_until: Option<Timestamp>,
}

impl<'a> Walk<'a> {
    /// At the front of a lane. `limit` is the endpoint's hold limit, `longest` the longest wait possible.
    pub fn new(health: &'a Health, now: Timestamp, limit: Duration, longest: Duration) -> Self {
        Walk { health, now, limit, longest, behind: false, next: None, held_until: None }
    }

    /// The next one of the lane. After [`Step::Stop`] call [`Walk::more`] if another one stands behind, and end.
    pub fn step(&mut self, delivery: &Waits) -> Step {
        if self.behind {
            return Step::Behind;
        }
        let due = delivery.due(self.health, self.now, self.longest);
        let hold = delivery.hold(self.health, self.now, self.limit);
        if due <= self.now || delivery.wished {
            self.behind = hold != Hold::Over;
            self.next = Some(self.next.map_or(due, |next| next.min(due)).min(self.now));
            return Step::Try;
        }
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
        match hold {
            Hold::Over => Step::Pass,
            Hold::Until(until) => {
                self.held_until = Some(until);
                Step::Stop
            }
            Hold::Open => Step::Stop,
        }
    }

    /// Another one stands behind the one that stopped the walk: it becomes a head when the hold is over.
    pub fn more(&mut self) {
        self.next = self.next.into_iter().chain(self.held_until).min();
    }
}
