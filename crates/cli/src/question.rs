//! The question before what cannot be undone.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use clap::Args;

use crate::failure::Failure;

/// The way around the question.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Consent {
    /// Do it without asking
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
}

impl Consent {
    /// Asks `question` unless `--yes` answered it already.
    ///
    /// # Errors
    /// When the answer is not yes, or nobody is there to ask.
    pub(crate) fn ask(self, question: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(Failure::Usage(format!(
                "{question} Nobody is there to answer (standard input is no terminal); add --yes to do it"
            )));
        }
        let mut prompt = io::stderr();
        write!(prompt, "{question} [y/N] ")?;
        prompt.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
            Ok(())
        } else {
            Err(Failure::Declined)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yes_on_the_command_line_asks_nobody() {
        assert!(Consent { yes: true }.ask("Delete it?").is_ok());
    }
}
