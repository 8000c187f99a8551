//! Pulling a feed: one notification after the other, in its order, each once.
//!
//! The place is written down when a notification is done with: printed, and sent on if it is to be. The service may
//! go away and come back, and so may we. What cannot be sent on because nobody listens there waits; what was sent
//! and not answered is shown so, and is not sent twice.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use url::Url;
use workbell_wire::certificate::Certificate;

use super::arrival::Arrival;
use super::forward::{Forwarded, Forwarder};
use super::journal::Journal;
use super::service::{Item, Pulled, Service};
use super::trust::{Destination, Trust, Verdict};
use super::{Desk, Listen, certificates, show};
use crate::failure::Failure;
use crate::moment;
use crate::screen::Screen;

/// First wait before something is tried again; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Longest wait. 5 s: a person sits in front of it.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How often newer certificates are looked for at most.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

struct Reader<'a> {
    desk: Desk<'a>,
    service: Service,
    journal: Journal,
    trust: Trust,
    /// The certificates come from the service: newer ones can be had there.
    asked: Option<Instant>,
    stop: &'a CancellationToken,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Go,
    Stop,
}

/// Pulls until it is told to stop.
///
/// # Errors
/// When the service cannot be reached at first, or refuses us.
pub(super) async fn pull(
    options: &Listen,
    server: &Url,
    forwarder: Option<Forwarder>,
    screen: &Screen,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let (Some(id), Some(secret)) = (options.client_id.clone(), options.client_secret.clone()) else {
        return Err(Failure::Usage("--server needs --client-id and --client-secret".to_owned()));
    };
    let state = options.state.clone().map_or_else(|| state_file(&id, options.endpoint.as_deref()), Ok)?;
    let journal = Journal::open(&state)?;
    let mut service = Service::new(server.clone(), (id, secret), options.endpoint.clone())?;
    let (trusted, asked) = match &options.certificate {
        Some(path) => (certificates(path)?, None),
        None => match first_certificates(&mut service, screen, stop).await? {
            Some(trusted) => (trusted, Some(Instant::now())),
            None => return Ok(()),
        },
    };
    let trust = Trust {
        certificates: trusted,
        audience: options.audience.clone(),
        endpoint: options.endpoint.clone(),
        destination: Destination::OfFeed,
        secrets: options.secrets.clone(),
    };
    let desk = Desk::new(options, forwarder, screen);
    desk.note(&format!("Pulling the feed from {}; stop with Ctrl-C.", service.name()));
    if let Some(forwarder) = &desk.forwarder {
        desk.note(&format!("Forwarding to {}", forwarder.url()));
    }
    Reader { desk, service, journal, trust, asked, stop }.run().await
}

/// The certificates, tried again while there are connections and they break; `None` when told to stop.
async fn first_certificates(
    service: &mut Service,
    screen: &Screen,
    stop: &CancellationToken,
) -> Result<Option<Vec<Certificate>>, Failure> {
    let mut is_first = true;
    loop {
        let failure = tokio::select! {
            () = stop.cancelled() => return Ok(None),
            had = service.certificates() => match had {
                Ok(certificates) => return Ok(Some(certificates)),
                Err(failure) => failure,
            },
        };
        match failure {
            Failure::Unreachable { .. } if service.was_reached() => {
                if is_first {
                    screen.note(&format!("{failure}; trying again."));
                }
                is_first = false;
                tokio::time::sleep(FIRST_WAIT).await;
            }
            other => return Err(other),
        }
    }
}

/// `$XDG_STATE_HOME/workbell/feeds/…`, else below `~/.local/state`; ids of clients and endpoints are unique.
fn state_file(client_id: &str, endpoint: Option<&str>) -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    let folder = folder.ok_or_else(|| {
        Failure::Failed(
            "no folder for the place in the feed: neither XDG_STATE_HOME nor HOME is set; give --state"
                .to_owned(),
        )
    })?;
    let name: String = client_id
        .chars()
        .chain(endpoint.map(|endpoint| format!("-{endpoint}")).unwrap_or_default().chars())
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' })
        .collect();
    Ok(folder.join("workbell/feeds").join(name))
}

impl Reader<'_> {
    async fn run(mut self) -> Result<(), Failure> {
        let mut after = self.journal.cursor().map(str::to_owned);
        let mut wait = FIRST_WAIT;
        let mut is_away = false;
        loop {
            let pulled = tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                pulled = self.service.pull(after.as_deref()) => pulled?,
            };
            match pulled {
                Pulled::Page(page) => {
                    if is_away {
                        self.desk.note(&format!("{} answers again.", self.service.name()));
                    }
                    (wait, is_away) = (FIRST_WAIT, false);
                    for item in &page.items {
                        if self.take(item).await? == Next::Stop {
                            return Ok(());
                        }
                    }
                    after = Some(page.next);
                }
                Pulled::Expired => {
                    let line = "The place in the feed has expired: beginning with the oldest that is kept.";
                    self.desk.note(line);
                    after = None;
                }
                Pulled::Later { reason, after: asked } => {
                    if !is_away {
                        self.desk.note(&format!("{reason}; trying again."));
                    }
                    is_away = true;
                    if self.pause(asked.unwrap_or(wait).min(Duration::from_secs(60))).await == Next::Stop {
                        return Ok(());
                    }
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// One notification, from the judgement to the line in the journal.
    async fn take(&mut self, item: &Item) -> Result<Next, Failure> {
        let arrival = item.arrival();
        let message_id = arrival.told().message_id;
        // One without an id is never the same as another.
        if message_id.is_empty() || !self.journal.knows(&message_id) {
            let verdict = self.judge(&arrival).await;
            let place = self.desk.place(&arrival).await;
            let (options, screen) = (self.desk.options, self.desk.screen);
            if !options.json {
                screen.print(&show::text(&arrival, &place, &verdict, options.body, screen))?;
            }
            let forwarded = match self.forward(&arrival).await {
                Ok(forwarded) => forwarded,
                Err(Next::Go | Next::Stop) => return Ok(Next::Stop),
            };
            if options.json {
                screen.print(&show::json(&arrival, &place, &verdict, forwarded.as_ref()))?;
            } else if let Some(forwarded) = &forwarded {
                screen.print(&show::answer(forwarded, screen))?;
            }
        }
        self.journal.done(&item.cursor, &message_id)?;
        Ok(if self.stop.is_cancelled() { Next::Stop } else { Next::Go })
    }

    /// Judges; when no certificate fits, once more with those that the service has now.
    async fn judge(&mut self, arrival: &Arrival) -> Verdict {
        let verdict = self.trust.judge(arrival, moment::now());
        let may_ask = self.asked.is_some_and(|asked| asked.elapsed() >= LOOK_AGAIN);
        if let Verdict::Refused { by_certificates: true, .. } = verdict
            && may_ask
        {
            self.asked = Some(Instant::now());
            // What cannot be had leaves those that we have.
            if let Ok(newer) = self.service.certificates().await {
                self.trust.certificates = newer;
                return self.trust.judge(arrival, moment::now());
            }
        }
        verdict
    }

    /// Sends it on, once; waits while nobody listens there. `Err` when it was told to stop before.
    async fn forward(&self, arrival: &Arrival) -> Result<Option<Forwarded>, Next> {
        let Some(forwarder) = &self.desk.forwarder else { return Ok(None) };
        let mut wait = FIRST_WAIT;
        loop {
            match forwarder.send(arrival).await {
                Forwarded::NotReached(reason) => {
                    if wait == FIRST_WAIT {
                        self.desk.note(&format!("{reason}; waiting for it."));
                    }
                    if self.pause(wait).await == Next::Stop {
                        return Err(Next::Stop);
                    }
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                sent @ (Forwarded::Answered { .. } | Forwarded::NoAnswer(_)) => return Ok(Some(sent)),
            }
        }
    }

    async fn pause(&self, wait: Duration) -> Next {
        tokio::select! {
            () = self.stop.cancelled() => Next::Stop,
            () = tokio::time::sleep(wait) => Next::Go,
        }
    }
}
