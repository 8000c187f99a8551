//! Alerts: telling them at `alerts.url`, and looking after what no commit of the store tells of.
//!
//! [`Herald`] posts each alert until somebody answers 2xx. It has a connection of its own and none of the engine's
//! slots, so no endpoint that hangs or is down can hold it up. What is to be told stands in the store: a restart goes on
//! with it. [`Warden`] looks at disk and certificates.
//! Source: service.md section 6, Alerts; Standard Webhooks for the request.

mod warden;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use workbell_egress::{
    Attempted, Client, ClientOptions, Policy, Pool, Reach, Request, Signed, Stamp, Target, UrlError,
};
use workbell_store::Store;
use workbell_store::alert::{AlertRecord, LONGEST_WAIT, Telling};
use workbell_wire::Timestamp;
use workbell_wire::webhook_signature::Keys;

use crate::clock::Clock;
use crate::settings::Settings;

pub(crate) use warden::Warden;

/// Wait after the first try that failed. It doubles to [`LONGEST_WAIT`].
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// How long an alert is news. What could not be told by then is left to the list.
///
/// 3 days: a weekend, and a day to mend it. Our choice.
const NEWS: Duration = Duration::from_secs(3 * 86_400);

/// Longest try as a whole, and longest connecting.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of an answer is read.
const RESPONSE_LIMIT: usize = 1024;

/// Alerts that are looked at together.
const BATCH: usize = 50;

/// How often the list is looked at although nothing rang: hints can be lost, and clocks be set.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// How soon a store that could not be read or written is asked again.
const STORE_AGAIN: Duration = Duration::from_secs(5);

/// Tells alerts to whoever listens at `alerts.url`.
pub(crate) struct Herald {
    store: Arc<dyn Store>,
    pool: Pool,
    target: Arc<Target>,
    keys: Keys,
    clock: Clock,
    /// What became of alerts and is not on disk yet, by their numbers: while the store refuses writes nobody is told
    /// twice.
    unsaved: BTreeMap<u64, Telling>,
}

/// Why there is no herald though there is a URL.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL cannot be posted to.
    #[error("alerts.url cannot be used: {0}")]
    Url(#[from] UrlError),
    /// Outgoing connections cannot be made.
    #[error(transparent)]
    Egress(#[from] workbell_egress::Error),
}

/// Whom alerts may be told to: `alerts.url` is the operator's own choice, so private addresses are fine.
pub(crate) fn policy(settings: &Settings, own: Vec<std::net::SocketAddr>) -> Policy {
    Policy { deny: settings.egress.deny.clone(), reach: Reach::Owner, own, ..Policy::open() }
}

impl Herald {
    /// One for these settings; `None` when nobody wants to be told.
    ///
    /// # Errors
    /// [`Error`].
    pub(crate) fn new(
        settings: &Settings,
        policy: Policy,
        store: Arc<dyn Store>,
        clock: Clock,
    ) -> Result<Option<Self>, Error> {
        let (Some(url), Some(secret)) = (&settings.alerts.url, &settings.alerts.secret) else {
            return Ok(None);
        };
        let target = Arc::new(Target::parse(url.as_str())?);
        let ca_file = settings.egress.ca_file.clone();
        let client = Client::new(ClientOptions { ca_file, ..ClientOptions::new(policy) })?;
        let (pool, keys, unsaved) = (client.pool(1), Keys::new([secret]), BTreeMap::new());
        Ok(Some(Herald { store, pool, target, keys, clock, unsaved }))
    }

    /// Tells until `shutdown`.
    ///
    /// # Cancel safety
    /// Ends at `shutdown` alone. A try that is cut off by it is made again at the next start, with the same id.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut raised = self.store.counters().watch_alerts();
        loop {
            raised.mark_unchanged();
            let round = tokio::select! {
                () = shutdown.cancelled() => return,
                round = self.round() => round,
            };
            let wait = match round {
                Ok(None) => None,
                Ok(Some(due)) => Some(due.since(self.clock.now()).min(LOOK_AGAIN)),
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot read or note alerts yet"
                    );
                    Some(STORE_AGAIN)
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                // The sender lives as long as the store does.
                _ = raised.changed() => {}
                () = sleep(wait) => {}
            }
        }
    }

    /// Tries each alert that is due; when the next one is, if any is left.
    async fn round(&mut self) -> Result<Option<Timestamp>, workbell_store::Error> {
        let mut saved = self.save().await;
        let now = self.clock.now();
        let untold = self.store.untold_alerts(now, BATCH).await?;
        let is_full = untold.due.len() == BATCH;
        let mut next = untold.next;
        for alert in untold.due {
            let now = self.clock.now();
            match self.unsaved.get(&alert.no) {
                Some(Telling::Told(_) | Telling::GivenUp) => continue,
                Some(Telling::Again(due)) if *due > now => continue,
                Some(Telling::Again(_)) | None => {}
            }
            let (telling, answered) = if now.since(alert.raised) > NEWS {
                (Telling::GivenUp, Answered::Yes)
            } else {
                self.tell(&alert, now).await
            };
            self.unsaved.insert(alert.no, telling);
            saved = self.save().await;
            if let Telling::Again(due) = telling {
                next = Some(next.map_or(due, |next| next.min(due)));
            }
            if answered == Answered::No {
                // The others would wait for the same nobody.
                saved?;
                return Ok(next);
            }
        }
        saved?;
        Ok(if is_full { Some(self.clock.now()) } else { next })
    }

    /// Writes down what became of alerts, oldest first.
    async fn save(&mut self) -> Result<(), workbell_store::Error> {
        while let Some((&no, &telling)) = self.unsaved.first_key_value() {
            self.store.told(no, telling).await?;
            self.unsaved.remove(&no);
        }
        Ok(())
    }

    async fn tell(&self, alert: &AlertRecord, now: Timestamp) -> (Telling, Answered) {
        let id = format!("alert_{}_{}", alert.no, alert.raised.ticks());
        let body = body(alert);
        let text = self.keys.sign(&id, now.unix_seconds(), body.as_bytes());
        let value =
            |text: &str| HeaderValue::from_str(text).expect("ids, names and base64 are visible ASCII");
        let stamp = Stamp {
            authorization: None,
            event_type: value(&alert.kind),
            signature: Some(Signed {
                id: value(&id),
                timestamp: now.unix_seconds(),
                signature: value(&text),
            }),
            attempt: u64::from(alert.attempts) + 1,
            sequence: None,
            mode: "live",
        };
        let request = Request {
            target: Arc::clone(&self.target),
            headers: stamp.headers(),
            body: body.into_bytes().into(),
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            expect_continue: false,
            response_limit: RESPONSE_LIMIT,
        };
        let Attempted { result, .. } = self.pool.send(request).await;
        let ended = self.clock.now();
        match result {
            Ok(status) if status.is_success() => (Telling::Told(ended), Answered::Yes),
            Ok(status) => {
                tracing::warn!(alert = alert.no, %status, "alerts.url refused an alert; it is tried again");
                (Telling::Again(ended.plus(wait_after(alert.attempts))), Answered::Yes)
            }
            Err(failure) => {
                tracing::warn!(alert = alert.no, %failure, "an alert could not be told; it is tried again");
                (Telling::Again(ended.plus(wait_after(alert.attempts))), Answered::No)
            }
        }
    }
}

/// Whether somebody was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    Yes,
    No,
}

/// What is posted. Source: Standard Webhooks, "Payload structure".
fn body(alert: &AlertRecord) -> String {
    let mut data = alert.detail.clone();
    data.insert("AlertId".to_owned(), json!(alert.no));
    data.insert("CompanyId".to_owned(), json!(alert.company_id));
    data.insert("Subject".to_owned(), json!(alert.subject));
    json!({ "type": alert.kind, "timestamp": alert.raised, "data": data }).to_string()
}

/// The wait after so many earlier tries.
fn wait_after(attempts: u16) -> Duration {
    SHORTEST_WAIT.saturating_mul(1 << attempts.min(10)).min(LONGEST_WAIT)
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        // Nothing is left to tell: only a new one wakes us.
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_minute() {
        let seconds: Vec<u64> = (0..9).map(|attempts| wait_after(attempts).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(wait_after(u16::MAX), LONGEST_WAIT);
    }
}
