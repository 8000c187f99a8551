//! Answers that are no problems.

use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use workbell_store::filter::Page;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `200` with an object.
pub(crate) fn ok(object: &impl Serialize) -> Response {
    json(StatusCode::OK, object)
}

/// An object with this status.
pub(crate) fn json(status: StatusCode, object: &impl Serialize) -> Response {
    let body = serde_json::to_vec(object).expect("answers are plain data with texts as names");
    raw_json(status, body.into())
}

/// JSON that is written already.
pub(crate) fn raw_json(status: StatusCode, body: Bytes) -> Response {
    text(status, JSON, body)
}

/// A text of this media type.
pub(crate) fn text(status: StatusCode, media_type: HeaderValue, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response
}

/// `201` with an object and where it is from now on.
pub(crate) fn created(location: &str, object: &impl Serialize) -> Response {
    let mut response = json(StatusCode::CREATED, object);
    let location = HeaderValue::from_str(location).expect("paths are made of ids and names in ASCII");
    response.headers_mut().insert(LOCATION, location);
    response
}

/// `204`.
pub(crate) fn gone() -> Response {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// `200` with a list that has nothing.
pub(crate) fn nothing() -> Response {
    page(Page { items: Vec::<()>::new(), next: None }, |()| ())
}

/// `200` with a part of a list.
pub(crate) fn page<R, T: Serialize>(page: Page<R>, show: impl Fn(R) -> T) -> Response {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Members<T> {
        items: Vec<T>,
        next: Option<String>,
    }
    ok(&Members { items: page.items.into_iter().map(show).collect(), next: page.next })
}
