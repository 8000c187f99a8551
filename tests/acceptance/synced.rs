//! What is acknowledged is synced to the disk. A kill does not test that, for the system keeps what was written; so the
//! system calls are looked at.

use serde_json::json;
use workbell_testkit::{Answer, Gate, Installation, Random, Receiver, SystemCall, Tracer};

use crate::notification::{BRANCH, COMPANY, message};

/// Reads of requests, writes of answers, writes and syncs of the store.
const CALLS: &str =
    "read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync";

/// Publishes some notifications one after the other, and gives the calls between the last byte of each request and
/// the first byte of its answer.
fn calls_between_request_and_answer(installation: &Installation) -> Vec<Vec<SystemCall>> {
    let gate = Gate::closed();
    let closed = gate.clone();
    // The first delivery hangs and the others wait for it, so nothing but acceptances is written.
    let receiver = Receiver::answering(move |_| {
        closed.pass();
        Answer::Status(200)
    });
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let mut random = Random::new(50);
    platform.publish(message(&random.guid(), 42, "The first one").as_bytes()).with(202);
    receiver.wait("the first attempt", |requests| (!requests.is_empty()).then_some(()));

    let tracer = Tracer::watch(&server, CALLS);
    let ids: Vec<String> = (0..10).map(|_| random.guid()).collect();
    for id in &ids {
        platform.publish(message(id, 42, "Another one").as_bytes()).with(202);
    }
    // An answer can be here before strace has noted it. When the next one is, it surely has.
    platform.publish(message(&random.guid(), 42, "The last one").as_bytes()).with(202);
    let calls = tracer.detach();
    gate.open();
    let is_any = |call: &SystemCall, names: &[&str]| names.contains(&call.name.as_str());
    ids.iter()
        .map(|id| {
            let request = calls.iter().find(|call| {
                is_any(call, &["read", "readv", "recvfrom", "recvmsg"])
                    && call.arguments.contains(id.as_str())
            });
            let request = request.unwrap_or_else(|| panic!("strace saw no request {id}"));
            let answer = calls.iter().find(|call| {
                let sends = is_any(call, &["write", "writev", "sendto", "sendmsg"]);
                sends && call.began > request.ended && call.arguments.contains("HTTP/1.1 202")
            });
            let answer = answer.unwrap_or_else(|| panic!("strace saw no answer to {id}"));
            let between = |call: &&SystemCall| call.began > request.ended && call.ended < answer.began;
            calls.iter().filter(between).cloned().collect()
        })
        .collect()
}

/// The claim: the store's log was written, and a sync that began after that has succeeded.
fn is_synced(calls: &[SystemCall]) -> Result<(), &'static str> {
    let of_the_log = |call: &&SystemCall| call.arguments.contains("workbell.db-wal>");
    let log = || calls.iter().filter(of_the_log);
    let written = log().filter(|call| call.name.starts_with("pwrite")).map(|call| call.ended).max();
    let written = written.ok_or("nothing was written")?;
    let syncs = |call: &SystemCall| {
        matches!(call.name.as_str(), "fsync" | "fdatasync") && call.began > written && call.succeeded()
    };
    if log().any(syncs) { Ok(()) } else { Err("it was written and not synced") }
}

#[test]
fn a_notification_is_synced_to_the_disk_before_it_is_acknowledged() {
    for calls in calls_between_request_and_answer(&Installation::new()) {
        assert_eq!(is_synced(&calls), Ok(()), "{calls:#?}");
    }
}

#[test]
fn the_test_above_notices_when_nothing_is_synced() {
    let installation = Installation::new().set("database", "sqlite:?synchronous=off");
    for calls in calls_between_request_and_answer(&installation) {
        assert_eq!(is_synced(&calls), Err("it was written and not synced"), "{calls:#?}");
    }
}
