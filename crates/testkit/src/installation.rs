//! An installation: a data dir and settings, on which servers start one after the other.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::binary::{clean, workbell};
use crate::server::{Ended, Server};

/// A data dir and settings. The folder goes when this is dropped; drop the servers first.
#[derive(Debug)]
pub struct Installation {
    folder: TempDir,
    data_dir: PathBuf,
    listen: String,
    settings: Vec<(String, String)>,
    /// A program that starts the server, with its arguments; empty: none.
    wrapper: Vec<String>,
}

impl Installation {
    /// One in a new folder.
    ///
    /// # Panics
    /// When there can be no such folder.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let data_dir = folder.path().join("data");
        Installation {
            folder,
            data_dir,
            listen: "127.0.0.1:0".to_owned(),
            settings: Vec::new(),
            wrapper: Vec::new(),
        }
    }

    /// One whose failed deliveries are tried again after this wait, without jitter.
    pub fn retrying(wait: &str) -> Self {
        Installation::new().set("delivery.retry_schedule", wait).set("delivery.retry_jitter", "0")
    }

    /// With this setting.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// With its data elsewhere.
    #[must_use]
    pub fn at(mut self, data_dir: &Path) -> Self {
        data_dir.clone_into(&mut self.data_dir);
        self
    }

    /// With a fixed address.
    #[must_use]
    pub fn listening(mut self, address: &str) -> Self {
        address.clone_into(&mut self.listen);
        self
    }

    /// Started by this program.
    #[must_use]
    pub fn started_by(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// Where its state lives.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// A folder beside it that goes with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process that would serve.
    pub(crate) fn command(&self) -> Command {
        let mut words = self.wrapper.iter().map(String::as_str).map(std::ffi::OsStr::new);
        let mut command = match words.next() {
            Some(program) => {
                let mut command = Command::new(program);
                command.args(words).arg(workbell());
                command
            }
            None => Command::new(workbell()),
        };
        clean(&mut command);
        command.args(["serve", "--allow-loopback", "--data-dir"]).arg(&self.data_dir);
        self.set_variables(&mut command);
        command
    }

    /// As variables, so that a flag has the last word.
    fn set_variables(&self, command: &mut Command) {
        command.env("WORKBELL_LISTEN", &self.listen);
        for (key, value) in &self.settings {
            let variable = format!("WORKBELL_{}", key.replace('.', "__").to_ascii_uppercase());
            command.env(variable, value);
        }
    }

    /// Another command of the binary on the same data dir, with the same settings; waits for its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(workbell());
        clean(&mut command);
        self.set_variables(&mut command);
        command.env("WORKBELL_DATA_DIR", &self.data_dir).args(words).stdin(Stdio::null());
        command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"))
    }

    /// Starts a server and waits until it listens.
    ///
    /// # Panics
    /// When it ends instead.
    #[track_caller]
    pub fn start(&self) -> Server {
        match self.try_start(&[]) {
            Ok(server) => server,
            Err(ended) => panic!("the server did not start: {ended}"),
        }
    }

    /// Starts a server that must end by itself.
    ///
    /// # Panics
    /// When it starts.
    #[track_caller]
    pub fn fail_to_start(&self, arguments: &[&str]) -> Ended {
        match self.try_start(arguments) {
            Ok(_server) => panic!("the server started"),
            Err(ended) => ended,
        }
    }

    /// Starts a server and kills it after this time, wherever it is by then.
    ///
    /// # Panics
    /// When it cannot be started, or ended by itself before.
    #[track_caller]
    pub fn kill_while_starting(&self, after: Duration) {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the server can be started");
        std::thread::park_timeout(after);
        child.kill().expect("our own child can be killed");
        let output = child.wait_with_output().expect("its output can be read");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), None, "the server ended by itself: {said}");
    }

    /// Starts a server, with more arguments.
    ///
    /// # Errors
    /// How it ended, when it did before it listened.
    pub fn try_start(&self, arguments: &[&str]) -> Result<Server, Ended> {
        let mut command = self.command();
        command.args(arguments);
        Server::start(command, &self.data_dir)
    }
}

impl Default for Installation {
    fn default() -> Self {
        Installation::new()
    }
}
