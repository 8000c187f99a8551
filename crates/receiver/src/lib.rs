//! Receives work-order notifications: checks who sent them and that nobody changed them, tells repeats and gaps,
//! and keeps them in an inbox before the answer, so that nothing is lost and nothing is done twice.
//!
//! A request goes through three hands:
//!
//! 1. [`Verifier`] checks the bearer token and the signature over the **raw** body. Only it makes a [`Verified`].
//! 2. [`Inbox::keep`] commits MessageId and body in one transaction. Then the receiver answers `200`.
//! 3. [`Inbox::hand_over`] (or a [`Worker`]) gives each one to a handler afterwards: at least once, in order per
//!    work order, and exactly once for what the handler writes through the transaction that it is given.
//!
//! Features: `sqlite` (the inbox in a file), `tower` (a layer), `axum` (an extractor). See the example `receiver`.

#[cfg(feature = "axum")]
mod extractor;
mod inbox;
#[cfg(feature = "tower")]
mod layer;
mod order;
mod raw_body;
mod refused;
mod verified;
mod verifier;
mod worker;

#[cfg(feature = "sqlite")]
pub use inbox::SqliteInbox;
pub use inbox::{
    Error as InboxError, FIRST_WAIT, Failure, HandOver, Inbox, Kept, LONGEST_WAIT, MemoryInbox, Message,
    REMEMBER,
};
#[cfg(feature = "tower")]
pub use layer::{Verify, VerifyLayer};
pub use order::{MOST_MISSING, Order, Place};
pub use raw_body::{MAX_BODY, RawBody};
pub use refused::Refused;
pub use verified::{Mode, Verified};
pub use verifier::{BuildError, Builder, Verifier};
pub use worker::{Trouble, Worker};

#[cfg(feature = "sqlite")]
pub use rusqlite;
pub use workbell_wire as wire;
