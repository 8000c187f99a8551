//! Replays: deliveries of notifications that were accepted long ago, in lanes of their own.
//!
//! A lane stands for (job, endpoint, work order). It is named by a number that no work order has, so that live
//! deliveries and replays never stand in one line, and a place in it is the number of the delivery: so the order is
//! that of acceptance, and no counter is kept.

use rusqlite::{Connection, OptionalExtension, params};
use workbell_model::{
    DeliveryNo, EndpointKey, Fate, LOWEST_WORK_ORDER, Mode, NotificationNo, Reason, WorkOrderId, replay_lane,
};
use workbell_wire::Timestamp;

use super::super::code;
use super::super::lane::{self, LaneKey, View};
use super::super::read;
use super::super::write::{Event, Write};
use super::Tally;
use crate::error::Error;
use crate::job::{JobRecord, MOST_REPLAYS};
use crate::record::{DueLanes, Front, LaneWindow};

/// Replays of a cancelled job that one step takes out.
const TIDIED: usize = 200;

/// What a replay needs of its notification.
struct Original {
    work_order_id: WorkOrderId,
    deliveries: u64,
}

impl Write {
    /// Makes a replay of one notification for one endpoint.
    pub(super) fn replay(
        &mut self,
        job: &JobRecord,
        target: &EndpointKey,
        no: NotificationNo,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        let Some(endpoint) = self.directory.endpoint(target) else {
            tally.skipped += 1;
            return Ok(());
        };
        let Some(original) = self.original(target, no)? else {
            tally.skipped += 1;
            return Ok(());
        };
        let ordinal = self.next_ordinal(no, original.deliveries)?;
        if ordinal >= DeliveryNo::MOST_PER_NOTIFICATION {
            tally.failed += 1;
            return Ok(());
        }
        let delivery = DeliveryNo((no.0 << 12) | ordinal);
        let key = (endpoint.key.clone(), replay_lane(job.no, original.work_order_id));
        let health = *self.health(&key.0);
        let lane = self.lanes.get(&self.connection, &key)?;
        let first = lane.count == 0;
        lane.count += 1;
        lane.sequence = lane.sequence.max(delivery.0);
        self.connection
            .prepare_cached(
                "INSERT INTO undelivered
                   (delivery_no, company_id, endpoint_id, work_order_id, sequence, due, mark, since,
                    attempts, counted, mode)
                 VALUES (?1, ?2, ?3, ?4, ?1, ?5, ?6, ?8, 0, 0, ?7)",
            )?
            .execute(params![
                delivery.0,
                key.0.company_id.as_str(),
                key.0.endpoint_id.as_bytes(),
                key.1,
                now.ticks(),
                health.mark,
                code::of_mode(Mode::Replay),
                health.age.reading(now).ticks(),
            ])?;
        if first {
            lane::put(&self.connection, &key, delivery.0, now.ticks(), health.mark)?;
        }
        self.events.push(Event::LaneChanged(key.0, key.1));
        tally.done += 1;
        Ok(())
    }

    /// The notification, if it is still this company's to be sent: kept, not erased, not an echo.
    fn original(&self, target: &EndpointKey, no: NotificationNo) -> rusqlite::Result<Option<Original>> {
        self.connection
            .prepare_cached(
                "SELECT work_order_id, deliveries FROM notifications
                 WHERE notification_no = ?1 AND company_id = ?2 AND fate <> ?3 AND length(body) > 0",
            )?
            .query_row(params![no.0, target.company_id.as_str(), code::of_fate(Fate::Suppressed)], |row| {
                Ok(Original { work_order_id: row.get(0)?, deliveries: row.get(1)? })
            })
            .optional()
    }

    /// The place among a notification's deliveries that was never taken.
    fn next_ordinal(&self, no: NotificationNo, deliveries: u64) -> rusqlite::Result<u64> {
        let (first, last) = (no.0 << 12, (no.0 << 12) | 0xfff);
        let highest: Option<u64> = self
            .connection
            .prepare_cached(
                // Uses the primary keys.
                "SELECT MAX(no) FROM
                   (SELECT MAX(delivery_no) AS no FROM undelivered WHERE delivery_no BETWEEN ?1 AND ?2
                    UNION ALL
                    SELECT MAX(delivery_no) FROM finished WHERE delivery_no BETWEEN ?1 AND ?2)",
            )?
            .query_row(params![first, last], |row| row.get(0))?;
        Ok(highest.map_or(0, |highest| highest - first + 1).max(deliveries))
    }

    /// Undelivered replays of an endpoint.
    pub(in super::super) fn replays_waiting(&self, endpoint: &EndpointKey) -> rusqlite::Result<u64> {
        count_replays(&self.connection, endpoint)
    }

    /// Whether so many more replays may wait at an endpoint.
    pub(super) fn has_room_for(&self, endpoint: &EndpointKey, items: usize) -> rusqlite::Result<bool> {
        Ok(self.replays_waiting(endpoint)? + items as u64 <= MOST_REPLAYS)
    }

    /// Takes some undelivered replays of a cancelled job out; true when there are more.
    pub(super) fn tidy_replays(
        &mut self,
        job: &JobRecord,
        target: &EndpointKey,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let waiting: Vec<(u64, WorkOrderId, WorkOrderId)> = {
            let mut statement = self.connection.prepare_cached(
                // Uses undelivered_by_lane; there are a thousand at most.
                "SELECT u.delivery_no, u.work_order_id, n.work_order_id
                 FROM undelivered AS u
                 JOIN notifications AS n ON n.notification_no = u.delivery_no >> 12
                 WHERE u.company_id = ?1 AND u.endpoint_id = ?2 AND u.work_order_id < ?3",
            )?;
            let rows = statement.query_map(
                params![target.company_id.as_str(), target.endpoint_id.as_bytes(), LOWEST_WORK_ORDER],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?;
            rows.collect::<Result<_, _>>()?
        };
        let mut own = waiting
            .into_iter()
            .filter(|(_, lane, order)| replay_lane(job.no, *order) == *lane)
            .map(|(no, ..)| DeliveryNo(no));
        for no in own.by_ref().take(TIDIED) {
            if let Some(row) = self.row(no)? {
                self.take_out(no, &row, Reason::ByHand, now)?;
            }
        }
        Ok(own.next().is_some())
    }
}

pub(super) fn count_replays(connection: &Connection, endpoint: &EndpointKey) -> rusqlite::Result<u64> {
    connection
        .prepare_cached(
            // Uses undelivered_by_lane alone.
            "SELECT COUNT(*) FROM undelivered WHERE company_id = ?1 AND endpoint_id = ?2 AND work_order_id < ?3",
        )?
        .query_row(
            params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes(), LOWEST_WORK_ORDER],
            |row| row.get(0),
        )
}

/// Lanes of replays with a due head, and what stands behind it.
pub(super) fn due_replays(
    connection: &Connection,
    endpoint: &EndpointKey,
    view: &View,
    now: Timestamp,
    (lanes, behind): (usize, usize),
    known: &[WorkOrderId],
) -> Result<DueLanes, Error> {
    let mut statement = connection.prepare_cached(
        // Uses the primary key; there are a thousand at most.
        "SELECT work_order_id FROM lanes
         WHERE company_id = ?1 AND endpoint_id = ?2 AND work_order_id < ?3 AND due IS NOT NULL",
    )?;
    let rows = statement.query_map(
        params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes(), LOWEST_WORK_ORDER],
        |row| row.get(0),
    )?;
    let mut due = DueLanes::default();
    for row in rows {
        let lane: LaneKey = (endpoint.clone(), row?);
        if known.contains(&lane.1) {
            continue;
        }
        if due.lanes.len() == lanes {
            due.more = true;
            break;
        }
        let front = read::front(connection, &lane, view, now, behind + 1)?;
        if front.deliveries.is_empty() {
            due.next_due = due.next_due.into_iter().chain(front.next_due).min();
        } else {
            let Front { deliveries, more, passed_due, .. } = front;
            due.lanes.push(LaneWindow { work_order_id: lane.1, deliveries, more, passed_due });
        }
    }
    Ok(due)
}
