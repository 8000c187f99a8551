//! What the demo says at its end: whether all that was promised happened, and how to go on.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::stage::{Line, Progress};
use super::story::{COMPANY_NAME, Order};
use crate::moment::span;
use crate::screen::{Screen, Style};

/// The numbers of a story that was told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    verified: usize,
    suppressed: usize,
    wrong: usize,
    unfinished: usize,
    orders: usize,
    actions: usize,
    repeated: usize,
    /// From publishing to verified, of those at the first attempt with nobody ahead; ascending.
    latencies: Vec<Duration>,
}

impl Summary {
    /// Counts. What had to wait for a retry, its own or of the one ahead, is left out of the latencies.
    pub(crate) fn of(lines: &[Line], retry_wait: Duration) -> Self {
        let mut summary = Summary::default();
        let (mut orders, mut actions) = (HashSet::new(), HashSet::new());
        for line in lines {
            if line.order() != Order::Company {
                orders.insert(line.order());
            }
            match line.progress() {
                Progress::Verified { took, .. } => {
                    summary.verified += 1;
                    actions.insert(line.action());
                    if line.attempts() > 1 {
                        summary.repeated += 1;
                    } else if *took < retry_wait / 2 {
                        summary.latencies.push(*took);
                    }
                }
                Progress::Suppressed => summary.suppressed += 1,
                Progress::Wrong(_) => summary.wrong += 1,
                Progress::Publishing | Progress::Published | Progress::Failed(_) => summary.unfinished += 1,
            }
        }
        summary.orders = orders.len();
        summary.actions = actions.len();
        summary.latencies.sort();
        summary
    }

    /// Whether nothing went wrong and nothing is missing.
    pub(crate) fn is_good(&self) -> bool {
        self.wrong == 0 && self.unfinished == 0 && self.verified > 0
    }

    /// The middle latency.
    fn median(&self) -> Duration {
        self.latencies.get(self.latencies.len() / 2).copied().unwrap_or_default()
    }

    /// The summary as text.
    pub(crate) fn render(&self, screen: &Screen) -> String {
        let mut text = String::from("\n");
        let mark =
            if self.is_good() { screen.paint(Style::Good, "✓") } else { screen.paint(Style::Bad, "✗") };
        let _ = writeln!(
            text,
            "{mark} {} notifications of {} work orders, {} actions of 28: published, delivered, verified, in order",
            self.verified, self.orders, self.actions
        );
        if self.wrong + self.unfinished > 0 {
            let _ = writeln!(
                text,
                "{}",
                screen.paint(
                    Style::Bad,
                    &format!("  {} went wrong, {} did not arrive", self.wrong, self.unfinished)
                )
            );
        }
        let _ = writeln!(
            text,
            "  publish to verified: median {}, at most {}; {} came again after a 500 while its work order waited;\n  \
             {} not echoed: {COMPANY_NAME} did it itself",
            span(self.median()),
            span(self.latencies.last().copied().unwrap_or_default()),
            self.repeated,
            self.suppressed,
        );
        text
    }
}

/// How to go on, with the service of the demo and with one's own.
pub(crate) fn how_to_go_on(server: &str, data_dir: &Path, screen: &Screen) -> String {
    let command = |text: &str| screen.paint(Style::Accent, text);
    let data_dir = data_dir.display();
    let mut text = String::from("\n");
    let _ = writeln!(text, "  This service stays up until Ctrl-C: {}", command(server));
    let _ = writeln!(
        text,
        "    {}",
        command(&format!("workbell log list --server {server} --data-dir {data_dir}"))
    );
    let _ = writeln!(text, "  Your own, with your receiver:");
    for (words, what) in [
        ("workbell serve --allow-loopback", ""),
        ("workbell company create acme --name Acme", ""),
        ("workbell branch create 492042 --name Washington", ""),
        ("workbell endpoint create http://127.0.0.1:9000/", "prints its secret"),
        ("workbell publish --help", "shows what to publish"),
    ] {
        let _ = match what {
            "" => writeln!(text, "    {}", command(words)),
            what => writeln!(text, "    {}   {}", command(words), screen.paint(Style::Faint, what)),
        };
    }
    text
}
