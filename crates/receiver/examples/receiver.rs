//! A complete receiver: verifies, keeps in an inbox, answers, and then works.
//!
//! `WORKBELL_CERTIFICATES=certificates.pem WORKBELL_SECRET=whsec_… WORKBELL_ENDPOINT=<id>
//! WORKBELL_URL=https://cmms.example/workbell cargo run --example receiver --features axum,sqlite`

use std::env::var;
use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::routing::post;
use workbell_receiver::rusqlite::Transaction;
use workbell_receiver::wire::Timestamp;
use workbell_receiver::{Failure, Inbox, Kept, Message, SqliteInbox, Trouble, Verified, Verifier, Worker};

#[derive(Clone)]
struct Receiver {
    verifier: Verifier,
    inbox: Arc<SqliteInbox>,
    worker: Arc<Worker>,
}

impl FromRef<Receiver> for Verifier {
    fn from_ref(receiver: &Receiver) -> Verifier {
        receiver.verifier.clone()
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let certificates = std::fs::read_to_string(var("WORKBELL_CERTIFICATES")?)?;
    let verifier = Verifier::builder()
        .certificates(&certificates)?
        .secret(&var("WORKBELL_SECRET")?)?
        .endpoint(var("WORKBELL_ENDPOINT")?)
        .url(&var("WORKBELL_URL")?)?
        .build()?;
    let file = var("WORKBELL_INBOX").unwrap_or_else(|_| "inbox.sqlite".to_owned());
    let inbox = Arc::new(SqliteInbox::open(file)?);
    let worker = Worker::start(inbox.clone(), work, |trouble| match trouble {
        Trouble::Handler(message, failure) => eprintln!("{}: {failure}, again later", message.message_id),
        Trouble::Inbox(error) => eprintln!("{error}"),
    })?;
    let state = Receiver { verifier, inbox, worker: Arc::new(worker) };
    let router = Router::new().fallback(post(receive)).with_state(state);
    let port = var("WORKBELL_PORT").unwrap_or_else(|_| "8090".to_owned());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("receiving on {}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

/// The request was verified before this is called. It is on disk when `200` is answered.
async fn receive(State(receiver): State<Receiver>, verified: Verified) -> StatusCode {
    let inbox = receiver.inbox.clone();
    let keep = move || inbox.keep(&verified, Timestamp::from_system(SystemTime::now()));
    match tokio::task::spawn_blocking(keep).await {
        Ok(Ok(Kept::Fresh)) => receiver.worker.wake(),
        Ok(Ok(Kept::Repeat)) => {}
        Ok(Err(_)) | Err(_) => return StatusCode::SERVICE_UNAVAILABLE,
    }
    StatusCode::OK
}

/// Your work. What is written through `transaction` happens exactly once.
fn work(transaction: &mut Transaction<'_>, message: &Message) -> Result<(), Failure> {
    transaction.execute_batch("CREATE TABLE IF NOT EXISTS seen (work_order INTEGER, action TEXT)")?;
    transaction.execute("INSERT INTO seen VALUES (?1, ?2)", (message.work_order_id, &message.action))?;
    println!("work order {}: {} ({:?})", message.work_order_id, message.action, message.place);
    Ok(())
}
