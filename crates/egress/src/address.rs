//! What kind of network an address belongs to, and which address hides inside it.
//!
//! An IPv6 address can carry an IPv4 address that a translator or a tunnel on the way takes out again:
//! `64:ff9b::10.0.0.1` may well arrive at 10.0.0.1. Such an address is judged by what it carries.
//! Sources: the IANA special-purpose address registries (RFC 6890, as of 2025), RFC 4291 (mapped,
//! compatible), RFC 6052 and 8215 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo), RFC 5214 (ISATAP),
//! RFC 2765 (translated).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::refusal::Class;

/// Addresses at which clouds hand credentials to whoever asks, first of all to their own machines.
///
/// Checked before the ranges they lie in, so that the refusal names what they are.
const METADATA: [IpAddr; 9] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), // AWS, Google, Azure, Oracle, DigitalOcean, OpenStack
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),   // AWS: containers
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),  // AWS: pods
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), // Alibaba
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),   // Azure: the host, at a public-looking address
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),     // Oracle, older machines
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), // AWS
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)), // AWS: pods
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)), // Google
];

/// An IPv4 address carried inside an IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Carried {
    /// The IPv4 addresses that the carrier may lead to; each is judged.
    pub(crate) inner: [Option<Ipv4Addr>; 4],
    /// Length of the prefix that makes the carrier what it is: an entry of `egress.allow` that is at
    /// least as long speaks about the carrier itself, a shorter one does not.
    pub(crate) prefix: u8,
}

/// The class of an address by itself, without looking inside; `None` = public.
pub(crate) fn class(address: IpAddr) -> Option<Class> {
    if METADATA.contains(&address) {
        return Some(Class::Metadata);
    }
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Option<Class> {
    let class = match address.octets() {
        [127, ..] => Class::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private,
        [169, 254, ..] => Class::LinkLocal,
        [100, 64..=127, ..] => Class::Cgnat,
        [224..=239, ..] => Class::Multicast,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Documentation,
        [198, 18..=19, ..] => Class::Benchmark,
        // "this network", protocol assignments, the 6to4 relay anycast, the former class E and broadcast
        [0, ..] | [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Class::Reserved,
        _ => return None,
    };
    Some(class)
}

fn class_v6(address: Ipv6Addr) -> Option<Class> {
    let class = match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Loopback,
        [0xfc00..=0xfdff, ..] => Class::Private,
        // fec0::/10 is the site-local range of old, still routed within some sites
        [0xfec0..=0xfeff, ..] => Class::Private,
        [0xfe80..=0xfebf, ..] => Class::LinkLocal,
        [0xff00..=0xffff, ..] => Class::Multicast,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Class::Documentation,
        [0x2001, 2, 0, ..] => Class::Benchmark,
        // 2001::/23 belongs to the IETF; Teredo within it is judged by what it carries
        [0x2001, 0, ..] => return None,
        [0x2001, 1..=0x1ff, ..] => Class::Reserved,
        // global unicast; what carries an IPv4 address is judged by that as well
        [0x2000..=0x3fff, ..] => return None,
        // carriers outside of global unicast
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => return None,
        // everything else is unspecified, deprecated or not given out (5f00::/16, 100::/64, ::/96, …)
        _ => Class::Reserved,
    };
    Some(class)
}

/// The IPv4 address that this IPv6 address stands for in the kernel: `::ffff:a.b.c.d` is dialled as IPv4.
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// What an IPv6 address carries, if it has the form of a carrier.
pub(crate) fn carried(address: Ipv6Addr) -> Option<Carried> {
    let one = |inner, prefix| Some(Carried { inner: [Some(inner), None, None, None], prefix });
    let octets = address.octets();
    let at = |i: usize| Ipv4Addr::new(octets[i], octets[i + 1], octets[i + 2], octets[i + 3]);
    match address.segments() {
        // loopback and unspecified look like compatible addresses, but carry nothing
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // compatible (::/96), translated (::ffff:0:0/96), NAT64 with the well-known prefix
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            one(at(12), 96)
        }
        [0x64, 0xff9b, 1, ..] => Some(local_nat64(octets)),
        [0x2002, ..] => one(at(2), 16),
        // Teredo: the server in the clear, the client with all bits turned
        [0x2001, 0, ..] => {
            let client = Ipv4Addr::from(!u32::from(at(12)));
            Some(Carried { inner: [Some(at(4)), Some(client), None, None], prefix: 32 })
        }
        // ISATAP: the interface part is 0000:5efe or 0200:5efe under any prefix
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => one(at(12), 96),
        _ => None,
    }
}

/// NAT64 under the local-use prefix, whose operator chose one of four places for the IPv4 address.
///
/// Each place is looked at, since we cannot know which one the translator looks at. One that reads as
/// 0.0.0.0/8 is merely not the place; if all do, the address is refused as 0.0.0.0.
fn local_nat64(octets: [u8; 16]) -> Carried {
    let places = [[6, 7, 9, 10], [7, 9, 10, 11], [9, 10, 11, 12], [12, 13, 14, 15]];
    let mut inner = places.map(|place| {
        let [a, b, c, d] = place.map(|i: usize| octets[i]);
        (a != 0).then(|| Ipv4Addr::new(a, b, c, d))
    });
    if inner.iter().all(Option::is_none) {
        inner[0] = Some(Ipv4Addr::UNSPECIFIED);
    }
    Carried { inner, prefix: 48 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inner(text: &str) -> Vec<String> {
        let carried = carried(text.parse().expect("an address"));
        carried.into_iter().flat_map(|c| c.inner).flatten().map(|a| a.to_string()).collect()
    }

    #[test]
    fn each_carrier_gives_up_what_it_carries() {
        assert_eq!(inner("64:ff9b::a00:1"), ["10.0.0.1"]);
        assert_eq!(inner("64:ff9b:1::a00:1"), ["10.0.0.1"]);
        assert_eq!(inner("2002:a00:1::1"), ["10.0.0.1"]);
        assert_eq!(inner("2001:0:102:304::f5ff:fffe"), ["1.2.3.4", "10.0.0.1"]);
        assert_eq!(inner("2a00::5efe:a00:1"), ["10.0.0.1"]);
        assert_eq!(inner("2a00::200:5efe:a00:1"), ["10.0.0.1"]);
        assert_eq!(inner("::a00:1"), ["10.0.0.1"]);
        assert_eq!(inner("::ffff:0:a00:1"), ["10.0.0.1"]);
    }

    #[test]
    fn local_nat64_is_looked_at_in_every_place_the_address_can_stand() {
        // RFC 6052 section 2.2 with the prefix 64:ff9b:1::/48: 10.0.0.1 around the octet of zeros
        assert_eq!(inner("64:ff9b:1:a00:0:100::")[0], "10.0.0.1");
        assert_eq!(inner("64:ff9b:1::"), ["0.0.0.0"]);
    }

    #[test]
    fn public_addresses_are_public_and_carry_nothing() {
        for text in ["2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "2001:4860:4860::8888"] {
            let address: Ipv6Addr = text.parse().expect("an address");
            assert_eq!(class(address.into()), None, "{text}");
            assert_eq!(carried(address), None, "{text}");
        }
        for text in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "192.0.1.1", "198.20.0.1", "223.255.255.1"] {
            assert_eq!(class(text.parse().expect("an address")), None, "{text}");
        }
    }
}
