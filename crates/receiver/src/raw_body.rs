//! The bytes of a body as they came over the wire.
//!
//! The signature covers these bytes and no others. A body that was parsed and written again looks the same and is
//! not: spaces, the order of members and the digits of money change. So this is made of bytes alone, not of a text or
//! a JSON value, and there is no way from a parsed notification back to it.

use std::fmt;

use bytes::Bytes;

/// Longest body that the layer and the extractor read, in bytes.
///
/// 1 MiB: the service's own default limit is 256 KiB (`limits.body`), and an operator may raise it.
pub const MAX_BODY: usize = 1024 * 1024;

/// A body exactly as it was received, before any parsing.
#[derive(Clone, PartialEq, Eq)]
pub struct RawBody(Bytes);

impl RawBody {
    /// The body of a request, as the HTTP server handed it out.
    pub fn received(bytes: Bytes) -> Self {
        RawBody(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, shared.
    pub fn bytes(&self) -> Bytes {
        self.0.clone()
    }
}

#[cfg(any(feature = "axum", feature = "tower"))]
impl RawBody {
    /// Reads a body, at most [`MAX_BODY`] of it.
    pub(crate) async fn read<B>(body: B) -> Result<Self, crate::Refused>
    where
        B: http_body::Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        use http_body_util::{BodyExt as _, LengthLimitError, Limited};

        let read = Limited::new(body, MAX_BODY).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                crate::Refused::TooLong(MAX_BODY)
            } else {
                crate::Refused::Unreadable(error.to_string())
            }
        })?;
        Ok(RawBody(read.to_bytes()))
    }
}

/// Says only how long it is: bodies hold names and addresses and do not belong in a log.
impl fmt::Debug for RawBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawBody({} bytes)", self.0.len())
    }
}
