//! Each request of the Direct API in the communication log, written behind its answer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use http_body_util::BodyExt;
use workbell_model::{CompanyId, log};
use workbell_store::record::Inbound;
use workbell_wire::Timestamp;

use super::route::Route;
use crate::app::App;

/// Bytes of a request and of an answer that are kept. 16 KiB, as `delivery.response_limit` has it for attempts.
const KEPT: usize = 16 << 10;

/// Headers whose values nobody may read in the log.
const SECRET: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];

/// What a handler finds out about a request.
#[derive(Debug, Default)]
pub(super) struct Noted(Mutex<(i64, i64)>);

impl Noted {
    /// The order that is asked for, and its branch when it is the caller's own, else 0.
    pub(super) fn order(&self, work_order_id: i64, branch_id: i64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (work_order_id, branch_id);
    }

    fn get(&self) -> (i64, i64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the log keeps of an answer in the place of its body, which holds secrets. An extension of the answer.
#[derive(Clone, Debug)]
pub(super) struct Shown(pub(super) String);

/// A request as it came, with its answer still to come.
pub(super) struct Entry {
    pub(super) company_id: CompanyId,
    pub(super) route: &'static Route,
    pub(super) start: Timestamp,
    pub(super) began: tokio::time::Instant,
    pub(super) message_id: Option<String>,
    pub(super) body: Bytes,
}

impl Entry {
    /// Hands the record over and gives the answer back.
    pub(super) async fn write(self, app: &App, parts: &Parts, noted: &Noted, response: Response) -> Response {
        let duration: Duration = self.began.elapsed();
        let (head, body) = response.into_parts();
        // Answers of ours are in memory as a whole, and cannot fail to be read.
        let bytes = body.collect().await.map(|all| all.to_bytes()).unwrap_or_default();
        let (work_order_id, branch_id) = noted.get();
        let target = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
        let detail = log::Detail {
            url: target,
            request_headers: headers(&parts.headers),
            response_headers: headers(&head.headers),
            response_body: head
                .extensions
                .get::<Shown>()
                .map_or_else(|| cut(&bytes), |shown| cut(shown.0.as_bytes())),
            message_id: self.message_id,
            body: (!self.body.is_empty()).then(|| cut(&self.body)),
            ..log::Detail::default()
        };
        app.store.log_inbound(Inbound {
            company_id: self.company_id,
            work_order_id,
            branch_id,
            call: self.route.logged,
            start: self.start,
            duration,
            status: head.status.as_u16(),
            error: None,
            detail: serde_json::to_vec(&detail).expect("it is plain data").into(),
        });
        Response::from_parts(head, Body::from(bytes))
    }
}

fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let shown = if SECRET.contains(&name.as_str()) {
                "***".to_owned()
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            };
            (name.to_string(), shown)
        })
        .collect()
}

fn cut(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(KEPT)]).into_owned()
}
