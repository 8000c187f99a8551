//! Why a command did not do what was asked for, said so that the next step is clear.

use std::io;
use std::path::PathBuf;

use crate::problem::Problem;
use crate::screen::{ColorChoice, Screen, Style};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line makes no sense; exit status 2.
    #[error("{0}")]
    Usage(String),
    /// The service answered with a problem document.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// Nobody listens at the address.
    #[error("no workbell answers at {server}; is `workbell serve` running there?")]
    NobodyThere {
        /// The server's URL.
        server: String,
    },
    /// There was no connection, for another reason.
    #[error("{server} cannot be reached: {reason}")]
    Unreachable {
        /// The server's URL.
        server: String,
        /// What the attempt ended with.
        reason: String,
    },
    /// Somebody answers, but not as this service does.
    #[error("{server} answered {status} and {what}; is that really a workbell?")]
    Foreign {
        /// The server's URL.
        server: String,
        /// Status of the answer.
        status: u16,
        /// What came instead of JSON.
        what: &'static str,
    },
    /// There is no platform key to be found.
    #[error(
        "no platform key: WORKBELL_PLATFORM_KEY is not set and {} cannot be read ({source}); \
         give --data-dir of the service, or the key in that variable",
        path.display()
    )]
    KeyMissing {
        /// Where it was looked for.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// The key can not be sent.
    #[error("the platform key from {0} is empty or holds characters that no header can carry")]
    KeyUnusable(String),
    /// The service does not know the key.
    #[error("{server} refuses the platform key from {origin}; is it the key of that service?")]
    KeyRefused {
        /// The server's URL.
        server: String,
        /// Where the key was found.
        origin: String,
    },
    /// A file, or standard input, cannot be read.
    #[error("{what} cannot be read: {source}")]
    Unreadable {
        /// Which file.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// The thing asked for failed, for the reason given.
    #[error("{0}")]
    Failed(String),
    /// It failed, and all that is to be said stands on the screen already.
    #[error("failed as shown")]
    Shown,
    /// The person said no.
    #[error("nothing was changed")]
    Declined,
    /// The settings cannot be taken; exit status 2.
    #[error(transparent)]
    Settings(#[from] workbell_server::settings::Error),
    /// The service does not start.
    #[error(transparent)]
    Service(#[from] workbell_server::Error),
    /// A store cannot be copied or moved.
    #[error(transparent)]
    Transfer(#[from] workbell_server::transfer::Error),
    /// The output cannot be written.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
    /// The runtime did not start.
    #[error("the runtime cannot start: {0}")]
    Runtime(#[source] io::Error),
}

impl Failure {
    /// The exit status that tells a script what happened.
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Failure::Usage(_) | Failure::Settings(_) => 2,
            // Whoever read our output has seen enough, as with `| head`.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => 0,
            Failure::Problem(_)
            | Failure::NobodyThere { .. }
            | Failure::Unreachable { .. }
            | Failure::Foreign { .. }
            | Failure::KeyMissing { .. }
            | Failure::KeyUnusable(_)
            | Failure::KeyRefused { .. }
            | Failure::Unreadable { .. }
            | Failure::Failed(_)
            | Failure::Shown
            | Failure::Declined
            | Failure::Service(_)
            | Failure::Transfer(_)
            | Failure::Output(_)
            | Failure::Runtime(_) => 1,
        }
    }

    /// Writes it to standard error.
    pub(crate) fn show(&self, color: ColorChoice) {
        let screen = Screen::of_stderr(color);
        match self {
            Failure::Shown => {}
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Failure::Declined => screen.note("nothing was changed"),
            other => screen.note(&format!("{} {}", screen.paint(Style::Bad, "error:"), other.told())),
        }
    }

    /// What is said of it. Several faults of the settings stand below each other, each whole on its line.
    fn told(&self) -> String {
        let text = self.to_string();
        match self {
            Failure::Settings(_) if text.contains('\n') => {
                let lines = text.lines().map(|line| format!("\n  {line}"));
                format!("these settings cannot be taken; nothing was started:{}", lines.collect::<String>())
            }
            _ => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use workbell_server::settings::{Overrides, Settings};

    use super::*;

    #[test]
    fn several_faults_of_the_settings_stand_below_each_other() {
        let told = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Failure::Settings(Settings::load(None, variables, Overrides::new()).unwrap_err()).told()
        };
        let one = told(&[("WORKBELL_TIMOUT", "5s")]);
        assert!(one.starts_with("WORKBELL_TIMOUT: unknown variable"), "{one}");
        let two = told(&[("WORKBELL_TIMOUT", "5s"), ("WORKBELL_COLOUR", "red")]);
        let lines: Vec<_> = two.lines().collect();
        assert_eq!(lines[0], "these settings cannot be taken; nothing was started:");
        assert!(
            lines[1].starts_with("  WORKBELL_COLOUR: ") && lines[2].starts_with("  WORKBELL_TIMOUT: "),
            "{two}"
        );
        assert_eq!(lines.len(), 3);
    }
}
