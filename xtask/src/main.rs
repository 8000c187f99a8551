//! The chores of this repository: `cargo xtask ci` is what CI runs, the other tasks are its parts.
//!
//! Only the standard library, `anyhow` and `serde_json`: what checks the dependencies should not add any.

mod book;
mod ci;
mod dependencies;
mod finding;
mod generated;
mod pictures;
mod repository;
mod rooms;
mod setup;
mod step;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

use repository::Repository;

const USAGE: &str = "\
usage: cargo xtask TASK

  ci             everything that CI runs; sets up what it needs
  setup          the packages that the tests use, under target/ci
  tidy           the house rules that a machine can check, the rooms among them
  dependencies   licences, banned and doubled crates
  docs-check     every page of the book and every relative link in it
  pictures       take the pictures of the portal that the book shows (--check: whether a page changed since)
  generate       write the generated references anew (--check: only compare)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Result<()> {
    let repository = Repository::here()?;
    match arguments {
        ["ci"] => ci::run(&repository),
        ["setup"] => setup::run(&repository).map(|tools| println!("{tools}")),
        ["tidy"] => {
            tidy::run(&repository)?;
            rooms::run(&repository)
        }
        ["dependencies"] => dependencies::run(&repository),
        ["docs-check"] => book::run(&repository),
        ["pictures"] => pictures::run(&repository),
        ["pictures", "--check"] => pictures::check(&repository),
        ["generate"] => generated::write(&repository),
        ["generate", "--check"] => generated::check(&repository),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => bail!("unknown task {:?}\n\n{USAGE}", arguments.join(" ")),
    }
}
