//! Who calls, and whether they may: the platform key as a bearer, or the session of somebody who signed in.
//!
//! A browser sends cookies along with what other sites make it send, so a write with a cookie must show that it
//! comes from our own pages: by `Sec-Fetch-Site`, which no page can set, or by `Origin`. What a role may do is
//! decided before any id is looked at, so a refusal tells nothing of what there is.
//! Source: service.md sections 7 and 9.

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE as COOKIES, ORIGIN};
use workbell_model::Role;
use workbell_signing::{hash_secret, secret_matches};
use workbell_store::record::SignedIn;

use crate::app::App;
use crate::problem::{Code, Problem};
use crate::route::{Guard, Method, Route};

/// The cookie that holds a session.
pub(crate) const COOKIE: &str = "workbell_session";

/// Says who calls a route that is not open to anybody.
///
/// # Errors
/// `unauthorized`; `forbidden` when this caller may not call it.
pub(crate) async fn admit(route: &Route, headers: &HeaderMap, app: &App) -> Result<SignedIn, Problem> {
    if headers.contains_key(AUTHORIZATION) {
        demand_key(headers, app)?;
        return Ok(SignedIn::Operator);
    }
    let Some(token) = session_token(headers) else {
        return Err(Problem::new(
            Code::Unauthorized,
            "send the platform key as Authorization: Bearer <key>; serve keeps it in <data-dir>/platform.key",
        ));
    };
    let session = app.store.session(hash_secret(token), app.clock.now()).await?;
    let caller = session.ok_or_else(|| {
        Problem::new(Code::Unauthorized, "this session has ended; sign in again, or send the platform key")
    })?;
    if route.method != Method::Get && !is_from_our_pages(headers, &app.public_url) {
        return Err(Problem::new(
            Code::Forbidden,
            "a write with a session must come from our own pages: Sec-Fetch-Site: same-origin, or the Origin of \
             public_url",
        ));
    }
    demand_right(route, &caller)?;
    Ok(caller)
}

/// Whether who signed in may call this route.
///
/// # Errors
/// `forbidden`.
pub(crate) fn demand_right(route: &Route, caller: &SignedIn) -> Result<(), Problem> {
    let role = match caller {
        SignedIn::Operator => return Ok(()),
        SignedIn::Person { role, .. } => *role,
    };
    match (route.guard, role) {
        (Guard::Open, _) | (Guard::Company, Role::Admin) => Ok(()),
        (Guard::Company, Role::Reader) if route.method == Method::Get => Ok(()),
        (Guard::Company, Role::Reader) => {
            Err(Problem::new(Code::Forbidden, "a Reader changes nothing; ask an Admin of the company"))
        }
        (Guard::Platform, _) => {
            Err(Problem::new(Code::Forbidden, "only the operator, with the platform key, may do this"))
        }
    }
}

fn demand_key(headers: &HeaderMap, app: &App) -> Result<(), Problem> {
    let text = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let key =
        text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer")).map(|(_, key)| key);
    match key {
        Some(key) if secret_matches(key.trim(), &app.platform_key) => Ok(()),
        Some(_) => Err(Problem::new(Code::Unauthorized, "this is not the platform key of this service")),
        None => Err(Problem::new(Code::Unauthorized, "Authorization must be Bearer <platform key>")),
    }
}

/// What the session's cookie holds.
pub(crate) fn session_token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIES).into_iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

/// Whether a page of ours sent it.
pub(crate) fn is_from_our_pages(headers: &HeaderMap, public_url: &str) -> bool {
    match headers.get("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => {
            let origin = headers.get(ORIGIN).and_then(|value| value.to_str().ok());
            let ours = url::Url::parse(public_url).map(|url| url.origin().ascii_serialization());
            origin.is_some_and(|origin| ours.is_ok_and(|ours| ours == origin))
        }
    }
}
