//! A token bucket: attempts of one endpoint started per second.

use std::time::Duration;

use tokio::time::Instant;

/// Holds one second's worth of tokens, so a short burst passes and the average stays below the rate.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: Option<u32>,
    tokens: f64,
    filled: Instant,
}

impl Rate {
    pub(crate) fn new(per_second: Option<u32>) -> Self {
        let per_second = per_second.filter(|rate| *rate > 0);
        Rate { per_second, tokens: f64::from(per_second.unwrap_or(0)), filled: Instant::now() }
    }

    pub(crate) fn set(&mut self, per_second: Option<u32>) {
        if self.per_second != per_second {
            *self = Rate::new(per_second);
        }
    }

    /// Whether there is a token, or when there will be one.
    pub(crate) fn look(&mut self) -> Result<(), Instant> {
        let Some(rate) = self.per_second else { return Ok(()) };
        let rate = f64::from(rate);
        let now = Instant::now();
        self.tokens = (self.tokens + (now - self.filled).as_secs_f64() * rate).min(rate);
        self.filled = now;
        if self.tokens >= 1.0 {
            Ok(())
        } else {
            // Rounded up to the timer's resolution, so that the wait is never a little too short.
            Err(now + Duration::from_secs_f64((1.0 - self.tokens) / rate) + Duration::from_millis(1))
        }
    }

    /// Takes the token that [`Rate::look`] found.
    pub(crate) fn take(&mut self) {
        self.tokens -= 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ten_per_second_are_ten_at_once_and_then_one_every_tenth() {
        let mut rate = Rate::new(Some(10));
        for _ in 0..10 {
            rate.look().unwrap();
            rate.take();
        }
        let next = rate.look().unwrap_err();
        let wait = next - Instant::now();
        assert!(wait >= Duration::from_millis(100) && wait < Duration::from_millis(105), "{wait:?}");
        tokio::time::sleep_until(next).await;
        rate.look().unwrap();
        rate.take();
        rate.look().unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nothing_waits() {
        let mut rate = Rate::new(None);
        for _ in 0..1000 {
            rate.look().unwrap();
            rate.take();
        }
    }
}
