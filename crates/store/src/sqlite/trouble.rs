//! Trouble: the disk takes no writes. Which failures are that, and which are the command's own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::command::again;
use crate::error::Error;

/// Whether writes fail at present, and why. Written by the writer alone.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    is_there: AtomicBool,
    why: Mutex<Option<Error>>,
}

impl Trouble {
    pub(super) fn is_there(&self) -> bool {
        self.is_there.load(Ordering::Acquire)
    }

    /// What callers are told meanwhile.
    pub(super) fn error(&self) -> Option<Error> {
        if !self.is_there() {
            return None;
        }
        self.why.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(again)
    }

    /// Sets or ends it; true when that is a change.
    pub(super) fn set(&self, why: Option<&Error>) -> bool {
        let is_there = why.is_some();
        if is_there || self.is_there() {
            *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why.map(again);
        }
        self.is_there.swap(is_there, Ordering::AcqRel) != is_there
    }
}

/// Whether the disk, not the command, is at fault. Another process that holds the file counts as well.
pub(super) fn is_trouble(error: &Error) -> bool {
    use rusqlite::ErrorCode::{
        ApiMisuse, ConstraintViolation, ParameterOutOfRange, TooBig, TypeMismatch, Unknown,
    };
    let Error::Database(rusqlite::Error::SqliteFailure(failure, _)) = error else { return false };
    !matches!(
        failure.code,
        ApiMisuse | ConstraintViolation | ParameterOutOfRange | TooBig | TypeMismatch | Unknown
    )
}

/// Ends the process when a sync failed: what the system then did with the pages is not known, and a repeated sync
/// may claim success for pages that it dropped. After a restart the file says what is there.
pub(super) fn end_process_if_sync_failed(error: &rusqlite::Error) {
    let rusqlite::Error::SqliteFailure(failure, _) = error else { return };
    if matches!(
        failure.extended_code,
        rusqlite::ffi::SQLITE_IOERR_FSYNC | rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC
    ) {
        tracing::error!(%error, "a sync of the store failed; the process ends, for only a restart can tell what is on disk");
        std::process::abort();
    }
}
