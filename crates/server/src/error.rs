//! Why the service does not start or run, for the person who started it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What to say of a database for which this version has no engine.
pub(crate) const NO_POSTGRES: &str = "this version has no engine for postgres://…; leave database out, and the store is workbell.db in the data dir";

/// An error of the service as a whole.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data dir cannot be made or used.
    #[error("cannot use the data dir {path}: {source}{}", advice(.source, "make it writable for this user, or give another --data-dir"))]
    DataDir {
        /// The folder or the file in it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key file holds something else.
    #[error("{path} holds no {what}: {reason}; put the right one there, or restore it from a backup")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The master key is not the one that the store was made with.
    #[error(
        "{origin} is not the master key that this store was made with; what is sealed in it opens with that one \
         only: put it back, or give it as WORKBELL_MASTER_KEY"
    )]
    WrongMasterKey {
        /// Where the key came from.
        origin: String,
    },
    /// The store is there, but the key is gone.
    #[error(
        "{path} is missing, but this store was made with a master key; put it back, or give it as \
         WORKBELL_MASTER_KEY"
    )]
    MasterKeyMissing {
        /// The file that should hold it.
        path: PathBuf,
    },
    /// A platform key that anybody could guess.
    #[error("the platform key has {0} characters; at least {LEAST} are needed", LEAST = crate::key_file::SHORTEST_PLATFORM_KEY)]
    ShortPlatformKey(usize),
    /// An address that cannot be listened on.
    #[error("cannot listen on {address}: {source}{}", listen_advice(.source, *.address))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// A store that this version has no engine for.
    #[error("database: {NO_POSTGRES}")]
    Database,
    /// Too few files may be open.
    #[error(
        "{allowed} files may be open at once, but {needed} are needed for delivery.max_in_flight = {in_flight}; \
         raise the limit (ulimit -n {needed}, LimitNOFILE= of systemd) or lower delivery.max_in_flight"
    )]
    FileLimit {
        /// The hard limit.
        allowed: u64,
        /// What is needed.
        needed: u64,
        /// The setting.
        in_flight: u64,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] workbell_store::Error),
    /// The signing keys.
    #[error(transparent)]
    Keys(#[from] crate::key_room::Error),
    /// Outgoing connections cannot be made.
    #[error(transparent)]
    Egress(#[from] workbell_egress::Error),
    /// Alerts cannot be told.
    #[error(transparent)]
    Alerts(#[from] crate::alerts::Error),
    /// Keys and secrets.
    #[error(transparent)]
    Signing(#[from] workbell_signing::Error),
    /// The system.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

fn advice(error: &io::Error, otherwise: &str) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "; free some room on this disk".to_owned(),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "; it is no folder, give another --data-dir".to_owned()
        }
        _ => format!("; {otherwise}"),
    }
}

fn listen_advice(error: &io::Error, address: SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "; something else listens there, perhaps another workbell: stop it, or give another --listen (to see \
             it: ss -ltnp 'sport = :{}')",
            address.port()
        ),
        io::ErrorKind::AddrNotAvailable => "; it is no address of this machine".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "; ports below 1024 need a privilege, give another --listen".to_owned()
        }
        _ => String::new(),
    }
}
