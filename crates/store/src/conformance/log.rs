//! The communication log: every attempt with what it sent, found by each filter.

use std::time::Duration;

use workbell_model::log::{Detail, Direction};
use workbell_model::{DeliveryId, Mode, Reason};

use super::bench::{BRANCH, Bench, DAY, End, MINUTE, ORDER, company};
use crate::filter::{LogFilter, Paging};
use crate::record::{Acceptance, Attempt, Emulation, IfUndelivered, LogRecord};

const ALL: Paging = Paging { after: None, limit: 500 };

async fn log(bench: &Bench, filter: LogFilter) -> Vec<LogRecord> {
    let page = bench.store().log(filter, ALL).await.unwrap();
    assert_eq!(page.next, None);
    page.items
}

/// Attempts, a minute after the other: what each filter names is told by its number.
async fn variety(bench: &mut Bench) -> Vec<(DeliveryId, workbell_wire::MessageId)> {
    let endpoint = bench.endpoint().await;
    let other = bench.company("other").await;
    bench.branch(&other, 8).await;
    let foreign = bench.endpoint_of(&other).await;
    let mut all = Vec::new();
    for (order, branch_id, action, end) in [
        (1, BRANCH, "Accepted", End::Success),
        (1, BRANCH, "Rejected", End::Failure(Duration::ZERO)),
        (2, BRANCH, "Rejected", End::Death(Reason::Exhausted)),
        (1, 8, "Accepted", End::Success),
    ] {
        bench.pass(MINUTE);
        let mut acceptance = bench.acceptance(order);
        (acceptance.branch_id, acceptance.action) = (branch_id, action.parse().unwrap());
        let accepted = bench.accept(acceptance).await.unwrap();
        let endpoint = if branch_id == 8 { &foreign } else { &endpoint };
        bench.attempt(endpoint, order, end).await;
        all.push((accepted.deliveries[0], accepted.message_id));
    }
    bench.pass(MINUTE);
    bench.attempt(&endpoint, 1, End::Success).await;
    all.push(all[1]);
    all
}

pub(crate) async fn each_filter_takes_what_it_names_newest_first(mut bench: Bench) {
    let all = variety(&mut bench).await;
    let whole = log(&bench, LogFilter::default()).await;
    let started: Vec<_> = whole.iter().rev().map(|record| record.start).collect();
    let endpoint_id = whole[0].endpoint_id;
    let any = LogFilter::default;
    for (filter, expected) in [
        (any(), vec![4, 3, 2, 1, 0]),
        (LogFilter { company_id: Some(company("acme")), ..any() }, vec![4, 2, 1, 0]),
        (LogFilter { endpoint_id, ..any() }, vec![4, 2, 1, 0]),
        (LogFilter { delivery_id: Some(all[1].0), ..any() }, vec![4, 1]),
        (LogFilter { work_order_id: Some(1), ..any() }, vec![4, 3, 1, 0]),
        (LogFilter { message_id: Some(all[1].1), ..any() }, vec![4, 1]),
        (LogFilter { message_id: Some(all[3].1), company_id: Some(company("acme")), ..any() }, vec![]),
        (LogFilter { message_id: Some(bench.fresh_message_id()), ..any() }, vec![]),
        (LogFilter { delivery_id: Some(all[3].0), company_id: Some(company("acme")), ..any() }, vec![]),
        (LogFilter { work_order_id: Some(1), company_id: Some(company("other")), ..any() }, vec![3]),
        (LogFilter { branch_id: Some(8), ..any() }, vec![3]),
        (LogFilter { action: Some("Rejected".to_owned()), ..any() }, vec![4, 2, 1]),
        (LogFilter { direction: Some(Direction::Outbound), ..any() }, vec![4, 3, 2, 1, 0]),
        (LogFilter { direction: Some(Direction::Inbound), ..any() }, vec![]),
        (LogFilter { status: Some(502), ..any() }, vec![2, 1]),
        (LogFilter { status: Some(404), ..any() }, vec![]),
        (LogFilter { error: Some("Status".to_owned()), ..any() }, vec![2, 1]),
        (LogFilter { from: Some(started[2]), ..any() }, vec![4, 3, 2]),
        (LogFilter { to: Some(started[2]), ..any() }, vec![1, 0]),
        (LogFilter { endpoint_id, status: Some(200), work_order_id: Some(1), ..any() }, vec![4, 0]),
    ] {
        let found: Vec<_> = log(&bench, filter.clone()).await.iter().map(|record| record.start).collect();
        assert_eq!(found, expected.iter().map(|at| started[*at]).collect::<Vec<_>>(), "{filter:?}");
    }
}

pub(crate) async fn the_log_of_a_company_is_that_of_all_its_endpoints(mut bench: Bench) {
    let first = bench.endpoint().await;
    let second = bench.endpoint_of(&first.company_id).await;
    let mut expected = Vec::new();
    for round in 0..6 {
        bench.publish(ORDER).await;
        for endpoint in if round % 2 == 0 { [&first, &second] } else { [&second, &first] } {
            expected.push((bench.now(), Some(endpoint.endpoint_id)));
            bench.attempt(endpoint, ORDER, End::Success).await;
        }
    }
    bench.delete(&second, IfUndelivered::Refuse).await.unwrap();
    expected.reverse();
    let filter = LogFilter { company_id: Some(first.company_id.clone()), ..LogFilter::default() };
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = bench.store().log(filter.clone(), Paging { after, limit: 5 }).await.unwrap();
        seen.extend(page.items.iter().map(|record| (record.start, record.endpoint_id)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
}

pub(crate) async fn a_message_id_of_two_companies_names_the_records_of_both(mut bench: Bench) {
    let first = bench.endpoint().await;
    let other = bench.company("other").await;
    bench.branch(&other, 8).await;
    let second = bench.endpoint_of(&other).await;
    let acceptance = bench.acceptance(ORDER);
    let message_id = Some(acceptance.message_id);
    bench.accept(Acceptance { branch_id: 8, ..acceptance.clone() }).await.unwrap();
    bench.accept(acceptance).await.unwrap();
    bench.attempt(&first, ORDER, End::Success).await;
    bench.attempt(&second, ORDER, End::Success).await;
    let found = log(&bench, LogFilter { message_id, ..LogFilter::default() }).await;
    let endpoints: Vec<_> = found.iter().map(|record| record.endpoint_id.unwrap()).collect();
    assert_eq!(endpoints, [second.endpoint_id, first.endpoint_id]);
    let of_one = LogFilter { message_id, company_id: Some(other), ..LogFilter::default() };
    assert_eq!(log(&bench, of_one).await.len(), 1);
}

pub(crate) async fn a_record_has_both_sides_of_the_attempt(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let accepted = bench.publish(ORDER).await;
    let head = bench.head(&endpoint, ORDER).await;
    let detail = Detail {
        url: "https://example.org/hook".to_owned(),
        request_headers: vec![("Event-Type".to_owned(), "Accepted".to_owned())],
        response_headers: vec![("Server".to_owned(), "x".to_owned())],
        response_body: "down \u{0} ä".to_owned(),
        explanation: Some("it said 503".to_owned()),
        address: Some("192.0.2.1:443".to_owned()),
        tls: Some("TLSv1.3".to_owned()),
        connect_time: Some(1),
        first_byte_time: Some(2),
        reconnected: true,
        ..Detail::default()
    };
    let mut completion = bench.completion(&head, End::Failure(MINUTE));
    completion.attempt.detail = serde_json::to_vec(&detail).unwrap().into();
    completion.attempt.duration = Duration::from_nanos(1_234_567_800);
    let (_, due) = bench.write(completion).await;
    bench.crash().await;
    let record = log(&bench, LogFilter::default()).await.remove(0);
    assert_eq!(record.detail, detail);
    assert_eq!((record.direction, record.mode), (Direction::Outbound, Mode::Live));
    assert_eq!((record.company_id.as_str(), record.endpoint_id), ("acme", Some(endpoint.endpoint_id)));
    assert_eq!(record.delivery_id, Some(accepted.deliveries[0]));
    assert_eq!(record.message_id, Some(accepted.message_id));
    assert_eq!((record.work_order_id, record.branch_id, record.action.as_str()), (ORDER, BRANCH, "Accepted"));
    assert_eq!((record.attempt, record.status, record.error.as_deref()), (1, Some(502), Some("Status")));
    assert_eq!(record.duration, Duration::from_nanos(1_234_567_800));
    assert_eq!(record.next_attempt_at, Some(due));
    assert_eq!(record.body, None, "lists leave the body out");
    let single = bench.store().log_record(record.no).await.unwrap().unwrap();
    assert_eq!(single.body, Some(head.body.clone()));
    assert_eq!((single.no, &single.detail), (record.no, &record.detail));
    let attempts = bench.store().attempts(accepted.deliveries[0]).await.unwrap();
    assert_eq!((attempts.len(), attempts[0].no), (1, record.no));
    assert_eq!(attempts[0].body, Some(head.body));
}

pub(crate) async fn an_emulated_notification_is_in_the_log_and_nowhere_else(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    bench.attempt(&endpoint, ORDER, End::Success).await;
    let message_id = bench.fresh_message_id();
    let body = "{\"Header\":{}}".to_owned();
    let told = (Some(message_id.to_string()), Some(body.clone()));
    let detail = Detail {
        url: "https://cmms.example/".to_owned(),
        message_id: told.0,
        body: told.1,
        ..Detail::default()
    };
    let attempt = Attempt {
        number: 1,
        start: bench.now(),
        duration: Duration::from_millis(3),
        status: Some(500),
        error: Some("Status"),
        detail: serde_json::to_vec(&detail).unwrap().into(),
    };
    let emulation = Emulation {
        endpoint: endpoint.clone(),
        work_order_id: ORDER,
        branch_id: BRANCH,
        action: "Accepted".parse().unwrap(),
        attempt,
    };
    let no = bench.store().log_emulation(emulation).await.unwrap();
    let record = bench.store().log_record(no).await.unwrap().unwrap();
    assert_eq!((record.mode, record.attempt, record.delivery_id), (Mode::Test, 1, None));
    assert_eq!((record.message_id, record.body.as_deref()), (Some(message_id), Some(body.as_bytes())));
    assert_eq!((record.detail, record.next_attempt_at), (detail, None));
    // Its place in the log is that of a company's, an endpoint's, a work order's and its own MessageId's.
    let any = LogFilter::default;
    let foreign = bench.company("other").await;
    for (filter, records) in [
        (LogFilter { message_id: Some(message_id), ..any() }, 1),
        (
            LogFilter {
                message_id: Some(message_id),
                company_id: Some(endpoint.company_id.clone()),
                ..any()
            },
            1,
        ),
        (LogFilter { message_id: Some(message_id), company_id: Some(foreign), ..any() }, 0),
        (LogFilter { company_id: Some(endpoint.company_id.clone()), ..any() }, 2),
        (LogFilter { endpoint_id: Some(endpoint.endpoint_id), ..any() }, 2),
        (LogFilter { work_order_id: Some(ORDER), ..any() }, 2),
    ] {
        assert_eq!(log(&bench, filter.clone()).await.len(), records, "{filter:?}");
    }
    // Nothing waits, nothing counts, no number is taken.
    assert_eq!(bench.store().backlog(&endpoint).await.unwrap().consecutive_failures, 0);
    assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 0);
    bench.publish(ORDER).await;
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [2]);
    bench.crash().await;
    assert!(bench.store().log_record(no).await.unwrap().is_some(), "it was on disk when its number was told");
}

pub(crate) async fn attempts_come_oldest_first_and_of_this_delivery_only(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.endpoint_of(&endpoint.company_id).await;
    let accepted = bench.publish(ORDER).await;
    for _ in 0..3 {
        bench.attempt(&endpoint, ORDER, End::Failure(MINUTE)).await;
    }
    let numbers = |attempts: Vec<LogRecord>| attempts.iter().map(|one| one.attempt).collect::<Vec<_>>();
    assert_eq!(numbers(bench.store().attempts(accepted.deliveries[0]).await.unwrap()), [1, 2, 3]);
    assert_eq!(numbers(bench.store().attempts(accepted.deliveries[1]).await.unwrap()), [0u16; 0]);
    let looks_alike = DeliveryId::new(bench.now().plus(DAY), accepted.deliveries[0].no());
    assert_eq!(numbers(bench.store().attempts(looks_alike).await.unwrap()), [0u16; 0]);
}

pub(crate) async fn a_record_that_is_not_there_is_none(bench: Bench) {
    for no in [0, 1, u64::MAX >> 1] {
        assert!(bench.store().log_record(no).await.unwrap().is_none());
    }
}

pub(crate) async fn pages_have_no_gap_and_no_double_while_new_records_arrive(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    for _ in 0..25 {
        bench.attempt(&endpoint, ORDER, End::Failure(MINUTE)).await;
    }
    let head = bench.head(&endpoint, ORDER).await;
    let any = LogFilter::default;
    for filter in [
        any(),
        LogFilter { company_id: Some(endpoint.company_id.clone()), ..any() },
        LogFilter { endpoint_id: Some(endpoint.endpoint_id), ..any() },
        LogFilter { delivery_id: Some(head.id()), ..any() },
        LogFilter { work_order_id: Some(ORDER), ..any() },
        LogFilter { message_id: Some(head.message_id), ..any() },
        LogFilter { status: Some(502), ..any() },
    ] {
        let there: Vec<_> = log(&bench, filter.clone()).await.iter().map(|record| record.no).collect();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = bench.store().log(filter.clone(), Paging { after, limit: 7 }).await.unwrap();
            seen.extend(page.items.iter().map(|record| record.no));
            bench.attempt(&endpoint, ORDER, End::Failure(MINUTE)).await;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, there, "{filter:?}");
    }
}

/// A stretch of the store is shorter in tests, so what is looked for lies in many.
pub(crate) async fn a_filter_finds_all_there_is_whatever_lies_between(mut bench: Bench) {
    let first = bench.endpoint().await;
    let other = bench.company("other").await;
    bench.branch(&other, 8).await;
    let second = bench.endpoint_of(&other).await;
    for round in 0_i64..150 {
        bench.pass(MINUTE);
        let foreign = round % 40 >= 30;
        let (endpoint, branch_id) = if foreign { (&second, 8) } else { (&first, BRANCH) };
        let action = if round % 29 == 3 { "Rejected" } else { "Accepted" };
        let mut acceptance = bench.acceptance(round);
        (acceptance.branch_id, acceptance.action) = (branch_id, action.parse().unwrap());
        bench.accept(acceptance).await.unwrap();
        let wait = Duration::ZERO;
        let end = match round {
            17 | 99 | 100 => End::Failed(404, workbell_model::Failure::Refused, wait),
            _ if round % 13 == 0 => End::Failure(wait),
            _ => End::Success,
        };
        bench.attempt(endpoint, round, end).await;
        if round == 70 {
            bench.crash().await;
        }
    }
    let whole = log(&bench, LogFilter::default()).await;
    assert_eq!(whole.len(), 150);
    let any = LogFilter::default;
    let at = |place: usize| Some(whole[place].start);
    let acme = Some(first.company_id.clone());
    let cases = [
        any(),
        LogFilter { status: Some(404), ..any() },
        LogFilter { status: Some(405), ..any() },
        LogFilter { error: Some("Status".to_owned()), ..any() },
        LogFilter { action: Some("Rejected".to_owned()), ..any() },
        LogFilter { branch_id: Some(8), ..any() },
        LogFilter { direction: Some(Direction::Inbound), ..any() },
        LogFilter { from: at(20), to: at(10), ..any() },
        LogFilter { to: at(140), ..any() },
        LogFilter { from: at(3), ..any() },
        LogFilter { company_id: acme.clone(), status: Some(404), ..any() },
        LogFilter { company_id: Some(other), status: Some(502), ..any() },
        LogFilter { endpoint_id: Some(second.endpoint_id), action: Some("Rejected".to_owned()), ..any() },
        LogFilter { endpoint_id: Some(first.endpoint_id), status: Some(502), from: at(90), ..any() },
        LogFilter { work_order_id: Some(0), status: Some(502), ..any() },
        LogFilter { company_id: acme, branch_id: Some(8), ..any() },
    ];
    for filter in cases {
        let wanted = |record: &&LogRecord| {
            filter.company_id.as_ref().is_none_or(|it| *it == record.company_id)
                && filter.endpoint_id.is_none_or(|it| Some(it) == record.endpoint_id)
                && filter.work_order_id.is_none_or(|it| it == record.work_order_id)
                && filter.branch_id.is_none_or(|it| it == record.branch_id)
                && filter.action.as_ref().is_none_or(|it| *it == record.action)
                && filter.direction.is_none_or(|it| it == record.direction)
                && filter.status.is_none_or(|it| Some(it) == record.status)
                && filter.error.as_ref().is_none_or(|it| Some(it) == record.error.as_ref())
                && filter.from.is_none_or(|it| record.start >= it)
                && filter.to.is_none_or(|it| record.start < it)
        };
        let expected: Vec<_> = whole.iter().filter(wanted).map(|record| record.no).collect();
        for limit in [1, 4, 500] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = bench.store().log(filter.clone(), Paging { after, limit }).await.unwrap();
                assert!(page.items.len() <= limit);
                seen.extend(page.items.iter().map(|record| record.no));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, expected, "{filter:?}");
        }
    }
}

pub(crate) async fn a_record_outlives_its_notification_for_its_own_period(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    bench.attempt(&endpoint, ORDER, End::Success).await;
    bench.pass(2 * DAY);
    let swept = bench.sweep(DAY, 30 * DAY).await;
    assert_eq!((swept.notifications, swept.log_records), (1, 0));
    let record = log(&bench, LogFilter::default()).await.remove(0);
    assert_eq!((record.message_id, record.attempt), (None, 1));
    assert_eq!(bench.store().log_record(record.no).await.unwrap().unwrap().body, None);
}

pub(crate) async fn a_record_has_number_and_customer_of_its_work_order(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut named = bench.acceptance(42);
    named.action = "NewWorkOrder".parse().unwrap();
    named.body = r#"{"Header":{"WorkOrderId":42},"Details":{"WorkOrderNumber":"WO-7","Customer":{"Id":1,"Name":"Oak Café"}}}"#
        .as_bytes()
        .into();
    bench.accept(named).await.unwrap();
    bench.publish(42).await;
    bench.publish(43).await;
    for order in [42, 42, 43] {
        bench.attempt(&endpoint, order, End::Success).await;
    }
    let by_number =
        |number: &str| LogFilter { work_order_number: Some(number.to_owned()), ..LogFilter::default() };
    let paging = || Paging { after: None, limit: 10 };
    for _ in 0..2 {
        let found = bench.store().log(by_number("WO-7"), paging()).await.unwrap().items;
        let seen: Vec<_> = found.iter().map(|it| (it.work_order_id, it.action.as_str())).collect();
        assert_eq!(seen, [(42, "Accepted"), (42, "NewWorkOrder")]);
        for record in &found {
            let whole = bench.store().log_record(record.no).await.unwrap().unwrap();
            let names = (whole.work_order_number.as_deref(), whole.customer.as_deref());
            assert_eq!(names, (Some("WO-7"), Some("Oak Café")));
        }
        let all = bench.store().log(LogFilter::default(), paging()).await.unwrap().items;
        assert_eq!((all[0].work_order_id, &all[0].work_order_number), (43, &None));
        assert!(bench.store().log(by_number("WO-8"), paging()).await.unwrap().items.is_empty());
        bench.crash().await;
    }
    // Another company's order of that number is not this one's.
    let other = bench.company("other").await;
    let theirs = LogFilter { company_id: Some(other), ..by_number("WO-7") };
    assert!(bench.store().log(theirs, paging()).await.unwrap().items.is_empty());
    // It stays while a notification of the order is kept, and goes with the last one.
    bench.pass(3 * DAY);
    bench.publish(42).await;
    bench.attempt(&endpoint, 42, End::Success).await;
    bench.sweep(DAY, 30 * DAY).await;
    assert_eq!(bench.store().log(by_number("WO-7"), paging()).await.unwrap().items.len(), 3);
    bench.pass(3 * DAY);
    bench.sweep(DAY, 30 * DAY).await;
    assert!(bench.store().log(by_number("WO-7"), paging()).await.unwrap().items.is_empty());
}
