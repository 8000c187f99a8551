//! Retry and discard by hand, in each state, with and without an attempt in flight.

use std::time::Duration;

use workbell_model::{DeliveryId, Reason, State, Wish};

use super::bench::{Bench, DAY, End, MINUTE, NO_ORDERS, NO_SEQUENCES, ORDER, company};
use crate::Error;
use crate::record::{ByHand, IfUndelivered};

async fn wish_to_retry(bench: &Bench, id: DeliveryId) {
    let by_hand = ByHand { in_flight: true, ..bench.by_hand(id) };
    bench.store().retry(by_hand).await.unwrap();
}

async fn wish_to_discard(bench: &Bench, id: DeliveryId) {
    let by_hand = ByHand { in_flight: true, ..bench.by_hand(id) };
    bench.store().discard(by_hand).await.unwrap();
}

fn is_state_conflict<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::StateConflict(_)))
}

pub(crate) async fn a_retry_makes_a_waiting_one_due_and_its_schedule_new(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    for _ in 0..3 {
        bench.attempt(&endpoint, ORDER, End::Failure(DAY)).await;
    }
    bench.pass(MINUTE);
    let record = bench.retry(id).await.unwrap();
    assert_eq!((record.state, record.attempts), (State::Retrying, 3), "numbers go on");
    assert_eq!(record.next_attempt_at, Some(bench.now()));
    for _ in 0..2 {
        let head = bench.head(&endpoint, ORDER).await;
        assert_eq!((head.attempts, head.counted), (3, 0));
        assert_eq!((head.since, head.due, head.wish), (bench.now(), bench.now(), None));
        assert_eq!(bench.due_orders(&endpoint).await, [ORDER]);
        bench.crash().await;
    }
}

pub(crate) async fn a_retry_of_a_pending_one_changes_little(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    assert_eq!(bench.retry(id).await.unwrap().state, State::Pending);
    assert_eq!(bench.due_orders(&endpoint).await, [ORDER]);
}

pub(crate) async fn a_retry_of_one_behind_the_head_does_not_pass_it(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let all = bench.publish_many(ORDER, 2).await;
    bench.attempt(&endpoint, ORDER, End::Failure(DAY)).await;
    bench.retry(all[1].deliveries[0]).await.unwrap();
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS, "the head decides");
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1, 2]);
}

pub(crate) async fn a_retry_brings_back_what_is_dead_or_discarded(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let dead = bench.publish(1).await.deliveries[0];
    bench.attempt(&endpoint, 1, End::Death(Reason::Exhausted)).await;
    let discarded = bench.publish(2).await.deliveries[0];
    bench.discard(discarded).await.unwrap();
    assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 0);
    bench.pass(DAY);
    assert_eq!(bench.retry(dead).await.unwrap().state, State::Retrying);
    assert_eq!(bench.retry(discarded).await.unwrap().state, State::Pending);
    for _ in 0..2 {
        let head = bench.head(&endpoint, 1).await;
        assert_eq!((head.id(), head.attempts, head.counted, head.since), (dead, 1, 0, bench.now()));
        assert_eq!(bench.due_orders(&endpoint).await, [1, 2]);
        assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 2);
        bench.crash().await;
    }
    bench.attempt(&endpoint, 1, End::Success).await;
    assert_eq!(bench.state(dead).await, (State::Delivered, None));
    assert_eq!(bench.store().attempts(dead).await.unwrap().last().unwrap().attempt, 2);
}

pub(crate) async fn what_is_delivered_can_be_neither_retried_nor_discarded(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Success).await;
    assert!(is_state_conflict(bench.retry(id).await));
    assert!(is_state_conflict(bench.discard(id).await));
    assert_eq!(bench.state(id).await, (State::Delivered, None));
}

pub(crate) async fn a_discard_takes_a_waiting_one_out_and_frees_the_lane(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let all = bench.publish_many(ORDER, 3).await;
    bench.attempt(&endpoint, ORDER, End::Failure(DAY)).await;
    bench.pass(MINUTE);
    let record = bench.discard(all[0].deliveries[0]).await.unwrap();
    assert_eq!((record.state, record.reason), (State::Discarded, Some(Reason::ByHand)));
    assert_eq!((record.finished, record.attempts), (Some(bench.now()), 1));
    for _ in 0..2 {
        assert_eq!(bench.sequences(&endpoint, ORDER).await, [2, 3]);
        assert_eq!(bench.due_orders(&endpoint).await, [ORDER]);
        bench.crash().await;
    }
    bench.discard(all[2].deliveries[0]).await.unwrap();
    bench.discard(all[1].deliveries[0]).await.unwrap();
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
    assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 0);
}

pub(crate) async fn a_discard_of_a_dead_one_says_so(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Death(Reason::Exhausted)).await;
    bench.discard(id).await.unwrap();
    bench.crash().await;
    assert_eq!(bench.state(id).await, (State::Discarded, Some(Reason::ByHand)));
    assert!(is_state_conflict(bench.discard(id).await), "once");
}

pub(crate) async fn an_unknown_or_foreign_delivery_is_not_found(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    bench.company("other").await;
    let foreign = ByHand { company_id: Some(company("other")), ..bench.by_hand(id) };
    let looks_alike = DeliveryId::new(bench.now().plus(DAY), id.no());
    let unknown = DeliveryId::from_uuid(bench.fresh_uuid());
    for by_hand in [foreign, bench.by_hand(looks_alike), bench.by_hand(unknown)] {
        let expected = format!("delivery {} does not exist", by_hand.id);
        for result in
            [bench.store().retry(by_hand.clone()).await, bench.store().discard(by_hand.clone()).await]
        {
            let error = result.expect_err("it is not there");
            assert!(matches!(error, Error::NotFound(_)));
            assert_eq!(error.to_string(), expected);
        }
    }
    assert!(bench.store().delivery(looks_alike, None).await.unwrap().is_none());
    assert!(bench.store().delivery(id, Some(&company("other"))).await.unwrap().is_none());
    let own = ByHand { company_id: Some(endpoint.company_id), ..bench.by_hand(id) };
    bench.store().discard(own).await.unwrap();
}

pub(crate) async fn nothing_of_a_deleted_endpoint_can_be_retried(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    bench.delete(&endpoint, IfUndelivered::Discard).await.unwrap();
    assert!(is_state_conflict(bench.retry(id).await));
    bench.reopen().await;
    assert!(is_state_conflict(bench.retry(id).await));
    assert_eq!(bench.state(id).await, (State::Discarded, Some(Reason::EndpointDeleted)));
}

pub(crate) async fn a_discard_in_flight_takes_effect_when_the_attempt_fails(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    for (end, last_attempt) in [(End::Failure(MINUTE), 1), (End::Death(Reason::Exhausted), 2)] {
        let head = bench.head(&endpoint, ORDER).await;
        wish_to_discard(&bench, id).await;
        assert!(bench.state(id).await.0.is_undelivered(), "not before");
        assert_eq!(bench.complete(&head, end).await.0, State::Discarded);
        assert_eq!(bench.state(id).await, (State::Discarded, Some(Reason::ByHand)));
        assert_eq!(bench.delivery(id).await.attempts, last_attempt);
        assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
        bench.retry(id).await.unwrap();
    }
}

pub(crate) async fn a_success_wins_over_a_discard(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    let head = bench.head(&endpoint, ORDER).await;
    wish_to_discard(&bench, id).await;
    assert_eq!(bench.complete(&head, End::Success).await.0, State::Delivered);
    assert_eq!(bench.state(id).await, (State::Delivered, None));
}

pub(crate) async fn a_success_wins_over_a_discard_that_did_not_know_of_the_attempt(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let all = bench.publish_many(ORDER, 2).await;
    let (first, second) = (all[0].deliveries[0], all[1].deliveries[0]);
    let lane = bench.lane(&endpoint, ORDER).await;
    bench.discard(first).await.unwrap();
    assert_eq!(bench.complete(&lane[0], End::Success).await.0, State::Delivered);
    assert_eq!(bench.state(first).await, (State::Delivered, None));
    bench.discard(second).await.unwrap();
    bench.complete(&lane[1], End::Failure(MINUTE)).await;
    assert_eq!(bench.state(second).await, (State::Discarded, Some(Reason::ByHand)));
    assert_eq!(bench.delivery(second).await.attempts, 1, "the attempt keeps its number");
    assert_eq!(bench.store().attempts(second).await.unwrap().len(), 1, "and its record");
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
}

pub(crate) async fn a_retry_in_flight_takes_effect_when_the_attempt_fails(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Failure(Duration::ZERO)).await;
    for end in [End::Failure(DAY), End::Death(Reason::Exhausted)] {
        let head = bench.head(&endpoint, ORDER).await;
        wish_to_retry(&bench, id).await;
        let (state, due) = bench.complete(&head, end).await;
        assert_eq!((state, due), (State::Retrying, bench.now()), "due at once");
        let again = bench.head(&endpoint, ORDER).await;
        assert_eq!((again.counted, again.attempts, again.wish), (0, head.attempts + 1, None));
        assert_eq!(again.since, bench.now(), "the clock of max_age starts anew");
    }
}

pub(crate) async fn a_success_leaves_nothing_of_a_retry_in_flight(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    let head = bench.head(&endpoint, ORDER).await;
    wish_to_retry(&bench, id).await;
    assert_eq!(bench.complete(&head, End::Success).await.0, State::Delivered);
    assert_eq!(bench.sequences(&endpoint, ORDER).await, NO_SEQUENCES);
}

pub(crate) async fn the_last_wish_counts(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    let head = bench.head(&endpoint, ORDER).await;
    wish_to_discard(&bench, id).await;
    wish_to_retry(&bench, id).await;
    assert_eq!(bench.complete(&head, End::Failure(DAY)).await.0, State::Retrying);
    let head = bench.head(&endpoint, ORDER).await;
    wish_to_retry(&bench, id).await;
    wish_to_discard(&bench, id).await;
    assert_eq!(bench.complete(&head, End::Failure(DAY)).await.0, State::Discarded);
}

pub(crate) async fn a_wish_survives_a_crash_and_is_settled(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let all = bench.publish_many(ORDER, 2).await;
    let first = all[0].deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Failure(DAY)).await;
    for (wish, settled) in [(Wish::Retry, State::Retrying), (Wish::Discard, State::Discarded)] {
        match wish {
            Wish::Retry => wish_to_retry(&bench, first).await,
            Wish::Discard => wish_to_discard(&bench, first).await,
        }
        bench.crash().await;
        let head = bench.head(&endpoint, ORDER).await;
        assert_eq!(head.wish, Some(wish));
        bench.pass(MINUTE);
        bench.store().settle(head.no, bench.now()).await.unwrap();
        assert_eq!(bench.state(first).await.0, settled);
        let head = bench.head(&endpoint, ORDER).await;
        assert_eq!(head.wish, None);
        assert!(head.due <= bench.now());
        assert_eq!(bench.due_orders(&endpoint).await, [ORDER]);
    }
    assert_eq!(bench.head(&endpoint, ORDER).await.id(), all[1].deliveries[0]);
}

pub(crate) async fn settling_without_a_wish_changes_nothing(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Failure(DAY)).await;
    let before = bench.delivery(id).await;
    bench.store().settle(id.no(), bench.now()).await.unwrap();
    assert_eq!(bench.delivery(id).await, before);
    bench.discard(id).await.unwrap();
    bench.store().settle(id.no(), bench.now()).await.unwrap();
    assert_eq!(bench.state(id).await.0, State::Discarded);
}

pub(crate) async fn one_that_is_refused_does_not_disturb_others_of_its_commit(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let delivered = bench.publish(1).await.deliveries[0];
    bench.attempt(&endpoint, 1, End::Success).await;
    let store = bench.shared_store();
    let mut asked = Vec::new();
    for order in 2..=40 {
        let (store, acceptance) = (store.clone(), bench.acceptance(order));
        asked.push(tokio::spawn(async move { store.accept(vec![acceptance]).await.map(drop) }));
        let (store, by_hand) = (bench.shared_store(), bench.by_hand(delivered));
        asked.push(tokio::spawn(async move { store.retry(by_hand).await.map(drop) }));
    }
    let mut refused = 0;
    for one in asked {
        match one.await.unwrap() {
            Ok(()) => {}
            Err(Error::StateConflict(_)) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(refused, 39);
    assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 39);
}
