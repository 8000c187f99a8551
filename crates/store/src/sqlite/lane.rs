//! Lanes: the deliveries of one work order to one endpoint, one behind the other.
//!
//! A lane's row is written only when it becomes non-empty or empty, when its head's due time changes, and when the
//! delivery with the highest sequence leaves before an earlier one. Between those the counter is kept here; it is
//! found again as the higher one of the row's and of the undelivered deliveries' sequences.

use rusqlite::{Connection, OptionalExtension, params};
use workbell_model::{EndpointKey, WorkOrderId, is_replay_lane};

use super::quick::QuickMap;

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
    Ok(Lane { sequence: kept.unwrap_or(0).max(highest.unwrap_or(0)), count })
}

/// Writes the row of a lane whose head is due at `due`; keeps the counter that is given.
pub(super) fn put(
    connection: &Connection,
    (endpoint, work_order_id): &LaneKey,
    sequence: u64,
    due: i64,
    generation: u64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO lanes (company_id, endpoint_id, work_order_id, sequence, due, generation, emptied)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)
             ON CONFLICT (company_id, endpoint_id, work_order_id) DO UPDATE
             SET sequence = excluded.sequence, due = excluded.due, generation = excluded.generation,
                 emptied = NULL",
        )?
        .execute(params![
            endpoint.company_id.as_str(),
            endpoint.endpoint_id.as_bytes(),
            work_order_id,
            sequence,
            due,
            generation
        ])
        .map(drop)
}

/// Writes the row of a lane that has just become empty.
pub(super) fn put_empty(
    connection: &Connection,
    (endpoint, work_order_id): &LaneKey,
    sequence: u64,
    generation: u64,
    now: i64,
) -> rusqlite::Result<()> {
    if is_replay_lane(*work_order_id) {
        return remove(connection, endpoint, *work_order_id);
    }
    connection
        .prepare_cached(
            "INSERT INTO lanes (company_id, endpoint_id, work_order_id, sequence, due, generation, emptied)
             VALUES (?1, ?2, ?3, ?4, NULL, ?5, ?6)
             ON CONFLICT (company_id, endpoint_id, work_order_id) DO UPDATE
             SET sequence = excluded.sequence, due = NULL, generation = excluded.generation,
                 emptied = excluded.emptied",
        )?
        .execute(params![
            endpoint.company_id.as_str(),
            endpoint.endpoint_id.as_bytes(),
            work_order_id,
            sequence,
            generation,
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

/// Brings a lane's row in line with its deliveries, whatever happened to them.
pub(super) fn mend(
    connection: &Connection,
    key: &LaneKey,
    sequence: u64,
    generation: u64,
    now: i64,
) -> rusqlite::Result<()> {
    let (endpoint, work_order_id) = key;
    let head: Option<(i64, u64)> = connection
        .prepare_cached(
            "SELECT due, generation FROM undelivered
             WHERE company_id = ?1 AND endpoint_id = ?2 AND work_order_id = ?3
             ORDER BY sequence
             LIMIT 1",
        )?
        .query_row(
            params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes(), work_order_id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    match head {
        Some((due, generation)) => put(connection, key, sequence, due, generation),
        None => put_empty(connection, key, sequence, generation, now),
    }
}
