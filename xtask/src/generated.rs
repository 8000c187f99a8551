//! Pages and files that are made from the code. They are committed, so that one can read them without a
//! build; `ci` makes them anew and fails when they differ.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::finding::{Finding, report};
use crate::repository::Repository;
use crate::step::{cargo, output};

/// One generated file.
struct Generated {
    /// Where it stands, relative to the root.
    path: &'static str,
    /// The arguments of `cargo` whose standard output is its content.
    ///
    /// For the binary: `["run", "--quiet", "--package", "workbell", "--", …]`; for an example of a crate:
    /// `["run", "--quiet", "--package", "workbell-server", "--example", "settings-reference"]`.
    producer: &'static [&'static str],
}

/// All generated files. Add a line here and run `cargo xtask generate`.
const GENERATED: &[Generated] = &[];

/// Makes all of them anew.
///
/// # Errors
/// When a producer fails or a file cannot be written.
pub(crate) fn write(repository: &Repository) -> Result<()> {
    for file in GENERATED {
        let content = file.content(repository)?;
        fs::write(repository.root().join(file.path), content)
            .with_context(|| format!("cannot write {}", file.path))?;
        println!("wrote {}", file.path);
    }
    Ok(())
}

/// Makes all of them anew and compares.
///
/// # Errors
/// When one differs from what is committed, or a producer fails.
pub(crate) fn check(repository: &Repository) -> Result<()> {
    let mut findings = Vec::new();
    for file in GENERATED {
        let content = file.content(repository)?;
        let committed = if repository.has(file.path) { repository.text(file.path)? } else { None };
        if committed.as_deref() != Some(&content) {
            findings.push(Finding::about(file.path, "is not what the code says; run `cargo xtask generate`"));
        }
    }
    report("generate", &format!("{} generated files", GENERATED.len()), findings)
}

impl Generated {
    fn content(&self, repository: &Repository) -> Result<String> {
        let mut command: Command = cargo(repository);
        output(command.args(self.producer)).with_context(|| format!("cannot make {}", self.path))
    }
}
