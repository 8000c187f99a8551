//! Somebody sets the wall clock.

use std::time::Duration;

use tokio::time::Instant;
use workbell_egress::RetryAfter;
use workbell_model::State;
use workbell_model::health::Access;
use workbell_store::Store;

use crate::receiver::Answer;
use crate::world::{DAY, HOUR, MINUTE, SECOND, World};

const NONE: Duration = Duration::ZERO;

#[tokio::test(start_paused = true)]
async fn a_wait_that_has_begun_is_as_long_as_it_was_when_the_clock_is_set_back() {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(|seen| {
        let status = if seen.work_order_id == 42 && seen.attempt < 4 { 500 } else { 200 };
        (SECOND, Answer::Status(status))
    });
    let id = world.publish(1, 42).await;
    world.until_state(id, State::Retrying).await;
    let from = Instant::now();
    world.set_clock(NONE, 20 * HOUR);
    // What comes now is older than what waits, by the clock, and goes at once nevertheless.
    let fresh = world.publish(1, 7).await;
    world.until_state(fresh, State::Delivered).await;
    assert!(from.elapsed() < 10 * SECOND, "{:?}", from.elapsed());
    world.until_seen(3).await;
    assert!((4 * MINUTE..6 * MINUTE).contains(&from.elapsed()), "{:?}", from.elapsed());
    // The next waits are as the schedule says, not longer and not in a circle.
    world.until_seen(4).await;
    assert!((14 * MINUTE..18 * MINUTE).contains(&from.elapsed()), "{:?}", from.elapsed());
    world.until_state(id, State::Delivered).await;
    assert!((34 * MINUTE..40 * MINUTE).contains(&from.elapsed()), "{:?}", from.elapsed());
    assert_eq!(world.receiver.count(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_ahead_brings_what_is_due_and_the_schedule_goes_on_from_there() {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(|seen| (SECOND, Answer::Status(if seen.attempt < 4 { 500 } else { 200 })));
    let id = world.publish(1, 42).await;
    world.until_state(id, State::Retrying).await;
    world.set_clock(365 * DAY, NONE);
    let from = Instant::now();
    world.until_seen(2).await;
    assert!(from.elapsed() < 6 * MINUTE, "{:?}", from.elapsed());
    world.until_seen(3).await;
    assert!((10 * MINUTE..18 * MINUTE).contains(&from.elapsed()), "{:?}", from.elapsed());
    world.until_state(id, State::Delivered).await;
    assert!((30 * MINUTE..40 * MINUTE).contains(&from.elapsed()), "{:?}", from.elapsed());
    assert_eq!(world.receiver.count(), 4, "nothing runs in a circle, and nothing expires for it");
}

#[tokio::test(start_paused = true)]
async fn what_was_made_due_in_a_year_by_a_wrong_clock_is_due_at_once_when_it_is_set_right() {
    for restarts in [false, true] {
        let (mut world, _) = World::with_endpoint().await;
        let status = |seen: &crate::receiver::Seen| if seen.attempt == 1 { 500 } else { 200 };
        world.receiver.answers(move |seen| (SECOND, Answer::Status(status(seen))));
        world.set_clock(365 * DAY, NONE);
        let awake = world.publish(1, 42).await;
        world.until_state(awake, State::Retrying).await;
        if !restarts {
            // Its task goes to sleep.
            tokio::time::sleep(MINUTE).await;
        }
        let from = Instant::now();
        world.set_clock(NONE, NONE);
        if restarts {
            world.restart(MINUTE).await;
        }
        world.until_state(awake, State::Delivered).await;
        assert!(from.elapsed() < 2 * MINUTE, "{:?}", from.elapsed());
        assert_eq!(world.receiver.count(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttle_or_a_probe_in_a_year_by_a_wrong_clock_is_over_when_it_is_set_right() {
    for restarts in [false, true] {
        for answer in [Answer::RetryAfter(429, RetryAfter::Seconds(3600)), Answer::Refused] {
            let (mut world, key) = World::with_endpoint().await;
            world.receiver.always(answer);
            world.set_clock(365 * DAY, NONE);
            let orders: Vec<i64> = (1..=12).collect();
            let ids = world.publish_all(1, &orders).await;
            let now = world.now();
            let shut = || !matches!(world.store().directory().health(&key).access(now), Access::Open(_));
            world.until("it is down or throttled", async || shut()).await;
            if !restarts {
                // Long enough to be noticed.
                tokio::time::sleep(2 * MINUTE).await;
            }
            world.receiver.always(Answer::Status(200));
            let from = Instant::now();
            world.set_clock(NONE, NONE);
            if restarts {
                world.restart(MINUTE).await;
            }
            world.until_all(&ids, State::Delivered).await;
            assert!(from.elapsed() < 2 * MINUTE, "{:?}", from.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_and_signatures_are_dated_by_the_wall_clock() {
    let (mut world, _) = World::with_endpoint().await;
    let first = world.publish(1, 1).await;
    world.until_state(first, State::Delivered).await;
    for (ahead, behind) in [(NONE, 7 * DAY), (3 * HOUR, NONE), (NONE, 3 * HOUR)] {
        world.set_clock(ahead, behind);
        let before = world.receiver.count();
        world.publish(1, 2).await;
        world.until_seen(before + 1).await;
        let seen = world.receiver.seen().pop().unwrap();
        let dated: i64 = seen.header("webhook-timestamp").parse().unwrap();
        assert_eq!(dated, world.now().unix_seconds());
        world.until_answered(before + 1).await;
    }
}
