//! Why an address is not dialled, and which setting would allow it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// An address that the policy does not let us dial.
///
/// Shown, it names the address, what is wrong with it and the setting that would allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The address that was to be dialled.
    pub address: SocketAddr,
    /// The address it was judged by: `address`, or the IPv4 address that it carries.
    pub judged: IpAddr,
    /// What is wrong with it.
    pub class: Class,
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// 10/8, 172.16/12, 192.168/16, fc00::/7, fec0::/10.
    Private,
    /// 127/8, ::1.
    Loopback,
    /// 169.254/16, fe80::/10.
    LinkLocal,
    /// 100.64/10: the provider's side of a carrier-grade NAT, and many private overlays.
    Cgnat,
    /// 224/4, ff00::/8.
    Multicast,
    /// The three documentation nets of IPv4, 2001:db8::/32, 3fff::/20.
    Documentation,
    /// 198.18/15, 2001:2::/48.
    Benchmark,
    /// What nobody can have: unspecified, broadcast, the former class E, unassigned IPv6.
    Reserved,
    /// The metadata service of a cloud, which hands out credentials.
    Metadata,
    /// Inside an entry of `egress.deny`.
    Denied(IpNet),
    /// A socket that this process listens on.
    OwnSocket,
    /// A port that browsers refuse.
    Port,
}

impl Class {
    /// Stable name for logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Class::Private => "Private",
            Class::Loopback => "Loopback",
            Class::LinkLocal => "LinkLocal",
            Class::Cgnat => "Cgnat",
            Class::Multicast => "Multicast",
            Class::Documentation => "Documentation",
            Class::Benchmark => "Benchmark",
            Class::Reserved => "Reserved",
            Class::Metadata => "Metadata",
            Class::Denied(_) => "Denied",
            Class::OwnSocket => "OwnSocket",
            Class::Port => "Port",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ip = self.address.ip();
        let what = match self.class {
            Class::Private => "a private address",
            Class::Loopback => "a loopback address",
            Class::LinkLocal => "a link-local address",
            Class::Cgnat => "an address behind a carrier's NAT",
            Class::Multicast => "a multicast address",
            Class::Documentation => "an address for documentation",
            Class::Benchmark => "an address for benchmarks",
            Class::Reserved => "a reserved address",
            Class::Metadata => "the address of a cloud's metadata service",
            Class::Denied(net) => {
                return write!(f, "{ip} is inside {net}, which the setting `egress.deny` refuses");
            }
            Class::OwnSocket => {
                return write!(
                    f,
                    "{} is a socket of this service itself, which no setting allows",
                    self.address
                );
            }
            Class::Port => {
                return write!(
                    f,
                    "port {} is refused as browsers refuse it; no setting allows it",
                    self.address.port()
                );
            }
        };
        if self.judged == ip {
            write!(f, "{ip} is {what}")?;
        } else {
            write!(f, "{ip} leads to {}, {what}", self.judged)?;
        }
        match self.class {
            Class::Loopback => write!(
                f,
                "; the setting `egress.allow` with {} or `workbell serve --allow-loopback` would allow it",
                host_net(self.judged)
            ),
            _ => write!(f, "; the setting `egress.allow` with {} would allow it", host_net(self.judged)),
        }
    }
}

impl std::error::Error for Refusal {}

/// The net that holds just this address, as one would write it into the setting.
fn host_net(address: IpAddr) -> IpNet {
    IpNet::from(address)
}
