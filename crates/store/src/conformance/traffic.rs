//! What attempts came to is counted once, by endpoint and minute, however much of it is rolled up.

use std::time::Duration;

use workbell_model::{EndpointKey, Reason};

use super::bench::{Bench, DAY, End, MINUTE, ORDER};
use crate::record::EndpointChange;
use crate::traffic::{Backlog, Span, Tally, Traffic};

async fn last_hours(bench: &Bench, endpoint: &EndpointKey, hours: u32, step: u32) -> Vec<Traffic> {
    let span = Span { from: bench.now().minus(60 * MINUTE * hours), to: bench.now().plus(MINUTE), step };
    bench.store().traffic(endpoint, span).await.unwrap()
}

fn counts(traffic: &[Traffic]) -> Vec<(u64, u64, u64)> {
    traffic.iter().map(|step| (step.delivered, step.failed, step.answered)).collect()
}

/// So many attempts, one a second from the beginning of a minute; every fourth one fails.
async fn attempts(bench: &mut Bench, endpoint: &EndpointKey, order: i64, count: usize) {
    for number in 1..=count {
        bench.publish(order).await;
        let end = if number % 4 == 0 { End::Failure(Duration::ZERO) } else { End::Success };
        bench.attempt(endpoint, order, end).await;
        if number % 4 == 0 {
            let head = bench.head(endpoint, order).await;
            bench.discard(head.id()).await.unwrap();
        }
        bench.pass(Duration::from_secs(1));
    }
}

pub(crate) async fn each_attempt_is_counted_once_however_much_is_rolled_up(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for count in 1..=25 {
        attempts(&mut bench, &endpoint, ORDER, 1).await;
        let whole = last_hours(&bench, &endpoint, 1, 60 * 24).await;
        assert_eq!(whole.iter().map(|step| step.delivered).sum::<u64>(), count);
        assert_eq!(whole.iter().map(|step| step.latencies.count()).sum::<u64>(), count);
    }
    bench.crash().await;
    attempts(&mut bench, &endpoint, ORDER, 3).await;
    let whole = last_hours(&bench, &endpoint, 1, 60 * 24).await;
    assert_eq!(whole.iter().map(|step| step.delivered).sum::<u64>(), 28);
}

pub(crate) async fn steps_have_what_began_in_them(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    attempts(&mut bench, &endpoint, ORDER, 8).await;
    bench.pass(MINUTE * 5);
    attempts(&mut bench, &endpoint, ORDER, 4).await;
    let minutes = last_hours(&bench, &endpoint, 1, 1).await;
    assert_eq!(counts(&minutes), [(6, 2, 2), (3, 1, 1)]);
    assert!(minutes[1].start.since(minutes[0].start) >= MINUTE * 5);
    let day = last_hours(&bench, &endpoint, 1, 60 * 24 * 365).await;
    assert_eq!(counts(&day), [(9, 3, 3)]);
    let span = Span { from: minutes[0].start, to: minutes[0].start.plus(MINUTE), step: 1 };
    assert_eq!(counts(&bench.store().traffic(&endpoint, span).await.unwrap()), [(6, 2, 2)]);
}

pub(crate) async fn an_endpoint_sees_its_own_traffic_only(mut bench: Bench) {
    let first = bench.endpoint().await;
    let second = bench.endpoint_of(&first.company_id).await;
    attempts(&mut bench, &first, ORDER, 5).await;
    assert_eq!(counts(&last_hours(&bench, &first, 1, 60 * 24 * 365).await), [(4, 1, 1)]);
    assert_eq!(counts(&last_hours(&bench, &second, 1, 60 * 24 * 365).await), []);
    let foreign = EndpointKey { company_id: bench.company("other").await, ..first };
    let span = Span { from: bench.now().minus(DAY), to: bench.now().plus(DAY), step: 1 };
    let rolled_up = bench.store().traffic(&foreign, span).await.unwrap();
    assert!(rolled_up.len() <= 1, "{rolled_up:?}");
}

pub(crate) async fn the_backlog_is_what_waits_since_when_and_how_it_failed(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    assert_eq!(bench.store().backlog(&endpoint).await.unwrap(), Backlog::default());
    let first = bench.publish_many(ORDER, 2).await[0].deliveries[0];
    bench.pass(MINUTE);
    let last = bench.publish(7).await.deliveries[0];
    let (first, last) = (bench.delivery(first).await.accepted, bench.delivery(last).await.accepted);
    assert!(last.since(first) >= MINUTE);
    for _ in 0..3 {
        bench.attempt(&endpoint, ORDER, End::Failure(Duration::ZERO)).await;
    }
    let expected = Backlog { waiting: 3, oldest: Some(first), consecutive_failures: 3 };
    assert_eq!(bench.store().backlog(&endpoint).await.unwrap(), expected);
    for _ in 0..2 {
        bench.attempt(&endpoint, ORDER, End::Success).await;
    }
    let expected = Backlog { waiting: 1, oldest: Some(last), consecutive_failures: 0 };
    assert_eq!(bench.store().backlog(&endpoint).await.unwrap(), expected);
}

pub(crate) async fn failures_in_a_row_are_known_when_the_log_has_lost_them(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 2).await;
    bench.attempt(&endpoint, ORDER, End::Success).await;
    for _ in 0..15 {
        bench.attempt(&endpoint, ORDER, End::Failure(Duration::ZERO)).await;
    }
    let failures = async |bench: &Bench| bench.store().backlog(&endpoint).await.unwrap().consecutive_failures;
    assert_eq!(failures(&bench).await, 15, "also those that say nothing new of an endpoint that is down");
    bench.pass(3 * DAY);
    while bench.sweep(100 * DAY, DAY).await.more {}
    assert_eq!(bench.store().attempts(bench.head(&endpoint, ORDER).await.id()).await.unwrap().len(), 0);
    for _ in 0..2 {
        assert_eq!(failures(&bench).await, 15);
        bench.crash().await;
    }
    bench.update(&endpoint, EndpointChange::Reopened, |_| ()).await;
    assert_eq!(failures(&bench).await, 15, "a change is no success");
    bench.attempt(&endpoint, ORDER, End::Success).await;
    assert_eq!(failures(&bench).await, 0);
}

pub(crate) async fn traffic_goes_with_the_log(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    attempts(&mut bench, &endpoint, ORDER, 12).await;
    let span = Span { from: bench.now().minus(DAY), to: bench.now().plus(DAY), step: 60 * 24 * 365 };
    assert_eq!(bench.store().traffic(&endpoint, span).await.unwrap().len(), 1);
    bench.pass(3 * DAY);
    while bench.sweep(100 * DAY, DAY).await.more {}
    assert_eq!(bench.store().traffic(&endpoint, span).await.unwrap(), []);
}

/// What waited at the end of each of the last minutes, this one included.
async fn waited(bench: &Bench, endpoint: &EndpointKey, minutes: u32) -> Vec<u64> {
    let span = Span { from: bench.now().minus(MINUTE * (minutes - 1)), to: bench.now(), step: 1 };
    bench.store().backlog_over(endpoint, span).await.unwrap()
}

pub(crate) async fn what_waited_is_known_for_the_end_of_every_minute(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let other = bench.endpoint_of(&endpoint.company_id).await;
    // Into the minute.
    bench.pass(Duration::from_secs(10));
    assert_eq!(waited(&bench, &endpoint, 3).await, [0, 0, 0]);
    bench.publish_many(ORDER, 3).await;
    assert_eq!(waited(&bench, &endpoint, 3).await, [0, 0, 3]);
    bench.pass(MINUTE * 3);
    bench.attempt(&endpoint, ORDER, End::Success).await;
    // Nothing changes it while the process begins anew in the same minute.
    bench.crash().await;
    bench.attempt(&endpoint, ORDER, End::Success).await;
    assert_eq!(waited(&bench, &endpoint, 5).await, [0, 3, 3, 3, 1]);
    bench.pass(MINUTE * 2);
    bench.publish(ORDER).await;
    let head = bench.head(&endpoint, ORDER).await;
    bench.discard(head.id()).await.unwrap();
    bench.pass(MINUTE);
    bench.retry(head.id()).await.unwrap();
    assert_eq!(waited(&bench, &endpoint, 8).await, [0, 3, 3, 3, 1, 1, 1, 2]);
    assert_eq!(waited(&bench, &other, 8).await, [0, 3, 3, 3, 3, 3, 4, 4]);
    let span = Span { from: bench.now().minus(MINUTE * 7), to: bench.now(), step: 60 * 24 * 365 };
    assert_eq!(*bench.store().backlog_over(&endpoint, span).await.unwrap().last().unwrap(), 3);
}

pub(crate) async fn what_waited_goes_with_the_log(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.pass(Duration::from_secs(10));
    bench.publish_many(ORDER, 2).await;
    bench.pass(MINUTE * 2);
    bench.attempt(&endpoint, ORDER, End::Success).await;
    assert_eq!(waited(&bench, &endpoint, 4).await, [0, 2, 2, 1]);
    bench.pass(3 * DAY);
    while bench.sweep(100 * DAY, DAY).await.more {}
    let span = Span { from: bench.now().minus(4 * DAY), to: bench.now(), step: 1 };
    let waited = bench.store().backlog_over(&endpoint, span).await.unwrap();
    assert!(waited.iter().all(|waiting| *waiting == 1), "as it is now");
}

pub(crate) async fn states_are_counted_by_company(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let company = endpoint.company_id.clone();
    for order in 1..=7 {
        bench.publish(order).await;
    }
    bench.attempt(&endpoint, 1, End::Failure(DAY)).await;
    bench.attempt(&endpoint, 2, End::Success).await;
    bench.attempt(&endpoint, 3, End::Death(Reason::Exhausted)).await;
    bench.attempt(&endpoint, 4, End::Death(Reason::Exhausted)).await;
    let head = bench.head(&endpoint, 5).await;
    bench.discard(head.id()).await.unwrap();
    let expected = Tally { undelivered: 3, retrying: 1, dead: 2, discarded: 1 };
    assert_eq!(bench.store().tally(&company).await.unwrap(), expected);
    bench.retry(head.id()).await.unwrap();
    let expected = Tally { undelivered: 4, retrying: 1, dead: 2, discarded: 0 };
    assert_eq!(bench.store().tally(&company).await.unwrap(), expected);
    let other = bench.company("other").await;
    assert_eq!(bench.store().tally(&other).await.unwrap(), Tally::default());
}
