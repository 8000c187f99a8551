//! What follows for a delivery.

use std::time::Duration;

use workbell_model::attempt::Failure;
use workbell_model::{Defaults, Outcome, State, Transition, Wish};
use workbell_store::record::Completion;
use workbell_wire::Timestamp;

use super::standing::Standing;

/// How far off a hold may end: outcomes come to the disk a little later than they are.
const ABOUT: Duration = Duration::from_millis(200);

#[derive(Clone, Debug)]
pub(super) struct Waits {
    pub(super) is_waiting: bool,
    /// Since when it is known to wait.
    pub(super) known_since: Timestamp,
    pub(super) scheduled: Timestamp,
    /// The commit that wrote that.
    written: u64,
    own: bool,
    counted: u16,
    /// Acceptance or the last retry by hand.
    pub(super) since: Timestamp,
    /// The commit of its first failure ever.
    pub(super) first_failure: Option<u64>,
    /// Since its hold began anew: commit, when, and whether it speaks against the notification.
    failures: Vec<(u64, Timestamp, bool)>,
    pub(super) wish: Option<Wish>,
    /// An attempt is under way.
    pub(super) started: Option<Timestamp>,
    /// A retry by hand did not know of the attempt under way.
    unsure: bool,
}

/// What a failure must make of a delivery.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// Somebody has changed what the attempt knew.
    Unsure,
    AtOnce,
    Exhausted,
    Due {
        from: Timestamp,
        to: Timestamp,
        counted: u16,
    },
}

impl Waits {
    pub(super) fn fresh(accepted: Timestamp, commit: u64) -> Self {
        Waits {
            is_waiting: true,
            known_since: accepted,
            scheduled: accepted,
            written: commit,
            own: false,
            counted: 0,
            since: accepted,
            first_failure: None,
            failures: Vec::new(),
            wish: None,
            started: None,
            unsure: false,
        }
    }

    /// A reopening, change or resumption since makes it due at once.
    pub(super) fn is_lifted(&self, standing: &Standing) -> bool {
        self.written < if self.own { standing.lifted } else { standing.reopened }
    }

    /// Whether one behind it may be tried.
    pub(super) fn lets_pass(&self, standing: &Standing, now: Timestamp, rules: &Defaults) -> bool {
        let due = self.scheduled.plus(ABOUT) <= now || self.is_lifted(standing);
        let mut failures = self.failures.iter().filter(|(commit, ..)| *commit > standing.anew);
        let counts = failures.find(|(commit, _, speaks)| *speaks || *commit < standing.last_success);
        let open = counts.map(|(_, from, _)| standing.open_between(*from, now));
        standing.is_open(now) && !due && open.is_some_and(|open| open + ABOUT >= rules.hold_limit)
    }

    /// What must follow from the failure of its attempt.
    pub(super) fn expected(
        &self,
        completion: &Completion,
        rules: &Defaults,
        at: Timestamp,
        of_before: bool,
    ) -> Expected {
        if self.unsure {
            return Expected::Unsure;
        }
        if self.wish.is_some() || of_before {
            return Expected::AtOnce;
        }
        let early = self.scheduled > completion.attempt.start;
        let asked = match completion.outcome {
            Outcome::Interrupted => {
                let due = if early { self.scheduled } else { at };
                return Expected::Due { from: due, to: due, counted: self.counted };
            }
            Outcome::Failed(failure) => at.plus(failure.retry_after().unwrap_or_default()),
            Outcome::Succeeded => at,
        };
        let counted = self.counted + u16::from(!early);
        if !early && counted >= rules.max_attempts {
            return Expected::Exhausted;
        }
        let waits = rules.retry_schedule.waits();
        let wait = waits[usize::from(counted.max(1) - 1).min(waits.len() - 1)];
        let (from, to) =
            if early { (self.scheduled, self.scheduled) } else { (at.plus(wait), at.plus(wait + wait / 10)) };
        // The last wait is cut to end with the age, which stands still while paused or off.
        let last = self.since.plus(rules.max_age).max(at);
        Expected::Due { from: from.max(asked).min(last), to: to.max(asked), counted }
    }

    pub(super) fn failed(&mut self, failure: Failure, own: bool, at: Timestamp, commit: u64) {
        self.own = own;
        self.first_failure.get_or_insert(commit);
        self.failures.push((commit, at, failure.speaks_against_delivery()));
    }

    /// It waits again, or has its fate. True when a retry by hand takes effect.
    pub(super) fn put_back(
        &mut self,
        completion: &Completion,
        state: State,
        of_before: bool,
        at: Timestamp,
        commit: u64,
    ) -> bool {
        self.is_waiting = state.is_undelivered();
        self.unsure = false;
        match (self.wish.take(), completion.transition) {
            (Some(Wish::Retry), _) => {
                self.made_due(at, commit);
                return true;
            }
            (Some(Wish::Discard), _) | (None, Transition::Delivered | Transition::Dead(_)) if !of_before => {}
            (None, Transition::Retrying { due, .. })
                if !of_before && completion.outcome == Outcome::Interrupted && due == self.scheduled => {}
            (None, Transition::Retrying { due, counted }) if !of_before => {
                (self.scheduled, self.counted, self.written) = (due, counted, commit);
            }
            (_, _) => (self.scheduled, self.written) = (at, commit),
        }
        false
    }

    /// A retry by hand: due at once, schedule and count anew.
    pub(super) fn made_due(&mut self, now: Timestamp, commit: u64) {
        self.unsure = self.started.is_some();
        if !self.is_waiting {
            self.known_since = now;
        }
        self.is_waiting = true;
        (self.scheduled, self.since, self.written) = (now, now, commit);
        (self.counted, self.wish) = (0, None);
        self.failures.clear();
    }
}
