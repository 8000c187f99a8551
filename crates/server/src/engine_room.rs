//! The delivery engine of the running service: the one place that knows how it is started and stopped.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use workbell_delivery::{Clock, Emulation, Handle, Options};
use workbell_egress::{Client, ClientOptions, Policy};
use workbell_model::DeliveryNo;
use workbell_signing::MasterKey;
use workbell_store::Store;

use crate::app::{Emulated, Engine};
use crate::error::Error;
use crate::key_room::KeyRoom;
use crate::settings::Settings;

/// A running engine.
pub(crate) struct EngineRoom {
    handle: Handle,
}

impl EngineRoom {
    /// Starts it: what waits in the store is picked up at once.
    ///
    /// # Errors
    /// The store cannot be read, or the roots of trust cannot.
    pub(crate) async fn start(
        settings: &Settings,
        store: Arc<dyn Store>,
        keys: &KeyRoom,
        master: Arc<MasterKey>,
        policy: Policy,
    ) -> Result<Self, Error> {
        let ca_file = settings.egress.ca_file.clone();
        let client = Client::new(ClientOptions { ca_file, ..ClientOptions::new(policy) })?;
        let options = Options {
            store,
            open: Arc::new(client),
            ring: keys.subscribe(),
            master,
            defaults: settings.endpoint_defaults(),
            max_in_flight: settings.delivery.max_in_flight,
            clock: Clock::System,
            seed: RandomState::new().build_hasher().finish(),
        };
        Ok(EngineRoom { handle: workbell_delivery::Engine::start(options).await? })
    }

    /// What handlers ask.
    pub(crate) fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(InFlight(self.handle.clone()))
    }

    /// Lets attempts end, and interrupts those that do not within this time.
    pub(crate) async fn stop(self, patience: Duration) {
        self.handle.stop(patience).await;
    }
}

struct InFlight(Handle);

impl Engine for InFlight {
    fn in_flight(&self, no: DeliveryNo) -> bool {
        self.0.in_flight(no)
    }

    fn attempts_in_flight(&self) -> usize {
        self.0.attempts_in_flight()
    }

    fn emulate(&self, emulation: Emulation) -> Emulated<'_> {
        Box::pin(self.0.emulate(emulation))
    }
}
