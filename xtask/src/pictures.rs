//! `cargo xtask pictures`: the book's pictures of the portal, taken by the test that looks at every page.
//!
//! The same script runs as a test without writing any: two pictures of one page differ in times and ids, so they are
//! not compared, but taken anew when pages change.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::repository::Repository;
use crate::setup;
use crate::step::{cargo, run as run_command};

/// Where the book has its pictures.
const FOLDER: &str = "docs/src/pictures";

/// Builds the binary and takes all pictures.
///
/// # Errors
/// When it does not build, or a page is not as it should be.
pub(crate) fn run(repository: &Repository) -> Result<()> {
    let tools = setup::run(repository)?;
    run_command(cargo(repository).args(["build", "--package", "workbell", "--locked"]))?;
    let folder = repository.root().join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut node = Command::new("node");
    node.env("NODE_PATH", tools.node_path())
        .arg(repository.root().join("tests/portal/looks.mjs"))
        .arg(repository.root().join("target/debug/workbell"))
        .arg(folder);
    run_command(&mut node)
}
