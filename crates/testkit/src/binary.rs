//! Where the binary `workbell` is, and whether it is the one of this source.
//!
//! Cargo tells a test where the binaries of its own package are, not those of another, so we look: first at
//! `WORKBELL_TEST_BINARY`, then in the folder of the test's own profile, then, for those who have a build dir of
//! their own (`CARGO_BUILD_BUILD_DIR`), in the target dir that `cargo metadata` names. `cargo test --workspace`
//! builds it, because `crates/cli` has a test that needs it; `cargo test -p workbell-tests` does not, so one that is
//! older than its source is refused.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

use crate::checkout::checkout;

/// What builds it.
const BUILD: &str = "cargo build -p workbell";

/// The binary.
///
/// # Panics
/// When there is none, or one that is older than its source; says which command builds it.
pub fn workbell() -> &'static Path {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOUND.get_or_init(find) {
        Ok(path) => path,
        Err(why) => panic!("{why}"),
    }
}

/// The binary as a command, with nothing in its environment that would set something of ours.
///
/// # Panics
/// As [`workbell`].
pub fn command() -> Command {
    let mut command = Command::new(workbell());
    clean(&mut command);
    command
}

/// Takes everything out of the environment that would set something of ours.
pub(crate) fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("WORKBELL_") || text == "RUST_LOG" {
            command.env_remove(&name);
        }
    }
}

fn find() -> Result<PathBuf, String> {
    if let Some(given) = std::env::var_os("WORKBELL_TEST_BINARY") {
        let given = PathBuf::from(given);
        return if given.is_file() {
            Ok(given)
        } else {
            Err(format!("WORKBELL_TEST_BINARY is {}, which is no file", given.display()))
        };
    }
    let own =
        std::env::current_exe().map_err(|error| format!("this test does not know its own path: {error}"))?;
    // …/debug/deps/acceptance-0123456789abcdef
    let profile = own.parent().and_then(Path::parent).ok_or("this test lies at an odd place")?;
    let release = if profile.ends_with("release") { " --release" } else { "" };
    let build = format!("{BUILD}{release}");
    let mut candidates = vec![profile.join("workbell")];
    if let (Some(target), Some(name)) = (target_dir(), profile.file_name()) {
        candidates.push(target.join(name).join("workbell"));
    }
    let found = candidates.iter().find(|path| path.is_file()).ok_or_else(|| {
        let places: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
        format!("the binary is not at {}; build it: {build}", places.join(" or "))
    })?;
    match newer_source(found) {
        Some(source) => {
            Err(format!("{} is older than {}; build it: {build}", found.display(), source.display()))
        }
        None => Ok(found.clone()),
    }
}

/// The target dir of this workspace, whatever variable or file sets it.
fn target_dir() -> Option<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = checkout().join("Cargo.toml");
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path"];
    let output = Command::new(cargo).args(arguments).arg(manifest).output().ok()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    metadata["target_directory"].as_str().map(PathBuf::from)
}

/// A source that was written after the binary was built. Cargo lists them beside it.
fn newer_source(binary: &Path) -> Option<PathBuf> {
    let list = std::fs::read_to_string(binary.with_extension("d")).ok()?;
    let built = modified(binary)?;
    let (_, sources) = list.split_once(':')?;
    // A blank in a path is written as `\ `.
    let sources = sources.trim().replace("\\ ", "\u{0}");
    let mut sources = sources.split(' ').map(|path| PathBuf::from(path.replace('\u{0}', " ")));
    sources.find(|path| modified(path).is_some_and(|written| written > built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}
