//! A stage: names, addresses and servers that exist in memory only.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;
use workbell_egress::{Attempted, Client, ClientOptions, Dial, Io, Policy, Pool, Request, Resolve, Target};

type Server = Box<dyn FnOnce(Wire) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// What resolver and dialer do, and what was asked of them.
#[derive(Clone, Default)]
pub(crate) struct Stage {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Answers of a name, one per look-up; the last one stays.
    names: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    looked_up: Mutex<Vec<String>>,
    dialled: Mutex<Vec<SocketAddr>>,
    servers: Mutex<VecDeque<Server>>,
    received: Mutex<Vec<Received>>,
}

/// What one connection received.
#[derive(Clone, Default)]
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    /// When the client closed it.
    pub(crate) closed: Option<Instant>,
}

/// The public address at which servers of the stage stand.
pub(crate) const PUBLIC: &str = "93.184.215.14";

/// A public address that never answers a dial.
pub(crate) const SILENT: &str = "93.184.215.99";

impl Stage {
    /// The stage of most tests: `hooks.example.com` has one public address.
    pub(crate) fn new() -> Stage {
        let stage = Stage::default();
        stage.name("hooks.example.com", &[&[PUBLIC]]);
        stage
    }

    pub(crate) fn name(&self, name: &str, answers: &[&[&str]]) {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().expect("an address")).collect();
        let answers = answers.iter().map(parse).collect();
        locked(&self.inner.names).insert(name.to_owned(), answers);
    }

    /// The next connection is answered by this server.
    pub(crate) fn server<F, S>(&self, serve: S)
    where
        S: FnOnce(Wire) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        locked(&self.inner.servers).push_back(Box::new(|wire| Box::pin(serve(wire))));
    }

    /// The next connection answers each complete request with these bytes.
    pub(crate) fn answering(&self, answer: &'static str) {
        self.server(move |mut wire| async move {
            while wire.request().await.is_some() {
                wire.say(answer).await;
            }
        });
    }

    pub(crate) fn client(&self, policy: Policy) -> Client {
        Client::new(self.options(policy)).expect("a client")
    }

    pub(crate) fn options(&self, policy: Policy) -> ClientOptions {
        let mut options = ClientOptions::new(policy);
        options.resolver = Arc::new(self.clone());
        options.dialer = Arc::new(self.clone());
        options
    }

    pub(crate) fn pool(&self) -> Pool {
        self.client(Policy::public()).pool(4)
    }

    pub(crate) fn dialled(&self) -> Vec<SocketAddr> {
        locked(&self.inner.dialled).clone()
    }

    pub(crate) fn looked_up(&self) -> Vec<String> {
        locked(&self.inner.looked_up).clone()
    }

    pub(crate) fn received(&self, connection: usize) -> Received {
        locked(&self.inner.received).get(connection).cloned().unwrap_or_default()
    }

    pub(crate) fn text(&self, connection: usize) -> String {
        String::from_utf8(self.received(connection).bytes).expect("text")
    }
}

#[async_trait::async_trait]
impl Resolve for Stage {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        locked(&self.inner.looked_up).push(host.to_owned());
        if host == "hanging.example.com" {
            std::future::pending::<()>().await;
        }
        let mut names = locked(&self.inner.names);
        let Some(answers) = names.get_mut(host) else {
            return Err(io::Error::other("Name or service not known"));
        };
        if answers.len() > 1 { Ok(answers.pop_front().unwrap_or_default()) } else { Ok(answers[0].clone()) }
    }
}

#[async_trait::async_trait]
impl Dial for Stage {
    async fn dial(&self, address: SocketAddr) -> io::Result<Box<dyn Io>> {
        locked(&self.inner.dialled).push(address);
        if address.ip().to_string() == SILENT {
            std::future::pending::<()>().await;
        }
        let server = locked(&self.inner.servers).pop_front();
        let Some(server) = server else {
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        let index = {
            let mut received = locked(&self.inner.received);
            received.push(Received::default());
            received.len() - 1
        };
        let (ours, theirs) = tokio::io::duplex(BUFFER);
        tokio::spawn(server(Wire { stream: theirs, stage: self.clone(), index, unread: Vec::new() }));
        // a server may speak first
        tokio::task::yield_now().await;
        Ok(Box::new(ours))
    }
}

/// Bytes between the two sides of a connection in memory: small, so that a large body does not fit.
pub(crate) const BUFFER: usize = 16 * 1024;

/// The server's side of a connection.
pub(crate) struct Wire {
    stream: DuplexStream,
    stage: Stage,
    index: usize,
    unread: Vec<u8>,
}

impl Wire {
    /// Reads the next bytes; `false` when the client closed.
    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let read = self.stream.read(&mut buffer).await.unwrap_or(0);
        let mut received = locked(&self.stage.inner.received);
        let received = &mut received[self.index];
        if read == 0 {
            received.closed = Some(Instant::now());
            return false;
        }
        received.bytes.extend_from_slice(&buffer[..read]);
        self.unread.extend_from_slice(&buffer[..read]);
        true
    }

    /// Reads a head; `None` when the client closed.
    pub(crate) async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = self.unread.drain(..end + 4).collect();
                return Some(String::from_utf8(head).expect("text"));
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Reads so many bytes of a body.
    pub(crate) async fn body(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.unread.len() < length {
            if !self.more().await {
                return None;
            }
        }
        Some(self.unread.drain(..length).collect())
    }

    /// Reads a request, which gets its `100 Continue` if it asks for one.
    pub(crate) async fn request(&mut self) -> Option<(String, Vec<u8>)> {
        let head = self.head().await?;
        if head.contains("Expect: 100-continue") {
            self.say("HTTP/1.1 100 Continue\r\n\r\n").await;
        }
        let body = self.body(content_length(&head)).await?;
        Some((head, body))
    }

    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        // the client may have closed: the test looks at what the client says
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Reads until the client closes.
    pub(crate) async fn until_closed(&mut self) {
        while self.more().await {}
    }

    pub(crate) fn into_stream(self) -> DuplexStream {
        self.stream
    }
}

pub(crate) fn content_length(head: &str) -> usize {
    let line = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    line.and_then(|value| value.parse().ok()).expect("a length")
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// A request as the engine would make it, without `Expect`.
pub(crate) fn request(url: &str) -> Request {
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: &'static str| {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    };
    put("authorization", "Bearer data<---->signature");
    put("event-type", "Accepted");
    put("webhook-id", "0f8fad5b-d9cb-469f-a165-70867728950e");
    put("webhook-signature", "v1,c2lnbmF0dXJl");
    put("workbell-attempt", "1");
    put("user-agent", "Workbell/0.1.0");
    Request {
        target: Arc::new(Target::parse(url).expect("a URL")),
        headers,
        body: Bytes::from_static(b"{\"Header\":{}}"),
        timeout: Duration::from_secs(30),
        connect_timeout: Duration::from_secs(10),
        expect_continue: false,
        response_limit: 16 * 1024,
    }
}

/// The request of most tests.
pub(crate) fn hook() -> Request {
    request("http://hooks.example.com/in")
}

/// The same, asking for a `100`.
pub(crate) fn expecting() -> Request {
    Request { expect_continue: true, ..hook() }
}

/// The status of an attempt that must have one.
pub(crate) fn status(attempted: &Attempted) -> u16 {
    attempted.result.as_ref().unwrap_or_else(|failure| panic!("{failure}: {attempted:?}")).as_u16()
}

/// The name of the failure of an attempt that must have one.
pub(crate) fn failure(attempted: &Attempted) -> &'static str {
    attempted.result.as_ref().expect_err("a failure").name()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no other test shares the stage")
}
