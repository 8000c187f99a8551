//! The communication log.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use workbell_model::{CompanyId, DeliveryId, DeliveryNo, EndpointId, NotificationNo, log};
use workbell_wire::{MessageId, Timestamp};

use super::super::by_hand::{company_id, uuid};
use super::super::code;
use super::notifications::{body, is_or_any, range};
use super::{Walk, start_of};
use crate::error::Error;
use crate::filter::{LogFilter, Page, Paging};
use crate::record::LogRecord;

/// Most attempts of one delivery that are shown at once.
const MOST_ATTEMPTS: usize = 1000;

const COLUMNS: &str = "l.log_no, l.company_id, l.endpoint_id, l.delivery_no, l.work_order_id, l.branch_id, l.action,
                       l.direction, l.attempt, l.mode, l.start, l.duration, l.status, l.error, l.next_due, l.detail,
                       n.message_id, n.accepted";

const TABLES: &str = "log AS l LEFT JOIN notifications AS n ON n.notification_no = l.delivery_no >> 12";

pub(in super::super) fn log_record(connection: &Connection, no: u64) -> Result<Option<LogRecord>, Error> {
    let mut found = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM {TABLES} WHERE l.log_no = ?1"))?
        .query_row(params![no], record)
        .optional()?;
    if let Some(found) = &mut found
        && let Some(delivery) = found.delivery_id
    {
        found.body = body(connection, delivery.no().notification())?;
    }
    Ok(found)
}

pub(in super::super) fn attempts(connection: &Connection, id: DeliveryId) -> Result<Vec<LogRecord>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        // Uses log_by_delivery.
        "SELECT {COLUMNS} FROM {TABLES} WHERE l.delivery_no = ?1 ORDER BY l.log_no LIMIT {MOST_ATTEMPTS}"
    ))?;
    let rows = statement.query_map(params![id.no().0], record)?;
    let mut attempts: Vec<LogRecord> = rows.collect::<Result<_, _>>()?;
    // An id that merely ends alike is not this delivery's.
    attempts.retain(|attempt| attempt.delivery_id.is_none_or(|found| found == id));
    let body = body(connection, id.no().notification())?;
    for attempt in &mut attempts {
        attempt.body.clone_from(&body);
    }
    Ok(attempts)
}

pub(in super::super) fn log(
    connection: &Connection,
    filter: &LogFilter,
    paging: &Paging,
) -> Result<Page<LogRecord>, Error> {
    let start = start_of(paging)?;
    let source = source(connection, filter)?;
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE {} AND l.log_no < ?1 ORDER BY l.log_no DESC",
        source.condition
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![start, source.first, source.second])?;
    let mut walk = Walk::new(paging);
    while let Some(row) = rows.next()? {
        let matching = if matches(row, filter)? { Some(record(row)?) } else { None };
        if !walk.step(row.get(0)?, matching) {
            let ended = rows.next()?.is_none();
            return Ok(walk.page(ended));
        }
    }
    Ok(walk.page(true))
}

/// Which index a list walks; the narrowest that the filter allows.
struct Source {
    condition: &'static str,
    first: rusqlite::types::Value,
    second: rusqlite::types::Value,
}

fn source(connection: &Connection, filter: &LogFilter) -> Result<Source, Error> {
    use rusqlite::types::Value;
    let of = |condition, first, second| Ok(Source { condition, first, second });
    if let Some(id) = filter.delivery_id {
        let no = Value::Integer(i64::try_from(id.no().0).unwrap_or(-1));
        return of("l.delivery_no BETWEEN ?2 AND ?3", no.clone(), no);
    }
    if let Some(message_id) = filter.message_id {
        return of_message(connection, filter, message_id);
    }
    if let Some(order) = filter.work_order_id {
        return of("l.work_order_id = ?2 AND ?3 IS NULL", Value::Integer(order), Value::Null);
    }
    if let Some(endpoint) = filter.endpoint_id {
        return of(
            "l.endpoint_id = ?2 AND ?3 IS NULL",
            Value::Blob(endpoint.as_bytes().to_vec()),
            Value::Null,
        );
    }
    if let Some(company) = &filter.company_id {
        return of("l.company_id = ?2 AND ?3 IS NULL", Value::Text(company.to_string()), Value::Null);
    }
    of("?2 IS NULL AND ?3 IS NULL", Value::Null, Value::Null)
}

/// A MessageId is unique within a company; without one, the first company that has it is meant.
fn of_message(connection: &Connection, filter: &LogFilter, message_id: MessageId) -> Result<Source, Error> {
    let companies: Vec<String> = match &filter.company_id {
        Some(company) => vec![company.to_string()],
        None => {
            let mut statement = connection.prepare_cached("SELECT company_id FROM companies")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect::<Result<_, _>>()?
        }
    };
    let mut find = connection.prepare_cached(
        "SELECT notification_no FROM notifications WHERE company_id = ?1 AND message_id = ?2",
    )?;
    for company in companies {
        let found: Option<u64> =
            find.query_row(params![company, message_id.as_bytes()], |row| row.get(0)).optional()?;
        if let Some(no) = found {
            let (first, last) = range(NotificationNo(no));
            return Ok(Source {
                condition: "l.delivery_no BETWEEN ?2 AND ?3",
                first: rusqlite::types::Value::Integer(i64::try_from(first).unwrap_or(-1)),
                second: rusqlite::types::Value::Integer(i64::try_from(last).unwrap_or(-1)),
            });
        }
    }
    Ok(Source {
        condition: "?2 = ?3",
        first: rusqlite::types::Value::Integer(0),
        second: rusqlite::types::Value::Integer(1),
    })
}

fn matches(row: &Row<'_>, filter: &LogFilter) -> rusqlite::Result<bool> {
    let start: i64 = row.get(10)?;
    let endpoint = row.get_ref(2)?.as_blob_or_null()?;
    let work_order: i64 = row.get(4)?;
    let branch: i64 = row.get(5)?;
    let direction: i64 = row.get(7)?;
    let status: Option<u16> = row.get(12)?;
    let error = row.get_ref(13)?.as_str_or_null()?;
    Ok(is_or_any(filter.company_id.as_ref().map(CompanyId::as_str), row.get_ref(1)?.as_str()?)
        && filter.endpoint_id.as_ref().is_none_or(|wanted| endpoint == Some(wanted.as_bytes().as_slice()))
        && filter.work_order_id.is_none_or(|wanted| wanted == work_order)
        && filter.branch_id.is_none_or(|wanted| wanted == branch)
        && is_or_any(filter.action.as_deref(), row.get_ref(6)?.as_str()?)
        && filter.direction.is_none_or(|wanted| code::of_direction(wanted) == direction)
        && filter.status.is_none_or(|wanted| Some(wanted) == status)
        && filter.error.as_deref().is_none_or(|wanted| Some(wanted) == error)
        && filter.from.is_none_or(|from| start >= from.ticks())
        && filter.to.is_none_or(|to| start < to.ticks()))
}

fn record(row: &Row<'_>) -> rusqlite::Result<LogRecord> {
    let endpoint_id = row.get_ref(2)?.as_blob_or_null()?.is_some().then(|| uuid(row, 2)).transpose()?;
    let accepted = row.get::<_, Option<i64>>(17)?.map(Timestamp::from_ticks);
    let delivery_no = row.get::<_, Option<u64>>(3)?.map(DeliveryNo);
    let delivery_id = accepted.zip(delivery_no).map(|(accepted, no)| DeliveryId::new(accepted, no));
    let detail: log::Detail = serde_json::from_str(row.get_ref(15)?.as_str()?).unwrap_or_default();
    let ticks: u64 = row.get(11)?;
    Ok(LogRecord {
        no: row.get(0)?,
        direction: code::direction(row.get(7)?)?,
        company_id: company_id(row, 1)?,
        endpoint_id: endpoint_id.map(EndpointId::from_uuid),
        delivery_id,
        work_order_id: row.get(4)?,
        branch_id: row.get(5)?,
        action: row.get(6)?,
        message_id: row.get::<_, Option<[u8; 16]>>(16)?.map(MessageId::from_bytes),
        attempt: row.get(8)?,
        mode: code::mode(row.get(9)?)?,
        start: Timestamp::from_ticks(row.get(10)?),
        duration: Duration::from_nanos(ticks.saturating_mul(100)),
        status: row.get(12)?,
        error: row.get(13)?,
        next_attempt_at: row.get::<_, Option<i64>>(14)?.map(Timestamp::from_ticks),
        detail,
        body: None,
    })
}
