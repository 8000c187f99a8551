//! The company that all tests notify, and what they notify it of.

use serde_json::Value;
use workbell_testkit::{Platform, Random, Reply};

/// The company.
pub(crate) const COMPANY: &str = "acme";

/// Its branch, the one of the documentation.
pub(crate) const BRANCH: i64 = 492_042;

/// A message about a work order, as a platform publishes it.
pub(crate) fn message(message_id: &str, work_order: i64, text: &str) -> String {
    format!(
        r#"{{"Header":{{"WorkOrderId":{work_order},"BranchId":{BRANCH},"Action":"MessageSent","Sender":{{"Name":"Jon Snow","Type":"CorrigoPro"}},"ActionDate":"2018-09-04T10:12:08.1671613Z","MessageId":"{message_id}"}},"Text":"{text}"}}"#
    )
}

/// Publishes a message and gives its id and the id of its only delivery.
#[track_caller]
pub(crate) fn publish(platform: &Platform, random: &mut Random, work_order: i64) -> (String, String) {
    let message_id = random.guid();
    let answer = platform.publish(message(&message_id, work_order, "Hello").as_bytes()).with(202);
    assert_eq!(answer["MessageId"], message_id);
    let deliveries = answer["Deliveries"].as_array().expect("an answer has deliveries");
    assert_eq!(deliveries.len(), 1, "{answer}");
    (message_id, text(&deliveries[0]))
}

/// A JSON text.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Waits until nothing of the company is undelivered.
#[track_caller]
pub(crate) fn all_settled(platform: &Platform) {
    for state in ["Pending", "Retrying"] {
        let path = format!("/v1/deliveries?CompanyId={COMPANY}&State={state}&Limit=1");
        let none = |reply: Reply| reply.with(200)["Items"].as_array().is_some_and(Vec::is_empty);
        workbell_testkit::wait_for("all deliveries to be settled", || {
            none(platform.get(&path)).then_some(())
        });
    }
}
