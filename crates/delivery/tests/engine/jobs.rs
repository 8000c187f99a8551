//! Jobs at work beside the engine: what they make due goes out, what is in flight ends first.

use workbell_model::job::{JobState, Kind};
use workbell_model::{JobId, State};
use workbell_store::Jobs;
use workbell_store::job::{Filter, JobRecord, NewJob};

use crate::receiver::Answer;
use crate::world::{DAY, SECOND, World};

pub(crate) async fn make(world: &World, kind: Kind, filter: Filter, rate: u32) -> JobId {
    let id = JobId::from_uuid(uuid::Uuid::now_v7());
    let job = NewJob { id, kind, filter, rate, dry_run: false, created: world.now() };
    world.store().create_job(job).await.unwrap();
    id
}

pub(crate) async fn read(world: &World, id: JobId) -> JobRecord {
    world.store().job(id, None).await.unwrap().unwrap()
}

/// The job when it has ended. Looks again now and then: nobody rings for it.
pub(crate) async fn until_ended(world: &World, id: JobId) -> JobRecord {
    for _ in 0..100_000 {
        let job = read(world, id).await;
        if job.state != JobState::Running {
            return job;
        }
        tokio::time::sleep(SECOND / 10).await;
    }
    panic!("the job does not end");
}

#[tokio::test(start_paused = true)]
async fn a_retry_of_all_dead_letters_sends_them_in_order_and_ends_once() {
    let mut world = World::new().await;
    world.endpoint(|settings| settings.max_attempts = Some(1)).await;
    world.receiver.always(Answer::Status(500));
    let ids = world.publish_all(1, &[1, 2, 1, 2, 3]).await;
    world.until_all(&ids, State::Dead).await;
    world.receiver.always(Answer::Status(200));
    tokio::time::sleep(SECOND).await;
    let dead = Filter { state: Some(State::Dead.into()), ..Filter::default() };
    let id = make(&world, Kind::Retry, dead, 50).await;
    let job = until_ended(&world, id).await;
    assert_eq!((job.state, job.total, job.done, job.skipped), (JobState::Finished, Some(5), 5, 0));
    world.until_all(&ids, State::Delivered).await;
    tokio::time::sleep(DAY).await;
    let mut again: Vec<_> =
        world.receiver.seen().iter().skip(5).map(|seen| (seen.work_order_id, seen.sequence)).collect();
    assert_eq!(again.len(), 5, "each once");
    again.sort_by_key(|(order, _)| *order);
    assert_eq!(again, [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_ends_first_and_a_success_wins() {
    for (status, state) in [(200, State::Delivered), (500, State::Discarded)] {
        let (mut world, _) = World::with_endpoint().await;
        world.receiver.answers(move |_| (10 * SECOND, Answer::Status(status)));
        let ids = world.publish_all(1, &[42, 42]).await;
        world.until_seen(1).await;
        tokio::time::sleep(SECOND).await;
        let id = make(&world, Kind::Discard, Filter::default(), 50).await;
        let job = until_ended(&world, id).await;
        assert_eq!((job.total, job.done), (Some(2), 2));
        assert_eq!(world.state(ids[1]).await, State::Discarded);
        assert_eq!(world.state(ids[0]).await, State::Pending, "its attempt is under way");
        world.until_state(ids[0], state).await;
        assert_eq!(world.receiver.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_keeps_to_its_rate() {
    let (mut world, endpoint) = World::with_endpoint().await;
    world
        .change_endpoint(&endpoint, workbell_store::record::EndpointChange::Adjusted, |it| {
            it.paused = Some(it.created);
        })
        .await;
    world.publish_all(1, &vec![42; 100]).await;
    let began = world.now();
    let id = make(&world, Kind::Discard, Filter::default(), 10).await;
    let job = until_ended(&world, id).await;
    assert_eq!(job.done, 100);
    let took = world.now().since(began);
    assert!(took >= 9 * SECOND && took <= 12 * SECOND, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_job_goes_on_after_the_process_died() {
    let (mut world, endpoint) = World::with_endpoint().await;
    world
        .change_endpoint(&endpoint, workbell_store::record::EndpointChange::Adjusted, |it| {
            it.paused = Some(it.created);
        })
        .await;
    world.publish_all(1, &vec![42; 100]).await;
    let id = make(&world, Kind::Discard, Filter::default(), 10).await;
    for _ in 0..5 {
        tokio::time::sleep(2 * SECOND).await;
        world.crash().await;
    }
    let job = until_ended(&world, id).await;
    assert_eq!((job.total, job.done, job.skipped, job.failed), (Some(100), 100, 0, 0));
}

fn mode(seen: &crate::receiver::Seen) -> &str {
    seen.header("workbell-mode")
}

/// A thousandth of a second is what an answer takes on the way.
#[tokio::test(start_paused = true)]
async fn a_replay_says_so_and_live_ones_overtake_it() {
    let (mut world, endpoint) = World::with_endpoint().await;
    let orders: Vec<i64> = (1..=100).collect();
    let ids = world.publish_all(1, &orders).await;
    world.until_all(&ids, State::Delivered).await;
    let first = world.receiver.seen();
    world.receiver.answers(|_| (SECOND, Answer::Status(200)));
    let only = Filter { endpoint_id: Some(endpoint.endpoint_id), ..Filter::default() };
    let id = make(&world, Kind::Replay, only, 10_000).await;
    world.until_seen(100 + 20).await;
    // Also in the lane of a work order whose replays wait.
    for order in [100, 200] {
        let live = world.publish(1, order).await;
        let asked = world.now();
        world.until_state(live, State::Delivered).await;
        let seen = world.receiver.seen();
        let live = seen.iter().rfind(|seen| mode(seen) == "live").unwrap();
        assert_eq!((live.work_order_id, live.at), (order, asked), "at once");
    }
    let job = until_ended(&world, id).await;
    assert_eq!((job.total, job.done, job.state), (Some(100), 100, JobState::Finished));
    world.until_answered(202).await;
    let all = world.receiver.seen();
    let replays: Vec<_> = all.iter().filter(|seen| mode(seen) == "replay").collect();
    assert_eq!(replays.len(), 100);
    for (seen, original) in replays.iter().zip(&first) {
        assert_eq!(seen.attempt, 1);
        let original = first.iter().find(|it| it.message_id == seen.message_id).unwrap_or(original);
        assert_eq!((&seen.body, seen.sequence), (&original.body, original.sequence), "the same again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_waits_while_its_endpoint_is_paused_and_goes_on_after() {
    let (mut world, endpoint) = World::with_endpoint().await;
    let orders: Vec<i64> = (1..=50).collect();
    let ids = world.publish_all(1, &orders).await;
    world.until_all(&ids, State::Delivered).await;
    let adjusted = workbell_store::record::EndpointChange::Adjusted;
    world.change_endpoint(&endpoint, adjusted, |it| it.paused = Some(it.created)).await;
    let id = make(&world, Kind::Replay, Filter { work_order_id: Some(7), ..Filter::default() }, 50).await;
    let cancelled = make(&world, Kind::Replay, Filter::default(), 50).await;
    tokio::time::sleep(DAY).await;
    assert_eq!(read(&world, id).await.done, 0);
    world.store().cancel_job(cancelled, None, world.now()).await.unwrap();
    let reopened = workbell_store::record::EndpointChange::Resumed;
    world.change_endpoint(&endpoint, reopened, |it| it.paused = None).await;
    let job = until_ended(&world, id).await;
    assert_eq!((job.total, job.done), (Some(1), 1));
    world.until_answered(51).await;
    tokio::time::sleep(DAY).await;
    assert_eq!(world.receiver.count(), 51, "nothing of the cancelled one");
}

#[tokio::test(start_paused = true)]
async fn a_replay_to_an_endpoint_that_fails_kills_no_live_delivery() {
    let (mut world, _) = World::with_endpoint().await;
    let orders: Vec<i64> = (0..300).map(|order| order % 30).collect();
    let ids = world.publish_all(1, &orders).await;
    world.until_all(&ids, State::Delivered).await;
    world.receiver.always(Answer::Refused);
    let id = make(&world, Kind::Replay, Filter::default(), 10).await;
    tokio::time::sleep(SECOND).await;
    let live = world.publish_all(1, &orders).await;
    tokio::time::sleep(DAY).await;
    let waiting = read(&world, id).await;
    assert_eq!((waiting.state, waiting.total), (JobState::Running, Some(300)));
    assert!(waiting.done < 100, "it waits while the endpoint is down: {}", waiting.done);
    world.receiver.always(Answer::Status(200));
    world.until_all(&live, State::Delivered).await;
    let job = until_ended(&world, id).await;
    assert_eq!((job.done, job.failed), (300, 0));
    world
        .until("all replays arrived", async || {
            let seen = world.receiver.seen();
            let arrived = |seen: &&crate::receiver::Seen| {
                mode(seen) == "replay" && seen.end == crate::receiver::End::Status(200)
            };
            seen.iter().filter(arrived).count() == 300
        })
        .await;
}
