//! A receiver that is killed again and again loses nothing that it acknowledged, and what its handler wrote through the
//! transaction exists exactly once.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use workbell_receiver::rusqlite::{Connection, Transaction};
use workbell_receiver::{Failure, HandOver, Inbox as _, Message, SqliteInbox, Worker};

use crate::signed::{now, verified};

/// How often it is killed.
const KILLS: u64 = 200;

/// Names the file of the receiver's inbox, in the process that is to be killed.
const FILE: &str = "WORKBELL_TEST_INBOX";

/// The first number that it keeps.
const FIRST: &str = "WORKBELL_TEST_FIRST";

/// Work orders that the numbers are dealt to in turn.
const ORDERS: u64 = 5;

fn place(number: u64) -> (i64, u64) {
    (i64::try_from(40 + number % ORDERS).unwrap(), number / ORDERS + 1)
}

fn work(transaction: &mut Transaction<'_>, message: &Message) -> Result<(), Failure> {
    let sequence = message.sequence.map(|it| it as i64);
    transaction.execute("INSERT INTO effects VALUES (?1, ?2)", (message.work_order_id, sequence))?;
    Ok(())
}

/// Keeps one after the other and says each that is kept, until it is killed.
fn receive(file: &Path, first: u64) {
    let inbox = Arc::new(SqliteInbox::open(file).unwrap());
    let worker = Worker::start(inbox.clone(), work, |trouble| panic!("{trouble:?}")).unwrap();
    for number in first.. {
        let (order, sequence) = place(number);
        inbox.keep(&verified(order, sequence), now()).unwrap();
        worker.wake();
        let mut out = std::io::stdout().lock();
        writeln!(out, "kept {number}").unwrap();
        out.flush().unwrap();
    }
}

/// What a line says that is kept; the test runner writes its own words before the first.
fn number(line: &str) -> Option<u64> {
    line.split_once("kept ")?.1.parse().ok()
}

#[test]
fn a_receiver_that_is_killed_loses_nothing_and_does_nothing_twice() {
    if let (Some(file), Ok(first)) = (std::env::var_os(FILE), std::env::var(FIRST)) {
        return receive(Path::new(&file), first.parse().unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inbox");
    let effects = "CREATE TABLE effects (work_order INTEGER, sequence INTEGER)";
    Connection::open(&file).unwrap().execute_batch(effects).unwrap();
    let mut acknowledged = BTreeSet::new();
    let mut first = 0;
    for kill in 0..KILLS {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "kill::a_receiver_that_is_killed_loses_nothing_and_does_nothing_twice",
                "--nocapture",
            ])
            .env(FILE, &file)
            .env(FIRST, first.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        // Killed after so many are acknowledged, wherever it is with the next one and with its work.
        for _ in 0..=kill % 7 {
            let kept = lines.by_ref().map(Result::unwrap).find_map(|line| number(&line));
            let Some(kept) = kept else { panic!("the receiver ended: {}", process.wait().unwrap()) };
            acknowledged.insert(kept);
        }
        process.kill().unwrap();
        process.wait().unwrap();
        // What it still said before it died counts too.
        let rest = lines.map_while(Result::ok);
        acknowledged.extend(rest.filter_map(|line| number(&line)));
        // The next one begins with what was not acknowledged, as the service would.
        first = acknowledged.last().map_or(0, |last| last + 1);
    }
    let inbox = SqliteInbox::open(&file).unwrap();
    while let HandOver::Done(_) = inbox.hand_over(now(), &mut work).unwrap() {}
    assert_eq!(inbox.waiting().unwrap(), 0);
    let connection = Connection::open(&file).unwrap();
    let mut statement =
        connection.prepare("SELECT work_order, sequence FROM effects ORDER BY rowid").unwrap();
    let found: Vec<(i64, u64)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let once: BTreeSet<(i64, u64)> = found.iter().copied().collect();
    assert_eq!(once.len(), found.len(), "something was done twice");
    for number in &acknowledged {
        assert!(once.contains(&place(*number)), "number {number} was acknowledged and is lost");
    }
    for order in 40..40 + i64::try_from(ORDERS).unwrap() {
        let sequences: Vec<u64> = found.iter().filter(|(of, _)| *of == order).map(|(_, it)| *it).collect();
        assert!(sequences.is_sorted(), "work order {order}: {sequences:?}");
    }
    assert!(acknowledged.len() as u64 >= KILLS, "{}", acknowledged.len());
}
