//! The window against a store made of maps: whatever comes late, twice or in between, each delivery is tried in its
//! turn, none is tried that is not there any more, and none is forgotten.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use workbell_model::{DeliveryNo, EndpointId, EndpointKey, Mode, Wish};
use workbell_store::record::LaneWindow;
use workbell_wire::MessageId;

use super::*;
use crate::lane::LOW;

/// The largest body that a notification can have by default.
const LARGEST: usize = 256 << 10;

type Place = (WorkOrderId, Sequence);

fn delivery(work_order_id: WorkOrderId, sequence: Sequence, due: Timestamp, size: usize) -> Undelivered {
    static ZEROS: [u8; LARGEST] = [0; LARGEST];
    Undelivered {
        no: DeliveryNo(work_order_id.unsigned_abs() << 32 | sequence),
        endpoint: EndpointKey {
            company_id: "acme".parse().unwrap(),
            endpoint_id: EndpointId::from_uuid(uuid::Uuid::nil()),
        },
        work_order_id,
        sequence,
        announced: Some(sequence),
        branch_id: 1,
        action: "Accepted".parse().unwrap(),
        message_id: MessageId::from_bytes([0; 16]),
        body: Bytes::from_static(&ZEROS[..size]),
        accepted: due,
        since: due,
        attempts: 0,
        counted: 0,
        due,
        scheduled: due,
        failures: workbell_model::Failures::default(),
        mode: Mode::Live,
        wish: None,
    }
}

/// What the window has not been told yet.
#[derive(Default)]
struct Untold {
    fresh: Vec<Fresh>,
    overflowed: bool,
    completed: Vec<Completed>,
    changed: Vec<WorkOrderId>,
    reloaded: bool,
}

/// What a read found when it looked.
enum Found {
    DueLanes(DueLanes),
    Lane(Front),
}

struct World {
    now: Timestamp,
    window: Window,
    open: bool,
    waiting: BTreeMap<WorkOrderId, BTreeMap<Sequence, Undelivered>>,
    gone: BTreeMap<Place, Undelivered>,
    last: HashMap<WorkOrderId, Sequence>,
    untold: Untold,
    /// Fresh ones that the inbox takes.
    inbox: usize,
    /// With what the window knew as they began.
    reads: Vec<(Read, Vec<WorkOrderId>, Option<Found>)>,
    in_flight: BTreeMap<Place, Undelivered>,
    to_settle: Vec<Place>,
    tried: Vec<Place>,
    reads_made: usize,
}

impl World {
    fn new() -> Self {
        World {
            now: Timestamp::from_unix_seconds(1000),
            window: Window::new(),
            open: true,
            waiting: BTreeMap::new(),
            gone: BTreeMap::new(),
            last: HashMap::new(),
            untold: Untold::default(),
            inbox: 3,
            reads: Vec::new(),
            in_flight: BTreeMap::new(),
            to_settle: Vec::new(),
            tried: Vec::new(),
            reads_made: 0,
        }
    }

    fn publish(&mut self, work_order_id: WorkOrderId, size: usize) {
        let last = self.last.entry(work_order_id).or_default();
        *last += 1;
        let delivery = delivery(work_order_id, *last, self.now, size);
        let lane = self.waiting.entry(work_order_id).or_default();
        let first = lane.is_empty();
        lane.insert(delivery.sequence, delivery.clone());
        if self.untold.fresh.len() < self.inbox {
            self.untold.fresh.push(Fresh { delivery, first });
        } else {
            self.untold.overflowed = true;
        }
    }

    fn change(&mut self, work_order_id: WorkOrderId) {
        if self.untold.changed.len() < self.inbox {
            self.untold.changed.push(work_order_id);
        } else {
            self.untold.reloaded = true;
        }
    }

    /// As the task of an endpoint does it.
    fn tell(&mut self) {
        let told = std::mem::take(&mut self.untold);
        for fresh in told.fresh {
            self.window.fresh(fresh);
        }
        if told.overflowed {
            self.window.overflowed();
        }
        for completed in told.completed {
            self.window.completed(completed, self.now);
        }
        for work_order_id in told.changed {
            self.window.lane_changed(work_order_id);
        }
        if told.reloaded {
            self.window.reload_all();
        }
        if !self.open {
            self.window.clear();
        }
        self.check_bounds();
    }

    fn try_next(&mut self) -> bool {
        if !self.open {
            return false;
        }
        let Some(next) = self.window.next(self.now) else { return false };
        let place = (next.work_order_id, next.sequence);
        let lane = self.waiting.get(&place.0);
        let unseen = self.untold.changed.contains(&place.0) || self.untold.reloaded;
        if !unseen {
            let head = lane.and_then(|lane| lane.values().next());
            let head = head.unwrap_or_else(|| panic!("{place:?} is tried although its lane is empty"));
            assert_eq!(head.sequence, place.1, "{place:?} is tried before the head of its lane");
            assert_eq!(head.attempts, next.attempts, "{place:?} is tried as it was before its last attempt");
            assert!(head.due <= self.now || head.wish.is_some(), "{place:?} is tried before its time");
        }
        if next.wish.is_some() {
            self.window.settle(&next);
            self.to_settle.push(place);
            return true;
        }
        let others = self.in_flight.keys().filter(|other| other.0 == place.0).count();
        assert_eq!(others, 0, "{place:?} is tried although another one of its lane is");
        self.in_flight.insert(place, next);
        self.tried.push(place);
        true
    }

    /// An attempt ends: `wait` is that until the next one, `None` when there is none.
    fn end(&mut self, place: Place, delivered: bool, wait: Option<Duration>) {
        let Some(tried) = self.in_flight.remove(&place) else { return };
        let row = self.waiting.get_mut(&place.0).and_then(|lane| lane.get_mut(&place.1));
        let due = self.now.plus(wait.unwrap_or_default());
        let state = match (row, wait) {
            (None, _) => State::Discarded,
            (Some(row), Some(_)) if !delivered => {
                row.attempts = tried.attempts + 1;
                row.due = due;
                State::Retrying
            }
            (Some(_), _) => {
                self.take_out(place, !delivered);
                if delivered { State::Delivered } else { State::Dead }
            }
        };
        let (work_order_id, sequence) = place;
        let lane = self.waiting.get(&work_order_id);
        let due = lane.and_then(|lane| lane.values().next()).map(|head| head.due);
        self.untold.completed.push(Completed { work_order_id, sequence, state, due });
    }

    fn take_out(&mut self, place: Place, keep: bool) {
        let Some(lane) = self.waiting.get_mut(&place.0) else { return };
        let Some(row) = lane.remove(&place.1) else { return };
        if lane.is_empty() {
            self.waiting.remove(&place.0);
        }
        if keep {
            self.gone.insert(place, row);
        }
    }

    fn retry(&mut self, place: Place) {
        let row = match self.gone.remove(&place) {
            Some(row) => self.waiting.entry(place.0).or_default().entry(place.1).or_insert(row),
            None => match self.waiting.get_mut(&place.0).and_then(|lane| lane.get_mut(&place.1)) {
                Some(row) => row,
                None => return,
            },
        };
        row.due = self.now;
        row.wish = None;
        self.change(place.0);
    }

    fn wish(&mut self, place: Place) {
        let row = self.waiting.get_mut(&place.0).and_then(|lane| lane.get_mut(&place.1));
        if let Some(row) = row {
            row.wish = Some(Wish::Retry);
            self.change(place.0);
        }
    }

    fn settle(&mut self) {
        for place in std::mem::take(&mut self.to_settle) {
            self.retry(place);
            self.change(place.0);
        }
    }

    fn reopen(&mut self) {
        self.open = true;
        self.waiting
            .values_mut()
            .flat_map(BTreeMap::values_mut)
            .for_each(|row| row.due = row.due.min(self.now));
        self.untold.reloaded = true;
    }

    fn start_reads(&mut self) {
        if self.open {
            let reads = self.window.reads(self.now);
            self.reads_made += reads.len();
            let known = self.window.known();
            self.reads.extend(reads.into_iter().map(|read| (read, known.clone(), None)));
        }
    }

    fn look(&mut self, at: usize) {
        let now = self.now;
        let Some((read, known, found @ None)) = self.reads.get_mut(at) else { return };
        *found = Some(match *read {
            Read::DueLanes { lanes, behind, .. } => {
                Found::DueLanes(due_lanes(&self.waiting, now, lanes, behind, known))
            }
            Read::Lane { work_order_id, after, limit, .. } => {
                Found::Lane(self.waiting.get(&work_order_id).map_or_else(Front::default, |lane| {
                    let head = lane.values().next().filter(|head| after == 0 && head.due > now);
                    if let Some(head) = head.filter(|head| head.wish.is_none()) {
                        return Front { next_due: Some(head.due), ..Front::default() };
                    }
                    let behind = lane.range(after + 1..).take(limit);
                    let deliveries: Vec<_> = behind.map(|(_, row)| row.clone()).collect();
                    Front { more: deliveries.len() >= limit, deliveries, ..Front::default() }
                }))
            }
        });
    }

    fn answer(&mut self, at: usize, fails: bool) {
        self.look(at);
        if at >= self.reads.len() {
            return;
        }
        let (read, _, found) = self.reads.remove(at);
        match (read, found) {
            (read, _) if fails => self.window.read_failed(read),
            (Read::DueLanes { ticket, .. }, Some(Found::DueLanes(due))) => self.window.refilled(ticket, due),
            (Read::Lane { work_order_id, ticket, .. }, Some(Found::Lane(found))) => {
                self.window.loaded(work_order_id, ticket, found);
            }
            (Read::DueLanes { .. } | Read::Lane { .. }, _) => unreachable!("it has looked"),
        }
        self.check_bounds();
    }

    /// Lets everything end well and checks that nothing was forgotten.
    fn drain(&mut self) {
        if !self.open {
            self.reopen();
        }
        for _ in 0..100_000 {
            self.tell();
            self.settle();
            let mut moved = false;
            while self.in_flight.len() < 16 && self.try_next() {
                moved = true;
            }
            self.start_reads();
            while !self.reads.is_empty() {
                self.answer(0, false);
                moved = true;
            }
            while let Some(place) = self.in_flight.keys().next().copied() {
                self.end(place, true, None);
                moved = true;
            }
            if moved || !self.untold.completed.is_empty() || !self.untold.changed.is_empty() {
                continue;
            }
            match self.window.next_due() {
                Some(due) if due > self.now => self.now = due,
                Some(_) | None => break,
            }
        }
        assert!(self.waiting.is_empty(), "forgotten: {:?}", self.waiting.keys().collect::<Vec<_>>());
        assert!(self.window.is_idle(), "it would never sleep: {:?}", self.window);
        assert_eq!(self.window.bytes, 0);
        assert!(self.window.next_due().is_none());
    }

    fn check_bounds(&self) {
        let window = &self.window;
        assert!(window.lanes.len() <= MOST_LANES);
        let bytes: usize = window.lanes.values().map(Lane::bytes).sum();
        assert_eq!(window.bytes, bytes);
        assert!(bytes <= MOST_BYTES + LARGEST * (MOST_LANES / 2), "{bytes}");
        assert!(window.lanes.values().all(|lane| lane.queue.len() <= DEPTH + LOW));
        assert!(window.line.len() <= 2 * MOST_LANES);
        for lane in window.lanes.values() {
            let sequences: Vec<_> = lane.queue.iter().map(|delivery| delivery.sequence).collect();
            assert!(sequences.is_sorted(), "{sequences:?}");
        }
    }
}

fn due_lanes(
    waiting: &BTreeMap<WorkOrderId, BTreeMap<Sequence, Undelivered>>,
    now: Timestamp,
    most: usize,
    behind: usize,
    known: &[WorkOrderId],
) -> DueLanes {
    let unknown = waiting.iter().filter(|(id, _)| !known.contains(id));
    let heads = unknown.filter_map(|(id, lane)| Some((lane.values().next()?.due, *id)));
    let (due, later): (BTreeSet<_>, BTreeSet<_>) = heads.partition(|(due, _)| *due <= now);
    let lanes = due.iter().take(most).map(|(_, id)| LaneWindow {
        work_order_id: *id,
        deliveries: waiting[id].values().take(behind + 1).cloned().collect(),
        more: waiting[id].len() > behind + 1,
        passed_due: None,
    });
    DueLanes { lanes: lanes.collect(), more: due.len() > most, next_due: later.first().map(|(due, _)| *due) }
}

#[derive(Clone, Debug)]
enum Step {
    Publish(WorkOrderId, bool),
    Tell,
    Try,
    StartReads,
    Look(Index),
    Answer(Index, bool),
    Deliver(Index),
    Fail(Index, u8),
    GiveUp(Index),
    Discard(Index),
    Retry(Index),
    Wish(Index),
    Settle,
    Wait(u8),
    Close,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    prop_oneof![
        12 => (0..4_i64, prop::bool::weighted(0.1)).prop_map(|(id, large)| Step::Publish(id, large)),
        10 => Just(Step::Tell),
        10 => Just(Step::Try),
        10 => Just(Step::StartReads),
        6 => index().prop_map(Step::Look),
        8 => (index(), prop::bool::weighted(0.1)).prop_map(|(at, fails)| Step::Answer(at, fails)),
        8 => index().prop_map(Step::Deliver),
        6 => (index(), 0..3_u8).prop_map(|(at, wait)| Step::Fail(at, wait)),
        1 => index().prop_map(Step::GiveUp),
        2 => index().prop_map(Step::Discard),
        2 => index().prop_map(Step::Retry),
        1 => index().prop_map(Step::Wish),
        1 => Just(Step::Settle),
        4 => (1..3_u8).prop_map(Step::Wait),
        1 => Just(Step::Close),
        1 => Just(Step::Reopen),
    ]
}

fn pick<T: Copy>(at: Index, from: impl Iterator<Item = T>) -> Option<T> {
    let all: Vec<T> = from.collect();
    (!all.is_empty()).then(|| all[at.index(all.len())])
}

fn walk(world: &mut World, step: Step) {
    match step {
        Step::Publish(id, large) => world.publish(id, if large { LARGEST } else { 100 }),
        Step::Tell => world.tell(),
        Step::Try => drop(world.try_next()),
        Step::StartReads => world.start_reads(),
        Step::Look(at) if !world.reads.is_empty() => world.look(at.index(world.reads.len())),
        Step::Answer(at, fails) if !world.reads.is_empty() => {
            world.answer(at.index(world.reads.len()), fails);
        }
        Step::Look(_) | Step::Answer(..) => {}
        Step::Deliver(at) => {
            if let Some(place) = pick(at, world.in_flight.keys().copied()) {
                world.end(place, true, None);
            }
        }
        Step::Fail(at, wait) => {
            if let Some(place) = pick(at, world.in_flight.keys().copied()) {
                world.end(place, false, Some(Duration::from_secs(u64::from(wait))));
            }
        }
        Step::GiveUp(at) => {
            if let Some(place) = pick(at, world.in_flight.keys().copied()) {
                world.end(place, false, None);
            }
        }
        Step::Discard(at) => {
            let all =
                world.waiting.iter().flat_map(|(id, lane)| lane.keys().map(|sequence| (*id, *sequence)));
            if let Some(place) = pick(at, all) {
                world.take_out(place, true);
                world.change(place.0);
            }
        }
        Step::Retry(at) => {
            let waiting =
                world.waiting.iter().flat_map(|(id, lane)| lane.keys().map(|sequence| (*id, *sequence)));
            if let Some(place) = pick(at, world.gone.keys().copied().chain(waiting)) {
                world.retry(place);
            }
        }
        Step::Wish(at) => {
            let all =
                world.waiting.iter().flat_map(|(id, lane)| lane.keys().map(|sequence| (*id, *sequence)));
            if let Some(place) = pick(at, all) {
                world.wish(place);
            }
        }
        Step::Settle => world.settle(),
        Step::Wait(seconds) => world.now = world.now.plus(Duration::from_secs(u64::from(seconds))),
        Step::Close => {
            world.open = false;
            world.untold.reloaded = true;
        }
        Step::Reopen => world.reopen(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_late_or_in_between_nothing_is_forgotten_or_tried_out_of_turn(
        steps in prop::collection::vec(step(), 0..200),
    ) {
        let mut world = World::new();
        for step in steps {
            walk(&mut world, step);
        }
        world.drain();
    }
}

/// As an endpoint's task at full speed: the attempts of a round end together.
fn run_at_full_speed(world: &mut World) {
    world.inbox = 1024;
    world.drain();
}

#[test]
fn five_thousand_deliveries_of_one_lane_come_in_order_through_a_small_window() {
    let mut world = World::new();
    (0..5000).for_each(|_| world.publish(7, 1024));
    run_at_full_speed(&mut world);
    let sequences: Vec<_> = world.tried.iter().map(|place| place.1).collect();
    assert_eq!(sequences, (1..=5000).collect::<Vec<_>>());
    assert!(world.reads_made < 5000 / 16, "{} reads", world.reads_made);
}

#[test]
fn ten_thousand_lanes_take_turns_in_a_small_window() {
    let mut world = World::new();
    for id in 0..10_000 {
        world.publish(id, 1024);
        world.publish(id, 1024);
    }
    run_at_full_speed(&mut world);
    assert_eq!(world.tried.len(), 20_000);
    assert!(world.reads_made < 10_000 / 8, "{} reads", world.reads_made);
}

#[test]
fn the_largest_bodies_fill_no_memory() {
    let mut world = World::new();
    for id in 0..500 {
        (0..20).for_each(|_| world.publish(id, LARGEST));
    }
    run_at_full_speed(&mut world);
    assert_eq!(world.tried.len(), 10_000);
}

#[test]
fn a_flood_makes_no_lane_longer_than_it_may_be() {
    let mut world = World::new();
    world.publish(1, 100);
    world.tell();
    assert!(world.try_next());
    for _ in 0..20 {
        (0..20).for_each(|_| world.publish(1, 100));
        world.tell();
        world.start_reads();
        while !world.reads.is_empty() {
            world.answer(0, false);
        }
    }
    world.drain();
}

#[test]
fn a_due_retry_has_its_turn_while_fresh_deliveries_keep_the_window_full() {
    let mut world = World::new();
    world.inbox = 1024;
    world.publish(-1, 100);
    world.tell();
    assert!(world.try_next());
    world.end((-1, 1), false, Some(Duration::from_secs(1)));
    world.tell();
    let mut fresh = 0..;
    let mut rounds = 0;
    (0..200).for_each(|_| world.publish(fresh.next().unwrap(), 100));
    world.now = world.now.plus(Duration::from_secs(2));
    while world.tried.iter().filter(|place| place.0 == -1).count() < 2 {
        rounds += 1;
        assert!(rounds < 100, "it starves");
        world.tell();
        while world.in_flight.len() < 16 && world.try_next() {}
        world.start_reads();
        while !world.reads.is_empty() {
            world.answer(0, false);
        }
        for place in world.in_flight.keys().copied().collect::<Vec<_>>() {
            world.end(place, true, None);
            world.publish(fresh.next().unwrap(), 100);
        }
    }
}
