//! The platform interface over a real store: every route, every problem, with its exact answer.
//!
//! Each answer that a test gets is held against `GET /openapi.json` as well (see `document`).

mod actions;
mod companies;
mod deliveries;
mod document;
mod endpoints;
mod house;
mod keys;
mod lists;
mod public;
mod publish;
mod refusals;
