//! What can go wrong with keys and secrets.

use workbell_wire::Timestamp;

/// What can go wrong with keys and secrets. No text of it holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The operating system gave no randomness.
    #[error("the operating system gave no random bytes")]
    Randomness,
    /// The text of a master key has another form.
    #[error("a master key is 32 bytes, written as 64 hexadecimal digits or as base64")]
    MasterKeyForm,
    /// The record was sealed with another master key.
    #[error(
        "record \"{record}\" was sealed with another master key; give the one that this store was made with \
         (WORKBELL_MASTER_KEY or master.key in the data directory)"
    )]
    OtherMasterKey {
        /// The record that was to be opened.
        record: String,
    },
    /// The record was changed, cut, or belongs to another record.
    #[error("the sealed record \"{record}\" was changed or belongs to another one; restore it from a backup")]
    SealBroken {
        /// The record that was to be opened.
        record: String,
    },
    /// An RSA key of this length is not made.
    #[error("cannot make an RSA key of {0} bits; 2048, 3072, 4096 and 8192 are allowed")]
    KeyBits(u32),
    /// Making a key or its certificate failed.
    #[error("cannot make a signing key: {0}")]
    Generate(String),
    /// A stored key cannot be used.
    #[error("the stored signing key {key_id} cannot be used: {reason}")]
    BadKey {
        /// Which key.
        key_id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A PEM text holds no key that can sign tokens.
    #[error("the PEM text cannot be used: {0}")]
    Pem(String),
    /// The ring lacks a key for this.
    #[error("there is no {0} key in the key ring")]
    NoKey(&'static str),
    /// Signing failed.
    #[error("signing with key {0} failed")]
    Sign(String),
    /// The next keys are published already.
    #[error(
        "a rotation is under way: the next key signs from {signs_from}; wait until then, or rotate with \"Now\": true \
         (workbell keys rotate --now) to replace all keys at once"
    )]
    RotationUnderWay {
        /// From when the published next key signs.
        signs_from: Timestamp,
    },
}
