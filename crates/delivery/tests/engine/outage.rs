//! A receiver that is away for two hours while a hundred thousand notifications wait for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use workbell_store::Store as _;
use workbell_wire::Timestamp;

use crate::receiver::{Answer, End, Seen};
use crate::world::{HOUR, MINUTE, SECOND, Setup, World};

const BACKLOG: usize = 100_000;
const WORK_ORDERS: usize = 1_000;

/// What the receiver needs for an answer.
const ANSWER: Duration = Duration::from_millis(5);

#[tokio::test(start_paused = true)]
async fn after_two_hours_everything_arrives_in_order_within_a_probe_and_the_drain_and_without_a_herd() {
    let mut world = World::with(Setup { patience: Duration::from_secs(3600), ..Setup::default() }).await;
    let key = world.endpoint(|_| {}).await;
    let away = Arc::new(AtomicBool::new(true));
    let is_away = away.clone();
    world.receiver.answers(move |_| {
        (ANSWER, if is_away.load(Ordering::SeqCst) { Answer::Refused } else { Answer::Status(200) })
    });
    for _ in 0..BACKLOG / WORK_ORDERS {
        world.publish_all(1, &(0..WORK_ORDERS as i64).collect::<Vec<_>>()).await;
        tokio::time::sleep(2 * HOUR / (BACKLOG / WORK_ORDERS) as u32).await;
    }
    let tried = world.receiver.count();
    assert!(tried < 200, "while it is down it is probed, and nothing else: {tried} attempts");

    away.store(false, Ordering::SeqCst);
    let back = world.now();
    while world.store().waiting(&key).await.unwrap() > 0 {
        tokio::time::sleep(SECOND).await;
        assert!(world.now().since(back) < HOUR, "it does not drain");
    }
    let seen = world.receiver.seen();
    let after = &seen[tried..];
    let waited = after[0].at.since(back);
    assert!(waited <= MINUTE + SECOND, "one probe interval: {waited:?}");
    let drain = ANSWER * (BACKLOG / 16) as u32;
    let took = world.now().since(after[0].at);
    assert!(took < drain + drain / 2, "sixteen at a time take {drain:?}, it took {took:?}");
    all_once_in_order(&seen);
    widens_step_by_step(after);
}

/// Each arrived once, and those of a work order in their order.
fn all_once_in_order(seen: &[Seen]) {
    let mut last: HashMap<i64, u64> = HashMap::new();
    for one in seen.iter().filter(|seen| seen.end == End::Status(200)) {
        let last = last.entry(one.work_order_id).or_default();
        assert_eq!(one.sequence, *last + 1, "of work order {}", one.work_order_id);
        *last = one.sequence;
    }
    assert_eq!(last.len(), WORK_ORDERS);
    assert!(last.values().all(|last| *last == (BACKLOG / WORK_ORDERS) as u64));
}

/// Never more at once than the successes before allow: 1, 2, 4, … 16.
fn widens_step_by_step(seen: &[Seen]) {
    let mut ends: Vec<Timestamp> = seen.iter().map(|seen| seen.ended).collect();
    ends.sort_unstable();
    let mut most = 0;
    for (nth, one) in seen.iter().enumerate() {
        let successes = ends.partition_point(|ended| *ended <= one.at);
        let at_once = nth + 1 - successes;
        let allowed = 1_usize << successes.min(4);
        assert!(at_once <= allowed, "{at_once} at once after {successes} successes");
        most = most.max(at_once);
    }
    assert_eq!(most, 16, "in the end it is as quick as it may be");
}
