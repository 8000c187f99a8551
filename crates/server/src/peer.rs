//! Who is at the other end of a connection: an address that wrong passwords are counted by.

use std::net::{IpAddr, Ipv6Addr};

use http::Extensions;

/// The address that a connection comes from; the listener puts it into every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

impl Peer {
    /// The name under which tries from a request are counted; of requests without a connection (in tests), one name.
    ///
    /// Of an IPv6 address the first 64 bits count, for one host has all the others.
    pub(crate) fn name(extensions: &Extensions) -> String {
        match extensions.get::<Peer>() {
            None => "nowhere".to_owned(),
            Some(Peer(address)) => match address.to_canonical() {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => {
                    let [a, b, c, d, ..] = address.segments();
                    Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
