//! A bare receiver: reads the whole body, answers 200, counts, and remembers when what arrived.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::Notify;

pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    count: AtomicU64,
    wanted: AtomicU64,
    reached: Notify,
    /// Path and time of each arrival, while that is asked for.
    arrivals: Mutex<Option<Vec<(String, Instant)>>>,
    records: std::sync::atomic::AtomicBool,
}

impl Receiver {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let accepting = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Without it only the measurement would be worse.
                let _unset = stream.set_nodelay(true);
                let shared = accepting.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(shared.clone(), request));
                    let serving = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service);
                    // A connection that breaks shows as notifications that do not arrive.
                    let _broken = serving.await;
                });
            }
        });
        Ok(Receiver { address, shared })
    }

    pub(super) fn count(&self) -> u64 {
        self.shared.count.load(Ordering::Acquire)
    }

    /// Waits until so many arrived in all.
    pub(super) async fn reach(&self, count: u64) {
        self.shared.wanted.store(count, Ordering::Release);
        while self.count() < count {
            let reached = self.shared.reached.notified();
            if self.count() >= count {
                return;
            }
            reached.await;
        }
    }

    pub(super) fn record(&self, on: bool) {
        *self.shared.arrivals.lock().unwrap_or_else(PoisonError::into_inner) = on.then(Vec::new);
        self.shared.records.store(on, Ordering::Release);
    }

    /// What arrived since recording began: value of `webhook-id` and time.
    pub(super) fn take_arrivals(&self) -> Vec<(String, Instant)> {
        self.shared.arrivals.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default()
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let id = if shared.records.load(Ordering::Acquire) {
        request.headers().get("webhook-id").and_then(|id| id.to_str().ok()).map(str::to_owned)
    } else {
        None
    };
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    if let Some(id) = id
        && let Some(arrivals) = shared.arrivals.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
    {
        arrivals.push((id, Instant::now()));
    }
    let count = shared.count.fetch_add(1, Ordering::AcqRel) + 1;
    if count >= shared.wanted.load(Ordering::Acquire) {
        shared.reached.notify_waiters();
        shared.reached.notify_one();
    }
    Ok(Response::new(Empty::new()))
}
