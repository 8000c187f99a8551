//! What a change of an endpoint does to what waits and to what is in flight.

use std::time::Duration;

use workbell_model::{Reason, State};
use workbell_store::Store;
use workbell_store::record::EndpointChange;

use crate::receiver::{Answer, End, Seen};
use crate::world::{DAY, HOUR, MINUTE, SECOND, World};

const OLD: &str = "https://e1.example/hook";
const NEW: &str = "https://new.example/hook";

/// A failure after a change closes an endpoint, which then is probed; these tests look at the schedule alone.
async fn never_down() -> World {
    let defaults = workbell_model::Defaults { down_after: 0, ..workbell_model::Defaults::default() };
    World::with(crate::world::Setup { defaults, ..crate::world::Setup::default() }).await
}

fn at_the_old_one(seen: &Seen, answer: Answer) -> (Duration, Answer) {
    if seen.url == OLD { (20 * SECOND, answer) } else { (SECOND, Answer::Status(200)) }
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_an_attempt_that_began_before_a_change_counts_for_nothing_and_is_due_at_once() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.answers(|seen| at_the_old_one(seen, Answer::Status(500)));
    let id = world.publish(1, 42).await;
    world.until_seen(1).await;
    tokio::time::sleep(SECOND).await;
    world
        .change_endpoint(&key, EndpointChange::Reopened, |endpoint| endpoint.settings.url = Some(NEW.into()))
        .await;
    world.until_state(id, State::Delivered).await;
    let seen = world.receiver.seen();
    assert_eq!(seen.iter().map(|seen| seen.url.as_str()).collect::<Vec<_>>(), [OLD, NEW]);
    assert_eq!(seen[1].at, seen[0].ended, "due at once");
    assert_eq!(seen[1].attempt, 2, "it is logged and numbered");
    assert_eq!(world.attempts(id).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_counts_for_nothing_leaves_schedule_and_count_as_they_were() {
    let mut world = never_down().await;
    let key = world.endpoint(|settings| settings.max_attempts = Some(2)).await;
    world.receiver.answers(|_| (20 * SECOND, Answer::Status(500)));
    let id = world.publish(1, 42).await;
    for nth in 1..=3 {
        world.until_seen(nth).await;
        world.change_endpoint(&key, EndpointChange::Reopened, |_| {}).await;
        world.until("its end is on disk", async || world.attempts(id).await.len() == nth).await;
        assert_eq!(world.state(id).await, State::Retrying);
    }
    world.until_state(id, State::Dead).await;
    let seen = world.receiver.seen();
    assert_eq!(seen.len(), 5, "three that do not count, two that do");
    assert!(seen[4].at.since(seen[3].ended) >= 5 * MINUTE);
}

#[tokio::test(start_paused = true)]
async fn a_success_of_an_attempt_that_began_before_a_change_stands() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.answers(|seen| at_the_old_one(seen, Answer::Status(200)));
    let ids = world.publish_all(1, &[42, 42]).await;
    world.until_seen(1).await;
    world
        .change_endpoint(&key, EndpointChange::Reopened, |endpoint| endpoint.settings.url = Some(NEW.into()))
        .await;
    world.until_state(ids[1], State::Delivered).await;
    let seen = world.receiver.seen();
    let urls: Vec<_> = seen.iter().map(|seen| (seen.sequence, seen.url.as_str())).collect();
    assert_eq!(urls, [(1, OLD), (2, NEW)]);
}

#[tokio::test(start_paused = true)]
async fn a_change_makes_all_that_waits_due_at_once_in_order() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.always(Answer::Status(500));
    let ids = world.publish_all(1, &[1, 1, 2, 2, 3]).await;
    world.until_answered(3).await;
    tokio::time::sleep(MINUTE).await;
    world.receiver.always(Answer::Status(200));
    let changed = world.now();
    world
        .change_endpoint(&key, EndpointChange::Reopened, |endpoint| endpoint.settings.url = Some(NEW.into()))
        .await;
    world.until_all(&ids, State::Delivered).await;
    assert!(world.now().since(changed) < SECOND);
    assert!(world.receiver.seen()[3..].iter().all(|seen| seen.url == NEW));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_touches_no_request_leaves_the_due_times() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.always(Answer::Status(500));
    let id = world.publish(1, 42).await;
    world.until_state(id, State::Retrying).await;
    world
        .change_endpoint(&key, EndpointChange::Adjusted, |endpoint| {
            endpoint.settings.max_concurrency = Some(2)
        })
        .await;
    tokio::time::sleep(4 * MINUTE).await;
    assert_eq!(world.receiver.count(), 1);
    world.until_seen(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_shorter_hold_limit_lets_those_go_at_once_that_wait_behind_a_refused_one() {
    let (mut world, key) = World::with_endpoint().await;
    let first = world.publish(1, 7).await;
    world.until_state(first, State::Delivered).await;
    world.receiver.answers(|seen| {
        let bad = seen.work_order_id == 42 && seen.sequence == 1;
        (Duration::from_millis(10), Answer::Status(if bad { 400 } else { 200 }))
    });
    let ids = world.publish_all(1, &[42, 42, 42]).await;
    world.until_state(ids[0], State::Retrying).await;
    tokio::time::sleep(2 * MINUTE).await;
    let count = world.receiver.count();
    let limit =
        |limit| move |endpoint: &mut workbell_model::Endpoint| endpoint.settings.hold_limit = Some(limit);
    world.change_endpoint(&key, EndpointChange::Adjusted, limit(MINUTE)).await;
    let changed = world.now();
    world.until_all(&ids[1..], State::Delivered).await;
    assert!(world.now().since(changed) < SECOND, "{:?}", world.now().since(changed));
    assert_eq!(world.receiver.count(), count + 2, "the refused one waits for its own time");
    // A longer one holds again at once.
    world.change_endpoint(&key, EndpointChange::Adjusted, limit(HOUR)).await;
    let behind = world.publish(1, 42).await;
    tokio::time::sleep(MINUTE).await;
    assert_eq!(world.state(behind).await, State::Pending);
}

#[tokio::test(start_paused = true)]
async fn while_an_endpoint_is_paused_all_waits_and_nothing_is_dropped() {
    let (mut world, key) = World::with_endpoint().await;
    let paused = world.now();
    world.change_endpoint(&key, EndpointChange::Adjusted, |endpoint| endpoint.paused = Some(paused)).await;
    let mut ids = world.publish_all(1, &[42, 42, 7]).await;
    tokio::time::sleep(DAY).await;
    ids.extend(world.publish_all(1, &[42, 8]).await);
    tokio::time::sleep(DAY).await;
    assert_eq!(world.receiver.count(), 0);
    let reads = world.store().reads();
    tokio::time::sleep(DAY).await;
    assert_eq!(world.store().reads(), reads, "a paused endpoint reads nothing");
    let resumed = world.now();
    world.change_endpoint(&key, EndpointChange::Resumed, |endpoint| endpoint.paused = None).await;
    world.until_all(&ids, State::Delivered).await;
    assert!(world.now().since(resumed) < SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_in_flight_at_a_pause_ends_and_its_outcome_stands() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.answers(|_| (10 * SECOND, Answer::Status(200)));
    let ids = world.publish_all(1, &[42, 42]).await;
    world.until_seen(1).await;
    let paused = world.now();
    world.change_endpoint(&key, EndpointChange::Adjusted, |endpoint| endpoint.paused = Some(paused)).await;
    world.until_state(ids[0], State::Delivered).await;
    tokio::time::sleep(HOUR).await;
    assert_eq!(world.receiver.count(), 1);
    world.change_endpoint(&key, EndpointChange::Resumed, |endpoint| endpoint.paused = None).await;
    world.until_state(ids[1], State::Delivered).await;
}

#[tokio::test(start_paused = true)]
async fn pausing_and_resuming_while_an_attempt_hangs_sends_nothing_twice() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.answers(|seen| (10 * SECOND, Answer::Status(if seen.attempt == 1 { 500 } else { 200 })));
    let ids = world.publish_all(1, &[42, 42]).await;
    world.until_seen(1).await;
    let now = world.now();
    world.change_endpoint(&key, EndpointChange::Adjusted, |endpoint| endpoint.paused = Some(now)).await;
    tokio::time::sleep(SECOND).await;
    world.change_endpoint(&key, EndpointChange::Resumed, |endpoint| endpoint.paused = None).await;
    world.until_state(ids[0], State::Delivered).await;
    let seen = world.receiver.seen();
    assert!(seen[1].at >= seen[0].ended);
    assert_eq!((seen[1].sequence, seen[1].attempt), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_off_gets_nothing_new_and_what_waits_goes_when_it_is_on_again() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.always(Answer::Status(500));
    let id = world.publish(1, 42).await;
    world.until_state(id, State::Retrying).await;
    world.change_endpoint(&key, EndpointChange::Adjusted, |endpoint| endpoint.settings.enabled = false).await;
    let unwanted = world.acceptance(1, 42, 200);
    let accepted = world.store().accept(vec![unwanted]).await.unwrap().remove(0).unwrap();
    assert!(accepted.deliveries.is_empty());
    tokio::time::sleep(DAY).await;
    assert_eq!(world.receiver.count(), 1);
    world.receiver.always(Answer::Status(200));
    let on = world.now();
    world.change_endpoint(&key, EndpointChange::Resumed, |endpoint| endpoint.settings.enabled = true).await;
    world.until_state(id, State::Delivered).await;
    assert_eq!(world.receiver.seen()[1].at, on);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_deleted_endpoint_is_discarded_and_its_attempt_ends_and_is_logged() {
    for status in [200, 500] {
        let (mut world, key) = World::with_endpoint().await;
        // After a success it may have two at once.
        let first = world.publish(1, 1).await;
        world.until_state(first, State::Delivered).await;
        world.receiver.answers(move |_| (10 * SECOND, Answer::Status(status)));
        let ids = world.publish_all(1, &[42, 42, 7]).await;
        world.until_seen(3).await;
        world.delete_endpoint(&key).await;
        world.until_answered(3).await;
        world
            .until("both are logged", async || {
                world.attempts(ids[0]).await.len() == 1 && world.attempts(ids[2]).await.len() == 1
            })
            .await;
        tokio::time::sleep(DAY).await;
        assert_eq!(world.receiver.count(), 3);
        assert!(world.receiver.seen()[1..].iter().all(|seen| seen.end == End::Status(status)));
        for id in &ids {
            let record = world.delivery(*id).await;
            assert_eq!((record.state, record.reason), (State::Discarded, Some(Reason::EndpointDeleted)));
        }
        assert!(world.store().retry(world.by_hand(ids[1])).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_a_change_brought_forward_and_that_fails_leaves_schedule_and_count_as_they_were() {
    let mut world = never_down().await;
    let key = world.endpoint(|_| {}).await;
    world.receiver.always(Answer::Status(500));
    let id = world.publish(1, 42).await;
    world.until_answered(1).await;
    world.until_state(id, State::Retrying).await;
    let due = world.delivery(id).await.next_attempt_at.unwrap();
    world
        .change_endpoint(&key, EndpointChange::Reopened, |endpoint| {
            endpoint.settings.url = Some("https://e1.example/other".to_owned());
        })
        .await;
    world.until("the early one is logged", async || world.attempts(id).await.len() == 2).await;
    assert_eq!(world.delivery(id).await.next_attempt_at, Some(due), "its own due time stays");
    assert_eq!(world.attempts(id).await[1].next_attempt_at, Some(due));
    world.until("the next one is logged", async || world.attempts(id).await.len() == 3).await;
    let log = world.attempts(id).await;
    assert!(log[2].start >= due && log[2].start <= due.plus(SECOND), "at its own due time");
    let wait = log[2].next_attempt_at.unwrap().since(log[2].start);
    assert!(wait >= 10 * MINUTE && wait < 12 * MINUTE, "the second counted one: {wait:?}");
}
