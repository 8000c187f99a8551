//! Deleting something of the configuration: the question, and what happens to deliveries that wait.

use clap::Args;

use crate::failure::Failure;
use crate::platform::Platform;
use crate::question::Consent;

/// How something is deleted.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Deletion {
    /// Discard what is undelivered; without this, nothing is deleted while deliveries wait
    #[arg(long)]
    discard_undelivered: bool,
    #[command(flatten)]
    consent: Consent,
}

impl Deletion {
    /// Asks, then deletes what stands at `path`; `what` names it in the question.
    ///
    /// # Errors
    /// When the answer is no, or the service refuses it.
    pub(crate) async fn run(self, platform: &Platform, path: &[&str], what: &str) -> Result<(), Failure> {
        let question = if self.discard_undelivered {
            format!("Delete {what}, and discard what is undelivered?")
        } else {
            format!("Delete {what}?")
        };
        self.consent.ask(&question)?;
        let query = self.discard_undelivered.then(|| ("Undelivered", "Discard".to_owned()));
        platform.delete(path, query.as_slice()).await?;
        Ok(())
    }
}
