//! Traffic by minute: counted as the end of the log is worked off. What is not counted yet is read from the log.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use workbell_model::{EndpointKey, Latencies, Mode};
use workbell_wire::Timestamp;

use super::by_hand::endpoint_key;
use super::code;
use super::log_tail::rolled_up;
use super::write::Write;
use crate::error::Error;
use crate::traffic::{MINUTE, Queue, Span, Traffic};

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

impl Write {
    pub(super) fn add_traffic(
        &self,
        endpoint: &EndpointKey,
        minute: i64,
        mut counted: Traffic,
    ) -> rusqlite::Result<()> {
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
    let step_of = |minute: i64| minute.div_euclid(step) * step;
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
        let begin = step_of(row.get(0)?);
        steps.entry(begin).or_insert_with(|| Traffic::none(start_of(begin))).merge(&of_minute(row)?);
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
        let counts = Counts::of_record(row)?;
        if counts.count() && (first..end).contains(&counts.minute()) {
            let begin = step_of(counts.minute());
            counts.add_to(steps.entry(begin).or_insert_with(|| Traffic::none(start_of(begin))));
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

/// What of a log record says how it counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts<'a> {
    pub(super) start: Timestamp,
    /// Ticks.
    pub(super) duration: u64,
    pub(super) status: Option<u16>,
    pub(super) error: Option<&'a str>,
    pub(super) mode: Mode,
}

impl<'a> Counts<'a> {
    /// Of a row with start, duration, status, error, mode.
    pub(super) fn of_record(row: &'a Row<'_>) -> rusqlite::Result<Self> {
        Ok(Counts {
            start: Timestamp::from_ticks(row.get(0)?),
            duration: row.get(1)?,
            status: row.get(2)?,
            error: row.get_ref(3)?.as_str_or_null()?,
            mode: code::mode(row.get(4)?)?,
        })
    }

    /// Samples and what was cut off by us do not.
    pub(super) fn count(&self) -> bool {
        self.mode != Mode::Test && self.error != Some(INTERRUPTED)
    }

    pub(super) const fn minute(&self) -> i64 {
        minute_of(self.start)
    }

    const fn delivered(&self) -> bool {
        self.error.is_none()
    }

    pub(super) fn add_to(&self, traffic: &mut Traffic) {
        if self.delivered() {
            traffic.delivered += 1;
            traffic.latencies.record(Duration::from_nanos(self.duration.saturating_mul(100)));
        } else {
            traffic.failed += 1;
            traffic.answered += u64::from(self.status.is_some());
        }
    }
}
