//! A receiver that records each request byte for byte and answers as it is told.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::http::{Reader, header};
use crate::recorded::Recorded;
use crate::wait::PATIENCE;

/// What a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This status, without a body.
    Status(u16),
    /// This status, with what came as the body and in a header.
    Echo(u16),
    /// This status, after a while.
    Late(Duration, u16),
    /// Nothing: the connection is closed.
    Close,
    /// Nothing: the connection stays open until the other side has enough.
    Nothing,
}

/// What `Expect: 100-continue` is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// `100 Continue`, at once.
    Continue,
    /// Nothing: the body has to come by itself.
    Silence,
}

/// A receiver on a port of its own. It ends, with all its connections, when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

type Script = dyn Fn(&Recorded) -> Answer + Send + Sync;

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    expectation: Expectation,
    script: Box<Script>,
}

#[derive(Default)]
struct State {
    requests: Vec<Recorded>,
    /// Arrivals and answers so far.
    count: u64,
    connections: u64,
    open: HashMap<u64, TcpStream>,
    /// The other side of the connection accepted last.
    last: Option<SocketAddr>,
    is_over: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Receiver {
    /// One that answers 200.
    pub fn start() -> Self {
        Receiver::with(Expectation::Continue, |_| Answer::Status(200))
    }

    /// One that asks `script` for each answer.
    pub fn answering(script: impl Fn(&Recorded) -> Answer + Send + Sync + 'static) -> Self {
        Receiver::with(Expectation::Continue, script)
    }

    /// One with all that can be chosen.
    ///
    /// # Panics
    /// When no port is free.
    pub fn with(
        expectation: Expectation,
        script: impl Fn(&Recorded) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            expectation,
            script: Box::new(script),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accept(&listener, &accepting));
        Receiver { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far, in the order of their arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.lock().requests.clone()
    }

    /// Looks at the requests each time that one arrives or is answered, until there is what is looked for.
    ///
    /// # Panics
    /// When it does not come within [`PATIENCE`].
    #[track_caller]
    pub fn wait<T>(&self, what: &str, mut look: impl FnMut(&[Recorded]) -> Option<T>) -> T {
        self.wait_state(what, |state| look(&state.requests))
    }

    #[track_caller]
    fn wait_state<T>(&self, what: &str, mut look: impl FnMut(&State) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.lock();
        loop {
            if let Some(found) = look(&state) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited {PATIENCE:?} for {what}; {} requests came",
                state.requests.len()
            );
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until everything was read that a sender sent which has ended since, and gives the number of requests so
    /// far.
    ///
    /// # Panics
    /// When a connection stays open, or no further one can be made.
    #[track_caller]
    pub fn settle(&self) -> usize {
        // Connections are accepted in their order: when ours is, all before it are.
        let ours = TcpStream::connect(self.address).expect("the receiver can be reached");
        let own = ours.local_addr().expect("a connection has two ends");
        self.wait_state("the last connection", |state| (state.last == Some(own)).then_some(()));
        drop(ours);
        self.wait_state("the end of all connections", |state| {
            state.open.is_empty().then_some(state.requests.len())
        })
    }

    /// Waits until this many requests were answered, and gives all.
    ///
    /// # Panics
    /// When they do not come within [`PATIENCE`].
    #[track_caller]
    pub fn answered(&self, count: usize) -> Vec<Recorded> {
        self.wait(&format!("{count} answered requests"), |requests| {
            let answered = requests.iter().filter(|request| request.answered.is_some()).count();
            (answered >= count).then(|| requests.to_vec())
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_over = true;
        for stream in state.open.values() {
            // One that is closed already is as we want it.
            let _closed = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the thread that accepts.
        let _woken = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits, but not beyond the receiver's end.
    fn pause(&self, time: Duration) {
        let ended = self.changed.wait_timeout_while(self.lock(), time, |state| !state.is_over);
        drop(ended.unwrap_or_else(PoisonError::into_inner));
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let mut state = shared.lock();
        if state.is_over {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Ok(copy) = stream.try_clone() else { continue };
        let connection = state.connections;
        state.connections += 1;
        state.last = copy.peer_addr().ok();
        state.open.insert(connection, copy);
        drop(state);
        let shared = Arc::clone(shared);
        shared.changed.notify_all();
        std::thread::spawn(move || {
            // A connection that breaks is what the other side sees, too.
            let _over = serve(stream, connection, &shared);
            shared.lock().open.remove(&connection);
            shared.changed.notify_all();
        });
    }
}

fn serve(mut stream: TcpStream, connection: u64, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = Reader::new(stream.try_clone()?);
    while let Some(head) = reader.head()? {
        let text = String::from_utf8_lossy(&head).into_owned();
        let came_unasked = reader.has_more();
        if header(&text, "Expect").is_some() && shared.expectation == Expectation::Continue {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let since = Instant::now();
        let length = header(&text, "Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if length > 0 {
            reader.first_byte()?;
        }
        let body_after = since.elapsed();
        let body = reader.body(length)?;
        let mut request =
            Recorded { connection, arrived: 0, answered: None, head, came_unasked, body_after, body };
        let place = {
            let mut state = shared.lock();
            request.arrived = state.count;
            state.count += 1;
            state.requests.push(request.clone());
            state.requests.len() - 1
        };
        shared.changed.notify_all();
        let mut said = Vec::new();
        let status = match (shared.script)(&request) {
            Answer::Status(status) => status,
            Answer::Echo(status) => {
                said = shared.lock().requests[place].body.clone();
                status
            }
            Answer::Late(wait, status) => {
                shared.pause(wait);
                status
            }
            Answer::Close => {
                stream.shutdown(Shutdown::Both)?;
                return Ok(());
            }
            Answer::Nothing => {
                // Ends with the connection.
                let _never = reader.first_byte();
                return Ok(());
            }
        };
        // Counted before it is written: the other side may act on it at once.
        {
            let mut state = shared.lock();
            let count = state.count;
            state.count += 1;
            state.requests[place].answered = Some((count, status));
        }
        let mut answer = format!("HTTP/1.1 {status} Told\r\nContent-Length: {}\r\n", said.len()).into_bytes();
        if !said.is_empty() {
            answer.extend_from_slice(b"X-Heard: ");
            answer.extend_from_slice(&said[..said.len().min(500)]);
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"\r\n");
        answer.extend_from_slice(&said);
        if let Err(error) = stream.write_all(&answer) {
            shared.lock().requests[place].answered = None;
            return Err(error);
        }
        shared.changed.notify_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends this over one connection, and reads until this many answers have come.
    fn send(receiver: &Receiver, bytes: &[u8], answers: usize) -> Vec<u16> {
        let mut stream = TcpStream::connect(receiver.address()).unwrap();
        stream.write_all(bytes).unwrap();
        let mut reader = Reader::new(stream);
        (0..answers).map(|_| reader.reply().unwrap().status).collect()
    }

    #[test]
    fn requests_are_recorded_byte_for_byte_also_when_two_come_at_once() {
        let receiver = Receiver::start();
        let first =
            b"POST /a HTTP/1.1\r\nx-ODD:  two  blanks \r\ncontent-length: 4\r\n\r\n\0\r\n\xff".as_slice();
        let second = b"POST /b HTTP/1.1\r\nContent-Length: 0\r\n\r\n".as_slice();
        assert_eq!(send(&receiver, &[first, second].concat(), 2), [200, 200]);
        let requests = receiver.requests();
        assert_eq!([requests[0].head.as_slice(), &requests[0].body].concat(), first);
        assert_eq!(requests[1].head, second);
        assert_eq!((requests[0].arrived, requests[0].answered), (0, Some((1, 200))));
        assert_eq!((requests[1].arrived, requests[1].answered), (2, Some((3, 200))));
    }

    #[test]
    fn a_body_that_does_not_wait_for_continue_is_noticed() {
        let receiver = Receiver::start();
        let request = b"POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx";
        assert_eq!(send(&receiver, request, 1), [200]);
        assert!(receiver.requests()[0].came_unasked);
    }

    #[test]
    fn to_settle_is_to_have_read_what_ended_senders_sent() {
        let receiver = Receiver::answering(|_| Answer::Nothing);
        for _ in 0..10 {
            send(&receiver, b"POST /a HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", 0);
        }
        assert_eq!(receiver.settle(), 10);
    }
}
