//! The contract: what goes over the wire to a receiver, and nothing else.
//!
//! No I/O and no clock: time and randomness are arguments.

pub mod action;
pub mod action_name;
pub mod certificate;
pub mod contract;
mod document;
pub mod enumerations;
pub mod fault;
pub mod message_id;
pub mod models;
pub mod publication;
pub mod samples;
pub mod schema;
pub mod timestamp;
pub mod token;
mod validator;
pub mod webhook_signature;

pub use action::Action;
pub use action_name::ActionName;
pub use fault::Fault;
pub use message_id::MessageId;
pub use models::Notification;
pub use publication::Publication;
pub use samples::{SampleContext, Variant, own_sample, sample};
pub use timestamp::Timestamp;
