//! `workbell backup FILE`: a copy of the store at one moment, also while the service runs.

use clap::Args;
use serde_json::json;
use workbell_server::transfer;

use super::archive::Archive;
use crate::failure::Failure;
use crate::screen::Screen;

const EXAMPLES: &str = "\
Examples:
  workbell backup /backups/workbell-$(date +%F).db                   of ./workbell-data, running or not
  workbell backup nightly.db --data-dir /var/lib/workbell

To restore it: put it as workbell.db into an empty folder, master.key beside it, and start the service there.
The backup holds no master key, and without that key nothing sealed in it opens: keep the key in another place.";

/// Copy the store into one file, consistent, also while the service runs
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Backup {
    #[command(flatten)]
    pub(crate) archive: Archive,
}

impl Backup {
    /// Writes the file and says what is in it.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let made = self.archive.work(transfer::backup).await?;
        let answer = json!({
            "File": self.archive.file.display().to_string(),
            "Bytes": made.bytes,
            "Notifications": made.notifications,
            "Undelivered": made.undelivered,
            "MasterKey": "not in it",
        });
        self.archive.show(
            screen,
            &answer,
            "A restore needs the master key too (master.key of the data directory, or what the settings give): keep \
             it in another place.",
        )
    }
}
