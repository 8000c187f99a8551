//! Where everything lives: the [`Store`] trait, and the embedded engine on SQLite.
//!
//! The store is the truth. Nothing is acknowledged before it is durable; what the delivery engine keeps in memory
//! is a window on what stands here. Semantics are said by the trait's documentation and checked by
//! the conformance suite (`conformance`, built for tests only), which each engine passes.

pub mod alert;
pub mod audit;
#[cfg(test)]
mod conformance;
pub mod counters;
pub mod directory;
pub mod error;
pub mod feed;
pub mod filter;
pub mod job;
pub mod record;
pub mod sqlite;
pub mod store;
pub mod traffic;
pub mod work_order;

pub use counters::Counters;
pub use directory::Directory;
pub use error::Error;
pub use job::Jobs;
pub use store::{Store, Subscriber};
