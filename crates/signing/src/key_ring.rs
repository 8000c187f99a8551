//! All signing keys of an installation, and what they sign.
//!
//! Of each kind one key signs: the latest whose time has come. One that comes later is *next* and already
//! published; those that signed before are *previous* and published until their last token has expired. A ring
//! is immutable: a rotation gives a [`Change`] for the store, and [`KeyRing::after`] the ring that follows. So
//! what a caller holds never changes under its hands, and what is stored and what signs cannot drift apart.

mod mint;
mod rotation;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use workbell_wire::Timestamp;
use workbell_wire::certificate::Certificate;

use crate::jwt::{Jwk, Jwks};
use crate::key::Private;
use crate::{Error, KeyKind, MasterKey, StoredKey};

pub use mint::{MintedToken, Recipient};
pub use rotation::Change;

/// The settings of `token.*` and the issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `token.audience`: the `Aud` claim.
    pub audience: String,
    /// `token.lifetime`: from `.issued` to `.expires`.
    pub lifetime: Duration,
    /// `token.gzip`: whether the data is compressed.
    pub gzip: bool,
    /// `public_url`: the `iss` of a JWT.
    pub issuer: String,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            audience: workbell_wire::token::DEFAULT_AUDIENCE.to_owned(),
            lifetime: Duration::from_secs(20 * 60),
            gzip: true,
            issuer: "http://127.0.0.1:8080".to_owned(),
        }
    }
}

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub enum KeyState {
    /// Published; signs later.
    Next,
    /// Signs.
    Current,
    /// Published; signs no more.
    Previous,
    /// Neither published nor signing; waits to be removed.
    Retired,
}

/// What may be shown of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id.
    pub key_id: String,
    /// What it signs.
    pub kind: KeyKind,
    /// Where it stands.
    pub state: KeyState,
    /// When it was made.
    pub created: Timestamp,
    /// From when it signs.
    pub signs_from: Timestamp,
    /// Until when it is published; `None` while it has no successor.
    pub retired_at: Option<Timestamp>,
    /// Length of an RSA key; `None` for ES256.
    pub bits: Option<usize>,
    /// When its certificate ends; `None` for ES256.
    pub not_after: Option<Timestamp>,
    /// SHA-256 of its certificate; `None` for ES256.
    pub fingerprint: Option<String>,
}

/// A key ready to sign.
struct Key {
    stored: StoredKey,
    private: Private,
    certificate: Option<Certificate>,
}

impl Key {
    fn load(stored: StoredKey, master: &MasterKey) -> Result<Arc<Self>, Error> {
        let private = stored.open(master)?;
        let bad = |reason: String| Error::BadKey { key_id: stored.key_id.clone(), reason };
        let certificate = match &stored.certificate_pem {
            None if stored.kind == KeyKind::Jwt => None,
            None => return Err(bad("its certificate is missing".to_owned())),
            Some(pem) => {
                let mut bundle = Certificate::read_bundle(pem).map_err(|error| bad(error.to_string()))?;
                bundle.pop()
            }
        };
        Ok(Arc::new(Key { stored, private, certificate }))
    }

    fn is_retired(&self, now: Timestamp) -> bool {
        self.stored.retired_at.is_some_and(|at| at <= now)
    }
}

/// All signing keys, parsed and ready.
#[derive(Clone)]
pub struct KeyRing {
    /// Newest first.
    keys: Vec<Arc<Key>>,
    options: Options,
}

impl KeyRing {
    /// Opens the stored keys.
    ///
    /// # Errors
    /// When the master key is another one or a key cannot be used.
    pub fn load(stored: Vec<StoredKey>, master: &MasterKey, options: Options) -> Result<Self, Error> {
        let keys = stored.into_iter().map(|key| Key::load(key, master)).collect::<Result<_, _>>()?;
        Ok(Self::sorted(keys, options))
    }

    fn sorted(mut keys: Vec<Arc<Key>>, options: Options) -> Self {
        keys.sort_by(|a, b| {
            (b.stored.signs_from, b.stored.created, &b.stored.key_id).cmp(&(
                a.stored.signs_from,
                a.stored.created,
                &a.stored.key_id,
            ))
        });
        KeyRing { keys, options }
    }

    /// The settings it mints with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// All keys with their states, newest first.
    pub fn keys(&self, now: Timestamp) -> Vec<KeyInfo> {
        self.keys
            .iter()
            .map(|key| KeyInfo {
                key_id: key.stored.key_id.clone(),
                kind: key.stored.kind,
                state: self.state(key, now),
                created: key.stored.created,
                signs_from: key.stored.signs_from,
                retired_at: key.stored.retired_at,
                bits: key.certificate.as_ref().map(Certificate::bits),
                not_after: key.certificate.as_ref().map(Certificate::not_after),
                fingerprint: key.certificate.as_ref().map(|certificate| certificate.fingerprint().to_owned()),
            })
            .collect()
    }

    /// The stored form of all keys, newest first.
    pub fn stored(&self) -> impl Iterator<Item = &StoredKey> {
        self.keys.iter().map(|key| &key.stored)
    }

    /// Id of the key that signs this kind now; `None` when the ring has none.
    pub fn signing_key_id(&self, kind: KeyKind, now: Timestamp) -> Option<&str> {
        self.current(kind, now).ok().map(|key| key.stored.key_id.as_str())
    }

    /// The published certificates as one PEM bundle, newest first: what `GET /certificates` answers.
    pub fn certificates_pem(&self, now: Timestamp) -> String {
        self.published(KeyKind::Token, now).filter_map(|key| key.stored.certificate_pem.as_deref()).collect()
    }

    /// The published certificates, newest first.
    pub fn certificates(&self, now: Timestamp) -> Vec<Certificate> {
        self.published(KeyKind::Token, now).filter_map(|key| key.certificate.clone()).collect()
    }

    /// The certificates that access tokens of the Direct API are verified with. Never to be published.
    pub fn access_certificates(&self, now: Timestamp) -> Vec<Certificate> {
        self.published(KeyKind::Access, now).filter_map(|key| key.certificate.clone()).collect()
    }

    /// The published keys of the JWT form (RFC 7517): what `GET /.well-known/jwks.json` answers.
    pub fn jwks(&self, now: Timestamp) -> String {
        let keys =
            self.published(KeyKind::Jwt, now).filter_map(|key| Jwk::of(&key.private, &key.stored.key_id));
        serde_json::to_string(&Jwks { keys: keys.collect() }).expect("a key set has a JSON form")
    }

    fn published(&self, kind: KeyKind, now: Timestamp) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.iter().filter(move |key| key.stored.kind == kind && !key.is_retired(now))
    }

    /// The key that signs: the latest whose time has come. When none has (the clock was set back), the earliest.
    fn current(&self, kind: KeyKind, now: Timestamp) -> Result<&Arc<Key>, Error> {
        let mut usable = self.published(kind, now);
        usable
            .find(|key| key.stored.signs_from <= now)
            .or_else(|| self.published(kind, now).last())
            .ok_or(Error::NoKey(kind.name()))
    }

    fn state(&self, key: &Arc<Key>, now: Timestamp) -> KeyState {
        if key.is_retired(now) {
            return KeyState::Retired;
        }
        match self.current(key.stored.kind, now) {
            Ok(current) if Arc::ptr_eq(current, key) => KeyState::Current,
            _ if key.stored.signs_from > now => KeyState::Next,
            _ => KeyState::Previous,
        }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys.iter().map(|key| (key.stored.kind, &key.stored.key_id)).collect();
        f.debug_struct("KeyRing").field("keys", &ids).field("options", &self.options).finish()
    }
}
