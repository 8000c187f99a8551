//! What the warden raises and ends, over restarts.

use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;
use workbell_model::Defaults;
use workbell_signing::MasterKey;
use workbell_store::alert::{AlertRecord, Alerts as _};
use workbell_store::sqlite::{Options, SqliteStore, Synchronous};

use super::*;
use crate::key_room::{Rules, Start};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

const DAY: Duration = Duration::from_secs(86_400);

/// A store, keys, and a disk and a clock that say what they are told.
struct House {
    _folder: TempDir,
    store: Arc<SqliteStore>,
    keys: KeyRoom,
    free: Arc<AtomicU64>,
    clock: Clock,
}

impl House {
    /// One whose keys were made that long ago.
    async fn with_keys_of_age(age: Duration) -> Self {
        let folder = TempDir::new().unwrap();
        let options = Options {
            data_dir: folder.path().to_owned(),
            synchronous: Synchronous::Off,
            waiting_limit: 1000,
            defaults: Defaults::default(),
        };
        let store = Arc::new(SqliteStore::open(options).unwrap());
        let now = Timestamp::from_unix_seconds(START);
        let rules = Rules { bits: 2048, lead: 7 * DAY, ring: Default::default() };
        let master_key = Arc::new(MasterKey::from_bytes(&[7; 32]));
        let made = Clock::from_fn(move || now.minus(age));
        KeyRoom::open(store.clone(), master_key.clone(), rules.clone(), made).await.unwrap();
        let clock = Clock::from_fn(move || now);
        let keys = KeyRoom::open(store.clone(), master_key, rules, clock.clone()).await.unwrap();
        House { _folder: folder, store, keys, free: Arc::new(AtomicU64::new(u64::MAX)), clock }
    }

    /// A warden that was started just now, and what it knows.
    async fn warden(&self) -> (Warden, BTreeSet<Subject>) {
        let free = Arc::clone(&self.free);
        let room = move || Ok(Room { free: free.load(Ordering::SeqCst), size: 100 << 30, files: 1 });
        let (store, keys, clock) = (self.store.clone(), self.keys.clone(), self.clock.clone());
        let warden = Warden { store, keys, room: Box::new(room), clock };
        let lasting = warden.lasting().await.unwrap();
        (warden, lasting)
    }

    /// Looks twice after a start, so that what is raised again at either shows.
    async fn look(&self) -> Vec<(String, bool)> {
        let (warden, mut lasting) = self.warden().await;
        for _ in 0..2 {
            warden.look(&mut lasting).await.unwrap();
        }
        self.alerts().await.into_iter().map(|alert| (alert.kind, alert.ended.is_none())).collect()
    }

    async fn alerts(&self) -> Vec<AlertRecord> {
        let paging = Paging { after: None, limit: MOST };
        self.store.alerts(AlertFilter::default(), paging).await.unwrap().items
    }
}

#[tokio::test]
async fn a_disk_near_its_end_is_one_alert_until_there_is_clearly_more_room() {
    let house = House::with_keys_of_age(DAY).await;
    let disk = |lasts: bool| ("DiskEnding".to_owned(), lasts);
    assert_eq!(house.look().await, []);
    house.free.store((1 << 30) - 1, Ordering::SeqCst);
    assert_eq!(house.look().await, [disk(true)]);
    let alert = house.alerts().await.remove(0);
    assert_eq!((alert.count, alert.company_id, alert.subject.as_str()), (1, None, "disk"));
    assert_eq!(alert.detail["FreeBytes"], (1 << 30) - 1);
    // Up and down around the bound is no news.
    for free in [(1 << 30) + 1, 1 << 29, 5 << 28] {
        assert_eq!(house.look().await, [disk(true)], "before {free}");
        house.free.store(free, Ordering::SeqCst);
    }
    assert_eq!(house.look().await, [disk(false)]);
    house.free.store(1 << 29, Ordering::SeqCst);
    assert_eq!(house.look().await, [disk(true), disk(false)], "the next time is another event");
}

#[tokio::test]
async fn a_certificate_near_its_end_is_an_alert_until_it_has_a_successor() {
    // Certificates last 3,652 days and a half.
    let house = House::with_keys_of_age(3640 * DAY).await;
    let ending = house.keys.ring().keys(house.clock.now());
    let ending: BTreeSet<String> =
        ending.into_iter().filter(|key| key.not_after.is_some()).map(|key| key.key_id).collect();
    assert!(!ending.is_empty());
    let shown = house.look().await;
    assert_eq!(shown, vec![("CertificateEnding".to_owned(), true); ending.len()]);
    let alerts = house.alerts().await;
    assert_eq!(alerts.iter().map(|alert| alert.subject.clone()).collect::<BTreeSet<_>>(), ending);
    assert!(alerts.iter().all(|alert| alert.count == 1 && alert.detail["NotAfter"].is_string()));
    house
        .keys
        .rotate(Start::AfterLead, workbell_store::audit::Author::service(house.clock.now()))
        .await
        .unwrap();
    let shown = house.look().await;
    assert_eq!(
        shown,
        vec![("CertificateEnding".to_owned(), false); ending.len()],
        "the next one is published"
    );
}
