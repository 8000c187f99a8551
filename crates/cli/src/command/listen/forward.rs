//! Sends an arrival on, with its exact bytes and headers, and brings back the answer.
//!
//! Only what names and frames the connection is this one's own: `Host`, `Content-Length` and what is hop by hop.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use hyper::{Method, Request, StatusCode};
use url::Url;

use super::arrival::Arrival;
use crate::failure::Failure;
use crate::transport;

/// Longest wait for an answer. 30 s, as long as the service waits by default (`delivery.timeout`).
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest answer that is read, in bytes. 1 MiB.
const LONGEST_ANSWER: usize = 1 << 20;

/// Where arrivals are sent.
#[derive(Clone, Debug)]
pub(super) struct Forwarder {
    url: Url,
    host: HeaderValue,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) enum Forwarded {
    /// An answer.
    Answered { status: StatusCode, headers: HeaderMap, body: Bytes, took: Duration },
    /// Nothing was sent: there is no connection.
    NotReached(String),
    /// It was sent, at least in part, and no answer came.
    NoAnswer(String),
}

impl Forwarder {
    pub(super) fn new(url: Url) -> Result<Self, Failure> {
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let host = HeaderValue::from_str(&host)
            .map_err(|_| Failure::Usage(format!("--forward-to {url} names no usable host")))?;
        Ok(Forwarder { url, host })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Sends it once.
    pub(super) async fn send(&self, arrival: &Arrival) -> Forwarded {
        let began = Instant::now();
        let mut connection = match transport::connect_exact(&self.url).await {
            Ok(connection) => connection,
            Err(Failure::NobodyThere { .. }) => {
                return Forwarded::NotReached(format!("nobody listens at {}", self.url));
            }
            Err(other) => return Forwarded::NotReached(other.to_string()),
        };
        let exchange = async {
            let response =
                connection.send_request(self.request(arrival)).await.map_err(|it| it.to_string())?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER).collect().await.map_err(|it| it.to_string())?;
            Ok((head, body.to_bytes()))
        };
        match tokio::time::timeout(PATIENCE, exchange).await {
            Ok(Ok((head, body))) => Forwarded::Answered {
                status: head.status,
                headers: head.headers,
                body,
                took: began.elapsed(),
            },
            Ok(Err(reason)) => Forwarded::NoAnswer(reason),
            Err(_) => Forwarded::NoAnswer(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    fn request(&self, arrival: &Arrival) -> Request<Full<Bytes>> {
        let target = match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        };
        let mut request = Request::new(Full::new(arrival.body.clone()));
        *request.method_mut() = Method::POST;
        // What a URL has as its path is always one.
        *request.uri_mut() = target.parse().unwrap_or_default();
        *request.extensions_mut() = arrival.extensions.clone();
        let headers = request.headers_mut();
        *headers = arrival.headers.clone();
        for hop in [EXPECT, TRANSFER_ENCODING, CONTENT_LENGTH] {
            headers.remove(hop);
        }
        // There is one request on this connection, whatever was said on the other one.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(arrival.body.len()));
        headers.insert(HOST, self.host.clone());
        request
    }
}
