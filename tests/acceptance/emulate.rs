//! A configured endpoint is tried out: signed as live traffic is, logged, in no queue.

use serde_json::{Value, json};
use workbell_testkit::{Answer, Installation, Random, Receiver};

use crate::notification::{BRANCH, COMPANY, publish};

#[test]
fn a_sample_to_a_configured_endpoint_is_answered_at_once_and_logged() {
    let receiver = Receiver::answering(|request| {
        let test = request.header("Workbell-Mode") == "test";
        Answer::Status(if test { 418 } else { 200 })
    });
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let endpoint = platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let path = format!("/v1/companies/{COMPANY}/endpoints/{}/emulate", endpoint.id);

    let record = platform.post(&path, &json!({"Action": "NewWorkOrder", "Variant": "maximal"})).with(200);
    let sent = receiver.answered(1).pop().expect("a request");
    assert_eq!(
        (&record["Mode"], &record["Status"], &record["Attempt"]),
        (&json!("test"), &json!(418), &json!(1))
    );
    assert_eq!((&record["DeliveryId"], &record["NextAttemptAt"]), (&Value::Null, &Value::Null));
    assert_eq!(record["Body"].as_str().expect("a body").as_bytes(), sent.body);
    assert_eq!(record["MessageId"], sent.message_id());
    assert_eq!(record["RequestHeaders"]["Workbell-Mode"], "test");
    assert!(sent.headers().iter().all(|(name, _)| *name != "Workbell-Sequence"));
    assert_eq!(sent.json()["Header"]["BranchId"], BRANCH);
    // It is what the log has, under its own number and its MessageId.
    let no = &record["LogId"];
    assert_eq!(platform.get(&format!("/v1/log/{no}")).with(200), record);
    let found = platform.list(&format!("/v1/log?MessageId={}", sent.message_id()));
    assert_eq!(found.len(), 1);
    // Nothing waits, and what is published gets the first number.
    assert!(platform.list("/v1/deliveries?State=Pending").is_empty());
    publish(&platform, &mut Random::new(5), 4217);
    assert_eq!(receiver.answered(2)[1].sequence(), 1);
}

#[test]
fn an_own_action_sends_its_sample_and_the_command_shows_both_sides() {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let endpoint = platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    platform
        .post("/v1/actions", &json!({"Name": "InventoryLow", "Sample": {"Part": "T-4", "Left": 3}}))
        .with(201);
    let address = format!("http://{}", server.address());
    let words = ["emulate", "InventoryLow", "--endpoint", &endpoint.id, "--server", &address];
    let output = installation.run(&words);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{printed} {}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("> Event-Type: InventoryLow\n"), "{printed}");
    assert!(printed.contains("\n< 200"), "{printed}");
    let sent = receiver.answered(1).pop().expect("a request");
    assert_eq!((&sent.json()["Part"], &sent.json()["Left"]), (&json!("T-4"), &json!(3)));

    let output = installation.run(&[words.as_slice(), &["--json", "--branch", "7"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let problem: Value = serde_json::from_slice(&output.stdout).expect("a problem");
    assert_eq!(problem["Code"], "unknown_branch");
    assert_eq!(receiver.requests().len(), 1, "nothing was sent");
}
