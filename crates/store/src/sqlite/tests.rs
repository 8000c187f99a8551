//! The embedded engine passes the conformance suite, and keeps its own promises.

mod place;

use place::Folder;

use crate::conformance::conformance_suite;

conformance_suite!(Folder::fresh());
