//! Sequence numbers: per endpoint and work order, from 1, in the order of acceptance, never back.

use std::time::Duration;

use workbell_model::{EndpointKey, Reason, Sequence};

use super::bench::{Bench, DAY, End, MINUTE, NO_ORDERS, ORDER};

async fn next(bench: &mut Bench, endpoint: &EndpointKey) -> Sequence {
    let accepted = bench.publish(ORDER).await;
    let delivery = bench.delivery(accepted.deliveries[0]).await;
    assert_eq!(delivery.endpoint, *endpoint);
    delivery.sequence
}

pub(crate) async fn they_count_from_1_in_the_order_of_acceptance(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let all = bench.publish_many(ORDER, 50).await;
    for (place, accepted) in (1..).zip(&all) {
        assert_eq!(bench.delivery(accepted.deliveries[0]).await.sequence, place);
    }
    let lane = bench.lane(&endpoint, ORDER).await;
    let ids: Vec<_> = lane.iter().map(|delivery| delivery.id()).collect();
    assert_eq!(ids, all.iter().map(|accepted| accepted.deliveries[0]).collect::<Vec<_>>());
}

pub(crate) async fn each_work_order_counts_for_itself(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in [1, 2, 1, 3, 1] {
        bench.publish(order).await;
    }
    assert_eq!(bench.sequences(&endpoint, 1).await, [1, 2, 3]);
    assert_eq!(bench.sequences(&endpoint, 2).await, [1]);
    assert_eq!(bench.sequences(&endpoint, 3).await, [1]);
}

pub(crate) async fn they_go_on_after_a_restart_and_after_a_crash(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for expected in 1..=6 {
        assert_eq!(next(&mut bench, &endpoint).await, expected);
        if expected % 2 == 0 { bench.reopen().await } else { bench.crash().await }
    }
}

pub(crate) async fn they_go_on_after_the_lane_was_empty(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for expected in 1..=6 {
        assert_eq!(next(&mut bench, &endpoint).await, expected);
        bench.attempt(&endpoint, ORDER, End::Success).await;
        if expected % 2 == 0 {
            bench.crash().await;
        }
    }
}

pub(crate) async fn the_top_one_leaving_before_an_earlier_one_does_not_free_its_number(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let all = bench.publish_many(ORDER, 3).await;
    bench.discard(all[2].deliveries[0]).await.unwrap();
    bench.crash().await;
    bench.discard(all[1].deliveries[0]).await.unwrap();
    bench.crash().await;
    assert_eq!(next(&mut bench, &endpoint).await, 4);
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1, 4]);
}

pub(crate) async fn the_top_one_arriving_before_an_earlier_one_does_not_free_its_number(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 3).await;
    let lane = bench.lane(&endpoint, ORDER).await;
    bench.complete(&lane[2], End::Success).await;
    bench.complete(&lane[0], End::Success).await;
    bench.crash().await;
    bench.complete(&lane[1], End::Death(Reason::Exhausted)).await;
    bench.crash().await;
    assert_eq!(next(&mut bench, &endpoint).await, 4);
}

pub(crate) async fn a_dead_one_comes_back_to_its_place(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let first = bench.publish(ORDER).await.deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Death(Reason::Exhausted)).await;
    bench.crash().await;
    bench.publish_many(ORDER, 2).await;
    bench.retry(first).await.unwrap();
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1, 2, 3]);
    for _ in 0..3 {
        bench.attempt(&endpoint, ORDER, End::Success).await;
    }
    bench.crash().await;
    assert_eq!(next(&mut bench, &endpoint).await, 4);
}

pub(crate) async fn a_dead_one_that_comes_back_alone_does_not_turn_the_counter_back(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let first = bench.publish(ORDER).await.deliveries[0];
    bench.publish_many(ORDER, 4).await;
    bench.attempt(&endpoint, ORDER, End::Death(Reason::Exhausted)).await;
    for _ in 0..4 {
        bench.attempt(&endpoint, ORDER, End::Success).await;
    }
    bench.reopen().await;
    bench.retry(first).await.unwrap();
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1]);
    bench.crash().await;
    bench.attempt(&endpoint, ORDER, End::Success).await;
    bench.crash().await;
    assert_eq!(next(&mut bench, &endpoint).await, 6);
}

pub(crate) async fn a_failed_attempt_keeps_the_place(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 2).await;
    for _ in 0..3 {
        bench.attempt(&endpoint, ORDER, End::Failure(MINUTE)).await;
        assert_eq!(bench.sequences(&endpoint, ORDER).await, [1, 2]);
        bench.crash().await;
    }
}

pub(crate) async fn the_counter_stays_for_the_whole_period_after_the_lane_was_emptied(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    bench.pass(3 * DAY);
    bench.attempt(&endpoint, ORDER, End::Success).await;
    bench.pass(DAY - Duration::from_secs(2));
    assert_eq!(bench.sweep(DAY, DAY).await.lanes, 0);
    bench.crash().await;
    assert_eq!(next(&mut bench, &endpoint).await, 2);
}

pub(crate) async fn the_counter_goes_after_the_period_and_starts_at_1_again(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 2).await;
    bench.publish(7).await;
    for order in [ORDER, ORDER] {
        bench.attempt(&endpoint, order, End::Success).await;
    }
    bench.pass(DAY + MINUTE);
    assert_eq!(bench.sweep(DAY, DAY).await.lanes, 1, "a lane with an undelivered delivery stays");
    assert_eq!(next(&mut bench, &endpoint).await, 1);
    bench.attempt(&endpoint, 7, End::Success).await;
    bench.publish(7).await;
    assert_eq!(bench.sequences(&endpoint, 7).await, [2]);
}

pub(crate) async fn the_counter_stays_while_a_delivery_of_the_lane_is_kept(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let other = bench.endpoint_of(&endpoint.company_id).await;
    let first = bench.publish(ORDER).await.deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Death(Reason::Exhausted)).await;
    bench.pass(DAY + MINUTE);
    assert_eq!(bench.sweep(DAY, DAY).await.lanes, 0, "kept for the other endpoint's sake");
    assert_eq!(next(&mut bench, &endpoint).await, 2);
    bench.retry(first).await.unwrap();
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1, 2]);
    for _ in 0..2 {
        bench.attempt(&endpoint, ORDER, End::Success).await;
        bench.attempt(&other, ORDER, End::Success).await;
    }
    bench.pass(DAY + MINUTE);
    assert_eq!(bench.sweep(DAY, DAY).await.lanes, 2);
    assert_eq!(next(&mut bench, &endpoint).await, 1);
}

pub(crate) async fn looking_for_due_lanes_does_not_let_a_counter_go_early(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let first = bench.publish(ORDER).await.deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Death(Reason::Exhausted)).await;
    bench.publish(ORDER).await;
    bench.attempt(&endpoint, ORDER, End::Failure(DAY)).await;
    bench.retry(first).await.unwrap();
    bench.attempt(&endpoint, ORDER, End::Success).await;
    // The row of the lane says due, its head is not: the store mends it behind the answer, and meanwhile it empties.
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
    bench.attempt(&endpoint, ORDER, End::Success).await;
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
    bench.pass(MINUTE);
    assert_eq!(bench.sweep(DAY, DAY).await.lanes, 0);
    assert_eq!(next(&mut bench, &endpoint).await, 3);
}
