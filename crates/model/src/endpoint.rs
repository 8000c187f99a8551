//! An endpoint: where a company wants to be told, of what, and how.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use workbell_wire::Timestamp;

use crate::health::Numbers;
use crate::id::{CompanyId, EndpointId};
use crate::schedule::RetrySchedule;

/// Names an endpoint; the company stands first, as in every key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointKey {
    /// Whose it is.
    pub company_id: CompanyId,
    /// Which one.
    pub endpoint_id: EndpointId,
}

impl EndpointKey {
    /// The record id under which the endpoint's `whsec_` secret is sealed.
    pub fn secret_record(&self) -> String {
        format!("endpoint/{}/{}/secret", self.company_id, self.endpoint_id)
    }

    /// The record id under which the value of a custom header is sealed. Names are compared without regard to case.
    pub fn header_record(&self, name: &str) -> String {
        format!("endpoint/{}/{}/header/{}", self.company_id, self.endpoint_id, name.to_ascii_lowercase())
    }
}

/// Form of the bearer token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum Authorization {
    /// The token of CorrigoPro Direct.
    #[default]
    Token,
    /// A JWT as in RFC 9068.
    Jwt,
}

/// Whether requests carry a Standard Webhooks signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum SignatureForm {
    /// HMAC-SHA256 with the endpoint's secret.
    #[default]
    Hmac,
    /// None.
    None,
}

/// What a `410 Gone` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum On410 {
    /// A failed attempt like any other.
    #[default]
    Retry,
    /// The endpoint is paused.
    Pause,
}

/// A secret text, sealed with the master key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedText(pub Vec<u8>);

/// What an administrator can set. `None` means: as the service's settings say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSettings {
    /// Where to post; `None` makes a pull endpoint.
    pub url: Option<String>,
    /// Off: no delivery is created, those that wait keep waiting.
    pub enabled: bool,
    /// Names of actions, or `*`. Empty is nothing.
    pub actions: Vec<String>,
    /// Branch ids; `None` stands for `["*"]`. Empty is nothing.
    pub branch_ids: Option<Vec<i64>>,
    /// The name claim of the token; `None`: the company's oldest client, else its company id.
    pub client_id: Option<String>,
    /// Form of the bearer token.
    pub authorization: Authorization,
    /// Whether requests are signed.
    pub signature: SignatureForm,
    /// Whether requests carry `Expect: 100-continue`.
    pub expect_continue: bool,
    /// Custom headers: name and sealed value.
    pub headers: Vec<(String, SealedText)>,
    /// How long a refused notification holds its lane.
    pub hold_limit: Option<Duration>,
    /// Attempts at once.
    pub max_concurrency: Option<u16>,
    /// Attempts started per second.
    pub rate_per_second: Option<u32>,
    /// Waits between attempts.
    pub retry_schedule: Option<RetrySchedule>,
    /// Counted attempts until `Dead`.
    pub max_attempts: Option<u16>,
    /// Longest attempt.
    pub timeout: Option<Duration>,
    /// What a `410 Gone` does.
    pub on_410: On410,
}

impl Default for EndpointSettings {
    fn default() -> Self {
        EndpointSettings {
            url: None,
            enabled: true,
            actions: vec!["*".to_owned()],
            branch_ids: None,
            client_id: None,
            authorization: Authorization::default(),
            signature: SignatureForm::default(),
            expect_continue: true,
            headers: Vec::new(),
            hold_limit: None,
            max_concurrency: None,
            rate_per_second: None,
            retry_schedule: None,
            max_attempts: None,
            timeout: None,
            on_410: On410::default(),
        }
    }
}

/// An endpoint as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whose it is, and which one.
    pub key: EndpointKey,
    /// What an administrator set.
    pub settings: EndpointSettings,
    /// The `whsec_` secrets, sealed: the current one, then the one before it until the time that stands with it.
    pub secret: SealedText,
    /// The secret before the last rotation, and until when requests are signed with it too.
    pub previous_secret: Option<(SealedText, Timestamp)>,
    /// Since when it is paused.
    pub paused: Option<Timestamp>,
    /// When it was created.
    pub created: Timestamp,
    /// Grows with each change that alters the request or its target.
    pub generation: u64,
}

impl Endpoint {
    /// Whether a notification with this action, for this branch, is wanted here. Branch 0 passes every filter.
    pub fn takes(&self, action: &str, branch_id: i64) -> bool {
        self.settings.enabled && self.wants(action, branch_id)
    }

    /// The same, also while it is off.
    pub fn wants(&self, action: &str, branch_id: i64) -> bool {
        let settings = &self.settings;
        settings.actions.iter().any(|wanted| wanted == "*" || wanted == action)
            && match &settings.branch_ids {
                None => true,
                Some(wanted) => branch_id == 0 || wanted.contains(&branch_id),
            }
    }

    /// Whether attempts may start: it is a push endpoint, neither off nor paused.
    pub fn may_send(&self) -> bool {
        self.settings.url.is_some() && self.settings.enabled && self.paused.is_none()
    }
}

/// What the service's settings say for everything that an endpoint leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// `delivery.retry_schedule`.
    pub retry_schedule: RetrySchedule,
    /// `delivery.retry_jitter`, 0 to 1.
    pub retry_jitter_percent: u8,
    /// `delivery.max_attempts`.
    pub max_attempts: u16,
    /// `delivery.max_age`.
    pub max_age: Duration,
    /// `delivery.timeout`.
    pub timeout: Duration,
    /// `delivery.connect_timeout`.
    pub connect_timeout: Duration,
    /// `delivery.endpoint_concurrency`.
    pub endpoint_concurrency: u16,
    /// `delivery.hold_limit`.
    pub hold_limit: Duration,
    /// `delivery.down_after`; 0 is never.
    pub down_after: u32,
    /// `delivery.probe_interval`.
    pub probe_interval: Duration,
    /// `delivery.response_limit`, bytes.
    pub response_limit: usize,
}

impl Defaults {
    /// Attempts at once at an endpoint with these settings; at least one.
    pub fn concurrency(&self, settings: &EndpointSettings) -> u16 {
        let most = self.endpoint_concurrency;
        settings.max_concurrency.unwrap_or(most).clamp(1, most.max(1))
    }

    /// How long a refused notification holds its lane at an endpoint with these settings.
    pub fn hold_limit(&self, settings: &EndpointSettings) -> Duration {
        settings.hold_limit.unwrap_or(self.hold_limit)
    }

    /// Longest wait that can come of such an endpoint's schedule.
    pub fn longest_wait(&self, settings: &EndpointSettings) -> Duration {
        settings.retry_schedule.as_ref().unwrap_or(&self.retry_schedule).longest_wait()
    }

    /// What decides what an attempt does to such an endpoint.
    pub fn numbers(&self, settings: &EndpointSettings) -> Numbers {
        Numbers {
            down_after: self.down_after,
            probe_interval: self.probe_interval,
            most_slots: self.concurrency(settings),
            pauses_at_410: settings.on_410 == On410::Pause,
        }
    }
}

impl Default for Defaults {
    fn default() -> Self {
        Defaults {
            retry_schedule: RetrySchedule::default(),
            retry_jitter_percent: 10,
            max_attempts: 200,
            max_age: Duration::from_secs(10 * 86_400),
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            endpoint_concurrency: 16,
            hold_limit: Duration::from_secs(3600),
            down_after: 10,
            probe_interval: Duration::from_secs(60),
            response_limit: 16 * 1024,
        }
    }
}
