//! `workbell compact`: writes the store of a stopped service anew.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use workbell_server::transfer;

use crate::failure::Failure;
use crate::screen::Screen;

const EXAMPLES: &str = "\
Examples:
  workbell compact                                   of ./workbell-data, while no service runs on it
  workbell compact --data-dir /var/lib/workbell

It takes as much room again while it lasts. After it the file holds only what is in use: what retention removed gives
its room back to the disk, and nothing that was erased is left in it.";

/// Write the store of a stopped service anew: removed and erased things leave the file
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Compact {
    /// The folder of the store
    #[arg(
        long,
        value_name = "DIR",
        env = "WORKBELL_DATA_DIR",
        hide_env_values = true,
        default_value = "./workbell-data"
    )]
    data_dir: PathBuf,

    /// Print JSON, for programs
    #[arg(long, help_heading = "Display")]
    pub(crate) json: bool,
}

impl Compact {
    /// Does it.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let data_dir = self.data_dir.clone();
        let done = tokio::task::spawn_blocking(move || transfer::compact(&data_dir))
            .await
            .map_err(|error| Failure::Failed(error.to_string()))?
            .map_err(|error| Failure::Failed(error.to_string()))?;
        if self.json {
            let answer = json!({ "BytesBefore": done.before, "BytesAfter": done.after });
            return Ok(screen.print(&crate::json::for_screen(&answer.to_string(), screen))?);
        }
        Ok(screen.print(&format!("the store had {} bytes and has {} now\n", done.before, done.after))?)
    }
}
