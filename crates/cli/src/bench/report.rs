//! The figures of all rounds, and their medians against what the design demands.

use std::fmt::Write;

use super::disk::{TemporaryFolder, fdatasync};
use super::rows::{Measured, Row};

/// A bound that a figure is held against. Source: the design's table of speeds.
struct Bound {
    row: Row,
    figure: &'static str,
    must: f64,
    goal: f64,
    /// Whether larger is better.
    at_least: bool,
}

const BOUNDS: [Bound; 17] = [
    Bound { row: Row::Arrays, figure: "ratio", must: 0.17, goal: 0.27, at_least: true },
    Bound { row: Row::Arrays, figure: "processor µs", must: 80.0, goal: 45.0, at_least: false },
    Bound { row: Row::Singles, figure: "ratio", must: 0.08, goal: 0.14, at_least: true },
    Bound { row: Row::Singles, figure: "processor µs", must: 130.0, goal: 70.0, at_least: false },
    Bound { row: Row::ArraysWithoutExpect, figure: "ratio", must: 0.20, goal: 0.35, at_least: true },
    Bound { row: Row::SinglesWithoutExpect, figure: "ratio", must: 0.10, goal: 0.18, at_least: true },
    Bound { row: Row::OneLane, figure: "ratio", must: 0.5, goal: 0.8, at_least: true },
    Bound { row: Row::Latency, figure: "p99 ms", must: 10.0, goal: 5.0, at_least: false },
    Bound { row: Row::Latency, figure: "median over allowed", must: 1.0, goal: 0.7, at_least: false },
    Bound { row: Row::Isolation, figure: "p50 over alone", must: 1.1, goal: 1.05, at_least: false },
    Bound { row: Row::Isolation, figure: "p99 over alone", must: 1.3, goal: 1.1, at_least: false },
    Bound { row: Row::Backlog, figure: "resident MiB", must: 200.0, goal: 100.0, at_least: false },
    Bound { row: Row::Backlog, figure: "first delivery ms", must: 1000.0, goal: 300.0, at_least: false },
    Bound { row: Row::Backlog, figure: "drain over small", must: 0.8, goal: 0.95, at_least: true },
    Bound { row: Row::Idle, figure: "resident MiB", must: 30.0, goal: 15.0, at_least: false },
    Bound { row: Row::Idle, figure: "second start ms", must: 150.0, goal: 50.0, at_least: false },
    Bound { row: Row::Idle, figure: "processor ms/s", must: 1.0, goal: 0.1, at_least: false },
];

/// All figures.
pub(crate) struct Report {
    machine: String,
    measured: Vec<(Row, Measured)>,
}

/// A line of the report.
pub(crate) struct Line {
    /// What was measured.
    pub(crate) row: &'static str,
    /// Which figure of it.
    pub(crate) figure: &'static str,
    /// Median of all rounds.
    pub(crate) median: f64,
    /// Smallest.
    pub(crate) least: f64,
    /// Largest.
    pub(crate) most: f64,
    /// What the design demands and is after, if it says something.
    pub(crate) bounds: Option<(f64, f64)>,
    /// Whether the demand is met.
    pub(crate) met: Option<bool>,
}

impl Report {
    pub(super) fn new(folder: &TemporaryFolder) -> anyhow::Result<Self> {
        let sync = fdatasync(folder, 200)?;
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let model = std::fs::read_to_string("/proc/cpuinfo")
            .ok()
            .and_then(|text| {
                let line = text.lines().find(|line| line.starts_with("model name"))?.to_owned();
                line.split(':').nth(1).map(|name| name.trim().to_owned())
            })
            .unwrap_or_else(|| "unknown processor".to_owned());
        let machine = format!("{cores} cores of {model}; fdatasync {:.2} ms", sync.as_secs_f64() * 1e3);
        Ok(Report { machine, measured: Vec::new() })
    }

    pub(super) fn add(&mut self, row: Row, mut measured: Measured) {
        if row == Row::Latency {
            let of = |name: &str| {
                measured.iter().find(|(figure, _)| *figure == name).map_or(0.0, |(_, value)| *value)
            };
            let over = of("median ms") / of("allowed ms").max(f64::MIN_POSITIVE);
            measured.push(("median over allowed", over));
        }
        self.measured.push((row, measured));
    }

    /// The machine in one line.
    pub(crate) fn machine(&self) -> &str {
        &self.machine
    }

    /// Medians, in the order of measuring.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for row in Row::ALL {
            let rounds: Vec<&Measured> = self
                .measured
                .iter()
                .filter(|(measured, _)| *measured == row)
                .map(|(_, figures)| figures)
                .collect();
            let Some(first) = rounds.first() else { continue };
            for (place, (figure, _)) in first.iter().enumerate() {
                let mut values: Vec<f64> = rounds.iter().map(|figures| figures[place].1).collect();
                values.sort_by(f64::total_cmp);
                let median = values[values.len() / 2];
                let bound = BOUNDS.iter().find(|bound| bound.row == row && bound.figure == *figure);
                lines.push(Line {
                    row: row.name(),
                    figure,
                    median,
                    least: values[0],
                    most: values[values.len() - 1],
                    bounds: bound.map(|bound| (bound.must, bound.goal)),
                    met: bound.map(
                        |bound| {
                            if bound.at_least { median >= bound.must } else { median <= bound.must }
                        },
                    ),
                });
            }
        }
        lines
    }

    /// Whether every demand is met.
    pub(crate) fn all_met(&self) -> bool {
        self.lines().iter().all(|line| line.met != Some(false))
    }

    /// Plain text: a table of medians.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{}\n\n", self.machine());
        let mut last = "";
        for line in self.lines() {
            if line.row != last {
                let _infallible = writeln!(text, "{}", line.row);
                last = line.row;
            }
            let bounds =
                line.bounds.map_or_else(String::new, |(must, goal)| format!("must {must}, goal {goal}"));
            let verdict = match line.met {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            let _infallible = writeln!(
                text,
                "  {:<22} {:>12} ({} to {})  {:<24} {}",
                line.figure,
                number(line.median),
                number(line.least),
                number(line.most),
                bounds,
                verdict
            );
        }
        text
    }

    /// For programs.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        let lines: Vec<_> = self
            .lines()
            .iter()
            .map(|line| {
                serde_json::json!({
                    "Row": line.row, "Figure": line.figure, "Median": line.median, "Least": line.least,
                    "Most": line.most, "Must": line.bounds.map(|(must, _)| must),
                    "Goal": line.bounds.map(|(_, goal)| goal), "Met": line.met,
                })
            })
            .collect();
        serde_json::json!({ "Machine": self.machine, "Lines": lines })
    }
}

fn number(value: f64) -> String {
    if value >= 1000.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}
