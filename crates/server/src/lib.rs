//! HTTP: the platform interface, and the wiring of the service.
//!
//! [`router()`] makes the interface from the table of routes, over an [`App`] that holds what handlers share. The table
//! says of each route who may call it, what it takes and what it answers; requests are checked against it and
//! `GET /openapi.json` is written from it.

mod act;
mod alerts;
mod answer;
mod app;
mod body;
mod call;
mod caller;
mod check;
mod clock;
mod cursor;
mod data_dir;
mod direct;
mod disk;
mod dispatch;
pub mod doctor;
mod engine_room;
mod error;
mod fields;
mod file_limit;
mod id;
mod json;
mod key_file;
mod key_room;
mod listener;
mod metrics;
mod oauth;
mod openapi;
mod password;
mod patient;
mod peer;
mod platform;
mod portal;
mod problem;
mod public;
mod retention;
mod route;
mod router;
mod serve;
pub mod settings;
mod shape;
pub mod transfer;

pub use app::{App, Emulated, Engine, Limits, NoEngine, Options};
pub use clock::Clock;
pub use error::Error;
pub use key_room::{KeyRoom, Rules as KeyRules};
pub use problem::{Code, Problem};
pub use router::{Interfaces, router};
pub use serve::{Service, asked_to_stop, run};
