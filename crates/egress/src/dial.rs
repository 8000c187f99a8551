//! From an address to a stream of bytes.
//!
//! A trait, so that tests can record what would be dialled and hand out streams in memory.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A stream of bytes in both directions.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens connections.
#[async_trait::async_trait]
pub trait Dial: Send + Sync + 'static {
    /// Connects to exactly this address.
    ///
    /// # Errors
    ///
    /// When there is no connection. Time is bounded by the caller.
    async fn dial(&self, address: SocketAddr) -> io::Result<Box<dyn Io>>;
}

/// Connects by TCP. Small writes go out at once (`TCP_NODELAY`): a request is one or two writes, and
/// waiting for more would cost up to 40 ms each.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpDialer;

#[async_trait::async_trait]
impl Dial for TcpDialer {
    async fn dial(&self, address: SocketAddr) -> io::Result<Box<dyn Io>> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Box::new(stream))
    }
}
