//! How long attempts took, as a histogram: small, mergeable, with quantiles that are right to a fifth.
//!
//! Buckets grow by the fourth root of two, so that a bucket's upper end is at most 19 % above anything in it.

use std::collections::BTreeMap;
use std::time::Duration;

/// Upper end of the first bucket: 100 µs. Nothing goes over a network faster.
const FIRST: Duration = Duration::from_micros(100);

/// Buckets per doubling.
const PER_OCTAVE: f64 = 4.0;

/// Number of the last bucket, for all that is longer: 100 µs · 2^25 is 56 minutes, and no attempt may take longer
/// than an hour.
const LAST: u8 = 100;

/// Counts of durations by bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies(BTreeMap<u8, u32>);

impl Latencies {
    /// Counts one.
    pub fn record(&mut self, duration: Duration) {
        let count = self.0.entry(bucket(duration)).or_default();
        *count = count.saturating_add(1);
    }

    /// Adds what another one has counted.
    pub fn merge(&mut self, other: &Latencies) {
        for (bucket, more) in &other.0 {
            let count = self.0.entry(*bucket).or_default();
            *count = count.saturating_add(*more);
        }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.values().map(|count| u64::from(*count)).sum()
    }

    /// The duration that `share` (0 to 1) of those counted did not exceed: the upper end of its bucket. `None` when
    /// nothing was counted.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a count times a share of it is a count, and counts are far below 2^52"
        )]
        let rank = (self.count() as f64 * share.clamp(0.0, 1.0)).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in &self.0 {
            seen += u64::from(*count);
            if seen >= rank {
                return Some(upper_end(*bucket));
            }
        }
        None
    }

    /// Five bytes for each bucket that is not empty: its number, and its count, big-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0
            .iter()
            .flat_map(|(bucket, count)| {
                let [a, b, c, d] = count.to_be_bytes();
                [*bucket, a, b, c, d]
            })
            .collect()
    }

    /// What [`Latencies::to_bytes`] wrote; what is cut off is left out.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut latencies = Latencies::default();
        for entry in bytes.chunks_exact(5) {
            if let [bucket, a, b, c, d] = *entry {
                latencies.0.insert(bucket.min(LAST), u32::from_be_bytes([a, b, c, d]));
            }
        }
        latencies
    }
}

fn bucket(duration: Duration) -> u8 {
    let octaves = (duration.as_secs_f64() / FIRST.as_secs_f64()).max(1.0).log2();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 0 and the last bucket"
    )]
    let bucket = (octaves * PER_OCTAVE).ceil().clamp(0.0, f64::from(LAST)) as u8;
    bucket
}

fn upper_end(bucket: u8) -> Duration {
    FIRST.mul_f64(2f64.powf(f64::from(bucket) / PER_OCTAVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        millis.into_iter().for_each(|millis| latencies.record(Duration::from_millis(millis)));
        latencies
    }

    #[test]
    fn a_quantile_is_at_most_a_fifth_too_high_and_never_too_low() {
        let latencies = of(1..=1000);
        for (share, exact) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let found = latencies.quantile(share).unwrap().as_secs_f64() * 1000.0;
            assert!((exact..=exact * 1.2).contains(&found), "{share}: {found}");
        }
        assert_eq!(Latencies::default().quantile(0.5), None);
    }

    #[test]
    fn the_shortest_and_the_longest_have_a_place() {
        let mut latencies = Latencies::default();
        latencies.record(Duration::ZERO);
        assert_eq!(latencies.quantile(0.5), Some(FIRST));
        let mut latencies = Latencies::default();
        latencies.record(Duration::from_secs(1 << 40));
        assert!(latencies.quantile(0.5).unwrap() > Duration::from_secs(3000));
    }

    #[test]
    fn what_is_written_is_read_again_and_parts_make_the_whole() {
        let (mut first, second) = (of([1, 1, 70]), of([1, 30_000]));
        assert_eq!(Latencies::from_bytes(&first.to_bytes()), first);
        first.merge(&second);
        assert_eq!(first, of([1, 1, 70, 1, 30_000]));
        assert_eq!(first.count(), 5);
        assert_eq!(Latencies::from_bytes(&[3, 0]), Latencies::default());
    }
}
