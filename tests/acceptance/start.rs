//! What keeps the service from starting: said with what to do, with the documented exit status, and nothing is lost.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::json;
use workbell_testkit::{Ended, Installation, Random, Receiver, wait_for};

use crate::notification::{BRANCH, COMPANY, publish, text};

/// The service would not start, and this is what it said.
const FAILED: Option<i32> = Some(1);

/// The command or a setting makes no sense.
const WRONG_USAGE: Option<i32> = Some(2);

#[track_caller]
fn check(ended: &Ended, status: Option<i32>, words: &[&str]) {
    assert_eq!(ended.code(), status, "{ended}");
    for word in words {
        assert!(ended.error().contains(word), "{word:?} is missing in {:?}", ended.error());
    }
}

/// An installation that was used: one notification waits for its receiver, which is not there.
fn with_one_waiting(receiver: &Receiver) -> (Installation, String) {
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let endpoint = platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    platform.ask(&format!("/v1/companies/{COMPANY}/endpoints/{}/pause", endpoint.id)).with(200);
    let (message, _) = publish(&platform, &mut Random::new(40), 42);
    assert_eq!(server.terminate().code(), Some(0));
    assert!(receiver.requests().is_empty());
    (installation, message)
}

/// It starts again, and what waited arrives.
#[track_caller]
fn check_that_nothing_is_lost(installation: &Installation, receiver: &Receiver, message: &str) {
    let server = installation.start();
    let platform = server.platform();
    let endpoints = platform.list(&format!("/v1/companies/{COMPANY}/endpoints?"));
    let id = text(&endpoints[0]["EndpointId"]);
    platform.ask(&format!("/v1/companies/{COMPANY}/endpoints/{id}/resume")).with(200);
    let requests = receiver.answered(1);
    assert_eq!(requests[0].message_id(), message);
    wait_for("the delivery", || {
        let deliveries = platform.list(&format!("/v1/deliveries?CompanyId={COMPANY}"));
        (deliveries[0]["State"] == "Delivered").then_some(())
    });
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it has an address").to_string();
    let receiver = Receiver::start();
    let (installation, message) = with_one_waiting(&receiver);
    let ended = installation.fail_to_start(&["--listen", &address]);
    check(&ended, FAILED, &[&address, "something else listens there", "--listen"]);
    check_that_nothing_is_lost(&installation, &receiver, &message);
}

#[test]
fn a_second_service_on_the_same_data_dir() {
    let receiver = Receiver::start();
    let (installation, message) = with_one_waiting(&receiver);
    let first = installation.start();
    let ended = installation.fail_to_start(&[]);
    let process = format!("process {}", first.pid());
    let data_dir = installation.data_dir().display().to_string();
    check(&ended, FAILED, &[&data_dir, "in use by another workbell", &process, "another data_dir"]);
    // The first one did not notice.
    assert_eq!(first.platform().get("/readyz").status, 200);
    first.kill();
    check_that_nothing_is_lost(&installation, &receiver, &message);
}

#[test]
fn a_master_key_that_is_another_one_or_gone() {
    let receiver = Receiver::start();
    let (installation, message) = with_one_waiting(&receiver);
    let file = installation.data_dir().join("master.key");
    let right = std::fs::read(&file).expect("the key can be read");
    let path = file.display().to_string();

    std::fs::write(&file, "ab".repeat(32)).expect("the key can be written");
    let ended = installation.fail_to_start(&[]);
    check(&ended, FAILED, &[&path, "is not the master key that this store was made with", "put it back"]);

    std::fs::remove_file(&file).expect("the key can be removed");
    let ended = installation.fail_to_start(&[]);
    check(&ended, FAILED, &[&path, "is missing", "put it back", "WORKBELL_MASTER_KEY"]);
    assert!(!file.exists(), "no new key may look like the right one");

    std::fs::write(&file, "not a key").expect("the key can be written");
    let ended = installation.fail_to_start(&[]);
    check(&ended, FAILED, &[&path, "holds no master key", "restore it from a backup"]);

    std::fs::write(&file, right).expect("the key can be written");
    check_that_nothing_is_lost(&installation, &receiver, &message);
}

#[test]
fn settings_that_nobody_knows_or_that_make_no_sense() {
    let receiver = Receiver::start();
    let (installation, message) = with_one_waiting(&receiver);
    let file = installation.folder().join("workbell.toml");
    let path = file.display().to_string();
    let settings = "[delivery]\ntimeout = \"10s\"\nretry_shedule = [\"5m\"]\nmax_attempts = 0\n";
    std::fs::write(&file, settings).expect("the file can be written");
    let ended = installation.fail_to_start(&["--config", &path]);
    let (third, fourth) = (format!("{path}:3"), format!("{path}:4"));
    let words = [&third, "retry_shedule", "retry_schedule", &fourth, "max_attempts", "from 1 to 65535"];
    check(&ended, WRONG_USAGE, &words);

    let missing = installation.folder().join("nowhere.toml").display().to_string();
    check(&installation.fail_to_start(&["--config", &missing]), WRONG_USAGE, &[&missing]);

    let ended = installation.fail_to_start(&["--listen", "8080"]);
    check(&ended, WRONG_USAGE, &["--listen", "an IP address with a port"]);
    check_that_nothing_is_lost(&installation, &receiver, &message);

    let installation = installation.set("delivery.time_out", "10s");
    let ended = installation.fail_to_start(&[]);
    let words = ["WORKBELL_DELIVERY__TIME_OUT", "unknown variable", "WORKBELL_DELIVERY__TIMEOUT"];
    check(&ended, WRONG_USAGE, &words);
}

#[test]
fn a_data_dir_that_cannot_be_written() {
    let receiver = Receiver::start();
    let (installation, message) = with_one_waiting(&receiver);
    let store = installation.data_dir().join("workbell.db");
    let writable = store.metadata().expect("the store is there").permissions();
    let mut read_only = writable.clone();
    read_only.set_readonly(true);
    std::fs::set_permissions(&store, read_only.clone()).expect("our own file can be changed");
    // Root writes whatever the mode says, unless it gives that privilege up.
    let as_anybody = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"];
    let can_write = std::fs::File::options().write(true).open(&store).is_ok();
    let installation = if can_write { installation.started_by(&as_anybody) } else { installation };
    let ended = installation.fail_to_start(&[]);
    let path = store.display().to_string();
    check(&ended, FAILED, &[&path, "Permission denied", "make it writable"]);
    std::fs::set_permissions(&store, writable.clone()).expect("our own file can be changed");

    // The log beside it is what is written first.
    installation.start().kill();
    let log = installation.data_dir().join("workbell.db-wal");
    std::fs::set_permissions(&log, read_only).expect("our own file can be changed");
    let ended = installation.fail_to_start(&[]);
    check(&ended, FAILED, &[&log.display().to_string(), "Permission denied", "make it writable"]);
    std::fs::set_permissions(&log, writable).expect("our own file can be changed");
    check_that_nothing_is_lost(&installation, &receiver, &message);
}

#[test]
fn a_platform_key_that_was_emptied() {
    let receiver = Receiver::start();
    let (installation, message) = with_one_waiting(&receiver);
    let file = installation.data_dir().join("platform.key");
    let right = std::fs::read(&file).expect("the key can be read");
    std::fs::write(&file, "").expect("the key can be written");
    let ended = installation.fail_to_start(&[]);
    check(&ended, FAILED, &[&file.display().to_string(), "at least 16", "restore it from a backup"]);
    std::fs::write(&file, right).expect("the key can be written");
    check_that_nothing_is_lost(&installation, &receiver, &message);
}

#[test]
fn a_first_start_that_is_killed_leaves_nothing_in_the_way_of_the_next() {
    let installation = Installation::new();
    // Keys are made at the first start, which takes most of its time.
    for after in [0, 10, 20, 40, 80, 160, 320] {
        installation.kill_while_starting(Duration::from_millis(after));
    }
    let receiver = Receiver::start();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let (message, _) = publish(&platform, &mut Random::new(41), 42);
    assert_eq!(receiver.answered(1)[0].message_id(), message);
}

#[test]
fn a_data_dir_that_is_a_file() {
    let installation = Installation::new();
    std::fs::write(installation.data_dir(), "a file").expect("a file can be written");
    let ended = installation.fail_to_start(&[]);
    let path = installation.data_dir().display().to_string();
    check(&ended, FAILED, &[&path, "give another --data-dir"]);
}

#[test]
fn a_limit_of_files_that_is_too_low_is_refused_and_a_low_soft_one_is_raised() {
    let limited = |limit: &str| {
        let command = format!("--nofile={limit}");
        Installation::new().started_by(&["prlimit", &command]).set("delivery.max_in_flight", "64")
    };
    // 64 × 2 + 256 are needed.
    let ended = limited("383:383").fail_to_start(&[]);
    check(&ended, FAILED, &["383 files may be open", "384 are needed", "delivery.max_in_flight = 64"]);
    assert_eq!(limited("100:384").start().terminate().code(), Some(0));
}
