//! The cookie of a session: what it says, and for how long.

use std::time::Duration;

use axum::response::Response;
use http::HeaderValue;
use http::header::SET_COOKIE;

use super::visit::Visit;
use crate::caller::COOKIE;

/// How long a session lasts. Source: service.md section 7.
pub(super) const LIFE: Duration = Duration::from_secs(12 * 3600);

/// Sets the cookie of a session in the answer to this visit.
pub(super) fn set(response: &mut Response, token: &str, visit: &Visit) {
    put(response, token, LIFE.as_secs(), visit);
}

/// Takes it away.
pub(super) fn clear(response: &mut Response, visit: &Visit) {
    put(response, "", 0, visit);
}

fn put(response: &mut Response, token: &str, seconds: u64, visit: &Visit) {
    let secure = if visit.is_secure { "; Secure" } else { "" };
    let text = format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    let value = HeaderValue::from_str(&text).expect("a token is base64url");
    response.headers_mut().append(SET_COOKIE, value);
}
