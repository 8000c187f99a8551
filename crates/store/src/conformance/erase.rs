//! Erase: what goes, what stays, and what cannot be done any more.

use std::time::Duration;

use bytes::Bytes;
use workbell_model::job::Kind;
use workbell_model::{Reason, State, log};

use super::bench::{Bench, DAY, End, company};
use super::jobs::{count, counts, make, next_step, one_of_each, run};
use crate::filter::{LogFilter, NotificationFilter, Paging};
use crate::job::Filter;
use crate::record::{Completion, Inbound};
use crate::{Error, Store};

fn of_order(order: i64) -> Filter {
    Filter { company_id: Some(company("acme")), work_order_id: Some(order), ..Filter::default() }
}

/// The same outcome with a secret on both sides of the attempt.
fn telling(mut completion: Completion) -> Completion {
    let text = |it: &str| (it.to_owned(), "a secret".to_owned());
    let detail = log::Detail {
        url: "http://127.0.0.1:1/hook".to_owned(),
        request_headers: vec![text("X-Told")],
        response_headers: vec![text("X-Answered")],
        response_body: "a secret".to_owned(),
        explanation: Some("a secret".to_owned()),
        address: Some("127.0.0.1:1".to_owned()),
        first_byte_time: Some(7),
        ..log::Detail::default()
    };
    completion.attempt.detail = serde_json::to_vec(&detail).unwrap().into();
    completion
}

/// All that is kept about a work order, as text.
async fn all_texts(store: &dyn Store, order: i64) -> String {
    let paging = || Paging { after: None, limit: 500 };
    let log = LogFilter { work_order_id: Some(order), ..LogFilter::default() };
    let mut text = format!("{:?}", store.log(log, paging()).await.unwrap().items);
    let filter = NotificationFilter { work_order_id: Some(order), ..NotificationFilter::default() };
    for notification in store.notifications(filter, paging()).await.unwrap().items {
        text.push_str(&String::from_utf8_lossy(&notification.body));
        text.push_str(&format!("{notification:?}"));
    }
    text
}

pub(crate) async fn texts_go_and_ids_times_and_fates_stay(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for order in [42, 43] {
        for _ in 0..3 {
            let mut acceptance = bench.acceptance(order);
            acceptance.body = Bytes::from_static(br#"{"Text":"a secret"}"#);
            bench.accept(acceptance).await.unwrap();
        }
        for end in [End::Success, End::Death(Reason::Exhausted), End::Failure(DAY / 2)] {
            let head = bench.head(&endpoint, order).await;
            let completion = telling(bench.completion(&head, end));
            bench.write(completion).await;
        }
    }
    let before = bench
        .store()
        .notifications(
            NotificationFilter { work_order_id: Some(42), ..NotificationFilter::default() },
            Paging { after: None, limit: 10 },
        )
        .await
        .unwrap()
        .items;
    let job = make(&mut bench, Kind::Erase, of_order(42)).await;
    let job = run(&bench, &job).await;
    assert_eq!(counts(&job), (Some(3), 3, 0, 0));
    for _ in 0..2 {
        let erased = all_texts(bench.store(), 42).await;
        assert!(!erased.contains("secret"), "{erased}");
        assert!(
            erased.contains("127.0.0.1:1") && erased.contains("Some(7)"),
            "where and when stay: {erased}"
        );
        assert!(all_texts(bench.store(), 43).await.contains("a secret"), "another one's stay");
        bench.crash().await;
    }
    let mut states = Vec::new();
    for old in &before {
        let new = bench.store().notification(&old.company_id, old.message_id).await.unwrap().unwrap();
        assert!(new.body.is_empty());
        assert_eq!((new.no, new.fate, new.accepted), (old.no, old.fate, old.accepted));
        states.push((new.deliveries[0].state, new.deliveries[0].reason, new.deliveries[0].sequence));
    }
    let expected = [
        (State::Discarded, Some(Reason::Erased), 3),
        (State::Dead, Some(Reason::Exhausted), 2),
        (State::Delivered, None, 1),
    ];
    assert_eq!(states, expected);
    assert_eq!(bench.due_orders(&endpoint).await.len(), 0, "the lane is empty");
}

/// Reading several orders at once, or searching for them, is logged under no order: such answers hold texts of each.
pub(crate) async fn requests_about_several_orders_lose_their_texts_too(mut bench: Bench) {
    bench.endpoint().await;
    bench.publish(42).await;
    let mut calls = Vec::new();
    for (call, order) in [
        ("directSearchWorkOrders", 0),
        ("directReadWorkOrders", 0),
        ("directReadWorkOrders", 42),
        ("directReadWorkOrders", 43),
        ("directNotifications", 0),
    ] {
        let detail = log::Detail { response_body: "a secret".to_owned(), ..log::Detail::default() };
        bench.store().log_inbound(Inbound {
            company_id: company("acme"),
            work_order_id: order,
            branch_id: 0,
            call,
            start: bench.now(),
            duration: Duration::from_millis(3),
            status: 200,
            error: None,
            detail: serde_json::to_vec(&detail).unwrap().into(),
        });
        calls.push((call.to_owned(), order));
    }
    let job = make(&mut bench, Kind::Erase, of_order(42)).await;
    run(&bench, &job).await;
    let inbound = LogFilter { direction: Some(log::Direction::Inbound), ..LogFilter::default() };
    let records = bench.store().log(inbound, Paging { after: None, limit: 10 }).await.unwrap().items;
    let mut left = Vec::new();
    for record in records {
        let whole = bench.store().log_record(record.no).await.unwrap().unwrap();
        if format!("{whole:?}").contains("a secret") {
            left.push((record.action, record.work_order_id));
        }
    }
    left.reverse();
    assert_eq!(left, calls[3..], "those of another order, and the readings of a feed, which hold ids alone");
}

pub(crate) async fn each_state_is_erased_and_only_what_waits_is_discarded(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let all = one_of_each(&mut bench, &endpoint).await;
    for (order, (state, id)) in (1..).zip(all) {
        let before = bench.delivery(id).await;
        let job = make(&mut bench, Kind::Erase, of_order(order)).await;
        assert_eq!(counts(&run(&bench, &job).await), (Some(1), 1, 0, 0));
        let after = bench.delivery(id).await;
        let expected = if state.is_undelivered() {
            (State::Discarded, Some(Reason::Erased))
        } else {
            (state, before.reason)
        };
        assert_eq!((after.state, after.reason), expected);
        assert_eq!((after.attempts, after.sequence), (before.attempts, before.sequence));
    }
}

pub(crate) async fn an_attempt_in_flight_at_an_erase_leaves_no_text(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for (order, end) in [(1, End::Success), (2, End::Failure(DAY / 2))] {
        let id = bench.publish(order).await.deliveries[0];
        let head = bench.head(&endpoint, order).await;
        let job = make(&mut bench, Kind::Erase, of_order(order)).await;
        let job = count(&bench, &job).await;
        let mut step = next_step(&bench, &job).await.unwrap();
        step.in_flight = vec![head.no];
        bench.store().step(step).await.unwrap();
        let completion = telling(bench.completion(&head, end));
        bench.write(completion).await;
        let texts = all_texts(bench.store(), order).await;
        assert!(!texts.contains("secret"), "{texts}");
        assert_eq!(bench.state(id).await, (State::Discarded, Some(Reason::Erased)));
        assert_eq!(bench.store().attempts(id).await.unwrap().len(), 1, "its record is there");
    }
}

pub(crate) async fn what_is_erased_cannot_be_sent_again_and_a_repeat_gets_the_first_answer(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let acceptance = bench.acceptance(42);
    let first = bench.accept(acceptance.clone()).await.unwrap();
    bench.attempt(&endpoint, 42, End::Death(Reason::Exhausted)).await;
    let job = make(&mut bench, Kind::Erase, of_order(42)).await;
    run(&bench, &job).await;
    assert!(matches!(bench.retry(first.deliveries[0]).await, Err(Error::StateConflict(_))));
    bench.pass(DAY);
    let retry = make(&mut bench, Kind::Retry, of_order(42)).await;
    let retry = run(&bench, &retry).await;
    assert_eq!((retry.done, retry.skipped), (0, 1));
    let replay = make(&mut bench, Kind::Replay, of_order(42)).await;
    assert_eq!(counts(&run(&bench, &replay).await), (Some(0), 0, 0, 0));
    let again = bench.accept(acceptance).await.unwrap();
    assert_eq!((again.repeated, again.deliveries), (true, first.deliveries));
    // What comes later is sent as ever.
    let later = bench.publish(42).await.deliveries[0];
    assert_eq!(bench.state(later).await.0, State::Pending);
}
