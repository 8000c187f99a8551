//! `workbell bench`: measures this machine and prints ratios.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::bench;
use crate::failure::Failure;
use crate::screen::Screen;

const EXAMPLES: &str = "\
Examples:
  workbell bench                            every row, three rounds; takes some minutes
  workbell bench --only 'one lane'          one row
  workbell bench --strict                   status 1 if a demand of the design is missed

Use a release build, and leave the machine alone meanwhile.";

/// Measure this machine: what the service reaches, as ratios to what the machine can do
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Bench {
    /// Repetitions of each row; the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = at_least_one)]
    rounds: usize,
    /// Notifications per throughput row and round
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = at_least_one)]
    count: usize,
    /// How long latency is measured per round
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = workbell_model::duration::parse)]
    latency: Duration,
    /// Only rows whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Where the temporary store lies; its file system counts
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Status 1 if a demand of the design is missed
    #[arg(long)]
    strict: bool,
    /// Print JSON, for programs
    #[arg(long, help_heading = "Display")]
    json: bool,
}

impl Bench {
    /// Measures and prints.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let options = bench::Options {
            rounds: self.rounds,
            count: self.count,
            latency: self.latency,
            only: self.only.clone(),
            folder: self.folder.clone(),
        };
        let report = bench::run(&options, |note| screen.note(note)).await?;
        screen.print(&if self.json {
            crate::json::for_screen(&report.to_json().to_string(), screen)
        } else {
            report.to_text()
        })?;
        if self.strict && !report.all_met() { Err(Failure::Shown) } else { Ok(()) }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "write a whole number from 1 on".to_owned())
}
