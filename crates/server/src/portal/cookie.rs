//! The cookie of a session: what it says, and for how long.

use std::time::Duration;

use axum::response::Response;
use http::HeaderValue;
use http::header::SET_COOKIE;

use crate::caller::COOKIE;

/// How long a session lasts. Source: service.md section 7.
pub(super) const LIFE: Duration = Duration::from_secs(12 * 3600);

/// Sets the cookie of a session.
pub(super) fn set(response: &mut Response, token: &str, public_url: &str) {
    put(response, token, LIFE.as_secs(), public_url);
}

/// Takes it away.
pub(super) fn clear(response: &mut Response, public_url: &str) {
    put(response, "", 0, public_url);
}

fn put(response: &mut Response, token: &str, seconds: u64, public_url: &str) {
    let secure = if public_url.starts_with("https://") { "; Secure" } else { "" };
    let text = format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    let value = HeaderValue::from_str(&text).expect("a token is base64url");
    response.headers_mut().append(SET_COOKIE, value);
}
