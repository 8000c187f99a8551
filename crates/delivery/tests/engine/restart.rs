//! Shut-down, restart and crash: what was acknowledged arrives, and only what was in flight may come twice.

use std::collections::HashMap;
use std::time::Duration;

use workbell_model::State;

use crate::receiver::{Answer, End};
use crate::world::{HOUR, MINUTE, SECOND, World};

#[tokio::test(start_paused = true)]
async fn a_shut_down_waits_for_what_is_in_flight() {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(|_| (5 * SECOND, Answer::Status(200)));
    let ids = world.publish_all(1, &[42, 42]).await;
    world.until_seen(1).await;
    let asked = world.now();
    world.restart(10 * SECOND).await;
    assert!(world.now().since(asked) < 6 * SECOND);
    assert_eq!(world.state(ids[0]).await, State::Delivered);
    world.until_state(ids[1], State::Delivered).await;
    assert_eq!(world.receiver.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_shut_down_cuts_off_is_recorded_keeps_its_number_and_is_due_at_once() {
    let mut world = World::new().await;
    world.endpoint(|settings| settings.max_attempts = Some(2)).await;
    world.receiver.always(Answer::Hang);
    let ids = world.publish_all(1, &[42, 42]).await;
    world.until_seen(1).await;
    let asked = world.now();
    world.receiver.always(Answer::Status(500));
    world.restart(10 * SECOND).await;
    assert_eq!(world.now().since(asked), 10 * SECOND, "as long as there is patience");
    world.until_state(ids[1], State::Dead).await;
    let log = world.attempts(ids[0]).await;
    assert_eq!(
        log.iter().map(|record| record.attempt).collect::<Vec<_>>(),
        [1, 2, 3],
        "two count, one does not"
    );
    assert_eq!(log[0].error.as_deref(), Some("Interrupted"));
    assert_eq!(log[0].duration, 10 * SECOND);
    assert_eq!(log[1].start, log[0].start.plus(10 * SECOND), "due at once");
    assert_eq!(world.receiver.seen()[0].end, End::Cut);
}

#[tokio::test(start_paused = true)]
async fn nothing_starts_during_a_shut_down() {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(|_| (5 * SECOND, Answer::Status(200)));
    world.publish_all(1, &[42, 42, 42]).await;
    world.until_seen(1).await;
    world.engine().stop(MINUTE).await;
    assert_eq!((world.receiver.count(), world.engine().attempts_in_flight()), (1, 0));
    let late = world.publish(1, 7).await;
    tokio::time::sleep(HOUR).await;
    assert_eq!(world.receiver.count(), 1);
    world.restart(SECOND).await;
    world.until_state(late, State::Delivered).await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_picks_up_all_that_waits_at_its_time() {
    let (mut world, _) = World::with_endpoint().await;
    world.endpoint(|_| {}).await;
    world.receiver.always(Answer::Status(500));
    let waits = world.publish(1, 42).await;
    world.until_state(waits, State::Retrying).await;
    let due = world.delivery(waits).await.next_attempt_at.unwrap();
    let others = world.publish_all(2, &(100..130).collect::<Vec<_>>()).await;
    world.engine().stop(SECOND).await;
    world.receiver.always(Answer::Status(200));
    world.restart(SECOND).await;
    world.until_state(waits, State::Delivered).await;
    world.until_all(&others, State::Delivered).await;
    let seen = world.receiver.seen();
    let retried = seen.iter().find(|seen| seen.work_order_id == 42 && seen.attempt == 2).unwrap();
    assert!(retried.at.since(due) < Duration::from_millis(2), "{:?} instead of {due:?}", retried.at);
}

#[tokio::test(start_paused = true)]
async fn a_crash_loses_nothing_and_repeats_only_what_was_in_flight() {
    let (mut world, _) = World::with_endpoint().await;
    world.endpoint(|_| {}).await;
    world.receiver.answers(|seen| {
        let takes = Duration::from_millis(20 * (1 + seen.work_order_id.unsigned_abs() % 7));
        (
            takes,
            Answer::Status(
                if (seen.sequence + seen.work_order_id.unsigned_abs()).is_multiple_of(5) && seen.attempt == 1
                {
                    503
                } else {
                    200
                },
            ),
        )
    });
    let mut ids = Vec::new();
    for round in 0..12 {
        let orders: Vec<i64> = (0..30).map(|n| (n * 7 + round) % 11).collect();
        ids.extend(world.publish_all(1 + round % 2, &orders).await);
        tokio::time::sleep(Duration::from_millis(35 + 10 * round.unsigned_abs())).await;
        if round % 3 == 1 {
            // Their answers come, but not to the disk.
            world.store().lose_outcomes();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        world.crash().await;
    }
    world.until_all(&ids, State::Delivered).await;
    let mut lost: HashMap<(String, u64, u16), usize> = HashMap::new();
    let never_written = std::mem::take(&mut *world.lost.lock().unwrap());
    for (no, attempt) in never_written {
        let id = ids.iter().find(|id| id.no() == no).unwrap();
        let record = world.delivery(*id).await;
        let lane = format!("{}/{}", record.branch_id, record.work_order_id);
        *lost.entry((lane, record.sequence, attempt)).or_default() += 1;
    }
    assert!(lost.len() > 10, "{lost:?}");
    let mut times: HashMap<(String, u64, u16), usize> = HashMap::new();
    for seen in world.receiver.seen() {
        let branch = if seen.url.contains("e1") { 1 } else { 2 };
        let lane = format!("{branch}/{}", seen.work_order_id);
        *times.entry((lane, seen.sequence, seen.attempt)).or_default() += 1;
    }
    for (attempt, times) in times {
        assert_eq!(times, 1 + lost.get(&attempt).copied().unwrap_or(0), "{attempt:?}");
    }
}
