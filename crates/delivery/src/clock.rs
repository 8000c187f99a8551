//! What time it is: the system's, or that of a test's paused clock.

use std::time::SystemTime;

use tokio::time::Instant;
use workbell_wire::Timestamp;

/// Wall clock of the engine. Waits themselves are monotonic; only due times are wall clock.
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
    },
}

impl Clock {
    /// A clock that shows `base` now and goes on with tokio's.
    pub fn tokio_from(base: Timestamp) -> Self {
        Clock::Tokio { base, origin: Instant::now() }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => Timestamp::from_system(SystemTime::now()),
            Clock::Tokio { base, origin } => base.plus(origin.elapsed()),
        }
    }

    /// The monotonic moment at which the wall clock should show `due`.
    pub(crate) fn instant_of(&self, due: Timestamp) -> Instant {
        Instant::now() + due.since(self.now())
    }
}
