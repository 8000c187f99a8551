//! One key with a value, as file, environment or flag gave it.

use super::error::Place;
use super::value::Raw;

/// One key with a value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Full name, such as `delivery.timeout`.
    pub(super) key: String,
    /// The value, not judged yet.
    pub(super) raw: Raw,
    /// Where it stands.
    pub(super) place: Place,
}
