//! What the ring signs: tokens for receivers in both forms, access tokens for the Direct API.

use std::time::Duration;

use workbell_wire::Timestamp;
use workbell_wire::token::{ACCESS_USE, Claims, Grant, assemble, encode_data};

use super::KeyRing;
use crate::secret::random;
use crate::{Error, KeyKind, jwt};

/// How far back `.issued` and `iat` of a notification's token are set.
///
/// 5 seconds, as the contract says: for receivers whose clock is behind.
const ISSUED_BACK: Duration = Duration::from_secs(5);

/// Whom a token is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recipient {
    /// The endpoint's `ClientId`: by default the company's oldest client, its company id if it has none.
    pub client_id: String,
    /// The endpoint's id.
    pub endpoint: String,
    /// Origin of the endpoint's URL (RFC 6454), or `pull:<endpoint id>`.
    pub destination: String,
}

/// A signed token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MintedToken {
    /// What stands behind `Bearer ` in the header.
    pub text: String,
    /// From when it is valid.
    pub issued: Timestamp,
    /// Until when it is valid.
    pub expires: Timestamp,
    /// The key that signed it.
    pub key_id: String,
}

impl KeyRing {
    /// The token of an endpoint's notifications in the form of CorrigoPro Direct. Costs one RSA signature.
    ///
    /// # Errors
    /// When the ring has no such key or signing fails.
    pub fn mint_token(&self, recipient: &Recipient, now: Timestamp) -> Result<MintedToken, Error> {
        let issued = whole_second(now.minus(ISSUED_BACK));
        let claims = Claims {
            name: recipient.client_id.clone(),
            audience: self.options.audience.clone(),
            endpoint: Some(recipient.endpoint.clone()),
            destination: Some(recipient.destination.clone()),
            jti: new_jti(now)?,
            use_: None,
            grant: None,
            issued,
            expires: issued.plus(self.options.lifetime),
        };
        self.sign(KeyKind::Token, &claims, now)
    }

    /// An access token of the Direct API for this client, valid from now on.
    ///
    /// # Errors
    /// When the ring has no such key or signing fails.
    pub fn mint_access_token(
        &self,
        client_id: &str,
        grant: Grant,
        now: Timestamp,
    ) -> Result<MintedToken, Error> {
        let issued = whole_second(now);
        let claims = Claims {
            name: client_id.to_owned(),
            audience: self.options.audience.clone(),
            endpoint: None,
            destination: None,
            jti: new_jti(now)?,
            use_: Some(ACCESS_USE.to_owned()),
            grant: Some(grant),
            issued,
            expires: issued.plus(self.options.lifetime),
        };
        self.sign(KeyKind::Access, &claims, now)
    }

    /// The token of an endpoint's notifications as an RFC 9068 JWT.
    ///
    /// # Errors
    /// When the ring has no such key or signing fails.
    pub fn mint_jwt(&self, recipient: &Recipient, now: Timestamp) -> Result<MintedToken, Error> {
        let key = self.current(KeyKind::Jwt, now)?;
        let issued = whole_second(now.minus(ISSUED_BACK));
        let expires = issued.plus(self.options.lifetime);
        let claims = jwt::Claims {
            iss: &self.options.issuer,
            aud: &recipient.destination,
            sub: &recipient.client_id,
            client_id: &recipient.client_id,
            iat: issued.unix_seconds(),
            exp: expires.unix_seconds(),
            jti: &new_jti(now)?,
            endpoint: &recipient.endpoint,
        };
        let key_id = key.stored.key_id.clone();
        let text = jwt::signed(&key.private, &key_id, &claims).ok_or_else(|| Error::Sign(key_id.clone()))?;
        Ok(MintedToken { text, issued, expires, key_id })
    }

    fn sign(&self, kind: KeyKind, claims: &Claims, now: Timestamp) -> Result<MintedToken, Error> {
        let key = self.current(kind, now)?;
        let data = encode_data(claims, self.options.gzip);
        let key_id = key.stored.key_id.clone();
        let signature = key.private.sign(&data).ok_or_else(|| Error::Sign(key_id.clone()))?;
        Ok(MintedToken {
            text: assemble(&data, &signature),
            issued: claims.issued,
            expires: claims.expires,
            key_id,
        })
    }
}

/// Tokens carry whole seconds.
fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_unix_seconds(at.unix_seconds())
}

fn new_jti(now: Timestamp) -> Result<String, Error> {
    let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random()?).into_uuid().to_string())
}
