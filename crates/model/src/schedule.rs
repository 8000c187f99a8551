//! The retry schedule: how long to wait after which attempt.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Waits after attempt 1, 2, …; the last one repeats. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Duration>", into = "Vec<Duration>")]
pub struct RetrySchedule(Vec<Duration>);

/// A schedule without a single wait.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a retry schedule needs at least one wait and takes at most {}", RetrySchedule::LONGEST)]
pub struct Unusable;

impl RetrySchedule {
    /// Most waits that can be written down; the last one repeats anyway.
    pub const LONGEST: usize = 1000;

    /// A schedule of these waits.
    ///
    /// # Errors
    /// None, or more than [`RetrySchedule::LONGEST`].
    pub fn new(waits: Vec<Duration>) -> Result<Self, Unusable> {
        if waits.is_empty() || waits.len() > Self::LONGEST { Err(Unusable) } else { Ok(RetrySchedule(waits)) }
    }

    /// The waits as written.
    pub fn waits(&self) -> &[Duration] {
        &self.0
    }

    /// Longest wait that can come of it, jitter or a `Retry-After` included.
    pub fn longest_wait(&self) -> Duration {
        let longest = self.0.iter().max().copied().unwrap_or_default();
        longest.saturating_mul(2).max(crate::attempt::LONGEST_RETRY_AFTER)
    }

    /// The wait after the nth counted attempt (from 1), lengthened by `jitter` of it: 0.1 and a `luck` of 1 give +10 %.
    ///
    /// `luck` is a random number from 0 to 1.
    pub fn wait_after(&self, counted: u16, jitter_percent: u8, luck: f64) -> Duration {
        let place = usize::from(counted.max(1)) - 1;
        let wait = self.0.get(place).or(self.0.last()).copied().unwrap_or_default();
        wait + wait.mul_f64(f64::from(jitter_percent) / 100.0 * luck.clamp(0.0, 1.0))
    }
}

impl Default for RetrySchedule {
    /// `5m,10m,20m,40m,60m`, that of CorrigoPro Direct.
    fn default() -> Self {
        RetrySchedule([5, 10, 20, 40, 60].map(|minutes| Duration::from_secs(minutes * 60)).to_vec())
    }
}

impl TryFrom<Vec<Duration>> for RetrySchedule {
    type Error = Unusable;

    fn try_from(waits: Vec<Duration>) -> Result<Self, Unusable> {
        RetrySchedule::new(waits)
    }
}

impl From<RetrySchedule> for Vec<Duration> {
    fn from(schedule: RetrySchedule) -> Self {
        schedule.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hundred_attempts_take_eight_days_and_a_bit() {
        let schedule = RetrySchedule::default();
        let whole: Duration = (1..200).map(|n| schedule.wait_after(n, 10, 0.0)).sum();
        assert_eq!(whole, Duration::from_secs(((5 + 10 + 20 + 40) + 195 * 60) * 60));
        assert_eq!(format!("{:.2}", whole.as_secs_f64() / 86_400.0), "8.18");
    }

    #[test]
    fn jitter_lengthens_and_never_shortens() {
        let schedule = RetrySchedule::default();
        assert_eq!(schedule.wait_after(1, 10, 0.0), Duration::from_secs(300));
        assert_eq!(schedule.wait_after(1, 10, 1.0), Duration::from_secs(330));
        assert_eq!(schedule.wait_after(9, 0, 1.0), Duration::from_secs(3600));
    }
}
