//! The service as a whole, in this process: a certificate near its end is told, once, also over restarts.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test")]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use workbell_model::Defaults;
use workbell_server::settings::{Overrides, Settings};
use workbell_server::{Clock, KeyRoom, KeyRules, Service};
use workbell_signing::MasterKey;
use workbell_store::Store as _;
use workbell_store::alert::{AlertFilter, AlertKind, AlertRecord, Alerts as _, NewAlert};
use workbell_store::filter::Paging;
use workbell_store::sqlite::{self, SqliteStore, Synchronous};
use workbell_wire::Timestamp;

const MASTER: [u8; 32] = [7; 32];

const DAY: Duration = Duration::from_secs(86_400);

/// Longest wait for what should come soon.
const PATIENCE: Duration = Duration::from_secs(45);

/// A try to tell an alert: its id, its body, and whether it was taken.
type Try = (String, Value, bool);

/// Who wants to be told: takes nothing until it is open.
struct Receiver {
    url: String,
    is_open: Arc<AtomicBool>,
    tries: mpsc::UnboundedReceiver<Try>,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/alerts", listener.local_addr().unwrap());
        let (sender, tries) = mpsc::unbounded_channel();
        let is_open = Arc::new(AtomicBool::new(false));
        let open = Arc::clone(&is_open);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, Arc::clone(&open), sender.clone()));
            }
        });
        Receiver { url, is_open, tries }
    }

    async fn next(&mut self) -> Try {
        tokio::time::timeout(PATIENCE, self.tries.recv()).await.expect("an alert comes").unwrap()
    }
}

async fn serve(mut stream: TcpStream, is_open: Arc<AtomicBool>, tries: mpsc::UnboundedSender<Try>) {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut part).await {
        request.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let Ok(body) = serde_json::from_str(body) else { continue };
        let id = head.lines().find_map(|line| line.strip_prefix("Webhook-Id: ")).unwrap();
        let takes = is_open.load(Ordering::SeqCst);
        tries.send((id.to_owned(), body, takes)).unwrap();
        if !takes {
            return;
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        request.clear();
    }
}

async fn open_store(folder: &Path) -> Arc<SqliteStore> {
    let options = sqlite::Options {
        data_dir: folder.to_owned(),
        synchronous: Synchronous::Off,
        waiting_limit: 1000,
        defaults: Defaults::default(),
    };
    Arc::new(SqliteStore::open(options).unwrap())
}

/// Runs a service until `until` has what it waits for, and gives the alerts that its store has then.
async fn serve_until<T>(folder: &Path, url: &str, until: impl AsyncFnOnce() -> T) -> (T, Vec<AlertRecord>) {
    let flags = Overrides::new()
        .set("listen", "--listen", "127.0.0.1:0")
        .set("data_dir", "--data-dir", folder.to_str().unwrap())
        .set("master_key", "--master-key", "07".repeat(32))
        .set("delivery.max_in_flight", "--max-in-flight", "64")
        .set("alerts.url", "--alerts-url", url)
        .set("alerts.secret", "--alerts-secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let service = Service::start(Settings::load(None, [], flags).unwrap()).await.unwrap();
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(service.run(shutdown.clone()));
    let found = until().await;
    shutdown.cancel();
    task.await.unwrap();
    let store = open_store(folder).await;
    let paging = Paging { after: None, limit: 500 };
    let alerts = store.alerts(AlertFilter::default(), paging).await.unwrap().items;
    store.close().await;
    (found, alerts)
}

#[tokio::test]
async fn a_certificate_near_its_end_is_told_once_also_after_a_restart() {
    let home = TempDir::new().unwrap();
    let folder = home.path().join("data");
    std::fs::create_dir(&folder).unwrap();
    // Keys of an installation that has run for ten years: a certificate lasts 3,652 days and a half.
    let store = open_store(&folder).await;
    let made = Timestamp::from_system(SystemTime::now()).minus(3640 * DAY);
    let rules = KeyRules { bits: 2048, lead: 7 * DAY, ring: Default::default() };
    let master_key = Arc::new(MasterKey::from_bytes(&MASTER));
    let keys = KeyRoom::open(store.clone(), master_key, rules, Clock::from_fn(move || made)).await.unwrap();
    let now = Timestamp::from_system(SystemTime::now());
    let ending = keys.ring().keys(now).into_iter().filter(|key| key.not_after.is_some()).count();
    assert!(ending > 0);
    store.close().await;
    drop((store, keys));

    let mut receiver = Receiver::start().await;
    let url = receiver.url.clone();
    // Nobody takes them before the service ends.
    let ((id, _, is_taken), alerts) = serve_until(&folder, &url, async || receiver.next().await).await;
    assert!(!is_taken);
    assert_eq!(alerts.len(), ending);
    let is_untold =
        |it: &AlertRecord| it.sent.is_none() && it.ended.is_none() && it.kind == "CertificateEnding";
    assert!(alerts.iter().all(is_untold), "{alerts:?}");
    let oldest = &alerts[ending - 1];
    assert_eq!(id, format!("alert_{}_{}", oldest.no, oldest.raised.ticks()));

    while receiver.tries.try_recv().is_ok() {}
    receiver.is_open.store(true, Ordering::SeqCst);
    let all = async || {
        let mut told = Vec::new();
        while told.len() < ending {
            told.push(receiver.next().await);
        }
        told
    };
    let (told, alerts) = serve_until(&folder, &url, all).await;
    let ids: BTreeSet<&String> = told.iter().map(|(id, ..)| id).collect();
    assert_eq!(ids.len(), ending, "each once: {told:?}");
    assert!(ids.contains(&id), "the same as before");
    let subjects: BTreeSet<&str> = alerts.iter().map(|alert| alert.subject.as_str()).collect();
    for (_, body, _) in &told {
        assert_eq!(body["type"], "CertificateEnding");
        assert!(subjects.contains(body["data"]["Subject"].as_str().unwrap()), "{body}");
        assert!(body["data"]["NotAfter"].is_string() && body["data"]["CompanyId"].is_null(), "{body}");
    }
    assert!(alerts.iter().all(|it| it.sent.is_some() && it.count == 1), "{alerts:?}");

    // Told is told: after another restart the next alert is another one.
    let new = NewAlert {
        kind: AlertKind::EndpointReopened,
        company_id: None,
        subject: "sentinel".to_owned(),
        detail: Map::new(),
        at: Timestamp::from_system(SystemTime::now()),
    };
    let store = open_store(&folder).await;
    store.raise(new).await.unwrap();
    store.close().await;
    drop(store);
    let ((_, body, _), _) = serve_until(&folder, &url, async || receiver.next().await).await;
    assert_eq!(body["data"]["Subject"], "sentinel");
}
