//! A replay of very many, through kills in its middle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use workbell_testkit::{Answer, Installation, Platform, Receiver, Recorded};

use crate::notification::{BRANCH, COMPANY, message};

/// Notifications that are replayed.
const MANY: usize = 100_000;

/// Work orders that they are about.
const WORK_ORDERS: usize = 500;

/// Notifications of one call.
const ARRAY: usize = 1000;

/// How long it may take, on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(900);

/// Publishes them while nobody wants them, so that only the replay sends. Their MessageIds in order.
fn publish_many(platform: &Platform) -> Vec<String> {
    let mut ids = Vec::with_capacity(MANY);
    for start in (0..MANY).step_by(ARRAY) {
        let all: Vec<String> = (start..start + ARRAY)
            .map(|n| {
                let id = format!("01922d6e-7b2a-7c4e-9a53-{n:012x}");
                let order = i64::try_from(n % WORK_ORDERS).expect("it is small") + 1;
                let one = message(&id, order, "again");
                ids.push(id);
                one
            })
            .collect();
        let answers = platform.publish(format!("[{}]", all.join(",")).as_bytes()).with(200);
        assert!(answers.as_array().expect("one for each").iter().all(|it| it["Fate"] == "NoEndpoint"));
    }
    ids
}

/// What arrived so far.
#[derive(Debug, Default)]
struct Arrived {
    count: AtomicUsize,
    live: Mutex<BTreeSet<String>>,
}

impl Arrived {
    fn note(&self, request: &Recorded) {
        self.count.fetch_add(1, Ordering::SeqCst);
        if request.header("Workbell-Mode") == "live" {
            self.live.lock().expect("nobody panics with it").insert(request.message_id().to_owned());
        }
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

/// Looks until this holds.
fn wait(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "it never happened: {what}");
        std::thread::park_timeout(Duration::from_millis(200));
    }
}

#[test]
fn a_replay_of_a_hundred_thousand_survives_kills_and_live_ones_overtake_it() {
    let installation = Installation::retrying("50ms");
    let arrived = Arc::new(Arrived::default());
    let noted = arrived.clone();
    let receiver = Receiver::answering(move |request| {
        noted.note(request);
        Answer::Status(200)
    });
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let ids = publish_many(&platform);
    let endpoint = platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let job = json!({ "Kind": "Replay", "Filter": { "EndpointId": endpoint.id }, "RatePerSecond": 100_000 });
    let job = platform.post("/v1/jobs", &job).with(201);
    let job = format!("/v1/jobs/{}", job["JobId"].as_str().expect("it has an id"));

    let mut server = server;
    for part in [MANY / 4, MANY / 2] {
        wait("a part of the replay", || arrived.count() >= part);
        server.kill();
        server = installation.start();
        let platform = server.platform();
        // One that comes now does not wait for those that are sent again.
        let ahead = arrived.count();
        let live = format!("01922d6e-7b2a-7c4e-9a54-{part:012x}");
        platform.publish(message(&live, 1, "live").as_bytes()).with(202);
        wait("the live one arrives", || arrived.live.lock().expect("nobody panics with it").contains(&live));
        let passed = arrived.count() - ahead;
        assert!(passed < MANY / 8, "{passed} replays went before it");
    }
    let platform = server.platform();
    wait("all arrived", || {
        let job = platform.get(&job).with(200);
        job["State"] == "Finished"
            && platform.get("/v1/deliveries?State=Pending&Limit=1").with(200)["Items"] == json!([])
            && platform.get("/v1/deliveries?State=Retrying&Limit=1").with(200)["Items"] == json!([])
    });
    let ended = platform.get(&job).with(200);
    assert_eq!((&ended["Total"], &ended["Done"]), (&json!(MANY), &json!(MANY)), "{ended}");
    assert_eq!((&ended["Skipped"], &ended["Failed"]), (&json!(0), &json!(0)));
    assert_eq!(server.terminate().code(), Some(0));

    let requests = receiver.requests();
    let replays: Vec<&Recorded> =
        requests.iter().filter(|request| request.header("Workbell-Mode") == "replay").collect();
    let distinct: BTreeSet<&str> = replays.iter().map(|request| request.message_id()).collect();
    assert_eq!(distinct.len(), MANY, "each at least once");
    // At a kill at most the attempts in flight are made again: one per slot of the endpoint.
    assert!(replays.len() <= MANY + 2 * 16, "{} for {MANY}", replays.len());
    // In the order of acceptance within each work order.
    let place: BTreeMap<&str, usize> =
        ids.iter().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    for request in &replays {
        let place = place[request.message_id()];
        let before = last.insert(place % WORK_ORDERS, place);
        assert!(before.is_none_or(|before| before <= place), "out of order: {}", request.message_id());
    }
}
