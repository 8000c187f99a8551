//! The Direct API, `/Direct/api/…`: what a provider's own system asks and does, with an access token.
//!
//! Paths are matched without regard to case. A caller sees its own company's work orders only. Answers and errors have
//! the form that clients of CorrigoPro Direct know, not that of the platform interface.

mod call;
mod caller;
mod fault;
mod feed;
mod health;
mod route;

use call::Call;
pub(crate) use fault::Code;
use fault::Fault;
pub(crate) use feed::FeedTokens;
pub(crate) use route::{Route, all};

use std::sync::Arc;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderValue, Method};

use crate::app::App;
use crate::body;

/// What all paths begin with.
const PREFIX: &str = "/Direct/api/";

/// Whether this path is one of the Direct API's.
pub(crate) fn is_here(path: &str) -> bool {
    path.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// Answers a request.
pub(crate) async fn serve(app: Arc<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().trim_end_matches('/');
    match answer(app, &parts).await {
        Ok(response) => response,
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

async fn answer(app: Arc<App>, parts: &Parts) -> Result<Response, Fault> {
    let routes = found(parts.uri.path().trim_end_matches('/'));
    if routes.is_empty() {
        return Err(Fault::new(Code::NoSuchCall, "there is no such call"));
    }
    let route = routes
        .into_iter()
        .find(|route| is_method(route, &parts.method))
        .ok_or_else(|| Fault::new(Code::NoSuchMethod, "this call has another method"))?;
    let call = Call::read(app, parts)?;
    tracing::debug!(
        call = route.id,
        company = %call.caller.company.company.company_id,
        client = %call.caller.client_id,
        "a call of the Direct API"
    );
    let message_id = call.message_id();
    (route.handler)(call).await.map_err(|fault| Fault { message_id, ..fault })
}

/// The methods of a path.
fn found(path: &str) -> Vec<&'static Route> {
    all().filter(|route| route.path.eq_ignore_ascii_case(path)).collect()
}

fn is_method(route: &Route, method: &Method) -> bool {
    route.method.name() == method.as_str()
}
