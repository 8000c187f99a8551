//! What all requests of an endpoint have in common, prepared once: target, custom headers, keys, numbers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, USER_AGENT};
use workbell_egress::{Request, Signed, Stamp, Target};
use workbell_model::{
    Authorization, Defaults, Endpoint, Mode, RetrySchedule, SealedText, SignatureForm, Undelivered,
};
use workbell_signing::{Form, MasterKey, Recipient};
use workbell_wire::webhook_signature::{Keys, Secret};
use workbell_wire::{MessageId, Timestamp};

/// Why requests of an endpoint cannot be made. Its attempts fail as `Misconfigured`.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unusable {
    /// It is a pull endpoint.
    #[error("the endpoint has no URL")]
    NoUrl,
    /// Its URL was never checked.
    #[error("the URL cannot be used: {0}")]
    Url(workbell_egress::UrlError),
    /// It was sealed with another master key.
    #[error("{what} cannot be opened with this master key")]
    Sealed {
        /// The secret, or the header.
        what: String,
    },
    /// It holds what no header can hold.
    #[error("the header {0} cannot be sent")]
    Header(String),
    /// The ring cannot mint one.
    #[error("no token can be made: {0}")]
    Token(String),
}

/// What differs from one request to the next.
#[derive(Debug)]
pub(crate) struct Letter<'a> {
    pub(crate) message_id: MessageId,
    pub(crate) action: &'a str,
    /// From 1.
    pub(crate) attempt: u64,
    /// `None` for what has no place in a lane.
    pub(crate) sequence: Option<u64>,
    pub(crate) mode: Mode,
    pub(crate) body: &'a Bytes,
}

/// Everything but what differs from one delivery to the next.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) target: Arc<Target>,
    pub(crate) form: Form,
    pub(crate) recipient: Recipient,
    signature: Option<Keys>,
    /// Until when the previous secret signs too.
    pub(crate) valid_until: Option<Timestamp>,
    custom: Vec<(HeaderName, HeaderValue)>,
    pub(crate) timeout: Duration,
    connect_timeout: Duration,
    expect_continue: bool,
    response_limit: usize,
    pub(crate) schedule: RetrySchedule,
    pub(crate) max_attempts: u16,
}

impl Template {
    pub(crate) fn new(
        endpoint: &Endpoint,
        default_client: &str,
        defaults: &Defaults,
        master: &MasterKey,
        now: Timestamp,
    ) -> Result<Self, Unusable> {
        let settings = &endpoint.settings;
        let url = settings.url.as_deref().ok_or(Unusable::NoUrl)?;
        let target = Arc::new(Target::parse(url).map_err(Unusable::Url)?);
        let recipient = Recipient {
            client_id: settings.client_id.clone().unwrap_or_else(|| default_client.to_owned()),
            endpoint: endpoint.key.endpoint_id.to_string(),
            destination: target.origin().to_owned(),
        };
        let signature = match settings.signature {
            SignatureForm::Hmac => Some(keys(endpoint, master, now)?),
            SignatureForm::None => None,
        };
        Ok(Template {
            form: match settings.authorization {
                Authorization::Token => Form::Token,
                Authorization::Jwt => Form::Jwt,
            },
            recipient,
            signature,
            valid_until: endpoint
                .previous_secret
                .as_ref()
                .map(|(_, until)| *until)
                .filter(|until| *until > now),
            custom: custom_headers(endpoint, master)?,
            target,
            timeout: settings.timeout.unwrap_or(defaults.timeout),
            connect_timeout: defaults.connect_timeout,
            expect_continue: settings.expect_continue,
            response_limit: defaults.response_limit,
            schedule: settings.retry_schedule.clone().unwrap_or_else(|| defaults.retry_schedule.clone()),
            max_attempts: settings.max_attempts.unwrap_or(defaults.max_attempts),
        })
    }

    /// The request of one attempt.
    pub(crate) fn request(
        &self,
        delivery: &Undelivered,
        bearer: &HeaderValue,
        now: Timestamp,
    ) -> Result<Request, Unusable> {
        let letter = Letter {
            message_id: delivery.message_id,
            action: delivery.action.as_str(),
            attempt: u64::from(delivery.attempts.saturating_add(1)),
            sequence: delivery.announced,
            mode: delivery.mode,
            body: &delivery.body,
        };
        self.request_of(&letter, bearer, now)
    }

    /// The request that carries a letter.
    pub(crate) fn request_of(
        &self,
        letter: &Letter<'_>,
        bearer: &HeaderValue,
        now: Timestamp,
    ) -> Result<Request, Unusable> {
        let id = letter.message_id.to_string();
        let seconds = now.unix_seconds();
        let signature = match &self.signature {
            Some(keys) => Some(Signed {
                id: value("webhook-id", &id)?,
                timestamp: seconds,
                signature: value("webhook-signature", &keys.sign(&id, seconds, letter.body))?,
            }),
            None => None,
        };
        let stamp = Stamp {
            authorization: Some(bearer.clone()),
            event_type: value("Event-Type", letter.action)?,
            signature,
            attempt: letter.attempt,
            sequence: letter.sequence,
            mode: letter.mode.name(),
        };
        let mut headers = stamp.headers();
        for (name, value) in &self.custom {
            if *name == USER_AGENT {
                headers.insert(name, value.clone());
            } else {
                headers.append(name, value.clone());
            }
        }
        Ok(Request {
            target: self.target.clone(),
            headers,
            body: letter.body.clone(),
            timeout: self.timeout,
            connect_timeout: self.connect_timeout,
            expect_continue: self.expect_continue,
            response_limit: self.response_limit,
        })
    }
}

/// The keys that sign: the current secret's, then for a day after a rotation that of the one before.
pub(crate) fn keys(endpoint: &Endpoint, master: &MasterKey, now: Timestamp) -> Result<Keys, Unusable> {
    let mut secrets = vec![secret(endpoint, &endpoint.secret, master)?];
    if let Some((previous, until)) = &endpoint.previous_secret
        && *until > now
    {
        secrets.push(secret(endpoint, previous, master)?);
    }
    Ok(Keys::new(&secrets))
}

fn secret(endpoint: &Endpoint, sealed: &SealedText, master: &MasterKey) -> Result<Secret, Unusable> {
    let unusable = || Unusable::Sealed { what: "the endpoint's secret".to_owned() };
    let opened = master.open(&endpoint.key.secret_record(), &sealed.0).map_err(|_| unusable())?;
    std::str::from_utf8(&opened).ok().and_then(|text| text.parse().ok()).ok_or_else(unusable)
}

pub(crate) fn custom_headers(
    endpoint: &Endpoint,
    master: &MasterKey,
) -> Result<Vec<(HeaderName, HeaderValue)>, Unusable> {
    let mut headers = Vec::with_capacity(endpoint.settings.headers.len());
    for (name, sealed) in &endpoint.settings.headers {
        let opened = master
            .open(&endpoint.key.header_record(name), &sealed.0)
            .map_err(|_| Unusable::Sealed { what: format!("the value of the header {name}") })?;
        let unusable = || Unusable::Header(name.clone());
        let mut value = HeaderValue::from_bytes(&opened).map_err(|_| unusable())?;
        value.set_sensitive(true);
        headers.push((HeaderName::try_from(name.as_str()).map_err(|_| unusable())?, value));
    }
    Ok(headers)
}

pub(crate) fn value(name: &str, text: &str) -> Result<HeaderValue, Unusable> {
    HeaderValue::from_str(text).map_err(|_| Unusable::Header(name.to_owned()))
}
