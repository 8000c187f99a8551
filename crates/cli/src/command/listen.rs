//! `workbell listen`: receives for a developer, on a local port or from the feed of a pull endpoint.
//!
//! What arrives is judged as a receiver should judge it, printed, and with `--forward-to` sent on with the exact
//! bytes and headers, also when it is refused: what the developer's own program does then is what they want to see.

mod arrival;
mod feed;
mod forward;
mod journal;
mod port;
mod service;
mod show;
mod trust;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use url::Url;
use workbell_receiver::{Order, Place};
use workbell_wire::certificate::Certificate;
use workbell_wire::webhook_signature::Secret;

use self::arrival::Arrival;
use self::forward::Forwarder;
use self::trust::{Destination, Trust};
use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::{developer, input, moment};

const EXAMPLES: &str = "\
Examples:
  workbell listen                                  a local port; then, in a second terminal:
  workbell emulate --all --to http://127.0.0.1:4880/
  workbell listen --forward-to http://localhost:3000/hooks
  workbell listen --server https://bell.example --client-id ID --client-secret SECRET

With --server the place in the feed is kept in a file: nothing is forwarded twice or left out when either side is \
started anew. Status 0 when it is stopped with Ctrl-C.";

/// How long a work order's last number is remembered. 30 days, the service's default `retention.notifications`.
const REMEMBER: Duration = Duration::from_secs(30 * 86_400);

/// Receive for a developer: verify, print, forward
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Listen {
    /// Send each notification on, with its exact bytes and headers
    #[arg(long, value_name = "URL", value_parser = http_url)]
    forward_to: Option<Url>,

    /// Local address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4880", conflicts_with = "server")]
    listen: SocketAddr,

    /// Pull the feed of this service over an outgoing connection, instead of listening
    #[arg(long, value_name = "URL", value_parser = http_url, requires_all = ["client_id", "client_secret"])]
    server: Option<Url>,

    /// Client of the company, for --server
    #[arg(long, value_name = "ID", requires = "server")]
    client_id: Option<String>,

    /// Its secret
    #[arg(long, value_name = "SECRET", env = "WORKBELL_CLIENT_SECRET", hide_env_values = true)]
    client_secret: Option<String>,

    /// The pull endpoint, when the company has several; without --server: the endpoint that tokens must be for
    #[arg(long, value_name = "ENDPOINT_ID")]
    endpoint: Option<String>,

    /// File that keeps the place in the feed, instead of one in the state folder
    #[arg(long, value_name = "FILE", requires = "server")]
    state: Option<PathBuf>,

    /// PEM file with the certificates to trust; without it those of --server, or the one that `emulate` signs with
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,

    /// Secret of the endpoint, whsec_…, to check the signature over the body; repeat for several
    #[arg(long = "secret", value_name = "SECRET", env = "WORKBELL_SECRET", hide_env_values = true)]
    secrets: Vec<Secret>,

    /// File with the key that `emulate --key` signs with
    #[arg(long, value_name = "FILE", conflicts_with_all = ["server", "certificate"])]
    key: Option<PathBuf>,

    /// The audience that tokens must be for
    #[arg(long, value_name = "NAME", default_value = workbell_wire::token::DEFAULT_AUDIENCE)]
    audience: String,

    /// Print the body of each notification too
    #[arg(long, help_heading = "Display")]
    body: bool,

    /// Print one JSON object per notification
    #[arg(long, help_heading = "Display")]
    pub(crate) json: bool,
}

impl Listen {
    /// Receives until it is told to stop.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let stop = CancellationToken::new();
        let asked = stop.clone();
        tokio::spawn(async move {
            // Without signals it ends when it is killed.
            let _cannot_listen = workbell_server::asked_to_stop().await;
            asked.cancel();
        });
        let forwarder = self.forward_to.clone().map(Forwarder::new).transpose()?;
        match &self.server {
            Some(server) => feed::pull(self, server, forwarder, screen, &stop).await,
            None => port::listen(self, forwarder, screen, &stop).await,
        }
    }

    /// What is trusted on a local port: a file of certificates, or the developer's own key.
    fn trust_of_port(&self, screen: &Screen) -> Result<Trust, Failure> {
        let mut trust = Trust {
            certificates: Vec::new(),
            audience: self.audience.clone(),
            endpoint: self.endpoint.clone(),
            destination: Destination::OfHost,
            secrets: self.secrets.clone(),
        };
        if let Some(path) = &self.certificate {
            trust.certificates = certificates(path)?;
            return Ok(trust);
        }
        let path = self.key.clone().map_or_else(developer::path, Ok)?;
        let identity = developer::open(&path)?.identity;
        let ring = identity.ring(&self.audience).map_err(|error| Failure::Failed(error.to_string()))?;
        trust.certificates = ring.certificates(moment::now());
        trust.endpoint = trust.endpoint.or_else(|| Some(identity.endpoint_id.clone()));
        if trust.secrets.is_empty() {
            trust.secrets.push(identity.secret.clone());
        }
        if !self.json {
            screen.note(
                "Trusting what workbell emulate signs on this machine (--certificate trusts a service).",
            );
        }
        Ok(trust)
    }
}

/// What all arrivals share: who is trusted, what was seen, and where it is shown.
struct Desk<'a> {
    options: &'a Listen,
    screen: &'a Screen,
    forwarder: Option<Forwarder>,
    order: Mutex<Order>,
}

impl<'a> Desk<'a> {
    fn new(options: &'a Listen, forwarder: Option<Forwarder>, screen: &'a Screen) -> Self {
        Desk { options, screen, forwarder, order: Mutex::new(Order::new(REMEMBER)) }
    }

    async fn place(&self, arrival: &Arrival) -> Place {
        let told = arrival.told();
        self.order.lock().await.note(told.work_order_id, arrival.sequence(), moment::now())
    }

    fn note(&self, line: &str) {
        self.screen.note(&self.screen.paint(Style::Faint, line));
    }
}

/// The certificates of a file.
fn certificates(path: &std::path::Path) -> Result<Vec<Certificate>, Failure> {
    let bytes = input::read(path)?;
    Certificate::read_bundle(&String::from_utf8_lossy(&bytes))
        .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}

fn http_url(text: &str) -> Result<Url, String> {
    let example = "write it like http://localhost:3000/hooks";
    let url = Url::parse(text).map_err(|error| format!("{error}; {example}"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        scheme => Err(format!("{scheme}: is no scheme of HTTP; {example}")),
    }
}
