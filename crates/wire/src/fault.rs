//! What is wrong with a published notification, member by member.
//!
//! A publisher is told all faults at once, each with a JSON Pointer (RFC 6901). Messages never repeat the
//! published value: it may be long, and it may be nobody's business.

use std::fmt;

/// How many faults are told at most.
///
/// 100: nobody mends more at a time, and the answer to a hostile body stays small.
pub const MAX_FAULTS: usize = 100;

/// The member must be there and is not.
pub const MISSING: &str = "missing";
/// The member has another JSON type than the contract says.
pub const WRONG_TYPE: &str = "wrong_type";
/// The text has more characters than the contract allows.
pub const TOO_LONG: &str = "too_long";
/// The text is none of the values that the contract lists.
pub const NOT_ALLOWED: &str = "not_allowed";
/// The number is outside of its bounds.
pub const OUT_OF_RANGE: &str = "out_of_range";
/// The name stands more than once in its object.
pub const DOUBLED: &str = "doubled";
/// The text is no time in UTC with at most seven digits of fraction.
pub const BAD_TIME: &str = "bad_time";
/// The text is no GUID with hyphens, or no company id.
pub const BAD_ID: &str = "bad_id";
/// The text is no action name.
pub const BAD_NAME: &str = "bad_name";

/// One thing wrong with a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where: a JSON Pointer (RFC 6901) into the notification; empty for the whole.
    pub pointer: String,
    /// Which rule, one of the constants of this module.
    pub code: &'static str,
    /// The rule in words, for people.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} ({})",
            if self.pointer.is_empty() { "/" } else { &self.pointer },
            self.message,
            self.code
        )
    }
}

/// Faults found so far.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, path: &Path<'_>, code: &'static str, message: impl Into<String>) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(Fault { pointer: path.pointer(), code, message: message.into() });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_vec(self) -> Vec<Fault> {
        self.0
    }
}

/// Where the validator stands. Lives on the stack and becomes text only when there is a fault.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Path<'p> {
    Root,
    Member(&'p Path<'p>, &'p str),
    Element(&'p Path<'p>, usize),
}

impl<'p> Path<'p> {
    pub(crate) fn member(&'p self, name: &'p str) -> Path<'p> {
        Path::Member(self, name)
    }

    pub(crate) fn element(&'p self, index: usize) -> Path<'p> {
        Path::Element(self, index)
    }

    fn pointer(&self) -> String {
        match self {
            Path::Root => String::new(),
            Path::Member(parent, name) => {
                format!("{}/{}", parent.pointer(), name.replace('~', "~0").replace('/', "~1"))
            }
            Path::Element(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}
