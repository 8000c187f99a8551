//! When the store takes no writes, or cannot be read.

use workbell_model::State;
use workbell_store::record::EndpointChange;

use crate::receiver::Answer;
use crate::world::{DAY, HOUR, SECOND, World};

#[tokio::test(start_paused = true)]
async fn while_the_store_takes_no_writes_no_attempt_starts_and_then_all_goes_on() {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(|_| (SECOND, Answer::Status(200)));
    // After a success it may have two at once.
    let first = world.publish(1, 1).await;
    world.until_state(first, State::Delivered).await;
    let ids = world.publish_all(1, &[42, 42, 7]).await;
    world.until_seen(3).await;
    world.store().set_trouble(true);
    tokio::time::sleep(HOUR).await;
    assert_eq!(world.receiver.count(), 3, "what runs ends, what waits waits");
    assert_eq!(world.state(ids[0]).await, State::Delivered);
    let over = world.now();
    world.store().set_trouble(false);
    world.until_all(&ids, State::Delivered).await;
    assert_eq!(world.receiver.seen()[3].at, over);
}

#[tokio::test(start_paused = true)]
async fn a_due_time_that_passes_in_trouble_is_not_forgotten() {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(|seen| (SECOND, Answer::Status(if seen.attempt == 1 { 500 } else { 200 })));
    let id = world.publish(1, 42).await;
    world.until_state(id, State::Retrying).await;
    world.store().set_trouble(true);
    tokio::time::sleep(DAY).await;
    assert_eq!(world.receiver.count(), 1);
    world.store().set_trouble(false);
    world.until_state(id, State::Delivered).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_read_is_asked_again_every_second() {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(|seen| (SECOND, Answer::Status(if seen.attempt == 1 { 500 } else { 200 })));
    let id = world.publish(1, 42).await;
    // Wakes the endpoint while the store cannot be read, and is due in between.
    world.until_state(id, State::Retrying).await;
    let due = world.delivery(id).await.next_attempt_at.unwrap();
    tokio::time::sleep(due.since(world.now()) - 5 * SECOND).await;
    let other = world.publish(1, 7).await;
    let before = world.store().reads();
    world.store().fail_reads(30);
    world.until_state(id, State::Delivered).await;
    world.until_state(other, State::Delivered).await;
    let late = world.receiver.seen().iter().find(|seen| seen.attempt == 2).unwrap().at.since(due);
    assert!((20 * SECOND..40 * SECOND).contains(&late), "{late:?}");
    let reads = world.store().reads() - before;
    assert!((31..36).contains(&reads), "{reads} reads");
}

#[tokio::test(start_paused = true)]
async fn a_pause_while_the_store_cannot_be_read_spins_nowhere() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.answers(|seen| {
        let first = seen.work_order_id == 42 && seen.attempt == 1;
        if first { (SECOND, Answer::Status(500)) } else { (HOUR, Answer::Hang) }
    });
    world.publish(1, 42).await;
    world.until_answered(1).await;
    world.store().fail_reads(usize::MAX);
    let ids = world.publish_all(1, &[7, 42]).await;
    tokio::time::sleep(10 * 60 * SECOND).await;
    let now = world.now();
    world.change_endpoint(&key, EndpointChange::Adjusted, |endpoint| endpoint.paused = Some(now)).await;
    tokio::time::sleep(DAY).await;
    world.store().fail_reads(0);
    world.receiver.always(Answer::Status(200));
    world.change_endpoint(&key, EndpointChange::Resumed, |endpoint| endpoint.paused = None).await;
    world.until_all(&ids, State::Delivered).await;
}
