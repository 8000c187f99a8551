//! A change and its record are one commit.

use workbell_model::State;

use super::place::Folder;
use crate::audit::{Actor, Author};
use crate::conformance::Bench;
use crate::conformance::bench::{ORDER, company};
use crate::record::{ByHand, Change};

#[tokio::test]
async fn what_cannot_be_recorded_is_not_done() {
    let folder = Folder::fresh();
    let file = folder.file("workbell.db");
    let mut bench = Bench::open(folder).await;
    bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    bench.company("other").await;
    let other = rusqlite::Connection::open(file).unwrap();
    other
        .execute_batch("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END")
        .unwrap();
    bench.change(Change::RenameCompany(company("other"), "x".to_owned())).await.unwrap_err();
    let author = Author { actor: Actor::Operator, address: None, at: bench.now() };
    bench.store().discard(ByHand { by: Some(author), ..bench.by_hand(id) }).await.unwrap_err();
    assert_eq!(bench.state(id).await.0, State::Pending);
    bench.reopen().await;
    let entry = bench.directory().company(&company("other")).unwrap();
    assert_eq!(entry.company.name, "other Ltd");
}
