//! `workbell bench`: measures this machine.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::bench::{self, Options};
use crate::failure::Failure;
use crate::screen::Screen;

const EXAMPLES: &str = "\
Examples:
  workbell bench                        every row, three rounds; takes some minutes
  workbell bench --only 'one lane'      one row

Use a release build, and leave the machine alone meanwhile.";

/// Measure this machine: throughput, latency and idle cost, as ratios within one run
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Bench {
    /// Repetitions of each row; the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// Notifications per throughput row and round
    #[arg(long, value_name = "N", default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1000..=10_000_000))]
    count: u32,
    /// Seconds of each latency round
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// Undelivered notifications of the backlog row; a million takes 2 GiB of disk
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..=1_000_000))]
    backlog: u64,
    /// Only rows whose name contains this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Where the temporary store lies; its disk is measured too
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Answer with JSON, for programs
    #[arg(long, help_heading = "Display")]
    pub(crate) json: bool,
}

impl Bench {
    /// Measures and prints; a demand that is missed is a failure.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let options = Options {
            rounds: self.rounds as usize,
            count: self.count as usize,
            latency: Duration::from_secs(self.seconds.into()),
            backlog: self.backlog,
            only: self.only.clone(),
            folder: self.folder.clone(),
        };
        let report = bench::run(&options, |line| screen.note(line))
            .await
            .map_err(|error| Failure::Failed(format!("{error:#}")))?;
        if self.json {
            screen.print(&format!("{:#}\n", report.to_json()))?;
        } else {
            screen.print(&report.to_text())?;
        }
        if report.all_met() {
            Ok(())
        } else {
            Err(Failure::Failed("a figure misses what the design demands of it".to_owned()))
        }
    }
}
