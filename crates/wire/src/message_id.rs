//! The id of a notification: stable over every retry and replay, the receiver's dedupe key.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A GUID, kept as 16 bytes in the order of its text.
///
/// Read in any case with hyphens, written in lower case. Making a new one takes randomness, so it is done
/// elsewhere and handed in as bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; 16]);

/// A text that is no GUID with hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a GUID such as 01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47 (32 hexadecimal digits with hyphens)")]
pub struct ParseError;

impl MessageId {
    /// The id with these bytes, in the order of its text.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        MessageId(bytes)
    }

    /// The bytes, in the order of the text.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The 36 characters of the text, lower case.
    pub fn to_ascii(self) -> [u8; 36] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in self.0.into_iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = DIGITS[usize::from(byte >> 4)];
            text[at + 1] = DIGITS[usize::from(byte & 15)];
            at += 2;
        }
        text
    }
}

impl FromStr for MessageId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let text: &[u8; 36] = text.as_bytes().try_into().map_err(|_| ParseError)?;
        let mut bytes = [0; 16];
        let mut at = 0;
        for (index, byte) in bytes.iter_mut().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                if text[at] != b'-' {
                    return Err(ParseError);
                }
                at += 1;
            }
            let high = char::from(text[at]).to_digit(16).ok_or(ParseError)?;
            let low = char::from(text[at + 1]).to_digit(16).ok_or(ParseError)?;
            *byte = (high << 4 | low) as u8;
            at += 2;
        }
        Ok(MessageId(bytes))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.to_ascii()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<uuid::Uuid> for MessageId {
    fn from(id: uuid::Uuid) -> Self {
        MessageId(id.into_bytes())
    }
}

impl From<MessageId> for uuid::Uuid {
    fn from(id: MessageId) -> Self {
        uuid::Uuid::from_bytes(id.0)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_case_is_read_and_lower_case_written() {
        let id: MessageId = "01922D6E-7b2a-7C4E-9A53-3F0C8D1E2B47".parse().unwrap();
        assert_eq!(id.to_string(), "01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47");
        assert_eq!(uuid::Uuid::from(id).to_string(), id.to_string());
        assert_eq!(MessageId::from(uuid::Uuid::from(id)), id);
        assert_eq!(MessageId::from_bytes(*id.as_bytes()), id);
    }

    #[test]
    fn other_forms_of_a_guid_are_refused() {
        for text in [
            "",
            "01922d6e7b2a7c4e9a533f0c8d1e2b47",
            "{01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47}",
            "01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b4g",
            "01922d6e-7b2a-7c4e-9a533-f0c8d1e2b47",
            "01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47 ",
            "+1922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47",
            "é1922d6e-7b2a-7c4e-9a53-3f0c8d1e2b4",
        ] {
            assert_eq!(text.parse::<MessageId>(), Err(ParseError), "{text}");
        }
    }
}
