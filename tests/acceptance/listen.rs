//! `workbell listen`: what a developer sees and what their program gets, on a local port and from the feed.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use workbell_testkit::{Answer, Installation, Platform, Random, Receiver, Recorded, command, wait_for};

use crate::notification::{BRANCH, COMPANY, message, publish, text};

/// A running `workbell listen`; killed when it is dropped.
struct Listener {
    child: Child,
    out: Arc<Mutex<String>>,
    said: Arc<Mutex<String>>,
}

fn copied(from: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let copy = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut lines = BufReader::new(from);
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|read| read > 0) {
            copy.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
            line.clear();
        }
    });
    text
}

impl Listener {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it can be started");
        let out = copied(child.stdout.take().expect("it is piped"));
        let said = copied(child.stderr.take().expect("it is piped"));
        Listener { child, out, said }
    }

    fn out(&self) -> String {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[track_caller]
    fn until_it_says(&self, words: &str) {
        wait_for(words, || self.said().contains(words).then_some(()));
    }

    /// The URL on which it listens.
    #[track_caller]
    fn url(&self) -> String {
        wait_for("the listener", || {
            let said = self.said();
            let url = said.split_once("Listening on ")?.1.split_once(';')?.0;
            Some(url.to_owned())
        })
    }

    #[track_caller]
    fn lines(&self, count: usize) -> Vec<String> {
        wait_for("the lines of the listener", || {
            let lines: Vec<String> = self.out().lines().map(str::to_owned).collect();
            (lines.len() >= count).then_some(lines)
        })
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().expect("there is kill");
        assert!(sent.success());
    }

    #[track_caller]
    fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        let child = &mut self.child;
        wait_for("its end", || child.try_wait().expect("a child can be looked at"))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may have ended already.
        let _gone = self.child.kill();
        let _status = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- listen printed:\n{}\n--- and said:\n{}", self.out(), self.said());
        }
    }
}

/// `workbell` of a developer with a home of their own.
fn workbell(home: &TempDir, words: &[&str]) -> Command {
    let mut command = command();
    command.args(words).env("HOME", home.path()).env_remove("XDG_CONFIG_HOME").env_remove("XDG_STATE_HOME");
    command
}

/// What a developer gives to have the feed of a service sent on to their program.
fn forwarding<'a>(service: &'a str, (id, secret): (&'a str, &'a str), program: &'a str) -> [&'a str; 9] {
    ["listen", "--server", service, "--client-id", id, "--client-secret", secret, "--forward-to", program]
}

fn home() -> TempDir {
    tempfile::tempdir().expect("there is room")
}

#[test]
fn what_the_emulator_sends_is_verified_printed_and_forwarded_byte_for_byte() {
    let home = home();
    let program = Receiver::start();
    let url = program.url("/hooks?x=1");
    let listener =
        Listener::start(workbell(&home, &["listen", "--listen", "127.0.0.1:0", "--forward-to", &url]));
    let port = listener.url();
    let direct = Receiver::start();
    for to in [port.clone(), direct.url("/")] {
        let sent =
            workbell(&home, &["emulate", "--all", "--seed", "7", "--to", &to]).output().expect("it runs");
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
    }
    let (forwarded, straight) = (program.answered(28), direct.answered(28));
    for (one, other) in forwarded.iter().zip(&straight) {
        assert_eq!(one.body, other.body, "the exact bytes");
        assert!(one.head_text().starts_with("POST /hooks?x=1 HTTP/1.1\r\n"));
        // Token and time differ, for they were sent at two times to two places.
        let names = |request: &Recorded| -> Vec<String> {
            let own = ["Connection", "Expect", "Host", "Content-Length"];
            let headers = request.headers();
            headers.iter().map(|it| it.0.to_owned()).filter(|name| !own.contains(&name.as_str())).collect()
        };
        let (mut one_names, mut other_names) = (names(one), names(other));
        one_names.sort();
        other_names.sort();
        assert_eq!(one_names, other_names, "the same names, written in the same way");
        for name in ["Event-Type", "Webhook-Id", "Workbell-Mode", "User-Agent", "Content-Type"] {
            assert_eq!(one.header(name), other.header(name));
        }
    }
    let lines = listener.lines(56);
    let company_wide = lines.iter().find(|line| line.contains("AdditionalFieldDescri"));
    assert!(company_wide.expect("it has a line").contains("  no work order  "), "{lines:?}");
    for action in ["NewWorkOrder", "CheckedOut", "ProcedureMarked"] {
        let line = lines.iter().find(|line| line.contains(action)).expect("each action has a line");
        assert!(
            line.contains("  verified") && line.contains("work order ") && line.contains("(test)"),
            "{line}"
        );
    }
    assert_eq!(lines.iter().filter(|line| line.contains("→ 200 OK in ")).count(), 28);
    assert_eq!(listener.terminate().code(), Some(0));
}

#[test]
fn without_a_program_it_answers_as_a_good_receiver_and_names_what_is_wrong() {
    let home = home();
    let listener = Listener::start(workbell(&home, &["listen", "--listen", "127.0.0.1:0", "--json"]));
    let port = listener.url();
    for (place, (fault, status, reason)) in [
        (None, 200, Value::Null),
        (Some("expired-token"), 401, json!("token, expired:")),
        (Some("wrong-audience"), 401, json!("token, audience:")),
        (Some("foreign-endpoint"), 401, json!("token, endpoint:")),
        (Some("bad-signature"), 401, json!("token, signature:")),
        (Some("tampered-body"), 401, json!("signature:")),
    ]
    .into_iter()
    .enumerate()
    {
        let mut words = vec!["emulate", "Accepted", "--json", "--to", &port];
        words.extend(fault.map(|fault| ["--fault", fault]).into_iter().flatten());
        let sent = workbell(&home, &words).output().expect("it runs");
        let sent: Value = serde_json::from_slice(&sent.stdout).expect("one line of JSON");
        assert_eq!(sent["Status"], status, "{fault:?}: {sent}");
        let line: Value = serde_json::from_str(&listener.lines(place + 1)[place]).expect("a line of JSON");
        assert_eq!(line["MessageId"], sent["MessageId"]);
        assert_eq!(line["Body"], sent["Body"]);
        assert_eq!(line["Verdict"] == "Verified", status == 200);
        match reason.as_str() {
            None => assert_eq!(line["Reason"], Value::Null),
            Some(begin) => {
                assert!(line["Reason"].as_str().is_some_and(|why| why.starts_with(begin)), "{line}")
            }
        }
    }
}

#[test]
fn what_the_program_answers_goes_back_and_one_that_is_not_there_is_502() {
    let home = home();
    let program = Receiver::answering(|_| Answer::Status(418));
    let nobody =
        TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr()).expect("a port is free");
    let nobody = format!("http://{nobody}/");
    for (to, status) in [(program.url("/"), 418), (nobody, 502)] {
        let words = ["listen", "--listen", "127.0.0.1:0", "--forward-to", &to];
        let listener = Listener::start(workbell(&home, &words));
        let port = listener.url();
        let sent =
            workbell(&home, &["emulate", "Accepted", "--json", "--to", &port]).output().expect("it runs");
        let sent: Value = serde_json::from_slice(&sent.stdout).expect("one line of JSON");
        assert_eq!(sent["Status"], status, "{sent}");
    }
}

#[test]
fn wrong_usage_and_what_cannot_be_reached_are_said() {
    let home = home();
    let nobody =
        TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr()).expect("a port is free");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it has an address").to_string();
    let server = format!("http://{nobody}");
    let with =
        |client: &'static str| -> Vec<&'static str> { vec!["--client-id", client, "--client-secret", "x"] };
    let server_words = vec!["listen", "--server", server.as_str()];
    let cases = [
        (vec!["listen", "--forward-to", "ftp://x/"], 2, "ftp: is no scheme of HTTP"),
        (vec!["listen", "--forward-to", "nowhere"], 2, "write it like http://localhost:3000/hooks"),
        (server_words.clone(), 2, "--client-id"),
        (vec!["listen", "--client-id", "x"], 2, "--server"),
        ([server_words.clone(), with("x")].concat(), 1, "no workbell answers"),
        (vec!["listen", "--listen", &address], 1, "give another --listen"),
        (vec!["listen", "--certificate", "/nowhere.pem"], 1, "/nowhere.pem"),
    ];
    for (words, status, why) in cases {
        let ended = workbell(&home, &words).output().expect("it runs");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(status), "{words:?}: {said}");
        assert!(said.contains(why), "{words:?}: {said}");
    }
}

/// A company with a pull endpoint: id of the client, its secret, the endpoint's secret.
fn company(platform: &Platform) -> (String, String, String) {
    platform.create_company(COMPANY, BRANCH);
    let made = platform.post(&format!("/v1/companies/{COMPANY}/endpoints"), &json!({"Url": null})).with(201);
    let client = platform.post(&format!("/v1/companies/{COMPANY}/clients"), &json!({})).with(201);
    (text(&client["ClientId"]), text(&client["ClientSecret"]), text(&made["Secret"]))
}

/// A connection to the service that is cut again and again, in both directions, wherever it is.
fn cutter(to: SocketAddr) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = socket.local_addr().expect("it has an address");
    std::thread::spawn(move || {
        let mut random = Random::new(77);
        for inner in socket.incoming() {
            let (Ok(inner), Ok(outer)) = (inner, TcpStream::connect(to)) else { continue };
            // An answer with one notification has some 3,000 bytes.
            let bytes = 500 + random.below(12_000);
            let both = (inner.try_clone(), outer.try_clone());
            if let (Ok(from_inner), Ok(to_outer)) = both {
                std::thread::spawn(move || pass(from_inner, to_outer, u64::MAX));
            }
            std::thread::spawn(move || pass(outer, inner, bytes));
        }
    });
    address
}

/// Passes so many bytes, then closes both.
fn pass(mut from: TcpStream, mut to: TcpStream, bytes: u64) {
    let mut left = bytes;
    let mut part = [0; 1024];
    while left > 0 {
        let most = usize::try_from(left.min(1024)).unwrap_or(1024);
        match from.read(&mut part[..most]) {
            Ok(read) if read > 0 && to.write_all(&part[..read]).is_ok() => left -= read as u64,
            Ok(_) | Err(_) => break,
        }
    }
    let (_closed, _too) = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

fn ids(requests: &[Recorded]) -> Vec<String> {
    requests.iter().map(|request| request.message_id().to_owned()).collect()
}

#[test]
fn behind_a_connection_that_is_cut_and_a_service_that_is_killed_each_is_forwarded_once_and_in_order() {
    let home = home();
    let program = Receiver::start();
    let url = program.url("/");
    let installation = Installation::new();
    let mut server = installation.start();
    let address = server.address();
    let installation = installation.listening(&address.to_string());
    let (id, secret, key) = company(&server.platform());
    let through = format!("http://{}", cutter(address));
    let mut words = forwarding(&through, (&id, &secret), &url).to_vec();
    words.extend(["--secret", &key, "--json"]);
    let listener = Listener::start(workbell(&home, &words));
    let mut random = Random::new(78);
    let mut published = Vec::new();
    for round in 0..4 {
        for number in 0..25 {
            published.push(publish(&server.platform(), &mut random, number % 5 + 1).0);
        }
        program.answered(published.len() - 20);
        if round < 3 {
            server.kill();
            server = installation.start();
        }
    }
    program.answered(published.len());
    // One more, after which nothing of those before can come.
    published.push(publish(&server.platform(), &mut random, 9).0);
    let requests = program.answered(published.len());
    assert!(listener.said().contains("trying again"), "the connection was cut");
    assert_eq!(ids(&requests), published, "each once, in order");
    assert!(requests.iter().all(|request| request.header("Workbell-Mode") == "live"));
    let lines = listener.lines(published.len());
    assert!(lines.iter().all(|line| line.contains("\"Verdict\":\"Verified\"")), "each was verified");
    assert!(lines.iter().all(|line| line.contains("\"Missing\":null")), "none was missing on the way");
    assert_eq!(listener.terminate().code(), Some(0));
}

#[test]
fn a_listener_that_ends_or_is_killed_goes_on_where_it_was() {
    let home = home();
    let program = Receiver::start();
    let url = program.url("/");
    let installation = Installation::new();
    let server = installation.start();
    let (id, secret, _) = company(&server.platform());
    let service = format!("http://{}", server.address());
    let words = forwarding(&service, (&id, &secret), &url);
    let mut random = Random::new(79);
    let (mut published, mut kills) = (Vec::new(), 0);
    for round in 0..10 {
        let listener = Listener::start(workbell(&home, &words));
        for _ in 0..10 {
            published.push(publish(&server.platform(), &mut random, 42).0);
        }
        // Somewhere in the middle of it.
        program.wait("some of them", |requests| (requests.len() + 5 >= published.len()).then_some(()));
        if round % 2 == 0 {
            assert_eq!(listener.terminate().code(), Some(0));
        } else {
            kills += 1;
            drop(listener);
        }
    }
    let _listener = Listener::start(workbell(&home, &words));
    let requests = program.wait("all of them", |requests| {
        let last = requests.last()?.message_id() == published.last()?;
        last.then(|| requests.to_vec())
    });
    let all = ids(&requests);
    let mut once = all.clone();
    once.dedup();
    assert_eq!(once, published, "none is missing, and order holds");
    assert!(all.len() - once.len() <= kills, "only what was in hand at a kill came again: {}", all.len());
}

#[test]
fn a_second_listener_is_refused_and_a_program_that_comes_late_misses_nothing() {
    let home = home();
    let server = Installation::new();
    let server = server.start();
    let (id, secret, _) = company(&server.platform());
    let service = format!("http://{}", server.address());
    let late = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = late.local_addr().expect("it has an address");
    drop(late);
    let url = format!("http://{address}/");
    let words = forwarding(&service, (&id, &secret), &url);
    let mut random = Random::new(80);
    let published: Vec<String> = (0..3).map(|_| publish(&server.platform(), &mut random, 42).0).collect();
    let listener = Listener::start(workbell(&home, &words));
    listener.until_it_says("waiting for it");
    let second = workbell(&home, &words).output().expect("it runs");
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another workbell listen"));
    // The program starts now; each connection of the listener brings one notification.
    let socket = TcpListener::bind(address).expect("the port is still free");
    let mut found = Vec::new();
    for _ in 0..3 {
        let (mut stream, _) = socket.accept().expect("the listener comes");
        let mut request = Vec::new();
        let mut part = [0; 4096];
        while !String::from_utf8_lossy(&request).ends_with("\"Hello\"}") {
            let read = stream.read(&mut part).expect("it sends");
            request.extend_from_slice(&part[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").expect("it listens");
        let request = String::from_utf8(request).expect("it is text");
        let id = request.split_once("\"MessageId\":\"").expect("there is one").1;
        found.push(id[..36].to_owned());
    }
    assert_eq!(found, published);
    let wrong =
        ["listen", "--server", &service, "--client-id", &id, "--client-secret", "wrong", "--state", "x"];
    let ended = workbell(&home, &wrong).current_dir(home.path()).output().expect("it runs");
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("gives no access token: invalid_client"));
}

#[test]
fn a_place_that_expired_is_begun_anew_without_forwarding_twice() {
    let home = home();
    let program = Receiver::start();
    let url = program.url("/");
    // It waits for its receiver, so its notification is kept although all others go.
    let closed = Receiver::answering(|_| Answer::Status(500));
    let installation = Installation::retrying("1h").set("retention.notifications", "1s");
    let server = installation.start();
    let platform = server.platform();
    let (id, secret, _) = company(&platform);
    let kept_for = json!({"Actions": ["Accepted"]});
    platform.create_endpoint(COMPANY, &closed.url("/"), kept_for);
    let mut random = Random::new(81);
    let held = random.guid();
    let accepted = message(&held, 42, "Hello").replace("MessageSent", "Accepted");
    let accepted = accepted.replace("\"Text\":\"Hello\"", "\"Status\":\"Accepted\"");
    platform.publish(accepted.as_bytes()).with(202);
    let service = format!("http://{}", server.address());
    let words = forwarding(&service, (&id, &secret), &url);
    let listener = Listener::start(workbell(&home, &words));
    let (second, _) = publish(&platform, &mut random, 43);
    program.answered(2);
    assert_eq!(listener.terminate().code(), Some(0));
    wait_for("the second one to be swept", || {
        let path = format!("/v1/notifications/{second}?CompanyId={COMPANY}");
        (platform.get(&path).status == 404).then(|| std::thread::park_timeout(Duration::from_millis(1)))
    });
    let listener = Listener::start(workbell(&home, &words));
    listener.until_it_says("has expired");
    let (third, _) = publish(&platform, &mut random, 44);
    let requests = program.answered(3);
    assert_eq!(ids(&requests), [held, second, third]);
}
