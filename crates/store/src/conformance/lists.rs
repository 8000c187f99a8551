//! Lists of notifications and deliveries: filters, and pages without gap or double.

use std::time::Duration;

use bytes::Bytes;
use workbell_model::{Fate, Reason, State, States};
use workbell_wire::Timestamp;

use super::bench::{BRANCH, Bench, DAY, End, MINUTE, ORDER, company};
use crate::Error;
use crate::filter::{DeliveryFilter, NotificationFilter, Paging};
use crate::record::{Acceptance, DeliveryRecord, NotificationRecord};

const ALL: Paging = Paging { after: None, limit: 500 };

async fn notifications(bench: &Bench, filter: NotificationFilter) -> Vec<NotificationRecord> {
    let page = bench.store().notifications(filter, ALL).await.unwrap();
    assert_eq!(page.next, None);
    page.items
}

async fn deliveries(bench: &Bench, filter: DeliveryFilter) -> Vec<DeliveryRecord> {
    let page = bench.store().deliveries(filter, ALL).await.unwrap();
    assert_eq!(page.next, None);
    page.items
}

fn of(filter: NotificationFilter) -> DeliveryFilter {
    DeliveryFilter { notification: filter, ..DeliveryFilter::default() }
}

/// One of each kind, a minute after the other, of two companies.
async fn variety(bench: &mut Bench) -> Vec<Acceptance> {
    let endpoint = bench.endpoint().await;
    bench.branch(&endpoint.company_id, 7).await;
    let other = bench.company("other").await;
    bench.branch(&other, 8).await;
    bench.endpoint_of(&other).await;
    let mut all = Vec::new();
    for (order, branch_id, action) in [
        (1, BRANCH, "Accepted"),
        (2, BRANCH, "Rejected"),
        (1, 7, "Rejected"),
        (1, 8, "Accepted"),
        (0, 8, "Own"),
    ] {
        bench.pass(MINUTE);
        let mut acceptance = bench.acceptance(order);
        (acceptance.branch_id, acceptance.action) = (branch_id, action.parse().unwrap());
        bench.accept(acceptance.clone()).await.unwrap();
        all.push(acceptance);
    }
    all
}

fn filters(all: &[Acceptance]) -> Vec<(NotificationFilter, Vec<usize>)> {
    let any = NotificationFilter::default;
    let acme = Some(company("acme"));
    vec![
        (any(), vec![4, 3, 2, 1, 0]),
        (NotificationFilter { company_id: acme.clone(), ..any() }, vec![2, 1, 0]),
        (NotificationFilter { work_order_id: Some(1), ..any() }, vec![3, 2, 0]),
        (NotificationFilter { work_order_id: Some(0), ..any() }, vec![4]),
        (NotificationFilter { work_order_id: Some(1), company_id: acme.clone(), ..any() }, vec![2, 0]),
        (NotificationFilter { branch_id: Some(7), ..any() }, vec![2]),
        (NotificationFilter { action: Some("Rejected".to_owned()), ..any() }, vec![2, 1]),
        (NotificationFilter { from: Some(all[2].accepted), ..any() }, vec![4, 3, 2]),
        (NotificationFilter { to: Some(all[2].accepted), ..any() }, vec![1, 0]),
        (NotificationFilter { from: Some(all[1].accepted), to: Some(all[3].accepted), ..any() }, vec![2, 1]),
        (NotificationFilter { company_id: acme, branch_id: Some(8), ..any() }, vec![]),
        (NotificationFilter { company_id: Some(company("nobody")), ..any() }, vec![]),
    ]
}

pub(crate) async fn each_filter_of_notifications_takes_what_it_names_newest_first(mut bench: Bench) {
    let all = variety(&mut bench).await;
    for (filter, expected) in filters(&all) {
        let found = notifications(&bench, filter.clone()).await;
        let ids: Vec<_> = found.iter().map(|one| one.message_id).collect();
        assert_eq!(ids, expected.iter().map(|at| all[*at].message_id).collect::<Vec<_>>(), "{filter:?}");
        assert!(found.iter().zip(&expected).all(|(one, at)| one.body == all[*at].body));
        assert!(found.iter().all(|one| one.deliveries.len() == 1));
    }
}

pub(crate) async fn each_filter_of_deliveries_takes_what_it_names_newest_first(mut bench: Bench) {
    let all = variety(&mut bench).await;
    let endpoint = bench.directory().endpoint_generations()[0].0.clone();
    bench.attempt(&endpoint, 2, End::Success).await;
    bench.attempt(&endpoint, 1, End::Death(Reason::Exhausted)).await;
    for (filter, expected) in filters(&all) {
        let found = deliveries(&bench, of(filter.clone())).await;
        let ids: Vec<_> = found.iter().map(|one| one.message_id).collect();
        assert_eq!(ids, expected.iter().map(|at| all[*at].message_id).collect::<Vec<_>>(), "{filter:?}");
        let by_endpoint = DeliveryFilter { endpoint_id: Some(endpoint.endpoint_id), ..of(filter) };
        let found = deliveries(&bench, by_endpoint).await;
        assert!(found.iter().all(|one| one.endpoint == endpoint));
        assert_eq!(found.len(), expected.iter().filter(|at| **at <= 2).count());
    }
}

pub(crate) async fn deliveries_are_found_by_state_and_error(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut ids = Vec::new();
    for order in 1..=5 {
        ids.push(bench.publish(order).await.deliveries[0]);
    }
    bench.attempt(&endpoint, 2, End::Failure(DAY)).await;
    bench.attempt(&endpoint, 3, End::Success).await;
    bench.attempt(&endpoint, 4, End::Death(Reason::Exhausted)).await;
    bench.discard(ids[4]).await.unwrap();
    for (state, id) in State::ALL.into_iter().zip(&ids) {
        for work_order_id in [None, Some(bench.delivery(*id).await.work_order_id)] {
            let filter = DeliveryFilter {
                state: Some(state.into()),
                ..of(NotificationFilter { work_order_id, ..NotificationFilter::default() })
            };
            let found = deliveries(&bench, filter).await;
            assert_eq!(found.iter().map(|one| one.delivery_id).collect::<Vec<_>>(), [*id], "{state:?}");
            assert_eq!(found[0], bench.delivery(*id).await, "a list shows what a single one shows");
        }
    }
    let undelivered = DeliveryFilter { state: Some(States::Undelivered), ..DeliveryFilter::default() };
    let found = deliveries(&bench, undelivered).await;
    assert_eq!(found.iter().map(|one| one.delivery_id).collect::<Vec<_>>(), [ids[1], ids[0]]);
    let failed = DeliveryFilter { error: Some("Status".to_owned()), ..DeliveryFilter::default() };
    let found = deliveries(&bench, failed).await;
    assert_eq!(found.iter().map(|one| one.delivery_id).collect::<Vec<_>>(), [ids[3], ids[1]]);
    let other = DeliveryFilter { error: Some("Timeout".to_owned()), ..DeliveryFilter::default() };
    assert!(deliveries(&bench, other).await.is_empty());
}

pub(crate) async fn pages_of_notifications_have_no_gap_and_no_double_while_new_ones_arrive(mut bench: Bench) {
    bench.endpoint().await;
    for work_order_id in [None, Some(ORDER)] {
        let there: Vec<_> = bench.publish_many(ORDER, 25).await.iter().map(|one| one.message_id).collect();
        let from = Some(bench.now());
        let filter = NotificationFilter { work_order_id, from, ..NotificationFilter::default() };
        let (mut seen, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = bench.store().notifications(filter.clone(), Paging { after, limit: 7 }).await.unwrap();
            assert!(page.items.len() <= 7);
            seen.extend(page.items.iter().map(|one| one.message_id));
            pages += 1;
            bench.publish(ORDER).await;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        seen.reverse();
        assert_eq!(seen, there);
        assert!(pages >= 4);
        bench.pass(DAY);
    }
}

pub(crate) async fn pages_of_deliveries_have_no_gap_and_no_double_while_they_change(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.endpoint_of(&endpoint.company_id).await;
    for work_order_id in [None, Some(ORDER)] {
        let there: Vec<_> =
            bench.publish_many(ORDER, 20).await.iter().flat_map(|one| one.deliveries.clone()).collect();
        let from = Some(bench.now());
        let filter = of(NotificationFilter { work_order_id, from, ..NotificationFilter::default() });
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = bench.store().deliveries(filter.clone(), Paging { after, limit: 7 }).await.unwrap();
            seen.extend(page.items.iter().map(|one| one.delivery_id));
            // Those seen and those still to be seen go from one state to another.
            bench.publish(ORDER).await;
            bench.attempt(&endpoint, ORDER, End::Success).await;
            let lane = bench.lane(&endpoint, ORDER).await;
            bench.discard(lane[lane.len() - 2].id()).await.unwrap();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        seen.reverse();
        assert_eq!(seen, there);
        bench.pass(DAY);
    }
}

pub(crate) async fn a_page_that_ends_with_the_last_row_has_no_next(mut bench: Bench) {
    bench.endpoint().await;
    bench.publish_many(ORDER, 4).await;
    for work_order_id in [None, Some(ORDER)] {
        let filter = NotificationFilter { work_order_id, ..NotificationFilter::default() };
        let paging = |after| Paging { after, limit: 2 };
        let first = bench.store().notifications(filter.clone(), paging(None)).await.unwrap();
        let second = bench.store().notifications(filter.clone(), paging(first.next)).await.unwrap();
        assert_eq!((second.items.len(), second.next), (2, None));
        let first = bench.store().deliveries(of(filter.clone()), paging(None)).await.unwrap();
        let second = bench.store().deliveries(of(filter), paging(first.next)).await.unwrap();
        assert_eq!((second.items.len(), second.next), (2, None));
    }
}

pub(crate) async fn a_cursor_that_was_not_given_out_is_refused(mut bench: Bench) {
    bench.endpoint().await;
    bench.publish(ORDER).await;
    for text in ["", "-1", "+1", "ABC", "ä", "a b", "zzzzzzzzzzzzzzzzzzzzzzzz"] {
        let paging = Paging { after: Some(text.to_owned()), limit: 10 };
        let error = bench.store().notifications(NotificationFilter::default(), paging.clone()).await;
        assert!(matches!(error, Err(Error::BadCursor(_))), "{text:?}");
        let error = bench.store().deliveries(DeliveryFilter::default(), paging.clone()).await;
        assert!(matches!(error, Err(Error::BadCursor(_))), "{text:?}");
        let error = bench.store().log(crate::filter::LogFilter::default(), paging).await;
        assert!(matches!(error, Err(Error::BadCursor(_))), "{text:?}");
    }
}

pub(crate) async fn a_notification_is_read_back_byte_for_byte(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut acceptance = bench.acceptance(ORDER);
    acceptance.body = Bytes::from_static(b"{\"a\":1.10,\"b\":\"\\u00e4\xc3\xa4\"}");
    let accepted = bench.accept(acceptance.clone()).await.unwrap();
    bench.crash().await;
    let kept =
        bench.store().notification(&endpoint.company_id, acceptance.message_id).await.unwrap().unwrap();
    assert_eq!(kept.body, acceptance.body);
    assert_eq!((kept.message_id, kept.company_id), (acceptance.message_id, endpoint.company_id));
    assert_eq!((kept.work_order_id, kept.branch_id, kept.fate), (ORDER, BRANCH, Fate::Queued));
    assert_eq!((kept.action.as_str(), kept.accepted), ("Accepted", acceptance.accepted));
    assert_eq!(kept.initiated_by, None);
    assert_eq!(kept.deliveries, [bench.delivery(accepted.deliveries[0]).await]);
}

pub(crate) async fn a_notification_is_found_by_its_own_company_only(mut bench: Bench) {
    bench.endpoint().await;
    let other = bench.company("other").await;
    let accepted = bench.publish(ORDER).await;
    assert!(bench.store().notification(&other, accepted.message_id).await.unwrap().is_none());
    let unknown = bench.fresh_message_id();
    assert!(bench.store().notification(&company("acme"), unknown).await.unwrap().is_none());
}

pub(crate) async fn times_keep_their_seven_digits(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.pass(Duration::from_nanos(1_234_567_800));
    let at = bench.now();
    bench.publish(ORDER).await;
    let published: Timestamp = at.plus(Duration::from_secs(1));
    assert_eq!(published.ticks() % 10_000_000, 2_345_678);
    bench.crash().await;
    let head = bench.head(&endpoint, ORDER).await;
    assert_eq!((head.accepted, head.due), (published, published));
}
