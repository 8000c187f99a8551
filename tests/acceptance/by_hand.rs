//! Dead, retry by hand and discard, through the interface that operators have.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use workbell_testkit::{Answer, Installation, Platform, Random, Receiver, wait_for};

use crate::notification::{BRANCH, COMPANY, publish};

/// A receiver whose answer can be changed.
fn changeable(status: u16) -> (Receiver, Arc<AtomicU16>) {
    let answer = Arc::new(AtomicU16::new(status));
    let told = Arc::clone(&answer);
    (Receiver::answering(move |_| Answer::Status(told.load(Ordering::SeqCst))), answer)
}

#[track_caller]
fn wait_for_state(platform: &Platform, id: &str, state: &str) -> Value {
    wait_for(&format!("delivery {id} to be {state}"), || {
        let delivery = platform.delivery(id);
        (delivery["State"] == state).then_some(delivery)
    })
}

fn attempts(delivery: &Value) -> Vec<u64> {
    let attempts = delivery["Attempts"].as_array().expect("attempts");
    attempts.iter().map(|attempt| attempt["Attempt"].as_u64().expect("a number")).collect()
}

#[test]
fn after_its_attempts_a_delivery_is_dead_and_a_retry_by_hand_gives_it_as_many_again() {
    let (receiver, answer) = changeable(500);
    let installation = Installation::retrying("20ms");
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({"MaxAttempts": 3}));
    let mut random = Random::new(10);
    let (first_message, first) = publish(&platform, &mut random, 42);
    let (second_message, second) = publish(&platform, &mut random, 42);

    let dead = wait_for_state(&platform, &first, "Dead");
    assert_eq!(dead["Reason"], "Exhausted");
    assert_eq!(dead["LastError"], "Status");
    assert_eq!(dead["LastStatus"], 500);
    assert_eq!(attempts(&dead), [1, 2, 3]);
    // A dead head frees its lane.
    wait_for_state(&platform, &second, "Dead");
    let ids: Vec<String> =
        receiver.requests().iter().map(|request| request.message_id().to_owned()).collect();
    let expected = [[first_message.as_str(); 3], [second_message.as_str(); 3]].concat();
    assert_eq!(ids, expected);

    // Again in vain: the numbers go on, and it is dead again.
    platform.ask(&format!("/v1/deliveries/{first}/retry")).with(200);
    let dead = wait_for("it to be dead again", || {
        let delivery = platform.delivery(&first);
        (delivery["State"] == "Dead" && delivery["AttemptCount"] == 6).then_some(delivery)
    });
    assert_eq!(attempts(&dead), [1, 2, 3, 4, 5, 6]);

    answer.store(204, Ordering::SeqCst);
    platform.ask(&format!("/v1/deliveries/{first}/retry")).with(200);
    let delivered = wait_for_state(&platform, &first, "Delivered");
    assert_eq!(attempts(&delivered), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(delivered["Reason"], Value::Null);
    // What is delivered is done.
    platform.ask(&format!("/v1/deliveries/{first}/retry")).problem(409, "state_conflict");
    platform.ask(&format!("/v1/deliveries/{first}/discard")).problem(409, "state_conflict");
    assert_eq!(platform.delivery(&second)["State"], "Dead");
}

#[test]
fn a_retry_by_hand_does_not_wait_and_keeps_the_place_in_the_lane() {
    let (receiver, answer) = changeable(500);
    let installation = Installation::retrying("1h");
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let mut random = Random::new(11);
    let (_, first) = publish(&platform, &mut random, 42);
    let (_, second) = publish(&platform, &mut random, 42);
    wait_for_state(&platform, &first, "Retrying");
    answer.store(200, Ordering::SeqCst);
    // The one behind cannot overtake, even by hand.
    platform.ask(&format!("/v1/deliveries/{second}/retry")).with(200);
    assert_eq!(platform.delivery(&second)["State"], "Pending");
    platform.ask(&format!("/v1/deliveries/{first}/retry")).with(200);
    wait_for_state(&platform, &second, "Delivered");
    let seen: Vec<(u64, u64)> =
        receiver.requests().iter().map(|request| (request.sequence(), request.attempt())).collect();
    assert_eq!(seen, [(1, 1), (1, 2), (2, 1)]);
}

#[test]
fn a_discarded_delivery_frees_its_lane_and_can_be_brought_back() {
    let (receiver, answer) = changeable(500);
    let installation = Installation::retrying("1h");
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let mut random = Random::new(12);
    let (_, first) = publish(&platform, &mut random, 42);
    let (_, second) = publish(&platform, &mut random, 42);
    wait_for_state(&platform, &first, "Retrying");
    answer.store(200, Ordering::SeqCst);
    let discarded = platform.ask(&format!("/v1/deliveries/{first}/discard")).with(200);
    assert_eq!((&discarded["State"], &discarded["Reason"]), (&json!("Discarded"), &json!("ByHand")));
    wait_for_state(&platform, &second, "Delivered");
    platform.ask(&format!("/v1/deliveries/{first}/retry")).with(200);
    let delivered = wait_for_state(&platform, &first, "Delivered");
    assert_eq!(attempts(&delivered), [1, 2]);
    let seen: Vec<u64> = receiver.requests().iter().map(|request| request.sequence()).collect();
    assert_eq!(seen, [1, 2, 1]);
}
