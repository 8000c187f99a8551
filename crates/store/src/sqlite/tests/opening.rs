//! Opening: one process at a time, clear words when it fails, files that nobody else reads.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::place::{Folder, options};
use crate::Error;
use crate::conformance::Bench;
use crate::conformance::bench::{End, ORDER};
use crate::sqlite::SqliteStore;

/// A folder in which not even the superuser makes a file, and a file in it that nobody writes.
const UNWRITABLE_FOLDER: &str = "/sys/kernel";
const UNWRITABLE_FILE: &str = "/sys/kernel/uevent_seqnum";

fn refused(data_dir: &Path) -> Error {
    SqliteStore::open(options(data_dir)).expect_err("it cannot be opened")
}

#[test]
fn a_second_store_on_the_same_folder_is_refused_and_names_the_process() {
    let folder = Folder::fresh();
    let first = SqliteStore::open(folder.options()).unwrap();
    let Error::InUse { path, holder } = refused(folder.path()) else { panic!("it is in use") };
    assert_eq!(path, folder.path().display().to_string());
    assert_eq!(holder, std::process::id().to_string());
    drop(first);
    SqliteStore::open(folder.options()).expect("it is free again");
}

#[test]
fn a_lock_left_by_a_process_that_is_gone_holds_nobody_up() {
    let folder = Folder::fresh();
    std::fs::write(folder.file("workbell.lock"), "4711\n").unwrap();
    let _store = SqliteStore::open(folder.options()).unwrap();
    let left = std::fs::read_to_string(folder.file("workbell.lock")).unwrap();
    assert_eq!(left, format!("{}\n", std::process::id()));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = Folder::fresh();
    let missing = folder.file("missing");
    let text = refused(&missing).to_string();
    assert!(
        text.contains(&missing.display().to_string()) && text.contains("the folder must exist"),
        "{text}"
    );
}

#[test]
fn a_folder_that_is_not_writable_is_named_with_what_to_do() {
    let text = refused(Path::new(UNWRITABLE_FOLDER)).to_string();
    assert!(text.contains("/sys/kernel/workbell.lock") && text.contains("make it writable"), "{text}");
}

#[test]
fn a_file_that_is_not_writable_is_named_with_what_to_do() {
    let folder = Folder::fresh();
    symlink(UNWRITABLE_FILE, folder.file("workbell.db")).unwrap();
    let text = refused(folder.path()).to_string();
    assert!(text.contains("workbell.db") && text.contains("make it writable"), "{text}");
}

#[test]
fn a_file_that_is_no_store_is_named() {
    let folder = Folder::fresh();
    std::fs::write(folder.file("workbell.db"), "these are the accounts of 2018, please keep".repeat(100))
        .unwrap();
    let text = refused(folder.path()).to_string();
    assert!(text.contains("workbell.db") && text.contains("is it a workbell store"), "{text}");
    let kept = std::fs::read_to_string(folder.file("workbell.db")).unwrap();
    assert!(kept.starts_with("these are the accounts"), "it is left alone");
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_left_alone() {
    let folder = Folder::fresh();
    drop(SqliteStore::open(folder.options()).unwrap());
    let connection = rusqlite::Connection::open(folder.file("workbell.db")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert!(matches!(refused(folder.path()), Error::TooNew { found: 99, known } if known < 99));
    let connection = rusqlite::Connection::open(folder.file("workbell.db")).unwrap();
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[tokio::test]
async fn its_files_are_for_its_owner_only() {
    let folder = Folder::fresh();
    let path = folder.path().to_owned();
    let mut bench = Bench::open(folder).await;
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    bench.attempt(&endpoint, ORDER, End::Success).await;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["workbell.db", "workbell.db-shm", "workbell.db-wal", "workbell.lock"]);
}

#[tokio::test]
async fn a_file_that_others_could_read_is_closed_to_them() {
    let folder = Folder::fresh();
    let file = folder.file("workbell.db");
    drop(SqliteStore::open(folder.options()).unwrap());
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let _store = SqliteStore::open(folder.options()).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}
