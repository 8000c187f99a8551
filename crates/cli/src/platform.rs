//! A client of the platform interface, as service.md section 4 describes it.
//!
//! One request is one exchange on a connection that is kept while it lasts. Answers with a 2xx come back as they
//! are; all others become a [`Failure`] that says what to do.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use crate::failure::Failure;
use crate::problem::Problem;
use crate::transport::{self, Connection};

/// Longest wait for an answer.
///
/// 60 seconds. Publishing a full array takes the service well under a second; the rest is for a slow disk.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest answer that is read, in bytes.
///
/// 256 MiB: 500 notifications of 256 KiB each, escaped, still fit.
const LONGEST_ANSWER: usize = 256 * 1024 * 1024;

/// The bearer key of the platform interface; never shown.
pub(crate) struct PlatformKey {
    header: HeaderValue,
    origin: String,
}

impl PlatformKey {
    /// The key `text`, found at `origin`.
    ///
    /// # Errors
    /// When it is empty or no header can carry it.
    pub(crate) fn new(text: &str, origin: String) -> Result<Self, Failure> {
        match HeaderValue::from_str(&format!("Bearer {text}")) {
            Ok(mut header) if !text.is_empty() => {
                header.set_sensitive(true);
                Ok(PlatformKey { header, origin })
            }
            Ok(_) | Err(_) => Err(Failure::KeyUnusable(origin)),
        }
    }

    /// Where it was found.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }
}

impl std::fmt::Debug for PlatformKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PlatformKey(from {})", self.origin)
    }
}

/// The platform interface of one service.
pub(crate) struct Platform {
    server: Url,
    host: HeaderValue,
    key: Option<PlatformKey>,
    idle: Mutex<Option<Connection>>,
}

/// A member of a query.
pub(crate) type QueryMember<'a> = (&'a str, String);

impl Platform {
    /// The interface at `server`; without a key only its public routes.
    ///
    /// # Errors
    /// When the server's URL has no host that a header can carry.
    pub(crate) fn new(server: Url, key: Option<PlatformKey>) -> Result<Self, Failure> {
        let host = server.host_str().unwrap_or_default();
        let host = match server.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let host = HeaderValue::from_str(&host)
            .map_err(|_| Failure::Usage(format!("{server} names no usable host")))?;
        Ok(Platform { server, host, key, idle: Mutex::new(None) })
    }

    /// Reads something.
    ///
    /// # Errors
    /// When there is no answer, or one that is not a success.
    pub(crate) async fn get(&self, path: &[&str], query: &[QueryMember<'_>]) -> Result<Answer, Failure> {
        self.call(Method::GET, path, query, None).await
    }

    /// Creates something, or acts on it; `body` is JSON.
    ///
    /// # Errors
    /// When there is no answer, or one that is not a success.
    pub(crate) async fn post(&self, path: &[&str], body: Bytes) -> Result<Answer, Failure> {
        self.call(Method::POST, path, &[], Some(body)).await
    }

    /// Puts something in its place, or acts through the Direct API; `body` is JSON.
    ///
    /// # Errors
    /// When there is no answer, or one that is not a success.
    pub(crate) async fn put(&self, path: &[&str], body: Bytes) -> Result<Answer, Failure> {
        self.call(Method::PUT, path, &[], Some(body)).await
    }

    /// Changes something; `body` is JSON.
    ///
    /// # Errors
    /// When there is no answer, or one that is not a success.
    pub(crate) async fn patch(&self, path: &[&str], body: Bytes) -> Result<Answer, Failure> {
        self.call(Method::PATCH, path, &[], Some(body)).await
    }

    /// Deletes something.
    ///
    /// # Errors
    /// When there is no answer, or one that is not a success.
    pub(crate) async fn delete(&self, path: &[&str], query: &[QueryMember<'_>]) -> Result<Answer, Failure> {
        self.call(Method::DELETE, path, query, None).await
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[QueryMember<'_>],
        body: Option<Bytes>,
    ) -> Result<Answer, Failure> {
        let target = self.target(path, query);
        let exchange = self.exchange(&method, &target, body);
        let answer = match tokio::time::timeout(ANSWER_TIMEOUT, exchange).await {
            Ok(answer) => answer?,
            Err(_) => {
                return Err(self.unreachable(format!("no answer within {} s", ANSWER_TIMEOUT.as_secs())));
            }
        };
        self.judge(answer)
    }

    /// Path and query of a request, behind the path of the server's URL if it has one.
    fn target(&self, path: &[&str], query: &[QueryMember<'_>]) -> String {
        let mut url = self.server.clone();
        url.set_query(None);
        url.set_fragment(None);
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        }
    }

    async fn exchange(&self, method: &Method, target: &str, body: Option<Bytes>) -> Result<Answer, Failure> {
        let mut idle = self.idle.lock().await;
        let kept = idle.take().filter(|kept| !kept.is_closed());
        let is_kept = kept.is_some();
        let mut connection = match kept {
            Some(kept) => kept,
            None => transport::connect(&self.server).await?,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(HOST, &self.host)
            .header("user-agent", concat!("workbell/", env!("CARGO_PKG_VERSION")))
            .header("accept", "application/json");
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, &key.header);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request
            .body(Full::new(body.unwrap_or_default()))
            .map_err(|error| Failure::Usage(format!("no request can be made of this: {error}")))?;
        let response = match connection.try_send_request(request).await {
            Ok(response) => response,
            Err(mut failed) => match failed.take_message() {
                // The server closed the kept connection just now; nothing of the request was sent.
                Some(request) if is_kept => {
                    connection = transport::connect(&self.server).await?;
                    connection.send_request(request).await.map_err(|error| self.unreachable(cause(&error)))?
                }
                Some(_) | None => return Err(self.unreachable(cause(failed.error()))),
            },
        };
        let status = response.status();
        let retry_after =
            response.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = Limited::new(response.into_body(), LONGEST_ANSWER)
            .collect()
            .await
            .map_err(|error| self.unreachable(error.to_string()))?
            .to_bytes();
        *idle = Some(connection);
        Ok(Answer { server: self.name(), status, retry_after, body })
    }

    fn judge(&self, answer: Answer) -> Result<Answer, Failure> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        match Problem::read(answer.status, &answer.body, answer.retry_after.as_deref()) {
            Some(problem) if problem.is_unauthorized() => match &self.key {
                Some(key) => {
                    Err(Failure::KeyRefused { server: self.name(), origin: key.origin().to_owned() })
                }
                None => Err(Failure::Problem(Box::new(problem))),
            },
            Some(problem) => Err(Failure::Problem(Box::new(problem))),
            None => Err(answer.foreign("no problem document")),
        }
    }

    /// The server's URL as people write it.
    pub(crate) fn name(&self) -> String {
        transport::name(&self.server)
    }

    fn unreachable(&self, reason: String) -> Failure {
        transport::unreachable(&self.server, reason)
    }
}

/// The innermost cause of a failed exchange; hyper's own text names only the phase.
fn cause(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut inner = std::error::Error::source(error);
    while let Some(source) = inner {
        text = format!("{text}: {source}");
        inner = source.source();
    }
    text
}

/// What the service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    server: String,
    status: StatusCode,
    retry_after: Option<String>,
    body: Bytes,
}

impl Answer {
    /// The body as text.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn text(&self) -> Result<&str, Failure> {
        std::str::from_utf8(&self.body).map_err(|_| self.foreign("no text"))
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn value(&self) -> Result<Value, Failure> {
        self.read()
    }

    /// The body as JSON of a known shape.
    ///
    /// # Errors
    /// When it has another shape.
    pub(crate) fn read<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|_| self.foreign("no JSON of the platform interface"))
    }

    /// Whether the thing was there before: `200` where `201` or `202` stands for a new one.
    pub(crate) fn is_repeat(&self) -> bool {
        self.status == StatusCode::OK
    }

    fn foreign(&self, what: &'static str) -> Failure {
        Failure::Foreign { server: self.server.clone(), status: self.status.as_u16(), what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub::Stub;

    fn platform(server: &str) -> Platform {
        let key = PlatformKey::new("k3y", "a test".to_owned()).unwrap();
        Platform::new(server.parse().unwrap(), Some(key)).unwrap()
    }

    #[tokio::test]
    async fn a_request_carries_key_path_and_query_encoded() {
        let stub = Stub::start([(200, "{\"Items\":[],\"Next\":null}"), (204, "")]).await;
        let platform = platform(&format!("{}/bell/", stub.url()));
        platform.get(&["v1", "actions", "a/b ?"], &[("After", "x&y=z".to_owned())]).await.unwrap();
        platform.delete(&["v1", "companies", "acme"], &[]).await.unwrap();
        let requests = stub.requests();
        assert_eq!(requests[0].line, "GET /bell/v1/actions/a%2Fb%20%3F?After=x%26y%3Dz");
        assert_eq!(requests[0].header("authorization"), Some("Bearer k3y"));
        assert_eq!(requests[0].header("host"), Some(stub.url().trim_start_matches("http://")));
        assert_eq!(requests[1].line, "DELETE /bell/v1/companies/acme");
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_said_with_the_next_step() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let error = platform(&server).get(&["v1", "companies"], &[]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("no workbell answers at {server}; is `workbell serve` running there?")
        );
    }

    #[tokio::test]
    async fn a_refused_key_says_where_it_came_from() {
        let body = r#"{"type":"about:blank","title":"unauthorized","status":401,"Code":"unauthorized"}"#;
        let stub = Stub::start([(401, body)]).await;
        let error = platform(&stub.url()).get(&["v1", "companies"], &[]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} refuses the platform key from a test; is it the key of that service?", stub.url())
        );
    }

    #[tokio::test]
    async fn another_server_on_the_port_is_recognised() {
        let stub = Stub::start([(404, "<h1>Not Found</h1>"), (200, "hello")]).await;
        let platform = platform(&stub.url());
        let error = platform.get(&["v1", "companies"], &[]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{} answered 404 and no problem document; is that really a workbell?", stub.url())
        );
        let error = platform.get(&["v1", "companies"], &[]).await.unwrap().value().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "{} answered 200 and no JSON of the platform interface; is that really a workbell?",
                stub.url()
            )
        );
    }

    #[tokio::test]
    async fn a_connection_that_the_server_closed_is_made_anew() {
        let stub = Stub::closing([(200, "{}"), (200, "{}")]).await;
        let platform = platform(&stub.url());
        platform.get(&["v1", "keys"], &[]).await.unwrap();
        platform.get(&["v1", "keys"], &[]).await.unwrap();
        assert_eq!(stub.requests().len(), 2);
    }
}
