//! The write-ahead log: worked off beside the writer, begun anew, and cut back after a long reader.

use bytes::Bytes;

use super::place::Folder;
use crate::conformance::Bench;
use crate::conformance::bench::{End, ORDER};
use crate::conformance::told::within_deadline;
use crate::record::Acceptance;
use crate::sqlite::checkpoint::FORCED_BYTES;

const MIB: usize = 1 << 20;

/// Accepts and delivers as many MiB.
async fn work(bench: &mut Bench, mib: usize) {
    let endpoint = bench.directory().endpoint_generations()[0].0.clone();
    for _ in 0..mib {
        let acceptance = Acceptance { body: Bytes::from(vec![b'x'; MIB]), ..bench.acceptance(ORDER) };
        bench.accept(acceptance).await.unwrap();
        bench.attempt(&endpoint, ORDER, End::Success).await;
    }
}

fn bytes_of(file: &std::path::Path) -> u64 {
    std::fs::metadata(file).unwrap().len()
}

#[tokio::test]
async fn it_does_not_grow_without_end_under_load() {
    let folder = Folder::fresh();
    let log = folder.file("workbell.db-wal");
    let mut bench = Bench::open(folder).await;
    bench.endpoint().await;
    work(&mut bench, 30).await;
    // It may be longer for a while, as long as the checkpointer is slow; then it is cut back.
    within_deadline(async {
        while bytes_of(&log) > FORCED_BYTES + 4 * MIB as u64 {
            work(&mut bench, 1).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_long_reader_stops_neither_writes_nor_what_comes_after_it() {
    let folder = Folder::fresh();
    let (log, file) = (folder.file("workbell.db-wal"), folder.file("workbell.db"));
    let mut bench = Bench::open(folder).await;
    bench.endpoint().await;
    let reader = rusqlite::Connection::open(file).unwrap();
    reader.execute_batch("BEGIN; SELECT COUNT(*) FROM notifications").unwrap();
    work(&mut bench, 30).await;
    assert!(bytes_of(&log) > 30 * MIB as u64, "it cannot begin anew while it is read");
    reader.execute_batch("COMMIT").unwrap();
    within_deadline(async {
        while bytes_of(&log) > FORCED_BYTES + 4 * MIB as u64 {
            work(&mut bench, 1).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_closed_store_leaves_none() {
    let folder = Folder::fresh();
    let log = folder.file("workbell.db-wal");
    let mut bench = Bench::open(folder).await;
    bench.endpoint().await;
    work(&mut bench, 1).await;
    bench.store().close().await;
    assert!(!log.exists() || bytes_of(&log) == 0);
}
