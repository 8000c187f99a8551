//! Whatever receivers, people and machines do: order, at least once, exact counts, one record per attempt; and after
//! each step holds, probes, throttles, slots and due times as a [`Referee`](crate::referee::Referee) tells them.
//!
//! A case is a seed (of the receivers' answers and of all delays within) and a list of acts. A failing one is kept in
//! `model.regressions` beside this file and tried first from then on. `PROPTEST_CASES` takes another number of cases.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::FileFailurePersistence;
use workbell_egress::RetryAfter;
use workbell_model::{Authorization, Defaults, DeliveryId, EndpointKey, Reason, RetrySchedule, State};
use workbell_store::Store;
use workbell_store::record::{EndpointChange, LogRecord};
use workbell_wire::Timestamp;

use crate::receiver::{Answer, End, Seen};
use crate::referee::{Overtaken, Place};
use crate::world::{DAY, HOUR, SECOND, Setup, World};

/// Enough for about half a minute.
const CASES: u32 = 300;

#[derive(Clone, Debug)]
enum Act {
    Publish { nth: i64, work_orders: Vec<i64> },
    Sleep(u64),
    Retry(Index),
    Discard(Index),
    Redirect(i64),
    Limit(i64, u16),
    Pause(i64),
    Resume(i64),
    SwitchOff(i64),
    SwitchOn(i64),
    Restart(u64),
    Crash { losing_for: u64 },
    Trouble(bool),
    FailReads(usize),
}

fn act() -> impl Strategy<Value = Act> {
    let nth = || 1..=2_i64;
    prop_oneof![
        12 => (nth(), prop::collection::vec(0..4_i64, 1..8))
            .prop_map(|(nth, work_orders)| Act::Publish { nth, work_orders }),
        12 => (1..3000_u64).prop_map(Act::Sleep),
        4 => any::<Index>().prop_map(Act::Retry),
        3 => any::<Index>().prop_map(Act::Discard),
        1 => nth().prop_map(Act::Redirect),
        1 => (nth(), 1..4_u16).prop_map(|(nth, most)| Act::Limit(nth, most)),
        1 => nth().prop_map(Act::Pause),
        2 => nth().prop_map(Act::Resume),
        1 => nth().prop_map(Act::SwitchOff),
        2 => nth().prop_map(Act::SwitchOn),
        1 => (0..3000_u64).prop_map(Act::Restart),
        1 => prop_oneof![Just(0), 1..1500_u64].prop_map(|losing_for| Act::Crash { losing_for }),
        1 => any::<bool>().prop_map(Act::Trouble),
        1 => (1..4_usize).prop_map(Act::FailReads),
    ]
}

fn mix(seed: u64, parts: &[u64]) -> u64 {
    parts.iter().fold(seed ^ 0x9e37_79b9_7f4a_7c15, |hash, part| {
        let mixed = (hash ^ part).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 29)
    })
}

/// Which endpoint a request was for.
fn nth_of(seen: &Seen) -> i64 {
    if seen.url.starts_with("https://e1.") { 1 } else { 2 }
}

fn at_random(seed: u64, seen: &Seen) -> (Duration, Answer) {
    let numbers = [nth_of(seen).unsigned_abs(), seen.work_order_id.unsigned_abs(), seen.sequence];
    let hash = mix(mix(seed, &numbers), &[seen.attempt.into(), seen.at.ticks().unsigned_abs()]);
    let delay = Duration::from_millis(if hash & 3 == 0 { hash >> 8 & 2047 } else { hash >> 8 & 31 });
    let answer = match hash >> 32 & 31 {
        0..18 => Answer::Status(200),
        18 => Answer::Status(204),
        19 => Answer::Status(302),
        20..22 => Answer::Status(404),
        22..25 => Answer::Status(500),
        25 if hash >> 40 & 1 == 0 => Answer::Status(429),
        25 => Answer::RetryAfter(429, RetryAfter::Seconds(hash >> 41 & 7)),
        26 => Answer::RetryAfter(503, RetryAfter::Date(seen.at.plus(5 * SECOND).to_http_date())),
        27..29 => Answer::Refused,
        _ => Answer::Hang,
    };
    (delay, answer)
}

struct Model {
    world: World,
    keys: Vec<EndpointKey>,
    ids: Vec<(DeliveryId, i64)>,
    /// When something made an endpoint, or one delivery, due at once.
    nudges: Vec<(Timestamp, i64, Option<DeliveryId>)>,
    wrong: Arc<Mutex<Vec<String>>>,
    redirects: u32,
}

impl Model {
    async fn new(seed: u64) -> Self {
        let defaults = Defaults {
            retry_schedule: RetrySchedule::new([1, 3, 9].map(Duration::from_secs).to_vec()).unwrap(),
            max_attempts: 4,
            max_age: if seed & 1 == 0 { DAY } else { 10 * SECOND },
            timeout: 3 * SECOND,
            endpoint_concurrency: 3,
            // One that is down is probed before anybody's time.
            down_after: if seed & 2 == 0 { 0 } else { 4 },
            hold_limit: if seed & 4 == 0 { HOUR } else { 4 * SECOND },
            ..Defaults::default()
        };
        let mut world = World::with(Setup { defaults, max_in_flight: 4, seed, ..Setup::default() }).await;
        world.store().delay_at_random(seed);
        let first = world.endpoint(|settings| settings.authorization = Authorization::Jwt).await;
        let second = world.endpoint(|settings| settings.rate_per_second = Some(20)).await;
        world.receiver.answers(move |seen| at_random(seed, seen));
        let wrong = Arc::new(Mutex::new(Vec::new()));
        let keys = vec![first, second];
        // What expires has its fate without an attempt and without a word, which the referee would have to guess.
        if seed & 1 == 0 {
            world.referee.lock().unwrap().begin(&world.setup.defaults);
        }
        let (ids, nudges) = (Vec::new(), Vec::new());
        let mut model = Model { world, keys, ids, nudges, wrong, redirects: 0 };
        model.watch();
        model
    }

    /// Looks at every request as it comes.
    fn watch(&mut self) {
        let (wrong, keys, referee) = (self.wrong.clone(), self.keys.clone(), self.world.referee.clone());
        self.world.receiver.is_watched_by(move |all, new| {
            let key = keys[usize::try_from(nth_of(new) - 1).unwrap()].clone();
            let same_lane =
                |seen: &&Seen| (nth_of(seen), seen.work_order_id) == (nth_of(new), new.work_order_id);
            if let Some(open) = all.iter().filter(same_lane).find(|seen| seen.end == End::Open) {
                wrong.lock().unwrap().push(format!("two of a lane at once: {open:?} and {new:?}"));
            }
            let open = all.iter().filter(|seen| seen.end == End::Open && seen.url == new.url).count();
            referee.lock().unwrap().starts(&key, new, open);
        });
    }

    fn key(&self, nth: i64) -> EndpointKey {
        self.keys[usize::try_from(nth - 1).unwrap()].clone()
    }

    async fn change(
        &mut self,
        nth: i64,
        change: EndpointChange,
        edit: impl FnOnce(&mut workbell_model::Endpoint),
    ) {
        self.world.change_endpoint(&self.key(nth), change, edit).await;
        if matches!(change, EndpointChange::Reopened | EndpointChange::Resumed) {
            self.nudges.push((self.world.now(), nth, None));
        }
    }

    async fn run(&mut self, act: Act) {
        let now = self.world.now();
        match act {
            Act::Publish { nth, work_orders } => self.publish(nth, &work_orders).await,
            Act::Sleep(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
            Act::Retry(at) => self.retry(at).await,
            Act::Discard(at) => self.discard(at).await,
            Act::Redirect(nth) => {
                self.redirects += 1;
                let url = format!("https://e{nth}.example/{}", self.redirects);
                self.change(nth, EndpointChange::Reopened, |endpoint| endpoint.settings.url = Some(url))
                    .await;
            }
            Act::Limit(nth, most) => {
                self.change(nth, EndpointChange::Adjusted, |endpoint| {
                    endpoint.settings.max_concurrency = Some(most);
                })
                .await;
            }
            Act::Pause(nth) => {
                self.change(nth, EndpointChange::Adjusted, |endpoint| endpoint.paused = Some(now)).await;
            }
            Act::Resume(nth) => {
                self.change(nth, EndpointChange::Resumed, |endpoint| endpoint.paused = None).await;
            }
            Act::SwitchOff(nth) => {
                self.change(nth, EndpointChange::Adjusted, |endpoint| endpoint.settings.enabled = false)
                    .await;
            }
            Act::SwitchOn(nth) => {
                self.change(nth, EndpointChange::Resumed, |endpoint| endpoint.settings.enabled = true).await;
            }
            Act::Restart(millis) => self.world.restart(Duration::from_millis(millis)).await,
            Act::Crash { losing_for } => {
                if losing_for > 0 {
                    self.world.store().lose_outcomes();
                    tokio::time::sleep(Duration::from_millis(losing_for)).await;
                }
                self.world.crash().await;
            }
            Act::Trouble(trouble) => {
                self.world.store().set_trouble(trouble);
                self.excuse(Duration::ZERO);
            }
            Act::FailReads(count) => {
                self.world.store().fail_reads(count);
                self.excuse(5 * SECOND);
            }
        }
    }

    fn excuse(&self, time: Duration) {
        self.world.referee.lock().unwrap().excuse(self.world.now().plus(time));
    }

    async fn publish(&mut self, nth: i64, work_orders: &[i64]) {
        let acceptances = work_orders.iter().map(|id| self.world.acceptance(nth, *id, 200)).collect();
        for accepted in self.world.store().accept(acceptances).await.unwrap() {
            self.ids.extend(accepted.unwrap().deliveries.into_iter().map(|id| (id, nth)));
        }
    }

    async fn retry(&mut self, at: Index) {
        if self.ids.is_empty() {
            return;
        }
        let (id, nth) = self.ids[at.index(self.ids.len())];
        let by_hand = self.world.by_hand(id);
        if self.world.store().retry(by_hand).await.is_ok() {
            self.nudges.push((self.world.now(), nth, Some(id)));
        }
    }

    async fn discard(&mut self, at: Index) {
        if self.ids.is_empty() {
            return;
        }
        let (id, _) = self.ids[at.index(self.ids.len())];
        let by_hand = self.world.by_hand(id);
        let _refused = self.world.store().discard(by_hand).await;
    }

    /// Everything ends well from here on.
    async fn end(&mut self) {
        self.world.store().set_trouble(false);
        self.world.receiver.always(Answer::Status(200));
        for nth in 1..=2 {
            self.change(nth, EndpointChange::Resumed, |endpoint| {
                endpoint.paused = None;
                endpoint.settings.enabled = true;
            })
            .await;
        }
        let (first, second) = (self.key(1), self.key(2));
        self.world
            .until("nothing waits any more", async || {
                let store = self.world.store();
                self.world.engine().attempts_in_flight() == 0
                    && store.waiting(&first).await.unwrap() + store.waiting(&second).await.unwrap() == 0
            })
            .await;
    }

    async fn check(&mut self) {
        let mut seen: HashMap<String, BTreeMap<u16, i64>> = HashMap::new();
        for one in self.world.receiver.seen() {
            *seen.entry(one.message_id).or_default().entry(one.attempt).or_default() += 1;
        }
        let mut lost: HashMap<_, i64> = HashMap::new();
        for (no, attempt) in self.world.lost.lock().unwrap().drain(..) {
            *lost.entry((no, attempt)).or_default() += 1;
        }
        for (id, nth) in &self.ids {
            let record = self.world.delivery(*id).await;
            let log = self.world.attempts(*id).await;
            let mut times = seen.remove(&record.message_id.to_string()).unwrap_or_default();
            for (attempt, times) in &mut times {
                *times -= lost.get(&(id.no(), *attempt)).copied().unwrap_or(0);
            }
            times.retain(|_, times| *times != 0);
            let numbers: Vec<u16> = log.iter().map(|attempt| attempt.attempt).collect();
            assert_eq!(numbers, (1..=record.attempts).collect::<Vec<_>>(), "numbers of {record:?}");
            assert_eq!(
                times,
                numbers.iter().map(|number| (*number, 1)).collect(),
                "each was sent once, but for what was lost: {record:?}"
            );
            check_state(record.state, &log);
            if self.world.setup.defaults.down_after == 0 {
                self.check_waits(*id, *nth, &log);
            }
        }
        assert!(seen.is_empty(), "never published: {seen:?}");
        self.check_overtaken().await;
        assert_eq!(*self.wrong.lock().unwrap(), Vec::<String>::new());
    }

    /// Only what had expired was overtaken: that fate comes without an attempt, so nobody told of it.
    async fn check_overtaken(&self) {
        let overtaken = std::mem::take(&mut self.world.referee.lock().unwrap().overtaken);
        for Overtaken { place, by, why } in overtaken {
            let record = self.world.delivery(self.id_of(&place)).await;
            let expired = record.reason == Some(Reason::Expired);
            let had_expired = expired && record.finished.is_some_and(|at| at <= by.at);
            assert!(had_expired, "{place:?} waits ahead of {by:?}: {why}, {record:?}");
        }
    }

    fn id_of(&self, place: &Place) -> DeliveryId {
        let no = self.world.referee.lock().unwrap().number(place);
        self.ids.iter().find(|(id, _)| Some(id.no()) == no).unwrap().0
    }

    /// After each step: what the store says of the endpoints is what follows, and nothing is late.
    async fn look(&mut self) {
        for key in self.keys.clone() {
            let (health, now) = (self.world.store().directory().health(&key), self.world.now());
            self.world.referee.lock().unwrap().compare(&key, &health);
            while self.world.store().trouble().is_none() {
                let Some(late) = self.world.referee.lock().unwrap().late(&key, now) else { break };
                let record = self.world.delivery(self.id_of(&late)).await;
                if record.state.is_undelivered() {
                    self.wrong.lock().unwrap().push(format!("late at {now:?}: {record:?}, {health:?}"));
                    break;
                }
                // It has expired.
                self.world.referee.lock().unwrap().is_gone(&late);
            }
        }
        let referee = std::mem::take(&mut self.world.referee.lock().unwrap().wrong);
        self.wrong.lock().unwrap().extend(referee);
        assert_eq!(*self.wrong.lock().unwrap(), Vec::<String>::new());
    }

    /// No attempt began before its time.
    fn check_waits(&self, id: DeliveryId, nth: i64, log: &[LogRecord]) {
        for pair in log.windows(2) {
            let between = pair[0].start..=pair[1].start;
            let nudged = self.nudges.iter().any(|(at, endpoint, one)| {
                between.contains(at) && *endpoint == nth && one.is_none_or(|one| one == id)
            });
            let due = pair[0].next_attempt_at;
            // What was due at once as it began is so again.
            let nudged = nudged || pair[0].error.as_deref() == Some("Interrupted");
            assert!(nudged || due.is_some_and(|due| due <= pair[1].start), "too early: {pair:?}");
        }
    }
}

fn check_state(state: State, log: &[LogRecord]) {
    let good = |attempt: &LogRecord| matches!(attempt.status, Some(200..300)) && attempt.error.is_none();
    let successes = log.iter().filter(|attempt| good(attempt)).count();
    match state {
        State::Delivered => {
            assert_eq!(successes, 1, "delivered once: {log:?}");
            assert!(log.last().is_some_and(good), "nothing comes after a success: {log:?}");
        }
        State::Dead | State::Discarded => assert_eq!(successes, 0, "a success wins: {log:?}"),
        State::Pending | State::Retrying => panic!("{state:?} although nothing waits: {log:?}"),
    }
}

fn run_case(seed: u64, acts: Vec<Act>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut model = Model::new(seed).await;
        for act in acts {
            model.run(act).await;
            model.look().await;
        }
        model.end().await;
        model.look().await;
        model.check().await;
    });
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(CASES),
        max_shrink_iters: 300,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/engine/model.regressions"
        )))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happens_each_arrives_in_order_and_every_attempt_is_counted(
        seed in any::<u64>(),
        acts in prop::collection::vec(act(), 1..60),
    ) {
        run_case(seed, acts);
    }
}
