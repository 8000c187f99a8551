//! A socket whose writes fail while an answer lies in its receive buffer, as the kernel has it when a server
//! answers early and closes.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use workbell_egress::{Client, Dial, Io, Policy, Pool};

use crate::stage::{Stage, expecting, failure, hook, status};

/// The answer becomes readable with the first write, which fails.
struct BrokenPipe {
    answer: &'static [u8],
    written: bool,
}

impl AsyncRead for BrokenPipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.written {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        buf.put_slice(std::mem::take(&mut self.answer));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for BrokenPipe {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        self.written = true;
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

struct Dialer(&'static str);

#[async_trait::async_trait]
impl Dial for Dialer {
    async fn dial(&self, _: SocketAddr) -> io::Result<Box<dyn Io>> {
        Ok(Box::new(BrokenPipe { answer: self.0.as_bytes(), written: false }))
    }
}

fn pool(answer: &'static str) -> Pool {
    let mut options = Stage::new().options(Policy::public());
    options.dialer = Arc::new(Dialer(answer));
    Client::new(options).expect("a client").pool(1)
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_read_although_the_write_failed() {
    let pool = pool("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    for request in [hook(), expecting()] {
        assert_eq!(status(&pool.send(request).await), 413);
        assert_eq!(pool.idle_connections(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_2xx_on_a_connection_whose_write_failed_is_no_success() {
    let pool = pool("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for request in [hook(), expecting()] {
        assert_eq!(failure(&pool.send(request).await), "EarlyAnswer");
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_a_failed_write_is_a_closed_connection() {
    assert_eq!(failure(&pool("").send(hook()).await), "ConnectionClosed");
}
