//! What time it is: by the wall clock, and by a clock for waits that nobody can set back.
//!
//! Due times are kept as wall clock, waits are monotonic. So the engine has a time of its own, [`Steady`]: it starts as
//! the wall clock and goes on at least as fast as time does. Set back, the wall clock does not lengthen a wait that has
//! begun; set forward, or after the machine slept, what is due by it is due. Tokens, signatures and dates of answers go
//! by the wall clock, for others compare them with theirs. Source: service.md section 6, Clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use workbell_model::attempt::LONGEST_RETRY_AFTER;
use workbell_wire::Timestamp;

/// The wall clock: the system's, or that of a test.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The system's.
    System,
    /// Goes on with tokio's clock from a given moment, so that a test can run eight days in a second.
    Tokio {
        /// What time it was at `origin`.
        base: Timestamp,
        /// When.
        origin: Instant,
        /// How far it was set since, in milliseconds.
        set: &'static AtomicI64,
    },
}

/// Of clocks that nobody sets.
static NEVER_SET: AtomicI64 = AtomicI64::new(0);

impl Clock {
    /// A clock that shows `base` now and goes on with tokio's.
    pub fn tokio_from(base: Timestamp) -> Self {
        Clock::settable_from(base, &NEVER_SET)
    }

    /// A clock that shows `base` now, goes on with tokio's, and is set by so many milliseconds.
    pub fn settable_from(base: Timestamp, set: &'static AtomicI64) -> Self {
        Clock::Tokio { base, origin: Instant::now(), set }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => Timestamp::from_system(SystemTime::now()),
            Clock::Tokio { base, origin, set } => {
                let set = set.load(Ordering::SeqCst);
                let by = Duration::from_millis(set.unsigned_abs());
                let now = base.plus(origin.elapsed());
                if set < 0 { now.minus(by) } else { now.plus(by) }
            }
        }
    }
}

/// How far the engine's time may be ahead of the wall clock.
///
/// 24 hours, the longest wait that an endpoint may ask for. A wall clock that was set back further than that was wrong
/// before; due times that it wrote lie further ahead than any wait, and are due at once.
const LONGEST_LEAD: Duration = LONGEST_RETRY_AFTER;

/// The engine's time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steady {
    wall: Clock,
    start: Instant,
    base: Timestamp,
}

impl Steady {
    /// Starts as the wall clock.
    pub(crate) fn new(wall: Clock) -> Self {
        Steady { wall, start: Instant::now(), base: wall.now() }
    }

    /// The time for waits: nothing due by it becomes undue again.
    pub(crate) fn now(&self) -> Timestamp {
        let (wall, steady) = (self.wall.now(), self.age());
        if steady.since(wall) > LONGEST_LEAD { wall } else { wall.max(steady) }
    }

    /// The time by which deliveries grow old: it only goes on, so that nothing expires because the wall clock was set.
    pub(crate) fn age(&self) -> Timestamp {
        self.base.plus(self.start.elapsed())
    }

    /// The time for others.
    pub(crate) fn wall(&self) -> Timestamp {
        self.wall.now()
    }

    /// The monotonic moment at which `due` is.
    pub(crate) fn instant_of(&self, due: Timestamp) -> Instant {
        Instant::now() + due.since(self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(by: &'static AtomicI64, hours: i64) {
        by.store(hours * 3_600_000, Ordering::SeqCst);
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_when_the_wall_clock_is_set_back_and_follows_when_it_is_set_forward() {
        static SET: AtomicI64 = AtomicI64::new(0);
        let hour = Duration::from_secs(3600);
        let start = Timestamp::from_unix_seconds(1_767_225_600);
        let steady = Steady::new(Clock::settable_from(start, &SET));
        tokio::time::advance(hour).await;
        assert_eq!((steady.now(), steady.wall()), (start.plus(hour), start.plus(hour)));
        set(&SET, -5);
        assert_eq!((steady.now(), steady.wall()), (start.plus(hour), start.minus(4 * hour)));
        tokio::time::advance(hour).await;
        assert_eq!(steady.now(), start.plus(2 * hour));
        assert_eq!(steady.instant_of(start.plus(3 * hour)), Instant::now() + hour);
        set(&SET, 5);
        assert_eq!(steady.now(), start.plus(7 * hour));
        assert_eq!(steady.age(), start.plus(2 * hour), "nothing grows old by it");
        set(&SET, 0);
        assert_eq!(steady.now(), start.plus(2 * hour));
        set(&SET, -25);
        assert_eq!(steady.now(), start.minus(23 * hour), "what it showed before was wrong");
    }
}
