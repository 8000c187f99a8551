//! The bytes of a request.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use workbell_egress::{Client, ClientOptions, Policy, Request};

use crate::stage::{OK, Stage, expecting, hook, request, status};

#[tokio::test]
async fn a_raw_socket_sees_the_documented_request_byte_for_byte() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a connection");
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        while !seen.ends_with(b"\r\n\r\n") {
            let read = socket.read(&mut buffer).await.expect("a head");
            seen.extend_from_slice(&buffer[..read]);
        }
        let head = seen.len();
        socket.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.expect("written");
        while seen.len() < head + 13 {
            let read = socket.read(&mut buffer).await.expect("a body");
            seen.extend_from_slice(&buffer[..read]);
        }
        socket.write_all(OK.as_bytes()).await.expect("written");
        seen
    });
    let client = Client::new(ClientOptions::new(Policy::open())).expect("a client");
    let url = format!("http://{address}/in?key=a%20b");
    let attempted = client.pool(1).send(Request { expect_continue: true, ..request(&url) }).await;
    assert_eq!(status(&attempted), 200);
    assert_eq!(attempted.address, Some(address));
    let expected = format!(
        "POST /in?key=a%20b HTTP/1.1\r\n\
         Connection: Keep-Alive\r\n\
         Content-Length: 13\r\n\
         Content-Type: application/json; charset=utf-8\r\n\
         Authorization: Bearer data<---->signature\r\n\
         Expect: 100-continue\r\n\
         Host: {address}\r\n\
         Event-Type: Accepted\r\n\
         Webhook-Id: 0f8fad5b-d9cb-469f-a165-70867728950e\r\n\
         Webhook-Signature: v1,c2lnbmF0dXJl\r\n\
         Workbell-Attempt: 1\r\n\
         User-Agent: Workbell/0.1.0\r\n\
         \r\n\
         {{\"Header\":{{}}}}"
    );
    assert_eq!(String::from_utf8(server.await.expect("served")).expect("text"), expected);
}

#[tokio::test(start_paused = true)]
async fn the_order_is_the_documented_one_whatever_the_order_of_the_caller() {
    let stage = Stage::new();
    stage.answering(OK);
    let mut sent = hook();
    sent.headers.clear();
    for (name, value) in [
        ("x-tenant", "7"),
        ("event-type", "Accepted"),
        ("content-type", "text/plain"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("host", "elsewhere.example"),
        ("content-length", "1"),
        ("expect", "100-continue"),
        ("x-tenant", "8"),
        ("authorization", "Bearer token"),
    ] {
        sent.headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    assert_eq!(status(&stage.pool().send(sent).await), 200);
    let expected = "POST /in HTTP/1.1\r\nConnection: Keep-Alive\r\nContent-Length: 13\r\n\
         Content-Type: application/json; charset=utf-8\r\nAuthorization: Bearer token\r\n\
         Host: hooks.example.com\r\nEvent-Type: Accepted\r\nX-Tenant: 7\r\nX-Tenant: 8\r\n\r\n{\"Header\":{}}";
    assert_eq!(stage.text(0), expected);
}

#[tokio::test(start_paused = true)]
async fn a_large_body_goes_out_whole_and_never_chunked() {
    let stage = Stage::new();
    stage.answering(OK);
    let body: Vec<u8> = (0..256 * 1024).map(|i| b'a' + u8::try_from(i % 26).expect("a letter")).collect();
    let attempted = stage.pool().send(Request { body: Bytes::from(body.clone()), ..expecting() }).await;
    assert_eq!(status(&attempted), 200);
    let received = stage.received(0).bytes;
    let head = received.len() - body.len();
    assert!(received[..head].ends_with(b"\r\n\r\n"));
    assert!(!received[..head].windows(8).any(|bytes| bytes.eq_ignore_ascii_case(b"transfer")));
    assert_eq!(received[head..], body);
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_http_1_0_does_not_change_the_next_request() {
    let stage = Stage::new();
    stage.answering("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
    stage.answering(OK);
    let pool = stage.pool();
    assert_eq!(status(&pool.send(hook()).await), 200);
    assert_eq!(status(&pool.send(hook()).await), 200);
    assert!(stage.text(1).starts_with("POST /in HTTP/1.1\r\nConnection: Keep-Alive\r\n"));
}

#[tokio::test(start_paused = true)]
async fn the_log_shows_the_head_as_sent_but_no_secret() {
    let stage = Stage::new();
    stage.answering(OK);
    let mut sent = expecting();
    let mut key = HeaderValue::from_static("hunter2");
    key.set_sensitive(true);
    sent.headers.insert("x-api-key", key);
    let attempted = stage.pool().send(sent).await;
    let logged: String =
        attempted.request_headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let sent = stage.text(0);
    let sent = sent.split_once("\r\n").expect("lines").1.split_once("\r\n\r\n").expect("a head").0;
    let masked = sent
        .replace("data<---->signature", "***")
        .replace("v1,c2lnbmF0dXJl", "***")
        .replace("hunter2", "***");
    assert_eq!(logged, masked + "\r\n");
}
