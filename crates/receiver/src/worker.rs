//! A thread that hands over what an inbox keeps, as soon as it can.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use workbell_wire::Timestamp;

use crate::inbox::{Error, FIRST_WAIT, Failure, HandOver, Inbox, Message, REMEMBER};

/// Longest sleep while nothing is due.
///
/// 60 s: a wake-up is a hint, looking is the truth.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// How often what is older than [`REMEMBER`] is forgotten.
///
/// 1 h: a step is then an hour's worth of MessageIds.
const FORGETS_EVERY: Duration = Duration::from_secs(3600);

/// Hands over until it is dropped, and forgets MessageIds that are older than [`REMEMBER`]; the drop waits for the hand-over that is going on.
#[derive(Debug)]
pub struct Worker {
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Bell {
    state: Mutex<BellState>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct BellState {
    rung: bool,
    stop: bool,
}

impl Worker {
    /// Starts the thread. `handler` does the work; `trouble` is told what went wrong (for a log): a handler's failure
    /// with the notification it failed on, or an error of the inbox.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start<I: Inbox>(
        inbox: Arc<I>,
        mut handler: impl FnMut(&mut I::Transaction<'_>, &Message) -> Result<(), Failure> + Send + 'static,
        mut trouble: impl FnMut(Trouble) + Send + 'static,
    ) -> std::io::Result<Self> {
        let bell = Arc::new(Bell::default());
        let heard = bell.clone();
        let run = move || {
            let mut forgot = Timestamp::EPOCH;
            while !heard.stopped() {
                let now = Timestamp::from_system(SystemTime::now());
                if now.since(forgot) >= FORGETS_EVERY {
                    forgot = now;
                    if let Err(error) = inbox.forget(now.minus(REMEMBER)) {
                        trouble(Trouble::Inbox(error));
                    }
                }
                match inbox.hand_over(now, &mut handler) {
                    Ok(HandOver::Done(_)) => {}
                    Ok(HandOver::Failed { message, failure, .. }) => {
                        trouble(Trouble::Handler(message, failure));
                    }
                    Ok(HandOver::Nothing(due)) => {
                        heard.wait(due.map_or(LONGEST_SLEEP, |due| due.since(now)).min(LONGEST_SLEEP));
                    }
                    Err(error) => {
                        trouble(Trouble::Inbox(error));
                        heard.wait(FIRST_WAIT);
                    }
                }
            }
        };
        let thread = std::thread::Builder::new().name("workbell-inbox".to_owned()).spawn(run)?;
        Ok(Worker { bell, thread: Some(thread) })
    }

    /// Something was kept: look at once. Cheap; call it after each [`Kept::Fresh`](crate::Kept::Fresh).
    pub fn wake(&self) {
        self.bell.ring(false);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.bell.ring(true);
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ended = thread.join();
        }
    }
}

/// What a worker met and goes on after.
#[derive(Debug)]
pub enum Trouble {
    /// The handler failed on this notification; it is handed over again later.
    Handler(Box<Message>, Failure),
    /// The inbox could not be read or written.
    Inbox(Error),
}

impl Bell {
    fn ring(&self, stop: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.rung = true;
        state.stop |= stop;
        self.rung.notify_all();
    }

    fn stopped(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stop
    }

    /// Returns when it was rung since the last wait, or after `longest`.
    fn wait(&self, longest: Duration) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.rung.wait_timeout_while(state, longest, |state| !state.rung);
        waited.unwrap_or_else(PoisonError::into_inner).0.rung = false;
    }
}
