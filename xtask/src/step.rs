//! One command of a task: said before it runs, timed, stopped at when it fails.

use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::repository::Repository;

/// Variables that `cargo run` sets for this process and that must not leak into a cargo started by it:
/// build scripts that watch one of them would run again.
const OF_CARGO_RUN: [&str; 4] = ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "LD_LIBRARY_PATH", "OUT_DIR"];

/// `cargo`, the same one that started this task, in the root of the checkout.
pub(crate) fn cargo(repository: &Repository) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(repository.root()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || OF_CARGO_RUN.contains(&&*text) {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs a command with its output shown.
///
/// # Errors
/// When it cannot be started or does not end with status 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    println!("$ {line}");
    let status = command.status().with_context(|| format!("cannot start {line}"))?;
    if !status.success() {
        bail!("{line}: {status}");
    }
    Ok(())
}

/// Runs a command and gives what it wrote to standard output.
///
/// # Errors
/// When it cannot be started, does not end with status 0, or writes something that is not UTF-8.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {line}"))?;
    if !output.status.success() {
        bail!("{line}: {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{line}: output is not UTF-8"))
}

/// Runs a named part of a task and says how long it took.
///
/// # Errors
/// Those of the part, with its name in front.
pub(crate) fn part<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("\n── {name}");
    let started = Instant::now();
    let result = work().with_context(|| name.to_owned())?;
    println!("── {name}: {:.1} s", started.elapsed().as_secs_f64());
    Ok(result)
}

fn line(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name();
    program
        .into_iter()
        .chain(command.get_args())
        .map(|part| part.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
