//! Tries an endpoint out: some thirty probes, what came of each, and a grade.
//!
//! Each probe sends test notifications, good or bad ones, and judges what comes back. The first one is an ordinary
//! notification; when that one is not accepted nothing else can be judged, for a receiver that refuses everything
//! refuses the bad ones too. Source: service.md section 8.

mod conduct;
mod connection;
mod contract;
mod finding;
mod grade;
mod page;
mod probe;
mod trial;
mod verification;

use std::time::Duration;

use workbell_wire::Timestamp;

use crate::sender::{self, Error, Sender};
use crate::{Identity, Random};

pub use finding::{Finding, Outcome, Report};
pub use grade::Grade;
pub use page::page;
pub use probe::{Group, Probe, Weight};
use trial::Trial;

/// How an endpoint is tried out.
#[derive(Clone, Debug)]
pub struct Options {
    /// How requests are sent.
    pub sender: sender::Options,
    /// Answers that take longer fail the probe `quick`.
    pub quick: Duration,
    /// A probe that sends many notifications one after the other stops after this time.
    pub patience: Duration,
    /// Branch of the notifications.
    pub branch_id: i64,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            sender: sender::Options { connections: 16, ..sender::Options::default() },
            quick: Duration::from_secs(5),
            patience: Duration::from_secs(60),
            branch_id: 492_042,
        }
    }
}

/// Tries one endpoint out.
#[derive(Debug)]
pub struct Check {
    url: String,
    sender: Sender,
    options: Options,
}

impl Check {
    /// Makes ready to try out this URL; loopback and private addresses are dialled too.
    ///
    /// # Errors
    /// When the URL is none of an endpoint, or the identity cannot be used.
    pub fn new(url: &str, identity: &Identity, options: Options) -> Result<Check, Error> {
        let sender = Sender::new(url, identity, options.sender.clone())?;
        Ok(Check { url: url.to_owned(), sender, options })
    }

    /// The published certificate: what the receiver must trust.
    pub fn certificates_pem(&self, now: Timestamp) -> String {
        self.sender.certificates_pem(now)
    }

    /// Runs all probes, tells of each when it is over, and gives the report.
    ///
    /// # Errors
    /// When a request cannot be made; what becomes of those that are made stands in the report.
    pub async fn run(
        self,
        random: Random,
        clock: fn() -> Timestamp,
        mut told: impl FnMut(&Finding),
    ) -> Result<Report, Error> {
        let mut trial = Trial::new(self.sender, self.options, random, clock);
        let mut findings = Vec::with_capacity(Probe::ALL.len());
        for probe in Probe::ALL {
            let finding = trial.judge(probe).await?;
            told(&finding);
            findings.push(finding);
        }
        Ok(Report { url: self.url, findings })
    }
}
