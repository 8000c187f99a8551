//! The report as JUnit writes it, for a CI: one test case per probe.
//!
//! There is no standard of it; this keeps to what Jenkins and GitLab read: `testsuites`, `testsuite`, `testcase`,
//! `failure`, `skipped`, `system-out`.

use std::fmt::Write as _;
use std::time::Duration;

use workbell_emulator::Report;
use workbell_emulator::check::{Finding, Outcome};

/// The whole file.
pub(super) fn text(report: &Report) -> String {
    let took: Duration = report.findings.iter().map(|finding| finding.took).sum();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" skipped=\"{}\" errors=\"0\" time=\"{:.3}\"",
        report.findings.len(),
        report.count(Outcome::Failed),
        report.count(Outcome::NotJudged),
        took.as_secs_f64(),
    );
    let name = escaped(&format!("{}, grade {}", report.url, report.grade().name()));
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"{name}\" {counts}>\n"
    );
    for finding in &report.findings {
        case(&mut text, finding);
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn case(text: &mut String, finding: &Finding) {
    let probe = finding.probe;
    let _ = write!(
        text,
        "    <testcase classname=\"workbell.check\" name=\"{}\" time=\"{:.3}\">",
        escaped(probe.name()),
        finding.took.as_secs_f64(),
    );
    let came = escaped(&finding.came);
    let whole = escaped(&format!(
        "sent: {}\ncame: {}\nwhy:  {}\nmend: {}",
        finding.sent,
        finding.came,
        probe.why(),
        finding.mend
    ));
    match finding.outcome {
        Outcome::Passed => {}
        Outcome::Failed => {
            let weight = probe.weight().name();
            let _ = write!(text, "<failure message=\"{came}\" type=\"{weight}\">{whole}</failure>");
        }
        Outcome::NotJudged => {
            let _ = write!(text, "<skipped message=\"{came}\"/>");
        }
        Outcome::Warned => {
            let _ = write!(text, "<system-out>{whole}</system-out>");
        }
    }
    text.push_str("</testcase>\n");
}

/// Text that XML can hold, in an attribute as well.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push('\n'),
            // XML 1.0 has no way to write them.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
        safe
    })
}
