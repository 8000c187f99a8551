//! What the writer thread works with: its connection, and what it remembers between commits.
//!
//! Everything remembered can be found again in the file, so that after a failed transaction it is just thrown away.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};
use workbell_model::{EndpointKey, Sequence, State, WorkOrderId};
use workbell_wire::Timestamp;

use super::lane::Lanes;
use crate::directory::Directory;
use crate::error::Error;
use crate::record::EndpointChange;
use crate::store::Fresh;

/// What subscribers are told once the transaction is on disk.
#[derive(Debug)]
pub(super) enum Event {
    Accepted(Fresh),
    Completed {
        endpoint: EndpointKey,
        work_order_id: WorkOrderId,
        sequence: Sequence,
        state: State,
        due: Timestamp,
    },
    LaneChanged(EndpointKey, WorkOrderId),
    EndpointChanged(EndpointKey, EndpointChange),
}

pub(super) struct Write {
    pub(super) connection: Connection,
    pub(super) directory: Arc<Directory>,
    pub(super) waiting_limit: u64,
    pub(super) lanes: Lanes,
    /// Undelivered deliveries per endpoint, as far as they were asked for.
    waiting: HashMap<EndpointKey, u64>,
    next_notification: u64,
    /// Told after the commit.
    pub(super) events: Vec<Event>,
    /// Deleted endpoints whose deliveries are still to be discarded.
    pub(super) to_discard: Vec<EndpointKey>,
}

impl Write {
    pub(super) fn new(
        connection: Connection,
        directory: Arc<Directory>,
        waiting_limit: u64,
    ) -> Result<Self, Error> {
        let next_notification = next_notification(&connection)?;
        let to_discard = super::configuration::deleted_endpoints_with_deliveries(&connection)?;
        Ok(Write {
            connection,
            directory,
            waiting_limit,
            lanes: Lanes::default(),
            waiting: HashMap::new(),
            next_notification,
            events: Vec::new(),
            to_discard,
        })
    }

    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
    }

    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        self.connection.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    /// Ends a failed transaction and forgets all that was remembered of it.
    pub(super) fn roll_back(&mut self) {
        if !self.connection.is_autocommit() {
            // SQLite rolls back by itself on some errors; a second rollback is refused and changes nothing.
            let _refused = self.connection.execute_batch("ROLLBACK");
        }
        self.lanes.clear();
        self.waiting.clear();
        self.events.clear();
        if let Ok(next) = next_notification(&self.connection) {
            self.next_notification = next;
        }
    }

    pub(super) fn take_notification_no(&mut self) -> u64 {
        let no = self.next_notification;
        self.next_notification += 1;
        no
    }

    pub(super) fn give_back_notification_no(&mut self, no: u64) {
        if self.next_notification == no + 1 {
            self.next_notification = no;
        }
    }

    /// Undelivered deliveries of an endpoint; counted once, kept up to date after.
    pub(super) fn waiting(&mut self, endpoint: &EndpointKey) -> rusqlite::Result<&mut u64> {
        if !self.waiting.contains_key(endpoint) {
            let count = super::read::count_waiting(&self.connection, endpoint)?;
            self.waiting.insert(endpoint.clone(), count);
        }
        Ok(self.waiting.get_mut(endpoint).expect("it was just put there"))
    }

    /// The check value that is kept; `fresh` is kept when there is none yet.
    pub(super) fn check_value(&mut self, fresh: &[u8]) -> Result<Vec<u8>, Error> {
        self.connection.execute(
            "INSERT INTO meta (name, value) VALUES ('check_value', ?1) ON CONFLICT (name) DO NOTHING",
            params![fresh],
        )?;
        let kept = "SELECT value FROM meta WHERE name = 'check_value'";
        Ok(self.connection.query_row(kept, [], |row| row.get(0))?)
    }
}

/// One more than the highest number ever given out: of what is kept, or of what the sweep removed.
fn next_notification(connection: &Connection) -> rusqlite::Result<u64> {
    let kept: Option<i64> =
        connection.query_row("SELECT MAX(notification_no) FROM notifications", [], |row| row.get(0))?;
    let removed: Option<Vec<u8>> = connection
        .query_row("SELECT value FROM meta WHERE name = 'last_notification'", [], |row| row.get(0))
        .optional()?;
    let removed = removed.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
    Ok(kept.map_or(0, i64::unsigned_abs).max(removed) + 1)
}

/// Keeps the highest number given out, before the sweep removes the row that has it.
pub(super) fn keep_last_notification(connection: &Connection, no: u64) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO meta (name, value) VALUES ('last_notification', ?1)
             ON CONFLICT (name) DO UPDATE SET value = MAX(value, excluded.value)",
            params![no.to_be_bytes().to_vec()],
        )
        .map(drop)
}
