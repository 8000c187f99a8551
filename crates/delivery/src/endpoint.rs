//! The task of one active endpoint. It owns the endpoint's window, connections, token and rate, starts attempts while
//! slots are free, and ends when nothing is left to do for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::header::HeaderValue;
use tokio::task::JoinSet;
use tokio::time::Instant;
use workbell_model::health::Access;
use workbell_model::{Endpoint, EndpointKey, Health, Mode, State, Undelivered, WorkOrderId, is_replay_lane};
use workbell_signing::TokenCache;
use workbell_store::directory::CompanyEntry;
use workbell_store::record::{DueLanes, Front, Occasion, Probe};
use workbell_wire::Timestamp;

use crate::attempt::Attempt;
use crate::engine::Shared;
use crate::hub::Hub;
use crate::inbox::Inbox;
use crate::post::Post;
use crate::prober::Prober;
use crate::rate::Rate;
use crate::slots::{Share, Slot};
use crate::template::{Template, Unusable};
use crate::window::{Read, Window};

/// How long a task stays without anything to do. 20 s: longer than connections are kept, so that an endpoint with a
/// notification now and then keeps its token and its connection.
const LINGER: Duration = Duration::from_secs(20);

/// How long to wait before a read of the store that failed is tried again.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// What a read brought.
enum Brought {
    DueLanes(DueLanes),
    Lane(Front),
}

pub(crate) struct Task {
    hub: Arc<Hub>,
    shared: Arc<Shared>,
    key: EndpointKey,
    inbox: Arc<Inbox>,
    window: Window,
    /// The lanes of replays: looked at only when no live one is ready.
    replays: Window,
    /// Attempts of replays under way.
    replaying: Arc<AtomicUsize>,
    endpoint: Option<Arc<Endpoint>>,
    template: Option<Arc<Template>>,
    /// What the template was made from: another one as soon as anything of the company changes.
    company: Option<Arc<CompanyEntry>>,
    tokens: TokenCache,
    bearer: Option<(Arc<workbell_signing::MintedToken>, HeaderValue)>,
    post: Option<Arc<dyn Post>>,
    rate: Rate,
    reads: JoinSet<(Mode, Read, Result<Brought, workbell_store::Error>)>,
    read_again: Option<Instant>,
    /// Its part of the slots.
    share: Share,
    prober: Prober,
    probes: JoinSet<Result<Option<Probe>, workbell_store::Error>>,
    /// Lanes with an attempt under way at a URL that the endpoint had before: they take nothing from what it may do at
    /// its present one.
    elsewhere: Vec<WorkOrderId>,
    /// Failures whose outcome is not on disk yet.
    untold: Arc<AtomicUsize>,
    idle_since: Option<Instant>,
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
        let share = shared.slots.share(&key);
        Task {
            hub,
            shared,
            key,
            inbox,
            window: Window::new(),
            replays: Window::new(),
            replaying: Arc::default(),
            endpoint: None,
            template: None,
            company: None,
            tokens: TokenCache::new(),
            bearer: None,
            post: None,
            rate: Rate::new(None),
            reads: JoinSet::new(),
            read_again: None,
            share,
            prober: Prober::default(),
            probes: JoinSet::new(),
            elsewhere: Vec::new(),
            untold: Arc::default(),
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
            if self.may_sleep() && self.hub.go_to_sleep(&self.key, &self.inbox, self.next_due()) {
                return;
            }
            self.wait(blocked).await;
        }
    }

    /// Waits until something may be done.
    async fn wait(&mut self, blocked: Blocked) {
        let timer = self.next_timer(&blocked);
        match blocked {
            Blocked::Slot => {}
            // Nobody gets a slot without a use for it.
            Blocked::Nothing | Blocked::Until(_) => self.share.withdraw(),
        }
        let timer = async {
            match timer {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.inbox.woken() => {}
            Some(read) = self.reads.join_next(), if !self.reads.is_empty() => self.brought(read),
            Some(probe) = self.probes.join_next(), if !self.probes.is_empty() => self.brought_probe(probe),
            slot = self.share.granted() => {
                self.start_attempts(slot);
            }
            () = timer => {}
            () = self.shared.stopping.cancelled() => {}
        }
    }

    fn next_timer(&self, blocked: &Blocked) -> Option<Instant> {
        // That of a probe is told by who is blocked until then.
        let due = self.window.next_due().into_iter().chain(self.replays.next_due()).min();
        let due = due.map(|due| self.shared.clock.instant_of(due));
        // While the store cannot be read there is nothing to wake up for.
        let due = due.map(|due| self.read_again.map_or(due, |again| due.max(again)));
        let rate = match blocked {
            Blocked::Until(at) => Some(*at),
            Blocked::Nothing | Blocked::Slot => None,
        };
        let linger = self.idle_since.map(|since| since + LINGER);
        [due, rate, linger, self.read_again].into_iter().flatten().min()
    }

    /// When something is due in either window, or a probe, that nobody will tell of.
    fn next_due(&self) -> Option<Timestamp> {
        if let (Some(down), true) = (self.health().down, self.may_send()) {
            return (!matches!(self.prober, Prober::Nothing)).then(|| down.next());
        }
        self.window.next_due().into_iter().chain(self.replays.next_due()).min()
    }

    /// The window that a lane stands in.
    fn window_of(&mut self, lane: WorkOrderId) -> &mut Window {
        if is_replay_lane(lane) { &mut self.replays } else { &mut self.window }
    }

    /// True when there was nothing to do for a while.
    fn may_sleep(&mut self) -> bool {
        let idle = self.window.is_idle()
            && self.replays.is_idle()
            && self.reads.is_empty()
            && self.share.used() == 0
            && self.prober.rests()
            && self.probes.is_empty();
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
        if events.overflowed || events.all_changed || !events.fresh.is_empty() {
            self.prober.accepted();
        }
        for fresh in events.fresh {
            self.window.fresh(fresh);
        }
        if events.overflowed {
            self.window.overflowed();
        }
        for completed in events.completed {
            if completed.state != State::Delivered {
                // One that ends otherwise without having failed has lost its endpoint.
                let less = |untold: usize| untold.checked_sub(1);
                let _none_left = self.untold.try_update(Ordering::SeqCst, Ordering::SeqCst, less);
            }
            self.elsewhere.retain(|lane| *lane != completed.work_order_id);
            self.prober.completed(completed.work_order_id, completed.sequence);
            self.window_of(completed.work_order_id).completed(completed, now);
        }
        if events.all_changed {
            self.prober.changed();
        }
        for work_order_id in events.changed_lanes {
            self.prober.lane_changed(work_order_id);
            self.window_of(work_order_id).lane_changed(work_order_id);
        }
        if events.all_changed || events.endpoint_changed || events.reopened {
            self.window.reload_all();
            self.replays.reload_all();
        }
        let health = self.health();
        if health.down.is_none() {
            self.prober.let_go();
        }
        // What is down is probed with what the store finds; the rest waits there.
        if !self.may_send() || health.down.is_some() {
            self.window.clear();
            self.replays.clear();
        }
    }

    fn health(&self) -> Health {
        self.shared.store.directory().health(&self.key)
    }

    /// Lanes with an attempt whose outcome is not on disk yet.
    fn in_flight(&self) -> impl Iterator<Item = WorkOrderId> {
        self.window.in_flight().chain(self.replays.in_flight())
    }

    /// Attempts at its present URL whose outcome is not on disk yet.
    fn here(&self) -> usize {
        self.in_flight().filter(|lane| !self.elsewhere.contains(lane)).count()
    }

    fn may_send(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| endpoint.may_send())
    }

    /// Reads the endpoint's configuration and forgets what was made from an older one.
    fn look_up(&mut self) {
        let before = std::mem::replace(&mut self.endpoint, self.shared.store.directory().endpoint(&self.key));
        self.template = None;
        let Some(endpoint) = &self.endpoint else {
            self.share.forgive();
            return;
        };
        self.rate.set(endpoint.settings.rate_per_second);
        let connections = usize::from(self.shared.defaults.concurrency(&endpoint.settings));
        if before.is_some_and(|before| before.settings.url != endpoint.settings.url) {
            self.leave_target(connections);
        }
        // A pool remembers what the receiver does with `Expect`; another number of connections needs another pool.
        self.post = Some(self.shared.open.open(connections));
    }

    /// The endpoint has another URL. What is under way at the one before goes on, but what hangs there holds nothing up
    /// here, unless it is more than the endpoint may have at once: then it counts as before, so that URLs that change
    /// again and again take no more slots than two endpoints.
    fn leave_target(&mut self, most: usize) {
        let under_way: Vec<_> = self.in_flight().collect();
        if under_way.len() <= most {
            self.elsewhere = under_way;
            self.share = self.shared.slots.share_anew(&self.key);
        }
        self.prober.leave();
    }

    /// Starts attempts while there is something to try and room to try it.
    fn start_attempts(&mut self, mut granted: Option<Slot>) -> Blocked {
        loop {
            let now = self.shared.clock.now();
            if !self.may_send()
                || self.shared.stopping.is_cancelled()
                || self.shared.store.trouble().is_some()
                // What a failure means is known when its outcome is on disk.
                || self.untold.load(Ordering::SeqCst) > 0
            {
                return Blocked::Nothing;
            }
            let most = match self.health().access(now) {
                Access::Open(None) => self.most(),
                // One that was reopened shows with each outcome whether it bears more.
                Access::Open(Some(slots)) if self.here() >= usize::from(slots) => {
                    return Blocked::Nothing;
                }
                Access::Open(Some(slots)) => self.most().min(usize::from(slots)),
                Access::Throttled(until) => return Blocked::Until(self.shared.clock.instant_of(until)),
                Access::Down(next) => return self.probe(next, now, granted),
            };
            let live = self.window.has_next(now);
            if !(live || self.may_replay() && self.replays.has_next(now)) {
                return Blocked::Nothing;
            }
            // Asked for last, so that nobody gets a slot without a use for it.
            if let Err(at) = self.rate.look() {
                return Blocked::Until(at);
            }
            let Some(slot) = granted.take().or_else(|| self.share.take(most)) else { return Blocked::Slot };
            self.rate.take();
            let next = if live { self.window.next(now) } else { self.replays.next(now) };
            let Some(delivery) = next else { return Blocked::Nothing };
            if delivery.wish.is_some() {
                self.settle(&delivery);
            } else {
                self.start(delivery, Occasion::Due, slot);
            }
        }
    }

    /// Probes an endpoint that is down, when it is time.
    fn probe(&mut self, next: Timestamp, now: Timestamp, granted: Option<Slot>) -> Blocked {
        let later = self.read_again.filter(|again| *again > Instant::now());
        match &self.prober {
            Prober::Asking { .. } | Prober::Trying(..) | Prober::Settling(_) | Prober::Nothing => {
                return Blocked::Nothing;
            }
            Prober::Waiting if next > now => return Blocked::Until(self.shared.clock.instant_of(next)),
            Prober::Waiting => {
                if let Some(later) = later {
                    return Blocked::Until(later);
                }
                self.prober = Prober::Asking { stale: false };
                let (store, key) = (self.shared.store.clone(), self.key.clone());
                let busy: Vec<_> = self.in_flight().collect();
                self.probes.spawn(async move { store.probe(&key, &busy).await });
                return Blocked::Nothing;
            }
            Prober::Found(_) => {}
        }
        if let Err(at) = self.rate.look() {
            return Blocked::Until(at);
        }
        let Some(slot) = granted.or_else(|| self.share.take(1)) else { return Blocked::Slot };
        self.rate.take();
        let Prober::Found(probe) = std::mem::take(&mut self.prober) else { return Blocked::Nothing };
        let Probe { delivery, cursor } = *probe;
        if delivery.wish.is_some() {
            self.prober = Prober::Settling(delivery.work_order_id);
            self.settle(&delivery);
        } else {
            self.prober = Prober::Trying(delivery.work_order_id, delivery.sequence);
            self.window_of(delivery.work_order_id).began(&delivery);
            self.start(delivery, Occasion::Probe(cursor), slot);
        }
        Blocked::Nothing
    }

    fn brought_probe(
        &mut self,
        probe: Result<Result<Option<Probe>, workbell_store::Error>, tokio::task::JoinError>,
    ) {
        self.prober = match probe {
            // Something changed in a lane meanwhile, so the store is asked again.
            Ok(Ok(_)) if matches!(self.prober, Prober::Asking { stale: true }) => Prober::Waiting,
            Ok(Ok(probe)) => Prober::found(probe),
            Ok(Err(error)) => {
                tracing::warn!(endpoint = %self.key.endpoint_id, %error, "the store could not be read; trying again");
                self.read_again = Some(Instant::now() + READ_AGAIN);
                Prober::Waiting
            }
            Err(error) => {
                tracing::error!(endpoint = %self.key.endpoint_id, %error, "a read of the store broke off; trying again");
                self.read_again = Some(Instant::now() + READ_AGAIN);
                Prober::Waiting
            }
        };
        if self.health().down.is_none() {
            self.prober.let_go();
        }
    }

    /// Whether one more replay may start: they take half of the endpoint's attempts at most, so that a live one finds
    /// room at once.
    fn may_replay(&self) -> bool {
        self.replaying.load(Ordering::SeqCst) < (self.most() / 2).max(1)
    }

    /// Attempts of the endpoint at once.
    fn most(&self) -> usize {
        self.endpoint
            .as_ref()
            .map_or(1, |endpoint| usize::from(self.shared.defaults.concurrency(&endpoint.settings)))
    }

    /// What was wished by hand during an attempt that a crash cut off, or that ended just before, takes effect now.
    fn settle(&mut self, delivery: &Undelivered) {
        self.window_of(delivery.work_order_id).settle(delivery);
        let (shared, inbox) = (self.shared.clone(), self.inbox.clone());
        let (no, work_order_id) = (delivery.no, delivery.work_order_id);
        self.shared.tasks.spawn(async move {
            if let Err(error) = shared.store.settle(no, shared.clock.now()).await {
                tracing::warn!(%error, "a retry or discard by hand could not be applied yet");
                tokio::select! {
                    () = tokio::time::sleep(READ_AGAIN) => {}
                    () = shared.stopping.cancelled() => {}
                }
            }
            // A task that ended meanwhile has thrown its window away.
            let _ended = inbox.push_changed_lane(work_order_id);
        });
    }

    fn start(&mut self, delivery: Undelivered, occasion: Occasion, slot: Slot) {
        let (Some(endpoint), Some(post)) = (self.endpoint.clone(), self.post.clone()) else { return };
        let counted = is_replay_lane(delivery.work_order_id).then(|| Counted::new(&self.replaying));
        let template = self.template(&endpoint);
        let bearer = template.as_ref().map_err(Clone::clone).and_then(|template| self.bearer(template));
        let attempt = Attempt {
            shared: self.shared.clone(),
            hub: self.hub.clone(),
            post,
            endpoint,
            delivery,
            occasion,
            untold: self.untold.clone(),
            counted,
        };
        self.hub.began(attempt.delivery.no);
        self.shared.tasks.spawn(attempt.run(template, bearer, slot));
    }

    fn template(&mut self, endpoint: &Endpoint) -> Result<Arc<Template>, Unusable> {
        let now = self.shared.clock.wall();
        let company = self.shared.store.directory().company(&self.key.company_id);
        let same = match (&company, &self.company) {
            (Some(company), Some(known)) => Arc::ptr_eq(company, known),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if let Some(template) = &self.template
            && same
            && template.valid_until.is_none_or(|until| now < until)
        {
            return Ok(template.clone());
        }
        let client = company
            .as_ref()
            .map_or_else(|| self.key.company_id.to_string(), |company| company.default_client_name());
        self.company = company;
        self.template = None;
        let made = Template::new(endpoint, &client, &self.shared.defaults, &self.shared.master, now)?;
        Ok(self.template.insert(Arc::new(made)).clone())
    }

    /// The value of `Authorization`; made anew only with a new token.
    fn bearer(&mut self, template: &Template) -> Result<HeaderValue, Unusable> {
        let ring = self.shared.ring.borrow().clone();
        let now = self.shared.clock.wall();
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
        if self.read_again.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.read_again = None;
        if !self.may_send() {
            return;
        }
        let now = self.shared.clock.now();
        let live = self.window.reads(now).into_iter().map(|read| (Mode::Live, read));
        let reads: Vec<_> =
            live.chain(self.replays.reads(now).into_iter().map(|read| (Mode::Replay, read))).collect();
        for (mode, read) in reads {
            let (store, key) = (self.shared.store.clone(), self.key.clone());
            let known = match (read, mode) {
                (Read::DueLanes { .. }, Mode::Live | Mode::Test) => self.window.known(),
                (Read::DueLanes { .. }, Mode::Replay) => self.replays.known(),
                (Read::Lane { .. }, _) => Vec::new(),
            };
            self.reads.spawn(async move {
                let brought = match read {
                    Read::DueLanes { lanes, behind, .. } => match mode {
                        Mode::Live | Mode::Test => store.due_lanes(&key, now, lanes, behind, known).await,
                        Mode::Replay => store.due_replays(&key, now, lanes, behind, known).await,
                    }
                    .map(Brought::DueLanes),
                    Read::Lane { work_order_id, after: 0, limit, .. } => {
                        store.front(&key, work_order_id, now, limit).await.map(Brought::Lane)
                    }
                    Read::Lane { work_order_id, after, limit, .. } => {
                        let read = store.lane(&key, work_order_id, after, limit).await;
                        read.map(|deliveries| Brought::Lane(behind(deliveries, limit)))
                    }
                };
                (mode, read, brought)
            });
        }
    }

    fn brought(
        &mut self,
        read: Result<(Mode, Read, Result<Brought, workbell_store::Error>), tokio::task::JoinError>,
    ) {
        let (mode, read, brought) = match read {
            Ok(done) => done,
            Err(error) => {
                tracing::error!(endpoint = %self.key.endpoint_id, %error, "a read of the store broke off; reading all again");
                self.window.reload_all();
                self.replays.reload_all();
                self.read_again = Some(Instant::now() + READ_AGAIN);
                return;
            }
        };
        let window = match mode {
            Mode::Live | Mode::Test => &mut self.window,
            Mode::Replay => &mut self.replays,
        };
        match (read, brought) {
            (Read::DueLanes { ticket, .. }, Ok(Brought::DueLanes(due))) => window.refilled(ticket, due),
            (Read::Lane { work_order_id, ticket, .. }, Ok(Brought::Lane(front))) => {
                window.loaded(work_order_id, ticket, front);
            }
            (read, Err(error)) => {
                tracing::warn!(endpoint = %self.key.endpoint_id, %error, "the store could not be read; trying again");
                window.read_failed(read);
                self.read_again = Some(Instant::now() + READ_AGAIN);
            }
            (Read::DueLanes { .. } | Read::Lane { .. }, Ok(Brought::DueLanes(_) | Brought::Lane(_))) => {}
        }
    }
}

/// What stands behind those that are known.
fn behind(deliveries: Vec<Undelivered>, limit: usize) -> Front {
    Front { more: deliveries.len() >= limit, deliveries, ..Front::default() }
}

/// Counts an attempt for as long as it lives.
#[derive(Debug)]
pub(crate) struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Counted(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
