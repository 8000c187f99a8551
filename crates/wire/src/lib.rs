//! The contract: what goes over the wire to a receiver, and nothing else.
//!
//! No I/O and no clock: time and randomness are arguments.

pub mod action;
pub mod action_name;
pub mod contract;
mod document;
pub mod fault;
pub mod message_id;
pub mod publication;
pub mod timestamp;
mod validator;

pub use action::Action;
pub use action_name::ActionName;
pub use fault::Fault;
pub use message_id::MessageId;
pub use publication::Publication;
pub use timestamp::Timestamp;
