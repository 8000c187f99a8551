//! The signature over a notification's body: Standard Webhooks, symmetric form.
//!
//! HMAC-SHA256 of `<id>.<timestamp>.<body>` with the endpoint's `whsec_` secret, written `v1,<base64>`; a list of
//! these, separated by spaces, while a secret is being rotated. The bearer token says who sent a request; only
//! this covers what it says. Source: the Standard Webhooks specification 1.0.0.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Timestamp;

/// Name of the header with the id of the message, in lower case.
pub const ID_HEADER: &str = "webhook-id";
/// Name of the header with the time of the attempt in seconds since 1970, in lower case.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// Name of the header with the signatures, in lower case.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

/// How far the time of an attempt may lie from now, both ways, unless the reader says otherwise.
///
/// 5 minutes, as the official Standard Webhooks libraries have it.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// Shortest secret, in bytes. Source: Standard Webhooks, "Signature scheme".
pub const MIN_SECRET: usize = 24;
/// Longest secret, in bytes. Source: Standard Webhooks, "Signature scheme".
pub const MAX_SECRET: usize = 64;

/// Most signatures in one header that are looked at.
///
/// 16. Two are usual while a secret is being rotated; each one costs the reader one HMAC per secret.
pub const MAX_SIGNATURES: usize = 16;

const PREFIX: &str = "whsec_";
const VERSION: &str = "v1,";

/// Why a secret or a signed request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The secret has another form.
    #[error("a secret is whsec_ and the base64 of {MIN_SECRET} to {MAX_SECRET} bytes")]
    Secret,
    /// `webhook-timestamp` is no number of seconds.
    #[error("webhook-timestamp is not a number of seconds since 1970")]
    Timestamp,
    /// The attempt lies too far in the past.
    #[error("webhook-timestamp lies too far in the past; compare the clocks, or this is a replayed request")]
    TooOld,
    /// The attempt lies too far in the future.
    #[error("webhook-timestamp lies too far in the future; compare the clocks")]
    TooNew,
    /// There is no `v1` signature in the header.
    #[error("webhook-signature holds no v1 signature")]
    NoSignature,
    /// No signature fits: wrong secret, or the body is not the one that was sent.
    #[error("no signature fits; the secret is another one, or the body was changed on the way")]
    Mismatch,
}

/// A secret that sender and receiver share.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// A secret of these bytes.
    ///
    /// # Errors
    /// When there are less than 24 or more than 64.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if (MIN_SECRET..=MAX_SECRET).contains(&bytes.len()) {
            Ok(Secret(bytes.into()))
        } else {
            Err(Error::Secret)
        }
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text that is shown once: `whsec_` and base64.
    pub fn to_text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }
}

impl std::str::FromStr for Secret {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let encoded = text.strip_prefix(PREFIX).ok_or(Error::Secret)?;
        Secret::from_bytes(&STANDARD.decode(encoded).map_err(|_| Error::Secret)?)
    }
}

/// Compares in constant time.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The prepared keys of one endpoint, so that an attempt costs one HMAC per secret and nothing else.
#[derive(Clone, Debug)]
pub struct Keys(Vec<hmac::Key>);

impl Keys {
    /// Prepares the keys; signatures are written in the order of the secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        Keys(secrets.into_iter().map(|secret| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())).collect())
    }

    /// The value of `webhook-signature`.
    pub fn sign(&self, id: &str, unix_seconds: i64, body: &[u8]) -> String {
        let timestamp = unix_seconds.to_string();
        let mut value = String::with_capacity(self.0.len() * 48);
        for key in &self.0 {
            if !value.is_empty() {
                value.push(' ');
            }
            value.push_str(VERSION);
            STANDARD.encode_string(tag(key, id, &timestamp, body), &mut value);
        }
        value
    }

    /// Checks a signed request.
    ///
    /// # Errors
    /// When the attempt lies more than `tolerance` from `now`, or no signature fits.
    pub fn verify(
        &self,
        headers: &Headers<'_>,
        body: &[u8],
        now: Timestamp,
        tolerance: Duration,
    ) -> Result<(), Error> {
        let seconds: i64 = headers.timestamp.parse().map_err(|_| Error::Timestamp)?;
        let sent = Timestamp::from_unix_seconds(seconds);
        // Whole seconds on both sides, as the official libraries compare.
        let now = Timestamp::from_unix_seconds(now.unix_seconds());
        if sent < now.minus(tolerance) {
            return Err(Error::TooOld);
        }
        if sent > now.plus(tolerance) {
            return Err(Error::TooNew);
        }
        let mut given = Vec::new();
        for signature in
            headers.signature.split(' ').filter_map(|text| text.strip_prefix(VERSION)).take(MAX_SIGNATURES)
        {
            given.push(STANDARD.decode(signature).unwrap_or_default());
        }
        if given.is_empty() {
            return Err(Error::NoSignature);
        }
        let fits = self.0.iter().any(|key| {
            let expected = tag(key, headers.id, headers.timestamp, body);
            given.iter().any(|given| constant_time::verify_slices_are_equal(given, expected.as_ref()).is_ok())
        });
        if fits { Ok(()) } else { Err(Error::Mismatch) }
    }
}

/// The three headers of a signed request, as they arrived.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

/// The value of `webhook-signature` for one request. [`Keys`] saves the preparation when there are more.
pub fn sign(secrets: &[Secret], id: &str, unix_seconds: i64, body: &[u8]) -> String {
    Keys::new(secrets).sign(id, unix_seconds, body)
}

/// Checks one signed request. [`Keys`] saves the preparation when there are more.
///
/// # Errors
/// When the attempt lies more than `tolerance` ([`TOLERANCE`]) from `now`, or no signature fits.
pub fn verify(
    headers: &Headers<'_>,
    body: &[u8],
    secrets: &[Secret],
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), Error> {
    Keys::new(secrets).verify(headers, body, now, tolerance)
}

fn tag(key: &hmac::Key, id: &str, timestamp: &str, body: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(id.as_bytes());
    context.update(b".");
    context.update(timestamp.as_bytes());
    context.update(b".");
    context.update(body);
    context.sign()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification and its official libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SECONDS: i64 = 1_614_265_330;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn check(signature: &str, timestamp: &str, now: i64) -> Result<(), Error> {
        let headers = Headers { id: ID, timestamp, signature };
        let secrets = [SECRET.parse().unwrap()];
        verify(&headers, BODY, &secrets, Timestamp::from_unix_seconds(now), TOLERANCE)
    }

    #[test]
    fn the_example_of_the_official_libraries_is_signed_and_verified() {
        assert_eq!(sign(&[SECRET.parse().unwrap()], ID, SECONDS, BODY), SIGNATURE);
        assert_eq!(check(SIGNATURE, "1614265330", SECONDS), Ok(()));
    }

    #[test]
    fn while_a_secret_is_rotated_either_one_verifies() {
        let old: Secret = SECRET.parse().unwrap();
        let new = Secret::from_bytes(&[7; 24]).unwrap();
        let signature = sign(&[new.clone(), old.clone()], ID, SECONDS, BODY);
        assert_eq!(signature.split(' ').count(), 2);
        let headers = Headers { id: ID, timestamp: "1614265330", signature: &signature };
        for secret in [old, new] {
            let now = Timestamp::from_unix_seconds(SECONDS);
            assert_eq!(verify(&headers, BODY, &[secret], now, TOLERANCE), Ok(()));
        }
    }

    #[test]
    fn an_attempt_more_than_five_minutes_away_is_refused_both_ways() {
        assert_eq!(check(SIGNATURE, "1614265330", SECONDS + 300), Ok(()));
        assert_eq!(check(SIGNATURE, "1614265330", SECONDS + 301), Err(Error::TooOld));
        assert_eq!(check(SIGNATURE, "1614265330", SECONDS - 300), Ok(()));
        assert_eq!(check(SIGNATURE, "1614265330", SECONDS - 301), Err(Error::TooNew));
        assert_eq!(check(SIGNATURE, "yesterday", SECONDS), Err(Error::Timestamp));
    }

    #[test]
    fn what_was_changed_does_not_fit() {
        assert_eq!(check(SIGNATURE, "1614265331", SECONDS), Err(Error::Mismatch));
        assert_eq!(check("v1,g0hM9SsE", "1614265330", SECONDS), Err(Error::Mismatch));
        assert_eq!(check("v2,g0hM9SsE", "1614265330", SECONDS), Err(Error::NoSignature));
        assert_eq!(check("", "1614265330", SECONDS), Err(Error::NoSignature));
        assert_eq!(check(&format!("v1a,xx {SIGNATURE}"), "1614265330", SECONDS), Ok(()));
    }

    #[test]
    fn secrets_of_other_forms_are_refused_and_no_debug_output_shows_one() {
        for text in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_AAAA", "whsec_%%%%"] {
            assert_eq!(text.parse::<Secret>(), Err(Error::Secret), "{text}");
        }
        assert_eq!(Secret::from_bytes(&[0; 65]), Err(Error::Secret));
        let secret: Secret = SECRET.parse().unwrap();
        assert_eq!(secret.to_text(), SECRET);
        assert_eq!(format!("{secret:?}"), "Secret(hidden)");
    }
}
