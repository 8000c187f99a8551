//! The report for people and for programs.

use serde_json::{Value, json};
use workbell_emulator::Report;
use workbell_emulator::check::{Finding, Grade, Group, Outcome};

use crate::screen::{Screen, Style, fit, harmless, wrap};

/// Columns of the names of probes.
const NAMES: usize = 18;

/// Columns before what came back: two blanks, the mark, the name, and the blanks between them.
const INDENT: usize = 2 + 1 + 1 + NAMES + 1;

/// Shows findings one after the other, under the headings of their groups.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    screen: &'a Screen,
    verbose: bool,
    heading: Option<Group>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(screen: &'a Screen, verbose: bool) -> Self {
        Lines { screen, verbose, heading: None }
    }

    /// A finding; in a pipe one line with all of it, separated by tabs.
    pub(super) fn of(&mut self, finding: &Finding) -> String {
        let probe = finding.probe;
        let came = harmless(&finding.came);
        if !self.screen.is_terminal() {
            let name = self.screen.paint(style(finding.outcome), finding.outcome.name());
            return [&name, probe.name(), &finding.sent, &came, probe.why(), &finding.mend].join("\t") + "\n";
        }
        let mut text = String::new();
        if self.heading != Some(probe.group()) {
            self.heading = Some(probe.group());
            let above = if probe == workbell_emulator::check::Probe::ALL[0] { "" } else { "\n" };
            text.push_str(above);
            text.push_str(&self.screen.paint(Style::Strong, probe.group().name()));
            text.push('\n');
        }
        let mark = self.screen.paint(style(finding.outcome), mark(finding.outcome));
        let name = fit(probe.name(), NAMES);
        let came = wrap(&came, self.screen.width().saturating_sub(INDENT), 0).replace('\n', &below());
        text.push_str(&format!("  {mark} {name} {came}\n"));
        let more = match finding.outcome {
            Outcome::Warned | Outcome::Failed => true,
            Outcome::Passed | Outcome::NotJudged => self.verbose,
        };
        if more {
            text.push_str(&self.detail("sent", &finding.sent));
            text.push_str(&self.detail("why", probe.why()));
            text.push_str(&self.detail("mend", &finding.mend));
        }
        text
    }

    fn detail(&self, name: &str, what: &str) -> String {
        if what.is_empty() {
            return String::new();
        }
        let width = self.screen.width().saturating_sub(INDENT + 6);
        let what = wrap(what, width, 0).replace('\n', &format!("{}      ", below()));
        format!("{}{} {what}\n", " ".repeat(INDENT), self.screen.paint(Style::Faint, &fit(name, 5)))
    }
}

/// A line break and the blanks up to the column of what came back.
fn below() -> String {
    format!("\n{}", " ".repeat(INDENT))
}

fn mark(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "✓",
        Outcome::Warned => "!",
        Outcome::Failed => "✗",
        Outcome::NotJudged => "–",
    }
}

fn style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Passed => Style::Good,
        Outcome::Warned => Style::Warning,
        Outcome::Failed => Style::Bad,
        Outcome::NotJudged => Style::Faint,
    }
}

/// The grade, and how many ended how.
pub(super) fn summary(report: &Report, screen: &Screen) -> String {
    let grade = report.grade();
    if !screen.is_terminal() {
        return format!("{}\t{}\n", screen.paint(grade_style(grade), grade.name()), grade.meaning());
    }
    let count = |outcome| report.count(outcome);
    let letter = screen.paint(grade_style(grade), &format!("Grade {}", grade.name()));
    format!(
        "\n{letter}: {}.\n{} passed, {} warned of, {} failed, {} not judged.\n",
        grade.meaning(),
        count(Outcome::Passed),
        count(Outcome::Warned),
        count(Outcome::Failed),
        count(Outcome::NotJudged),
    )
}

fn grade_style(grade: Grade) -> Style {
    match grade {
        Grade::A => Style::Good,
        Grade::B | Grade::C => Style::Warning,
        Grade::D | Grade::E | Grade::F => Style::Bad,
    }
}

/// The report for programs.
pub(super) fn json(report: &Report) -> Value {
    let probes: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "Probe": finding.probe.name(),
                "Group": finding.probe.group().name(),
                "Outcome": finding.outcome.name(),
                "Weight": finding.probe.weight().name(),
                "Sent": finding.sent,
                "Came": finding.came,
                "Why": finding.probe.why(),
                "Mend": (!finding.mend.is_empty()).then_some(&finding.mend),
                "Duration": u64::try_from(finding.took.as_millis()).unwrap_or(u64::MAX),
            })
        })
        .collect();
    json!({
        "Url": report.url,
        "Grade": report.grade().name(),
        "Passed": report.count(Outcome::Passed),
        "Warned": report.count(Outcome::Warned),
        "Failed": report.count(Outcome::Failed),
        "NotJudged": report.count(Outcome::NotJudged),
        "Probes": probes,
    })
}
