//! The receiver of the demo: a small HTTP server that believes nothing.
//!
//! It verifies the token with the published certificates, the signature over the body with the endpoint's secret,
//! that header and body tell of the same thing, and that each work order's notifications come in order and once.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use workbell_wire::certificate::Certificate;
use workbell_wire::token::{self, Expect};
use workbell_wire::webhook_signature::{self, Headers, Secret};

use crate::moment;

/// Longest body that is read, in bytes.
///
/// 1 MiB, four times what the service takes by default.
const LONGEST_BODY: usize = 1024 * 1024;

/// What the receiver found in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Everything holds; the place of the notification among those of its work order.
    Verified {
        /// `Workbell-Sequence`.
        sequence: u64,
    },
    /// It answered 500, as the story wants.
    Hiccup,
    /// A genuine sample, which is no part of the story.
    Sample,
    /// Something is wrong.
    Refused(String),
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    /// `webhook-id`, if there was one.
    pub(crate) message_id: String,
    /// `Workbell-Attempt`.
    pub(crate) attempt: u32,
    /// What the receiver found.
    pub(crate) finding: Finding,
    /// When it had found it.
    pub(crate) at: Instant,
}

/// What the receiver trusts and expects.
pub(crate) struct Trust {
    /// From `GET /certificates`.
    pub(crate) certificates: Vec<Certificate>,
    /// The endpoint's.
    pub(crate) secret: Secret,
    /// The endpoint's id.
    pub(crate) endpoint_id: String,
    /// Origin of the endpoint's URL.
    pub(crate) destination: String,
}

/// A receiver that listens already and trusts nobody yet.
pub(crate) struct Receiver {
    listener: TcpListener,
}

impl Receiver {
    /// Listens on a free port of this machine.
    ///
    /// # Errors
    /// When the system has none.
    pub(crate) async fn bind() -> std::io::Result<Self> {
        Ok(Receiver { listener: TcpListener::bind("127.0.0.1:0").await? })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub(crate) fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Receives for ever; the first attempt of `hiccup` is answered 500. Each arrival is told before its answer.
    pub(crate) async fn run(self, trust: Trust, hiccup: HashSet<String>, arrivals: mpsc::Sender<Arrival>) {
        let desk = Arc::new(Desk { trust, book: Mutex::new(Book { hiccup, ..Book::default() }), arrivals });
        loop {
            let Ok((stream, _)) = self.listener.accept().await else { continue };
            let desk = Arc::clone(&desk);
            let service = service_fn(move |request| {
                let desk = Arc::clone(&desk);
                async move { Ok::<_, std::convert::Infallible>(desk.receive(request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    }
}

/// What was received so far.
#[derive(Default)]
struct Book {
    hiccup: HashSet<String>,
    seen: HashSet<String>,
    last: HashMap<i64, u64>,
}

struct Desk {
    trust: Trust,
    book: Mutex<Book>,
    arrivals: mpsc::Sender<Arrival>,
}

impl Desk {
    async fn receive(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = match Limited::new(body, LONGEST_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return answer(StatusCode::BAD_REQUEST),
        };
        let text = |name: &str| header(&head.headers, name).unwrap_or_default().to_owned();
        let message_id = text(webhook_signature::ID_HEADER);
        let finding = self.judge(&head.headers, &body);
        let status = match &finding {
            Finding::Verified { .. } | Finding::Sample => StatusCode::OK,
            Finding::Hiccup => StatusCode::INTERNAL_SERVER_ERROR,
            Finding::Refused(_) => StatusCode::FORBIDDEN,
        };
        let attempt = text("workbell-attempt").parse().unwrap_or(0);
        let arrival = Arrival { message_id, attempt, finding, at: Instant::now() };
        // There is room for the whole story; when nobody looks any more, the answer still goes out.
        let _ = self.arrivals.try_send(arrival);
        answer(status)
    }

    fn judge(&self, headers: &HeaderMap, body: &[u8]) -> Finding {
        match self.trust.check(headers, body).and_then(|told| self.enter(&told)) {
            Ok(finding) => finding,
            Err(reason) => Finding::Refused(reason),
        }
    }

    /// Writes a genuine notification into the book, if it is the next of its work order. A sample has no place there.
    fn enter(&self, told: &Told) -> Result<Finding, String> {
        let Some(sequence) = told.sequence else { return Ok(Finding::Sample) };
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if book.hiccup.remove(&told.message_id) {
            return Ok(Finding::Hiccup);
        }
        if book.seen.contains(&told.message_id) {
            return Err("it came twice".to_owned());
        }
        let expected = book.last.get(&told.work_order_id).copied().unwrap_or(0) + 1;
        if sequence != expected {
            return Err(format!("out of order: {sequence} came, {expected} was expected"));
        }
        book.last.insert(told.work_order_id, sequence);
        book.seen.insert(told.message_id.clone());
        Ok(Finding::Verified { sequence })
    }
}

/// What a genuine request tells.
struct Told {
    message_id: String,
    work_order_id: i64,
    /// `None` of a sample that somebody sends from the portal.
    sequence: Option<u64>,
}

impl Trust {
    /// Whether the request is genuine and says the same in header and body.
    fn check(&self, headers: &HeaderMap, body: &[u8]) -> Result<Told, String> {
        let demanded = |name: &str| header(headers, name).ok_or_else(|| format!("no header {name}"));
        let now = moment::now();
        let bearer = token::bearer(demanded("authorization")?).ok_or("no bearer token")?;
        let expect = Expect {
            audience: Some(token::DEFAULT_AUDIENCE),
            endpoint: Some(&self.endpoint_id),
            destination: Some(&self.destination),
            ..Expect::at(now)
        };
        let report = token::verify(bearer, &self.certificates, &expect);
        if let Some((check, reason)) = report.failure() {
            return Err(format!("token: {check}: {reason}"));
        }
        if !report.is_valid() {
            return Err("token: not all could be judged".to_owned());
        }
        let id = demanded(webhook_signature::ID_HEADER)?;
        let signed = Headers {
            id,
            timestamp: demanded(webhook_signature::TIMESTAMP_HEADER)?,
            signature: demanded(webhook_signature::SIGNATURE_HEADER)?,
        };
        webhook_signature::Keys::new([&self.secret])
            .verify(&signed, body, now, webhook_signature::TOLERANCE)
            .map_err(|error| format!("signature: {error}"))?;
        let body: Value = serde_json::from_slice(body).map_err(|_| "the body is no JSON")?;
        let about = &body["Header"];
        if about["Action"].as_str() != Some(demanded("event-type")?) {
            return Err("Event-Type and Header.Action differ".to_owned());
        }
        if about["MessageId"].as_str() != Some(id) {
            return Err("webhook-id and Header.MessageId differ".to_owned());
        }
        let sequence = match demanded("workbell-mode")? {
            "test" => None,
            _ => Some(demanded("workbell-sequence")?.parse().map_err(|_| "no sequence")?),
        };
        let work_order_id = about["WorkOrderId"].as_i64().ok_or("no WorkOrderId")?;
        Ok(Told { message_id: id.to_owned(), work_order_id, sequence })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn answer(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
