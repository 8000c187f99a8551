//! Writing the store of a stopped service anew: what was removed or erased leaves the file, which gets as small as what
//! it holds.
//!
//! SQLite reuses the room of what is deleted, and does not wipe it. `VACUUM` copies all that is in use into new pages;
//! after the checkpoint nothing else is in the file, and the write-ahead log is empty.
//! Source: <https://sqlite.org/lang_vacuum.html>.

use std::path::Path;

use super::open::{Options, Synchronous, open_alone};
use crate::error::Error;

/// What it came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compacted {
    /// Bytes of the file before.
    pub before: u64,
    /// Bytes of the file after.
    pub after: u64,
}

/// Writes the store of a data dir anew. It takes as much room again while it lasts.
///
/// # Errors
/// [`Error::InUse`] while a service runs on it; [`Error::Open`] when there is none; [`Error::Database`] when there is
/// no room: then nothing is changed.
pub fn compact(data_dir: &Path) -> Result<Compacted, Error> {
    let file = data_dir.join("workbell.db");
    let bytes = || {
        std::fs::metadata(&file)
            .map(|it| it.len())
            .map_err(|error| Error::Open { path: file.display().to_string(), reason: error.to_string() })
    };
    let before = bytes()?;
    let options = Options {
        data_dir: data_dir.to_owned(),
        synchronous: Synchronous::Full,
        waiting_limit: 0,
        defaults: workbell_model::Defaults::default(),
        #[cfg(test)]
        hooks: super::tests::Hooks::default(),
    };
    let (_lock, connection) = open_alone(&options)?;
    connection.execute_batch("VACUUM")?;
    super::checkpoint::checkpoint(&connection, "TRUNCATE")?;
    drop(connection);
    Ok(Compacted { before, after: bytes()? })
}
