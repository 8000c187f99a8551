//! The commands, one file each.

pub(crate) mod actions;
mod archive;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod branch;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod company;
pub(crate) mod completions;
mod deletion;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod emulate;
pub(crate) mod endpoint;
pub(crate) mod export;
mod filter;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod listen;
pub(crate) mod log;
pub(crate) mod person;
pub(crate) mod publish;
pub(crate) mod queue;
pub(crate) mod serve;
pub(crate) mod verify;
pub(crate) mod work_order;
