//! What all endpoints share: policy, resolver, dialer, trusted certificates.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::dial::{Dial, Io, TcpDialer};
use crate::expect::Memories;
use crate::policy::Policy;
use crate::pool::Pool;
use crate::resolve::{Resolve, SystemResolver};
use crate::tls::Tls;

/// Lays something between HTTP and a connection, above its TLS: what is written through it is what the
/// receiver reads.
pub type Overlay = Arc<dyn Fn(Box<dyn Io>) -> Box<dyn Io> + Send + Sync>;

/// How a [`Client`] is made.
#[derive(Clone)]
pub struct ClientOptions {
    /// Which addresses may be dialled.
    pub policy: Arc<Policy>,
    /// Looks names up.
    pub resolver: Arc<dyn Resolve>,
    /// Opens connections.
    pub dialer: Arc<dyn Dial>,
    /// PEM file of authorities that are trusted beside those of the machine (`egress.ca_file`).
    pub ca_file: Option<PathBuf>,
    /// What is laid over each connection, to misbehave on purpose or to watch. `None` for live traffic.
    pub overlay: Option<Overlay>,
}

impl ClientOptions {
    /// The system's resolver, TCP, and only the machine's authorities.
    pub fn new(policy: Policy) -> ClientOptions {
        ClientOptions {
            policy: Arc::new(policy),
            resolver: Arc::new(SystemResolver::default()),
            dialer: Arc::new(TcpDialer),
            ca_file: None,
            overlay: None,
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of extra authorities cannot be read.
    #[error("the certificates in {} (setting `egress.ca_file`) cannot be read: {reason}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Opens connections for all endpoints. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) policy: Arc<Policy>,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) dialer: Arc<dyn Dial>,
    pub(crate) tls: Tls,
    pub(crate) overlay: Option<Overlay>,
    /// How endpoints treat `Expect`, while they have no pool.
    pub(crate) memories: Mutex<Memories>,
}

impl Client {
    /// Makes a client. The machine's authorities are read at the first https connection.
    ///
    /// # Errors
    ///
    /// When `ca_file` cannot be read or holds no certificate.
    pub fn new(options: ClientOptions) -> Result<Client, Error> {
        let ClientOptions { policy, resolver, dialer, ca_file, overlay } = options;
        let tls = Tls::new(ca_file.as_deref())?;
        Ok(Client {
            shared: Arc::new(Shared { policy, resolver, dialer, tls, overlay, memories: Mutex::default() }),
        })
    }

    /// The policy by which addresses are judged.
    pub fn policy(&self) -> &Policy {
        &self.shared.policy
    }

    /// A pool for one endpoint with at most so many connections at once, at least one.
    pub fn pool(&self, max_connections: usize) -> Pool {
        Pool::new(Arc::clone(&self.shared), max_connections)
    }
}
