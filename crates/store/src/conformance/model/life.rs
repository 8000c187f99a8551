//! Random lives: what can happen to a store, in any order.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use workbell_model::health::Act;
use workbell_model::{Defaults, Failure, Health, Outcome, Reason, Transition, WorkOrderId};

use super::{Begun, Model, Target, WAITING_LIMIT};
use crate::Error;
use crate::conformance::bench::{BRANCH, Bench, DAY, End, MINUTE, Place};
use crate::record::{ByHand, EndpointChange, IfUndelivered, Occasion};

pub(super) const ORDERS: [WorkOrderId; 3] = [0, 1, 2];

/// Most endpoints of a life, those that are deleted included.
const MOST_TARGETS: usize = 4;

/// Lives, unless `PROPTEST_CASES` says otherwise. 60: some seconds.
const LIVES: u32 = 60;

/// One thing that happens. Numbers choose among what there is, modulo how much that is.
#[derive(Clone, Debug)]
enum Step {
    Publish { order: usize, count: usize },
    Begin(usize),
    End { which: usize, outcome: Ends },
    Retry { which: usize, knows: bool },
    Discard { which: usize, knows: bool },
    Settle(usize),
    Change(usize),
    Switch(usize),
    Create,
    Delete(usize),
    Pass(Duration),
    Sweep,
    Restart,
    Crash,
}

#[derive(Clone, Copy, Debug)]
enum Ends {
    Success,
    Failure { minutes: u32, kind: Failure },
    Interruption,
    Death(Reason),
}

fn failure() -> impl Strategy<Value = Failure> {
    let asked = || prop::option::of((1u64..3000).prop_map(Duration::from_secs));
    prop_oneof![
        3 => Just(Failure::Refused),
        1 => Just(Failure::Gone),
        2 => Just(Failure::BadGateway),
        2 => Just(Failure::Unreached),
        1 => Just(Failure::Unanswered),
        1 => asked().prop_map(Failure::TooManyRequests),
        1 => asked().prop_map(Failure::Unavailable),
    ]
}

fn outcome() -> impl Strategy<Value = Ends> {
    prop_oneof![
        3 => Just(Ends::Success),
        // As often within a hold as beyond it.
        6 => (prop_oneof![0u32..60, 0u32..3000], failure())
            .prop_map(|(minutes, kind)| Ends::Failure { minutes, kind }),
        1 => Just(Ends::Interruption),
        1 => Just(Ends::Death(Reason::Exhausted)),
        1 => Just(Ends::Death(Reason::Expired)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let which = any::<usize>;
    // Whoever acts by hand nearly always knows of the attempt in flight.
    let knows = || prop::bool::weighted(0.8);
    prop_oneof![
        8 => (which(), 1usize..4).prop_map(|(order, count)| Step::Publish { order, count }),
        9 => which().prop_map(Step::Begin),
        9 => (which(), outcome()).prop_map(|(which, outcome)| Step::End { which, outcome }),
        3 => (which(), knows()).prop_map(|(which, knows)| Step::Retry { which, knows }),
        3 => (which(), knows()).prop_map(|(which, knows)| Step::Discard { which, knows }),
        1 => which().prop_map(Step::Settle),
        2 => which().prop_map(Step::Change),
        1 => which().prop_map(Step::Switch),
        1 => Just(Step::Create),
        1 => which().prop_map(Step::Delete),
        3 => (0u32..2000).prop_map(|minutes| Step::Pass(MINUTE * minutes)),
        2 => Just(Step::Sweep),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ]
}

/// Runs many lives, each at a fresh place.
pub(crate) fn any_life_agrees_with_the_model<P: Place>(fresh: impl Fn() -> P) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(LIVES);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
    let result = TestRunner::new(config).run(&prop::collection::vec(step(), 1..70), |steps| {
        let life = std::panic::AssertUnwindSafe(|| runtime.block_on(live(fresh(), &steps)));
        std::panic::catch_unwind(life).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            TestCaseError::fail(text)
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

async fn live(place: impl Place, steps: &[Step]) {
    let mut bench = Bench::open(place).await;
    // What expires with a probe does so some time later, and has its own claims.
    let defaults = Defaults { max_age: 100_000 * DAY, ..Defaults::default() };
    bench.reopen_with(WAITING_LIMIT, defaults).await;
    let acme = bench.company("acme").await;
    bench.branch(&acme, BRANCH).await;
    let mut model = Model::default();
    model.create(&mut bench).await;
    for step in steps {
        bench.pass(Duration::from_secs(1));
        model.take(&mut bench, step).await;
        model.agrees_with(&bench).await;
    }
}

fn choose<T: Copy>(which: usize, among: &[T]) -> Option<T> {
    if among.is_empty() { None } else { Some(among[which % among.len()]) }
}

impl Model {
    async fn take(&mut self, bench: &mut Bench, step: &Step) {
        match step {
            Step::Publish { order, count } => self.publish(bench, ORDERS[order % ORDERS.len()], *count).await,
            Step::Begin(which) => self.begin(*which, bench),
            Step::End { which, outcome } => self.end(bench, *which, *outcome).await,
            Step::Retry { which, knows } => {
                let Some(at) = choose(*which, &self.kept()) else { return };
                let by_hand = self.by_hand(bench, at, *knows);
                let result = bench.store().retry(by_hand.clone()).await;
                assert_eq!(allowed(result), self.retry(at, by_hand.in_flight, bench.now()));
            }
            Step::Discard { which, knows } => {
                let Some(at) = choose(*which, &self.kept()) else { return };
                let by_hand = self.by_hand(bench, at, *knows);
                let result = bench.store().discard(by_hand.clone()).await;
                assert_eq!(allowed(result), self.discard(at, by_hand.in_flight, bench.now()));
            }
            Step::Settle(which) => {
                let resting = self.waiting_and(|at| !self.in_flight.contains_key(&at));
                let Some(at) = choose(*which, &resting) else { return };
                bench.store().settle(self.deliveries[at].id.no(), bench.now()).await.unwrap();
                self.settle(at, bench.now());
            }
            Step::Change(which) => {
                let Some(target) = choose(*which, &self.living()) else { return };
                bench.update(&self.targets[target].key, EndpointChange::Reopened, |_| ()).await;
                self.act(target, Act::Changed, bench.now());
            }
            Step::Switch(which) => {
                let Some(target) = choose(*which, &self.living()) else { return };
                let enabled = !self.targets[target].enabled;
                let change = if enabled { EndpointChange::Resumed } else { EndpointChange::Adjusted };
                bench.update(&self.targets[target].key, change, |it| it.settings.enabled = enabled).await;
                self.targets[target].enabled = enabled;
                self.act(target, if enabled { Act::Resumed } else { Act::Adjusted }, bench.now());
            }
            Step::Create if self.targets.len() < MOST_TARGETS => self.create(bench).await,
            Step::Create => {}
            Step::Delete(which) => {
                let Some(target) = choose(*which, &self.living()) else { return };
                bench.delete(&self.targets[target].key, IfUndelivered::Discard).await.unwrap();
                self.delete(target, bench.now());
            }
            Step::Pass(time) => {
                bench.pass(*time);
            }
            Step::Sweep => {
                bench.sweep(DAY, 1000 * DAY).await;
                self.sweep(bench.now(), DAY);
            }
            Step::Restart => {
                bench.reopen().await;
                self.in_flight.clear();
            }
            Step::Crash => {
                bench.crash().await;
                self.in_flight.clear();
            }
        }
    }

    async fn create(&mut self, bench: &mut Bench) {
        let key = bench.endpoint_of(&crate::conformance::bench::company("acme")).await;
        self.targets.push(Target {
            key,
            generation: 0,
            health: Health::default(),
            enabled: true,
            deleted: false,
        });
    }

    async fn publish(&mut self, bench: &mut Bench, order: WorkOrderId, count: usize) {
        for accepted in bench.publish_many(order, count).await {
            self.accept(order, &accepted.deliveries, bench.now());
        }
    }

    /// An attempt at any that waits: heads, and those whose hold is over.
    fn begin(&mut self, which: usize, bench: &Bench) {
        let resting = self.waiting_and(|at| !self.in_flight.contains_key(&at));
        let Some(at) = choose(which, &resting) else { return };
        let delivery = &self.deliveries[at];
        let target = &self.targets[delivery.target];
        let probe = target.health.down.is_some();
        let begun =
            Begun { start: bench.now(), generation: target.generation, due: self.due(delivery), probe };
        self.in_flight.insert(at, begun);
    }

    async fn end(&mut self, bench: &Bench, which: usize, outcome: Ends) {
        let mut begun: Vec<usize> = self.in_flight.keys().copied().collect();
        begun.sort_unstable();
        let Some(at) = choose(which, &begun) else { return };
        let begun = self.in_flight.remove(&at).expect("it was just found");
        let delivery = &self.deliveries[at];
        let target = &self.targets[delivery.target];
        let end = match outcome {
            Ends::Success => End::Success,
            Ends::Failure { kind, .. } => End::Failed(503, kind, Duration::ZERO),
            Ends::Interruption => End::Failure(Duration::ZERO),
            Ends::Death(reason) => End::Death(reason),
        };
        let mut tried = crate::conformance::bench::tried(
            &target.key,
            delivery.id.no(),
            (delivery.order, delivery.sequence),
            (self.notifications[delivery.notification].accepted, delivery.since),
            (delivery.attempts, delivery.counted),
        );
        tried.due = begun.due;
        let mut completion = bench.completion(&tried, end);
        (completion.attempt.start, completion.attempt.duration) =
            (begun.start, bench.now().since(begun.start));
        completion.generation = begun.generation;
        if begun.probe {
            completion.occasion = Occasion::Probe(None);
        }
        let now = bench.now();
        match (outcome, &mut completion.transition) {
            (Ends::Failure { minutes, .. }, Transition::Retrying { due, .. }) => {
                *due = now.plus(MINUTE * minutes);
            }
            (Ends::Interruption, transition) => {
                completion.outcome = Outcome::Interrupted;
                // As an early one does it, or one that was due.
                let due = if delivery.due > begun.start { delivery.due } else { now };
                *transition = Transition::Retrying { due, counted: delivery.counted };
            }
            _ => {}
        }
        let what = (completion.transition, completion.outcome);
        bench.write(completion).await;
        self.complete(at, begun, what, now);
    }

    fn by_hand(&self, bench: &Bench, at: usize, knows: bool) -> ByHand {
        let in_flight = knows && self.in_flight.contains_key(&at);
        ByHand { in_flight, ..bench.by_hand(self.deliveries[at].id) }
    }

    fn waiting_and(&self, also: impl Fn(usize) -> bool) -> Vec<usize> {
        (0..self.deliveries.len()).filter(|at| self.deliveries[*at].waits() && also(*at)).collect()
    }

    fn kept(&self) -> Vec<usize> {
        (0..self.deliveries.len()).filter(|at| self.is_kept(&self.deliveries[*at])).collect()
    }

    fn living(&self) -> Vec<usize> {
        (0..self.targets.len()).filter(|at| !self.targets[*at].deleted).collect()
    }
}

fn allowed<T>(result: Result<T, Error>) -> bool {
    match result {
        Ok(_) => true,
        Err(Error::StateConflict(_)) => false,
        Err(other) => panic!("{other}"),
    }
}
