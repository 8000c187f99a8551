//! A service without listener and engine: router, real store, a clock that stands still.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use workbell_egress::Policy;
use workbell_model::{Defaults, EndpointKey, Failure, Outcome, Transition, log::Detail};
use workbell_server::{App, Clock, Interfaces, KeyRoom, KeyRules, Limits, NoEngine, Options, router};
use workbell_signing::{MasterKey, Recipient, StoredKey, hash_secret};
use workbell_store::Store;
use workbell_store::record::{self, Attempt, Change, Completion, Occasion};
use workbell_store::sqlite::{self, SqliteStore, Synchronous};
use workbell_wire::Timestamp;
use workbell_wire::certificate::Certificate;

use crate::document;

/// The platform key of every house.
pub(crate) const KEY: &str = "wbpk_for-tests-only";

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600;

pub(crate) struct House {
    _dir: TempDir,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) router: Router,
    pub(crate) master_key: Arc<MasterKey>,
    keys: KeyRoom,
    clock: Arc<AtomicI64>,
}

/// An answer, held against the document already.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The answer, which must have this status.
    #[track_caller]
    pub(crate) fn with(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// A problem of this status and code, and where its faults are.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Vec<(String, String)> {
        let json = self.json();
        assert_eq!((self.status, json["Code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(json["status"], status);
        assert_eq!(json["type"], format!("/errors/{code}"));
        let errors = json["Errors"].as_array().cloned().unwrap_or_default();
        let pair = |it: &Value| (it["Pointer"].as_str().unwrap().into(), it["Code"].as_str().unwrap().into());
        errors.iter().map(pair).collect()
    }
}

/// Pairs of texts, for comparison with [`Reply::problem`].
pub(crate) fn faults<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())).to_vec()
}

impl House {
    pub(crate) async fn new() -> Self {
        House::with(Limits::default(), Policy::public()).await
    }

    pub(crate) async fn with(limits: Limits, policy: Policy) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = sqlite::Options {
            data_dir: dir.path().to_owned(),
            synchronous: Synchronous::Off,
            waiting_limit: 1000,
            defaults: Defaults::default(),
        };
        let store = Arc::new(SqliteStore::open(options).unwrap());
        let ticks = Arc::new(AtomicI64::new(Timestamp::from_unix_seconds(START).ticks()));
        let told = Arc::clone(&ticks);
        let clock = Clock::from_fn(move || Timestamp::from_ticks(told.load(Ordering::Relaxed)));
        let master_key = Arc::new(MasterKey::from_bytes(&[7; 32]));
        store.change(Change::PutKeys(first_keys(), Vec::new())).await.unwrap();
        let rules = KeyRules { bits: 2048, lead: Duration::from_secs(7 * 86_400), ring: Default::default() };
        let keys = KeyRoom::open(store.clone(), master_key.clone(), rules, clock.clone()).await.unwrap();
        let app = App::new(Options {
            store: store.clone(),
            keys: keys.clone(),
            master_key: master_key.clone(),
            platform_key: hash_secret(KEY),
            policy: Arc::new(policy),
            engine: Arc::new(NoEngine),
            defaults: Defaults::default(),
            limits,
            public_url: "http://127.0.0.1:8080".to_owned(),
            clock,
        });
        let house =
            House { _dir: dir, store, router: router(app, Interfaces::All), master_key, keys, clock: ticks };
        document::read(&house).await;
        house
    }

    /// A house with company `acme`, its branch 492042 and an endpoint for everything.
    pub(crate) async fn furnished() -> (Self, String) {
        let house = House::new().await;
        house.post("/v1/companies", json!({"CompanyId": "acme", "Name": "Acme"})).await.with(201);
        let branch = json!({"BranchId": 492042, "Name": "North"});
        house.post("/v1/companies/acme/branches", branch).await.with(201);
        let endpoint =
            house.post("/v1/companies/acme/endpoints", json!({"Url": "https://example.com/in"})).await;
        let id = endpoint.with(201)["EndpointId"].as_str().unwrap().to_owned();
        (house, id)
    }

    /// The token that this endpoint's notifications carry.
    pub(crate) fn notification_token(&self, client_id: &str, endpoint: &str) -> String {
        let recipient = Recipient {
            client_id: client_id.to_owned(),
            endpoint: endpoint.to_owned(),
            destination: "https://example.com".to_owned(),
        };
        self.keys.ring().mint_token(&recipient, self.now()).unwrap().text
    }

    /// What verifies tokens now.
    pub(crate) fn certificates(&self) -> Vec<Certificate> {
        self.keys.ring().certificates(self.now())
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_ticks(self.clock.load(Ordering::Relaxed))
    }

    /// Lets time pass.
    pub(crate) fn later(&self, wait: Duration) {
        self.clock.store(self.now().plus(wait).ticks(), Ordering::Relaxed);
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], Body::empty()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.text("POST", path, &body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Reply {
        self.text("PATCH", path, &body.to_string()).await
    }

    /// A JSON text with the key.
    pub(crate) async fn text(&self, method: &str, path: &str, body: &str) -> Reply {
        let length = body.len().to_string();
        let headers = [("content-type", "application/json"), ("content-length", length.as_str())];
        self.send(method, path, &headers, Body::from(body.to_owned())).await
    }

    /// A request with the key.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Reply {
        let bearer = format!("Bearer {KEY}");
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend(headers);
        self.send_bare(method, path, &all, body).await
    }

    /// A request as it is.
    pub(crate) async fn send_bare(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let reply = Reply { status: parts.status.as_u16(), headers: parts.headers, text };
        if parts.status != StatusCode::NOT_FOUND && parts.status != StatusCode::METHOD_NOT_ALLOWED {
            document::check(method, path, &reply);
        }
        reply
    }

    /// Ends an attempt of the first delivery that is due at this endpoint.
    pub(crate) async fn attempt(&self, endpoint: &EndpointKey, status: u16, transition: Transition) {
        let due = self.store.due_lanes(endpoint, self.now(), 1, 0, Vec::new()).await.unwrap();
        let delivery = due.lanes[0].deliveries[0].clone();
        let generation = self.store.directory().endpoint(endpoint).unwrap().generation;
        let detail = Detail {
            url: "https://example.com/in".to_owned(),
            request_headers: vec![("Host".into(), "example.com".into()), ("X-Key".into(), "***".into())],
            response_headers: vec![("Set-Cookie".into(), "a".into()), ("set-cookie".into(), "b".into())],
            response_body: "thanks".to_owned(),
            connect_time: Some(1500),
            ..Detail::default()
        };
        let attempt = Attempt {
            number: delivery.attempts + 1,
            start: self.now(),
            duration: Duration::from_micros(12_345),
            status: Some(status),
            error: (status >= 300).then_some("Status"),
            detail: serde_json::to_vec(&detail).unwrap().into(),
        };
        let outcome =
            if status < 300 { Outcome::Succeeded } else { Outcome::Failed(Failure::of_status(status, None)) };
        let occasion = Occasion::Due;
        self.store
            .complete(Completion { delivery, outcome, transition, occasion, attempt, generation })
            .await
            .unwrap();
        // The writer takes one after the other: when this is answered, the outcome is on disk.
        self.store.check_value(self.master_key.check_value()).await.unwrap();
    }
}

/// Making RSA keys takes long, so all houses have the same ones.
fn first_keys() -> Vec<record::StoredKey> {
    static KEYS: OnceLock<Vec<record::StoredKey>> = OnceLock::new();
    let make = || {
        let master = MasterKey::from_bytes(&[7; 32]);
        let keys = StoredKey::first_ones(Timestamp::from_unix_seconds(START), 2048, &master).unwrap();
        let record =
            |key: &StoredKey| record::StoredKey { key_id: key.key_id.clone(), record: key.to_record() };
        keys.iter().map(record).collect()
    };
    KEYS.get_or_init(make).clone()
}

/// A notification of work order 42 as a publisher writes it.
pub(crate) fn accepted(comment: &str) -> Value {
    json!({
        "Header": {
            "WorkOrderId": 42, "BranchId": 492042, "Action": "Accepted",
            "Sender": {"Name": "Jon Snow", "Phone": "+12025550141", "Type": "CorrigoPro"},
            "ActionDate": "2018-09-04T10:12:08.1671613Z"
        },
        "Status": "Accepted", "Comment": comment
    })
}

/// The same with a MessageId.
pub(crate) fn accepted_as(message_id: &str, comment: &str) -> Value {
    let mut notification = accepted(comment);
    notification["Header"]["MessageId"] = message_id.into();
    notification
}
