//! Numbers as people read them.

use std::fmt;

use serde::Deserialize;

/// How many, with the thousands apart.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Count(pub(super) u64);

/// Microseconds; none where nothing was measured.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Micros(pub(super) Option<u64>);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("–"),
            Some(micros @ 0..1_000) => write!(f, "{micros} µs"),
            Some(micros @ 1_000..10_000) => write!(f, "{:.1} ms", micros as f64 / 1_000.0),
            Some(micros @ 10_000..1_000_000) => write!(f, "{} ms", micros / 1_000),
            Some(micros) => write!(f, "{:.1} s", micros as f64 / 1_000_000.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_counts_are_as_people_read_them() {
        let shown =
            [None, Some(999), Some(1_500), Some(12_345), Some(1_234_567)].map(|it| Micros(it).to_string());
        assert_eq!(shown, ["–", "999 µs", "1.5 ms", "12 ms", "1.2 s"]);
        let shown = [0, 999, 1000, 1_234_567].map(|it| Count(it).to_string());
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }
}
