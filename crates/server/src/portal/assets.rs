//! Style, scripts and icon: in the binary, under names that change with what is in them, so browsers keep them for good.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};

/// A file that pages use.
pub(super) struct Asset {
    /// Where it is served.
    pub(super) path: String,
    media_type: &'static str,
    bytes: &'static [u8],
}

/// All of them.
pub(super) struct Assets {
    pub(super) style: Asset,
    pub(super) script: Asset,
    pub(super) htmx: Asset,
    pub(super) icon: Asset,
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// The files that pages use.
pub(super) fn all() -> &'static Assets {
    static ASSETS: OnceLock<Assets> = OnceLock::new();
    ASSETS.get_or_init(|| Assets {
        style: asset("portal", "css", "text/css; charset=utf-8", include_bytes!("../../assets/portal.css")),
        script: asset("portal", "js", JAVASCRIPT, include_bytes!("../../assets/portal.js")),
        htmx: asset("htmx", "js", JAVASCRIPT, include_bytes!("../../assets/htmx/htmx.min.js")),
        icon: asset("icon", "svg", "image/svg+xml", include_bytes!("../../assets/icon.svg")),
    })
}

fn asset(stem: &str, ending: &str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let hash: String = hash.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    Asset { path: format!("/portal/assets/{stem}.{hash}.{ending}"), media_type, bytes }
}

/// Answers a request for one of them.
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let Assets { style, script, htmx, icon } = all();
    let found =
        [style, script, htmx, icon].into_iter().find(|asset| asset.path.ends_with(&format!("/{name}")));
    let Some(asset) = found else { return StatusCode::NOT_FOUND.into_response() };
    let mut response = Response::new(asset.bytes.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_contents_and_never_the_same_for_two() {
        assert_ne!(asset("a", "js", JAVASCRIPT, b"1").path, asset("a", "js", JAVASCRIPT, b"2").path);
        assert_eq!(asset("a", "js", JAVASCRIPT, b"1").path, "/portal/assets/a.6b86b273ff34.js");
    }
}
