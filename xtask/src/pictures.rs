//! `cargo xtask pictures`: the book's pictures of the portal, taken by a test that walks through every page.
//!
//! Two pictures of one page differ in times, ids and fonts, so nobody compares them dot by dot. Instead the pictures
//! are committed with a stamp: the hashes of what pages are made of, and of the pictures themselves. [`check`] refuses
//! a page that was changed since, so no picture ages. The test takes all of them anew at every run and compares names
//! and sizes.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::finding::{Finding, report};
use crate::repository::Repository;
use crate::setup;
use crate::step::{cargo, output, run as run_command};

/// Where the book has its pictures.
const FOLDER: &str = "docs/src/pictures/";

/// Of which pages they were taken, as `sha256sum` writes it.
const STAMP: &str = "docs/src/pictures/taken-from.sha256";

/// What pages look like: folders, and the one Rust source that draws.
const LOOKS: [&str; 3] =
    ["crates/server/templates/", "crates/server/assets/portal", "crates/server/src/portal/chart.rs"];

/// Builds the binary, takes all pictures and stamps them.
///
/// # Errors
/// When it does not build, or a page is not as it should be.
pub(crate) fn run(repository: &Repository) -> Result<()> {
    let node_path = setup::browser(repository)?;
    run_command(cargo(repository).args(["build", "--package", "workbell", "--locked"]))?;
    let root = repository.root();
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for path in repository.files()?.iter().filter(|path| is_picture(path)) {
        fs::remove_file(root.join(path)).with_context(|| format!("cannot remove {path}"))?;
    }
    let mut node = Command::new("node");
    node.env("NODE_PATH", node_path)
        .arg(root.join("tests/portal/pictures.mjs"))
        .arg(root.join("target/debug/workbell"))
        .arg(folder)
        .arg(root.join("docs/src"));
    run_command(&mut node)?;
    fs::write(root.join(STAMP), stamp(repository)?).with_context(|| format!("cannot write {STAMP}"))
}

/// Holds the committed pictures against the pages as they are now.
///
/// # Errors
/// When a page was changed after the pictures were taken.
pub(crate) fn check(repository: &Repository) -> Result<()> {
    let committed = if repository.has(STAMP) { repository.text(STAMP)? } else { None };
    let changed = differences(&committed.unwrap_or_default(), &stamp(repository)?);
    let say = |path: String| {
        Finding::about(&path, "is not as the book's pictures show it; run `cargo xtask pictures`")
    };
    report("pictures", "the book shows the pages as they are", changed.into_iter().map(say).collect())
}

fn is_picture(path: &str) -> bool {
    path.starts_with(FOLDER) && path.ends_with(".png")
}

/// The hash of each file that the pictures depend on, and of each picture.
fn stamp(repository: &Repository) -> Result<String> {
    let files = repository.files()?;
    let counts = |path: &&String| is_picture(path) || LOOKS.iter().any(|looks| path.starts_with(looks));
    let mut command = Command::new("sha256sum");
    output(command.current_dir(repository.root()).arg("--").args(files.iter().filter(counts)))
}

/// Paths whose line is in one stamp only.
fn differences(committed: &str, now: &str) -> BTreeSet<String> {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (committed, now) = (lines(committed), lines(now));
    let path = |line: &String| line.split_whitespace().last().unwrap_or_default().to_owned();
    committed.symmetric_difference(&now).map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_changed_came_or_went_is_named() {
        let committed = "aa  a.html\nbb  b.html\ncc  c.html\n";
        let now = "aa  a.html\nb2  b.html\ndd  d.html\n";
        let named: Vec<_> = differences(committed, now).into_iter().collect();
        assert_eq!(named, ["b.html", "c.html", "d.html"]);
        assert!(differences(now, now).is_empty());
    }

    #[test]
    fn pictures_count_and_so_does_what_they_show() {
        let stamp = stamp(&Repository::here().unwrap()).unwrap();
        for path in ["templates/base.html", "assets/portal.css", "portal/chart.rs", "pictures/queue.png"] {
            assert!(stamp.contains(path), "{path}: {stamp}");
        }
    }
}
