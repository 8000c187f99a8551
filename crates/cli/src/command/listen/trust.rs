//! Whether an arrival is genuine, and what was not checked.

use workbell_wire::Timestamp;
use workbell_wire::certificate::Certificate;
use workbell_wire::token::{self, Check, Expect};
use workbell_wire::webhook_signature::{
    Headers, ID_HEADER, Keys, SIGNATURE_HEADER, Secret, TIMESTAMP_HEADER, TOLERANCE,
};

use super::arrival::Arrival;

/// What is trusted and expected.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    pub(super) certificates: Vec<Certificate>,
    pub(super) audience: String,
    /// `None`: not checked.
    pub(super) endpoint: Option<String>,
    pub(super) destination: Destination,
    /// None: the signature is not checked.
    pub(super) secrets: Vec<Secret>,
}

/// Where tokens must go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// The origin that the request itself names: whatever name of this machine was used.
    OfHost,
    /// `pull:` and the endpoint that the token is for.
    OfFeed,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Token and signature hold.
    Verified,
    /// The token holds; there was no secret to check the signature with.
    TokenOnly,
    /// It cannot be judged here.
    NotJudged(&'static str),
    /// Something is wrong.
    Refused {
        /// No certificate fits the token: newer ones may.
        by_certificates: bool,
        /// Which check failed, and how.
        reason: String,
    },
}

impl Verdict {
    /// Whether a receiver takes it.
    pub(super) fn is_good(&self) -> bool {
        match self {
            Verdict::Verified | Verdict::TokenOnly => true,
            Verdict::NotJudged(_) | Verdict::Refused { .. } => false,
        }
    }

    /// One word for programs.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Verdict::Verified => "Verified",
            Verdict::TokenOnly => "TokenVerified",
            Verdict::NotJudged(_) => "NotJudged",
            Verdict::Refused { .. } => "Refused",
        }
    }

    /// What is missing or wrong; `None` when all is well.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Verdict::Verified => None,
            Verdict::TokenOnly => Some("signature not checked: --secret adds that"),
            Verdict::NotJudged(why) => Some(why),
            Verdict::Refused { reason, .. } => Some(reason),
        }
    }
}

fn refused(reason: impl Into<String>) -> Verdict {
    Verdict::Refused { by_certificates: false, reason: reason.into() }
}

impl Trust {
    /// Judges an arrival.
    pub(super) fn judge(&self, arrival: &Arrival, now: Timestamp) -> Verdict {
        let Some(bearer) = arrival.header("authorization").and_then(token::bearer) else {
            return refused("token: there is no Authorization: Bearer");
        };
        if bearer.starts_with("eyJ") && bearer.split('.').count() == 3 {
            return Verdict::NotJudged(
                "it is a JWT; any JWT library verifies it with /.well-known/jwks.json",
            );
        }
        let destination = self.destination_of(arrival, bearer);
        let expect = Expect {
            audience: Some(&self.audience),
            endpoint: self.endpoint.as_deref(),
            destination: destination.as_deref(),
            ..Expect::at(now)
        };
        let report = token::verify(bearer, &self.certificates, &expect);
        if let Some((check, why)) = report.failure() {
            let by_certificates = matches!(check, Check::Signature | Check::Certificate);
            return Verdict::Refused { by_certificates, reason: format!("token, {check}: {why}") };
        }
        if !report.is_valid() {
            return refused("token: not all could be judged");
        }
        if let Err(reason) = says_the_same(arrival) {
            return refused(reason);
        }
        if self.secrets.is_empty() {
            return Verdict::TokenOnly;
        }
        match self.judge_signature(arrival, now) {
            Ok(()) => Verdict::Verified,
            Err(reason) => refused(format!("signature: {reason}")),
        }
    }

    fn destination_of(&self, arrival: &Arrival, bearer: &str) -> Option<String> {
        match self.destination {
            Destination::OfHost => {
                let host = arrival.header("host")?.to_ascii_lowercase();
                let url = url::Url::parse(&format!("http://{host}/")).ok()?;
                Some(url.origin().ascii_serialization())
            }
            Destination::OfFeed => {
                let parsed = token::read(bearer).ok();
                let claimed = parsed.as_ref().and_then(|parsed| parsed.claim(token::ENDPOINT_CLAIM));
                let endpoint = self.endpoint.as_deref().or(claimed)?;
                Some(format!("pull:{endpoint}"))
            }
        }
    }

    fn judge_signature(&self, arrival: &Arrival, now: Timestamp) -> Result<(), String> {
        let header = |name: &str| arrival.header(name).ok_or_else(|| format!("there is no header {name}"));
        let signed = Headers {
            id: header(ID_HEADER)?,
            timestamp: header(TIMESTAMP_HEADER)?,
            signature: header(SIGNATURE_HEADER)?,
        };
        let keys = Keys::new(&self.secrets);
        keys.verify(&signed, &arrival.body, now, TOLERANCE).map_err(|error| error.to_string())
    }
}

/// Whether head and body tell of the same thing.
fn says_the_same(arrival: &Arrival) -> Result<(), String> {
    let told = arrival.told();
    if told.action.is_empty() {
        return Err("body: it is no notification, for it has no Header with an Action".to_owned());
    }
    if let Some(event) = arrival.header("event-type")
        && event != told.action
    {
        return Err(format!("body: Event-Type is {event}, Header.Action is {}", told.action));
    }
    if let Some(id) = arrival.header(ID_HEADER)
        && !id.eq_ignore_ascii_case(&told.message_id)
    {
        return Err(format!("body: webhook-id is {id}, Header.MessageId is {}", told.message_id));
    }
    Ok(())
}
