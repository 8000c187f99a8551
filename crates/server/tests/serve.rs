//! The service as a whole, in this process: starting, refusing to start, delivering, stopping.

#![expect(clippy::unwrap_used, reason = "a helper that cannot go on fails the test")]

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use workbell_server::Service;
use workbell_server::settings::{Overrides, Settings};

const KEY: &str = "wbpk_for-tests-only";

fn flags(dir: &Path) -> Overrides {
    Overrides::new()
        .set("listen", "--listen", "127.0.0.1:0")
        .set("data_dir", "--data-dir", dir.to_str().unwrap())
        .set("platform_key", "--platform-key", KEY)
        .set("delivery.max_in_flight", "--max-in-flight", "64")
}

fn settings(flags: Overrides) -> Settings {
    Settings::load(None, [], flags).unwrap()
}

async fn refusal(flags: Overrides) -> String {
    match Service::start(settings(flags)).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

/// One request over a connection of its own; the whole answer.
async fn call(address: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// A service that runs, and how to stop it.
struct Running {
    address: SocketAddr,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(flags: Overrides) -> Self {
        let service = Service::start(settings(flags)).await.unwrap();
        let (address, shutdown) = (service.address(), CancellationToken::new());
        let task = tokio::spawn(service.run(shutdown.clone()));
        Running { address, shutdown, task }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn the_first_start_makes_private_files_and_the_next_one_goes_on_with_them() {
    let home = TempDir::new().unwrap();
    let dir = home.path().join("data");
    let first = Running::start(flags(&dir)).await;
    let certificates = call(first.address, "GET", "/certificates", "").await;
    assert!(certificates.contains("BEGIN CERTIFICATE"));
    assert!(call(first.address, "GET", "/readyz", "").await.starts_with("HTTP/1.1 200"));
    first.stop().await;
    assert_eq!(mode(&dir), 0o700);
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert!(dir.join("master.key").exists());
    assert!(!dir.join("platform.key").exists(), "it was given");

    let second = Running::start(flags(&dir)).await;
    let again = call(second.address, "GET", "/certificates", "").await;
    assert_eq!(certificates.split("\r\n\r\n").nth(1), again.split("\r\n\r\n").nth(1));
    second.stop().await;
}

#[tokio::test]
async fn a_platform_key_that_nobody_gave_is_made_and_works() {
    let home = TempDir::new().unwrap();
    let flags = Overrides::new().set("listen", "--listen", "127.0.0.1:0").set(
        "data_dir",
        "--data-dir",
        home.path().to_str().unwrap(),
    );
    let running = Running::start(flags).await;
    let key = fs::read_to_string(home.path().join("platform.key")).unwrap();
    assert_eq!(mode(&home.path().join("platform.key")), 0o600);
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let request = format!(
        "GET /v1/companies HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        key.trim()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(call(running.address, "GET", "/v1/companies", "").await.starts_with("HTTP/1.1 401"));
    running.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_a_data_dir_in_use_and_one_that_cannot_be_used_say_what_to_do() {
    let home = TempDir::new().unwrap();
    let running = Running::start(flags(home.path())).await;
    let message = refusal(flags(home.path())).await;
    assert!(message.contains("in use by another workbell") && message.contains("data_dir"), "{message}");

    let other = home.path().join("other");
    let taken = flags(&other).set("listen", "--listen", running.address.to_string());
    let message = refusal(taken).await;
    assert!(message.contains("something else listens there") && message.contains("--listen"), "{message}");
    assert!(!other.exists(), "nothing was made");
    running.stop().await;

    let file = home.path().join("file");
    fs::write(&file, "x").unwrap();
    let message = refusal(flags(&file)).await;
    assert!(message.contains("give another --data-dir"), "{message}");
    let message = refusal(flags(home.path()).set("delivery.max_in_flight", "-", "65536")).await;
    assert!(message.contains("files may be open") || message.contains("in use"), "{message}");
}

#[tokio::test]
async fn a_wrong_or_missing_master_key_is_a_clear_error_and_destroys_nothing() {
    let home = TempDir::new().unwrap();
    Running::start(flags(home.path())).await.stop().await;
    let file = home.path().join("master.key");
    let right = fs::read_to_string(&file).unwrap();

    let message = refusal(flags(home.path()).set("master_key", "-", "ab".repeat(32))).await;
    assert!(message.contains("the master_key of the settings is not the master key"), "{message}");
    fs::write(&file, "ab".repeat(32)).unwrap();
    let message = refusal(flags(home.path())).await;
    assert!(message.contains("master.key is not the master key that this store was made with"), "{message}");
    fs::write(&file, "nonsense").unwrap();
    let message = refusal(flags(home.path())).await;
    assert!(message.contains("holds no master key"), "{message}");
    fs::remove_file(&file).unwrap();
    let message = refusal(flags(home.path())).await;
    assert!(message.contains("master.key is missing"), "{message}");
    assert!(!file.exists(), "none was made up");

    let given = flags(home.path()).set("master_key", "-", right.trim());
    Running::start(given).await.stop().await;
    fs::write(&file, right).unwrap();
    Running::start(flags(home.path())).await.stop().await;
}

#[tokio::test]
async fn the_platform_interface_can_have_an_address_of_its_own() {
    let home = TempDir::new().unwrap();
    let service = Service::start(settings(flags(home.path()).set("platform.listen", "-", "127.0.0.2:0")))
        .await
        .unwrap();
    let (public, platform) = (service.address(), service.platform_address());
    assert_ne!(public, platform);
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(service.run(shutdown.clone()));
    assert!(call(public, "GET", "/certificates", "").await.starts_with("HTTP/1.1 200"));
    assert!(call(public, "GET", "/v1/companies", "").await.starts_with("HTTP/1.1 404"));
    assert!(call(platform, "GET", "/v1/companies", "").await.starts_with("HTTP/1.1 200"));
    assert!(call(platform, "GET", "/certificates", "").await.starts_with("HTTP/1.1 404"));
    for address in [public, platform] {
        assert!(call(address, "GET", "/healthz", "").await.starts_with("HTTP/1.1 200"));
    }
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn what_is_published_reaches_a_receiver_and_is_delivered_in_the_log() {
    let home = TempDir::new().unwrap();
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/in", receiver.local_addr().unwrap());
    let running = Running::start(flags(home.path()).allow_loopback()).await;
    let address = running.address;
    for (path, body) in [
        ("/v1/companies", r#"{"CompanyId":"acme","Name":"Acme"}"#.to_owned()),
        ("/v1/companies/acme/branches", r#"{"BranchId":492042,"Name":"North"}"#.to_owned()),
        (
            "/v1/companies/acme/endpoints",
            format!(r#"{{"Url":"{url}","ExpectContinue":false,"Headers":{{"X-Key":"geheim"}}}}"#),
        ),
    ] {
        let answer = call(address, "POST", path, &body).await;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
    let published = r#"{"Header":{"WorkOrderId":42,"BranchId":492042,"Action":"Accepted","Sender":{"Name":"Jon Snow","Type":"CorrigoPro"}},"Status":"Accepted"}"#;
    let answer = call(address, "POST", "/v1/notifications", published).await;
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");

    let (mut stream, _) =
        tokio::time::timeout(Duration::from_secs(10), receiver.accept()).await.unwrap().unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\"Status\":\"Accepted\"}") {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.unwrap();
        assert!(length > 0);
        request.extend_from_slice(&part[..length]);
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    let request = String::from_utf8(request).unwrap();
    assert!(request.starts_with("POST /in HTTP/1.1\r\n"), "{request}");
    assert!(
        request.contains("Event-Type: Accepted\r\n") && request.contains("X-Key: geheim\r\n"),
        "{request}"
    );

    // The outcome is on disk when the list shows it; the service ends what is in flight before it stops.
    running.stop().await;
    let again = Running::start(flags(home.path()).allow_loopback()).await;
    let delivered = call(again.address, "GET", "/v1/deliveries?State=Delivered", "").await;
    assert!(delivered.contains("\"AttemptCount\":1"), "{delivered}");
    let log = call(again.address, "GET", "/v1/log", "").await;
    assert!(log.contains("\"Status\":204") && !log.contains("geheim"), "{log}");
    again.stop().await;
}

/// A caller that sends on although it was refused still gets the answer, and the connection is not reset.
#[tokio::test]
async fn a_refused_body_does_not_cost_the_answer() {
    let home = TempDir::new().unwrap();
    let running = Running::start(flags(home.path())).await;
    let long = "x".repeat(8 << 20);
    let answer = call(running.address, "POST", "/v1/companies", &long).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head =
        format!("POST /v1/notifications HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", long.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(long.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 401");
    running.stop().await;
}

#[tokio::test]
async fn who_waits_for_our_word_is_refused_before_it_sends() {
    let home = TempDir::new().unwrap();
    let running = Running::start(flags(home.path())).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head = format!(
        "POST /v1/companies HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\nExpect: 100-continue\r\n\
         Content-Type: application/json\r\nContent-Length: 8388608\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413") && !answer.contains("100 Continue"), "{answer}");
    running.stop().await;
}
