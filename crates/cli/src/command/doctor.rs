//! `workbell doctor`: whether a service runs well here with these settings, and what to mend.
//!
//! Looks only. Takes the flags of `serve`, and may run beside it. Status 0 when nothing is bad; warnings are shown and
//! leave it 0.

use clap::Args;
use serde_json::{Value, json};
use workbell_server::doctor::{self, Depth, Finding, Grade};

use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::service_settings::ServiceSettings;
use crate::table::{Cell, Table};

const EXAMPLES: &str = "\
Examples:
  workbell doctor                                  with the settings of a bare `workbell serve`
  workbell doctor --config /etc/workbell.toml      with those of your service, running or not
  workbell doctor --thorough                       the store's indexes too; takes longer
  workbell doctor --json                           for monitoring

Run it as the user that the service runs as. It changes nothing. Status 0: nothing is bad; 1: something is.";

/// Check settings, data folder, disk, clock, limits, keys, store, addresses; say what to mend
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Doctor {
    #[command(flatten)]
    service: ServiceSettings,
    /// Compare the store's indexes with its tables too
    #[arg(long)]
    thorough: bool,
    /// Print JSON, for programs
    #[arg(long, help_heading = "Display")]
    pub(crate) json: bool,
}

impl Doctor {
    /// Makes all checks and prints what they found.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let depth = if self.thorough { Depth::Whole } else { Depth::Quick };
        let findings = doctor::examine(self.service.load(), depth).await;
        if self.json {
            let items: Vec<Value> = findings.iter().map(to_json).collect();
            let document = json!({ "Findings": items, "Bad": count(&findings, Grade::Bad),
                "Warnings": count(&findings, Grade::Warning) });
            screen.print(&crate::json::for_screen(&document.to_string(), screen))?;
        } else {
            screen.print(&render(&findings, screen))?;
        }
        if count(&findings, Grade::Bad) == 0 { Ok(()) } else { Err(Failure::Shown) }
    }
}

fn count(findings: &[Finding], grade: Grade) -> usize {
    findings.iter().filter(|finding| finding.grade == grade).count()
}

fn to_json(finding: &Finding) -> Value {
    json!({
        "Check": finding.check.name(),
        "Grade": finding.grade.name(),
        "Seen": finding.seen,
        "Advice": finding.advice,
    })
}

/// A table, then what to do: a cell would cut it.
fn render(findings: &[Finding], screen: &Screen) -> String {
    let mut table = Table::new(&["CHECK", "GRADE", "SEEN"]);
    for finding in findings {
        table.row(vec![
            Cell::new(finding.check.name()),
            Cell::styled(finding.grade.name(), style(finding.grade)),
            Cell::new(&finding.seen),
        ]);
    }
    let mut text = table.render(screen);
    for finding in findings {
        if let Some(advice) = &finding.advice {
            let name = screen.paint(style(finding.grade), finding.check.name());
            text.push_str(&format!("\n{name}: {}\n  to mend it: {advice}\n", finding.seen));
        }
    }
    text
}

const fn style(grade: Grade) -> Style {
    match grade {
        Grade::Good => Style::Good,
        Grade::Warning => Style::Warning,
        Grade::Bad => Style::Bad,
        Grade::NotChecked => Style::Faint,
    }
}
