//! The example, as a process of its own: it must earn an A, and do once what it was told.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use workbell_emulator::check::{Grade, Options};
use workbell_emulator::{Check, Identity, Random};
use workbell_receiver::rusqlite::Connection;
use workbell_receiver::wire::Timestamp;
use workbell_receiver::wire::token::DEFAULT_AUDIENCE;

/// Generous: it ends earlier unless something is broken.
const LONG: Duration = Duration::from_secs(60);

fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

/// Where cargo puts it, next to the tests.
fn example() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.parent().and_then(|deps| deps.parent()).unwrap().join("examples/receiver");
    assert!(
        program.is_file(),
        "build it: cargo build -p workbell-receiver --example receiver --all-features"
    );
    program
}

/// Ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _status = self.0.wait();
    }
}

fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < LONG, "waited for {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn start(who: &Identity, folder: &std::path::Path) -> (Running, SocketAddr) {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr()).unwrap();
    let certificates = folder.join("certificates.pem");
    std::fs::write(&certificates, who.ring(DEFAULT_AUDIENCE).unwrap().certificates_pem(now())).unwrap();
    let child = Command::new(example())
        .env("WORKBELL_CERTIFICATES", certificates)
        .env("WORKBELL_SECRET", who.secret.to_text())
        .env("WORKBELL_ENDPOINT", &who.endpoint_id)
        .env("WORKBELL_URL", format!("http://{address}/hooks"))
        .env("WORKBELL_INBOX", folder.join("inbox.sqlite"))
        .env("WORKBELL_PORT", address.port().to_string())
        .stdout(Stdio::null())
        .spawn();
    let running = Running(child.unwrap());
    wait_for("the receiver to listen", || TcpStream::connect(address).is_ok());
    (running, address)
}

#[test]
fn the_example_has_an_a_and_works_off_each_notification_once() {
    let folder = tempfile::tempdir().unwrap();
    let who = Identity::generate(now()).unwrap();
    let (_running, address) = start(&who, folder.path());
    let options = Options { quick: Duration::from_secs(20), ..Options::default() };
    let check = Check::new(&format!("http://{address}/hooks"), &who, options).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let report = runtime.block_on(check.run(Random::new(3), now, |_| {})).unwrap();
    assert_eq!(report.grade(), Grade::A, "{:#?}", report.findings);

    let inbox = Connection::open(folder.path().join("inbox.sqlite")).unwrap();
    let count = |sql: &str| inbox.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    wait_for("all to be worked off", || count("SELECT COUNT(*) FROM workbell_inbox_waiting") == 0);
    let known = count("SELECT COUNT(*) FROM workbell_inbox_known");
    assert!(known > 100, "{known}");
    assert_eq!(count("SELECT COUNT(*) FROM seen"), known, "repeats came, and did nothing");
    let mut actions = inbox.prepare("SELECT DISTINCT action FROM seen").unwrap();
    let actions: BTreeSet<String> =
        actions.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(actions.len(), 29, "the 28 and the unknown one: {actions:?}");
}
