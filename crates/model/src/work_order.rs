//! A work order's life: its states, the acts of the parties, and what follows from each.

pub mod act;
pub mod completion;
pub mod life_cycle;
pub mod object;
pub mod order;
mod procedures;
pub mod status;

pub use act::Act;
pub use completion::{Completion, Demands};
pub use life_cycle::{Change, Refusal, allowed_acts, decide};
pub use object::Object;
pub use order::{Doing, Forbidden, Interface, WorkOrder};
pub use status::Status;
