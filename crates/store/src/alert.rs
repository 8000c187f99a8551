//! Alerts: what somebody should know of, and whether they were told.
//!
//! An alert is raised in the commit of what it is about, so neither a crash nor a restart loses or repeats it. While it
//! lasts, more of the same only counts in it. Telling is not the store's work: it keeps what is still to be told.
//! Source: service.md section 6, Alerts.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use workbell_model::{CompanyId, EndpointKey};
use workbell_wire::Timestamp;

use crate::error::Error;
use crate::filter::{Page, Paging};

/// How long after the last delivery died the next one is news again.
///
/// 1 h: an outage that kills thousands is one alert, and the next day's is another. Our choice.
pub const DYING_LASTS: Duration = Duration::from_secs(3600);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertKind {
    /// An endpoint fails again and again; it is probed until it answers.
    EndpointDown,
    /// One that was down answers again.
    EndpointReopened,
    /// An endpoint was paused because it answered 410.
    EndpointPaused,
    /// Deliveries to an endpoint were given up.
    DeliveriesDying,
    /// The certificate of the signing key ends soon.
    CertificateEnding,
    /// The disk of the store is nearly full.
    DiskEnding,
}

impl AlertKind {
    /// All of them.
    pub const ALL: [AlertKind; 6] = [
        AlertKind::EndpointDown,
        AlertKind::EndpointReopened,
        AlertKind::EndpointPaused,
        AlertKind::DeliveriesDying,
        AlertKind::CertificateEnding,
        AlertKind::DiskEnding,
    ];

    /// Their names, in the same order.
    pub const NAMES: [&str; 6] = [
        "EndpointDown",
        "EndpointReopened",
        "EndpointPaused",
        "DeliveriesDying",
        "CertificateEnding",
        "DiskEnding",
    ];

    /// The name in lists and in what is told.
    pub const fn name(self) -> &'static str {
        AlertKind::NAMES[self as usize]
    }

    /// Whether it is over as soon as it happened.
    pub const fn is_a_moment(self) -> bool {
        match self {
            AlertKind::EndpointReopened => true,
            AlertKind::EndpointDown
            | AlertKind::EndpointPaused
            | AlertKind::DeliveriesDying
            | AlertKind::CertificateEnding
            | AlertKind::DiskEnding => false,
        }
    }
}

/// An alert to raise.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAlert {
    /// What happened.
    pub kind: AlertKind,
    /// To whom; `None` for what is the operator's.
    pub company_id: Option<CompanyId>,
    /// To what: an id or a name. One alert of a kind lasts for each.
    pub subject: String,
    /// What there is to say, members in PascalCase. Never a secret.
    pub detail: Map<String, Value>,
    /// When.
    pub at: Timestamp,
}

impl NewAlert {
    /// One about an endpoint.
    pub fn of_endpoint(
        kind: AlertKind,
        key: &EndpointKey,
        detail: Map<String, Value>,
        at: Timestamp,
    ) -> Self {
        let company_id = Some(key.company_id.clone());
        NewAlert { kind, company_id, subject: key.endpoint_id.to_string(), detail, at }
    }
}

/// An alert as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRecord {
    /// Its number, growing.
    pub no: u64,
    /// What happened, an [`AlertKind`] by name.
    pub kind: String,
    /// To whom.
    pub company_id: Option<CompanyId>,
    /// To what.
    pub subject: String,
    /// What there is to say.
    pub detail: Map<String, Value>,
    /// When it was raised.
    pub raised: Timestamp,
    /// When the same happened last.
    pub last: Timestamp,
    /// How often.
    pub count: u64,
    /// When it was over; `None` while it lasts.
    pub ended: Option<Timestamp>,
    /// When somebody was told.
    pub sent: Option<Timestamp>,
    /// Whether nobody will be told any more.
    pub given_up: bool,
    /// How often it was tried to tell.
    pub attempts: u16,
    /// When it is tried next.
    pub due: Timestamp,
}

/// Longest wait between two tries to tell an alert.
///
/// 60 s: who comes back is told within that. One that is due further ahead was dated by a clock that was set back since.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Alerts that nobody was told of yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Untold {
    /// Those whose time has come, oldest first.
    pub due: Vec<AlertRecord>,
    /// When the next of the others is due; `None` without any.
    pub next: Option<Timestamp>,
}

/// What became of a try to tell an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// They know.
    Told(Timestamp),
    /// They do not; again then.
    Again(Timestamp),
    /// Nobody will be told.
    GivenUp,
}

/// Which alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// About this company.
    pub company_id: Option<CompanyId>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Only those that last.
    pub lasting: bool,
}

/// The part of a store that keeps alerts.
#[async_trait]
pub trait Alerts: Send + Sync {
    /// Raises an alert that no commit of the store brings by itself. While one of its kind and subject lasts, it only
    /// counts in that.
    async fn raise(&self, alert: NewAlert) -> Result<(), Error>;

    /// Ends the one of this kind and subject, if it lasts.
    async fn end_alert(&self, kind: AlertKind, subject: &str, at: Timestamp) -> Result<(), Error>;

    /// Alerts that nobody was told of yet, at most `limit` of those that are due by `now`. One that is due further ahead
    /// than [`LONGEST_WAIT`] is due now.
    async fn untold_alerts(&self, now: Timestamp, limit: usize) -> Result<Untold, Error>;

    /// Keeps what became of a try to tell one.
    async fn told(&self, no: u64, telling: Telling) -> Result<(), Error>;

    /// Alerts, newest first.
    async fn alerts(&self, filter: AlertFilter, paging: Paging) -> Result<Page<AlertRecord>, Error>;
}
