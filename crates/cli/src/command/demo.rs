//! `workbell demo`: the whole story on one screen, nothing to configure.
//!
//! The service runs inside of this process on an embedded store in a temporary folder, which goes at the end. A
//! verifying receiver listens beside it. A handful of work orders live through every action: they are created and
//! acted on over HTTP as anybody would, and each line on the screen grows from published over delivered to verified.
//! One act goes through the Direct API and notifies nobody; one notification is answered 500 and comes again, while its
//! work order waits and the others go on.

mod deed;
mod receiver;
mod stage;
mod story;
mod summary;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;
use workbell_server::Service;
use workbell_server::settings::{Overrides, Settings};
use workbell_wire::certificate::Certificate;
use workbell_wire::{MessageId, Timestamp};

use self::deed::Deed;
use self::receiver::{Arrival, Receiver, Trust};
use self::stage::{Line, Stage};
use self::story::{BRANCHES, COMPANY, COMPANY_NAME, Scene, Turn};
use self::summary::Summary;
use crate::failure::Failure;
use crate::moment;
use crate::platform::{Platform, PlatformKey};
use crate::record::member;
use crate::screen::{self, Screen};

const EXAMPLES: &str = "\
Examples:
  workbell demo               watch, then try the service that stays up
  workbell demo --exit        end after the story; status 0 only if everything was verified";

/// Time between two scenes in a terminal.
///
/// 420 ms: 38 scenes take 16 seconds, slow enough to read along. In a pipe there is none.
const PACE: Duration = Duration::from_millis(420);

/// The service's wait after the one failed attempt: in a terminal long enough to see others pass.
const RETRY_WAIT: Duration = Duration::from_millis(1_900);
const RETRY_WAIT_IN_A_PIPE: Duration = Duration::from_millis(200);

/// Time between two frames.
const FRAME: Duration = Duration::from_millis(40);

/// Longest wait for what is still missing when the last scene is published.
///
/// 20 seconds; the one retry takes two.
const LONGEST_FINALE: Duration = Duration::from_secs(20);

/// Most arrivals that wait to be shown; more than the story has.
const ARRIVALS: usize = 256;

/// Watch work orders live through every action, each notification delivered and verified
#[derive(Clone, Copy, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Demo {
    /// End after the story; status 0 only if everything was verified
    #[arg(long)]
    exit: bool,
}

impl Demo {
    /// Tells the story.
    pub(crate) async fn run(self, screen: &Screen) -> Result<(), Failure> {
        let retry_wait = if screen.is_terminal() { RETRY_WAIT } else { RETRY_WAIT_IN_A_PIPE };
        let theatre = Theatre::open(retry_wait).await?;
        let cursor = HiddenCursor::new(screen)?;
        let outcome = tokio::select! {
            outcome = self.play(&theatre, retry_wait, screen) => outcome,
            stopped = asked_to_stop() => stopped.and(Err(Failure::Shown)),
        };
        drop(cursor);
        if outcome.is_ok() && !self.exit {
            let server = theatre.platform.name();
            let link = theatre.sign_in_link().await?;
            screen.print(&summary::how_to_go_on(&server, &link, theatre.folder.path(), screen))?;
            asked_to_stop().await?;
        }
        theatre.close().await;
        outcome
    }

    async fn play(self, theatre: &Theatre, retry_wait: Duration, screen: &Screen) -> Result<(), Failure> {
        let mut stage = Stage::new(screen, retry_wait);
        screen.print(&title(theatre, screen))?;
        screen.print(&stage.headings())?;
        let pace = if screen.is_terminal() { PACE } else { Duration::ZERO };
        theatre.perform(&mut stage, pace).await?;
        let summary = Summary::of(stage.lines());
        screen.print(&summary.render(screen))?;
        if !summary.is_good() {
            return Err(Failure::Shown);
        }
        theatre.check_queue(stage.lines().len()).await
    }
}

/// Ends with Ctrl-C, with SIGTERM, or when the terminal is closed: each of them must leave no folder behind.
async fn asked_to_stop() -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        asked = workbell_server::asked_to_stop() => Ok(asked?),
        _ = hang_up.recv() => Ok(()),
    }
}

fn title(theatre: &Theatre, screen: &Screen) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let text = format!(
        "Workbell {version}: customers and providers act on work orders; {COMPANY_NAME} is told at {} and \
         checks each token, each signature over the body, and the order: # counts per work order.",
        theatre.destination
    );
    format!("{}\n\n", screen::wrap(&text, screen.width(), 2))
}

/// The service, the receiver and the story.
struct Theatre {
    folder: tempfile::TempDir,
    shutdown: CancellationToken,
    service: tokio::task::JoinHandle<()>,
    receiver: tokio::task::JoinHandle<()>,
    platform: Platform,
    destination: String,
    client_id: String,
    office: Platform,
    scenes: Vec<(Scene, MessageId)>,
    arrivals: tokio::sync::Mutex<mpsc::Receiver<Arrival>>,
}

impl Theatre {
    /// Starts service and receiver, and sets up the company as an operator would.
    async fn open(retry_wait: Duration) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("workbell-demo-").tempdir()?;
        let service = Service::start(settings(folder.path())?).await?;
        let server = format!("http://{}", service.platform_address());
        let shutdown = CancellationToken::new();
        let service = tokio::spawn(service.run(shutdown.clone()));
        let key_file = folder.path().join("platform.key");
        let key = std::fs::read_to_string(&key_file)
            .map_err(|source| Failure::KeyMissing { path: key_file.clone(), source })?;
        let key = PlatformKey::new(key.trim(), key_file.display().to_string())?;
        let url: Url = server.parse().map_err(|_| Failure::Failed(format!("{server} is no URL")))?;
        let platform = Platform::new(Url::clone(&url), Some(key))?;

        let receiver = Receiver::bind().await?;
        let destination = format!("http://{}", receiver.address()?);
        let company = json!({ "CompanyId": COMPANY, "Name": COMPANY_NAME });
        create(&platform, &["v1", "companies"], &company).await?;
        for (id, name) in BRANCHES {
            let branch = json!({ "BranchId": id, "Name": name });
            create(&platform, &["v1", "companies", COMPANY, "branches"], &branch).await?;
        }
        let client =
            create(&platform, &["v1", "companies", COMPANY, "clients"], &json!({ "Name": "Northwall CMMS" }))
                .await?;
        let endpoint = json!({
            "Url": format!("{destination}/workbell"),
            "RetrySchedule": [workbell_model::duration::format(retry_wait)]
        });
        let endpoint = create(&platform, &["v1", "companies", COMPANY, "endpoints"], &endpoint).await?;
        let pem = platform.get(&["certificates"], &[]).await?;
        let certificates = Certificate::read_bundle(pem.text()?)
            .map_err(|error| Failure::Failed(format!("the certificates cannot be read: {error}")))?;
        let secret = member(&endpoint, "Secret")
            .parse()
            .map_err(|error| Failure::Failed(format!("the endpoint's secret cannot be read: {error}")))?;
        let trust = Trust {
            certificates,
            secret,
            endpoint_id: member(&endpoint, "EndpointId"),
            destination: destination.clone(),
        };

        let scenes: Vec<(Scene, MessageId)> = story::scenes()
            .into_iter()
            .map(|scene| (scene, MessageId::from_bytes(*Uuid::now_v7().as_bytes())))
            .collect();
        let hiccup: HashSet<String> = scenes
            .iter()
            .filter(|(scene, _)| scene.turn == Turn::Hiccup)
            .map(|(_, message_id)| message_id.to_string())
            .collect();
        let (tell, arrivals) = mpsc::channel(ARRIVALS);
        let receiver = tokio::spawn(receiver.run(trust, hiccup, tell));
        let client_id = member(&client, "ClientId");
        let office = deed::office(&url, &client).await?;
        Ok(Theatre {
            folder,
            shutdown,
            service,
            receiver,
            platform,
            destination,
            client_id,
            office,
            scenes,
            arrivals: tokio::sync::Mutex::new(arrivals),
        })
    }

    /// Publishes scene after scene and shows what becomes of each, until all are done or too much time is gone.
    async fn perform(&self, stage: &mut Stage, pace: Duration) -> Result<(), Failure> {
        let first = monday_of_last_week(moment::now());
        let mut arrivals = self.arrivals.lock().await;
        let mut frames = tokio::time::interval(FRAME);
        let mut due = tokio::time::Instant::now();
        for (scene, message_id) in &self.scenes {
            while tokio::time::Instant::now() < due {
                tokio::select! {
                    () = tokio::time::sleep_until(due) => {}
                    Some(arrival) = arrivals.recv() => { stage.arrived(arrival); }
                    _ = frames.tick() => {}
                }
                stage.draw(Instant::now())?;
            }
            due += pace;
            let id = message_id.to_string();
            let body = scene.notification(*message_id, first, &self.client_id);
            stage.enter(Line::new(scene, id.clone(), Instant::now()));
            match self.act(&body, scene.turn == Turn::Direct).await {
                Ok(fate) => stage.published(&id, &fate),
                Err(failure) => stage.refused(&id, failure.to_string()),
            }
            while let Ok(arrival) = arrivals.try_recv() {
                stage.arrived(arrival);
            }
            stage.draw(Instant::now())?;
        }
        let end = tokio::time::Instant::now() + LONGEST_FINALE;
        while !stage.is_quiet() && tokio::time::Instant::now() < end {
            tokio::select! {
                Some(arrival) = arrivals.recv() => { stage.arrived(arrival); }
                _ = frames.tick() => {}
            }
            stage.draw(Instant::now())?;
        }
        Ok(())
    }

    /// Does what leads to this notification; its fate.
    async fn act(&self, notification: &[u8], is_direct: bool) -> Result<String, Failure> {
        let notification = serde_json::from_slice(notification)
            .map_err(|error| Failure::Failed(format!("a scene is no JSON: {error}")))?;
        Deed::of(notification, is_direct).run(&self.platform, &self.office).await
    }

    /// Holds what the service says about its queue against what was seen: all but the suppressed one delivered.
    async fn check_queue(&self, lines: usize) -> Result<(), Failure> {
        let direct = self.scenes.iter().filter(|(scene, _)| scene.turn == Turn::Direct).count();
        let expected = lines - direct;
        let end = tokio::time::Instant::now() + LONGEST_FINALE;
        loop {
            let query = [("State", "Delivered".to_owned()), ("Limit", "500".to_owned())];
            let answer = self.platform.get(&["v1", "deliveries"], &query).await?.value()?;
            let delivered = answer["Items"].as_array().map_or(0, Vec::len);
            if delivered == expected {
                return Ok(());
            }
            if tokio::time::Instant::now() > end {
                return Err(Failure::Failed(format!(
                    "the service says {delivered} were delivered, {expected} were verified"
                )));
            }
            tokio::time::sleep(FRAME).await;
        }
    }

    /// Ends service and receiver; the folder goes with all that is in it.
    async fn close(self) {
        self.shutdown.cancel();
        // It panicked: then the panic stands on the screen already.
        let _ = self.service.await;
        self.receiver.abort();
    }
}

impl Theatre {
    /// A one-time link with which whoever watches signs in to the portal.
    async fn sign_in_link(&self) -> Result<String, Failure> {
        let person = json!({ "Email": "you@northwall.example", "Role": "Admin" });
        let made = create(&self.platform, &["v1", "companies", COMPANY, "people"], &person).await?;
        Ok(member(&made, "Link"))
    }
}

async fn create(platform: &Platform, path: &[&str], body: &Value) -> Result<Value, Failure> {
    platform.post(path, body.to_string().into()).await?.value()
}

/// Settings of their own: no file and no environment, so that the demo is the same everywhere.
fn settings(data_dir: &std::path::Path) -> Result<Settings, Failure> {
    let overrides = Overrides::new()
        .set("listen", "demo", "127.0.0.1:0")
        .set("data_dir", "demo", data_dir.display().to_string())
        .set("delivery.max_in_flight", "demo", "64")
        .allow_loopback();
    Ok(Settings::load(None, [], overrides)?)
}

/// The story's Monday: of the week before the present one, so that all of it lies in the past.
fn monday_of_last_week(now: Timestamp) -> Timestamp {
    let day = now.unix_seconds().div_euclid(86_400);
    // 1970 began on a Thursday.
    let since_monday = (day + 3).rem_euclid(7);
    Timestamp::from_unix_seconds((day - since_monday - 7) * 86_400)
}

/// Hides the cursor while the screen moves, and shows it again whatever happens.
struct HiddenCursor<'a>(&'a Screen);

impl<'a> HiddenCursor<'a> {
    fn new(screen: &'a Screen) -> Result<Self, Failure> {
        if screen.is_terminal() {
            screen.print("\x1b[?25l")?;
        }
        Ok(HiddenCursor(screen))
    }
}

impl Drop for HiddenCursor<'_> {
    fn drop(&mut self) {
        if self.0.is_terminal() {
            let _ = self.0.print("\x1b[?25h");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_begins_on_a_monday_and_ends_before_now() {
        for text in ["2026-07-27T00:00:00Z", "2026-07-29T12:00:00Z", "2026-08-02T23:59:59Z"] {
            let monday = monday_of_last_week(text.parse().unwrap());
            assert_eq!(monday.to_string(), "2026-07-20T00:00:00Z", "{text}");
            assert!(monday.to_http_date().starts_with("Mon, "));
        }
    }

    #[tokio::test]
    async fn the_whole_story_is_delivered_and_verified() {
        let screen = Screen::pipe().captured();
        Demo { exit: true }.run(&screen).await.unwrap();
        let text = screen.printed();
        assert!(text.contains("37 notifications of 5 work orders, 28 actions of 28"), "{text}");
    }
}
