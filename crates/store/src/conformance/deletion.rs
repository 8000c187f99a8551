//! Deleting what still has undelivered deliveries: refused, or they are discarded, however many.

use workbell_model::{Fate, Reason, State};

use super::bench::{BRANCH, Bench, End, MINUTE, ORDER, company};
use super::told::{Told, within_deadline};
use crate::Error;
use crate::filter::{DeliveryFilter, Paging};
use crate::record::{Change, EndpointChange, IfUndelivered};

/// More than any engine discards in one step, and little enough for a test.
const MANY: usize = 5_000;

fn count_of<T: std::fmt::Debug>(result: Result<T, Error>) -> u64 {
    match result {
        Err(Error::UndeliveredExist(count)) => count,
        other => panic!("refused with a number, not {other:?}"),
    }
}

/// Waits until the store has told of `count` changed lanes of discarded deliveries; then no more is to be done.
async fn wait_for_discards(bench: &Bench, from: usize, count: usize) {
    let mut heard = from;
    for _ in 0..count {
        heard = bench
            .ear
            .wait_with_place(heard, |told| matches!(told, Told::LaneChanged(..)).then_some(()))
            .await
            .0
            + 1;
    }
}

async fn reasons(bench: &Bench, state: State) -> Vec<Option<Reason>> {
    let filter = DeliveryFilter { state: Some(state.into()), ..DeliveryFilter::default() };
    let mut reasons = Vec::new();
    let mut after = None;
    loop {
        let page = bench.store().deliveries(filter.clone(), Paging { after, limit: 500 }).await.unwrap();
        reasons.extend(page.items.iter().map(|delivery| delivery.reason));
        after = page.next;
        if after.is_none() {
            return reasons;
        }
    }
}

pub(crate) async fn an_endpoint_without_undelivered_ones_just_goes(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Success).await;
    bench.delete(&endpoint, IfUndelivered::Refuse).await.unwrap();
    assert!(bench.directory().endpoint(&endpoint).is_none());
    assert_eq!(bench.state(id).await, (State::Delivered, None), "what it got stays listed");
    bench.reopen().await;
    assert!(bench.directory().endpoint(&endpoint).is_none());
    assert_eq!(bench.publish(ORDER).await.fate, Fate::NoEndpoint);
}

pub(crate) async fn an_endpoint_with_undelivered_ones_is_refused_with_their_number(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 3).await;
    bench.attempt(&endpoint, ORDER, End::Failure(MINUTE)).await;
    assert_eq!(count_of(bench.delete(&endpoint, IfUndelivered::Refuse).await), 3);
    bench.crash().await;
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1, 2, 3], "nothing happened");
    assert_eq!(count_of(bench.delete(&endpoint, IfUndelivered::Refuse).await), 3);
}

pub(crate) async fn what_waits_of_a_deleted_endpoint_is_discarded(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let other = bench.endpoint_of(&endpoint.company_id).await;
    let accepted = bench.publish(ORDER).await;
    bench.delete(&endpoint, IfUndelivered::Discard).await.unwrap();
    for _ in 0..2 {
        assert_eq!(
            bench.state(accepted.deliveries[0]).await,
            (State::Discarded, Some(Reason::EndpointDeleted))
        );
        assert_eq!(bench.state(accepted.deliveries[1]).await, (State::Pending, None));
        assert_eq!(bench.sequences(&other, ORDER).await, [1]);
        bench.crash().await;
    }
}

pub(crate) async fn an_attempt_in_flight_at_a_deleted_endpoint_is_logged(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 2).await;
    let lane = bench.lane(&endpoint, ORDER).await;
    bench.delete(&endpoint, IfUndelivered::Discard).await.unwrap();
    bench.complete(&lane[0], End::Success).await;
    bench.complete(&lane[1], End::Failure(MINUTE)).await;
    for delivery in lane {
        let record = bench.delivery(delivery.id()).await;
        assert_eq!((record.state, record.reason), (State::Discarded, Some(Reason::EndpointDeleted)));
        assert_eq!(record.attempts, 1);
        assert_eq!(bench.store().attempts(delivery.id()).await.unwrap().len(), 1);
    }
}

pub(crate) async fn an_endpoint_id_is_never_used_again(mut bench: Bench) {
    let company = bench.company("acme").await;
    let endpoint = bench.an_endpoint(&company);
    let key = bench.create(endpoint.clone()).await;
    let again = Change::CreateEndpoint(endpoint.clone(), 20);
    assert!(matches!(bench.change(again.clone()).await, Err(Error::Exists(_))));
    bench.delete(&key, IfUndelivered::Refuse).await.unwrap();
    assert!(matches!(bench.change(again).await, Err(Error::Exists(_))));
    let update = Change::UpdateEndpoint(endpoint, EndpointChange::Adjusted, bench.now());
    assert!(matches!(bench.change(update).await, Err(Error::NotFound(_))));
    assert!(matches!(bench.delete(&key, IfUndelivered::Refuse).await, Err(Error::NotFound(_))));
}

pub(crate) async fn very_many_are_discarded_in_steps_and_all_in_the_end(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, MANY).await;
    let heard = bench.ear.count();
    bench.delete(&endpoint, IfUndelivered::Discard).await.unwrap();
    wait_for_discards(&bench, heard, MANY).await;
    let found = reasons(&bench, State::Discarded).await;
    assert_eq!(found.len(), MANY);
    assert!(found.iter().all(|reason| *reason == Some(Reason::EndpointDeleted)));
}

pub(crate) async fn discarding_goes_on_after_a_crash(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, MANY).await;
    bench.delete(&endpoint, IfUndelivered::Discard).await.unwrap();
    bench.crash().await;
    within_deadline(async {
        while !reasons(&bench, State::Pending).await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(reasons(&bench, State::Discarded).await.len(), MANY);
}

pub(crate) async fn a_branch_with_undelivered_ones_is_refused_with_their_number(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.branch(&endpoint.company_id, 7).await;
    bench.publish_many(ORDER, 2).await;
    let mut other = bench.acceptance(ORDER);
    other.branch_id = 7;
    bench.accept(other).await.unwrap();
    let delete = Change::DeleteBranch(company("acme"), BRANCH, IfUndelivered::Refuse, bench.now());
    assert_eq!(count_of(bench.change(delete.clone()).await), 2);
    for _ in 0..2 {
        bench.attempt(&endpoint, ORDER, End::Success).await;
    }
    bench.change(delete).await.unwrap();
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [3], "the other branch's waits on");
}

pub(crate) async fn what_waits_of_a_deleted_branch_is_discarded_and_nothing_else(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.branch(&endpoint.company_id, 7).await;
    let first = bench.publish(ORDER).await.deliveries[0];
    let mut other = bench.acceptance(ORDER);
    other.branch_id = 7;
    let stays = bench.accept(other).await.unwrap().deliveries[0];
    let third = bench.publish(ORDER).await.deliveries[0];
    let delete = Change::DeleteBranch(company("acme"), BRANCH, IfUndelivered::Discard, bench.now());
    bench.change(delete).await.unwrap();
    for id in [first, third] {
        assert_eq!(bench.state(id).await, (State::Discarded, Some(Reason::EndpointDeleted)));
    }
    assert_eq!(bench.state(stays).await, (State::Pending, None));
    bench.crash().await;
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [2]);
    assert_eq!(bench.due_orders(&endpoint).await, [ORDER]);
}

pub(crate) async fn very_many_of_a_branch_are_discarded_but_not_those_of_its_successor(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, MANY).await;
    let delete = Change::DeleteBranch(company("acme"), BRANCH, IfUndelivered::Discard, bench.now());
    bench.change(delete).await.unwrap();
    bench.branch(&endpoint.company_id, BRANCH).await;
    let fresh = bench.publish(7).await.deliveries[0];
    bench.crash().await;
    within_deadline(async {
        while !bench.sequences(&endpoint, ORDER).await.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(reasons(&bench, State::Discarded).await.len(), MANY);
    assert_eq!(bench.state(fresh).await, (State::Pending, None));
}

pub(crate) async fn a_company_with_undelivered_ones_is_refused_with_their_number(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.endpoint_of(&endpoint.company_id).await;
    bench.publish_many(ORDER, 2).await;
    let delete = Change::DeleteCompany(company("acme"), IfUndelivered::Refuse, bench.now());
    assert_eq!(count_of(bench.change(delete).await), 4);
    assert!(bench.directory().company(&company("acme")).is_some());
}

pub(crate) async fn a_deleted_company_takes_all_with_it(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let second = bench.endpoint_of(&endpoint.company_id).await;
    bench.client(&endpoint.company_id).await;
    let accepted = bench.publish(ORDER).await;
    let heard = bench.ear.count();
    let delete = Change::DeleteCompany(company("acme"), IfUndelivered::Discard, bench.now());
    bench.change(delete.clone()).await.unwrap();
    wait_for_discards(&bench, heard, 2).await;
    for _ in 0..2 {
        assert!(bench.directory().company(&company("acme")).is_none());
        assert!(bench.directory().company_of_branch(BRANCH).is_none());
        for endpoint in [&endpoint, &second] {
            assert!(bench.directory().endpoint(endpoint).is_none());
        }
        for id in &accepted.deliveries {
            assert_eq!(bench.state(*id).await, (State::Discarded, Some(Reason::EndpointDeleted)));
        }
        assert!(matches!(bench.change(delete.clone()).await, Err(Error::NotFound(_))));
        bench.reopen().await;
    }
    let told: Vec<_> = bench.ear.heard();
    assert!(told.is_empty(), "nothing is told twice: {told:?}");
}

pub(crate) async fn a_company_id_is_never_used_again(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let entry = bench.directory().company(&endpoint.company_id).unwrap();
    let again = Change::CreateCompany(entry.company.clone());
    assert!(matches!(bench.change(again.clone()).await, Err(Error::Exists(_))));
    bench.change(Change::DeleteCompany(company("acme"), IfUndelivered::Refuse, bench.now())).await.unwrap();
    assert!(matches!(bench.change(again.clone()).await, Err(Error::Exists(_))), "its log is still kept");
    bench.reopen().await;
    assert!(matches!(bench.change(again).await, Err(Error::Exists(_))));
}
