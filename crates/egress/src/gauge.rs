//! What a connection does right now, seen at its socket.
//!
//! hyper tells us the answer, but not whether the request had left when it came, nor does it bound what it
//! reads for a head over several `1xx`. So a thin stream between hyper and the socket keeps count. hyper is
//! always polled by the one task that has the request (never by a task of its own), therefore a stream that
//! answers `Pending` needs no waker of its own: whoever polls looks at the gauge afterwards.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::answer::MAX_HEAD;
use crate::dial::Io;

/// The state of the request that a connection carries. One per connection, set back for each request.
///
/// All of it is read and written by one task at a time; the atomics are there because tasks move.
#[derive(Debug)]
pub(crate) struct Gauge {
    /// Zero of `first_byte`.
    epoch: Instant,
    /// The body may go.
    released: AtomicBool,
    /// A byte of the request was handed to the kernel.
    begun: AtomicBool,
    /// A `100 Continue` released it.
    continued: AtomicBool,
    /// hyper has taken the whole body.
    taken: AtomicBool,
    /// The whole request was handed to the kernel.
    complete: AtomicBool,
    /// It was, when the latest bytes of the answer were read.
    complete_at_read: AtomicBool,
    /// The other side takes no more bytes.
    write_failed: AtomicBool,
    /// Nothing more is to be written.
    halted: AtomicBool,
    /// How many bytes may still be read.
    budget: AtomicUsize,
    /// More than the budget was to be read.
    exhausted: AtomicBool,
    /// When the first byte of the answer was read: nanoseconds after `epoch`, 0 = not yet.
    first_byte: AtomicU64,
}

impl Gauge {
    pub(crate) fn new() -> Gauge {
        Gauge {
            epoch: Instant::now(),
            released: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            continued: AtomicBool::new(false),
            taken: AtomicBool::new(false),
            complete: AtomicBool::new(false),
            complete_at_read: AtomicBool::new(false),
            write_failed: AtomicBool::new(false),
            halted: AtomicBool::new(false),
            budget: AtomicUsize::new(MAX_HEAD),
            exhausted: AtomicBool::new(false),
            first_byte: AtomicU64::new(0),
        }
    }

    /// A request begins; its body waits if it expects a `100`.
    pub(crate) fn begin(&self, waits: bool) {
        self.released.store(!waits, Relaxed);
        self.budget.store(MAX_HEAD, Relaxed);
        self.first_byte.store(0, Relaxed);
        let flags = [
            &self.begun,
            &self.continued,
            &self.taken,
            &self.complete,
            &self.complete_at_read,
            &self.exhausted,
        ];
        flags.into_iter().for_each(|flag| flag.store(false, Relaxed));
    }

    /// An informational answer came: what was read so far is not the final one.
    pub(crate) fn informed(&self, is_continue: bool) {
        self.first_byte.store(0, Relaxed);
        if is_continue && !self.released.swap(true, Relaxed) {
            self.continued.store(true, Relaxed);
        }
    }

    /// The body goes without a `100`.
    pub(crate) fn release(&self) {
        self.released.store(true, Relaxed);
    }

    pub(crate) fn is_released(&self) -> bool {
        self.released.load(Relaxed)
    }

    pub(crate) fn was_continued(&self) -> bool {
        self.continued.load(Relaxed)
    }

    /// hyper took the whole body.
    pub(crate) fn take(&self) {
        self.taken.store(true, Relaxed);
    }

    /// Whether the whole request was handed to the kernel.
    pub(crate) fn is_complete(&self) -> bool {
        self.complete.load(Relaxed)
    }

    /// Whether anything of the request was handed to the kernel.
    pub(crate) fn is_begun(&self) -> bool {
        self.begun.load(Relaxed)
    }

    /// Whether the answer came before that: whoever read the whole request answers later.
    pub(crate) fn is_early(&self) -> bool {
        !self.complete_at_read.load(Relaxed)
    }

    /// The head is read: the body is bounded by its reader.
    pub(crate) fn head_read(&self) {
        self.budget.store(usize::MAX, Relaxed);
    }

    /// Whether there was more of a head than is read.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted.load(Relaxed)
    }

    /// Nothing more is to be written to this connection, which is going to be closed.
    pub(crate) fn halt(&self) {
        self.halted.store(true, Relaxed);
        self.released.store(false, Relaxed);
    }

    /// When the first byte of the final answer was read.
    pub(crate) fn first_byte(&self) -> Option<Instant> {
        let nanos = self.first_byte.load(Relaxed);
        (nanos > 0).then(|| self.epoch + std::time::Duration::from_nanos(nanos))
    }

    fn read(&self, bytes: usize) {
        self.budget.store(self.budget.load(Relaxed).saturating_sub(bytes), Relaxed);
        self.complete_at_read.store(self.complete.load(Relaxed), Relaxed);
        if self.first_byte.load(Relaxed) == 0 {
            let nanos = u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.first_byte.store(nanos.max(1), Relaxed);
        }
    }
}

/// A stream that keeps its gauge.
pub(crate) struct Gauged {
    io: Box<dyn Io>,
    gauge: Arc<Gauge>,
}

impl Gauged {
    pub(crate) fn new(io: Box<dyn Io>, gauge: Arc<Gauge>) -> Gauged {
        Gauged { io, gauge }
    }

    /// Makes of a failed write one that seems to have succeeded.
    ///
    /// A server that answers early and closes makes our next write fail while its answer lies in our receive
    /// buffer. hyper would give up at the write; so it is left to the read to tell what happened.
    fn wrote(&self, written: Poll<io::Result<usize>>, offered: usize) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.gauge.begun.store(true, Relaxed);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(_)) => {
                self.gauge.write_failed.store(true, Relaxed);
                Poll::Ready(Ok(offered))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Gauged {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let budget = self.gauge.budget.load(Relaxed);
        if budget == 0 {
            self.gauge.exhausted.store(true, Relaxed);
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let polled = if budget < buf.remaining() {
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(budget));
            let polled = Pin::new(&mut self.io).poll_read(cx, &mut part);
            let read = part.filled().len();
            buf.advance(read);
            polled
        } else {
            Pin::new(&mut self.io).poll_read(cx, buf)
        };
        let read = buf.filled().len() - before;
        if read > 0 {
            self.gauge.read(read);
        }
        polled
    }
}

impl AsyncWrite for Gauged {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.gauge.halted.load(Relaxed) {
            return Poll::Pending;
        }
        if self.gauge.write_failed.load(Relaxed) {
            return Poll::Ready(Ok(buf.len()));
        }
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.wrote(written, buf.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = || bufs.iter().map(|buf| buf.len()).sum();
        if self.gauge.halted.load(Relaxed) {
            return Poll::Pending;
        }
        if self.gauge.write_failed.load(Relaxed) {
            return Poll::Ready(Ok(offered()));
        }
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.wrote(written, offered())
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// hyper flushes the stream only when it has written all that it had; so once it has taken the body, a
    /// finished flush is the end of the request.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.gauge.write_failed.load(Relaxed) {
            return Poll::Ready(Ok(()));
        }
        match Pin::new(&mut self.io).poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                if self.gauge.taken.load(Relaxed) && !self.gauge.halted.load(Relaxed) {
                    self.gauge.complete.store(true, Relaxed);
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(_)) => {
                self.gauge.write_failed.store(true, Relaxed);
                Poll::Ready(Ok(()))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
