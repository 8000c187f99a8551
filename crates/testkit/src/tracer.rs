//! strace on a running server: its system calls in the order in which they happened, and some that fail.
//!
//! The order is certain where it matters: a thread stands still at the end of a call until strace has noted it, so
//! whatever that end causes in another thread is noted later.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::server::Server;

/// The result of a call whose end was not seen, for strace was detached.
const UNKNOWN: &str = "-";

/// One call.
#[derive(Clone, Debug)]
pub struct SystemCall {
    /// Its name.
    pub name: String,
    /// Its arguments as strace writes them, with the files behind descriptors.
    pub arguments: String,
    /// What it returned.
    pub result: String,
    /// The line of its beginning.
    pub began: usize,
    /// The line of its end; `usize::MAX` when that was not seen.
    pub ended: usize,
}

impl SystemCall {
    /// Whether the system really did it, and without an error.
    pub fn succeeded(&self) -> bool {
        !self.result.starts_with('-') && !self.result.contains("INJECTED")
    }
}

/// strace on a server. Ends with it, or when it is dropped.
#[derive(Debug)]
pub struct Tracer {
    child: Child,
    folder: TempDir,
}

impl Tracer {
    /// Looks at these calls (a list as strace takes it).
    ///
    /// # Panics
    /// When strace is missing or may not look.
    #[track_caller]
    pub fn watch(server: &Server, calls: &str) -> Self {
        Tracer::attach(server, &["-y", "-s", "4096", "-e", &format!("trace={calls}")])
    }

    /// Lets these calls fail on files whose path is one of `paths`, until it is detached.
    ///
    /// # Panics
    /// When strace is missing or may not look.
    #[track_caller]
    pub fn fail(server: &Server, calls: &str, error: &str, paths: &[PathBuf]) -> Self {
        let mut arguments = vec!["-e".to_owned(), format!("trace={calls}")];
        arguments.extend(["-e".to_owned(), format!("inject={calls}:error={error}")]);
        for path in paths {
            arguments.extend(["-P".to_owned(), path.display().to_string()]);
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Tracer::attach(server, &arguments)
    }

    #[track_caller]
    fn attach(server: &Server, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = Command::new("strace");
        command.args(["-f", "-p", &server.pid().to_string(), "-o"]).arg(folder.path().join("calls"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn();
        let mut child = child.unwrap_or_else(|error| {
            panic!("cannot start strace ({error}); install it, on Debian: apt-get install strace")
        });
        let mut lines =
            BufReader::new(child.stderr.take().expect("it is piped")).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let is_attached = lines.by_ref().any(|line| {
            said.push(line.clone());
            line.contains(" attached")
        });
        assert!(
            is_attached,
            "strace may not look at process {}; it needs ptrace (root, or kernel.yama.ptrace_scope = 0): {}",
            server.pid(),
            said.join("\n")
        );
        // Read on, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        Tracer { child, folder }
    }

    /// Lets go of the server and gives the calls in the order of their ends.
    ///
    /// # Panics
    /// When strace wrote what cannot be read.
    #[track_caller]
    pub fn detach(mut self) -> Vec<SystemCall> {
        self.end();
        let text = std::fs::read(self.folder.path().join("calls")).expect("strace wrote its file");
        parse(&String::from_utf8_lossy(&text))
    }

    fn end(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
            && matches!(self.child.try_wait(), Ok(None))
        {
            // It detaches when it is asked to end; one that ended meanwhile is as we want it.
            let _gone = kill_process(pid, Signal::INT);
        }
        let _status = self.child.wait();
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads lines such as `12 fdatasync(9</data/workbell.db-wal>) = 0`, and those of calls that another one interrupted.
fn parse(text: &str) -> Vec<SystemCall> {
    let mut open: Vec<(String, String, usize)> = Vec::new();
    let mut calls = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let Some((process, rest)) = line.trim_start().split_once(' ') else { continue };
        let rest = rest.trim_start();
        let begun = ["<unfinished ...>", "<detached ...>"].iter().find_map(|end| rest.strip_suffix(end));
        let (whole, began) = if let Some(begun) = begun {
            open.push((process.to_owned(), begun.to_owned(), number));
            continue;
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let Some((_, behind)) = resumed.split_once(" resumed>") else { continue };
            let Some(place) = open.iter().position(|(who, _, _)| who == process) else { continue };
            let (_, begun, began) = open.remove(place);
            (begun + behind, began)
        } else {
            (rest.to_owned(), number)
        };
        // Signals and ends of threads are no calls.
        let Some((name, behind)) = whole.split_once('(') else { continue };
        let Some((arguments, result)) = behind.rsplit_once(" = ") else { continue };
        calls.push(SystemCall {
            name: name.to_owned(),
            arguments: arguments.trim_end().to_owned(),
            result: result.to_owned(),
            began,
            ended: number,
        });
    }
    // Whose end was not seen.
    calls.extend(open.into_iter().filter_map(|(_, begun, began)| {
        let (name, arguments) = begun.split_once('(')?;
        let (name, arguments) = (name.to_owned(), arguments.to_owned());
        Some(SystemCall { name, arguments, result: UNKNOWN.to_owned(), began, ended: usize::MAX })
    }));
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interrupted_calls_are_put_together_with_where_they_began_and_ended() {
        let calls = parse(
            "7  pwrite64(9</d/workbell.db-wal>, \"a = b\", 5, 0) = 5\n\
             7  fdatasync(9</d/workbell.db-wal> <unfinished ...>\n\
             8  recvfrom(12<socket:[1]>, \"x\", 1, 0, NULL, NULL) = 1\n\
             7  <... fdatasync resumed>)    = 0\n\
             8  fdatasync(9</d/workbell.db-wal>) = -1 EIO (Input/output error) (INJECTED)\n\
             8  +++ exited with 0 +++\n\
             7  sendto(12<socket:[1]>, \"y\", 1 <detached ...>\n",
        );
        let names: Vec<(&str, usize, usize)> =
            calls.iter().map(|call| (call.name.as_str(), call.began, call.ended)).collect();
        let expected = [
            ("pwrite64", 0, 0),
            ("recvfrom", 2, 2),
            ("fdatasync", 1, 3),
            ("fdatasync", 4, 4),
            ("sendto", 6, usize::MAX),
        ];
        assert_eq!(names, expected);
        assert_eq!(calls[0].result, "5");
        assert!(calls[2].succeeded() && !calls[3].succeeded() && !calls[4].succeeded());
        assert!(calls[2].arguments.starts_with("9</d/workbell.db-wal>"));
    }
}
