//! The connections of one endpoint, and how an attempt uses them.
//!
//! Idle connections are kept for four seconds (Node closes after five) and taken newest first. One task
//! reaps them, and only while there are any. A pool also has the endpoint's memory of `Expect`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::{Response, StatusCode, Version};
use hyper::body::Incoming;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::answer::{body_as_text, headers_as_text, retry_after};
use crate::attempted::{Attempted, Continued};
use crate::client::Shared;
use crate::connection::{Link, connect};
use crate::expect::{Expectation, Memory};
use crate::failure::{Closed, Failure, Phase};
use crate::gauge::Gauge;
use crate::request::{Request, SentHeader, head, logged};
use crate::url::Target;

/// How long an idle connection is kept. Source: service.md section 6.
pub const IDLE_LIMIT: Duration = Duration::from_secs(4);

/// The connections of one endpoint. Cheap to clone; all clones share them.
#[derive(Clone)]
pub struct Pool {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    slots: Semaphore,
    idle: Mutex<Idle>,
    habits: Mutex<Habits>,
}

/// How the endpoint treats `Expect`.
#[derive(Default)]
struct Habits {
    /// Of this URL; empty at first.
    url: String,
    memory: Memory,
}

#[derive(Default)]
struct Idle {
    /// Oldest first.
    #[expect(clippy::vec_box, reason = "a connection is large and handed on many times")]
    links: Vec<Box<Link>>,
    /// A task waits to reap them.
    reaped: bool,
}

/// What an attempt learns on its way; it outlives the part of it that a timeout cuts off.
pub(crate) struct Facts<'pool> {
    pub(crate) phase: Phase,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) tls: Option<String>,
    pub(crate) certificate: Option<Arc<[u8]>>,
    pub(crate) connect_time: Option<Duration>,
    reused: bool,
    reconnected: bool,
    request_headers: Vec<SentHeader>,
    continued: Continued,
    gauge: Option<Arc<Gauge>>,
    _slot: Option<SemaphorePermit<'pool>>,
}

impl Pool {
    pub(crate) fn new(shared: Arc<Shared>, max_connections: usize) -> Pool {
        let inner = Inner {
            shared,
            slots: Semaphore::new(max_connections.clamp(1, Semaphore::MAX_PERMITS)),
            idle: Mutex::default(),
            habits: Mutex::default(),
        };
        Pool { inner: Arc::new(inner) }
    }

    /// Makes one attempt.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes its connection; the endpoint may or may not have received the request.
    pub async fn send(&self, request: Request) -> Attempted {
        let begin = Instant::now();
        let mut facts = Facts::new();
        let timed = timeout_at(begin + request.timeout, self.answer(&request, &mut facts)).await;
        let answered = timed.unwrap_or_else(|_| Err(facts.timeout(request.timeout)));
        let (link, answer) = match answered {
            Ok(answered) => answered,
            Err(failure) => return facts.attempted(begin, Err(failure)),
        };
        self.finish(link, answer, &request, (begin, facts)).await
    }

    /// Closes all idle connections.
    pub fn close_idle(&self) {
        let links = std::mem::take(&mut lock(&self.inner.idle).links);
        links.into_iter().for_each(|link| link.close());
    }

    /// How many idle connections there are.
    pub fn idle_connections(&self) -> usize {
        lock(&self.inner.idle).links.len()
    }

    /// Gets the head of the final answer, over as many connections as the rules allow.
    async fn answer<'pool>(
        &'pool self,
        request: &Request,
        facts: &mut Facts<'pool>,
    ) -> Result<(Box<Link>, Response<Incoming>), Failure> {
        self.inner.shared.policy.judge_target(&request.target)?;
        facts._slot = self.inner.slots.acquire().await.ok();
        let mut expectation = self.expectation(request);
        let mut link = self.idle_link(&request.target).await;
        loop {
            let mut current = match link.take() {
                Some(link) => facts.reuse(link),
                None => {
                    facts.reused = false;
                    connect(&self.inner.shared, &request.target, request.connect_timeout, facts).await?
                }
            };
            match self.try_link(&mut current, request, expectation, facts).await {
                Tried::Answered(answer) => return Ok((current, answer)),
                Tried::WithoutExpect => {
                    expectation = Expectation::Off;
                    facts.continued = Continued::Resent;
                }
                Tried::Failed(Failure::ConnectionClosed(Closed::BeforeAnswer)) if facts.reused => {
                    facts.reconnected = true;
                }
                Tried::Failed(failure) => return Err(failure),
            }
        }
    }

    /// One request over one connection, judged by the rules of `Expect`.
    async fn try_link(
        &self,
        link: &mut Link,
        request: &Request,
        expectation: Expectation,
        facts: &mut Facts<'_>,
    ) -> Tried {
        let head = head(request, expectation != Expectation::Off);
        facts.begin(link, logged(&head));
        let body = request.body.clone();
        let answer = match link.exchange(&request.target, head, body, expectation).await {
            Ok(answer) => answer,
            Err(failure) => {
                self.learn(link, expectation, None, facts);
                return Tried::Failed(failure);
            }
        };
        self.learn(link, expectation, Some(answer.status()), facts);
        let early = link.gauge.is_early();
        match (answer.status(), expectation) {
            (StatusCode::EXPECTATION_FAILED, Expectation::Wait | Expectation::Skip) => Tried::WithoutExpect,
            (status, Expectation::Off) if early && status.is_success() => Tried::Failed(Failure::EarlyAnswer),
            (status, _) if early && status.is_success() => Tried::WithoutExpect,
            _ => Tried::Answered(answer),
        }
    }

    /// Remembers how the endpoint treated the expectation.
    fn learn(
        &self,
        link: &Link,
        expectation: Expectation,
        status: Option<StatusCode>,
        facts: &mut Facts<'_>,
    ) {
        let gauge = &link.gauge;
        if expectation == Expectation::Wait {
            facts.continued = match (gauge.was_continued(), gauge.is_released(), status) {
                (true, _, _) => Continued::Continued100,
                (false, false, Some(_)) => Continued::AnsweredEarly,
                (false, true, _) | (false, false, None) => Continued::NoContinue,
            };
            // a connection that broke says nothing about the habits of the endpoint
            match (gauge.was_continued(), status) {
                (true, _) => lock(&self.inner.habits).memory.continued(),
                (false, Some(_)) => lock(&self.inner.habits).memory.missed(Instant::now()),
                (false, None) => {}
            }
        } else if expectation == Expectation::Skip {
            facts.continued = Continued::WaitSkipped;
        }
        if expectation != Expectation::Off && status == Some(StatusCode::EXPECTATION_FAILED) {
            lock(&self.inner.habits).memory.refused(Instant::now());
        }
    }

    fn expectation(&self, request: &Request) -> Expectation {
        if !request.expect_continue || request.body.is_empty() {
            return Expectation::Off;
        }
        let mut habits = lock(&self.inner.habits);
        if habits.url != request.target.as_str() {
            let memory = lock(&self.inner.shared.memories).take(request.target.as_str());
            *habits = Habits { url: request.target.as_str().to_owned(), memory };
        }
        habits.memory.expectation(Instant::now())
    }

    /// Reads the body for the log, decides about the connection, tells it all.
    async fn finish(
        &self,
        mut link: Box<Link>,
        answer: Response<Incoming>,
        request: &Request,
        (begin, facts): (Instant, Facts<'_>),
    ) -> Attempted {
        let first_byte = link.gauge.first_byte().unwrap_or_else(Instant::now);
        let (parts, body) = answer.into_parts();
        let early = link.gauge.is_early();
        if early {
            link.gauge.halt();
        }
        let read = link.read(body, request.response_limit).await;
        let keep = !early && !read.cut && parts.version == Version::HTTP_11;
        if keep && (link.sender.is_ready() || link.is_usable().await) && !link.ended {
            self.keep(link);
        }
        let mut attempted = facts.attempted(begin, Ok(parts.status));
        attempted.first_byte_time = Some(first_byte.saturating_duration_since(begin));
        attempted.response_headers = headers_as_text(&parts.headers);
        attempted.response_body = body_as_text(&read.bytes, read.cut);
        attempted.response_cut = read.cut;
        attempted.retry_after = retry_after(&parts.headers);
        attempted
    }

    /// The newest idle connection to the target that still lives.
    async fn idle_link(&self, target: &Target) -> Option<Box<Link>> {
        loop {
            let mut link = lock(&self.inner.idle).links.pop()?;
            let fresh = link.idle_since.elapsed() < IDLE_LIMIT && link.target.origin() == target.origin();
            let allowed = self.inner.shared.policy.judge(link.address).is_ok();
            if fresh && allowed && link.is_usable().await {
                return Some(link);
            }
        }
    }

    /// Keeps a connection for the next attempt.
    fn keep(&self, mut link: Box<Link>) {
        link.idle_since = Instant::now();
        let mut idle = lock(&self.inner.idle);
        idle.links.push(link);
        if !idle.reaped {
            idle.reaped = true;
            tokio::spawn(reap(Arc::downgrade(&self.inner)));
        }
    }
}

/// What it learnt outlives it.
impl Drop for Inner {
    fn drop(&mut self) {
        let habits = std::mem::take(self.habits.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !habits.url.is_empty() {
            lock(&self.shared.memories).keep(habits.url, habits.memory, Instant::now());
        }
    }
}

enum Tried {
    Answered(Response<Incoming>),
    /// The endpoint cannot deal with `Expect`: once more without.
    WithoutExpect,
    Failed(Failure),
}

/// Closes connections when their time is over; ends with the last of them.
async fn reap(pool: Weak<Inner>) {
    loop {
        let Some(inner) = pool.upgrade() else { return };
        let now = Instant::now();
        let (over, next) = {
            let mut idle = lock(&inner.idle);
            let count = idle.links.iter().take_while(|link| link.idle_since + IDLE_LIMIT <= now).count();
            let over = idle.links.drain(..count).collect::<Vec<_>>();
            let next = idle.links.first().map(|link| link.idle_since + IDLE_LIMIT);
            idle.reaped = next.is_some();
            (over, next)
        };
        drop(inner);
        over.into_iter().for_each(|link| link.close());
        match next {
            Some(next) => sleep_until(next).await,
            None => return,
        }
    }
}

impl<'pool> Facts<'pool> {
    pub(crate) fn new() -> Facts<'pool> {
        Facts {
            phase: Phase::Slot,
            address: None,
            tls: None,
            certificate: None,
            connect_time: None,
            reused: false,
            reconnected: false,
            request_headers: Vec::new(),
            continued: Continued::NotAsked,
            gauge: None,
            _slot: None,
        }
    }

    fn reuse(&mut self, link: Box<Link>) -> Box<Link> {
        self.reused = true;
        self.address = Some(link.address);
        self.tls.clone_from(&link.tls);
        self.certificate.clone_from(&link.certificate);
        link
    }

    fn begin(&mut self, link: &Link, headers: Vec<SentHeader>) {
        self.phase = Phase::Head;
        self.request_headers = headers;
        self.gauge = Some(Arc::clone(&link.gauge));
    }

    /// The failure of an attempt whose time ran out.
    fn timeout(&self, after: Duration) -> Failure {
        let sent = self.gauge.as_ref().is_none_or(|gauge| gauge.is_complete());
        let phase = if self.phase == Phase::Head && !sent { Phase::Write } else { self.phase };
        Failure::Timeout { phase, after }
    }

    fn attempted(self, begin: Instant, result: Result<StatusCode, Failure>) -> Attempted {
        Attempted {
            result,
            response_headers: Vec::new(),
            response_body: String::new(),
            response_cut: false,
            address: self.address,
            tls: self.tls,
            certificate: self.certificate,
            connect_time: self.connect_time,
            first_byte_time: None,
            total: begin.elapsed(),
            reused: self.reused,
            reconnected: self.reconnected,
            request_headers: self.request_headers,
            retry_after: None,
            continued: self.continued,
        }
    }
}

/// A lock that a panic elsewhere does not make unusable: what it guards is whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
