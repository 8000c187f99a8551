//! What an endpoint taught us about `Expect: 100-continue`.
//!
//! Waiting for a `100` that never comes costs every attempt 350 ms, and some servers refuse the header
//! outright. So a pool remembers a little, and the client keeps that beyond the life of the pool, by URL; nothing of
//! it is stored. Source: notifications.md section 1.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// How long the body waits for `100 Continue` before it goes anyway.
///
/// 350 ms, as the contract says; also the default of .NET's `HttpWebRequest.ContinueTimeout`.
pub const EXPECT_WAIT: Duration = Duration::from_millis(350);

/// After so many attempts in a row without a `100` the wait is skipped.
pub const MISSES_BEFORE_SKIP: u8 = 3;

/// How long the wait is skipped then; the header still goes out.
pub const WAIT_SKIPPED: Duration = Duration::from_secs(3600);

/// How long an endpoint that answered 417 gets no `Expect`.
pub const EXPECT_OFF: Duration = Duration::from_secs(24 * 3600);

/// Endpoints that are remembered while they have no pool: 10,000, about a megabyte. With more of them some are learnt
/// anew.
const MOST_REMEMBERED: usize = 10_000;

/// What is remembered of endpoints without a pool, by URL.
#[derive(Debug, Default)]
pub(crate) struct Memories {
    by_url: HashMap<String, Memory>,
}

impl Memories {
    /// Takes what is remembered of an endpoint.
    pub(crate) fn take(&mut self, url: &str) -> Memory {
        self.by_url.remove(url).unwrap_or_default()
    }

    /// Remembers an endpoint, if there is anything to remember.
    pub(crate) fn keep(&mut self, url: String, memory: Memory, now: Instant) {
        if !memory.says_something(now) {
            return;
        }
        if self.by_url.len() >= MOST_REMEMBERED {
            self.by_url.retain(|_, memory| memory.says_something(now));
        }
        if self.by_url.len() < MOST_REMEMBERED {
            self.by_url.insert(url, memory);
        }
    }
}

/// The memory of one pool.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    misses: u8,
    skip_until: Option<Instant>,
    off_until: Option<Instant>,
}

/// How a request treats the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// No header.
    Off,
    /// The header, and the body with it.
    Skip,
    /// The header, and the body after a `100` or the wait.
    Wait,
}

impl Memory {
    /// How the next request treats the header.
    pub(crate) fn expectation(&self, now: Instant) -> Expectation {
        let still = |until: Option<Instant>| until.is_some_and(|until| now < until);
        match (still(self.off_until), still(self.skip_until)) {
            (true, _) => Expectation::Off,
            (false, true) => Expectation::Skip,
            (false, false) => Expectation::Wait,
        }
    }

    fn says_something(&self, now: Instant) -> bool {
        self.misses > 0 || self.expectation(now) != Expectation::Wait
    }

    /// A `100` came within the wait.
    pub(crate) fn continued(&mut self) {
        self.misses = 0;
    }

    /// An attempt waited and got no `100`.
    pub(crate) fn missed(&mut self, now: Instant) {
        self.misses += 1;
        if self.misses >= MISSES_BEFORE_SKIP {
            self.misses = 0;
            self.skip_until = Some(now + WAIT_SKIPPED);
        }
    }

    /// The endpoint answered 417.
    pub(crate) fn refused(&mut self, now: Instant) {
        self.off_until = Some(now + EXPECT_OFF);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_misses_in_a_row_skip_the_wait_for_an_hour() {
        let mut memory = Memory::default();
        let now = Instant::now();
        memory.missed(now);
        memory.missed(now);
        memory.continued();
        memory.missed(now);
        memory.missed(now);
        assert_eq!(memory.expectation(now), Expectation::Wait, "a 100 between them starts the count anew");
        memory.missed(now);
        assert_eq!(memory.expectation(now), Expectation::Skip);
        assert_eq!(memory.expectation(now + WAIT_SKIPPED - Duration::from_millis(1)), Expectation::Skip);
        assert_eq!(memory.expectation(now + WAIT_SKIPPED), Expectation::Wait);
        memory.missed(now + WAIT_SKIPPED);
        assert_eq!(
            memory.expectation(now + WAIT_SKIPPED),
            Expectation::Wait,
            "the count starts at zero again"
        );
    }

    #[test]
    fn a_417_turns_the_header_off_for_a_day_whatever_else_is_known() {
        let mut memory = Memory::default();
        let now = Instant::now();
        (0..3).for_each(|_| memory.missed(now));
        memory.refused(now);
        assert_eq!(memory.expectation(now + EXPECT_OFF - Duration::from_millis(1)), Expectation::Off);
        assert_eq!(memory.expectation(now + EXPECT_OFF), Expectation::Wait);
    }
}
