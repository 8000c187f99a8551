//! How requests leave: through `egress`, or in tests to a scripted receiver.

use std::sync::Arc;

use async_trait::async_trait;
use workbell_egress::{Attempted, Client, Pool, Request};

/// Sends the requests of one endpoint.
#[async_trait]
pub trait Post: Send + Sync {
    /// Sends one request and tells all that came of it. Never fails: a failure is a result too.
    async fn post(&self, request: Request) -> Attempted;
}

/// Makes what sends the requests of an endpoint.
pub trait Open: Send + Sync {
    /// For one endpoint, with so many connections at most.
    fn open(&self, max_connections: usize) -> Arc<dyn Post>;
}

#[async_trait]
impl Post for Pool {
    async fn post(&self, request: Request) -> Attempted {
        self.send(request).await
    }
}

impl Open for Client {
    fn open(&self, max_connections: usize) -> Arc<dyn Post> {
        Arc::new(self.pool(max_connections))
    }
}
