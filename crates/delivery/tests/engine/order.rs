//! Within a work order one after the other, between work orders never waiting.

use std::time::Duration;

use workbell_model::State;

use crate::receiver::{Answer, End, Seen};
use crate::world::{HOUR, MINUTE, SECOND, World};

fn of(seen: &[Seen], work_order_id: i64) -> Vec<(u64, u16)> {
    let of = seen.iter().filter(|seen| seen.work_order_id == work_order_id);
    of.map(|seen| (seen.sequence, seen.attempt)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_later_notification_waits_for_its_work_order_and_other_work_orders_go_on() {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(|seen| {
        let bad = seen.work_order_id == 42 && seen.sequence == 1 && seen.attempt < 4;
        (10 * Duration::from_millis(1), Answer::Status(if bad { 500 } else { 200 }))
    });
    let first = world.publish(1, 42).await;
    let second = world.publish(1, 42).await;
    let others = world.publish_all(1, &[1, 2, 3, 0]).await;
    world.until_all(&others, State::Delivered).await;
    assert!(world.now().since(crate::keys::start()) < SECOND, "others do not wait");
    assert_eq!(world.state(second).await, State::Pending);
    world.until_state(second, State::Delivered).await;
    assert_eq!(world.state(first).await, State::Delivered);
    assert_eq!(of(&world.receiver.seen(), 42), [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1)]);
}

#[tokio::test(start_paused = true)]
async fn the_next_is_tried_only_when_the_fate_of_the_one_ahead_is_on_disk() {
    let (mut world, _) = World::with_endpoint().await;
    // After a success it may have two at once.
    let first = world.publish(1, 1).await;
    world.until_state(first, State::Delivered).await;
    world.store().hold_outcomes(true);
    let ids = world.publish_all(1, &[42, 42, 7]).await;
    tokio::time::sleep(HOUR).await;
    let mut seen: Vec<_> =
        world.receiver.seen()[1..].iter().map(|seen| (seen.work_order_id, seen.sequence)).collect();
    seen.sort_unstable();
    assert_eq!(seen, [(7, 1), (42, 1)]);
    world.store().hold_outcomes(false);
    world.until_all(&ids, State::Delivered).await;
    assert_eq!(world.receiver.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn outcomes_that_the_store_does_not_take_are_no_more_than_attempts_at_once() {
    let (mut world, _) = World::with_endpoint().await;
    let warm = world.publish_all(1, &(0..20).collect::<Vec<_>>()).await;
    world.until_all(&warm, State::Delivered).await;
    world.store().hold_outcomes(true);
    let ids = world.publish_all(1, &(100..200).collect::<Vec<_>>()).await;
    tokio::time::sleep(HOUR).await;
    assert_eq!(world.receiver.count(), 20 + 16, "what a crash would repeat is bounded");
    world.store().hold_outcomes(false);
    world.until_all(&ids, State::Delivered).await;
    assert_eq!(world.receiver.count(), 120);
}

#[tokio::test(start_paused = true)]
async fn a_dead_one_frees_its_lane() {
    let mut world = World::new().await;
    world.endpoint(|settings| settings.max_attempts = Some(3)).await;
    world.receiver.answers(|seen| {
        (10 * Duration::from_millis(1), Answer::Status(if seen.sequence == 1 { 404 } else { 200 }))
    });
    let ids = world.publish_all(1, &[42, 42]).await;
    world.until_state(ids[1], State::Delivered).await;
    assert_eq!(world.state(ids[0]).await, State::Dead);
    assert_eq!(of(&world.receiver.seen(), 42), [(1, 1), (1, 2), (1, 3), (2, 1)]);
}

#[tokio::test(start_paused = true)]
async fn five_thousand_deliveries_of_one_lane_arrive_in_order_through_a_small_window() {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(|seen| {
        let bad = seen.sequence % 500 == 0 && seen.attempt == 1;
        (Duration::from_millis(5), Answer::Status(if bad { 503 } else { 200 }))
    });
    let mut last = None;
    for _ in 0..10 {
        last = world.publish_all(1, &[42; 500]).await.last().copied();
    }
    world.until_state(last.unwrap(), State::Delivered).await;
    let arrived: Vec<u64> = world
        .receiver
        .seen()
        .iter()
        .filter(|seen| seen.end == End::Status(200))
        .map(|seen| seen.sequence)
        .collect();
    assert_eq!(arrived, (1..=5000).collect::<Vec<_>>());
    assert!(world.store().reads() < 5000 / 8, "{} reads", world.store().reads());
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_lanes_of_one_endpoint_all_arrive_and_few_are_in_memory() {
    let (mut world, _) = World::with_endpoint().await;
    let ids: Vec<i64> = (1..=10_000).collect();
    for part in ids.chunks(1000) {
        world.publish_all(1, part).await;
    }
    world.until_answered(10_000).await;
    let mut seen: Vec<_> = world.receiver.seen().iter().map(|seen| seen.work_order_id).collect();
    seen.sort_unstable();
    assert_eq!(seen, ids);
    assert!(world.store().reads() < 10_000 / 8, "{} reads", world.store().reads());
}

#[tokio::test(start_paused = true)]
async fn five_thousand_behind_a_waiting_head_hide_nobody() {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(|seen| {
        (Duration::from_millis(5), Answer::Status(if seen.work_order_id == 42 { 500 } else { 200 }))
    });
    for _ in 0..5 {
        world.publish_all(1, &[42; 1000]).await;
    }
    let others: Vec<_> = world.publish_all(1, &(100..400).collect::<Vec<_>>()).await;
    world.until_all(&others, State::Delivered).await;
    assert!(world.now().since(crate::keys::start()) < MINUTE);
    assert_eq!(of(&world.receiver.seen(), 42), [(1, 1)]);
}
