//! Pages and files that are made from the code. They are committed, so that one can read them without a
//! build; `ci` makes them anew and fails when they differ.
//!
//! What makes them is a program that `cargo test --workspace` builds anyway: the binary `workbell` or an example of
//! a crate. `cargo run --package …` would choose other features of the dependencies and compile half of them again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::finding::{Finding, report};
use crate::repository::Repository;
use crate::step::{cargo, output, run as run_command};

/// One generated file.
struct Generated {
    /// Where it stands, relative to the root.
    path: &'static str,
    /// The program, relative to `target/debug`: `workbell`, or `examples/settings-reference`.
    ///
    /// Cargo builds a binary along with the tests when its package has a test in `tests/`, an example always.
    program: &'static str,
    /// The arguments with which the program writes the content to standard output.
    arguments: &'static [&'static str],
}

/// All generated files. Add an entry here and run `cargo xtask generate`.
const GENERATED: &[Generated] =
    &[Generated { path: "docs/src/commands.md", program: "workbell", arguments: &["reference"] }];

/// Makes all of them anew.
///
/// # Errors
/// When a program fails or a file cannot be written.
pub(crate) fn write(repository: &Repository) -> Result<()> {
    build(repository)?;
    let programs = programs(repository)?;
    for file in GENERATED {
        let content = file.content(repository, &programs)?;
        fs::write(repository.root().join(file.path), content)
            .with_context(|| format!("cannot write {}", file.path))?;
        println!("wrote {}", file.path);
    }
    Ok(())
}

/// Makes all of them anew and compares.
///
/// # Errors
/// When one differs from what is committed, or a program fails.
pub(crate) fn check(repository: &Repository) -> Result<()> {
    build(repository)?;
    let programs = programs(repository)?;
    let mut findings = Vec::new();
    for file in GENERATED {
        let content = file.content(repository, &programs)?;
        let committed = if repository.has(file.path) { repository.text(file.path)? } else { None };
        if committed.as_deref() != Some(&content) {
            findings.push(Finding::about(file.path, "is not what the code says; run `cargo xtask generate`"));
        }
    }
    report("generate", &format!("{} generated files", GENERATED.len()), findings)
}

/// Builds the programs, together with all tests.
fn build(repository: &Repository) -> Result<()> {
    run_command(cargo(repository).args(["test", "--workspace", "--locked", "--no-run"]))
}

/// The folder with the built programs.
fn programs(repository: &Repository) -> Result<PathBuf> {
    let metadata =
        output(cargo(repository).args(["metadata", "--format-version", "1", "--no-deps", "--offline"]))?;
    let metadata: Value =
        serde_json::from_str(&metadata).context("cargo metadata wrote something that is not JSON")?;
    let target = metadata["target_directory"].as_str().context("cargo metadata names no target folder")?;
    Ok(Path::new(target).join("debug"))
}

impl Generated {
    fn content(&self, repository: &Repository, programs: &Path) -> Result<String> {
        let program = programs.join(self.program);
        if !program.exists() {
            bail!("{} is not built with the tests: its package needs a test in tests/", program.display());
        }
        let mut command = Command::new(program);
        output(command.args(self.arguments).current_dir(repository.root()))
            .with_context(|| format!("cannot make {}", self.path))
    }
}
