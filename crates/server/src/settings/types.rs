//! The types that only settings have.

use std::fmt;

use aws_lc_rs::constant_time;
use workbell_signing::MasterKey;
use workbell_wire::webhook_signature::Secret;

use super::value::{Raw, Value, quoted};

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";
/// What is said of a value that must not be repeated.
const OTHER_FORM: &str = "the value has another form";

/// A text that is never shown.
#[derive(Clone)]
pub struct SecretText(String);

impl SecretText {
    /// A secret of this text.
    pub fn new(text: impl Into<String>) -> Self {
        SecretText(text.into())
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Compares in constant time.
impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Value for SecretText {
    fn allowed() -> String {
        "a text of at least 16 visible ASCII characters".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        raw.text()
            .map(str::trim)
            .filter(|text| text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_graphic()))
            .map(SecretText::new)
            .ok_or_else(|| OTHER_FORM.to_owned())
    }

    fn shown(&self) -> String {
        quoted(HIDDEN)
    }
}

/// The text of a master key; its form is checked, and it is never shown.
#[derive(Debug, Clone, PartialEq)]
pub struct MasterKeyText(SecretText);

impl MasterKeyText {
    /// The key itself.
    pub fn to_key(&self) -> MasterKey {
        self.0.reveal().parse().expect("the form was checked when it was read")
    }
}

impl Value for MasterKeyText {
    fn allowed() -> String {
        "32 bytes, as 64 hexadecimal digits or as base64".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text().filter(|text| text.parse::<MasterKey>().is_ok());
        text.map(|text| MasterKeyText(SecretText::new(text))).ok_or_else(|| OTHER_FORM.to_owned())
    }

    fn shown(&self) -> String {
        quoted(HIDDEN)
    }
}

impl Value for Secret {
    fn allowed() -> String {
        "whsec_ and the base64 of 24 to 64 bytes".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        raw.text().and_then(|text| text.trim().parse().ok()).ok_or_else(|| OTHER_FORM.to_owned())
    }

    fn shown(&self) -> String {
        quoted(HIDDEN)
    }
}

/// Where state lives.
#[derive(Clone, PartialEq)]
pub enum Database {
    /// The embedded store: `workbell.db` in the data directory.
    Sqlite,
    /// The embedded store in the data directory, with nothing synced to the disk: `sqlite:?synchronous=off`. For
    /// tests only, to prove that they notice; no page names it.
    UnsyncedSqlite,
    /// A PostgreSQL server: the connection URL, which may hold a password.
    Postgres(SecretText),
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Value for Database {
    fn allowed() -> String {
        "sqlite: (in the data directory), or postgres://USER:PASSWORD@HOST/NAME".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        // The value is not repeated: it may hold a password.
        let refused = || OTHER_FORM.to_owned();
        let text = raw.text().ok_or_else(refused)?.trim();
        match text.split_once(':') {
            Some(("sqlite", "")) => Ok(Database::Sqlite),
            Some(("sqlite", "?synchronous=off")) => Ok(Database::UnsyncedSqlite),
            // A file elsewhere would be without the lock, the keys and the free room that go with the data directory.
            Some(("sqlite", _)) => Err(
                "the embedded store is always workbell.db in the data directory; to put it elsewhere set data_dir"
                    .to_owned(),
            ),
            Some(("postgres" | "postgresql", rest)) if rest.len() > 2 && rest.starts_with("//") => {
                Ok(Database::Postgres(SecretText::new(text)))
            }
            _ => Err(refused()),
        }
    }

    fn shown(&self) -> String {
        match self {
            Database::Sqlite => quoted("sqlite:"),
            Database::UnsyncedSqlite => quoted("sqlite:?synchronous=off"),
            Database::Postgres(url) => {
                let rest = url.reveal().split_once("://").map_or("", |(_, rest)| rest);
                // Neither user and password in front of the host nor parameters behind the name are shown.
                let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
                let name = host.split('?').next().unwrap_or_default();
                quoted(&format!("postgres://{HIDDEN}@{name}"))
            }
        }
    }
}

/// A URL by which others reach something: http or https, without user-info, query and fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// The URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it starts with `https:`; cookies are then sent over TLS only.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }
}

impl Value for PublicUrl {
    fn allowed() -> String {
        "a URL such as https://bell.example, without user, query and fragment".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        let refused = || format!("{} is refused", raw.shown());
        let url = url::Url::parse(raw.text().ok_or_else(refused)?.trim()).map_err(|_| refused())?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if plain { Ok(PublicUrl(url.as_str().trim_end_matches('/').to_owned())) } else { Err(refused()) }
    }

    fn shown(&self) -> String {
        quoted(&self.0)
    }
}

/// Length of the RSA keys that are made from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyBits(pub u32);

impl Value for KeyBits {
    fn allowed() -> String {
        "2048, 3072 or 4096".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        match u32::read(raw)? {
            bits @ (2048 | 3072 | 4096) => Ok(KeyBits(bits)),
            _ => Err(format!("{} is refused", raw.shown())),
        }
    }

    fn shown(&self) -> String {
        self.0.to_string()
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

impl Value for LogFormat {
    fn allowed() -> String {
        "text or json".to_owned()
    }

    fn read(raw: &Raw) -> Result<Self, String> {
        match raw.text().map(str::trim) {
            Some("text") => Ok(LogFormat::Text),
            Some("json") => Ok(LogFormat::Json),
            _ => Err(format!("{} is refused", raw.shown())),
        }
    }

    fn shown(&self) -> String {
        quoted(match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        })
    }
}
