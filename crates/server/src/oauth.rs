//! `POST /OAuth/Token`: a client's credentials for an access token of the Direct API (RFC 6749 section 4.4).
//!
//! The path is matched without regard to case. The secret comes in the form or as HTTP Basic, never both. What is
//! wrong is told as section 5.2 says. Tokens are signed with a key of their own whose certificate is not published.

mod credentials;
mod rate;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode};
use serde::Serialize;
use workbell_model::Client;
use workbell_signing::secret_matches;
use workbell_wire::Timestamp;
use workbell_wire::token::Grant;

use crate::answer;
use crate::app::App;
use crate::body::{self, Bounds};
use crate::problem::Code;

use credentials::{Credentials, Form};
pub(crate) use rate::Rates;

/// The path as it is documented.
pub(crate) const PATH: &str = "/OAuth/Token";

/// Most bytes of a token request.
///
/// 16 KiB: an id and a secret are 90; the rest is room for members that clients send beside them.
const LARGEST_FORM: usize = 16 << 10;

/// Why no token is given: the `error` of RFC 6749 section 5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    InvalidRequest,
    InvalidClient,
    UnsupportedGrantType,
    /// Not of the RFC's list for this endpoint: the client asks too often, or we cannot sign.
    TemporarilyUnavailable,
}

impl Refusal {
    const fn name(self) -> &'static str {
        match self {
            Refusal::InvalidRequest => "invalid_request",
            Refusal::InvalidClient => "invalid_client",
            Refusal::UnsupportedGrantType => "unsupported_grant_type",
            Refusal::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }
}

/// A refusal with its words.
struct Refused {
    status: StatusCode,
    refusal: Refusal,
    description: String,
    /// Seconds to wait.
    retry_after: Option<u64>,
}

impl Refused {
    fn new(status: u16, refusal: Refusal, description: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(status).expect("refusals have statuses of HTTP");
        Refused { status, refusal, description: description.into(), retry_after: None }
    }
}

#[derive(Serialize)]
struct Token<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
}

#[derive(Serialize)]
struct Error<'a> {
    error: &'static str,
    error_description: &'a str,
}

/// Whether this is the path of the token endpoint.
pub(crate) fn is_here(path: &str) -> bool {
    path.trim_end_matches('/').eq_ignore_ascii_case(PATH)
}

/// Answers a token request.
pub(crate) async fn serve(app: Arc<App>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let mut response = match token(&app, &parts, &mut body).await {
        Ok(response) => response,
        Err(refused) => {
            body::drain(&parts.headers, body).await;
            refused.into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

impl Refused {
    fn into_response(self) -> Response {
        let members = Error { error: self.refusal.name(), error_description: &self.description };
        let mut response = answer::json(self.status, &members);
        if self.status == StatusCode::UNAUTHORIZED {
            let basic = HeaderValue::from_static("Basic realm=\"workbell\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, basic);
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static("POST"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

async fn token(app: &App, parts: &http::request::Parts, body: &mut Body) -> Result<Response, Refused> {
    if parts.method != Method::POST {
        return Err(Refused::new(405, Refusal::InvalidRequest, "a token is asked for with POST"));
    }
    let bounds = Bounds { array: None, other: LARGEST_FORM };
    let (bytes, _held) = body::read(&parts.headers, body, bounds, &app.bodies).await.map_err(unread)?;
    let form = Form::read(&parts.headers, &bytes)?;
    let credentials = Credentials::find(&parts.headers, &form)?;
    match form.grant_type.as_deref() {
        Some("client_credentials") => {}
        Some(_) => {
            let description = "the grant type here is client_credentials";
            return Err(Refused::new(400, Refusal::UnsupportedGrantType, description));
        }
        None => return Err(Refused::new(400, Refusal::InvalidRequest, "grant_type is missing")),
    }
    let now = app.clock.now();
    let client = client(app, &credentials, now)?;
    if let Err(wait) = app.rates.take(client.client_id, now) {
        let description = "this client asks for tokens too often; keep one until it expires";
        let refused = Refused::new(429, Refusal::TemporarilyUnavailable, description);
        return Err(Refused { retry_after: Some(wait.as_secs() + 1), ..refused });
    }
    let ring = app.keys.ring();
    let minted =
        ring.mint_access_token(&client.client_id.to_string(), grant_of(&client), now).map_err(|error| {
            tracing::error!(%error, "cannot sign an access token");
            Refused::new(
                500,
                Refusal::TemporarilyUnavailable,
                "no token can be signed; the service's log says why",
            )
        })?;
    // A second less than its life: it carries whole seconds and was issued within one.
    let expires_in = ring.options().lifetime.as_secs().saturating_sub(1);
    Ok(answer::ok(&Token { access_token: &minted.text, token_type: "bearer", expires_in }))
}

fn unread(problem: crate::problem::Problem) -> Refused {
    let (status, refusal) = match problem.code() {
        Code::QueueFull => (503, Refusal::TemporarilyUnavailable),
        other => (other.status(), Refusal::InvalidRequest),
    };
    Refused::new(status, refusal, "the form cannot be read: it is too long, too slow, or broke off")
}

/// What a token of this client says beside its id.
pub(crate) fn grant_of(client: &Client) -> Grant {
    Grant { company: client.company_id.to_string(), generation: client.tokens_from.ticks().to_string() }
}

/// The client with this id and secret. One that does not exist and one with another secret are refused alike.
fn client(app: &App, credentials: &Credentials, now: Timestamp) -> Result<Client, Refused> {
    let found = credentials.client_id.parse().ok().and_then(|id| app.store.directory().client(id));
    let is_right = found.as_ref().is_some_and(|client| takes(client, &credentials.secret, now));
    found
        .filter(|_| is_right)
        .ok_or_else(|| Refused::new(401, Refusal::InvalidClient, "no client has this id and secret"))
}

fn takes(client: &Client, secret: &str, now: Timestamp) -> bool {
    let previous = client.previous_secret.filter(|(_, until)| now < *until);
    client.deleted.is_none()
        && (secret_matches(secret, &client.secret_hash)
            || previous.is_some_and(|(hash, _)| secret_matches(secret, &hash)))
}
