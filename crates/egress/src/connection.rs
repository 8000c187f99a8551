//! One connection to an endpoint, from the look-up of its name to its end.
//!
//! hyper's connection is polled by whoever has the request, not by a task of its own: no wake-up between
//! two tasks per request, and dropping it closes the socket at once.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout, timeout_at};

use crate::body::Outgoing;
use crate::client::Shared;
use crate::dial::Io;
use crate::failure::{Failure, Phase};
use crate::gauge::{Gauge, Gauged};
use crate::pool::Facts;
use crate::tls;
use crate::url::{Host, Target};

/// Addresses of one name that are tried. Enough for both families of every provider seen.
const MAX_ADDRESSES: usize = 16;

/// hyper's buffers per connection: a whole head, and the rest of a read.
const MAX_BUFFER: usize = 64 * 1024;

/// An open connection.
pub(crate) struct Link {
    pub(crate) sender: SendRequest<Outgoing>,
    pub(crate) http: http1::Connection<TokioIo<Gauged>, Outgoing>,
    pub(crate) gauge: Arc<Gauge>,
    /// hyper is through with it; it must not be polled any more.
    pub(crate) ended: bool,
    /// Where it leads.
    pub(crate) target: Arc<Target>,
    /// The address dialled.
    pub(crate) address: SocketAddr,
    /// Version and cipher suite.
    pub(crate) tls: Option<String>,
    /// The certificate of the other side, DER.
    pub(crate) certificate: Option<Arc<[u8]>>,
    /// Since when nobody uses it.
    pub(crate) idle_since: Instant,
}

impl Link {
    /// Lets hyper do what it can do now.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) {
        if !self.ended && Pin::new(&mut self.http).poll(cx).is_ready() {
            self.ended = true;
        }
    }

    /// Whether another request can be sent on it, as far as we can know.
    pub(crate) async fn is_usable(&mut self) -> bool {
        poll_fn(|cx| {
            self.poll(cx);
            Poll::Ready(())
        })
        .await;
        !self.ended && self.sender.is_ready()
    }

    /// Closes an idle connection with a good-bye (`close_notify`), if that can be had without waiting.
    pub(crate) fn close(self) {
        let Link { sender, mut http, ended, .. } = self;
        drop(sender);
        if !ended {
            let _ = Pin::new(&mut http).poll(&mut Context::from_waker(Waker::noop()));
        }
    }
}

/// Opens a connection: every address of the name is judged, one of them is dialled.
pub(crate) async fn connect(
    shared: &Shared,
    target: &Arc<Target>,
    limit: Duration,
    facts: &mut Facts<'_>,
) -> Result<Box<Link>, Failure> {
    let addresses = judged(shared, target, limit, facts).await?;
    let begin = Instant::now();
    let deadline = begin + limit;
    let (io, address) = dial(shared, &addresses, (limit, deadline), facts).await?;
    let (io, tls, certificate) = match target.server_name() {
        None => (io, None, None),
        Some(name) => {
            facts.phase = Phase::Tls;
            let timed = timeout_at(deadline, shared.tls.connect(name, io)).await;
            let stream = timed
                .map_err(|_| Failure::Timeout { phase: Phase::Tls, after: limit })?
                .map_err(Failure::TlsFailed)?;
            let (described, certificate) = (tls::describe(&stream), tls::certificate(&stream));
            (Box::new(stream) as Box<dyn Io>, Some(described), certificate)
        }
    };
    facts.connect_time = Some(begin.elapsed());
    facts.tls.clone_from(&tls);
    facts.certificate.clone_from(&certificate);
    let io = match &shared.overlay {
        Some(overlay) => overlay(io),
        None => io,
    };
    let gauge = Arc::new(Gauge::new());
    let (sender, http) = http1::Builder::new()
        .title_case_headers(true)
        .max_buf_size(MAX_BUFFER)
        .handshake(TokioIo::new(Gauged::new(io, Arc::clone(&gauge))))
        .await
        .map_err(|error| Failure::ConnectFailed { address, reason: error.to_string() })?;
    tracing::debug!(%address, host = target.origin(), "connected");
    let target = Arc::clone(target);
    Ok(Box::new(Link {
        sender,
        http,
        gauge,
        ended: false,
        target,
        address,
        tls,
        certificate,
        idle_since: begin,
    }))
}

/// All addresses of the target; refused as a whole if one of them is.
async fn judged(
    shared: &Shared,
    target: &Target,
    limit: Duration,
    facts: &mut Facts<'_>,
) -> Result<Vec<SocketAddr>, Failure> {
    let found: Vec<IpAddr> = match target.host() {
        Host::Address(address) => vec![*address],
        Host::Name(name) => {
            facts.phase = Phase::Resolve;
            let failed = |reason: String| Failure::ResolveFailed { host: name.clone(), reason };
            let timed = timeout(limit, shared.resolver.resolve(name)).await;
            let found = timed
                .map_err(|_| Failure::Timeout { phase: Phase::Resolve, after: limit })?
                .map_err(|error| failure_text(&error))
                .map_err(failed)?;
            if found.is_empty() {
                return Err(failed("it has no address".to_owned()));
            }
            found
        }
    };
    let addresses: Vec<SocketAddr> = found.into_iter().map(|ip| SocketAddr::new(ip, target.port())).collect();
    for address in &addresses {
        shared.policy.judge(*address).map_err(Failure::AddressRefused)?;
    }
    Ok(addresses)
}

/// Dials the addresses one after the other; each gets its share of the time that is left.
async fn dial(
    shared: &Shared,
    addresses: &[SocketAddr],
    (limit, deadline): (Duration, Instant),
    facts: &mut Facts<'_>,
) -> Result<(Box<dyn Io>, SocketAddr), Failure> {
    facts.phase = Phase::Connect;
    let tried = &addresses[..addresses.len().min(MAX_ADDRESSES)];
    let mut failure = Failure::Timeout { phase: Phase::Connect, after: limit };
    for (i, address) in tried.iter().enumerate() {
        facts.address = Some(*address);
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(tried.len() - i).unwrap_or(1);
        failure = match timeout(share, shared.dialer.dial(*address)).await {
            Ok(Ok(io)) => return Ok((io, *address)),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                Failure::ConnectionRefused(*address)
            }
            Ok(Err(error)) => Failure::ConnectFailed { address: *address, reason: failure_text(&error) },
            Err(_) => Failure::Timeout { phase: Phase::Connect, after: limit },
        };
    }
    Err(failure)
}

/// What the system says, without the number of the error.
fn failure_text(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
