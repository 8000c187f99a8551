//! The recipes: small receivers in other languages. Each judges all golden vectors as they say, earns an A from
//! `workbell check`, and keeps the exact bytes.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use workbell_testkit::{checkout, command, debian_files, node_packages, python_program, wait_for};

/// A recipe, made ready to run.
struct Recipe {
    /// What it was built in, and what it works in.
    work: TempDir,
    /// Judges the vectors in a folder, and prints how many there were.
    vectors: Command,
    /// Serves.
    serve: Command,
}

/// A receiver at work. It is ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Asked first, for one of them has processes of its own to end.
        let pid = self.0.id().to_string();
        let _asked = Command::new("kill").args(["-s", "TERM", &pid]).status();
        for _ in 0..100 {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}

fn folder(language: &str) -> PathBuf {
    checkout().join("recipes").join(language)
}

fn work() -> TempDir {
    tempfile::tempdir().expect("there is room")
}

#[track_caller]
fn must_work(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{}{said}", output.status, String::from_utf8_lossy(&output.stdout));
}

/// The vectors that a receiver judges: signatures, and tokens with all that it asks for.
fn count_vectors(vectors: &Path) -> usize {
    let files = |kind: &str| {
        let entries = fs::read_dir(vectors.join(kind)).expect("the vectors are there");
        entries.map(|entry| entry.expect("it can be read").path()).collect::<Vec<_>>()
    };
    let asks_for_all = |file: &PathBuf| {
        let vector: Value =
            serde_json::from_slice(&fs::read(file).expect("it is there")).expect("it is JSON");
        vector["expect"].as_object().is_some_and(|expect| expect.len() == 3)
    };
    files("signatures").len() + files("tokens").into_iter().filter(asks_for_all).count()
}

#[track_caller]
fn judges_all_vectors(recipe: &mut Recipe) {
    let vectors = checkout().join("crates/wire/vectors");
    let expected = count_vectors(&vectors);
    assert!(expected > 50, "{expected}");
    let output = recipe.vectors.env("VECTORS", &vectors).output().expect("it can be started");
    must_work(&output);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.lines().any(|line| line == expected.to_string()), "all {expected}: {printed}");
}

/// A recipe that serves, and what tries it out.
struct Served<'a> {
    recipe: &'a Recipe,
    url: String,
    inbox: TempDir,
    _receiver: Running,
}

impl Served<'_> {
    /// Starts it, with what the developer's key of its own signs.
    #[track_caller]
    fn start(recipe: &mut Recipe) -> Served<'_> {
        let inbox = in_memory();
        let trust = workbell(recipe, &["check", "--trust", "--json"]);
        must_work(&trust);
        let trust: Value = serde_json::from_slice(&trust.stdout).expect("it is JSON");
        let certificates = recipe.work.path().join("certificates.pem");
        let text = |name: &str| trust[name].as_str().expect("it is a text").to_owned();
        fs::write(&certificates, text("Certificates")).expect("it can be written");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr()).expect("a port is free");
        let url = format!("http://{port}/hooks");
        let log = fs::File::create(recipe.work.path().join("log")).expect("it can be written");
        recipe
            .serve
            .env("WORKBELL_CERTIFICATES", &certificates)
            .env("WORKBELL_SECRET", text("Secret"))
            .env("WORKBELL_ENDPOINT", text("EndpointId"))
            .env("WORKBELL_URL", &url)
            .env("INBOX", inbox.path())
            .env("PORT", port.port().to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("it can be opened again"))
            .stderr(log);
        let mut receiver = Running(recipe.serve.spawn().expect("it can be started"));
        wait_for("the receiver to listen", || {
            assert!(matches!(receiver.0.try_wait(), Ok(None)), "it ended: {}", said(&recipe.work));
            TcpStream::connect(port).is_ok().then_some(())
        });
        Served { recipe, url, inbox, _receiver: receiver }
    }

    /// Lets a command loose on it, its URL last.
    fn try_out(&self, words: &[&str]) -> Output {
        workbell(self.recipe, &[words, &[&self.url]].concat())
    }

    fn said(&self) -> String {
        said(&self.recipe.work)
    }
}

/// What a recipe has logged.
fn said(work: &TempDir) -> String {
    fs::read_to_string(work.path().join("log")).unwrap_or_default()
}

/// A command of a developer whose key lies beside the recipe.
fn workbell(recipe: &Recipe, words: &[&str]) -> Output {
    let home = recipe.work.path().join("home");
    let (name, rest) = words.split_first().expect("there is a command");
    let mut run = command();
    run.arg(name).arg("--key").arg(home.join("key.json")).args(rest).env("HOME", &home);
    run.output().expect("it runs")
}

#[track_caller]
fn earns_an_a_and_keeps_the_exact_bytes(served: &Served<'_>) {
    // A machine that stands still for five seconds makes each receiver a slow one: that is not its fault.
    let mut tries = 0;
    let (status, report) = loop {
        let output = served.try_out(&["check", "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
        tries += 1;
        if tries == 3 || failed(&report) != ["quick"] {
            break (output.status.code(), report);
        }
    };
    assert_eq!(status, Some(0), "{report}\nit said: {}", served.said());
    assert_eq!(report["Grade"], "A", "{report}");
    let inbox = served.inbox.path();
    assert!(keeps(inbox, AS_NOBODY_WRITES_IT), "a body that is parsed and written again is another one");

    let sent = served.try_out(&["emulate", "--all", "--json", "--to"]);
    must_work(&sent);
    let sent = String::from_utf8(sent.stdout).expect("it is text");
    let sent: Vec<Value> = sent.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect();
    assert_eq!(sent.len(), 28);
    for notification in sent {
        let id = notification["MessageId"].as_str().expect("it has an id");
        let kept = fs::read_to_string(inbox.join(format!("{id}.json"))).expect("it was kept");
        assert_eq!(notification["Body"], kept, "the exact bytes");
    }
}

#[track_caller]
fn copes_with_each_fault_and_takes_each_scenario(served: &Served<'_>) {
    for fault in FAULTS {
        must_work(&served.try_out(&["emulate", "Accepted", "--fault", fault, "--to"]));
    }
    for scenario in SCENARIOS {
        must_work(&served.try_out(&["emulate", "--scenario", scenario, "--to"]));
    }
}

/// The probes of a report that failed.
fn failed(report: &Value) -> Vec<&str> {
    let probes = report["Probes"].as_array().expect("it has probes").iter();
    let failed = probes.filter(|probe| probe["Outcome"] == "Failed");
    failed.map(|probe| probe["Probe"].as_str().expect("it has a name")).collect()
}

/// What `workbell check` sends once: JSON as no library writes it.
const AS_NOBODY_WRITES_IT: &str = r#""Comment" : "caf\u00e9 \u002b""#;

/// Whether a notification with this piece of text is in an inbox.
fn keeps(inbox: &Path, piece: &str) -> bool {
    let entries = fs::read_dir(inbox).expect("it is there");
    let mut files = entries.map(|entry| entry.expect("it can be read").path());
    files.any(|file| fs::read_to_string(file).expect("it can be read").contains(piece))
}

/// An inbox on a disk that is in memory where there is one: what a sync costs is not what is tested.
fn in_memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).expect("there is room") } else { work() }
}

fn python() -> Recipe {
    let recipe = folder("python");
    let program = |script: &str| {
        let mut command = Command::new(python_program());
        command.arg("-B").arg(recipe.join(script));
        command
    };
    let mut vectors = program("vectors.py");
    vectors.arg(checkout().join("crates/wire/vectors"));
    Recipe { work: work(), vectors, serve: program("receiver.py") }
}

fn javascript() -> Recipe {
    let work = work();
    for script in ["verifier.mjs", "receiver.mjs", "vectors.mjs", "package.json"] {
        fs::copy(folder("javascript").join(script), work.path().join(script)).expect("it can be copied");
    }
    std::os::unix::fs::symlink(node_packages(), work.path().join("node_modules")).expect("it can be linked");
    let program = |script: &str| {
        let mut command = Command::new("node");
        command.arg(work.path().join(script));
        command
    };
    let mut vectors = program("vectors.mjs");
    vectors.arg(checkout().join("crates/wire/vectors"));
    let serve = program("receiver.mjs");
    Recipe { work, vectors, serve }
}

fn go() -> Recipe {
    let work = work();
    let program = work.path().join("receiver");
    let go = |words: &[&str]| {
        let mut command = Command::new("go");
        let cache = checkout().join("target/ci/go");
        command.args(words).current_dir(folder("go")).env("GOCACHE", cache).env("GOFLAGS", "-mod=readonly");
        command
    };
    let built =
        go(&["build", "-o", &program.display().to_string(), "."]).output().expect("go can be started");
    must_work(&built);
    must_work(&go(&["vet", "."]).output().expect("go can be started"));
    Recipe { work, vectors: go(&["test", "-count=1", "-v", "."]), serve: Command::new(program) }
}

/// What the recipe in Java is compiled and run with, beside the JDK.
const JAVA_LIBRARIES: [&str; 19] = [
    "gson",
    "spring3-core",
    "spring3-beans",
    "spring3-aop",
    "spring3-expression",
    "spring3-context",
    "spring3-web",
    "spring3-web.servlet",
    "commons-logging",
    "tomcat9-catalina",
    "tomcat9-coyote",
    "tomcat9-util",
    "tomcat9-util-scan",
    "tomcat9-juli",
    "tomcat9-servlet-api",
    "tomcat9-api",
    "tomcat9-annotations-api",
    "tomcat9-jni",
    "tomcat9-jaspic-api",
];

fn java() -> Recipe {
    let work = work();
    let (lib, classes) = (work.path().join("lib"), work.path().join("classes"));
    fs::create_dir(&lib).expect("there is room");
    for library in JAVA_LIBRARIES.map(|name| format!("{name}.jar")) {
        let unpacked = debian_files().join("usr/share/java").join(&library);
        std::os::unix::fs::symlink(unpacked, lib.join(&library)).expect("it can be linked");
    }
    let sources = ["Verifier", "Inbox", "Receiver", "Settings", "Server", "Vectors"]
        .map(|class| folder("java").join(class).with_extension("java"));
    let path = format!("{}/*:{}", lib.display(), classes.display());
    let mut compiler = Command::new("javac");
    // One of the libraries names others that Debian leaves out.
    compiler.args(["-Xlint:all,-serial,-path", "-Werror", "-cp", &path, "-d"]).arg(&classes).args(sources);
    must_work(&compiler.output().expect("javac can be started"));
    let program = |class: &str| {
        let mut command = Command::new("java");
        command.args(["-cp", &path, class]);
        command
    };
    let mut vectors = program("hooks.Vectors");
    vectors.arg(checkout().join("crates/wire/vectors"));
    let serve = program("hooks.Server");
    Recipe { work, vectors, serve }
}

fn php() -> Recipe {
    let work = work();
    let recipe = folder("php");
    let mut vectors = Command::new("php");
    vectors.arg(recipe.join("vectors.php")).arg(checkout().join("crates/wire/vectors"));
    let debian = debian_files();
    let programs = fs::read_dir(debian.join("usr/bin")).expect("it was unpacked");
    let mut programs = programs.map(|entry| entry.expect("it can be read").path());
    let php = programs.find(|path| path.to_string_lossy().contains("php-cgi")).expect("the setup unpacks it");
    let mut serve = Command::new(debian.join("usr/sbin/lighttpd"));
    serve
        .arg("-D")
        .arg("-m")
        .arg(debian.join("usr/lib/lighttpd"))
        .arg("-f")
        .arg(recipe.join("lighttpd.conf"));
    serve.env("RECIPE", recipe).env("WORK", work.path()).env("PHP_CGI", php);
    Recipe { work, vectors, serve }
}

/// Each of the fifteen faults, by its name on the command line.
const FAULTS: [&str; 15] = [
    "duplicate",
    "reordered",
    "expired-token",
    "wrong-audience",
    "foreign-endpoint",
    "access-token",
    "bad-signature",
    "tampered-body",
    "truncated-body",
    "unknown-action",
    "unknown-member",
    "null-members",
    "huge-body",
    "slow-body",
    "no-expect",
];

/// Each of the nine lives of a work order.
const SCENARIOS: [&str; 9] = [
    "happy-path",
    "rejected",
    "recalled",
    "on-hold-and-reopened",
    "quote",
    "ivr-checkout",
    "dispute",
    "procedures",
    "attachments-and-messages",
];

fn holds(mut recipe: Recipe) {
    judges_all_vectors(&mut recipe);
    earns_an_a_and_keeps_the_exact_bytes(&Served::start(&mut recipe));
}

#[test]
fn python_with_flask() {
    holds(python());
}

#[test]
fn a_receiver_of_other_hands_copes_with_each_fault_and_takes_each_scenario() {
    copes_with_each_fault_and_takes_each_scenario(&Served::start(&mut python()));
}

#[test]
fn javascript_with_express() {
    holds(javascript());
}

#[test]
fn go_with_its_standard_library() {
    holds(go());
}

#[test]
fn java_with_spring() {
    holds(java());
}

#[test]
fn php_behind_a_web_server() {
    holds(php());
}
