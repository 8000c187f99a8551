//! Removes what `retention.*` lets go, in short steps, when it is time: nothing runs while nothing expires.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use workbell_store::Store;
use workbell_wire::Timestamp;

use crate::clock::Clock;

/// Longest sleep between two looks at the clock (not at the store).
///
/// 1 min, as service.md section 6 says: a wall clock that was set is noticed within it.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// Shortest sleep after a sweep that removed all there was.
///
/// 1 s: under load something expires all the time, and a step is cheaper when it removes more.
const SHORTEST_SLEEP: Duration = Duration::from_secs(1);

/// A leap of the wall clock after which nothing is removed.
///
/// A day. Source: service.md section 6, Clock.
const LARGEST_LEAP: Duration = Duration::from_secs(86_400);

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    /// `retention.notifications`.
    pub(crate) notifications: Duration,
    /// `retention.log`.
    pub(crate) log: Duration,
}

/// Sweeps until `shutdown`.
///
/// # Cancel safety
/// Ends at `shutdown` alone, between two steps.
pub(crate) async fn sweep(store: Arc<dyn Store>, keep: Retention, clock: Clock, shutdown: CancellationToken) {
    let mut seen = (Instant::now(), clock.now());
    let mut next = clock.now();
    loop {
        let now = clock.now();
        if leapt(&mut seen, now) {
            tracing::error!(
                "the clock leapt more than a day ahead; retention removes nothing any more: check the clock, then \
                 restart the service"
            );
            return;
        }
        if now >= next {
            next = match store.sweep(now, keep.notifications, keep.log).await {
                Ok(swept) if swept.more => now,
                Ok(swept) => {
                    let shortest = keep.notifications.min(keep.log);
                    // What is accepted from now on expires after that, too.
                    let by_then = now.plus(shortest);
                    let next = match swept.next {
                        // What is old enough and stays is undelivered: it is asked for again, but not in a circle.
                        Some(next) if next <= now => now.plus(LONGEST_SLEEP),
                        Some(next) => next.max(now.plus(SHORTEST_SLEEP)),
                        None => by_then,
                    };
                    next.min(by_then)
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot remove what has expired yet"
                    );
                    now.plus(LONGEST_SLEEP)
                }
            };
        }
        let wait = next.since(clock.now()).min(LONGEST_SLEEP);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Whether the wall clock went much further than time did since the last look.
fn leapt(seen: &mut (Instant, Timestamp), now: Timestamp) -> bool {
    let (before, wall_before) = std::mem::replace(seen, (Instant::now(), now));
    now.since(wall_before) > before.elapsed() + LARGEST_LEAP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_leap_of_more_than_a_day_is_one_and_a_long_sleep_is_none() {
        let start = Timestamp::from_unix_seconds(1_767_225_600);
        let day = Duration::from_secs(86_400);
        let mut seen = (Instant::now(), start);
        tokio::time::advance(2 * day).await;
        assert!(!leapt(&mut seen, start.plus(2 * day)));
        assert!(!leapt(&mut seen, start.plus(3 * day)));
        assert!(!leapt(&mut seen, start));
        assert!(leapt(&mut seen, start.plus(day + Duration::from_secs(1))));
    }
}
