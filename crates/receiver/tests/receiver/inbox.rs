//! Both inboxes: repeats, order, failures, and what a handler writes.

use std::time::Duration;

use workbell_receiver::rusqlite::{Connection, Transaction};
use workbell_receiver::wire::Timestamp;
use workbell_receiver::{Failure, HandOver, Inbox, Kept, MemoryInbox, Message, Place, SqliteInbox};

use crate::signed::{now, verified};

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
    assert_eq!((first.sequence, first.failures, first.place), (Some(1), 1, Place::First));
    assert_eq!(done(inbox, again).unwrap().place, Place::Next);
    inbox.keep(&verified(42, 5), again).unwrap();
    assert_eq!(done(inbox, again).unwrap().place, Place::Gap { from: 3, to: 4 });
    // One of the missing ones comes after all,
    inbox.keep(&verified(42, 3), again).unwrap();
    assert_eq!(done(inbox, again).unwrap().place, Place::Late);
    assert!(done(inbox, again).is_none());
    // What was handed over stays known until it is forgotten.
    assert_eq!(inbox.keep(&verified(42, 2), again).unwrap(), Kept::Repeat);
    assert_eq!(inbox.forget(now()).unwrap(), 0);
    assert_eq!(inbox.forget(again.plus(Duration::from_secs(1))).unwrap(), 5);
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

fn a_panic_is_a_failure(inbox: &impl Inbox) {
    inbox.keep(&verified(42, 1), now()).unwrap();
    let HandOver::Failed { failure, again, .. } =
        inbox.hand_over(now(), &mut |_, _| panic!("no such table")).unwrap()
    else {
        panic!()
    };
    assert_eq!(failure.to_string(), "the handler panicked: no such table");
    assert_eq!(done(inbox, again).unwrap().failures, 1);
}

#[test]
fn a_handler_that_panics_has_failed_and_the_inbox_goes_on() {
    a_panic_is_a_failure(&MemoryInbox::new());
    let folder = tempfile::tempdir().unwrap();
    a_panic_is_a_failure(&SqliteInbox::open(folder.path().join("inbox")).unwrap());
}

fn keeps_during_a_hand_over(inbox: &impl Inbox) {
    inbox.keep(&verified(42, 1), now()).unwrap();
    let handed = inbox.hand_over(now(), &mut |_, _| {
        assert_eq!(inbox.keep(&verified(43, 1), now()).unwrap(), Kept::Fresh);
        Ok(())
    });
    assert!(matches!(handed.unwrap(), HandOver::Done(_)));
    assert_eq!(done(inbox, now()).unwrap().work_order_id, 43);
}

#[test]
fn a_handler_that_works_in_memory_delays_no_answer() {
    keeps_during_a_hand_over(&MemoryInbox::new());
}

#[test]
fn a_counter_that_was_long_silent_may_begin_anew() {
    let folder = tempfile::tempdir().unwrap();
    let inbox = SqliteInbox::open(folder.path().join("inbox")).unwrap();
    inbox.keep(&verified(42, 7), now()).unwrap();
    assert_eq!(done(&inbox, now()).unwrap().place, Place::First);
    let later = now().plus(workbell_receiver::REMEMBER + Duration::from_secs(1));
    inbox.keep(&verified(42, 1), later).unwrap();
    assert_eq!(done(&inbox, later).unwrap().place, Place::First);
}

/// The two inboxes, whatever comes and whatever fails, hand over the same in the same order.
#[test]
fn both_inboxes_hand_over_the_same_in_the_same_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inbox");
    let (memory, mut sqlite) = (MemoryInbox::new(), SqliteInbox::open(&file).unwrap());
    let (mut seed, mut at) = (7_u64, now());
    let mut luck = |below: u64| {
        // Knuth's MMIX constants.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for step in 0..400 {
        if luck(5) < 3 {
            let note = verified(40 + i64::try_from(luck(4)).unwrap(), 1 + luck(60));
            assert_eq!(memory.keep(&note, at).unwrap(), sqlite.keep(&note, at).unwrap());
        } else {
            at = at.plus(Duration::from_millis(luck(3) * 700));
            let fails = luck(3) == 0;
            let outcome = || if fails { Err("not now".into()) } else { Ok(()) };
            let one = memory.hand_over(at, &mut |_, _| outcome()).unwrap();
            let other = sqlite.hand_over(at, &mut |_, _| outcome()).unwrap();
            let told = |outcome: HandOver| match outcome {
                HandOver::Done(message) => {
                    format!("{} {:?} {:?}", message.message_id, message.place, message.failures)
                }
                HandOver::Failed { message, again, .. } => format!("{} again {again}", message.message_id),
                HandOver::Nothing(due) => format!("nothing {due:?}"),
            };
            assert_eq!(told(one), told(other), "step {step}");
        }
        if step == 200 {
            // The receiver starts again.
            drop(sqlite);
            sqlite = SqliteInbox::open(&file).unwrap();
        }
    }
    assert_eq!(memory.waiting().unwrap(), sqlite.waiting().unwrap());
}
