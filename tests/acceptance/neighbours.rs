//! Endpoints that hang, drip, reset, flood or answer endlessly, beside one that works.

use serde_json::{Value, json};
use workbell_testkit::{Behaviour, Installation, Neighbour, Platform, Random, Receiver, Server, wait_for};

use crate::notification::{BRANCH, COMPANY, message, publish};

/// Endpoints that misbehave: each way several times.
const NEIGHBOURS: usize = 120;

/// Notifications of different work orders, so that nothing waits for another one.
const NOTIFICATIONS: i64 = 5;

/// The class that the log must give each way; `None` where the notification did arrive.
const fn class(behaviour: Behaviour) -> Option<&'static str> {
    match behaviour {
        Behaviour::Absent => Some("ConnectionRefused"),
        Behaviour::NeverAccepts | Behaviour::NeverReads | Behaviour::Silent | Behaviour::DripsHead => {
            Some("Timeout")
        }
        Behaviour::ClosesAtOnce | Behaviour::Resets | Behaviour::ClosesWithinHead | Behaviour::ClosesHalf => {
            Some("ConnectionClosed")
        }
        Behaviour::Floods
        | Behaviour::EndlessHeaders
        | Behaviour::EndlessStatusLine
        | Behaviour::EndlessInformation
        | Behaviour::Garbage
        | Behaviour::SpeaksFirst
        | Behaviour::Http09
        | Behaviour::Http2
        | Behaviour::TwoLengths
        | Behaviour::SpeaksTls
        | Behaviour::NulInHead
        | Behaviour::BadStatus => Some("InvalidResponse"),
        Behaviour::EndlessBody
        | Behaviour::Redirects
        | Behaviour::RedirectChain
        | Behaviour::ExpectationFailed => Some("Status"),
        Behaviour::EarlySuccess
        | Behaviour::DripsBody
        | Behaviour::ShortBody
        | Behaviour::BadChunks
        | Behaviour::NeverContinues => None,
    }
}

fn records(platform: &Platform, endpoint: &str) -> Vec<Value> {
    platform.list(&format!("/v1/log?EndpointId={endpoint}"))
}

/// Resident memory in KiB and open files, as the system counts them.
fn used(server: &Server) -> (u64, usize) {
    let process = format!("/proc/{}", server.pid());
    let status = std::fs::read_to_string(format!("{process}/status")).expect("the process runs");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    let resident = resident.trim().trim_end_matches(" kB").parse().expect("a number");
    (resident, std::fs::read_dir(format!("{process}/fd")).expect("it has files").count())
}

#[test]
fn a_good_endpoint_is_served_while_a_hundred_bad_ones_misbehave_each_with_its_class() {
    let good = Receiver::start();
    let installation = Installation::retrying("1h")
        .set("delivery.timeout", "15s")
        .set("delivery.down_after", "0")
        .set("limits.endpoints", "200");
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let mut bad = Vec::new();
    for behaviour in Behaviour::ALL.into_iter().cycle().take(NEIGHBOURS) {
        let neighbour = Neighbour::start(behaviour);
        let endpoint = platform.create_endpoint(COMPANY, &neighbour.url(), json!({}));
        bad.push((behaviour, endpoint, neighbour));
    }
    let served = platform.create_endpoint(COMPANY, &good.url("/in"), json!({}));
    let mut random = Random::new(11);
    for order in 1..=NOTIFICATIONS {
        platform.publish(message(&random.guid(), order, "Hello").as_bytes()).with(202);
    }

    let wanted = usize::try_from(NOTIFICATIONS).expect("a few");
    wait_for("the good endpoint to be served", || {
        (records(&platform, &served.id).len() == wanted).then_some(())
    });
    let hanging = platform.list("/v1/log?Error=Timeout");
    assert!(hanging.is_empty(), "it was served only after others had timed out: {}", hanging.len());

    let (mut resident, mut files) = used(&server);
    wait_for("an attempt of each to end", || {
        let now = used(&server);
        (resident, files) = (resident.max(now.0), files.max(now.1));
        bad.iter().all(|(_, endpoint, _)| !records(&platform, &endpoint.id).is_empty()).then_some(())
    });
    assert!(resident < 200 << 10, "{resident} KiB are too much for {NEIGHBOURS} endpoints");
    // Each attempt has a connection, and no endpoint more of them than notifications.
    let most = NEIGHBOURS * wanted + 256;
    assert!(files < most, "{files} files, expected fewer than {most}");

    let mut wrong = Vec::new();
    for (behaviour, endpoint, neighbour) in &bad {
        let records = records(&platform, &endpoint.id);
        assert!(records.len() <= wanted, "{behaviour:?}: one record for each attempt: {}", records.len());
        if *behaviour == Behaviour::EarlySuccess {
            // None is Delivered whose body did not arrive.
            wait_for("the bodies to arrive", || (neighbour.bodies() >= records.len()).then_some(()));
        }
        if *behaviour == Behaviour::RedirectChain {
            assert_eq!(neighbour.followed(), 0, "redirects are not followed");
        }
        for record in &records {
            if record["Error"].as_str() != class(*behaviour) {
                wrong.push(format!("{behaviour:?}: {} {}", record["Error"], record["Explanation"]));
            }
            assert!(record.to_string().len() < 64 << 10, "{behaviour:?}: the record is bounded");
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for record in records(&platform, &served.id) {
        assert_eq!(record["Status"], 200, "{record}");
    }
    assert!(!server.said().contains("panicked"), "{}", server.said());
}

#[test]
fn those_that_hang_have_half_of_the_slots_and_a_good_endpoint_the_others() {
    const SLOTS: usize = 8;
    let good = Receiver::start();
    // A slot that hangs would not come back within this test.
    let installation = Installation::retrying("1h")
        .set("delivery.timeout", "1h")
        .set("delivery.down_after", "0")
        .set("delivery.max_in_flight", &SLOTS.to_string())
        .set("delivery.endpoint_concurrency", &SLOTS.to_string())
        .set("limits.endpoints", "200");
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let absent = Neighbour::start(Behaviour::Absent);
    let silent = Neighbour::start(Behaviour::Silent);
    let bad: Vec<_> =
        (0..4 * SLOTS).map(|_| platform.create_endpoint(COMPANY, &absent.url(), json!({}))).collect();
    let served = platform.create_endpoint(COMPANY, &good.url("/in"), json!({}));
    let mut random = Random::new(13);
    for order in 1..=NOTIFICATIONS {
        platform.publish(message(&random.guid(), order, "Hello").as_bytes()).with(202);
    }
    wait_for("each to be refused once", || {
        bad.iter().all(|endpoint| !records(&platform, &endpoint.id).is_empty()).then_some(())
    });
    for endpoint in &bad {
        let path = format!("/v1/companies/{COMPANY}/endpoints/{}", endpoint.id);
        platform.patch(&path, &json!({"Url": silent.url()})).with(200);
    }
    wait_for("half of the slots to hang", || {
        (platform.list("/v1/deliveries?State=Retrying&").iter().filter(|one| one["InFlight"] == true).count()
            == SLOTS / 2)
            .then_some(())
    });
    for order in 1..=4 * NOTIFICATIONS {
        platform.publish(message(&random.guid(), order, "And now?").as_bytes()).with(202);
    }
    let wanted = usize::try_from(5 * NOTIFICATIONS).expect("a few");
    wait_for("the good endpoint to be served", || {
        (records(&platform, &served.id).len() == wanted).then_some(())
    });
    let hang = platform.list("/v1/deliveries?State=Retrying&");
    assert_eq!(hang.iter().filter(|one| one["InFlight"] == true).count(), SLOTS / 2);
}

#[test]
fn a_stop_ends_within_ten_seconds_though_a_receiver_hangs_and_its_attempt_is_made_again() {
    let neighbour = Neighbour::start(Behaviour::Silent);
    let installation = Installation::retrying("1h").set("delivery.timeout", "1h");
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let endpoint = platform.create_endpoint(COMPANY, &neighbour.url(), json!({}));
    let (_, id) = publish(&platform, &mut Random::new(12), 1);
    wait_for("the attempt to begin", || (platform.delivery(&id)["InFlight"] == true).then_some(()));
    assert_eq!(server.terminate().code(), Some(0));

    let server = installation.start();
    let platform = server.platform();
    let record = &records(&platform, &endpoint.id)[0];
    assert_eq!((&record["Error"], &record["Attempt"]), (&json!("Interrupted"), &json!(1)), "{record}");
    wait_for("the next attempt to begin", || (platform.delivery(&id)["InFlight"] == true).then_some(()));
    assert_eq!(server.terminate().code(), Some(0));
}
