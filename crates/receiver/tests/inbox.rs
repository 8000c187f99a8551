//! Both inboxes: repeats, order, failures, and what a handler writes.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may its helpers")]

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue};
use serde_json::Value;
use workbell_receiver::rusqlite::{Connection, Transaction};
use workbell_receiver::wire::Timestamp;
use workbell_receiver::wire::webhook_signature::sign;
use workbell_receiver::{
    Failure, HandOver, Inbox, Kept, MemoryInbox, Message, Place, RawBody, SqliteInbox, Verified, Verifier,
};

const SECRET: &str = "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

fn now() -> Timestamp {
    Timestamp::from_unix_seconds(1_536_055_928)
}

/// A notification of work order `order` with this place, verified with the documented token.
fn verified(order: i64, sequence: u64) -> Verified {
    let vector: Value =
        serde_json::from_str(include_str!("../../wire/vectors/tokens/documented.json")).unwrap();
    let text = |member: &str| vector["expect"][member].as_str().unwrap().to_owned();
    let verifier = Verifier::builder()
        .certificates(vector["certificates"].as_str().unwrap())
        .and_then(|builder| builder.secret(SECRET))
        .and_then(|builder| {
            builder.audience(text("audience")).endpoint(text("endpoint")).url(&text("destination"))
        })
        .and_then(workbell_receiver::Builder::build)
        .unwrap();
    let id = format!("00000000-0000-7000-{order:04x}-{sequence:012x}");
    let body = format!(
        r#"{{"Header":{{"WorkOrderId":{order},"BranchId":7,"Sender":{{"Name":"Jon Snow","Type":"CorrigoPro"}},"Action":"Accepted","ActionDate":"2018-09-04T10:12:08Z","ApiVersion":"1.1","MessageId":"{id}"}},"Status":"Accepted"}}"#
    );
    let seconds = now().unix_seconds();
    let mut headers = HeaderMap::new();
    let mut put =
        |name: &'static str, value: String| headers.insert(name, HeaderValue::from_str(&value).unwrap());
    put("authorization", format!("Bearer {}", vector["token"].as_str().unwrap()));
    put("webhook-signature", sign(&[SECRET.parse().unwrap()], &id, seconds, body.as_bytes()));
    put("webhook-id", id);
    put("webhook-timestamp", seconds.to_string());
    put("workbell-sequence", sequence.to_string());
    verifier.verify_at(&headers, RawBody::received(body), now()).unwrap()
}

fn done<I: Inbox>(inbox: &I, at: Timestamp) -> Option<Box<Message>> {
    match inbox.hand_over(at, &mut |_, _| Ok(())).unwrap() {
        HandOver::Done(message) => Some(message),
        HandOver::Nothing(_) => None,
        HandOver::Failed { failure, .. } => panic!("{failure}"),
    }
}

fn keeps_once_in_order_and_holds_up_nobody_else(inbox: &impl Inbox) {
    // 2 came before 1; both wait, and the lower one goes first.
    for (order, sequence) in [(42, 2), (42, 1), (43, 1)] {
        assert_eq!(inbox.keep(&verified(order, sequence), now()).unwrap(), Kept::Fresh);
    }
    assert_eq!(inbox.keep(&verified(42, 1), now()).unwrap(), Kept::Repeat);
    assert_eq!(inbox.waiting().unwrap(), 3);
    // The head of work order 42 fails: 2 waits behind it, work order 43 goes on.
    let failed = inbox.hand_over(now(), &mut |_, message| {
        assert_eq!((message.work_order_id, message.sequence), (42, Some(1)));
        Err("the database is away".into())
    });
    let HandOver::Failed { again, .. } = failed.unwrap() else { panic!() };
    assert_eq!(again, now().plus(Duration::from_secs(1)));
    assert_eq!(done(inbox, now()).unwrap().work_order_id, 43);
    assert!(
        matches!(inbox.hand_over(now(), &mut |_, _| Ok(())).unwrap(), HandOver::Nothing(Some(due)) if due == again)
    );
    let first = done(inbox, again).unwrap();
    assert_eq!((first.sequence, first.failures), (Some(1), 1));
    assert_eq!(done(inbox, again).unwrap().place, Place::Next);
    inbox.keep(&verified(42, 5), again).unwrap();
    assert_eq!(done(inbox, again).unwrap().place, Place::Gap { from: 3, to: 4 });
    assert!(done(inbox, again).is_none());
    // What was handed over stays known until it is forgotten.
    assert_eq!(inbox.keep(&verified(42, 2), again).unwrap(), Kept::Repeat);
    assert_eq!(inbox.forget(now()).unwrap(), 0);
    assert_eq!(inbox.forget(again.plus(Duration::from_secs(1))).unwrap(), 4);
    assert_eq!(inbox.keep(&verified(42, 2), again).unwrap(), Kept::Fresh);
}

#[test]
fn memory_keeps_once_in_order_and_holds_up_nobody_else() {
    keeps_once_in_order_and_holds_up_nobody_else(&MemoryInbox::new());
}

#[test]
fn sqlite_keeps_once_in_order_and_holds_up_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    keeps_once_in_order_and_holds_up_nobody_else(&SqliteInbox::open(folder.path().join("inbox")).unwrap());
}

#[test]
fn what_a_failed_handler_wrote_is_undone_and_a_later_try_writes_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inbox");
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE effects (sequence INTEGER)").unwrap();
    let write = |transaction: &mut Transaction<'_>, message: &Message| -> Result<(), Failure> {
        transaction.execute("INSERT INTO effects VALUES (?1)", [message.sequence.map(|it| it as i64)])?;
        Ok(())
    };
    let inbox = SqliteInbox::open(&file).unwrap();
    inbox.keep(&verified(42, 1), now()).unwrap();
    let mut half = |transaction: &mut Transaction<'_>, message: &Message| -> Result<(), Failure> {
        write(transaction, message)?;
        Err("and then it failed".into())
    };
    assert!(matches!(inbox.hand_over(now(), &mut half).unwrap(), HandOver::Failed { .. }));
    let effects = || -> i64 {
        let connection = Connection::open(&file).unwrap();
        connection.query_row("SELECT COUNT(*) FROM effects", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(effects(), 0);
    // The receiver starts again; what waits is still there.
    drop(inbox);
    let inbox = SqliteInbox::open(&file).unwrap();
    let later = now().plus(Duration::from_secs(1));
    assert!(matches!(inbox.hand_over(later, &mut { write }).unwrap(), HandOver::Done(_)));
    assert!(matches!(inbox.hand_over(later, &mut { write }).unwrap(), HandOver::Nothing(None)));
    assert_eq!(effects(), 1);
    assert_eq!(inbox.keep(&verified(42, 1), later).unwrap(), Kept::Repeat);
}
