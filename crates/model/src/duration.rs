//! Durations as settings and interface write them: `350ms`, `30s`, `5m`, `1h`, `10d`.

use std::time::Duration;

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no duration; write a whole number and a unit: 500ms, 30s, 5m, 1h, 10d")]
pub struct ParseError(pub String);

/// Longest duration that can be written: about a hundred years, so that sums never overflow.
pub const LONGEST: Duration = Duration::from_secs(36_500 * 86_400);

/// Reads `350ms`, `30s`, `5m`, `1h`, `10d`; `0` needs a unit too.
///
/// # Errors
/// Another form, or longer than [`LONGEST`].
pub fn parse(text: &str) -> Result<Duration, ParseError> {
    let refused = || ParseError(text.chars().take(40).collect());
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text[..digits].parse().map_err(|_| refused())?;
    let millis = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(refused()),
    };
    let whole = number.checked_mul(millis).map(Duration::from_millis).ok_or_else(refused)?;
    if whole > LONGEST { Err(refused()) } else { Ok(whole) }
}

/// Writes the form that [`parse`] reads, with the largest unit that divides it; below 1 ms it is cut off.
pub fn format(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)] {
        if millis != 0 && millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    if millis == 0 { "0s".to_owned() } else { format!("{millis}ms") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["0s", "350ms", "30s", "5m", "1h", "10d", "90s", "1500ms"] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
        assert_eq!(parse("60s").unwrap(), parse("1m").unwrap());
    }

    #[test]
    fn a_number_without_unit_or_a_unit_without_number_is_refused() {
        for text in ["", "5", "s", "-5s", "5 s", "1.5h", "5M", "99999999999999999999d", "40000d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
