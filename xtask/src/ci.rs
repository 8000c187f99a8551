//! `cargo xtask ci`: everything that has to hold before a change lands, cheapest first.
//!
//! The tests come last, so that cargo's own result lines are what one sees at the end. One profile for
//! everything: clippy and the documentation share what they check, the generated references and the tests share
//! what they compile.

use std::time::Instant;

use anyhow::Result;

use crate::repository::Repository;
use crate::setup::Tools;
use crate::step::{cargo, part, run as run_command};
use crate::{book, dependencies, generated, pictures, rooms, setup, tidy};

/// Runs all parts and stops at the first that fails.
///
/// # Errors
/// The part that failed and why.
pub(crate) fn run(repository: &Repository) -> Result<()> {
    let started = Instant::now();
    let tools = part("setup", || setup::run(repository))?;
    part("format", || run_command(cargo(repository).args(["fmt", "--all", "--check"])))?;
    part("tidy", || tidy::run(repository))?;
    part("rooms", || rooms::run(repository))?;
    part("dependencies", || dependencies::run(repository))?;
    part("book", || book::run(repository))?;
    part("pictures of the book", || pictures::check(repository))?;
    part("clippy", || {
        let arguments = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
        run_command(cargo(repository).args(arguments))
    })?;
    part("documentation of the code", || {
        let arguments = ["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"];
        run_command(cargo(repository).env("RUSTDOCFLAGS", "-D warnings").args(arguments))
    })?;
    part("build of the tests, generated references", || generated::check(repository))?;
    part("tests", || tests(repository, &tools))?;
    println!("\nci: all parts hold, {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Unit, integration, acceptance and documentation tests of all crates; a failure stops none of the others.
fn tests(repository: &Repository, tools: &Tools) -> Result<()> {
    let mut command = cargo(repository);
    command.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    tools.hand_to(&mut command);
    run_command(&mut command)
}
