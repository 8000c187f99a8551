//! Takes callers' connections: so many at once, heads within bounds of bytes and time, and an orderly end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::Error;
use crate::patient::Patient;

/// Longest wait for the whole head of a request, and so how long an idle connection is kept.
///
/// 60 s: publishers keep connections for 30 to 90 s, and with a bound on their number nobody gains by holding them.
const LONGEST_HEAD_WAIT: Duration = Duration::from_secs(60);

/// Most bytes of a request's head.
///
/// 64 KiB, what common servers take at most. More is answered with 431. It also is the largest part in which bodies
/// arrive.
const LARGEST_HEAD: usize = 64 << 10;

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
            connections: TaskTracker::new(),
            stop,
            end: CancellationToken::new(),
        }
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
                Ok((stream, _)) => {
                    let connection = serve(stream, router.clone(), callers.clone(), permit);
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

async fn serve(stream: TcpStream, router: Router, callers: Callers, _permit: OwnedSemaphorePermit) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection was gone before it began");
        return;
    }
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(LONGEST_HEAD_WAIT)
        .max_buf_size(LARGEST_HEAD)
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
