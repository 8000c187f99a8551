//! From a request to a checked call: caller, query, media type, body, in this order, as the table's entry says.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use workbell_store::record::SignedIn;
use workbell_wire::fault::DOUBLED;

use crate::app::App;
use crate::body::{self, Bounds, Held};
use crate::call::Call;
use crate::caller;
use crate::check::{self, Faults, Mode, UNKNOWN_MEMBER};
use crate::fields::Fields;
use crate::json::Json;
use crate::peer::Peer;
use crate::problem::{Code, Problem};
use crate::route::{Guard, Route, Takes};

/// Most bytes of a configuration body.
///
/// 256 KiB: an endpoint with ten thousand branches has 100 KiB. The value is our choice.
pub(crate) const LARGEST_CONFIGURATION: usize = 256 << 10;

/// Answers a request to this route.
pub(crate) async fn dispatch(route: &'static Route, app: Arc<App>, request: Request) -> Response {
    let (mut parts, mut body) = request.into_parts();
    match checked(route, app, &mut parts, &mut body).await {
        Ok((call, held)) => {
            let answer = (route.handler)(call).await;
            drop(held);
            answer.unwrap_or_else(IntoResponse::into_response)
        }
        Err(problem) => {
            if has_body(&parts.headers) {
                body::drain(&parts.headers, body).await;
            }
            problem.into_response()
        }
    }
}

async fn checked(
    route: &'static Route,
    app: Arc<App>,
    parts: &mut Parts,
    body: &mut Body,
) -> Result<(Call, Option<Held>), Problem> {
    let caller = match route.guard {
        Guard::Open => None,
        Guard::Platform | Guard::Company => Some(caller::admit(route, &parts.headers, &app).await?),
    };
    let path = if route.path.contains('{') { path_parameters(parts).await? } else { Vec::new() };
    let (query, faults) = query(route, parts.uri.query().unwrap_or_default());
    let address = Peer::address(&parts.extensions);
    let mut call = Call { app, caller, address, path, query, fields: Fields::default(), body: Bytes::new() };
    let bounds = match route.takes {
        Takes::Nothing => return faults.into_result().map(|()| (call, None)),
        Takes::Maybe(_) if !has_body(&parts.headers) => {
            return faults.into_result().map(|()| (call, None));
        }
        Takes::Maybe(_) | Takes::Whole(_) | Takes::Partial(_) | Takes::Judged(..) => {
            Bounds { array: None, other: LARGEST_CONFIGURATION }
        }
        Takes::Open(_) => Bounds { array: None, other: call.app.limits.body },
        Takes::Notifications => {
            Bounds { array: Some(call.app.limits.batch_body), other: call.app.limits.body }
        }
    };
    body::demand_json(&parts.headers)?;
    let (bytes, held) = body::read(&parts.headers, body, bounds, &call.app.bodies).await?;
    call.body = bytes;
    judge(route, &mut call, faults)?;
    Ok((call, Some(held)))
}

/// Holds the body against the route's shape and all else that is to be said of it; with the `faults` of the query, all
/// are told at once.
fn judge(route: &Route, call: &mut Call, mut faults: Faults) -> Result<(), Problem> {
    let form = match &route.takes {
        Takes::Maybe(_) if call.body.is_empty() => None,
        Takes::Maybe(shape) | Takes::Whole(shape) => Some((*shape, Mode::Whole)),
        Takes::Partial(shape) => Some((*shape, Mode::Partial)),
        Takes::Judged(shape, mode, _) => Some((*shape, *mode)),
        Takes::Nothing | Takes::Open(_) | Takes::Notifications => None,
    };
    if let Some((shape, mode)) = form {
        let json: Json = serde_json::from_slice(&call.body)
            .map_err(|error| Problem::new(Code::InvalidJson, format!("the body is no JSON: {error}")))?;
        check::shape(&json, shape, mode, &mut faults);
        call.fields = Fields::of(json);
    }
    if let Takes::Judged(_, _, judge) = route.takes {
        judge(call, &mut faults)?;
    }
    faults.into_result()
}

/// What a page of the portal asks of a route.
pub(crate) struct Inquiry {
    /// The route's operation id.
    pub(crate) id: &'static str,
    /// Parameters of the path, decoded; those that the route does not know are left out.
    pub(crate) path: Vec<(String, String)>,
    /// The query, encoded.
    pub(crate) query: String,
    pub(crate) body: Option<serde_json::Value>,
    /// Where the request for the page comes from.
    pub(crate) address: Option<std::net::IpAddr>,
}

/// Answers somebody who signed in without a request: the same rights and the same checks.
///
/// # Errors
/// What the route refuses.
pub(crate) async fn within(app: Arc<App>, caller: SignedIn, inquiry: Inquiry) -> Result<Response, Problem> {
    let Inquiry { id, mut path, query: text, body, address } = inquiry;
    let route = crate::route::all().find(|route| route.id == id).expect("pages ask routes that exist");
    caller::demand_right(route, &caller)?;
    // A later one of a name stands for the earlier ones.
    path.reverse();
    let (query, faults) = query(route, &text);
    let fields = Fields::default();
    let mut call = Call { app, caller: Some(caller), address, path, query, fields, body: Bytes::new() };
    match body {
        Some(body) => {
            call.body = Bytes::from(body.to_string());
            judge(route, &mut call, faults)?;
        }
        None => faults.into_result()?,
    }
    (route.handler)(call).await
}

async fn path_parameters(parts: &mut Parts) -> Result<Vec<(String, String)>, Problem> {
    // What is no UTF-8 when decoded names nothing.
    let parameters =
        RawPathParams::from_request_parts(parts, &()).await.map_err(|_| Problem::not_found("this path"))?;
    Ok(parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Reads the query: its parameters, and what is wrong with it. An empty value is the same as none, as forms send it.
fn query(route: &Route, text: &str) -> (Vec<(String, String)>, Faults) {
    let mut faults = Faults::default();
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
        match route.parameters().find(|member| member.name == name) {
            None => {
                let known = route.parameters().map(|member| member.name).collect::<Vec<_>>().join(", ");
                let known = if known.is_empty() { "none".to_owned() } else { known };
                faults.add(
                    format!("?{name}"),
                    UNKNOWN_MEMBER,
                    format!("is not known here; there are {known}"),
                );
            }
            Some(_) if found.iter().any(|(earlier, _)| *earlier == name) => {
                faults.add(format!("?{name}"), DOUBLED, "stands here more than once");
            }
            Some(_) if value.is_empty() => {}
            Some(member) => {
                check::parameter(&value, member, &mut faults);
                found.push((name.into_owned(), value.into_owned()));
            }
        }
    }
    for member in route.parameters().filter(|member| member.need == crate::shape::Need::Always) {
        if !found.iter().any(|(name, _)| name == member.name) {
            faults.add(format!("?{}", member.name), workbell_wire::fault::MISSING, "must be given");
        }
    }
    (found, faults)
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(|length| length != "0")
}
