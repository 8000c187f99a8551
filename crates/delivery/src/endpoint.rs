//! The task of one active endpoint. It owns the endpoint's window, connections, token and rate, starts attempts while
//! slots are free, and ends when nothing is left to do for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use http::header::HeaderValue;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::Instant;
use workbell_model::{Endpoint, EndpointKey, Transition, Undelivered};
use workbell_signing::TokenCache;
use workbell_store::record::DueLanes;

use crate::attempt::{self, Ended};
use crate::engine::Shared;
use crate::hub::Hub;
use crate::inbox::Inbox;
use crate::lane::DEPTH;
use crate::post::Post;
use crate::rate::Rate;
use crate::template::{Template, Unusable};
use crate::window::{Read, Window};

/// How long a task stays without anything to do. 20 s: longer than connections are kept, so that an endpoint with a
/// notification now and then keeps its token and its connection.
const LINGER: Duration = Duration::from_secs(20);

/// How long to wait before a read of the store that failed is tried again.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// Deliveries behind each due head that a refill brings.
const BEHIND: usize = 8;

/// What a read brought.
enum Brought {
    DueLanes(DueLanes),
    Lane(Vec<Undelivered>),
}

pub(crate) struct Task {
    hub: Arc<Hub>,
    shared: Arc<Shared>,
    key: EndpointKey,
    inbox: Arc<Inbox>,
    window: Window,
    endpoint: Option<Arc<Endpoint>>,
    template: Option<Result<Arc<Template>, Unusable>>,
    tokens: TokenCache,
    bearer: Option<(Arc<workbell_signing::MintedToken>, HeaderValue)>,
    post: Option<Arc<dyn Post>>,
    rate: Rate,
    reads: JoinSet<(Read, Result<Brought, workbell_store::Error>)>,
    read_again: Option<Instant>,
    load: Arc<Load>,
    idle_since: Option<Instant>,
}

/// What the attempts of an endpoint tell its task.
#[derive(Debug, Default)]
struct Load {
    running: AtomicUsize,
    /// The task waits for one of them to end.
    wanted: AtomicBool,
}

/// Why no further attempt starts at present.
enum Blocked {
    /// Nothing is ready.
    Nothing,
    /// A slot of the node is needed.
    Slot,
    /// Until this moment.
    Until(Instant),
}

impl Task {
    pub(crate) fn new(hub: Arc<Hub>, key: EndpointKey, inbox: Arc<Inbox>) -> Self {
        let shared = hub.shared().clone();
        Task {
            hub,
            shared,
            key,
            inbox,
            window: Window::new(),
            endpoint: None,
            template: None,
            tokens: TokenCache::new(),
            bearer: None,
            post: None,
            rate: Rate::new(None),
            reads: JoinSet::new(),
            read_again: None,
            load: Arc::default(),
            idle_since: None,
        }
    }

    pub(crate) async fn run(mut self) {
        self.look_up();
        loop {
            self.work_off_inbox();
            let blocked = self.start_attempts(None);
            self.start_reads();
            if self.shared.stopping.is_cancelled() {
                return;
            }
            if self.may_sleep() && self.hub.go_to_sleep(&self.key, &self.inbox, self.window.next_due()) {
                return;
            }
            self.wait(blocked).await;
        }
    }

    /// Waits until something may be done.
    async fn wait(&mut self, blocked: Blocked) {
        let timer = self.next_timer(&blocked);
        let slots = self.shared.slots.clone();
        let wants_slot = matches!(blocked, Blocked::Slot);
        let slot = async {
            if wants_slot { slots.acquire_owned().await.ok() } else { std::future::pending().await }
        };
        let timer = async {
            match timer {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.inbox.woken() => {}
            Some(read) = self.reads.join_next(), if !self.reads.is_empty() => self.brought(read),
            permit = slot => drop(self.start_attempts(permit)),
            () = timer => {}
            () = self.shared.stopping.cancelled() => {}
        }
    }

    fn next_timer(&self, blocked: &Blocked) -> Option<Instant> {
        let due = self.window.next_due().map(|due| self.shared.clock.instant_of(due));
        let rate = match blocked {
            Blocked::Until(at) => Some(*at),
            Blocked::Nothing | Blocked::Slot => None,
        };
        let linger = self.idle_since.map(|since| since + LINGER);
        [due, rate, linger, self.read_again].into_iter().flatten().min()
    }

    /// True when there was nothing to do for a while.
    fn may_sleep(&mut self) -> bool {
        let idle =
            self.window.is_idle() && self.reads.is_empty() && self.load.running.load(Ordering::Acquire) == 0;
        if !idle {
            self.idle_since = None;
            return false;
        }
        let now = Instant::now();
        now >= *self.idle_since.get_or_insert(now) + LINGER
    }

    fn work_off_inbox(&mut self) {
        let events = self.inbox.take();
        let now = self.shared.clock.now();
        if events.endpoint_changed {
            self.look_up();
        }
        for fresh in events.fresh {
            self.window.fresh(fresh);
        }
        if events.overflowed {
            self.window.overflowed();
        }
        for completed in events.completed {
            self.window.completed(completed, now);
        }
        for work_order_id in events.changed_lanes {
            self.window.lane_changed(work_order_id);
        }
        if events.all_changed || events.endpoint_changed {
            self.window.reload_all();
        }
        if !self.may_send() {
            self.window.clear();
        }
    }

    fn may_send(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| endpoint.may_send())
    }

    /// Reads the endpoint's configuration and forgets what was made from an older one.
    fn look_up(&mut self) {
        self.endpoint = self.shared.store.directory().endpoint(&self.key);
        self.template = None;
        let Some(endpoint) = &self.endpoint else { return };
        self.rate.set(endpoint.settings.rate_per_second);
        let connections = usize::from(concurrency(endpoint, &self.shared));
        // A pool remembers what the receiver does with `Expect`; another number of connections needs another pool.
        self.post = Some(self.shared.open.open(connections));
    }

    /// Starts attempts while there is something to try and room to try it.
    fn start_attempts(&mut self, mut permit: Option<OwnedSemaphorePermit>) -> Blocked {
        loop {
            if !self.window.has_next()
                || !self.may_send()
                || self.shared.stopping.is_cancelled()
                || self.shared.store.trouble().is_some()
            {
                return Blocked::Nothing;
            }
            if self.is_full() {
                return Blocked::Nothing;
            }
            let slot = match permit.take() {
                Some(slot) => slot,
                None => match self.shared.slots.clone().try_acquire_owned() {
                    Ok(slot) => slot,
                    Err(_) => return Blocked::Slot,
                },
            };
            if let Err(at) = self.rate.take() {
                return Blocked::Until(at);
            }
            let Some(delivery) = self.window.next(self.shared.clock.now()) else { return Blocked::Nothing };
            if delivery.wish.is_some() {
                self.settle(&delivery);
            } else {
                self.start(delivery, slot);
            }
        }
    }

    /// Whether the endpoint has as many attempts in flight as it may; then the end of one will wake the task.
    fn is_full(&self) -> bool {
        let most =
            self.endpoint.as_ref().map_or(1, |endpoint| usize::from(concurrency(endpoint, &self.shared)));
        if self.load.running.load(Ordering::Acquire) < most {
            return false;
        }
        self.load.wanted.store(true, Ordering::Release);
        // One may have ended just before it was wanted.
        self.load.running.load(Ordering::Acquire) >= most
    }

    /// What was wished by hand during an attempt that a crash cut off takes effect now.
    fn settle(&mut self, delivery: &Undelivered) {
        self.window.settle(delivery);
        let (store, no, now) = (self.shared.store.clone(), delivery.no, self.shared.clock.now());
        let (inbox, work_order_id) = (self.inbox.clone(), delivery.work_order_id);
        self.shared.tasks.spawn(async move {
            if let Err(error) = store.settle(no, now).await {
                tracing::warn!(%error, "a retry or discard by hand could not be applied yet");
                tokio::time::sleep(READ_AGAIN).await;
                inbox.push_changed_lane(work_order_id);
            }
        });
    }

    fn start(&mut self, delivery: Undelivered, slot: OwnedSemaphorePermit) {
        let (Some(endpoint), Some(post)) = (self.endpoint.clone(), self.post.clone()) else { return };
        let template = self.template(&endpoint);
        let bearer = template.as_ref().map_err(Clone::clone).and_then(|template| self.bearer(template));
        let attempt = Attempt {
            shared: self.shared.clone(),
            hub: self.hub.clone(),
            inbox: self.inbox.clone(),
            load: self.load.clone(),
            post,
            endpoint,
            delivery,
        };
        self.load.running.fetch_add(1, Ordering::AcqRel);
        self.hub.began(attempt.delivery.no);
        self.shared.tasks.spawn(attempt.run(template, bearer, slot));
    }

    fn template(&mut self, endpoint: &Endpoint) -> Result<Arc<Template>, Unusable> {
        let now = self.shared.clock.now();
        let aged = |template: &Template| template.valid_until.is_some_and(|until| until <= now);
        if let Some(Ok(template)) = &self.template
            && !aged(template)
        {
            return Ok(template.clone());
        }
        let company = self.shared.store.directory().company(&self.key.company_id);
        let client =
            company.map_or_else(|| self.key.company_id.to_string(), |company| company.default_client_name());
        let made =
            Template::new(endpoint, &client, &self.shared.defaults, &self.shared.master, now).map(Arc::new);
        self.template.insert(made).clone()
    }

    /// The value of `Authorization`; made anew only with a new token.
    fn bearer(&mut self, template: &Template) -> Result<HeaderValue, Unusable> {
        let ring = self.shared.ring.borrow().clone();
        let now = self.shared.clock.now();
        let token = self
            .tokens
            .token(&ring, template.form, &template.recipient, now)
            .map_err(|error| Unusable::Token(error.to_string()))?;
        if let Some((known, value)) = &self.bearer
            && Arc::ptr_eq(known, &token)
        {
            return Ok(value.clone());
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.text))
            .map_err(|_| Unusable::Header("Authorization".to_owned()))?;
        value.set_sensitive(true);
        self.bearer = Some((token, value.clone()));
        Ok(value)
    }

    fn start_reads(&mut self) {
        if !self.may_send() {
            return;
        }
        if self.read_again.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.read_again = None;
        for read in self.window.reads(self.shared.clock.now()) {
            let (store, key, now) = (self.shared.store.clone(), self.key.clone(), self.shared.clock.now());
            self.reads.spawn(async move {
                let brought = match read {
                    Read::DueLanes(lanes) => {
                        store.due_lanes(&key, now, lanes, BEHIND).await.map(Brought::DueLanes)
                    }
                    Read::Lane { work_order_id, after, .. } => {
                        store.lane(&key, work_order_id, after, DEPTH).await.map(Brought::Lane)
                    }
                };
                (read, brought)
            });
        }
    }

    fn brought(
        &mut self,
        read: Result<(Read, Result<Brought, workbell_store::Error>), tokio::task::JoinError>,
    ) {
        // A read that panicked leaves its lane unread until the endpoint changes; it is a defect, and was reported.
        let Ok((read, brought)) = read else { return };
        match (read, brought) {
            (Read::DueLanes(_), Ok(Brought::DueLanes(due))) => self.window.refilled(due),
            (Read::Lane { work_order_id, ticket, .. }, Ok(Brought::Lane(deliveries))) => {
                self.window.loaded(work_order_id, ticket, deliveries);
            }
            (read, Err(error)) => {
                tracing::warn!(endpoint = %self.key.endpoint_id, %error, "the store could not be read; trying again");
                self.window.read_failed(read);
                self.read_again = Some(Instant::now() + READ_AGAIN);
            }
            (Read::DueLanes(_) | Read::Lane { .. }, Ok(Brought::DueLanes(_) | Brought::Lane(_))) => {}
        }
    }
}

fn concurrency(endpoint: &Endpoint, shared: &Shared) -> u16 {
    let most = shared.defaults.endpoint_concurrency;
    endpoint.settings.max_concurrency.unwrap_or(most).clamp(1, most.max(1))
}

/// One attempt on its way.
struct Attempt {
    shared: Arc<Shared>,
    hub: Arc<Hub>,
    inbox: Arc<Inbox>,
    load: Arc<Load>,
    post: Arc<dyn Post>,
    endpoint: Arc<Endpoint>,
    delivery: Undelivered,
}

impl Attempt {
    async fn run(
        self,
        template: Result<Arc<Template>, Unusable>,
        bearer: Result<HeaderValue, Unusable>,
        slot: OwnedSemaphorePermit,
    ) {
        let start = self.shared.clock.now();
        let url = self.endpoint.settings.url.clone().unwrap_or_default();
        let request = template
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|template| template.request(&self.delivery, &bearer.clone()?, start));
        let ended = match request {
            Ok(request) => self.send(request, url).await,
            Err(unusable) => Ended::misconfigured(unusable.to_string(), url),
        };
        let completed_at = start.plus(ended.duration);
        let transition = self.follow(template.ok().as_deref(), &ended, completed_at);
        self.load.running.fetch_sub(1, Ordering::AcqRel);
        drop(slot);
        if self.load.wanted.swap(false, Ordering::AcqRel) {
            self.inbox.wake();
        }
        let no = self.delivery.no;
        let completion = ended.completion(self.delivery, start, transition);
        if let Err(error) = self.shared.store.complete(completion).await {
            tracing::error!(delivery = no.0, %error, "an outcome could not be handed to the store; the attempt will be repeated");
        }
        self.hub.ended(no);
    }

    async fn send(&self, request: workbell_egress::Request, url: String) -> Ended {
        let began = Instant::now();
        tokio::select! {
            attempted = self.post.post(request) => Ended::from_attempted(attempted, &url, self.shared.clock.now()),
            () = self.shared.cut_off.cancelled() => Ended::interrupted(url, began.elapsed()),
        }
    }

    fn follow(&self, template: Option<&Template>, ended: &Ended, at: workbell_wire::Timestamp) -> Transition {
        let now = self.shared.store.directory().endpoint(&self.delivery.endpoint);
        let changed = now.is_some_and(|now| now.generation != self.endpoint.generation);
        let numbers = &self.shared.defaults;
        attempt::transition(&self.delivery, ended.outcome, template, changed, numbers, at, self.shared.luck())
    }
}
