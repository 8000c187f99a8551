//! Charts as inline SVG, drawn from the data of the `traffic` route. Colours come from the style sheet.

use serde::Deserialize;

use super::moment::Moment;
use super::number::{Count, Micros};

/// Width and height of the drawing, in its own units: it is stretched to its place, so numbers stand beside it.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 150.0;

/// A step as the interface answers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Step {
    pub(super) start: Moment,
    pub(super) delivered: u64,
    pub(super) failed: u64,
    #[serde(rename = "LatencyP50")]
    pub(super) latency_p50: Option<u64>,
    #[serde(rename = "LatencyP99")]
    pub(super) latency_p99: Option<u64>,
    pub(super) waiting: u64,
}

/// A series as the interface answers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Series {
    pub(super) step: String,
    pub(super) items: Vec<Step>,
}

/// A bar of a chart.
pub(super) struct Bar {
    pub(super) x: String,
    pub(super) y: String,
    pub(super) width: String,
    pub(super) height: String,
    pub(super) class: &'static str,
    /// What it says when it is pointed at.
    pub(super) title: String,
}

/// A line of a chart.
pub(super) struct Line {
    pub(super) path: String,
    pub(super) class: &'static str,
}

/// What a colour or a line stands for.
pub(super) struct Key {
    pub(super) class: &'static str,
    pub(super) text: String,
}

/// A chart, ready to be written.
pub(super) struct Chart {
    pub(super) name: &'static str,
    pub(super) bars: Vec<Bar>,
    pub(super) lines: Vec<Line>,
    /// Height of each line across.
    pub(super) grid: Vec<String>,
    /// What the lines across stand for, the highest first.
    pub(super) levels: Vec<String>,
    pub(super) keys: Vec<Key>,
    /// What it shows, in a sentence.
    pub(super) sentence: String,
}

/// Lines across, and what they stand for.
struct Grid {
    lines: Vec<String>,
    levels: Vec<String>,
}

fn units(number: f64) -> String {
    format!("{number:.1}")
}

/// A round number that is not smaller; its half is round too.
fn round_up(most: f64) -> f64 {
    let magnitude = 10_f64.powf(most.max(1.0).log10().floor());
    [1.0, 2.0, 4.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * magnitude)
        .find(|it| *it >= most)
        .unwrap_or(most)
}

fn grid(most: f64, label: impl Fn(f64) -> String) -> Grid {
    let shares = [1.0, 0.5, 0.0];
    Grid {
        lines: shares.map(|share| units(y(most * share, most))).to_vec(),
        levels: shares.map(|share| label(most * share)).to_vec(),
    }
}

fn y(value: f64, most: f64) -> f64 {
    HEIGHT - value / most * HEIGHT
}

fn as_units(number: u64) -> f64 {
    // A chart has some hundred pixels: no digit that matters is lost.
    number as f64
}

/// Width of a step.
fn slot(series: &Series) -> f64 {
    WIDTH / as_units(series.items.len().max(1) as u64)
}

/// A bar that is not seen and says what it is over.
fn mark(place: usize, slot: f64, title: String) -> Bar {
    Bar {
        x: units(slot * as_units(place as u64)),
        y: units(0.0),
        width: units(slot),
        height: units(HEIGHT),
        class: "mark",
        title,
    }
}

/// Attempts per step: delivered ones, and failed ones on top of them.
pub(super) fn attempts(series: &Series) -> Chart {
    let sum = |pick: fn(&Step) -> u64| series.items.iter().map(pick).sum::<u64>();
    let (delivered, failed) = (sum(|step| step.delivered), sum(|step| step.failed));
    let largest = series.items.iter().map(|step| step.delivered + step.failed).max().unwrap_or(0);
    let most = round_up(as_units(largest).max(4.0));
    let slot = slot(series);
    let mut bars = Vec::new();
    for (place, step) in series.items.iter().enumerate() {
        let title = format!("{}: {} delivered, {} failed", step.start.shown(), step.delivered, step.failed);
        let below = y(as_units(step.delivered), most);
        let floor = y(0.0, most);
        for (number, top, bottom, class) in [
            (step.delivered, below, floor, "bar-good"),
            (step.failed, y(as_units(step.delivered + step.failed), most), below, "bar-bad"),
        ] {
            if number > 0 {
                bars.push(Bar {
                    x: units(slot * as_units(place as u64)),
                    y: units(top),
                    width: units((slot - 1.0).max(1.0)),
                    height: units((bottom - top).max(1.0)),
                    class,
                    title: title.clone(),
                });
            }
        }
    }
    let grid = grid(most, |number| Count(number.round() as u64).to_string());
    Chart {
        name: "Attempts",
        bars,
        lines: Vec::new(),
        grid: grid.lines,
        levels: grid.levels,
        keys: vec![
            Key { class: "of-good", text: format!("{} delivered", Count(delivered)) },
            Key { class: "of-bad", text: format!("{} failed", Count(failed)) },
        ],
        sentence: format!(
            "Attempts in steps of {}: {} delivered and {} failed in all",
            series.step,
            Count(delivered),
            Count(failed)
        ),
    }
}

/// Latency per step: the median and the slowest of a hundred.
pub(super) fn latency(series: &Series) -> Chart {
    let slowest = series.items.iter().filter_map(|step| step.latency_p99).max();
    let most = round_up(as_units(slowest.unwrap_or(0)).max(1000.0));
    let slot = slot(series);
    let line = |pick: fn(&Step) -> Option<u64>, class| {
        let heights = series.items.iter().map(|step| pick(step).map(|it| y(as_units(it), most)));
        Line { path: stairs(heights, slot), class }
    };
    let marks = series.items.iter().enumerate().filter(|(_, step)| step.latency_p50.is_some());
    let said = |step: &Step| {
        let (median, slow) = (Micros(step.latency_p50), Micros(step.latency_p99));
        format!("{}: median {median}, {slow} for the slowest of a hundred", step.start.shown())
    };
    let grid = grid(most, |micros| match micros.round() as u64 {
        0 => "0".to_owned(),
        micros => Micros(Some(micros)).to_string(),
    });
    Chart {
        name: "Latency",
        bars: marks.map(|(place, step)| mark(place, slot, said(step))).collect(),
        lines: vec![line(|step| step.latency_p99, "line-soft"), line(|step| step.latency_p50, "line-ink")],
        grid: grid.lines,
        levels: grid.levels,
        keys: vec![
            Key { class: "of-ink", text: "median".to_owned() },
            Key { class: "of-soft", text: "slowest of a hundred".to_owned() },
        ],
        sentence: match slowest {
            Some(slowest) => {
                format!(
                    "Latency in steps of {}: the slowest of a hundred took {}",
                    series.step,
                    Micros(Some(slowest))
                )
            }
            None => "Nothing was delivered in this time".to_owned(),
        },
    }
}

/// What waited per step.
pub(super) fn backlog(series: &Series) -> Chart {
    let largest = series.items.iter().map(|step| step.waiting).max().unwrap_or(0);
    let last = series.items.last().map_or(0, |step| step.waiting);
    let most = round_up(as_units(largest).max(4.0));
    let slot = slot(series);
    let heights = series.items.iter().map(|step| Some(y(as_units(step.waiting), most)));
    let line = stairs(heights, slot);
    let area = if line.is_empty() { String::new() } else { format!("{line}V{HEIGHT}H0Z") };
    let said = |step: &Step| format!("{}: {} waiting", step.start.shown(), Count(step.waiting));
    let marks = series.items.iter().enumerate();
    let grid = grid(most, |number| Count(number.round() as u64).to_string());
    Chart {
        name: "Backlog",
        bars: marks.map(|(place, step)| mark(place, slot, said(step))).collect(),
        lines: vec![Line { path: area, class: "area" }, Line { path: line, class: "line-ink" }],
        grid: grid.lines,
        levels: grid.levels,
        keys: vec![Key {
            class: "of-ink",
            text: format!("{} waiting at most, replays aside", Count(largest)),
        }],
        sentence: format!(
            "Backlog in steps of {}: {} waiting at most, {} at the end",
            series.step,
            Count(largest),
            Count(last)
        ),
    }
}

/// A line that is level within each step, so that one step alone is seen too, and breaks where there is nothing.
fn stairs(heights: impl Iterator<Item = Option<f64>>, slot: f64) -> String {
    let mut path = String::new();
    let mut is_down = false;
    for (place, height) in heights.enumerate() {
        match height {
            None => is_down = false,
            Some(height) => {
                let x = slot * as_units(place as u64);
                let begin = if is_down { "L" } else { "M" };
                path.push_str(&format!("{begin}{} {}H{}", units(x), units(height), units(x + slot)));
                is_down = true;
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(items: &[(u64, u64, Option<u64>)]) -> Series {
        let step = |(delivered, failed, latency): &(u64, u64, Option<u64>)| Step {
            start: Moment::default(),
            delivered: *delivered,
            failed: *failed,
            latency_p50: *latency,
            latency_p99: *latency,
            waiting: *delivered,
        };
        Series { step: "1m".to_owned(), items: items.iter().map(step).collect() }
    }

    #[test]
    fn bars_stand_on_each_other_and_the_largest_fits() {
        let chart = attempts(&series(&[(8, 2, None), (0, 0, None), (0, 1, None)]));
        let classes: Vec<_> = chart.bars.iter().map(|bar| bar.class).collect();
        assert_eq!(classes, ["bar-good", "bar-bad", "bar-bad"]);
        assert_eq!(chart.bars[1].y, "0.0", "ten of ten reach the top");
        assert_eq!(chart.levels, ["10", "5", "0"]);
        assert_eq!(chart.sentence, "Attempts in steps of 1m: 8 delivered and 3 failed in all");
        assert!(attempts(&series(&[(0, 0, None)])).bars.is_empty());
    }

    #[test]
    fn a_line_breaks_where_nothing_was_measured() {
        let chart =
            latency(&series(&[(1, 0, Some(1000)), (0, 0, None), (1, 0, Some(2000)), (1, 0, Some(500))]));
        let path = &chart.lines[1].path;
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
        assert_eq!(latency(&series(&[(0, 3, None)])).lines[0].path, "");
    }

    #[test]
    fn the_backlog_is_a_line_over_all_of_the_time_and_says_each_step() {
        let chart = backlog(&series(&[(8, 0, None), (0, 0, None), (4, 0, None)]));
        assert_eq!(chart.sentence, "Backlog in steps of 1m: 8 waiting at most, 4 at the end");
        assert_eq!(chart.lines[1].path, "M0.0 0.0H240.0L240.0 150.0H480.0L480.0 75.0H720.0");
        assert!(chart.bars[1].title.ends_with(": 0 waiting"), "{}", chart.bars[1].title);
        assert_eq!(backlog(&series(&[])).lines[0].path, "");
    }
}
