//! What one attempt costs this room in processor time, over one kept-alive connection on loopback.
//!
//! The receiver is a bare loop on a thread of its own; only the thread of the client is measured. Linux only.
//! Run: `cargo run -p workbell-egress --example cost`.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use workbell_egress::{Client, ClientOptions, Policy, Request, Target};

const REQUESTS: u32 = 20_000;

fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/in", listener.local_addr().expect("an address"));
    std::thread::spawn(move || listener.incoming().flatten().for_each(receive));
    bare(&url);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let pool = Client::new(ClientOptions::new(Policy::open())).expect("a client").pool(1);
    for expect_continue in [false, true] {
        let request = request(&url, expect_continue);
        runtime.block_on(async { drop(pool.send(request.clone()).await) });
        let (begin, processor) = (Instant::now(), processor_time());
        runtime.block_on(async {
            for _ in 0..REQUESTS {
                let attempted = pool.send(request.clone()).await;
                assert!(attempted.reused && attempted.result.is_ok(), "{attempted:?}");
            }
        });
        println!(
            "expect {expect_continue}: {:?} of processor time, {:?} per request",
            (processor_time() - processor) / REQUESTS,
            begin.elapsed() / REQUESTS
        );
    }
}

/// The same bytes by two system calls per request: what no client can go below.
fn bare(url: &str) {
    let address = url.trim_start_matches("http://").trim_end_matches("/in");
    let mut socket = std::net::TcpStream::connect(address).expect("a connection");
    socket.set_nodelay(true).expect("no delay");
    let sent = format!("POST /in HTTP/1.1\r\nX: {}\r\n\r\n{}", "x".repeat(700), "x".repeat(1024));
    let mut buffer = [0; 1024];
    let (begin, processor) = (Instant::now(), processor_time());
    for _ in 0..REQUESTS {
        socket.write_all(sent.as_bytes()).expect("written");
        assert!(socket.read(&mut buffer).expect("an answer") > 0);
    }
    let processor = (processor_time() - processor) / REQUESTS;
    println!("bare sockets: {processor:?} of processor time, {:?} per request", begin.elapsed() / REQUESTS);
}

fn request(url: &str, expect_continue: bool) -> Request {
    let names = ["authorization", "event-type", "webhook-id", "webhook-timestamp", "webhook-signature"];
    let more = ["workbell-attempt", "workbell-sequence", "workbell-mode", "user-agent"];
    let value = HeaderValue::from_static("a value of a usual length, some forty bytes");
    let name = |name: &&'static str| (HeaderName::from_static(name), value.clone());
    Request {
        target: Arc::new(Target::parse(url).expect("a URL")),
        headers: names.iter().chain(&more).map(name).collect::<HeaderMap>(),
        body: Bytes::from(vec![b'x'; 1024]),
        timeout: Duration::from_secs(30),
        connect_timeout: Duration::from_secs(10),
        expect_continue,
        response_limit: 16 * 1024,
    }
}

fn receive(mut socket: std::net::TcpStream) {
    socket.set_nodelay(true).expect("no delay");
    let mut buffer = [0; 16 * 1024];
    let mut seen = 0;
    while let Ok(read) = socket.read(&mut buffer[seen..]) {
        if read == 0 {
            return;
        }
        seen += read;
        let Some(head) = buffer[..seen].windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let expects = buffer[..head].windows(6).any(|bytes| bytes == b"Expect");
        let answer: &[u8] = if seen >= head + 4 + 1024 {
            seen = 0;
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        } else if expects && seen == head + 4 {
            b"HTTP/1.1 100 Continue\r\n\r\n"
        } else {
            continue;
        };
        socket.write_all(answer).expect("written");
    }
}

/// Processor time of this thread.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}
