//! A look at a server's TLS without a request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::client::Client;
use crate::connection::connect;
use crate::failure::Failure;
use crate::pool::Facts;
use crate::url::Target;

/// What a connection showed.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// The address dialled.
    pub address: SocketAddr,
    /// Version and cipher suite; `None` for http.
    pub tls: Option<String>,
    /// The server's own certificate (DER, X.509); `None` for http.
    pub certificate: Option<Vec<u8>>,
}

impl Client {
    /// Connects as an attempt would, agrees on TLS, sends nothing and closes.
    ///
    /// # Errors
    ///
    /// As an attempt would fail.
    pub async fn inspect(&self, target: &Arc<Target>, limit: Duration) -> Result<Inspected, Failure> {
        self.policy().judge_target(target)?;
        let mut facts = Facts::new();
        let link = connect(self.shared(), target, limit, &mut facts).await?;
        let inspected =
            Inspected { address: link.address, tls: link.tls.clone(), certificate: facts.certificate.take() };
        link.close();
        Ok(inspected)
    }
}
