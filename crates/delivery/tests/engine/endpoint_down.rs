//! Endpoints that misbehave, are repaired, throttle, flap or rest: stories of days, lived in a second.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use workbell_egress::RetryAfter;
use workbell_model::{DeliveryId, EndpointKey, Health, On410, Reason, RetrySchedule, State};
use workbell_store::Store;
use workbell_store::record::EndpointChange;
use workbell_wire::Timestamp;

use crate::receiver::{Answer, End, Seen};
use crate::world::{DAY, HOUR, MINUTE, SECOND, World};

const NEW: &str = "https://new.example/hook";

fn health(world: &World, key: &EndpointKey) -> Health {
    world.store().directory().health(key)
}

async fn until_down(world: &World, key: &EndpointKey) {
    world.until("it is down", async || health(world, key).down.is_some()).await;
}

/// From the end of each request to the start of the next.
fn waits(seen: &[Seen]) -> Vec<Duration> {
    seen.windows(2).map(|pair| pair[1].at.since(pair[0].ended)).collect()
}

/// Each work order's came in its order.
fn assert_in_order(seen: &[Seen]) {
    let mut last: BTreeMap<i64, u64> = BTreeMap::new();
    for one in seen {
        let before = last.insert(one.work_order_id, one.sequence).unwrap_or(0);
        assert!(before <= one.sequence, "{} of {} after {before}", one.sequence, one.work_order_id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lone_delivery_of_an_endpoint_that_is_dead_for_eight_days_is_probed_and_dies_in_the_end() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.always(Answer::Refused);
    let id = world.publish(1, 42).await;
    until_down(&world, &key).await;
    assert_eq!(world.receiver.count(), 10, "ten failures in a row, at the times of its schedule");
    let closed = world.now();
    world.until("five probes", async || world.receiver.count() > 15).await;
    let seen = world.receiver.seen();
    let probes = &waits(&seen)[9..15];
    for (wait, seconds) in probes.iter().zip([5, 10, 20, 40, 60, 60]) {
        let expected = seconds * SECOND;
        assert!(*wait >= expected && *wait < expected + SECOND, "{wait:?} instead of {expected:?}");
    }
    tokio::time::sleep(8 * DAY).await;
    assert_eq!(world.state(id).await, State::Retrying, "a probe costs none of its attempts");
    assert!(world.now() > closed.plus(8 * DAY));
    world.until_state(id, State::Dead).await;
    let record = world.delivery(id).await;
    assert!(matches!(record.reason, Some(Reason::Exhausted | Reason::Expired)), "{record:?}");
    assert_eq!(world.receiver.count(), usize::from(record.attempts), "each has its number");
}

#[tokio::test(start_paused = true)]
async fn after_a_weekend_of_outage_ten_thousand_work_orders_go_at_once_after_the_repair() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.always(Answer::Status(503));
    let mut ids = Vec::new();
    let orders: Vec<i64> = (1..=10_000).collect();
    for chunk in orders.chunks(500) {
        ids.extend(world.publish_all(1, chunk).await);
    }
    until_down(&world, &key).await;
    let before = world.receiver.count();
    assert!(before < 40, "it is not stormed: {before}");
    tokio::time::sleep(2 * DAY).await;
    let probes = world.receiver.count() - before;
    assert!(probes <= 2 * 24 * 60 + 10, "one a minute: {probes}");
    ids.extend(world.publish_all(1, &orders[..100]).await);
    world.receiver.always(Answer::Status(200));
    let repaired = world.now();
    let waiting = async || world.store().waiting(&key).await.unwrap() == 0;
    world.until("all have arrived", waiting).await;
    let took = world.now().since(repaired);
    assert!(took < 2 * MINUTE, "one probe interval and the drain: {took:?}");
    let good: Vec<_> = world.receiver.seen().into_iter().filter(|seen| seen.at >= repaired).collect();
    assert_eq!(good.len(), ids.len(), "each once");
    assert_in_order(&good);
    for (place, most) in [(1, 1), (2, 2), (3, 4)] {
        let at_once =
            good.iter().filter(|seen| seen.at <= good[place].at && seen.ended > good[place].at).count();
        assert!(at_once <= most, "{at_once} at once after {place}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_always_refused_holds_five_thousand_behind_it_for_an_hour_and_no_longer() {
    let (mut world, key) = World::with_endpoint().await;
    let other = world.publish(1, 7).await;
    world.until_state(other, State::Delivered).await;
    world.receiver.answers(|seen| {
        let bad = seen.work_order_id == 42 && seen.sequence == 1;
        (Duration::from_millis(10), Answer::Status(if bad { 400 } else { 200 }))
    });
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.extend(world.publish_all(1, &[42; 100]).await);
    }
    let bad = ids.remove(0);
    ids.push(world.publish(1, 42).await);
    let published = world.now();
    tokio::time::sleep(59 * MINUTE).await;
    assert!(world.receiver.seen().iter().all(|seen| seen.work_order_id == 7 || seen.sequence == 1));
    world
        .until("those behind it have arrived", async || world.store().waiting(&key).await.unwrap() == 1)
        .await;
    let took = world.now().since(published);
    assert!(took > HOUR && took < HOUR + 3 * MINUTE, "{took:?}");
    assert_in_order(&world.receiver.seen().into_iter().filter(|seen| seen.sequence > 1).collect::<Vec<_>>());
    let late = world.publish(1, 42).await;
    let asked = world.now();
    world.until_state(late, State::Delivered).await;
    assert!(world.now().since(asked) < SECOND, "it holds nobody any more");
    assert_eq!(health(&world, &key).down, None, "one bad notification never closes an endpoint");
    assert!(matches!(world.state(bad).await, State::Retrying));
}

#[tokio::test(start_paused = true)]
async fn one_that_others_have_passed_goes_first_when_its_time_comes() {
    let mut world = World::new().await;
    world
        .endpoint(|settings| {
            settings.hold_limit = Some(Duration::ZERO);
            settings.retry_schedule = Some(RetrySchedule::new(vec![20 * SECOND]).unwrap());
        })
        .await;
    let other = world.publish(1, 7).await;
    world.until_state(other, State::Delivered).await;
    world.receiver.answers(|seen| {
        let bad = seen.sequence == 1 && seen.attempt == 1;
        (SECOND, Answer::Status(if bad { 400 } else { 200 }))
    });
    let ids = world.publish_all(1, &[42; 100]).await;
    world.until_state(ids[0], State::Delivered).await;
    let seen = world.receiver.seen();
    let late = seen.last().unwrap().at.since(seen[1].ended);
    assert!(late >= 20 * SECOND && late < 24 * SECOND, "while those behind it go on: {late:?}");
    assert_eq!(world.state(ids[99]).await, State::Pending);
    world.until_all(&ids, State::Delivered).await;
}

#[tokio::test(start_paused = true)]
async fn a_url_that_is_repaired_while_an_attempt_hangs_at_the_old_one_gets_everything_at_once() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.answers(|seen| {
        if seen.url == NEW { (SECOND / 10, Answer::Status(200)) } else { (SECOND, Answer::Hang) }
    });
    let orders: Vec<i64> = (0..40).map(|n| n % 20).collect();
    let ids = world.publish_all(1, &orders).await;
    until_down(&world, &key).await;
    tokio::time::sleep(DAY).await;
    let count = world.receiver.count();
    world.until_seen(count + 1).await;
    let repaired = world.now();
    world
        .change_endpoint(&key, EndpointChange::Reopened, |endpoint| endpoint.settings.url = Some(NEW.into()))
        .await;
    world.until_all(&ids, State::Delivered).await;
    let took = world.now().since(repaired);
    assert!(took < MINUTE, "as soon as the one that hangs has ended: {took:?}");
    let seen = world.receiver.seen();
    let soon = seen.iter().filter(|seen| seen.url == NEW && seen.at.since(repaired) < 10 * SECOND).count();
    assert_eq!(soon, 38, "and it holds up its own work order alone");
    let at_new: Vec<_> = world.receiver.seen().into_iter().filter(|seen| seen.url == NEW).collect();
    assert_eq!(at_new.len(), 40);
    assert_in_order(&at_new);
    assert_eq!(health(&world, &key).failures, 0, "what failed at the old one counts for nothing");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_at_an_old_url_holds_up_no_probe_of_the_new_one() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.answers(|seen| {
        if seen.url == NEW { (SECOND / 10, Answer::Refused) } else { (SECOND, Answer::Hang) }
    });
    world.publish_all(1, &[1, 2, 3]).await;
    until_down(&world, &key).await;
    let count = world.receiver.count();
    world.until_seen(count + 1).await;
    world
        .change_endpoint(&key, EndpointChange::Reopened, |endpoint| endpoint.settings.url = Some(NEW.into()))
        .await;
    world.until_seen(count + 3).await;
    let seen = world.receiver.seen();
    assert_eq!(seen[count].end, End::Open, "the probe of the old one hangs on");
    let (closes, probe) = (&seen[count + 1], &seen[count + 2]);
    assert_eq!((closes.url.as_str(), probe.url.as_str()), (NEW, NEW));
    let wait = probe.at.since(closes.ended);
    assert!(wait >= 5 * SECOND && wait < 6 * SECOND, "its first probe after five seconds: {wait:?}");
}

#[tokio::test(start_paused = true)]
async fn a_url_that_is_changed_again_and_again_takes_no_more_slots_than_two_endpoints() {
    let mut world = World::new().await;
    let key = world.endpoint(|settings| settings.max_concurrency = Some(2)).await;
    world.receiver.always(Answer::Hang);
    world.publish_all(1, &(0..40).collect::<Vec<_>>()).await;
    world.until_seen(1).await;
    let mut most = 0;
    for nth in 0..20 {
        let url = format!("https://new.example/{nth}");
        world
            .change_endpoint(&key, EndpointChange::Reopened, |endpoint| endpoint.settings.url = Some(url))
            .await;
        tokio::time::sleep(SECOND / 10).await;
        most = most.max(world.receiver.open());
    }
    assert!((2..=4).contains(&most), "{most} at once");
    assert!(world.receiver.seen().iter().any(|seen| seen.url.contains("new.example")));
}

#[tokio::test(start_paused = true)]
async fn one_that_asks_for_a_day_of_patience_gets_it_and_a_change_ends_it() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.always(Answer::RetryAfter(429, RetryAfter::Seconds(86_400)));
    let first = world.publish(1, 1).await;
    world.until_answered(1).await;
    world.until("it is known", async || world.attempts(first).await.len() == 1).await;
    let orders: Vec<i64> = (2..50).collect();
    let mut ids = world.publish_all(1, &orders).await;
    ids.push(first);
    tokio::time::sleep(23 * HOUR).await;
    assert_eq!(world.receiver.count(), 1, "no attempt starts before that time");
    assert_eq!(health(&world, &key).down, None, "it is no failure of the endpoint");
    tokio::time::sleep(2 * HOUR).await;
    let asked_again = world.receiver.count();
    assert!(asked_again >= 2, "after that time the next one is tried");
    tokio::time::sleep(HOUR).await;
    world.receiver.always(Answer::Status(200));
    let repaired = world.now();
    world
        .change_endpoint(&key, EndpointChange::Reopened, |endpoint| endpoint.settings.url = Some(NEW.into()))
        .await;
    world.until_all(&ids, State::Delivered).await;
    assert!(world.now().since(repaired) < SECOND * 5);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_flaps_loses_nothing_and_keeps_the_order() {
    let (mut world, key) = World::with_endpoint().await;
    let start = world.now();
    // Up for three minutes, down for seven.
    world.receiver.answers(move |seen| {
        let minute = seen.at.since(start).as_secs() / 60 % 10;
        (Duration::from_millis(20), Answer::Status(if minute < 3 { 200 } else { 503 }))
    });
    let mut ids: Vec<DeliveryId> = Vec::new();
    let mut went_down = 0;
    for round in 0..40_i64 {
        let orders: Vec<i64> = (0..30).map(|n| (n * 7 + round) % 13).collect();
        ids.extend(world.publish_all(1, &orders).await);
        tokio::time::sleep(97 * SECOND).await;
        went_down += usize::from(health(&world, &key).down.is_some());
    }
    world.until("all have arrived", async || world.store().waiting(&key).await.unwrap() == 0).await;
    assert!(went_down > 3, "it was down now and then: {went_down}");
    let good: Vec<_> =
        world.receiver.seen().into_iter().filter(|seen| seen.end == End::Status(200)).collect();
    assert_eq!(good.iter().map(|seen| &seen.message_id).collect::<HashSet<_>>().len(), ids.len());
    assert_eq!(good.len(), ids.len(), "each once");
    assert_in_order(&good);
}

#[tokio::test(start_paused = true)]
async fn a_pause_of_forty_days_drops_nothing_and_nothing_grows_old_in_it() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.always(Answer::Status(400));
    let tried = world.publish(1, 42).await;
    world.until_state(tried, State::Retrying).await;
    let paused = world.now();
    world.change_endpoint(&key, EndpointChange::Adjusted, |endpoint| endpoint.paused = Some(paused)).await;
    let mut ids = world.publish_all(1, &[42, 7, 8]).await;
    tokio::time::sleep(40 * DAY).await;
    world.restart(SECOND).await;
    assert_eq!(world.receiver.count(), 1);
    let resumed = world.now();
    world.change_endpoint(&key, EndpointChange::Resumed, |endpoint| endpoint.paused = None).await;
    world.until_seen(2).await;
    world.until("its failure is known", async || world.attempts(tried).await.len() == 2).await;
    assert_eq!(world.state(tried).await, State::Retrying, "it is not older than before");
    world.receiver.always(Answer::Status(200));
    ids.push(tried);
    world.until_all(&ids, State::Delivered).await;
    assert!(world.now().since(resumed) < 2 * HOUR);
    assert_in_order(&world.receiver.seen());
}

#[tokio::test(start_paused = true)]
async fn a_410_pauses_an_endpoint_that_says_so() {
    let mut world = World::new().await;
    let key = world.endpoint(|settings| settings.on_410 = On410::Pause).await;
    world.receiver.always(Answer::Status(410));
    let ids = world.publish_all(1, &[1, 1]).await;
    let paused = async || world.store().directory().endpoint(&key).unwrap().paused.is_some();
    world.until("it is paused", paused).await;
    tokio::time::sleep(30 * DAY).await;
    assert_eq!(world.receiver.count(), 1);
    world.receiver.always(Answer::Status(200));
    world.change_endpoint(&key, EndpointChange::Resumed, |endpoint| endpoint.paused = None).await;
    world.until_all(&ids, State::Delivered).await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_by_hand_of_a_head_probes_an_endpoint_that_is_down_at_once() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.always(Answer::Refused);
    let orders: Vec<i64> = (1..=20).collect();
    let ids = world.publish_all(1, &orders).await;
    until_down(&world, &key).await;
    tokio::time::sleep(HOUR + 20 * SECOND).await;
    world.receiver.always(Answer::Status(200));
    let asked = world.now();
    world.retry(ids[19]).await;
    world.until_all(&ids, State::Delivered).await;
    assert!(world.now().since(asked) < 5 * SECOND, "{:?}", world.now().since(asked));
    let after: Vec<_> = world.receiver.seen().into_iter().filter(|seen| seen.at >= asked).collect();
    assert_eq!(after[0].work_order_id, 20);
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_each_state_goes_on_where_it_stood() {
    for crashes in [false, true] {
        let (mut world, key) = World::with_endpoint().await;
        // Throttled.
        world.receiver.always(Answer::RetryAfter(429, RetryAfter::Seconds(600)));
        let mut ids = world.publish_all(1, &[1]).await;
        world.until("it is throttled", async || health(&world, &key).throttled_until().is_some()).await;
        let until = health(&world, &key).throttled_until().unwrap();
        again(&mut world, crashes).await;
        ids.extend(world.publish_all(1, &[2]).await);
        world.receiver.always(Answer::Status(200));
        world.until_all(&ids, State::Delivered).await;
        assert!(second_request(&world) >= until, "not before the time it asked for");
        // Held.
        world.receiver.answers(|seen| {
            let bad = seen.work_order_id == 3 && seen.sequence == 1;
            (Duration::from_millis(10), Answer::Status(if bad { 400 } else { 200 }))
        });
        let held = world.publish_all(1, &[3, 3]).await;
        let refused = world.now();
        world.until_state(held[0], State::Retrying).await;
        again(&mut world, crashes).await;
        world.until_state(held[1], State::Delivered).await;
        let took = world.now().since(refused);
        assert!(took > HOUR - MINUTE && took < HOUR + MINUTE, "{took:?}");
        // Down.
        world.receiver.always(Answer::Refused);
        let orders: Vec<i64> = (10..40).collect();
        let mut ids = world.publish_all(1, &orders).await;
        until_down(&world, &key).await;
        again(&mut world, crashes).await;
        assert!(health(&world, &key).down.is_some());
        tokio::time::sleep(10 * MINUTE).await;
        let count = world.receiver.count();
        tokio::time::sleep(10 * MINUTE).await;
        let probes = world.receiver.count() - count;
        assert!((9..=11).contains(&probes), "one a minute: {probes}");
        // Reopening.
        world.receiver.answers(|_| (SECOND, Answer::Status(200)));
        world.until("it is reopened", async || health(&world, &key).reopening.is_some()).await;
        again(&mut world, crashes).await;
        ids.push(held[0]);
        world.until_all(&ids, State::Delivered).await;
        assert_eq!(health(&world, &key).down, None);
    }
}

async fn again(world: &mut World, crashes: bool) {
    if crashes {
        world.crash().await;
    } else {
        world.restart(20 * SECOND).await;
    }
}

fn second_request(world: &World) -> Timestamp {
    world.receiver.seen()[1].at
}
