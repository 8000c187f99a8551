//! The layer, the extractor and the worker, as a receiver uses them.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::post;
use axum::{Extension, Router};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use workbell_receiver::{
    Failure, Inbox, MAX_BODY, MemoryInbox, Message, Trouble, Verified, VerifyLayer, Worker,
};

use crate::signed::{request, verified, verifier};

/// Generous: it ends earlier unless something is broken.
const LONG: Duration = Duration::from_secs(60);

async fn status(router: &Router, headers: HeaderMap, body: impl Into<Body>) -> (StatusCode, String) {
    let mut request = Request::post("/").body(body.into()).unwrap();
    *request.headers_mut() = headers;
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let text = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(text.to_vec()).unwrap())
}

async fn lets_through_what_is_verified(router: Router) {
    let (headers, body) = request(42, 1);
    assert_eq!(status(&router, headers.clone(), body.clone()).await, (StatusCode::OK, "42".to_owned()));
    let (refused, text) = status(&router, headers.clone(), body.replace("Snow", "Sand")).await;
    assert_eq!(refused, StatusCode::UNAUTHORIZED, "{text}");
    let (refused, text) = status(&router, HeaderMap::new(), body).await;
    assert_eq!(refused, StatusCode::UNAUTHORIZED, "{text}");
    let (refused, text) = status(&router, headers, vec![b' '; MAX_BODY + 1]).await;
    assert_eq!(refused, StatusCode::PAYLOAD_TOO_LARGE, "{text}");
}

#[tokio::test]
async fn the_extractor_lets_through_what_is_verified() {
    let answer = |State(_): State<workbell_receiver::Verifier>, verified: Verified| async move {
        verified.header().work_order_id.to_string()
    };
    lets_through_what_is_verified(Router::new().route("/", post(answer)).with_state(verifier())).await;
}

#[tokio::test]
async fn the_layer_lets_through_what_is_verified_with_its_bytes() {
    let answer = |Extension(verified): Extension<Verified>, body: String| async move {
        assert_eq!(body.as_bytes(), verified.body().as_bytes());
        verified.header().work_order_id.to_string()
    };
    let layer = VerifyLayer::new(verifier());
    lets_through_what_is_verified(Router::new().route("/", post(answer)).layer(layer)).await;
}

#[test]
fn a_worker_hands_over_what_is_kept_tells_of_failures_and_ends_with_its_drop() {
    let inbox = Arc::new(MemoryInbox::new());
    inbox.keep(&verified(41, 1), crate::signed::now()).unwrap();
    let (done, handed) = mpsc::channel();
    let (told, troubles) = mpsc::channel();
    let handler = move |_: &mut (), message: &Message| -> Result<(), Failure> {
        done.send(message.work_order_id)?;
        if message.work_order_id == 43 { Err("not this one".into()) } else { Ok(()) }
    };
    let worker = Worker::start(inbox.clone(), handler, move |trouble| told.send(trouble).unwrap()).unwrap();
    assert_eq!(handed.recv_timeout(LONG), Ok(41));
    inbox.keep(&verified(42, 1), crate::signed::now()).unwrap();
    worker.wake();
    assert_eq!(handed.recv_timeout(LONG), Ok(42));
    inbox.keep(&verified(43, 1), crate::signed::now()).unwrap();
    worker.wake();
    assert_eq!(handed.recv_timeout(LONG), Ok(43));
    let Trouble::Handler(message, failure) = troubles.recv_timeout(LONG).unwrap() else { panic!() };
    assert_eq!((message.work_order_id, failure.to_string().as_str()), (43, "not this one"));
    drop(worker);
    // The handler is gone with the thread, and so is its side of the channel.
    assert!(handed.iter().all(|order| order == 43));
}
