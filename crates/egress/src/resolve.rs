//! From a name to addresses.
//!
//! A trait, so that a script can stand in for DNS in tests. The real one asks the system (`getaddrinfo`),
//! which honours `/etc/hosts` and orders the answers as RFC 6724 says.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Looks names up.
#[async_trait::async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of a name, in the order in which they should be tried.
    ///
    /// # Errors
    ///
    /// When the name cannot be looked up. No address at all may be answered by an empty list.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Look-ups at once.
///
/// Each holds a thread until the system gives up, which can take half a minute. 64 leave most of tokio's
/// 512 threads to others.
const MAX_LOOKUPS: usize = 64;

/// The resolver of the operating system.
#[derive(Debug, Clone)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        SystemResolver { lookups: Arc::new(Semaphore::new(MAX_LOOKUPS)) }
    }
}

#[async_trait::async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let permit = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
        let host = host.to_owned();
        // the permit goes with the thread: a look-up that nobody waits for any more still occupies one
        let lookup = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            (host.as_str(), 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
        });
        let mut addresses: Vec<IpAddr> = lookup.await.map_err(io::Error::other)??;
        addresses.dedup();
        Ok(addresses)
    }
}
