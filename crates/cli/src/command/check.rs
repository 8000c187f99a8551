//! `workbell check`: tries an endpoint out and grades it.

mod junit;
mod show;

use std::path::{Path, PathBuf};

use workbell_emulator::check::{Grade, Options};
use workbell_emulator::{Check as Trial, Identity, Random, Report, Sender, SenderOptions};
use workbell_wire::token::DEFAULT_AUDIENCE;
use workbell_wire::webhook_signature::Secret;

use crate::developer::{self, Trust};
use crate::failure::Failure;
use crate::moment;
use crate::screen::Screen;

const EXAMPLES: &str = "\
Examples:
  workbell check --trust                         what the receiver must trust; nothing is sent
  workbell check http://localhost:3000/hooks
  workbell check https://cmms.example/hooks --verbose
  workbell check http://localhost:3000/hooks --json
  workbell check http://localhost:3000/hooks --junit report.xml

Some 34 probes in a minute at most where answers are quick. Everything is sent with Workbell-Mode: test.
Status 0 for the grade A (nothing failed; warnings do not count), 1 for all others, 2 for wrong usage.";

/// Try a receiver out: send it good and bad notifications, and grade what it does
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Check {
    /// Where the receiver listens
    #[arg(value_name = "URL", required_unless_present = "trust")]
    url: Option<String>,

    /// Print what the receiver must trust (certificate, secret, endpoint id), and send nothing
    #[arg(long, conflicts_with_all = ["url", "junit"])]
    trust: bool,

    /// Say of each probe what was sent, why it matters and how to mend it, also when it passed
    #[arg(long, short)]
    verbose: bool,

    /// Write the report to this file in the form of JUnit, for a CI
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// File with the signing key: an RSA key in PEM, or one that is made when it is not there; instead of the one in the
    /// configuration folder
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Secret of the signature over the body, whsec_…
    #[arg(long, value_name = "SECRET", env = "WORKBELL_SECRET", hide_env_values = true)]
    secret: Option<Secret>,

    /// Endpoint id that the tokens carry, for a receiver that expects another one than is printed
    #[arg(long, value_name = "ENDPOINT_ID")]
    endpoint: Option<String>,

    /// PEM file with an authority that is trusted beside those of this machine
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Check {
    /// Runs all probes and shows the report.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let wrong_url = |error| {
            let url = self.url.as_deref().unwrap_or_default();
            Failure::Usage(format!("{url}: {error}"))
        };
        self.url.as_deref().map_or(Ok(()), Sender::judge_url).map_err(wrong_url)?;
        let path = self.key.clone().map_or_else(developer::path, Ok)?;
        let opened = developer::open(&path)?;
        let identity = self.identity(opened.identity);
        let Some(url) = &self.url else { return self.show_trust(&identity, screen) };
        let sender = SenderOptions { ca_file: self.ca_file.clone(), ..Options::default().sender };
        let trial =
            Trial::new(url, &identity, Options { sender, ..Options::default() }).map_err(wrong_url)?;
        if !self.json {
            Trust::of(&identity, trial.certificates_pem(moment::now())).note(&path, opened.is_new, screen);
        }
        let report = self.judge(trial, screen).await?;
        screen.print(&if self.json {
            crate::json::for_screen(&show::json(&report).to_string(), screen)
        } else {
            show::summary(&report, screen)
        })?;
        if let Some(path) = &self.junit {
            write(path, &junit::text(&report))?;
        }
        match report.grade() {
            Grade::A => Ok(()),
            Grade::B | Grade::C | Grade::D | Grade::E | Grade::F => Err(Failure::Shown),
        }
    }

    /// With what was given instead of what is kept.
    fn identity(&self, mut identity: Identity) -> Identity {
        if let Some(secret) = &self.secret {
            identity.secret = secret.clone();
        }
        if let Some(endpoint) = &self.endpoint {
            identity.endpoint_id.clone_from(endpoint);
        }
        identity
    }

    fn show_trust(&self, identity: &Identity, screen: &Screen) -> Result<(), Failure> {
        let ring = identity.ring(DEFAULT_AUDIENCE).map_err(|error| Failure::Failed(error.to_string()))?;
        let trust = Trust::of(identity, ring.certificates_pem(moment::now()));
        let text =
            if self.json { crate::json::for_screen(&trust.json().to_string(), screen) } else { trust.text() };
        Ok(screen.print(&text)?)
    }

    /// Runs the probes, and shows each when it is over.
    async fn judge(&self, trial: Trial, screen: &Screen) -> Result<Report, Failure> {
        let mut lines = show::Lines::new(screen, self.verbose);
        let mut printed = Ok(());
        let report = trial.run(Random::new(uuid::Uuid::new_v4().as_u64_pair().0), moment::now, |finding| {
            if !self.json && printed.is_ok() {
                printed = screen.print(&lines.of(finding));
            }
        });
        let report = report.await.map_err(|error| Failure::Failed(error.to_string()))?;
        printed?;
        Ok(report)
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .map_err(|error| Failure::Failed(format!("{} cannot be written: {error}", path.display())))
}

#[cfg(test)]
mod tests;
