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

use crate::notification::{BRANCH, COMPANY, all_settled, message, publish, text};
use crate::work_orders::access_token;

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

/// All that is configured, held, under way or told of, as the interface shows it.
fn everything(platform: &Platform, token: &str, pull: &str) -> BTreeMap<String, Value> {
    let company = format!("/v1/companies/{COMPANY}");
    let mut paths: Vec<String> =
        ["companies", "customers", "work-orders", "jobs", "audit", "alerts", "actions", "keys"]
            .map(|name| format!("/v1/{name}?"))
            .into();
    paths.extend(["branches", "clients", "endpoints", "people"].map(|name| format!("{company}/{name}?")));
    paths.extend(["Dead", "Pending", "Retrying"].map(|state| format!("/v1/deliveries?State={state}")));
    let mut found: BTreeMap<String, Value> =
        paths.into_iter().map(|path| (path.clone(), platform.list(&path).into())).collect();
    for order in found["/v1/work-orders?"].as_array().cloned().expect("a list") {
        let path = format!("/v1/work-orders/{}", order["WorkOrderId"]);
        found.insert(path.clone(), platform.get(&path).with(200));
    }
    let bearer = format!("Bearer {token}");
    let path = format!("/Direct/api/notifications?Endpoint={pull}&Limit=500");
    let feed = platform.send("GET", &path, &[("Authorization", &bearer)], b"").expect("an answer").with(200);
    let of_item = |item: &Value| json!([item["Cursor"], item["Body"], item["Headers"]["webhook-id"]]);
    found.insert("feed".to_owned(), feed["Items"].as_array().expect("a list").iter().map(of_item).collect());
    found
}

#[test]
fn a_move_takes_all_that_is_configured_held_told_of_and_under_way() {
    let receiver =
        Receiver::answering(|request| Answer::Status(if request.work_order() == 9 { 400 } else { 200 }));
    let installation =
        Installation::retrying("20ms").set("delivery.max_attempts", "2").set("delivery.down_after", "0");
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let endpoint = platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let pull = json!({"Url": null});
    let pull = platform.post(&format!("/v1/companies/{COMPANY}/endpoints"), &pull).with(201);
    let pull = text(&pull["EndpointId"]);
    let later =
        platform.create_endpoint(COMPANY, &receiver.url("/later"), json!({"Actions": ["NteChanged"]}));
    let company = format!("/v1/companies/{COMPANY}");
    let token = access_token(&platform);
    platform
        .post(&format!("{company}/people"), &json!({"Email": "jon@acme.example", "Role": "Admin"}))
        .with(201);
    let customer = json!({"Name": "Harbour Mall", "DemandsRepairInfo": true});
    platform
        .try_call("PUT", "/v1/customers/7", customer.to_string().as_bytes())
        .expect("an answer")
        .with(201);
    platform.post("/v1/actions", &json!({"Name": "DoorOpened", "Sample": {"Door": "north"}})).with(201);
    let sender = json!({"Name": "Jon Snow", "Type": "Customer"});
    let details = json!({"BranchId": BRANCH, "WorkOrderNumber": "WO-77", "Type": "PMRM"});
    let order = platform.post("/v1/work-orders", &json!({"Sender": sender, "Details": details})).with(201);
    let act = json!({"Action": "Accepted", "Sender": sender});
    platform.post(&format!("/v1/work-orders/{}/actions", order["WorkOrderId"]), &act).with(202);
    let mut random = Random::new(91);
    for number in 0..30 {
        publish_all(&platform, &mut random, number % 4 + 6);
    }
    all_settled(&platform);
    // One job has ended; one waits at its endpoint, and what it is to send again was delivered long ago.
    let paused = format!("{company}/endpoints/{}", later.id);
    platform.ask(&format!("{paused}/pause")).with(200);
    let ended =
        json!({"Kind": "Discard", "Filter": {"CompanyId": COMPANY, "State": "Dead", "WorkOrderId": 5}});
    let ended = platform.post("/v1/jobs", &ended).with(201);
    let job = |platform: &Platform, job: &Value| {
        platform.get(&format!("/v1/jobs/{}", text(&job["JobId"]))).with(200)
    };
    wait_for("its end", || (job(&platform, &ended)["State"] == "Finished").then_some(()));
    let replay = json!({"Kind": "Replay", "Filter": {"EndpointId": later.id}, "RatePerSecond": 1000});
    let replay = platform.post("/v1/jobs", &replay).with(201);
    wait_for("its count", || (job(&platform, &replay)["Total"] == 32).then_some(()));
    let before = everything(&platform, &token, &pull);
    assert_eq!(before["/v1/alerts?"][0]["Kind"], "DeliveriesDying", "{before:?}");
    let may_be_empty = |path: &str| path.contains("State=Pending") || path.contains("State=Retrying");
    for (path, list) in &before {
        assert!(may_be_empty(path) || list.as_array().is_none_or(|list| !list.is_empty()), "{path}");
    }
    assert_eq!(server.terminate().code(), Some(0));

    let file = installation.folder().join("all.jsonl").display().to_string();
    let exported = run(&installation, &["export", "--json", &file]);
    let moved =
        Installation::retrying("20ms").set("delivery.max_attempts", "2").set("delivery.down_after", "0");
    let imported = run(&moved, &["import", "--json", &file]);
    assert_eq!((&imported["Rows"], &imported["Sha256"]), (&exported["Rows"], &exported["Sha256"]));
    for key in ["master.key", "platform.key"] {
        fs::copy(installation.data_dir().join(key), moved.data_dir().join(key)).expect("a key");
    }
    let server = moved.start();
    let platform = server.platform();
    let after = everything(&platform, &token, &pull);
    for (path, list) in &before {
        assert_eq!(&after[path], list, "{path}");
    }
    platform.ask(&format!("{paused}/resume")).with(200);
    let ended = wait_for("the end of the replay", || {
        Some(job(&platform, &replay)).filter(|job| job["State"] == "Finished")
    });
    assert_eq!((&ended["Done"], &ended["Skipped"], &ended["Failed"]), (&json!(32), &json!(0), &json!(0)));
    wait_for("all of it", || {
        let requests = receiver.requests();
        let again = requests.iter().filter(|it| it.header("Workbell-Mode") == "replay");
        let ids: std::collections::BTreeSet<_> = again.map(Recorded::message_id).collect();
        (ids.len() == 32).then_some(())
    });
    let kept = platform.get(&format!("{company}/endpoints/{}", endpoint.id)).with(200);
    assert_eq!(kept["Url"], receiver.url("/in"));
}

/// Publishes a message that several endpoints get.
#[track_caller]
fn publish_all(platform: &Platform, random: &mut Random, work_order: i64) {
    platform.publish(message(&random.guid(), work_order, "Hello").as_bytes()).with(202);
}
