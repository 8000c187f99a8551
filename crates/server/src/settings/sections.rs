//! The table of all settings: name, type, default, range, meaning.
//!
//! A row is `name: type = "default" in "least" ..= "greatest";` with its meaning as doc comment. Defaults and
//! bounds are written as in an environment variable and read by the same code as everything else.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use workbell_model::RetrySchedule;
use workbell_wire::webhook_signature::Secret;

use super::Sources;
use super::byte_count::ByteCount;
use super::types::{Database, KeyBits, LogFormat, MasterKeyText, PublicUrl, SecretText};
use super::value::{Raw, Value, quoted};

/// One row of the table.
#[derive(Debug)]
pub struct Key {
    /// The section; empty for keys at the top.
    pub section: &'static str,
    /// The name within the section.
    pub name: &'static str,
    /// The full name: `delivery.timeout`.
    pub path: &'static str,
    /// The default, as in an environment variable; empty when there is none.
    pub default: &'static str,
    pub(super) about: &'static [&'static str],
    pub(super) range: Option<(&'static str, &'static str)>,
    pub(super) of_type: fn() -> String,
}

impl Key {
    /// The full name: `delivery.timeout`.
    pub fn full_name(&self) -> String {
        self.path.to_owned()
    }

    /// What it means, in one line.
    pub fn about(&self) -> String {
        self.about.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }

    /// What is allowed, in words.
    pub fn allowed(&self) -> String {
        let of_type = (self.of_type)();
        match self.range {
            Some((least, greatest)) => format!("{of_type}, from {least} to {greatest}"),
            None => of_type,
        }
    }
}

/// The value of a default or a bound of the table.
fn standard<T: Value>(text: &str) -> T {
    T::read(&Raw::Words(text.to_owned())).expect("the table of settings holds only values that it allows")
}

fn check<T: Value + PartialOrd>(value: &T, least: &str, greatest: &str) -> Result<(), String> {
    if *value < standard(least) || *value > standard(greatest) {
        return Err(format!("{} is out of range", value.shown().trim_matches('"')));
    }
    Ok(())
}

macro_rules! path {
    ("", $name:literal) => {
        $name
    };
    ($section:literal, $name:literal) => {
        concat!($section, ".", $name)
    };
}

macro_rules! settings {
    ($(
        $(#[doc = $about:literal])+
        $member:ident: $section:ident $prefix:tt {
            $( $(#[doc = $doc:literal])+ $name:literal $field:ident: $type:ty = $default:literal $(in $least:literal ..= $greatest:literal)?; )+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, PartialEq)]
            pub struct $section { $( $(#[doc = $doc])+ pub $field: $type, )+ }
        )+

        /// All settings.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Settings {
            $( $(#[doc = $about])+ pub $member: $section, )+
            pub(super) sources: Sources,
        }

        impl Default for Settings {
            fn default() -> Self {
                Settings {
                    $( $member: $section { $( $field: standard($default), )+ }, )+
                    sources: Sources::new(),
                }
            }
        }

        /// All keys, section by section.
        pub const KEYS: &[Key] = &[ $( $( Key {
            section: $prefix,
            name: $name,
            path: path!($prefix, $name),
            default: $default,
            about: &[$($doc),+],
            range: settings!(@range $($least, $greatest)?),
            of_type: <$type as Value>::allowed,
        }, )+ )+ ];

        /// The names of the sections; the first is the top.
        pub(super) const SECTIONS: &[&str] = &[$($prefix),+];

        impl Settings {
            /// Sets one key.
            pub(super) fn set(&mut self, key: &Key, raw: &Raw) -> Result<(), String> {
                match (key.section, key.name) {
                    $( $( ($prefix, $name) => {
                        let value = <$type as Value>::read(raw)?;
                        $( check(&value, $least, $greatest)?; )?
                        self.$member.$field = value;
                    } )+ )+
                    _ => return Err("there is no such key".to_owned()),
                }
                Ok(())
            }

            /// One value as TOML, secrets hidden.
            pub(super) fn shown(&self, key: &Key) -> String {
                match (key.section, key.name) {
                    $( $( ($prefix, $name) => self.$member.$field.shown(), )+ )+
                    _ => quoted(""),
                }
            }
        }
    };
    (@range) => { None };
    (@range $least:literal, $greatest:literal) => { Some(($least, $greatest)) };
}

settings! {
    /// What stands at the top of the file.
    general: General "" {
        /// Where the service listens: all interfaces, and the platform interface unless it has its own address.
        "listen" listen: SocketAddr = "127.0.0.1:8080";
        /// The URL by which others reach the service, for links, the token issuer and cookies. From `listen` when
        /// nothing is given.
        "public_url" public_url: Option<PublicUrl> = "";
        /// The directory for state and keys. A second `serve` on the same one is refused.
        "data_dir" data_dir: PathBuf = "./workbell-data";
        /// The store: `sqlite:` is a file in the data directory, `postgres://…` a server.
        "database" database: Database = "sqlite:";
        /// The bearer key of the platform interface. When nothing is given it is made at the first start and lies in
        /// `platform.key` in the data directory. Must be given with `postgres://`.
        "platform_key" platform_key: Option<SecretText> = "";
        /// The key that seals secrets, 32 bytes as 64 hexadecimal digits or base64. When nothing is given it is made
        /// at the first start and lies in `master.key` in the data directory. Must be given with `postgres://`.
        "master_key" master_key: Option<MasterKeyText> = "";
    }
    /// `[platform]`: the platform interface.
    platform: Platform "platform" {
        /// An address of its own for the platform interface. The same as `listen` when nothing is given.
        "listen" listen: Option<SocketAddr> = "";
    }
    /// `[delivery]`: when and how notifications are sent.
    delivery: Delivery "delivery" {
        /// How long to wait after attempt 1, 2, …; the last wait repeats.
        "retry_schedule" retry_schedule: RetrySchedule = "5m,10m,20m,40m,60m";
        /// By how much of itself a wait is lengthened at random, never shortened: 0.1 is up to 10 %.
        "retry_jitter" retry_jitter: f64 = "0.1" in "0" ..= "1";
        /// How many counted attempts a delivery has; the first one counts.
        "max_attempts" max_attempts: u16 = "200" in "1" ..= "65535";
        /// How long after acceptance an attempt that fails is the last one.
        "max_age" max_age: Duration = "10d" in "1ms" ..= "36500d";
        /// The longest that an attempt may take as a whole.
        "timeout" timeout: Duration = "30s" in "1ms" ..= "1h";
        /// The longest that TCP and TLS may take of it.
        "connect_timeout" connect_timeout: Duration = "10s" in "1ms" ..= "1h";
        /// How many attempts this node makes at once.
        "max_in_flight" max_in_flight: usize = "1024" in "1" ..= "65536";
        /// How many attempts one endpoint sees at once.
        "endpoint_concurrency" endpoint_concurrency: u16 = "16" in "1" ..= "4096";
        /// How long a refused notification holds up the later ones of its work order; 0s never does.
        "hold_limit" hold_limit: Duration = "1h";
        /// After how many failures in a row an endpoint counts as down; 0 never does.
        "down_after" down_after: u32 = "10";
        /// How often an endpoint that is down is probed.
        "probe_interval" probe_interval: Duration = "60s" in "1ms" ..= "1d";
        /// How much of an answer's body is read and kept.
        "response_limit" response_limit: ByteCount = "16KiB" in "0KiB" ..= "1MiB";
    }
    /// `[egress]`: where endpoints may lie.
    egress: Egress "egress" {
        /// Networks that may be dialled although they are not public.
        "allow" allow: Vec<IpNet> = "";
        /// Networks that are never dialled, beside those that are built in.
        "deny" deny: Vec<IpNet> = "";
        /// Whether endpoints may have plain http:// URLs.
        "http" http: bool = "true";
        /// A PEM file of certificate authorities that are trusted beside the system's.
        "ca_file" ca_file: Option<PathBuf> = "";
    }
    /// `[token]`: the bearer token of a notification.
    token: Token "token" {
        /// The audience that tokens carry.
        "audience" audience: String = "CorrigoProDirect";
        /// How long a token is valid.
        "lifetime" lifetime: Duration = "20m" in "1s" ..= "1d";
        /// Whether the data of a token is compressed.
        "gzip" gzip: bool = "true";
        /// Length of the RSA keys that are made from now on, in bits.
        "key_bits" key_bits: KeyBits = "2048";
        /// How long the next certificate is published before its key signs.
        "rotation_lead" rotation_lead: Duration = "7d" in "0s" ..= "365d";
    }
    /// `[retention]`: how long things are kept.
    retention: Retention "retention" {
        /// How long a notification is kept after its last fate. An undelivered one is never removed.
        "notifications" notifications: Duration = "30d" in "1ms" ..= "36500d";
        /// How long the communication log is kept.
        "log" log: Duration = "30d" in "1ms" ..= "36500d";
        /// The size of the store from which the oldest of both go earlier. No limit when nothing is given.
        "max_size" max_size: Option<ByteCount> = "";
    }
    /// `[limits]`: what one caller may ask for.
    limits: Limits "limits" {
        /// The size of one notification.
        "body" body: ByteCount = "256KiB" in "1KiB" ..= "16MiB";
        /// How many notifications one call may publish.
        "batch" batch: usize = "1000" in "1" ..= "10000";
        /// The size of such a call.
        "batch_body" batch_body: ByteCount = "16MiB" in "1KiB" ..= "256MiB";
        /// How many undelivered notifications an endpoint may have; further ones are dead at once.
        "waiting" waiting: u32 = "1000000" in "1" ..= "100000000";
        /// How many endpoints a company may have.
        "endpoints" endpoints: u32 = "20" in "1" ..= "10000";
    }
    /// `[alerts]`: who is told when an endpoint or the service needs somebody.
    alerts: Alerts "alerts" {
        /// Where alerts are posted. Nowhere when nothing is given.
        "url" url: Option<PublicUrl> = "";
        /// The whsec_ secret that signs them.
        "secret" secret: Option<Secret> = "";
    }
    /// `[metrics]`: Prometheus.
    metrics: Metrics "metrics" {
        /// Where `/metrics` is served. Off when nothing is given.
        "listen" listen: Option<SocketAddr> = "";
    }
    /// `[log]`: what the process writes.
    log: Log "log" {
        /// How log lines are written.
        "format" format: LogFormat = "text";
    }
    /// `[proxy]`: what stands in front of the service.
    proxy: Proxy "proxy" {
        /// Networks of proxies whose forwarding headers count.
        "trusted" trusted: Vec<IpNet> = "";
    }
}
