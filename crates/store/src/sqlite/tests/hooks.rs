//! What tests do to an open store: fill its disk, and look at its statements.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

/// Shared by a store and its test.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hooks {
    disk_is_full: Arc<AtomicBool>,
    statements: Arc<Mutex<BTreeSet<String>>>,
    commits: Arc<AtomicU64>,
}

impl Hooks {
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
        connection
            .trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(write_down))
            .expect("statements can be watched");
        connection
    }
}
