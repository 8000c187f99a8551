//! `workbell export FILE`: what moves to another store, as text.

use clap::Args;
use workbell_server::transfer;

use super::archive::Archive;
use crate::failure::Failure;
use crate::moment;
use crate::screen::Screen;

const EXAMPLES: &str = "\
Examples:
  workbell export move.jsonl --data-dir /var/lib/workbell        stop the service first
  workbell import move.jsonl --data-dir /srv/workbell            then start it on the new data directory

What moves: configuration, keys (sealed), people, work orders, audit, alerts, jobs, all that is undelivered or dead,
feeds, counters. What stays behind: delivered notifications, the communication log, traffic, sessions.
The export holds no master key; the new place needs the same one.";

/// Write configuration, undelivered work and counters to a file, to move them
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) archive: Archive,
}

impl Export {
    /// Writes the file and says what is in it.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let now = moment::now();
        let moved = self.archive.work(move |data_dir, file| transfer::export(data_dir, file, now)).await?;
        self.archive.show(
            screen,
            &self.archive.of_moved(&moved)?,
            "The import needs the same master key (master.key of the data directory, or what the settings give).",
        )
    }
}
