//! A connection that misbehaves within the body of a request.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use workbell_egress::{Io, Overlay};

/// How it misbehaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bend {
    /// After so many bytes of the body it closes.
    Cut(usize),
    /// So many bytes of the body at a time, a wait before each.
    Slow(usize, Duration),
}

/// Lays it over each connection.
pub(crate) fn overlay(bend: Bend) -> Overlay {
    Arc::new(move |io| {
        Box::new(Bent { io, bend, matched: 0, in_body: false, sent: 0, wait: None }) as Box<dyn Io>
    })
}

struct Bent {
    io: Box<dyn Io>,
    bend: Bend,
    /// Bytes of the empty line that ends a head, seen so far.
    matched: usize,
    in_body: bool,
    /// Bytes of the body sent.
    sent: usize,
    wait: Option<Pin<Box<Sleep>>>,
}

const END_OF_HEAD: &[u8; 4] = b"\r\n\r\n";

impl Bent {
    /// Bytes at the front of `bytes` that belong to the head.
    fn head_length(&self, bytes: &[u8]) -> usize {
        let mut matched = self.matched;
        for (at, byte) in bytes.iter().enumerate() {
            matched = match END_OF_HEAD.get(matched) {
                Some(expected) if expected == byte => matched + 1,
                _ => usize::from(*byte == b'\r'),
            };
            if matched == END_OF_HEAD.len() {
                return at + 1;
            }
        }
        bytes.len()
    }

    /// Notes what of the head was really written.
    fn wrote_head(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.matched = if END_OF_HEAD.get(self.matched) == Some(byte) {
                self.matched + 1
            } else {
                usize::from(*byte == b'\r')
            };
        }
        self.in_body = self.matched == END_OF_HEAD.len();
    }
}

impl AsyncWrite for Bent {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.in_body {
            let head = &bytes[..self.head_length(bytes)];
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, head))?;
            self.wrote_head(&head[..written]);
            return Poll::Ready(Ok(written));
        }
        let most = match self.bend {
            Bend::Cut(limit) if self.sent >= limit => {
                ready!(Pin::new(&mut self.io).poll_flush(cx))?;
                ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            Bend::Cut(limit) => limit - self.sent,
            Bend::Slow(piece, pause) => {
                let wait = self.wait.get_or_insert_with(|| Box::pin(sleep(pause)));
                ready!(wait.as_mut().poll(cx));
                piece
            }
        };
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, &bytes[..bytes.len().min(most)]))?;
        self.wait = None;
        self.sent += written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

impl AsyncRead for Bent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, into)
    }
}
