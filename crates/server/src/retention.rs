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
/// 3: a quarter of the writer's time at most.
const PAUSE: u32 = 3;

/// Shortest pause between two steps, but when the store is too large.
///
/// 40 ms: some 800 records a second on a quiet store, and eight times as many on a busy one, which removes more in a step.
/// What is removed is also written, to the log of the database and then to its file: at full speed that raised the p99 of
/// deliveries three times, so it is 1.4 times. Measured with the store's example `log_at_size`.
const SHORTEST_PAUSE: Duration = Duration::from_millis(40);

/// Until the size is looked at again when all that is left waits: each look walks past all of it.
///
/// 10 min.
const PAUSE_WHEN_NOTHING_CAN_GO: Duration = Duration::from_secs(600);

/// What a step came to.
struct Stepped {
    /// When the next one is due.
    next: Timestamp,
    /// The store is too large, and nothing more can be removed.
    nothing_can_go: bool,
}

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    /// `retention.notifications`.
    pub(crate) notifications: Duration,
    /// `retention.log`.
    pub(crate) log: Duration,
    /// `retention.max_size`.
    pub(crate) most_bytes: Option<u64>,
}

/// Where things are removed.
pub(crate) trait Sweep: Send + Sync + 'static {
    /// One step.
    fn sweep(
        &self,
        now: Timestamp,
        keep: Retention,
    ) -> impl Future<Output = Result<Swept, workbell_store::Error>> + Send;

    /// Grows with everything that is written; asking costs nothing.
    fn written(&self) -> u64;
}

impl Sweep for Arc<dyn Store> {
    async fn sweep(&self, now: Timestamp, keep: Retention) -> Result<Swept, workbell_store::Error> {
        self.sweep_within(now, keep.notifications, keep.log, keep.most_bytes).await
    }

    fn written(&self) -> u64 {
        self.counters().commits()
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
    let mut written = None;
    let mut size_from = next;
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
            // What was written since the last look may have made the store too large.
            let may_be_too_large =
                keep.most_bytes.is_some() && now >= size_from && written != Some(store.written());
            if now >= next || may_be_too_large {
                // Without a look at the size, what waits is not walked past.
                let most_bytes = keep.most_bytes.filter(|_| now >= size_from);
                let stepped = step(&store, Retention { most_bytes, ..keep }, now).await;
                next = stepped.next;
                if stepped.nothing_can_go {
                    size_from = now.plus(PAUSE_WHEN_NOTHING_CAN_GO);
                }
                written = Some(store.written());
            }
            next.since(clock.now()).min(LONGEST_SLEEP)
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Removes what it can in one step.
async fn step(store: &impl Sweep, keep: Retention, now: Timestamp) -> Stepped {
    let began = Instant::now();
    match store.sweep(now, keep).await {
        Ok(swept) => {
            if swept.early > 0 {
                let (count, most) = (swept.early, keep.most_bytes.unwrap_or_default());
                tracing::info!(
                    count,
                    most,
                    "removed the oldest before their time: retention.max_size is reached"
                );
            }
            if let Some(used) = swept.too_large {
                tracing::warn!(
                    used,
                    most = keep.most_bytes.unwrap_or_default(),
                    "the store is larger than retention.max_size, but all that is left waits for its delivery"
                );
            }
            let nothing_can_go = swept.too_large.is_some();
            if swept.more {
                // The writer is free for others most of the time, also while a whole period goes.
                let least = if swept.early > 0 { Duration::ZERO } else { SHORTEST_PAUSE };
                return Stepped { next: now.plus((PAUSE * began.elapsed()).max(least)), nothing_can_go };
            }
            // What is accepted from now on expires after that, too.
            let by_then = now.plus(keep.notifications.min(keep.log));
            let next = match swept.next {
                // What is old enough and stays is undelivered: it is asked for again, but not in a circle.
                Some(next) if next <= now => now.plus(LONGEST_SLEEP),
                Some(next) => next.max(now.plus(SHORTEST_SLEEP)),
                None => by_then,
            };
            Stepped { next: next.min(by_then), nothing_can_go }
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot remove what has expired yet");
            Stepped { next: now.plus(LONGEST_SLEEP), nothing_can_go: false }
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
    struct Steps(Arc<Mutex<Vec<Timestamp>>>, Arc<AtomicU64>);

    impl Sweep for Steps {
        async fn sweep(&self, now: Timestamp, _keep: Retention) -> Result<Swept, workbell_store::Error> {
            self.0.lock().unwrap().push(now);
            Ok(Swept { next: Some(now.plus(HOUR)), ..Swept::default() })
        }

        fn written(&self) -> u64 {
            self.0.lock().unwrap().len() as u64 + self.1.load(Ordering::SeqCst)
        }
    }

    impl Steps {
        fn count(&self) -> usize {
            self.0.lock().unwrap().len()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_bound_on_the_size_each_minute_in_which_something_was_written_has_a_look() {
        let (steps, shutdown) = (Steps::default(), CancellationToken::new());
        let origin = Instant::now();
        let clock =
            Clock::from_fn(move || Timestamp::from_unix_seconds(1_767_225_600).plus(origin.elapsed()));
        let keep = Retention { notifications: 24 * HOUR, log: 24 * HOUR, most_bytes: Some(1) };
        let task = tokio::spawn(sweep(steps.clone(), keep, clock, shutdown.clone()));
        tokio::time::sleep(HOUR / 2).await;
        assert_eq!(steps.count(), 1, "nothing was written");
        for written in 1..=3 {
            steps.1.store(written, Ordering::SeqCst);
            tokio::time::sleep(LONGEST_SLEEP).await;
        }
        assert_eq!(steps.count(), 4);
        shutdown.cancel();
        task.await.unwrap();
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
        let keep = Retention { notifications: 30 * 24 * HOUR, log: 30 * 24 * HOUR, most_bytes: None };
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
