//! What tests do to an open store: fill its disk, and look at its statements.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

/// Shared by a store and its test.
#[derive(Clone, Debug)]
pub(crate) struct Hooks {
    disk_is_full: Arc<AtomicBool>,
    transactions_left: Arc<AtomicI64>,
    statements: Arc<Mutex<BTreeSet<String>>>,
    commits: Arc<AtomicU64>,
    impatient: Arc<AtomicBool>,
}

impl Default for Hooks {
    fn default() -> Self {
        Hooks {
            disk_is_full: Arc::default(),
            transactions_left: Arc::new(AtomicI64::new(i64::MAX)),
            statements: Arc::default(),
            commits: Arc::default(),
            impatient: Arc::default(),
        }
    }
}

impl Hooks {
    /// A store that is opened after this gives up at once when another process holds the file.
    pub(super) fn be_impatient(&self) {
        self.impatient.store(true, Ordering::SeqCst);
    }

    /// So many transactions begin; later ones find the disk full.
    pub(super) fn allow_transactions(&self, count: i64) {
        self.transactions_left.store(count, Ordering::SeqCst);
    }

    /// From the next transaction on, the file of the store grows by no page.
    pub(super) fn fill_disk(&self) {
        self.disk_is_full.store(true, Ordering::SeqCst);
    }

    /// There is room again.
    pub(super) fn free_disk(&self) {
        self.disk_is_full.store(false, Ordering::SeqCst);
    }

    /// All statements that were run so far, as they were prepared.
    pub(super) fn statements(&self) -> BTreeSet<String> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Commits of the writer so far.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::SeqCst)
    }

    pub(crate) fn before_transaction(&self, connection: &Connection) -> rusqlite::Result<()> {
        if self.transactions_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
            return Err(rusqlite::Error::SqliteFailure(full, None));
        }
        // SQLite takes the pages that are there for the least possible limit.
        let pages = if self.disk_is_full.load(Ordering::SeqCst) { 1 } else { 0x3fff_ffff };
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
    }

    pub(crate) fn watch(&self, mut connection: Connection) -> Connection {
        let (statements, commits) = (self.statements.clone(), self.commits.clone());
        let write_down = move |event: TraceEvent<'_>| {
            if let TraceEvent::Stmt(statement, _) = event {
                let sql = statement.sql().to_string();
                if sql == "COMMIT" {
                    commits.fetch_add(1, Ordering::SeqCst);
                }
                statements.lock().unwrap_or_else(PoisonError::into_inner).insert(sql);
            }
        };
        if self.impatient.load(Ordering::SeqCst) {
            connection.busy_timeout(std::time::Duration::from_millis(1)).expect("it can be set");
        }
        connection
            .trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(write_down))
            .expect("statements can be watched");
        connection
    }
}
