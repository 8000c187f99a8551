//! `workbell bench`: measures this machine and prints ratios.
//!
//! Publisher, service and receiver share the machine; the service is this very binary in a process of its own, on a
//! store in a temporary folder with durability on. Absolute figures swing with the machine, so each row is a ratio to
//! something measured in the same round: a bare HTTP client against the same receiver, or an fdatasync on the same
//! file system. Rounds repeat; the median counts.

mod backlog;
mod body;
mod disk;
mod hostile;
mod isolation;
mod latency;
mod load;
mod receiver;
mod report;
mod rows;
mod service;

use std::time::Duration;

use anyhow::Context;

pub(crate) use report::Report;

/// What to measure.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Repetitions of each row; the median counts.
    pub(crate) rounds: usize,
    /// Notifications per throughput row and round.
    pub(crate) count: usize,
    /// How long latency is measured per round.
    pub(crate) latency: Duration,
    /// Undelivered notifications of the backlog row.
    pub(crate) backlog: u64,
    /// Only rows whose name contains this.
    pub(crate) only: Option<String>,
    /// Where the temporary store lies; the system's folder for such things if not given.
    pub(crate) folder: Option<std::path::PathBuf>,
}

/// Measures everything and hands each finished row to `show`.
pub(crate) async fn run(options: &Options, mut note: impl FnMut(&str)) -> anyhow::Result<Report> {
    let folder = disk::TemporaryFolder::new(options.folder.as_deref())?;
    let receiver = receiver::Receiver::start().await.context("the receiver cannot be started")?;
    let mut report = Report::new(&folder)?;
    for round in 1..=options.rounds {
        for row in rows::Row::ALL {
            if options.only.as_ref().is_some_and(|only| !row.name().contains(only.as_str())) {
                continue;
            }
            if round > row.rounds() {
                continue;
            }
            note(&format!("round {round} of {}: {}", options.rounds, row.name()));
            let measured = row.measure(options, &folder, &receiver).await.with_context(|| row.name())?;
            report.add(row, measured);
        }
    }
    Ok(report)
}
