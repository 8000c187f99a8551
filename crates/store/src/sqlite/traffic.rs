//! Traffic by minute: counted from the log by the writer, in steps, in the commits that it makes anyway.
//!
//! What is not counted yet is short, and read from the log. So nothing is asked while nothing happens, an attempt
//! costs no row of its own, and a step that a crash undoes is made again.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use workbell_model::{EndpointKey, Latencies, Mode};
use workbell_wire::Timestamp;

use super::by_hand::endpoint_key;
use super::code;
use super::write::Write;
use crate::error::Error;
use crate::traffic::{MINUTE, Queue, Span, Traffic};

/// Records that must have come before they are counted. 512: one more commit's worth of them is read by who asks, and
/// the counting of so many costs one row per endpoint and minute. (4 in tests, which want to see it.)
const WORTH_IT: u64 = if cfg!(test) { 4 } else { 512 };

/// Most records of one step. 2,048: four batches, so that what is behind catches up.
const STEP: u64 = if cfg!(test) { 6 } else { 2048 };

/// Most records that are read where nothing is counted yet.
const LONGEST_TAIL: u64 = 10_000;

/// Ticks of a minute.
const MINUTE_TICKS: i64 = 600_000_000;

/// The class of attempts that were cut off by us.
const INTERRUPTED: &str = "Interrupted";

/// The minute in which a time lies.
pub(super) const fn minute_of(time: Timestamp) -> i64 {
    time.ticks().div_euclid(MINUTE_TICKS)
}

/// When a minute begins.
pub(super) const fn start_of(minute: i64) -> Timestamp {
    Timestamp::from_ticks(minute.saturating_mul(MINUTE_TICKS))
}

/// Up to which record the log is counted.
pub(super) fn rolled_up(connection: &Connection) -> rusqlite::Result<u64> {
    let position: Option<[u8; 8]> = connection
        .prepare_cached("SELECT value FROM meta WHERE name = 'rolled_up'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(position.map_or(0, u64::from_be_bytes))
}

impl Write {
    /// Counts what has come, when it is worth it, within the running transaction.
    pub(super) fn roll_up(&mut self) -> rusqlite::Result<()> {
        let last = self.next_log.saturating_sub(1);
        if last.saturating_sub(self.rolled_up) < WORTH_IT {
            return Ok(());
        }
        let until = last.min(self.rolled_up.saturating_add(STEP));
        for ((endpoint, minute), counted) in self.count(until)? {
            self.add_traffic(&endpoint, minute, counted)?;
        }
        self.connection
            .prepare_cached(
                "INSERT INTO meta (name, value) VALUES ('rolled_up', ?1)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute(params![until.to_be_bytes()])?;
        self.rolled_up = until;
        Ok(())
    }

    fn count(&self, until: u64) -> rusqlite::Result<BTreeMap<(EndpointKey, i64), Traffic>> {
        let mut counted: BTreeMap<(EndpointKey, i64), Traffic> = BTreeMap::new();
        let mut statement = self.connection.prepare_cached(
            // Uses the primary key.
            "SELECT start, duration, status, error, mode, company_id, endpoint_id FROM log
             WHERE log_no > ?1 AND log_no <= ?2 AND endpoint_id IS NOT NULL
             ORDER BY log_no",
        )?;
        let mut rows = statement.query(params![self.rolled_up, until])?;
        while let Some(row) = rows.next()? {
            if let Some((minute, traffic)) = of_record(row)? {
                counted
                    .entry((endpoint_key(row, 5, 6)?, minute))
                    .or_insert_with(|| Traffic::none(start_of(minute)))
                    .merge(&traffic);
            }
        }
        Ok(counted)
    }

    fn add_traffic(&self, endpoint: &EndpointKey, minute: i64, mut counted: Traffic) -> rusqlite::Result<()> {
        let (company, id) = (endpoint.company_id.as_str(), endpoint.endpoint_id);
        let before: Option<Traffic> = self
            .connection
            .prepare_cached(
                "SELECT minute, delivered, failed, answered, latencies FROM traffic
                 WHERE company_id = ?1 AND endpoint_id = ?2 AND minute = ?3",
            )?
            .query_row(params![company, id.as_bytes(), minute], of_minute)
            .optional()?;
        if let Some(before) = before {
            counted.merge(&before);
        }
        self.connection
            .prepare_cached(
                "INSERT INTO traffic (company_id, endpoint_id, minute, delivered, failed, answered, latencies)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (company_id, endpoint_id, minute) DO UPDATE
                 SET delivered = excluded.delivered, failed = excluded.failed, answered = excluded.answered,
                     latencies = excluded.latencies",
            )?
            .execute(params![
                company,
                id.as_bytes(),
                minute,
                counted.delivered,
                counted.failed,
                counted.answered,
                counted.latencies.to_bytes()
            ])
            .map(drop)
    }
}

/// What waits at an endpoint.
pub(super) fn queue(connection: &Connection, endpoint: &EndpointKey) -> Result<Queue, Error> {
    let (waiting, oldest): (u64, Option<u64>) = connection
        .prepare_cached(
            // Uses undelivered_by_lane alone. Numbers grow with the time of acceptance.
            "SELECT COUNT(*), MIN(delivery_no) FROM undelivered WHERE company_id = ?1 AND endpoint_id = ?2",
        )?
        .query_row(params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let oldest: Option<i64> = match oldest {
        Some(delivery_no) => connection
            .prepare_cached("SELECT accepted FROM notifications WHERE notification_no = ?1 >> 12")?
            .query_row(params![delivery_no], |row| row.get(0))
            .optional()?,
        None => None,
    };
    Ok(Queue { waiting, oldest: oldest.map(Timestamp::from_ticks) })
}

/// What waits at each endpoint.
pub(super) fn queues(connection: &Connection) -> Result<Vec<(EndpointKey, Queue)>, Error> {
    let mut statement = connection.prepare_cached(
        // Walks undelivered_by_lane alone, which has them in this order.
        "SELECT q.company_id, q.endpoint_id, q.waiting, n.accepted
         FROM (SELECT company_id, endpoint_id, COUNT(*) AS waiting, MIN(delivery_no) AS oldest
               FROM undelivered
               GROUP BY company_id, endpoint_id) AS q
         LEFT JOIN notifications AS n ON n.notification_no = q.oldest >> 12",
    )?;
    let rows = statement.query_map([], |row| {
        let oldest = row.get::<_, Option<i64>>(3)?.map(Timestamp::from_ticks);
        Ok((endpoint_key(row, 0, 1)?, Queue { waiting: row.get(2)?, oldest }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What an endpoint's attempts came to.
pub(super) fn traffic(
    connection: &Connection,
    endpoint: &EndpointKey,
    span: Span,
) -> Result<Vec<Traffic>, Error> {
    let step = i64::from(span.step.max(1));
    let first = minute_of(span.from);
    let end = minute_of(span.to.plus(MINUTE - Duration::from_nanos(100)));
    let mut steps: BTreeMap<i64, Traffic> = BTreeMap::new();
    let mut add = |minute: i64, traffic: &Traffic| {
        let begin = minute.div_euclid(step) * step;
        steps.entry(begin).or_insert_with(|| Traffic::none(start_of(begin))).merge(traffic);
    };
    let mut statement = connection.prepare_cached(
        "SELECT minute, delivered, failed, answered, latencies FROM traffic
         WHERE company_id = ?1 AND endpoint_id = ?2 AND minute >= ?3 AND minute < ?4",
    )?;
    let mut rows = statement.query(params![
        endpoint.company_id.as_str(),
        endpoint.endpoint_id.as_bytes(),
        first,
        end
    ])?;
    while let Some(row) = rows.next()? {
        add(row.get(0)?, &of_minute(row)?);
    }
    let mut statement = connection.prepare_cached(
        // Uses log_by_endpoint.
        "SELECT start, duration, status, error, mode FROM log
         WHERE endpoint_id = ?1 AND log_no > ?2
         ORDER BY log_no
         LIMIT ?3",
    )?;
    let mut rows =
        statement.query(params![endpoint.endpoint_id.as_bytes(), rolled_up(connection)?, LONGEST_TAIL])?;
    while let Some(row) = rows.next()? {
        if let Some((minute, traffic)) = of_record(row)?
            && (first..end).contains(&minute)
        {
            add(minute, &traffic);
        }
    }
    Ok(steps.into_values().collect())
}

fn of_minute(row: &Row<'_>) -> rusqlite::Result<Traffic> {
    Ok(Traffic {
        start: start_of(row.get(0)?),
        delivered: row.get(1)?,
        failed: row.get(2)?,
        answered: row.get(3)?,
        latencies: Latencies::from_bytes(row.get_ref(4)?.as_blob()?),
    })
}

/// What one record of the log (start, duration, status, error, mode) counts as; `None` when it does not count.
fn of_record(row: &Row<'_>) -> rusqlite::Result<Option<(i64, Traffic)>> {
    let start = Timestamp::from_ticks(row.get(0)?);
    let error = row.get_ref(3)?.as_str_or_null()?;
    if error == Some(INTERRUPTED) || code::mode(row.get(4)?)? == Mode::Test {
        return Ok(None);
    }
    let mut traffic = Traffic::none(start);
    if error.is_none() {
        let ticks: u64 = row.get(1)?;
        traffic.delivered = 1;
        traffic.latencies.record(Duration::from_nanos(ticks.saturating_mul(100)));
    } else {
        traffic.failed = 1;
        traffic.answered = u64::from(row.get::<_, Option<u16>>(2)?.is_some());
    }
    Ok(Some((minute_of(start), traffic)))
}
