//! No later notification of a work order reaches a receiver before an earlier one was delivered, dead or discarded;
//! other work orders go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use workbell_testkit::{Answer, Installation, Platform, Random, Receiver, Recorded, Server};

use crate::notification::{BRANCH, COMPANY, all_settled, message, publish, text};

/// Lives of the service in the test with failures.
const LIVES: u64 = 14;

/// Notifications per life.
const BURST: usize = 40;

/// Work orders.
const WORK_ORDERS: u64 = 8;

/// Attempts until a notification is dead.
const MAX_ATTEMPTS: u64 = 4;

/// Longest attempt. Long enough that a slow machine is not mistaken for a receiver that hangs.
const TIMEOUT: &str = "1500ms";

#[test]
fn a_work_order_that_is_stuck_holds_up_no_other() {
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let receiver = Receiver::answering(move |request| {
        if request.work_order() == 1 && !mended.load(Ordering::SeqCst) {
            Answer::Status(500)
        } else {
            Answer::Status(200)
        }
    });
    let installation = Installation::retrying("20ms");
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let mut random = Random::new(70);
    for round in 0..5 {
        for work_order in 1..=10 {
            let id = random.guid();
            platform.publish(message(&id, work_order, &format!("{round}")).as_bytes()).with(202);
        }
    }
    // All others arrive, while the first of work order 1 is tried again and again.
    let of = |order: i64| move |request: &&Recorded| request.work_order() == order;
    receiver.wait("all others, and five attempts of the one that is stuck", |requests| {
        let others = (2..=10).all(|order| requests.iter().filter(of(order)).count() == 5);
        (others && requests.iter().filter(of(1)).count() >= 5).then_some(())
    });
    assert!(receiver.requests().iter().filter(of(1)).all(|request| request.sequence() == 1));
    is_mended.store(true, Ordering::SeqCst);
    all_settled(&platform);
    let requests = receiver.requests();
    for order in 1..=10 {
        let delivered = requests.iter().filter(of(order)).filter(|request| request.is_delivered());
        assert_eq!(delivered.map(Recorded::sequence).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    }
}

#[test]
fn nothing_overtakes_under_failures_timeouts_discards_and_restarts() {
    let seed = Random::fresh_seed();
    println!("WORKBELL_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let poison: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let moods = Mutex::new(Random::new(random.number()));
    let poisonous = Arc::clone(&poison);
    let receiver = Receiver::answering(move |request| {
        if poisonous.lock().expect("nobody panics with it").contains(request.message_id()) {
            return Answer::Status(400);
        }
        match moods.lock().expect("nobody panics with it").below(100) {
            0 => Answer::Nothing,
            1..=4 => Answer::Close,
            5..=16 => Answer::Status(500),
            17..=22 => Answer::Status(503),
            23..=30 => Answer::Late(Duration::from_millis(10), 200),
            _ => Answer::Status(200),
        }
    });
    let installation = Installation::retrying("5ms,10ms,20ms")
        .set("delivery.timeout", TIMEOUT)
        .set("delivery.max_attempts", &MAX_ATTEMPTS.to_string());
    let mut server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    drop(platform);
    for life in 0..LIVES {
        one_life(&server, &mut random, &poison);
        std::thread::park_timeout(Duration::from_millis(random.below(150)));
        if life % 2 == 0 {
            server.kill();
        } else {
            let ended = server.terminate();
            assert_eq!(ended.code(), Some(0), "{ended}");
        }
        receiver.settle();
        server = installation.start();
    }
    let platform = server.platform();
    all_settled(&platform);
    let deliveries = platform.list(&format!("/v1/deliveries?CompanyId={COMPANY}"));
    assert_eq!(deliveries.len() as u64, LIVES * BURST as u64);
    check(&receiver.requests(), &deliveries);
    check_times(&platform, &deliveries);
}

/// Publishes a burst, some of which nobody will ever take, and discards what happens to wait.
fn one_life(server: &Server, random: &mut Random, poison: &Mutex<BTreeSet<String>>) {
    let platform = server.platform();
    for _ in 0..BURST {
        let id = random.guid();
        if random.percent(6) {
            poison.lock().expect("nobody panics with it").insert(id.clone());
        }
        let work_order = i64::try_from(random.below(WORK_ORDERS)).expect("a small number");
        platform.publish(message(&id, work_order, "Hello").as_bytes()).with(202);
    }
    for state in ["Pending", "Retrying"] {
        let path = format!("/v1/deliveries?CompanyId={COMPANY}&State={state}&Limit=2");
        for delivery in platform.get(&path).with(200)["Items"].as_array().expect("a list") {
            let reply = platform.ask(&format!("/v1/deliveries/{}/discard", text(&delivery["DeliveryId"])));
            // It may have come to its fate meanwhile.
            assert!(matches!(reply.status, 200 | 409), "{}", reply.text());
        }
    }
}

/// From the receiver's side: sequences never go back, and none is left out that was not given up.
fn check(requests: &[Recorded], deliveries: &[Value]) {
    let state: BTreeMap<&str, &str> = deliveries
        .iter()
        .map(|it| (it["MessageId"].as_str().expect("an id"), it["State"].as_str().expect("a state")))
        .collect();
    let order_of = |it: &Value| (it["WorkOrderId"].as_i64(), it["Sequence"].as_u64());
    let mut by_place: BTreeMap<(Option<i64>, Option<u64>), &str> = BTreeMap::new();
    for delivery in deliveries {
        let before = by_place.insert(order_of(delivery), delivery["MessageId"].as_str().expect("an id"));
        assert!(before.is_none(), "two deliveries have one place: {delivery}");
    }
    let mut heads: BTreeMap<i64, u64> = BTreeMap::new();
    let mut attempts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut delivered: BTreeSet<&str> = BTreeSet::new();
    for request in requests {
        let (id, order, sequence) = (request.message_id(), request.work_order(), request.sequence());
        assert_eq!(by_place.get(&(Some(order), Some(sequence))), Some(&id));
        let head = heads.entry(order).or_insert(0);
        assert!(sequence >= *head, "{id} came after a later one of its work order");
        // Everything between was delivered before, or given up.
        for earlier in *head..sequence {
            let Some(earlier) = by_place.get(&(Some(order), Some(earlier))) else { continue };
            let was_given_up = match state[earlier] {
                "Dead" => attempts.get(earlier).is_some_and(|seen| *seen >= MAX_ATTEMPTS),
                "Discarded" => true,
                _ => false,
            };
            assert!(delivered.contains(earlier) || was_given_up, "{id} overtook {earlier}");
        }
        *head = sequence;
        *attempts.entry(id).or_insert(0) += 1;
        if matches!(request.answered, Some((_, 200..=299))) {
            delivered.insert(id);
        }
    }
    let count = |wanted: &str| state.values().filter(|state| **state == wanted).count();
    println!(
        "{} requests; {} delivered, {} dead, {} discarded",
        requests.len(),
        count("Delivered"),
        count("Dead"),
        count("Discarded")
    );
    assert!(count("Delivered") > 0 && count("Dead") > 0 && count("Discarded") > 0, "chance was too kind");
    for (id, state) in state {
        assert!(state != "Delivered" || delivered.contains(id), "{id} is not delivered");
    }
}

/// From the service's side: the first attempt of each begins after the fate of the one ahead.
fn check_times(platform: &Platform, deliveries: &[Value]) {
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    for record in platform.list(&format!("/v1/log?CompanyId={COMPANY}")) {
        let start = text(&record["Start"]);
        let known = first.entry(text(&record["DeliveryId"])).or_insert_with(|| start.clone());
        if time(&start) < time(known) {
            *known = start;
        }
    }
    let mut lanes: BTreeMap<(Option<i64>, Option<u64>), &Value> = BTreeMap::new();
    for delivery in deliveries {
        lanes.insert((delivery["WorkOrderId"].as_i64(), delivery["Sequence"].as_u64()), delivery);
    }
    let mut ahead: Option<((Option<i64>, Option<u64>), &Value)> = None;
    for (place, delivery) in lanes {
        if let Some((before, earlier)) = ahead
            && before.0 == place.0
            && let Some(start) = first.get(&text(&delivery["DeliveryId"]))
        {
            let fate = text(&earlier["Finished"]);
            assert!(time(&fate) <= time(start), "{delivery} began before the fate of {earlier}");
        }
        ahead = Some((place, delivery));
    }
}

/// A time that compares as it should, whatever the digits of its fraction.
fn time(text: &str) -> workbell_wire::Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn an_attempt_that_a_shutdown_cuts_off_is_recorded_and_made_again() {
    let is_back = Arc::new(AtomicBool::new(false));
    let back = Arc::clone(&is_back);
    let receiver =
        Receiver::answering(
            move |_| {
                if back.load(Ordering::SeqCst) { Answer::Status(200) } else { Answer::Nothing }
            },
        );
    let installation = Installation::retrying("1h");
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({"MaxAttempts": 1}));
    let mut random = Random::new(71);
    let (_, first) = publish(&platform, &mut random, 42);
    let (_, second) = publish(&platform, &mut random, 42);
    receiver.wait("the first attempt", |requests| (!requests.is_empty()).then_some(()));
    drop(platform);
    assert_eq!(server.terminate().code(), Some(0));

    is_back.store(true, Ordering::SeqCst);
    let server = installation.start();
    let platform = server.platform();
    all_settled(&platform);
    let delivery = platform.delivery(&first);
    let attempts = delivery["Attempts"].as_array().expect("attempts");
    let seen: Vec<(u64, Option<&str>)> =
        attempts.iter().map(|it| (it["Attempt"].as_u64().unwrap_or(0), it["Error"].as_str())).collect();
    // It does not count, or one attempt would have been all.
    assert_eq!(seen, [(1, Some("Interrupted")), (2, None)]);
    assert_eq!(delivery["State"], "Delivered");
    assert_eq!(platform.delivery(&second)["State"], "Delivered");
    let seen: Vec<(u64, u64)> =
        receiver.requests().iter().map(|request| (request.sequence(), request.attempt())).collect();
    assert_eq!(seen, [(1, 1), (1, 2), (2, 1)]);
}
