//! How many at once, how many per second, and how little when nothing happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use workbell_model::{RetrySchedule, State};
use workbell_store::record::EndpointChange;

use crate::receiver::{Answer, End};
use crate::world::{DAY, HOUR, MINUTE, SECOND, Setup, World};

/// The most requests that were ever open at once, at one host or at all.
fn most_at_once(world: &World, host: &'static str) -> Arc<AtomicUsize> {
    let most = Arc::new(AtomicUsize::new(0));
    let seen = most.clone();
    world.receiver.is_watched_by(move |all, new| {
        let open = all.iter().filter(|seen| seen.end == End::Open && seen.url.contains(host)).count();
        seen.fetch_max(open + usize::from(new.url.contains(host)), Ordering::SeqCst);
    });
    most
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_has_at_most_its_number_of_attempts_at_once() {
    let mut world = World::new().await;
    world.endpoint(|settings| settings.max_concurrency = Some(3)).await;
    let most = most_at_once(&world, "e1");
    world.receiver.answers(|_| (SECOND, Answer::Status(200)));
    let ids = world.publish_all(1, &(0..30).collect::<Vec<_>>()).await;
    world.until_all(&ids, State::Delivered).await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    // One, then two, then three at once.
    assert_eq!(world.now().since(crate::keys::start()), 11 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn no_endpoint_has_more_than_the_settings_allow() {
    let mut world = World::new().await;
    let key = world.endpoint(|settings| settings.max_concurrency = Some(60)).await;
    let most = most_at_once(&world, "e1");
    world.receiver.answers(|_| (SECOND, Answer::Status(200)));
    let ids = world.publish_all(1, &(0..64).collect::<Vec<_>>()).await;
    world.until_all(&ids, State::Delivered).await;
    assert_eq!(most.swap(0, Ordering::SeqCst), 16);
    world
        .change_endpoint(&key, EndpointChange::Adjusted, |endpoint| {
            endpoint.settings.max_concurrency = Some(1)
        })
        .await;
    let ids = world.publish_all(1, &(0..8).collect::<Vec<_>>()).await;
    world.until_all(&ids, State::Delivered).await;
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn all_endpoints_together_have_at_most_max_in_flight_and_each_has_its_turn() {
    let mut world = World::with(Setup { max_in_flight: 4, ..Setup::default() }).await;
    for _ in 0..3 {
        world.endpoint(|_| {}).await;
    }
    let most = most_at_once(&world, "example");
    world.receiver.answers(|_| (SECOND, Answer::Status(200)));
    let mut ids = world.publish_all(1, &(0..40).collect::<Vec<_>>()).await;
    ids.extend(world.publish_all(2, &(0..4).collect::<Vec<_>>()).await);
    ids.extend(world.publish_all(3, &(0..4).collect::<Vec<_>>()).await);
    world.until_all(&ids, State::Delivered).await;
    assert_eq!(most.load(Ordering::SeqCst), 4);
    // In the first second each has one, and nobody may have two yet.
    assert_eq!(world.now().since(crate::keys::start()), 13 * SECOND, "then no slot stays free");
    let seen = world.receiver.seen();
    let second = seen.iter().rposition(|seen| seen.url.contains("e2")).unwrap();
    assert!(second < 30, "the last of the second endpoint was number {second}");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_begins_with_one_attempt_has_twice_as_many_each_time_and_one_again_after_a_timeout() {
    let mut world = World::with_endpoint().await.0;
    world.receiver.answers(|seen| {
        let answer = if seen.work_order_id == 40 { Answer::Hang } else { Answer::Status(200) };
        (SECOND, answer)
    });
    world.publish_all(1, &(0..40).collect::<Vec<_>>()).await;
    world.until_seen(40).await;
    let receiver = world.receiver.clone();
    let at_once = |from: usize| {
        let seen = receiver.seen();
        let at = seen[from].at;
        seen[from..].iter().take_while(|seen| seen.at == at).count()
    };
    let mut widths = Vec::new();
    while widths.iter().sum::<usize>() < 40 {
        widths.push(at_once(widths.iter().sum()));
    }
    // The first success makes room for two, each of those for two more, up to 16.
    assert_eq!(widths, [1, 2, 8, 16, 13]);
    world.until_answered(40).await;
    world.publish(1, 40).await;
    world.until_answered(41).await;
    world.publish_all(1, &(50..60).collect::<Vec<_>>()).await;
    world.until_seen(42).await;
    assert_eq!(at_once(41), 1, "one at a time after a timeout");
}

#[tokio::test(start_paused = true)]
async fn a_good_endpoint_waits_for_nobody_while_hundreds_hang() {
    const HANGING: i64 = 200;
    let mut world = World::with(Setup { max_in_flight: 32, ..Setup::default() }).await;
    for _ in 0..=HANGING {
        world
            .endpoint(|settings| settings.retry_schedule = Some(RetrySchedule::new(vec![SECOND]).unwrap()))
            .await;
    }
    let good = format!("e{}.example", HANGING + 1);
    let host = good.clone();
    world.receiver.answers(move |seen| {
        let answer = if seen.url.contains(&host) { Answer::Status(200) } else { Answer::Hang };
        (Duration::from_millis(10), answer)
    });
    for nth in 1..=HANGING {
        world.publish_all(nth, &(0..20).collect::<Vec<_>>()).await;
    }
    // Each has hung once: 200 with 32 slots take seven rounds of 30 s at most.
    tokio::time::sleep(4 * MINUTE).await;
    let host = good.clone();
    let most = Arc::new(AtomicUsize::new(0));
    let seen = most.clone();
    world.receiver.is_watched_by(move |all, new| {
        let open = all.iter().filter(|one| one.end == End::Open && !one.url.contains(&host)).count();
        seen.fetch_max(open + usize::from(!new.url.contains(&host)), Ordering::SeqCst);
    });
    for round in 0..20 {
        let orders: Vec<i64> = (0..10).map(|order| round * 10 + order).collect();
        let from = world.now();
        let ids = world.publish_all(HANGING + 1, &orders).await;
        world.until_all(&ids, State::Delivered).await;
        let took = world.now().since(from);
        assert!(took < SECOND, "as if it were alone: {took:?}");
        tokio::time::sleep(5 * SECOND).await;
    }
    assert_eq!(most.load(Ordering::SeqCst), 16, "half of them for those that hang, and no more");
}

#[tokio::test(start_paused = true)]
async fn a_flood_to_one_endpoint_does_not_cost_it_its_place_in_the_line_for_slots() {
    let mut world = World::with(Setup { max_in_flight: 1, ..Setup::default() }).await;
    for _ in 0..3 {
        world.endpoint(|_| {}).await;
    }
    world.receiver.answers(|_| (SECOND, Answer::Status(200)));
    world.publish_all(1, &(0..60).collect::<Vec<_>>()).await;
    world.publish_all(2, &(0..60).collect::<Vec<_>>()).await;
    // Each of these wakes the third endpoint's task while it waits for a slot.
    for id in 0..60 {
        world.publish(3, id).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.until_seen(30).await;
    let third = world.receiver.seen().iter().take(30).filter(|seen| seen.url.contains("e3")).count();
    assert!((8..=12).contains(&third), "{third} of 30");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_gets_at_most_its_rate_per_second() {
    let mut world = World::new().await;
    world.endpoint(|settings| settings.rate_per_second = Some(5)).await;
    let ids = world.publish_all(1, &(0..100).collect::<Vec<_>>()).await;
    world.until_all(&ids, State::Delivered).await;
    let seen = world.receiver.seen();
    for (nth, one) in seen.iter().enumerate() {
        let within = seen[nth..].iter().filter(|other| other.at.since(one.at) < SECOND).count();
        assert!(within <= 10, "{within} within a second: one second's worth at once, then the rate");
    }
    let whole = seen[99].at.since(seen[0].at);
    assert!((19 * SECOND..20 * SECOND).contains(&whole), "{whole:?}");
}

#[tokio::test(start_paused = true)]
async fn endpoints_that_wait_for_their_rate_keep_no_slot_from_others() {
    let mut world = World::with(Setup { max_in_flight: 1, ..Setup::default() }).await;
    for _ in 0..2 {
        world.endpoint(|settings| settings.rate_per_second = Some(1)).await;
    }
    world.endpoint(|_| {}).await;
    let orders: Vec<i64> = (0..20).collect();
    let slow = world.publish_all(1, &orders).await;
    world.publish_all(2, &orders).await;
    let fast = world.publish_all(3, &orders).await;
    world.until_all(&fast, State::Delivered).await;
    assert!(world.now().since(crate::keys::start()) < SECOND);
    world.until_all(&slow, State::Delivered).await;
}

#[tokio::test(start_paused = true)]
async fn when_nothing_happens_nothing_is_read() {
    let (mut world, _) = World::with_endpoint().await;
    let id = world.publish(1, 42).await;
    world.until_state(id, State::Delivered).await;
    tokio::time::sleep(MINUTE).await;
    let reads = world.store().reads();
    tokio::time::sleep(30 * DAY).await;
    assert_eq!(world.store().reads(), reads);
}

#[tokio::test(start_paused = true)]
async fn what_waits_costs_no_reads_until_its_time() {
    let mut world = World::new().await;
    world.endpoint(|settings| settings.hold_limit = Some(DAY)).await;
    world.receiver.answers(|seen| (SECOND, Answer::Status(if seen.attempt < 5 { 500 } else { 200 })));
    let ids = world.publish_all(1, &[42; 50]).await;
    world.until_answered(4).await;
    tokio::time::sleep(MINUTE).await;
    let reads = world.store().reads();
    tokio::time::sleep(30 * MINUTE).await;
    // Each of these stands behind a head that waits.
    for _ in 0..100 {
        world.publish(1, 42).await;
    }
    assert!(world.store().reads() - reads <= 1, "{} reads", world.store().reads() - reads);
    world.until_state(ids[0], State::Delivered).await;
    assert!(world.now().since(crate::keys::start()) < 2 * HOUR);
}
