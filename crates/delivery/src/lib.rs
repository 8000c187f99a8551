//! The engine: endpoint → lane → attempt → outcome.
//!
//! The store is the truth; what is kept here is a bounded window on it that can be thrown away at any moment. One task
//! per active endpoint owns the endpoint's lanes, connections, token and rate; idle endpoints cost a timer entry.
//! A delivery is tried only when the fate of the one ahead in its lane is on disk: the store tells that through
//! [`workbell_store::Subscriber`], on the same path on which it hands over fresh deliveries.

mod attempt;
mod clock;
pub mod emulation;
mod ended;
mod endpoint;
mod engine;
pub mod fed;
mod hub;
mod inbox;
mod jobs;
mod lane;
mod post;
mod prober;
mod rate;
mod slots;
mod template;
mod window;

pub use clock::Clock;
pub use emulation::Emulation;
pub use engine::{Engine, Handle, Options};
pub use post::{Open, Post};
pub use template::Unusable;
