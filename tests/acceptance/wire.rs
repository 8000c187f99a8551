//! A receiver that records raw bytes sees exactly the documented request. Source: notifications.md sections 1 and 2.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use workbell_testkit::{Answer, Expectation, Installation, Random, Receiver, Recorded};
use workbell_wire::{Action, SampleContext, Timestamp, Variant, sample};

use crate::notification::{BRANCH, COMPANY, message, text};

/// The sample of the documentation as a platform publishes it: service.md section 4, with its line breaks.
const DOCUMENTED: &str = r#"{ "Header": { "WorkOrderId": 42, "BranchId": 492042, "Action": "Accepted",
              "Sender": { "Name": "Jon Snow", "Phone": "+12025550141", "Type": "CorrigoPro" },
              "ActionDate": "2018-09-04T10:12:08.1671613Z" },
  "Status": "Accepted" }"#;

/// The documented request, with what is another one each time taken from the request itself.
fn documented(request: &Recorded, path: &str, action: &str, sequence: u64, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\n\
         Connection: Keep-Alive\r\n\
         Content-Length: {length}\r\n\
         Content-Type: application/json; charset=utf-8\r\n\
         Authorization: {token}\r\n\
         Expect: 100-continue\r\n\
         Host: {host}\r\n\
         Event-Type: {action}\r\n\
         Webhook-Id: {id}\r\n\
         Webhook-Timestamp: {timestamp}\r\n\
         Webhook-Signature: {signature}\r\n\
         Workbell-Attempt: 1\r\n\
         Workbell-Sequence: {sequence}\r\n\
         Workbell-Mode: live\r\n\
         User-Agent: Workbell/{version}\r\n\
         \r\n\
         {body}",
        length = body.len(),
        token = request.header("Authorization"),
        host = request.header("Host"),
        id = request.message_id(),
        timestamp = request.header("Webhook-Timestamp"),
        signature = request.header("Webhook-Signature"),
        version = env!("CARGO_PKG_VERSION"),
    )
}

/// Checks the form of what [`documented`] takes as it is.
#[track_caller]
fn check_what_varies(request: &Recorded, host: &str) {
    let base64url = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let token = request.header("Authorization").strip_prefix("Bearer ").expect("it is a bearer token");
    let (data, signature) = token.split_once("<---->").expect("data and signature");
    assert!(base64url(data) && base64url(signature), "{token}");
    assert!(data.starts_with("H4sI"), "gzip by default: {token}");
    assert_eq!(request.header("Host"), host);
    assert!(request.header("Webhook-Timestamp").parse::<u64>().is_ok());
    assert_eq!(request.header("Webhook-Signature").len(), "v1,".len() + 44);
    assert!(request.header("Webhook-Signature").starts_with("v1,"));
    assert_eq!(request.json()["Header"]["MessageId"], request.message_id());
}

#[test]
fn the_sample_of_the_documentation_goes_out_as_documented() {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/hooks?key=a%20b"), json!({}));
    let answer = platform.publish(DOCUMENTED.as_bytes()).with(202);
    let id = text(&answer["MessageId"]);

    let requests = receiver.answered(1);
    let body = format!(
        r#"{{"Header":{{"WorkOrderId":42,"BranchId":492042,"Sender":{{ "Name": "Jon Snow", "Phone": "+12025550141", "Type": "CorrigoPro" }},"Action":"Accepted","ActionDate":"2018-09-04T10:12:08.1671613Z","ApiVersion":"1.1","MessageId":"{id}"}},"Status":"Accepted"}}"#
    );
    let expected = documented(&requests[0], "/hooks?key=a%20b", "Accepted", 1, &body);
    assert_eq!(requests[0].text(), expected);
    assert_eq!(requests[0].message_id(), id);
    check_what_varies(&requests[0], &receiver.address().to_string());
    assert!(!requests[0].came_unasked, "the body waits for 100 Continue");
}

#[test]
fn each_action_in_each_size_arrives_byte_for_byte() {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let mut random = Random::new(1);
    let now = "2018-09-04T10:12:08.1671613Z".parse::<Timestamp>().expect("a time");
    let mut published = BTreeMap::new();
    for action in Action::ALL {
        for variant in Variant::ALL {
            let id = random.guid();
            let message_id = id.parse().expect("a GUID");
            // An order of its own for each, so that none waits for another.
            let work_order = 1000 + i64::try_from(published.len()).expect("a small number");
            let text = sample(action, variant, &SampleContext::new(work_order, BRANCH, message_id, now));
            // It is in the form that is sent: compact, the seven members in their order, no reserved member.
            let body = String::from_utf8(text.clone()).expect("a sample is text");
            let answer = platform.publish(&text);
            assert_eq!(answer.status, 202, "{} {}: {}", action.name(), variant.name(), answer.text());
            published.insert(id, (action, body));
        }
    }
    assert_eq!(published.len(), 28 * 3);

    let requests = receiver.answered(published.len());
    assert_eq!(requests.len(), published.len());
    for request in &requests {
        let (action, body) = &published[request.message_id()];
        // Those three are about no work order and share one lane.
        let sequence = match action {
            Action::AdditionalFieldDescriptorUpdated => request.sequence(),
            _ => 1,
        };
        assert_eq!(request.text(), documented(request, "/in", action.name(), sequence, body));
        check_what_varies(request, &receiver.address().to_string());
    }
}

#[test]
fn what_was_published_survives_byte_for_byte() {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let published = "\n{ \"Amount\" : 1.10 ,\t\"Header\": {\"X-Unknown\" : [ 1 , {\"a\":1e2} ],\r\n\
        \"MessageId\":\"0F8FAD5B-D9CB-469F-A165-70867728950E\", \"Action\":\"NteChanged\",\
        \"ActionDate\":\"2018-09-04T10:12:08.1671613Z\",\"BranchId\":492042,\"WorkOrderId\" : 42 ,\
        \"Sender\":{\"Name\":\"Ar\\u0079a \\/ Stark\", \"Phone\":null,\"Type\":\"Customer\"}},\
        \"Comment\":null, \"Unknown\" : { \"Amount\" : 1.10, \"z\" : [ ], \"a\":-0.0 , \"t\":\"2018-09-04T10:12:08.1671613Z\"},\
        \"Gr\\u00fc\\u00dfe\":\"\\ud83d\\udd27 \u{1f527}\", \"Big\":123456789012345678901234567890.000 }\n";
    let expected = "{\"Header\":{\"WorkOrderId\":42,\"BranchId\":492042,\
        \"Sender\":{\"Name\":\"Ar\\u0079a \\/ Stark\", \"Phone\":null,\"Type\":\"Customer\"},\
        \"Action\":\"NteChanged\",\"ActionDate\":\"2018-09-04T10:12:08.1671613Z\",\"ApiVersion\":\"1.1\",\
        \"MessageId\":\"0f8fad5b-d9cb-469f-a165-70867728950e\",\"X-Unknown\":[ 1 , {\"a\":1e2} ]},\
        \"Amount\":1.10,\"Comment\":null,\
        \"Unknown\":{ \"Amount\" : 1.10, \"z\" : [ ], \"a\":-0.0 , \"t\":\"2018-09-04T10:12:08.1671613Z\"},\
        \"Grüße\":\"\\ud83d\\udd27 \u{1f527}\",\"Big\":123456789012345678901234567890.000}";
    platform.publish(published.as_bytes()).with(202);
    let requests = receiver.answered(1);
    assert_eq!(String::from_utf8_lossy(&requests[0].body), expected);
}

#[test]
fn a_receiver_that_never_says_continue_gets_the_body_after_a_third_of_a_second() {
    let receiver = Receiver::with(Expectation::Silence, |_| Answer::Status(204));
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({}));
    let id = Random::new(2).guid();
    let answer = platform.publish(message(&id, 42, "Hello").as_bytes()).with(202);
    let requests = receiver.answered(1);
    // 350 ms are what the contract allows at most; how long the head took to get here is not ours to know.
    let waited = requests[0].body_after;
    assert!(waited > Duration::from_millis(250), "the body came after {waited:?}");
    let delivery = text(&answer["Deliveries"][0]);
    workbell_testkit::wait_for("the delivery", || {
        (platform.delivery(&delivery)["State"] == "Delivered").then_some(())
    });
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn an_endpoint_can_do_without_expect_and_signature_and_has_its_own_headers() {
    let receiver = Receiver::start();
    let installation = Installation::new();
    let server = installation.start();
    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let members =
        json!({"ExpectContinue": false, "Signature": "None", "Headers": {"x-tenant-id": "Seven Kingdoms"}});
    platform.create_endpoint(COMPANY, &receiver.url("/in"), members);
    platform.publish(DOCUMENTED.as_bytes()).with(202);
    let requests = receiver.answered(1);
    let names: Vec<&str> = requests[0].headers().iter().map(|(name, _)| *name).collect();
    let expected = [
        "Connection",
        "Content-Length",
        "Content-Type",
        "Authorization",
        "Host",
        "Event-Type",
        "Workbell-Attempt",
        "Workbell-Sequence",
        "Workbell-Mode",
        "User-Agent",
        "X-Tenant-Id",
    ];
    assert_eq!(names, expected);
    assert_eq!(requests[0].header("X-Tenant-Id"), "Seven Kingdoms");
}
