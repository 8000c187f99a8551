//! Checks who sent a request, that it is meant for this receiver, and that its body is whole.
//!
//! The token is judged with all checks of the contract (certificates, use, audience, endpoint, destination, times with
//! 60 s of skew), only in its documented form. The signature is that of Standard Webhooks over the raw body. Cheap to
//! clone. Source: notifications.md sections 1 and 5.

use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Deserialize;
use workbell_wire::Timestamp;
use workbell_wire::certificate::{self, Certificate};
use workbell_wire::models::MessageHeader;
use workbell_wire::token::{self, Check, DEFAULT_AUDIENCE, Expect, Purpose};
use workbell_wire::webhook_signature::{
    self, Headers, ID_HEADER, Keys, SIGNATURE_HEADER, Secret, TIMESTAMP_HEADER, TOLERANCE,
};

use crate::raw_body::RawBody;
use crate::refused::Refused;
use crate::verified::{Mode, Verified};

const SEQUENCE: &str = "workbell-sequence";
const ATTEMPT: &str = "workbell-attempt";
const MODE: &str = "workbell-mode";

/// What a verifier needs to know is missing or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The certificates.
    #[error("the certificates: {0}")]
    Certificates(#[from] certificate::Error),
    /// A secret.
    #[error("the secret: {0}")]
    Secret(#[from] webhook_signature::Error),
    /// The URL of the endpoint.
    #[error("the endpoint's URL {url:?}: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// Why it is none.
        reason: String,
    },
    /// No certificates were named.
    #[error("no certificates: give what GET /certificates of the service answers")]
    NoCertificates,
    /// No endpoint was named.
    #[error("no endpoint id: without it a token for another endpoint would be taken")]
    NoEndpoint,
    /// No destination was named.
    #[error("no URL of the endpoint: without it a token handed to another receiver would be taken")]
    NoDestination,
    /// No secret was named, and it was not said that there is none.
    #[error(
        "no whsec_ secret: without it nothing proves the body (Builder::without_signature if you mean it)"
    )]
    NoSecret,
}

/// What a [`Verifier`] is made of. Endpoint, URL, certificates and secret are asked for; the audience has the
/// service's default.
#[derive(Debug, Default)]
pub struct Builder {
    certificates: Vec<Certificate>,
    secrets: Vec<Secret>,
    unsigned: bool,
    audience: Option<String>,
    endpoint: Option<String>,
    destination: Option<String>,
    clock: Option<fn() -> Timestamp>,
}

impl Builder {
    /// The certificates of the service, PEM: what `GET /certificates` answers. Two while a key is being rotated.
    ///
    /// # Errors
    /// [`BuildError::Certificates`].
    pub fn certificates(mut self, pem: &str) -> Result<Self, BuildError> {
        self.certificates.extend(Certificate::read_bundle(pem)?);
        Ok(self)
    }

    /// A `whsec_` secret of the endpoint. Two while it is being rotated.
    ///
    /// # Errors
    /// [`BuildError::Secret`].
    pub fn secret(mut self, text: &str) -> Result<Self, BuildError> {
        self.secrets.push(text.trim().parse()?);
        Ok(self)
    }

    /// The endpoint is set to `Signature: "None"`: only the token is checked, and nothing proves the body.
    pub fn without_signature(mut self) -> Self {
        self.unsigned = true;
        self
    }

    /// The audience, when the service's `token.audience` is not `CorrigoProDirect`.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// The id of the endpoint.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// The URL of the endpoint as it is configured at the service; its origin is the token's destination.
    ///
    /// # Errors
    /// [`BuildError::Url`].
    pub fn url(mut self, text: &str) -> Result<Self, BuildError> {
        let bad = |reason: String| BuildError::Url { url: text.to_owned(), reason };
        let url = url::Url::parse(text).map_err(|error| bad(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("it must begin with https:// or http://".to_owned()));
        }
        self.destination = Some(url.origin().ascii_serialization());
        Ok(self)
    }

    /// The endpoint has no URL: its notifications are pulled from the feed. Call after [`Builder::endpoint`].
    pub fn pulled(mut self) -> Self {
        self.destination = self.endpoint.as_ref().map(|endpoint| format!("pull:{endpoint}"));
        self
    }

    /// Another clock than the system's, for tests.
    pub fn clock(mut self, clock: fn() -> Timestamp) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The verifier.
    ///
    /// # Errors
    /// What is missing.
    pub fn build(self) -> Result<Verifier, BuildError> {
        if self.certificates.is_empty() {
            return Err(BuildError::NoCertificates);
        }
        let keys = match (self.unsigned, self.secrets.is_empty()) {
            (true, _) => None,
            (false, true) => return Err(BuildError::NoSecret),
            (false, false) => Some(Keys::new(&self.secrets)),
        };
        Ok(Verifier(Arc::new(Inner {
            certificates: self.certificates,
            keys,
            audience: self.audience.unwrap_or_else(|| DEFAULT_AUDIENCE.to_owned()),
            endpoint: self.endpoint.ok_or(BuildError::NoEndpoint)?,
            destination: self.destination.ok_or(BuildError::NoDestination)?,
            clock: self.clock.unwrap_or(|| Timestamp::from_system(SystemTime::now())),
        })))
    }
}

/// Checks requests for one endpoint.
#[derive(Clone, Debug)]
pub struct Verifier(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    certificates: Vec<Certificate>,
    /// `None`: the endpoint sends no signature.
    keys: Option<Keys>,
    audience: String,
    endpoint: String,
    destination: String,
    clock: fn() -> Timestamp,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Header")]
    header: MessageHeader,
}

impl Verifier {
    /// Begins a verifier.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Checks a request now.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn verify(&self, headers: &HeaderMap, body: RawBody) -> Result<Verified, Refused> {
        self.verify_at(headers, body, (self.0.clock)())
    }

    /// Checks a request as if it were `now`.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn verify_at(&self, headers: &HeaderMap, body: RawBody, now: Timestamp) -> Result<Verified, Refused> {
        self.judge_token(headers, now)?;
        if let Some(keys) = &self.0.keys {
            judge_signature(keys, headers, body.as_bytes(), now)?;
        }
        let header = serde_json::from_slice::<Envelope>(body.as_bytes()).map_err(Refused::Body)?.header;
        if self.0.keys.is_some()
            && let Some(webhook_id) = single(headers, ID_HEADER)
            && !webhook_id.eq_ignore_ascii_case(&header.message_id.to_string())
        {
            let webhook_id = webhook_id.to_owned();
            return Err(Refused::OtherMessage { webhook_id, message_id: header.message_id });
        }
        Ok(Verified {
            header,
            sequence: number(headers, SEQUENCE)?,
            attempt: number(headers, ATTEMPT)?,
            mode: mode(headers)?,
            body,
        })
    }

    /// What the service's tokens must carry as their destination.
    pub fn destination(&self) -> &str {
        &self.0.destination
    }

    fn judge_token(&self, headers: &HeaderMap, now: Timestamp) -> Result<(), Refused> {
        let authorization = single(headers, AUTHORIZATION.as_str()).ok_or(Refused::NoToken)?;
        let text = token::bearer(authorization).ok_or(Refused::NoToken)?;
        let inner = &self.0;
        let expect = Expect {
            now,
            purpose: Purpose::Notification,
            audience: Some(&inner.audience),
            endpoint: Some(&inner.endpoint),
            destination: Some(&inner.destination),
        };
        let report = token::verify(text, &inner.certificates, &expect);
        if report.is_valid() {
            return Ok(());
        }
        let (check, reason) = report.failure().unwrap_or((Check::Shape, "it could not be judged"));
        Err(Refused::Token { check, reason: reason.to_owned() })
    }
}

fn judge_signature(keys: &Keys, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<(), Refused> {
    let header = |name: &str, shown| single(headers, name).ok_or(Refused::NoSignature(shown));
    let signed = Headers {
        id: header(ID_HEADER, "Webhook-Id")?,
        timestamp: header(TIMESTAMP_HEADER, "Webhook-Timestamp")?,
        signature: header(SIGNATURE_HEADER, "Webhook-Signature")?,
    };
    keys.verify(&signed, body, now, TOLERANCE).map_err(Refused::Signature)
}

/// The value of a header that is there exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &'static str) -> Result<Option<T>, Refused> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let value = String::from_utf8_lossy(value.as_bytes());
    value.parse().map(Some).map_err(|_| Refused::Header { name, value: value.into_owned() })
}

fn mode(headers: &HeaderMap) -> Result<Mode, Refused> {
    let Some(value) = headers.get(MODE) else { return Ok(Mode::Live) };
    let value = String::from_utf8_lossy(value.as_bytes());
    Mode::read(&value).ok_or_else(|| Refused::Header { name: MODE, value: value.into_owned() })
}
