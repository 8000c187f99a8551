//! Feeds of pull endpoints: order, cursors, what survives, what retention takes.

use std::time::Duration;

use bytes::Bytes;
use workbell_model::job::Kind;
use workbell_model::{EndpointKey, Fate, Sequence, State, WorkOrderId};

use super::bench::{BRANCH, Bench, DAY, End, MINUTE, NO_ORDERS, ORDER};
use super::jobs::{make, run};
use super::told::{Told, within_deadline};
use crate::Error;
use crate::feed::{FeedCursor, FeedPage, LARGEST_PAGE};
use crate::filter::{LogFilter, Paging};
use crate::job::Filter;
use crate::record::{EndpointChange, IfUndelivered};

/// A company `acme` with a branch and one pull endpoint that wants all.
async fn pull(bench: &mut Bench) -> EndpointKey {
    let company = bench.company("acme").await;
    bench.branch(&company, BRANCH).await;
    pull_of(bench, &company).await
}

async fn pull_of(bench: &mut Bench, company: &workbell_model::CompanyId) -> EndpointKey {
    let mut endpoint = bench.an_endpoint(company);
    endpoint.settings.url = None;
    bench.create(endpoint).await
}

async fn read(bench: &Bench, endpoint: &EndpointKey, after: Option<FeedCursor>) -> FeedPage {
    bench.store().feed(endpoint, after, 500).await.expect("the feed can be read")
}

async fn places(bench: &Bench, endpoint: &EndpointKey) -> Vec<(WorkOrderId, Sequence)> {
    read(bench, endpoint, None).await.items.iter().map(|item| (item.work_order_id, item.sequence)).collect()
}

async fn is_expired(bench: &Bench, endpoint: &EndpointKey, cursor: FeedCursor) -> bool {
    matches!(bench.store().feed(endpoint, Some(cursor), 10).await, Err(Error::CursorExpired))
}

pub(crate) async fn what_a_pull_endpoint_gets_is_delivered_at_once_and_waits_for_nobody(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    let accepted = bench.publish(ORDER).await;
    assert_eq!(accepted.fate, Fate::Queued);
    let delivery = bench.delivery(accepted.deliveries[0]).await;
    assert_eq!((delivery.state, delivery.reason, delivery.attempts), (State::Delivered, None, 0));
    assert_eq!(delivery.finished, Some(bench.now()));
    assert_eq!(bench.store().due_times(bench.now()).await.unwrap(), []);
    assert_eq!(bench.due_orders(&endpoint).await, NO_ORDERS);
    assert!(!bench.ear.heard().iter().any(|told| matches!(told, Told::Accepted(_))), "nothing is to be sent");
    let log = bench.store().log(LogFilter::default(), Paging { after: None, limit: 10 }).await.unwrap();
    assert!(log.items.is_empty(), "there was no attempt");
}

pub(crate) async fn a_feed_is_in_the_order_of_acceptance_and_counts_each_work_order(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    for order in [7, 3, 7, 7, 3, 0] {
        bench.publish(order).await;
    }
    bench.publish_many(3, 2).await;
    let all = [(7, 1), (3, 1), (7, 2), (7, 3), (3, 2), (0, 1), (3, 3), (3, 4)];
    assert_eq!(places(&bench, &endpoint).await, all);
}

pub(crate) async fn a_feed_has_the_exact_bytes(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    let acceptance = bench.acceptance(ORDER);
    bench.accept(acceptance.clone()).await.unwrap();
    bench.accept(acceptance.clone()).await.unwrap();
    let page = read(&bench, &endpoint, None).await;
    assert_eq!(page.items.len(), 1, "a repeat is no second one");
    let item = &page.items[0];
    assert_eq!((&item.body, item.message_id), (&acceptance.body, acceptance.message_id));
    assert_eq!((&item.action, item.accepted), (&acceptance.action, acceptance.accepted));
}

pub(crate) async fn a_feed_goes_on_after_any_cursor_page_by_page(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    let accepted = bench.publish_many(ORDER, 7).await;
    let all = read(&bench, &endpoint, None).await.items;
    assert!(all.iter().map(|item| item.message_id).eq(accepted.iter().map(|one| one.message_id)));
    for (place, item) in all.iter().enumerate() {
        assert_eq!(read(&bench, &endpoint, Some(item.cursor())).await.items, all[place + 1..]);
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = bench.store().feed(&endpoint, after, 3).await.unwrap();
        if page.items.is_empty() {
            assert_eq!(Some(page.next), after, "where there is nothing the cursor stays");
            break;
        }
        after = Some(page.next);
        found.extend(page.items);
    }
    assert_eq!(found, all);
    let later = bench.publish(9).await;
    let page = read(&bench, &endpoint, after).await;
    assert_eq!(page.items.iter().map(|item| item.message_id).collect::<Vec<_>>(), [later.message_id]);
}

pub(crate) async fn reading_moves_nothing(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    bench.publish_many(ORDER, 3).await;
    let first = read(&bench, &endpoint, None).await;
    read(&bench, &endpoint, Some(first.next)).await;
    assert_eq!(read(&bench, &endpoint, None).await, first);
}

pub(crate) async fn an_empty_feed_has_a_cursor_to_go_on_from(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    let empty = read(&bench, &endpoint, None).await;
    assert_eq!(empty.items, []);
    assert_eq!(read(&bench, &endpoint, Some(empty.next)).await, empty);
    bench.publish_many(ORDER, 2).await;
    assert_eq!(read(&bench, &endpoint, Some(empty.next)).await, read(&bench, &endpoint, None).await);
}

pub(crate) async fn filters_and_the_echo_rule_hold_for_a_feed(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    bench
        .update(&endpoint, EndpointChange::Adjusted, |endpoint| {
            endpoint.settings.actions = vec!["Accepted".to_owned()];
        })
        .await;
    bench.publish(1).await;
    let mut other = bench.acceptance(2);
    other.action = "Paused".parse().unwrap();
    assert_eq!(bench.accept(other).await.unwrap().fate, Fate::NoEndpoint);
    let mut own = bench.acceptance(3);
    own.initiated_by = Some(bench.client(&endpoint.company_id).await);
    assert_eq!(bench.accept(own).await.unwrap().fate, Fate::Suppressed);
    bench.update(&endpoint, EndpointChange::Adjusted, |endpoint| endpoint.settings.enabled = false).await;
    assert_eq!(bench.publish(4).await.fate, Fate::NoEndpoint);
    assert_eq!(places(&bench, &endpoint).await, [(1, 1)]);
}

pub(crate) async fn a_feed_has_only_what_is_its_own(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    let push = bench.endpoint_of(&endpoint.company_id.clone()).await;
    let other = pull_of(&mut bench, &endpoint.company_id.clone()).await;
    bench.update(&other, EndpointChange::Adjusted, |other| other.settings.actions = Vec::new()).await;
    bench.publish_many(ORDER, 2).await;
    assert_eq!(places(&bench, &endpoint).await, [(ORDER, 1), (ORDER, 2)]);
    assert_eq!(places(&bench, &other).await, []);
    assert_eq!(places(&bench, &push).await, [], "what is pushed stands in no feed");
    assert_eq!(bench.sequences(&push, ORDER).await, [1, 2]);
    let foreign = EndpointKey { company_id: super::bench::company("other"), ..endpoint.clone() };
    assert_eq!(places(&bench, &foreign).await, [], "the company is a part of the name");
}

pub(crate) async fn feeds_cursors_and_sequences_survive_a_restart_and_a_crash(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    bench.publish_many(ORDER, 2).await;
    let cursor = read(&bench, &endpoint, None).await.items[0].cursor();
    bench.reopen().await;
    bench.publish(ORDER).await;
    bench.crash().await;
    bench.publish(ORDER).await;
    assert_eq!(places(&bench, &endpoint).await, [(ORDER, 1), (ORDER, 2), (ORDER, 3), (ORDER, 4)]);
    let rest = read(&bench, &endpoint, Some(cursor)).await;
    assert_eq!(rest.items.iter().map(|item| item.sequence).collect::<Vec<_>>(), [2, 3, 4]);
}

pub(crate) async fn what_is_fed_never_counts_as_waiting(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    bench.reopen_with_waiting_limit(1).await;
    for accepted in bench.publish_many(ORDER, 3).await {
        assert_eq!(bench.state(accepted.deliveries[0]).await.0, State::Delivered);
    }
    assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 0);
    assert!(bench.store().queues().await.unwrap().is_empty());
}

pub(crate) async fn what_is_fed_can_be_neither_retried_nor_discarded(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    let delivery = bench.publish(ORDER).await.deliveries[0];
    assert!(matches!(bench.retry(delivery).await, Err(Error::StateConflict(_))));
    assert!(matches!(bench.discard(delivery).await, Err(Error::StateConflict(_))));
    assert_eq!(places(&bench, &endpoint).await, [(ORDER, 1)]);
}

pub(crate) async fn a_cursor_expires_with_its_notification(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    let empty = read(&bench, &endpoint, None).await.next;
    bench.publish(ORDER).await;
    bench.pass(DAY);
    bench.publish(ORDER).await;
    let cursors: Vec<_> = read(&bench, &endpoint, None).await.items.iter().map(|it| it.cursor()).collect();
    assert!(!is_expired(&bench, &endpoint, empty).await, "nothing after it is gone yet");
    bench.pass(MINUTE);
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 1);
    assert!(is_expired(&bench, &endpoint, cursors[0]).await);
    assert!(is_expired(&bench, &endpoint, empty).await, "something after it was never read");
    assert!(!is_expired(&bench, &endpoint, cursors[1]).await);
    assert_eq!(places(&bench, &endpoint).await, [(ORDER, 2)], "it begins with the oldest that is kept");
    bench.reopen().await;
    assert!(is_expired(&bench, &endpoint, cursors[0]).await);
}

pub(crate) async fn a_feed_that_was_swept_empty_goes_on_without_a_gap(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    bench.publish_many(ORDER, 3).await;
    let old = read(&bench, &endpoint, None).await.next;
    bench.pass(DAY + MINUTE);
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 3);
    let empty = read(&bench, &endpoint, None).await;
    assert_eq!(empty.items, []);
    bench.crash().await;
    bench.publish(ORDER).await;
    let rest = read(&bench, &endpoint, Some(empty.next)).await;
    assert_eq!(rest.items.len(), 1);
    assert_ne!(rest.next, old, "no cursor is given out twice");
    assert!(is_expired(&bench, &endpoint, old).await);
}

pub(crate) async fn what_waits_at_another_endpoint_stays_in_the_feed(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    let push = bench.endpoint_of(&endpoint.company_id.clone()).await;
    bench.publish_many(ORDER, 2).await;
    let cursors: Vec<_> = read(&bench, &endpoint, None).await.items.iter().map(|it| it.cursor()).collect();
    let second = bench.lane(&push, ORDER).await.remove(1);
    bench.complete(&second, End::Success).await;
    bench.pass(2 * DAY);
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 1);
    assert_eq!(places(&bench, &endpoint).await, [(ORDER, 1)]);
    assert!(!is_expired(&bench, &endpoint, cursors[0]).await, "its notification is kept");
    assert!(is_expired(&bench, &endpoint, cursors[1]).await);
    bench.publish(ORDER).await;
    assert_eq!(places(&bench, &endpoint).await, [(ORDER, 1), (ORDER, 3)]);
}

pub(crate) async fn a_cursor_that_was_never_in_this_feed_has_expired(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    bench.publish(ORDER).await;
    let other = pull_of(&mut bench, &endpoint.company_id.clone()).await;
    bench.publish(ORDER).await;
    let foreign = read(&bench, &other, None).await.next;
    assert!(is_expired(&bench, &endpoint, foreign).await);
    let own = read(&bench, &endpoint, None).await.next;
    assert!(!is_expired(&bench, &endpoint, own).await);
    // After a backup was put back a reader may be ahead, or its number may be another notification's by now.
    let ahead = FeedCursor { no: own.no + 4096, ..own };
    assert!(is_expired(&bench, &endpoint, ahead).await);
    let of_another_past = FeedCursor { accepted: own.accepted.plus(MINUTE), ..own };
    assert!(is_expired(&bench, &endpoint, of_another_past).await);
}

pub(crate) async fn a_large_page_ends_early_and_says_where_to_go_on(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    let size = LARGEST_PAGE / 3;
    for order in 1..=5 {
        let mut acceptance = bench.acceptance(order);
        acceptance.body = Bytes::from(vec![b' '; size]);
        bench.accept(acceptance).await.unwrap();
    }
    let first = read(&bench, &endpoint, None).await;
    assert_eq!(first.items.len(), 4, "the one that exceeds it is the last");
    let rest = read(&bench, &endpoint, Some(first.next)).await;
    assert_eq!(rest.items.iter().map(|item| item.work_order_id).collect::<Vec<_>>(), [5]);
}

pub(crate) async fn a_bell_rings_after_the_commit_and_only_for_its_own_feed(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    let company = bench.company("other").await;
    let other = pull_of(&mut bench, &company).await;
    let store = bench.shared_store();
    let mut own = store.feed_bells().listen(&endpoint);
    let foreign = store.feed_bells().listen(&other);
    assert!(!own.has_changed().unwrap());
    bench.publish(ORDER).await;
    within_deadline(own.changed()).await.unwrap();
    assert_eq!(read(&bench, &endpoint, None).await.items.len(), 1, "it is there when the bell rings");
    assert!(!foreign.has_changed().unwrap());
    let mut again = store.feed_bells().listen(&endpoint);
    drop(own);
    bench.publish(ORDER).await;
    within_deadline(again.changed()).await.unwrap();
    drop(again);
    bench.publish(ORDER).await;
    let mut later = store.feed_bells().listen(&endpoint);
    assert!(!later.has_changed().unwrap(), "what was before is no news");
    bench.delete(&endpoint, IfUndelivered::Refuse).await.unwrap();
    within_deadline(later.changed()).await.unwrap();
}

pub(crate) async fn a_pull_endpoint_is_deleted_without_ado(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    bench.publish_many(ORDER, 2).await;
    bench.delete(&endpoint, IfUndelivered::Refuse).await.unwrap();
    assert_eq!(bench.publish(ORDER).await.fate, Fate::NoEndpoint);
    bench.pass(DAY + Duration::from_secs(1));
    bench.publish(ORDER).await;
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 3);
    assert_eq!(places(&bench, &endpoint).await, []);
}

pub(crate) async fn what_is_erased_is_left_out_and_its_place_still_holds(mut bench: Bench) {
    let endpoint = pull(&mut bench).await;
    for order in [1, 2, 1] {
        bench.publish(order).await;
    }
    let places = read(&bench, &endpoint, None).await.items;
    let erased =
        Filter { company_id: Some(endpoint.company_id.clone()), work_order_id: Some(1), ..Filter::default() };
    let job = make(&mut bench, Kind::Erase, erased).await;
    run(&bench, &job).await;
    let left = read(&bench, &endpoint, None).await.items;
    assert_eq!(left, places[1..2]);
    let after_the_first = read(&bench, &endpoint, Some(places[0].cursor())).await;
    assert_eq!(after_the_first.items, left, "its reader goes on");
    let rest = read(&bench, &endpoint, Some(left[0].cursor())).await;
    assert_eq!((rest.items, rest.next), (Vec::new(), left[0].cursor()));
    bench.publish(2).await;
    assert_eq!(read(&bench, &endpoint, Some(rest.next)).await.items.len(), 1);
}
