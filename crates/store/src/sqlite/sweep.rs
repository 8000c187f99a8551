//! Retention: what is old enough goes, in short steps between other writes.

use std::time::Duration;

use rusqlite::{OptionalExtension, params};
use workbell_model::EndpointKey;
use workbell_wire::Timestamp;

use super::by_hand::endpoint_key;
use super::write::{LOG, NOTIFICATION, Write, keep_removed};
use super::{stretch, traffic};
use crate::error::Error;
use crate::record::Swept;

/// Rows of each kind that one step looks at, when nothing else waits. 32: some 0.2 ms of the writer's time, so that a
/// commit that waits for it is hardly later. Measured with `examples/log_at_size`: 100 double the p99.
pub(super) const STEP: usize = 32;

/// The same beside many other commands: what these take is longer anyway, and what is removed must not fall behind what
/// is added.
pub(super) const BUSY_STEP: usize = 256;

/// How long until what is old, but not free to go yet, is looked at again. One minute, so that a cursor expires at
/// most that late.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Until when things are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cutoffs {
    pub(super) now: Timestamp,
    pub(super) notifications: Duration,
    pub(super) log: Duration,
    pub(super) most_bytes: Option<u64>,
    /// Rows of each kind at most: [`STEP`] or [`BUSY_STEP`].
    pub(super) rows: usize,
}

/// Where the last step stopped, so that what is old but must stay is not looked at again at each step.
#[derive(Clone, Debug, Default)]
pub(super) struct Position {
    notification: u64,
    lane: Option<SweptLane>,
    /// The same of what goes earlier because the store is too large.
    pub(super) shrunk: u64,
    /// Something old was passed by since the walk began: it may be free to go soon.
    passed_by: bool,
}

#[derive(Clone, Debug)]
struct SweptLane {
    endpoint: EndpointKey,
    work_order_id: i64,
    emptied: i64,
}

pub(super) struct Candidate {
    pub(super) no: u64,
    pub(super) accepted: i64,
}

impl Write {
    /// One step. The new position holds once the transaction is on disk.
    pub(super) fn sweep(
        &mut self,
        cutoffs: Cutoffs,
        position: &Position,
    ) -> Result<(Swept, Position), Error> {
        let mut swept = Swept::default();
        let mut position = position.clone();
        let before = cutoffs.now.minus(cutoffs.notifications);
        self.sweep_notifications(before, cutoffs.rows, &mut position, &mut swept)?;
        self.sweep_log(cutoffs.now.minus(cutoffs.log), cutoffs.rows, &mut swept)?;
        self.sweep_traffic(cutoffs.now.minus(cutoffs.log), &mut swept)?;
        self.sweep_lanes(before, cutoffs.rows, &mut position, &mut swept)?;
        self.sweep_audit(cutoffs.now, cutoffs.log, &mut swept)?;
        swept.more |= self.sweep_jobs(before)?;
        swept.more |= self.sweep_alerts(cutoffs.now, cutoffs.now.minus(cutoffs.log))?;
        if let Some(most) = cutoffs.most_bytes
            && !swept.more
        {
            self.shrink(most, cutoffs.rows, &mut position, &mut swept)?;
        }
        if !swept.more {
            swept.next = self.next_expiry(cutoffs, position.passed_by)?;
            position = Position::default();
        }
        Ok((swept, position))
    }

    fn sweep_notifications(
        &mut self,
        before: Timestamp,
        rows: usize,
        position: &mut Position,
        swept: &mut Swept,
    ) -> Result<(), Error> {
        let candidates = self.candidates(before, position.notification, rows)?;
        swept.more |= candidates.len() == rows;
        let mut removed = 0;
        for candidate in &candidates {
            if self.fate_is_older(candidate, before)? {
                self.remove_notification(candidate.no)?;
                swept.notifications += 1;
                removed = candidate.no;
            } else {
                position.passed_by = true;
            }
        }
        position.notification = candidates.last().map_or(position.notification, |last| last.no);
        if swept.notifications > 0 {
            keep_removed(&self.connection, NOTIFICATION, removed)?;
        }
        Ok(())
    }

    pub(super) fn candidates(
        &self,
        before: Timestamp,
        after: u64,
        rows: usize,
    ) -> Result<Vec<Candidate>, Error> {
        let mut statement = self.connection.prepare_cached(
            // Numbers grow with the time of acceptance: the primary key serves, and the walk ends at the first
            // that is too young.
            "SELECT notification_no, accepted FROM notifications
             WHERE notification_no > ?1
             ORDER BY notification_no
             LIMIT ?2",
        )?;
        let rows = statement.query_map(params![after, rows], |row| {
            Ok(Candidate { no: row.get(0)?, accepted: row.get(1)? })
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
    pub(super) fn fate_is_older(&self, candidate: &Candidate, before: Timestamp) -> Result<bool, Error> {
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

    pub(super) fn remove_notification(&self, no: u64) -> Result<(), Error> {
        let (first, last) = (no << 12, (no << 12) | 0xfff);
        self.remove_from_feeds(first, last)?;
        self.unlabel_with(no)?;
        self.connection
            .prepare_cached("DELETE FROM finished WHERE delivery_no BETWEEN ?1 AND ?2")?
            .execute(params![first, last])?;
        self.connection
            .prepare_cached("DELETE FROM notifications WHERE notification_no = ?1")?
            .execute(params![no])?;
        Ok(())
    }

    fn sweep_log(&mut self, before: Timestamp, rows: usize, swept: &mut Swept) -> Result<(), Error> {
        // Numbers grow with the end of the attempt; of the oldest ones those go that also began long enough ago.
        let oldest: Vec<(u64, i64)> = {
            let mut statement =
                self.connection.prepare_cached("SELECT log_no, start FROM log ORDER BY log_no LIMIT ?1")?;
            let found = statement.query_map(params![rows], |row| Ok((row.get(0)?, row.get(1)?)))?;
            found.collect::<Result<_, _>>()?
        };
        let Some((last, start_of_last)) = oldest.last().copied() else { return Ok(()) };
        if oldest.iter().all(|(_, start)| *start >= before.ticks()) {
            return Ok(());
        }
        let removed = self.remove_records(last, before.ticks())?;
        if removed > 0 {
            keep_removed(&self.connection, LOG, last)?;
            stretch::remove_until(&self.connection, last)?;
        }
        swept.log_records = removed as u64;
        swept.more |= oldest.len() == rows && start_of_last < before.ticks() && removed > 0;
        Ok(())
    }

    /// What attempts came to is kept as long as they are, and what waited too.
    fn sweep_traffic(&mut self, before: Timestamp, swept: &mut Swept) -> Result<(), Error> {
        for table in ["traffic", "backlog"] {
            let removed = self
                .connection
                .prepare_cached(&format!(
                    // Uses traffic_by_minute, or backlog_by_minute.
                    "DELETE FROM {table}
                     WHERE (company_id, endpoint_id, minute) IN
                           (SELECT company_id, endpoint_id, minute FROM {table}
                            WHERE minute < ?1
                            ORDER BY minute
                            LIMIT ?2)"
                ))?
                .execute(params![traffic::minute_of(before), STEP])?;
            swept.more |= removed == STEP;
        }
        Ok(())
    }

    /// A counter goes when its lane was empty for the whole period and no delivery of it is kept.
    fn sweep_lanes(
        &mut self,
        before: Timestamp,
        rows: usize,
        position: &mut Position,
        swept: &mut Swept,
    ) -> Result<(), Error> {
        let lanes = self.lanes_emptied(before, position.lane.as_ref(), rows)?;
        let Some(last) = lanes.last() else { return Ok(()) };
        swept.more |= lanes.len() == rows;
        position.lane = Some(last.clone());
        let first_young = self.first_accepted_since(before)?;
        for lane in &lanes {
            if self.keeps_deliveries_of(lane, first_young)? {
                position.passed_by = true;
            } else {
                self.remove_lane(lane)?;
                swept.lanes += 1;
            }
        }
        if swept.lanes > 0 {
            self.lanes.clear();
        }
        Ok(())
    }

    fn lanes_emptied(
        &self,
        before: Timestamp,
        after: Option<&SweptLane>,
        most: usize,
    ) -> Result<Vec<SweptLane>, Error> {
        let mut statement = self.connection.prepare_cached(
            // Uses lanes_by_emptied, which ends with the primary key.
            "SELECT company_id, endpoint_id, work_order_id, emptied FROM lanes
             WHERE emptied IS NOT NULL AND emptied < ?1
               AND (emptied, company_id, endpoint_id, work_order_id) > (?2, ?3, ?4, ?5)
             ORDER BY emptied, company_id, endpoint_id, work_order_id
             LIMIT ?6",
        )?;
        let start = match after {
            Some(lane) => params![
                before.ticks(),
                lane.emptied,
                lane.endpoint.company_id.as_str(),
                lane.endpoint.endpoint_id.as_bytes(),
                lane.work_order_id,
                most
            ],
            None => params![before.ticks(), i64::MIN, "", [0u8; 0], i64::MIN, most],
        };
        let rows = statement.query_map(start, |row| {
            Ok(SweptLane {
                endpoint: endpoint_key(row, 0, 1)?,
                work_order_id: row.get(2)?,
                emptied: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether a delivery of a lane is kept, though the lane was emptied long ago: its notification is older than
    /// that, and stays for another endpoint's sake.
    fn keeps_deliveries_of(&self, lane: &SweptLane, first_young: u64) -> Result<bool, Error> {
        let kept: Option<i64> = self
            .connection
            .prepare_cached(
                // Uses notifications_by_work_order.
                "SELECT 1
                 FROM notifications AS n
                 JOIN finished AS f
                   ON f.delivery_no BETWEEN n.notification_no << 12 AND (n.notification_no << 12) | 4095
                 WHERE n.work_order_id = ?1 AND n.notification_no < ?2 AND f.endpoint_id = ?3
                 LIMIT 1",
            )?
            .query_row(
                params![lane.work_order_id, first_young, lane.endpoint.endpoint_id.as_bytes()],
                |row| row.get(0),
            )
            .optional()?;
        Ok(kept.is_some())
    }

    fn remove_lane(&self, lane: &SweptLane) -> Result<(), Error> {
        self.connection
            .prepare_cached(
                "DELETE FROM lanes WHERE company_id = ?1 AND endpoint_id = ?2 AND work_order_id = ?3",
            )?
            .execute(params![
                lane.endpoint.company_id.as_str(),
                lane.endpoint.endpoint_id.as_bytes(),
                lane.work_order_id
            ])?;
        Ok(())
    }

    /// Number of the first notification accepted at `time` or later, by halving: they grow together.
    fn first_accepted_since(&self, time: Timestamp) -> Result<u64, Error> {
        let (mut low, mut high) = (0, self.next_notification);
        while low < high {
            let middle = low + (high - low) / 2;
            let at: Option<(u64, i64)> = self
                .connection
                .prepare_cached(
                    "SELECT notification_no, accepted FROM notifications
                     WHERE notification_no >= ?1
                     ORDER BY notification_no
                     LIMIT 1",
                )?
                .query_row(params![middle], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            match at {
                Some((no, accepted)) if accepted < time.ticks() => low = no + 1,
                Some(_) | None => high = middle,
            }
        }
        Ok(low)
    }

    /// When the oldest record that is kept expires; the sweep sleeps until then. Never in the past.
    fn next_expiry(&self, cutoffs: Cutoffs, passed_by: bool) -> Result<Option<Timestamp>, Error> {
        let oldest = |sql: &str, before: Timestamp| -> Result<Option<Timestamp>, Error> {
            let ticks: Option<i64> = self
                .connection
                .prepare_cached(sql)?
                .query_row(params![before.ticks()], |row| row.get(0))
                .optional()?;
            Ok(ticks.map(Timestamp::from_ticks))
        };
        let before = cutoffs.now.minus(cutoffs.notifications);
        let first_young = self.first_accepted_since(before)?;
        let notification: Option<i64> = self
            .connection
            .prepare_cached(
                "SELECT accepted FROM notifications WHERE notification_no >= ?1 ORDER BY notification_no LIMIT 1",
            )?
            .query_row(params![first_young], |row| row.get(0))
            .optional()?;
        let log = oldest(
            "SELECT start FROM log WHERE start >= ?1 ORDER BY log_no LIMIT 1",
            cutoffs.now.minus(cutoffs.log),
        )?;
        let lane = oldest(
            "SELECT emptied FROM lanes WHERE emptied IS NOT NULL AND emptied >= ?1 ORDER BY emptied LIMIT 1",
            before,
        )?;
        // What waited goes along with what changed it.
        let minute: Option<i64> = self
            .connection
            .query_row("SELECT minute FROM traffic ORDER BY minute LIMIT 1", [], |row| row.get(0))
            .optional()?;
        let times = [
            minute.map(|minute| traffic::start_of(minute + 1).plus(cutoffs.log)),
            notification.map(|ticks| Timestamp::from_ticks(ticks).plus(cutoffs.notifications)),
            log.map(|time| time.plus(cutoffs.log)),
            lane.map(|time| time.plus(cutoffs.notifications)),
            passed_by.then(|| cutoffs.now.plus(LOOK_AGAIN.min(cutoffs.notifications))),
        ];
        let a_moment_later = cutoffs.now.plus(Duration::from_millis(1));
        Ok(times.into_iter().flatten().min().map(|time| time.max(a_moment_later)))
    }
}
