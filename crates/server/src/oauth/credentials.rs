//! Where a token request keeps its credentials: RFC 6749 section 2.3.1.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE};

use super::{Refusal, Refused};

/// The members of the form that count. A doubled one is refused (section 3.2); others are left out.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// Who asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) client_id: String,
    pub(super) secret: String,
}

fn invalid(description: &str) -> Refused {
    Refused::new(400, Refusal::InvalidRequest, description)
}

impl Form {
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refused> {
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(invalid("send a form: Content-Type: application/x-www-form-urlencoded"));
        }
        let mut form = Form::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            let place = match &*name {
                "grant_type" => &mut form.grant_type,
                "client_id" => &mut form.client_id,
                "client_secret" => &mut form.client_secret,
                _ => continue,
            };
            if place.is_some() {
                return Err(invalid(&format!("{name} stands there more than once")));
            }
            // A member without a value is treated as missing (section 3.2).
            if !value.is_empty() {
                *place = Some(value.into_owned());
            }
        }
        Ok(form)
    }
}

impl Credentials {
    pub(super) fn find(headers: &HeaderMap, form: &Form) -> Result<Self, Refused> {
        let Some(header) = headers.get(AUTHORIZATION) else {
            return match (&form.client_id, &form.client_secret) {
                (Some(id), Some(secret)) => Ok(Credentials { client_id: id.clone(), secret: secret.clone() }),
                (None, None) => Err(Refused::new(
                    401,
                    Refusal::InvalidClient,
                    "say who asks: client_id and client_secret in the form, or HTTP Basic",
                )),
                (Some(_), None) => Err(invalid("client_secret is missing")),
                (None, Some(_)) => Err(invalid("client_id is missing")),
            };
        };
        let basic = header.to_str().ok().and_then(basic).ok_or_else(|| {
            Refused::new(401, Refusal::InvalidClient, "Authorization must be Basic <base64 of id:secret>")
        })?;
        if form.client_secret.is_some() {
            return Err(invalid("send the secret in the form or as HTTP Basic, not both"));
        }
        if form.client_id.as_ref().is_some_and(|id| *id != basic.client_id) {
            return Err(invalid("the form and HTTP Basic name different clients"));
        }
        Ok(basic)
    }
}

fn basic(header: &str) -> Option<Credentials> {
    let (scheme, value) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some(Credentials { client_id: decoded(id), secret: decoded(secret) })
}

/// Both halves are form-encoded before they are put together.
fn decoded(text: &str) -> String {
    let form = format!("x={}", text.replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_decoded_twice_and_scheme_names_have_no_case() {
        let expected = Credentials { client_id: "a b".to_owned(), secret: "c:d&e=f".to_owned() };
        let header = format!("bAsIc {}", STANDARD.encode("a+b:c%3Ad&e=f"));
        assert_eq!(basic(&header), Some(expected));
        assert_eq!(basic("Basic !!!"), None);
        assert_eq!(basic("Bearer YTpi"), None);
        assert_eq!(basic(&format!("Basic {}", STANDARD.encode("no colon"))), None);
    }
}
