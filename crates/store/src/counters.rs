//! What the store has done since it was opened, for metrics: counted where it happens, read without asking the store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// Upper ends of the buckets that commit times are counted in, in microseconds: from what an idle SSD takes to what
/// makes people wait.
pub const COMMIT_BUCKETS: [u64; 10] =
    [250, 500, 1000, 2500, 5000, 10_000, 25_000, 100_000, 500_000, 2_500_000];

/// Counts since the store was opened; all grow but [`Counters::log_bytes`].
#[derive(Debug, Default)]
pub struct Counters {
    reads: AtomicU64,
    writes: AtomicU64,
    commits: AtomicU64,
    commands: AtomicU64,
    commit_micros: AtomicU64,
    commit_buckets: [AtomicU64; COMMIT_BUCKETS.len()],
    accepted: AtomicU64,
    log_bytes: AtomicU64,
    attempts: Mutex<BTreeMap<&'static str, u64>>,
    alerts: watch::Sender<u64>,
}

impl Counters {
    /// Read transactions.
    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Write transactions that were begun.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Batches that were committed.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Commands (notifications, outcomes, changes) in those.
    pub fn commands(&self) -> u64 {
        self.commands.load(Ordering::Relaxed)
    }

    /// Time of all commits together.
    pub fn commit_time(&self) -> Duration {
        Duration::from_micros(self.commit_micros.load(Ordering::Relaxed))
    }

    /// Commits that took at most as long as each of [`COMMIT_BUCKETS`].
    pub fn commits_within(&self) -> [u64; COMMIT_BUCKETS.len()] {
        self.commit_buckets.each_ref().map(|bucket| bucket.load(Ordering::Relaxed))
    }

    /// Notifications that were accepted, repeats included.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Bytes of the write-ahead log after the last commit.
    pub fn log_bytes(&self) -> u64 {
        self.log_bytes.load(Ordering::Relaxed)
    }

    /// Recorded attempts by class of failure; `Delivered` are those without one.
    pub fn attempts(&self) -> BTreeMap<&'static str, u64> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Alerts that were raised.
    pub fn alerts(&self) -> u64 {
        *self.alerts.borrow()
    }

    /// The same, for who waits for the next one.
    pub fn watch_alerts(&self) -> watch::Receiver<u64> {
        self.alerts.subscribe()
    }

    pub(crate) fn alerted(&self) {
        self.alerts.send_modify(|alerts| *alerts += 1);
    }

    pub(crate) fn read(&self) {
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn write_began(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn committed(&self, commands: usize, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.commands.fetch_add(commands as u64, Ordering::Relaxed);
        self.commit_micros.fetch_add(micros, Ordering::Relaxed);
        for (bucket, end) in self.commit_buckets.iter().zip(COMMIT_BUCKETS) {
            if micros <= end {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn took(&self, notifications: usize) {
        self.accepted.fetch_add(notifications as u64, Ordering::Relaxed);
    }

    pub(crate) fn attempted(&self, error: Option<&'static str>) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        *attempts.entry(error.unwrap_or("Delivered")).or_default() += 1;
    }

    pub(crate) fn log_is_at(&self, bytes: u64) {
        self.log_bytes.store(bytes, Ordering::Relaxed);
    }
}
