//! Starting and stopping the engine, and what others may ask of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use workbell_model::{Defaults, DeliveryNo};
use workbell_signing::{KeyRing, MasterKey};
use workbell_store::Store;

use crate::clock::{Clock, Steady};
use crate::emulation::Emulations;
use crate::hub::Hub;
use crate::post::Open;
use crate::slots::Slots;

/// What the engine needs.
pub struct Options {
    /// The truth.
    pub store: Arc<dyn Store>,
    /// How requests leave.
    pub open: Arc<dyn Open>,
    /// The keys as of now.
    pub ring: watch::Receiver<Arc<KeyRing>>,
    /// Opens the endpoints' secrets.
    pub master: Arc<MasterKey>,
    /// What endpoints leave open.
    pub defaults: Defaults,
    /// Attempts at once, over all endpoints.
    pub max_in_flight: usize,
    /// The wall clock.
    pub clock: Clock,
    /// Seed of the jitter.
    pub seed: u64,
}

/// What every part of the engine shares.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) open: Arc<dyn Open>,
    pub(crate) ring: watch::Receiver<Arc<KeyRing>>,
    pub(crate) master: Arc<MasterKey>,
    pub(crate) defaults: Defaults,
    pub(crate) slots: Arc<Slots>,
    pub(crate) clock: Steady,
    /// No new attempt starts.
    pub(crate) stopping: CancellationToken,
    /// Attempts in flight are cut off.
    pub(crate) cut_off: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// What tries endpoints out.
    pub(crate) emulations: Emulations,
    luck: AtomicU64,
}

impl Shared {
    /// The next random number from 0 to 1 (splitmix64).
    pub(crate) fn luck(&self) -> f64 {
        let mut z = self.luck.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The delivery engine.
#[derive(Debug)]
pub struct Engine;

/// What others may ask of the running engine. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    hub: Arc<Hub>,
}

impl Engine {
    /// Starts the engine on the current runtime: it subscribes to the store and picks up what waits there.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(options: Options) -> Result<Handle, workbell_store::Error> {
        let shared = Shared {
            store: options.store,
            open: options.open,
            ring: options.ring,
            master: options.master,
            defaults: options.defaults,
            slots: Slots::new(options.max_in_flight),
            clock: Steady::new(options.clock),
            stopping: CancellationToken::new(),
            cut_off: CancellationToken::new(),
            tasks: TaskTracker::new(),
            emulations: Emulations::default(),
            luck: AtomicU64::new(options.seed),
        };
        let hub = Hub::start(Arc::new(shared)).await?;
        hub.shared().tasks.spawn(crate::jobs::run(hub.clone()));
        Ok(Handle { hub })
    }
}

impl Handle {
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        self.hub.shared()
    }

    /// Whether an attempt of this delivery is in flight.
    pub fn in_flight(&self, no: DeliveryNo) -> bool {
        self.hub.in_flight(no)
    }

    /// Attempts in flight.
    pub fn attempts_in_flight(&self) -> usize {
        self.hub.attempts_in_flight()
    }

    /// Ends: no attempt starts any more; those in flight may end within `patience`, then they are cut off and recorded
    /// as interrupted. Returns when all outcomes were handed to the store.
    pub async fn stop(&self, patience: Duration) {
        let shared = self.hub.shared();
        shared.stopping.cancel();
        shared.tasks.close();
        if tokio::time::timeout(patience, shared.tasks.wait()).await.is_err() {
            shared.cut_off.cancel();
            shared.tasks.wait().await;
        }
    }
}
