//! Holds a JSON value against a [`Form`] and names everything that does not fit, each with a JSON Pointer.
//!
//! Codes of faults are those of `wire` where the same rule exists there, so that publishers and administrators learn
//! one set.

use workbell_model::{CompanyId, duration};
use workbell_wire::fault::{
    BAD_ID, BAD_NAME, BAD_TIME, DOUBLED, MAX_FAULTS, MISSING, NOT_ALLOWED, TOO_LONG, WRONG_TYPE,
};
use workbell_wire::{ActionName, Fault, MessageId, Timestamp};

use crate::json::Json;
use crate::shape::{Form, Member, Need, Shape};

/// The object has no such member, or the query no such parameter.
pub(crate) const UNKNOWN_MEMBER: &str = "unknown_member";
/// The number, the duration or the length of the list is outside its bounds.
pub(crate) const OUT_OF_RANGE: &str = workbell_wire::fault::OUT_OF_RANGE;
/// The text has fewer characters than it needs.
pub(crate) const TOO_SHORT: &str = "too_short";
/// The text is no duration.
pub(crate) const BAD_DURATION: &str = "bad_duration";
/// The text is no URL that can be posted to.
pub(crate) const BAD_URL: &str = "bad_url";
/// The text is no address that somebody could sign in with.
pub(crate) const BAD_EMAIL: &str = "bad_email";
/// What was given when the thing was made can never be changed.
pub(crate) const FOR_LIFE: &str = "for_life";
/// The cursor was not given out by this list.
pub(crate) const BAD_CURSOR: &str = "bad_cursor";

/// Whether members that must be there may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A new thing.
    Whole,
    /// A change: only the members given.
    Partial,
}

/// Faults found so far.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault at a JSON Pointer; the first [`MAX_FAULTS`] are kept.
    pub(crate) fn add(&mut self, pointer: impl Into<String>, code: &'static str, message: impl Into<String>) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(Fault { pointer: pointer.into(), code, message: message.into() });
        }
    }

    /// Whether one is at this pointer or below it already.
    pub(crate) fn are_at(&self, pointer: &str) -> bool {
        let below = |fault: &Fault| {
            fault.pointer.strip_prefix(pointer).map(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.0.iter().any(|fault| below(fault) == Some(true))
    }

    /// `Ok` when there are none, else the problem that they are together.
    pub(crate) fn into_result(self) -> Result<(), crate::problem::Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(crate::problem::Problem::of_faults(self.0)) }
    }
}

/// Holds an object against a shape.
pub(crate) fn shape(json: &Json, shape: &Shape, mode: Mode, faults: &mut Faults) {
    object(json, shape, mode, "", faults);
}

/// Holds a query parameter's text against its form.
pub(crate) fn parameter(text: &str, member: &Member, faults: &mut Faults) {
    let value = match member.form {
        Form::Integer(..) => text.parse().map_or_else(|_| Json::Text(text.to_owned()), Json::Integer),
        _ => Json::Text(text.to_owned()),
    };
    form(&value, &member.form, &format!("?{}", member.name), faults);
}

fn object(json: &Json, shape: &Shape, mode: Mode, path: &str, faults: &mut Faults) {
    let Json::Object(members) = json else {
        faults.add(path, WRONG_TYPE, format!("must be an object, not {}", json.kind()));
        return;
    };
    for (place, (name, value)) in members.iter().enumerate() {
        let pointer = format!("{path}/{}", escape(name));
        if members[..place].iter().any(|(earlier, _)| earlier == name) {
            faults.add(pointer, DOUBLED, "stands here more than once");
            continue;
        }
        match shape.members.iter().find(|member| member.name == name) {
            None => faults.add(pointer, UNKNOWN_MEMBER, unknown(name, shape.members)),
            Some(member) if *value == Json::Null && member.need == Need::Maybe => {}
            Some(member) => form(value, &member.form, &pointer, faults),
        }
    }
    if mode == Mode::Whole {
        for member in shape.members.iter().filter(|member| member.need == Need::Always) {
            if !members.iter().any(|(name, _)| name == member.name) {
                faults.add(format!("{path}/{}", member.name), MISSING, "must be there");
            }
        }
    }
}

/// What to say of a name that is not known: the one that was probably meant, or all there are.
pub(crate) fn unknown(name: &str, members: &[Member]) -> String {
    match members.iter().find(|member| member.name.eq_ignore_ascii_case(name)) {
        Some(meant) => format!("is not known; names are case-sensitive, write {}", meant.name),
        None => {
            let names: Vec<_> = members.iter().map(|member| member.name).collect();
            format!(
                "is not known; there are {}",
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            )
        }
    }
}

fn form(json: &Json, wanted: &Form, path: &str, faults: &mut Faults) {
    match (wanted, json) {
        (Form::Nullable(_), Json::Null) | (Form::Flag, Json::Flag(_)) => {}
        (Form::StarOr(_), Json::Text(text)) if text == "*" => {}
        (Form::Nullable(inner) | Form::StarOr(inner), other) => form(other, inner, path, faults),
        (Form::Integer(least, most), Json::Integer(number)) => {
            if !(*least..=*most).contains(number) {
                faults.add(path, OUT_OF_RANGE, format!("must be {}", describe(wanted)));
            }
        }
        (Form::Object(shape), other) => object(other, shape, Mode::Whole, path, faults),
        (Form::AnyObject, Json::Object(members)) => doubled(members, path, faults),
        (Form::Texts(most), Json::Object(members)) => {
            doubled(members, path, faults);
            if members.len() > *most {
                faults.add(path, OUT_OF_RANGE, format!("must have at most {most} members"));
            }
            for (name, value) in members {
                form(value, &Form::Text(0, usize::MAX), &format!("{path}/{}", escape(name)), faults);
            }
        }
        (Form::List(inner, most), Json::List(elements)) => {
            if elements.len() > *most {
                faults.add(path, OUT_OF_RANGE, format!("must have at most {most} elements"));
            }
            for (place, element) in elements.iter().enumerate() {
                form(element, inner, &format!("{path}/{place}"), faults);
            }
        }
        (_, Json::Text(value)) if is_text(wanted) => text(value, wanted, path, faults),
        (_, other) => {
            faults.add(path, WRONG_TYPE, format!("must be {}, not {}", describe(wanted), other.kind()));
        }
    }
}

fn doubled(members: &[(String, Json)], path: &str, faults: &mut Faults) {
    for (place, (name, _)) in members.iter().enumerate() {
        if members[..place].iter().any(|(earlier, _)| earlier == name) {
            faults.add(format!("{path}/{}", escape(name)), DOUBLED, "stands here more than once");
        }
    }
}

const fn is_text(form: &Form) -> bool {
    matches!(
        form,
        Form::Text(..)
            | Form::CompanyId
            | Form::Id
            | Form::MessageId
            | Form::ActionName
            | Form::Time
            | Form::Duration
            | Form::OneOf(_)
    )
}

fn text(value: &str, wanted: &Form, path: &str, faults: &mut Faults) {
    let (fits, code) = match wanted {
        Form::Text(least, most) => {
            let characters = value.chars().count();
            let code = if characters < *least { TOO_SHORT } else { TOO_LONG };
            ((*least..=*most).contains(&characters), code)
        }
        Form::CompanyId => (value.parse::<CompanyId>().is_ok(), BAD_ID),
        Form::Id => (uuid::Uuid::try_parse(value).is_ok(), BAD_ID),
        Form::MessageId => (value.parse::<MessageId>().is_ok(), BAD_ID),
        Form::ActionName => (value.parse::<ActionName>().is_ok(), BAD_NAME),
        Form::Time => (value.parse::<Timestamp>().is_ok(), BAD_TIME),
        Form::Duration => (duration::parse(value).is_ok(), BAD_DURATION),
        Form::OneOf(values) => (values.contains(&value), NOT_ALLOWED),
        _ => (false, WRONG_TYPE),
    };
    if !fits {
        faults.add(path, code, format!("must be {}", describe(wanted)));
    }
}

/// What a value must be, for people.
pub(crate) fn describe(form: &Form) -> String {
    match form {
        Form::Flag => "true or false".to_owned(),
        Form::Integer(least, i64::MAX) => format!("a whole number, {least} or more"),
        Form::Integer(i64::MIN, _) => "a whole number".to_owned(),
        Form::Integer(least, most) => format!("a whole number from {least} to {most}"),
        Form::Text(_, usize::MAX) => "a text".to_owned(),
        Form::Text(0, most) => format!("a text of at most {most} characters"),
        Form::Text(least, most) => format!("a text of {least} to {most} characters"),
        Form::CompanyId => "a company id: 1 to 64 of A-Z a-z 0-9 _ -".to_owned(),
        Form::Id => "an id such as 01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47".to_owned(),
        Form::MessageId => "a GUID with hyphens such as 01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47".to_owned(),
        Form::ActionName => "an action name: a letter, then at most 63 letters and digits".to_owned(),
        Form::Time => "a time such as 2018-09-04T10:12:08.1671613Z (UTC, at most seven digits)".to_owned(),
        Form::Duration => "a duration such as 500ms, 30s, 5m, 1h or 10d".to_owned(),
        Form::OneOf(values) => format!("one of {}", values.join(", ")),
        Form::List(..) => "a list".to_owned(),
        Form::Texts(_) => "an object with texts as values".to_owned(),
        Form::Object(_) | Form::AnyObject => "an object".to_owned(),
        Form::Nullable(inner) => format!("null or {}", describe(inner)),
        Form::StarOr(inner) => format!("\"*\" or {}", describe(inner)),
    }
}

/// A member's name as a reference token of RFC 6901.
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::{always, maybe};

    static SHAPE: Shape = Shape {
        name: "Thing",
        note: "",
        members: &[
            always("Name", Form::Text(1, 3), ""),
            maybe("Limit", Form::Integer(1, 9), ""),
            maybe("Waits", Form::List(&Form::Duration, 2), ""),
            always("Url", Form::Nullable(&Form::Text(1, 9)), ""),
        ],
    };

    fn faults(text: &str, mode: Mode) -> Vec<(String, &'static str)> {
        let mut faults = Faults::default();
        shape(&serde_json::from_str(text).unwrap(), &SHAPE, mode, &mut faults);
        faults.0.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let found = faults(
            r#"{"Name": "", "Limit": "many", "Waits": ["1s", 5], "name": 1, "a/b": 0, "Limit": 3}"#,
            Mode::Whole,
        );
        let expected = [
            ("/Name", TOO_SHORT),
            ("/Limit", WRONG_TYPE),
            ("/Waits/1", WRONG_TYPE),
            ("/name", UNKNOWN_MEMBER),
            ("/a~1b", UNKNOWN_MEMBER),
            ("/Limit", DOUBLED),
            ("/Url", MISSING),
        ];
        assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    }

    #[test]
    fn null_is_as_good_as_missing_where_a_member_may_be_missing() {
        assert_eq!(faults(r#"{"Name": "x", "Limit": null, "Url": null}"#, Mode::Whole), []);
        assert_eq!(faults(r#"{"Name": null}"#, Mode::Partial), [("/Name".to_owned(), WRONG_TYPE)]);
        assert_eq!(faults("{}", Mode::Partial), []);
        assert_eq!(faults("[]", Mode::Whole), [(String::new(), WRONG_TYPE)]);
    }
}
