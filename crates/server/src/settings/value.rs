//! Values as they come in, and how each type takes and shows one.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use workbell_model::{RetrySchedule, duration};

use super::byte_count::ByteCount;

/// A value as it came in.
#[derive(Clone, PartialEq)]
pub(super) enum Raw {
    /// Text of a variable, a flag or the table of defaults: stands for any type.
    Words(String),
    /// A TOML string.
    Text(String),
    /// A TOML integer.
    Integer(i64),
    /// A TOML float.
    Float(f64),
    /// A TOML boolean.
    Flag(bool),
    /// A TOML array.
    List(Vec<Raw>),
    /// What no setting takes.
    Other(&'static str),
}

/// Never shows the value: it may be a secret.
impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Raw")
    }
}

impl Raw {
    /// The value as an error shows it.
    pub(super) fn shown(&self) -> String {
        match self {
            Raw::Words(text) | Raw::Text(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
            Raw::Integer(number) => number.to_string(),
            Raw::Float(number) => number.to_string(),
            Raw::Flag(flag) => flag.to_string(),
            Raw::List(_) => "a list".to_owned(),
            Raw::Other(what) => (*what).to_owned(),
        }
    }

    /// The text, when it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Raw::Words(text) | Raw::Text(text) => Some(text),
            Raw::Integer(_) | Raw::Float(_) | Raw::Flag(_) | Raw::List(_) | Raw::Other(_) => None,
        }
    }

    fn refused(&self) -> String {
        format!("{} is refused", self.shown())
    }

    /// Refuses a number without unit in its own words.
    fn refused_measure(&self) -> String {
        let bare = match self {
            Raw::Integer(_) | Raw::Float(_) => true,
            _ => self.text().is_some_and(|text| text.parse::<f64>().is_ok()),
        };
        if bare { format!("{} has no unit", self.shown()) } else { self.refused() }
    }
}

/// A type that a setting can have.
pub(super) trait Value: Sized {
    /// What is allowed, in words: `a whole number`.
    fn allowed() -> String;

    /// Takes a value.
    ///
    /// # Errors
    /// A text that says what is wrong with it.
    fn read(raw: &Raw) -> Result<Self, String>;

    /// The value as TOML; a secret is hidden.
    fn shown(&self) -> String;
}

macro_rules! whole_numbers {
    ($($type:ty),*) => { $(
        impl Value for $type {
            fn allowed() -> String {
                "a whole number".to_owned()
            }

            fn read(raw: &Raw) -> Result<Self, String> {
                match raw {
                    Raw::Integer(number) => <$type>::try_from(*number).map_err(|_| raw.refused()),
                    Raw::Words(text) => text.trim().parse().map_err(|_| raw.refused()),
                    _ => Err(raw.refused()),
                }
            }

            fn shown(&self) -> String {
                self.to_string()
            }
        }
    )* };
}

whole_numbers!(u16, u32, usize);

impl Value for f64 {
    fn allowed() -> String {
        "a number".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        let number = match raw {
            Raw::Float(number) => Some(*number),
            Raw::Integer(number) => i32::try_from(*number).ok().map(f64::from),
            Raw::Words(text) => text.trim().parse().ok(),
            Raw::Text(_) | Raw::Flag(_) | Raw::List(_) | Raw::Other(_) => None,
        };
        number.filter(|number| number.is_finite()).ok_or_else(|| raw.refused())
    }

    fn shown(&self) -> String {
        format!("{self:?}")
    }
}

impl Value for bool {
    fn allowed() -> String {
        "true or false".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Flag(flag) => Ok(*flag),
            Raw::Words(text) => text.trim().parse().map_err(|_| raw.refused()),
            _ => Err(raw.refused()),
        }
    }

    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Value for Duration {
    fn allowed() -> String {
        "a duration such as 500ms, 30s, 5m, 1h, 10d".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text().ok_or_else(|| raw.refused_measure())?;
        duration::parse(text.trim()).map_err(|_| raw.refused_measure())
    }

    fn shown(&self) -> String {
        quoted(&duration::format(*self))
    }
}

impl Value for ByteCount {
    fn allowed() -> String {
        "a size such as 16KiB, 4MiB, 1GiB".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text().ok_or_else(|| raw.refused_measure())?;
        text.trim().parse().map_err(|()| raw.refused_measure())
    }

    fn shown(&self) -> String {
        quoted(&self.to_string())
    }
}

impl Value for String {
    fn allowed() -> String {
        "a text that is not empty".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        raw.text().filter(|text| !text.trim().is_empty()).map(str::to_owned).ok_or_else(|| raw.refused())
    }

    fn shown(&self) -> String {
        quoted(self)
    }
}

impl Value for PathBuf {
    fn allowed() -> String {
        "a path".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        String::read(raw).map(PathBuf::from)
    }

    fn shown(&self) -> String {
        quoted(&self.to_string_lossy())
    }
}

impl Value for SocketAddr {
    fn allowed() -> String {
        "an IP address with a port such as 127.0.0.1:8080, 0.0.0.0:443, [::1]:8080".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text().ok_or_else(|| raw.refused())?;
        text.trim().parse().map_err(|_| raw.refused())
    }

    fn shown(&self) -> String {
        quoted(&self.to_string())
    }
}

impl Value for IpNet {
    fn allowed() -> String {
        "an IP network such as 10.0.0.0/8, fd00::/8, 192.0.2.7".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text().ok_or_else(|| raw.refused())?.trim();
        let host = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse::<IpNet>().map(|net| net.trunc()).or_else(|_| host()).map_err(|_| raw.refused())
    }

    fn shown(&self) -> String {
        quoted(&self.to_string())
    }
}

/// TOML arrays in the file, comma-separated words elsewhere.
impl<T: Value> Value for Vec<T> {
    fn allowed() -> String {
        format!("a list; each item is {}", T::allowed())
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::List(items) => items.iter().map(T::read).collect(),
            Raw::Words(text) if text.trim().is_empty() => Ok(Vec::new()),
            Raw::Words(text) => {
                text.split(',').map(|item| T::read(&Raw::Words(item.trim().to_owned()))).collect()
            }
            Raw::Text(_) => Err(format!("{} is no list; write [\"…\", \"…\"]", raw.shown())),
            _ => Err(format!("{} is no list", raw.shown())),
        }
    }

    fn shown(&self) -> String {
        format!("[{}]", self.iter().map(T::shown).collect::<Vec<_>>().join(", "))
    }
}

impl Value for RetrySchedule {
    fn allowed() -> String {
        format!("a list of 1 to {} waits; each is {}", RetrySchedule::LONGEST, Duration::allowed())
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        RetrySchedule::new(Vec::read(raw)?).map_err(|_| "there are none, or too many".to_owned())
    }

    fn shown(&self) -> String {
        self.waits().to_vec().shown()
    }
}

/// Nothing, `off` or `none` leaves it unset.
impl<T: Value> Value for Option<T> {
    fn allowed() -> String {
        format!("{}, or nothing", T::allowed())
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        match raw.text().map(str::trim) {
            Some("" | "off" | "none") => Ok(None),
            _ => T::read(raw).map(Some),
        }
    }

    fn shown(&self) -> String {
        self.as_ref().map_or_else(|| quoted(""), T::shown)
    }
}

/// A TOML basic string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            control if control.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
