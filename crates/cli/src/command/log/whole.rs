//! One record of the communication log, whole: what was asked, what came back, how long it took.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::record::{Record, member, shown};
use crate::screen::{Screen, Style, harmless};
use crate::{json, moment};

const ORDER: &[&str] = &[
    "LogId",
    "Direction",
    "Start",
    "Duration",
    "ConnectTime",
    "FirstByteTime",
    "CompanyId",
    "BranchId",
    "WorkOrderId",
    "WorkOrderNumber",
    "Customer",
    "Action",
    "MessageId",
    "EndpointId",
    "DeliveryId",
    "Attempt",
    "Mode",
    "Url",
    "Address",
    "Tls",
    "Reconnected",
    "Status",
    "Error",
    "Explanation",
    "NextAttemptAt",
];

/// Members in microseconds.
const TIMES: &[&str] = &["Duration", "ConnectTime", "FirstByteTime"];

/// Members that get a part of their own.
const PARTS: &[&str] = &["RequestHeaders", "Body", "ResponseHeaders", "ResponseBody"];

/// The headers of a record, in the order in which they were sent.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Sent {
    request_headers: Headers,
    response_headers: Headers,
}

#[derive(Debug, Default)]
struct Headers(Vec<(String, Value)>);

impl<'de> serde::Deserialize<'de> for Headers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> serde::de::Visitor<'de> for InOrder {
            type Value = Headers;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("headers")
            }

            fn visit_unit<E>(self) -> Result<Headers, E> {
                Ok(Headers::default())
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut headers = Vec::new();
                while let Some(header) = map.next_entry()? {
                    headers.push(header);
                }
                Ok(Headers(headers))
            }
        }
        deserializer.deserialize_any(InOrder)
    }
}

/// The record as text.
pub(crate) fn render(record: &Value, sent: &Sent, screen: &Screen) -> String {
    let mut lines = Record::default();
    let others = record.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
    for name in ORDER.iter().copied().chain(others.filter(|name| !ORDER.contains(name))) {
        match record.get(name) {
            None => {}
            Some(_) if PARTS.contains(&name) => {}
            Some(Value::Number(micros)) if TIMES.contains(&name) => {
                lines.line(name, moment::span(Duration::from_micros(micros.as_u64().unwrap_or(0))));
            }
            Some(Value::String(error)) if name == "Error" => {
                lines.styled(name, error.as_str(), Style::Warning);
            }
            Some(value) => lines.line(name, shown(value)),
        }
    }
    let mut text = lines.render(screen);
    let _ = write!(text, "\n{}\n", screen.paint(Style::Heading, "Request"));
    headers(&mut text, &sent.request_headers, screen);
    body(&mut text, record.get("Body"));
    let _ = write!(text, "\n{}\n", screen.paint(Style::Heading, "Answer"));
    if record.get("Status").is_some_and(Value::is_number) {
        let _ = writeln!(text, "{}", member(record, "Status"));
        headers(&mut text, &sent.response_headers, screen);
        body(&mut text, record.get("ResponseBody"));
    } else {
        text.push_str("none\n");
    }
    text
}

fn headers(text: &mut String, headers: &Headers, screen: &Screen) {
    for (name, value) in &headers.0 {
        let name = screen.paint(Style::Faint, &format!("{}:", harmless(name)));
        let _ = writeln!(text, "{name} {}", harmless(&shown(value)));
    }
}

/// A body: JSON indented, anything else with its line feeds and nothing that steers the terminal.
fn body(text: &mut String, value: Option<&Value>) {
    let body = match value {
        None | Some(Value::Null) => return,
        Some(Value::String(body)) if body.is_empty() => return,
        Some(Value::String(body)) => body.clone(),
        Some(other) => other.to_string(),
    };
    let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&body).is_ok();
    let body = if is_json { json::indented(&body) } else { body };
    text.push('\n');
    for line in body.lines() {
        let _ = writeln!(text, "{}", harmless(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(record: &str) -> String {
        let sent = serde_json::from_str(record).unwrap();
        render(&serde_json::from_str(record).unwrap(), &sent, &Screen::pipe())
    }

    #[test]
    fn no_member_is_shown_twice() {
        let members = ORDER.iter().map(|name| format!("\"{name}\": \"1\"")).collect::<Vec<_>>().join(",");
        let text = rendered(&format!("{{{members}}}"));
        for name in ORDER {
            assert_eq!(
                text.lines().filter(|line| line.starts_with(&format!("{name} "))).count(),
                1,
                "{name}"
            );
        }
    }

    #[test]
    fn a_record_shows_both_sides_and_what_came_back_cannot_steer_the_terminal() {
        let record = r#"{
            "LogId": "7", "Duration": 1500, "Status": 500, "Error": "Status", "Extra": 1,
            "RequestHeaders": { "Host": "127.0.0.1:9", "Authorization": "Bearer ***" },
            "Body": "{\"Header\":{},\"Status\":\"Accepted\"}",
            "ResponseHeaders": { "server": "x" }, "ResponseBody": "oh\u001b[2J\nno"
        }"#;
        assert_eq!(
            rendered(record),
            "LogId     7\nDuration  1.5 ms\nStatus    500\nError     Status\nExtra     1\n\n\
             Request\nHost: 127.0.0.1:9\nAuthorization: Bearer ***\n\n\
             {\n  \"Header\": {},\n  \"Status\": \"Accepted\"\n}\n\n\
             Answer\n500\nserver: x\n\noh\u{fffd}[2J\nno\n"
        );
    }

    #[test]
    fn an_attempt_without_answer_says_so() {
        assert_eq!(
            rendered(r#"{ "LogId": "8", "Status": null, "Error": "Timeout", "ResponseHeaders": null }"#),
            "LogId   8\nStatus  -\nError   Timeout\n\nRequest\n\nAnswer\nnone\n"
        );
    }
}
