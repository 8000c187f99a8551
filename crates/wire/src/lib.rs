//! The contract: what goes over the wire to a receiver, and nothing else.
//!
//! No I/O and no clock: time and randomness are arguments.

pub mod certificate;
pub mod timestamp;
pub mod token;
pub mod webhook_signature;

pub use timestamp::Timestamp;
