//! The body of a request: known length, one piece, held back until its connection lets it go.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::gauge::Gauge;

/// A body that waits for its [`Gauge`] to release it.
///
/// It registers no waker: hyper is polled by the task that releases, right after it did.
pub(crate) struct Outgoing {
    bytes: Option<Bytes>,
    gauge: Arc<Gauge>,
}

impl Outgoing {
    pub(crate) fn new(bytes: Bytes, gauge: Arc<Gauge>) -> Outgoing {
        if bytes.is_empty() {
            gauge.take();
            return Outgoing { bytes: None, gauge };
        }
        Outgoing { bytes: Some(bytes), gauge }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.bytes.is_some() && !self.gauge.is_released() {
            return Poll::Pending;
        }
        self.gauge.take();
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
