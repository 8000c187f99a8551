//! `workbell completions`: what a shell needs to complete commands and options.

use clap::{Args, CommandFactory as _};

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::screen::Screen;

const EXAMPLES: &str = "\
Examples:
  workbell completions bash > ~/.local/share/bash-completion/completions/workbell
  workbell completions zsh > \"${fpath[1]}/_workbell\"
  workbell completions fish > ~/.config/fish/completions/workbell.fish";

/// Print completions for a shell
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

impl Completions {
    /// Prints them.
    pub(crate) fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "workbell", &mut script);
        Ok(screen.print(&String::from_utf8_lossy(&script))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_learns_the_commands() {
        use clap::ValueEnum as _;
        for shell in clap_complete::Shell::value_variants() {
            let screen = Screen::pipe().captured();
            Completions { shell: *shell }.run(&screen).unwrap();
            assert!(screen.printed().contains("endpoint"), "{shell}");
        }
    }
}
