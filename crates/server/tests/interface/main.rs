//! The platform interface over a real store: every route, every problem, with its exact answer.
//!
//! Each answer that a test gets is held against `GET /openapi.json` as well (see `document`).

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test")]

mod actions;
mod all_at_once;
mod audit;
mod codes;
mod companies;
mod deliveries;
mod direct;
mod document;
mod emulate;
mod endpoints;
mod feed;
mod health;
mod house;
mod isolation;
mod jobs;
mod keys;
mod lists;
mod oauth;
mod people;
mod public;
mod publish;
mod refusals;
mod rights;
mod sign_in;
mod work_orders;
