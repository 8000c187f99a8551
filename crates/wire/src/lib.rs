//! The contract: what goes over the wire to a receiver, and nothing else.
//!
//! No I/O and no clock: time and randomness are arguments.

pub mod timestamp;

pub use timestamp::Timestamp;
