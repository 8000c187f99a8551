//! What the writer thread works with: its connection, and what it remembers between commits.
//!
//! Everything remembered can be found again in the file, so that after a failed transaction it is just thrown away.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use rusqlite::{Connection, OptionalExtension, params};
use workbell_model::{Defaults, EndpointKey, Sequence, State, WorkOrderId};
use workbell_wire::Timestamp;

use super::backlog::Waiting;
use super::change::Publish;
use super::discard::{self, Discard};
use super::health::Healths;
use super::lane::Lanes;
use super::log_tail::Tail;
use super::open::Options;
use super::quick::QuickMap;
use super::stretch::Stretch;
use crate::alert::AlertKind;
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
        due: Option<Timestamp>,
    },
    Reopened(EndpointKey),
    LaneChanged(EndpointKey, WorkOrderId),
    /// Something was added to the feed of a pull endpoint; subscribers are not told, for there is nothing to send.
    Fed(EndpointKey),
    EndpointChanged(EndpointKey, EndpointChange),
    JobsChanged,
    /// An alert was raised; subscribers are not told, for there is nothing to send to endpoints.
    Alerted(AlertKind, String),
}

pub(super) struct Write {
    pub(super) connection: Connection,
    pub(super) directory: Arc<Directory>,
    pub(super) waiting_limit: u64,
    pub(super) defaults: Defaults,
    #[cfg(test)]
    hooks: super::tests::Hooks,
    pub(super) lanes: Lanes,
    pub(super) healths: Healths,
    /// Until when nothing of an endpoint is too old, by its clock of age, as far as that was looked up.
    pub(super) expiries: QuickMap<EndpointKey, Timestamp>,
    /// What completions change of the configuration: done to the directory after the commit.
    pub(super) publish: Vec<Publish>,
    /// Undelivered deliveries per endpoint, as far as they were asked for.
    waiting: QuickMap<EndpointKey, Waiting>,
    pub(super) next_notification: u64,
    pub(super) next_log: u64,
    /// Highest id of a work order that could have been made here.
    pub(super) highest_order: Arc<AtomicI64>,
    /// The end of the log that is not worked off yet; `None` until it is found in the file.
    pub(super) log_tail: Option<Tail>,
    /// The newest records of the log, to be summed up.
    pub(super) stretch: Stretch,
    /// Told after the commit.
    pub(super) events: Vec<Event>,
    /// What is still to be discarded of something deleted.
    pub(super) to_discard: Vec<Discard>,
    /// The same, of the running transaction.
    pub(super) started_discards: Vec<Discard>,
}

impl Write {
    pub(super) fn new(
        connection: Connection,
        directory: Arc<Directory>,
        options: &Options,
        highest_order: Arc<AtomicI64>,
    ) -> Result<Self, Error> {
        let next_notification = next_number(&connection, NOTIFICATION)?;
        let next_log = next_number(&connection, LOG)?;
        let to_discard = discard::left_to_do(&connection)?;
        Ok(Write {
            connection,
            directory,
            waiting_limit: options.waiting_limit,
            defaults: options.defaults.clone(),
            #[cfg(test)]
            hooks: options.hooks.clone(),
            lanes: Lanes::default(),
            healths: Healths::default(),
            expiries: QuickMap::default(),
            publish: Vec::new(),
            waiting: QuickMap::default(),
            next_notification,
            next_log,
            highest_order,
            log_tail: None,
            stretch: Stretch::default(),
            events: Vec::new(),
            to_discard,
            started_discards: Vec::new(),
        })
    }

    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        #[cfg(test)]
        self.hooks.before_transaction(&self.connection)?;
        self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
    }

    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        self.connection.prepare_cached("COMMIT")?.execute([])?;
        self.to_discard.append(&mut self.started_discards);
        Ok(())
    }

    /// Ends a failed transaction and forgets all that was remembered of it.
    pub(super) fn roll_back(&mut self) {
        if !self.connection.is_autocommit() {
            // SQLite rolls back by itself on some errors; a second rollback is refused and changes nothing.
            let _refused = self.connection.execute_batch("ROLLBACK");
        }
        self.lanes.clear();
        self.healths.clear();
        self.expiries.clear();
        self.publish.clear();
        self.waiting.clear();
        self.events.clear();
        self.started_discards.clear();
        // What was added before this transaction goes too, and is of no stretch.
        self.stretch = Stretch::default();
        self.log_tail = None;
        // Where they cannot be read, the numbers in use leave a gap, which nobody minds.
        if let Ok(next) = next_number(&self.connection, NOTIFICATION) {
            self.next_notification = next;
        }
        if let Ok(next) = next_number(&self.connection, LOG) {
            self.next_log = next;
        }
    }

    pub(super) fn take_log_no(&mut self) -> u64 {
        let no = self.next_log;
        self.next_log += 1;
        no
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

    /// Shows in the directory what completions changed, after the commit.
    pub(super) fn show(&mut self) {
        self.healths.show(&self.directory);
        if !self.publish.is_empty() {
            let mut entries = self.directory.write();
            self.publish.drain(..).for_each(|publish| publish(&mut entries));
        }
    }

    /// Undelivered deliveries of an endpoint; counted once, kept up to date after.
    pub(super) fn waiting(&mut self, endpoint: &EndpointKey) -> rusqlite::Result<&mut Waiting> {
        if !self.waiting.contains_key(endpoint) {
            let count = super::read::count_waiting(&self.connection, endpoint)?;
            self.waiting.insert(endpoint.clone(), Waiting::counted(count));
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

/// Rows that are numbered in the order of their creation. No number is ever given out twice: cursors, ids of
/// deliveries and links to the log hold on to them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbered {
    highest: &'static str,
    /// Where the highest number is kept that the sweep removed.
    removed: &'static str,
}

pub(super) const NOTIFICATION: Numbered =
    Numbered { highest: "SELECT MAX(notification_no) FROM notifications", removed: "last_notification" };

pub(super) const LOG: Numbered = Numbered { highest: "SELECT MAX(log_no) FROM log", removed: "last_log" };

/// One more than the highest number ever given out: of what is kept, or of what the sweep removed.
pub(super) fn next_number(connection: &Connection, rows: Numbered) -> rusqlite::Result<u64> {
    let kept: Option<u64> = connection.query_row(rows.highest, [], |row| row.get(0))?;
    let removed: Option<[u8; 8]> = connection
        .query_row("SELECT value FROM meta WHERE name = ?1", params![rows.removed], |row| row.get(0))
        .optional()?;
    Ok(kept.unwrap_or(0).max(removed.map_or(0, u64::from_be_bytes)) + 1)
}

/// Keeps the highest number that the sweep removed.
pub(super) fn keep_removed(connection: &Connection, rows: Numbered, no: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO meta (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = MAX(value, excluded.value)",
        )?
        .execute(params![rows.removed, no.to_be_bytes()])
        .map(drop)
}
