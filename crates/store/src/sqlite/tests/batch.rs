//! Group commit: what waits together is committed together, and fails alone.

use super::join_all;
use super::place::Folder;
use crate::Error;
use crate::conformance::Bench;
use crate::conformance::bench::{DAY, End, ORDER};
use crate::conformance::told::{Told, within_deadline};

#[tokio::test]
async fn whatever_a_commit_does_its_readers_find_it_in_the_file() {
    let mut bench = Bench::open(Folder::synced()).await;
    let endpoint = bench.endpoint().await;
    for order in 1..20 {
        bench.publish_many(order, 30).await;
        bench.attempt(&endpoint, order, End::Success).await;
        bench.pass(DAY);
        bench.sweep(DAY, DAY).await;
        let found = bench.store().delivery(bench.head(&endpoint, order).await.id(), None).await.unwrap();
        assert_eq!(found.expect("it waits").sequence, 2);
    }
}

#[tokio::test]
async fn a_bad_command_in_a_batch_fails_alone() {
    let folder = Folder::fresh();
    let file = folder.file("workbell.db");
    let mut bench = Bench::open(folder).await;
    let endpoint = bench.endpoint().await;
    let bad = bench.publish(ORDER).await.deliveries[0];
    bench.publish(7).await;
    let good = bench.head(&endpoint, 7).await;
    let other = rusqlite::Connection::open(file).unwrap();
    // A row that no version of ours has written; and the writer waits, so that the next commands wait together.
    other.execute("UPDATE undelivered SET mode = 99 WHERE delivery_no = ?1", [bad.no().0]).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let heard = bench.ear.count();
    let acceptances: Vec<_> = (100..110).map(|order| bench.acceptance(order)).collect();
    let by_hand = bench.by_hand(bad);
    let completion = bench.completion(&good, End::Success);
    let store = bench.store();
    let first = acceptances.iter().take(5).map(|one| store.accept(vec![one.clone()]));
    let last = acceptances.iter().skip(5).map(|one| store.accept(vec![one.clone()]));
    let release = async {
        store.complete(completion).await.unwrap();
        other.execute_batch("ROLLBACK").unwrap();
    };
    let together = async { tokio::join!(join_all(first), store.discard(by_hand), join_all(last), release) };
    let (first, discarded, last, ()) = within_deadline(together).await;
    assert!(matches!(discarded, Err(Error::Unavailable(_))), "{discarded:?}");
    for answer in first.into_iter().chain(last) {
        assert!(answer.unwrap()[0].is_ok());
    }
    bench.ear.wait(heard, |told| matches!(told, Told::Completed { .. }).then_some(())).await;
    for acceptance in &acceptances {
        assert_eq!(bench.sequences(&endpoint, acceptance.work_order_id).await, [1], "once");
    }
    assert_eq!(bench.store().trouble(), None, "the disk is not at fault");
}

#[tokio::test]
async fn many_that_wait_together_are_one_commit() {
    let folder = Folder::fresh();
    let (file, hooks) = (folder.file("workbell.db"), folder.hooks.clone());
    let mut bench = Bench::open(folder).await;
    bench.endpoint().await;
    let other = rusqlite::Connection::open(file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let acceptances: Vec<_> = (0..200).map(|order| bench.acceptance(order)).collect();
    let before = hooks.commits();
    let store = bench.store();
    let release = async { other.execute_batch("ROLLBACK").unwrap() };
    let calls = join_all(acceptances.into_iter().map(|one| store.accept(vec![one])));
    let (answers, ()) = within_deadline(async { tokio::join!(calls, release) }).await;
    assert!(answers.iter().all(Result::is_ok));
    let commits = hooks.commits() - before;
    assert!((1..=2).contains(&commits), "the first may be alone, the others are together: {commits}");
}
