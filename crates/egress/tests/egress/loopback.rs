//! The same over real sockets, which never leave this machine.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use workbell_egress::{Class, Client, ClientOptions, Failure, Policy, Pool, Request};

use crate::stage::{OK, failure, request, status};

fn pool(policy: Policy) -> Pool {
    Client::new(ClientOptions::new(policy)).expect("a client").pool(4)
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

async fn read_request(socket: &mut TcpStream) -> bool {
    let mut seen = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while !seen.ends_with(b"{\"Header\":{}}") {
        match socket.read(&mut buffer).await {
            Ok(read) if read > 0 => seen.extend_from_slice(&buffer[..read]),
            _ => return false,
        }
    }
    true
}

#[tokio::test]
async fn loopback_is_refused_by_default_and_allowed_by_each_setting() {
    let (listener, port) = listener().await;
    let url = format!("http://127.0.0.1:{port}/");
    let refused = pool(Policy::public()).send(request(&url)).await;
    let Err(Failure::AddressRefused(refusal)) = refused.result else { panic!("{:?}", refused.result) };
    assert_eq!(refusal.class, Class::Loopback);
    let own = listener.local_addr().expect("an address");
    let refused = pool(Policy { own: vec![own], ..Policy::open() }).send(request(&url)).await;
    assert_eq!(failure(&refused), "AddressRefused");

    let server = tokio::spawn(async move {
        let mut accepted = 0;
        while let Ok((mut socket, _)) = listener.accept().await {
            accepted += 1;
            assert!(read_request(&mut socket).await);
            socket.write_all(OK.as_bytes()).await.expect("written");
            if accepted == 3 {
                break;
            }
        }
        accepted
    });
    let allow = vec!["127.0.0.0/8".parse().expect("a net")];
    for policy in [
        Policy { allow_loopback: true, ..Policy::public() },
        Policy { allow, ..Policy::public() },
        Policy::open(),
    ] {
        let attempted = pool(policy).send(request(&url)).await;
        assert_eq!(status(&attempted), 200);
        assert_eq!(attempted.address.map(|address| address.port()), Some(port));
    }
    assert_eq!(server.await.expect("served"), 3, "the refused ones never arrived");
}

#[tokio::test]
async fn the_name_localhost_is_judged_by_its_address() {
    let (_listener, port) = listener().await;
    let attempted = pool(Policy::public()).send(request(&format!("http://localhost:{port}/"))).await;
    assert_eq!(failure(&attempted), "AddressRefused");
}

#[tokio::test]
async fn a_port_where_nobody_listens_refuses_the_connection() {
    let (listener, port) = listener().await;
    drop(listener);
    let attempted = pool(Policy::open()).send(request(&format!("http://127.0.0.1:{port}/"))).await;
    assert_eq!(failure(&attempted), "ConnectionRefused");
    assert!(attempted.address.is_some() && attempted.request_headers.is_empty());
}

#[tokio::test]
async fn a_reset_is_a_closed_connection() {
    let (listener, port) = listener().await;
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        read_request(&mut socket).await;
        socket.set_zero_linger().expect("a reset instead of an orderly close");
    });
    let attempted = pool(Policy::open()).send(request(&format!("http://127.0.0.1:{port}/"))).await;
    assert_eq!(failure(&attempted), "ConnectionClosed");
    server.await.expect("served");
}

#[tokio::test]
async fn a_refusal_is_read_although_the_server_reset_the_connection_while_we_were_writing() {
    let (listener, port) = listener().await;
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut buffer = [0; 1024];
        socket.read_exact(&mut buffer).await.expect("some bytes");
        let answer = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        socket.write_all(answer).await.expect("written");
        // dropped with unread bytes: the kernel resets
    });
    let body = bytes::Bytes::from(vec![b'x'; 16 * 1024 * 1024]);
    let sent = Request { body, ..request(&format!("http://127.0.0.1:{port}/")) };
    let attempted = pool(Policy::open()).send(sent).await;
    server.await.expect("served");
    // Linux keeps what was received before the reset
    assert_eq!(status(&attempted), 413);
}

#[tokio::test]
async fn an_answer_after_the_last_byte_always_counts_over_real_sockets() {
    let (listener, port) = listener().await;
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                while read_request(&mut socket).await {
                    socket.write_all(OK.as_bytes()).await.expect("written");
                }
            });
        }
    });
    let pool = pool(Policy::open());
    let url = format!("http://127.0.0.1:{port}/");
    for size in [0, 1000, 100_000, 1_000_000, 5_000_000] {
        for _ in 0..20 {
            let mut body = vec![b'x'; size];
            body.extend_from_slice(b"{\"Header\":{}}");
            let attempted = pool.send(Request { body: body.into(), ..request(&url) }).await;
            assert_eq!(status(&attempted), 200);
        }
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() {
    let (listener, port) = listener().await;
    let timeout = Duration::from_millis(50);
    let sent = Request { timeout, ..request(&format!("http://127.0.0.1:{port}/")) };
    let attempted = pool(Policy::open()).send(sent).await;
    assert_eq!(failure(&attempted), "Timeout");
    assert!(attempted.total >= timeout);
    drop(listener);
}
