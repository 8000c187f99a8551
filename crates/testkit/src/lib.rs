//! For tests only: Workbell as a process, and everything around it.
//!
//! [`Installation`] is a data dir with settings, [`Server`] the real binary running on it. [`Receiver`] records what
//! arrives byte for byte and answers as it is told. [`Platform`] is the caller of the platform interface. [`Tracer`]
//! looks at the system calls of a server and lets some of them fail. Sockets and HTTP are read by hand and blocking:
//! what is tested shares no code with what tests it, and a test reads from top to bottom.
//!
//! Nothing here sleeps and hopes: tests wait for an event ([`wait_for`], [`Receiver::wait`]) with [`PATIENCE`].
//! What goes wrong panics with what happened; a failing test shows what its servers wrote.

mod binary;
mod checkout;
mod gate;
mod http;
mod installation;
mod neighbour;
mod platform;
mod random;
mod receiver;
mod recorded;
mod script;
mod server;
mod tracer;
mod wait;

pub use binary::{command, workbell};
pub use checkout::checkout;
pub use gate::Gate;
pub use http::Reply;
pub use installation::Installation;
pub use neighbour::{Behaviour, Neighbour};
pub use platform::{Endpoint, Platform};
pub use random::Random;
pub use receiver::{Answer, Expectation, Receiver};
pub use recorded::Recorded;
pub use script::{debian_files, node, node_packages, python, python_program};
pub use server::{Ended, Server};
pub use tracer::{SystemCall, Tracer};
pub use wait::{PATIENCE, wait_for};
