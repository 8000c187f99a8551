//! A signing key as it lies in the store: sealed, with its certificate and its times.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use workbell_wire::Timestamp;

use crate::key::Private;
use crate::secret::random;
use crate::{Error, MasterKey, certificate, pem};

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyKind {
    /// Tokens of notifications, RSA. Its certificate is published.
    Token,
    /// The JWT form of these tokens, ES256. Its public key is published as JWKS.
    Jwt,
    /// Access tokens of the Direct API, RSA. Its certificate is never published.
    Access,
}

impl KeyKind {
    /// All kinds.
    pub const ALL: [KeyKind; 3] = [KeyKind::Token, KeyKind::Jwt, KeyKind::Access];

    /// The name as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            KeyKind::Token => "Token",
            KeyKind::Jwt => "Jwt",
            KeyKind::Access => "Access",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A signing key as it is stored. It holds no secret in the clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredKey {
    /// Its id, a UUIDv7; also the `kid` of a JWT.
    pub key_id: String,
    /// What it signs.
    pub kind: KeyKind,
    /// The private key (PKCS#8), sealed for the record `signing-key/<key id>`.
    #[serde(with = "base64_text")]
    pub sealed: Vec<u8>,
    /// Its certificate; `None` for [`KeyKind::Jwt`].
    pub certificate_pem: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// From when it signs, unless a later one does.
    pub signs_from: Timestamp,
    /// When the last token signed with it has expired and it is no longer published; `None` while it has no
    /// successor.
    pub retired_at: Option<Timestamp>,
}

impl StoredKey {
    /// Makes a key of this kind that signs from `signs_from` on. `bits` is the length of an RSA key.
    ///
    /// Costs 50 to 500 ms of processor time for RSA: not for a thread that serves requests.
    ///
    /// # Errors
    /// When the length is not allowed or the key cannot be made.
    pub fn generate(
        kind: KeyKind,
        now: Timestamp,
        signs_from: Timestamp,
        bits: u32,
        master: &MasterKey,
    ) -> Result<Self, Error> {
        let key_id = new_key_id(now)?;
        let private = match kind {
            KeyKind::Token | KeyKind::Access => Private::generate_rsa(bits)?,
            KeyKind::Jwt => Private::generate_es256()?,
        };
        let certificate_pem = match &private {
            Private::Rsa(rsa) => Some(certificate::self_signed(rsa, &key_id, now)?),
            Private::Es256(_) => None,
        };
        let sealed = master.seal(&record(&key_id), &private.to_pkcs8()?)?;
        Ok(StoredKey { key_id, kind, sealed, certificate_pem, created: now, signs_from, retired_at: None })
    }

    /// A key for tokens from a PEM text: an RSA private key (PKCS#8 or PKCS#1) of 2048 bits or more, and its certificate
    /// where the text has one; else one is made, signed with the key itself.
    ///
    /// # Errors
    /// [`Error::Pem`].
    pub fn from_pem(pem: &str, now: Timestamp, master: &MasterKey) -> Result<Self, Error> {
        let private = pem::private_key(pem)?;
        let Private::Rsa(rsa) = &private else { return Err(Error::Pem("it holds no RSA key".to_owned())) };
        let key_id = new_key_id(now)?;
        let certificate_pem = match pem::certificate(pem)? {
            Some(certificate) => certificate,
            None => certificate::self_signed(rsa, &key_id, now)?,
        };
        let sealed = master.seal(&record(&key_id), &private.to_pkcs8()?)?;
        let stored = StoredKey {
            key_id,
            kind: KeyKind::Token,
            sealed,
            certificate_pem: Some(certificate_pem),
            created: now,
            signs_from: now,
            retired_at: None,
        };
        pem::must_fit(&private, stored.certificate_pem.as_deref().unwrap_or_default())?;
        Ok(stored)
    }

    /// The keys of a new ring, one of each kind, signing from now on.
    ///
    /// # Errors
    /// As [`StoredKey::generate`].
    pub fn first_ones(now: Timestamp, bits: u32, master: &MasterKey) -> Result<Vec<Self>, Error> {
        one_of_each(now, Duration::ZERO, bits, master)
    }

    /// The JSON record that the store keeps. Its private part is sealed.
    pub fn to_record(&self) -> String {
        serde_json::to_string(self).expect("texts and times have a JSON form")
    }

    /// Reads what [`StoredKey::to_record`] wrote; `key_id` names it in the error.
    ///
    /// # Errors
    /// When it is no such record.
    pub fn from_record(key_id: &str, record: &str) -> Result<Self, Error> {
        serde_json::from_str(record)
            .map_err(|error| Error::BadKey { key_id: key_id.to_owned(), reason: error.to_string() })
    }

    pub(crate) fn open(&self, master: &MasterKey) -> Result<Private, Error> {
        let pkcs8 = master.open(&record(&self.key_id), &self.sealed)?;
        let bad = |reason: String| Error::BadKey { key_id: self.key_id.clone(), reason };
        match self.kind {
            KeyKind::Token | KeyKind::Access => Private::rsa_from_pkcs8(&pkcs8),
            KeyKind::Jwt => Private::es256_from_pkcs8(&pkcs8),
        }
        .map_err(bad)
    }
}

/// One new key of each kind, signing `lead` from now.
pub(crate) fn one_of_each(
    now: Timestamp,
    lead: Duration,
    bits: u32,
    master: &MasterKey,
) -> Result<Vec<StoredKey>, Error> {
    KeyKind::ALL
        .into_iter()
        .map(|kind| StoredKey::generate(kind, now, now.plus(lead), bits, master))
        .collect()
}

fn record(key_id: &str) -> String {
    format!("signing-key/{key_id}")
}

fn new_key_id(now: Timestamp) -> Result<String, Error> {
    let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
    Ok(uuid::Builder::from_unix_timestamp_millis(millis, &random()?).into_uuid().to_string())
}

/// Bytes as base64 text in JSON.
mod base64_text {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}
