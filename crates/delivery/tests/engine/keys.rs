//! One master key and one key ring for all tests: RSA keys are dear.

use std::sync::{Arc, OnceLock};

use workbell_signing::{KeyRing, MasterKey, Options, StoredKey};
use workbell_wire::Timestamp;

pub(crate) struct Keys {
    pub(crate) master: Arc<MasterKey>,
    pub(crate) ring: Arc<KeyRing>,
    /// After a rotation with `Now`.
    rotated: OnceLock<Arc<KeyRing>>,
}

/// When every test begins.
pub(crate) fn start() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let master = MasterKey::from_bytes(&[5; 32]);
        let stored = StoredKey::first_ones(start(), 2048, &master).unwrap();
        let ring = KeyRing::load(stored, &master, Options::default()).unwrap();
        Keys { master: Arc::new(master), ring: Arc::new(ring), rotated: OnceLock::new() }
    })
}

impl Keys {
    pub(crate) fn rotated_now(&self, now: Timestamp) -> Arc<KeyRing> {
        let rotate = || {
            let change = self.ring.rotate_now(now, 2048, &self.master).unwrap();
            Arc::new(self.ring.after(&change, &self.master).unwrap())
        };
        self.rotated.get_or_init(rotate).clone()
    }
}
