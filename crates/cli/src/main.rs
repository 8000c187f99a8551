//! `workbell`: the service, its demonstration, and everything that a person or a script asks of it.
//!
//! `arguments` says which commands there are; each has one file in `command`. The client commands speak HTTP to
//! the platform interface through `platform`, as anybody else could. What is shown goes through `screen`.
//!
//! Exit status: 0 done, 1 the thing asked for failed, 2 wrong usage.

mod arguments;
mod bench;
mod command;
mod connection;
mod developer;
mod failure;
mod follower;
mod input;
mod job;
mod json;
mod memory;
mod moment;
mod page;
mod platform;
mod problem;
mod progress;
mod question;
mod record;
mod reference;
mod screen;
mod service_settings;
#[cfg(test)]
mod stub;
mod table;
mod transport;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::screen::Screen;

fn main() -> ExitCode {
    memory::hold_in_small_pages();
    let arguments = Arguments::parse();
    let screen = Screen::of_stdout(arguments.color);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)
        .and_then(|runtime| runtime.block_on(arguments.command.run(&screen, arguments.color)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let (true, Failure::Problem(problem)) = (arguments.command.wants_json(), &failure) {
                // The exit status says it too, should nobody read this.
                let _ = screen.print(&json::for_screen(&problem.text(), &screen));
            }
            failure.show(arguments.color);
            ExitCode::from(failure.exit_status())
        }
    }
}
