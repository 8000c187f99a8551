//! `workbell import FILE`: what an export holds, into a new data dir.

use clap::Args;
use workbell_server::transfer;

use super::archive::Archive;
use crate::failure::Failure;
use crate::screen::Screen;

const EXAMPLES: &str = "\
Examples:
  workbell import move.jsonl --data-dir /srv/workbell     into a data directory that was never used
  workbell doctor --data-dir /srv/workbell                then: does the master key fit?

All of it or nothing. Put the old master.key (and platform.key) into the new data directory before the start.";

/// Read what `workbell export` wrote into a new data directory
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(crate) archive: Archive,
}

impl Import {
    /// Reads the file and says what was in it.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let moved = self.archive.work(transfer::import).await?;
        self.archive.show(
            screen,
            &self.archive.of_moved(&moved)?,
            "Before the start: put the old master.key and platform.key into this data directory, or give them in \
             the settings; `workbell doctor` tells whether they fit.",
        )
    }
}
