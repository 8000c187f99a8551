//! What a notification of a feed is given along: the headers that it would have been sent with.
//!
//! Nobody is called, so a token says `pull:<endpoint id>` where it goes, and the attempt is always the first.
//! Source: service.md section 6, Feed.

use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use workbell_egress::{Signed, Stamp};
use workbell_model::{Authorization, Endpoint, Mode, SignatureForm};
use workbell_signing::{Form, KeyRing, MasterKey, Recipient, TokenCache};
use workbell_store::feed::FeedItem;
use workbell_wire::Timestamp;
use workbell_wire::webhook_signature::Keys;

use crate::template::{self, Unusable};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// Everything but what differs from one notification to the next.
#[derive(Debug)]
pub struct Fed {
    bearer: HeaderValue,
    signature: Option<Keys>,
    custom: Vec<(HeaderName, HeaderValue)>,
}

/// What headers are made with.
#[derive(Debug, Clone, Copy)]
pub struct Maker<'a> {
    /// The keys as of now.
    pub ring: &'a KeyRing,
    /// Opens the endpoint's secrets.
    pub master: &'a MasterKey,
    /// The name claim of endpoints that name none.
    pub default_client: &'a str,
    /// Now.
    pub now: Timestamp,
}

impl Fed {
    /// Prepares the headers of a pull endpoint's notifications; `tokens` keeps its token for the next time.
    ///
    /// # Errors
    /// When the endpoint's secrets cannot be opened, or no token can be minted.
    pub fn new(endpoint: &Endpoint, maker: Maker<'_>, tokens: &mut TokenCache) -> Result<Self, Unusable> {
        let settings = &endpoint.settings;
        let recipient = Recipient {
            client_id: settings.client_id.clone().unwrap_or_else(|| maker.default_client.to_owned()),
            endpoint: endpoint.key.endpoint_id.to_string(),
            destination: format!("pull:{}", endpoint.key.endpoint_id),
        };
        let form = match settings.authorization {
            Authorization::Token => Form::Token,
            Authorization::Jwt => Form::Jwt,
        };
        let token = tokens
            .token(maker.ring, form, &recipient, maker.now)
            .map_err(|error| Unusable::Token(error.to_string()))?;
        let signature = match settings.signature {
            SignatureForm::Hmac => Some(template::keys(endpoint, maker.master, maker.now)?),
            SignatureForm::None => None,
        };
        Ok(Fed {
            bearer: template::value("Authorization", &format!("Bearer {}", token.text))?,
            signature,
            custom: template::custom_headers(endpoint, maker.master)?,
        })
    }

    /// The headers of one notification that is read now.
    ///
    /// # Errors
    /// When something of it cannot stand in a header.
    pub fn headers(&self, item: &FeedItem, now: Timestamp) -> Result<HeaderMap, Unusable> {
        let stamp = Stamp {
            authorization: Some(self.bearer.clone()),
            event_type: template::value("Event-Type", item.action.as_str())?,
            signature: match &self.signature {
                Some(keys) => Some(signed(keys, item, now)?),
                None => None,
            },
            attempt: 1,
            sequence: Some(item.sequence),
            mode: Mode::Live.name(),
        };
        let mut headers = HeaderMap::with_capacity(16);
        headers.insert(CONTENT_TYPE, JSON);
        headers.extend(stamp.headers());
        for (name, value) in &self.custom {
            if *name == USER_AGENT {
                headers.insert(name, value.clone());
            } else {
                headers.append(name, value.clone());
            }
        }
        Ok(headers)
    }
}

fn signed(keys: &Keys, item: &FeedItem, now: Timestamp) -> Result<Signed, Unusable> {
    let (id, timestamp) = (item.message_id.to_string(), now.unix_seconds());
    let signature = template::value("webhook-signature", &keys.sign(&id, timestamp, &item.body))?;
    Ok(Signed { id: template::value("webhook-id", &id)?, timestamp, signature })
}
