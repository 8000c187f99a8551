//! Checkpoints: pages go from the write-ahead log to the file on a thread of its own, so that commits stay short.
//!
//! That thread never catches up with a busy writer, so once the log is long the writer itself works off the rest and
//! starts the log anew. A reader that is not done makes that impossible; then it is tried again later, for the writer
//! must not wait for readers.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::open::BUSY_TIMEOUT;
use super::trouble::end_process_if_sync_failed;

/// Bytes by which the log grows until the checkpointer works: 8 MiB.
const STEP_BYTES: u64 = if cfg!(test) { 1 << 20 } else { 8 << 20 };

/// Bytes of the log after which the writer itself works it off, so that it cannot grow without end: 64 MiB.
pub(super) const FORCED_BYTES: u64 = if cfg!(test) { 8 << 20 } else { 64 << 20 };

/// Longest that the writer then waits for readers: 20 ms, every [`STEP_BYTES`].
const LONGEST_WAIT: Duration = Duration::from_millis(20);

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

    /// Called by the writer after a commit with the bytes that the log now has; true when it was started anew.
    pub(super) fn log_is_at(&mut self, bytes: u64, writer: &Connection) -> bool {
        if bytes < self.asked_at {
            self.asked_at = 0;
        }
        if bytes < self.asked_at + STEP_BYTES {
            return false;
        }
        self.asked_at = bytes;
        if bytes >= FORCED_BYTES {
            // The checkpointer is left asleep: two cannot work at once, and a busy one would shut this one out.
            let anew = start_anew(writer);
            self.asked_at = if anew { 0 } else { bytes };
            return anew;
        }
        if let Some(wake) = &self.wake {
            // Full: it is awake already.
            let _awake = wake.try_send(());
        }
        false
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

fn start_anew(writer: &Connection) -> bool {
    let done = writer
        .busy_timeout(LONGEST_WAIT)
        .and_then(|()| checkpoint(writer, "RESTART"))
        .and_then(|done| writer.busy_timeout(BUSY_TIMEOUT).map(|()| done));
    match done {
        Ok(done) => done,
        Err(error) => {
            tracing::warn!(%error, "the write-ahead log is long and could not be worked off");
            false
        }
    }
}

/// Runs one checkpoint; true when all of the log is in the file.
pub(super) fn checkpoint(connection: &Connection, mode: &str) -> rusqlite::Result<bool> {
    let done = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let (busy, pages, done): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && pages == done)
    });
    if let Err(error) = &done {
        end_process_if_sync_failed(error);
    }
    done
}
