//! An inbox in a SQLite file, or in tables of the receiver's own SQLite database.
//!
//! Five tables: the MessageIds that are known, what waits, the first of each work order that waits, and per work order
//! the highest sequence handed over and the ones that are missing. Every commit is synced (`synchronous=FULL`). Two connections, so that a hand-over does not block the next request for
//! longer than its transaction lasts: handlers should write and return. Inside a hand-over the database is locked for
//! other writers.

mod heads;

use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use workbell_wire::{MessageId, Timestamp};

use super::{Error, Failure, HandOver, Inbox, Kept, Message, REMEMBER, run, wait_after};
use crate::order::{MOST_MISSING, Place};
use crate::verified::{Mode, Verified};

/// Longest wait for another writer of the same file.
///
/// 10 s: less than the service waits for an answer (30 s), so that it hears `503` from a stuck database.
const BUSY: Duration = Duration::from_secs(10);

/// `workbell_inbox_known.handed_over` is 0 while the notification waits.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS workbell_inbox_known (
    message_id  BLOB PRIMARY KEY,
    received    INTEGER NOT NULL,
    handed_over INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS workbell_inbox_known_by_received ON workbell_inbox_known (received) WHERE handed_over = 1;
CREATE TABLE IF NOT EXISTS workbell_inbox_waiting (
    arrival       INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id    BLOB NOT NULL,
    work_order_id INTEGER NOT NULL,
    place         INTEGER NOT NULL,
    sequence      INTEGER,
    action        TEXT NOT NULL,
    mode          TEXT NOT NULL,
    received      INTEGER NOT NULL,
    failures      INTEGER NOT NULL DEFAULT 0,
    due           INTEGER NOT NULL,
    body          BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS workbell_inbox_waiting_by_place
    ON workbell_inbox_waiting (work_order_id, place, arrival);
CREATE TABLE IF NOT EXISTS workbell_inbox_order (
    work_order_id INTEGER PRIMARY KEY,
    highest       INTEGER NOT NULL,
    at            INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS workbell_inbox_missing (
    work_order_id INTEGER NOT NULL,
    sequence      INTEGER NOT NULL,
    PRIMARY KEY (work_order_id, sequence)
) STRICT, WITHOUT ROWID;
";

/// Keeps notifications in a SQLite file. Its transaction is a [`rusqlite::Transaction`] on that file: what a handler
/// writes through it exists exactly once.
#[derive(Debug)]
pub struct SqliteInbox {
    keeping: Mutex<Connection>,
    handing: Mutex<Connection>,
}

impl SqliteInbox {
    /// Opens the file, makes it and its tables where they are missing.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn open(file: impl AsRef<Path>) -> Result<Self, Error> {
        let keeping = connect(file.as_ref())?;
        keeping.execute_batch(SCHEMA)?;
        keeping.execute_batch(heads::SCHEMA)?;
        let handing = connect(file.as_ref())?;
        Ok(SqliteInbox { keeping: Mutex::new(keeping), handing: Mutex::new(handing) })
    }
}

fn connect(file: &Path) -> Result<Connection, Error> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

fn lock(connection: &Mutex<Connection>) -> Result<MutexGuard<'_, Connection>, Error> {
    connection.lock().map_err(|_| Error::Poisoned)
}

impl Inbox for SqliteInbox {
    type Transaction<'a> = Transaction<'a>;

    fn keep(&self, verified: &Verified, now: Timestamp) -> Result<Kept, Error> {
        let mut connection = lock(&self.keeping)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let message = Message::new(verified, now);
        let id = message.message_id.as_bytes();
        let fresh = transaction
            .prepare_cached(
                "INSERT INTO workbell_inbox_known (message_id, received, handed_over) VALUES (?1, ?2, 0)
                 ON CONFLICT (message_id) DO NOTHING",
            )?
            .execute(params![id, now.ticks()])?;
        if fresh == 0 {
            return Ok(Kept::Repeat);
        }
        let (place, arrival) = transaction
            .prepare_cached(
                // One without a number stays behind those that came before it.
                "INSERT INTO workbell_inbox_waiting
                   (message_id, work_order_id, place, sequence, action, mode, received, due, body)
                 VALUES (?1, ?2,
                         COALESCE(?3, (SELECT MAX(place) FROM workbell_inbox_waiting WHERE work_order_id = ?2), 0),
                         ?3, ?4, ?5, ?6, ?6, ?7)
                 RETURNING place, arrival",
            )?
            .query_row(
                params![
                id,
                message.work_order_id,
                message.sequence.map(|sequence| i64::try_from(sequence).unwrap_or(i64::MAX)),
                message.action,
                message.mode.name(),
                now.ticks(),
                &message.body[..],
            ],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
        heads::came(&transaction, message.work_order_id, place, arrival, now)?;
        transaction.commit()?;
        Ok(Kept::Fresh)
    }

    fn hand_over(
        &self,
        now: Timestamp,
        handler: &mut dyn FnMut(&mut Transaction<'_>, &Message) -> Result<(), Failure>,
    ) -> Result<HandOver, Error> {
        let mut connection = lock(&self.handing)?;
        let (arrival, mut message) = {
            let transaction = &mut connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
            match next(transaction, now)? {
                Some(found) => found,
                None => return Ok(HandOver::Nothing(heads::next_due(transaction)?)),
            }
        };
        let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        message.place = place(&transaction, &message, now)?;
        match run(|| handler(&mut transaction, &message)) {
            Ok(()) => {
                finish(&transaction, arrival, &message)?;
                transaction.commit()?;
                Ok(HandOver::Done(message))
            }
            Err(failure) => {
                transaction.rollback()?;
                message.failures = message.failures.saturating_add(1);
                let again = now.plus(wait_after(message.failures));
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                transaction.execute(
                    "UPDATE workbell_inbox_waiting SET failures = ?2, due = ?3 WHERE arrival = ?1",
                    params![arrival, message.failures, again.ticks()],
                )?;
                heads::waits(&transaction, arrival, again)?;
                transaction.commit()?;
                Ok(HandOver::Failed { message, failure, again })
            }
        }
    }

    fn forget(&self, before: Timestamp) -> Result<u64, Error> {
        let connection = lock(&self.keeping)?;
        connection.execute("DELETE FROM workbell_inbox_order WHERE at < ?1", params![before.ticks()])?;
        connection.execute(
            "DELETE FROM workbell_inbox_missing
             WHERE work_order_id NOT IN (SELECT work_order_id FROM workbell_inbox_order)",
            [],
        )?;
        let forgotten = connection.execute(
            "DELETE FROM workbell_inbox_known WHERE handed_over = 1 AND received < ?1",
            params![before.ticks()],
        )?;
        Ok(forgotten as u64)
    }

    fn waiting(&self) -> Result<u64, Error> {
        let connection = lock(&self.keeping)?;
        Ok(connection.query_row("SELECT COUNT(*) FROM workbell_inbox_waiting", [], |row| row.get(0))?)
    }
}

/// The head that is due longest.
fn next(connection: &Connection, now: Timestamp) -> Result<Option<(i64, Box<Message>)>, Error> {
    let found = connection
        .prepare_cached(heads::NEXT)?
        .query_row(params![now.ticks()], |row| Ok((row.get(0)?, message(row)?)))
        .optional()?;
    match found {
        None => Ok(None),
        Some((arrival, Ok(message))) => Ok(Some((arrival, Box::new(message)))),
        Some((arrival, Err(what))) => Err(Error::Broken(format!("arrival {arrival}: {what}"))),
    }
}

fn message(row: &Row<'_>) -> rusqlite::Result<Result<Message, String>> {
    let mode: String = row.get(5)?;
    let Some(mode) = Mode::read(&mode) else { return Ok(Err(format!("mode {mode:?}"))) };
    Ok(Ok(Message {
        message_id: MessageId::from_bytes(row.get(1)?),
        work_order_id: row.get(2)?,
        sequence: row.get::<_, Option<i64>>(3)?.map(i64::unsigned_abs),
        action: row.get(4)?,
        place: Place::Unnumbered,
        mode,
        received: Timestamp::from_ticks(row.get(6)?),
        failures: row.get(7)?,
        body: Bytes::from(row.get::<_, Vec<u8>>(8)?),
    }))
}

/// Where it stands among what was handed over of its work order, and notes it.
fn place(transaction: &Transaction<'_>, message: &Message, now: Timestamp) -> Result<Place, Error> {
    let Some(sequence) = message.sequence else { return Ok(Place::Unnumbered) };
    let (order, number) = (message.work_order_id, i64::try_from(sequence).unwrap_or(i64::MAX));
    let seen: Option<i64> = transaction
        .prepare_cached("SELECT highest FROM workbell_inbox_order WHERE work_order_id = ?1 AND at >= ?2")?
        .query_row(params![order, now.minus(REMEMBER).ticks()], |row| row.get(0))
        .optional()?;
    if seen.is_none() {
        transaction.execute("DELETE FROM workbell_inbox_missing WHERE work_order_id = ?1", params![order])?;
    }
    let was_missing = transaction
        .prepare_cached("DELETE FROM workbell_inbox_missing WHERE work_order_id = ?1 AND sequence = ?2")?
        .execute(params![order, number])?;
    let place = match seen.map(i64::unsigned_abs) {
        None => Place::First,
        Some(highest) => Place::after(highest, sequence, || was_missing > 0),
    };
    if let Place::Gap { from, to } = place {
        let mut missing = transaction
            .prepare_cached("INSERT INTO workbell_inbox_missing (work_order_id, sequence) VALUES (?1, ?2)")?;
        for hole in (from..=to).take(MOST_MISSING) {
            missing.execute(params![order, i64::try_from(hole).unwrap_or(i64::MAX)])?;
        }
        transaction.execute(
            "DELETE FROM workbell_inbox_missing
             WHERE work_order_id = ?1
               AND sequence IN (SELECT sequence FROM workbell_inbox_missing
                                WHERE work_order_id = ?1
                                ORDER BY sequence DESC
                                LIMIT -1 OFFSET ?2)",
            params![order, MOST_MISSING],
        )?;
    }
    let highest = seen.map_or(number, |seen| seen.max(number));
    transaction
        .prepare_cached(
            "INSERT INTO workbell_inbox_order (work_order_id, highest, at) VALUES (?1, ?2, ?3)
             ON CONFLICT (work_order_id) DO UPDATE SET highest = excluded.highest, at = excluded.at",
        )?
        .execute(params![order, highest, now.ticks()])?;
    Ok(place)
}

fn finish(transaction: &Transaction<'_>, arrival: i64, message: &Message) -> Result<(), Error> {
    transaction
        .prepare_cached("DELETE FROM workbell_inbox_waiting WHERE arrival = ?1")?
        .execute(params![arrival])?;
    heads::left(transaction, message.work_order_id)?;
    transaction
        .prepare_cached("UPDATE workbell_inbox_known SET handed_over = 1 WHERE message_id = ?1")?
        .execute(params![message.message_id.as_bytes()])?;
    Ok(())
}
