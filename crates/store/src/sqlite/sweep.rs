//! Retention: what is old enough goes, in short steps between other writes.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};
use workbell_wire::Timestamp;

use super::write::{Write, keep_last_notification};
use crate::error::Error;
use crate::record::Swept;

/// Rows that one step looks at. 500: a few milliseconds of the writer's time.
const STEP: usize = 500;

/// Until when things are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cutoffs {
    pub(super) now: Timestamp,
    pub(super) notifications: Duration,
    pub(super) log: Duration,
}

/// Where the last step stopped, so that old undelivered notifications are not looked at again and again.
#[derive(Debug, Default)]
pub(super) struct Position {
    after: u64,
}

struct Candidate {
    no: u64,
    accepted: i64,
    deliveries: u16,
}

impl Write {
    pub(super) fn sweep(&mut self, cutoffs: Cutoffs, position: &mut Position) -> Result<Swept, Error> {
        let mut swept = Swept::default();
        let before = cutoffs.now.minus(cutoffs.notifications);
        self.sweep_notifications(before, position, &mut swept)?;
        self.sweep_log(cutoffs.now.minus(cutoffs.log), &mut swept)?;
        self.sweep_lanes(before, &mut swept)?;
        if !swept.more {
            swept.next = self.next_expiry(cutoffs)?;
        }
        Ok(swept)
    }

    fn sweep_notifications(
        &mut self,
        before: Timestamp,
        position: &mut Position,
        swept: &mut Swept,
    ) -> Result<(), Error> {
        let candidates = self.candidates(before, position.after)?;
        let full = candidates.len() == STEP;
        position.after = if full { candidates.last().map_or(0, |last| last.no) } else { 0 };
        swept.more |= full;
        for candidate in &candidates {
            if self.fate_is_older(candidate, before)? {
                self.remove_notification(candidate.no)?;
                swept.notifications += 1;
            }
        }
        if swept.notifications > 0 {
            // A number is never given out twice, also when the newest rows are gone.
            keep_last_notification(&self.connection, candidates.last().map_or(0, |last| last.no))?;
        }
        Ok(())
    }

    fn candidates(&self, before: Timestamp, after: u64) -> Result<Vec<Candidate>, Error> {
        let mut statement = self.connection.prepare_cached(
            // Numbers grow with the time of acceptance: the primary key serves, and the walk ends at the first
            // that is too young.
            "SELECT notification_no, accepted, deliveries FROM notifications
             WHERE notification_no > ?1
             ORDER BY notification_no
             LIMIT ?2",
        )?;
        let rows = statement.query_map(params![after, STEP], |row| {
            Ok(Candidate { no: row.get(0)?, accepted: row.get(1)?, deliveries: row.get(2)? })
        })?;
        let mut candidates = Vec::new();
        for row in rows {
            let row = row?;
            if row.accepted >= before.ticks() {
                break;
            }
            candidates.push(row);
        }
        Ok(candidates)
    }

    /// Whether its last fate is older: nothing of it waits, and its last delivery finished before.
    fn fate_is_older(&self, candidate: &Candidate, before: Timestamp) -> Result<bool, Error> {
        if candidate.deliveries == 0 {
            return Ok(true);
        }
        let (first, last) = (candidate.no << 12, (candidate.no << 12) | 0xfff);
        let waits: Option<i64> = self
            .connection
            .prepare_cached("SELECT 1 FROM undelivered WHERE delivery_no BETWEEN ?1 AND ?2 LIMIT 1")?
            .query_row(params![first, last], |row| row.get(0))
            .optional()?;
        if waits.is_some() {
            return Ok(false);
        }
        let finished: Option<i64> = self
            .connection
            .prepare_cached("SELECT MAX(finished) FROM finished WHERE delivery_no BETWEEN ?1 AND ?2")?
            .query_row(params![first, last], |row| row.get(0))?;
        Ok(finished.is_none_or(|finished| finished < before.ticks()))
    }

    fn remove_notification(&self, no: u64) -> Result<(), Error> {
        self.connection
            .prepare_cached("DELETE FROM finished WHERE delivery_no BETWEEN ?1 AND ?2")?
            .execute(params![no << 12, (no << 12) | 0xfff])?;
        self.connection
            .prepare_cached("DELETE FROM notifications WHERE notification_no = ?1")?
            .execute(params![no])?;
        Ok(())
    }

    fn sweep_log(&mut self, before: Timestamp, swept: &mut Swept) -> Result<(), Error> {
        // Numbers grow with the end of the attempt; one that began earlier but ended later goes a little later.
        let removed = self
            .connection
            .prepare_cached(
                "DELETE FROM log
                 WHERE log_no IN (SELECT log_no FROM log ORDER BY log_no LIMIT ?2) AND start < ?1",
            )?
            .execute(params![before.ticks(), STEP])?;
        swept.log_records = removed as u64;
        swept.more |= removed == STEP;
        Ok(())
    }

    /// A counter goes when its lane was empty for the whole period and no delivery of it is kept.
    fn sweep_lanes(&mut self, before: Timestamp, swept: &mut Swept) -> Result<(), Error> {
        let removed = self
            .connection
            .prepare_cached(
                // Uses lanes_by_emptied. What finished in a lane did so before it was emptied, so its notification
                // was old enough at the same time; it may be kept only for another endpoint's sake.
                "DELETE FROM lanes
                 WHERE (company_id, endpoint_id, work_order_id) IN
                       (SELECT l.company_id, l.endpoint_id, l.work_order_id FROM lanes AS l
                        WHERE l.emptied < ?1
                          AND NOT EXISTS (SELECT 1 FROM notifications AS n
                                          JOIN finished AS f ON f.delivery_no >= n.notification_no << 12
                                                            AND f.delivery_no < (n.notification_no + 1) << 12
                                          WHERE n.work_order_id = l.work_order_id
                                            AND f.endpoint_id = l.endpoint_id)
                        LIMIT ?2)",
            )?
            .execute(params![before.ticks(), STEP])?;
        if removed > 0 {
            self.lanes.clear();
        }
        swept.lanes = removed as u64;
        swept.more |= removed == STEP;
        Ok(())
    }

    /// When the oldest record that is kept expires; the sweep sleeps until then.
    fn next_expiry(&self, cutoffs: Cutoffs) -> Result<Option<Timestamp>, Error> {
        let oldest = |sql: &str| -> Result<Option<Timestamp>, Error> {
            let ticks: Option<i64> =
                self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?;
            Ok(ticks.map(Timestamp::from_ticks))
        };
        let notification = oldest("SELECT accepted FROM notifications ORDER BY notification_no LIMIT 1")?;
        let log = oldest("SELECT start FROM log ORDER BY log_no LIMIT 1")?;
        let lane = oldest("SELECT emptied FROM lanes WHERE emptied IS NOT NULL ORDER BY emptied LIMIT 1")?;
        let times = [
            notification.map(|time| time.plus(cutoffs.notifications)),
            log.map(|time| time.plus(cutoffs.log)),
            lane.map(|time| time.plus(cutoffs.notifications)),
        ];
        Ok(times.into_iter().flatten().min())
    }
}
