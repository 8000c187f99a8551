//! The checkout whose tests these are.

use std::path::{Path, PathBuf};

/// The root of the checkout.
///
/// Cargo tells a running test where its package is. That counts more than where this crate was compiled, for a build
/// dir can serve several checkouts.
///
/// # Panics
/// When there is none.
pub fn checkout() -> PathBuf {
    let running = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let package = running.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    let root = package.ancestors().find(|folder| folder.join("Cargo.lock").is_file()).map(Path::to_owned);
    root.unwrap_or_else(|| panic!("no checkout around {}", package.display()))
}
