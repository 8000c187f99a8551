//! The page for beginners is run as it stands, so that it cannot age.
//!
//! Comments in the page say which blocks are run (the first one explains it). Three things are not as on the page:
//! the two ports are others, for a test may not need a fixed one; the binary is the one under test instead of one
//! that is built with `--release`; and what a person does by hand (a second terminal, Ctrl-C) is done by one shell.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};

use workbell_testkit::{Platform, checkout, command, wait_for, workbell};

/// The page.
const PAGE: &str = "docs/src/first-notification.md";

/// The ports on it: the service's and the receiver's.
const PORTS: [u16; 2] = [8080, 9000];

/// What a comment says about the block behind it.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Run to its end.
    Run(String),
    /// Run again until it prints this word.
    Until(String, String),
    /// Run in the background under this name.
    Stays(String, String),
    /// End what runs under this name.
    Stop(String),
}

/// The steps of the page.
fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut lines = page.lines();
    let mut waiting: Option<String> = None;
    while let Some(line) = lines.next() {
        if let Some(comment) = line.strip_prefix("<!-- run").and_then(|rest| rest.strip_suffix(" -->")) {
            assert!(waiting.is_none(), "two comments before one block: {line}");
            let what = comment.trim_start_matches(':').trim();
            match what.strip_prefix("stop ") {
                Some(name) => steps.push(Step::Stop(name.to_owned())),
                None => waiting = Some(what.to_owned()),
            }
        } else if line.starts_with("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let block = block.join("\n");
            match waiting.take().as_deref() {
                None | Some("build") => {}
                Some("" | "demo") => steps.push(Step::Run(block)),
                Some(other) if other.starts_with("until ") => {
                    steps.push(Step::Until(other.trim_start_matches("until ").to_owned(), block));
                }
                Some(other) => {
                    let name = other.strip_prefix("stays ");
                    let name = name.unwrap_or_else(|| panic!("what does `run: {other}` mean?"));
                    steps.push(Step::Stays(name.to_owned(), block));
                }
            }
        }
    }
    assert!(waiting.is_none(), "a comment without a block behind it");
    steps
}

/// The one shell that types everything.
struct Shell {
    folder: PathBuf,
    child: Child,
    input: Option<ChildStdin>,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Shell {
    fn start(folder: &Path, listen: &str) -> Self {
        let folder_of_binary = workbell().parent().expect("a file lies in a folder");
        let path = std::env::var("PATH").unwrap_or_default();
        let cleaned = command();
        let mut shell = std::process::Command::new("bash");
        for (name, value) in cleaned.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell.current_dir(folder).env("PATH", format!("{}:{path}", folder_of_binary.display()));
        shell.env("WORKBELL_LISTEN", listen);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = shell.spawn().expect("bash starts");
        let input = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut shell = Shell { folder: folder.to_owned(), child, input, lines };
        shell.run("set -E; trap 'FAILED=$?' ERR");
        shell
    }

    /// Types something, waits for its end, and gives what it printed.
    #[track_caller]
    fn run(&mut self, block: &str) -> String {
        const END: &str = "__end_of_block__";
        // Any command of the block that fails counts, not only the last one.
        let typed = format!("FAILED=0\n{{\n{block}\n}} 2>&1 < /dev/null\necho; echo {END} $FAILED\n");
        let input = self.input.as_mut().expect("it is open until the end");
        input.write_all(typed.as_bytes()).expect("the shell reads");
        let mut printed = String::new();
        for line in self.lines.by_ref() {
            let line = line.expect("the shell prints text");
            if let Some(status) = line.strip_prefix(END) {
                assert_eq!(status.trim(), "0", "{block}\nended with{status} and printed:\n{printed}");
                return printed;
            }
            printed.push_str(&line);
            printed.push('\n');
        }
        panic!("the shell ended in\n{block}\nand printed:\n{printed}");
    }

    /// Starts something that stays; what it prints goes to `<name>.out`.
    #[track_caller]
    fn start_in_background(&mut self, name: &str, block: &str) {
        self.run(&format!("{block} >> {name}.out 2>&1 &\n{name}=$!"));
    }

    /// Shows what the programs in the background printed.
    fn show(&self) {
        for file in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|extension| extension == "out") {
                let printed = std::fs::read_to_string(file.path()).unwrap_or_default();
                eprintln!("--- {}:\n{printed}---", file.path().display());
            }
        }
    }

    /// Ends it, by its id.
    #[track_caller]
    fn stop(&mut self, name: &str) {
        self.run(&format!("kill -TERM \"${name}\"; wait \"${name}\" || true; {name}="));
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show();
        }
        // Whatever still runs there ends with the shell.
        if let Some(mut input) = self.input.take() {
            let _gone = input.write_all(b"kill -KILL $(jobs -p) 2> /dev/null\nexit\n");
        }
        let _status = self.child.wait();
    }
}

/// As many as the page has; they are held until all are found, or the system would give one of them twice.
fn free_ports() -> [u16; PORTS.len()] {
    let held = PORTS.map(|_| TcpListener::bind("127.0.0.1:0").expect("a port is free"));
    held.map(|listener| listener.local_addr().expect("it has an address").port())
}

#[test]
fn the_page_for_beginners_does_what_it_says() {
    let text = std::fs::read_to_string(checkout().join(PAGE)).expect("the page is there");
    let ports = free_ports();
    let mut page = text.clone();
    for on_page in PORTS {
        assert!(page.contains(&on_page.to_string()), "the page has no port {on_page} any more");
        page = page.replace(&on_page.to_string(), &format!("<port {on_page}>"));
    }
    // Only now, for a free port may have another one's digits.
    for (on_page, free) in PORTS.iter().zip(ports) {
        page = page.replace(&format!("<port {on_page}>"), &free.to_string());
    }
    let steps = steps(&page);
    assert!(steps.len() >= 10, "the page has lost its comments: {steps:?}");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut shell = Shell::start(folder.path(), &format!("127.0.0.1:{}", ports[0]));
    let mut printed = Vec::new();
    for step in &steps {
        match step {
            Step::Run(block) => printed.push(shell.run(block)),
            Step::Until(word, block) => {
                printed.push(wait_for(word, || Some(shell.run(block)).filter(|text| text.contains(word))));
            }
            Step::Stays(name, block) => {
                shell.start_in_background(name, block);
                let port = ports[usize::from(name != "service")];
                wait_for(&format!("{name} to listen"), || TcpStream::connect(("127.0.0.1", port)).ok());
                if name == "service" {
                    // It listens early and answers when all is there.
                    let platform = Platform::new(([127, 0, 0, 1], port).into(), "");
                    assert_eq!(platform.get("/readyz").status, 200);
                }
            }
            Step::Stop(name) => shell.stop(name),
        }
    }

    // What the page shows.
    let received = folder.path().join("receiver.out");
    let received = wait_for("both notifications", || {
        let received = std::fs::read_to_string(&received).ok()?;
        received.contains("CheckedIn verified").then_some(received)
    });
    let shown = r#"Accepted verified {"Header":{"WorkOrderId":42,"BranchId":492042,"Sender":{ "Name": "Jon Snow", "Phone": "#;
    assert!(text.contains(&format!("{shown}…")), "the page shows something else now");
    assert!(received.starts_with(shown), "{received}");
    assert_eq!(received.lines().count(), 2, "{received}");
    let all = printed.concat();
    for words in [
        "published, delivered, verified, in order",
        r#""Secret":"whsec_"#,
        r#""Fate":"Queued""#,
        r#""Webhook-Signature": "***""#,
        r#""State": "Retrying""#,
    ] {
        assert!(all.contains(words), "{words} is missing in\n{all}");
    }
    let waiting = std::fs::read(folder.path().join("waiting.json")).expect("the page made it");
    let waiting: serde_json::Value = serde_json::from_slice(&waiting).expect("it is JSON");
    assert_eq!(waiting["Items"].as_array().map(Vec::len), Some(1), "{waiting}");
    assert_eq!(waiting["Items"][0]["LastError"], "ConnectionRefused", "{waiting}");
}
