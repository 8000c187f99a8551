//! Parts of a page that are read again every few seconds, and sent only when they changed.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::page::show;

/// A part of a page that keeps itself up to date.
#[derive(Template)]
#[template(path = "live.html")]
pub(super) struct Live {
    id: &'static str,
    /// Where it is read again, with what was seen last.
    target: String,
    seconds: u32,
    inner: String,
    seen: String,
}

impl Live {
    /// A part that is read again at `path` with `query` (encoded, may be empty) every so many seconds.
    pub(super) fn new(
        id: &'static str,
        path: &str,
        query: &str,
        seconds: u32,
        inner: &impl Template,
    ) -> Self {
        let inner = inner.render().expect("templates write plain data into memory");
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, inner.as_bytes());
        let seen: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let join = if query.is_empty() { "" } else { "&" };
        Live { id, target: format!("{path}?{query}{join}Seen={seen}"), seconds, inner, seen }
    }

    /// The answer to a browser that has seen this state: `204`, or what it is now.
    pub(super) fn answer(&self, seen: &str) -> Response {
        if seen == self.seen {
            let mut response = Response::new(axum::body::Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            return response;
        }
        show(self)
    }
}
