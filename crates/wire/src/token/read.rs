//! Takes a token apart: shape, base64url, gzip, JSON, in this order. Trusts nothing and checks no signature.

use std::io::Read as _;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Document, EXPIRES, ISSUED, MAX_JSON, MAX_TOKEN, SEPARATOR};
use crate::Timestamp;

/// Takes padded and unpadded base64url.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a text is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is not exactly one separator with something on both sides, or the text is too long.
    #[error("{0}")]
    Shape(String),
    /// One half is not base64url.
    #[error("{0}")]
    Base64(String),
    /// The data starts as gzip does and cannot be decompressed within the limit.
    #[error("{0}")]
    Gzip(String),
    /// The data is no JSON document of claims.
    #[error("{0}")]
    Json(String),
}

/// The data half of a token, as far as base64url was taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    text: String,
    bytes: Vec<u8>,
    gzip: bool,
}

impl Data {
    /// The base64url text as it stood in the token.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What base64url carried: the bytes that the documented signature covers.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the bytes start with `1f 8b`.
    pub fn is_gzip(&self) -> bool {
        self.gzip
    }
}

/// A token taken apart. Nothing of it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    data: Data,
    signature: Vec<u8>,
    json: Vec<u8>,
    claims: Vec<(String, String)>,
    issued: Option<String>,
    expires: Option<String>,
}

impl Parsed {
    /// The data half.
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// The signature half, base64url taken off.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The JSON document, decompressed.
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// All claims, type and value, in their order.
    pub fn claims(&self) -> &[(String, String)] {
        &self.claims
    }

    /// The value of the first claim of this type.
    pub fn claim(&self, kind: &str) -> Option<&str> {
        self.claims.iter().find(|(other, _)| other == kind).map(|(_, value)| value.as_str())
    }

    /// From when the token is valid.
    ///
    /// # Errors
    /// A text that says what is wrong with `.issued`: missing, or not in the form of RFC 1123.
    pub fn issued(&self) -> Result<Timestamp, String> {
        moment(ISSUED, self.issued.as_deref())
    }

    /// Until when the token is valid.
    ///
    /// # Errors
    /// A text that says what is wrong with `.expires`: missing, or not in the form of RFC 1123.
    pub fn expires(&self) -> Result<Timestamp, String> {
        moment(EXPIRES, self.expires.as_deref())
    }
}

fn moment(member: &str, text: Option<&str>) -> Result<Timestamp, String> {
    let text = text.ok_or_else(|| format!("the token has no {member}"))?;
    Timestamp::from_http_date(text)
        .map_err(|_| format!("{member} is \"{text}\", not a time such as \"Tue, 04 Sep 2018 10:12:08 GMT\""))
}

/// The token in the value of an `Authorization` header, or `None` when its scheme is not `Bearer`.
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}

/// Takes a token apart.
///
/// # Errors
/// The first thing that is wrong with its form. A gzip bomb is refused after [`MAX_JSON`] bytes.
pub fn read(token: &str) -> Result<Parsed, Error> {
    let halves = split(token)?;
    let (data, signature) = decode(halves)?;
    let json = decompress(&data)?;
    parse(data, signature, json)
}

/// Both halves of a token, still text.
pub(super) fn split(token: &str) -> Result<(&str, &str), Error> {
    let shape = |text: &str| Err(Error::Shape(text.to_owned()));
    if token.len() > MAX_TOKEN {
        return Err(Error::Shape(format!("the token is longer than {MAX_TOKEN} bytes")));
    }
    if token.is_empty() {
        return shape("the token is empty");
    }
    match token.split_once(SEPARATOR) {
        None if token.split('.').count() == 3 => shape(
            "this looks like a JWT (three parts with dots); verify it with the keys of /.well-known/jwks.json",
        ),
        None => shape("there is no <----> between data and signature"),
        Some((_, rest)) if rest.contains(SEPARATOR) => shape("<----> is there more than once"),
        Some(("", _)) => shape("there is no data in front of <---->"),
        Some((_, "")) => shape("there is no signature behind <---->"),
        Some(halves) => Ok(halves),
    }
}

/// Both halves of a token, as bytes.
pub(super) fn decode((data, signature): (&str, &str)) -> Result<(Data, Vec<u8>), Error> {
    let half = |name: &str, text: &str| {
        BASE64URL.decode(text).map_err(|error| {
            let hint = if text.contains(['+', '/']) {
                "; + and / are of standard base64, a token has - and _"
            } else {
                ""
            };
            Error::Base64(format!("the {name} is not base64url: {error}{hint}"))
        })
    };
    let bytes = half("data", data)?;
    let signature = half("signature", signature)?;
    let gzip = bytes.starts_with(&[0x1f, 0x8b]);
    Ok((Data { text: data.to_owned(), bytes, gzip }, signature))
}

/// The JSON text in the data half.
pub(super) fn decompress(data: &Data) -> Result<Vec<u8>, Error> {
    if !data.gzip {
        return Ok(data.bytes.clone());
    }
    let mut decoder = flate2::bufread::GzDecoder::new(data.bytes.as_slice());
    let mut json = Vec::new();
    (&mut decoder).take(MAX_JSON as u64 + 1).read_to_end(&mut json).map_err(|error| {
        Error::Gzip(format!("the data starts as gzip does and cannot be decompressed: {error}"))
    })?;
    if json.len() > MAX_JSON {
        return Err(Error::Gzip(format!("the data decompresses to more than {MAX_JSON} bytes")));
    }
    if !decoder.get_ref().is_empty() {
        return Err(Error::Gzip("there are bytes behind the end of the gzip data".to_owned()));
    }
    Ok(json)
}

/// The claims in the JSON text.
pub(super) fn parse(data: Data, signature: Vec<u8>, json: Vec<u8>) -> Result<Parsed, Error> {
    let document: Document<'_> = serde_json::from_slice(&json)
        .map_err(|error| Error::Json(format!("the data is no JSON document of claims: {error}")))?;
    let claims = document
        .claims
        .into_iter()
        .map(|claim| (claim.r#type.into_owned(), claim.value.into_owned()))
        .collect();
    let dictionary = document.properties.dictionary;
    Ok(Parsed { data, signature, claims, issued: dictionary.issued, expires: dictionary.expires, json })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::assemble;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_gzip_bomb_is_refused_at_the_limit() {
        let bomb = gzip(&vec![b' '; 20 * 1024 * 1024]);
        assert!(bomb.len() < MAX_TOKEN / 2);
        assert_eq!(
            read(&assemble(&bomb, b"x")),
            Err(Error::Gzip("the data decompresses to more than 65536 bytes".into()))
        );
    }

    #[test]
    fn bytes_behind_the_gzip_data_are_refused() {
        let mut data = gzip(b"{}");
        data.push(0);
        assert!(matches!(read(&assemble(&data, b"x")), Err(Error::Gzip(_))));
    }

    #[test]
    fn only_the_bearer_scheme_carries_a_token() {
        assert_eq!(bearer("Bearer a<---->b"), Some("a<---->b"));
        assert_eq!(bearer("bearer  a<---->b "), Some("a<---->b"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("Bearer"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC*", data: Vec<u8>) {
            let _ = read(&text);
            let _ = read(&assemble(&data, b"x"));
            let _ = read(&assemble(&[&[0x1f, 0x8b], data.as_slice()].concat(), b"x"));
        }
    }
}
