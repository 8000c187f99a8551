//! The state of an endpoint as a whole, and what it does to those that wait there: hold, down, throttle, marks.

use std::time::Duration;

use workbell_model::health::{Access, Turn};
use workbell_model::{Defaults, Failure, On410, Reason, State, WorkOrderId};

use super::bench::{Bench, DAY, End, MINUTE, NO_ORDERS, ORDER};
use super::told::Told;
use crate::record::{ByHand, EndpointChange, IfUndelivered};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A refusal of the notification itself; due again after half a day.
const REFUSED: End = End::Failed(400, Failure::Refused, Duration::from_secs(12 * 3600));

/// As many failures as close an endpoint with the usual settings.
async fn bring_down(bench: &mut Bench, endpoint: &workbell_model::EndpointKey, order: WorkOrderId) {
    for _ in 0..10 {
        bench.attempt(endpoint, order, End::Failure(12 * HOUR)).await;
    }
    assert!(bench.health(endpoint).down.is_some());
}

pub(crate) async fn a_refused_head_holds_its_lane_for_the_hold_limit_and_then_the_next_is_tried(
    mut bench: Bench,
) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 3).await;
    let (_, due) = bench.attempt(&endpoint, ORDER, REFUSED).await;
    assert_eq!(due, bench.now().plus(HOUR), "the lane is due when the hold ends");
    for _ in 0..2 {
        assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
        assert_eq!(bench.due(&endpoint).await.next_due, Some(due));
        bench.crash().await;
    }
    bench.pass(HOUR);
    assert_eq!(bench.due(&endpoint).await.lanes[0].deliveries[0].sequence, 2);
    let second = bench.due(&endpoint).await.lanes[0].deliveries[0].clone();
    bench.complete(&second, End::Success).await;
    bench.crash().await;
    let lane = &bench.due(&endpoint).await.lanes[0];
    assert_eq!(lane.deliveries.iter().map(|it| it.sequence).collect::<Vec<_>>(), [3]);
    let third = lane.deliveries[0].clone();
    let (_, due) = bench.complete(&third, End::Success).await;
    assert_eq!(due, bench.head(&endpoint, ORDER).await.due, "the first waits for its own time");
}

pub(crate) async fn a_fresh_one_behind_a_head_whose_hold_is_over_is_due_at_once(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    bench.attempt(&endpoint, ORDER, REFUSED).await;
    bench.pass(2 * HOUR);
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
    for sequence in 2..5 {
        let heard = bench.ear.count();
        bench.publish(ORDER).await;
        bench.ear.wait(heard, |told| matches!(told, Told::LaneChanged(..)).then_some(())).await;
        let lane = bench.due(&endpoint).await.lanes[0].clone();
        assert_eq!(lane.deliveries.iter().map(|it| it.sequence).collect::<Vec<_>>(), [sequence]);
        bench.complete(&lane.deliveries[0], End::Success).await;
        if sequence == 3 {
            bench.crash().await;
        }
    }
}

pub(crate) async fn a_fresh_one_behind_a_head_that_holds_learns_when_the_hold_ends(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    let (_, due) = bench.attempt(&endpoint, ORDER, REFUSED).await;
    assert_eq!(due, bench.now().plus(12 * HOUR), "nobody waits for the end of its hold");
    let end_of_hold = bench.now().plus(HOUR);
    bench.publish(ORDER).await;
    assert_eq!(bench.due(&endpoint).await.next_due, Some(end_of_hold));
}

pub(crate) async fn an_outage_holds_for_as_long_as_it_lasts_and_a_success_elsewhere_tells(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(1, 2).await;
    bench.publish_many(2, 2).await;
    let (_, due) = bench.attempt(&endpoint, 1, End::Failure(12 * HOUR)).await;
    assert_eq!(due, bench.now().plus(12 * HOUR), "nothing speaks against it, so its hold has no end");
    let failed = bench.now();
    bench.pass(MINUTE);
    // Once as the process remembers it, and once as another one finds it.
    bench.crash().await;
    bench.attempt(&endpoint, 2, End::Success).await;
    assert_eq!(bench.due_orders(&endpoint).await, [2]);
    bench.attempt(&endpoint, 2, End::Success).await;
    assert_eq!(
        bench.due(&endpoint).await.next_due,
        Some(failed.plus(HOUR)),
        "a success followed its failure"
    );
    bench.publish_many(3, 2).await;
    bench.attempt(&endpoint, 3, End::Failure(12 * HOUR)).await;
    let failed_later = bench.now();
    bench.publish(2).await;
    let heard = bench.ear.count();
    bench.attempt(&endpoint, 2, End::Success).await;
    bench.ear.wait(heard, |told| matches!(told, Told::LaneChanged(_, 3)).then_some(())).await;
    bench.pass(HOUR);
    assert_eq!(bench.due_orders(&endpoint).await, [1, 3]);
    assert!(bench.now() >= failed_later.plus(HOUR));
}

pub(crate) async fn a_success_of_one_that_was_discarded_meanwhile_tells_its_own_lane_too(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 3).await;
    let lane = bench.lane(&endpoint, ORDER).await;
    bench.discard(lane[1].id()).await.unwrap();
    bench.attempt(&endpoint, ORDER, End::Failure(12 * HOUR)).await;
    let failed = bench.now();
    bench.pass(MINUTE);
    bench.complete(&lane[1], End::Success).await;
    assert_eq!(bench.due(&endpoint).await.next_due, Some(failed.plus(HOUR)), "its hold has an end now");
}

pub(crate) async fn a_hold_of_no_time_leaves_each_on_its_own_clock(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench
        .update(&endpoint, EndpointChange::Adjusted, |it| it.settings.hold_limit = Some(Duration::ZERO))
        .await;
    bench.publish_many(ORDER, 3).await;
    for sequence in 1..=3 {
        let lane = bench.due(&endpoint).await.lanes[0].clone();
        assert_eq!(lane.deliveries[0].sequence, sequence);
        bench.complete(&lane.deliveries[0], REFUSED).await;
    }
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
    bench.pass(12 * HOUR);
    assert_eq!(bench.due(&endpoint).await.lanes[0].deliveries.len(), 3);
}

pub(crate) async fn a_change_of_the_request_and_a_retry_by_hand_start_a_hold_anew(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let all = bench.publish_many(ORDER, 2).await;
    bench.attempt(&endpoint, ORDER, REFUSED).await;
    bench.pass(2 * HOUR);
    assert_eq!(bench.due(&endpoint).await.lanes[0].deliveries[0].sequence, 2);
    bench.retry(all[0].deliveries[0]).await.unwrap();
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1, 2]);
    assert_eq!(bench.due(&endpoint).await.lanes[0].deliveries[0].sequence, 1);
    let (_, due) = bench.attempt(&endpoint, ORDER, REFUSED).await;
    assert_eq!(due, bench.now().plus(HOUR), "an hour from the retry on");
    bench.pass(2 * HOUR);
    bench.update(&endpoint, EndpointChange::Reopened, |_| ()).await;
    let (_, due) = bench.attempt(&endpoint, ORDER, REFUSED).await;
    assert_eq!(due, bench.now().plus(12 * HOUR), "while the endpoint is not open nothing is released");
    assert!(bench.health(&endpoint).down.is_some(), "a failure of one that reopens closes it");
}

pub(crate) async fn so_many_failures_in_a_row_bring_an_endpoint_down_and_it_stays_so(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in 1..=10 {
        bench.publish(order).await;
    }
    for order in 1..=9 {
        bench.attempt(&endpoint, order, End::Failure(MINUTE)).await;
        assert_eq!(bench.health(&endpoint).failures, u32::try_from(order).unwrap());
        assert!(matches!(bench.health(&endpoint).access(bench.now()), Access::Open(None)));
    }
    bench.crash().await;
    bench.attempt(&endpoint, 10, End::Failure(MINUTE)).await;
    let first_probe = bench.now().plus(5 * SECOND);
    for _ in 0..2 {
        assert_eq!(bench.health(&endpoint).access(bench.now()), Access::Down(first_probe));
        assert_eq!(bench.store().due_times(bench.now()).await.unwrap(), [(endpoint.clone(), first_probe)]);
        bench.crash().await;
    }
}

pub(crate) async fn probes_take_heads_in_order_and_in_turns_that_of_the_lane_that_accepted_last(
    mut bench: Bench,
) {
    let endpoint = bench.endpoint().await;
    bench.publish(7).await;
    bench.publish_many(8, 2).await;
    bench.attempt(&endpoint, 7, End::Success).await;
    for order in 1..=4 {
        bench.publish(order).await;
    }
    bench.publish(7).await;
    bring_down(&mut bench, &endpoint, 8).await;
    let mut probed = Vec::new();
    for _ in 0..6 {
        bench.crash().await;
        let Access::Down(next) = bench.health(&endpoint).access(bench.now()) else { panic!("it is down") };
        bench.pass(next.since(bench.now()));
        probed.push(bench.probe(&endpoint, End::Failure(12 * HOUR)).await.unwrap());
    }
    assert_eq!(probed, [1, 7, 2, 7, 3, 7], "due or not, by turns");
    for _ in 0..2 {
        probed.push(bench.probe(&endpoint, End::Failure(12 * HOUR)).await.unwrap());
    }
    assert_eq!(probed[6..], [4, 7]);
    let turn = bench.health(&endpoint).down.unwrap().turn(Some(7));
    assert!(matches!(turn, Turn::InOrder(Some(_))), "the place is kept: {turn:?}");
    assert!(bench.store().probe(&endpoint, &[1, 2, 3, 4, 7, 8]).await.unwrap().is_none(), "all are busy");
}

pub(crate) async fn a_probe_that_succeeds_reopens_and_all_is_due_at_once(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in 1..=3 {
        bench.publish_many(order, 2).await;
    }
    bring_down(&mut bench, &endpoint, 1).await;
    bench.attempt(&endpoint, 2, End::Failure(12 * HOUR)).await;
    assert_eq!(bench.due_orders(&endpoint).await, [3]);
    let heard = bench.ear.count();
    bench.probe(&endpoint, End::Success).await.unwrap();
    bench.ear.wait(heard, |told| matches!(told, Told::Reopened(key) if *key == endpoint).then_some(())).await;
    for _ in 0..2 {
        let mut orders = bench.due_orders(&endpoint).await;
        orders.sort_unstable();
        assert_eq!(orders, [1, 2, 3]);
        assert_eq!(bench.health(&endpoint).access(bench.now()), Access::Open(Some(1)));
        let head = bench.head(&endpoint, 1).await;
        assert_eq!(head.counted, 10, "count and schedule stay as they were");
        assert!(bench.delivery(head.id()).await.next_attempt_at.unwrap() <= bench.now());
        bench.crash().await;
    }
    for slots in [Some(2), Some(4), Some(8), None] {
        let order = bench.due_orders(&endpoint).await[0];
        bench.attempt(&endpoint, order, End::Success).await;
        bench.crash().await;
        assert_eq!(bench.health(&endpoint).access(bench.now()), Access::Open(slots), "twice as many");
    }
}

pub(crate) async fn one_whose_last_failure_was_its_own_keeps_its_due_time_at_a_reopening(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(1).await;
    bench.publish(2).await;
    bench.attempt(&endpoint, 1, REFUSED).await;
    bench.attempt(&endpoint, 2, End::Success).await;
    bench.attempt(&endpoint, 1, REFUSED).await;
    assert_eq!(bench.health(&endpoint).failures, 0, "it says nothing of the endpoint");
    bench.publish(3).await;
    bring_down(&mut bench, &endpoint, 3).await;
    bench.publish(4).await;
    let head = bench.head(&endpoint, 4).await;
    let mut completion = bench.completion(&head, End::Success);
    completion.occasion = crate::record::Occasion::Probe(None);
    bench.write(completion).await;
    assert_eq!(bench.due_orders(&endpoint).await, [3]);
    bench.crash().await;
    assert_eq!(bench.due_orders(&endpoint).await, [3]);
    bench.update(&endpoint, EndpointChange::Reopened, |_| ()).await;
    let mut orders = bench.due_orders(&endpoint).await;
    orders.sort_unstable();
    assert_eq!(orders, [1, 3], "a change lifts that too");
}

pub(crate) async fn one_bad_notification_never_brings_its_endpoint_down(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(1).await;
    bench.attempt(&endpoint, 1, REFUSED).await;
    for round in 0..15 {
        bench.publish(2).await;
        bench.attempt(&endpoint, 2, End::Success).await;
        for _ in 0..3 {
            bench.attempt(&endpoint, 1, REFUSED).await;
        }
        assert_eq!(bench.health(&endpoint).failures, 0, "round {round}");
        if round == 7 {
            bench.crash().await;
        }
    }
    let dead = bench.head(&endpoint, 1).await.id();
    bench.attempt(&endpoint, 1, End::Death(Reason::Exhausted)).await;
    bench.retry(dead).await.unwrap();
    bench.crash().await;
    let before = bench.health(&endpoint).failures;
    bench.publish(2).await;
    bench.attempt(&endpoint, 1, REFUSED).await;
    assert_eq!(bench.health(&endpoint).failures, before, "it remembers, also from among the dead");
}

pub(crate) async fn a_retry_by_hand_of_a_head_is_a_probe_at_once_and_ends_a_throttle(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(1).await;
    let asked = bench.publish_many(2, 2).await;
    bring_down(&mut bench, &endpoint, 1).await;
    let next = bench.health(&endpoint).down.unwrap().next();
    bench.retry(asked[1].deliveries[0]).await.unwrap();
    assert_eq!(bench.health(&endpoint).down.unwrap().next(), next, "it is no head");
    bench.retry(asked[0].deliveries[0]).await.unwrap();
    bench.crash().await;
    assert_eq!(bench.health(&endpoint).access(bench.now()), Access::Down(bench.now()));
    let probe = bench.store().probe(&endpoint, &[]).await.unwrap().unwrap();
    assert_eq!(probe.delivery.id(), asked[0].deliveries[0]);
    bench.probe(&endpoint, End::Success).await.unwrap();
    let patience = End::Failed(429, Failure::TooManyRequests(Some(HOUR)), 2 * HOUR);
    bench.attempt(&endpoint, 1, patience).await;
    bench.crash().await;
    let until = bench.now().plus(HOUR);
    assert_eq!(bench.health(&endpoint).access(bench.now()), Access::Throttled(until));
    bench.retry(asked[1].deliveries[0]).await.unwrap();
    bench.crash().await;
    assert!(matches!(bench.health(&endpoint).access(bench.now()), Access::Open(_)));
}

pub(crate) async fn a_hold_counts_open_time_only(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 2).await;
    bench.publish(1).await;
    bench.attempt(&endpoint, ORDER, REFUSED).await;
    bench.pass(HOUR / 2);
    bench.update(&endpoint, EndpointChange::Adjusted, |it| it.paused = Some(it.created)).await;
    bench.pass(40 * DAY);
    bench.crash().await;
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1, 2]);
    bench.update(&endpoint, EndpointChange::Resumed, |it| it.paused = None).await;
    assert_eq!(bench.due(&endpoint).await.lanes.len(), 2, "resumed, all is due at once");
    bench.attempt(&endpoint, 1, End::Success).await;
    let lane = bench.due(&endpoint).await.lanes[0].clone();
    assert_eq!(lane.deliveries[0].sequence, 1, "the first goes first");
    let patience = End::Failed(429, Failure::TooManyRequests(Some(DAY)), 12 * HOUR);
    bench.complete(&lane.deliveries[0], patience).await;
    bench.pass(DAY);
    assert_eq!(bench.due(&endpoint).await.lanes[0].deliveries[0].sequence, 1);
    let (_, due) = bench.attempt(&endpoint, ORDER, REFUSED).await;
    let left = due.since(bench.now());
    assert!(left > HOUR / 2 - MINUTE && left < HOUR / 2 + MINUTE, "half an hour is left: {left:?}");
}

pub(crate) async fn an_age_stands_still_while_paused(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(1).await;
    bench.update(&endpoint, EndpointChange::Adjusted, |it| it.paused = Some(it.created)).await;
    let paused = bench.now();
    bench.pass(40 * DAY);
    bench.publish(2).await;
    bench.update(&endpoint, EndpointChange::Resumed, |it| it.paused = None).await;
    bench.crash().await;
    assert_eq!(bench.health(&endpoint).age.reading(bench.now()), paused);
    assert_eq!(bench.head(&endpoint, 2).await.since, paused, "a reading of the clock of age");
}

pub(crate) async fn a_410_pauses_when_that_is_set_and_nothing_but_resuming_ends_it(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(1, 2).await;
    bench.publish(2).await;
    let gone = End::Failed(410, Failure::Gone, MINUTE);
    bench.attempt(&endpoint, 1, gone).await;
    assert_eq!(bench.directory().endpoint(&endpoint).unwrap().paused, None);
    bench.update(&endpoint, EndpointChange::Adjusted, |it| it.settings.on_410 = On410::Pause).await;
    let before = (*bench.directory().endpoint(&endpoint).unwrap()).clone();
    let heard = bench.ear.count();
    bench.attempt(&endpoint, 2, gone).await;
    let changed =
        |told: &Told| matches!(told, Told::EndpointChanged(_, EndpointChange::Adjusted)).then_some(());
    bench.ear.wait(heard, changed).await;
    let paused = bench.directory().endpoint(&endpoint).unwrap().paused;
    assert_eq!(paused, Some(bench.now()));
    bench.crash().await;
    assert_eq!(bench.directory().endpoint(&endpoint).unwrap().paused, paused);
    assert!(bench.health(&endpoint).stands_still());
    bench.publish(1).await;
    // Somebody who looked before.
    let change = crate::record::Change::UpdateEndpoint(before, EndpointChange::Reopened, bench.now());
    bench.change(change).await.unwrap();
    assert_eq!(bench.directory().endpoint(&endpoint).unwrap().paused, paused);
    bench.update(&endpoint, EndpointChange::Resumed, |it| it.paused = None).await;
    assert_eq!(bench.directory().endpoint(&endpoint).unwrap().paused, None);
    assert!(!bench.health(&endpoint).stands_still());
    assert_eq!(bench.due_orders(&endpoint).await.len(), 2);
}

pub(crate) async fn a_failed_probe_lets_die_what_is_too_old_and_nothing_else(mut bench: Bench) {
    bench.reopen_with(1_000_000, Defaults { max_age: 10 * DAY, ..Defaults::default() }).await;
    let endpoint = bench.endpoint().await;
    let old = bench.publish_many(1, 20).await;
    let old_too = bench.publish_many(2, 1).await;
    bench.pass(5 * DAY);
    let young = bench.publish_many(3, 8).await;
    bring_down(&mut bench, &endpoint, 3).await;
    bench.pass(5 * DAY);
    let last = bench.publish(4).await.deliveries[0];
    assert_eq!(bench.state(old[0].deliveries[0]).await.0, State::Pending, "nothing expires by itself");
    let busy = [1, 2, 3];
    let probe = bench.store().probe(&endpoint, &busy).await.unwrap().unwrap();
    assert_eq!(probe.delivery.id(), last);
    let mut completion = bench.completion(&probe.delivery, End::Failure(MINUTE));
    completion.occasion = crate::record::Occasion::Probe(probe.cursor);
    bench.write(completion).await;
    let waiting = || async { bench.store().waiting(&endpoint).await.unwrap() };
    super::told::within_deadline(async {
        while waiting().await > 9 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for one in old.iter().chain(&old_too) {
        assert_eq!(bench.state(one.deliveries[0]).await, (State::Dead, Some(Reason::Expired)));
    }
    for one in &young {
        assert!(bench.state(one.deliveries[0]).await.0.is_undelivered());
    }
    assert_eq!(waiting().await, 9);
}

pub(crate) async fn what_is_known_of_an_endpoint_goes_with_it(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(1).await;
    bring_down(&mut bench, &endpoint, 1).await;
    let id = bench.head(&endpoint, 1).await.id();
    let in_flight = ByHand { in_flight: true, ..bench.by_hand(id) };
    bench.store().retry(in_flight).await.unwrap();
    bench.delete(&endpoint, IfUndelivered::Discard).await.unwrap();
    for _ in 0..2 {
        assert!(bench.health(&endpoint).is_plain());
        bench.reopen().await;
    }
}

pub(crate) async fn waits_of_an_endpoint_that_a_wrong_clock_has_written_are_over(mut bench: Bench) {
    let right = bench.now();
    let down = bench.endpoint().await;
    let company = down.company_id.clone();
    // A clock that is a year ahead for a while.
    bench.pass(365 * DAY);
    bench.publish_many(1, 2).await;
    bring_down(&mut bench, &down, 1).await;
    let throttled = bench.endpoint_of(&company).await;
    bench.publish_many(2, 2).await;
    let patience = End::Failed(429, Failure::TooManyRequests(Some(HOUR)), HOUR);
    bench.attempt(&throttled, 2, patience).await;
    let both = [&down, &throttled];
    bench.set(right);
    bench.crash().await;
    let times = bench.store().due_times(right).await.unwrap();
    for endpoint in both {
        let due = times.iter().find(|(key, _)| key == endpoint).unwrap().1;
        assert!(due <= right, "{due:?}");
    }
    for _ in 0..2 {
        assert_eq!(bench.health(&down).access(right), Access::Down(right), "a probe at once");
        assert_eq!(bench.health(&throttled).access(right), Access::Open(None));
        bench.crash().await;
    }
    // Times that may be right are kept.
    bench.probe(&down, End::Failure(MINUTE)).await.unwrap();
    let probed = bench.now();
    bench.attempt(&throttled, 2, End::Failed(429, Failure::TooManyRequests(Some(DAY)), DAY)).await;
    let asked = bench.now();
    for _ in 0..2 {
        bench.store().due_times(bench.now()).await.unwrap();
        assert_eq!(bench.health(&down).access(right), Access::Down(probed.plus(10 * SECOND)));
        assert_eq!(bench.health(&throttled).access(right), Access::Throttled(asked.plus(DAY)));
        bench.crash().await;
    }
}

pub(crate) async fn a_hold_that_began_by_a_wrong_clock_begins_anew_with_the_next_failure(mut bench: Bench) {
    let right = bench.now();
    let endpoint = bench.endpoint().await;
    bench.pass(365 * DAY);
    bench.publish_many(ORDER, 2).await;
    bench.attempt(&endpoint, ORDER, REFUSED).await;
    bench.set(right);
    bench.crash().await;
    bench.store().due_times(right).await.unwrap();
    assert_eq!(bench.due(&endpoint).await.lanes[0].deliveries[0].sequence, 1, "it is due at once");
    let (_, due) = bench.attempt(&endpoint, ORDER, REFUSED).await;
    assert_eq!(due, bench.now().plus(HOUR), "and holds for no longer than the hold limit");
    bench.pass(HOUR);
    assert_eq!(bench.due(&endpoint).await.lanes[0].deliveries[0].sequence, 2);
}

pub(crate) async fn another_hold_limit_counts_at_once_for_what_waits_and_makes_nothing_else_due(
    mut bench: Bench,
) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 3).await;
    bench.publish_many(7, 2).await;
    bench.attempt(&endpoint, ORDER, REFUSED).await;
    let refused = bench.now();
    bench.attempt(&endpoint, 7, End::Failure(12 * HOUR)).await;
    bench.pass(HOUR / 2);
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
    let limit = |limit: Duration| {
        move |endpoint: &mut workbell_model::Endpoint| endpoint.settings.hold_limit = Some(limit)
    };
    bench.update(&endpoint, EndpointChange::Adjusted, limit(HOUR / 3)).await;
    for _ in 0..2 {
        assert_eq!(bench.due_orders(&endpoint).await, [ORDER], "not what has no hold, or none that is over");
        let lane = bench.due(&endpoint).await.lanes[0].clone();
        assert_eq!(lane.deliveries.iter().map(|it| it.sequence).collect::<Vec<_>>(), [2, 3]);
        assert!(bench.head(&endpoint, ORDER).await.due > bench.now().plus(11 * HOUR), "its time stays");
        bench.crash().await;
    }
    bench.update(&endpoint, EndpointChange::Adjusted, limit(2 * HOUR)).await;
    for _ in 0..2 {
        assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS, "it holds again");
        assert_eq!(bench.due(&endpoint).await.next_due, Some(refused.plus(2 * HOUR)));
        bench.crash().await;
    }
    bench.update(&endpoint, EndpointChange::Adjusted, limit(HOUR)).await;
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
    assert_eq!(bench.due(&endpoint).await.next_due, Some(refused.plus(HOUR)));
}
