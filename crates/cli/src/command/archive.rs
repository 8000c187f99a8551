//! What `backup`, `export` and `import` share: a file and a data dir, and how it is told what was done.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use workbell_server::transfer::{Error, Moved};

use crate::failure::Failure;
use crate::record::Record;
use crate::screen::Screen;
use crate::service_settings::StoreSettings;

/// A file, and the store it is of.
#[derive(Clone, Debug, Args)]
pub(crate) struct Archive {
    /// The file
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) store: StoreSettings,
    /// Print JSON, for programs
    #[arg(long, help_heading = "Display")]
    pub(crate) json: bool,
}

impl Archive {
    /// Does something to data dir and file, away from the threads that must not wait.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path, &Path) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let (data_dir, file) = (self.store.data_dir()?, self.file.clone());
        let done = tokio::task::spawn_blocking(move || work(&data_dir, &file)).await;
        Ok(done.map_err(|error| Failure::Failed(format!("it broke off: {error}")))??)
    }

    /// Shows what was done, and what a person should know besides.
    pub(super) fn show(&self, screen: &Screen, answer: &Value, advice: &str) -> Result<(), Failure> {
        if self.json {
            return Ok(screen.print(&crate::json::for_screen(&answer.to_string(), screen))?);
        }
        let order =
            ["File", "DataDir", "Bytes", "Notifications", "Undelivered", "Rows", "Sha256", "MasterKey"];
        screen.print(&Record::of(answer, &order, &[]).render(screen))?;
        screen.note(advice);
        Ok(())
    }

    /// The members that say what was moved.
    pub(super) fn of_moved(&self, moved: &Moved) -> Result<Value, Failure> {
        Ok(json!({
            "File": self.file.display().to_string(),
            "DataDir": self.store.data_dir()?.display().to_string(),
            "Rows": moved.rows,
            "Sha256": moved.sha256,
            "MasterKey": "not in it",
        }))
    }
}
