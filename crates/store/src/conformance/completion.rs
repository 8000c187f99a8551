//! The end of an attempt: state, lane and log record in one commit.

use std::time::Duration;

use workbell_model::{Reason, State, Transition};

use super::bench::{Bench, DAY, End, MINUTE, NO_ORDERS, ORDER};
use super::told::Told;
use crate::Error;

pub(crate) async fn a_success_makes_it_delivered_and_frees_the_lane(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let all = bench.publish_many(ORDER, 2).await;
    let (state, _) = bench.attempt(&endpoint, ORDER, End::Success).await;
    assert_eq!(state, State::Delivered);
    for _ in 0..2 {
        let delivery = bench.delivery(all[0].deliveries[0]).await;
        assert_eq!((delivery.state, delivery.reason, delivery.attempts), (State::Delivered, None, 1));
        assert_eq!((delivery.finished, delivery.next_attempt_at), (Some(bench.now()), None));
        assert_eq!((delivery.last_error, delivery.last_status), (None, Some(200)));
        assert_eq!(bench.head(&endpoint, ORDER).await.id(), all[1].deliveries[0], "the next is head");
        assert_eq!(bench.due_orders(&endpoint).await, [ORDER], "and due");
        bench.crash().await;
    }
}

pub(crate) async fn a_failure_makes_it_wait_for_its_due_time(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let all = bench.publish_many(ORDER, 2).await;
    let (state, due) = bench.attempt(&endpoint, ORDER, End::Failure(5 * MINUTE)).await;
    assert_eq!((state, due), (State::Retrying, bench.now().plus(5 * MINUTE)));
    bench.crash().await;
    let delivery = bench.delivery(all[0].deliveries[0]).await;
    assert_eq!((delivery.state, delivery.attempts), (State::Retrying, 1));
    assert_eq!((delivery.last_error.as_deref(), delivery.last_status), (Some("Status"), Some(502)));
    assert_eq!((delivery.next_attempt_at, delivery.finished), (Some(due), None));
    let head = bench.head(&endpoint, ORDER).await;
    assert_eq!((head.attempts, head.counted, head.due), (1, 1, due));
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS, "the one behind it waits as well");
    assert_eq!(bench.due(&endpoint).await.next_due, Some(due));
    bench.pass(5 * MINUTE);
    assert_eq!(bench.due_orders(&endpoint).await, [ORDER]);
}

pub(crate) async fn a_last_failure_makes_it_dead_with_its_reason(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for reason in [Reason::Exhausted, Reason::Expired] {
        let all = bench.publish_many(ORDER, 2).await;
        assert_eq!(bench.attempt(&endpoint, ORDER, End::Death(reason)).await.0, State::Dead);
        bench.crash().await;
        let delivery = bench.delivery(all[0].deliveries[0]).await;
        assert_eq!((delivery.state, delivery.reason), (State::Dead, Some(reason)));
        assert_eq!((delivery.attempts, delivery.finished), (1, Some(bench.now())));
        assert_eq!(bench.due_orders(&endpoint).await, [ORDER], "a dead head frees its lane");
        bench.attempt(&endpoint, ORDER, End::Success).await;
        assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
    }
}

pub(crate) async fn every_attempt_writes_one_log_record_in_its_commit(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    for (number, end) in [(1, End::Failure(MINUTE)), (2, End::Failure(DAY)), (3, End::Death(Reason::Expired))]
    {
        let began = bench.now();
        let (_, due) = bench.attempt(&endpoint, ORDER, end).await;
        bench.crash().await;
        let attempts = bench.store().attempts(id).await.unwrap();
        assert_eq!(attempts.len(), usize::from(number), "as many as attempts");
        let last = attempts.last().unwrap();
        assert_eq!((last.attempt, last.start, last.duration), (number, began, Duration::from_secs(1)));
        assert_eq!((last.status, last.error.as_deref()), (Some(502), Some("Status")));
        assert_eq!(last.next_attempt_at, matches!(end, End::Failure(_)).then_some(due));
        assert_eq!(bench.delivery(id).await.attempts, number, "state and log agree");
    }
}

pub(crate) async fn an_attempt_can_end_long_after_others_of_its_lane(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 3).await;
    let lane = bench.lane(&endpoint, ORDER).await;
    bench.complete(&lane[1], End::Success).await;
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1, 3]);
    bench.complete(&lane[2], End::Failure(MINUTE)).await;
    assert_eq!(bench.due_orders(&endpoint).await, [ORDER], "the head decides");
    bench.complete(&lane[0], End::Success).await;
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS, "the next head waits for its own time");
    bench.pass(MINUTE);
    assert_eq!(bench.due_orders(&endpoint).await, [ORDER]);
}

pub(crate) async fn a_success_before_the_due_time_makes_the_next_head_due(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 2).await;
    bench.attempt(&endpoint, ORDER, End::Failure(DAY)).await;
    bench.attempt(&endpoint, ORDER, End::Success).await;
    assert_eq!(bench.due_orders(&endpoint).await, [ORDER], "a probe found it open");
}

pub(crate) async fn an_interrupted_attempt_keeps_its_number_and_does_not_count(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    let head = bench.head(&endpoint, ORDER).await;
    let mut completion = bench.completion(&head, End::Failure(Duration::ZERO));
    let due = completion.attempt.start.plus(completion.attempt.duration);
    completion.transition = Transition::Retrying { due, counted: head.counted };
    completion.attempt.error = Some("Interrupted");
    completion.attempt.status = None;
    bench.pass(Duration::from_secs(1));
    bench.write(completion).await;
    bench.crash().await;
    let head = bench.head(&endpoint, ORDER).await;
    assert_eq!((head.attempts, head.counted, head.due), (1, 0, bench.now()));
    assert_eq!(bench.due_orders(&endpoint).await, [ORDER]);
}

pub(crate) async fn a_failure_begun_before_a_change_counts_for_nothing_and_is_due_at_once(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Failure(Duration::ZERO)).await;
    for end in [End::Failure(DAY), End::Death(Reason::Exhausted)] {
        let head = bench.head(&endpoint, ORDER).await;
        let completion = bench.completion(&head, end);
        bench.update(&endpoint, crate::record::EndpointChange::Reopened, |_| ()).await;
        bench.pass(Duration::from_secs(1));
        let (state, due) = bench.write(completion).await;
        assert_eq!((state, due), (State::Retrying, bench.now()), "{end:?}");
        bench.crash().await;
        let again = bench.head(&endpoint, ORDER).await;
        assert_eq!((again.attempts, again.counted), (head.attempts + 1, 1), "{end:?}");
        assert_eq!(bench.due_orders(&endpoint).await, [ORDER]);
    }
    assert_eq!(bench.store().attempts(id).await.unwrap().len(), 3, "logged all the same");
}

pub(crate) async fn a_success_begun_before_a_change_stands(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    let head = bench.head(&endpoint, ORDER).await;
    let completion = bench.completion(&head, End::Success);
    bench.update(&endpoint, crate::record::EndpointChange::Reopened, |_| ()).await;
    assert_eq!(bench.write(completion).await.0, State::Delivered);
}

pub(crate) async fn completions_are_told_in_the_order_they_were_handed_over(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in 1..=200 {
        bench.publish(order).await;
    }
    let heard = bench.ear.count();
    for order in 1..=200 {
        let head = bench.head(&endpoint, order).await;
        let completion = bench.completion(&head, End::Success);
        bench.store().complete(completion).await.unwrap();
    }
    let last = |told: &Told| matches!(told, Told::Completed { work_order_id: 200, .. }).then_some(());
    bench.ear.wait(heard, last).await;
    let orders: Vec<_> = bench.ear.heard()[heard..]
        .iter()
        .filter_map(|told| match told {
            Told::Completed { work_order_id, .. } => Some(*work_order_id),
            _ => None,
        })
        .collect();
    assert_eq!(orders, (1..=200).collect::<Vec<_>>());
    assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 0);
}

pub(crate) async fn what_was_handed_over_before_a_close_is_written(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in 1..=50 {
        bench.publish(order).await;
    }
    for order in 1..=50 {
        let head = bench.head(&endpoint, order).await;
        let completion = bench.completion(&head, End::Success);
        bench.store().complete(completion).await.unwrap();
    }
    bench.reopen().await;
    assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 0);
}

pub(crate) async fn a_closed_store_takes_nothing(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    let head = bench.head(&endpoint, ORDER).await;
    let store = bench.shared_store();
    store.close().await;
    let completion = bench.completion(&head, End::Success);
    assert!(matches!(store.complete(completion).await, Err(Error::Closed)));
    let acceptance = bench.acceptance(ORDER);
    assert!(matches!(store.accept(vec![acceptance]).await, Err(Error::Closed)));
    assert!(matches!(store.due_times(bench.now()).await, Err(Error::Closed)));
    store.close().await;
}
