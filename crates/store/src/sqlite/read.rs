//! What the delivery engine reads: due lanes and what stands behind their heads.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use workbell_model::{DeliveryNo, EndpointKey, Sequence, Undelivered, WorkOrderId};
use workbell_wire::{MessageId, Timestamp};

use super::by_hand::endpoint_key;
use super::code;
use crate::error::Error;
use crate::record::{DueLanes, LaneWindow};

/// Due lanes, and those whose row says due although their head is not: the writer has to mend these.
pub(super) fn due_lanes(
    connection: &Connection,
    endpoint: &EndpointKey,
    generation: u64,
    now: Timestamp,
    lanes: usize,
    behind: usize,
) -> Result<(DueLanes, Vec<WorkOrderId>), Error> {
    // Those of older generations have waited longest: they were there before the mark.
    let mut found = lanes_of_older_generations(connection, endpoint, generation, lanes + 1)?;
    if found.len() <= lanes {
        let room = lanes + 1 - found.len();
        found.extend(lanes_due_now(connection, endpoint, generation, now, room)?);
    }
    let more = found.len() > lanes;
    found.truncate(lanes);
    let mut due = DueLanes { lanes: Vec::with_capacity(found.len()), more, next_due: None };
    let mut stale = Vec::new();
    let mut next_due: Option<Timestamp> = None;
    for work_order_id in found {
        let mut deliveries = lane(connection, endpoint, generation, work_order_id, 0, behind + 2)?;
        let more = deliveries.len() > behind + 1;
        deliveries.truncate(behind + 1);
        match deliveries.first() {
            Some(head) if head.due <= now => due.lanes.push(LaneWindow { work_order_id, deliveries, more }),
            head => {
                let head_due = head.map(|head| head.due);
                next_due = next_due.into_iter().chain(head_due).min();
                stale.push(work_order_id);
            }
        }
    }
    let later: Option<i64> = connection
        .prepare_cached(
            // Uses lanes_by_due.
            "SELECT MIN(due) FROM lanes WHERE endpoint_id = ?1 AND generation = ?2 AND due > ?3
               AND work_order_id >= -4611686018427387904",
        )?
        .query_row(params![endpoint.endpoint_id.as_bytes(), generation, now.ticks()], |row| row.get(0))?;
    due.next_due = next_due.into_iter().chain(later.map(Timestamp::from_ticks)).min();
    Ok((due, stale))
}

fn lanes_due_now(
    connection: &Connection,
    endpoint: &EndpointKey,
    generation: u64,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<WorkOrderId>, Error> {
    let mut statement = connection.prepare_cached(
        // Uses lanes_by_due.
        "SELECT work_order_id FROM lanes
         WHERE endpoint_id = ?1 AND generation = ?2 AND due <= ?3 AND work_order_id >= -4611686018427387904
         ORDER BY due
         LIMIT ?4",
    )?;
    let rows = statement
        .query_map(params![endpoint.endpoint_id.as_bytes(), generation, now.ticks(), limit], |row| {
            row.get(0)
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Lanes whose due time was written before the endpoint was reopened or changed: they are due at once.
fn lanes_of_older_generations(
    connection: &Connection,
    endpoint: &EndpointKey,
    generation: u64,
    limit: usize,
) -> Result<Vec<WorkOrderId>, Error> {
    let mut statement = connection.prepare_cached(
        // Uses lanes_by_due.
        "SELECT work_order_id FROM lanes
         WHERE endpoint_id = ?1 AND generation < ?2 AND due IS NOT NULL AND work_order_id >= -4611686018427387904
         ORDER BY generation, due
         LIMIT ?3",
    )?;
    let rows =
        statement.query_map(params![endpoint.endpoint_id.as_bytes(), generation, limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The undelivered ones of a lane after `after`, lowest sequence first.
pub(super) fn lane(
    connection: &Connection,
    endpoint: &EndpointKey,
    generation: u64,
    work_order_id: WorkOrderId,
    after: Sequence,
    limit: usize,
) -> Result<Vec<Undelivered>, Error> {
    let mut statement = connection.prepare_cached(
        // Uses undelivered_by_lane.
        "SELECT u.delivery_no, u.company_id, u.endpoint_id, u.work_order_id, u.sequence, u.due, u.generation, u.since,
                u.attempts, u.counted, u.mode, u.wish,
                n.branch_id, n.action, n.message_id, n.accepted, n.body,
                CASE u.mode WHEN 2 THEN
                  (SELECT f.sequence FROM finished AS f
                   WHERE f.delivery_no >= u.delivery_no & ~4095 AND f.delivery_no < u.delivery_no
                     AND f.endpoint_id = u.endpoint_id AND f.mode = 0
                   UNION ALL
                   SELECT o.sequence FROM undelivered AS o
                   WHERE o.delivery_no >= u.delivery_no & ~4095 AND o.delivery_no < u.delivery_no
                     AND o.endpoint_id = u.endpoint_id AND o.mode = 0
                   LIMIT 1)
                ELSE u.sequence END
         FROM undelivered AS u
         JOIN notifications AS n ON n.notification_no = u.delivery_no >> 12
         WHERE u.company_id = ?1 AND u.endpoint_id = ?2 AND u.work_order_id = ?3 AND u.sequence > ?4
         ORDER BY u.sequence
         LIMIT ?5",
    )?;
    let rows = statement.query_map(
        params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes(), work_order_id, after, limit],
        |row| undelivered(row, generation),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// When an attempt may start: at once when the endpoint was reopened or changed after the due time was written.
pub(super) fn effective_due(
    due: Timestamp,
    since: Timestamp,
    written_under: u64,
    generation: u64,
) -> Timestamp {
    if written_under < generation { due.min(since) } else { due }
}

fn undelivered(row: &Row<'_>, generation: u64) -> rusqlite::Result<Undelivered> {
    let due = Timestamp::from_ticks(row.get(5)?);
    let since = Timestamp::from_ticks(row.get(7)?);
    let written_under: u64 = row.get(6)?;
    let action = row.get_ref(13)?.as_str()?.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(13, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Undelivered {
        no: DeliveryNo(row.get(0)?),
        endpoint: endpoint_key(row, 1, 2)?,
        work_order_id: row.get(3)?,
        sequence: row.get(4)?,
        announced: row.get(17)?,
        due: effective_due(due, since, written_under, generation),
        scheduled: due,
        failures: workbell_model::Failures::default(),
        since,
        attempts: row.get(8)?,
        counted: row.get(9)?,
        mode: code::mode(row.get(10)?)?,
        wish: row.get::<_, Option<i64>>(11)?.map(code::wish).transpose()?,
        branch_id: row.get(12)?,
        action,
        message_id: MessageId::from_bytes(row.get(14)?),
        accepted: Timestamp::from_ticks(row.get(15)?),
        body: Bytes::copy_from_slice(row.get_ref(16)?.as_blob()?),
    })
}

/// Earliest due time of each endpoint that has undelivered deliveries.
pub(super) fn due_times(
    connection: &Connection,
    endpoints: Vec<(EndpointKey, u64)>,
) -> Result<Vec<(EndpointKey, Timestamp)>, Error> {
    let mut times = Vec::new();
    for (endpoint, generation) in endpoints {
        let id = endpoint.endpoint_id;
        let older = !lanes_of_older_generations(connection, &endpoint, generation, 1)?.is_empty();
        let earliest: Option<i64> = connection
            .prepare_cached(
                // Uses lanes_by_due.
                "SELECT MIN(due) FROM lanes WHERE endpoint_id = ?1 AND generation = ?2 AND due IS NOT NULL",
            )?
            .query_row(params![id.as_bytes(), generation], |row| row.get(0))
            .optional()?
            .flatten();
        let earliest = if older { Some(Timestamp::EPOCH) } else { earliest.map(Timestamp::from_ticks) };
        times.extend(earliest.map(|due| (endpoint, due)));
    }
    Ok(times)
}

pub(super) fn waiting(connection: &Connection, endpoint: &EndpointKey) -> Result<u64, Error> {
    Ok(count_waiting(connection, endpoint)?)
}

pub(super) fn count_waiting(connection: &Connection, endpoint: &EndpointKey) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            // Uses undelivered_by_lane alone.
            "SELECT COUNT(*) FROM undelivered
             WHERE company_id = ?1 AND endpoint_id = ?2 AND work_order_id >= -4611686018427387904",
        )?
        .query_row(params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes()], |row| row.get(0))
}
