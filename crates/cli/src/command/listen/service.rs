//! The service as a reader of a feed sees it: an access token, the certificates, page after page.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Method, Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use url::Url;
use workbell_wire::certificate::Certificate;

use super::arrival::Arrival;
use crate::failure::Failure;
use crate::screen::harmless;
use crate::transport::{self, Connection};

/// How long the service may hold an answer back.
///
/// 30 s: half of what it allows, since many a proxy cuts what is silent for a minute.
const WAIT: Duration = Duration::from_secs(30);

/// How long beyond that an answer may take, before the connection counts as dead.
const GRACE: Duration = Duration::from_secs(15);

/// A token is replaced so long before its end.
const LEAD: Duration = Duration::from_secs(60);

/// Most items of one page. After a connection that broke a quarter is asked for, down to one: an answer must come
/// through a connection that is cut again and again.
const PAGE: usize = 100;

/// Longest answer that is read, in bytes. 64 MiB: a page has 4 MiB of bodies, and escapes can make six of one.
const LONGEST_ANSWER: usize = 64 << 20;

/// The service, with the credentials of a client.
pub(super) struct Service {
    server: Url,
    host: HeaderValue,
    client_id: String,
    client_secret: String,
    endpoint: Option<String>,
    idle: Option<Connection>,
    token: Option<(HeaderValue, Instant)>,
    /// Items that are asked for.
    page: usize,
    /// Whether there ever was a connection.
    reached: bool,
}

/// What came of asking for more.
#[derive(Debug)]
pub(super) enum Pulled {
    /// Perhaps nothing new.
    Page(Page),
    /// The place is not kept any more.
    Expired,
    /// It could not be asked, or could not answer; asking again may help.
    Later {
        /// What happened.
        reason: String,
        /// When the service wants to be asked again.
        after: Option<Duration>,
    },
}

/// Some items of the feed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page {
    pub(super) items: Vec<Item>,
    pub(super) next: String,
}

/// One of them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Item {
    pub(super) cursor: String,
    headers: Map<String, Value>,
    body: String,
}

impl Item {
    /// As if it had been sent.
    pub(super) fn arrival(&self) -> Arrival {
        let pairs = self.headers.iter().filter_map(|(name, value)| {
            let name = HeaderName::try_from(name.as_str()).ok()?;
            Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
        });
        let body = Bytes::copy_from_slice(self.body.as_bytes());
        Arrival { headers: pairs.collect(), body, extensions: hyper::http::Extensions::new() }
    }
}

/// An error of the Direct API.
#[derive(Debug, Deserialize)]
struct DirectError {
    #[serde(rename = "Message")]
    message: String,
}

/// An error of `POST /OAuth/Token`.
#[derive(Debug, Deserialize)]
struct OAuthError {
    error: String,
    #[serde(default)]
    error_description: String,
}

#[derive(Debug, Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Reply {
    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    fn read<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl Service {
    pub(super) fn new(
        server: Url,
        (client_id, client_secret): (String, String),
        endpoint: Option<String>,
    ) -> Result<Self, Failure> {
        let host = server.host_str().unwrap_or_default();
        let host = server.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let host = HeaderValue::from_str(&host)
            .map_err(|_| Failure::Usage(format!("{server} names no usable host")))?;
        Ok(Service {
            server,
            host,
            client_id,
            client_secret,
            endpoint,
            idle: None,
            token: None,
            page: PAGE,
            reached: false,
        })
    }

    /// The server's URL as people write it.
    pub(super) fn name(&self) -> String {
        transport::name(&self.server)
    }

    /// Whether there ever was a connection: what breaks then is worth another try.
    pub(super) fn was_reached(&self) -> bool {
        self.reached
    }

    /// What tokens are verified with.
    ///
    /// # Errors
    /// When they cannot be had.
    pub(super) async fn certificates(&mut self) -> Result<Vec<Certificate>, Failure> {
        let reply = self.ask(Method::GET, "/certificates", None, Bytes::new(), GRACE).await?;
        let foreign = |what| Failure::Foreign { server: self.name(), status: reply.status.as_u16(), what };
        if reply.status != StatusCode::OK {
            return Err(foreign("no certificates"));
        }
        Certificate::read_bundle(&String::from_utf8_lossy(&reply.body))
            .map_err(|_| foreign("no certificates that can be read"))
    }

    /// What comes after a place, as soon as there is something.
    ///
    /// # Errors
    /// What asking again does not mend.
    pub(super) async fn pull(&mut self, after: Option<&str>) -> Result<Pulled, Failure> {
        // A token that ended early (its client's secret was replaced) is asked for anew, once.
        let mut is_second = false;
        loop {
            let bearer = match self.bearer().await? {
                Ok(bearer) => bearer,
                Err(later) => return Ok(later),
            };
            let reply = match self
                .ask(Method::GET, &self.query(after), Some(bearer), Bytes::new(), WAIT + GRACE)
                .await
            {
                Ok(reply) => reply,
                Err(failure) => {
                    self.page = (self.page / 4).max(1);
                    return later(failure);
                }
            };
            match reply.status {
                StatusCode::OK => {
                    self.page = (self.page * 2).min(PAGE);
                    let what = "no page of a feed";
                    let foreign = Failure::Foreign { server: self.name(), status: 200, what };
                    return reply.read().map(Pulled::Page).ok_or(foreign);
                }
                StatusCode::GONE => return Ok(Pulled::Expired),
                StatusCode::UNAUTHORIZED if !is_second => {
                    self.token = None;
                    is_second = true;
                }
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => return Ok(busy(&reply)),
                status if status.is_server_error() => return Ok(busy(&reply)),
                status => return Err(self.refused(status, &reply)),
            }
        }
    }

    fn query(&self, after: Option<&str>) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("Limit", &self.page.to_string()).append_pair("Wait", &WAIT.as_secs().to_string());
        if let Some(endpoint) = &self.endpoint {
            query.append_pair("Endpoint", endpoint);
        }
        if let Some(after) = after {
            query.append_pair("After", after);
        }
        format!("/Direct/api/notifications?{}", query.finish())
    }

    /// The access token, a new one when it is about to end.
    async fn bearer(&mut self) -> Result<Result<HeaderValue, Pulled>, Failure> {
        if let Some((bearer, until)) = &self.token
            && Instant::now() < *until
        {
            return Ok(Ok(bearer.clone()));
        }
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", &self.client_secret)
            .finish();
        let reply = match self.ask(Method::POST, "/OAuth/Token", None, form.into(), GRACE).await {
            Ok(reply) => reply,
            Err(failure) => return later(failure).map(Err),
        };
        if reply.status.is_server_error() || reply.status == StatusCode::TOO_MANY_REQUESTS {
            return Ok(Err(busy(&reply)));
        }
        if let Some(refusal) = reply.read::<OAuthError>() {
            let why = harmless(&format!("{}: {}", refusal.error, refusal.error_description));
            return Err(Failure::Failed(format!("{} gives no access token: {why}", self.name())));
        }
        let foreign = || Failure::Foreign {
            server: self.name(),
            status: reply.status.as_u16(),
            what: "no access token",
        };
        let granted: Granted = reply.read().ok_or_else(foreign)?;
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {}", granted.access_token)).map_err(|_| foreign())?;
        bearer.set_sensitive(true);
        let life = Duration::from_secs(granted.expires_in);
        self.token = Some((bearer.clone(), Instant::now() + life.saturating_sub(LEAD)));
        Ok(Ok(bearer))
    }

    fn refused(&self, status: StatusCode, reply: &Reply) -> Failure {
        match reply.read::<DirectError>() {
            Some(error) => Failure::Failed(format!("{}: {}", self.name(), harmless(&error.message))),
            None => Failure::Foreign {
                server: self.name(),
                status: status.as_u16(),
                what: "no error that we know",
            },
        }
    }

    async fn ask(
        &mut self,
        method: Method,
        target: &str,
        bearer: Option<HeaderValue>,
        body: Bytes,
        patience: Duration,
    ) -> Result<Reply, Failure> {
        let server = self.server.clone();
        match tokio::time::timeout(patience, self.exchange(method, target, bearer, body)).await {
            Ok(reply) => reply,
            Err(_) => {
                Err(transport::unreachable(&server, format!("no answer within {} s", patience.as_secs())))
            }
        }
    }

    async fn exchange(
        &mut self,
        method: Method,
        target: &str,
        bearer: Option<HeaderValue>,
        body: Bytes,
    ) -> Result<Reply, Failure> {
        let kept = self.idle.take().filter(|kept| !kept.is_closed());
        let mut connection = match kept {
            Some(kept) => kept,
            None => transport::connect(&self.server).await?,
        };
        self.reached = true;
        let target = format!("{}{target}", self.server.path().trim_end_matches('/'));
        let mut request = Request::builder()
            .method(method.clone())
            .uri(target)
            .header(HOST, &self.host)
            .header("user-agent", concat!("workbell/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, "*/*");
        if let Some(bearer) = bearer {
            request = request.header(AUTHORIZATION, bearer);
        }
        if method == Method::POST {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let request = request
            .body(Full::new(body))
            .map_err(|error| Failure::Usage(format!("no request can be made of this: {error}")))?;
        // A kept connection that has just closed fails here, too; whoever asks, asks again.
        let broken = |error: String| transport::unreachable(&self.server, error);
        let response = connection.send_request(request).await.map_err(|error| broken(error.to_string()))?;
        let (head, body) = response.into_parts();
        let body =
            Limited::new(body, LONGEST_ANSWER).collect().await.map_err(|error| broken(error.to_string()))?;
        self.idle = Some(connection);
        Ok(Reply { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}

/// A failure that time may mend.
fn later(failure: Failure) -> Result<Pulled, Failure> {
    match failure {
        Failure::NobodyThere { .. } | Failure::Unreachable { .. } => {
            Ok(Pulled::Later { reason: failure.to_string(), after: None })
        }
        other => Err(other),
    }
}

fn busy(reply: &Reply) -> Pulled {
    let why = match reply.read::<DirectError>() {
        Some(error) => harmless(&error.message),
        None => String::from("it cannot answer at present"),
    };
    Pulled::Later {
        reason: format!("the service answered {}: {why}", reply.status),
        after: reply.retry_after(),
    }
}
