//! Acceptance: what is answered, and that a repeat is told from a conflict.

use workbell_model::{Fate, State};

use super::bench::{BRANCH, Bench, DAY, End, NO_SEQUENCES, ORDER};
use crate::record::Refused;

pub(crate) async fn a_notification_is_queued_for_the_endpoint_that_wants_it(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let accepted = bench.publish(ORDER).await;
    assert_eq!(accepted.fate, Fate::Queued);
    assert!(!accepted.repeated);
    assert_eq!(accepted.deliveries.len(), 1);
    let delivery = bench.delivery(accepted.deliveries[0]).await;
    assert_eq!((delivery.state, delivery.sequence, delivery.attempts), (State::Pending, 1, 0));
    assert_eq!(delivery.endpoint, endpoint);
    assert_eq!(delivery.message_id, accepted.message_id);
}

pub(crate) async fn what_is_to_be_sent_is_what_was_accepted(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let acceptance = bench.acceptance(ORDER);
    let accepted = bench.accept(acceptance.clone()).await.unwrap();
    for _ in 0..2 {
        let head = bench.head(&endpoint, ORDER).await;
        assert_eq!(head.id(), accepted.deliveries[0]);
        assert_eq!(head.endpoint, endpoint);
        assert_eq!(head.body, acceptance.body, "byte for byte");
        assert_eq!((head.message_id, head.branch_id), (acceptance.message_id, BRANCH));
        assert_eq!(head.action, acceptance.action);
        assert_eq!((head.accepted, head.since, head.due), (bench.now(), bench.now(), bench.now()));
        assert_eq!((head.sequence, head.attempts, head.counted, head.wish), (1, 0, 0, None));
        bench.crash().await;
    }
}

pub(crate) async fn many_are_answered_one_by_one_in_order(mut bench: Bench) {
    bench.endpoint().await;
    let all: Vec<_> = (1..=5).map(|order| bench.acceptance(order)).collect();
    let answers = bench.store().accept(all.clone()).await.unwrap();
    let ids: Vec<_> = answers.iter().map(|answer| answer.as_ref().unwrap().message_id).collect();
    assert_eq!(ids, all.iter().map(|one| one.message_id).collect::<Vec<_>>());
}

pub(crate) async fn no_notifications_are_no_answers(bench: Bench) {
    assert!(bench.store().accept(Vec::new()).await.unwrap().is_empty());
}

pub(crate) async fn good_ones_are_not_lost_to_bad_ones(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut all: Vec<_> = (0..5).map(|_| bench.acceptance(ORDER)).collect();
    all[1].branch_id = 1;
    all[3].message_id = all[2].message_id;
    all[3].content_hash = [255; 32];
    let answers = bench.store().accept(all.clone()).await.unwrap();
    assert_eq!(answers[1], Err(Refused::UnknownBranch(1)));
    assert_eq!(answers[3], Err(Refused::MessageIdConflict(all[2].message_id)));
    for good in [0, 2, 4] {
        assert_eq!(answers[good].as_ref().unwrap().fate, Fate::Queued, "number {good}");
    }
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1, 2, 3], "a bad one takes no place");
}

pub(crate) async fn a_repeat_gets_the_first_answer_and_is_sent_once(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let acceptance = bench.acceptance(ORDER);
    let first = bench.accept(acceptance.clone()).await.unwrap();
    bench.pass(DAY);
    bench.endpoint_of(&endpoint.company_id).await;
    let mut later = acceptance.clone();
    later.accepted = bench.now();
    let mut expected = first.clone();
    expected.repeated = true;
    assert_eq!(bench.accept(later.clone()).await.unwrap(), expected);
    bench.reopen().await;
    assert_eq!(bench.accept(later.clone()).await.unwrap(), expected, "after a restart");
    bench.attempt(&endpoint, ORDER, End::Success).await;
    assert_eq!(bench.accept(later).await.unwrap(), expected, "after it was delivered");
    assert_eq!(bench.sequences(&endpoint, ORDER).await, NO_SEQUENCES);
}

pub(crate) async fn a_repeat_within_one_call_is_a_repeat(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let acceptance = bench.acceptance(ORDER);
    let answers = bench.store().accept(vec![acceptance.clone(), acceptance]).await.unwrap();
    let [Ok(first), Ok(second)] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!((first.repeated, second.repeated), (false, true));
    assert_eq!(first.deliveries, second.deliveries);
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1]);
}

pub(crate) async fn a_repeat_of_a_suppressed_one_says_so(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut acceptance = bench.acceptance(ORDER);
    acceptance.initiated_by = Some(bench.client(&endpoint.company_id).await);
    bench.accept(acceptance.clone()).await.unwrap();
    let again = bench.accept(acceptance).await.unwrap();
    assert_eq!((again.fate, again.repeated), (Fate::Suppressed, true));
    assert!(again.deliveries.is_empty());
}

pub(crate) async fn the_same_message_id_with_other_content_is_a_conflict(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let first = bench.acceptance(ORDER);
    let mut second = first.clone();
    second.content_hash[0] ^= 1;
    bench.accept(first.clone()).await.unwrap();
    assert_eq!(bench.accept(second.clone()).await, Err(Refused::MessageIdConflict(first.message_id)));
    bench.crash().await;
    assert_eq!(bench.accept(second).await, Err(Refused::MessageIdConflict(first.message_id)));
    assert_eq!(bench.head(&endpoint, ORDER).await.body, first.body, "the first one stays");
}

pub(crate) async fn a_message_id_is_unique_within_a_company_only(mut bench: Bench) {
    let first = bench.endpoint().await;
    let other = bench.company("other").await;
    bench.branch(&other, 7).await;
    let second = bench.endpoint_of(&other).await;
    let acceptance = bench.acceptance(ORDER);
    let mut foreign = acceptance.clone();
    foreign.branch_id = 7;
    foreign.content_hash = [9; 32];
    bench.accept(acceptance.clone()).await.unwrap();
    assert!(!bench.accept(foreign).await.unwrap().repeated);
    assert_eq!(bench.sequences(&first, ORDER).await, [1]);
    assert_eq!(bench.sequences(&second, ORDER).await, [1]);
}

pub(crate) async fn delivery_ids_are_never_given_out_twice(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut seen = std::collections::HashSet::new();
    for round in 0..4 {
        for accepted in bench.publish_many(ORDER, 3).await {
            assert!(seen.insert(accepted.deliveries[0].no()), "round {round}");
        }
        let refused = bench.acceptance(ORDER);
        bench.accept(refused.clone()).await.unwrap();
        bench.accept(refused).await.unwrap();
        while !bench.lane(&endpoint, ORDER).await.is_empty() {
            let head = bench.head(&endpoint, ORDER).await;
            seen.insert(head.no);
            bench.attempt(&endpoint, ORDER, End::Success).await;
        }
        bench.pass(DAY);
        bench.sweep(DAY / 2, DAY / 2).await;
        if round % 2 == 0 { bench.reopen().await } else { bench.crash().await }
    }
    assert_eq!(seen.len(), 4 * 4);
}

pub(crate) async fn what_exceeds_the_limit_is_dead_and_keeps_its_place(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.reopen_with_waiting_limit(2).await;
    let all = bench.publish_many(ORDER, 3).await;
    let overflowing = bench.delivery(all[2].deliveries[0]).await;
    assert_eq!((overflowing.state, overflowing.sequence), (State::Dead, 3));
    assert_eq!(overflowing.reason, Some(workbell_model::Reason::Overflow));
    assert_eq!(overflowing.finished, Some(bench.now()));
    assert_eq!(all[2].fate, Fate::Queued);
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1, 2]);
    bench.crash().await;
    bench.attempt(&endpoint, ORDER, End::Success).await;
    bench.publish(ORDER).await;
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [2, 4], "3 is the hole that the receiver sees");
    bench.retry(all[2].deliveries[0]).await.unwrap();
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [2, 3, 4]);
}

pub(crate) async fn the_limit_counts_an_endpoint_over_all_its_lanes(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let other = bench.endpoint_of(&endpoint.company_id.clone()).await;
    bench.reopen_with_waiting_limit(2).await;
    bench.publish(1).await;
    bench.publish(2).await;
    bench.attempt(&other, 1, End::Success).await;
    let third = bench.publish(3).await;
    assert_eq!(bench.state(third.deliveries[0]).await.0, State::Dead);
    assert_eq!(bench.state(third.deliveries[1]).await.0, State::Pending, "the other endpoint has room");
    assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 2);
    assert!(bench.due_orders(&endpoint).await.iter().all(|order| *order != 3), "an empty lane is not due");
    let fourth = bench.publish(3).await;
    assert_eq!(bench.delivery(fourth.deliveries[0]).await.sequence, 2);
}
