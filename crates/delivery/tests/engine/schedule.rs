//! When a delivery is tried again, and when it is given up.

use std::time::Duration;

use workbell_egress::RetryAfter;
use workbell_model::{Defaults, Reason, State};
use workbell_wire::Timestamp;

use crate::receiver::{Answer, Seen};
use crate::world::{DAY, HOUR, MINUTE, SECOND, Setup, World};

/// From the end of each request to the start of the next.
fn waits(seen: &[Seen]) -> Vec<Duration> {
    seen.windows(2).map(|pair| pair[1].at.since(pair[0].ended)).collect()
}

/// Never earlier than `wait`, at most a tenth later. Timers have milliseconds.
fn assert_wait(wait: Duration, at_least: Duration) {
    let most = at_least.mul_f64(1.1) + Duration::from_millis(2);
    assert!((at_least..=most).contains(&wait), "{wait:?} instead of {at_least:?} and up to a tenth more");
}

#[tokio::test(start_paused = true)]
async fn the_default_schedule_is_199_waits_and_200_attempts_then_dead_then_a_retry_by_hand_delivers() {
    // One that is down is probed besides.
    let defaults = Defaults { down_after: 0, ..Defaults::default() };
    let mut world = World::with(Setup { defaults, ..Setup::default() }).await;
    world.endpoint(|_| {}).await;
    world.receiver.answers(|_| (SECOND, Answer::Status(500)));
    let id = world.publish(1, 42).await;
    world.until_state(id, State::Dead).await;

    let seen = world.receiver.seen();
    let numbers: Vec<u16> = seen.iter().map(|seen| seen.attempt).collect();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
    let waits = waits(&seen);
    assert_eq!(waits.len(), 199);
    for (wait, minutes) in waits.iter().zip([5, 10, 20, 40].into_iter().chain(std::iter::repeat(60))) {
        assert_wait(*wait, minutes * MINUTE);
    }
    let jittered = waits.iter().filter(|wait| wait.as_millis() % 60_000 > 100).count();
    assert!(jittered > 150, "waits are spread: {waits:?}");
    let record = world.delivery(id).await;
    assert_eq!((record.reason, record.attempts), (Some(Reason::Exhausted), 200));
    assert_eq!((record.last_status, record.next_attempt_at), (Some(500), None));

    world.receiver.always(Answer::Status(204));
    world.retry(id).await;
    world.until_state(id, State::Delivered).await;
    assert_eq!(world.receiver.seen().last().unwrap().attempt, 201);
    let logged: Vec<u16> = world.attempts(id).await.iter().map(|record| record.attempt).collect();
    assert_eq!(logged, (1..=201).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_retry_by_hand_begins_the_schedule_anew_and_goes_on_with_the_numbers() {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.always(Answer::Status(400));
    let id = world.publish(1, 42).await;
    world.until_answered(4).await;
    world.until("the fourth is on disk", async || world.delivery(id).await.attempts == 4).await;
    let asked = world.now();
    world.retry(id).await;
    world.until_answered(6).await;
    let seen = world.receiver.seen();
    assert_eq!(seen[4].at, asked, "due at once");
    assert_eq!(seen[5].attempt, 6);
    assert_wait(waits(&seen)[4], 5 * MINUTE);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_can_have_its_own_schedule_and_number_of_attempts() {
    let mut world = World::new().await;
    world
        .endpoint(|settings| {
            settings.retry_schedule =
                Some(workbell_model::RetrySchedule::new(vec![3 * SECOND, 7 * SECOND]).unwrap());
            settings.max_attempts = Some(4);
        })
        .await;
    world.receiver.always(Answer::Refused);
    let id = world.publish(1, 42).await;
    world.until_state(id, State::Dead).await;
    let waits = waits(&world.receiver.seen());
    assert_eq!(waits.len(), 3);
    for (wait, at_least) in waits.into_iter().zip([3 * SECOND, 7 * SECOND, 7 * SECOND]) {
        assert_wait(wait, at_least);
    }
}

async fn wait_after(answer: impl Fn(Timestamp) -> Answer) -> Duration {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.always(answer(world.now()));
    world.publish(1, 42).await;
    world.until_seen(2).await;
    waits(&world.receiver.seen())[0]
}

#[tokio::test(start_paused = true)]
async fn retry_after_moves_the_next_attempt_if_it_is_later() {
    let seconds = |status, seconds| move |_| Answer::RetryAfter(status, RetryAfter::Seconds(seconds));
    let date = |status, wait| {
        move |now: Timestamp| Answer::RetryAfter(status, RetryAfter::Date(now.plus(wait).to_http_date()))
    };
    assert_eq!(wait_after(seconds(429, 7200)).await, 2 * HOUR);
    assert_eq!(wait_after(seconds(503, 7200)).await, 2 * HOUR);
    // A date has whole seconds, and the answer takes 10 ms.
    assert_eq!(wait_after(date(429, 2 * HOUR)).await, 2 * HOUR - Duration::from_millis(10));
    assert_eq!(wait_after(date(503, 2 * HOUR)).await, 2 * HOUR - Duration::from_millis(10));
    // Cut to a day.
    assert_eq!(wait_after(seconds(429, u64::MAX)).await, DAY);
    assert_eq!(wait_after(date(503, 30 * DAY)).await, DAY);
    // The schedule's is later.
    assert_wait(wait_after(seconds(429, 10)).await, 5 * MINUTE);
    assert_wait(wait_after(date(429, Duration::ZERO)).await, 5 * MINUTE);
    // Not asked of any other status, and what is no date says nothing.
    assert_wait(wait_after(seconds(500, 7200)).await, 5 * MINUTE);
    assert_wait(
        wait_after(|_| Answer::RetryAfter(503, RetryAfter::Date("soon".to_owned()))).await,
        5 * MINUTE,
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_expires_with_its_last_attempt_and_not_before() {
    let defaults = Defaults { max_age: HOUR, ..Defaults::default() };
    let mut world = World::with(Setup { defaults, ..Setup::default() }).await;
    world.endpoint(|_| {}).await;
    world.receiver.always(Answer::Status(500));
    let accepted = world.now();
    let id = world.publish(1, 42).await;
    world.until_state(id, State::Dead).await;
    assert_eq!(world.delivery(id).await.reason, Some(Reason::Expired));
    let seen = world.receiver.seen();
    assert_eq!(seen.len(), 5, "at once and after 5, 10, 20 minutes; the wait of 40 is cut");
    assert_eq!(seen[4].at, accepted.plus(HOUR), "the last wait is cut to end with the age");

    // From a retry by hand on, the age counts anew.
    world.retry(id).await;
    world.until_answered(6).await;
    world.until("it waits", async || world.delivery(id).await.attempts == 6).await;
    assert_eq!(world.state(id).await, State::Retrying);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_a_failed_attempt_that_took_the_whole_time() {
    let mut world = World::new().await;
    world.endpoint(|settings| settings.timeout = Some(3 * SECOND)).await;
    world.receiver.always(Answer::Hang);
    let id = world.publish(1, 42).await;
    world.until_answered(2).await;
    world.until("both are on disk", async || world.attempts(id).await.len() == 2).await;
    let log = world.attempts(id).await;
    assert_eq!(log[0].error.as_deref(), Some("Timeout"));
    assert_eq!((log[0].status, log[0].duration), (None, 3 * SECOND));
    assert_wait(log[1].start.since(log[0].start), 5 * MINUTE + 3 * SECOND);
}
