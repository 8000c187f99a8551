//! The bearer token that says who sent a notification.
//!
//! `data<---->signature`, both base64url without padding. `data` is a JSON document of claims, gzip-compressed
//! by default; the signature is RSASSA-PKCS1-v1_5 with SHA-256 over the bytes that base64url carried. This
//! module writes the data and puts the two halves together; whoever holds a private key signs between the two.
//! [`read()`] takes a token apart without trusting it, [`verify()`] judges it check by check.
//!
//! Source: the public pages `authorization` and `receiving-updates` of CorrigoPro Direct; what they leave open is
//! decided in the notification contract, section 5.

mod read;
mod report;
mod verify;

use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

pub use read::{Data, Error, Parsed, bearer, read};
pub use report::{Check, Matched, Over, Report, Scheme, Verdict};
pub use verify::{Expect, Purpose, diagnose, verify};

/// What stands between data and signature.
pub const SEPARATOR: &str = "<---->";

/// Longest token that is read at all, in bytes.
///
/// 64 KiB. A real one has about 1 KiB; servers refuse header lines of more than 8 to 64 KiB anyway.
pub const MAX_TOKEN: usize = 64 * 1024;

/// Longest JSON document that comes out of the gzip data, in bytes.
///
/// 64 KiB. Real ones have about 2 KiB; the limit stops a gzip bomb.
pub const MAX_JSON: usize = 64 * 1024;

/// How far the clocks of sender and reader may differ.
///
/// 60 seconds, as the contract says.
pub const SKEW: std::time::Duration = std::time::Duration::from_secs(60);

/// The audience that CorrigoPro Direct writes, and the default of `token.audience`.
pub const DEFAULT_AUDIENCE: &str = "CorrigoProDirect";

/// Type of the name claim: the `ClientId`. Also `NameClaimType` and `RoleClaimType`.
pub const NAME_CLAIM: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
/// Type of the scope claim; its value is always empty.
pub const SCOPE_CLAIM: &str = "urn:oauth:scope";
/// Type of the audience claim.
pub const AUDIENCE_CLAIM: &str = "Aud";
/// Type of the claim with the endpoint's id.
pub const ENDPOINT_CLAIM: &str = "urn:workbell:endpoint";
/// Type of the claim with the origin of the endpoint's URL (RFC 6454), or `pull:<endpoint id>`.
pub const DESTINATION_CLAIM: &str = "urn:workbell:destination";
/// Type of the claim that names the token.
pub const JTI_CLAIM: &str = "jti";
/// Type of the claim that marks a token which is not for receivers.
pub const USE_CLAIM: &str = "urn:workbell:use";
/// Value of [`USE_CLAIM`] in an access token of the Direct API.
pub const ACCESS_USE: &str = "access";
/// Type of the claim that names the company of an access token's client.
pub const COMPANY_CLAIM: &str = "urn:workbell:company";
/// Type of the claim that names the secret for which an access token was issued.
pub const GENERATION_CLAIM: &str = "urn:workbell:generation";

const VALUE_TYPE: &str = "http://www.w3.org/2001/XMLSchema#string";
const ISSUER: &str = "LOCAL AUTHORITY";
const ISSUED: &str = ".issued";
const EXPIRES: &str = ".expires";

/// What a token states, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// The `ClientId` of the receiving side.
    pub name: String,
    /// Whom the token is for, `CorrigoProDirect` by default.
    pub audience: String,
    /// The endpoint's id; `None` in an access token.
    pub endpoint: Option<String>,
    /// Origin of the endpoint's URL, or `pull:<endpoint id>`; `None` in an access token.
    pub destination: Option<String>,
    /// Names the token. The same one arrives with many requests.
    pub jti: String,
    /// What else the token is for than receiving: [`ACCESS_USE`]. `None` in the token of a notification.
    pub use_: Option<String>,
    /// Whom an access token stands for; `None` in the token of a notification.
    pub grant: Option<Grant>,
    /// From when it is valid; written in whole seconds.
    pub issued: Timestamp,
    /// Until when it is valid; written in whole seconds.
    pub expires: Timestamp,
}

/// Whom an access token stands for, beside the client that is its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The client's company.
    pub company: String,
    /// Which of the client's secrets it was issued for. When that is ended at once, its tokens end as well.
    pub generation: String,
}

/// The JSON document of a token, member by member as it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    #[serde(default)]
    authentication_type: std::borrow::Cow<'a, str>,
    #[serde(default)]
    name_claim_type: std::borrow::Cow<'a, str>,
    #[serde(default)]
    role_claim_type: std::borrow::Cow<'a, str>,
    claims: Vec<Claim<'a>>,
    properties: Properties,
}

/// One claim of the document.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Claim<'a> {
    r#type: std::borrow::Cow<'a, str>,
    value: std::borrow::Cow<'a, str>,
    #[serde(default)]
    value_type: std::borrow::Cow<'a, str>,
    #[serde(default)]
    issuer: std::borrow::Cow<'a, str>,
    #[serde(default)]
    original_issuer: std::borrow::Cow<'a, str>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    dictionary: Dictionary,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Dictionary {
    #[serde(rename = ".issued", default)]
    issued: Option<String>,
    #[serde(rename = ".expires", default)]
    expires: Option<String>,
}

/// The data half of a token before base64url: the JSON of `claims`, gzip-compressed when `gzip` is set.
///
/// The same claims give the same bytes. These are the bytes to sign.
pub fn encode_data(claims: &Claims, gzip: bool) -> Vec<u8> {
    let json = claims.to_json();
    if !gzip {
        return json;
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(&json).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

/// The token of `data` (from [`encode_data`]) and the signature over it.
pub fn assemble(data: &[u8], signature: &[u8]) -> String {
    let mut text = String::with_capacity((data.len() + signature.len()) * 4 / 3 + SEPARATOR.len() + 8);
    URL_SAFE_NO_PAD.encode_string(data, &mut text);
    text.push_str(SEPARATOR);
    URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    text
}

impl Claims {
    fn to_json(&self) -> Vec<u8> {
        let optional = |kind, value: &'_ Option<String>| value.clone().map(|value| claim(kind, value));
        let mut claims = vec![
            claim(NAME_CLAIM, self.name.clone()),
            claim(SCOPE_CLAIM, String::new()),
            claim(AUDIENCE_CLAIM, self.audience.clone()),
        ];
        claims.extend(optional(ENDPOINT_CLAIM, &self.endpoint));
        claims.extend(optional(DESTINATION_CLAIM, &self.destination));
        claims.push(claim(JTI_CLAIM, self.jti.clone()));
        if let Some(grant) = &self.grant {
            claims.push(claim(COMPANY_CLAIM, grant.company.clone()));
            claims.push(claim(GENERATION_CLAIM, grant.generation.clone()));
        }
        claims.extend(optional(USE_CLAIM, &self.use_));
        let document = Document {
            authentication_type: "Bearer".into(),
            name_claim_type: NAME_CLAIM.into(),
            role_claim_type: NAME_CLAIM.into(),
            claims,
            properties: Properties {
                dictionary: Dictionary {
                    issued: Some(self.issued.to_http_date()),
                    expires: Some(self.expires.to_http_date()),
                },
            },
        };
        serde_json::to_vec(&document).expect("a document of texts has a JSON form")
    }
}

fn claim(kind: &'static str, value: String) -> Claim<'static> {
    Claim {
        r#type: kind.into(),
        value: value.into(),
        value_type: VALUE_TYPE.into(),
        issuer: ISSUER.into(),
        original_issuer: ISSUER.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            name: "client-7".into(),
            audience: DEFAULT_AUDIENCE.into(),
            endpoint: Some("e1".into()),
            destination: Some("https://cmms.example".into()),
            jti: "j1".into(),
            use_: None,
            grant: None,
            issued: "2018-09-04T10:12:03Z".parse().unwrap(),
            expires: "2018-09-04T10:32:03Z".parse().unwrap(),
        }
    }

    #[test]
    fn the_document_is_written_member_by_member_as_the_contract_says() {
        let claim = |kind: &str, value: &str| {
            format!(
                r#"{{"Type":"{kind}","Value":"{value}","ValueType":"http://www.w3.org/2001/XMLSchema#string","Issuer":"LOCAL AUTHORITY","OriginalIssuer":"LOCAL AUTHORITY"}}"#
            )
        };
        let name = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
        let expected = format!(
            r#"{{"AuthenticationType":"Bearer","NameClaimType":"{name}","RoleClaimType":"{name}","Claims":[{}],"Properties":{{"Dictionary":{{".issued":"Tue, 04 Sep 2018 10:12:03 GMT",".expires":"Tue, 04 Sep 2018 10:32:03 GMT"}}}}}}"#,
            [
                claim(name, "client-7"),
                claim("urn:oauth:scope", ""),
                claim("Aud", "CorrigoProDirect"),
                claim("urn:workbell:endpoint", "e1"),
                claim("urn:workbell:destination", "https://cmms.example"),
                claim("jti", "j1"),
            ]
            .join(",")
        );
        assert_eq!(String::from_utf8(encode_data(&claims(), false)).unwrap(), expected);
    }

    #[test]
    fn a_compressed_token_starts_like_the_documented_sample_and_a_plain_one_like_those_seen_live() {
        assert!(assemble(&encode_data(&claims(), true), b"x").starts_with("H4sI"));
        assert!(assemble(&encode_data(&claims(), false), b"x").starts_with("eyJ"));
    }

    #[test]
    fn the_use_of_an_access_token_stands_last_and_it_names_no_endpoint() {
        let access = Claims { endpoint: None, destination: None, use_: Some(ACCESS_USE.into()), ..claims() };
        let parsed = read(&assemble(&encode_data(&access, true), b"x")).unwrap();
        let kinds: Vec<_> = parsed.claims().iter().map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(kinds, [NAME_CLAIM, SCOPE_CLAIM, AUDIENCE_CLAIM, JTI_CLAIM, USE_CLAIM]);
        assert_eq!(parsed.claim(USE_CLAIM), Some("access"));
    }

    #[test]
    fn what_is_written_is_read_back_with_and_without_gzip_and_padding() {
        for gzip in [true, false] {
            let data = encode_data(&claims(), gzip);
            let token = assemble(&data, b"signature!");
            let padded = {
                use base64::engine::general_purpose::URL_SAFE;
                format!("{}<---->{}", URL_SAFE.encode(&data), URL_SAFE.encode(b"signature!"))
            };
            for text in [token, padded] {
                let parsed = read(&text).unwrap();
                assert_eq!(parsed.signature(), b"signature!");
                assert_eq!(parsed.data().bytes(), data);
                assert_eq!(parsed.data().is_gzip(), gzip);
                assert_eq!(parsed.issued().unwrap(), claims().issued);
                assert_eq!(parsed.expires().unwrap(), claims().expires);
                assert_eq!(parsed.claim(NAME_CLAIM), Some("client-7"));
            }
        }
    }
}
