//! After an erase and `compact` nothing of a work order's texts is left: not in the files, not in a backup, not in an
//! answer.

use std::fs;
use std::path::Path;

use serde_json::json;
use workbell_testkit::{Answer, Installation, Platform, Receiver, wait_for};

use crate::notification::{BRANCH, COMPANY, all_settled, message, text};

/// Words that stand in everything that is to go, and nowhere else.
const SECRET: &str = "Xylophonwirbel";

/// The same of an order that stays.
const KEPT: &str = "Quittenschale";

fn published(platform: &Platform, n: usize, order: i64, word: &str) -> String {
    let id = format!("01922d6e-7b2a-7c4e-9a53-{n:012x}");
    // Long and short ones, so that rows move about in their pages.
    let words = format!("{word} {}", "padding ".repeat(n % 7 * 60));
    platform.publish(message(&id, order, &words).as_bytes()).with(202);
    id
}

/// Files below a folder that have these bytes in them.
pub(crate) fn holding(folder: &Path, word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.extend(holding(&path, word));
        } else if fs::read(&path)
            .expect("it can be read")
            .windows(word.len())
            .any(|part| part == word.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn after_an_erase_and_compact_no_text_is_left_in_files_backups_and_answers() {
    let installation = Installation::retrying("1h");
    // It says back what it heard, and fails now and then.
    let receiver = Receiver::answering(|request| {
        let failing = String::from_utf8_lossy(&request.body).contains("000000000007");
        Answer::Echo(if failing { 500 } else { 200 })
    });
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let mut ids = Vec::new();
    for n in 0..40 {
        ids.push(published(&platform, n, 42, SECRET));
        published(&platform, n + 1000, 43, KEPT);
    }
    // The one that fails holds its lane; it waits in it with those behind.
    receiver.wait("the failing one", |requests| {
        requests
            .iter()
            .any(|request| request.message_id() == ids[7] && request.answered.is_some())
            .then_some(())
    });
    wait_for("the other order is through", || {
        let waiting =
            platform.list(&format!("/v1/deliveries?CompanyId={COMPANY}&WorkOrderId=43&State=Pending"));
        waiting.is_empty().then_some(())
    });
    assert!(!holding(installation.data_dir(), SECRET).is_empty(), "it stands there before");

    let job = json!({ "Kind": "Erase", "Filter": { "CompanyId": COMPANY, "WorkOrderId": 42 }, "RatePerSecond": 1000 });
    let job = platform.post("/v1/jobs", &job).with(201);
    let path = format!("/v1/jobs/{}", text(&job["JobId"]));
    let ended = wait_for("the erase ends", || {
        let job = platform.get(&path).with(200);
        (job["State"] == "Finished").then_some(job)
    });
    assert_eq!((&ended["Total"], &ended["Done"]), (&json!(40), &json!(40)));
    all_settled(&platform);
    for answer in [
        "/v1/notifications?Limit=500".to_owned(),
        "/v1/deliveries?Limit=500".to_owned(),
        "/v1/log?Limit=500".to_owned(),
        format!("/v1/notifications/{}?CompanyId={COMPANY}", ids[3]),
    ] {
        let answer = platform.get(&answer).text();
        assert!(!answer.contains(SECRET), "{answer}");
    }
    let log = platform.list("/v1/log?WorkOrderId=42");
    for record in &log {
        let record = platform.get(&format!("/v1/log/{}", record["LogId"])).text();
        assert!(!record.contains(SECRET), "{record}");
    }
    let kept = platform.get("/v1/log?WorkOrderId=43&Limit=500").text();
    assert!(kept.contains(KEPT), "another order's texts stay");

    let early = installation.folder().join("early.db");
    let backup = installation.run(&["backup", early.to_str().expect("it is text")]);
    assert!(backup.status.success(), "{}", String::from_utf8_lossy(&backup.stderr));
    let refused = installation.run(&["compact"]);
    assert_eq!(refused.status.code(), Some(1), "not while a service runs on it");
    assert_eq!(server.terminate().code(), Some(0));
    let compacted = installation.run(&["compact"]);
    assert!(compacted.status.success(), "{}", String::from_utf8_lossy(&compacted.stderr));
    assert_eq!(holding(installation.data_dir(), SECRET), Vec::<String>::new());
    assert!(!holding(installation.data_dir(), KEPT).is_empty());
    // Backups: the one made before this step too.
    assert_eq!(holding(installation.folder(), SECRET), Vec::<String>::new());
    assert!(early.exists());

    let server = installation.start();
    let platform = server.platform();
    let again =
        platform.publish(message(&ids[3], 42, &format!("{SECRET} {}", "padding ".repeat(180))).as_bytes());
    assert_eq!(again.status, 200, "a repeat gets its first answer: {}", again.text());
    published(&platform, 77, 42, "later");
    assert_eq!(holding(installation.data_dir(), SECRET), Vec::<String>::new());
}
