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
    let dead = Filter { state: Some(State::Dead), ..Filter::default() };
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
