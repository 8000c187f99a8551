//! A bare HTTP client: connections that post one body after the other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// One connection.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // Its end shows at the sender.
            let _ended = connection.await;
        });
        Ok(Connection { sender })
    }

    /// Posts one body and reads the whole answer.
    pub(super) async fn post(&mut self, target: &Target, body: Bytes) -> anyhow::Result<(u16, Bytes)> {
        let mut request = Request::post(target.path.as_str())
            .header("host", target.host.as_str())
            .header("content-type", "application/json; charset=utf-8");
        if let Some(key) = &target.key {
            request = request.header("authorization", key.as_str());
        }
        self.sender.ready().await?;
        let answer = self.sender.send_request(request.body(Full::new(body))?).await?;
        let status = answer.status().as_u16();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}

/// Where requests go.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) key: Option<String>,
}

/// Posts the bodies on so many connections, as quickly as they are answered; each must be a 2xx.
pub(super) async fn post_all(
    target: &Target,
    connections: usize,
    bodies: Vec<Bytes>,
) -> anyhow::Result<Duration> {
    let bodies = Arc::new(bodies);
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(target.address).await?);
    }
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for mut connection in open {
        let (bodies, next, target) = (bodies.clone(), next.clone(), target.clone());
        tasks.spawn(async move {
            loop {
                let place = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(body) = bodies.get(place) else { return anyhow::Ok(()) };
                loop {
                    let (status, answer) = connection.post(&target, body.clone()).await?;
                    if status == 503 {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                        continue;
                    }
                    ensure!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(&answer));
                    break;
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(began.elapsed())
}
