//! Backup, export and import: what was there is there again, and goes on.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use workbell_model::{Reason, State};

use super::place::Folder;
use crate::Error;
use crate::conformance::bench::{DAY, End, MINUTE, ORDER, Settings, company};
use crate::conformance::model::any_life_agrees_with_the_model;
use crate::conformance::{Bench, Place};
use crate::record::Change;
use crate::sqlite::{backup, transfer};
use crate::store::Store;

/// A place whose crash is followed by a restore from a backup that was made just before it.
struct Restored(Folder);

#[async_trait]
impl Place for Restored {
    async fn open(&self, settings: Settings) -> Result<Arc<dyn Store>, Error> {
        self.0.open(settings).await
    }

    async fn as_after_a_crash(&self) -> Box<dyn Place> {
        let fresh = Folder::fresh();
        backup(self.0.path(), &fresh.file("workbell.db")).expect("a backup can be made");
        Box::new(Restored(fresh))
    }
}

/// A place from which everything is moved to another one at a crash.
struct Moved(Folder);

#[async_trait]
impl Place for Moved {
    async fn open(&self, settings: Settings) -> Result<Arc<dyn Store>, Error> {
        self.0.open(settings).await
    }

    async fn as_after_a_crash(&self) -> Box<dyn Place> {
        let fresh = Folder::fresh();
        import(fresh.path(), &export(self.0.path())).expect("it can be imported");
        assert_eq!(export(fresh.path()), export(self.0.path()), "nothing was lost or changed");
        Box::new(Moved(fresh))
    }
}

fn export(data_dir: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut take = |line: &str| {
        lines.push(line.to_owned());
        Ok(())
    };
    let rows = transfer::export(data_dir, &mut take).expect("it can be exported");
    assert_eq!(rows.values().sum::<u64>(), lines.len() as u64);
    lines
}

fn import(data_dir: &Path, lines: &[String]) -> Result<transfer::Rows, transfer::Error> {
    transfer::import(data_dir, &mut lines.iter().cloned().map(Ok), &mut |_| Ok(()))
}

#[test]
fn any_life_goes_on_after_a_restore_as_after_a_crash() {
    any_life_agrees_with_the_model(|| Restored(Folder::fresh()));
}

#[tokio::test]
async fn what_was_erased_is_in_no_backup() {
    let folder = Folder::fresh();
    let (file, aside) = (folder.file("copy.db"), folder.path().to_owned());
    let mut bench = Bench::open(folder).await;
    let endpoint = bench.endpoint().await;
    let mut acceptance = bench.acceptance(ORDER);
    acceptance.body = format!("{{\"Text\":\"{}\"}}", "the secret of the well ".repeat(200)).into();
    bench.accept(acceptance).await.unwrap();
    bench.attempt(&endpoint, ORDER, End::Success).await;
    bench.pass(3 * DAY);
    assert_eq!(bench.sweep(DAY, DAY).await.notifications, 1);
    let made = backup(&aside, &file).unwrap();
    assert_eq!((made.notifications, made.undelivered), (0, 0));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(bytes.len() as u64, made.bytes);
    assert!(!bytes.windows(18).any(|window| window == b"secret of the well"));
    assert!(matches!(backup(&aside, &file), Err(Error::Exists(_))), "a backup overwrites nothing");
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    let left: Vec<_> = std::fs::read_dir(&aside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("unfinished")), "{left:?}");
}

#[tokio::test]
async fn a_moved_store_goes_on_where_it_stood() {
    let mut bench = Bench::open(Moved(Folder::fresh())).await;
    let endpoint = bench.endpoint().await;
    let mut pull = bench.an_endpoint(&endpoint.company_id);
    pull.settings.url = None;
    let pull = bench.create(pull).await;
    let delivered = bench.publish(1).await;
    bench.attempt(&endpoint, 1, End::Success).await;
    let dead = bench.publish(2).await.deliveries[0];
    bench.attempt(&endpoint, 2, End::Death(Reason::Exhausted)).await;
    bench.publish_many(3, 3).await;
    bench.attempt(&endpoint, 3, End::Failure(DAY)).await;
    bench.store().check_value(vec![1, 2, 3]).await.unwrap();
    let head = bench.head(&endpoint, 3).await;
    let feed = bench.store().feed(&pull, None, 100).await.unwrap();
    let log = bench.store().attempts(head.id()).await.unwrap();
    let configuration = format!("{:?}", bench.directory().company(&company("acme")));

    bench.crash().await;

    assert_eq!(format!("{:?}", bench.directory().company(&company("acme"))), configuration);
    let moved = bench.head(&endpoint, 3).await;
    assert_eq!(format!("{moved:?}"), format!("{head:?}"), "attempts, due time, body and all");
    assert_eq!(bench.sequences(&endpoint, 3).await, [1, 2, 3]);
    assert_eq!(bench.store().check_value(vec![9]).await.unwrap(), [1, 2, 3]);
    let read = bench.store().feed(&pull, None, 100).await.unwrap();
    assert_eq!(format!("{:?}", read.items), format!("{:?}", feed.items));
    assert_eq!(bench.state(dead).await.0, State::Dead);
    bench.retry(dead).await.unwrap();
    assert_eq!(bench.head(&endpoint, 2).await.id(), dead);
    // Lanes count on, numbers do not come back.
    let next = bench.publish(1).await.deliveries;
    assert_eq!(bench.sequences(&endpoint, 1).await, [2]);
    let known: BTreeSet<_> = delivered.deliveries.iter().chain([&dead]).map(|id| id.no()).collect();
    assert!(next.iter().all(|id| known.iter().all(|old| id.no() > *old)), "{next:?} {known:?}");
    bench.pass(DAY + MINUTE);
    bench.attempt(&endpoint, 3, End::Success).await;
    let record = bench.store().attempts(head.id()).await.unwrap();
    assert!(record[0].no > log[0].no, "the log counts on too");
    assert_eq!(bench.head(&endpoint, 3).await.sequence, 2);
}

#[tokio::test]
async fn an_import_is_whole_or_nothing_and_into_an_empty_store_only() {
    let folder = Folder::fresh();
    let source = folder.path().to_owned();
    let mut bench = Bench::open(folder).await;
    bench.endpoint().await;
    bench.publish(ORDER).await;
    let lines = export(&source);

    let fresh = Folder::fresh();
    for broken in [
        "{",
        r#"{"Table":"companies","Row":{"company_id":"x"}}"#,
        r#"{"Table":"sqlite_master","Row":{}}"#,
        r#"{"Table":"log","Row":{}}"#,
        r#"{"Table":"actions","Row":{"name":"A","sample":true,"created":1}}"#,
        r#"{"Table":"actions","Row":{"name":"A","sample":"{}","created":"soon"}}"#,
    ] {
        let mut bad = lines.clone();
        bad.push(broken.to_owned());
        let error = import(fresh.path(), &bad).unwrap_err();
        assert!(matches!(error, transfer::Error::Row { .. }), "{broken}: {error}");
    }
    let refused = &mut |_: &transfer::Rows| Err(std::io::Error::other("the sum is wrong"));
    transfer::import(fresh.path(), &mut lines.iter().cloned().map(Ok), refused).unwrap_err();
    import(fresh.path(), &lines).unwrap();
    assert_eq!(export(fresh.path()), lines);
    assert!(matches!(import(fresh.path(), &lines), Err(transfer::Error::NotEmpty(_))));
    assert!(matches!(import(&source, &lines), Err(transfer::Error::Store(Error::InUse { .. }))));
    bench.change(Change::RenameCompany(company("acme"), "still here".to_owned())).await.unwrap();
}

#[tokio::test]
async fn every_table_is_moved_or_stays_behind_for_a_reason() {
    let folder = Folder::fresh();
    let file = folder.file("workbell.db");
    let _bench = Bench::open(folder).await;
    let connection = rusqlite::Connection::open(file).unwrap();
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut statement = connection.prepare(sql).unwrap();
    let tables = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let known: BTreeSet<String> = transfer::moved().chain(transfer::LEFT).map(str::to_owned).collect();
    assert_eq!(
        tables.map(Result::unwrap).collect::<BTreeSet<_>>(),
        known,
        "is a new table moved? See transfer.rs"
    );
}
