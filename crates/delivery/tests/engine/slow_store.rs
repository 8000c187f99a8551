//! The real store, with time standing still while it works, and with what can go wrong around it.
//!
//! Each call runs on a blocking thread, which keeps tokio's paused clock from going on, one at a time in the order in
//! which they were made. `complete` is followed by a command that is answered after its commit, so an outcome is on
//! disk, and told, before time goes on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::watch;
use workbell_model::{
    CompanyId, Customer, DeliveryId, DeliveryNo, EndpointKey, Person, Sequence, State, Undelivered,
    WorkOrder, WorkOrderId,
};
use workbell_store::audit::{AuditFilter, AuditRecord, Author};
use workbell_store::directory::Directory;
use workbell_store::feed::{FeedBells, FeedCursor, FeedPage};
use workbell_store::filter::{DeliveryFilter, LogFilter, NotificationFilter, Page, Paging};
use workbell_store::record::{
    Acceptance, AcceptanceResult, Ahead, ByHand, Change, Completion, DeliveryRecord, DueLanes, Emulation,
    EndpointChange, Front, LogRecord, NotificationRecord, Probe, SignedIn, StoredKey, Swept,
};
use workbell_store::sqlite::SqliteStore;
use workbell_store::store::Fresh;
use workbell_store::traffic::{Backlog, Span, Tally, Traffic};
use workbell_store::work_order::{ActResult, Acting, Creation, Entry, WorkOrderFilter};
use workbell_store::{Error, Store, Subscriber};
use workbell_wire::{MessageId, Timestamp};

use crate::receiver::Bell;
use crate::referee::{Pending, Referee};

pub(crate) struct SlowStore {
    sqlite: Arc<SqliteStore>,
    turn: tokio::sync::Mutex<()>,
    told: Arc<Told>,
    bell: Bell,
    trouble: AtomicBool,
    /// The process has died.
    dead: AtomicBool,
    /// Outcomes wait before they get to the store.
    held: watch::Sender<bool>,
    /// Outcomes that come now never get there.
    losing: AtomicBool,
    lost: Arc<Mutex<Lost>>,
    reads: AtomicUsize,
    reads_to_fail: AtomicUsize,
    /// Seed of the delays of reads and outcomes; 0 is none.
    delays: AtomicU64,
}

/// Deliveries and numbers of attempts whose outcome never got to the store.
pub(crate) type Lost = Vec<(DeliveryNo, u16)>;

/// Between the store and the engine.
#[derive(Debug)]
pub(crate) struct Told {
    engine: Mutex<Option<Arc<dyn Subscriber>>>,
    bell: Bell,
    referee: Arc<Mutex<Referee>>,
}

impl SlowStore {
    pub(crate) fn new(
        sqlite: SqliteStore,
        bell: Bell,
        lost: Arc<Mutex<Lost>>,
        referee: Arc<Mutex<Referee>>,
    ) -> Self {
        SlowStore {
            sqlite: Arc::new(sqlite),
            turn: tokio::sync::Mutex::default(),
            told: Arc::new(Told { engine: Mutex::default(), bell: bell.clone(), referee }),
            bell,
            trouble: AtomicBool::new(false),
            dead: AtomicBool::new(false),
            held: watch::Sender::new(false),
            losing: AtomicBool::new(false),
            lost,
            reads: AtomicUsize::new(0),
            reads_to_fail: AtomicUsize::new(0),
            delays: AtomicU64::new(0),
        }
    }

    pub(crate) fn set_trouble(&self, trouble: bool) {
        self.trouble.store(trouble, Ordering::SeqCst);
        let engine = self.told.engine.lock().unwrap().clone();
        if let Some(engine) = engine {
            engine.condition_changed(!trouble);
        }
    }

    pub(crate) fn hold_outcomes(&self, hold: bool) {
        self.held.send_replace(hold);
    }

    pub(crate) fn lose_outcomes(&self) {
        self.losing.store(true, Ordering::SeqCst);
    }

    pub(crate) fn fail_reads(&self, count: usize) {
        self.reads_to_fail.store(count, Ordering::SeqCst);
    }

    pub(crate) fn delay_at_random(&self, seed: u64) {
        self.delays.store(seed | 1, Ordering::SeqCst);
    }

    /// Reads of lanes so far.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// From now on this process is dead: nothing is written or told any more.
    pub(crate) fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.held.send_replace(false);
        *self.told.engine.lock().unwrap() = None;
    }

    /// Ends it without a word to anybody; the engine must have let go of it.
    pub(crate) async fn bury(&self) {
        *self.told.engine.lock().unwrap() = None;
        self.section(|sqlite| async move { sqlite.close().await }).await;
    }

    /// No call is under way.
    pub(crate) fn is_unused(&self) -> bool {
        Arc::strong_count(&self.sqlite) == 1
    }

    pub(crate) async fn section<T, F>(&self, work: impl FnOnce(Arc<SqliteStore>) -> F + Send + 'static) -> T
    where
        F: Future<Output = T>,
        T: Send + 'static,
    {
        let _turn = self.turn.lock().await;
        let (sqlite, runtime) = (self.sqlite.clone(), Handle::current());
        tokio::task::spawn_blocking(move || runtime.block_on(work(sqlite))).await.unwrap()
    }

    /// The same of something that the referee is told of.
    async fn written<T, F>(
        &self,
        pending: Pending,
        work: impl FnOnce(Arc<SqliteStore>) -> F + Send + 'static,
    ) -> T
    where
        F: Future<Output = T> + Send,
        T: Send + 'static,
    {
        let referee = self.told.referee.clone();
        self.section(|sqlite| async move {
            referee.lock().unwrap().writes(Some(pending));
            let done = work(sqlite).await;
            referee.lock().unwrap().writes(None);
            done
        })
        .await
    }

    async fn delay(&self) {
        let Ok(seed) = self.delays.try_update(Ordering::SeqCst, Ordering::SeqCst, |seed| {
            (seed != 0).then(|| {
                seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) | 1
            })
        }) else {
            return;
        };
        let millis = (seed >> 33) % 40;
        if millis > 20 {
            tokio::time::sleep(Duration::from_millis(millis - 20)).await;
        }
    }

    fn check_alive(&self) -> Result<(), Error> {
        if self.dead.load(Ordering::SeqCst) { Err(Error::Closed) } else { Ok(()) }
    }

    fn check_read(&self) -> Result<(), Error> {
        self.check_alive()?;
        self.reads.fetch_add(1, Ordering::SeqCst);
        let fails =
            self.reads_to_fail.try_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if fails.is_ok() { Err(Error::Unavailable("as the test wants".to_owned())) } else { Ok(()) }
    }

    fn lose(&self, completion: &Completion) -> Error {
        self.lost.lock().unwrap().push((completion.delivery.no, completion.attempt.number));
        Error::Closed
    }
}

#[async_trait]
impl Store for SlowStore {
    fn directory(&self) -> &Directory {
        self.sqlite.directory()
    }

    fn subscribe(&self, subscriber: Arc<dyn Subscriber>) {
        *self.told.engine.lock().unwrap() = Some(subscriber);
        self.sqlite.subscribe(self.told.clone());
    }

    fn trouble(&self) -> Option<String> {
        let wanted = self.trouble.load(Ordering::SeqCst) || self.dead.load(Ordering::SeqCst);
        if wanted { Some("as the test wants".to_owned()) } else { self.sqlite.trouble() }
    }

    async fn accept(&self, acceptances: Vec<Acceptance>) -> Result<Vec<AcceptanceResult>, Error> {
        self.section(|sqlite| async move { sqlite.accept(acceptances).await }).await
    }

    fn make_work_order_id(&self) -> WorkOrderId {
        self.sqlite.make_work_order_id()
    }

    async fn create_work_order(&self, creation: Creation) -> Result<ActResult, Error> {
        self.section(|sqlite| async move { sqlite.create_work_order(creation).await }).await
    }

    async fn act(&self, acting: Acting) -> Result<ActResult, Error> {
        self.section(|sqlite| async move { sqlite.act(acting).await }).await
    }

    async fn work_order(
        &self,
        id: WorkOrderId,
        company: Option<&CompanyId>,
    ) -> Result<Option<WorkOrder>, Error> {
        let company = company.cloned();
        self.section(move |sqlite| async move { sqlite.work_order(id, company.as_ref()).await }).await
    }

    async fn work_orders(&self, filter: WorkOrderFilter, paging: Paging) -> Result<Page<WorkOrder>, Error> {
        self.section(move |sqlite| async move { sqlite.work_orders(filter, paging).await }).await
    }

    async fn time_line(
        &self,
        company: &CompanyId,
        id: WorkOrderId,
        action: Option<&'static str>,
    ) -> Result<Vec<Entry>, Error> {
        let company = company.clone();
        self.section(move |sqlite| async move { sqlite.time_line(&company, id, action).await }).await
    }

    async fn customer(&self, id: i64) -> Result<Option<Customer>, Error> {
        self.section(move |sqlite| async move { sqlite.customer(id).await }).await
    }

    async fn customers(&self, paging: Paging) -> Result<Page<Customer>, Error> {
        self.section(move |sqlite| async move { sqlite.customers(paging).await }).await
    }

    fn log_inbound(&self, inbound: workbell_store::record::Inbound) {
        self.sqlite.log_inbound(inbound);
    }

    async fn complete(&self, completion: Completion) -> Result<(), Error> {
        self.delay().await;
        let mut held = self.held.subscribe();
        // The sender lives as long as this store.
        drop(held.wait_for(|held| !held).await);
        if self.check_alive().is_err() || self.losing.load(Ordering::SeqCst) {
            return Err(self.lose(&completion));
        }
        let referee = self.told.referee.clone();
        let done = self.section(|sqlite| async move {
            let looks = referee.lock().unwrap().looks();
            if looks {
                let pending = outcome(&sqlite, &completion).await?;
                referee.lock().unwrap().writes(Some(pending));
            }
            sqlite.complete(completion).await?;
            let done = sqlite.check_value(Vec::new()).await.map(drop);
            referee.lock().unwrap().writes(None);
            done
        });
        let done = done.await;
        self.bell.ring();
        done
    }

    async fn settle(&self, no: DeliveryNo, now: Timestamp) -> Result<(), Error> {
        self.check_alive()?;
        let pending = Pending::Settle(no, now);
        self.written(pending, move |sqlite| async move { sqlite.settle(no, now).await }).await
    }

    async fn due_lanes(
        &self,
        endpoint: &EndpointKey,
        now: Timestamp,
        lanes: usize,
        behind: usize,
        known: Vec<WorkOrderId>,
    ) -> Result<DueLanes, Error> {
        self.delay().await;
        self.check_read()?;
        let endpoint = endpoint.clone();
        let due = self.section(move |sqlite| async move {
            sqlite.due_lanes(&endpoint, now, lanes, behind, known).await
        });
        let due = due.await;
        self.delay().await;
        due
    }

    async fn front(
        &self,
        endpoint: &EndpointKey,
        work_order_id: WorkOrderId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Front, Error> {
        self.delay().await;
        self.check_read()?;
        let endpoint = endpoint.clone();
        let front = self
            .section(move |sqlite| async move { sqlite.front(&endpoint, work_order_id, now, limit).await });
        let front = front.await;
        self.delay().await;
        front
    }

    async fn probe(&self, endpoint: &EndpointKey, busy: &[WorkOrderId]) -> Result<Option<Probe>, Error> {
        self.delay().await;
        self.check_read()?;
        let (endpoint, busy) = (endpoint.clone(), busy.to_vec());
        self.section(move |sqlite| async move { sqlite.probe(&endpoint, &busy).await }).await
    }

    async fn lane(
        &self,
        endpoint: &EndpointKey,
        work_order_id: WorkOrderId,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Undelivered>, Error> {
        self.delay().await;
        self.check_read()?;
        let endpoint = endpoint.clone();
        let lane = self
            .section(move |sqlite| async move { sqlite.lane(&endpoint, work_order_id, after, limit).await });
        let lane = lane.await;
        self.delay().await;
        lane
    }

    async fn due_times(&self, now: Timestamp) -> Result<Vec<(EndpointKey, Timestamp)>, Error> {
        self.section(move |sqlite| async move { sqlite.due_times(now).await }).await
    }

    async fn waiting(&self, endpoint: &EndpointKey) -> Result<u64, Error> {
        let endpoint = endpoint.clone();
        self.section(move |sqlite| async move { sqlite.waiting(&endpoint).await }).await
    }

    async fn feed(
        &self,
        endpoint: &EndpointKey,
        after: Option<FeedCursor>,
        limit: usize,
    ) -> Result<FeedPage, Error> {
        self.sqlite.feed(endpoint, after, limit).await
    }

    fn feed_bells(&self) -> &FeedBells {
        self.sqlite.feed_bells()
    }

    fn counters(&self) -> &workbell_store::Counters {
        self.sqlite.counters()
    }

    async fn queues(&self) -> Result<Vec<(EndpointKey, workbell_store::traffic::Queue)>, Error> {
        self.section(move |sqlite| async move { sqlite.queues().await }).await
    }

    async fn backlog(&self, endpoint: &EndpointKey) -> Result<Backlog, Error> {
        let endpoint = endpoint.clone();
        self.section(move |sqlite| async move { sqlite.backlog(&endpoint).await }).await
    }

    async fn backlog_over(&self, endpoint: &EndpointKey, span: Span) -> Result<Vec<u64>, Error> {
        let endpoint = endpoint.clone();
        self.section(move |sqlite| async move { sqlite.backlog_over(&endpoint, span).await }).await
    }

    async fn tally(&self, company: &CompanyId) -> Result<Tally, Error> {
        let company = company.clone();
        self.section(move |sqlite| async move { sqlite.tally(&company).await }).await
    }

    async fn traffic(&self, endpoint: &EndpointKey, span: Span) -> Result<Vec<Traffic>, Error> {
        let endpoint = endpoint.clone();
        self.section(move |sqlite| async move { sqlite.traffic(&endpoint, span).await }).await
    }

    async fn retry(&self, by_hand: ByHand) -> Result<DeliveryRecord, Error> {
        let pending = Pending::Retry(by_hand.clone());
        self.written(pending, move |sqlite| async move { sqlite.retry(by_hand).await }).await
    }

    async fn discard(&self, by_hand: ByHand) -> Result<DeliveryRecord, Error> {
        let pending = Pending::Discard(by_hand.clone());
        self.written(pending, move |sqlite| async move { sqlite.discard(by_hand).await }).await
    }

    async fn change_by(&self, author: Author, change: Change) -> Result<(), Error> {
        let Change::UpdateEndpoint(endpoint, kind, now) = &change else {
            return self.section(move |sqlite| async move { sqlite.change_by(author, change).await }).await;
        };
        let pending = Pending::Change(Box::new(endpoint.clone()), *kind, *now);
        self.written(pending, move |sqlite| async move { sqlite.change_by(author, change).await }).await
    }

    async fn audit(&self, filter: AuditFilter, paging: Paging) -> Result<Page<AuditRecord>, Error> {
        self.section(move |sqlite| async move { sqlite.audit(filter, paging).await }).await
    }

    async fn people(&self, company: &CompanyId) -> Result<Vec<Person>, Error> {
        let company = company.clone();
        self.section(move |sqlite| async move { sqlite.people(&company).await }).await
    }

    async fn people_named(&self, email: &str) -> Result<Vec<Person>, Error> {
        let email = email.to_owned();
        self.section(move |sqlite| async move { sqlite.people_named(&email).await }).await
    }

    async fn person_of_link(&self, link: [u8; 32], now: Timestamp) -> Result<Option<Person>, Error> {
        self.section(move |sqlite| async move { sqlite.person_of_link(link, now).await }).await
    }

    async fn session(&self, token: [u8; 32], now: Timestamp) -> Result<Option<SignedIn>, Error> {
        self.section(move |sqlite| async move { sqlite.session(token, now).await }).await
    }

    async fn notification(
        &self,
        company: &CompanyId,
        message_id: MessageId,
    ) -> Result<Option<NotificationRecord>, Error> {
        let company = company.clone();
        self.section(move |sqlite| async move { sqlite.notification(&company, message_id).await }).await
    }

    async fn notifications(
        &self,
        filter: NotificationFilter,
        paging: Paging,
    ) -> Result<Page<NotificationRecord>, Error> {
        self.section(move |sqlite| async move { sqlite.notifications(filter, paging).await }).await
    }

    async fn delivery(
        &self,
        id: DeliveryId,
        company: Option<&CompanyId>,
    ) -> Result<Option<DeliveryRecord>, Error> {
        let company = company.cloned();
        self.section(move |sqlite| async move { sqlite.delivery(id, company.as_ref()).await }).await
    }

    async fn deliveries(
        &self,
        filter: DeliveryFilter,
        paging: Paging,
    ) -> Result<Page<DeliveryRecord>, Error> {
        self.section(move |sqlite| async move { sqlite.deliveries(filter, paging).await }).await
    }

    async fn ahead(
        &self,
        waiting: Vec<DeliveryNo>,
        now: Timestamp,
    ) -> Result<BTreeMap<DeliveryNo, Ahead>, Error> {
        self.section(move |sqlite| async move { sqlite.ahead(waiting, now).await }).await
    }

    async fn attempts(&self, id: DeliveryId) -> Result<Vec<LogRecord>, Error> {
        self.section(move |sqlite| async move { sqlite.attempts(id).await }).await
    }

    async fn log_emulation(&self, emulation: Emulation) -> Result<u64, Error> {
        self.section(move |sqlite| async move { sqlite.log_emulation(emulation).await }).await
    }

    async fn log(&self, filter: LogFilter, paging: Paging) -> Result<Page<LogRecord>, Error> {
        self.section(move |sqlite| async move { sqlite.log(filter, paging).await }).await
    }

    async fn log_record(&self, no: u64) -> Result<Option<LogRecord>, Error> {
        self.section(move |sqlite| async move { sqlite.log_record(no).await }).await
    }

    async fn keys(&self) -> Result<Vec<StoredKey>, Error> {
        self.section(|sqlite| async move { sqlite.keys().await }).await
    }

    async fn sweep_within(
        &self,
        now: Timestamp,
        notifications: Duration,
        log: Duration,
        most_bytes: Option<u64>,
    ) -> Result<Swept, Error> {
        self.section(
            move |sqlite| async move { sqlite.sweep_within(now, notifications, log, most_bytes).await },
        )
        .await
    }

    async fn check_value(&self, fresh: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.section(move |sqlite| async move { sqlite.check_value(fresh).await }).await
    }

    async fn close(&self) {
        self.section(|sqlite| async move { sqlite.close().await }).await;
    }
}

async fn outcome(sqlite: &SqliteStore, completion: &Completion) -> Result<Pending, Error> {
    let delivery = &completion.delivery;
    let waited = sqlite.delivery(delivery.id(), None).await?.is_some_and(|it| it.state.is_undelivered());
    let endpoint = sqlite.directory().endpoint(&delivery.endpoint).expect("nobody deletes one");
    Ok(Pending::Outcome { completion: Box::new(completion.clone()), waited, endpoint })
}

impl Told {
    fn tell(&self, tell: impl FnOnce(&dyn Subscriber)) {
        let engine = self.engine.lock().unwrap().clone();
        if let Some(engine) = engine {
            tell(&*engine);
        }
        self.bell.ring();
    }
}

impl Subscriber for Told {
    fn jobs_changed(&self) {
        self.tell(|engine| engine.jobs_changed());
    }

    fn accepted(&self, fresh: Vec<Fresh>) {
        self.referee.lock().unwrap().accepted(&fresh);
        self.tell(|engine| engine.accepted(fresh));
    }

    fn completed(
        &self,
        endpoint: &EndpointKey,
        work_order_id: WorkOrderId,
        sequence: Sequence,
        state: State,
        due: Option<Timestamp>,
    ) {
        self.referee.lock().unwrap().completed(state);
        self.tell(|engine| engine.completed(endpoint, work_order_id, sequence, state, due));
    }

    fn reopened(&self, endpoint: &EndpointKey) {
        self.tell(|engine| engine.reopened(endpoint));
    }

    fn lane_changed(&self, endpoint: &EndpointKey, work_order_id: WorkOrderId) {
        self.referee.lock().unwrap().lane_changed();
        self.tell(|engine| engine.lane_changed(endpoint, work_order_id));
    }

    fn endpoint_changed(&self, endpoint: &EndpointKey, change: EndpointChange) {
        self.referee.lock().unwrap().changed();
        self.tell(|engine| engine.endpoint_changed(endpoint, change));
    }

    fn condition_changed(&self, writable: bool) {
        self.tell(|engine| engine.condition_changed(writable));
    }
}
