//! `workbell serve`: the service.
//!
//! Settings come from a file, then the environment, then the flags here. What the service says goes to standard
//! error, as text or JSON; `RUST_LOG` takes more or less of it, by the rules of `tracing`'s `EnvFilter`.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use workbell_server::settings::{LogFormat, Overrides, Settings};
use workbell_server::{Service, asked_to_stop};

use crate::failure::Failure;
use crate::screen::{ColorChoice, Screen};

const EXAMPLES: &str = "\
Examples:
  workbell serve --allow-loopback                 try it out: deliver to programs on this machine
  workbell serve --config /etc/workbell.toml      workbell.example.toml names every setting
  WORKBELL_LOG__FORMAT=json workbell serve        each setting is also a variable
  workbell serve --print-config                   the settings in force, and where they come from

SIGTERM or Ctrl-C stops it within ten seconds, and nothing is lost; a second one at once.";

/// What is logged unless `RUST_LOG` says otherwise.
const USUAL_LOG: &str = "info";

/// Run the service
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    /// Deliver to endpoints on this machine too, for trying it out
    #[arg(long)]
    allow_loopback: bool,
    /// File with settings
    #[arg(long, value_name = "FILE", env = "WORKBELL_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Where to listen [setting: listen, default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where state and keys live [setting: data_dir, default: ./workbell-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// The store [setting: database, default: sqlite: in the data directory]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Print the settings in force, secrets hidden, and stop
    #[arg(long)]
    print_config: bool,
}

impl Serve {
    /// Runs until a signal.
    pub(crate) async fn run(&self, screen: &Screen, color: ColorChoice) -> Result<(), Failure> {
        let settings = self.settings(environment())?;
        if self.print_config {
            return Ok(screen.print(&settings.print_config())?);
        }
        log(settings.log.format, color);
        let data_dir = settings.general.data_dir.clone();
        let key_given = settings.general.platform_key.is_some();
        let service = Service::start(settings).await?;
        if std::io::stderr().is_terminal() {
            let key = if key_given {
                "the one in the settings".to_owned()
            } else {
                data_dir.join("platform.key").display().to_string()
            };
            screen.note(&format!(
                "workbell {} listens on http://{}; platform key: {key}\nCtrl-C stops it",
                env!("CARGO_PKG_VERSION"),
                service.platform_address()
            ));
        }
        let shutdown = CancellationToken::new();
        tokio::spawn(watch(shutdown.clone()));
        service.run(shutdown).await;
        Ok(())
    }

    fn settings(&self, environment: Vec<(String, String)>) -> Result<Settings, Failure> {
        let mut overrides = Overrides::new();
        let flags = [
            ("listen", "--listen", &self.listen),
            ("data_dir", "--data-dir", &self.data_dir),
            ("database", "--database", &self.database),
        ];
        for (key, flag, value) in flags {
            if let Some(value) = value {
                overrides = overrides.set(key, flag, value);
            }
        }
        if self.allow_loopback {
            overrides = overrides.allow_loopback();
        }
        Ok(Settings::load(self.config.as_deref(), environment, overrides)?)
    }
}

/// The environment; what is no Unicode cannot be a setting of ours, but must not stop us either.
fn environment() -> Vec<(String, String)> {
    let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect()
}

/// The first signal ends the service in order, a second one at once.
async fn watch(shutdown: CancellationToken) {
    match asked_to_stop().await {
        Ok(()) => shutdown.cancel(),
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "signals cannot be watched; only kill stops this process"
            );
            return;
        }
    }
    if asked_to_stop().await.is_ok() {
        tracing::warn!("asked a second time: stopping at once");
        std::process::exit(1);
    }
}

fn log(format: LogFormat, color: ColorChoice) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(USUAL_LOG));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_ansi(Screen::of_stderr(color).has_color()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve() -> Serve {
        Serve {
            allow_loopback: false,
            config: None,
            listen: None,
            data_dir: None,
            database: None,
            print_config: false,
        }
    }

    #[test]
    fn flags_have_the_last_word_over_the_environment() {
        let environment = vec![
            ("WORKBELL_LISTEN".to_owned(), "127.0.0.1:1111".to_owned()),
            ("WORKBELL_DATA_DIR".to_owned(), "/from/environment".to_owned()),
        ];
        let serve = Serve { listen: Some("127.0.0.1:2222".to_owned()), ..serve() };
        let settings = serve.settings(environment).unwrap();
        assert_eq!(settings.general.listen.to_string(), "127.0.0.1:2222");
        assert_eq!(settings.general.data_dir, PathBuf::from("/from/environment"));
        assert!(settings.egress.allow.is_empty());
    }

    #[test]
    fn only_the_flag_lets_endpoints_be_on_this_machine() {
        let serve = Serve { allow_loopback: true, ..serve() };
        let allowed: Vec<String> =
            serve.settings(Vec::new()).unwrap().egress.allow.iter().map(ToString::to_string).collect();
        assert_eq!(allowed, ["127.0.0.0/8", "::1/128"]);
    }

    #[test]
    fn a_bad_setting_is_wrong_usage_and_names_the_flag() {
        let serve = Serve { listen: Some("nowhere".to_owned()), ..serve() };
        let failure = serve.settings(Vec::new()).unwrap_err();
        assert_eq!(failure.exit_status(), 2);
        let text = failure.to_string();
        assert!(text.starts_with("--listen: listen: "), "{text}");
    }
}
