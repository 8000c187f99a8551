//! Jobs: each that is under way has a task that carries it out, step by step.
//!
//! A step is read, told which of its deliveries have an attempt in flight, and handed to the store's writer, which
//! commits it with position and counts. Nothing of a job is kept here, so it goes on after a restart where it stood.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use workbell_model::health::Access;
use workbell_model::job::JobState;
use workbell_model::{EndpointKey, JobId};
use workbell_store::Error;
use workbell_store::job::{Item, JobRecord, Look, MOST_REPLAYS, Step, Walk};

use crate::hub::Hub;

/// How much a job makes up for when its steps were slow.
///
/// 100 ms: a commit takes less, and after a wait for room nothing comes in a rush.
const CATCH_UP: Duration = Duration::from_millis(100);

/// Steps per second at full rate. 20: a step then is short, and one that is lost to a crash is little to do again.
const STEPS_PER_SECOND: u32 = 20;

/// Items of one step at most. 200: a few milliseconds of the writer's time.
const MOST_ITEMS: u32 = 200;

/// Rows that are looked at in one read for a step. 2,000: some milliseconds of one reader.
const ROWS: usize = 2_000;

/// The same for counting. 20,000: some 50 ms of one reader.
const COUNTED_ROWS: usize = 20_000;

/// How long until an endpoint that takes no more replays is looked at again. 25 ms: with a thousand waiting it is not
/// idle before.
const LOOK: Duration = Duration::from_millis(25);

/// How long to wait before what the store refused is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Carries out what is under way, and what is made meanwhile, until the engine stops.
pub(crate) async fn run(hub: Arc<Hub>) {
    let mut known = HashSet::new();
    let mut tasks: JoinSet<JobId> = JoinSet::new();
    let stopping = hub.shared().stopping.clone();
    let mut news = hub.jobs_changed.subscribe();
    loop {
        let again = match hub.shared().store.unfinished_jobs().await {
            Ok(jobs) => {
                for id in jobs.into_iter().map(|job| job.job.id) {
                    if known.insert(id) {
                        tasks.spawn(carry_out(hub.clone(), id));
                    }
                }
                None
            }
            Err(Error::Closed) => return,
            Err(error) => {
                tracing::warn!(%error, "the jobs under way could not be read; trying again");
                Some(Instant::now() + AGAIN)
            }
        };
        if !wait(&hub, &mut news, &mut tasks, &mut known, again).await || stopping.is_cancelled() {
            return;
        }
    }
}

/// Waits until the jobs under way are to be read again; false when the engine stops. A step that the writer has is
/// written all the same.
async fn wait(
    hub: &Hub,
    news: &mut watch::Receiver<u64>,
    tasks: &mut JoinSet<JobId>,
    known: &mut HashSet<JobId>,
    again: Option<Instant>,
) -> bool {
    let timer = async {
        match again {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(timer);
    loop {
        tokio::select! {
            changed = news.changed() => return changed.is_ok(),
            () = hub.shared().stopping.cancelled() => return false,
            () = &mut timer => return true,
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => match ended {
                Ok(id) => drop(known.remove(&id)),
                Err(error) => tracing::error!(%error, "a job broke off; it goes on after a restart"),
            },
        }
    }
}

/// Carries out one job to its end, through any trouble of the store.
async fn carry_out(hub: Arc<Hub>, id: JobId) -> JobId {
    loop {
        match steps(&hub, id).await {
            Ok(()) | Err(Error::Closed | Error::NotFound(_)) => return id,
            Err(error) => {
                tracing::warn!(job = %id, %error, "a step of a job could not be done yet; trying again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

async fn steps(hub: &Hub, id: JobId) -> Result<(), Error> {
    let shared = hub.shared();
    let Some(mut job) = shared.store.job(id, None).await? else { return Ok(()) };
    let mut walks = shared.store.walks(&job).await?;
    if job.total.is_none() {
        let mut total = 0;
        for walk in &walks {
            total += count(hub, &job, walk).await?;
        }
        job = shared.store.counted(id, total, shared.clock.now()).await?;
    }
    let mut pace = Pace::new(job.job.rate);
    let mut news = hub.jobs_changed.subscribe();
    while job.state == JobState::Running {
        walks.retain(|walk| !walk.ended);
        if walks.is_empty() {
            break;
        }
        let mut went_on = false;
        for walk in &mut walks {
            let room = room(hub, walk).await?;
            if room > 0 && job.state == JobState::Running {
                job = step(hub, &job, walk, room, &mut pace).await?;
                went_on = true;
            }
        }
        if !went_on {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                changed = news.changed() => {
                    let Ok(()) = changed else { return Ok(()) };
                    let Some(now) = shared.store.job(id, None).await? else { return Ok(()) };
                    job = now;
                }
            }
        }
    }
    while job.open && job.state == JobState::Cancelled {
        job = shared.store.tidy_job(id, shared.clock.now()).await?;
    }
    Ok(())
}

/// Whether an endpoint is probed now and then instead of being sent to.
fn is_down(hub: &Hub, target: &EndpointKey) -> bool {
    let shared = hub.shared();
    matches!(shared.store.directory().health(target).access(shared.clock.now()), Access::Down(_))
}

/// How many more items a walk may act on now. A Replay waits while its endpoint is down, paused or off, and while a thousand
/// replays wait there.
async fn room(hub: &Hub, walk: &Walk) -> Result<usize, Error> {
    let Some(target) = &walk.target else { return Ok(usize::MAX) };
    let store = &hub.shared().store;
    match store.directory().endpoint(target) {
        // Its walk meets nothing any more, and ends.
        None => Ok(usize::MAX),
        Some(endpoint) if !endpoint.may_send() || is_down(hub, target) => Ok(0),
        Some(_) => {
            let waiting = store.replays(target).await?;
            Ok(usize::try_from(MOST_REPLAYS.saturating_sub(waiting)).unwrap_or(0))
        }
    }
}

async fn count(hub: &Hub, job: &JobRecord, walk: &Walk) -> Result<u64, Error> {
    let look = Look { rows: COUNTED_ROWS, matches: usize::MAX };
    let (mut total, mut after) = (0, walk.after);
    loop {
        let found = hub.shared().store.candidates(job, walk, after, look).await?;
        total += found.items.len() as u64;
        after = found.reached;
        if found.ended {
            return Ok(total);
        }
    }
}

async fn step(
    hub: &Hub,
    job: &JobRecord,
    walk: &mut Walk,
    room: usize,
    pace: &mut Pace,
) -> Result<JobRecord, Error> {
    let shared = hub.shared();
    let look = Look { rows: ROWS, matches: pace.items().min(room) };
    let found = shared.store.candidates(job, walk, walk.after, look).await?;
    let items = found.items.len();
    let in_flight = found.items.iter().filter_map(|item| match item {
        Item::Delivery(no) if hub.in_flight(*no) => Some(*no),
        Item::Delivery(_) | Item::Notification(_) => None,
    });
    let step = Step {
        job: job.job.id,
        walk: walk.no,
        from: walk.after,
        reached: found.reached,
        ended: found.ended,
        in_flight: in_flight.collect(),
        items: found.items,
        now: shared.clock.now(),
    };
    let job = shared.store.step(step).await?;
    if walk.target.is_some() && job.state == JobState::Running {
        // Another job may have taken the room meanwhile; then nothing was carried out.
        let walks = shared.store.walks(&job).await?;
        if let Some(now) = walks.into_iter().find(|now| now.no == walk.no) {
            *walk = now;
        }
    } else {
        (walk.after, walk.ended) = (found.reached, found.ended);
    }
    if job.state == JobState::Running {
        pace.took(items).await;
    }
    Ok(job)
}

/// Keeps to so many items per second.
struct Pace {
    rate: u32,
    next: Instant,
}

impl Pace {
    fn new(rate: u32) -> Self {
        Pace { rate: rate.max(1), next: Instant::now() }
    }

    /// Items of a step.
    fn items(&self) -> usize {
        (self.rate / STEPS_PER_SECOND).clamp(1, MOST_ITEMS) as usize
    }

    /// Waits until as many more may be taken. What the steps themselves take is no reason to fall behind the rate.
    async fn took(&mut self, items: usize) {
        if items == 0 {
            return;
        }
        let share = Duration::from_secs_f64(items as f64 / f64::from(self.rate));
        let now = Instant::now();
        self.next = self.next.max(now.checked_sub(CATCH_UP).unwrap_or(now)) + share;
        tokio::time::sleep_until(self.next).await;
    }
}
