//! A receiver that answers by script, and writes down all that it sees.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::sync::watch;
use workbell_delivery::{Clock, Open, Post};
use workbell_egress::{Attempted, Continued, Failure, Phase, Request, RetryAfter};
use workbell_wire::Timestamp;

/// Rings when something happened.
#[derive(Clone, Debug)]
pub(crate) struct Bell(watch::Sender<u64>);

impl Bell {
    pub(crate) fn new() -> Self {
        Bell(watch::Sender::new(0))
    }

    pub(crate) fn ring(&self) {
        self.0.send_modify(|count| *count += 1);
    }

    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It is under way.
    Open,
    Status(u16),
    Failed,
    /// The sender went away.
    Cut,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) url: String,
    pub(crate) at: Timestamp,
    pub(crate) work_order_id: i64,
    pub(crate) sequence: u64,
    pub(crate) attempt: u16,
    pub(crate) message_id: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timeout: Duration,
    pub(crate) end: End,
    pub(crate) ended: Timestamp,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Status(u16),
    RetryAfter(u16, RetryAfter),
    Refused,
    /// None: until the sender gives up.
    Hang,
}

pub(crate) type Script = dyn Fn(&Seen) -> (Duration, Answer) + Send + Sync;
/// Looks at what was seen before, and at a request that just came.
pub(crate) type Watch = dyn Fn(&[Seen], &Seen) + Send + Sync;

pub(crate) struct Receiver {
    clock: Clock,
    bell: Bell,
    seen: Mutex<Vec<Seen>>,
    script: Mutex<Arc<Script>>,
    watch: Mutex<Option<Arc<Watch>>>,
}

impl Receiver {
    pub(crate) fn new(clock: Clock, bell: Bell) -> Self {
        let good = Arc::new(|_: &Seen| (Duration::from_millis(10), Answer::Status(200)));
        Receiver { clock, bell, seen: Mutex::default(), script: Mutex::new(good), watch: Mutex::default() }
    }

    pub(crate) fn answers(&self, script: impl Fn(&Seen) -> (Duration, Answer) + Send + Sync + 'static) {
        *self.script.lock().unwrap() = Arc::new(script);
    }

    /// Each with this, after 10 ms.
    pub(crate) fn always(&self, answer: Answer) {
        self.answers(move |_| (Duration::from_millis(10), answer.clone()));
    }

    pub(crate) fn is_watched_by(&self, watch: impl Fn(&[Seen], &Seen) + Send + Sync + 'static) {
        *self.watch.lock().unwrap() = Some(Arc::new(watch));
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub(crate) fn open(&self) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| seen.end == End::Open).count()
    }

    fn came(&self, request: &Request) -> (usize, Seen) {
        let header = |name: &str| request.headers.get(name).map_or("", |value| value.to_str().unwrap());
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let now = self.clock.now();
        let seen = Seen {
            url: request.target.as_str().to_owned(),
            at: now,
            work_order_id: body["Header"]["WorkOrderId"].as_i64().unwrap(),
            // Absent at a replay of what was never delivered before, and at emulated ones.
            sequence: header("workbell-sequence").parse().unwrap_or(0),
            attempt: header("workbell-attempt").parse().unwrap(),
            message_id: body["Header"]["MessageId"].as_str().unwrap().to_owned(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            timeout: request.timeout,
            end: End::Open,
            ended: now,
        };
        let watch = self.watch.lock().unwrap().clone();
        let mut all = self.seen.lock().unwrap();
        if let Some(watch) = watch {
            watch(&all, &seen);
        }
        all.push(seen.clone());
        (all.len() - 1, seen)
    }

    fn went(&self, at: usize, end: End) {
        let mut all = self.seen.lock().unwrap();
        all[at].end = end;
        all[at].ended = self.clock.now();
        drop(all);
        self.bell.ring();
    }

    async fn answer(&self, request: Request) -> Attempted {
        let (at, seen) = self.came(&request);
        self.bell.ring();
        let mut open = OpenRequest { receiver: self, at, end: End::Cut };
        let script = self.script.lock().unwrap().clone();
        let (delay, answer) = script(&seen);
        let times_out = delay >= request.timeout || matches!(answer, Answer::Hang);
        let total = if times_out { request.timeout } else { delay };
        tokio::time::sleep(total).await;
        let timeout = Failure::Timeout { phase: Phase::Head, after: request.timeout };
        let (result, retry_after) = match answer {
            _ if times_out => (Err(timeout), None),
            Answer::Status(status) => (Ok(status), None),
            Answer::RetryAfter(status, wait) => (Ok(status), Some(wait)),
            Answer::Refused => (Err(Failure::ConnectionRefused("192.0.2.1:443".parse().unwrap())), None),
            Answer::Hang => (Err(timeout), None),
        };
        open.end = result.as_ref().map_or(End::Failed, |status| End::Status(*status));
        Attempted {
            result: result.map(|status| StatusCode::from_u16(status).unwrap()),
            response_headers: Vec::new(),
            response_body: String::new(),
            response_cut: false,
            address: None,
            tls: None,
            certificate: None,
            connect_time: None,
            first_byte_time: None,
            total,
            reused: false,
            reconnected: false,
            request_headers: Vec::new(),
            retry_after,
            continued: Continued::NotAsked,
        }
    }
}

/// Writes down the end, also that of a request that is dropped.
struct OpenRequest<'a> {
    receiver: &'a Receiver,
    at: usize,
    end: End,
}

impl Drop for OpenRequest<'_> {
    fn drop(&mut self) {
        self.receiver.went(self.at, self.end);
    }
}

/// The way to the receiver.
pub(crate) struct Door(pub(crate) Arc<Receiver>);

impl Open for Door {
    fn open(&self, _max_connections: usize) -> Arc<dyn Post> {
        Arc::new(Door(self.0.clone()))
    }
}

#[async_trait]
impl Post for Door {
    async fn post(&self, request: Request) -> Attempted {
        self.0.answer(request).await
    }
}
