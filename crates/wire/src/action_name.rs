//! The name of an action as it stands in `Header.Action` and in the `Event-Type` header.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::action::Action;

/// Most characters that an action name may have.
pub const MAX_LENGTH: usize = 64;

/// A well-formed action name: one of the 28, or one that a platform registered for itself.
///
/// A letter and up to 63 letters and digits, so it can stand in a header, a URL and a file name as it is.
/// Copying one copies a byte or counts a reference.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ActionName(Inner);

// A name of the 28 is always `Known`, so equality of this is equality of the text.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Inner {
    Known(Action),
    Own(Arc<str>),
}

/// A text that is no action name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an action name (a letter, then at most 63 letters and digits)")]
pub struct ParseError;

impl ActionName {
    /// The name.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Inner::Known(action) => action.name(),
            Inner::Own(name) => name,
        }
    }

    /// Which of the 28 it is; `None` for an action of the platform's own.
    pub fn known(&self) -> Option<Action> {
        match &self.0 {
            Inner::Known(action) => Some(*action),
            Inner::Own(_) => None,
        }
    }
}

impl FromStr for ActionName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if let Some(action) = Action::from_name(text) {
            return Ok(ActionName(Inner::Known(action)));
        }
        let begins_with_letter = text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
        if begins_with_letter
            && text.len() <= MAX_LENGTH
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            Ok(ActionName(Inner::Own(text.into())))
        } else {
            Err(ParseError)
        }
    }
}

impl From<Action> for ActionName {
    fn from(action: Action) -> Self {
        ActionName(Inner::Known(action))
    }
}

impl AsRef<str> for ActionName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for ActionName {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialOrd for ActionName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ActionName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for ActionName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ActionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_a_letter_and_up_to_63_letters_and_digits() {
        let longest = "A".repeat(64);
        for good in ["Accepted", "a", "Z9", &longest] {
            assert_eq!(good.parse::<ActionName>().unwrap().as_str(), good);
        }
        let too_long = "A".repeat(65);
        for bad in ["", "9A", "A-B", "A B", "Ä", "A\n", &too_long] {
            assert_eq!(bad.parse::<ActionName>(), Err(ParseError), "{bad}");
        }
    }

    #[test]
    fn a_name_of_the_28_is_known_however_it_was_made() {
        for action in Action::ALL {
            let read: ActionName = action.name().parse().unwrap();
            assert_eq!(read.known(), Some(action));
            assert_eq!(read, ActionName::from(action));
        }
        assert_eq!("accepted".parse::<ActionName>().unwrap().known(), None);
    }
}
