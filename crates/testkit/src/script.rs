//! Independent implementations in other languages, as `cargo xtask setup` installs them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::checkout::checkout;

/// Runs a Python script with the packages of the setup; `input` goes to its standard input.
///
/// # Panics
/// When it cannot be started.
#[track_caller]
pub fn python(script: &Path, arguments: &[&str], input: &[u8]) -> Output {
    run(Command::new(python_program()).arg(script).args(arguments), input)
}

/// Runs a script with node and the packages of the setup.
///
/// # Panics
/// When it cannot be started.
#[track_caller]
pub fn node(script: &Path, arguments: &[&str], input: &[u8]) -> Output {
    run(Command::new("node").env("NODE_PATH", node_packages()).arg(script).args(arguments), input)
}

/// The Python interpreter with the packages of the setup.
///
/// # Panics
/// When it is not there; so do those below.
#[track_caller]
pub fn python_program() -> PathBuf {
    place("WORKBELL_TEST_PYTHON", "venv/bin/python")
}

/// The folder with the node packages of the setup.
#[track_caller]
pub fn node_packages() -> PathBuf {
    place("WORKBELL_TEST_NODE_PATH", "node/node_modules")
}

/// The folder in which the setup unpacked Debian packages.
#[track_caller]
pub fn debian_files() -> PathBuf {
    place("WORKBELL_TEST_DEBIAN", "debian")
}

/// What the variable says, else where the setup puts it.
#[track_caller]
fn place(variable: &str, default: &str) -> PathBuf {
    let place =
        std::env::var_os(variable).map_or_else(|| checkout().join("target/ci").join(default), PathBuf::from);
    assert!(place.exists(), "{} is not there; get it: cargo xtask setup", place.display());
    place
}

#[track_caller]
fn run(command: &mut Command, input: &[u8]) -> Output {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_owned();
    // One that ends early tells more by its output than we by this.
    let writing = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("its output can be read");
    writing.join().expect("writing does not panic");
    output
}
