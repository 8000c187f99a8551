//! What the room promises, seen from outside: through a scripted resolver and a dialer that records what is
//! dialled and plays the other side in memory, on paused time; and over real sockets on loopback.

mod answers;
mod broken_pipe;
mod expect;
mod keep_alive;
mod loopback;
mod policy_table;
mod stage;
mod tls;
mod urls;
mod wire;
