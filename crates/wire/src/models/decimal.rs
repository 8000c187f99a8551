//! A number with its exact digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON number, kept as it was written: `1.10` stays `1.10`.
///
/// Two are equal when they are written the same. For arithmetic hand [`Decimal::as_str`] to a decimal library of
/// your choice, or take [`Decimal::to_f64`] where cents do not matter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Decimal(Box<str>);

/// A text that is no JSON number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON number such as 1250.50")]
pub struct ParseError;

impl Decimal {
    /// The number as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest binary number; infinite when the number is beyond its range.
    pub fn to_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }
}

impl FromStr for Decimal {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| ParseError)?;
        let raw = raw.get();
        if raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            Ok(Decimal(raw.into()))
        } else {
            Err(ParseError)
        }
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Self {
        Decimal(number.to_string().into())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Works with `serde_json` only, which alone hands out the exact text.
impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        raw.get().parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_survive() {
        for text in
            ["1.10", "0", "-0.0", "1e2", "12345678901234567890.123456789012345678901234567890", "1E-999"]
        {
            let number: Decimal = serde_json::from_str(text).unwrap();
            assert_eq!(number.as_str(), text);
            assert_eq!(serde_json::to_string(&number).unwrap(), text);
        }
        assert_eq!("1.10".parse::<Decimal>().unwrap().to_f64(), 1.1);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["\"1.10\"", "null", "true", "[1]", "", "01", ".5"] {
            assert!(serde_json::from_str::<Decimal>(text).is_err(), "{text}");
            assert_eq!(text.parse::<Decimal>(), Err(ParseError), "{text}");
        }
    }
}
