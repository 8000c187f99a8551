//! No later notification of a work order reaches a receiver before an earlier one was delivered, dead or discarded;
//! other work orders go on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use workbell_testkit::{Answer, Installation, Platform, Random, Receiver, Recorded, Server};
use workbell_wire::Timestamp;

use crate::notification::{BRANCH, COMPANY, all_settled, message, publish, text};

/// Lives of the service in the test with failures.
const LIVES: u64 = 24;

/// Notifications per life.
const BURST: u64 = 40;

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
    let fates = fates(&platform);
    assert_eq!(fates.len() as u64, LIVES * BURST);
    check(&receiver.requests(), &fates);
    check_times(&platform, &fates);
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

/// A lane and a place in it.
type Place = (i64, u64);

/// A delivery as the service tells of it in the end.
struct Fate {
    message_id: String,
    delivery_id: String,
    state: String,
    finished: Timestamp,
}

/// All deliveries by their places.
fn fates(platform: &Platform) -> BTreeMap<Place, Fate> {
    let mut fates = BTreeMap::new();
    for delivery in platform.list(&format!("/v1/deliveries?CompanyId={COMPANY}")) {
        let number =
            |name: &str| delivery[name].as_i64().unwrap_or_else(|| panic!("no {name} in {delivery}"));
        let place = (number("WorkOrderId"), number("Sequence").unsigned_abs());
        let fate = Fate {
            message_id: text(&delivery["MessageId"]),
            delivery_id: text(&delivery["DeliveryId"]),
            state: text(&delivery["State"]),
            finished: time(&delivery["Finished"]),
        };
        assert!(fates.insert(place, fate).is_none(), "two deliveries have one place: {delivery}");
    }
    fates
}

/// From the receiver's side: sequences never go back, and none is left out that was not given up.
fn check(requests: &[Recorded], fates: &BTreeMap<Place, Fate>) {
    let mut heads: BTreeMap<i64, u64> = BTreeMap::new();
    let mut attempts: BTreeMap<Place, u64> = BTreeMap::new();
    let mut delivered: BTreeSet<Place> = BTreeSet::new();
    for request in requests {
        let (id, place) = (request.message_id(), (request.work_order(), request.sequence()));
        assert_eq!(fates.get(&place).map(|fate| fate.message_id.as_str()), Some(id));
        let head = heads.entry(place.0).or_insert(1);
        assert!(place.1 >= *head, "{id} came after a later one of its work order");
        // Everything between was delivered before, or given up.
        for earlier in *head..place.1 {
            let earlier = (place.0, earlier);
            let was_given_up = match fates[&earlier].state.as_str() {
                "Dead" => attempts.get(&earlier).is_some_and(|seen| *seen >= MAX_ATTEMPTS),
                "Discarded" => true,
                _ => false,
            };
            assert!(delivered.contains(&earlier) || was_given_up, "{id} overtook {earlier:?}");
        }
        *head = place.1;
        *attempts.entry(place).or_insert(0) += 1;
        if request.is_delivered() {
            delivered.insert(place);
        }
    }
    let count = |state: &str| fates.values().filter(|fate| fate.state == state).count();
    let counts = [count("Delivered"), count("Dead"), count("Discarded")];
    println!("{} requests; delivered, dead and discarded: {counts:?}", requests.len());
    assert!(counts.iter().all(|count| *count > 0), "chance was too kind: {counts:?}");
    for (place, fate) in fates {
        assert!(fate.state != "Delivered" || delivered.contains(place), "{place:?} is not delivered");
    }
}

/// From the service's side: the first attempt of each begins after the fate of the one ahead.
fn check_times(platform: &Platform, fates: &BTreeMap<Place, Fate>) {
    let mut first: BTreeMap<String, Timestamp> = BTreeMap::new();
    for record in platform.list(&format!("/v1/log?CompanyId={COMPANY}")) {
        let start = time(&record["Start"]);
        let known = first.entry(text(&record["DeliveryId"])).or_insert(start);
        *known = start.min(*known);
    }
    for ((before, earlier), (place, fate)) in fates.iter().zip(fates.iter().skip(1)) {
        if before.0 == place.0
            && let Some(start) = first.get(&fate.delivery_id)
        {
            assert!(earlier.finished <= *start, "{place:?} began before the fate of {before:?}");
        }
    }
}

#[track_caller]
fn time(value: &Value) -> Timestamp {
    text(value).parse().unwrap_or_else(|error| panic!("{value}: {error}"))
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
