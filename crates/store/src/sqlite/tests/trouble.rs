//! A disk that takes no writes: nothing is accepted, nothing that was done is lost, and it goes on by itself.

use bytes::Bytes;
use workbell_model::State;

use super::place::Folder;
use super::{Hooks, join_all};
use crate::Error;
use crate::conformance::Bench;
use crate::conformance::bench::{End, MINUTE, ORDER};
use crate::conformance::told::{Told, within_deadline};
use crate::record::{Acceptance, Change, Completion, IfUndelivered};

/// More than what is free in the pages that a small store has.
const LARGE: usize = 200_000;

fn large(bench: &mut Bench) -> Acceptance {
    Acceptance { body: Bytes::from(vec![b'x'; LARGE]), ..bench.acceptance(ORDER) }
}

fn with_large_answer(mut completion: Completion) -> Completion {
    let detail = format!(r#"{{"Url":"","RequestHeaders":[],"ResponseBody":"{}"}}"#, "x".repeat(LARGE));
    completion.attempt.detail = Bytes::from(detail);
    completion
}

fn is_condition(writable: bool) -> impl Fn(&Told) -> Option<()> {
    move |told| matches!(told, Told::ConditionChanged(now) if *now == writable).then_some(())
}

/// A store with three deliveries that wait, whose disk is full.
async fn full() -> (Bench, Hooks) {
    let folder = Folder::fresh();
    let hooks = folder.hooks.clone();
    let mut bench = Bench::open(folder).await;
    bench.endpoint().await;
    for order in 1..=3 {
        bench.publish(order).await;
    }
    hooks.fill_disk();
    let heard = bench.ear.count();
    let acceptance = large(&mut bench);
    let error = bench.store().accept(vec![acceptance]).await.expect_err("there is no room");
    assert!(matches!(error, Error::DiskFull), "{error}");
    bench.ear.wait(heard, is_condition(false)).await;
    (bench, hooks)
}

/// Hands over the outcomes of the three; they need room, so they keep the store in trouble.
async fn hand_over(bench: &Bench) {
    let endpoint = bench.directory().endpoint_generations()[0].0.clone();
    for (order, end) in [(1, End::Success), (2, End::Failure(MINUTE)), (3, End::Success)] {
        let head = bench.head(&endpoint, order).await;
        bench.store().complete(with_large_answer(bench.completion(&head, end))).await.unwrap();
    }
}

/// Waits until the store has tried the outcomes at least once more.
async fn still_in_trouble(bench: &mut Bench) {
    loop {
        let acceptance = bench.acceptance(ORDER);
        match bench.store().accept(vec![acceptance]).await {
            Err(Error::DiskFull) => return,
            Err(other) => panic!("{other}"),
            // The probe found room for its one byte before the outcomes came.
            Ok(_) => tokio::task::yield_now().await,
        }
    }
}

#[tokio::test]
async fn a_full_disk_is_said_to_publishers_and_to_the_engine() {
    let (mut bench, _hooks) = full().await;
    hand_over(&bench).await;
    still_in_trouble(&mut bench).await;
    let trouble = bench.store().trouble().expect("it is in trouble");
    assert!(trouble.contains("no room is left"), "{trouble}");
    let head = bench.ear.heard().into_iter().rfind(|told| matches!(told, Told::ConditionChanged(_)));
    assert!(matches!(head, Some(Told::ConditionChanged(false))));
}

#[tokio::test]
async fn everything_that_writes_is_refused_meanwhile_and_reading_goes_on() {
    let (mut bench, _hooks) = full().await;
    hand_over(&bench).await;
    still_in_trouble(&mut bench).await;
    let endpoint = bench.directory().endpoint_generations()[0].0.clone();
    let head = bench.head(&endpoint, 1).await;
    assert!(matches!(bench.retry(head.id()).await, Err(Error::DiskFull)));
    assert!(matches!(bench.discard(head.id()).await, Err(Error::DiskFull)));
    assert!(matches!(bench.store().settle(head.no, bench.now()).await, Err(Error::DiskFull)));
    let rename = Change::RenameCompany(endpoint.company_id.clone(), "x".to_owned());
    assert!(matches!(bench.change(rename).await, Err(Error::DiskFull)));
    assert!(matches!(bench.store().sweep(bench.now(), MINUTE, MINUTE).await, Err(Error::DiskFull)));
    assert!(matches!(bench.store().check_value(vec![1]).await, Err(Error::DiskFull)));
    assert_eq!(bench.state(head.id()).await.0, State::Pending);
    assert_eq!(bench.due(&endpoint).await.lanes.len(), 3);
    let entry = bench.directory().company(&endpoint.company_id).unwrap();
    assert_eq!(entry.company.name, "acme Ltd", "the directory is what is on disk");
}

#[tokio::test]
async fn completions_are_kept_and_written_first_when_there_is_room_again() {
    let (mut bench, hooks) = full().await;
    hand_over(&bench).await;
    still_in_trouble(&mut bench).await;
    let heard = bench.ear.count();
    let is_outcome = |told: &&Told| matches!(told, Told::Completed { .. });
    assert_eq!(
        bench.ear.heard().iter().filter(is_outcome).count(),
        0,
        "nothing is said to be on disk that is not"
    );
    hooks.free_disk();
    bench.ear.wait(heard, is_condition(true)).await;
    let last = |told: &Told| matches!(told, Told::Completed { work_order_id: 3, .. }).then_some(());
    bench.ear.wait(heard, last).await;
    assert_eq!(bench.store().trouble(), None);
    let endpoint = bench.directory().endpoint_generations()[0].0.clone();
    bench.crash().await;
    assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 1);
    assert_eq!(bench.head(&endpoint, 2).await.attempts, 1);
    let accepted = bench.publish(ORDER).await;
    assert_eq!(bench.delivery(accepted.deliveries[0]).await.state, State::Pending);
}

#[tokio::test]
async fn what_was_refused_left_nothing_behind() {
    let (mut bench, hooks) = full().await;
    let endpoint = bench.directory().endpoint_generations()[0].0.clone();
    let refused = large(&mut bench);
    let heard = bench.ear.count();
    let _full_or_not_any_more = bench.store().accept(vec![refused.clone()]).await;
    hooks.free_disk();
    if bench.store().trouble().is_some() {
        bench.ear.wait(heard.saturating_sub(1), is_condition(true)).await;
    }
    let accepted = bench.accept(refused.clone()).await.unwrap();
    assert!(!accepted.repeated, "it was not there");
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1], "and took no number");
    assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 4);
}

#[tokio::test]
async fn what_is_discarded_in_steps_waits_for_room_and_goes_on() {
    let folder = Folder::fresh();
    let hooks = folder.hooks.clone();
    let mut bench = Bench::open(folder).await;
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 5_000).await;
    hooks.allow_transactions(1);
    bench.delete(&endpoint, IfUndelivered::Discard).await.unwrap();
    bench.ear.wait(0, is_condition(false)).await;
    let waiting = bench.store().waiting(&endpoint).await.unwrap();
    assert!(0 < waiting && waiting < 5_000, "a step is done, {waiting} are left");
    let acceptance = bench.acceptance(ORDER);
    assert!(matches!(bench.store().accept(vec![acceptance]).await, Err(Error::DiskFull)));
    hooks.allow_transactions(i64::MAX);
    bench.ear.wait(0, is_condition(true)).await;
    within_deadline(async {
        while bench.store().waiting(&endpoint).await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_store_can_be_closed_while_its_disk_is_full() {
    let (mut bench, hooks) = full().await;
    hand_over(&bench).await;
    still_in_trouble(&mut bench).await;
    let endpoint = bench.directory().endpoint_generations()[0].0.clone();
    bench.store().close().await;
    hooks.free_disk();
    bench.reopen().await;
    assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), 3, "they are sent once more");
}

#[tokio::test]
async fn a_file_that_another_process_holds_is_waited_for() {
    let folder = Folder::fresh();
    folder.hooks.be_impatient();
    let file = folder.file("workbell.db");
    let mut bench = Bench::open(folder).await;
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    let head = bench.head(&endpoint, ORDER).await;
    let other = rusqlite::Connection::open(file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let completion = bench.completion(&head, End::Success);
    bench.store().complete(completion).await.unwrap();
    bench.ear.wait(0, is_condition(false)).await;
    let acceptance = bench.acceptance(ORDER);
    let refused = bench.store().accept(vec![acceptance]).await;
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    assert!(bench.store().trouble().is_some());
    let heard = bench.ear.count();
    other.execute_batch("ROLLBACK").unwrap();
    bench.ear.wait(heard, |told| matches!(told, Told::Completed { .. }).then_some(())).await;
    assert_eq!(bench.state(head.id()).await.0, State::Delivered);
    bench.publish(ORDER).await;
}

#[tokio::test]
async fn publishers_in_excess_are_told_to_come_again_and_lose_nothing() {
    let folder = Folder::fresh();
    let file = folder.file("workbell.db");
    let mut bench = Bench::open(folder).await;
    let endpoint = bench.endpoint().await;
    let other = rusqlite::Connection::open(file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The writer waits for the file; one call after the other is left in its channel, until that is full.
    let acceptances: Vec<_> = (0..5000).map(|order| bench.acceptance(order)).collect();
    let store = bench.store();
    let calls = join_all(acceptances.into_iter().map(|one| store.accept(vec![one])));
    let release = async { other.execute_batch("ROLLBACK").unwrap() };
    let (answers, ()) = within_deadline(async { tokio::join!(calls, release) }).await;
    let (mut taken, mut full) = (0, 0);
    for answer in answers {
        match answer {
            Ok(answers) => taken += answers.iter().filter(|answer| answer.is_ok()).count(),
            Err(Error::QueueFull) => full += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(full > 0, "the channel is bounded");
    assert_eq!(taken + full, 5000);
    assert_eq!(bench.store().waiting(&endpoint).await.unwrap(), taken as u64);
}
