//! One letter for a whole report.

use super::finding::{Finding, Outcome};
use super::probe::Weight;

/// How good a receiver is, A to F.
///
/// Warnings do not lower it: they tell of what costs time or is a matter of taste, and a receiver that does all that
/// the contract asks for has an A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Nothing failed.
    A,
    /// At most two small things failed.
    B,
    /// One serious thing failed, or more than two small ones.
    C,
    /// Two serious things failed.
    D,
    /// Three or more serious things failed.
    E,
    /// No notification arrives, or anybody can send some.
    F,
}

impl Grade {
    /// All of them, the best first.
    pub const ALL: [Grade; 6] = [Grade::A, Grade::B, Grade::C, Grade::D, Grade::E, Grade::F];

    /// The grade of these findings.
    pub fn of(findings: &[Finding]) -> Grade {
        let failed = |weight| {
            let failed = findings.iter().filter(|finding| finding.outcome == Outcome::Failed);
            failed.filter(|finding| finding.probe.weight() == weight).count()
        };
        match (failed(Weight::Critical), failed(Weight::Serious), failed(Weight::Minor)) {
            (0, 0, 0) => Grade::A,
            (0, 0, 1 | 2) => Grade::B,
            (0, 0 | 1, _) => Grade::C,
            (0, 2, _) => Grade::D,
            (0, _, _) => Grade::E,
            _ => Grade::F,
        }
    }

    /// The letter.
    pub const fn name(self) -> &'static str {
        match self {
            Grade::A => "A",
            Grade::B => "B",
            Grade::C => "C",
            Grade::D => "D",
            Grade::E => "E",
            Grade::F => "F",
        }
    }

    /// When it is given.
    pub const fn rule(self) -> &'static str {
        match self {
            Grade::A => "nothing failed",
            Grade::B => "one or two minor probes failed",
            Grade::C => "one serious probe failed, or three or more minor ones",
            Grade::D => "two serious probes failed",
            Grade::E => "three or more serious probes failed",
            Grade::F => "a critical probe failed: no notification arrives, or anybody can send some",
        }
    }

    /// What it says.
    pub const fn meaning(self) -> &'static str {
        match self {
            Grade::A => "nothing failed",
            Grade::B => "small things to mend",
            Grade::C => "one serious thing, or several small ones, to mend",
            Grade::D => "two serious things to mend",
            Grade::E => "several serious things to mend",
            Grade::F => "no notification arrives, or anybody can send some",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe::Probe;
    use super::*;

    fn grade(failed: &[Probe]) -> Grade {
        let finding = |probe: &Probe, outcome| Finding {
            probe: *probe,
            outcome,
            sent: String::new(),
            came: String::new(),
            mend: String::new(),
            took: std::time::Duration::ZERO,
        };
        let warned = finding(&Probe::Continue, Outcome::Warned);
        let failed = failed.iter().map(|probe| finding(probe, Outcome::Failed));
        Grade::of(&failed.chain([warned]).collect::<Vec<_>>())
    }

    #[test]
    fn the_heaviest_failure_decides_and_warnings_do_not_count() {
        use Probe::{Burst, Certificate, FutureToken, KeepAlive, NoToken, Quick, Reordered};
        assert_eq!(grade(&[]), Grade::A);
        assert_eq!(grade(&[KeepAlive]), Grade::B);
        assert_eq!(grade(&[KeepAlive, Certificate]), Grade::B);
        assert_eq!(grade(&[KeepAlive, Certificate, FutureToken]), Grade::C);
        assert_eq!(grade(&[Quick]), Grade::C);
        assert_eq!(grade(&[Quick, Burst, KeepAlive]), Grade::D);
        assert_eq!(grade(&[Quick, Burst, Reordered]), Grade::E);
        assert_eq!(grade(&[NoToken]), Grade::F);
    }
}
