//! Sends notifications to try a receiver with: samples, whole lives of work orders, faults.
//!
//! What goes out looks on the wire like live traffic, with `Workbell-Mode: test` and without a sequence. Nothing
//! is stored, nothing is tried again. Time is an argument; what is by chance comes from a seed.

mod bend;
pub mod check;
mod expected;
mod fault;
mod identity;
mod lay_over;
mod letter;
mod note;
mod random;
pub mod scenario;
mod sender;

pub use check::{Check, Report};
pub use expected::Expected;
pub use fault::{Fault, HUGE};
pub use identity::{Error as IdentityError, Identity};
pub use lay_over::lay_over;
pub use note::{About, Note, sample, sample_about};
pub use random::Random;
pub use scenario::Scenario;
pub use sender::{Error, Options as SenderOptions, Sender, Sent};
