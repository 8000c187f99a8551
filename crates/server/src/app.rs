//! What all handlers share.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use workbell_delivery::{Emulation, emulation};
use workbell_egress::Policy;
use workbell_model::{Defaults, DeliveryNo};
use workbell_signing::{MasterKey, SecretHash};
use workbell_store::Store;

use crate::body::Budget;
use crate::clock::Clock;
use crate::direct::FeedTokens;
use crate::key_room::KeyRoom;
use crate::oauth::Rates;
use crate::password::Passwords;

/// `limits.*` of the settings, as far as the interface keeps to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one notification.
    pub body: usize,
    /// Notifications of one array.
    pub batch: usize,
    /// Bytes of one array.
    pub batch_body: usize,
    /// Endpoints of one company.
    pub endpoints: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { body: 256 << 10, batch: 1000, batch_body: 16 << 20, endpoints: 20 }
    }
}

/// What the interface asks of the delivery engine.
pub trait Engine: Send + Sync {
    /// Whether an attempt of this delivery is in flight.
    fn in_flight(&self, no: DeliveryNo) -> bool;

    /// How many attempts are in flight.
    fn attempts_in_flight(&self) -> usize;

    /// Sends a notification to an endpoint once, in no queue; the number of its log record.
    fn emulate(&self, emulation: Emulation) -> Emulated<'_>;
}

/// What [`Engine::emulate`] gives.
pub type Emulated<'a> = Pin<Box<dyn Future<Output = Result<u64, emulation::Error>> + Send + 'a>>;

/// An engine that never sends: for tests of the interface alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEngine;

impl Engine for NoEngine {
    fn in_flight(&self, _: DeliveryNo) -> bool {
        false
    }

    fn attempts_in_flight(&self) -> usize {
        0
    }

    fn emulate(&self, _: Emulation) -> Emulated<'_> {
        Box::pin(async { Err(emulation::Error::Stopping) })
    }
}

/// What an [`App`] is made of.
pub struct Options {
    /// Where everything lives.
    pub store: Arc<dyn Store>,
    /// The signing keys.
    pub keys: KeyRoom,
    /// What seals secrets.
    pub master_key: Arc<MasterKey>,
    /// SHA-256 of the platform key.
    pub platform_key: SecretHash,
    /// Where endpoints may be.
    pub policy: Arc<Policy>,
    /// Who delivers.
    pub engine: Arc<dyn Engine>,
    /// `delivery.*`: what holds for endpoints that say nothing, and what they may not exceed.
    pub defaults: Defaults,
    /// `limits.*`.
    pub limits: Limits,
    /// `public_url`, for the OpenAPI document.
    pub public_url: String,
    /// What time it is.
    pub clock: Clock,
}

/// The state of the interface.
pub struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: KeyRoom,
    pub(crate) master_key: Arc<MasterKey>,
    pub(crate) platform_key: SecretHash,
    pub(crate) policy: Arc<Policy>,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) defaults: Defaults,
    pub(crate) limits: Limits,
    pub(crate) public_url: String,
    pub(crate) clock: Clock,
    /// Held from reading a thing of the configuration to writing it changed, so that no change is lost.
    pub(crate) changing: tokio::sync::Mutex<()>,
    /// Bodies in memory.
    pub(crate) bodies: Budget,
    /// How often clients take access tokens.
    pub(crate) rates: Rates,
    /// Where passwords are hashed.
    pub(crate) passwords: Passwords,
    /// Tokens that feeds are read with.
    pub(crate) feed_tokens: FeedTokens,
    /// Who waits for something is answered at once: the service stops.
    pub(crate) stopping: CancellationToken,
    document: OnceLock<Bytes>,
}

impl App {
    /// The state made of these parts.
    pub fn new(options: Options) -> Arc<Self> {
        let Options {
            store,
            keys,
            master_key,
            platform_key,
            policy,
            engine,
            defaults,
            limits,
            public_url,
            clock,
        } = options;
        Arc::new(App {
            store,
            keys,
            master_key,
            platform_key,
            policy,
            engine,
            defaults,
            limits,
            public_url,
            clock,
            changing: tokio::sync::Mutex::default(),
            bodies: Budget::default(),
            rates: Rates::default(),
            passwords: Passwords::default(),
            feed_tokens: FeedTokens::default(),
            stopping: CancellationToken::new(),
            document: OnceLock::new(),
        })
    }

    /// The OpenAPI document; written when it is first asked for.
    pub(crate) fn document(&self) -> Bytes {
        self.document.get_or_init(|| crate::openapi::document(&self.public_url).to_string().into()).clone()
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("limits", &self.limits).finish_non_exhaustive()
    }
}
