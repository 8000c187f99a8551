//! One page: an entry of the table, and what is done around its handler.
//!
//! In this order: who signed in, whether a form came from our own pages, the form. What goes wrong becomes a page too.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts as _, RawPathParams, Request};
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY};
use http::header::{RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};

use super::banner;
use super::frame::Frame;
use super::pairs::Pairs;
use super::visit::Visit;
use crate::app::App;
use crate::body::{self, Bounds};
use crate::caller::{is_from_our_pages, session_token};
use crate::dispatch::LARGEST_CONFIGURATION;
use crate::peer::{ByHttps, Peer};
use crate::problem::{Code, Problem};
use crate::route::Method;

/// What a handler gives back.
pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// One method of one page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) guard: Guard,
    pub(super) handler: fn(Visit) -> Answer,
}

/// Who may open a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// Anybody.
    Open,
    /// Who signed in; what they may see there, the routes of the interface say.
    SignedIn,
}

/// What the browser may do with a page: our own files, nothing inline, no frames.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Answers a request for a page.
pub(super) async fn serve(page: &'static Page, app: Arc<App>, request: Request) -> Response {
    let mut response = match visit(page, app.clone(), request).await {
        Ok(Entered::Visit(mut visit)) => {
            if page.guard == Guard::SignedIn && !visit.is_part {
                visit.alerts = banner::alerts(&visit).await;
            }
            let frame = Frame::of(&visit);
            (page.handler)(visit).await.unwrap_or_else(|problem| failed(frame, &problem))
        }
        Ok(Entered::Nobody(response)) => response,
        Err((frame, problem)) => failed(*frame, &problem),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not no-referrer: with it a browser hides from us that a form is our own.
        (REFERRER_POLICY, "same-origin"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

enum Entered {
    Visit(Visit),
    /// Somebody who has to sign in first.
    Nobody(Response),
}

async fn visit(
    page: &'static Page,
    app: Arc<App>,
    request: Request,
) -> Result<Entered, (Box<Frame>, Problem)> {
    let (mut parts, mut body) = request.into_parts();
    let bare = |problem: Problem| (Box::new(Frame::bare(problem.title())), problem);
    let token = session_token(&parts.headers).map(str::to_owned);
    let caller = match &token {
        Some(token) => {
            let hash = workbell_signing::hash_secret(token);
            app.store.session(hash, app.clock.now()).await.map_err(|error| bare(error.into()))?
        }
        None => None,
    };
    let is_part = parts.headers.contains_key("hx-request");
    if page.guard == Guard::SignedIn && caller.is_none() {
        body::drain(&parts.headers, body).await;
        let next = if page.method == Method::Get && !is_part { parts.uri.path() } else { "" };
        return Ok(Entered::Nobody(to_sign_in(next, is_part)));
    }
    let mut form = Pairs::default();
    if page.method != Method::Get {
        if !is_from_our_pages(&parts.headers, &app.public_url) {
            body::drain(&parts.headers, body).await;
            let detail = format!(
                "this form did not come from a page of this service; open it at {} and try again",
                app.public_url
            );
            return Err(bare(Problem::new(Code::Forbidden, detail)));
        }
        let bounds = Bounds { array: None, other: LARGEST_CONFIGURATION };
        let (bytes, _held) =
            body::read(&parts.headers, &mut body, bounds, &app.bodies).await.map_err(bare)?;
        form = Pairs::read(&bytes);
    }
    let path = RawPathParams::from_request_parts(&mut parts, &())
        .await
        .map_err(|_| bare(Problem::not_found("this page")))?
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let is_secure = app.public_url.starts_with("https://") || parts.extensions.get::<ByHttps>().is_some();
    Ok(Entered::Visit(Visit {
        app,
        caller,
        token,
        from: Peer::address(&parts.extensions),
        address: Peer::name(&parts.extensions),
        is_secure,
        place: parts.uri.path().to_owned(),
        path,
        query: Pairs::read(parts.uri.query().unwrap_or_default().as_bytes()),
        form,
        alerts: Vec::new(),
        is_part,
    }))
}

fn to_sign_in(next: &str, is_part: bool) -> Response {
    let target = if next.is_empty() || next == super::ROOT {
        sign_in_path()
    } else {
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        format!("{}?Next={next}", sign_in_path())
    };
    if !is_part {
        return to(&target);
    }
    // A part of a page is of no use to somebody who has to sign in: the whole page goes there.
    let mut response = Response::new(axum::body::Body::empty());
    let name = HeaderName::from_static("hx-redirect");
    response.headers_mut().insert(name, HeaderValue::from_static("/portal/sign-in"));
    response
}

fn sign_in_path() -> String {
    format!("{}/sign-in", super::ROOT)
}

/// `303` to a page of ours.
pub(super) fn to(path: &str) -> Response {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static(super::ROOT));
    response.headers_mut().insert(LOCATION, location);
    response
}

/// A page, or a part of one.
pub(super) fn show(template: &impl Template) -> Response {
    show_with(StatusCode::OK, template)
}

/// A page with another status than `200`.
pub(super) fn show_with(status: StatusCode, template: &impl Template) -> Response {
    let text = template.render().expect("templates write plain data into memory");
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage<'a> {
    frame: Frame,
    problem: &'a Problem,
}

/// What went wrong, as a page.
fn failed(mut frame: Frame, problem: &Problem) -> Response {
    frame.title = problem.title().to_owned();
    let mut response = show_with(problem.status(), &ProblemPage { frame, problem });
    if let Some(seconds) = problem.code().retry_after() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
