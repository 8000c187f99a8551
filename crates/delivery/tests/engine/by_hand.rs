//! Retry and discard by hand: of what waits, of what is in flight, of what had its fate.

use std::time::Duration;

use workbell_model::{DeliveryId, Reason, State};
use workbell_store::Store;
use workbell_store::record::ByHand;

use crate::receiver::{Answer, Seen};
use crate::world::{HOUR, MINUTE, SECOND, World};

/// A failing head of work order 42 and one behind it.
async fn head_waits() -> (World, DeliveryId, DeliveryId) {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(|seen| {
        (10 * Duration::from_millis(1), Answer::Status(if seen.sequence == 1 { 500 } else { 200 }))
    });
    let ids = world.publish_all(1, &[42, 42]).await;
    world.until_state(ids[0], State::Retrying).await;
    (world, ids[0], ids[1])
}

/// The first attempt takes ten seconds and ends with this.
async fn head_in_flight(status: u16) -> (World, DeliveryId, DeliveryId) {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(move |seen: &Seen| {
        let slow = seen.sequence == 1 && seen.attempt == 1;
        if slow { (10 * SECOND, Answer::Status(status)) } else { (SECOND, Answer::Status(200)) }
    });
    let ids = world.publish_all(1, &[42, 42]).await;
    world.until_seen(1).await;
    tokio::time::sleep(SECOND).await;
    assert!(world.engine().in_flight(ids[0].no()));
    (world, ids[0], ids[1])
}

fn order(world: &World) -> Vec<(u64, u16)> {
    world.receiver.seen().iter().map(|seen| (seen.sequence, seen.attempt)).collect()
}

#[tokio::test(start_paused = true)]
async fn discarding_a_waiting_head_frees_its_lane_at_once() {
    let (world, head, next) = head_waits().await;
    let asked = world.now();
    world.discard(head).await;
    world.until_state(next, State::Delivered).await;
    assert_eq!(world.receiver.seen().last().unwrap().at, asked);
    let record = world.delivery(head).await;
    assert_eq!((record.state, record.reason), (State::Discarded, Some(Reason::ByHand)));
}

#[tokio::test(start_paused = true)]
async fn retrying_a_waiting_head_makes_it_due_at_once() {
    let (world, head, next) = head_waits().await;
    tokio::time::sleep(MINUTE).await;
    let asked = world.now();
    world.receiver.always(Answer::Status(200));
    world.retry(head).await;
    world.until_state(next, State::Delivered).await;
    assert_eq!(order(&world), [(1, 1), (1, 2), (2, 1)]);
    assert_eq!(world.receiver.seen()[1].at, asked);
}

#[tokio::test(start_paused = true)]
async fn discarding_one_behind_the_head_leaves_the_others_in_order() {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(|seen| (SECOND, Answer::Status(if seen.attempt == 1 { 500 } else { 200 })));
    let ids = world.publish_all(1, &[42; 4]).await;
    world.until_state(ids[0], State::Retrying).await;
    world.discard(ids[2]).await;
    world.until_state(ids[3], State::Delivered).await;
    assert_eq!(order(&world), [(1, 1), (1, 2), (2, 1), (2, 2), (4, 1), (4, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_success_wins_over_a_discard_while_it_is_in_flight() {
    let (world, head, next) = head_in_flight(200).await;
    world.discard(head).await;
    world.until_state(next, State::Delivered).await;
    let record = world.delivery(head).await;
    assert_eq!((record.state, record.reason, record.attempts), (State::Delivered, None, 1));
    assert_eq!(order(&world), [(1, 1), (2, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_what_was_discarded_in_flight_discards_it() {
    let (world, head, next) = head_in_flight(500).await;
    world.discard(head).await;
    world.until_state(next, State::Delivered).await;
    let record = world.delivery(head).await;
    assert_eq!((record.state, record.reason, record.attempts), (State::Discarded, Some(Reason::ByHand), 1));
    assert_eq!(world.attempts(head).await.len(), 1);
    let seen = world.receiver.seen();
    assert_eq!(order(&world), [(1, 1), (2, 1)]);
    assert!(seen[1].at >= seen[0].ended, "the next waits for the end of the attempt");
}

#[tokio::test(start_paused = true)]
async fn a_retry_in_flight_takes_effect_when_the_attempt_fails() {
    let (world, head, _) = head_in_flight(500).await;
    world.retry(head).await;
    world.until_state(head, State::Delivered).await;
    let seen = world.receiver.seen();
    assert_eq!(order(&world)[..2], [(1, 1), (1, 2)]);
    assert_eq!(seen[1].at, seen[0].ended, "due at once");
}

/// The interface asks whether an attempt is in flight a moment before its wish is on disk; meanwhile the attempt ends.
#[tokio::test(start_paused = true)]
async fn a_wish_that_comes_just_after_the_attempt_takes_effect_all_the_same() {
    for discard in [false, true] {
        let (world, head, next) = head_waits().await;
        world.receiver.always(Answer::Status(200));
        let by_hand = ByHand { id: head, company_id: None, in_flight: true, now: world.now(), by: None };
        let asked = world.now();
        if discard {
            world.store().discard(by_hand).await.unwrap();
        } else {
            world.store().retry(by_hand).await.unwrap();
        }
        world.until_state(next, State::Delivered).await;
        assert_eq!(world.state(head).await, if discard { State::Discarded } else { State::Delivered });
        assert_eq!(world.receiver.seen()[1].at, asked, "not at the due time in five minutes");
    }
}

/// The other way round: nothing was in flight when the interface asked, then an attempt began.
#[tokio::test(start_paused = true)]
async fn a_discard_that_comes_just_after_an_attempt_began_takes_effect_at_its_end() {
    for (status, state) in [(200, State::Delivered), (500, State::Discarded)] {
        let (world, head, next) = head_in_flight(status).await;
        let by_hand = ByHand { id: head, company_id: None, in_flight: false, now: world.now(), by: None };
        world.store().discard(by_hand).await.unwrap();
        world.until_state(next, State::Delivered).await;
        let record = world.delivery(head).await;
        assert_eq!((record.state, record.attempts), (state, 1));
        assert_eq!(order(&world), [(1, 1), (2, 1)]);
        let seen = world.receiver.seen();
        assert!(seen[1].at >= seen[0].ended, "never two of a lane at once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_one_that_is_brought_back_takes_its_place_before_those_that_wait() {
    let mut world = World::new().await;
    world.endpoint(|settings| settings.max_attempts = Some(1)).await;
    world.receiver.always(Answer::Status(500));
    let dead = world.publish(1, 42).await;
    world.until_state(dead, State::Dead).await;
    world.receiver.answers(|seen| {
        let bad = seen.sequence == 2 && seen.attempt == 1;
        (SECOND, if bad { Answer::Hang } else { Answer::Status(200) })
    });
    let ids = world.publish_all(1, &[42, 42]).await;
    world.until_seen(2).await;
    world.retry(dead).await;
    world.until_state(ids[1], State::Delivered).await;
    assert_eq!(world.state(ids[0]).await, State::Dead);
    assert_eq!(order(&world), [(1, 1), (2, 1), (1, 2), (3, 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_delivered_can_neither_be_retried_nor_discarded() {
    let (mut world, _) = World::with_endpoint().await;
    let id = world.publish(1, 42).await;
    world.until_state(id, State::Delivered).await;
    assert!(world.store().retry(world.by_hand(id)).await.is_err());
    assert!(world.store().discard(world.by_hand(id)).await.is_err());
    tokio::time::sleep(HOUR).await;
    assert_eq!(world.receiver.count(), 1);
}
