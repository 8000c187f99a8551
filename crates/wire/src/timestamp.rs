//! A moment, as the contract writes it: ISO 8601, UTC, up to seven digits of fraction.
//!
//! Kept as ticks of 100 ns since 1970, because the published times carry seven digits and a database
//! `timestamptz` keeps six. `jiff` does the calendar; nobody else sees it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Ticks in one second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;

/// A moment in UTC with a resolution of 100 ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// A text that is no time of the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time such as 2018-09-04T10:12:08.1671613Z (UTC, at most seven digits of fraction)")]
pub struct ParseError;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// The moment that lies this many ticks of 100 ns after 1970.
    pub const fn from_ticks(ticks: i64) -> Self {
        Timestamp(ticks)
    }

    /// Ticks of 100 ns since 1970.
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// The moment that lies this many whole seconds after 1970.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Timestamp(seconds.saturating_mul(TICKS_PER_SECOND))
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(TICKS_PER_SECOND)
    }

    /// Whole milliseconds since 1970, rounded down.
    pub const fn unix_millis(self) -> i64 {
        self.0.div_euclid(TICKS_PER_SECOND / 1000)
    }

    /// What the system clock says now.
    pub fn from_system(now: std::time::SystemTime) -> Self {
        match now.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => Timestamp(i64::try_from(after.as_nanos() / 100).unwrap_or(i64::MAX)),
            Err(before) => Timestamp(-i64::try_from(before.duration().as_nanos() / 100).unwrap_or(i64::MAX)),
        }
    }

    /// This moment later by `wait`; stops at the end of time instead of wrapping.
    pub fn plus(self, wait: std::time::Duration) -> Self {
        Timestamp(self.0.saturating_add(i64::try_from(wait.as_nanos() / 100).unwrap_or(i64::MAX)))
    }

    /// This moment earlier by `wait`; stops at the end of time instead of wrapping.
    pub fn minus(self, wait: std::time::Duration) -> Self {
        Timestamp(self.0.saturating_sub(i64::try_from(wait.as_nanos() / 100).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Timestamp) -> std::time::Duration {
        let ticks = u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0);
        std::time::Duration::from_nanos(ticks.saturating_mul(100))
    }

    /// The form of `.issued` and `.expires` in a token: RFC 1123, `Tue, 04 Sep 2018 10:12:08 GMT`.
    pub fn to_http_date(self) -> String {
        self.to_jiff().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// Reads the form of [`Timestamp::to_http_date`].
    ///
    /// # Errors
    /// When the text has another form or names no day of the calendar.
    pub fn from_http_date(text: &str) -> Result<Self, ParseError> {
        let civil =
            jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S GMT", text).map_err(|_| ParseError)?;
        let moment = jiff::tz::TimeZone::UTC.to_timestamp(civil).map_err(|_| ParseError)?;
        Ok(Timestamp::from_unix_seconds(moment.as_second()))
    }

    fn to_jiff(self) -> jiff::Timestamp {
        let nanos = i128::from(self.0) * 100;
        jiff::Timestamp::from_nanosecond(nanos).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

/// Writes seven digits of fraction, less trailing zeros; none when the second is whole.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = jiff::Timestamp::from_second(self.unix_seconds()).unwrap_or_default();
        let fraction = self.0.rem_euclid(TICKS_PER_SECOND);
        write!(f, "{}", whole.strftime("%Y-%m-%dT%H:%M:%S"))?;
        if fraction != 0 {
            let digits = format!("{fraction:07}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl FromStr for Timestamp {
    type Err = ParseError;

    /// Takes `YYYY-MM-DDThh:mm:ss[.f…]Z` with one to seven digits of fraction, and nothing else.
    ///
    /// Read by hand, because every published notification has at least one, and a general parser takes
    /// several times as long.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (second, rest) = text.as_bytes().split_first_chunk::<19>().ok_or(ParseError)?;
        let number = |from: usize, to: usize| digits(&second[from..to]);
        if [second[4], second[7], second[10], second[13], second[16]] != *b"--T::" {
            return Err(ParseError);
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, whole) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        if hour > 23 || minute > 59 || whole > 59 {
            return Err(ParseError);
        }
        let fraction = match rest {
            b"Z" => 0,
            [b'.', fraction @ .., b'Z'] if (1..=7).contains(&fraction.len()) => {
                digits(fraction)? * 10_i64.pow(7 - fraction.len() as u32)
            }
            _ => return Err(ParseError),
        };
        let seconds = days_since_1970(year, month, day)? * 86_400 + hour * 3_600 + minute * 60 + whole;
        Ok(Timestamp(seconds * TICKS_PER_SECOND + fraction))
    }
}

fn digits(text: &[u8]) -> Result<i64, ParseError> {
    let mut number = 0;
    for byte in text {
        if !byte.is_ascii_digit() {
            return Err(ParseError);
        }
        number = number * 10 + i64::from(byte - b'0');
    }
    Ok(number)
}

/// Days in the Gregorian calendar, also before it was in use.
fn days_since_1970(year: i64, month: i64, day: i64) -> Result<i64, ParseError> {
    const BEFORE_MONTH: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let in_month = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return Err(ParseError),
    };
    if day < 1 || day > in_month {
        return Err(ParseError);
    }
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400) - 477;
    let this_year = BEFORE_MONTH[(month - 1) as usize] + i64::from(leap && month > 2) + day - 1;
    Ok((year - 1970) * 365 + leap_days + this_year)
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seven_digits_survive() {
        let text = "2018-09-04T10:12:08.1671613Z";
        let moment: Timestamp = text.parse().unwrap();
        assert_eq!(moment.to_string(), text);
        assert_eq!(moment.to_http_date(), "Tue, 04 Sep 2018 10:12:08 GMT");
        assert_eq!(
            Timestamp::from_http_date("Tue, 04 Sep 2018 10:12:08 GMT").unwrap().unix_seconds(),
            moment.unix_seconds()
        );
    }

    #[test]
    fn other_zones_eight_digits_and_days_that_do_not_exist_are_refused() {
        for text in [
            "2018-09-04T10:12:08.16716130Z",
            "2018-09-04T10:12:08+02:00",
            "2018-09-04T10:12:08",
            "2018-09-04 10:12:08Z",
            "2018-02-30T10:12:08Z",
            "2018-09-04T10:12:08.Z",
            "2018-09-04T25:12:08Z",
            "",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(ParseError), "{text}");
        }
    }

    #[test]
    fn every_day_of_the_calendar_is_read_as_the_calendar_has_it() {
        let mut day = jiff::civil::date(1, 1, 1);
        while day.year() < 2401 {
            let text = format!("{day}T23:59:59.0000001Z");
            let moment: Timestamp = text.parse().unwrap();
            assert_eq!(moment.to_string(), text);
            // A prime step meets every month, leap year and century within a second.
            day = day.saturating_add(jiff::ToSpan::days(17));
        }
        for bad in
            ["1900-02-29", "2100-02-29", "2023-02-29", "2024-04-31", "2024-00-10", "2024-13-10", "2024-01-00"]
        {
            assert_eq!(format!("{bad}T00:00:00Z").parse::<Timestamp>(), Err(ParseError), "{bad}");
        }
        assert!("2000-02-29T00:00:00Z".parse::<Timestamp>().is_ok());
    }

    #[test]
    fn times_before_1970_keep_their_order() {
        let moment: Timestamp = "1969-12-31T23:59:59.5Z".parse().unwrap();
        assert_eq!(moment.ticks(), -5_000_000);
        assert_eq!(moment.to_string(), "1969-12-31T23:59:59.5Z");
    }
}
