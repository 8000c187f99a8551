//! Who sends tests from a developer's machine: its signing keys, its secret, its names.
//!
//! Kept as one text in a file that only its owner may read; the private keys in it are sealed.

use serde::{Deserialize, Serialize};
use workbell_signing::{KeyKind, KeyRing, MasterKey, Options, StoredKey, hash_secret, new_webhook_secret};
use workbell_wire::Timestamp;
use workbell_wire::webhook_signature::Secret;

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text has another form.
    #[error("it is no key file of workbell: {0}")]
    Form(String),
    /// Keys cannot be made or used.
    #[error(transparent)]
    Signing(#[from] workbell_signing::Error),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Kept {
    master: String,
    keys: Vec<StoredKey>,
    secret: String,
    endpoint_id: String,
    client_id: String,
}

/// Signing keys, secret and names.
pub struct Identity {
    master: MasterKey,
    keys: Vec<StoredKey>,
    /// The `whsec_` secret of the signature over bodies.
    pub secret: Secret,
    /// The endpoint's id in tokens.
    pub endpoint_id: String,
    /// The name claim of tokens.
    pub client_id: String,
}

impl Identity {
    /// A new one. Costs up to a second of processor time for two RSA keys.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate(now: Timestamp) -> Result<Self, Error> {
        let master = MasterKey::generate()?;
        let keys = [KeyKind::Token, KeyKind::Access]
            .map(|kind| StoredKey::generate(kind, now, now, 2048, &master))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()?;
        let id = keys.first().map(|key| key.key_id.clone()).unwrap_or_default();
        Ok(Identity {
            master,
            secret: new_webhook_secret()?,
            endpoint_id: id,
            client_id: "workbell-emulator".to_owned(),
            keys,
        })
    }

    /// Whoever has this private key: an RSA key in PEM, with its certificate or without. Secret and endpoint id follow
    /// from the text, so that they are the same at each run. Costs a second RSA key, for access tokens.
    ///
    /// # Errors
    /// When the text holds no such key.
    pub fn from_pem(pem: &str, now: Timestamp) -> Result<Self, Error> {
        let master = MasterKey::generate()?;
        let token = StoredKey::from_pem(pem, now, &master)?;
        let access = StoredKey::generate(KeyKind::Access, now, now, 2048, &master)?;
        let follows = |what: &str| hash_secret(&format!("workbell emulator {what} {}", pem.trim()));
        let secret =
            Secret::from_bytes(&follows("secret")).map_err(|error| Error::Form(error.to_string()))?;
        let mut id = [0; 16];
        id.copy_from_slice(&follows("endpoint")[..16]);
        Ok(Identity {
            master,
            keys: vec![token, access],
            secret,
            endpoint_id: uuid::Builder::from_custom_bytes(id).into_uuid().to_string(),
            client_id: "workbell-emulator".to_owned(),
        })
    }

    /// The text to keep. Whoever has it can sign.
    pub fn to_text(&self) -> String {
        let kept = Kept {
            master: self.master.to_text(),
            keys: self.keys.clone(),
            secret: self.secret.to_text(),
            endpoint_id: self.endpoint_id.clone(),
            client_id: self.client_id.clone(),
        };
        serde_json::to_string_pretty(&kept).expect("texts have a JSON form")
    }

    /// Reads what [`Identity::to_text`] wrote.
    ///
    /// # Errors
    /// When it is no such text.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        let kept: Kept = serde_json::from_str(text).map_err(|error| Error::Form(error.to_string()))?;
        Ok(Identity {
            master: kept.master.parse()?,
            keys: kept.keys,
            secret: kept.secret.parse().map_err(|error| Error::Form(format!("{error}")))?,
            endpoint_id: kept.endpoint_id,
            client_id: kept.client_id,
        })
    }

    /// The keys, minting for this audience.
    ///
    /// # Errors
    /// When a key cannot be used.
    pub fn ring(&self, audience: &str) -> Result<KeyRing, Error> {
        self.ring_with(Options { audience: audience.to_owned(), ..Options::default() })
    }

    /// The keys, minting as these options say.
    ///
    /// # Errors
    /// When a key cannot be used.
    pub fn ring_with(&self, options: Options) -> Result<KeyRing, Error> {
        Ok(KeyRing::load(self.keys.clone(), &self.master, options)?)
    }

    /// A key that nobody was told to trust.
    pub(crate) fn stranger(now: Timestamp) -> Result<KeyRing, Error> {
        let master = MasterKey::generate()?;
        let key = StoredKey::generate(KeyKind::Token, now, now, 2048, &master)?;
        Ok(KeyRing::load(vec![key], &master, Options::default())?)
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("endpoint_id", &self.endpoint_id).finish_non_exhaustive()
    }
}
