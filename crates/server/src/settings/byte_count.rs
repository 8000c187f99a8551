//! Sizes as settings write them: `16KiB`, `256MiB`, `2GiB`.

use std::fmt;
use std::str::FromStr;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteCount(pub u64);

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl ByteCount {
    /// The number for lengths in memory; cut to what the machine can address.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// Takes a whole number and a unit, nothing between them.
impl FromStr for ByteCount {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = text[..digits].parse().map_err(|_| ())?;
        let (_, size) = UNITS.into_iter().find(|(unit, _)| *unit == &text[digits..]).ok_or(())?;
        number.checked_mul(size).map(ByteCount).ok_or(())
    }
}

/// Writes the largest unit that divides it; below 1 KiB it is cut off.
impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fitting = UNITS.into_iter().find(|(_, size)| self.0 != 0 && self.0.is_multiple_of(*size));
        let (unit, size) = fitting.unwrap_or(("KiB", 1 << 10));
        write!(f, "{}{unit}", self.0 / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_nothing_without_a_unit() {
        for text in ["0KiB", "16KiB", "1500KiB", "3MiB", "2GiB"] {
            assert_eq!(text.parse::<ByteCount>().unwrap().to_string(), text);
        }
        assert_eq!("1024KiB".parse::<ByteCount>().unwrap().to_string(), "1MiB");
        for text in ["", "16", "KiB", "16 KiB", "16kib", "16KB", "1.5MiB", "-1KiB", "99999999999999GiB"] {
            assert_eq!(text.parse::<ByteCount>(), Err(()), "{text}");
        }
    }
}
