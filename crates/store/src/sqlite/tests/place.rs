//! A temporary folder as the place of a store.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;

use crate::Error;
use crate::conformance::Place;
use crate::conformance::bench::Settings;
use crate::sqlite::{Options, SqliteStore, Synchronous};
use crate::store::Store;

pub(super) struct Folder(pub(super) TempDir);

impl Folder {
    pub(super) fn fresh() -> Self {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn options(&self) -> Options {
        // Syncing is not what these tests are about, and it is most of their time.
        Options { data_dir: self.path().to_owned(), synchronous: Synchronous::Off, waiting_limit: 1_000_000 }
    }
}

#[async_trait]
impl Place for Folder {
    async fn open(&self, settings: Settings) -> Result<Arc<dyn Store>, Error> {
        let options = Options { waiting_limit: settings.waiting_limit, ..self.options() };
        Ok(Arc::new(SqliteStore::open(options)?))
    }

    /// The files as they stand, in another folder: what a killed process leaves, less its lock and shared memory.
    async fn as_after_a_crash(&self) -> Box<dyn Place> {
        let copy = Folder::fresh();
        for name in ["workbell.db", "workbell.db-wal"] {
            std::fs::copy(self.path().join(name), copy.path().join(name)).expect("a file can be copied");
        }
        Box::new(copy)
    }
}
