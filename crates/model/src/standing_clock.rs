//! A clock that can stand still: time in which an endpoint is open, or neither paused nor off.
//!
//! It is a mark on the endpoint. What measures time by it keeps a reading, so that forty days of pause touch one row
//! and none of the deliveries that wait.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use workbell_wire::Timestamp;

/// Shows the wall clock's time until it stands still for the first time, and is behind it from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingClock {
    /// What it showed at `from`, in ticks.
    shown: i64,
    /// Goes from here on, in ticks of the wall clock; may lie ahead. `None`: it stands still.
    from: Option<i64>,
}

impl Default for StandingClock {
    /// One that never stood still: it shows the wall clock's time.
    fn default() -> Self {
        StandingClock { shown: 0, from: Some(0) }
    }
}

impl StandingClock {
    /// What it shows at `now`.
    pub fn reading(&self, now: Timestamp) -> Timestamp {
        let gone = self.from.map_or(0, |from| now.ticks().saturating_sub(from).max(0));
        Timestamp::from_ticks(self.shown.saturating_add(gone))
    }

    /// Whether it stands still for a time that nobody knows.
    pub fn is_stopped(&self) -> bool {
        self.from.is_none()
    }

    /// Stands still from `now` on.
    #[must_use]
    pub fn stopped(&self, now: Timestamp) -> Self {
        StandingClock { shown: self.reading(now).ticks(), from: None }
    }

    /// Stands still from `now` on and goes again from `until` on.
    #[must_use]
    pub fn going_from(&self, now: Timestamp, until: Timestamp) -> Self {
        StandingClock { shown: self.reading(now).ticks(), from: Some(until.ticks().max(now.ticks())) }
    }

    /// The same, going from `now` on if it was to go only after `horizon`.
    #[must_use]
    pub(crate) fn righted(&self, now: Timestamp, horizon: Timestamp) -> Self {
        let from = self.from.map(|from| if from > horizon.ticks() { now.ticks() } else { from });
        StandingClock { from, ..*self }
    }

    /// When it will show `reading`; `None` while it stands still.
    pub fn when(&self, reading: Timestamp) -> Option<Timestamp> {
        let from = self.from?;
        let left = reading.ticks().saturating_sub(self.shown).max(0);
        Some(Timestamp::from_ticks(from.saturating_add(left)))
    }

    /// When it will show `reading` plus `time`; `None` while it stands still.
    pub fn when_after(&self, reading: Timestamp, time: Duration) -> Option<Timestamp> {
        self.when(reading.plus(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn it_shows_the_wall_clocks_time_until_it_stands_still() {
        let clock = StandingClock::default();
        assert_eq!(clock.reading(at(1000)), at(1000));
        let clock = clock.stopped(at(1000));
        assert_eq!(clock.reading(at(5000)), at(1000));
        assert_eq!(clock.when(at(1001)), None);
        let clock = clock.going_from(at(5000), at(6000));
        assert_eq!(clock.reading(at(5500)), at(1000), "it goes from 6000 on");
        assert_eq!(clock.reading(at(6010)), at(1010));
        assert_eq!(clock.when_after(at(1010), Duration::from_secs(5)), Some(at(6015)));
        assert_eq!(clock.when(at(900)), Some(at(6000)), "what it showed before is over when it goes");
    }
}
