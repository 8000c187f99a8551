//! The real binary as a process.

use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::platform::Platform;
use crate::wait::{PATIENCE, wait_for};

/// What the service writes when it listens, before the address.
const LISTENING: &str = "listening address=";

/// A running `workbell serve`. It is killed when it is dropped; what it wrote is shown when a test fails.
#[derive(Debug)]
pub struct Server {
    child: Child,
    output: Arc<Output>,
    address: SocketAddr,
    data_dir: PathBuf,
    is_over: bool,
}

/// How a server ended.
#[derive(Debug)]
pub struct Ended {
    /// As the system tells it.
    pub status: ExitStatus,
    /// All that it wrote to standard error.
    pub said: String,
}

impl Ended {
    /// Its exit status; `None` when a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// The error that it ended with, as people read it; empty when there is none.
    pub fn error(&self) -> &str {
        self.said.split_once("error: ").map_or("", |(_, error)| error.trim_end())
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; it said:\n{}", self.status, self.said)
    }
}

/// What a process writes to standard error, as it comes.
#[derive(Debug, Default)]
struct Output {
    state: Mutex<(String, bool)>,
    changed: Condvar,
}

impl Output {
    fn lock(&self) -> MutexGuard<'_, (String, bool)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for what `look` finds, or for the end (`None`).
    #[track_caller]
    fn wait<T>(&self, mut look: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.lock();
        loop {
            if let Some(found) = look(&state.0) {
                return Some(found);
            }
            if state.1 {
                return None;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "waited {PATIENCE:?} for the server; it said:\n{}", state.0);
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Server {
    pub(crate) fn start(mut command: Command, data_dir: &Path) -> Result<Server, Ended> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let output = Arc::new(Output::default());
        let stderr = child.stderr.take().expect("it is piped");
        let copy = Arc::clone(&output);
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stderr);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                copy.lock().0.push_str(&String::from_utf8_lossy(&line));
                copy.changed.notify_all();
                line.clear();
            }
            copy.lock().1 = true;
            copy.changed.notify_all();
        });
        let address = output.wait(|said| {
            let rest = said.split_once(LISTENING)?.1;
            rest.split_once(|letter: char| letter.is_whitespace())?.0.parse().ok()
        });
        match address {
            Some(address) => {
                Ok(Server { child, output, address, data_dir: data_dir.to_owned(), is_over: false })
            }
            None => {
                let status = child.wait().expect("it can be waited for");
                let said = output.lock().0.clone();
                Err(Ended { status, said })
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A caller with the platform key, on a connection of its own.
    ///
    /// # Panics
    /// When the key cannot be read.
    pub fn platform(&self) -> Platform {
        let path = self.data_dir.join("platform.key");
        let key = std::fs::read_to_string(&path);
        let key = key.unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
        Platform::new(self.address, key.trim())
    }

    /// All that it wrote to standard error so far.
    pub fn said(&self) -> String {
        self.output.lock().0.clone()
    }

    /// Waits until it has written this.
    ///
    /// # Panics
    /// When it ends, or nothing comes, before.
    #[track_caller]
    pub fn wait_until_it_says(&self, words: &str) {
        let found = self.output.wait(|said| said.contains(words).then_some(()));
        assert!(found.is_some(), "the server ended without {words:?}; it said:\n{}", self.said());
    }

    /// SIGKILL, at once.
    pub fn kill(mut self) {
        self.end_now();
    }

    /// SIGTERM; waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn terminate(mut self) -> Ended {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process has an id");
        kill_process(pid, Signal::TERM).expect("our own child can be signalled");
        self.wait()
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn ends(mut self) -> Ended {
        self.wait()
    }

    /// Whether it still runs.
    ///
    /// # Panics
    /// When the system does not tell.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be looked at").is_none()
    }

    #[track_caller]
    fn wait(&mut self) -> Ended {
        let child = &mut self.child;
        let status =
            wait_for("the end of the server", || child.try_wait().expect("a child can be looked at"));
        self.is_over = true;
        // Its last words may still be on their way.
        let _ended = self.output.wait(|_| None::<()>);
        Ended { status, said: self.said() }
    }

    fn end_now(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
        self.is_over = true;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.is_over {
            self.end_now();
        }
        if std::thread::panicking() {
            let said = self.said();
            // The end is what matters, and thousands of lines would hide the rest.
            let start = said.len().saturating_sub(8 << 10);
            let start = (start..said.len()).find(|at| said.is_char_boundary(*at)).unwrap_or(said.len());
            eprintln!("--- the server on {} said (end of it):\n{}---", self.address, &said[start..]);
        }
    }
}
