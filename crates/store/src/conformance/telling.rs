//! What the subscriber is told: in the order of commits, and before the answer returns.

use workbell_model::State;

use super::bench::{Bench, DAY, End, MINUTE, ORDER};
use super::told::Told;
use crate::record::{ByHand, Change, EndpointChange, IfUndelivered};

pub(crate) async fn an_acceptance_is_told_before_it_is_answered(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let heard = bench.ear.count();
    let all = bench.publish_many(ORDER, 3).await;
    let told = &bench.ear.heard()[heard..];
    let [Told::Accepted(fresh)] = told else { panic!("{told:?}") };
    let ids: Vec<_> = fresh.iter().map(|one| one.delivery.id()).collect();
    assert_eq!(ids, all.iter().map(|one| one.deliveries[0]).collect::<Vec<_>>(), "in their order");
    assert_eq!(fresh.iter().map(|one| one.first).collect::<Vec<_>>(), [true, false, false]);
    let lane = bench.lane(&endpoint, ORDER).await;
    assert_eq!(format!("{:?}", fresh[1].delivery), format!("{:?}", lane[1]), "as it is on disk");
}

pub(crate) async fn the_first_of_a_lane_is_told_as_such(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for _ in 0..2 {
        let heard = bench.ear.count();
        bench.publish(ORDER).await;
        let first = bench
            .ear
            .wait(heard, |told| match told {
                Told::Accepted(fresh) => Some(fresh[0].first),
                _ => None,
            })
            .await;
        assert!(first);
        bench.attempt(&endpoint, ORDER, End::Success).await;
        bench.crash().await;
    }
}

pub(crate) async fn what_creates_no_delivery_is_not_told(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut acceptance = bench.acceptance(ORDER);
    acceptance.initiated_by = Some(bench.client(&endpoint.company_id).await);
    let heard = bench.ear.count();
    bench.accept(acceptance.clone()).await.unwrap();
    bench.accept(acceptance).await.unwrap();
    assert_eq!(bench.ear.count(), heard);
}

pub(crate) async fn what_overflows_is_not_told_as_waiting(mut bench: Bench) {
    bench.endpoint().await;
    bench.reopen_with_waiting_limit(1).await;
    bench.publish_many(ORDER, 3).await;
    let told = bench.ear.heard();
    let [Told::Accepted(fresh)] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(fresh.len(), 1);
}

pub(crate) async fn changes_of_endpoints_are_told_when_the_directory_has_them(mut bench: Bench) {
    let acme = bench.company("acme").await;
    let endpoint = bench.endpoint_of(&acme).await;
    bench.update(&endpoint, EndpointChange::Adjusted, |_| ()).await;
    bench.update(&endpoint, EndpointChange::Reopened, |_| ()).await;
    bench.delete(&endpoint, IfUndelivered::Discard).await.unwrap();
    let changes: Vec<_> = bench
        .ear
        .heard()
        .iter()
        .map(|told| match told {
            Told::EndpointChanged(key, change) if *key == endpoint => *change,
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        EndpointChange::Created,
        EndpointChange::Adjusted,
        EndpointChange::Reopened,
        EndpointChange::Deleted,
    ];
    assert_eq!(changes, expected);
}

pub(crate) async fn a_change_that_fails_is_not_told(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    let heard = bench.ear.count();
    bench.delete(&endpoint, IfUndelivered::Refuse).await.expect_err("one waits");
    bench
        .change(Change::DeleteCompany(endpoint.company_id.clone(), IfUndelivered::Refuse, bench.now()))
        .await
        .expect_err("one waits");
    assert_eq!(bench.ear.count(), heard);
}

pub(crate) async fn a_lane_changed_by_hand_is_told_before_the_answer(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Failure(DAY)).await;
    let is_told = |bench: &Bench, from: usize| {
        bench.ear.heard()[from..]
            .iter()
            .any(|told| matches!(told, Told::LaneChanged(key, ORDER) if *key == endpoint))
    };
    let heard = bench.ear.count();
    bench.retry(id).await.unwrap();
    assert!(is_told(&bench, heard), "due now");
    let heard = bench.ear.count();
    let in_flight = ByHand { in_flight: true, ..bench.by_hand(id) };
    bench.store().discard(in_flight).await.unwrap();
    assert!(is_told(&bench, heard), "a wish: the attempt may have ended meanwhile");
    let heard = bench.ear.count();
    bench.store().settle(id.no(), bench.now()).await.unwrap();
    assert!(is_told(&bench, heard), "settled");
    let heard = bench.ear.count();
    bench.retry(id).await.unwrap();
    assert!(is_told(&bench, heard), "it is back");
    let heard = bench.ear.count();
    bench.discard(id).await.unwrap();
    assert!(is_told(&bench, heard), "it is out");
}

pub(crate) async fn an_outcome_that_is_another_than_the_attempts_has_its_lane_read_again(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    let head = bench.head(&endpoint, ORDER).await;
    bench.store().retry(ByHand { in_flight: true, ..bench.by_hand(id) }).await.unwrap();
    let heard = bench.ear.count();
    bench.complete(&head, End::Failure(MINUTE)).await;
    bench.ear.wait(heard, |told| matches!(told, Told::LaneChanged(..)).then_some(())).await;
    let told = bench.ear.heard();
    assert!(matches!(told[heard], Told::Completed { state: State::Retrying, .. }));
}

pub(crate) async fn a_store_that_works_tells_of_no_trouble(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    bench.attempt(&endpoint, ORDER, End::Success).await;
    assert_eq!(bench.store().trouble(), None);
    assert!(!bench.ear.heard().iter().any(|told| matches!(told, Told::ConditionChanged(_))));
}
