//! The token of one endpoint, kept until half of its life is gone.
//!
//! An RSA signature costs more than a delivery, so a token serves many requests. It is minted anew when the ring
//! signs with another key (after a rotation, at once after one with `Now`), when the ring's settings, the
//! endpoint's client, destination or form change, and when the clock was set back before it was issued.

use std::sync::Arc;

use workbell_wire::Timestamp;

use crate::{Error, KeyKind, KeyRing, MintedToken, Options, Recipient};

/// The form of token that an endpoint asks for with `Authorization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// The form of CorrigoPro Direct.
    Token,
    /// RFC 9068.
    Jwt,
}

/// The token of one endpoint. Belongs to the one task that owns the endpoint.
#[derive(Debug, Default)]
pub struct TokenCache {
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    token: Arc<MintedToken>,
    form: Form,
    recipient: Recipient,
    options: Options,
    fresh_until: Timestamp,
}

impl TokenCache {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The token to send now: the kept one, or a new one. The same `Arc` as long as the token is the same.
    ///
    /// # Errors
    /// When a new one is needed and the ring cannot mint it.
    pub fn token(
        &mut self,
        ring: &KeyRing,
        form: Form,
        recipient: &Recipient,
        now: Timestamp,
    ) -> Result<Arc<MintedToken>, Error> {
        if let Some(kept) = self.kept.as_ref().filter(|kept| kept.serves(ring, form, recipient, now)) {
            return Ok(kept.token.clone());
        }
        let token = Arc::new(match form {
            Form::Token => ring.mint_token(recipient, now)?,
            Form::Jwt => ring.mint_jwt(recipient, now)?,
        });
        let half = token.expires.since(token.issued) / 2;
        self.kept = Some(Kept {
            fresh_until: token.issued.plus(half),
            token: token.clone(),
            form,
            recipient: recipient.clone(),
            options: ring.options().clone(),
        });
        Ok(token)
    }
}

impl Kept {
    fn serves(&self, ring: &KeyRing, form: Form, recipient: &Recipient, now: Timestamp) -> bool {
        let kind = match form {
            Form::Token => KeyKind::Token,
            Form::Jwt => KeyKind::Jwt,
        };
        self.form == form
            && self.token.issued <= now
            && now < self.fresh_until
            && ring.signing_key_id(kind, now) == Some(self.token.key_id.as_str())
            && self.recipient == *recipient
            && self.options == *ring.options()
    }
}
