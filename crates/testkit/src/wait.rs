//! Waiting for something that happens elsewhere, with a deadline.

use std::time::{Duration, Instant};

/// Longest that a test waits for something that should come soon.
///
/// 45 s: far beyond what a slow machine under load needs, and a test that waits for what never comes still ends.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// Between two looks at something that cannot call us.
const LOOK: Duration = Duration::from_millis(2);

/// Looks until there is an answer.
///
/// # Panics
/// When there is none within [`PATIENCE`].
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::park_timeout(LOOK);
    }
}
