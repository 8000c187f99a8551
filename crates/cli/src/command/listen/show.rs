//! One notification on the screen: when, what, which work order and place in it, whether it is genuine, what was
//! answered.

use bytes::Bytes;
use hyper::HeaderMap;
use serde_json::{Map, Value, json};
use workbell_receiver::Place;

use super::arrival::Arrival;
use super::forward::Forwarded;
use super::trust::Verdict;
use crate::json::indented;
use crate::moment;
use crate::screen::{Screen, Style, fit, harmless};

/// The longest name of the 28 actions that is not cut.
const ACTION_WIDTH: usize = 22;

/// Characters of an answer's body that a person is shown.
const MOST_OF_ANSWER: usize = 200;

/// For people: one line, and with `body` what it holds.
pub(super) fn text(
    arrival: &Arrival,
    place: &Place,
    verdict: &Verdict,
    body: bool,
    screen: &Screen,
) -> String {
    let told = arrival.told();
    let action =
        if told.action.is_empty() { arrival.header("event-type").unwrap_or("?") } else { &told.action };
    let (word, style) = match verdict {
        Verdict::Verified => ("verified", Style::Good),
        Verdict::TokenOnly => ("token verified", Style::Good),
        Verdict::NotJudged(_) => ("not judged", Style::Warning),
        Verdict::Refused { .. } => ("refused", Style::Bad),
    };
    let why = verdict.reason().map(|why| format!("  {why}")).unwrap_or_default();
    let mode = arrival.header("workbell-mode").filter(|mode| *mode != "live");
    let mode = mode.map(|mode| format!("  ({mode})")).unwrap_or_default();
    // What is about the company as a whole carries 0.
    let work_order = match told.work_order_id {
        0 => "no work order".to_owned(),
        id => format!("work order {id}"),
    };
    let mut text = format!(
        "{}  {}  {}  {}  {}{}{}\n",
        moment::short(&moment::now().to_string()),
        screen.paint(Style::Strong, &fit(&harmless(action), ACTION_WIDTH)),
        work_order,
        harmless(&order(arrival, place)),
        screen.paint(style, word),
        harmless(&why),
        harmless(&mode),
    );
    if body {
        let shown = std::str::from_utf8(&arrival.body).map_or_else(|_| String::new(), indented);
        for line in shown.lines() {
            text.push_str(&format!("    {}\n", harmless(line)));
        }
    }
    text
}

fn order(arrival: &Arrival, place: &Place) -> String {
    let number = arrival.sequence().map_or_else(|| "no number".to_owned(), |number| format!("#{number}"));
    match place {
        Place::Unnumbered | Place::First | Place::Next => number,
        Place::Gap { from, to } if from == to => format!("{number}, {from} is missing"),
        Place::Gap { from, to } => format!("{number}, {from} to {to} are missing"),
        Place::Late => format!("{number}, late"),
        Place::Earlier { highest } => format!("{number} again or late, {highest} came before"),
    }
}

/// What the developer's program answered.
pub(super) fn answer(forwarded: &Forwarded, screen: &Screen) -> String {
    match forwarded {
        Forwarded::Answered { status, body, took, .. } => {
            let style = if status.is_success() { Style::Good } else { Style::Bad };
            let body: String = String::from_utf8_lossy(body).chars().take(MOST_OF_ANSWER).collect();
            let body = harmless(body.trim());
            let body = if body.is_empty() { body } else { format!("  {body}") };
            let took = moment::span(*took);
            format!("{}  {} in {took}{body}\n", " ".repeat(18), screen.paint(style, &format!("→ {status}")))
        }
        Forwarded::NotReached(why) | Forwarded::NoAnswer(why) => {
            format!("{}  {}\n", " ".repeat(18), screen.paint(Style::Bad, &format!("→ {}", harmless(why))))
        }
    }
}

/// For programs: one line.
pub(super) fn json(
    arrival: &Arrival,
    place: &Place,
    verdict: &Verdict,
    forwarded: Option<&Forwarded>,
) -> String {
    let told = arrival.told();
    let missing = match place {
        Place::Gap { from, to } => json!([from, to]),
        Place::Unnumbered | Place::First | Place::Next | Place::Late | Place::Earlier { .. } => Value::Null,
    };
    let line = json!({
        "Time": moment::now().to_string(),
        "Action": told.action,
        "MessageId": told.message_id,
        "WorkOrderId": told.work_order_id,
        "Sequence": arrival.sequence(),
        "Missing": missing,
        "Verdict": verdict.name(),
        "Reason": verdict.reason(),
        "Headers": headers(&arrival.headers),
        "Body": String::from_utf8_lossy(&arrival.body),
        "Forwarded": forwarded.map(forwarded_json),
    });
    format!("{line}\n")
}

fn forwarded_json(forwarded: &Forwarded) -> Value {
    let text = |body: &Bytes| String::from_utf8_lossy(body).into_owned();
    match forwarded {
        Forwarded::Answered { status, headers: answered, body, took } => json!({
            "Status": status.as_u16(),
            "Headers": headers(answered),
            "Body": text(body),
            "Duration": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }),
        Forwarded::NotReached(why) | Forwarded::NoAnswer(why) => json!({ "Error": why }),
    }
}

fn headers(headers: &HeaderMap) -> Value {
    let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).into_owned());
    let pairs = headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes())));
    Value::Object(pairs.collect::<Map<_, _>>())
}
