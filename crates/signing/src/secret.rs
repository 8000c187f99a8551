//! Secrets that are shown once: made here, kept as a SHA-256 hash, compared in constant time.
//!
//! A plain hash is enough because all of them carry 256 random bits; passwords of people do not belong here.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use workbell_wire::webhook_signature::Secret;

use crate::Error;

/// SHA-256 of a secret.
pub type SecretHash = [u8; 32];

/// What is kept of a secret.
pub fn hash_secret(secret: &str) -> SecretHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, secret.as_bytes()).as_ref());
    hash
}

/// Whether `secret` is the one that `hash` was made of; takes the same time either way.
pub fn secret_matches(secret: &str, hash: &SecretHash) -> bool {
    constant_time::verify_slices_are_equal(&hash_secret(secret), hash).is_ok()
}

/// A client secret for `POST /OAuth/Token`: `wbcs_` and 43 characters of base64url.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn new_client_secret() -> Result<String, Error> {
    new_text("wbcs_")
}

/// A bearer key of the platform interface: `wbpk_` and 43 characters of base64url.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn new_platform_key() -> Result<String, Error> {
    new_text("wbpk_")
}

/// The secret part of a sign-in link: 43 characters of base64url.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn new_link_secret() -> Result<String, Error> {
    new_text("")
}

/// A secret for webhook signatures, of 32 bytes.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn new_webhook_secret() -> Result<Secret, Error> {
    Ok(Secret::from_bytes(&random::<32>()?).expect("32 bytes lie between 24 and 64"))
}

/// Random bytes of the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(bytes)
}

fn new_text(prefix: &str) -> Result<String, Error> {
    Ok(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random::<32>()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_matches_its_secret_and_no_other() {
        let secret = new_client_secret().unwrap();
        let hash = hash_secret(&secret);
        assert!(secret_matches(&secret, &hash));
        assert!(!secret_matches(&new_client_secret().unwrap(), &hash));
        assert!(!secret_matches("", &hash));
        // FIPS 180-2, "abc".
        assert_eq!(hash_secret("abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
    }

    #[test]
    fn new_secrets_have_their_form_and_never_repeat() {
        assert_eq!(new_client_secret().unwrap().len(), "wbcs_".len() + 43);
        assert!(new_platform_key().unwrap().starts_with("wbpk_"));
        assert_eq!(new_link_secret().unwrap().len(), 43);
        assert_ne!(new_platform_key().unwrap(), new_platform_key().unwrap());
        let secret = new_webhook_secret().unwrap();
        assert_eq!(secret.to_text().parse::<Secret>().unwrap(), secret);
    }
}
