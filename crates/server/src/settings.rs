//! Everything that can be set: a TOML file, then environment variables, then flags.
//!
//! One table (`sections`) names each key with its type, default, range and meaning. It drives reading, the
//! messages of errors, `--print-config`, `workbell.example.toml` and the page in the docs, so none of them can
//! lag behind the others. An unknown key or variable or a bad value stops the start, and all of them are told at
//! once. Source: the service's description, section 3.

mod byte_count;
mod entry;
mod environment;
mod error;
mod file;
mod nearest;
mod render;
mod sections;
mod types;
mod value;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::{IpNet, Ipv4Net};

use entry::Entry;
use value::Raw;

pub use byte_count::ByteCount;
pub use error::{Error, Fault, Place};
pub use render::{example, page};
pub use sections::{
    Alerts, Delivery, Egress, General, KEYS, Key, Limits, Log, Metrics, Platform, Proxy, Retention, Settings,
    Token,
};
pub use types::{Database, KeyBits, LogFormat, MasterKeyText, PublicUrl, SecretText};

/// What flags set, last word over file and environment.
#[derive(Debug, Default, Clone)]
pub struct Overrides {
    entries: Vec<Entry>,
    allow_loopback: bool,
}

impl Overrides {
    /// No flag was given.
    pub fn new() -> Self {
        Self::default()
    }

    /// The flag `flag` (such as `--listen`) gives `key` (such as `listen`) this value, in the form of the
    /// environment.
    #[must_use]
    pub fn set(mut self, key: &str, flag: &str, value: impl Into<String>) -> Self {
        let place = Place::Flag(flag.to_owned());
        self.entries.push(Entry { key: key.to_owned(), raw: Raw::Words(value.into()), place });
        self
    }

    /// `--allow-loopback`: endpoints on this machine may be dialled, beside what `egress.allow` says.
    #[must_use]
    pub fn allow_loopback(mut self) -> Self {
        self.allow_loopback = true;
        self
    }
}

/// Where a setting that is not the default came from, by key.
pub(crate) type Sources = BTreeMap<&'static str, Place>;

impl Settings {
    /// Reads the settings: `file` when there is one, then the variables in `environment` that start with
    /// `WORKBELL_`, then `overrides`.
    ///
    /// # Errors
    /// When the file cannot be read or is no TOML; else all unknown keys and bad values at once.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: Overrides,
    ) -> Result<Settings, Error> {
        let mut settings = Settings::default();
        let mut faults = Vec::new();
        let mut entries = Vec::new();
        if let Some(file) = file {
            let text = std::fs::read_to_string(file)
                .map_err(|source| Error::Unreadable { file: file.to_owned(), source })?;
            file::read(&text, file, &mut entries, &mut faults)?;
        }
        environment::read(environment, &mut entries, &mut faults);
        entries.extend(overrides.entries);
        for entry in entries {
            settings.apply(entry, &mut faults);
        }
        if overrides.allow_loopback {
            settings.egress.allow.extend(loopback());
        }
        if faults.is_empty() {
            settings.check_together(&mut faults);
        }
        if faults.is_empty() { Ok(settings) } else { Err(Error::Faults(faults)) }
    }

    fn apply(&mut self, entry: Entry, faults: &mut Vec<Fault>) {
        let Some(key) = KEYS.iter().find(|key| key.full_name() == entry.key) else {
            faults.push(Fault::unknown_key(entry.place, &entry.key));
            return;
        };
        match self.set(key, &entry.raw) {
            Ok(()) => {
                self.sources.insert(key.path, entry.place);
            }
            Err(why) => faults.push(Fault::refused(entry.place, key, &why)),
        }
    }

    /// What no single key can know. A default that another key leaves no room for is cut to it; what somebody wrote
    /// is refused instead.
    fn check_together(&mut self, faults: &mut Vec<Fault>) {
        let sources = &self.sources;
        let mut fault = |key: &'static str, problem: &str| {
            let place = sources.get(key).cloned().unwrap_or(Place::Default);
            faults.push(Fault { place, problem: format!("{key}: {problem}") });
        };
        if matches!(self.general.database, Database::Postgres(_)) {
            if self.general.platform_key.is_none() || self.general.master_key.is_none() {
                // Else the start says so; nobody is to look for keys first.
                fault("database", crate::error::NO_POSTGRES);
            }
            for (key, missing) in [
                ("platform_key", self.general.platform_key.is_none()),
                ("master_key", self.general.master_key.is_none()),
            ] {
                if missing {
                    let variable = environment::variable(key);
                    fault(key, &format!("must be given when the database is PostgreSQL; set {variable}"));
                }
            }
        }
        let mut fits = |key: &'static str, is_more: bool, problem: &str| {
            if is_more && sources.contains_key(key) {
                fault(key, problem);
            }
        };
        let (delivery, limits) = (&mut self.delivery, &mut self.limits);
        let most = u16::try_from(delivery.max_in_flight).unwrap_or(u16::MAX);
        fits(
            "delivery.connect_timeout",
            delivery.connect_timeout > delivery.timeout,
            "is longer than delivery.timeout, which is for the whole attempt",
        );
        fits(
            "delivery.endpoint_concurrency",
            delivery.endpoint_concurrency > most,
            "is more than delivery.max_in_flight, which is for all endpoints",
        );
        fits(
            "limits.body",
            limits.body > limits.batch_body,
            "is more than limits.batch_body; a batch must hold at least one notification",
        );
        delivery.connect_timeout = delivery.connect_timeout.min(delivery.timeout);
        delivery.endpoint_concurrency = delivery.endpoint_concurrency.min(most);
        limits.body = limits.body.min(limits.batch_body);
        if self.alerts.url.is_some() && self.alerts.secret.is_none() {
            fault(
                "alerts.secret",
                "must be given with alerts.url, for alerts are signed; a secret is whsec_ and base64",
            );
        }
    }

    /// Where the platform interface listens: `platform.listen`, else `listen`.
    pub fn platform_listen(&self) -> SocketAddr {
        self.platform.listen.unwrap_or(self.general.listen)
    }

    /// `public_url`, else the address at which the service is `bound` (port 0 is known by then).
    pub fn public_url(&self, bound: SocketAddr) -> String {
        match &self.general.public_url {
            Some(url) => url.as_str().to_owned(),
            None if bound.ip().is_unspecified() => format!("http://localhost:{}", bound.port()),
            None => format!("http://{bound}"),
        }
    }

    /// The file of the embedded store; `None` with PostgreSQL.
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        match &self.general.database {
            Database::Sqlite | Database::UnsyncedSqlite => Some(self.general.data_dir.join("workbell.db")),
            Database::Postgres(_) => None,
        }
    }

    /// What an endpoint takes for everything that it leaves open.
    pub fn endpoint_defaults(&self) -> workbell_model::Defaults {
        let delivery = &self.delivery;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the jitter lies between 0 and 1, its percentage fits"
        )]
        let retry_jitter_percent = (delivery.retry_jitter * 100.0).round() as u8;
        workbell_model::Defaults {
            retry_schedule: delivery.retry_schedule.clone(),
            retry_jitter_percent,
            max_attempts: delivery.max_attempts,
            max_age: delivery.max_age,
            timeout: delivery.timeout,
            connect_timeout: delivery.connect_timeout,
            endpoint_concurrency: delivery.endpoint_concurrency,
            hold_limit: delivery.hold_limit,
            down_after: delivery.down_after,
            probe_interval: delivery.probe_interval,
            response_limit: delivery.response_limit.as_usize(),
        }
    }

    /// How the key ring mints tokens; `bound` as for [`Settings::public_url`].
    pub fn token_options(&self, bound: SocketAddr) -> workbell_signing::Options {
        workbell_signing::Options {
            audience: self.token.audience.clone(),
            lifetime: self.token.lifetime,
            gzip: self.token.gzip,
            issuer: self.public_url(bound),
        }
    }
}

/// All of 127.0.0.0/8, and ::1.
fn loopback() -> [IpNet; 2] {
    let four = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    [IpNet::V4(four), IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST))]
}
