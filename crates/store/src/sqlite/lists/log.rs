//! The communication log.

use std::collections::HashMap;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, Rows, params};
use workbell_model::work_order::Object;
use workbell_model::{CompanyId, DeliveryId, DeliveryNo, EndpointId, NotificationNo, log};
use workbell_wire::{MessageId, Timestamp};

use super::super::by_hand::{company_id, uuid};
use super::super::log_tail::rolled_up;
use super::super::stretch::{self, Numbers, Parts, Trait};
use super::super::{code, labels};
use super::notifications::{body, is_or_any, range};
use super::{Walk, start_of};
use crate::error::Error;
use crate::filter::{LogFilter, Page, Paging};
use crate::record::LogRecord;

/// Most attempts of one delivery that are shown at once.
const MOST_ATTEMPTS: usize = 1000;

/// Most orders with one number that a search looks at, the newest ones. 100: numbers are for people.
const MOST_NAMESAKES: usize = 100;

const COLUMNS: &str = "l.log_no, l.company_id, l.endpoint_id, l.delivery_no, l.work_order_id, l.branch_id, l.action,
                       l.direction, l.attempt, l.mode, l.start, l.duration, l.status, l.error, l.next_due, l.detail,
                       n.message_id, n.accepted";

/// What is read of records that may be wanted: what filters look at. The detail, which may be long, is not among it.
const WALKED: &str =
    "l.log_no, l.company_id, l.endpoint_id, l.work_order_id, l.branch_id, l.action, l.direction, l.start,
                      l.status, l.error";

/// Most endpoints of a company whose records are merged. 64: each costs a look-up.
const MOST_MERGED: usize = 64;

const TABLES: &str = "log AS l LEFT JOIN notifications AS n ON n.notification_no = l.delivery_no >> 12";

/// What a walk reads.
const WALKED_ALONE: &str = "log AS l";

/// The same, of one endpoint. That it is the one with most records must not tempt the planner.
const OF_ENDPOINT: &str = "log AS l INDEXED BY log_by_endpoint";

/// The same, from a record's place among those of its order.
const ORDERED: &str = "log_orders AS o CROSS JOIN log AS l ON l.log_no = o.log_no";

pub(in super::super) fn log_record(connection: &Connection, no: u64) -> Result<Option<LogRecord>, Error> {
    let mut found = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM {TABLES} WHERE l.log_no = ?1"))?
        .query_row(params![no], record)
        .optional()?;
    if let Some(found) = &mut found {
        name_orders(connection, std::slice::from_mut(found))?;
        found.body = match found.delivery_id {
            Some(delivery) => body(connection, delivery.no().notification())?,
            None => found.detail.body.clone().map(bytes::Bytes::from),
        };
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
    name_orders(connection, &mut attempts)?;
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
    let wanted = Wanted { filter, orders: orders_of(connection, filter)? };
    let sources = sources(connection, &wanted)?;
    let traits = traits(filter, &sources);
    let mut prepared = Vec::with_capacity(sources.len());
    for source in sources {
        let Source { tables, number, condition, .. } = source;
        let sql = format!("SELECT {WALKED} FROM {tables} WHERE {condition} ORDER BY {number} DESC");
        prepared.push((connection.prepare_cached(&sql)?, source));
    }
    let mut stretches = connection.prepare_cached(stretch::PARTS)?;
    let rows = if traits.is_any() { None } else { Some(stretches.query(params![start])?) };
    let mut parts = Parts::new(rows, &traits, start);
    let mut walk = Walk::new(paging);
    let mut goes_on = true;
    let mut ended = true;
    while goes_on {
        let part = parts.next(|number| {
            goes_on = walk.step(number, None);
            goes_on
        })?;
        let Some(part) = part else {
            ended = goes_on;
            break;
        };
        let all_seen;
        (goes_on, all_seen) = walk_part(&mut prepared, part, &wanted, &mut walk)?;
        if !goes_on {
            let mut more = !all_seen;
            more |= parts
                .next(|_| {
                    more = true;
                    false
                })?
                .is_some();
            ended = !more;
        }
    }
    let Page { items, next } = walk.page(ended);
    let mut whole =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM {TABLES} WHERE l.log_no = ?1"))?;
    let mut items: Vec<LogRecord> =
        items.into_iter().map(|no: i64| whole.query_row(params![no], record)).collect::<Result<_, _>>()?;
    name_orders(connection, &mut items)?;
    Ok(Page { items, next })
}

/// Walks the records of a part, newest first. Whether the walk may go on, and whether the part was seen to its end.
fn walk_part(
    prepared: &mut [(CachedStatement<'_>, Source)],
    part: Numbers,
    wanted: &Wanted<'_>,
    walk: &mut Walk<i64>,
) -> Result<(bool, bool), Error> {
    let mut streams = Vec::with_capacity(prepared.len());
    for (statement, source) in prepared {
        let rows = statement.query(params![part.end, source.first, source.second, part.first])?;
        streams.push(Stream::new(rows, wanted)?);
    }
    while let Some(newest) = streams.iter_mut().max_by_key(|stream| stream.number()) {
        let Some((number, matching)) = newest.take(wanted)? else { break };
        if !walk.step(number, matching.then_some(number)) {
            return Ok((false, streams.iter().all(|stream| stream.head.is_none())));
        }
    }
    // Also where nothing stood the walk has been.
    Ok((part.first == 0 || walk.step(part.first, None), true))
}

/// A filter with what it names by other words looked up.
struct Wanted<'a> {
    filter: &'a LogFilter,
    /// The orders with the number that is wanted; `None` when any will do.
    orders: Option<Vec<i64>>,
}

/// The newest orders with the number that is wanted. Uses work_orders_by_number.
fn orders_of(connection: &Connection, filter: &LogFilter) -> Result<Option<Vec<i64>>, Error> {
    let Some(number) = &filter.work_order_number else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT work_order_id FROM work_orders
         WHERE number = ?1 AND (?2 IS NULL OR company_id = ?2)
         ORDER BY order_no DESC
         LIMIT ?3",
    )?;
    let company = filter.company_id.as_ref().map(CompanyId::as_str);
    let rows = statement.query_map(params![number, company, MOST_NAMESAKES], |row| row.get(0))?;
    let mut orders: Vec<i64> = rows.collect::<Result<_, _>>()?;
    // Those that are not held here, but were announced by their NewWorkOrder.
    for (_, order) in labels::numbered(connection, number, filter.company_id.as_ref())? {
        if !orders.contains(&order) {
            orders.push(order);
        }
    }
    Ok(Some(orders))
}

/// Adds number and customer of each record's order, where Workbell holds it. Uses work_orders_by_id.
fn name_orders(connection: &Connection, records: &mut [LogRecord]) -> Result<(), Error> {
    let mut known: HashMap<i64, Option<(CompanyId, String, Option<String>)>> = HashMap::new();
    let mut find = connection
        .prepare_cached("SELECT company_id, number, details FROM work_orders WHERE work_order_id = ?1")?;
    for record in records.iter_mut().filter(|record| record.work_order_id != 0) {
        let found = match known.entry(record.work_order_id) {
            std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let row = |row: &Row<'_>| {
                    let details = Object::parse(row.get_ref(2)?.as_str()?).unwrap_or_default();
                    Ok((company_id(row, 0)?, row.get(1)?, details.object("Customer").read("Name")))
                };
                entry.insert(find.query_row(params![record.work_order_id], row).optional()?)
            }
        };
        // Another company's order with this id, of which the notification only speaks, is not named.
        if let Some((owner, number, customer)) = found
            && *owner == record.company_id
        {
            record.work_order_number = Some(number.clone());
            record.customer.clone_from(customer);
        } else if let Some(label) = labels::label(connection, &record.company_id, record.work_order_id)? {
            (record.work_order_number, record.customer) = (label.number, label.customer);
        }
    }
    Ok(())
}

/// The records of one source, newest first.
struct Stream<'a> {
    rows: Rows<'a>,
    head: Option<(i64, bool)>,
}

impl<'a> Stream<'a> {
    fn new(rows: Rows<'a>, wanted: &Wanted<'_>) -> Result<Self, Error> {
        let mut stream = Stream { rows, head: None };
        stream.take(wanted)?;
        Ok(stream)
    }

    fn number(&self) -> Option<i64> {
        self.head.as_ref().map(|(number, _)| *number)
    }

    /// The number of its newest record that was not taken yet, and whether it is wanted.
    fn take(&mut self, wanted: &Wanted<'_>) -> Result<Option<(i64, bool)>, Error> {
        let following = match self.rows.next()? {
            Some(row) => Some((row.get(0)?, matches(row, wanted)?)),
            None => None,
        };
        Ok(std::mem::replace(&mut self.head, following))
    }
}

/// Records that one index has in order.
struct Source {
    tables: &'static str,
    /// The column with the record's number.
    number: &'static str,
    condition: &'static str,
    first: Value,
    second: Value,
    /// There may be so many that stretches of the log are passed by.
    is_wide: bool,
}

impl Source {
    const fn new(condition: &'static str, first: Value, second: Value) -> Self {
        Source { tables: WALKED_ALONE, number: "l.log_no", condition, first, second, is_wide: false }
    }

    fn of_all() -> Self {
        Source {
            is_wide: true,
            ..Source::new(
                "?2 IS NULL AND ?3 IS NULL AND l.log_no < ?1 AND l.log_no >= ?4",
                Value::Null,
                Value::Null,
            )
        }
    }

    /// Those of no endpoint.
    fn of_company(company: &CompanyId) -> Self {
        let condition =
            "l.company_id = ?2 AND l.endpoint_id IS NULL AND ?3 IS NULL AND l.log_no < ?1 AND l.log_no >= ?4";
        Source { is_wide: true, ..Source::new(condition, Value::Text(company.to_string()), Value::Null) }
    }

    fn of_deliveries(first: u64, last: u64) -> Self {
        let value = |no: u64| Value::Integer(i64::try_from(no).unwrap_or(-1));
        // They are few, and no index has them in order: the plus keeps the planner from walking the whole log.
        let condition = "l.delivery_no BETWEEN ?2 AND ?3 AND +l.log_no < ?1 AND +l.log_no >= ?4";
        Source::new(condition, value(first), value(last))
    }

    /// Those of an order that stand in their place already.
    fn of_order(order: i64, rolled_up: i64) -> Self {
        let condition = "o.work_order_id = ?2 AND o.log_no <= ?3 AND o.log_no < ?1 AND o.log_no >= ?4";
        Source {
            tables: ORDERED,
            number: "o.log_no",
            // What is about no order stands under 0.
            is_wide: order == 0,
            ..Source::new(condition, Value::Integer(order), Value::Integer(rolled_up))
        }
    }

    /// The end of the log that is not worked off yet.
    fn end(rolled_up: i64) -> Self {
        Source::new(
            "l.log_no > ?2 AND ?3 IS NULL AND l.log_no < ?1 AND l.log_no >= ?4",
            Value::Integer(rolled_up),
            Value::Null,
        )
    }

    /// Those of these orders.
    fn of_orders(connection: &Connection, orders: &[i64]) -> Result<Vec<Self>, Error> {
        let rolled_up = i64::try_from(rolled_up(connection)?).unwrap_or(i64::MAX);
        let mut sources: Vec<Source> =
            orders.iter().map(|order| Source::of_order(*order, rolled_up)).collect();
        sources.push(Source::end(rolled_up));
        Ok(sources)
    }

    fn of_endpoint(endpoint: &[u8]) -> Self {
        let condition = "l.endpoint_id = ?2 AND ?3 IS NULL AND l.log_no < ?1 AND l.log_no >= ?4";
        Source {
            tables: OF_ENDPOINT,
            is_wide: true,
            ..Source::new(condition, Value::Blob(endpoint.to_vec()), Value::Null)
        }
    }
}

/// What a list walks: the narrowest that the filter allows.
fn sources(connection: &Connection, wanted: &Wanted<'_>) -> Result<Vec<Source>, Error> {
    let filter = wanted.filter;
    if let Some(id) = filter.delivery_id {
        return Ok(vec![Source::of_deliveries(id.no().0, id.no().0)]);
    }
    if let Some(message_id) = filter.message_id {
        return of_message(connection, filter, message_id);
    }
    if let Some(order) = filter.work_order_id {
        return Source::of_orders(connection, &[order]);
    }
    if let Some(orders) = &wanted.orders {
        return Source::of_orders(connection, orders);
    }
    if let Some(endpoint) = filter.endpoint_id {
        // Another company's is not walked: how long that takes and where it stops would tell that it exists.
        if let Some(company) = &filter.company_id
            && !is_of(connection, company, endpoint.as_bytes())?
        {
            return Ok(Vec::new());
        }
        return Ok(vec![Source::of_endpoint(endpoint.as_bytes())]);
    }
    if let Some(company) = &filter.company_id {
        return of_company(connection, company);
    }
    Ok(vec![Source::of_all()])
}

/// By what stretches of the log are passed by: nothing, when an index has what is wanted in order.
fn traits(filter: &LogFilter, sources: &[Source]) -> stretch::Wanted {
    let is_rest_any = filter.branch_id.is_none()
        && filter.action.is_none()
        && filter.direction.is_none()
        && filter.status.is_none()
        && filter.error.is_none()
        && filter.from.is_none()
        && filter.to.is_none();
    let of_many =
        |source: &Source| filter.company_id.is_some() && *source.condition == *Source::of_all().condition;
    let is_walked =
        if is_rest_any { sources.iter().any(of_many) } else { sources.iter().any(|it| it.is_wide) };
    if !is_walked {
        return stretch::Wanted::new([], None, None);
    }
    let endpoint = filter.endpoint_id.as_ref().map(|id| Trait::Endpoint(id.as_bytes()));
    let traits = [
        filter.company_id.as_ref().map(|id| Trait::Company(id.as_str())),
        endpoint,
        filter.branch_id.map(Trait::Branch),
        filter.action.as_deref().map(Trait::Action),
        filter.direction.map(Trait::Direction),
        filter.status.map(Trait::Status),
        filter.error.as_deref().map(Trait::Error),
    ];
    let (from, to) = (filter.from.map(Timestamp::ticks), filter.to.map(Timestamp::ticks));
    stretch::Wanted::new(traits.into_iter().flatten(), from, to)
}

fn is_of(connection: &Connection, company: &CompanyId, endpoint: &[u8]) -> Result<bool, Error> {
    let mut statement =
        connection.prepare_cached("SELECT 1 FROM endpoints WHERE company_id = ?1 AND endpoint_id = ?2")?;
    Ok(statement.exists(params![company.as_str(), endpoint])?)
}

/// Those of each of its endpoints, deleted ones too, and those of no endpoint: an index of its own would cost each
/// attempt a page. Of a company with very many endpoints all records are walked, but for the stretches without it.
fn of_company(connection: &Connection, company: &CompanyId) -> Result<Vec<Source>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT endpoint_id FROM endpoints WHERE company_id = ?1 LIMIT ?2")?;
    let mut sources = vec![Source::of_company(company)];
    let mut rows = statement.query(params![company.as_str(), MOST_MERGED + 1])?;
    while let Some(row) = rows.next()? {
        sources.push(Source::of_endpoint(&row.get::<_, [u8; 16]>(0)?));
    }
    if sources.len() > MOST_MERGED + 1 {
        return Ok(vec![Source::of_all()]);
    }
    Ok(sources)
}

/// Those of the notification with this MessageId, of one company or of each that has it, and those of what is in no
/// queue.
fn of_message(
    connection: &Connection,
    filter: &LogFilter,
    message_id: MessageId,
) -> Result<Vec<Source>, Error> {
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
    let in_no_queue = "json_extract(l.detail, '$.MessageId') = ?2 AND l.delivery_no IS NULL AND ?3 IS NULL AND l.log_no < ?1 AND l.log_no >= ?4";
    let mut sources = vec![Source::new(in_no_queue, Value::Text(message_id.to_string()), Value::Null)];
    for company in companies {
        let found: Option<u64> =
            find.query_row(params![company, message_id.as_bytes()], |row| row.get(0)).optional()?;
        if let Some(no) = found {
            let (first, last) = range(NotificationNo(no));
            sources.push(Source::of_deliveries(first, last));
        }
    }
    Ok(sources)
}

fn matches(row: &Row<'_>, wanted: &Wanted<'_>) -> rusqlite::Result<bool> {
    let filter = wanted.filter;
    let endpoint = row.get_ref(2)?.as_blob_or_null()?;
    let work_order: i64 = row.get(3)?;
    let branch: i64 = row.get(4)?;
    let direction: i64 = row.get(6)?;
    let start: i64 = row.get(7)?;
    let status: Option<u16> = row.get(8)?;
    let error = row.get_ref(9)?.as_str_or_null()?;
    Ok(is_or_any(filter.company_id.as_ref().map(CompanyId::as_str), row.get_ref(1)?.as_str()?)
        && filter.endpoint_id.as_ref().is_none_or(|wanted| endpoint == Some(wanted.as_bytes().as_slice()))
        && filter.work_order_id.is_none_or(|wanted| wanted == work_order)
        && wanted.orders.as_ref().is_none_or(|orders| orders.contains(&work_order))
        && filter.branch_id.is_none_or(|wanted| wanted == branch)
        && is_or_any(filter.action.as_deref(), row.get_ref(5)?.as_str()?)
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
    let of_notification = row.get::<_, Option<[u8; 16]>>(16)?.map(MessageId::from_bytes);
    // What a client of the Direct API sends as such need not be one.
    let told = detail.message_id.as_deref().and_then(|text| text.parse().ok());
    let ticks: u64 = row.get(11)?;
    Ok(LogRecord {
        no: row.get(0)?,
        direction: code::direction(row.get(7)?)?,
        company_id: company_id(row, 1)?,
        endpoint_id: endpoint_id.map(EndpointId::from_uuid),
        delivery_id,
        work_order_id: row.get(4)?,
        work_order_number: None,
        customer: None,
        branch_id: row.get(5)?,
        action: row.get(6)?,
        message_id: of_notification.or(told),
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
