//! The platform interface over a real store: every route, every problem, with its exact answer.
//!
//! Each answer that a test gets is held against `GET /openapi.json` as well (see `document`).

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test")]

mod actions;
mod audit;
mod companies;
mod deliveries;
mod document;
mod endpoints;
mod health;
mod house;
mod keys;
mod lists;
mod oauth;
mod public;
mod publish;
mod refusals;
mod rights;
