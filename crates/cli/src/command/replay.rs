//! `workbell replay`: sends kept notifications again.

use clap::Args;

use super::filter::Filter;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::job::{self, Options, Wanted};
use crate::question::Consent;
use crate::screen::Screen;

const EXAMPLES: &str = "\
Examples:
  workbell replay --endpoint ENDPOINT_ID                     all that is kept, to this endpoint
  workbell replay --work-order 42 --yes                      to all endpoints that want it now, without asking
  workbell replay -e ENDPOINT_ID --from 2026-01-01T00:00:00Z --rate 500
  workbell replay --all --dry-run                            how many that would be

They arrive with their old MessageId and body and Workbell-Mode: replay, behind what happens now.";

/// Send kept notifications again, in their order, behind what happens now
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    consent: Consent,
}

impl Replay {
    /// Makes the job.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let wanted = Wanted {
            kind: "Replay",
            filter: self.filter.members(),
            options: &self.options,
            question: Some((
                "Send {} notifications again? What has left cannot be called back.",
                self.consent,
            )),
        };
        job::run(&self.connection, screen, &wanted).await
    }
}
