//! Jobs: what they take, what they do to it, and that each step is carried out once.

use std::time::Duration;

use workbell_model::job::{JobState, Kind};
use workbell_model::{DeliveryId, EndpointKey, JobId, Reason, State, States};

use super::bench::{BRANCH, Bench, DAY, End, MINUTE, ORDER, company};
use crate::Error;
use crate::filter::Paging;
use crate::job::{Candidates, Filter, Item, JobRecord, Look, MOST_RUNNING, NewJob, Step};

const SOME: Look = Look { rows: 100, matches: 10 };

pub(super) fn a_job(bench: &mut Bench, kind: Kind, filter: Filter) -> NewJob {
    NewJob {
        id: JobId::from_uuid(bench.fresh_uuid()),
        kind,
        filter,
        rate: 50,
        dry_run: false,
        created: bench.now(),
    }
}

pub(crate) async fn make(bench: &mut Bench, kind: Kind, filter: Filter) -> JobRecord {
    let job = a_job(bench, kind, filter);
    bench.store().create_job(job).await.expect("it can be made")
}

/// Counts the matches as the engine does.
pub(super) async fn count(bench: &Bench, job: &JobRecord) -> JobRecord {
    let mut total = 0;
    for walk in bench.store().walks(job).await.unwrap() {
        let mut after = walk.after;
        loop {
            let found = bench.store().candidates(job, &walk, after, SOME).await.unwrap();
            total += found.items.len() as u64;
            after = found.reached;
            if found.ended {
                break;
            }
        }
    }
    bench.store().counted(job.job.id, total, bench.now()).await.unwrap()
}

/// The next step of the first walk that has not ended, without carrying it out.
pub(super) async fn next_step(bench: &Bench, job: &JobRecord) -> Option<Step> {
    let walks = bench.store().walks(job).await.unwrap();
    let walk = walks.into_iter().find(|walk| !walk.ended)?;
    let Candidates { items, reached, ended } =
        bench.store().candidates(job, &walk, walk.after, SOME).await.unwrap();
    Some(Step {
        job: job.job.id,
        walk: walk.no,
        from: walk.after,
        reached,
        ended,
        items,
        in_flight: Vec::new(),
        now: bench.now(),
    })
}

/// Carries a job out to its end.
pub(crate) async fn run(bench: &Bench, job: &JobRecord) -> JobRecord {
    let mut job = count(bench, job).await;
    while job.state == JobState::Running {
        let step = next_step(bench, &job).await.expect("a job without an open walk has ended");
        job = bench.store().step(step).await.unwrap();
    }
    job
}

pub(super) fn counts(job: &JobRecord) -> (Option<u64>, u64, u64, u64) {
    (job.total, job.done, job.skipped, job.failed)
}

pub(super) fn of_endpoint(endpoint: &EndpointKey) -> Filter {
    Filter { endpoint_id: Some(endpoint.endpoint_id), ..Filter::default() }
}

/// One delivery in each state, each in a lane of its own.
pub(super) async fn one_of_each(bench: &mut Bench, endpoint: &EndpointKey) -> Vec<(State, DeliveryId)> {
    let mut all = Vec::new();
    for (order, state) in (1..).zip(State::ALL) {
        let id = bench.publish(order).await.deliveries[0];
        match state {
            State::Pending => {}
            State::Retrying => drop(bench.attempt(endpoint, order, End::Failure(DAY)).await),
            State::Delivered => drop(bench.attempt(endpoint, order, End::Success).await),
            State::Dead => drop(bench.attempt(endpoint, order, End::Death(Reason::Exhausted)).await),
            State::Discarded => drop(bench.discard(id).await.unwrap()),
        }
        assert_eq!(bench.state(id).await.0, state);
        all.push((state, id));
    }
    bench.pass(MINUTE);
    all
}

/// What becomes of a delivery in this state: at once, after an attempt in flight that fails or would be its last, after
/// one that succeeds.
fn expected(kind: Kind, state: State) -> [State; 3] {
    use State::{Dead, Delivered, Discarded, Pending, Retrying};
    match (kind, state) {
        (Kind::Retry, Pending) => [Pending, Retrying, Delivered],
        (Kind::Retry, Retrying) => [Retrying, Retrying, Delivered],
        (Kind::Retry, Dead) => [Retrying; 3],
        // It was taken out before its first attempt.
        (Kind::Retry, Discarded) => [Pending; 3],
        (Kind::Discard, Pending | Retrying) => [Discarded, Discarded, Delivered],
        (Kind::Discard, Dead | Discarded) => [Discarded; 3],
        (Kind::Retry | Kind::Discard, Delivered) => [Delivered; 3],
        (Kind::Replay | Kind::Erase, _) => unreachable!("they do not act on deliveries"),
    }
}

pub(crate) async fn each_kind_acts_on_the_states_that_it_takes_also_with_an_attempt_in_flight(
    mut bench: Bench,
) {
    let mut endpoint = bench.endpoint().await;
    for kind in [Kind::Retry, Kind::Discard] {
        let ends = [End::Failure(DAY), End::Death(Reason::Exhausted), End::Success];
        for in_flight in [None].into_iter().chain(ends.map(Some)) {
            let all = one_of_each(&mut bench, &endpoint).await;
            let mut tried = Vec::new();
            for (order, (state, _)) in (1..).zip(&all) {
                if in_flight.is_some() && state.is_undelivered() {
                    tried.push(bench.head(&endpoint, order).await);
                }
            }
            let job = make(&mut bench, kind, of_endpoint(&endpoint)).await;
            let mut job = count(&bench, &job).await;
            let taken = all.iter().filter(|(state, _)| kind.takes(*state)).count() as u64;
            assert_eq!(job.total, Some(taken), "{kind:?}");
            while job.state == JobState::Running {
                let mut step = next_step(&bench, &job).await.unwrap();
                step.in_flight = tried.iter().map(|delivery| delivery.no).collect();
                job = bench.store().step(step).await.unwrap();
            }
            assert_eq!(counts(&job), (Some(taken), taken, 0, 0), "{kind:?} {in_flight:?}");
            let place = match in_flight {
                None => 0,
                Some(End::Failure(_) | End::Failed(..) | End::Death(_)) => 1,
                Some(End::Success) => 2,
            };
            for delivery in &tried {
                assert!(bench.state(delivery.id()).await.0.is_undelivered(), "not before its attempt's end");
                bench.complete(delivery, in_flight.unwrap()).await;
            }
            for (state, id) in &all {
                let record = bench.delivery(*id).await;
                assert_eq!(record.state, expected(kind, *state)[place], "{kind:?} {state:?} {in_flight:?}");
                if kind == Kind::Retry && record.state.is_undelivered() {
                    assert!(record.next_attempt_at <= Some(bench.now()), "due at once");
                }
                if kind == Kind::Discard && kind.takes(*state) && record.state == State::Discarded {
                    assert_eq!(record.reason, Some(Reason::ByHand));
                }
            }
            bench.delete(&endpoint, crate::record::IfUndelivered::Discard).await.unwrap();
            endpoint = bench.endpoint_of(&company("acme")).await;
        }
    }
}

/// The other two kinds act on notifications: an Erase takes what waits out at once, a Replay leaves it alone. What is
/// replayed has a life of its own.
pub(crate) async fn a_replay_and_an_erase_meet_each_state_also_with_an_attempt_in_flight(mut bench: Bench) {
    let mut endpoint = bench.endpoint().await;
    for kind in [Kind::Replay, Kind::Erase] {
        let ends = [End::Failure(DAY), End::Death(Reason::Exhausted), End::Success];
        for in_flight in [None].into_iter().chain(ends.map(Some)) {
            let since = bench.now();
            let all = one_of_each(&mut bench, &endpoint).await;
            for (order, (state, id)) in (1..).zip(&all) {
                let case = format!("{kind:?} {state:?} {in_flight:?}");
                let before = bench.delivery(*id).await;
                let tried = match in_flight {
                    Some(_) if state.is_undelivered() => Some(bench.head(&endpoint, order).await),
                    Some(_) | None => None,
                };
                let filter = match kind {
                    Kind::Erase => Filter { company_id: Some(company("acme")), ..Filter::default() },
                    Kind::Retry | Kind::Discard | Kind::Replay => {
                        Filter { from: Some(since), ..of_endpoint(&endpoint) }
                    }
                };
                let filter = Filter { work_order_id: Some(order), ..filter };
                let job = make(&mut bench, kind, filter).await;
                let mut job = count(&bench, &job).await;
                while job.state == JobState::Running {
                    let mut step = next_step(&bench, &job).await.unwrap();
                    step.in_flight = tried.iter().map(|delivery| delivery.no).collect();
                    job = bench.store().step(step).await.unwrap();
                }
                assert_eq!((job.skipped, job.failed), (0, 0), "{case}");
                let logged = bench.store().attempts(*id).await.unwrap().len();
                if let (Some(tried), Some(end)) = (&tried, in_flight) {
                    bench.complete(tried, end).await;
                    assert_eq!(bench.store().attempts(*id).await.unwrap().len(), logged + 1, "{case}");
                }
                let after = bench.state(*id).await;
                let expected = match (kind, in_flight.filter(|_| tried.is_some())) {
                    (Kind::Erase, _) if state.is_undelivered() => (State::Discarded, Some(Reason::Erased)),
                    (_, None) => (*state, before.reason),
                    (_, Some(End::Failure(_) | End::Failed(..))) => (State::Retrying, None),
                    (_, Some(End::Death(reason))) => (State::Dead, Some(reason)),
                    (_, Some(End::Success)) => (State::Delivered, None),
                };
                assert_eq!(after, expected, "{case}");
            }
            let replays = bench.store().replays(&endpoint).await.unwrap();
            assert_eq!(
                replays,
                if kind == Kind::Replay { all.len() as u64 } else { 0 },
                "{kind:?} {in_flight:?}"
            );
            bench.delete(&endpoint, crate::record::IfUndelivered::Discard).await.unwrap();
            endpoint = bench.endpoint_of(&company("acme")).await;
        }
    }
}

pub(crate) async fn each_filter_takes_what_it_names(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let other = bench.company("other").await;
    bench.branch(&other, 7).await;
    let theirs = bench.endpoint_of(&other).await;
    let first = bench.publish(1).await.deliveries[0];
    bench.attempt(&endpoint, 1, End::Failure(DAY)).await;
    let between = bench.pass(MINUTE);
    let mut second = bench.acceptance(2);
    second.action = "Rejected".parse().unwrap();
    let second = bench.accept(second).await.unwrap().deliveries[0];
    let mut third = bench.acceptance(3);
    third.branch_id = 7;
    let third = bench.accept(third).await.unwrap().deliveries[0];
    let any = Filter::default;
    let cases = [
        (any(), vec![first, second, third]),
        (Filter { company_id: Some(other.clone()), ..any() }, vec![third]),
        (of_endpoint(&theirs), vec![third]),
        (Filter { branch_id: Some(BRANCH), ..any() }, vec![first, second]),
        (Filter { work_order_id: Some(2), ..any() }, vec![second]),
        (Filter { action: Some("Rejected".to_owned()), ..any() }, vec![second]),
        (Filter { from: Some(between), ..any() }, vec![second, third]),
        (Filter { to: Some(between), ..any() }, vec![first]),
        (Filter { state: Some(State::Retrying.into()), ..any() }, vec![first]),
        (Filter { state: Some(States::Undelivered), error: Some("Status".to_owned()), ..any() }, vec![first]),
        (Filter { error: Some("Status".to_owned()), ..any() }, vec![first]),
        (Filter { company_id: Some(other), work_order_id: Some(1), ..any() }, vec![]),
    ];
    for (filter, taken) in cases {
        let job = make(&mut bench, Kind::Retry, filter.clone()).await;
        assert_eq!(job.job.filter, filter);
        let step = next_step(&bench, &job).await.unwrap();
        let taken: Vec<Item> = taken.into_iter().map(|id| Item::Delivery(id.no())).collect();
        assert_eq!(step.items, taken, "{filter:?}");
        assert!(step.ended);
    }
}

pub(crate) async fn what_was_accepted_later_is_not_its_business(mut bench: Bench) {
    bench.endpoint().await;
    bench.publish(ORDER).await;
    let job = make(&mut bench, Kind::Discard, Filter::default()).await;
    let later = bench.publish(ORDER).await.deliveries[0];
    let job = run(&bench, &job).await;
    assert_eq!(counts(&job), (Some(1), 1, 0, 0));
    assert_eq!(bench.state(later).await.0, State::Pending);
}

pub(crate) async fn what_changed_meanwhile_is_skipped(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in 1..=4 {
        bench.publish(order).await;
    }
    let job = make(&mut bench, Kind::Discard, Filter::default()).await;
    let job = count(&bench, &job).await;
    // One before the walk looks, one between its look and its step.
    bench.attempt(&endpoint, 1, End::Success).await;
    let step = next_step(&bench, &job).await.unwrap();
    assert_eq!(step.items.len(), 3);
    bench.attempt(&endpoint, 2, End::Success).await;
    let job = bench.store().step(Step { now: bench.now(), ..step }).await.unwrap();
    assert_eq!(job.state, JobState::Finished);
    assert_eq!(counts(&job), (Some(4), 2, 2, 0));
    assert_eq!(job.finished, Some(bench.now()));
}

pub(crate) async fn a_dry_run_counts_and_changes_nothing(mut bench: Bench) {
    bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    let job = NewJob { dry_run: true, ..a_job(&mut bench, Kind::Discard, Filter::default()) };
    let job = bench.store().create_job(job).await.unwrap();
    let step = next_step(&bench, &job).await.unwrap();
    bench.store().step(step).await.unwrap();
    let listed =
        async |bench: &Bench| bench.store().jobs(None, Paging { after: None, limit: 9 }).await.unwrap().items;
    assert_eq!(listed(&bench).await.len(), 1, "under way");
    let job = count(&bench, &job).await;
    assert_eq!((job.state, counts(&job)), (JobState::Finished, (Some(1), 0, 0, 0)));
    assert_eq!(bench.state(id).await.0, State::Pending);
    assert_eq!(listed(&bench).await, [], "it did nothing");
    assert_eq!(bench.store().job(job.job.id, None).await.unwrap(), Some(job), "and tells what it counted");
}

pub(crate) async fn position_and_counts_survive_a_crash_and_a_step_is_carried_out_once(mut bench: Bench) {
    bench.endpoint().await;
    bench.publish_many(ORDER, 25).await;
    let job = make(&mut bench, Kind::Discard, Filter::default()).await;
    let job = count(&bench, &job).await;
    let step = next_step(&bench, &job).await.unwrap();
    let after = bench.store().step(step.clone()).await.unwrap();
    assert_eq!(counts(&after), (Some(25), 10, 0, 0));
    bench.crash().await;
    let [found] = &bench.store().unfinished_jobs().await.unwrap()[..] else { panic!("one is under way") };
    assert_eq!(*found, after);
    assert_eq!(bench.store().step(step).await.unwrap(), after, "it was carried out already");
    let ended = run(&bench, &after).await;
    assert_eq!(counts(&ended), (Some(25), 25, 0, 0));
    bench.reopen().await;
    assert_eq!(bench.store().unfinished_jobs().await.unwrap(), []);
    assert_eq!(bench.store().job(ended.job.id, None).await.unwrap(), Some(ended));
}

pub(crate) async fn a_cancelled_job_does_nothing_more(mut bench: Bench) {
    bench.endpoint().await;
    let last = bench.publish_many(ORDER, 15).await.pop().unwrap().deliveries[0];
    let job = make(&mut bench, Kind::Discard, Filter::default()).await;
    let job = count(&bench, &job).await;
    let job = bench.store().step(next_step(&bench, &job).await.unwrap()).await.unwrap();
    let step = next_step(&bench, &job).await.unwrap();
    let id = job.job.id;
    bench.company("other").await;
    let foreign = bench.store().cancel_job(id, Some(&company("other")), bench.now()).await;
    assert!(matches!(foreign, Err(Error::NotFound(_))));
    let cancelled = bench.store().cancel_job(id, None, bench.now()).await.unwrap();
    assert_eq!((cancelled.state, counts(&cancelled)), (JobState::Cancelled, (Some(15), 10, 0, 0)));
    assert_eq!(bench.store().step(step).await.unwrap(), cancelled);
    assert_eq!(bench.state(last).await.0, State::Pending);
    let again = bench.store().cancel_job(id, None, bench.now()).await;
    assert!(matches!(again, Err(Error::StateConflict(_))));
}

pub(crate) async fn jobs_are_listed_newest_first_and_seen_by_their_own_company_only(mut bench: Bench) {
    bench.endpoint().await;
    let other = bench.company("other").await;
    let of = |id: &str| Filter { company_id: Some(company(id)), ..Filter::default() };
    let ours = make(&mut bench, Kind::Retry, of("acme")).await;
    let theirs = make(&mut bench, Kind::Retry, of("other")).await;
    let all = make(&mut bench, Kind::Retry, Filter::default()).await;
    let first = Paging { after: None, limit: 2 };
    let page = bench.store().jobs(None, first.clone()).await.unwrap();
    assert_eq!(page.items, [all.clone(), theirs.clone()]);
    let rest = bench.store().jobs(None, Paging { after: page.next, limit: 2 }).await.unwrap();
    assert_eq!((rest.items, rest.next), (vec![ours.clone()], None));
    assert_eq!(bench.store().jobs(Some(&other), first).await.unwrap().items, std::slice::from_ref(&theirs));
    for (job, visible) in [(&theirs, true), (&ours, false), (&all, false)] {
        let seen = bench.store().job(job.job.id, Some(&other)).await.unwrap();
        assert_eq!(seen.is_some(), visible);
    }
    let unknown = a_job(&mut bench, Kind::Retry, of("nobody"));
    assert!(matches!(bench.store().create_job(unknown).await, Err(Error::NotFound(_))));
}

pub(crate) async fn a_bounded_number_is_under_way(mut bench: Bench) {
    bench.endpoint().await;
    let mut last = None;
    for _ in 0..MOST_RUNNING {
        last = Some(make(&mut bench, Kind::Retry, Filter::default()).await);
    }
    let one_more = a_job(&mut bench, Kind::Retry, Filter::default());
    assert!(matches!(bench.store().create_job(one_more.clone()).await, Err(Error::StateConflict(_))));
    run(&bench, &last.unwrap()).await;
    bench.store().create_job(one_more).await.unwrap();
}

pub(crate) async fn ended_jobs_go_with_retention(mut bench: Bench) {
    bench.endpoint().await;
    let ended = make(&mut bench, Kind::Retry, Filter::default()).await;
    run(&bench, &ended).await;
    let open = make(&mut bench, Kind::Retry, Filter::default()).await;
    bench.pass(2 * DAY);
    bench.sweep(3 * DAY, DAY).await;
    assert!(bench.store().job(ended.job.id, None).await.unwrap().is_some());
    bench.sweep(DAY, DAY).await;
    assert!(bench.store().job(ended.job.id, None).await.unwrap().is_none());
    assert!(bench.store().job(open.job.id, None).await.unwrap().is_some());
}

pub(crate) async fn very_many_are_met_in_bounded_stretches_and_each_once(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut expected = Vec::new();
    // Dead, discarded and waiting ones by turns, so that the stretches of the tables end at different places.
    for order in 1..=60 {
        let id = bench.publish(order).await.deliveries[0];
        match order % 5 {
            0 => drop(bench.attempt(&endpoint, order, End::Death(Reason::Exhausted)).await),
            1 => drop(bench.discard(id).await.unwrap()),
            2 => drop(bench.attempt(&endpoint, order, End::Success).await),
            _ => {}
        }
        if order % 5 != 2 {
            expected.push(Item::Delivery(id.no()));
        }
    }
    bench.pass(Duration::from_secs(1));
    let job = make(&mut bench, Kind::Retry, Filter::default()).await;
    let walk = bench.store().walks(&job).await.unwrap().remove(0);
    for (rows, matches) in [(1, 1), (3, 100), (7, 4), (100, 5), (1000, 1000)] {
        let (mut met, mut after) = (Vec::new(), 0);
        loop {
            let look = Look { rows, matches };
            let found = bench.store().candidates(&job, &walk, after, look).await.unwrap();
            assert!(found.items.len() <= matches, "{look:?}");
            met.extend(found.items);
            assert!(found.ended || found.reached > after, "it goes on: {look:?}");
            after = found.reached;
            if found.ended {
                break;
            }
        }
        assert_eq!(met, expected, "{rows} rows, {matches} matches");
    }
}
