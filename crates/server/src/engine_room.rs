//! The delivery engine of the running service: the one place that knows how it is started and stopped.

use std::sync::Arc;
use std::time::Duration;

use workbell_egress::Policy;
use workbell_signing::MasterKey;
use workbell_store::Store;

use crate::app::{Engine, NoEngine};
use crate::error::Error;
use crate::key_room::KeyRoom;
use crate::settings::Settings;

/// A running engine.
#[derive(Debug)]
pub(crate) struct EngineRoom {}

impl EngineRoom {
    /// Starts it.
    ///
    /// # Errors
    /// Something that it needs is not there.
    pub(crate) async fn start(
        _settings: &Settings,
        _store: Arc<dyn Store>,
        _keys: &KeyRoom,
        _master_key: Arc<MasterKey>,
        _policy: Arc<Policy>,
    ) -> Result<Self, Error> {
        Ok(EngineRoom {})
    }

    /// What handlers ask.
    pub(crate) fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(NoEngine)
    }

    /// Lets attempts end, and interrupts those that do not within this time.
    pub(crate) async fn stop(self, _deadline: Duration) {}
}
