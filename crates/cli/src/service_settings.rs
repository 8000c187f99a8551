//! The flags that say with which settings a service runs: of `serve`, and of commands that work on its data dir.

use std::path::PathBuf;

use clap::Args;
use workbell_server::settings::{Database, Error, Overrides, Settings};

use crate::failure::Failure;

/// Settings of the service: a file, then the environment, then these flags.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServiceSettings {
    /// Deliver to endpoints on this machine too, for trying it out
    #[arg(long)]
    pub(crate) allow_loopback: bool,
    /// Where to listen [setting: listen, default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    #[command(flatten)]
    pub(crate) store: StoreSettings,
}

/// Those that say where its state lives.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct StoreSettings {
    /// File with settings
    #[arg(long, value_name = "FILE", env = "WORKBELL_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// Where state and keys live [setting: data_dir, default: ./workbell-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    /// The store [setting: database, default: sqlite: in the data directory]
    #[arg(long, value_name = "URL")]
    pub(crate) database: Option<String>,
}

impl ServiceSettings {
    /// The settings in force.
    pub(crate) fn load(&self) -> Result<Settings, Error> {
        self.load_with(environment())
    }

    /// The settings in force, with this environment.
    pub(crate) fn load_with(&self, environment: Vec<(String, String)>) -> Result<Settings, Error> {
        let mut overrides = self.store.overrides();
        if let Some(listen) = &self.listen {
            overrides = overrides.set("listen", "--listen", listen);
        }
        if self.allow_loopback {
            overrides = overrides.allow_loopback();
        }
        Settings::load(self.store.config.as_deref(), environment, overrides)
    }
}

impl StoreSettings {
    /// The data dir in force.
    ///
    /// # Errors
    /// The settings cannot be taken, or name a database that this version has no engine for.
    pub(crate) fn data_dir(&self) -> Result<PathBuf, Failure> {
        let settings = Settings::load(self.config.as_deref(), environment(), self.overrides())?;
        match settings.general.database {
            Database::Sqlite | Database::UnsyncedSqlite => Ok(settings.general.data_dir),
            Database::Postgres(_) => Err(Failure::Failed(
                "this version has no engine for postgres://…; leave database out, and it works on the store in the \
                 data dir"
                    .to_owned(),
            )),
        }
    }

    fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::new();
        let flags = [("data_dir", "--data-dir", &self.data_dir), ("database", "--database", &self.database)];
        for (key, flag, value) in flags {
            if let Some(value) = value {
                overrides = overrides.set(key, flag, value);
            }
        }
        overrides
    }
}

/// The environment; what is no Unicode cannot be a setting of ours, but must not stop us either.
fn environment() -> Vec<(String, String)> {
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_the_last_word_over_the_environment() {
        let environment = vec![
            ("WORKBELL_LISTEN".to_owned(), "127.0.0.1:1111".to_owned()),
            ("WORKBELL_DATA_DIR".to_owned(), "/from/environment".to_owned()),
        ];
        let flags =
            ServiceSettings { listen: Some("127.0.0.1:2222".to_owned()), ..ServiceSettings::default() };
        let settings = flags.load_with(environment).unwrap();
        assert_eq!(settings.general.listen.to_string(), "127.0.0.1:2222");
        assert_eq!(settings.general.data_dir, PathBuf::from("/from/environment"));
        assert!(settings.egress.allow.is_empty());
    }

    #[test]
    fn only_the_flag_lets_endpoints_be_on_this_machine() {
        let flags = ServiceSettings { allow_loopback: true, ..ServiceSettings::default() };
        let settings = flags.load_with(Vec::new()).unwrap();
        let allowed: Vec<String> = settings.egress.allow.iter().map(ToString::to_string).collect();
        assert_eq!(allowed, ["127.0.0.0/8", "::1/128"]);
    }

    #[test]
    fn a_bad_setting_is_wrong_usage_and_names_the_flag() {
        let flags = ServiceSettings { listen: Some("nowhere".to_owned()), ..ServiceSettings::default() };
        let failure = Failure::from(flags.load_with(Vec::new()).unwrap_err());
        assert_eq!(failure.exit_status(), 2);
        let text = failure.to_string();
        assert!(text.starts_with("--listen: listen: "), "{text}");
    }
}
