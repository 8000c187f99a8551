//! What the emulator sends, seen at the receiver's socket.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use workbell_emulator::{Fault, HUGE, Identity, Note, Random, Scenario, Sender, SenderOptions, Sent, sample};
use workbell_model::work_order::{Act, Completion, Status, decide};
use workbell_testkit::{Receiver, Recorded};
use workbell_wire::certificate::Certificate;
use workbell_wire::token::{self, Check, Expect};
use workbell_wire::webhook_signature::{self, Headers};
use workbell_wire::{Action, Publication, Timestamp, Variant};

fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

fn identity() -> Identity {
    Identity::generate(now()).unwrap()
}

async fn play(url: &str, who: &Identity, notes: &[Note], fault: Option<Fault>) -> Vec<Sent> {
    let options = SenderOptions { slow_for: Duration::from_millis(400), ..SenderOptions::default() };
    let sender = Sender::new(url, who, options).unwrap();
    sender.play(notes, fault, &mut Random::new(7), now).await.unwrap()
}

fn accepted() -> Note {
    sample(Action::Accepted, Variant::Typical, 492_042, &mut Random::new(1), now())
}

/// The check that fails first, if one does.
fn failed(request: &Recorded, who: &Identity, origin: &str) -> Option<Check> {
    let pem = who.ring(token::DEFAULT_AUDIENCE).unwrap().certificates_pem(now());
    let certificates = Certificate::read_bundle(&pem).unwrap();
    let expect = Expect {
        audience: Some(token::DEFAULT_AUDIENCE),
        endpoint: Some(&who.endpoint_id),
        destination: Some(origin),
        ..Expect::at(now())
    };
    let bearer = token::bearer(request.header("Authorization")).unwrap();
    token::verify(bearer, &certificates, &expect).failure().map(|(check, _)| check)
}

fn body_fits(request: &Recorded, who: &Identity) -> bool {
    let headers = Headers {
        id: request.header("Webhook-Id"),
        timestamp: request.header("Webhook-Timestamp"),
        signature: request.header("Webhook-Signature"),
    };
    let secrets = [who.secret.clone()];
    webhook_signature::verify(&headers, &request.body, &secrets, now(), webhook_signature::TOLERANCE).is_ok()
}

/// What a recording receiver got of one note with this fault.
async fn received(fault: Fault) -> (Vec<Recorded>, Identity, String) {
    let (receiver, who) = (Receiver::start(), identity());
    play(&receiver.url("/hooks"), &who, &[accepted()], Some(fault)).await;
    let origin = format!("http://{}", receiver.address());
    (receiver.requests(), who, origin)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_the_28_actions_in_each_variant_is_verified_and_keeps_to_the_contract() {
    let (receiver, who) = (Receiver::start(), identity());
    let mut random = Random::new(3);
    let pairs = Action::ALL.into_iter().flat_map(|action| Variant::ALL.map(|variant| (action, variant)));
    let notes: Vec<Note> =
        pairs.map(|(action, variant)| sample(action, variant, 492_042, &mut random, now())).collect();
    let sent = play(&receiver.url("/hooks"), &who, &notes, None).await;
    assert!(sent.iter().all(Sent::is_success));
    let requests = receiver.requests();
    assert_eq!(requests.len(), 84);
    let origin = format!("http://{}", receiver.address());
    for (request, note) in requests.iter().zip(&notes) {
        assert_eq!(failed(request, &who, &origin), None, "{}", note.action);
        assert!(body_fits(request, &who));
        assert_eq!(request.body, note.body);
        assert_eq!(request.header("Event-Type"), note.action);
        assert_eq!(request.header("Workbell-Mode"), "test");
        let names: Vec<&str> = request.headers().iter().map(|(name, _)| *name).collect();
        let expected = [
            "Connection",
            "Content-Length",
            "Content-Type",
            "Authorization",
            "Expect",
            "Host",
            "Event-Type",
            "Webhook-Id",
            "Webhook-Timestamp",
            "Webhook-Signature",
            "Workbell-Attempt",
            "Workbell-Mode",
            "User-Agent",
        ];
        assert_eq!(names, expected);
        // Schema of the action, by the reader of publications; company-wide ones need the reserved member.
        let text = request.body.strip_suffix(b"}").unwrap();
        Publication::parse(&[text, b",\"CompanyId\":\"c\"}"].concat()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bad_token_fails_the_check_that_it_is_for() {
    for (fault, check) in [
        (Fault::ExpiredToken, Check::Expired),
        (Fault::WrongAudience, Check::Audience),
        (Fault::ForeignEndpoint, Check::Endpoint),
        (Fault::AccessToken, Check::Signature),
        (Fault::BadSignature, Check::Signature),
    ] {
        let (requests, who, origin) = received(fault).await;
        assert_eq!(requests.len(), 1);
        assert_eq!(failed(&requests[0], &who, &origin), Some(check), "{}", fault.name());
        assert!(body_fits(&requests[0], &who), "only the token is bad");
    }
    let (requests, ..) = received(Fault::AccessToken).await;
    let parsed = token::read(token::bearer(requests[0].header("Authorization")).unwrap()).unwrap();
    assert_eq!(parsed.claim(token::USE_CLAIM), Some(token::ACCESS_USE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_comes_twice_and_what_is_reordered_comes_with_the_later_one_first() {
    let (requests, ..) = received(Fault::Duplicate).await;
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].message_id(), requests[1].message_id());
    assert_eq!(requests[0].body, requests[1].body);
    let (requests, ..) = received(Fault::Reordered).await;
    assert_eq!(requests.len(), 2);
    let date = |request: &Recorded| request.json()["Header"]["ActionDate"].as_str().unwrap().to_owned();
    assert!(date(&requests[0]) > date(&requests[1]));
    assert_eq!(requests[0].work_order(), requests[1].work_order());
    assert_ne!(requests[0].message_id(), requests[1].message_id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tampered_body_has_a_good_token_and_a_signature_that_does_not_fit() {
    let (requests, who, origin) = received(Fault::TamperedBody).await;
    assert_eq!(failed(&requests[0], &who, &origin), None);
    assert!(!body_fits(&requests[0], &who));
    assert!(requests[0].json().is_object(), "it is still JSON");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_with_what_is_new_empty_or_huge_are_signed_as_they_are() {
    for fault in [Fault::UnknownAction, Fault::UnknownMember, Fault::NullMembers, Fault::HugeBody] {
        let (requests, who, origin) = received(fault).await;
        let request = &requests[0];
        assert_eq!(failed(request, &who, &origin), None, "{}", fault.name());
        assert!(body_fits(request, &who), "{}", fault.name());
        let body = request.json();
        match fault {
            Fault::UnknownAction => {
                assert_eq!(request.header("Event-Type"), "SomethingNew");
                assert_eq!(body["Header"]["Action"], "SomethingNew");
            }
            Fault::UnknownMember => {
                assert!(body["AddedLater"].is_object() && body["Header"]["AddedLater"] == true);
            }
            Fault::HugeBody => assert_eq!(request.body.len(), HUGE),
            _ => {}
        }
    }
    let (receiver, who) = (Receiver::start(), identity());
    let minimal = sample(Action::CheckedIn, Variant::Minimal, 492_042, &mut Random::new(1), now());
    play(&receiver.url("/"), &who, &[minimal], Some(Fault::NullMembers)).await;
    let body = receiver.requests()[0].json();
    assert!(body.get("Location").is_some_and(serde_json::Value::is_null), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_expect_the_body_comes_at_once() {
    let (requests, ..) = received(Fault::NoExpect).await;
    assert!(requests[0].headers().iter().all(|(name, _)| *name != "Expect"));
}

/// Reads one request from a raw socket, saying `100` to its head: head, pieces of the body.
fn raw(listener: TcpListener, length: usize) -> std::thread::JoinHandle<(String, Vec<usize>)> {
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(45))).unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap();
        let (mut pieces, mut buffer) = (Vec::new(), vec![0; 65_536]);
        while pieces.iter().sum::<usize>() < length {
            match stream.read(&mut buffer).unwrap() {
                0 => break,
                count => pieces.push(count),
            }
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        (String::from_utf8(head).unwrap(), pieces)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_body_ends_in_the_middle_and_a_slow_one_comes_whole_in_many_pieces() {
    let note = accepted();
    for fault in [Fault::TruncatedBody, Fault::SlowBody] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let reader = raw(listener, note.body.len());
        let sent = play(&url, &identity(), std::slice::from_ref(&note), Some(fault)).await;
        let (head, pieces) = reader.join().unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", note.body.len())), "{head}");
        let got: usize = pieces.iter().sum();
        if fault == Fault::TruncatedBody {
            assert_eq!(got, note.body.len() / 2);
            assert!(sent[0].attempted.result.is_err());
        } else {
            assert_eq!(got, note.body.len());
            assert!(pieces.len() > 1, "{pieces:?}");
            assert!(sent[0].is_success());
            assert!(sent[0].attempted.total >= Duration::from_millis(400));
        }
    }
}

/// The state after an action, as the table of the life cycle says; `None` when it is not allowed there.
fn after(status: Status, action: Action) -> Option<Status> {
    let act = match (status, action) {
        // Somebody gave the details at the desktop, which tells it as the check out that it completes.
        (Status::NeedsCompletionDetails, Action::CheckedOut) => Act::WorkDoneDetails,
        // The invoice is submitted: the table has no rule for it, but a life has.
        (status, Action::CompletionInfoChanged)
            if !matches!(status, Status::CheckedOut | Status::Verified) =>
        {
            return None;
        }
        _ => Act::of_action(action)?,
    };
    let lacking = action == Action::NeedsCompletionDetails;
    let completion = if lacking { Completion::Lacking } else { Completion::Full };
    decide(status, act, completion).ok().map(|change| change.status)
}

#[test]
fn each_scenario_keeps_to_the_table_of_states_and_its_ids_people_and_times_agree() {
    for scenario in Scenario::ALL {
        for seed in 0..8 {
            let first: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
            let notes = scenario.notes(492_042, &mut Random::new(seed), first);
            assert_eq!(
                notes,
                scenario.notes(492_042, &mut Random::new(seed), first),
                "same seed, same bytes"
            );
            assert_eq!(notes[0].action, "NewWorkOrder");
            let arrival: serde_json::Value = serde_json::from_slice(&notes[0].body).unwrap();
            let order = &arrival["Header"]["WorkOrderId"];
            assert_eq!(order, &arrival["Details"]["WorkOrderId"]);
            let contact = &arrival["Details"]["Contact"]["FullName"];
            let (mut state, mut last) = (Status::New, first);
            for note in &notes[1..] {
                let what = format!("{} {} in {state}", scenario.name(), note.action);
                let body: serde_json::Value = serde_json::from_slice(&note.body).unwrap();
                assert_eq!(&body["Header"]["WorkOrderId"], order, "{what}");
                if body["Header"]["Sender"]["Type"] == "Customer" {
                    assert_eq!(&body["Header"]["Sender"]["Name"], contact, "{what}");
                }
                assert!(note.at > last, "{what}");
                last = note.at;
                let action = Action::from_name(&note.action).unwrap_or_else(|| panic!("{what}"));
                state = after(state, action).unwrap_or_else(|| panic!("{what}"));
                if let Some(told) = body["Status"].as_str()
                    && !matches!(action, Action::InvoiceStatusChanged | Action::IsmStatusChanged)
                {
                    assert_eq!(told, state.name(), "{what}");
                }
            }
            let ids: std::collections::HashSet<_> = notes.iter().map(|note| note.message_id).collect();
            assert_eq!(ids.len(), notes.len());
        }
    }
}
