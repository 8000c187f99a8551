//! Request and answer: side by side where there is room, one below the other where not, plain in a pipe.

use serde_json::{Map, Value, json};
use workbell_emulator::{Fault, Sent};

use crate::json::indented;
use crate::moment;
use crate::screen::{Screen, Style, cut, fit, harmless};

/// Narrower terminals show the answer below the request.
const SIDE_BY_SIDE: usize = 100;

/// Lines of a body that a person is shown.
const MOST_LINES: usize = 40;

/// For people.
pub(super) fn text(sent: &Sent, screen: &Screen) -> String {
    let (style, result) = match &sent.attempted.result {
        Ok(status) if status.is_success() => (Style::Good, status.to_string()),
        Ok(status) => (Style::Bad, status.to_string()),
        Err(failure) => (Style::Bad, format!("{}: {failure}", failure.name())),
    };
    let title = format!(
        "{}  {}  {}  {}",
        screen.paint(Style::Strong, &sent.note.action),
        sent.note.message_id,
        screen.paint(style, &result),
        moment::span(sent.attempted.total)
    );
    let (request, answer) = (request(sent), answer(sent, &result));
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

fn request(sent: &Sent) -> Vec<String> {
    let head = sent.attempted.request_headers.iter().map(|(name, value)| format!("{name}: {value}"));
    head.chain([String::new()]).chain(lines(&String::from_utf8_lossy(&sent.note.body))).collect()
}

fn answer(sent: &Sent, result: &str) -> Vec<String> {
    let head = sent.attempted.response_headers.iter().map(|(name, value)| format!("{name}: {value}"));
    let head = [result.to_owned()].into_iter().chain(head);
    let body = lines(&sent.attempted.response_body);
    head.chain([String::new()]).chain(body).map(|line| harmless(&line)).collect()
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
