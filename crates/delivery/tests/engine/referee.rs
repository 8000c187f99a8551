//! A second reading of the rules: what may start when, told again from nothing but acceptances, outcomes and acts.
//!
//! It is told of each commit before the engine is, and of each request as it begins. What it expects of an endpoint is
//! compared with what the store says after every step. Source: service.md section 6.

mod standing;
mod waits;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use workbell_model::{
    Defaults, DeliveryId, DeliveryNo, Endpoint, EndpointKey, Health, Outcome, State, Transition, WorkOrderId,
};
use workbell_store::record::{ByHand, Completion, EndpointChange, Occasion};
use workbell_store::store::Fresh;
use workbell_wire::Timestamp;

use crate::receiver::Seen;
use standing::Standing;
use waits::{Expected, Waits};

/// How late something may begin that nothing is in the way of: delays of reads, slots of those that hang, rates.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a delivery stands: endpoint, work order, sequence.
pub(crate) type Place = (EndpointKey, WorkOrderId, u64);

/// What is being written: the store shows it a moment before it is told.
#[derive(Debug)]
pub(crate) enum Pending {
    Outcome { completion: Box<Completion>, waited: bool, endpoint: Arc<Endpoint> },
    Change(Box<Endpoint>, EndpointChange, Timestamp),
    Retry(ByHand),
    Discard(ByHand),
    Settle(DeliveryNo, Timestamp),
}

/// A delivery that seemed to wait when one behind it was tried.
#[derive(Clone, Debug)]
pub(crate) struct Overtaken {
    pub(crate) place: Place,
    pub(crate) by: Seen,
    /// What was known of it then.
    pub(crate) why: String,
}

#[derive(Debug, Default)]
pub(crate) struct Referee {
    /// `None`: it does not look.
    rules: Option<Defaults>,
    endpoints: HashMap<EndpointKey, Standing>,
    deliveries: HashMap<Place, Waits>,
    places: HashMap<DeliveryNo, Place>,
    pending: Option<Pending>,
    /// Commits so far.
    commits: u64,
    /// Nothing is expected to begin in time before this.
    excused_until: Option<Timestamp>,
    pub(crate) wrong: Vec<String>,
    pub(crate) overtaken: Vec<Overtaken>,
}

impl Referee {
    /// Looks from now on.
    pub(crate) fn begin(&mut self, rules: &Defaults) {
        self.rules = Some(rules.clone());
    }

    pub(crate) fn looks(&self) -> bool {
        self.rules.is_some()
    }

    /// Something is about to be written; `None`: it was, or was refused.
    pub(crate) fn writes(&mut self, pending: Option<Pending>) {
        self.pending = pending.filter(|_| self.looks());
    }

    /// Something was in the way of everything.
    pub(crate) fn excuse(&mut self, until: Timestamp) {
        self.excused_until = Some(until);
    }

    /// The process was started anew: nothing is under way.
    pub(crate) fn restarted(&mut self, now: Timestamp) {
        self.deliveries.values_mut().for_each(|waits| waits.started = None);
        self.endpoints.values_mut().for_each(|standing| standing.probing = None);
        self.excuse(now);
    }

    pub(crate) fn accepted(&mut self, fresh: &[Fresh]) {
        for Fresh { delivery, .. } in fresh.iter().filter(|_| self.rules.is_some()) {
            let place = (delivery.endpoint.clone(), delivery.work_order_id, delivery.sequence);
            self.places.insert(delivery.no, place.clone());
            self.deliveries.insert(place, Waits::fresh(delivery.accepted, self.commits));
        }
    }

    /// An outcome is on disk; `state` is what the delivery became.
    pub(crate) fn completed(&mut self, state: State) {
        let Some(Pending::Outcome { completion, waited, endpoint }) = self.pending.take() else {
            return;
        };
        self.commits += 1;
        let (commit, rules) = (self.commits, self.rules.clone().unwrap());
        let delivery = &completion.delivery;
        let place = (delivery.endpoint.clone(), delivery.work_order_id, delivery.sequence);
        let at = completion.attempt.start.plus(completion.attempt.duration);
        let of_before = completion.generation < endpoint.generation;
        let probe = matches!(completion.occasion, Occasion::Probe(_));
        let standing = self.endpoints.entry(place.0.clone()).or_default();
        if standing.probing.as_ref() == Some(&place) {
            standing.probing = None;
        }
        let waits = self.deliveries.get_mut(&place).unwrap();
        waits.started = None;
        let failure = match completion.outcome {
            Outcome::Succeeded => {
                waits.is_waiting = false;
                standing.success(place.1, at, commit, rules.concurrency(&endpoint.settings));
                return;
            }
            _ if !waited => return,
            Outcome::Failed(failure) => Some(failure),
            Outcome::Interrupted => None,
        };
        let own = failure.is_some_and(|failure| {
            failure.may_be_own() && waits.first_failure.is_some_and(|first| first < standing.last_success)
        });
        let expected = waits.expected(&completion, &rules, at, of_before);
        let written = match (expected, completion.transition) {
            (Expected::Unsure | Expected::AtOnce, _) => true,
            (Expected::Exhausted, Transition::Dead(reason)) => reason == workbell_model::Reason::Exhausted,
            (Expected::Due { .. }, Transition::Dead(reason)) => {
                let age = at.since(waits.since);
                reason == workbell_model::Reason::Expired && age >= rules.max_age
            }
            (Expected::Due { from, to, counted }, Transition::Retrying { due, counted: found }) => {
                counted == found && (from..=to).contains(&due)
            }
            (Expected::Due { .. } | Expected::Exhausted, _) => false,
        };
        if !written {
            self.wrong.push(format!("{expected:?} of {waits:?} after {completion:?}"));
        }
        if let (Some(failure), false) = (failure, of_before) {
            standing.failure(failure, own, probe, place.1, at, &rules);
            waits.failed(failure, own, at, commit);
        }
        let asks = waits.put_back(&completion, state, of_before, at, commit);
        if asks {
            self.asked(&place, at);
        }
    }

    /// A retry or discard by hand is on disk, or an old one took effect.
    pub(crate) fn lane_changed(&mut self) {
        self.commits += 1;
        match self.pending.take() {
            Some(Pending::Retry(by_hand)) => {
                let Some(place) = self.place(by_hand.id) else { return };
                let waits = self.deliveries.get_mut(&place).unwrap();
                if by_hand.in_flight && waits.is_waiting {
                    waits.wish = Some(workbell_model::Wish::Retry);
                } else {
                    self.made_due(&place, by_hand.now);
                }
            }
            Some(Pending::Discard(by_hand)) => {
                let Some(place) = self.place(by_hand.id) else { return };
                let waits = self.deliveries.get_mut(&place).unwrap();
                if by_hand.in_flight && waits.is_waiting {
                    waits.wish = Some(workbell_model::Wish::Discard);
                } else {
                    waits.is_waiting = false;
                }
            }
            Some(Pending::Settle(no, now)) => {
                let Some(place) = self.places.get(&no).cloned() else { return };
                let waits = self.deliveries.get_mut(&place).unwrap();
                match waits.wish.take() {
                    Some(workbell_model::Wish::Retry) => self.made_due(&place, now),
                    Some(workbell_model::Wish::Discard) => waits.is_waiting = false,
                    None => {}
                }
            }
            other => self.pending = other,
        }
    }

    fn place(&self, id: DeliveryId) -> Option<Place> {
        self.places.get(&id.no()).cloned()
    }

    fn made_due(&mut self, place: &Place, now: Timestamp) {
        let commit = self.commits;
        self.deliveries.get_mut(place).unwrap().made_due(now, commit);
        self.asked(place, now);
    }

    /// A retry by hand ends a throttle; of a head it is a probe at once.
    fn asked(&mut self, place: &Place, at: Timestamp) {
        let is_head = self.ahead(place).next().is_none();
        self.endpoints.entry(place.0.clone()).or_default().retried(place.1, is_head, at);
    }

    /// The endpoint is another one.
    pub(crate) fn changed(&mut self) {
        let Some(Pending::Change(endpoint, change, now)) =
            self.pending.take_if(|pending| matches!(pending, Pending::Change(..)))
        else {
            return;
        };
        self.commits += 1;
        let shut = endpoint.paused.is_some() || !endpoint.settings.enabled;
        let commit = self.commits;
        self.endpoints.entry(endpoint.key.clone()).or_default().changed(change, shut, now, commit);
    }

    /// Those that wait ahead in its lane.
    fn ahead(&self, place: &Place) -> impl Iterator<Item = (&Place, &Waits)> {
        let (key, order, sequence) = place.clone();
        self.deliveries
            .iter()
            .filter(move |(at, waits)| waits.is_waiting && at.0 == key && at.1 == order && at.2 < sequence)
    }

    /// A request begins; `open` are under way at its URL.
    pub(crate) fn starts(&mut self, key: &EndpointKey, new: &Seen, open: usize) {
        let Some(rules) = self.rules.clone() else { return };
        let place = (key.clone(), new.work_order_id, new.sequence);
        let now = new.at;
        // While something is being written it may have begun before or after that.
        let default = Standing::default();
        let standing = self.endpoints.get(key).unwrap_or(&default);
        let before = standing.before.as_ref().filter(|(at, _)| *at == now).map(|(_, before)| before);
        let found = if self.pending.is_some() { None } else { self.judge(standing, &place, open, now) };
        let found = found.filter(|_| before.is_none_or(|it| self.judge(it, &place, open, now).is_some()));
        if let Some(found) = found {
            self.wrong.push(format!(
                "{found}: {new:?} {:?} {:?}",
                self.endpoints.get(key),
                self.deliveries.get(&place)
            ));
        }
        let standing = self.endpoints.entry(key.clone()).or_default();
        standing.last_start = Some(now);
        if standing.down.is_some() {
            standing.probing = Some(place.clone());
        }
        let standing = &self.endpoints[key];
        let ahead = self.ahead(&place);
        let overtaken: Vec<_> = ahead
            .filter(|(_, waits)| waits.known_since < now && !waits.lets_pass(standing, now, &rules))
            .map(|(place, waits)| {
                let why = format!("{waits:?} of {standing:?}");
                Overtaken { place: place.clone(), by: new.clone(), why }
            })
            .collect();
        self.overtaken.extend(overtaken);
        if let Some(waits) = self.deliveries.get_mut(&place) {
            waits.started = Some(now);
        }
    }

    /// What speaks against a request that begins.
    fn judge(&self, standing: &Standing, place: &Place, open: usize, now: Timestamp) -> Option<&'static str> {
        let waits = self.deliveries.get(place)?;
        if standing.is_shut {
            return Some("it is paused or off");
        }
        if standing.throttled(now) {
            return Some("it is throttled");
        }
        if let Some(down) = standing.down {
            let asked_waits = down.asked.is_some_and(|asked| {
                let of_it = |(at, _): &(&Place, &Waits)| at.0 == place.0 && at.1 == asked;
                let mut lane = self.deliveries.iter().filter(of_it);
                lane.clone().any(|(_, waits)| waits.is_waiting)
                    && lane.all(|(_, waits)| waits.started.is_none())
            });
            return match () {
                () if now < down.next => Some("the probe is too early"),
                () if standing.probing.is_some() => Some("there are two probes"),
                () if asked_waits && down.asked != Some(place.1) => Some("another one was asked for"),
                () => None,
            };
        }
        if standing.slots.is_some_and(|slots| open >= usize::from(slots)) {
            return Some("it reopens with fewer slots");
        }
        let due = waits.scheduled <= now || waits.is_lifted(standing);
        (!due && waits.wish.is_none()).then_some("it is not due")
    }

    /// What the store says of the endpoint is what follows from all that happened.
    pub(crate) fn compare(&mut self, key: &EndpointKey, health: &Health) {
        let Some(standing) = self.endpoints.get(key).filter(|_| self.pending.is_none()) else { return };
        let found = (
            health.down.map(|down| (down.next(), down.asked)),
            health.throttled_until(),
            health.reopening,
            health.failures,
            health.consecutive_failures(),
        );
        let expected = (
            standing.down.map(|down| (down.next, down.asked)),
            standing.throttle.map(|(until, _)| until),
            standing.slots,
            standing.row,
            standing.consecutive,
        );
        if found != expected {
            self.wrong.push(format!("{expected:?} is expected of {key:?}, found {found:?}"));
        }
    }

    /// A delivery of this endpoint that should have been tried by now, if there is one.
    pub(crate) fn late(&self, key: &EndpointKey, now: Timestamp) -> Option<Place> {
        let (rules, standing) = (self.rules.as_ref()?, self.endpoints.get(key)?);
        let quiet = self.excused_until.max(standing.last_start).max(standing.since)?;
        let under_way = |(at, waits): (&Place, &Waits)| at.0 == *key && waits.started.is_some();
        if standing.is_shut || quiet.plus(PATIENCE) > now || self.deliveries.iter().any(under_way) {
            return None;
        }
        let long_ago = now.minus(PATIENCE);
        if standing.throttled(long_ago) {
            return None;
        }
        let waiting = self.deliveries.iter().filter(|(at, waits)| at.0 == *key && waits.is_waiting);
        match standing.down {
            Some(down) if down.next > long_ago => None,
            Some(_) => waiting.map(|(place, _)| place.clone()).next(),
            None => waiting
                .filter(|(place, waits)| {
                    (waits.scheduled <= long_ago || waits.is_lifted(standing))
                        && self.ahead(place).all(|(_, ahead)| ahead.lets_pass(standing, long_ago, rules))
                })
                .map(|(place, _)| place.clone())
                .next(),
        }
    }

    /// The delivery has its fate without an attempt.
    pub(crate) fn is_gone(&mut self, place: &Place) {
        self.deliveries.get_mut(place).unwrap().is_waiting = false;
    }

    pub(crate) fn number(&self, place: &Place) -> Option<DeliveryNo> {
        self.places.iter().find(|(_, at)| *at == place).map(|(no, _)| *no)
    }
}
