//! The signing keys of the running service: one ring that everybody sees, replaced whole at each rotation.
//!
//! A change is on disk before anybody signs with it. Changes go one after the other; what time alone makes due (keys
//! whose last token has expired are removed) is done by [`KeyRoom::keep`].

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use workbell_signing::{Change, KeyRing, MasterKey, Options, StoredKey};
use workbell_store::audit::Author;
use workbell_store::{Store, record};

use crate::clock::Clock;

/// How long before its end a certificate should have a successor; then there is an alert, and doctor warns.
///
/// 30 days: receivers install it by hand.
pub(crate) const CERTIFICATE_NOTICE: Duration = Duration::from_secs(30 * 86_400);

/// Longest sleep between two looks at the clock.
///
/// 1 h: keys retire days after their rotation, and a wall clock that was set is noticed within the hour.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// Why keys cannot be loaded or changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not give or take them.
    #[error("cannot read or write the signing keys")]
    Store(#[from] workbell_store::Error),
    /// They cannot be made or used.
    #[error(transparent)]
    Signing(#[from] workbell_signing::Error),
}

/// How keys are made and used.
#[derive(Clone, Debug)]
pub struct Rules {
    /// `token.key_bits`.
    pub bits: u32,
    /// `token.rotation_lead`.
    pub lead: Duration,
    /// The ring's own settings.
    pub ring: Options,
}

/// When new keys start to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// After `token.rotation_lead`; until then the old ones do.
    AfterLead,
    /// At once; the old ones are gone.
    Now,
}

/// The keys, shared.
#[derive(Clone)]
pub struct KeyRoom(Arc<Inner>);

struct Inner {
    ring: watch::Sender<Arc<KeyRing>>,
    store: Arc<dyn Store>,
    master_key: Arc<MasterKey>,
    rules: Rules,
    clock: Clock,
    /// Held while a change is made.
    changing: Mutex<()>,
}

impl KeyRoom {
    /// Opens the stored keys; at the first start makes and stores them.
    ///
    /// # Errors
    /// The store fails, or a key cannot be used with this master key.
    pub async fn open(
        store: Arc<dyn Store>,
        master_key: Arc<MasterKey>,
        rules: Rules,
        clock: Clock,
    ) -> Result<Self, Error> {
        let records = store.keys().await?;
        let read = records.iter().map(|key| StoredKey::from_record(&key.key_id, &key.record));
        let mut stored = read.collect::<Result<Vec<_>, _>>()?;
        if stored.is_empty() {
            let (now, bits, master) = (clock.now(), rules.bits, Arc::clone(&master_key));
            stored = blocking(move || StoredKey::first_ones(now, bits, &master)).await?;
            write(&*store, Author::service(now), &stored, Vec::new()).await?;
            tracing::info!("made the signing keys of this installation");
        }
        let ring = KeyRing::load(stored, &master_key, rules.ring.clone())?;
        let (ring, _) = watch::channel(Arc::new(ring));
        Ok(KeyRoom(Arc::new(Inner { ring, store, master_key, rules, clock, changing: Mutex::new(()) })))
    }

    /// The ring as it is now.
    pub fn ring(&self) -> Arc<KeyRing> {
        self.0.ring.borrow().clone()
    }

    /// The ring, and word of each change.
    pub fn subscribe(&self) -> watch::Receiver<Arc<KeyRing>> {
        self.0.ring.subscribe()
    }

    /// Makes the next keys.
    ///
    /// # Errors
    /// A rotation is under way already, or the store takes no writes.
    pub(crate) async fn rotate(&self, start: Start, author: Author) -> Result<(), Error> {
        let _changing = self.0.changing.lock().await;
        let (ring, inner) = (self.ring(), Arc::clone(&self.0));
        let change = blocking(move || {
            let (now, bits) = (inner.clock.now(), inner.rules.bits);
            match start {
                Start::AfterLead => ring.rotate(now, inner.rules.lead, bits, &inner.master_key),
                Start::Now => ring.rotate_now(now, bits, &inner.master_key),
            }
        })
        .await?;
        self.apply(change, author).await
    }

    /// Removes keys when their time has come, until `shutdown`.
    ///
    /// # Cancel safety
    /// Ends at `shutdown` alone, never within a change.
    pub async fn keep(self, shutdown: CancellationToken) {
        let mut changed = self.subscribe();
        loop {
            let now = self.0.clock.now();
            if let Err(error) = self.apply_due(now).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot remove retired signing keys yet"
                );
            }
            let wait = changed.borrow_and_update().next_change().map_or(LONGEST_SLEEP, |at| at.since(now));
            // A second at least: a store that refuses writes is not asked in a circle.
            let wait = wait.clamp(Duration::from_secs(1), LONGEST_SLEEP);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
                Ok(()) = changed.changed() => {}
            }
        }
    }

    async fn apply_due(&self, now: workbell_wire::Timestamp) -> Result<(), Error> {
        if self.ring().due_changes(now).is_empty() {
            return Ok(());
        }
        let _changing = self.0.changing.lock().await;
        self.apply(self.ring().due_changes(now), Author::service(now)).await
    }

    /// Writes a change, then shows it. The caller holds `changing`.
    async fn apply(&self, change: Change, author: Author) -> Result<(), Error> {
        let after = self.ring().after(&change, &self.0.master_key)?;
        write(&*self.0.store, author, &change.put, change.removed).await?;
        self.0.ring.send_replace(Arc::new(after));
        Ok(())
    }
}

impl std::fmt::Debug for KeyRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeyRoom").field(&self.ring()).finish()
    }
}

async fn write(
    store: &dyn Store,
    author: Author,
    put: &[StoredKey],
    removed: Vec<String>,
) -> Result<(), Error> {
    let record = |key: &StoredKey| record::StoredKey { key_id: key.key_id.clone(), record: key.to_record() };
    let change = record::Change::PutKeys(put.iter().map(record).collect(), removed);
    Ok(store.change_by(author, change).await?)
}

/// Making an RSA key takes up to half a second of processor time.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, workbell_signing::Error> + Send + 'static,
) -> Result<T, workbell_signing::Error> {
    tokio::task::spawn_blocking(work).await.expect("making keys does not panic")
}
