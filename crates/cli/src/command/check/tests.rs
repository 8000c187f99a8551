//! `check` as it is typed.

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    check: Check,
}

async fn run(screen: Screen, words: &[&str]) -> (Result<(), Failure>, String) {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("developer.json").display().to_string();
    let line = Line::parse_from(["check"].iter().chain(words).copied().chain(["--key", key.as_str()]));
    let screen = screen.captured();
    let outcome = line.check.run(&screen).await;
    (outcome, screen.printed())
}

/// One that takes whatever comes.
fn careless() -> workbell_testkit::Receiver {
    workbell_testkit::Receiver::start()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_careless_receiver_is_shown_with_what_to_mend_and_has_status_1() {
    let receiver = careless();
    let (outcome, printed) = run(Screen::terminal(80), &[&receiver.url("/hooks")]).await;
    assert_eq!(outcome.unwrap_err().exit_status(), 1);
    assert!(printed.contains("  ✓ accepts            200 OK\n"), "{printed}");
    assert!(printed.contains("  ✗ no-token           200 OK: it was accepted\n"), "{printed}");
    assert!(printed.contains("mend  answer 401 to a request without a bearer token\n"), "{printed}");
    let summary = "\nGrade F: no notification arrives, or anybody can send some.\n";
    assert!(printed.contains(summary), "{printed}");
    assert!(!printed.contains("sent  each of the 28 actions"), "what passed takes one line: {printed}");
    assert!(printed.lines().all(|line| line.chars().count() <= 80), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_json_and_a_ci_gets_junit() {
    let receiver = careless();
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display().to_string();
    let url = receiver.url("/hooks?a=1&b=2");
    let (outcome, printed) = run(Screen::pipe(), &[&url, "--json", "--junit", &path]).await;
    assert_eq!(outcome.unwrap_err().exit_status(), 1);
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(report["Grade"], "F");
    let probes = report["Probes"].as_array().unwrap();
    assert_eq!(probes.len(), 34);
    let failed = probes.iter().filter(|probe| probe["Outcome"] == "Failed").count();
    assert_eq!(report["Failed"], failed);
    // On a busy machine the answers may be slow, too.
    let of_refusals = |probe: &&serde_json::Value| probe["Outcome"] == "Failed" && probe["Probe"] != "quick";
    assert_eq!(probes.iter().filter(of_refusals).count(), 10, "{report}");
    let names = ["Sent", "Came", "Why", "Outcome"];
    assert!(probes.iter().all(|probe| names.iter().all(|name| probe[name].as_str().is_some())), "{report}");
    let junit = std::fs::read_to_string(&path).unwrap();
    assert!(junit.contains(&format!("tests=\"34\" failures=\"{failed}\"")), "{junit}");
    assert!(junit.contains("a=1&amp;b=2, grade F"), "{junit}");
    assert_eq!(junit.matches("<failure ").count(), failed);
    assert_eq!(junit.matches("<testcase ").count(), junit.matches("</testcase>").count());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_gets_a_line_for_each_probe_and_one_for_the_grade() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}/");
    let (outcome, printed) = run(Screen::pipe(), &[&url, "--junit", "/dev/null/report.xml"]).await;
    let failure = outcome.unwrap_err();
    assert_eq!(failure.exit_status(), 1);
    assert!(failure.to_string().contains("/dev/null/report.xml cannot be written"), "{failure}");
    // The report is shown all the same.
    assert!(printed.starts_with("Failed\treachable\ta connection to the host"), "{printed}");
    assert!(printed.lines().take(34).all(|line| line.split('\t').count() == 6), "{printed}");
    assert!(printed.lines().nth(34).unwrap().starts_with("F\t"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_to_trust_can_be_asked_for_beforehand() {
    let words = ["--trust", "--json", "--endpoint", "mine", "--secret"];
    let secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let (outcome, printed) = run(Screen::pipe(), &[words.as_slice(), &[secret]].concat()).await;
    outcome.unwrap();
    let trust: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert!(trust["Certificates"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!((&trust["EndpointId"], &trust["Secret"]), (&"mine".into(), &secret.into()));
    let (outcome, printed) = run(Screen::terminal(80), &["--trust"]).await;
    outcome.unwrap();
    assert!(printed.contains("endpoint id: "), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_usage_is_told_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("developer.json");
    let words = ["check", "ftp://x/", "--key", &key.display().to_string()];
    let failure = Line::parse_from(words).check.run(&Screen::pipe()).await.unwrap_err();
    assert_eq!(failure.exit_status(), 2);
    assert!(failure.to_string().contains("https:// or http://"), "{failure}");
    assert!(!key.exists(), "no key is made");
    assert_eq!(Line::try_parse_from(["check"]).unwrap_err().exit_code(), 2, "no URL");
    let words = ["check", "http://a/", "--trust"];
    assert_eq!(Line::try_parse_from(words).unwrap_err().exit_code(), 2, "nothing is sent with --trust");
    let (outcome, _) = run(Screen::pipe(), &["http://127.0.0.1:9000/", "--ca-file", "/nowhere.pem"]).await;
    let failure = outcome.unwrap_err();
    assert!(failure.to_string().contains("/nowhere.pem"), "{failure}");
}
