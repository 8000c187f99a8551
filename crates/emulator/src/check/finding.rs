//! What came of a probe, and all of it together.

use std::time::Duration;

use super::grade::Grade;
use super::probe::Probe;

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// As it should be.
    Passed,
    /// It works, at a cost. Does not lower the grade.
    Warned,
    /// It must be mended.
    Failed,
    /// Nothing could be seen, or an earlier failure leaves nothing to see.
    NotJudged,
}

impl Outcome {
    /// Its name for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Passed => "Passed",
            Outcome::Warned => "Warned",
            Outcome::Failed => "Failed",
            Outcome::NotJudged => "NotJudged",
        }
    }
}

/// What came of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub probe: Probe,
    /// How it ended.
    pub outcome: Outcome,
    /// What was sent.
    pub sent: String,
    /// What came back.
    pub came: String,
    /// How to mend it; empty when there is nothing to mend.
    pub mend: String,
    /// How long the probe took.
    pub took: Duration,
}

/// All findings, in the order of [`Probe::ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The endpoint.
    pub url: String,
    /// One per probe.
    pub findings: Vec<Finding>,
}

impl Report {
    /// The grade.
    pub fn grade(&self) -> Grade {
        Grade::of(&self.findings)
    }

    /// How many ended like this.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.findings.iter().filter(|finding| finding.outcome == outcome).count()
    }

    /// What came of this probe.
    pub fn finding(&self, probe: Probe) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.probe == probe)
    }
}
