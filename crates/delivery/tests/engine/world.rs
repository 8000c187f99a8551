//! A company with endpoints, the engine on a store in a temporary folder, and a receiver: what each test begins with.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use uuid::Uuid;
use workbell_delivery::{Clock, Engine, Handle, Options};
use workbell_model::{
    Branch, Company, CompanyId, Defaults, DeliveryId, Endpoint, EndpointId, EndpointKey, EndpointSettings,
    SealedText, State,
};
use workbell_signing::KeyRing;
use workbell_store::Store;
use workbell_store::record::{
    Acceptance, ByHand, Change, DeliveryRecord, EndpointChange, IfUndelivered, LogRecord,
};
use workbell_store::sqlite::{self, SqliteStore, Synchronous};
use workbell_wire::webhook_signature::Secret;
use workbell_wire::{MessageId, Timestamp};

use crate::keys::{keys, start};
use crate::receiver::{Bell, Door, Receiver};
use crate::referee::Referee;
use crate::slow_store::{Lost, SlowStore};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// Longer than any schedule of these tests.
const FOR_EVER: Duration = Duration::from_secs(100 * 86_400);

/// What a test may have otherwise.
pub(crate) struct Setup {
    pub(crate) defaults: Defaults,
    pub(crate) max_in_flight: usize,
    pub(crate) seed: u64,
    /// Real time after which the test is given up.
    pub(crate) patience: Duration,
}

impl Default for Setup {
    fn default() -> Self {
        Setup { defaults: Defaults::default(), max_in_flight: 64, seed: 1, patience: Watchdog::PATIENCE }
    }
}

pub(crate) struct World {
    store: Option<Arc<SlowStore>>,
    engine: Option<Handle>,
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) clock: Clock,
    /// How far the wall clock was set, in milliseconds.
    set: &'static AtomicI64,
    pub(crate) ring: watch::Sender<Arc<KeyRing>>,
    pub(crate) setup: Setup,
    pub(crate) company: CompanyId,
    /// Outcomes that never got to the store.
    pub(crate) lost: Arc<Mutex<Lost>>,
    pub(crate) referee: Arc<Mutex<Referee>>,
    bell: Bell,
    folder: tempfile::TempDir,
    endpoints: i64,
    messages: u64,
    _watchdog: Watchdog,
}

/// Ends the process when a test does not end: while something spins, paused time stands still and nothing else would
/// notice.
struct Watchdog(#[expect(dead_code, reason = "its end is the signal")] std::sync::mpsc::Sender<()>);

impl Watchdog {
    /// Real time, far beyond what the longest test takes on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(300);

    fn new(patience: Duration) -> Self {
        let (alive, ended) = std::sync::mpsc::channel::<()>();
        let name = std::thread::current().name().unwrap_or("a test").to_owned();
        std::thread::spawn(move || {
            if ended.recv_timeout(patience) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{name} spins or hangs");
                std::process::abort();
            }
        });
        Watchdog(alive)
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        World::with(Setup::default()).await
    }

    /// With one endpoint besides.
    pub(crate) async fn with_endpoint() -> (Self, EndpointKey) {
        let mut world = World::new().await;
        let endpoint = world.endpoint(|_| {}).await;
        (world, endpoint)
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let set = Box::leak(Box::default());
        let clock = Clock::settable_from(start(), set);
        let watchdog = Watchdog::new(setup.patience);
        let bell = Bell::new();
        let folder = tempfile::tempdir().unwrap();
        let receiver = Arc::new(Receiver::new(clock, bell.clone()));
        let ring = watch::Sender::new(keys().ring.clone());
        let (lost, referee) = (Arc::default(), Arc::default());
        let store = open_store(folder.path(), &bell, (&lost, &referee), &setup.defaults);
        let engine = start_engine(&store, &receiver, &ring, clock, &setup).await;
        let company: CompanyId = "acme".parse().unwrap();
        let named = Company { company_id: company.clone(), name: "Acme".to_owned(), created: start() };
        store.change(Change::CreateCompany(named)).await.unwrap();
        World {
            store: Some(store),
            engine: Some(engine),
            receiver,
            clock,
            set,
            ring,
            setup,
            company,
            lost,
            referee,
            bell,
            folder,
            endpoints: 0,
            messages: 0,
            _watchdog: watchdog,
        }
    }

    pub(crate) fn store(&self) -> &SlowStore {
        self.store.as_ref().unwrap()
    }

    pub(crate) fn engine(&self) -> &Handle {
        self.engine.as_ref().unwrap()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The wall clock is set: so far ahead of what it would show, or behind.
    pub(crate) fn set_clock(&self, ahead: Duration, behind: Duration) {
        let millis = |by: Duration| i64::try_from(by.as_millis()).unwrap();
        self.set.store(millis(ahead) - millis(behind), Ordering::SeqCst);
    }

    /// A new endpoint with a branch of its own; the nth has branch n and the host `en.example`.
    pub(crate) async fn endpoint(&mut self, set: impl FnOnce(&mut EndpointSettings)) -> EndpointKey {
        self.endpoints += 1;
        let n = self.endpoints;
        let key = EndpointKey {
            company_id: self.company.clone(),
            endpoint_id: EndpointId::from_uuid(Uuid::from_u128(n.unsigned_abs().into())),
        };
        let branch = Branch {
            company_id: self.company.clone(),
            branch_id: n,
            name: format!("Branch {n}"),
            created: start(),
        };
        self.store().change(Change::CreateBranch(branch)).await.unwrap();
        let mut settings = EndpointSettings {
            url: Some(format!("https://e{n}.example/hook")),
            branch_ids: Some(vec![n]),
            ..EndpointSettings::default()
        };
        set(&mut settings);
        let endpoint = Endpoint {
            secret: sealed(&key.secret_record(), &secret(1).to_text()),
            key: key.clone(),
            settings,
            previous_secret: None,
            paused: None,
            created: start(),
            generation: 0,
        };
        self.store().change(Change::CreateEndpoint(endpoint, 1000)).await.unwrap();
        key
    }

    pub(crate) async fn change_endpoint(
        &self,
        key: &EndpointKey,
        change: EndpointChange,
        edit: impl FnOnce(&mut Endpoint),
    ) {
        let mut endpoint = (*self.store().directory().endpoint(key).unwrap()).clone();
        edit(&mut endpoint);
        self.store().change(Change::UpdateEndpoint(endpoint, change, self.now())).await.unwrap();
    }

    pub(crate) async fn delete_endpoint(&self, key: &EndpointKey) {
        let change = Change::DeleteEndpoint(key.clone(), IfUndelivered::Discard, self.now());
        self.store().change(change).await.unwrap();
    }

    pub(crate) fn acceptance(&mut self, branch_id: i64, work_order_id: i64, size: usize) -> Acceptance {
        self.messages += 1;
        let message_id = MessageId::from_bytes(Uuid::from_u128(self.messages.into()).into_bytes());
        let header = format!(
            r#"{{"Header":{{"WorkOrderId":{work_order_id},"BranchId":{branch_id},"Action":"Accepted","MessageId":"{message_id}"}},"Status":"Accepted","Comment":""#
        );
        let comment = "x".repeat(size.saturating_sub(header.len() + 2));
        Acceptance {
            company_id: None,
            branch_id,
            work_order_id,
            action: "Accepted".parse().unwrap(),
            message_id,
            content_hash: [7; 32],
            initiated_by: None,
            body: Bytes::from(format!("{header}{comment}\"}}")),
            accepted: self.now(),
        }
    }

    /// Publishes one notification to the nth endpoint.
    pub(crate) async fn publish(&mut self, nth: i64, work_order_id: i64) -> DeliveryId {
        self.publish_all(nth, &[work_order_id]).await[0]
    }

    /// Publishes one for each of these work orders in one call.
    pub(crate) async fn publish_all(&mut self, nth: i64, work_orders: &[i64]) -> Vec<DeliveryId> {
        let acceptances = work_orders.iter().map(|id| self.acceptance(nth, *id, 200)).collect();
        let accepted = self.store().accept(acceptances).await.unwrap();
        accepted.into_iter().map(|one| one.unwrap().deliveries[0]).collect()
    }

    /// As the interface does it.
    pub(crate) fn by_hand(&self, id: DeliveryId) -> ByHand {
        let in_flight = self.engine().in_flight(id.no());
        ByHand { id, company_id: None, in_flight, now: self.now(), by: None }
    }

    pub(crate) async fn retry(&self, id: DeliveryId) {
        self.store().retry(self.by_hand(id)).await.unwrap();
    }

    pub(crate) async fn discard(&self, id: DeliveryId) {
        self.store().discard(self.by_hand(id)).await.unwrap();
    }

    pub(crate) async fn delivery(&self, id: DeliveryId) -> DeliveryRecord {
        self.store().delivery(id, None).await.unwrap().unwrap()
    }

    pub(crate) async fn state(&self, id: DeliveryId) -> State {
        self.delivery(id).await.state
    }

    pub(crate) async fn attempts(&self, id: DeliveryId) -> Vec<LogRecord> {
        self.store().attempts(id).await.unwrap()
    }

    /// Waits until this holds; looks again whenever something happened.
    pub(crate) async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let mut bell = self.bell.listen();
        let wait = async {
            while !holds().await {
                bell.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(FOR_EVER, wait).await.is_err() {
            panic!("it never happened: {what}");
        }
    }

    pub(crate) async fn until_seen(&self, count: usize) {
        self.until(&format!("{count} requests"), async || self.receiver.count() >= count).await;
    }

    pub(crate) async fn until_answered(&self, count: usize) {
        self.until(&format!("{count} requests answered"), async || {
            self.receiver.count() >= count && self.receiver.open() == 0
        })
        .await;
    }

    pub(crate) async fn until_state(&self, id: DeliveryId, state: State) {
        self.until(&format!("{id} is {state:?}"), async || self.state(id).await == state).await;
    }

    pub(crate) async fn until_all(&self, ids: &[DeliveryId], state: State) {
        for id in ids {
            self.until_state(*id, state).await;
        }
    }

    /// Ends the engine and the store in peace and starts both anew.
    pub(crate) async fn restart(&mut self, patience: Duration) {
        self.engine().stop(patience).await;
        self.store().close().await;
        self.start_again().await;
    }

    /// The process dies and another one starts. Outcomes that are not on disk are lost.
    pub(crate) async fn crash(&mut self) {
        self.store().die();
        // Only so that its tasks end; they reach nothing any more.
        self.engine().stop(Duration::ZERO).await;
        self.start_again().await;
    }

    async fn start_again(&mut self) {
        self.store().bury().await;
        // The folder can be opened again only when nobody holds it any more.
        self.engine = None;
        let store = self.store.take().unwrap();
        for _ in 0..1000 {
            if Arc::strong_count(&store) == 1 && store.is_unused() {
                break;
            }
            // Tasks that were told to end do so when it is their turn.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(Arc::strong_count(&store) == 1, "after its end the engine holds nothing");
        drop(store);
        self.referee.lock().unwrap().restarted(self.now());
        let (defaults, watchers) = (&self.setup.defaults, (&self.lost, &self.referee));
        let store = open_store(self.folder.path(), &self.bell, watchers, defaults);
        let engine = start_engine(&store, &self.receiver, &self.ring, self.clock, &self.setup).await;
        self.store = Some(store);
        self.engine = Some(engine);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The store, the engine and what tells one of the other hold each other.
        if let Some(store) = &self.store {
            store.die();
        }
    }
}

fn open_store(
    folder: &std::path::Path,
    bell: &Bell,
    (lost, referee): (&Arc<Mutex<Lost>>, &Arc<Mutex<Referee>>),
    defaults: &Defaults,
) -> Arc<SlowStore> {
    let options = sqlite::Options {
        data_dir: folder.to_owned(),
        synchronous: Synchronous::Off,
        waiting_limit: 1_000_000,
        defaults: defaults.clone(),
    };
    let sqlite = SqliteStore::open(options).unwrap();
    Arc::new(SlowStore::new(sqlite, bell.clone(), lost.clone(), referee.clone()))
}

async fn start_engine(
    store: &Arc<SlowStore>,
    receiver: &Arc<Receiver>,
    ring: &watch::Sender<Arc<KeyRing>>,
    clock: Clock,
    setup: &Setup,
) -> Handle {
    let options = Options {
        store: store.clone(),
        open: Arc::new(Door(receiver.clone())),
        ring: ring.subscribe(),
        master: keys().master.clone(),
        defaults: setup.defaults.clone(),
        max_in_flight: setup.max_in_flight,
        clock,
        seed: setup.seed,
    };
    Engine::start(options).await.unwrap()
}

/// The nth `whsec_` secret.
pub(crate) fn secret(n: u8) -> Secret {
    Secret::from_bytes(&[n; 32]).unwrap()
}

pub(crate) fn sealed(record: &str, text: &str) -> SealedText {
    SealedText(keys().master.seal(record, text.as_bytes()).unwrap())
}
