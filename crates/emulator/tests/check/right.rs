//! A receiver built on the library.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::routing::post;
use workbell_emulator::Identity;
use workbell_emulator::check::{Grade, Outcome};
use workbell_receiver::{Inbox as _, MemoryInbox, Verified, Verifier};
use workbell_wire::token::DEFAULT_AUDIENCE;

use crate::{check, ended, identity, now, options};

#[derive(Clone)]
struct Receiver {
    verifier: Verifier,
    inbox: Arc<MemoryInbox>,
}

impl FromRef<Receiver> for Verifier {
    fn from_ref(receiver: &Receiver) -> Verifier {
        receiver.verifier.clone()
    }
}

async fn receive(State(receiver): State<Receiver>, verified: Verified) -> StatusCode {
    match receiver.inbox.keep(&verified, now()) {
        Ok(_) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Starts it, and gives its URL.
async fn start(who: &Identity) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    let verifier = Verifier::builder()
        .certificates(&who.ring(DEFAULT_AUDIENCE).unwrap().certificates_pem(now()))
        .unwrap()
        .secret(&who.secret.to_text())
        .unwrap()
        .endpoint(&who.endpoint_id)
        .url(&url)
        .unwrap()
        .build()
        .unwrap();
    let state = Receiver { verifier, inbox: Arc::new(MemoryInbox::new()) };
    let router = Router::new().route("/hooks", post(receive)).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_built_on_the_library_has_an_a() {
    let who = identity();
    let report = check(&start(who).await, who, options()).await;
    assert_eq!(ended(&report, Outcome::Failed), [], "{:#?}", report.findings);
    assert_eq!(report.grade(), Grade::A);
    assert_eq!(ended(&report, Outcome::Warned), [], "{:#?}", report.findings);
}
