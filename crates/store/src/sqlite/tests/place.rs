//! A temporary folder as the place of a store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;

use super::Hooks;
use crate::Error;
use crate::conformance::Place;
use crate::conformance::bench::Settings;
use crate::sqlite::{Options, SqliteStore, Synchronous};
use crate::store::Store;

pub(super) struct Folder {
    folder: TempDir,
    pub(super) hooks: Hooks,
    synchronous: Synchronous,
}

impl Folder {
    pub(super) fn fresh() -> Self {
        // Syncing is not what most tests are about, and it is most of their time.
        let synchronous = Synchronous::Off;
        Folder {
            folder: tempfile::tempdir().expect("a temporary folder"),
            hooks: Hooks::default(),
            synchronous,
        }
    }

    /// One whose commits are synced, as a service's are.
    pub(super) fn synced() -> Self {
        Folder { synchronous: Synchronous::Full, ..Folder::fresh() }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(super) fn options(&self) -> Options {
        Options { hooks: self.hooks.clone(), synchronous: self.synchronous, ..options(self.path()) }
    }
}

pub(super) fn options(data_dir: &Path) -> Options {
    Options {
        data_dir: data_dir.to_owned(),
        synchronous: Synchronous::Off,
        waiting_limit: 1_000_000,
        defaults: workbell_model::Defaults::default(),
        hooks: Hooks::default(),
    }
}

#[async_trait]
impl Place for Folder {
    async fn open(&self, settings: Settings) -> Result<Arc<dyn Store>, Error> {
        let options =
            Options { waiting_limit: settings.waiting_limit, defaults: settings.defaults, ..self.options() };
        Ok(Arc::new(SqliteStore::open(options)?))
    }

    /// The files as they stand, in another folder: what a killed process leaves, less its lock and shared memory.
    async fn as_after_a_crash(&self) -> Box<dyn Place> {
        let copy = Folder { hooks: self.hooks.clone(), ..Folder::fresh() };
        for name in ["workbell.db", "workbell.db-wal"] {
            std::fs::copy(self.file(name), copy.file(name)).expect("a file can be copied");
        }
        Box::new(copy)
    }
}
