//! Random histories of one endpoint and its lanes on a clock of their own: 100,000 of them, each checked after every
//! step against the rules written a second time, with plain lists.
//!
//! A failing history prints its seed; `WORKBELL_SEED=… cargo test -p workbell-model --test histories` replays that one.
//! `WORKBELL_HISTORIES` takes another number of them.

#![expect(clippy::unwrap_used, reason = "a test that finds something missing shall end")]

use std::time::Duration;

use workbell_model::attempt::Failure;
use workbell_model::health::{Access, Act, Cursor, Ended, Health, Numbers, Transition, Turn};
use workbell_model::hold::{Hold, Step, Waits, Walk};
use workbell_model::{Failures, Outcome};
use workbell_wire::Timestamp;

const SECOND: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(3600);
const LONGEST: Duration = Duration::from_secs(2 * 86_400);
const NUMBERS: Numbers =
    Numbers { down_after: 10, probe_interval: Duration::from_secs(60), most_slots: 16, pauses_at_410: false };
const STEPS: usize = 60;

struct Luck(u64);

impl Luck {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

/// What happened to a delivery, in full.
#[derive(Clone, Debug, Default)]
struct Life {
    /// When it failed, how, and whether something has started its hold anew since.
    failures: Vec<(Timestamp, Failure)>,
    anew: Option<Timestamp>,
    last_own: bool,
    remembers: Failures,
    mark: u64,
}

/// The whole past of the endpoint, from which every rule can be told again.
#[derive(Default)]
struct Oracle {
    successes: Vec<Timestamp>,
    /// Stretches in which it was not open, and in which it was paused or off.
    shut: Vec<(Timestamp, Option<Timestamp>)>,
    row: u32,
    slots: Option<u16>,
    down: Option<(u32, Timestamp)>,
    throttled: Option<Timestamp>,
    paused: bool,
}

impl Oracle {
    fn is_open(&self, now: Timestamp) -> bool {
        self.down.is_none() && !self.paused && self.throttled.is_none_or(|until| until <= now)
    }

    /// Open time between two moments, second by second as the stretches have it.
    fn open_between(&self, from: Timestamp, to: Timestamp) -> Duration {
        let mut open = to.since(from);
        let mut covered = from;
        for (begin, end) in &self.shut {
            let (begin, end) = ((*begin).max(covered), end.unwrap_or(to).min(to));
            if end > begin {
                open = open.saturating_sub(end.since(begin));
                covered = end;
            }
        }
        open
    }

    /// Notes whether it is open from `now` on; a throttle's end is known beforehand.
    fn note(&mut self, now: Timestamp) {
        if let Some((_, end)) = self.shut.last_mut()
            && end.is_none_or(|end| end > now)
        {
            *end = Some(now);
        }
        if self.down.is_some() || self.paused {
            self.shut.push((now, None));
        } else if let Some(until) = self.throttled.filter(|until| *until > now) {
            self.shut.push((now, Some(until)));
        }
    }
}

struct History {
    luck: Luck,
    now: Timestamp,
    health: Health,
    oracle: Oracle,
    lives: Vec<Life>,
}

impl History {
    fn new(seed: u64) -> Self {
        let lives = vec![Life::default(); 4];
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        History { luck: Luck(seed), now, health: Health::default(), oracle: Oracle::default(), lives }
    }

    fn live(&mut self) {
        for _ in 0..STEPS {
            let wait = [0, 1, 3, 30, 400, 4000][usize::try_from(self.luck.next(6)).unwrap()];
            self.now = self.now.plus(SECOND * wait);
            match self.luck.next(20) {
                0 => self.act(Act::Changed),
                1 => self.pause(!self.oracle.paused),
                2 => self.retry(),
                3 => self.act(Act::Adjusted),
                _ => self.attempt(),
            }
            self.check();
        }
    }

    fn act(&mut self, act: Act) {
        self.health = self.health.acted(act, self.oracle.paused, self.now);
        if act == Act::Changed {
            self.reopened();
            self.lives.iter_mut().for_each(|life| life.anew = Some(self.now));
        }
        self.oracle.note(self.now);
    }

    fn reopened(&mut self) {
        (self.oracle.down, self.oracle.throttled) = (None, None);
        (self.oracle.row, self.oracle.slots) = (0, Some(1));
    }

    fn pause(&mut self, paused: bool) {
        self.oracle.paused = paused;
        if !paused {
            self.reopened();
        }
        let act = if paused { Act::Adjusted } else { Act::Resumed };
        self.health = self.health.acted(act, paused, self.now);
        self.oracle.note(self.now);
    }

    fn retry(&mut self) {
        let which = usize::try_from(self.luck.next(4)).unwrap();
        self.health = self.health.retried(which as i64, true, self.now);
        self.lives[which].remembers = self.lives[which].remembers.anew();
        self.lives[which].anew = Some(self.now);
        self.oracle.throttled = None;
        if let Some((_, next)) = &mut self.oracle.down {
            *next = self.now;
            let turn = self.health.down.unwrap().turn(self.health.last_lane);
            assert_eq!(turn, Turn::Lane(which as i64), "a retry by hand of a head is a probe at once");
        }
        self.oracle.note(self.now);
    }

    /// An attempt of any of them ends, if one may start.
    fn attempt(&mut self) {
        if self.oracle.paused {
            return;
        }
        let probe = match self.health.access(self.now) {
            Access::Open(slots) => {
                assert!(self.oracle.is_open(self.now));
                assert_eq!(slots, self.oracle.slots, "1, 2, 4 … slots");
                false
            }
            Access::Throttled(until) => {
                assert_eq!(Some(until), self.oracle.throttled);
                return;
            }
            Access::Down(next) => {
                let due =
                    self.oracle.down.unwrap().1.max(self.oracle.throttled.unwrap_or(self.now.min(next)));
                assert_eq!(next.max(self.now), due.max(self.now), "the time of the next probe");
                if next > self.now {
                    return;
                }
                true
            }
        };
        let which = match self.health.down.map(|down| down.turn(self.health.last_lane)) {
            Some(Turn::Lane(lane)) => usize::try_from(lane).unwrap(),
            Some(Turn::InOrder(_)) | None => usize::try_from(self.luck.next(4)).unwrap(),
        };
        let asked =
            (self.luck.next(2) == 0).then(|| SECOND * u32::try_from(self.luck.next(100) + 1).unwrap());
        let outcome = match self.luck.next(12) {
            0..3 => Outcome::Succeeded,
            3 => Outcome::Failed(Failure::TooManyRequests(asked)),
            4 => Outcome::Failed(Failure::Unavailable(asked)),
            5 => Outcome::Interrupted,
            6 | 7 => Outcome::Failed(Failure::Unreached),
            8 => Outcome::Failed(Failure::BadGateway),
            _ => Outcome::Failed(Failure::Refused),
        };
        self.end(which, outcome, probe);
    }

    fn end(&mut self, which: usize, outcome: Outcome, probe: bool) {
        let known = Waits {
            scheduled: self.now,
            mark: self.lives[which].mark,
            failures: self.lives[which].remembers,
            wished: false,
        };
        let ended = Ended { outcome, probe, work_order_id: which as i64, at: self.now };
        let after = self.health.after(ended, known.failures_now(&self.health), NUMBERS);
        match outcome {
            Outcome::Succeeded => self.expect_success(which, after.transition),
            Outcome::Failed(failure) => self.expect_failure(which, failure, probe, after.transition),
            Outcome::Interrupted => {
                assert_eq!((after.transition, after.health), (Transition::Unchanged, self.health));
                return;
            }
        }
        self.health =
            after.health.probing(probe.then_some(Cursor { mark: 0, due: 0, work_order_id: which as i64 }));
        self.lives[which].mark = self.health.mark;
        self.lives[which].remembers = after.failures;
        if matches!(outcome, Outcome::Failed(_)) {
            assert_eq!(after.failures.own, self.lives[which].last_own, "whether the failure was its own");
        } else {
            // Another notification takes its place.
            self.lives[which] = Life { mark: self.health.mark, ..Life::default() };
        }
        self.oracle.note(self.now);
    }

    fn expect_success(&mut self, which: usize, transition: Transition) {
        self.oracle.successes.push(self.now);
        let _ = which;
        self.oracle.row = 0;
        self.oracle.throttled = self.oracle.throttled.filter(|until| *until > self.now);
        if self.oracle.down.take().is_some() {
            assert_eq!(transition, Transition::Reopened);
            self.oracle.slots = Some(1);
        } else if let Some(slots) = self.oracle.slots {
            assert_eq!(transition, Transition::Widened);
            self.oracle.slots = (slots * 2 < NUMBERS.most_slots).then_some(slots * 2);
        }
    }

    fn expect_failure(&mut self, which: usize, failure: Failure, probe: bool, transition: Transition) {
        let last_success = self.oracle.successes.last().copied();
        let life = &mut self.lives[which];
        let status = matches!(failure, Failure::Refused | Failure::Gone | Failure::TooManyRequests(_));
        let first = life.failures.first().map(|(at, _)| *at);
        let failed_before = first.zip(last_success).is_some_and(|(first, success)| {
            // Of the same moment: by the order of what happened.
            first < success || (first == success && self.health.epoch > life.remembers.first_epoch.unwrap())
        });
        life.last_own = status && failed_before;
        life.failures.push((self.now, failure));
        let counts = !life.last_own && !matches!(failure, Failure::TooManyRequests(_));
        match (&mut self.oracle.down, counts) {
            (Some((probes, next)), _) if probe => {
                assert_eq!(transition, Transition::Probed);
                *probes += 1;
                let wait = [5, 10, 20, 40, 60][usize::try_from((*probes).min(4)).unwrap()];
                *next = self.now.plus(SECOND * wait);
            }
            (Some(_), _) => assert_eq!(transition, Transition::Unchanged),
            (None, false) => assert_eq!(transition, Transition::Excused, "it says nothing of the endpoint"),
            (None, true) => {
                self.oracle.row += 1;
                if self.oracle.row >= 10 || self.oracle.slots.is_some() {
                    assert_eq!(transition, Transition::Closed);
                    self.oracle.down = Some((0, self.now.plus(5 * SECOND)));
                    self.oracle.slots = None;
                } else {
                    assert_eq!(transition, Transition::Counted);
                }
            }
        }
        let throttles = matches!(failure, Failure::TooManyRequests(_) | Failure::Unavailable(Some(_)));
        if throttles {
            let until = self.health_throttle_after(failure);
            assert!(
                until > self.now && until <= self.now.plus(Duration::from_secs(100)),
                "1 s to 60 s, or as asked"
            );
            self.oracle.throttled = Some(until);
        }
    }

    /// The step of a throttle without header is the machine's own; its bounds are checked by the caller.
    fn health_throttle_after(&self, failure: Failure) -> Timestamp {
        let ended = Ended { outcome: Outcome::Failed(failure), probe: false, work_order_id: 0, at: self.now };
        let until = self.health.after(ended, Failures::default(), NUMBERS).health.throttled_until().unwrap();
        if let Some(asked) = failure.retry_after() {
            let known = self.oracle.throttled.unwrap_or(self.now);
            assert_eq!(until, known.max(self.now.plus(asked)), "as the receiver asked");
        }
        until
    }

    /// The hold of each, from its whole past.
    fn check(&self) {
        let success = self.oracle.successes.last().copied();
        for life in &self.lives {
            let waits =
                Waits { scheduled: self.now, mark: life.mark, failures: life.remembers, wished: false };
            let since = life.anew.unwrap_or(Timestamp::EPOCH);
            let mut counted = life.failures.iter().filter(|(at, _)| *at >= since);
            let first = counted.clone().next();
            // What falls into one moment has no order here, and is left to the machine.
            let same_moment = first.is_some_and(|(at, _)| success == Some(*at) || *at == since);
            if same_moment {
                continue;
            }
            let speaks = counted.find(|(at, failure)| {
                matches!(failure, Failure::Refused | Failure::Gone)
                    || success.is_some_and(|success| success > *at)
            });
            let hold = waits.hold(&self.health, self.now, LIMIT);
            let Some((from, _)) = speaks else {
                assert_eq!(hold, Hold::Open, "nothing speaks against it: {life:?}");
                continue;
            };
            let open = self.oracle.open_between(*from, self.now);
            let stopped = self.oracle.down.is_some() || self.oracle.paused;
            match hold {
                Hold::Open => assert!(stopped, "{life:?}"),
                Hold::Over => assert!(open >= LIMIT && !stopped, "{open:?} of {life:?}"),
                Hold::Until(until) => {
                    let begins = self.oracle.throttled.unwrap_or(self.now).max(self.now);
                    assert!(open < LIMIT || begins > self.now, "{open:?} of {life:?}");
                    assert_eq!(until, begins.plus(LIMIT.saturating_sub(open)), "{life:?}");
                }
            }
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn a_hundred_thousand_random_histories_keep_the_rules() {
    let replayed = number("WORKBELL_SEED");
    let seeds = replayed.map_or(1..=number("WORKBELL_HISTORIES").unwrap_or(100_000), |seed| seed..=seed);
    for seed in seeds {
        let lived = std::panic::catch_unwind(|| History::new(seed).live());
        assert!(
            lived.is_ok(),
            "replay it: WORKBELL_SEED={seed} cargo test -p workbell-model --test histories"
        );
    }
}

#[test]
fn one_bad_notification_never_closes_an_endpoint() {
    let mut health = Health::default();
    let (mut now, mut bad) = (Timestamp::from_unix_seconds(1_800_000_000), Failures::default());
    for turn in 0..1000 {
        now = now.plus(SECOND);
        let refused =
            Ended { outcome: Outcome::Failed(Failure::Refused), probe: false, work_order_id: 1, at: now };
        let after = health.after(refused, bad, NUMBERS);
        (health, bad) = (after.health, after.failures);
        assert_eq!(health.down, None, "turn {turn}");
        if turn == 0 {
            let good = Ended { outcome: Outcome::Succeeded, probe: false, work_order_id: 2, at: now };
            health = health.after(good, Failures::default(), NUMBERS).health;
        }
    }
}

#[test]
fn a_throttle_without_a_header_doubles_from_one_second_to_sixty() {
    let mut health = Health::default();
    let mut now = Timestamp::from_unix_seconds(1_800_000_000);
    for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
        let failure = Outcome::Failed(Failure::TooManyRequests(None));
        let ended = Ended { outcome: failure, probe: false, work_order_id: 1, at: now };
        health = health.after(ended, Failures::default(), NUMBERS).health;
        assert_eq!(health.access(now), Access::Throttled(now.plus(SECOND * expected)));
        now = now.plus(SECOND * expected);
        assert_eq!(health.access(now), Access::Open(None));
    }
}

#[test]
fn a_lane_is_one_line_until_a_hold_is_over_and_then_each_head_has_its_own_due_time() {
    let now = Timestamp::from_unix_seconds(1_800_000_000);
    let health = Health::default();
    let refused = |from: Timestamp| Failures { refused_from: Some(from), ..Failures::default() };
    let waits = |scheduled, failures| Waits { scheduled, mark: 0, failures, wished: false };
    let held = waits(now.plus(600 * SECOND), refused(now.minus(60 * SECOND)));
    let released = waits(now.plus(900 * SECOND), refused(now.minus(LIMIT)));
    let fresh = waits(now, Failures::default());
    let mut walk = Walk::new(&health, now, LIMIT, LONGEST);
    assert_eq!([released, fresh, fresh].map(|one| walk.step(&one)), [Step::Pass, Step::Try, Step::Behind]);
    assert_eq!(walk.next, Some(now), "the second one's");
    let mut walk = Walk::new(&health, now, LIMIT, LONGEST);
    assert_eq!(walk.step(&held), Step::Stop);
    walk.more();
    assert_eq!(walk.next, Some(held.scheduled), "its due time comes before the end of its hold");
    let mut walk = Walk::new(&health, now, Duration::ZERO, LONGEST);
    assert_eq!([held, fresh].map(|one| walk.step(&one)), [Step::Pass, Step::Try], "each on its own clock");
}

#[test]
fn a_due_time_further_ahead_than_any_wait_is_due_at_once() {
    let now = Timestamp::from_unix_seconds(1_800_000_000);
    let far = Waits {
        scheduled: now.plus(LONGEST + SECOND),
        mark: 0,
        failures: Failures::default(),
        wished: false,
    };
    assert_eq!(far.due(&Health::default(), now, LONGEST), now);
    let near = Waits { scheduled: now.plus(LONGEST), ..far };
    assert_eq!(near.due(&Health::default(), now, LONGEST), near.scheduled);
}
