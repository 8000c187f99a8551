//! The other form of the token: a JWT access token, and the key set that verifies it.
//!
//! Built by hand, because the usual library parses the key at each signature. Source: RFC 9068 for the claims,
//! RFC 7515 for the form, RFC 7518 section 3.4 for ES256 (64 bytes, not ASN.1), RFC 7517 for the key set.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::key::Private;

/// The claims, in the order in which they are written.
#[derive(Serialize)]
pub(crate) struct Claims<'a> {
    pub(crate) iss: &'a str,
    pub(crate) aud: &'a str,
    pub(crate) sub: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) iat: i64,
    pub(crate) exp: i64,
    pub(crate) jti: &'a str,
    pub(crate) endpoint: &'a str,
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    kid: &'a str,
}

/// The signed JWT; `None` when signing fails.
pub(crate) fn signed(key: &Private, kid: &str, claims: &Claims<'_>) -> Option<String> {
    let header = Header { typ: "at+jwt", alg: "ES256", kid };
    let mut text = part(&header);
    text.push('.');
    text.push_str(&part(claims));
    let signature = key.sign(text.as_bytes())?;
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    Some(text)
}

fn part(value: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).expect("texts and numbers have a JSON form"))
}

/// One public key of the key set.
#[derive(Serialize)]
pub(crate) struct Jwk<'a> {
    kty: &'static str,
    crv: &'static str,
    r#use: &'static str,
    alg: &'static str,
    kid: &'a str,
    x: String,
    y: String,
}

impl<'a> Jwk<'a> {
    /// The public half of a P-256 key; `None` for RSA.
    pub(crate) fn of(key: &Private, kid: &'a str) -> Option<Self> {
        let (x, y) = key.point()?;
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        Some(Jwk { kty: "EC", crv: "P-256", r#use: "sig", alg: "ES256", kid, x, y })
    }
}

/// The key set.
#[derive(Serialize)]
pub(crate) struct Jwks<'a> {
    pub(crate) keys: Vec<Jwk<'a>>,
}
