//! What the delivery engine reads: due lanes, what stands behind their heads, and what to probe with.

use std::collections::HashSet;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use workbell_model::health::{Cursor, Turn};
use workbell_model::hold::Step;
use workbell_model::{DeliveryNo, EndpointKey, Health, Sequence, Undelivered, WorkOrderId};
use workbell_wire::{MessageId, Timestamp};

use super::by_hand::endpoint_key;
use super::code;
use super::lane::{LaneKey, View, waits};
use crate::error::Error;
use crate::record::{DueLanes, Front, LaneWindow, Probe};

/// A lane with its notifications, lowest sequence first. The columns are those of [`undelivered`].
const LANE: &str =
    "SELECT u.delivery_no, u.company_id, u.endpoint_id, u.work_order_id, u.sequence, u.since, u.attempts, u.counted,
            u.mode, u.due, u.mark, u.own, u.first_epoch, u.held_epoch, u.held_from, u.refused_from, u.wish,
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
     ORDER BY u.sequence";

/// The lowest lane that is not one of a replay.
const LIVE: WorkOrderId = workbell_model::LOWEST_WORK_ORDER;

/// Column of [`LANE`] at which what its order needs to know begins.
const WAITS: usize = 9;

/// Due lanes, and those whose row says due although no head of theirs is: the writer has to mend these.
pub(super) fn due_lanes(
    connection: &Connection,
    endpoint: &EndpointKey,
    view: View,
    now: Timestamp,
    (lanes, behind): (usize, usize),
    known: &[WorkOrderId],
) -> Result<(DueLanes, Vec<WorkOrderId>), Error> {
    let mark = view.health.mark;
    // The known ones are among those that are found: so many more are looked for.
    let most = lanes + known.len();
    // Those of older marks have waited longest: they were there before the endpoint was reopened.
    let mut found = lanes_of_older_marks(connection, endpoint, mark, most + 1)?;
    if found.len() <= most {
        let room = most + 1 - found.len();
        found.extend(lanes_due_now(connection, endpoint, mark, now, room)?);
    }
    let horizon = now.plus(view.longest);
    if found.len() <= most {
        let room = most + 1 - found.len();
        found.extend(lanes_beyond(connection, endpoint, mark, horizon, room)?);
    }
    let known: HashSet<WorkOrderId> = known.iter().copied().collect();
    found.retain(|work_order_id| !known.contains(work_order_id));
    let more = found.len() > lanes;
    found.truncate(lanes);
    let mut due = DueLanes { lanes: Vec::with_capacity(found.len()), more, next_due: None };
    let mut stale = Vec::new();
    let mut next_due: Option<Timestamp> = None;
    for work_order_id in found {
        let lane = (endpoint.clone(), work_order_id);
        let front = front(connection, &lane, &view, now, behind + 1)?;
        if front.deliveries.is_empty() {
            next_due = next_due.into_iter().chain(front.next_due).min();
            stale.push(work_order_id);
        } else {
            let Front { deliveries, more, passed_due, .. } = front;
            due.lanes.push(LaneWindow { work_order_id, deliveries, more, passed_due });
        }
    }
    let later: Option<i64> = connection
        .prepare_cached(
            // Uses lanes_by_due.
            "SELECT MIN(due) FROM lanes WHERE endpoint_id = ?1 AND mark = ?2 AND due > ?3 AND due <= ?4
               AND work_order_id >= -4611686018427387904",
        )?
        .query_row(params![endpoint.endpoint_id.as_bytes(), mark, now.ticks(), horizon.ticks()], |row| {
            row.get(0)
        })?;
    due.next_due = next_due.into_iter().chain(later.map(Timestamp::from_ticks)).min();
    Ok((due, stale))
}

fn lanes_due_now(
    connection: &Connection,
    endpoint: &EndpointKey,
    mark: u64,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<WorkOrderId>, Error> {
    let mut statement = connection.prepare_cached(
        // Uses lanes_by_due.
        "SELECT work_order_id FROM lanes
         WHERE endpoint_id = ?1 AND mark = ?2 AND due <= ?3 AND work_order_id >= -4611686018427387904
         ORDER BY due
         LIMIT ?4",
    )?;
    let rows = statement
        .query_map(params![endpoint.endpoint_id.as_bytes(), mark, now.ticks(), limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Lanes that are due further ahead than the longest wait: a clock that was wrong has written that, and they are due at
/// once.
fn lanes_beyond(
    connection: &Connection,
    endpoint: &EndpointKey,
    mark: u64,
    horizon: Timestamp,
    limit: usize,
) -> Result<Vec<WorkOrderId>, Error> {
    let mut statement = connection.prepare_cached(
        // Uses lanes_by_due.
        "SELECT work_order_id FROM lanes
         WHERE endpoint_id = ?1 AND mark = ?2 AND due > ?3 AND work_order_id >= -4611686018427387904
         ORDER BY due
         LIMIT ?4",
    )?;
    let rows = statement
        .query_map(params![endpoint.endpoint_id.as_bytes(), mark, horizon.ticks(), limit], |row| {
            row.get(0)
        })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Lanes whose due time was written before the endpoint was reopened or changed: they are due at once.
fn lanes_of_older_marks(
    connection: &Connection,
    endpoint: &EndpointKey,
    mark: u64,
    limit: usize,
) -> Result<Vec<WorkOrderId>, Error> {
    let mut statement = connection.prepare_cached(
        // Uses lanes_by_due.
        "SELECT work_order_id FROM lanes
         WHERE endpoint_id = ?1 AND mark < ?2 AND due IS NOT NULL AND work_order_id >= -4611686018427387904
         ORDER BY mark, due
         LIMIT ?3",
    )?;
    let rows =
        statement.query_map(params![endpoint.endpoint_id.as_bytes(), mark, limit], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The due heads of a lane and what stands behind them, at most `limit`.
pub(super) fn front(
    connection: &Connection,
    (endpoint, work_order_id): &LaneKey,
    view: &View,
    now: Timestamp,
    limit: usize,
) -> Result<Front, Error> {
    // Uses undelivered_by_lane.
    let mut statement = connection.prepare_cached(LANE)?;
    let lane = params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes(), work_order_id, 0];
    let mut rows = statement.query(lane)?;
    let mut front = Front::default();
    let mut walk = view.walk(now);
    while let Some(row) = rows.next()? {
        let order = waits(row, WAITS)?;
        match walk.step(&order) {
            Step::Pass => front.passed_due = walk.next,
            Step::Try | Step::Behind if front.deliveries.len() == limit => {
                front.more = true;
                break;
            }
            Step::Try | Step::Behind => {
                let due = order.due(&view.health, now, view.longest);
                front.deliveries.push(Undelivered { due, ..undelivered(row, &view.health)? });
            }
            Step::Stop => {
                if rows.next()?.is_some() {
                    walk.more();
                }
                break;
            }
        }
    }
    front.next_due = if front.deliveries.is_empty() { walk.next } else { None };
    Ok(front)
}

/// The undelivered ones of a lane after `after`, lowest sequence first.
pub(super) fn lane(
    connection: &Connection,
    (endpoint, work_order_id): &LaneKey,
    health: &Health,
    after: Sequence,
    limit: usize,
) -> Result<Vec<Undelivered>, Error> {
    // Uses undelivered_by_lane.
    let mut statement = connection.prepare_cached(LANE)?;
    let lane = params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes(), work_order_id, after];
    let mut rows = statement.query(lane)?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        found.push(undelivered(row, health)?);
    }
    Ok(found)
}

/// What an endpoint that is down is to be probed with.
pub(super) fn probe(
    connection: &Connection,
    endpoint: &EndpointKey,
    view: &View,
    busy: &[WorkOrderId],
) -> Result<Option<Probe>, Error> {
    let Some(down) = view.health.down else { return Ok(None) };
    let head = |work_order_id| {
        lane(connection, &(endpoint.clone(), work_order_id), &view.health, 0, 1).map(|mut lane| lane.pop())
    };
    let after = match down.turn(view.health.last_lane) {
        Turn::Lane(work_order_id) if !busy.contains(&work_order_id) => {
            if let Some(delivery) = head(work_order_id)? {
                return Ok(Some(Probe { delivery, cursor: None }));
            }
            down.cursor
        }
        Turn::Lane(_) => down.cursor,
        Turn::InOrder(cursor) => cursor,
    };
    // Replays wait while there is anything else to try.
    let mut found = next_in_order(connection, endpoint, LIVE, after, busy)?;
    if found.is_none() && after.is_some() {
        found = next_in_order(connection, endpoint, LIVE, None, busy)?;
    }
    if found.is_none() {
        found = next_in_order(connection, endpoint, WorkOrderId::MIN, None, busy)?;
    }
    let Some(cursor) = found else { return Ok(None) };
    Ok(head(cursor.work_order_id)?.map(|delivery| Probe { delivery, cursor: Some(cursor) }))
}

/// The next lane in order of due time, due or not.
fn next_in_order(
    connection: &Connection,
    endpoint: &EndpointKey,
    lowest: WorkOrderId,
    after: Option<Cursor>,
    busy: &[WorkOrderId],
) -> Result<Option<Cursor>, Error> {
    let mut statement = connection.prepare_cached(
        // Uses lanes_by_due.
        "SELECT mark, due, work_order_id FROM lanes
         WHERE endpoint_id = ?1 AND due IS NOT NULL AND (mark, due, work_order_id) > (?2, ?3, ?4)
           AND work_order_id >= ?6
         ORDER BY mark, due, work_order_id
         LIMIT ?5",
    )?;
    // Before all: marks are not negative.
    let (mark, due, work_order_id) =
        after.map_or((-1, 0, 0), |it| (i64::try_from(it.mark).unwrap_or(i64::MAX), it.due, it.work_order_id));
    let mut rows = statement.query(params![
        endpoint.endpoint_id.as_bytes(),
        mark,
        due,
        work_order_id,
        busy.len() + 1,
        lowest
    ])?;
    while let Some(row) = rows.next()? {
        let cursor = Cursor { mark: row.get(0)?, due: row.get(1)?, work_order_id: row.get(2)? };
        if !busy.contains(&cursor.work_order_id) {
            return Ok(Some(cursor));
        }
    }
    Ok(None)
}

fn undelivered(row: &Row<'_>, health: &Health) -> rusqlite::Result<Undelivered> {
    let order = waits(row, WAITS)?;
    let action = row.get_ref(18)?.as_str()?.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(18, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(Undelivered {
        no: DeliveryNo(row.get(0)?),
        endpoint: endpoint_key(row, 1, 2)?,
        work_order_id: row.get(3)?,
        sequence: row.get(4)?,
        announced: row.get(22)?,
        since: Timestamp::from_ticks(row.get(5)?),
        attempts: row.get(6)?,
        counted: row.get(7)?,
        mode: code::mode(row.get(8)?)?,
        due: order.shown(health),
        scheduled: order.scheduled,
        failures: order.failures_now(health),
        wish: row.get::<_, Option<i64>>(16)?.map(code::wish).transpose()?,
        branch_id: row.get(17)?,
        action,
        message_id: MessageId::from_bytes(row.get(19)?),
        accepted: Timestamp::from_ticks(row.get(20)?),
        body: Bytes::copy_from_slice(row.get_ref(21)?.as_blob()?),
    })
}

/// When each endpoint that has undelivered deliveries is to be looked at first.
pub(super) fn due_times(
    connection: &Connection,
    endpoints: Vec<(EndpointKey, View)>,
    now: Timestamp,
) -> Result<Vec<(EndpointKey, Timestamp)>, Error> {
    let mut times = Vec::new();
    for (endpoint, view) in endpoints {
        let (id, health) = (endpoint.endpoint_id, view.health);
        let older: Option<i64> = connection
            .prepare_cached(
                // Uses lanes_by_due. Those of replays too.
                "SELECT 1 FROM lanes WHERE endpoint_id = ?1 AND mark < ?2 AND due IS NOT NULL LIMIT 1",
            )?
            .query_row(params![id.as_bytes(), health.mark], |row| row.get(0))
            .optional()?;
        let at_once = older.is_some()
            || !lanes_beyond(connection, &endpoint, health.mark, now.plus(view.longest), 1)?.is_empty();
        let earliest: Option<i64> = connection
            .prepare_cached(
                // Uses lanes_by_due.
                "SELECT MIN(due) FROM lanes WHERE endpoint_id = ?1 AND mark = ?2 AND due IS NOT NULL",
            )?
            .query_row(params![id.as_bytes(), health.mark], |row| row.get(0))
            .optional()?
            .flatten();
        let earliest = if at_once { Some(Timestamp::EPOCH) } else { earliest.map(Timestamp::from_ticks) };
        let earliest = match health.down {
            Some(down) => earliest.map(|_| down.next()),
            None => earliest,
        };
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
