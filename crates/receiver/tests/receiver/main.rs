//! The library as a receiver uses it.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod example;
mod http;
mod inbox;
mod kill;
mod signed;
mod vectors;
