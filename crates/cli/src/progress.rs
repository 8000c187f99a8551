//! A line that shows how far something is: a bar, the count, the rate, the time left. On standard error, and only
//! when a person looks at it.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Columns of the bar itself.
const BAR: usize = 24;

/// How far something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Done with so many.
    pub(crate) done: u64,
    /// Of so many; `None` while they are counted.
    pub(crate) total: Option<u64>,
}

/// The line.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: bool,
    drawn: usize,
    began: Instant,
    /// Where it stood when it was first looked at: the rate is of what was done since.
    first: Option<u64>,
}

impl Progress {
    /// One on standard error, if that is a terminal.
    pub(crate) fn on_stderr() -> Self {
        Progress { shown: std::io::stderr().is_terminal(), drawn: 0, began: Instant::now(), first: None }
    }

    /// Draws it anew.
    pub(crate) fn show(&mut self, state: State) {
        let first = *self.first.get_or_insert(state.done);
        if !self.shown {
            return;
        }
        let line = line(state, state.done.saturating_sub(first), self.began.elapsed());
        let width = line.chars().count();
        let blanks = " ".repeat(self.drawn.saturating_sub(width));
        self.drawn = width;
        // Who closed standard error does not want to see it.
        let _unseen = write!(std::io::stderr(), "\r{line}{blanks}").and_then(|()| std::io::stderr().flush());
    }

    /// Takes it away.
    pub(crate) fn clear(&mut self) {
        if self.drawn > 0 {
            let _unseen = write!(std::io::stderr(), "\r{}\r", " ".repeat(self.drawn));
            self.drawn = 0;
        }
    }
}

fn line(state: State, since: u64, took: Duration) -> String {
    let Some(total) = state.total else { return "counting …".to_owned() };
    let done = state.done.min(total);
    let full = usize::try_from(done.saturating_mul(BAR as u64) / total.max(1)).unwrap_or(BAR).min(BAR);
    let bar: String = (0..BAR).map(|place| if place < full { '█' } else { '░' }).collect();
    let rate = since as f64 / took.as_secs_f64().max(0.001);
    let mut line = format!("{bar} {done} of {total}");
    if since > 0 && done < total {
        let left = Duration::from_secs_f64(((total - done) as f64 / rate).min(1e9).ceil());
        line.push_str(&format!(", {rate:.0}/s, {} left", crate::moment::span(left)));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_bar_count_rate_and_time_left() {
        let at = |done, total| State { done, total };
        let second = Duration::from_secs(1);
        assert_eq!(line(at(0, None), 0, second), "counting …");
        assert_eq!(line(at(0, Some(10)), 0, second), "░░░░░░░░░░░░░░░░░░░░░░░░ 0 of 10");
        assert_eq!(
            line(at(500, Some(1000)), 100, 2 * second),
            "████████████░░░░░░░░░░░░ 500 of 1000, 50/s, 10s left"
        );
        assert_eq!(line(at(10, Some(10)), 10, second), "████████████████████████ 10 of 10");
        assert_eq!(line(at(0, Some(0)), 0, second), "░░░░░░░░░░░░░░░░░░░░░░░░ 0 of 0");
    }
}
