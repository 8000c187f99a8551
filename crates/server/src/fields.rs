//! The members of a configuration body that was held against its shape.
//!
//! Since the form of each is known by then, reading one is a look-up, not another check.

use crate::json::Json;

/// The members of a checked object.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, Json)>);

/// Whether a member was given, and what as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given<T> {
    /// Not at all: a `PATCH` leaves it as it is.
    Not,
    /// As `null`: back to what holds when nothing is said.
    Null,
    /// With a value.
    Value(T),
}

impl<T> Given<T> {
    /// The member with `now` for a value that was not given, and `None` for null.
    pub(crate) fn or_keep(self, now: Option<T>) -> Option<T> {
        match self {
            Given::Not => now,
            Given::Null => None,
            Given::Value(value) => Some(value),
        }
    }

    /// The member with `now` for a value that was not given, and `usual` for null.
    pub(crate) fn or(self, now: T, usual: T) -> T {
        match self {
            Given::Not => now,
            Given::Null => usual,
            Given::Value(value) => value,
        }
    }
}

impl Fields {
    /// The members of an object; none of anything else.
    pub(crate) fn of(json: Json) -> Self {
        match json {
            Json::Object(members) => Fields(members),
            _ => Fields::default(),
        }
    }

    /// A member, turned into what it means; `read` gives `None` for a form that the shape does not let through.
    pub(crate) fn get<'a, T>(&'a self, name: &str, read: impl FnOnce(&'a Json) -> Option<T>) -> Given<T> {
        match self.0.iter().find(|(given, _)| given == name) {
            None => Given::Not,
            Some((_, Json::Null)) => Given::Null,
            Some((_, value)) => read(value).map_or(Given::Not, Given::Value),
        }
    }

    /// A text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name, Json::as_text).or_keep(None)
    }

    /// The members of an object; none when it was not given.
    pub(crate) fn object(&self, name: &str) -> Fields {
        let members = self.get(name, Json::as_members).or_keep(None);
        Fields(members.map(<[_]>::to_vec).unwrap_or_default())
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.get(name, Json::as_integer).or_keep(None)
    }

    /// Whether a flag is given as true.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.get(name, Json::as_flag).or_keep(None).unwrap_or(false)
    }
}

impl Json {
    /// The text that it is.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    /// The whole number that it is.
    pub(crate) fn as_integer(&self) -> Option<i64> {
        if let Json::Integer(number) = self { Some(*number) } else { None }
    }

    /// The flag that it is.
    pub(crate) fn as_flag(&self) -> Option<bool> {
        if let Json::Flag(flag) = self { Some(*flag) } else { None }
    }

    /// The elements that it has.
    pub(crate) fn as_list(&self) -> Option<&[Json]> {
        if let Json::List(list) = self { Some(list) } else { None }
    }

    /// The members that it has.
    pub(crate) fn as_members(&self) -> Option<&[(String, Json)]> {
        if let Json::Object(members) = self { Some(members) } else { None }
    }
}
