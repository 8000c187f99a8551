//! `workbell serve`: the service.
//!
//! Settings come from a file, then the environment, then the flags here. What the service says goes to standard
//! error, as text or JSON; `RUST_LOG` takes more or less of it, by the rules of `tracing`'s `EnvFilter`.

use std::io::IsTerminal as _;

use clap::Args;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use workbell_server::settings::LogFormat;
use workbell_server::{Service, asked_to_stop};

use crate::failure::Failure;
use crate::screen::{ColorChoice, Screen};
use crate::service_settings::ServiceSettings;

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
    #[command(flatten)]
    service: ServiceSettings,
    /// Print the settings in force, secrets hidden, and stop
    #[arg(long)]
    print_config: bool,
}

impl Serve {
    /// Runs until a signal.
    pub(crate) async fn run(&self, screen: &Screen, color: ColorChoice) -> Result<(), Failure> {
        let settings = self.service.load()?;
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
        tokio::spawn(watch(asked_to_stop(), shutdown.clone()));
        service.run(shutdown).await;
        Ok(())
    }
}

/// The first signal ends the service in order, a second one at once.
async fn watch(asked: impl Future<Output = Result<(), workbell_server::Error>>, shutdown: CancellationToken) {
    match asked.await {
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
