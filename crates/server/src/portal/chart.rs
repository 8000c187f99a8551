//! Charts as inline SVG, drawn from the data of the `traffic` route. Colours come from the style sheet.

use serde::Deserialize;

use super::moment::Moment;
use super::number::{Count, Micros};

/// Width and height of the drawing, in its own units, and what is left for the numbers at its left.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 6.0;

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

/// A chart, ready to be written.
pub(super) struct Chart {
    pub(super) bars: Vec<Bar>,
    pub(super) lines: Vec<Line>,
    /// Height and label of each line across.
    pub(super) grid: Vec<(String, String)>,
    /// What it shows, in a sentence.
    pub(super) sentence: String,
}

fn units(number: f64) -> String {
    format!("{number:.1}")
}

/// A round number that is not smaller.
fn round_up(most: f64) -> f64 {
    let magnitude = 10_f64.powf(most.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * magnitude).find(|it| *it >= most).unwrap_or(most)
}

fn grid(most: f64, label: impl Fn(f64) -> String) -> Vec<(String, String)> {
    [0.0, 0.5, 1.0].map(|share| (units(y(most * share, most)), label(most * share))).to_vec()
}

fn y(value: f64, most: f64) -> f64 {
    HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)
}

fn as_units(number: u64) -> f64 {
    // A chart has some hundred pixels: no digit that matters is lost.
    number as f64
}

/// Attempts per step: delivered ones, and failed ones on top of them.
pub(super) fn attempts(series: &Series) -> Chart {
    let sum = |pick: fn(&Step) -> u64| series.items.iter().map(pick).sum::<u64>();
    let (delivered, failed) = (sum(|step| step.delivered), sum(|step| step.failed));
    let largest = series.items.iter().map(|step| step.delivered + step.failed).max().unwrap_or(0);
    let most = round_up(as_units(largest).max(4.0));
    let slot = (WIDTH - LEFT) / as_units(series.items.len().max(1) as u64);
    let mut bars = Vec::new();
    for (place, step) in series.items.iter().enumerate() {
        let x = LEFT + slot * as_units(place as u64);
        let title = format!("{}: {} delivered, {} failed", step.start.shown(), step.delivered, step.failed);
        let below = y(as_units(step.delivered), most);
        let floor = y(0.0, most);
        for (number, top, bottom, class) in [
            (step.delivered, below, floor, "bar-good"),
            (step.failed, y(as_units(step.delivered + step.failed), most), below, "bar-bad"),
        ] {
            if number > 0 {
                bars.push(Bar {
                    x: units(x),
                    y: units(top),
                    width: units((slot - 1.0).max(1.0)),
                    height: units((bottom - top).max(1.0)),
                    class,
                    title: title.clone(),
                });
            }
        }
    }
    Chart {
        bars,
        lines: Vec::new(),
        grid: grid(most, |number| Count(number.round() as u64).to_string()),
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
    let line = |pick: fn(&Step) -> Option<u64>, class| {
        let slot = (WIDTH - LEFT) / as_units(series.items.len().max(1) as u64);
        let mut path = String::new();
        let mut is_down = false;
        for (place, step) in series.items.iter().enumerate() {
            match pick(step) {
                None => is_down = false,
                Some(value) => {
                    let x = LEFT + slot * as_units(place as u64);
                    let y = units(y(as_units(value), most));
                    // A step is a short line, so that one alone is seen too.
                    path.push_str(&format!(
                        "{}{} {y}H{}",
                        if is_down { "L" } else { "M" },
                        units(x),
                        units(x + slot)
                    ));
                    is_down = true;
                }
            }
        }
        Line { path, class }
    };
    Chart {
        bars: Vec::new(),
        lines: vec![line(|step| step.latency_p99, "line-soft"), line(|step| step.latency_p50, "line-ink")],
        grid: grid(most, |micros| Micros(Some(micros.round() as u64)).to_string()),
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
        };
        Series { step: "1m".to_owned(), items: items.iter().map(step).collect() }
    }

    #[test]
    fn bars_stand_on_each_other_and_the_largest_fits() {
        let chart = attempts(&series(&[(8, 2, None), (0, 0, None), (0, 1, None)]));
        let classes: Vec<_> = chart.bars.iter().map(|bar| bar.class).collect();
        assert_eq!(classes, ["bar-good", "bar-bad", "bar-bad"]);
        assert_eq!(chart.bars[1].y, "10.0", "ten of ten reach the top");
        assert_eq!(chart.grid.last().unwrap().1, "10");
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
}
