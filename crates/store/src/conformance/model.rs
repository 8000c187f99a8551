//! A store and a small model of it in memory live through the same random life, and never disagree.
//!
//! The model is the semantics written a second time, with plain lists instead of tables, windows and marks.

mod agreement;
mod life;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use workbell_model::health::{self, Act, Ended, Numbers};
use workbell_model::hold::{Step, Waits, Walk};
use workbell_model::{
    Defaults, DeliveryId, EndpointKey, EndpointSettings, Failures, Health, Outcome, Reason, State,
    Transition, Wish, WorkOrderId,
};
use workbell_wire::Timestamp;

pub(crate) use life::any_life_agrees_with_the_model;

/// `limits.waiting` in these lives; small, so that it is reached.
const WAITING_LIMIT: u64 = 7;

#[derive(Clone, Debug)]
struct Target {
    key: EndpointKey,
    generation: u64,
    health: Health,
    enabled: bool,
    deleted: bool,
}

#[derive(Clone, Debug)]
struct Delivery {
    id: DeliveryId,
    notification: usize,
    target: usize,
    order: WorkOrderId,
    sequence: u64,
    state: State,
    reason: Option<Reason>,
    attempts: u16,
    counted: u16,
    due: Timestamp,
    since: Timestamp,
    mark: u64,
    failures: Failures,
    wish: Option<Wish>,
    finished: Option<Timestamp>,
    records: usize,
}

#[derive(Clone, Debug)]
struct Notification {
    accepted: Timestamp,
    is_kept: bool,
}

/// An attempt that has begun: what it knew then.
#[derive(Clone, Copy, Debug)]
struct Begun {
    start: Timestamp,
    generation: u64,
    due: Timestamp,
    probe: bool,
}

/// The counter of a lane, and since when it is empty.
#[derive(Clone, Debug, Default)]
struct Counter {
    last: u64,
    emptied: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
struct Model {
    targets: Vec<Target>,
    notifications: Vec<Notification>,
    deliveries: Vec<Delivery>,
    counters: BTreeMap<(usize, WorkOrderId), Counter>,
    /// Attempts that have begun, by the place of their delivery.
    in_flight: HashMap<usize, Begun>,
}

impl Delivery {
    fn waits(&self) -> bool {
        self.state.is_undelivered()
    }

    fn order(&self) -> Waits {
        Waits { scheduled: self.due, mark: self.mark, failures: self.failures, wished: self.wish.is_some() }
    }
}

fn numbers() -> Numbers {
    Defaults::default().numbers(&EndpointSettings::default())
}

impl Model {
    fn waiting(&self, target: usize) -> u64 {
        self.deliveries.iter().filter(|it| it.target == target && it.waits()).count() as u64
    }

    /// Those that wait in a lane, lowest sequence first.
    fn lane(&self, target: usize, order: WorkOrderId) -> Vec<&Delivery> {
        let mut lane: Vec<_> = self
            .deliveries
            .iter()
            .filter(|it| it.target == target && it.order == order && it.waits())
            .collect();
        lane.sort_by_key(|it| it.sequence);
        lane
    }

    fn due(&self, delivery: &Delivery) -> Timestamp {
        delivery.order().shown(&self.targets[delivery.target].health)
    }

    /// The first of a lane that may be tried, or when one may be.
    fn next_of(&self, target: usize, order: WorkOrderId, now: Timestamp) -> Result<u64, Option<Timestamp>> {
        let defaults = Defaults::default();
        let longest = defaults.retry_schedule.longest_wait();
        let mut walk = Walk::new(&self.targets[target].health, now, defaults.hold_limit, longest);
        let lane = self.lane(target, order);
        for (place, delivery) in lane.iter().enumerate() {
            match walk.step(&delivery.order()) {
                Step::Pass => {}
                Step::Try => return Ok(delivery.sequence),
                Step::Stop | Step::Behind => {
                    if place + 1 < lane.len() {
                        walk.more();
                    }
                    break;
                }
            }
        }
        Err(walk.next)
    }

    fn accept(&mut self, order: WorkOrderId, ids: &[DeliveryId], now: Timestamp) {
        self.notifications.push(Notification { accepted: now, is_kept: true });
        let takers: Vec<usize> = (0..self.targets.len())
            .filter(|at| self.targets[*at].enabled && !self.targets[*at].deleted)
            .collect();
        assert_eq!(takers.len(), ids.len(), "one delivery for each endpoint that is on");
        for (target, id) in takers.into_iter().zip(ids) {
            let overflows = self.waiting(target) >= WAITING_LIMIT;
            let empty = self.lane(target, order).is_empty();
            let health = self.targets[target].health;
            let counter = self.counters.entry((target, order)).or_default();
            counter.last += 1;
            match (overflows, empty) {
                (false, _) => counter.emptied = None,
                (true, true) => counter.emptied = Some(now),
                (true, false) => {}
            }
            self.deliveries.push(Delivery {
                id: *id,
                notification: self.notifications.len() - 1,
                target,
                order,
                sequence: counter.last,
                state: if overflows { State::Dead } else { State::Pending },
                reason: overflows.then_some(Reason::Overflow),
                attempts: 0,
                counted: 0,
                due: now,
                since: health.age.reading(now),
                mark: health.mark,
                failures: Failures::default(),
                wish: None,
                finished: overflows.then_some(now),
                records: 0,
            });
        }
    }

    fn finish(&mut self, at: usize, state: State, reason: Option<Reason>, now: Timestamp) {
        let delivery = &mut self.deliveries[at];
        (delivery.state, delivery.reason, delivery.finished) = (state, reason, Some(now));
        delivery.wish = None;
        let lane = (delivery.target, delivery.order);
        if self.lane(lane.0, lane.1).is_empty() {
            self.counters.entry(lane).or_default().emptied = Some(now);
        }
    }

    /// A retry by hand takes effect.
    fn ask_for(&mut self, at: usize, now: Timestamp) {
        let (target, order, sequence) =
            (self.deliveries[at].target, self.deliveries[at].order, self.deliveries[at].sequence);
        let is_head = self.lane(target, order).first().is_none_or(|head| head.sequence >= sequence);
        let health = &mut self.targets[target].health;
        *health = health.retried(order, is_head, now);
        let since = health.age.reading(now);
        self.deliveries[at].failures = self.deliveries[at].failures.anew();
        self.wait(at, now, since, 0);
    }

    fn wait(&mut self, at: usize, due: Timestamp, since: Timestamp, counted: u16) {
        let mark = self.targets[self.deliveries[at].target].health.mark;
        let delivery = &mut self.deliveries[at];
        delivery.state = if delivery.attempts == 0 { State::Pending } else { State::Retrying };
        (delivery.reason, delivery.finished, delivery.wish) = (None, None, None);
        (delivery.due, delivery.since, delivery.counted) = (due, since, counted);
        delivery.mark = mark;
        let (lane, sequence) = ((delivery.target, delivery.order), delivery.sequence);
        let counter = self.counters.entry(lane).or_default();
        counter.last = counter.last.max(sequence);
        counter.emptied = None;
    }

    /// What an attempt does to its endpoint, and what its delivery remembers.
    fn tell_endpoint(&mut self, at: usize, begun: Begun, outcome: Outcome, now: Timestamp) -> Failures {
        let (target, work_order_id) = (self.deliveries[at].target, self.deliveries[at].order);
        let health = self.targets[target].health;
        let known = self.deliveries[at].order().failures_now(&health);
        let ended = Ended { outcome, probe: begun.probe, work_order_id, at: now };
        let after = health.after(ended, known, numbers());
        if !self.targets[target].deleted {
            self.targets[target].health = after.health;
        }
        assert!(!after.expires_old || begun.probe, "only a probe speaks for the others");
        assert!(after.transition != health::Transition::Probed || begun.probe);
        after.failures
    }

    /// The end of an attempt.
    fn complete(
        &mut self,
        at: usize,
        begun: Begun,
        (transition, outcome): (Transition, Outcome),
        ended: Timestamp,
    ) {
        self.deliveries[at].attempts += 1;
        self.deliveries[at].records += 1;
        let succeeded = transition == Transition::Delivered;
        if succeeded {
            self.tell_endpoint(at, begun, outcome, ended);
        }
        let delivery = &self.deliveries[at];
        if !delivery.waits() {
            if succeeded && delivery.reason == Some(Reason::ByHand) {
                let delivery = &mut self.deliveries[at];
                (delivery.state, delivery.reason, delivery.finished) = (State::Delivered, None, Some(ended));
            }
            return;
        }
        let is_of_before = begun.generation < self.targets[delivery.target].generation;
        let (since, counted, wish) = (delivery.since, delivery.counted, delivery.wish);
        let before = self.deliveries[at].clone();
        if !succeeded {
            self.deliveries[at].failures = if is_of_before {
                before.order().failures_now(&self.targets[before.target].health)
            } else {
                self.tell_endpoint(at, begun, outcome, ended)
            };
        }
        match (transition, wish) {
            (Transition::Delivered, _) => self.finish(at, State::Delivered, None, ended),
            (_, Some(Wish::Discard)) => self.finish(at, State::Discarded, Some(Reason::ByHand), ended),
            (_, Some(Wish::Retry)) => self.ask_for(at, ended),
            (_, None) if is_of_before => self.wait(at, ended, since, counted),
            (Transition::Dead(reason), None) => self.finish(at, State::Dead, Some(reason), ended),
            (Transition::Retrying { due, counted }, None) => {
                self.wait(at, due, since, counted);
                if outcome == Outcome::Interrupted && due == before.due {
                    (self.deliveries[at].mark, self.deliveries[at].failures) = (before.mark, before.failures);
                }
            }
        }
    }

    /// Whether it is allowed.
    fn retry(&mut self, at: usize, in_flight: bool, now: Timestamp) -> bool {
        let delivery = &mut self.deliveries[at];
        if self.targets[delivery.target].deleted || delivery.state == State::Delivered {
            return false;
        }
        if delivery.waits() && in_flight {
            delivery.wish = Some(Wish::Retry);
        } else {
            self.ask_for(at, now);
        }
        true
    }

    /// Whether it is allowed.
    fn discard(&mut self, at: usize, in_flight: bool, now: Timestamp) -> bool {
        let delivery = &mut self.deliveries[at];
        match delivery.state {
            State::Delivered | State::Discarded => return false,
            State::Pending | State::Retrying if in_flight => delivery.wish = Some(Wish::Discard),
            State::Pending | State::Retrying => {
                self.finish(at, State::Discarded, Some(Reason::ByHand), now);
            }
            State::Dead => {
                (delivery.state, delivery.reason) = (State::Discarded, Some(Reason::ByHand));
                delivery.finished = Some(now);
            }
        }
        true
    }

    fn settle(&mut self, at: usize, now: Timestamp) {
        match self.deliveries[at].wish {
            None => {}
            Some(Wish::Retry) => self.ask_for(at, now),
            Some(Wish::Discard) => self.finish(at, State::Discarded, Some(Reason::ByHand), now),
        }
    }

    fn act(&mut self, target: usize, act: Act, now: Timestamp) {
        let target = &mut self.targets[target];
        target.generation += u64::from(act != Act::Adjusted);
        target.health = target.health.acted(act, !target.enabled, now);
    }

    fn delete(&mut self, target: usize, now: Timestamp) {
        self.targets[target].deleted = true;
        self.targets[target].health = Health::default();
        for at in 0..self.deliveries.len() {
            if self.deliveries[at].target == target && self.deliveries[at].waits() {
                self.finish(at, State::Discarded, Some(Reason::EndpointDeleted), now);
            }
        }
    }

    fn is_kept(&self, delivery: &Delivery) -> bool {
        self.notifications[delivery.notification].is_kept
    }

    fn sweep(&mut self, now: Timestamp, period: Duration) {
        let before = now.minus(period);
        for (number, notification) in self.notifications.iter_mut().enumerate() {
            let mut deliveries = self.deliveries.iter().filter(|it| it.notification == number);
            let is_over = deliveries.all(|it| it.finished.is_some_and(|finished| finished < before));
            if notification.accepted < before && is_over {
                notification.is_kept = false;
            }
        }
        let keeps = |(target, order): (usize, WorkOrderId)| {
            self.deliveries.iter().any(|it| it.target == target && it.order == order && self.is_kept(it))
        };
        let gone: Vec<_> = self
            .counters
            .iter()
            .filter(|(lane, counter)| counter.emptied.is_some_and(|at| at < before) && !keeps(**lane))
            .map(|(lane, _)| *lane)
            .collect();
        for lane in gone {
            self.counters.remove(&lane);
        }
    }
}
