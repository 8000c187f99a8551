//! The house rules that a machine can check: ARCHITECTURE.md names them, CONTRIBUTING.md says how to live with them.

mod error_pages;
mod machine_paths;
mod rust_source;
mod style;
mod walls;

use anyhow::Result;

use crate::finding::report;
use crate::repository::Repository;

use rust_source::RustSource;

/// Checks all files of the checkout.
///
/// # Errors
/// When a file cannot be read or breaks a rule.
pub(crate) fn run(repository: &Repository) -> Result<()> {
    let files = repository.files()?;
    let mut findings = Vec::new();
    for path in &files {
        findings.extend(style::of_name(path));
        let Some(text) = repository.text(path)? else { continue };
        findings.extend(machine_paths::of_file(path, &text));
        if path.ends_with(".rs") {
            let source = RustSource::read(path, &text);
            findings.extend(style::of_source(&source));
            findings.extend(walls::of_source(&source));
            findings.extend(error_pages::of_source(&source));
        }
    }
    findings.extend(error_pages::check(&files));
    report("tidy", &format!("{} files", files.len()), findings)
}
