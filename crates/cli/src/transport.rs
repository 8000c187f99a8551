//! A connection to the service: TCP, and TLS when the server's URL says https.
//!
//! The platform's own trust decides which certificates are good. This is not the path that notifications take:
//! that one is in the egress crate, with its address policy.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::failure::Failure;

/// Longest wait for a connection, TLS included.
///
/// 10 seconds: long enough for a far server, short enough for a person who mistyped an address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that can carry one request after the other.
pub(crate) type Connection = SendRequest<Full<Bytes>>;

/// Connects to the server that `url` names.
///
/// # Errors
/// When nobody listens there, the name has no address, or TLS fails.
pub(crate) async fn connect(url: &Url) -> Result<Connection, Failure> {
    connect_with(url, &Builder::new()).await
}

/// The same, for requests whose headers are written as those of another request were, else in Title-Case.
///
/// # Errors
/// As [`connect`].
pub(crate) async fn connect_exact(url: &Url) -> Result<Connection, Failure> {
    connect_with(url, Builder::new().preserve_header_case(true).title_case_headers(true)).await
}

async fn connect_with(url: &Url, builder: &Builder) -> Result<Connection, Failure> {
    match tokio::time::timeout(CONNECT_TIMEOUT, dial(url, builder)).await {
        Ok(connected) => connected,
        Err(_) => Err(unreachable(url, format!("no connection within {} s", CONNECT_TIMEOUT.as_secs()))),
    }
}

async fn dial(url: &Url, builder: &Builder) -> Result<Connection, Failure> {
    let port = url.port_or_known_default().unwrap_or(80);
    let stream = match url.host() {
        Some(Host::Domain(name)) => TcpStream::connect((name, port)).await,
        Some(Host::Ipv4(address)) => TcpStream::connect((address, port)).await,
        Some(Host::Ipv6(address)) => TcpStream::connect((address, port)).await,
        None => Err(io::Error::other("the URL names no host")),
    };
    let stream = stream.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::NobodyThere { server: name(url) },
        _ => unreachable(url, error.to_string()),
    })?;
    stream.set_nodelay(true).map_err(|error| unreachable(url, error.to_string()))?;
    if url.scheme() == "https" {
        let stream = encrypt(url, stream).await.map_err(|error| unreachable(url, format!("TLS: {error}")))?;
        speak(url, TokioIo::new(stream), builder).await
    } else {
        speak(url, TokioIo::new(stream), builder).await
    }
}

async fn encrypt(url: &Url, stream: TcpStream) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_platform_verifier())
        .map_err(io::Error::other)?
        .with_no_client_auth();
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let host = rustls::pki_types::ServerName::try_from(host).map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(host, stream).await
}

async fn speak<S>(url: &Url, stream: S, builder: &Builder) -> Result<Connection, Failure>
where
    S: Read + Write + Unpin + Send + 'static,
{
    let (sender, connection) =
        builder.handshake(stream).await.map_err(|error| unreachable(url, error.to_string()))?;
    // Its end is seen by whoever sends on it.
    tokio::spawn(connection);
    Ok(sender)
}

/// The failure of a connection, in words.
pub(crate) fn unreachable(url: &Url, reason: String) -> Failure {
    Failure::Unreachable { server: name(url), reason }
}

/// A server's URL as people write it: without the slash at its end.
pub(crate) fn name(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
