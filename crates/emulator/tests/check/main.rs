//! `check` against a correct receiver and against wrong ones, each of which it must find by exactly its probe.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod right;
mod tls;
mod wrong;

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use tokio::join;
use workbell_emulator::check::{Grade, Options, Outcome, Probe, Report};
use workbell_emulator::{Check, Identity, Random, SenderOptions};
use workbell_wire::Timestamp;
use workbell_wire::token;

use wrong::{Receiver, Wrong};

fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

/// Whom all receivers here trust.
fn identity() -> &'static Identity {
    static WHO: LazyLock<Identity> = LazyLock::new(|| Identity::generate(now()).unwrap());
    &WHO
}

/// Patient where a busy machine could make a receiver look slow.
fn options() -> Options {
    Options {
        quick: Duration::from_secs(20),
        sender: SenderOptions { slow_for: Duration::from_millis(600), ..Options::default().sender },
        ..Options::default()
    }
}

async fn check(url: &str, who: &Identity, options: Options) -> Report {
    let report = Check::new(url, who, options).unwrap().run(Random::new(11), now, |_| {}).await.unwrap();
    assert_eq!(report.findings.iter().map(|finding| finding.probe).collect::<Vec<_>>(), Probe::ALL);
    report
}

fn ended(report: &Report, outcome: Outcome) -> Vec<Probe> {
    let ended = report.findings.iter().filter(|finding| finding.outcome == outcome);
    ended.map(|finding| finding.probe).collect()
}

/// All that a receiver which verifies nothing takes.
const BAD: [Probe; 10] = [
    Probe::NoToken,
    Probe::ForgedToken,
    Probe::ExpiredToken,
    Probe::FutureToken,
    Probe::WrongAudience,
    Probe::ForeignEndpoint,
    Probe::AccessToken,
    Probe::TamperedBody,
    Probe::NoSignature,
    Probe::OldSignature,
];

/// A receiver, what must fail there, and the grade.
async fn finds(wrong: Wrong, failing: &[Probe], grade: Grade) -> Report {
    finds_with(wrong, failing, grade, options()).await
}

async fn finds_with(wrong: Wrong, failing: &[Probe], grade: Grade, options: Options) -> Report {
    let who = identity();
    let receiver = Receiver::start(wrong, who, None);
    let report = check(&receiver.url(), who, options).await;
    assert_eq!(ended(&report, Outcome::Failed), failing, "{wrong:?}: {:#?}", report.findings);
    assert_eq!(report.grade(), grade, "{wrong:?}");
    for probe in failing {
        let finding = report.finding(*probe).unwrap();
        assert!(!finding.came.is_empty() && !finding.mend.is_empty(), "{finding:?}");
    }
    report
}

#[test]
fn the_page_of_the_book_says_what_the_code_does() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/check.md");
    let page = std::fs::read_to_string(path).unwrap();
    let again = "cargo run -p workbell-emulator --example generate_check";
    assert!(page == workbell_emulator::check::page(), "the page is of another version; {again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_without_a_fault_has_an_a_and_nothing_to_warn_of() {
    let report = finds(Wrong::Nothing, &[], Grade::A).await;
    assert_eq!(ended(&report, Outcome::Warned), []);
    let unseen = [Probe::Tls, Probe::Certificate, Probe::Dedupe];
    assert_eq!(ended(&report, Outcome::NotJudged), unseen, "{:#?}", report.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_skips_verification_is_told_from_one_that_verifies() {
    let any = [
        Probe::ForgedToken,
        Probe::ExpiredToken,
        Probe::FutureToken,
        Probe::WrongAudience,
        Probe::ForeignEndpoint,
        Probe::AccessToken,
    ];
    let body = [Probe::TamperedBody, Probe::NoSignature, Probe::OldSignature];
    join!(
        finds(Wrong::TakesAnything, &BAD, Grade::F),
        finds(Wrong::TakesAnyTokenAtAll, &any, Grade::F),
        finds(Wrong::IgnoresTheBody, &body, Grade::D),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_check_of_a_token_that_is_left_out_is_found() {
    use Wrong::IgnoresChecks as Ignores;
    use token::Check as Of;
    let taken = [Probe::ForgedToken, Probe::ForeignEndpoint, Probe::AccessToken];
    join!(
        finds(Ignores(&[Of::Signature]), &[Probe::ForgedToken], Grade::F),
        finds(Ignores(&[Of::Expired]), &[Probe::ExpiredToken], Grade::C),
        finds(Ignores(&[Of::NotYetValid]), &[Probe::FutureToken], Grade::B),
        finds(Ignores(&[Of::Audience]), &[Probe::WrongAudience], Grade::C),
        finds(Ignores(&[Of::Endpoint, Of::Destination]), &[Probe::ForeignEndpoint], Grade::C),
        finds(Ignores(&[Of::Signature, Of::Use, Of::Endpoint, Of::Destination]), &taken, Grade::F),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mistake_with_the_signature_of_the_body_is_found() {
    join!(
        finds(Wrong::VerifiesWhatIsThere, &[Probe::NoSignature], Grade::C),
        finds(Wrong::IgnoresTheAgeOfSignatures, &[Probe::OldSignature], Grade::B),
        finds(Wrong::VerifiesABodyWrittenAnew, &[Probe::RawBody], Grade::C),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_does_not_take_is_found() {
    let (_, _, _, warned, _, _, one, optional) = join!(
        finds(Wrong::DecompressesAlways, &[Probe::PlainToken], Grade::B),
        finds(Wrong::RefusesUnknownMembers, &[Probe::UnknownMembers], Grade::C),
        finds(Wrong::RefusesUnknownActions(500), &[Probe::UnknownAction], Grade::B),
        finds(Wrong::RefusesUnknownActions(400), &[], Grade::A),
        finds(Wrong::RefusesNull, &[Probe::NullMembers], Grade::C),
        finds(Wrong::RefusesLongBodies, &[Probe::LargeBody], Grade::B),
        finds(Wrong::RefusesOneAction, &[Probe::Actions, Probe::Variants], Grade::D),
        finds(Wrong::DemandsAnOptionalMember, &[Probe::Variants], Grade::C),
    );
    assert_eq!(ended(&warned, Outcome::Warned), [Probe::UnknownAction]);
    assert!(one.finding(Probe::Actions).unwrap().came.contains("NteChanged: 404"));
    assert!(optional.finding(Probe::Variants).unwrap().came.contains("Reopened: 400"));
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_receiver_answers_is_found() {
    let quick = Options { quick: Duration::from_secs(2), ..options() };
    let (_, _, _, _, _, _, warned) = join!(
        finds(Wrong::AnswersBeforeItReads, &[Probe::EarlyAnswer], Grade::C),
        finds(Wrong::HasNoPatienceWithBodies, &[Probe::SlowBody], Grade::B),
        finds(Wrong::TakesHalfABody, &[Probe::TruncatedBody], Grade::C),
        finds(Wrong::RefusesWhatHappenedBefore, &[Probe::Reordered], Grade::C),
        finds(Wrong::Closes, &[Probe::KeepAlive], Grade::B),
        finds_with(Wrong::TakesLong, &[Probe::Quick], Grade::C, quick),
        finds(Wrong::NeverContinues, &[], Grade::A),
    );
    assert_eq!(ended(&warned, Outcome::Warned), [Probe::Continue]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_makes_of_repeats_is_found_where_it_can_be_seen() {
    let (_, _, _, _, tells) = join!(
        finds(Wrong::RefusesRepeats, &[Probe::Duplicate], Grade::C),
        finds(Wrong::StumblesOverRepeatsAtOnce, &[Probe::DuplicateAtOnce], Grade::B),
        finds(Wrong::CountsRepeats, &[Probe::Dedupe], Grade::B),
        finds(Wrong::MakesSomethingNewOfRepeats, &[Probe::Dedupe], Grade::B),
        finds(Wrong::TellsRepeats, &[], Grade::A),
    );
    assert_eq!(tells.finding(Probe::Dedupe).unwrap().outcome, Outcome::Passed);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_breaks_under_load_or_at_a_bad_request_is_found() {
    let (_, breaks, crashes) = join!(
        finds(Wrong::HasFewConnections, &[Probe::Burst], Grade::C),
        finds(Wrong::BreaksAtABadRequest, &[Probe::Burst, Probe::Survives], Grade::D),
        finds(Wrong::CrashesInsteadOfRefusing, &[], Grade::A),
    );
    assert_eq!(ended(&breaks, Outcome::Warned).len(), BAD.len() - 1, "a 500 is no good refusal");
    assert_eq!(ended(&crashes, Outcome::Warned), BAD);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_accepted_nothing_else_is_judged() {
    for wrong in [Wrong::Redirects, Wrong::AnswersNonsense] {
        let report = finds(wrong, &[Probe::Accepts], Grade::F).await;
        assert_eq!(ended(&report, Outcome::Passed), [Probe::Reachable]);
    }
    let stranger = Identity::generate(now()).unwrap();
    let receiver = Receiver::start(Wrong::Nothing, &stranger, None);
    let report = check(&receiver.url(), identity(), options()).await;
    assert_eq!(ended(&report, Outcome::Failed), [Probe::Accepts]);
    assert!(report.finding(Probe::Accepts).unwrap().mend.contains("certificate"), "it trusts another key");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let report = check(&format!("http://{free}/"), &stranger, options()).await;
    assert_eq!(ended(&report, Outcome::Failed), [Probe::Reachable]);
    assert_eq!(ended(&report, Outcome::Passed), []);
    assert!(report.finding(Probe::Reachable).unwrap().came.contains("ConnectionRefused"));
}
