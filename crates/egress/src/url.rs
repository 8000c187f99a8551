//! The URL of an endpoint, parsed and checked once.
//!
//! What the text says and what is dialled must be the same to every reader, so the `url` crate parses it
//! once (WHATWG: `0x7f.1` *is* 127.0.0.1) and everything that goes on the wire is taken from the result.
//! Forms in which two parsers differ (user-info, backslashes, white space, zone ids) are refused.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderValue, Uri};
use rustls::pki_types::ServerName;
use url::Url;

use crate::ports::is_blocked;

/// Longest endpoint URL, in bytes. Generous: query strings with keys reach some hundred.
pub const MAX_URL: usize = 2048;

/// The checked URL of an endpoint and all that is derived from it for a request.
#[derive(Clone)]
pub struct Target {
    url: Url,
    host: Host,
    origin: String,
    uri: Uri,
    host_header: HeaderValue,
    server_name: Option<ServerName<'static>>,
}

/// The host of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// An IP address, however it was spelled.
    Address(IpAddr),
    /// A name to look up: lower case, punycode.
    Name(String),
}

/// Why a text is no URL of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not a URL at all; the reason is the parser's.
    #[error("not a URL: {0}")]
    Syntax(url::ParseError),
    /// Neither `http://` nor `https://`.
    #[error("an endpoint URL starts with https:// or http://")]
    Scheme,
    /// A name or password before the host.
    #[error("a user name or password in the URL is not allowed; use a header of the endpoint")]
    UserInfo,
    /// A fragment, which would never be sent.
    #[error("a fragment (#…) is never sent; leave it out")]
    Fragment,
    /// A zone id, which means something on one machine only.
    #[error("an address with a zone id (%…) means something on one machine only")]
    ZoneId,
    /// White space, a control character or a backslash.
    #[error("white space, control characters and backslashes are not allowed in a URL")]
    Character,
    /// No host, or one that cannot be looked up.
    #[error("the URL has no usable host name")]
    Host,
    /// A port that browsers refuse.
    #[error("port {0} is refused as browsers refuse it")]
    Port(u16),
    /// Longer than [`MAX_URL`].
    #[error("the URL is longer than {MAX_URL} bytes")]
    TooLong,
}

impl Target {
    /// Parses the URL of an endpoint.
    ///
    /// # Errors
    ///
    /// The first rule that the text breaks. Whether its address may be dialled is not judged here, see
    /// [`Policy::judge_target`](crate::Policy::judge_target).
    pub fn parse(text: &str) -> Result<Target, UrlError> {
        check_text(text)?;
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::EmptyHost => UrlError::Host,
            other => UrlError::Syntax(other),
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(UrlError::Fragment);
        }
        let host = match url.host().ok_or(UrlError::Host)? {
            url::Host::Ipv4(address) => Host::Address(address.into()),
            url::Host::Ipv6(address) => Host::Address(address.into()),
            url::Host::Domain(name) => Host::Name(checked_name(name)?),
        };
        let port = url.port_or_known_default().ok_or(UrlError::Scheme)?;
        if is_blocked(port) {
            return Err(UrlError::Port(port));
        }
        let mut host_header = url.host_str().ok_or(UrlError::Host)?.to_owned();
        if let Some(port) = url.port() {
            host_header = format!("{host_header}:{port}");
        }
        let uri = url[url::Position::BeforePath..].parse().map_err(|_| UrlError::Character)?;
        Ok(Target {
            host_header: HeaderValue::from_str(&host_header).map_err(|_| UrlError::Host)?,
            origin: url.origin().ascii_serialization(),
            server_name: server_name(&url, &host)?,
            host,
            uri,
            url,
        })
    }

    /// The URL as it is dialled: lower-case scheme and host, punycode, default port left out.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The origin as in RFC 6454: scheme, host, and port when it is not the default.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The value of the `Host` header.
    pub fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    /// What stands in the request line: path, and query if there is one.
    pub fn path_and_query(&self) -> &str {
        &self.url[url::Position::BeforePath..]
    }

    /// The host that is looked up or dialled.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port that is dialled.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(0)
    }

    /// Whether the connection is TLS.
    pub fn is_https(&self) -> bool {
        self.server_name.is_some()
    }

    /// What the request line is made of.
    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The name that the certificate must be for; `None` for http.
    pub(crate) fn server_name(&self) -> Option<&ServerName<'static>> {
        self.server_name.as_ref()
    }
}

/// Refuses the forms that parsers read in different ways, before one of them reads them.
fn check_text(text: &str) -> Result<(), UrlError> {
    if text.len() > MAX_URL {
        return Err(UrlError::TooLong);
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(UrlError::Character);
    }
    let lower = text.to_ascii_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    let rest = rest.ok_or(UrlError::Scheme)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(UrlError::Host);
    }
    if authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    if authority.starts_with('[') && authority.contains('%') {
        return Err(UrlError::ZoneId);
    }
    Ok(())
}

/// A name that the resolver can be asked for: at most 253 bytes, labels of 1 to 63, one dot may end it.
fn checked_name(name: &str) -> Result<String, UrlError> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    let label = |label: &str| !label.is_empty() && label.len() <= 63;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if bare.is_empty() || bare.len() > 253 || !bare.split('.').all(label) || !bare.chars().all(allowed) {
        return Err(UrlError::Host);
    }
    Ok(name.to_owned())
}

fn server_name(url: &Url, host: &Host) -> Result<Option<ServerName<'static>>, UrlError> {
    if url.scheme() != "https" {
        return Ok(None);
    }
    match host {
        Host::Address(address) => Ok(Some(ServerName::from(*address))),
        Host::Name(name) => {
            let name = name.strip_suffix('.').unwrap_or(name).to_owned();
            ServerName::try_from(name).map(Some).map_err(|_| UrlError::Host)
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.as_str())
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Target) -> bool {
        self.url == other.url
    }
}

impl Eq for Target {}
