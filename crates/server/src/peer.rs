//! Where a request comes from: the address that the audit names and that wrong passwords are counted by.
//!
//! That is the other end of the connection, or, when that is a proxy of `proxy.trusted`, whom it says it forwards for.
//! Each hop appends the address that it saw, so the list is read from its end, past trusted proxies, to the first
//! address that is none: what stands before it anybody could have sent. A proxy sets one of the two headers and a
//! caller may have sent the other; when both are there and name different addresses neither counts. Such a proxy also
//! says whether people came to it by https; then the cookie of a session is `Secure`.
//! Sources: RFC 7239 (`Forwarded`), the practice of `X-Forwarded-For` and `X-Forwarded-Proto`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use http::{Extensions, HeaderMap};
use ipnet::IpNet;

/// Most hops that are looked at.
///
/// 32: nobody has so many proxies, and a head has 32 KiB.
const MOST_HOPS: usize = 32;

/// The address that a request comes from; the listener puts it into every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Peer {
    /// The address of a request; `None` of requests without a connection (in tests).
    pub(crate) fn address(extensions: &Extensions) -> Option<IpAddr> {
        extensions.get::<Peer>().map(|Peer(address)| address.to_canonical())
    }

    /// The name under which tries from a request are counted; of requests without a connection, one name.
    ///
    /// Of an IPv6 address the first 64 bits count, for one host has all the others.
    pub(crate) fn name(extensions: &Extensions) -> String {
        match Peer::address(extensions) {
            None => "nowhere".to_owned(),
            Some(IpAddr::V4(address)) => address.to_string(),
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
            }
        }
    }
}

/// A request came to a trusted proxy by https; the listener puts it into such requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByHttps;

/// Proxies whose forwarding headers count: `proxy.trusted`. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trusted(Arc<[IpNet]>);

impl Trusted {
    /// These networks.
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Trusted(networks.into())
    }

    /// Who sent a request with these headers over a connection of `peer`.
    pub(crate) fn caller(&self, peer: Peer, headers: &HeaderMap) -> Peer {
        if !self.has(peer.0) {
            return peer;
        }
        let for_ = |hops: Option<Vec<Option<IpAddr>>>| hops.map(|hops| self.first_untrusted(peer, &hops));
        match (for_(x_forwarded_for(headers)), for_(forwarded(headers))) {
            (Some(one), Some(other)) if one != other => peer,
            (Some(caller), _) | (None, Some(caller)) => caller,
            (None, None) => peer,
        }
    }

    /// Whether a trusted proxy says that whoever sent this came by https: the first hop counts, which is theirs.
    pub(crate) fn says_https(&self, peer: Peer, headers: &HeaderMap) -> bool {
        let first = |name: &str| {
            let text = headers.get(name).and_then(|value| value.to_str().ok())?;
            text.split(',').next().map(str::to_ascii_lowercase)
        };
        let proto = |hop: String| {
            hop.split(';')
                .filter_map(|pair| pair.split_once('='))
                .any(|(name, value)| name.trim() == "proto" && value.trim().trim_matches('"') == "https")
        };
        self.has(peer.0)
            && (first("x-forwarded-proto").is_some_and(|scheme| scheme.trim() == "https")
                || first("forwarded").is_some_and(proto))
    }

    fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Walks back from the hop that is next to us. A hop without an address ends the walk: who stood behind it is
    /// unknown, and the proxy that wrote it is the last that is known.
    fn first_untrusted(&self, peer: Peer, hops: &[Option<IpAddr>]) -> Peer {
        let mut known = peer;
        for hop in hops.iter().rev().take(MOST_HOPS) {
            let Some(address) = hop else { break };
            known = Peer(*address);
            if !self.has(*address) {
                break;
            }
        }
        known
    }
}

/// The hops of `X-Forwarded-For`, farthest first; `None` when there is no such header.
fn x_forwarded_for(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    list(headers, "x-forwarded-for", |hop| address(hop.trim()))
}

/// The hops of `Forwarded`, farthest first; `None` when there is no such header.
fn forwarded(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    list(headers, "forwarded", |hop| {
        let pairs = hop.split(';').filter_map(|pair| pair.split_once('='));
        let (_, node) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
        address(node.trim().trim_matches('"'))
    })
}

fn list(
    headers: &HeaderMap,
    name: &str,
    read: impl Fn(&str) -> Option<IpAddr>,
) -> Option<Vec<Option<IpAddr>>> {
    let mut hops = Vec::new();
    let mut is_there = false;
    for value in headers.get_all(name) {
        is_there = true;
        match value.to_str() {
            Ok(text) => hops.extend(text.split(',').map(&read)),
            Err(_) => hops.push(None),
        }
    }
    is_there.then_some(hops)
}

/// `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`; nothing else, so neither
/// `unknown` nor a made-up name.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let found = bare.parse::<IpAddr>().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    found.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn caller(trusted: &[&str], peer: &str, headers: &[(&'static str, &str)]) -> String {
        let trusted = Trusted::new(trusted.iter().map(|net| net.parse().unwrap()).collect());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        trusted.caller(Peer(peer.parse().unwrap()), &map).0.to_string()
    }

    const XFF: &str = "x-forwarded-for";
    const PROXIES: &[&str] = &["10.0.0.0/8", "fd00::/8"];

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let claim = [(XFF, "192.0.2.7")];
        assert_eq!(caller(&[], "10.0.0.1", &claim), "10.0.0.1");
        assert_eq!(caller(PROXIES, "203.0.113.5", &claim), "203.0.113.5");
        assert_eq!(caller(PROXIES, "10.0.0.1", &claim), "192.0.2.7");
        assert_eq!(caller(PROXIES, "::ffff:10.0.0.1", &claim), "192.0.2.7");
        assert_eq!(caller(PROXIES, "10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_a_caller_put_before_its_own_address_is_not_believed() {
        let chain = [(XFF, "1.1.1.1, 192.0.2.7, 10.0.0.2")];
        assert_eq!(caller(PROXIES, "10.0.0.1", &chain), "192.0.2.7");
        let lines = [(XFF, "1.1.1.1"), (XFF, "192.0.2.7, 10.0.0.2")];
        assert_eq!(caller(PROXIES, "10.0.0.1", &lines), "192.0.2.7");
        assert_eq!(caller(PROXIES, "10.0.0.1", &[(XFF, "10.0.0.3, 10.0.0.2")]), "10.0.0.3");
    }

    #[test]
    fn what_is_no_address_ends_the_walk_at_the_proxy_that_wrote_it() {
        assert_eq!(caller(PROXIES, "10.0.0.1", &[(XFF, "192.0.2.7, unknown")]), "10.0.0.1");
        assert_eq!(caller(PROXIES, "10.0.0.1", &[(XFF, "192.0.2.7, unknown, 10.0.0.2")]), "10.0.0.2");
        assert_eq!(caller(PROXIES, "10.0.0.1", &[(XFF, "")]), "10.0.0.1");
        assert_eq!(caller(PROXIES, "10.0.0.1", &[("forwarded", "for=_hidden")]), "10.0.0.1");
    }

    #[test]
    fn all_ways_of_writing_an_address_are_read() {
        for (text, read) in [
            ("192.0.2.7:4711", "192.0.2.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
        ] {
            assert_eq!(caller(PROXIES, "fd00::1", &[(XFF, text)]), read, "{text}");
        }
        for (text, read) in [
            ("for=192.0.2.7;proto=https;by=10.0.0.1", "192.0.2.7"),
            ("proto=https; For=\"[2001:db8::7]:4711\"", "2001:db8::7"),
            ("for=1.1.1.1, for=192.0.2.7, for=10.0.0.2", "192.0.2.7"),
        ] {
            assert_eq!(caller(PROXIES, "10.0.0.1", &[("forwarded", text)]), read, "{text}");
        }
    }

    #[test]
    fn two_headers_that_disagree_count_for_nothing() {
        let agree = [(XFF, "192.0.2.7"), ("forwarded", "for=192.0.2.7")];
        assert_eq!(caller(PROXIES, "10.0.0.1", &agree), "192.0.2.7");
        let forged = [(XFF, "192.0.2.7"), ("forwarded", "for=1.1.1.1")];
        assert_eq!(caller(PROXIES, "10.0.0.1", &forged), "10.0.0.1");
    }

    #[test]
    fn a_host_has_one_name() {
        let name = |text: &str| {
            let mut extensions = Extensions::new();
            extensions.insert(Peer(text.parse().unwrap()));
            Peer::name(&extensions)
        };
        assert_eq!(name("192.0.2.7"), "192.0.2.7");
        assert_eq!(name("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(name("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(Peer::name(&Extensions::new()), "nowhere");
    }

    #[test]
    fn a_trusted_proxy_says_by_which_scheme_people_come() {
        let trusted = Trusted::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let says = |peer: &str, name: &'static str, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
            trusted.says_https(Peer(peer.parse().unwrap()), &headers)
        };
        for (name, value) in [
            ("x-forwarded-proto", "https"),
            ("x-forwarded-proto", "HTTPS, http"),
            ("forwarded", "for=192.0.2.7;Proto=\"https\", for=10.0.0.2;proto=http"),
        ] {
            assert!(says("10.0.0.1", name, value), "{value}");
            assert!(!says("192.0.2.1", name, value), "{value}");
        }
        for (name, value) in [
            ("x-forwarded-proto", "http"),
            ("x-forwarded-proto", "http, https"),
            ("x-forwarded-proto", ""),
            ("forwarded", "for=192.0.2.7;by=\"proto=https\""),
            ("x-forwarded-for", "https"),
        ] {
            assert!(!says("10.0.0.1", name, value), "{value}");
        }
    }
}
