//! Retention: what is old enough goes, in steps; what is undelivered stays; numbers do not come back.

use std::time::Duration;

use workbell_model::{Reason, State};

use super::bench::{BRANCH, Bench, DAY, End, MINUTE, ORDER};
use crate::filter::{LogFilter, NotificationFilter, Paging};
use crate::record::{Acceptance, EndpointChange};

async fn kept(bench: &Bench) -> usize {
    let paging = Paging { after: None, limit: 500 };
    bench.store().notifications(NotificationFilter::default(), paging).await.unwrap().items.len()
}

async fn logged(bench: &Bench) -> Vec<u64> {
    let paging = Paging { after: None, limit: 500 };
    let page = bench.store().log(LogFilter::default(), paging).await.unwrap();
    page.items.iter().map(|record| record.no).collect()
}

pub(crate) async fn a_notification_goes_when_its_last_fate_is_old_enough(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let accepted = bench.publish(ORDER).await;
    bench.pass(3 * DAY);
    bench.attempt(&endpoint, ORDER, End::Success).await;
    bench.pass(DAY);
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 0, "the fate is just as old, not older");
    bench.pass(Duration::from_nanos(100));
    assert_eq!(bench.sweep(DAY, 30 * DAY).await.notifications, 1);
    assert!(bench.store().delivery(accepted.deliveries[0], None).await.unwrap().is_none());
    let found = bench.store().notification(&endpoint.company_id, accepted.message_id).await.unwrap();
    assert!(found.is_none());
}

pub(crate) async fn what_created_no_delivery_counts_from_its_acceptance(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut acceptance = bench.acceptance(ORDER);
    acceptance.initiated_by = Some(bench.client(&endpoint.company_id).await);
    bench.accept(acceptance).await.unwrap();
    bench.pass(DAY);
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 0);
    bench.pass(MINUTE);
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 1);
}

pub(crate) async fn an_undelivered_one_is_never_removed(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let pending = bench.publish(1).await.deliveries[0];
    let retrying = bench.publish(2).await.deliveries[0];
    bench.attempt(&endpoint, 2, End::Failure(DAY)).await;
    bench.pass(1000 * DAY);
    let swept = bench.sweep(DAY, DAY).await;
    assert_eq!((swept.notifications, swept.log_records), (0, 1));
    bench.crash().await;
    assert_eq!(bench.state(pending).await.0, State::Pending);
    assert_eq!(bench.state(retrying).await.0, State::Retrying);
    assert_eq!(bench.head(&endpoint, 1).await.id(), pending);
}

pub(crate) async fn one_that_waits_at_one_endpoint_stays_for_all(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let other = bench.endpoint_of(&endpoint.company_id).await;
    let accepted = bench.publish(ORDER).await;
    bench.attempt(&endpoint, ORDER, End::Death(Reason::Exhausted)).await;
    bench.pass(10 * DAY);
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 0);
    assert_eq!(bench.state(accepted.deliveries[0]).await.0, State::Dead);
    bench.attempt(&other, ORDER, End::Success).await;
    bench.pass(2 * DAY);
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 1);
}

pub(crate) async fn a_late_change_by_hand_counts_as_its_fate(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Death(Reason::Exhausted)).await;
    bench.pass(3 * DAY);
    bench.discard(id).await.unwrap();
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 0);
    assert_eq!(bench.state(id).await.0, State::Discarded);
}

pub(crate) async fn log_records_go_by_their_own_period(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    bench.attempt(&endpoint, ORDER, End::Failure(MINUTE)).await;
    bench.pass(DAY);
    bench.attempt(&endpoint, ORDER, End::Failure(MINUTE)).await;
    bench.pass(DAY / 2);
    assert_eq!(bench.sweep(30 * DAY, DAY).await.log_records, 1);
    assert_eq!(logged(&bench).await.len(), 1);
    assert_eq!(kept(&bench).await, 1);
}

pub(crate) async fn a_message_id_is_new_again_when_its_notification_is_gone(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut acceptance = bench.acceptance(ORDER);
    let first = bench.accept(acceptance.clone()).await.unwrap();
    bench.attempt(&endpoint, ORDER, End::Success).await;
    bench.pass(2 * DAY);
    bench.sweep(DAY, DAY).await;
    acceptance.accepted = bench.now();
    acceptance.content_hash = [3; 32];
    let second = bench.accept(acceptance).await.unwrap();
    assert!(!second.repeated);
    assert_ne!(second.deliveries[0].no(), first.deliveries[0].no());
}

pub(crate) async fn numbers_go_on_after_everything_was_swept_and_the_store_reopened(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let (mut last_delivery, mut last_record) = (0, 0);
    for round in 0..4 {
        let accepted = bench.publish(ORDER).await;
        bench.attempt(&endpoint, ORDER, End::Success).await;
        let no = accepted.deliveries[0].no().0;
        assert!(no > last_delivery, "round {round}");
        let record = logged(&bench).await[0];
        assert!(record > last_record, "round {round}");
        (last_delivery, last_record) = (no, record);
        bench.pass(2 * DAY);
        bench.sweep(DAY, DAY).await;
        assert_eq!((kept(&bench).await, logged(&bench).await.len()), (0, 0));
        if round % 2 == 0 { bench.reopen().await } else { bench.crash().await }
    }
}

pub(crate) async fn one_step_is_bounded_and_says_that_there_is_more(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in 1..=1300 {
        bench.publish(order).await;
        let head = bench.head(&endpoint, order).await;
        let completion = bench.completion(&head, End::Success);
        bench.store().complete(completion).await.unwrap();
    }
    bench.pass(2 * DAY);
    let (mut notifications, mut records, mut lanes, mut steps) = (0, 0, 0, 0);
    loop {
        let step = bench.store().sweep(bench.now(), DAY, DAY).await.unwrap();
        assert!(step.notifications <= 1000 && step.log_records <= 1000 && step.lanes <= 1000, "{step:?}");
        notifications += step.notifications;
        records += step.log_records;
        lanes += step.lanes;
        steps += 1;
        if !step.more {
            assert_eq!(step.next, None, "nothing is left");
            break;
        }
        assert_eq!(step.next, None, "call again at once");
    }
    assert_eq!((notifications, records, lanes), (1300, 1300, 1300));
    assert!(steps > 1);
}

pub(crate) async fn old_undelivered_ones_do_not_hide_what_stands_behind_them(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(1, 1200).await;
    let behind = bench.publish(2).await;
    bench.attempt(&endpoint, 2, End::Success).await;
    bench.pass(2 * DAY);
    for _ in 0..2 {
        bench.sweep(DAY, DAY).await;
        assert!(bench.store().delivery(behind.deliveries[0], None).await.unwrap().is_none());
        assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 1200);
    }
}

pub(crate) async fn the_next_time_is_when_the_oldest_record_expires(mut bench: Bench) {
    assert_eq!(bench.sweep(DAY, DAY).await.next, None, "an empty store has none");
    let endpoint = bench.endpoint().await;
    assert_eq!(bench.sweep(DAY, DAY).await.next, None);
    bench.publish(ORDER).await;
    let accepted = bench.now();
    assert_eq!(bench.sweep(DAY, DAY).await.next, Some(accepted.plus(DAY)));
    bench.pass(MINUTE);
    bench.attempt(&endpoint, ORDER, End::Success).await;
    assert_eq!(bench.sweep(DAY, MINUTE).await.next, Some(accepted.plus(2 * MINUTE)), "the log is shorter");
    bench.pass(MINUTE);
    let next = bench.sweep(DAY, MINUTE).await.next.expect("what the attempt counted as is kept as long");
    assert!(next > bench.now() && next <= bench.now().plus(2 * MINUTE), "{next:?}");
    bench.pass(2 * MINUTE);
    assert_eq!(bench.sweep(DAY, MINUTE).await.next, Some(accepted.plus(DAY)));
}

pub(crate) async fn the_next_time_is_never_in_the_past(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.endpoint_of(&endpoint.company_id).await;
    bench.publish(ORDER).await;
    bench.attempt(&endpoint, ORDER, End::Success).await;
    bench.pass(5 * DAY);
    let next = bench.sweep(DAY, DAY).await.next.expect("it is looked at again");
    assert!(next > bench.now(), "an old undelivered one must not keep the sweep awake");
    assert!(next <= bench.now().plus(MINUTE), "and is not forgotten");
    let next = bench.sweep(Duration::ZERO, Duration::ZERO).await.next.expect("it is looked at again");
    assert!(next > bench.now());
}

/// Notifications that nobody wants, with large bodies.
async fn fill(bench: &mut Bench, count: usize) {
    for _ in 0..count / 100 {
        let body = bytes::Bytes::from(vec![b'x'; 4096]);
        let fill = |bench: &mut Bench| Acceptance {
            body: body.clone(),
            branch_id: BRANCH + 1,
            ..bench.acceptance(0)
        };
        let acceptances: Vec<_> = (0..100).map(|_| fill(bench)).collect();
        for answer in bench.store().accept(acceptances).await.unwrap() {
            answer.unwrap();
        }
        bench.pass(MINUTE);
    }
}

/// Sweeps to a size; how many went before their time, and whether it is still too large.
async fn shrink(bench: &Bench, most_bytes: u64) -> (u64, Option<u64>) {
    let mut early = 0;
    loop {
        let swept =
            bench.store().sweep_within(bench.now(), 365 * DAY, 365 * DAY, Some(most_bytes)).await.unwrap();
        early += swept.early;
        if !swept.more {
            return (early, swept.too_large);
        }
    }
}

pub(crate) async fn the_oldest_go_early_when_the_store_is_too_large_but_never_what_waits(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.branch(&endpoint.company_id, BRANCH + 1).await;
    bench.update(&endpoint, EndpointChange::Adjusted, |it| it.settings.branch_ids = Some(vec![BRANCH])).await;
    let waits = bench.publish(ORDER).await;
    let delivered = bench.publish(7).await;
    bench.attempt(&endpoint, 7, End::Success).await;
    fill(&mut bench, 2000).await;
    assert_eq!(shrink(&bench, 1 << 30).await, (0, None), "it is small enough");
    let newest = bench.store().notifications(NotificationFilter::default(), paging()).await.unwrap();
    let (early, too_large) = shrink(&bench, 4 << 20).await;
    assert!((1000..2000).contains(&early), "{early}");
    assert_eq!(too_large, None);
    let left = bench.store().notifications(NotificationFilter::default(), paging()).await.unwrap();
    let ids = |page: &crate::filter::Page<crate::record::NotificationRecord>| {
        page.items.iter().map(|record| record.message_id).collect::<Vec<_>>()
    };
    assert_eq!(ids(&left)[..400], ids(&newest)[..400], "the newest stay");
    assert_eq!(logged(&bench).await, Vec::<u64>::new(), "the log is older than what was published after");
    let company = endpoint.company_id.clone();
    assert!(bench.store().notification(&company, delivered.message_id).await.unwrap().is_none());
    assert!(bench.store().notification(&company, waits.message_id).await.unwrap().is_some());
    assert_eq!(bench.head(&endpoint, ORDER).await.message_id, waits.message_id);
    // With nothing but what waits it stays too large, and says so.
    let (_, too_large) = shrink(&bench, 1).await;
    assert!(too_large.is_some_and(|used| used > 1), "{too_large:?}");
    assert_eq!(kept(&bench).await, 1);
    bench.crash().await;
    assert_eq!(bench.head(&endpoint, ORDER).await.message_id, waits.message_id);
    let next = bench.publish(ORDER).await;
    assert!(next.deliveries[0].no() > delivered.deliveries[0].no(), "numbers do not come back");
}

fn paging() -> Paging {
    Paging { after: None, limit: 500 }
}
