//! SIGKILL at random moments of small bursts: whatever was acknowledged arrives.
//!
//! Some services live side by side, each many short lives on its own data dir. In each life publishers send what comes
//! into their minds, alone and in arrays, until the kill. What got no answer is published again in the next life, as a
//! real platform would. In the end everything must have arrived; what came again is at most what was in flight at a
//! kill, which is one per lane, and the log has each number of an attempt once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use workbell_testkit::{Answer, Installation, Platform, Random, Receiver, Recorded, Server, wait_for};

use crate::notification::{BRANCH, COMPANY, all_settled, message, text};

/// Services side by side, and kills of each: 208 in all.
const SERVICES: u64 = 4;
const KILLS: usize = 52;

/// Work orders; with two endpoints twice as many lanes.
const WORK_ORDERS: u64 = 8;

/// A kill comes when up to so many calls of its life were answered, whatever the speed of the machine …
const MOST_CALLS: u64 = 24;

/// … and up to this much later, so that it hits anything.
const LONGEST_WAIT_US: u64 = 12_000;

/// Kills while it starts come within this time.
const LONGEST_START_MS: u64 = 80;

/// Calls that one publisher makes in one life.
const BURST: u64 = 16;

/// A text that was published, or is about to be.
#[derive(Clone, Debug)]
struct Published {
    message_id: String,
    text: String,
}

/// What the publishers of one service know.
#[derive(Debug, Default)]
struct Books {
    acknowledged: BTreeSet<String>,
    /// Sent, but without an answer.
    unanswered: Vec<Published>,
}

#[test]
fn what_was_acknowledged_survives_two_hundred_kills() {
    let seed = Random::fresh_seed();
    println!("WORKBELL_TEST_SEED={seed}");
    std::thread::scope(|scope| {
        for service in 0..SERVICES {
            scope.spawn(move || lives(Random::new(seed.wrapping_add(service))));
        }
    });
}

/// All lives of one service, and what must hold in the end.
fn lives(mut random: Random) {
    let installation = Installation::retrying("15ms");
    let steady = Receiver::start();
    let moods = Mutex::new(Random::new(random.number()));
    let moody = Receiver::answering(move |_| match moods.lock().expect("nobody panics with it").below(10) {
        0 => Answer::Status(500),
        1 => Answer::Close,
        2 | 3 => Answer::Late(Duration::from_millis(8), 200),
        _ => Answer::Status(204),
    });
    let receivers = [&steady, &moody];
    {
        let server = installation.start();
        let platform = server.platform();
        platform.create_company(COMPANY, BRANCH);
        for receiver in receivers {
            platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
        }
        server.kill();
    }
    let books = Mutex::new(Books::default());
    // How many requests each receiver had got at the end of each life.
    let mut ends: [Vec<usize>; 2] = Default::default();
    for kill in 0..KILLS {
        if random.percent(15) {
            installation.kill_while_starting(Duration::from_millis(random.below(LONGEST_START_MS)));
        } else {
            one_life(installation.start(), &mut random, &books);
        }
        for (receiver, ends) in receivers.iter().zip(&mut ends) {
            ends.push(receiver.settle());
        }
        let waiting = books.lock().expect("nobody panics with it").unanswered.len();
        assert!(waiting < 1000, "nothing is acknowledged any more in life {kill}");
    }

    let server = installation.start();
    let platform = server.platform();
    let mut books = books.into_inner().expect("nobody panics with it");
    for one in std::mem::take(&mut books.unanswered) {
        let reply = platform.publish(one.text.as_bytes());
        assert!(matches!(reply.status, 200 | 202), "{}", reply.text());
        books.acknowledged.insert(one.message_id);
    }
    all_settled(&platform);
    println!(
        "{} notifications; {} and {} requests",
        books.acknowledged.len(),
        steady.requests().len(),
        moody.requests().len()
    );
    assert!(books.acknowledged.len() > 5 * KILLS, "too little was published to prove anything");
    for (receiver, ends) in receivers.iter().zip(&ends) {
        check_arrivals(&receiver.requests(), ends, &books.acknowledged);
    }
    check_log(&platform, books.acknowledged.len() * receivers.len());
    let ended = server.terminate();
    assert_eq!(ended.code(), Some(0), "{ended}");
}

/// Bursts of two publishers, and a kill in the middle of it.
fn one_life(server: Server, random: &mut Random, books: &Mutex<Books>) {
    let again = std::mem::take(&mut books.lock().expect("nobody panics with it").unanswered);
    let (calls, wait) = (random.below(MOST_CALLS), Duration::from_micros(random.below(LONGEST_WAIT_US)));
    let answered = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let halves = again.split_at(again.len() / 2);
        for half in [halves.0, halves.1] {
            let platform = server.platform();
            let mut random = Random::new(random.number());
            let answered = &answered;
            scope.spawn(move || burst(&platform, half, &mut random, books, answered));
        }
        wait_for("some answers", || (answered.load(Ordering::SeqCst) >= calls).then_some(()));
        std::thread::park_timeout(wait);
        server.kill();
    });
}

/// Publishes until the service is gone or the burst is over.
fn burst(
    platform: &Platform,
    again: &[Published],
    random: &mut Random,
    books: &Mutex<Books>,
    calls: &AtomicU64,
) {
    let mut waiting = again.to_vec();
    waiting.reverse();
    for _ in 0..BURST {
        let size = if random.percent(30) { 1 + random.below(8) } else { 1 };
        let batch: Vec<Published> = (0..size)
            .map(|_| {
                waiting.pop().unwrap_or_else(|| {
                    let message_id = random.guid();
                    let work_order = i64::try_from(random.below(WORK_ORDERS)).expect("a small number");
                    let text = message(&message_id, work_order, "Hello");
                    Published { message_id, text }
                })
            })
            .collect();
        let is_array = size > 1;
        let texts: Vec<&str> = batch.iter().map(|one| one.text.as_str()).collect();
        let body = if is_array { format!("[{}]", texts.join(",")) } else { texts.concat() };
        let answered = match platform.try_call("POST", "/v1/notifications", body.as_bytes()) {
            Ok(reply) if is_array => {
                let items = reply.with(200);
                let statuses = items.as_array().expect("an array is answered by one").iter();
                assert!(
                    statuses.clone().all(|item| item["Status"] == 202 || item["Status"] == 200),
                    "{items}"
                );
                assert_eq!(statuses.count(), batch.len());
                true
            }
            Ok(reply) => {
                assert!(matches!(reply.status, 200 | 202), "{}", reply.text());
                true
            }
            Err(_) => false,
        };
        let mut books = books.lock().expect("nobody panics with it");
        if answered {
            books.acknowledged.extend(batch.into_iter().map(|one| one.message_id));
            calls.fetch_add(1, Ordering::SeqCst);
        } else {
            books.unanswered.extend(batch);
            books.unanswered.extend(waiting);
            return;
        }
    }
    books.lock().expect("nobody panics with it").unanswered.extend(waiting);
}

/// What a receiver saw: everything, in order, and twice only what was in flight at a kill.
fn check_arrivals(requests: &[Recorded], ends: &[usize], acknowledged: &BTreeSet<String>) {
    let life = |place: usize| ends.iter().take_while(|end| **end <= place).count();
    let mut delivered: BTreeMap<&str, usize> = BTreeMap::new();
    // What came again although it was answered: by the life in which that was, the work orders.
    let mut again: BTreeMap<(usize, i64), &str> = BTreeMap::new();
    let mut heads: BTreeMap<i64, u64> = BTreeMap::new();
    for (place, request) in requests.iter().enumerate() {
        let id = request.message_id();
        let head = heads.entry(request.work_order()).or_insert(0);
        assert!(request.sequence() >= *head, "{id} came after a later one of its work order");
        assert!(request.sequence() <= *head + 1, "{id} overtook an earlier one of its work order");
        *head = request.sequence();
        if let Some(before) = delivered.get(id) {
            assert!(*before < life(place), "{id} came twice in one life");
            let other = again.insert((*before, request.work_order()), id).filter(|other| *other != id);
            assert_eq!(other, None, "a lane has one attempt in flight, but {id} came again as well");
        }
        if request.is_delivered() {
            delivered.insert(id, life(place));
        }
    }
    let arrived: BTreeSet<String> = delivered.keys().map(|&id| id.to_owned()).collect();
    let lost: Vec<&String> = acknowledged.difference(&arrived).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let made_up: Vec<&String> = arrived.difference(acknowledged).collect();
    assert!(made_up.is_empty(), "arrived, but nobody published it: {made_up:?}");
}

/// Each delivery has its attempts from 1 on, each number once, and the last one was the success.
fn check_log(platform: &Platform, deliveries: usize) {
    let mut attempts: BTreeMap<String, Vec<(u64, Value)>> = BTreeMap::new();
    for record in platform.list(&format!("/v1/log?CompanyId={COMPANY}")) {
        let number = record["Attempt"].as_u64().expect("an attempt has a number");
        attempts.entry(text(&record["DeliveryId"])).or_default().push((number, record["Status"].clone()));
    }
    assert_eq!(attempts.len(), deliveries, "each delivery has its records");
    for (delivery, mut records) in attempts {
        records.sort_by_key(|(number, _)| *number);
        let numbers: Vec<u64> = records.iter().map(|(number, _)| *number).collect();
        let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
        assert_eq!(numbers, expected, "delivery {delivery}");
        let successes = records.iter().filter(|(_, status)| *status == 200 || *status == 204).count();
        assert_eq!(successes, 1, "delivery {delivery}: {records:?}");
    }
}
