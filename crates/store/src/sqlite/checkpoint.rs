//! Checkpoints: pages go from the write-ahead log to the file on a thread of its own, so that commits stay short.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

/// Bytes of the log after which the checkpointer works: 8 MiB.
const PASSIVE_BYTES: u64 = 8 << 20;

/// Bytes of the log after which the writer itself waits for a checkpoint, so that it cannot grow without end: 64 MiB.
pub(super) const FORCED_BYTES: u64 = 64 << 20;

/// Asks for checkpoints as the log grows.
#[derive(Debug)]
pub(super) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    asked_at: u64,
}

impl Checkpointer {
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        // One wake-up is enough: a second one while it works says nothing new.
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("workbell-checkpoint".to_owned())
            .spawn(move || run(&connection, &woken))?;
        Ok(Checkpointer { wake: Some(wake), thread: Some(thread), asked_at: 0 })
    }

    /// Called after a commit with the bytes that the log now has.
    pub(super) fn log_is_at(&mut self, bytes: u64) {
        if bytes < self.asked_at {
            self.asked_at = 0;
        }
        if bytes >= self.asked_at + PASSIVE_BYTES {
            self.asked_at = bytes;
            if let Some(wake) = &self.wake {
                // Full: it is awake already.
                let _awake = wake.try_send(());
            }
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            // A checkpointer that panicked has nothing to give back.
            let _ended = thread.join();
        }
    }
}

fn run(connection: &Connection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        if let Err(error) = checkpoint(connection, "PASSIVE") {
            tracing::warn!(%error, "a checkpoint failed; the write-ahead log keeps growing until one succeeds");
        }
    }
}

/// Runs one checkpoint; true when all of the log is in the file.
pub(super) fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<bool> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let (busy, pages, done): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && pages == done)
    })
}
