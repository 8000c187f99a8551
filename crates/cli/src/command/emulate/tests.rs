//! `emulate` as it is typed.

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    emulate: Emulate,
}

async fn run(screen: Screen, words: &[&str]) -> (Result<(), Failure>, String) {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("keys/developer.json").display().to_string();
    let line = Line::parse_from(["emulate"].iter().chain(words).copied().chain(["--key", key.as_str()]));
    let screen = screen.captured();
    let outcome = line.emulate.run(&screen).await;
    (outcome, screen.printed())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sends_28_and_a_program_gets_a_line_for_each() {
    let receiver = workbell_testkit::Receiver::start();
    let url = receiver.url("/hooks");
    let (outcome, printed) = run(Screen::pipe(), &["--all", "--to", &url, "--json"]).await;
    outcome.unwrap();
    assert_eq!(receiver.requests().len(), 28);
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 28);
    assert!(lines.iter().all(|line| line["Status"] == 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_or_nobody_there_has_status_1_and_is_shown() {
    let receiver = workbell_testkit::Receiver::answering(|_| workbell_testkit::Answer::Status(403));
    let url = receiver.url("/");
    let (outcome, printed) = run(Screen::terminal(160), &["accepted", "--to", &url]).await;
    assert_eq!(outcome.unwrap_err().exit_status(), 1);
    assert!(printed.contains("403 Forbidden"), "{printed}");
    let both = |line: &str| line.contains("Event-Type: Accepted") && line.contains('│');
    assert!(printed.lines().any(both), "{printed}");
    let (outcome, printed) = run(Screen::terminal(80), &["accepted", "--to", &url]).await;
    assert_eq!(outcome.unwrap_err().exit_status(), 1);
    assert!(printed.contains("\n> Event-Type: Accepted\n"), "{printed}");
    assert!(printed.contains("\n< 403 Forbidden\n"), "{printed}");
    drop(receiver);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (outcome, printed) = run(Screen::pipe(), &["Accepted", "--to", &format!("http://{free}/")]).await;
    assert_eq!(outcome.unwrap_err().exit_status(), 1);
    assert!(printed.contains("ConnectionRefused"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_names_and_urls_are_wrong_usage_with_a_suggestion() {
    for (words, says) in [
        (&["Acepted", "--to", "http://127.0.0.1:9000/"][..], "did you mean Accepted?"),
        (&["--scenario", "hapy-path", "--to", "http://127.0.0.1:9000/"], "did you mean happy-path?"),
        (&["Accepted", "--fault", "slowbody", "--to", "http://127.0.0.1:9000/"], "did you mean slow-body?"),
        (
            &["Accepted", "--variant", "gigantic", "--to", "http://127.0.0.1:9000/"],
            "minimal, typical, maximal",
        ),
        (&["--to", "http://127.0.0.1:9000/"], "give the name of an action"),
        (&["Accepted", "--to", "ftp://x/"], "https:// or http://"),
    ] {
        let (outcome, _) = run(Screen::pipe(), words).await;
        let failure = outcome.unwrap_err();
        assert_eq!(failure.exit_status(), 2, "{words:?}");
        assert!(failure.to_string().contains(says), "{failure}");
    }
    assert_eq!(Line::try_parse_from(["emulate", "Accepted"]).unwrap_err().exit_code(), 2, "no URL");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_sends_the_same_bytes_and_the_key_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("developer.json");
    let (one, other) = (developer::open(&key).unwrap(), developer::open(&key).unwrap());
    assert_eq!((one.is_new, other.is_new), (true, false));
    assert_eq!(other.identity.to_text(), one.identity.to_text());
    let receiver = workbell_testkit::Receiver::start();
    let url = receiver.url("/");
    for _ in 0..2 {
        let (outcome, _) = run(Screen::pipe(), &["--scenario", "quote", "--seed", "5", "--to", &url]).await;
        outcome.unwrap();
    }
    let requests = receiver.requests();
    let (first, second) = requests.split_at(requests.len() / 2);
    assert!(first.iter().map(|it| &it.body).eq(second.iter().map(|it| &it.body)));
}

#[test]
fn a_pause_is_the_time_since_the_last_one_sent_also_between_pairs() {
    let first = Timestamp::from_unix_seconds(1_772_438_400);
    let mut notes = Scenario::from_name("happy-path").unwrap().notes(BRANCH, &mut Random::new(1), first);
    notes.truncate(4);
    for (note, minutes) in notes.iter_mut().zip([0, 1, 10, 12]) {
        note.at = first.plus(Duration::from_secs(minutes * 60));
    }
    let minutes = |fault| groups(&notes, fault).map(|(pause, _)| pause.as_secs() / 60).collect::<Vec<_>>();
    assert_eq!(minutes(None), [0, 1, 9, 2]);
    assert_eq!(minutes(Some(Fault::Reordered)), [0, 9]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_of_ones_own_is_sent_with_its_members() {
    let receiver = workbell_testkit::Receiver::start();
    let url = receiver.url("/");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{\"Part\": \"T-4\", \"Left\": 3.50}").unwrap();
    let path = file.path().display().to_string();
    let words = ["InventoryLow", "--sample", &path, "--branch", "7", "--to", &url];
    let (outcome, _) = run(Screen::pipe(), &words).await;
    outcome.unwrap();
    let sent = receiver.requests().pop().unwrap();
    assert_eq!((sent.header("Event-Type"), &sent.json()["Part"]), ("InventoryLow", &json!("T-4")));
    assert!(sent.text().ends_with("\"Left\":3.50}"), "{}", sent.text());
    assert_eq!(sent.json()["Header"]["BranchId"], 7);
    std::fs::write(file.path(), "[1]").unwrap();
    let (outcome, _) = run(Screen::pipe(), &words).await;
    assert_eq!(outcome.unwrap_err().exit_status(), 1, "no object");
    let (outcome, _) = run(Screen::pipe(), &["Own", "--sample", "/nowhere.json", "--to", &url]).await;
    let failure = outcome.unwrap_err();
    assert_eq!(failure.exit_status(), 1, "no such file");
    assert!(failure.to_string().starts_with("/nowhere.json cannot be read: "), "{failure}");
    let (outcome, _) = run(Screen::pipe(), &["Accepted", "--sample", &path, "--to", &url]).await;
    assert_eq!(outcome.unwrap_err().exit_status(), 2, "one of the 28");
    assert_eq!(receiver.requests().len(), 1);
}

const ENDPOINT: &str = "01990b5d-ac96-774b-bcce-b302099a8057";

#[tokio::test(flavor = "multi_thread")]
async fn through_a_service_its_record_is_shown_and_a_refusal_has_status_1() {
    let record = json!({
        "Action": "Accepted", "MessageId": ENDPOINT, "Status": 200, "Duration": 3000, "Body": "{\"Header\":{}}",
        "RequestHeaders": {"Event-Type": "Accepted"}, "ResponseHeaders": {"server": "x"}, "ResponseBody": "thanks"
    });
    let refused = json!({
        "Action": "Accepted", "MessageId": ENDPOINT, "Status": null, "Error": "Timeout", "Explanation": "too long",
        "Duration": 1, "Body": "{}", "RequestHeaders": {}, "ResponseHeaders": {}, "ResponseBody": ""
    });
    let (record, refused) = (record.to_string(), refused.to_string());
    let stub =
        crate::stub::Stub::start([(200, record.as_str()), (200, record.as_str()), (200, refused.as_str())])
            .await;
    let words = ["emulate", "accepted", "--endpoint", ENDPOINT, "--company", "acme", "--branch", "7"];
    let printed = stub.run(Screen::terminal(80), &words).await.unwrap();
    assert!(printed.contains("\n> Event-Type: Accepted\n"), "{printed}");
    assert!(printed.contains("\n< thanks\n"), "{printed}");
    let asked = stub.requests().remove(0);
    assert_eq!(asked.line, format!("POST /v1/companies/acme/endpoints/{ENDPOINT}/emulate"));
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(body, json!({"Action": "Accepted", "Variant": "typical", "BranchId": 7}));
    let printed = stub.run(Screen::pipe(), &[words.as_slice(), &["--json"]].concat()).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&printed).unwrap()["Status"], 200);
    let failure = stub.run(Screen::pipe(), &words).await.unwrap_err();
    assert_eq!(failure.exit_status(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_key_in_pem_signs_and_what_to_trust_follows_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    std::fs::write(&file, key.serialize_pem()).unwrap();
    let (one, other) = (developer::open(&file).unwrap().identity, developer::open(&file).unwrap().identity);
    assert_eq!((&one.endpoint_id, one.secret.to_text()), (&other.endpoint_id, other.secret.to_text()));
    let receiver = workbell_testkit::Receiver::start();
    let words = ["emulate", "Accepted", "--to", &receiver.url("/"), "--key", &file.display().to_string()];
    Line::parse_from(words).emulate.run(&Screen::pipe().captured()).await.unwrap();
    let sent = receiver.requests().pop().unwrap();
    let token = workbell_wire::token::bearer(sent.header("Authorization")).unwrap();
    // The certificate of another run carries the same public key.
    let pem = other.ring("CorrigoProDirect").unwrap().certificates_pem(moment::now());
    let trusted = workbell_wire::certificate::Certificate::read_bundle(&pem).unwrap();
    let expect = workbell_wire::token::Expect {
        endpoint: Some(&one.endpoint_id),
        ..workbell_wire::token::Expect::at(moment::now())
    };
    assert!(workbell_wire::token::verify(token, &trusted, &expect).is_valid());

    for (text, says) in [
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----\n", "decrypt it"),
        ("-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----\n", "elliptic-curve"),
        ("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "no RSA key"),
        ("-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n", "not base64"),
        ("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", "no -----BEGIN PRIVATE KEY-----"),
    ] {
        std::fs::write(&file, text).unwrap();
        let failure = developer::open(&file).unwrap_err();
        assert!(failure.to_string().contains(says), "{failure}");
        assert_eq!(failure.exit_status(), 1);
    }
}

/// Answers as a receiver that verifies: what is forged is refused.
fn verifying(key: &Path) -> workbell_testkit::Receiver {
    let identity = developer::open(key).unwrap().identity;
    let pem = identity.ring("CorrigoProDirect").unwrap().certificates_pem(moment::now());
    workbell_testkit::Receiver::answering(move |request| {
        let trusted = workbell_wire::certificate::Certificate::read_bundle(&pem).unwrap();
        let expect = workbell_wire::token::Expect {
            endpoint: Some(&identity.endpoint_id),
            audience: Some("CorrigoProDirect"),
            ..workbell_wire::token::Expect::at(moment::now())
        };
        let token = workbell_wire::token::bearer(request.header("Authorization")).unwrap();
        let is_valid = workbell_wire::token::verify(token, &trusted, &expect).is_valid();
        workbell_testkit::Answer::Status(if is_valid { 200 } else { 401 })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_has_status_0_where_the_receiver_copes_and_1_where_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("developer.json");
    let strict = verifying(&key);
    let credulous = workbell_testkit::Receiver::start();
    let key = key.display().to_string();
    let statuses = async |url: &str, fault: &str| {
        let words = ["emulate", "Accepted", "--fault", fault, "--to", url, "--key", &key, "--json"];
        let screen = Screen::pipe().captured();
        let outcome = Line::parse_from(words).emulate.run(&screen).await;
        let lines: Vec<Value> =
            screen.printed().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let as_expected = lines.iter().all(|line| line["AsExpected"] == true);
        assert_eq!(as_expected, outcome.is_ok(), "{lines:?}");
        outcome.err().map_or(0, |failure| failure.exit_status())
    };
    for fault in ["expired-token", "wrong-audience", "foreign-endpoint", "access-token", "bad-signature"] {
        assert_eq!(statuses(&strict.url("/"), fault).await, 0, "{fault}");
        assert_eq!(statuses(&credulous.url("/"), fault).await, 1, "{fault}");
    }
    // It looks at the token alone.
    assert_eq!(statuses(&strict.url("/"), "tampered-body").await, 1);
    for fault in ["duplicate", "reordered", "unknown-member", "null-members", "no-expect", "truncated-body"] {
        assert_eq!(statuses(&strict.url("/"), fault).await, 0, "{fault}");
    }
    let refuses = workbell_testkit::Receiver::answering(|_| workbell_testkit::Answer::Status(400));
    for fault in ["duplicate", "unknown-member", "huge-body"] {
        assert_eq!(statuses(&refuses.url("/"), fault).await, 1, "{fault}");
    }
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(statuses(&format!("http://{free}/"), "truncated-body").await, 1, "nobody is there");
}
