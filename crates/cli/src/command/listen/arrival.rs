//! A notification as it arrived: headers and bytes.

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::http::Extensions;
use serde::Deserialize;

/// A request, or an item of a feed.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) headers: HeaderMap,
    /// The body, byte for byte.
    pub(super) body: Bytes,
    /// What hyper keeps of a request: the names of its headers as they were written.
    pub(super) extensions: Extensions,
}

/// What a body says of itself, as far as it can be read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Told {
    pub(super) work_order_id: i64,
    pub(super) action: String,
    pub(super) message_id: String,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Header")]
    header: Told,
}

impl Arrival {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body's own header; empty when there is none.
    pub(super) fn told(&self) -> Told {
        serde_json::from_slice::<Envelope>(&self.body).map(|envelope| envelope.header).unwrap_or_default()
    }

    /// `Workbell-Sequence`.
    pub(super) fn sequence(&self) -> Option<u64> {
        self.header("workbell-sequence")?.parse().ok()
    }
}
