//! The engine on paused time: a scripted receiver, the real store, eight days in a second.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

mod bounds;
mod by_hand;
mod change;
mod clock;
mod emulation;
mod endpoint_down;
mod jobs;
mod keys;
mod model;
mod order;
mod outage;
mod receiver;
mod referee;
mod request;
mod restart;
mod schedule;
mod slow_alerts;
mod slow_jobs;
mod slow_store;
mod trouble;
mod world;
