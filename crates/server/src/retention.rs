//! Removes what `retention.*` lets go, in short steps, when it is time: nothing runs while nothing expires. It stops for
//! good when the clock leaps, for then everything might seem old.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use workbell_store::Store;
use workbell_store::record::Swept;
use workbell_wire::Timestamp;

use crate::clock::Clock;
use crate::clock::watch::{Jump, Watch};

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

/// Pause between two steps while there is more to remove, in times of what the last step took.
///
/// 2: a third of the writer's time at most.
const PAUSE: u32 = 2;

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    /// `retention.notifications`.
    pub(crate) notifications: Duration,
    /// `retention.log`.
    pub(crate) log: Duration,
}

/// Where things are removed.
pub(crate) trait Sweep: Send + Sync + 'static {
    /// One step.
    fn sweep(
        &self,
        now: Timestamp,
        keep: Retention,
    ) -> impl Future<Output = Result<Swept, workbell_store::Error>> + Send;
}

impl Sweep for Arc<dyn Store> {
    async fn sweep(&self, now: Timestamp, keep: Retention) -> Result<Swept, workbell_store::Error> {
        Store::sweep(&**self, now, keep.notifications, keep.log).await
    }
}

/// Sweeps until `shutdown`, and tells when the wall clock was set.
///
/// # Cancel safety
/// Ends at `shutdown` alone, between two steps.
pub(crate) async fn sweep(store: impl Sweep, keep: Retention, clock: Clock, shutdown: CancellationToken) {
    let mut next = clock.now();
    let mut watch = Watch::new(next);
    let mut stopped = false;
    loop {
        let now = clock.now();
        if let Some(jump) = watch.look(now) {
            jump.log();
            let leapt = matches!(jump, Jump::Ahead(by) if by > LARGEST_LEAP);
            if leapt && !stopped {
                stopped = true;
                tracing::error!(
                    "the clock leapt more than a day ahead; retention removes nothing any more: check the clock, then \
                     restart the service"
                );
            }
        }
        let wait = if stopped {
            LONGEST_SLEEP
        } else {
            if now >= next {
                next = step(&store, keep, now).await;
            }
            next.since(clock.now()).min(LONGEST_SLEEP)
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Removes what it can in one step; when the next one is due.
async fn step(store: &impl Sweep, keep: Retention, now: Timestamp) -> Timestamp {
    let began = Instant::now();
    match store.sweep(now, keep).await {
        // The writer is free for others most of the time, also while a whole period goes.
        Ok(swept) if swept.more => now.plus(PAUSE * began.elapsed()),
        Ok(swept) => {
            // What is accepted from now on expires after that, too.
            let by_then = now.plus(keep.notifications.min(keep.log));
            let next = match swept.next {
                // What is old enough and stays is undelivered: it is asked for again, but not in a circle.
                Some(next) if next <= now => now.plus(LONGEST_SLEEP),
                Some(next) => next.max(now.plus(SHORTEST_SLEEP)),
                None => by_then,
            };
            next.min(by_then)
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot remove what has expired yet");
            now.plus(LONGEST_SLEEP)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Counts steps; there is always something that expires an hour later.
    #[derive(Clone, Default)]
    struct Steps(Arc<Mutex<Vec<Timestamp>>>);

    impl Sweep for Steps {
        async fn sweep(&self, now: Timestamp, _keep: Retention) -> Result<Swept, workbell_store::Error> {
            self.0.lock().unwrap().push(now);
            Ok(Swept { next: Some(now.plus(HOUR)), ..Swept::default() })
        }
    }

    impl Steps {
        fn count(&self) -> usize {
            self.0.lock().unwrap().len()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_stops_when_the_clock_leaps_more_than_a_day_and_not_for_less() {
        let (steps, shutdown) = (Steps::default(), CancellationToken::new());
        let leap = Arc::new(AtomicU64::new(0));
        let (origin, set) = (Instant::now(), Arc::clone(&leap));
        let clock = Clock::from_fn(move || {
            let hours = set.load(Ordering::SeqCst);
            Timestamp::from_unix_seconds(1_767_225_600).plus(origin.elapsed() + HOUR * hours as u32)
        });
        let keep = Retention { notifications: 30 * 24 * HOUR, log: 30 * 24 * HOUR };
        let task = tokio::spawn(sweep(steps.clone(), keep, clock, shutdown.clone()));
        tokio::time::sleep(10 * HOUR + HOUR / 2).await;
        assert_eq!(steps.count(), 11, "at the start and each hour");
        leap.store(24, Ordering::SeqCst);
        tokio::time::sleep(HOUR / 2).await;
        assert_eq!(steps.count(), 12, "a day is none");
        tokio::time::sleep(10 * HOUR).await;
        let before = steps.count();
        assert!(before > 20, "and it goes on: {before}");
        leap.store(49, Ordering::SeqCst);
        tokio::time::sleep(100 * 24 * HOUR).await;
        assert_eq!(steps.count(), before, "more than a day is a leap");
        leap.store(0, Ordering::SeqCst);
        tokio::time::sleep(24 * HOUR).await;
        assert_eq!(steps.count(), before, "until somebody looks after it");
        shutdown.cancel();
        task.await.unwrap();
    }
}
