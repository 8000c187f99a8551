//! Request and answer: side by side where there is room, one below the other where not, plain in a pipe.

use std::time::Duration;

use serde_json::{Map, Value, json};
use workbell_emulator::{Expected, Fault, Sent};

use crate::json::indented;
use crate::moment;
use crate::record::member;
use crate::screen::{Screen, Style, cut, fit, harmless};

/// Narrower terminals show the answer below the request.
const SIDE_BY_SIDE: usize = 100;

/// Lines of a body that a person is shown.
const MOST_LINES: usize = 40;

/// What is shown of one notification, whoever sent it.
pub(super) struct Shown {
    action: String,
    message_id: String,
    /// `200 OK`, or why there is no status.
    result: String,
    /// Whether the receiver did what it should.
    as_expected: bool,
    took: Duration,
    request_headers: Vec<(String, String)>,
    body: String,
    response_headers: Vec<(String, String)>,
    response_body: String,
}

impl Shown {
    /// Of what this machine sent.
    pub(super) fn of_sent(sent: &Sent, expected: Expected) -> Shown {
        let attempted = &sent.attempted;
        let request = attempted.request_headers.iter();
        Shown {
            action: sent.note.action.clone(),
            message_id: sent.note.message_id.to_string(),
            result: match &attempted.result {
                Ok(status) => status.to_string(),
                Err(failure) => format!("{}: {failure}", failure.name()),
            },
            as_expected: expected.is_met_by(sent),
            took: attempted.total,
            request_headers: request.map(|(name, value)| (name.to_string(), value.clone())).collect(),
            body: String::from_utf8_lossy(&sent.note.body).into_owned(),
            response_headers: attempted.response_headers.clone(),
            response_body: attempted.response_body.clone(),
        }
    }

    /// Of a record of the service's log.
    pub(super) fn of_record(record: &Value) -> Shown {
        let headers = |name: &str| -> Vec<(String, String)> {
            let members = record[name].as_object().into_iter().flatten();
            members
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect()
        };
        let status = record["Status"].as_u64();
        Shown {
            action: member(record, "Action"),
            message_id: member(record, "MessageId"),
            result: match status {
                Some(status) => status.to_string(),
                None => format!("{}: {}", member(record, "Error"), member(record, "Explanation")),
            },
            as_expected: status.is_some_and(|status| (200..300).contains(&status)),
            took: Duration::from_micros(record["Duration"].as_u64().unwrap_or(0)),
            request_headers: headers("RequestHeaders"),
            body: member(record, "Body"),
            response_headers: headers("ResponseHeaders"),
            response_body: member(record, "ResponseBody"),
        }
    }

    /// Whether the receiver did what it should.
    pub(super) fn is_as_expected(&self) -> bool {
        self.as_expected
    }

    fn request(&self) -> Vec<String> {
        let head = self.request_headers.iter().map(|(name, value)| format!("{name}: {value}"));
        let lines = head.chain([String::new()]).chain(lines(&self.body));
        lines.map(|line| harmless(&line)).collect()
    }

    fn answer(&self) -> Vec<String> {
        let head = self.response_headers.iter().map(|(name, value)| format!("{name}: {value}"));
        let head = [self.result.clone()].into_iter().chain(head);
        let lines = head.chain([String::new()]).chain(lines(&self.response_body));
        lines.map(|line| harmless(&line)).collect()
    }
}

/// For people.
pub(super) fn text(shown: &Shown, screen: &Screen) -> String {
    let style = if shown.as_expected { Style::Good } else { Style::Bad };
    let title = format!(
        "{}  {}  {}  {}",
        screen.paint(Style::Strong, &harmless(&shown.action)),
        harmless(&shown.message_id),
        screen.paint(style, &harmless(&shown.result)),
        moment::span(shown.took)
    );
    let (request, answer) = (shown.request(), shown.answer());
    let mut text = format!("{title}\n");
    if screen.is_terminal() && screen.width() >= SIDE_BY_SIDE {
        let half = (screen.width() - 3) / 2;
        for at in 0..request.len().max(answer.len()) {
            let side = |lines: &[String]| lines.get(at).map_or_else(String::new, |line| cut(line, half));
            text.push_str(format!("{} │ {}", fit(&side(&request), half), side(&answer)).trim_end());
            text.push('\n');
        }
    } else {
        let request = request.iter().map(|line| format!("> {line}"));
        for line in request.chain(answer.iter().map(|line| format!("< {line}"))) {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text.push('\n');
    text
}

/// A body line by line; JSON is indented.
fn lines(body: &str) -> Vec<String> {
    let is_json = serde_json::from_str::<Value>(body).is_ok();
    let shown = if is_json { indented(body) } else { body.to_owned() };
    let mut lines: Vec<String> = shown.lines().take(MOST_LINES).map(|line| cut(line, 400)).collect();
    let left = shown.lines().count() - lines.len();
    if left > 0 {
        lines.push(format!("… {left} more lines"));
    }
    lines
}

/// For programs: one line.
pub(super) fn json(sent: &Sent, fault: Option<Fault>) -> Value {
    let expected = Expected::of(fault);
    let attempted = &sent.attempted;
    let headers = |pairs: &mut dyn Iterator<Item = (String, String)>| {
        Value::Object(pairs.map(|(name, value)| (name, value.into())).collect::<Map<_, _>>())
    };
    let (status, error) = match &attempted.result {
        Ok(status) => (Some(status.as_u16()), None),
        Err(failure) => (None, Some((failure.name(), failure.to_string()))),
    };
    json!({
        "Action": sent.note.action,
        "MessageId": sent.note.message_id.to_string(),
        "Fault": fault.map(Fault::name),
        "Expected": expected.what(),
        "AsExpected": expected.is_met_by(sent),
        "RequestHeaders": headers(
            &mut attempted.request_headers.iter().map(|(name, value)| (name.to_string(), value.clone()))),
        "Body": String::from_utf8_lossy(&sent.note.body),
        "Status": status,
        "Error": error.as_ref().map(|(name, _)| *name),
        "Explanation": error.as_ref().map(|(_, text)| text),
        "ResponseHeaders": headers(&mut attempted.response_headers.iter().cloned()),
        "ResponseBody": attempted.response_body,
        "Duration": u64::try_from(attempted.total.as_millis()).unwrap_or(u64::MAX),
    })
}
