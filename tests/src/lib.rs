//! The acceptance tests are in `acceptance/`: the real binary, started, used, killed and looked at from outside.
//!
//! `cargo xtask setup` once, then `cargo test --workspace`, or `cargo build -p workbell` and
//! `cargo test -p workbell-tests`. Nothing here knows the inside; what the tests share is in `crates/testkit`.
