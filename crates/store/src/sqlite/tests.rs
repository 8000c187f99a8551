//! The embedded engine passes the conformance suite, and keeps its own promises.

mod batch;
mod hooks;
mod opening;
mod place;
mod plans;
mod trouble;
mod write_ahead_log;

pub(crate) use hooks::Hooks;
use place::Folder;

use crate::conformance::conformance_suite;

conformance_suite!(Folder::fresh());
