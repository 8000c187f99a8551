//! The only room that opens sockets to endpoints.
//!
//! An attempt goes through it like this: a [`Pool`] (one per endpoint) takes a [`Request`], finds an idle
//! connection or opens one (look up the name, judge *every* address by the [`Policy`], dial exactly a judged
//! one, agree on TLS), sends the documented bytes, reads a bounded answer and tells all of it in
//! [`Attempted`].
//!
//! What it never does: follow a redirect, decompress, retry on its own (but for the one resend on a reused
//! connection that had closed, and the one without `Expect`), read more than it was told, dial an address
//! that was not judged.
//!
//! Sources: notifications.md section 1, service.md sections 6 (Connections) and 7, RFC 9112.

mod address;
mod answer;
mod attempted;
mod body;
mod client;
mod connection;
mod dial;
mod exchange;
mod expect;
mod failure;
mod gauge;
pub mod policy;
mod pool;
mod ports;
mod refusal;
mod request;
mod resolve;
mod stamp;
mod tls;
pub mod url;

pub use crate::url::{Host, Target, UrlError};
pub use answer::{BODY_WAIT, MAX_HEAD, MAX_LOGGED_HEADERS};
pub use attempted::{Attempted, Continued, RetryAfter};
pub use client::{Client, ClientOptions, Error, Overlay};
pub use dial::{Dial, Io, TcpDialer};
pub use expect::{EXPECT_OFF, EXPECT_WAIT, MISSES_BEFORE_SKIP, WAIT_SKIPPED};
pub use failure::{Closed, Failure, Phase, TlsReason};
pub use policy::{Policy, Reach};
pub use pool::{IDLE_LIMIT, Pool};
pub use refusal::{Class, Refusal};
pub use request::{MASK, Request, SentHeader};
pub use resolve::{Resolve, SystemResolver};
pub use stamp::{Signed, Stamp};
