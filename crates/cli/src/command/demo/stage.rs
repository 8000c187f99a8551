//! What the audience of the demo sees: a line for each notification, which grows from published over delivered to
//! verified.
//!
//! In a terminal the lines that still change stand in a region at the bottom that is drawn anew; a line is left
//! alone once it and all above it are done. In a pipe each line is written once, when it is done.

use std::io;
use std::time::{Duration, Instant};

use super::receiver::{Arrival, Finding};
use super::story::{Order, Scene};
use crate::moment::span;
use crate::screen::{Screen, Style, columns, fit};

/// Most columns that the words of a scene take.
pub(crate) const LONGEST_WORDS: usize = 38;

/// Narrowest screen with a column for each step.
const WIDE: usize = 118;

/// Columns of an action's name: the longest, `AdditionalFieldDescriptorUpdated`, and on narrow screens.
const ACTION: usize = 32;
const ACTION_NARROW: usize = 20;

/// How long a published notification may take before its line says for what it waits.
///
/// 100 ms; nearly all are delivered sooner, and nobody likes flicker.
const PATIENCE: Duration = Duration::from_millis(100);

/// Where a notification stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// On its way to the service.
    Publishing,
    /// The service has it on disk.
    Published,
    /// An attempt was answered 500; when the next is expected.
    Failed(Instant),
    /// It arrived and all checks hold.
    Verified {
        /// Its place among those of its work order.
        sequence: u64,
        /// From publishing to verified.
        took: Duration,
    },
    /// Nobody is to be notified.
    Suppressed,
    /// Something went wrong.
    Wrong(String),
}

/// A notification on the stage.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    clock: String,
    order: Order,
    action: &'static str,
    words: &'static str,
    message_id: String,
    began: Instant,
    is_durable: bool,
    attempts: u32,
    progress: Progress,
    is_written: bool,
}

impl Line {
    /// The line of a scene that is about to be published.
    pub(crate) fn new(scene: &Scene, message_id: String, began: Instant) -> Self {
        Line {
            clock: scene.clock(),
            order: scene.order,
            action: scene.action.name(),
            words: scene.words,
            message_id,
            began,
            is_durable: false,
            attempts: 0,
            progress: Progress::Publishing,
            is_written: false,
        }
    }

    /// Where it stands.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Attempts that the receiver saw.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Which work order.
    pub(crate) fn order(&self) -> Order {
        self.order
    }

    /// Which action.
    pub(crate) fn action(&self) -> &'static str {
        self.action
    }

    /// Whether it will not change any more.
    fn is_done(&self) -> bool {
        match self.progress {
            Progress::Verified { .. } | Progress::Suppressed => self.is_durable,
            Progress::Wrong(_) => true,
            Progress::Publishing | Progress::Published | Progress::Failed(_) => false,
        }
    }
}

/// The stage.
pub(crate) struct Stage {
    screen: Screen,
    lines: Vec<Line>,
    /// Lines from here on are drawn anew.
    first_open: usize,
    /// The region as it was drawn last.
    drawn: Vec<String>,
    retry_wait: Duration,
}

impl Stage {
    /// An empty stage; `retry_wait` is how long the service waits after a failed attempt.
    pub(crate) fn new(screen: &Screen, retry_wait: Duration) -> Self {
        Stage { screen: screen.clone(), lines: Vec::new(), first_open: 0, drawn: Vec::new(), retry_wait }
    }

    /// All lines.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether all lines are done.
    pub(crate) fn is_quiet(&self) -> bool {
        self.lines.iter().all(Line::is_done)
    }

    /// The headings of the columns.
    pub(crate) fn headings(&self) -> String {
        let heading = if self.is_wide() {
            format!(
                "  {}  {}  {}  {}  {}  {}  {}",
                fit("time", 5),
                fit("order", 5),
                fit("action", ACTION),
                fit("what happened", self.words_width()),
                fit("published", 9),
                fit("delivered", 9),
                "verified"
            )
        } else {
            format!(
                " {} {}  {} {} {}",
                fit("time", 5),
                fit("ordr", 4),
                fit("action", ACTION_NARROW),
                fit("what happened", self.words_width()),
                "verified after"
            )
        };
        format!("{}\n", self.screen.paint(Style::Strong, heading.trim_end()))
    }

    /// A notification comes on stage.
    pub(crate) fn enter(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// The service answered that it has it on disk, with this fate.
    pub(crate) fn published(&mut self, message_id: &str, fate: &str) {
        if let Some(line) = self.line(message_id) {
            line.is_durable = true;
            match (&line.progress, fate) {
                (Progress::Publishing, "Queued") => line.progress = Progress::Published,
                (Progress::Publishing, "Suppressed") => line.progress = Progress::Suppressed,
                (Progress::Publishing, other) => {
                    line.progress = Progress::Wrong(format!("its fate is {other}"));
                }
                // It was faster than the answer.
                _ => {}
            }
        }
    }

    /// The service refused it, or did not answer.
    pub(crate) fn refused(&mut self, message_id: &str, reason: String) {
        if let Some(line) = self.line(message_id) {
            line.progress = Progress::Wrong(reason);
        }
    }

    /// The receiver got something; `false` when it is none of ours.
    pub(crate) fn arrived(&mut self, arrival: Arrival) -> bool {
        let next = arrival.at + self.retry_wait;
        let Some(line) = self.line(&arrival.message_id) else { return false };
        line.attempts = line.attempts.max(arrival.attempt);
        line.progress = match arrival.finding {
            _ if matches!(line.progress, Progress::Suppressed) => {
                Progress::Wrong("it was notified although its own client did it".to_owned())
            }
            Finding::Verified { sequence } => {
                Progress::Verified { sequence, took: arrival.at.saturating_duration_since(line.began) }
            }
            Finding::Hiccup => Progress::Failed(next),
            Finding::Sample => return false,
            Finding::Refused(reason) => Progress::Wrong(reason),
        };
        true
    }

    fn line(&mut self, message_id: &str) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.message_id == message_id)
    }

    /// Brings the screen up to date.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn draw(&mut self, now: Instant) -> io::Result<()> {
        if self.screen.is_terminal() { self.draw_region(now) } else { self.write_done(now) }
    }

    fn write_done(&mut self, now: Instant) -> io::Result<()> {
        let mut text = String::new();
        for place in 0..self.lines.len() {
            if self.lines[place].is_done() && !self.lines[place].is_written {
                text.push_str(&self.render(place, now));
                text.push('\n');
                self.lines[place].is_written = true;
            }
        }
        if text.is_empty() { Ok(()) } else { self.screen.print(&text) }
    }

    fn draw_region(&mut self, now: Instant) -> io::Result<()> {
        let region: Vec<String> =
            (self.first_open..self.lines.len()).map(|place| self.render(place, now)).collect();
        let mut text = String::new();
        if region != self.drawn {
            // Lines that did not change at the top are left alone: less flicker, less text.
            let same = region.iter().zip(&self.drawn).take_while(|(new, old)| new == old).count();
            let up: usize = self.drawn[same..].iter().map(|line| line.matches('\n').count() + 1).sum();
            if up > 0 {
                text.push_str(&format!("\x1b[{up}A\r\x1b[J"));
            }
            for line in &region[same..] {
                text.push_str(line);
                text.push('\n');
            }
        }
        // What cannot be reached with the cursor any more is left as it is.
        let reachable = self.screen.height().map_or(usize::MAX, |height| height.saturating_sub(2));
        let settled = (self.first_open..self.lines.len())
            .take_while(|place| self.lines[*place].is_done() || self.lines.len() - place > reachable)
            .count();
        self.first_open += settled;
        self.drawn = region[settled..].to_vec();
        if text.is_empty() { Ok(()) } else { self.screen.print(&text) }
    }

    fn is_wide(&self) -> bool {
        self.screen.width() >= WIDE
    }

    fn words_width(&self) -> usize {
        let width = self.screen.width();
        if self.is_wide() { (width - 82).min(LONGEST_WORDS) } else { width.saturating_sub(49) }
    }

    fn render(&self, place: usize, now: Instant) -> String {
        let line = &self.lines[place];
        let order = if line.order == Order::Company { "all".to_owned() } else { line.order.id().to_string() };
        let tint = Order::ALL.iter().position(|order| *order == line.order).unwrap_or(0);
        let tint = Style::Tint(u8::try_from(tint).unwrap_or(0));
        let paint = |style, text: &str| self.screen.paint(style, text);
        let faint = line.progress == Progress::Suppressed;
        let words = fit(line.words, self.words_width());
        let words = if faint { paint(Style::Faint, &words) } else { words };
        let clock = paint(Style::Faint, &fit(&line.clock, 5));
        let text = if self.is_wide() {
            let [published, delivered, verified] = self.steps(place, now);
            format!(
                "  {clock}  {}  {}  {words}  {}  {}  {}",
                paint(tint, &fit(&order, 5)),
                paint(if faint { Style::Faint } else { Style::Strong }, &fit(line.action, ACTION)),
                published.fitted(9, &self.screen),
                delivered.fitted(9, &self.screen),
                verified.fitted(0, &self.screen),
            )
        } else {
            format!(
                " {clock} {}  {} {words} {}",
                paint(tint, &fit(&order, 4)),
                paint(if faint { Style::Faint } else { Style::Strong }, &fit(line.action, ACTION_NARROW)),
                self.in_short(place, now).fitted(0, &self.screen),
            )
        };
        match &line.progress {
            Progress::Wrong(reason) => {
                let reason = crate::screen::cut(&format!("    {reason}"), self.screen.width());
                format!("{}\n{}", text.trim_end(), paint(Style::Bad, &crate::screen::harmless(&reason)))
            }
            _ => text.trim_end().to_owned(),
        }
    }

    /// The three steps: published, delivered, verified.
    fn steps(&self, place: usize, now: Instant) -> [Step; 3] {
        let line = &self.lines[place];
        let published = if line.is_durable { Step::good("✓") } else { Step::faint("…") };
        match &line.progress {
            Progress::Publishing => [published, Step::faint(""), Step::faint("")],
            Progress::Published => [published, self.waiting(place, now), Step::faint("")],
            Progress::Failed(next) => [published, failed(*next, now), Step::faint("")],
            Progress::Verified { sequence, took } => {
                let took = if line.attempts > 1 {
                    format!("{} ×{}", span(*took), line.attempts)
                } else {
                    span(*took)
                };
                [published, Step::good(took), Step::good(format!("✓ #{sequence}"))]
            }
            Progress::Suppressed => [published, Step::faint("no echo"), Step::faint("")],
            Progress::Wrong(_) => {
                [published, Step::faint(""), Step { text: "✗".to_owned(), style: Style::Bad }]
            }
        }
    }

    /// All steps in one.
    fn in_short(&self, place: usize, now: Instant) -> Step {
        let line = &self.lines[place];
        match &line.progress {
            Progress::Publishing => Step::faint("publishing"),
            Progress::Published => {
                let waiting = self.waiting(place, now);
                if waiting.text == "…" { Step::faint("published") } else { waiting }
            }
            Progress::Failed(next) => failed(*next, now),
            Progress::Verified { sequence, took } => Step::good(format!("✓ {} #{sequence}", span(*took))),
            Progress::Suppressed => Step::faint("no echo"),
            Progress::Wrong(_) => Step { text: "✗".to_owned(), style: Style::Bad },
        }
    }

    /// For what a published notification waits: for the one ahead of the same work order, if that failed.
    fn waiting(&self, place: usize, now: Instant) -> Step {
        let line = &self.lines[place];
        let ahead = self.lines[..place].iter().any(|other| {
            other.order == line.order
                && !matches!(other.progress, Progress::Verified { .. } | Progress::Suppressed)
        });
        if ahead && now.saturating_duration_since(line.began) > PATIENCE {
            Step { text: "in line".to_owned(), style: Style::Warning }
        } else {
            Step::faint("…")
        }
    }
}

fn failed(next: Instant, now: Instant) -> Step {
    let wait = next.saturating_duration_since(now).as_secs_f64();
    Step { text: format!("500, {wait:.1}s"), style: Style::Warning }
}

/// A piece of a line that says how far a notification is.
struct Step {
    text: String,
    style: Style,
}

impl Step {
    fn good(text: impl Into<String>) -> Self {
        Step { text: text.into(), style: Style::Good }
    }

    fn faint(text: &str) -> Self {
        Step { text: text.to_owned(), style: Style::Faint }
    }

    fn fitted(&self, width: usize, screen: &Screen) -> String {
        let missing = width.saturating_sub(columns(&self.text));
        format!("{}{}", screen.paint(self.style, &self.text), " ".repeat(missing))
    }
}

#[cfg(test)]
mod tests;
