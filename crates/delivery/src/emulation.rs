//! Notifications that try an endpoint out: sent once, logged, in no queue and no lane.
//!
//! They look like live ones but for `Workbell-Mode: test` and the missing sequence, and go out with the endpoint's
//! own settings. An endpoint that is paused, down or throttled is tried too: to see whether it is well again is what
//! they are for. Source: service.md section 8.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderValue;
use tokio::time::Instant;
use workbell_model::{CompanyId, Endpoint, Mode, WorkOrderId, log};
use workbell_signing::TokenCache;
use workbell_store::record;
use workbell_wire::{ActionName, MessageId};

use crate::ended::Ended;
use crate::engine::{Handle, Shared};
use crate::template::{Letter, Template, Unusable};

/// Emulated notifications of one company within [`SPAN`].
///
/// 60 a minute: a person who tries things out needs fewer, and a loop is stopped. The value is our choice.
pub const MOST: usize = 60;

/// The time in which [`MOST`] are counted.
pub const SPAN: Duration = Duration::from_secs(60);

/// Emulated notifications under way at once, over all companies.
///
/// 64, beside the attempts of the queue: one hanging receiver holds one for 30 s. The value is our choice.
pub const MOST_AT_ONCE: usize = 64;

/// A notification to try an endpoint out with.
#[derive(Clone, Debug)]
pub struct Emulation {
    /// The endpoint as it is now.
    pub endpoint: Arc<Endpoint>,
    /// The work order that it tells of.
    pub work_order_id: WorkOrderId,
    /// The branch that it names.
    pub branch_id: i64,
    /// What it says that happened.
    pub action: ActionName,
    /// Its id.
    pub message_id: MessageId,
    /// The exact bytes.
    pub body: Bytes,
}

/// Why nothing was sent, or nothing could be logged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One of the company is under way.
    #[error("another emulated notification of this company is still under way; one at a time")]
    Busy,
    /// Too many of all companies are under way.
    #[error("{MOST_AT_ONCE} emulated notifications are under way; that is the most at once")]
    Full,
    /// The company sent too many.
    #[error("{MOST} emulated notifications within a minute are the most for one company")]
    TooMany(Duration),
    /// The service ends.
    #[error("the service is stopping")]
    Stopping,
    /// The store takes no writes, so nothing may be sent.
    #[error("the store takes no writes, so that nothing can be logged: {0}")]
    Trouble(String),
    /// It was sent, and the record was not written.
    #[error("it was sent and could not be logged: {0}")]
    Store(#[from] workbell_store::Error),
}

/// Who sent how many, and who is sending.
#[derive(Debug, Default)]
pub(crate) struct Emulations(Mutex<HashMap<CompanyId, Recent>>);

#[derive(Debug, Default)]
struct Recent {
    /// When the last ones began, oldest first; at most [`MOST`].
    begun: VecDeque<Instant>,
    under_way: bool,
}

/// The one slot of a company; given back when it is dropped.
struct Slot {
    shared: Arc<Shared>,
    company: CompanyId,
}

impl Emulations {
    fn lock(&self) -> MutexGuard<'_, HashMap<CompanyId, Recent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, company: &CompanyId, now: Instant) -> Result<(), Error> {
        let mut companies = self.lock();
        // Those that were quiet for a minute are forgotten, so that this holds the busy ones alone.
        companies.retain(|_, recent| {
            while recent.begun.front().is_some_and(|begun| now.duration_since(*begun) >= SPAN) {
                recent.begun.pop_front();
            }
            recent.under_way || !recent.begun.is_empty()
        });
        if companies.values().filter(|recent| recent.under_way).count() >= MOST_AT_ONCE {
            return Err(Error::Full);
        }
        let recent = companies.entry(company.clone()).or_default();
        if recent.under_way {
            return Err(Error::Busy);
        }
        if let (MOST.., Some(oldest)) = (recent.begun.len(), recent.begun.front()) {
            return Err(Error::TooMany(SPAN.saturating_sub(now.duration_since(*oldest))));
        }
        recent.begun.push_back(now);
        recent.under_way = true;
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(recent) = self.shared.emulations.lock().get_mut(&self.company) {
            recent.under_way = false;
        }
    }
}

impl Handle {
    /// Sends a notification to an endpoint once, and gives the number of its log record.
    ///
    /// # Errors
    /// When nothing was sent, or the record could not be written. What the endpoint answered stands in the record.
    ///
    /// # Cancel safety
    /// Once begun it goes on, is logged, and holds the company's slot until then.
    pub async fn emulate(&self, emulation: Emulation) -> Result<u64, Error> {
        let shared = self.shared().clone();
        if shared.stopping.is_cancelled() {
            return Err(Error::Stopping);
        }
        if let Some(why) = shared.store.trouble() {
            return Err(Error::Trouble(why));
        }
        let company = emulation.endpoint.key.company_id.clone();
        shared.emulations.begin(&company, Instant::now())?;
        let slot = Slot { shared: shared.clone(), company };
        let tasks = shared.tasks.clone();
        let sent = tasks.spawn(async move {
            let record = send(&shared, emulation).await;
            let logged = shared.store.log_emulation(record).await;
            drop(slot);
            logged
        });
        match sent.await {
            Ok(logged) => Ok(logged?),
            Err(broken) if broken.is_panic() => std::panic::resume_unwind(broken.into_panic()),
            Err(_) => Err(Error::Stopping),
        }
    }
}

async fn send(shared: &Shared, emulation: Emulation) -> record::Emulation {
    let start = shared.clock.now();
    let began = Instant::now();
    let url = emulation.endpoint.settings.url.clone().unwrap_or_default();
    let mut ended = match request(shared, &emulation) {
        Err(unusable) => Ended::misconfigured(unusable.to_string(), url),
        Ok(request) => {
            let post = shared.open.open(1);
            tokio::select! {
                biased;
                attempted = post.post(request) => Ended::from_attempted(attempted, &url, shared.clock.wall()),
                () = shared.cut_off.cancelled() => Ended::interrupted(url, began.elapsed()),
            }
        }
    };
    ended.detail = log::Detail {
        message_id: Some(emulation.message_id.to_string()),
        body: Some(String::from_utf8_lossy(&emulation.body).into_owned()),
        ..ended.detail
    };
    record::Emulation {
        endpoint: emulation.endpoint.key.clone(),
        work_order_id: emulation.work_order_id,
        branch_id: emulation.branch_id,
        action: emulation.action,
        attempt: ended.attempt(1, start),
    }
}

fn request(shared: &Shared, emulation: &Emulation) -> Result<workbell_egress::Request, Unusable> {
    let (key, now) = (&emulation.endpoint.key, shared.clock.wall());
    let client = shared
        .store
        .directory()
        .company(&key.company_id)
        .map_or_else(|| key.company_id.to_string(), |company| company.default_client_name());
    let template = Template::new(&emulation.endpoint, &client, &shared.defaults, &shared.master, now)?;
    let ring = shared.ring.borrow().clone();
    let token = TokenCache::new()
        .token(&ring, template.form, &template.recipient, now)
        .map_err(|error| Unusable::Token(error.to_string()))?;
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.text))
        .map_err(|_| Unusable::Header("Authorization".to_owned()))?;
    bearer.set_sensitive(true);
    let letter = Letter {
        message_id: emulation.message_id,
        action: emulation.action.as_str(),
        attempt: 1,
        sequence: None,
        mode: Mode::Test,
        body: &emulation.body,
    };
    template.request_of(&letter, &bearer, now)
}
