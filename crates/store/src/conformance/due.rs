//! What the engine reads: due lanes in order, within limits, and when to look again.

use std::time::Duration;

use workbell_model::{EndpointId, EndpointKey, Reason};
use workbell_wire::Timestamp;

use super::bench::{Bench, DAY, End, MINUTE, NO_ORDERS, ORDER, company};
use crate::record::EndpointChange;

pub(crate) async fn lanes_come_earliest_first(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in [3, 1, 2] {
        bench.publish(order).await;
    }
    bench.attempt(&endpoint, 3, End::Failure(MINUTE)).await;
    bench.pass(2 * MINUTE);
    assert_eq!(bench.due_orders(&endpoint).await, [1, 2, 3]);
}

pub(crate) async fn only_heads_that_are_due_come(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(1).await;
    bench.publish(2).await;
    bench.attempt(&endpoint, 1, End::Failure(MINUTE)).await;
    assert_eq!(bench.due_orders(&endpoint).await, [2]);
    let next_due = bench.due(&endpoint).await.next_due;
    assert_eq!(next_due, Some(bench.now().plus(MINUTE)));
    bench.pass(MINUTE);
    assert_eq!(bench.due_orders(&endpoint).await, [2, 1]);
    assert_eq!(bench.due(&endpoint).await.next_due, None);
}

pub(crate) async fn at_most_as_many_lanes_come_as_were_asked_for(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in 1..=5 {
        bench.publish(order).await;
    }
    let due = bench.store().due_lanes(&endpoint, bench.now(), 3, 0, Vec::new()).await.unwrap();
    assert_eq!(due.lanes.iter().map(|lane| lane.work_order_id).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(due.more);
    let due = bench.store().due_lanes(&endpoint, bench.now(), 5, 0, Vec::new()).await.unwrap();
    assert_eq!(due.lanes.len(), 5);
    assert!(!due.more);
}

pub(crate) async fn lanes_that_are_known_are_left_out_and_take_nobodys_place(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in 1..=5 {
        bench.publish(order).await;
    }
    // One that is known need not be due, and need not be there.
    let known = vec![1, 3, 99];
    for (lanes, orders, more) in [(1, vec![2], true), (2, vec![2, 4], true), (3, vec![2, 4, 5], false)] {
        let due = bench.store().due_lanes(&endpoint, bench.now(), lanes, 0, known.clone()).await.unwrap();
        assert_eq!(due.lanes.iter().map(|lane| lane.work_order_id).collect::<Vec<_>>(), orders);
        assert_eq!(due.more, more, "{lanes} lanes");
    }
}

pub(crate) async fn as_many_as_asked_for_stand_behind_a_head(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 5).await;
    for (behind, sequences, more) in
        [(0, vec![1], true), (3, vec![1, 2, 3, 4], true), (4, vec![1, 2, 3, 4, 5], false)]
    {
        let due = bench.store().due_lanes(&endpoint, bench.now(), 10, behind, Vec::new()).await.unwrap();
        let lane = &due.lanes[0];
        assert_eq!(lane.deliveries.iter().map(|delivery| delivery.sequence).collect::<Vec<_>>(), sequences);
        assert_eq!(lane.more, more, "{behind} behind");
    }
}

pub(crate) async fn a_lane_is_read_on_from_any_place(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 5).await;
    let rest = bench.store().lane(&endpoint, ORDER, 2, 2).await.unwrap();
    assert_eq!(rest.iter().map(|delivery| delivery.sequence).collect::<Vec<_>>(), [3, 4]);
    assert!(bench.store().lane(&endpoint, ORDER, 5, 2).await.unwrap().is_empty());
}

pub(crate) async fn nothing_is_due_of_an_endpoint_that_is_not_there(mut bench: Bench) {
    bench.endpoint().await;
    bench.publish(ORDER).await;
    let stranger =
        EndpointKey { company_id: company("acme"), endpoint_id: EndpointId::from_uuid(bench.fresh_uuid()) };
    assert!(bench.due(&stranger).await.lanes.is_empty());
    assert!(bench.store().lane(&stranger, ORDER, 0, 10).await.unwrap().is_empty());
}

pub(crate) async fn each_endpoint_that_waits_has_its_earliest_due_time(mut bench: Bench) {
    let first = bench.endpoint().await;
    bench.publish(1).await;
    bench.publish(2).await;
    let second = bench.endpoint_of(&first.company_id).await;
    let (_, sooner) = bench.attempt(&first, 1, End::Failure(MINUTE)).await;
    bench.attempt(&first, 2, End::Failure(DAY)).await;
    for _ in 0..2 {
        assert_eq!(bench.store().due_times(bench.now()).await.unwrap(), [(first.clone(), sooner)]);
        bench.crash().await;
    }
    bench.publish(3).await;
    let due: std::collections::HashMap<_, _> =
        bench.store().due_times(bench.now()).await.unwrap().into_iter().collect();
    assert_eq!(due.len(), 2);
    assert_eq!(due[&second], bench.now());
    assert_eq!(due[&first], bench.now());
}

pub(crate) async fn a_lane_whose_next_head_waits_does_not_hide_its_time(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let first = bench.publish(ORDER).await.deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Death(Reason::Exhausted)).await;
    bench.publish(ORDER).await;
    let (_, due_of_second) = bench.attempt(&endpoint, ORDER, End::Failure(DAY)).await;
    bench.retry(first).await.unwrap();
    assert_eq!(bench.due_orders(&endpoint).await, [ORDER]);
    bench.attempt(&endpoint, ORDER, End::Success).await;
    for _ in 0..3 {
        let due = bench.due(&endpoint).await;
        assert!(due.lanes.is_empty());
        assert_eq!(due.next_due, Some(due_of_second));
    }
    bench.pass(DAY);
    assert_eq!(bench.due_orders(&endpoint).await, [ORDER]);
}

pub(crate) async fn a_reopened_endpoint_has_everything_due_at_once(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in 1..=3 {
        bench.publish_many(order, 2).await;
        bench.attempt(&endpoint, order, End::Failure(DAY)).await;
    }
    bench.publish(4).await;
    assert_eq!(bench.due_orders(&endpoint).await, [4]);
    bench.update(&endpoint, EndpointChange::Reopened, |_| ()).await;
    for _ in 0..2 {
        let mut orders = bench.due_orders(&endpoint).await;
        orders.sort_unstable();
        assert_eq!(orders, [1, 2, 3, 4]);
        for lane in bench.due(&endpoint).await.lanes {
            assert!(lane.deliveries[0].due <= bench.now());
        }
        let due_times = bench.store().due_times(bench.now()).await.unwrap();
        assert!(due_times.len() == 1 && due_times[0].1 <= bench.now());
        bench.crash().await;
    }
    let head = bench.head(&endpoint, 1).await;
    assert_eq!((head.counted, head.attempts), (1, 1), "count and schedule stay as they were");
    assert!(bench.delivery(head.id()).await.next_attempt_at.unwrap() <= bench.now(), "lists say so too");
}

pub(crate) async fn what_fails_again_after_a_reopening_waits_for_its_own_time(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in 1..=2 {
        bench.publish(order).await;
        bench.attempt(&endpoint, order, End::Failure(DAY)).await;
    }
    bench.update(&endpoint, EndpointChange::Reopened, |_| ()).await;
    bench.attempt(&endpoint, 2, End::Success).await;
    assert_eq!(bench.due_orders(&endpoint).await, [1]);
    let (_, due) = bench.attempt(&endpoint, 1, End::Failure(DAY / 2)).await;
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
    assert_eq!(bench.due(&endpoint).await.next_due, Some(due));
    bench.pass(DAY / 2);
    assert_eq!(bench.due_orders(&endpoint).await, [1]);
}

pub(crate) async fn those_from_before_a_reopening_are_not_pushed_back_by_new_ones(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(1).await;
    bench.update(&endpoint, EndpointChange::Reopened, |_| ()).await;
    for order in 2..=5 {
        bench.publish(order).await;
    }
    let due = bench.store().due_lanes(&endpoint, bench.now(), 2, 0, Vec::new()).await.unwrap();
    assert_eq!(due.lanes.iter().map(|lane| lane.work_order_id).collect::<Vec<_>>(), [1, 2]);
    assert!(due.more);
}

pub(crate) async fn an_adjustment_leaves_due_times_alone(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    let (_, due) = bench.attempt(&endpoint, ORDER, End::Failure(DAY)).await;
    bench.update(&endpoint, EndpointChange::Adjusted, |it| it.settings.max_concurrency = Some(2)).await;
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
    assert_eq!(bench.head(&endpoint, ORDER).await.due, due);
}

pub(crate) async fn what_waits_behind_others_is_found_when_they_are_gone(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 30).await;
    for sequence in 1..=30 {
        bench.pass(Duration::from_secs(1));
        let due = bench.due(&endpoint).await;
        assert_eq!(due.lanes[0].deliveries[0].sequence, sequence);
        bench.attempt(&endpoint, ORDER, End::Success).await;
    }
    let due = bench.due(&endpoint).await;
    assert!(due.lanes.is_empty() && due.next_due.is_none() && !due.more);
    assert_eq!(bench.store().due_times(bench.now()).await.unwrap(), Vec::<(EndpointKey, Timestamp)>::new());
}

pub(crate) async fn what_is_due_further_ahead_than_any_wait_is_due_at_once(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let right = bench.now();
    bench.publish(1).await;
    let (_, soon) = bench.attempt(&endpoint, 1, End::Failure(MINUTE)).await;
    // A clock that is a year ahead for a while.
    bench.pass(365 * DAY);
    bench.publish_many(2, 2).await;
    bench.attempt(&endpoint, 2, End::Failure(MINUTE)).await;
    bench.set(right);
    for _ in 0..2 {
        assert_eq!(bench.due_orders(&endpoint).await, [2]);
        let due = bench.due(&endpoint).await;
        assert!(due.lanes[0].deliveries[0].due <= bench.now());
        assert_eq!(due.next_due, Some(soon), "what has a time that may be right keeps it");
        let times = bench.store().due_times(bench.now()).await.unwrap();
        assert!(times.len() == 1 && times[0].1 <= bench.now(), "{times:?}");
        bench.crash().await;
    }
    // It goes on by the clock that is right.
    let (_, due) = bench.attempt(&endpoint, 2, End::Failure(MINUTE)).await;
    assert!(due < bench.now().plus(DAY));
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
    bench.pass(2 * MINUTE);
    bench.attempt(&endpoint, 2, End::Success).await;
    assert_eq!(bench.due_orders(&endpoint).await, [1, 2]);
}
