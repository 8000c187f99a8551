//! Checks scanned values against the tables of [`crate::contract`] and collects every fault.
//!
//! Allocates nothing while all is well. Integers must be written as integers: `42.0` is one for JSON Schema,
//! but many receivers could not read it.

use std::borrow::Cow;

use crate::action_name::ActionName;
use crate::contract::{Form, Member, Rigour};
use crate::document::{Kind, Value};
use crate::fault::{self, Faults, Path};
use crate::message_id::MessageId;
use crate::timestamp::Timestamp;

/// Checks the members of an object; those that `members` does not list pass.
pub(crate) fn check_members(
    object: Value<'_, '_>,
    members: &'static [Member],
    rigour: Rigour,
    path: &Path<'_>,
    faults: &mut Faults,
) {
    debug_assert!(members.len() <= 64, "a bit per member");
    let mut seen = 0_u64;
    let mut expected = 0;
    for (name, value) in object.members() {
        let Some(index) = position(members, &name, expected) else { continue };
        expected = index + 1;
        seen |= 1 << index;
        check_member(value, &members[index], rigour, path, faults);
    }
    if rigour == Rigour::Full {
        for (index, member) in members.iter().enumerate() {
            if member.demanded && seen & (1 << index) == 0 {
                faults.add(&path.member(member.name), fault::MISSING, "must be given");
            }
        }
    }
}

/// Finds a member by name, first where the order of the contract lets expect it.
pub(crate) fn position(members: &[Member], name: &str, expected: usize) -> Option<usize> {
    if members.get(expected).is_some_and(|member| member.name == name) {
        return Some(expected);
    }
    members.iter().position(|member| member.name == name)
}

/// Checks one member that is there.
pub(crate) fn check_member(
    value: Value<'_, '_>,
    member: &'static Member,
    rigour: Rigour,
    path: &Path<'_>,
    faults: &mut Faults,
) {
    let rigour = if member.rigour == Rigour::TypeOnly { Rigour::TypeOnly } else { rigour };
    let may_be_null = !member.demanded || rigour == Rigour::TypeOnly;
    if value.is_null() && may_be_null {
        return;
    }
    check(value, &member.form, rigour, &path.member(member.name), faults);
}

fn check(value: Value<'_, '_>, form: &'static Form, rigour: Rigour, path: &Path<'_>, faults: &mut Faults) {
    let kind = value.kind();
    let fits = match form {
        Form::Integer => value.integer().is_some(),
        Form::Number => matches!(kind, Kind::Integer | Kind::Decimal),
        Form::Flag => kind == Kind::Flag,
        Form::Model(_) => kind == Kind::Object,
        Form::List(_) => kind == Kind::List,
        _ => matches!(kind, Kind::Text | Kind::EscapedText),
    };
    if !fits {
        faults.add(path, fault::WRONG_TYPE, wrong_type(form));
        return;
    }
    match form {
        Form::Model(model) => check_members(value, model.members, rigour, path, faults),
        Form::List(element) => {
            for (index, value) in value.elements().enumerate() {
                check(value, element, rigour, &path.element(index), faults);
            }
        }
        Form::Text | Form::Known(_) | Form::Integer | Form::Number | Form::Flag => {}
        Form::Time => check_text(value, form, path, faults),
        Form::LimitedText(_)
        | Form::Constant(_)
        | Form::OneOf(_)
        | Form::ActionName
        | Form::Guid
        | Form::CompanyId => {
            if rigour == Rigour::Full {
                check_text(value, form, path, faults);
            }
        }
    }
}

fn wrong_type(form: &Form) -> &'static str {
    match form {
        Form::Integer => "must be an integer of 64 bits, written without fraction and exponent",
        Form::Number => "must be a number",
        Form::Flag => "must be true or false",
        Form::Model(_) => "must be an object",
        Form::List(_) => "must be an array",
        _ => "must be a string",
    }
}

fn check_text(value: Value<'_, '_>, form: &Form, path: &Path<'_>, faults: &mut Faults) {
    let text = value.text().unwrap_or(Cow::Borrowed(""));
    let broken = match form {
        Form::LimitedText(most) => too_long(&text, *most).map(|message| (fault::TOO_LONG, message)),
        Form::Constant(only) => (text != *only).then(|| (fault::NOT_ALLOWED, format!("must be {only}"))),
        Form::OneOf(values) => (!values.contains(&text.as_ref()))
            .then(|| (fault::NOT_ALLOWED, format!("must be one of {}", values.join(", ")))),
        Form::Time => text.parse::<Timestamp>().err().map(|error| (fault::BAD_TIME, error.to_string())),
        Form::Guid => text.parse::<MessageId>().err().map(|error| (fault::BAD_ID, error.to_string())),
        Form::ActionName => {
            text.parse::<ActionName>().err().map(|error| (fault::BAD_NAME, error.to_string()))
        }
        Form::CompanyId => (!is_company_id(&text))
            .then(|| (fault::BAD_ID, "must be 1 to 64 letters, digits, _ or -".to_owned())),
        _ => None,
    };
    if let Some((code, message)) = broken {
        faults.add(path, code, message);
    }
}

fn too_long(text: &str, most: usize) -> Option<String> {
    // A text has at most as many characters as bytes, so most need not be counted.
    if text.len() <= most {
        return None;
    }
    let length = text.chars().count();
    (length > most).then(|| format!("must have at most {most} characters, has {length}"))
}

fn is_company_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
