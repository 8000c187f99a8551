//! What the demo says at its end: whether all that was promised happened, and how to go on.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use super::stage::{Line, Progress};
use super::story::Order;
use crate::moment::span;
use crate::screen::{self, Screen, Style};

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
    /// From publishing to verified, of work orders in which nothing was tried twice; ascending.
    latencies: Vec<Duration>,
}

impl Summary {
    /// Counts. A work order in which something was tried again held up what came after it, so it is left out of the
    /// latencies as a whole.
    pub(crate) fn of(lines: &[Line]) -> Self {
        let held_up: HashSet<Order> =
            lines.iter().filter(|line| line.attempts() > 1).map(Line::order).collect();
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
                    }
                    if !held_up.contains(&line.order()) {
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
        let paragraph = |style: Option<Style>, mark: &str, text: &str| {
            let text = screen::wrap(&format!("{mark} {text}"), screen.width(), 2);
            match (style, text.strip_prefix(mark)) {
                (Some(style), Some(rest)) => format!("{}{rest}\n", screen.paint(style, mark)),
                _ => format!("{text}\n"),
            }
        };
        let mut text = String::from("\n");
        if self.is_good() {
            let what = format!(
                "{} notifications of {} work orders, {} actions of 28: published, delivered, verified, in order",
                self.verified, self.orders, self.actions
            );
            text += &paragraph(Some(Style::Good), "✓", &what);
        } else {
            let what = format!(
                "{} notifications were verified, {} went wrong, {} did not arrive",
                self.verified, self.wrong, self.unfinished
            );
            text += &paragraph(Some(Style::Bad), "✗", &what);
        }
        let held_up = if self.repeated > 0 { " (without the work order that a 500 held up)" } else { "" };
        let times = format!(
            "from publish to verified: median {}, at most {}{held_up}; {} came again after the 500; {} own act not echoed",
            span(self.median()),
            span(self.latencies.last().copied().unwrap_or_default()),
            self.repeated,
            self.suppressed,
        );
        text += &paragraph(None, " ", &times);
        text
    }
}

/// How to go on, with the service of the demo and with one's own. The link signs in to the portal.
pub(crate) fn how_to_go_on(server: &str, link: &str, data_dir: &Path, screen: &Screen) -> String {
    let command = |text: &str| screen.paint(Style::Accent, text);
    let log = format!("workbell log list --server {server} --data-dir {}", data_dir.display());
    format!(
        "\n  This service stays up until Ctrl-C: {}\n  The portal, where all of this can be seen; choose a password:\n    {}\n    {}\n  Your own service: {}\n  Then, each with examples: {}\n",
        command(server),
        command(link),
        command(&log),
        command("workbell serve --allow-loopback"),
        command("workbell company --help; the same for branch, endpoint, publish"),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::receiver::{Arrival, Finding};
    use super::super::stage::Stage;
    use super::super::story::{Turn, scenes};
    use super::*;

    #[test]
    fn what_did_not_arrive_is_counted_and_makes_it_bad() {
        let screen = Screen::pipe();
        let mut stage = Stage::new(&screen, Duration::from_secs(2));
        for (place, scene) in scenes().iter().take(3).enumerate() {
            let id = format!("m{place}");
            stage.enter(Line::new(scene, id.clone(), Instant::now()));
            stage.published(&id, if scene.turn == Turn::Direct { "Suppressed" } else { "Queued" });
        }
        let summary = Summary::of(stage.lines());
        assert!(!summary.is_good());
        let text = summary.render(&screen).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("✗ 0 notifications were verified, 0 went wrong, 2 did not arrive"), "{text}");
        assert!(text.contains("1 own act not echoed"), "{text}");
    }

    #[test]
    fn latencies_leave_out_the_work_order_that_was_held_up_and_no_other_however_slow() {
        let screen = Screen::pipe();
        let mut stage = Stage::new(&screen, Duration::from_secs(2));
        let began = Instant::now();
        let of = |order| scenes().into_iter().find(|scene| scene.order == order).unwrap();
        for (id, order, attempt, millis) in [
            ("slow", Order::Bakery, 1, 1900),
            ("again", Order::Market, 2, 2100),
            ("behind", Order::Market, 1, 3),
        ] {
            stage.enter(Line::new(&of(order), id.to_owned(), began));
            stage.published(id, "Queued");
            let at = began + Duration::from_millis(millis);
            let finding = Finding::Verified { sequence: 1 };
            assert!(stage.arrived(Arrival { message_id: id.to_owned(), attempt, at, finding }));
        }
        let summary = Summary::of(stage.lines());
        assert_eq!(summary.latencies, [Duration::from_millis(1900)]);
        assert_eq!(summary.repeated, 1);
    }
}
