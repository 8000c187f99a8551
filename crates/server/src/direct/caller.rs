//! Who calls: from the bearer token to the company and its client.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use workbell_model::{ClientId, CompanyId};
use workbell_store::directory::CompanyEntry;
use workbell_wire::token::{self, COMPANY_CLAIM, Expect, GENERATION_CLAIM, NAME_CLAIM, Purpose};

use crate::app::App;
use crate::oauth::grant_of;

/// A client of a company, with a good access token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) company: Arc<CompanyEntry>,
    pub(crate) client_id: ClientId,
}

/// Why a request is not let in. Its text goes to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("send an access token as Authorization: Bearer <token>; POST /OAuth/Token gives one")]
    Missing,
    #[error("the access token is refused: {0}")]
    BadToken(String),
    #[error("the access token has ended: its client was deleted, or its secret was replaced at once")]
    Ended,
}

impl Caller {
    /// Checks the token: our own signature, that it is an access token, its times, and that its client still stands.
    ///
    /// # Errors
    /// It is not let in.
    pub(crate) fn of(app: &App, headers: &HeaderMap) -> Result<Self, Refusal> {
        let text = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let text = text.and_then(token::bearer).ok_or(Refusal::Missing)?;
        let (now, ring) = (app.clock.now(), app.keys.ring());
        let audience = ring.options().audience.as_str();
        let expect = Expect { purpose: Purpose::Access, audience: Some(audience), ..Expect::at(now) };
        let report = token::verify(text, &ring.access_certificates(now), &expect);
        let parsed = match report.parsed() {
            Some(parsed) if report.is_valid() => parsed,
            Some(_) | None => {
                let why = report.failure().map(|(check, why)| format!("{check}: {why}"));
                return Err(Refusal::BadToken(why.unwrap_or_else(|| "it cannot be read".to_owned())));
            }
        };
        let claim = |kind| parsed.claim(kind).ok_or(Refusal::Ended);
        let company_id: CompanyId = claim(COMPANY_CLAIM)?.parse().map_err(|_| Refusal::Ended)?;
        let client_id: ClientId = claim(NAME_CLAIM)?.parse().map_err(|_| Refusal::Ended)?;
        let company = app.store.directory().company(&company_id).ok_or(Refusal::Ended)?;
        let client = company.clients.get(&client_id).filter(|client| client.deleted.is_none());
        let client = client.ok_or(Refusal::Ended)?;
        if grant_of(client).generation != claim(GENERATION_CLAIM)? {
            return Err(Refusal::Ended);
        }
        Ok(Caller { company, client_id })
    }
}
