//! The Direct API, `/Direct/api/…`: what a provider's own system asks and does, with an access token.
//!
//! Paths are matched without regard to case. A caller sees its own company's work orders only. Answers and errors have
//! the form that clients of CorrigoPro Direct know, not that of the platform interface.

mod acts;
mod call;
mod caller;
mod fault;
mod feed;
mod health;
mod journal;
mod route;
mod work_orders;

use call::Call;
pub(crate) use fault::Code;
use fault::Fault;
pub(crate) use feed::FeedTokens;
pub(crate) use route::{Route, all};

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderValue, Method};

use crate::app::App;
use crate::body::{self, Bounds, Held};

/// What all paths begin with.
const PREFIX: &str = "/Direct/api/";

/// Whether this path is one of the Direct API's.
pub(crate) fn is_here(path: &str) -> bool {
    path.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// Answers a request.
pub(crate) async fn serve(app: Arc<App>, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let path = parts.uri.path().trim_end_matches('/');
    match begin(&app, &parts, &mut body).await {
        Ok((route, call, held)) => {
            let response = run(&app, &parts, route, call).await;
            drop(held);
            response
        }
        Err(fault) => {
            body::drain(&parts.headers, body).await;
            let is_other_method = fault.code == Code::NoSuchMethod;
            let mut response = fault.into_response();
            if is_other_method {
                let allowed =
                    found(path).iter().map(|route| route.method.name()).collect::<Vec<_>>().join(",");
                let allowed = HeaderValue::from_str(&allowed).expect("methods are ASCII");
                response.headers_mut().insert(ALLOW, allowed);
            }
            response
        }
    }
}

/// Finds the call, lets the caller in and reads the body.
async fn begin(
    app: &Arc<App>,
    parts: &Parts,
    body: &mut Body,
) -> Result<(&'static Route, Call, Option<Held>), Fault> {
    let routes = found(parts.uri.path().trim_end_matches('/'));
    if routes.is_empty() {
        return Err(Fault::new(Code::NoSuchCall, "there is no such call"));
    }
    let route = routes
        .into_iter()
        .find(|route| is_method(route, &parts.method))
        .ok_or_else(|| Fault::new(Code::NoSuchMethod, "this call has another method"))?;
    let mut call = Call::read(app.clone(), parts)?;
    if route.takes.is_none() {
        return Ok((route, call, None));
    }
    body::demand_json(&parts.headers)?;
    let bounds = Bounds { array: None, other: app.limits.body };
    let (bytes, held) = body::read(&parts.headers, body, bounds, &app.bodies).await?;
    call.body = bytes;
    Ok((route, call, Some(held)))
}

/// Answers a call and writes it into the log.
async fn run(app: &App, parts: &Parts, route: &'static Route, call: Call) -> Response {
    let company_id = call.caller.company.company.company_id.clone();
    tracing::debug!(
        call = route.id,
        company = %company_id,
        client = %call.caller.client_id,
        "a call of the Direct API"
    );
    let noted = call.noted.clone();
    let entry = journal::Entry {
        company_id,
        route,
        start: app.clock.now(),
        began: tokio::time::Instant::now(),
        message_id: call.message_id(),
        body: call.body.clone(),
    };
    let message_id = entry.message_id.clone();
    let answer = (route.handler)(call).await;
    let response = match answer {
        Ok(response) => response,
        Err(fault) => Fault { message_id, ..fault }.into_response(),
    };
    entry.write(app, parts, &noted, response).await
}

/// The methods of a path.
fn found(path: &str) -> Vec<&'static Route> {
    all().filter(|route| route.path.eq_ignore_ascii_case(path)).collect()
}

fn is_method(route: &Route, method: &Method) -> bool {
    route.method.name() == method.as_str()
}
