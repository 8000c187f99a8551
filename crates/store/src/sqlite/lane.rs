//! Lanes: the deliveries of one work order to one endpoint, one behind the other.
//!
//! A lane's row is written only when it becomes non-empty or empty, when something in it waits for a time, and when the
//! delivery with the highest sequence leaves before an earlier one. Between those the counter is kept here; it is found
//! again as the higher one of the row's and of the undelivered deliveries' sequences.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use workbell_model::hold::{Step, Waits, Walk};
use workbell_model::{Defaults, EndpointKey, Failures, Health, WorkOrderId, is_replay_lane};
use workbell_wire::Timestamp;

use super::quick::QuickMap;
use super::write::Write;
use crate::directory::Directory;

/// Most lanes that are remembered. 65,536 of about 100 bytes; those beyond are found again in the file (which tests
/// want to see, so there it is 4).
const MOST_REMEMBERED: usize = if cfg!(test) { 4 } else { 65_536 };

pub(super) type LaneKey = (EndpointKey, WorkOrderId);

#[derive(Clone, Copy, Debug)]
pub(super) struct Lane {
    /// The last sequence given out.
    pub(super) sequence: u64,
    /// Undelivered deliveries in it.
    pub(super) count: u64,
    /// Those of them that were tried before: only they may wait for a time.
    pub(super) tried: u64,
    /// One more behind all others changes nothing about when a head may be tried.
    pub(super) closed: bool,
}

#[derive(Debug, Default)]
pub(super) struct Lanes {
    remembered: QuickMap<LaneKey, Lane>,
}

impl Lanes {
    pub(super) fn clear(&mut self) {
        self.remembered.clear();
    }

    pub(super) fn get(&mut self, connection: &Connection, key: &LaneKey) -> rusqlite::Result<&mut Lane> {
        if !self.remembered.contains_key(key) {
            if self.remembered.len() >= MOST_REMEMBERED {
                self.remembered.clear();
            }
            let lane = find(connection, key)?;
            self.remembered.insert(key.clone(), lane);
        }
        Ok(self.remembered.get_mut(key).expect("it was just put there"))
    }
}

fn find(connection: &Connection, (endpoint, work_order_id): &LaneKey) -> rusqlite::Result<Lane> {
    let lane = params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes(), work_order_id];
    let kept: Option<u64> = connection
        .prepare_cached(
            "SELECT sequence FROM lanes
             WHERE company_id = ?1 AND endpoint_id = ?2 AND work_order_id = ?3",
        )?
        .query_row(lane, |row| row.get(0))
        .optional()?;
    let (count, highest): (u64, Option<u64>) = connection
        .prepare_cached(
            "SELECT COUNT(*), MAX(sequence) FROM undelivered
             WHERE company_id = ?1 AND endpoint_id = ?2 AND work_order_id = ?3",
        )?
        .query_row(lane, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let tried = if count == 0 {
        0
    } else {
        connection
            .prepare_cached(
                "SELECT COUNT(*) FROM undelivered
                 WHERE company_id = ?1 AND endpoint_id = ?2 AND work_order_id = ?3 AND attempts > 0",
            )?
            .query_row(lane, |row| row.get(0))?
    };
    let sequence = kept.unwrap_or(0).max(highest.unwrap_or(0));
    Ok(Lane { sequence, count, tried, closed: false })
}

/// What decides which deliveries of an endpoint may be tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) health: Health,
    pub(super) hold_limit: Duration,
    pub(super) longest: Duration,
}

impl View {
    pub(super) fn new(
        directory: &Directory,
        defaults: &Defaults,
        endpoint: &EndpointKey,
        health: Health,
    ) -> Self {
        let endpoint = directory.endpoint(endpoint);
        let settings = endpoint.as_ref().map(|endpoint| &endpoint.settings);
        View {
            health,
            hold_limit: settings.map_or(defaults.hold_limit, |it| defaults.hold_limit(it)),
            longest: settings.map_or(defaults.retry_schedule.longest_wait(), |it| defaults.longest_wait(it)),
        }
    }

    /// A walk along a lane.
    pub(super) fn walk(&self, now: Timestamp) -> Walk<'_> {
        Walk::new(&self.health, now, self.hold_limit, self.longest)
    }
}

/// What a lane's order needs to know of a delivery: due, mark, own, first_epoch, held_epoch, held_from, refused_from and
/// wish, from the column `first` on.
pub(super) fn waits(row: &Row<'_>, first: usize) -> rusqlite::Result<Waits> {
    let time =
        |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_ticks));
    Ok(Waits {
        scheduled: Timestamp::from_ticks(row.get(first)?),
        mark: row.get(first + 1)?,
        failures: Failures {
            own: row.get(first + 2)?,
            first_epoch: row.get(first + 3)?,
            held_epoch: row.get(first + 4)?,
            held_from: time(first + 5)?,
            refused_from: time(first + 6)?,
        },
        wished: row.get_ref(first + 7)? != rusqlite::types::ValueRef::Null,
    })
}

impl Write {
    /// Brings a lane's row in line with its deliveries, whatever happened to them. When a head of it may be tried next;
    /// `None` when nothing waits in it.
    pub(super) fn mend(&mut self, key: &LaneKey, now: Timestamp) -> rusqlite::Result<Option<Timestamp>> {
        let view = self.view(&key.0);
        let sequence = self.lanes.get(&self.connection, key)?.sequence;
        let Some((due, closed)) = next_of(&self.connection, key, view, now)? else {
            put_empty(&self.connection, key, sequence, view.health.mark, now.ticks())?;
            return Ok(None);
        };
        put(&self.connection, key, sequence, due.ticks(), view.health.mark)?;
        self.lanes.get(&self.connection, key)?.closed = closed;
        Ok(Some(due))
    }
}

/// When a head of a lane may be tried next, and whether one more behind all others changes nothing about that.
fn next_of(
    connection: &Connection,
    (endpoint, work_order_id): &LaneKey,
    mut view: View,
    now: Timestamp,
) -> rusqlite::Result<Option<(Timestamp, bool)>> {
    if !view.health.open.is_stopped() {
        // A throttle may be ended early, and then a hold ends earlier too. Too early is mended by who finds it so.
        view.health.open = view.health.open.going_from(now, now);
    }
    let mut walk = view.walk(now);
    let mut statement = connection.prepare_cached(
        // Uses undelivered_by_lane.
        "SELECT due, mark, own, first_epoch, held_epoch, held_from, refused_from, wish FROM undelivered
         WHERE company_id = ?1 AND endpoint_id = ?2 AND work_order_id = ?3
         ORDER BY sequence",
    )?;
    let lane = params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes(), work_order_id];
    let mut rows = statement.query(lane)?;
    while let Some(row) = rows.next()? {
        match walk.step(&waits(row, 0)?) {
            Step::Pass => {}
            Step::Try | Step::Behind => return Ok(walk.next.map(|next| (next, true))),
            Step::Stop => {
                let more = rows.next()?.is_some();
                if more {
                    walk.more();
                }
                return Ok(walk.next.map(|next| (next, more)));
            }
        }
    }
    Ok(walk.next.map(|next| (next, false)))
}

/// Writes the row of a lane of which a head is due at `due`; keeps the counter that is given.
pub(super) fn put(
    connection: &Connection,
    (endpoint, work_order_id): &LaneKey,
    sequence: u64,
    due: i64,
    mark: u64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO lanes (company_id, endpoint_id, work_order_id, sequence, due, mark, emptied)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)
             ON CONFLICT (company_id, endpoint_id, work_order_id) DO UPDATE
             SET sequence = excluded.sequence, due = excluded.due, mark = excluded.mark, emptied = NULL",
        )?
        .execute(params![
            endpoint.company_id.as_str(),
            endpoint.endpoint_id.as_bytes(),
            work_order_id,
            sequence,
            due,
            mark
        ])
        .map(drop)
}

/// Writes the row of a lane that has just become empty.
pub(super) fn put_empty(
    connection: &Connection,
    (endpoint, work_order_id): &LaneKey,
    sequence: u64,
    mark: u64,
    now: i64,
) -> rusqlite::Result<()> {
    if is_replay_lane(*work_order_id) {
        return remove(connection, endpoint, *work_order_id);
    }
    connection
        .prepare_cached(
            "INSERT INTO lanes (company_id, endpoint_id, work_order_id, sequence, due, mark, emptied)
             VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6)
             ON CONFLICT (company_id, endpoint_id, work_order_id) DO UPDATE
             SET sequence = excluded.sequence, due = NULL, mark = excluded.mark, emptied = excluded.emptied",
        )?
        .execute(params![
            endpoint.company_id.as_str(),
            endpoint.endpoint_id.as_bytes(),
            work_order_id,
            sequence,
            mark,
            now
        ])
        .map(drop)
}

/// The lane of a replay has no counter to keep: its places are numbers of deliveries.
fn remove(connection: &Connection, endpoint: &EndpointKey, lane: WorkOrderId) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM lanes WHERE company_id = ?1 AND endpoint_id = ?2 AND work_order_id = ?3",
        )?
        .execute(params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes(), lane])
        .map(drop)
}
