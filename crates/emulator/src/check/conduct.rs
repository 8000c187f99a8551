//! How the endpoint answers: in time, once it has read, to repeats, in bulk.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use workbell_egress::Failure;
use workbell_wire::{Action, Variant};

use super::trial::{Trial, Verdict, accepted, result};
use crate::fault::earlier;
use crate::letter::{Letter, Travel};
use crate::sender::{Error, Sent};

/// Notifications of the probe `burst`.
const BURST: usize = 32;

/// Answers that take longer than this share of the limit are warned of.
const LEISURELY: u32 = 5;

impl Trial {
    pub(super) fn quick(&self) -> Verdict {
        let Some((took, action)) = &self.slowest else { return Verdict::not_judged("there was no answer") };
        let came = format!("the slowest answer took {took:.1?}, to {action}");
        if *took > self.options.quick {
            Verdict::failed(format!("{came}; more than {:.1?} is too long", self.options.quick))
        } else if *took > (self.options.quick / LEISURELY).max(Duration::from_millis(500)) {
            Verdict::warned(came)
        } else {
            Verdict::passed(came)
        }
    }

    pub(super) async fn early_answer(&mut self) -> Result<Verdict, Error> {
        let note = self.note(Action::NewWorkOrder, Variant::Typical);
        let letter = Letter { travel: Travel::Slow, expect: false, ..Letter::GOOD };
        let sent = self.post(note, letter).await?;
        let verdict = match &sent.attempted.result {
            Err(failure) if is_early(failure) => Verdict::failed(result(&sent)),
            Ok(_) => Verdict::passed(format!("{}, after the last byte", result(&sent))),
            Err(_) => Verdict::not_judged(result(&sent)),
        };
        self.in_pieces = Some(sent);
        Ok(verdict)
    }

    pub(super) fn slow_body(&self) -> Verdict {
        match &self.in_pieces {
            None => Verdict::not_judged("nothing was sent"),
            Some(sent) if sent.attempted.result.as_ref().is_err_and(is_early) => {
                Verdict::not_judged("it was answered before it was there")
            }
            Some(sent) => accepted(sent),
        }
    }

    pub(super) async fn duplicate(&mut self) -> Result<Verdict, Error> {
        let note = self.ordinary();
        let once = self.post(note.clone(), Letter::GOOD).await?;
        let again = self.post(note, Letter::GOOD).await?;
        let fresh = self.ordinary();
        let other = self.post(fresh, Letter::GOOD).await?;
        let came = format!("{}, then {}", result(&once), result(&again));
        let both = once.is_success() && again.is_success();
        self.repeats = vec![once, again, other];
        Ok(if both { Verdict::passed(came) } else { Verdict::failed(came) })
    }

    pub(super) async fn duplicate_at_once(&mut self) -> Result<Verdict, Error> {
        if !self.repeats.iter().all(Sent::is_success) {
            return Ok(Verdict::not_judged("a repeat is not accepted when it comes alone either"));
        }
        let note = self.ordinary();
        let sent = self.at_once(vec![note; 4]).await?;
        Ok(several(&sent))
    }

    pub(super) fn dedupe(&self) -> Verdict {
        match self.repeats.as_slice() {
            [once, again, other] if self.repeats.iter().all(Sent::is_success) => compared(once, again, other),
            _ => Verdict::not_judged("a repeat is not accepted"),
        }
    }

    pub(super) async fn reordered(&mut self) -> Result<Verdict, Error> {
        let later = self.note(Action::CheckedOut, Variant::Typical);
        let id = self.message_id();
        let before = earlier(&later, id);
        let mut sent = vec![self.post(later, Letter::GOOD).await?];
        if let Some(before) = before {
            sent.push(self.post(before, Letter::GOOD).await?);
        }
        Ok(several(&sent))
    }

    pub(super) async fn truncated_body(&mut self) -> Result<Verdict, Error> {
        let note = self.note(Action::NewWorkOrder, Variant::Typical);
        let sent = self.post(note, Letter { travel: Travel::Half, expect: false, ..Letter::GOOD }).await?;
        let early =
            self.in_pieces.as_ref().is_some_and(|sent| sent.attempted.result.as_ref().is_err_and(is_early));
        Ok(match &sent.attempted.result {
            Err(failure) if is_early(failure) && early => {
                Verdict::not_judged("it answers before it has read, whatever comes")
            }
            Err(failure) if is_early(failure) => Verdict::failed("a success for half of a body"),
            Ok(status) if status.is_success() => Verdict::failed(format!("{status} for half of a body")),
            Ok(_) | Err(_) => Verdict::passed(result(&sent)),
        })
    }

    pub(super) async fn burst(&mut self) -> Result<Verdict, Error> {
        let notes = (0..BURST).map(|_| self.ordinary()).collect();
        let sent = self.at_once(notes).await?;
        let slowed = |sent: &Sent| sent.attempted.result == Ok(StatusCode::TOO_MANY_REQUESTS);
        let (slowed, rest): (Vec<_>, Vec<_>) = sent.into_iter().partition(slowed);
        let verdict = several(&rest);
        Ok(match slowed.len() {
            0 => verdict,
            count if rest.iter().all(Sent::is_success) => {
                Verdict::warned(format!("429 for {count} of {BURST}: they come again later"))
            }
            _ => verdict,
        })
    }

    pub(super) async fn survives(&mut self) -> Result<Verdict, Error> {
        let note = self.ordinary();
        Ok(accepted(&self.post(note, Letter::GOOD).await?))
    }
}

/// Whether a failure says that the receiver answered before it had read.
fn is_early(failure: &Failure) -> bool {
    matches!(failure, Failure::EarlyAnswer)
}

/// All of them must be accepted.
fn several(sent: &[Sent]) -> Verdict {
    let bad: Vec<&Sent> = sent.iter().filter(|sent| !sent.is_success()).collect();
    match bad.first() {
        None => Verdict::passed(format!("2xx for {}", sent.len())),
        Some(first) => Verdict::failed(format!(
            "{} of {} were not accepted, the first with {}",
            bad.len(),
            sent.len(),
            result(first)
        )),
    }
}

/// What the answers tell of whether a repeat was recognised. Most receivers let nobody see it.
fn compared(once: &Sent, again: &Sent, other: &Sent) -> Verdict {
    let body = |sent: &Sent| sent.attempted.response_body.trim().to_owned();
    let (first, second, third) = (body(once), body(again), body(other));
    let says_so = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["duplicate", "already", "repeat", "known", "ignored", "seen"].iter().any(|word| text.contains(word))
    };
    if says_so(&second) && !says_so(&first) && !says_so(&third) {
        return Verdict::passed(format!("the repeat was answered {second:?}"));
    }
    let made = [once, again, other].map(|sent| header(sent, "location"));
    if let [Some(first), Some(second), Some(third)] = made
        && first != second
        && second != third
    {
        return Verdict::failed(format!("the repeat made something new: Location {first}, then {second}"));
    }
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    match counted(&read(&first), &read(&second), &read(&third)) {
        Some(what) => Verdict::failed(format!("the repeat was taken as new: {what}")),
        None => Verdict::not_judged("the answers do not show it"),
    }
}

fn header<'a>(sent: &'a Sent, name: &str) -> Option<&'a str> {
    let mut headers = sent.attempted.response_headers.iter();
    headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// A number in the answers that goes up by one with every request, repeat or not.
fn counted(first: &Value, second: &Value, third: &Value) -> Option<String> {
    match (first, second, third) {
        (Value::Number(_), Value::Number(_), Value::Number(_)) => {
            let [one, two, three] = [first, second, third].map(Value::as_i64);
            let steps = (two?.checked_sub(one?)?, three?.checked_sub(two?)?);
            (steps == (1, 1)).then(|| format!("{first}, then {second}, then {third} for another one"))
        }
        (Value::Object(one), Value::Object(two), Value::Object(three)) => {
            one.iter().find_map(|(name, value)| {
                let found = counted(value, two.get(name)?, three.get(name)?)?;
                Some(format!("{name} is {found}"))
            })
        }
        _ => None,
    }
}
