//! Takes callers' connections: so many at once, heads within bounds of bytes and time, and an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::error::Error;
use crate::patient::Patient;
use crate::peer::{ByHttps, Peer, Trusted};

/// Longest wait for the whole head of a request, and so how long an idle connection is kept.
///
/// 60 s: publishers keep connections for 30 to 90 s, and with a bound on their number nobody gains by holding them.
const LONGEST_HEAD_WAIT: Duration = Duration::from_secs(60);

/// Most bytes of a request's head.
///
/// 32 KiB, as common servers take. More is answered with 431.
const LARGEST_HEAD: usize = 32 << 10;

/// Most bytes that are read at once, and so the largest part in which a body arrives.
///
/// 64 KiB: nearly all notifications are one part, which is never copied.
const LARGEST_PART: usize = 64 << 10;

/// Pause after the system could not give us a connection (it is out of files or memory).
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// A listening socket with what it serves.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

/// What all listeners share.
#[derive(Clone, Debug)]
pub(crate) struct Callers {
    /// One permit per connection.
    room: Arc<Semaphore>,
    /// Whose forwarding headers count.
    trusted: Trusted,
    connections: TaskTracker,
    /// No new requests.
    stop: CancellationToken,
    /// Not even those that are being answered.
    end: CancellationToken,
}

impl Callers {
    /// Room for so many connections.
    pub(crate) fn new(room: usize, stop: CancellationToken) -> Self {
        Callers {
            room: Arc::new(Semaphore::new(room)),
            trusted: Trusted::default(),
            connections: TaskTracker::new(),
            stop,
            end: CancellationToken::new(),
        }
    }

    /// The same behind these proxies.
    pub(crate) fn behind(self, trusted: Trusted) -> Self {
        Callers { trusted, ..self }
    }

    /// Waits until all requests are answered, at most until the deadline; then drops the rest.
    pub(crate) async fn end(self, deadline: Duration) {
        self.connections.close();
        if tokio::time::timeout(deadline, self.connections.wait()).await.is_err() {
            tracing::warn!(connections = self.connections.len(), "dropped requests that did not end in time");
            self.end.cancel();
            self.connections.wait().await;
        }
    }
}

impl Listener {
    /// Listens on an address.
    ///
    /// # Errors
    /// [`Error::Listen`].
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, Error> {
        let failed = |source| Error::Listen { address, source };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Listener { socket, address })
    }

    /// Where it listens, with the port that the system chose for port 0.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes connections until it is to stop.
    pub(crate) async fn run(self, router: Router, callers: Callers) {
        loop {
            let permit = tokio::select! {
                () = callers.stop.cancelled() => return,
                permit = Arc::clone(&callers.room).acquire_owned() => permit.expect("the semaphore is never closed"),
            };
            let accepted = tokio::select! {
                () = callers.stop.cancelled() => return,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = serve(stream, Peer(peer.ip()), router.clone(), callers.clone(), permit);
                    callers.connections.spawn(connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot take a connection");
                    tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                }
            }
        }
    }
}

async fn serve(
    stream: TcpStream,
    peer: Peer,
    router: Router,
    callers: Callers,
    _permit: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it began");
        return;
    }
    let trusted = callers.trusted.clone();
    let service = TowerToHyperService::new(router.map_request(move |mut request: Request<Incoming>| {
        let caller = trusted.caller(peer, request.headers());
        if trusted.says_https(peer, request.headers()) {
            request.extensions_mut().insert(ByHttps);
        }
        request.extensions_mut().insert(caller);
        request
    }));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(LONGEST_HEAD_WAIT)
        .max_header_size(LARGEST_HEAD)
        .max_buf_size(LARGEST_PART)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    tokio::pin!(connection);
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection broke");
                }
                return;
            }
            () = callers.stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = callers.end.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn start(room: usize) -> (SocketAddr, Callers, tokio::task::JoinHandle<()>) {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let (address, stop) = (listener.address(), CancellationToken::new());
        let callers = Callers::new(room, stop);
        let router = Router::new().route("/", get(|| async { "yes" }));
        let running = tokio::spawn(listener.run(router, callers.clone()));
        (address, callers, running)
    }

    async fn answer(stream: &mut TcpStream, request: &str) -> String {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = vec![0; 4096];
        let length = stream.read(&mut text).await.unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_end_is_given_up() {
        let (address, _callers, _running) = start(8).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n").await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{rest:?}");
    }

    #[tokio::test]
    async fn every_request_says_where_it_comes_from() {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let (address, callers) = (listener.address(), Callers::new(8, CancellationToken::new()));
        let name = |request: Request<axum::body::Body>| async move { Peer::name(request.extensions()) };
        let _running = tokio::spawn(listener.run(Router::new().route("/", get(name)), callers));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let answer = answer(&mut stream, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(answer.ends_with("\r\n127.0.0.1"), "{answer}");
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_is_refused() {
        let (address, _callers, _running) = start(8).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(LARGEST_HEAD));
        let answer = answer(&mut stream, &request).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }

    #[tokio::test]
    async fn more_connections_than_there_is_room_for_wait_for_their_turn() {
        let (address, _callers, _running) = start(1).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        assert!(answer(&mut first, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.ends_with("yes"));
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        // The first is answered again while the second waits in the system's queue.
        assert!(answer(&mut first, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.ends_with("yes"));
        drop(first);
        assert!(answer(&mut second, "").await.ends_with("yes"));
    }

    #[tokio::test]
    async fn at_the_end_idle_connections_are_closed_and_none_is_taken() {
        let (address, callers, running) = start(8).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(answer(&mut stream, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.ends_with("yes"));
        callers.stop.cancel();
        running.await.unwrap();
        callers.end(Duration::from_secs(10)).await;
        assert_eq!(stream.read(&mut [0; 10]).await.unwrap(), 0);
        assert!(TcpStream::connect(address).await.is_err());
    }
}
