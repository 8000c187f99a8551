//! Replays: what is sent again, to whom, in which lanes, and what they leave alone.

use workbell_model::job::{JobState, Kind};
use workbell_model::{EndpointKey, Fate, Mode, Reason, State, Undelivered, is_replay_lane};

use super::bench::{Bench, DAY, End, MINUTE, NO_ORDERS, ORDER, company};
use super::jobs::{count, counts, make, next_step, of_endpoint, run};
use crate::Error;
use crate::filter::{LogFilter, Paging};
use crate::job::{Filter, MOST_REPLAYS};

/// Due replays of an endpoint, by lane, each with what stands behind it.
async fn due(bench: &Bench, endpoint: &EndpointKey) -> Vec<Vec<Undelivered>> {
    let due = bench.store().due_replays(endpoint, bench.now(), 2000, 100, Vec::new()).await.unwrap();
    assert!(due.lanes.iter().all(|lane| is_replay_lane(lane.work_order_id)));
    due.lanes.into_iter().map(|lane| lane.deliveries).collect()
}

pub(crate) async fn a_replay_stands_in_a_lane_of_its_own_per_work_order(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut sent = Vec::new();
    for order in [1, 2, 1] {
        sent.push(bench.publish(order).await);
        bench.attempt(&endpoint, order, End::Success).await;
    }
    let job = make(&mut bench, Kind::Replay, of_endpoint(&endpoint)).await;
    let job = run(&bench, &job).await;
    assert_eq!(counts(&job), (Some(3), 3, 0, 0));
    let mut lanes = due(&bench, &endpoint).await;
    lanes.sort_by_key(|lane| lane.len());
    let seen: Vec<Vec<_>> = lanes
        .iter()
        .map(|lane| lane.iter().map(|it| (it.message_id, it.announced, it.mode, it.attempts)).collect())
        .collect();
    let expected = |nth: usize, sequence| (sent[nth].message_id, Some(sequence), Mode::Replay, 0);
    assert_eq!(seen, [vec![expected(1, 1)], vec![expected(0, 1), expected(2, 2)]]);
    // Live ones stand elsewhere and wait for none of them.
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
    let live = bench.publish(1).await;
    assert_eq!(bench.due_orders(&endpoint).await, [1]);
    assert_eq!(bench.head(&endpoint, 1).await.sequence, 3);
    assert_eq!(bench.delivery(live.deliveries[0]).await.mode, Mode::Live);
    // The outcome and its record are those of any delivery, under the work order's own number.
    let head = lanes[0][0].clone();
    assert_eq!(bench.complete(&head, End::Success).await.0, State::Delivered);
    let record = bench.delivery(head.id()).await;
    assert_eq!((record.work_order_id, record.sequence, record.mode), (2, 1, Mode::Replay));
    let filter = LogFilter { work_order_id: Some(2), ..LogFilter::default() };
    let log = bench.store().log(filter, Paging { after: None, limit: 10 }).await.unwrap();
    let modes: Vec<_> = log.items.iter().map(|record| (record.mode, record.work_order_id)).collect();
    assert_eq!(modes, [(Mode::Replay, 2), (Mode::Live, 2)]);
    assert_eq!(due(&bench, &endpoint).await.len(), 1);
    bench.crash().await;
    assert_eq!(due(&bench, &endpoint).await.len(), 1);
}

pub(crate) async fn a_replay_leaves_the_first_delivery_as_it_is_whatever_its_state(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let all = super::jobs::one_of_each(&mut bench, &endpoint).await;
    let job = make(&mut bench, Kind::Replay, of_endpoint(&endpoint)).await;
    let job = run(&bench, &job).await;
    assert_eq!(counts(&job), (Some(5), 5, 0, 0));
    for (order, (state, id)) in (1..).zip(&all) {
        assert_eq!(bench.state(*id).await.0, *state);
        if *state == State::Pending {
            assert_eq!(bench.head(&endpoint, order).await.no, id.no());
        }
    }
    let lanes = due(&bench, &endpoint).await;
    assert_eq!(lanes.len(), 5);
    for lane in lanes {
        assert_eq!(lane[0].announced, Some(1), "the place of the first delivery");
        bench.complete(&lane[0], End::Death(Reason::Exhausted)).await;
    }
    for (state, id) in &all {
        assert_eq!(bench.state(*id).await.0, *state);
    }
    assert!(due(&bench, &endpoint).await.is_empty());
}

pub(crate) async fn an_echo_is_never_sent_and_what_nobody_wanted_is(mut bench: Bench) {
    let acme = bench.company("acme").await;
    bench.branch(&acme, super::bench::BRANCH).await;
    let client = bench.client(&acme).await;
    let mut echo = bench.acceptance(ORDER);
    echo.initiated_by = Some(client);
    assert_eq!(bench.accept(echo).await.unwrap().fate, Fate::Suppressed);
    let unwanted = bench.publish(ORDER).await;
    assert_eq!(unwanted.fate, Fate::NoEndpoint);
    let endpoint = bench.endpoint_of(&acme).await;
    for filter in [of_endpoint(&endpoint), Filter::default()] {
        let job = make(&mut bench, Kind::Replay, filter).await;
        let job = run(&bench, &job).await;
        assert_eq!(counts(&job), (Some(1), 1, 0, 0));
    }
    let lanes = due(&bench, &endpoint).await;
    assert_eq!(lanes.len(), 2, "one for each job");
    for lane in lanes {
        assert_eq!((lane[0].message_id, lane[0].announced), (unwanted.message_id, None));
        bench.complete(&lane[0], End::Success).await;
        assert_eq!(bench.delivery(lane[0].id()).await.sequence, 0);
    }
    // A repeat of the publisher gets the first answer, without the replays.
    let page = bench.store().notification(&acme, unwanted.message_id).await.unwrap().unwrap();
    assert_eq!((page.fate, page.deliveries.len()), (Fate::NoEndpoint, 2));
}

pub(crate) async fn it_goes_to_the_endpoint_that_is_named_or_to_all_that_match_now(mut bench: Bench) {
    let first = bench.endpoint().await;
    let acme = company("acme");
    bench.publish(ORDER).await;
    let picky = bench.endpoint_of(&acme).await;
    bench
        .update(&picky, crate::record::EndpointChange::Adjusted, |it| {
            it.settings.actions = vec!["Rejected".to_owned()];
        })
        .await;
    let off = bench.endpoint_of(&acme).await;
    bench.update(&off, crate::record::EndpointChange::Adjusted, |it| it.settings.enabled = false).await;
    let mut pull = bench.an_endpoint(&acme);
    pull.settings.url = None;
    let pull = bench.create(pull).await;
    let all = make(&mut bench, Kind::Replay, Filter::default()).await;
    let all = run(&bench, &all).await;
    assert_eq!(counts(&all), (Some(1), 1, 0, 0), "only the first one wants it now");
    assert_eq!(due(&bench, &first).await.len(), 1);
    let named = make(&mut bench, Kind::Replay, of_endpoint(&picky)).await;
    run(&bench, &named).await;
    assert_eq!(due(&bench, &picky).await.len(), 1);
    let refused = super::jobs::a_job(&mut bench, Kind::Replay, of_endpoint(&pull));
    assert!(matches!(bench.store().create_job(refused).await, Err(Error::StateConflict(_))));
    let other = bench.company("other").await;
    let foreign = Filter { company_id: Some(other), ..of_endpoint(&first) };
    let foreign = super::jobs::a_job(&mut bench, Kind::Replay, foreign);
    assert!(matches!(bench.store().create_job(foreign).await, Err(Error::NotFound(_))));
}

pub(crate) async fn a_thousand_wait_at_most_and_take_no_place_of_live_ones(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for accepted in bench.publish_many(ORDER, 1005).await {
        bench.discard(accepted.deliveries[0]).await.unwrap();
    }
    let job = make(&mut bench, Kind::Replay, of_endpoint(&endpoint)).await;
    let mut job = count(&bench, &job).await;
    for _ in 0..100 {
        job = bench.store().step(next_step(&bench, &job).await.unwrap()).await.unwrap();
    }
    assert_eq!((job.done, bench.store().replays(&endpoint).await.unwrap()), (1000, MOST_REPLAYS));
    let refused = bench.store().step(next_step(&bench, &job).await.unwrap()).await.unwrap();
    assert_eq!(refused, job, "no room: nothing was carried out");
    // Outside of limits.waiting.
    bench.reopen_with_waiting_limit(1).await;
    let live = bench.publish(7).await.deliveries[0];
    assert_eq!(bench.state(live).await.0, State::Pending);
    assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 1);
    bench.attempt(&endpoint, 7, End::Success).await;
    let live = bench.publish(7).await.deliveries[0];
    assert_eq!(bench.state(live).await.0, State::Pending);
    // There is room again when some arrived.
    let lanes = due(&bench, &endpoint).await;
    for delivery in lanes[0].iter().take(5) {
        bench.complete(delivery, End::Success).await;
    }
    let job = bench.store().step(next_step(&bench, &job).await.unwrap()).await.unwrap();
    assert_eq!((job.state, counts(&job)), (JobState::Finished, (Some(1005), 1005, 0, 0)));
    // All of them go with their endpoint.
    let undelivered = bench.delete(&endpoint, crate::record::IfUndelivered::Refuse).await;
    assert!(matches!(undelivered, Err(Error::UndeliveredExist(1001))), "{undelivered:?}");
}

pub(crate) async fn a_cancelled_replay_takes_out_what_waits_of_it_and_nothing_else(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in 1..=3 {
        bench.publish(order).await;
        bench.attempt(&endpoint, order, End::Success).await;
    }
    let live = bench.publish(1).await.deliveries[0];
    let kept = make(&mut bench, Kind::Replay, of_endpoint(&endpoint)).await;
    run(&bench, &kept).await;
    let filter = Filter { to: Some(bench.now()), ..of_endpoint(&endpoint) };
    let job = make(&mut bench, Kind::Replay, filter).await;
    let job = count(&bench, &job).await;
    let step = next_step(&bench, &job).await.unwrap();
    let job = bench.store().step(crate::job::Step { ended: false, ..step }).await.unwrap();
    let before = bench.store().replays(&endpoint).await.unwrap();
    let job = bench.store().cancel_job(job.job.id, None, bench.now()).await.unwrap();
    assert!(job.open, "there is something to take out");
    bench.crash().await;
    assert_eq!(bench.store().unfinished_jobs().await.unwrap(), std::slice::from_ref(&job));
    let mut job = job;
    while job.open {
        job = bench.store().tidy_job(job.job.id, bench.now()).await.unwrap();
    }
    assert_eq!(bench.store().replays(&endpoint).await.unwrap(), before - job.done);
    assert_eq!(bench.state(live).await.0, State::Pending);
    assert_eq!(due(&bench, &endpoint).await.len(), 3);
}

pub(crate) async fn a_notification_stays_while_a_replay_of_it_waits(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    bench.attempt(&endpoint, ORDER, End::Success).await;
    bench.pass(3 * DAY);
    let job = make(&mut bench, Kind::Replay, of_endpoint(&endpoint)).await;
    run(&bench, &job).await;
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 0);
    let replay = due(&bench, &endpoint).await.remove(0).remove(0);
    bench.complete(&replay, End::Success).await;
    bench.pass(MINUTE);
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 0, "it counts from its last fate");
    bench.pass(2 * DAY);
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 1);
}

pub(crate) async fn a_dead_replay_can_be_retried_and_discarded_by_hand(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 2).await;
    for _ in 0..2 {
        bench.attempt(&endpoint, ORDER, End::Success).await;
    }
    let job = make(&mut bench, Kind::Replay, of_endpoint(&endpoint)).await;
    run(&bench, &job).await;
    let first = due(&bench, &endpoint).await[0][0].clone();
    bench.complete(&first, End::Death(Reason::Exhausted)).await;
    assert_eq!(bench.retry(first.id()).await.unwrap().state, State::Retrying);
    let lane = due(&bench, &endpoint).await.remove(0);
    assert_eq!(lane[0].no, first.no, "in its old place");
    assert_eq!(lane.len(), 2);
    bench.discard(lane[1].id()).await.unwrap();
    bench.complete(&lane[0], End::Success).await;
    assert_eq!(bench.store().replays(&endpoint).await.unwrap(), 0);
    let again = make(&mut bench, Kind::Replay, of_endpoint(&endpoint)).await;
    let again = run(&bench, &again).await;
    assert_eq!(again.done, 2, "and all of it once more");
}
