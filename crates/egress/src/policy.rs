//! Which addresses we dial.
//!
//! One rule for all: the address is judged, never the name, and it is judged when it is dialled, at every
//! attempt, because a name can change its mind between two look-ups. In this order, the first that speaks
//! wins: blocked port, our own socket, `deny`, `allow`, `allow_loopback` and [`Reach`], the built-in list.
//! Source: service.md section 7.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use ipnet::IpNet;

use crate::address::{canonical, carried, class};
use crate::failure::Failure;
use crate::ports::is_blocked;
use crate::refusal::{Class, Refusal};
use crate::url::{Host, Target};

/// Which of the addresses that are not public a process may dial anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// None: for a service that dials addresses which others chose.
    #[default]
    Public,
    /// Loopback, private and CGNAT addresses too: for commands run by the person whose machine it is.
    Owner,
}

/// Which addresses and schemes may be dialled.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Nets that are allowed although the built-in list refuses them (`egress.allow`).
    pub allow: Vec<IpNet>,
    /// Nets that are refused whatever else is said (`egress.deny`).
    pub deny: Vec<IpNet>,
    /// Whether endpoints may be plain `http://` (`egress.http`).
    pub allow_http: bool,
    /// Whether loopback addresses are allowed (`--allow-loopback` of `workbell serve`).
    pub allow_loopback: bool,
    /// What is reachable beside public addresses.
    pub reach: Reach,
    /// Sockets that this process listens on; an unspecified address means every address of the machine.
    pub own: Vec<SocketAddr>,
}

impl Policy {
    /// The policy of `serve` with default settings: public addresses, http and https.
    pub fn public() -> Policy {
        Policy { allow_http: true, ..Policy::default() }
    }

    /// The policy of commands run by their owner (`demo`, `emulate`, `check`, `listen`, `bench`).
    pub fn open() -> Policy {
        Policy { allow_http: true, reach: Reach::Owner, ..Policy::default() }
    }

    /// Judges one address as it is about to be dialled.
    ///
    /// # Errors
    ///
    /// The refusal, which names the setting that would allow the address.
    pub fn judge(&self, address: SocketAddr) -> Result<(), Refusal> {
        let ip = canonical(address.ip());
        let refuse = |judged, class| Err(Refusal { address, judged, class });
        if is_blocked(address.port()) {
            return refuse(address.ip(), Class::Port);
        }
        if self.is_own(SocketAddr::new(ip, address.port())) {
            return refuse(address.ip(), Class::OwnSocket);
        }
        if let Some(net) = find(&self.deny, ip) {
            return refuse(ip, Class::Denied(net));
        }
        let carried = match ip {
            IpAddr::V4(_) => None,
            IpAddr::V6(ip) => carried(ip),
        };
        let Some(carried) = carried else {
            return match self.class(ip) {
                Some(class) if find(&self.allow, ip).is_none() => refuse(ip, class),
                _ => Ok(()),
            };
        };
        let inner = || carried.inner.iter().flatten().map(|inner| IpAddr::V4(*inner));
        for inner in inner() {
            if let Some(net) = find(&self.deny, inner) {
                return refuse(inner, Class::Denied(net));
            }
            if self.is_own(SocketAddr::new(inner, address.port())) {
                return refuse(inner, Class::OwnSocket);
            }
        }
        if self.allow.iter().any(|net| net.prefix_len() >= carried.prefix && net.contains(&ip)) {
            return Ok(());
        }
        for judged in inner().chain([ip]) {
            if let Some(class) = self.class(judged)
                && find(&self.allow, judged).is_none()
            {
                return refuse(judged, class);
            }
        }
        Ok(())
    }

    /// Judges what an endpoint URL says by itself, at configuration: its scheme, and its address if the
    /// host is one. A name is judged when it is dialled.
    ///
    /// # Errors
    ///
    /// [`Failure::SchemeRefused`] or [`Failure::AddressRefused`].
    pub fn judge_target(&self, target: &Target) -> Result<(), Failure> {
        if !target.is_https() && !self.allow_http {
            return Err(Failure::SchemeRefused);
        }
        match target.host() {
            Host::Address(ip) => {
                self.judge(SocketAddr::new(*ip, target.port())).map_err(Failure::AddressRefused)
            }
            Host::Name(_) => Ok(()),
        }
    }

    /// The class that the built-in list and the reach give an address; `None` = may be dialled.
    fn class(&self, ip: IpAddr) -> Option<Class> {
        let class = class(ip)?;
        match (class, self.reach) {
            (Class::Loopback, _) if self.allow_loopback => None,
            (Class::Loopback | Class::Private | Class::Cgnat, Reach::Owner) => None,
            _ => Some(class),
        }
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        self.own.iter().filter(|own| own.port() == address.port()).any(|own| {
            let listens_at = canonical(own.ip());
            // whoever dials 0.0.0.0 or :: arrives at loopback
            listens_at == address.ip()
                || address.ip().is_unspecified()
                || (listens_at.is_unspecified() && is_local(address.ip()))
        })
    }
}

/// The first net that holds the address.
fn find(nets: &[IpNet], address: IpAddr) -> Option<IpNet> {
    nets.iter().find(|net| net.contains(&address)).copied()
}

/// Whether an address is one of this machine's: only then can a socket be bound to it.
///
/// Asked only for ports that we listen on at all addresses; nothing is sent.
fn is_local(address: IpAddr) -> bool {
    address.is_loopback() || UdpSocket::bind((address, 0)).is_ok()
}
