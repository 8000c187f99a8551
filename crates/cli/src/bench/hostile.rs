//! Receivers that hang, refuse or drip, for the healthy one to be measured beside.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Between two bytes of one that drips: slow, and far from idle.
const DRIP: Duration = Duration::from_millis(50);

/// How a receiver misbehaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Takes the request and says nothing.
    Hangs,
    /// Nobody listens.
    Refuses,
    /// A head without end, byte by byte.
    Drips,
}

impl Manner {
    pub(super) const ALL: [Manner; 3] = [Manner::Hangs, Manner::Refuses, Manner::Drips];
}

/// Starts one; its tasks end with the connections and the process.
pub(super) async fn start(manner: Manner) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    match manner {
        Manner::Refuses => drop(listener),
        Manner::Hangs | Manner::Drips => {
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(async move {
                        // That the service has enough is how each of them ends.
                        let _ended = misbehave(manner, stream).await;
                    });
                }
            });
        }
    }
    Ok(address)
}

async fn misbehave(manner: Manner, mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    if manner == Manner::Drips {
        // Not before there is a request.
        let _read = stream.read(&mut buffer).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ").await?;
        loop {
            stream.write_all(b"x").await?;
            tokio::time::sleep(DRIP).await;
        }
    }
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}
