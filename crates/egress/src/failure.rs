//! How an attempt ends without a status.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::refusal::Refusal;

/// Why an attempt got no status. The name of each variant is public ([`Failure::name`]).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Time ran out.
    #[error("{phase} took longer than {}", seconds(*.after))]
    Timeout {
        /// What was being done.
        phase: Phase,
        /// How long it was waited for.
        after: Duration,
    },
    /// The name of the host has no address, or none that we can learn.
    #[error("the name {host} could not be looked up: {reason}")]
    ResolveFailed {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// The address policy does not let us dial there.
    #[error("not dialled: {0}")]
    AddressRefused(Refusal),
    /// Nobody listens at that port.
    #[error("{0} refused the connection: nothing listens there, or a firewall answers for it")]
    ConnectionRefused(SocketAddr),
    /// No connection for another reason.
    #[error("no connection to {address}: {reason}")]
    ConnectFailed {
        /// The address tried last.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// No TLS session.
    #[error("no TLS session: {0}")]
    TlsFailed(TlsReason),
    /// The connection ended before an answer did begin, or in the middle of its head.
    #[error("the connection was closed {0}")]
    ConnectionClosed(Closed),
    /// What came back is no HTTP/1 answer that we would read.
    #[error("the answer is not usable: {0}")]
    InvalidResponse(String),
    /// A 2xx came before the request was sent to its end, so it cannot mean that it was received.
    #[error("a success was answered before the request was sent to its end")]
    EarlyAnswer,
    /// The endpoint is plain http, which a setting forbids.
    #[error("plain http is not allowed; the setting `egress.http` would allow it")]
    SchemeRefused,
}

/// What an attempt was doing when its time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Waiting for a free connection of the endpoint.
    Slot,
    /// Looking up the name.
    Resolve,
    /// Connecting by TCP.
    Connect,
    /// Agreeing on TLS.
    Tls,
    /// Sending the request.
    Write,
    /// Waiting for the head of the answer.
    Head,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Slot => "waiting for a free connection",
            Phase::Resolve => "looking up the name",
            Phase::Connect => "connecting",
            Phase::Tls => "the TLS handshake",
            Phase::Write => "sending the request",
            Phase::Head => "waiting for the answer",
        })
    }
}

/// When a connection was closed too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Closed {
    /// Before the first byte of a final answer.
    BeforeAnswer,
    /// In the middle of the answer's head.
    WithinHead,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Closed::BeforeAnswer => "before an answer came",
            Closed::WithinHead => "in the middle of the answer's head",
        })
    }
}

/// Why there is no TLS session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsReason {
    /// The certificate leads to no authority that we trust.
    #[error(
        "the certificate is not issued by an authority that is trusted here (unknown issuer); \
         the setting `egress.ca_file` adds one"
    )]
    UnknownIssuer,
    /// Its end has passed.
    #[error("the certificate has expired{0}")]
    Expired(String),
    /// Its beginning is yet to come.
    #[error("the certificate is not valid yet{0}")]
    NotYetValid(String),
    /// It is for other names.
    #[error("the certificate is not for this host name{0}")]
    WrongName(String),
    /// It was revoked.
    #[error("the certificate was revoked")]
    Revoked,
    /// Something else is wrong with it.
    #[error("the certificate is not usable: {0}")]
    BadCertificate(String),
    /// The two sides share no cipher suite.
    #[error("no common cipher suite: the server refused every cipher suite and key exchange we offer")]
    NoCommonCipherSuite,
    /// The server speaks only what is older than TLS 1.2.
    #[error("no common TLS version: the server speaks none of TLS 1.2 and 1.3")]
    VersionTooOld,
    /// The server wants a certificate from us.
    #[error("the server demands a client certificate")]
    ClientCertificateRequired,
    /// What answers is no TLS, often plain http.
    #[error("the server does not speak TLS at this port")]
    NotTls,
    /// It closed the connection during the handshake.
    #[error("the connection was closed during the handshake")]
    Closed,
    /// We have no authority to check certificates by.
    #[error(
        "no trusted certificates were found on this machine; the setting `egress.ca_file` adds some: {0}"
    )]
    NoRoots(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    /// The stable public name of the error class.
    pub fn name(&self) -> &'static str {
        match self {
            Failure::Timeout { .. } => "Timeout",
            Failure::ResolveFailed { .. } => "ResolveFailed",
            Failure::AddressRefused(_) => "AddressRefused",
            Failure::ConnectionRefused(_) => "ConnectionRefused",
            Failure::ConnectFailed { .. } => "ConnectFailed",
            Failure::TlsFailed(_) => "TlsFailed",
            Failure::ConnectionClosed(_) => "ConnectionClosed",
            Failure::InvalidResponse(_) => "InvalidResponse",
            Failure::EarlyAnswer => "EarlyAnswer",
            Failure::SchemeRefused => "SchemeRefused",
        }
    }
}

/// A duration for people: `350 ms`, `30 s`.
fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 && duration.as_secs() > 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}
