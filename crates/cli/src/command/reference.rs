//! `workbell reference`: the page "Commands" of the book. For who builds it; help does not show it.

use clap::Args;

use crate::failure::Failure;
use crate::reference;
use crate::screen::Screen;

const EXAMPLES: &str = "\
Examples:
  workbell reference > docs/src/commands.md     as `cargo xtask generate` does";

/// Print the page of the book that describes all commands
#[derive(Clone, Copy, Debug, Args)]
#[command(hide = true, after_help = EXAMPLES)]
pub(crate) struct Reference {}

impl Reference {
    /// Prints it.
    pub(crate) fn run(self, screen: &Screen) -> Result<(), Failure> {
        Ok(screen.print(&reference::page())?)
    }
}
