//! `workbell doctor` sees what is wrong with an installation, says what to do, and changes nothing.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use serde_json::{Value, json};
use workbell_testkit::{Installation, Random, Receiver};

use crate::notification::{BRANCH, COMPANY, publish};

/// All that was found, and the exit status.
#[track_caller]
fn examine(installation: &Installation, more: &[&str]) -> (Vec<Value>, Option<i32>) {
    let words: Vec<&str> = ["doctor", "--json", "--allow-loopback"].iter().chain(more).copied().collect();
    let output = installation.run(&words);
    let Ok(document) = serde_json::from_slice::<Value>(&output.stdout) else {
        panic!("no JSON: {}", words_of(&output));
    };
    (document["Findings"].as_array().expect("findings").clone(), output.status.code())
}

fn words_of(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The one finding of a check that is as bad as this, and says this.
#[track_caller]
fn find(findings: &[Value], check: &str, grade: &str, words: &str) {
    let found = findings.iter().any(|finding| {
        finding["Check"] == check
            && finding["Grade"] == grade
            && finding["Seen"].as_str().is_some_and(|seen| seen.contains(words))
            && (grade == "Good" || finding["Advice"].as_str().is_some_and(|advice| !advice.is_empty()))
    });
    assert!(found, "no {grade} finding of {check} with {words:?} in {findings:#?}");
}

fn bad_ones(findings: &[Value]) -> Vec<&Value> {
    findings.iter().filter(|finding| finding["Grade"] == "Bad").collect()
}

/// An installation that was used and stopped.
fn used() -> Installation {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let (_, _) = publish(&platform, &mut Random::new(60), 42);
    receiver.answered(1);
    assert_eq!(server.terminate().code(), Some(0));
    installation
}

/// Every file of the data dir with its bytes and rights.
fn contents(installation: &Installation) -> BTreeMap<String, (Vec<u8>, u32)> {
    let entries = fs::read_dir(installation.data_dir()).expect("the data dir can be listed");
    let entries = entries.map(|entry| entry.expect("an entry"));
    entries
        .filter(|entry| !entry.file_name().to_string_lossy().ends_with("-shm"))
        .map(|entry| {
            let mode = entry.metadata().expect("its rights").permissions().mode();
            let bytes = fs::read(entry.path()).expect("it can be read");
            (entry.file_name().to_string_lossy().into_owned(), (bytes, mode))
        })
        // An empty write-ahead log holds nothing.
        .filter(|(_, (bytes, _))| !bytes.is_empty())
        .collect()
}

#[test]
fn a_sound_installation_has_nothing_bad_before_its_start_while_it_runs_and_after_its_end() {
    let fresh = Installation::new();
    let (findings, status) = examine(&fresh, &[]);
    assert_eq!((bad_ones(&findings), status), (vec![], Some(0)), "{findings:#?}");
    find(&findings, "DataDir", "Good", "the first start makes it");
    assert!(!fresh.data_dir().exists(), "a look makes nothing");

    let installation = used();
    let before = contents(&installation);
    let (findings, status) = examine(&installation, &["--thorough"]);
    assert_eq!((bad_ones(&findings), status), (vec![], Some(0)), "{findings:#?}");
    find(&findings, "Store", "Good", "nobody runs on it");
    find(&findings, "Keys", "Good", "they fit each other");
    find(&findings, "Egress", "Good", "all 1 URLs");
    assert_eq!(contents(&installation), before, "a look changes nothing");

    let server = installation.start();
    let (findings, status) = examine(&installation, &[]);
    assert_eq!((bad_ones(&findings), status), (vec![], Some(0)), "{findings:#?}");
    find(&findings, "Store", "Good", &format!("process {} runs on it", server.pid()));
    assert_eq!(server.platform().get("/readyz").status, 200);
}

#[test]
fn what_keeps_a_service_from_starting_is_found_all_at_once() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it has an address").to_string();
    let installation = used();
    fs::write(installation.data_dir().join("master.key"), "ab".repeat(32)).expect("the key can be replaced");
    fs::set_permissions(installation.data_dir().join("platform.key"), Permissions::from_mode(0o644))
        .expect("rights can be given");
    let before = contents(&installation);
    let deny = installation.set("delivery.max_in_flight", "65536").set("egress.deny", "127.0.0.0/8");
    let output = deny.run(&["doctor", "--json", "--allow-loopback", "--listen", &address]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = document["Findings"].as_array().expect("findings");
    assert_eq!(output.status.code(), Some(1), "{findings:#?}");
    find(findings, "Keys", "Bad", "is not the key that this store was made with");
    find(findings, "Listen", "Bad", &address);
    find(findings, "Egress", "Bad", "egress.deny");
    find(findings, "DataDir", "Warning", "platform.key");
    find(findings, "Store", "Good", "sound");
    assert_eq!(document["Bad"], bad_ones(findings).len());
    assert_eq!(contents(&deny), before, "rights are told, not changed");

    let table = deny.run(&["doctor", "--allow-loopback", "--listen", &address]);
    let text = words_of(&table);
    assert_eq!(table.status.code(), Some(1), "{text}");
    assert!(text.contains("to mend it: what is sealed opens with that one only"), "{text}");
}

#[test]
fn too_few_files_are_found() {
    let installation = Installation::new();
    let script = format!(
        "ulimit -n 300; exec {} doctor --json --data-dir {}",
        workbell_testkit::workbell().display(),
        installation.data_dir().display()
    );
    // What the run of the tests itself is told by variables is no setting.
    let mut shell = std::process::Command::new("sh");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("WORKBELL_")) {
        shell.env_remove(name);
    }
    let output = shell.args(["-c", &script]).output().expect("a shell");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = document["Findings"].as_array().expect("findings");
    find(findings, "Files", "Bad", "300 files may be open at once, but 2304 are needed");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_broken_store_is_found() {
    let installation = used();
    let path = installation.data_dir().join("workbell.db");
    let mut file = OpenOptions::new().write(true).open(&path).expect("the store's file");
    let length = file.metadata().expect("its length").len();
    // All pages but the first, which says what it is.
    file.seek(SeekFrom::Start(4096)).expect("a place");
    let rubbish = vec![0xa5; usize::try_from(length - 4096).expect("a small file")];
    file.write_all(&rubbish).expect("it can be written");
    let (findings, status) = examine(&installation, &[]);
    assert_eq!(status, Some(1), "{findings:#?}");
    let broken = findings.iter().find(|finding| finding["Check"] == "Store").expect("a finding of the store");
    assert_eq!(broken["Grade"], "Bad", "{findings:#?}");
}

#[test]
fn settings_that_cannot_be_taken_are_a_finding_and_nothing_else_is_judged() {
    let installation = Installation::new().set("delivery.timeout", "thirty");
    let (findings, status) = examine(&installation, &[]);
    assert_eq!(status, Some(1), "{findings:#?}");
    find(&findings, "Settings", "Bad", "delivery.timeout");
    let others = findings.iter().filter(|finding| finding["Grade"] == "NotChecked").count();
    assert_eq!(others, findings.len() - 1);
}
