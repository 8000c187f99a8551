//! Backup, restore, export, import: what was acknowledged before is there, and goes on in order.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use workbell_testkit::{Answer, Installation, Platform, Random, Receiver, Recorded, wait_for};

use crate::notification::{BRANCH, COMPANY, all_settled, message, publish};

/// Publishers side by side, each with a work order that is served and one that is stuck.
const PUBLISHERS: i64 = 4;

/// Acknowledged before the backup begins, and again while it is made or after.
const ENOUGH: usize = 200;

/// A receiver that refuses odd work orders until it is mended.
fn stuck_for_some() -> (Receiver, Arc<AtomicBool>) {
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let receiver = Receiver::answering(move |request| {
        let is_stuck = request.work_order() % 2 == 1 && !mended.load(Ordering::SeqCst);
        Answer::Status(if is_stuck { 500 } else { 200 })
    });
    (receiver, is_mended)
}

/// Publishes until told to stop; `acknowledged` has work order and MessageId in the order of the answers.
fn go_on(platform: &Platform, publisher: i64, stop: &AtomicBool, acknowledged: &Mutex<Vec<(i64, String)>>) {
    let mut random = Random::new(7_000 + u64::try_from(publisher).expect("it is small"));
    for round in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let work_order = publisher * 2 + round % 2;
        let id = random.guid();
        platform.publish(message(&id, work_order, "Hello").as_bytes()).with(202);
        acknowledged.lock().expect("nobody panics with it").push((work_order, id));
    }
}

/// What a restore is made of: the backup as the store, and the keys.
fn restore(backup: &Path, keys_of: &Installation) -> Installation {
    let fresh = Installation::retrying("20ms");
    fs::create_dir(fresh.data_dir()).expect("a data dir");
    fs::set_permissions(fresh.data_dir(), Permissions::from_mode(0o700)).expect("its rights");
    fs::copy(backup, fresh.data_dir().join("workbell.db")).expect("the backup");
    for key in ["master.key", "platform.key"] {
        fs::copy(keys_of.data_dir().join(key), fresh.data_dir().join(key)).expect("a key");
    }
    fresh
}

/// Runs a command that must succeed; its JSON.
#[track_caller]
fn run(installation: &Installation, words: &[&str]) -> Value {
    let output = installation.run(words);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}: {said}"))
}

/// Each of these was delivered, those of one work order in their order.
#[track_caller]
fn check_arrived(receiver: &Receiver, expected: &[(i64, String)]) {
    let requests = receiver.requests();
    let delivered: Vec<&Recorded> = requests.iter().filter(|request| request.is_delivered()).collect();
    let mut first = BTreeMap::new();
    for (place, request) in delivered.iter().enumerate() {
        first.entry(request.message_id().to_owned()).or_insert(place);
    }
    let mut last_of: BTreeMap<i64, usize> = BTreeMap::new();
    for (work_order, id) in expected {
        let place = *first.get(id).unwrap_or_else(|| panic!("{id} of work order {work_order} never arrived"));
        let before = last_of.insert(*work_order, place);
        assert!(before.is_none_or(|before| before < place), "{id} of work order {work_order} was overtaken");
    }
}

#[test]
fn a_backup_made_under_load_has_all_that_was_acknowledged_before_and_goes_on() {
    let (receiver, is_mended) = stuck_for_some();
    let installation = Installation::retrying("20ms");
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let (stop, acknowledged) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let count = || acknowledged.lock().expect("nobody panics with it").len();
    let backup = installation.folder().join("backup.db");
    let before = std::thread::scope(|scope| {
        for publisher in 1..=PUBLISHERS {
            let (platform, stop, acknowledged) = (server.platform(), &stop, &acknowledged);
            scope.spawn(move || go_on(&platform, publisher, stop, acknowledged));
        }
        wait_for("enough acknowledged ones", || (count() >= ENOUGH).then_some(()));
        let before = acknowledged.lock().expect("nobody panics with it").clone();
        let made = run(&installation, &["backup", "--json", &backup.display().to_string()]);
        let during = count();
        assert!(made["Notifications"].as_u64().is_some_and(|made| made >= before.len() as u64), "{made}");
        assert!(made["Undelivered"].as_u64().is_some_and(|waiting| waiting > 0), "{made}");
        wait_for("more after it", || (count() >= during + ENOUGH).then_some(()));
        stop.store(true, Ordering::SeqCst);
        before
    });
    server.kill();
    assert_eq!(fs::metadata(&backup).expect("the backup").permissions().mode() & 0o777, 0o600);
    let key = fs::read_to_string(installation.data_dir().join("master.key")).expect("the master key");
    let bytes = fs::read(&backup).expect("the backup");
    let key = key.trim().as_bytes();
    assert!(!bytes.windows(key.len()).any(|window| window == key), "no backup holds the master key");

    let restored = restore(&backup, &installation);
    receiver.settle();
    let server = restored.start();
    let platform = server.platform();
    for (_, id) in &before {
        platform.get(&format!("/v1/notifications/{id}?CompanyId={COMPANY}")).with(200);
    }
    is_mended.store(true, Ordering::SeqCst);
    all_settled(&platform);
    check_arrived(&receiver, &before);
    let (id, _) = publish(&platform, &mut Random::new(77), 3);
    all_settled(&platform);
    let arrived =
        receiver.requests().iter().any(|request| request.message_id() == id && request.is_delivered());
    assert!(arrived, "what is new after the restore arrives too");
    let (findings, bad) = doctor(&restored);
    assert_eq!(bad, 0, "{findings}");
}

fn doctor(installation: &Installation) -> (Value, u64) {
    let output = installation.run(&["doctor", "--json", "--allow-loopback"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let bad = document["Bad"].as_u64().expect("a number");
    (document, bad)
}

#[test]
fn a_restore_without_its_master_key_is_refused_and_says_so() {
    let installation = Installation::new();
    let server = installation.start();
    let backup = installation.folder().join("backup.db");
    let output = installation.run(&["backup", &backup.display().to_string()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("A restore needs the master key too"), "{said}");
    let again = installation.run(&["backup", &backup.display().to_string()]);
    assert_eq!(again.status.code(), Some(1), "it is not overwritten");
    server.kill();
    let restored = restore(&backup, &installation);
    fs::remove_file(restored.data_dir().join("master.key")).expect("the key goes");
    let ended = restored.fail_to_start(&[]);
    assert!(ended.error().contains("is missing, but this store was made with a master key"), "{ended}");
}

#[test]
fn what_is_exported_is_imported_with_the_same_counts_and_hash_and_goes_on() {
    let (receiver, is_mended) = stuck_for_some();
    let installation = Installation::retrying("20ms");
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let endpoint =
        platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({"Headers": {"X-Key": "abc"}}));
    let mut random = Random::new(90);
    let published: Vec<(i64, String)> =
        (0..40).map(|number| (number % 4, publish(&platform, &mut random, number % 4).0)).collect();
    let arrived =
        |requests: &[Recorded]| requests.iter().filter(|request| request.is_delivered()).count() >= 20;
    receiver.wait("those that are not stuck", |requests| arrived(requests).then_some(()));
    assert_eq!(server.terminate().code(), Some(0));
    let file = installation.folder().join("move.jsonl").display().to_string();
    let exported = run(&installation, &["export", "--json", &file]);
    assert_eq!(exported["Rows"]["undelivered"], 20, "{exported}");

    // A file that was cut off or changed is refused whole.
    let moved = Installation::retrying("20ms");
    let text = fs::read_to_string(&file).expect("the export");
    let bad = installation.folder().join("bad.jsonl");
    for broken in [&text[..text.len() / 2], &text.replacen("\"acme\"", "\"acne\"", 1)] {
        fs::write(&bad, broken).expect("a file");
        let output = moved.run(&["import", &bad.display().to_string()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("is no whole export"), "{said}");
        assert!(!moved.data_dir().exists(), "nothing was made");
    }

    let imported = run(&moved, &["import", "--json", &file]);
    assert_eq!((&imported["Rows"], &imported["Sha256"]), (&exported["Rows"], &exported["Sha256"]));
    let second = installation.folder().join("second.jsonl").display().to_string();
    let again = run(&moved, &["export", "--json", &second]);
    assert_eq!((&again["Rows"], &again["Sha256"]), (&exported["Rows"], &exported["Sha256"]));
    let output = moved.run(&["import", &file]);
    assert_eq!(output.status.code(), Some(1), "a store that is in use is not mixed with another");

    for key in ["master.key", "platform.key"] {
        fs::copy(installation.data_dir().join(key), moved.data_dir().join(key)).expect("a key");
    }
    is_mended.store(true, Ordering::SeqCst);
    let server = moved.start();
    let platform = server.platform();
    all_settled(&platform);
    check_arrived(&receiver, &published);
    let kept = platform.get(&format!("/v1/companies/{COMPANY}/endpoints/{}", endpoint.id)).with(200);
    assert_eq!(kept["Url"], receiver.url("/in"));
    let (_, bad) = doctor(&moved);
    assert_eq!(bad, 0);
    // The sequence of each work order goes on.
    let (id, _) = publish(&platform, &mut random, 2);
    all_settled(&platform);
    let requests = receiver.requests();
    let last = requests.iter().find(|request| request.message_id() == id).expect("it arrived");
    assert_eq!(last.sequence(), 11);
}
