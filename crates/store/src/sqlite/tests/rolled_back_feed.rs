//! A batch that is rolled back leaves nothing in a feed, and no hole in its sequences.

use super::join_all;
use super::place::Folder;
use crate::Error;
use crate::conformance::Bench;
use crate::conformance::bench::{ORDER, company};
use crate::conformance::told::within_deadline;

#[tokio::test]
async fn a_batch_that_is_rolled_back_feeds_each_once_without_a_hole() {
    let folder = Folder::fresh();
    let file = folder.file("workbell.db");
    let mut bench = Bench::open(folder).await;
    bench.endpoint().await;
    let bad = bench.publish(ORDER).await.deliveries[0];
    let mut endpoint = bench.an_endpoint(&company("acme"));
    endpoint.settings.url = None;
    let pull = bench.create(endpoint).await;
    bench.publish(ORDER).await;
    let other = rusqlite::Connection::open(file).unwrap();
    // A row that no version of ours has written; and the writer waits, so that the next commands wait together.
    other.execute("UPDATE undelivered SET mode = 99 WHERE delivery_no = ?1", [bad.no().0]).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let acceptances: Vec<_> = (0..10).map(|_| bench.acceptance(ORDER)).collect();
    let by_hand = bench.by_hand(bad);
    let store = bench.store();
    let first = acceptances.iter().take(5).map(|one| store.accept(vec![one.clone()]));
    let last = acceptances.iter().skip(5).map(|one| store.accept(vec![one.clone()]));
    let release = async { other.execute_batch("ROLLBACK").unwrap() };
    let together = async { tokio::join!(join_all(first), store.discard(by_hand), join_all(last), release) };
    let (first, discarded, last, ()) = within_deadline(together).await;
    assert!(matches!(discarded, Err(Error::Unavailable(_))), "{discarded:?}");
    assert!(first.iter().chain(&last).all(|answer| answer.as_ref().unwrap()[0].is_ok()));
    let page = bench.store().feed(&pull, None, 500).await.unwrap();
    assert!(page.items.iter().map(|item| item.sequence).eq(1..=11), "{page:?}");
    let fed = page.items.iter().skip(1).map(|item| item.message_id);
    assert!(fed.eq(acceptances.iter().map(|one| one.message_id)));
}
