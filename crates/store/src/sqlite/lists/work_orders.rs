//! Work orders, their time lines, and customers.

use rusqlite::{Connection, OptionalExtension, Row, params};
use workbell_model::work_order::{Act, Object, Status};
use workbell_model::{ClientId, CompanyId, Customer, WorkOrder, WorkOrderId};
use workbell_wire::{ActionName, MessageId, Timestamp};

use super::super::by_hand::{company_id, uuid};
use super::super::code;
use super::notifications::is_or_any;
use super::{Walk, start_of};
use crate::error::Error;
use crate::filter::{Page, Paging};
use crate::work_order::{Entry, Performer, Period, WorkOrderFilter};

const COLUMNS: &str =
    "order_no, company_id, work_order_id, branch_id, number, status, customer_id, created, last_update,
                       acknowledge_by, on_site_by, due_date, entries, details, kept";

/// What a walk reads of each order: what filters look at, and not its details, which are long.
const WALKED: &str = "order_no, branch_id, number, status, customer_id, created, last_update, acknowledge_by, on_site_by, due_date";

pub(in super::super) fn work_order(
    connection: &Connection,
    id: WorkOrderId,
) -> Result<Option<WorkOrder>, Error> {
    Ok(order_with_entries(connection, id)?.map(|(order, _)| order))
}

/// An order, and how many entries its time line has.
pub(in super::super) fn order_with_entries(
    connection: &Connection,
    id: WorkOrderId,
) -> Result<Option<(WorkOrder, u32)>, Error> {
    Ok(connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM work_orders WHERE work_order_id = ?1"))?
        .query_row(params![id], |row| Ok((order(row)?, row.get(12)?)))
        .optional()?)
}

pub(in super::super) fn work_orders(
    connection: &Connection,
    filter: &WorkOrderFilter,
    paging: &Paging,
) -> Result<Page<WorkOrder>, Error> {
    // With a number: work_orders_by_number; with a company: work_orders_by_company; else the primary key. The plus keeps
    // the planner from merging what the first of them has found already.
    let narrowed = match (&filter.number, &filter.company_id) {
        (Some(_), _) => "number = ?3 AND (?2 IS NULL OR +company_id = ?2) AND",
        (None, Some(_)) => "company_id = ?2 AND ?3 IS NULL AND",
        (None, None) => "?2 IS NULL AND ?3 IS NULL AND",
    };
    let sql =
        format!("SELECT {WALKED} FROM work_orders WHERE {narrowed} order_no < ?1 ORDER BY order_no DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    let company = filter.company_id.as_ref().map(CompanyId::as_str);
    let mut rows = statement.query(params![start_of(paging)?, company, filter.number])?;
    let mut walk: Walk<i64> = Walk::new(paging);
    let mut ended = true;
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        if !walk.step(number, matches(row, filter)?.then_some(number)) {
            ended = rows.next()?.is_none();
            break;
        }
    }
    let Page { items, next } = walk.page(ended);
    let mut whole =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM work_orders WHERE order_no = ?1"))?;
    let items = items.into_iter().map(|no| whole.query_row(params![no], order)).collect::<Result<_, _>>()?;
    Ok(Page { items, next })
}

fn matches(row: &Row<'_>, filter: &WorkOrderFilter) -> rusqlite::Result<bool> {
    let branch: i64 = row.get(1)?;
    let customer: Option<i64> = row.get(4)?;
    let status = row.get_ref(3)?.as_str()?;
    let within = |period: &Period, column: usize| -> rusqlite::Result<bool> {
        Ok(period.holds(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_ticks)))
    };
    Ok(filter.branch_id.is_none_or(|wanted| wanted == branch)
        && filter.customer_id.is_none_or(|wanted| Some(wanted) == customer)
        && is_or_any(filter.number.as_deref(), row.get_ref(2)?.as_str()?)
        && (filter.statuses.is_empty() || filter.statuses.iter().any(|wanted| wanted.name() == status))
        && within(&filter.created, 5)?
        && within(&filter.last_update, 6)?
        && within(&filter.acknowledge_by, 7)?
        && within(&filter.on_site_by, 8)?
        && within(&filter.due_date, 9)?)
}

fn order(row: &Row<'_>) -> rusqlite::Result<WorkOrder> {
    Ok(WorkOrder {
        company_id: company_id(row, 1)?,
        work_order_id: row.get(2)?,
        branch_id: row.get(3)?,
        status: status(row, 5)?,
        created: Timestamp::from_ticks(row.get(7)?),
        last_update: Timestamp::from_ticks(row.get(8)?),
        details: object(row, 13)?,
        kept: object(row, 14)?,
    })
}

/// The time line, oldest first; with `action` only what notified with it.
pub(in super::super) fn time_line(
    connection: &Connection,
    company: &CompanyId,
    id: WorkOrderId,
    action: Option<&str>,
) -> Result<Vec<Entry>, Error> {
    let mut statement = connection.prepare_cached(
        // Uses time_line_by_order.
        "SELECT place, act, action, status, interface, client_id, performer, phone, kind, performed, recorded,
                message_id, fate, members
         FROM time_line
         WHERE company_id = ?1 AND work_order_id = ?2 AND (?3 IS NULL OR action = ?3)
         ORDER BY place",
    )?;
    let rows = statement.query_map(params![company.as_str(), id, action], entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let client_id = row.get_ref(5)?.as_blob_or_null()?.is_some().then(|| uuid(row, 5)).transpose()?;
    let act = row.get_ref(1)?.as_str_or_null()?;
    Ok(Entry {
        place: row.get(0)?,
        act: act.and_then(|name| Act::ALL.into_iter().find(|act| act.name() == name)),
        action: parsed::<ActionName>(row, 2)?,
        status: status(row, 3)?,
        interface: code::interface(row.get(4)?)?,
        client_id: client_id.map(ClientId::from_uuid),
        performer: Performer { name: row.get(6)?, phone: row.get(7)?, kind: row.get(8)? },
        performed: Timestamp::from_ticks(row.get(9)?),
        recorded: Timestamp::from_ticks(row.get(10)?),
        message_id: MessageId::from_bytes(row.get(11)?),
        fate: code::fate(row.get(12)?)?,
        members: object(row, 13)?,
    })
}

fn status(row: &Row<'_>, column: usize) -> rusqlite::Result<Status> {
    parsed(row, column)
}

fn parsed<T: std::str::FromStr>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    row.get_ref(column)?.as_str()?.parse().map_err(|error| unreadable(column, error))
}

fn object(row: &Row<'_>, column: usize) -> rusqlite::Result<Object> {
    Object::parse(row.get_ref(column)?.as_str()?).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

pub(in super::super) fn customer(connection: &Connection, id: i64) -> Result<Option<Customer>, Error> {
    Ok(connection
        .prepare_cached("SELECT customer_id, settings FROM customers WHERE customer_id = ?1")?
        .query_row(params![id], read_customer)
        .optional()?)
}

/// Highest ids first.
pub(in super::super) fn customers(connection: &Connection, paging: &Paging) -> Result<Page<Customer>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT customer_id, settings FROM customers WHERE customer_id < ?1 ORDER BY customer_id DESC",
    )?;
    let mut rows = statement.query(params![start_of(paging)?])?;
    let mut walk = Walk::new(paging);
    while let Some(row) = rows.next()? {
        if !walk.step(row.get(0)?, Some(read_customer(row)?)) {
            let ended = rows.next()?.is_none();
            return Ok(walk.page(ended));
        }
    }
    Ok(walk.page(true))
}

fn read_customer(row: &Row<'_>) -> rusqlite::Result<Customer> {
    serde_json::from_str(row.get_ref(1)?.as_str()?).map_err(|error| unreadable(1, error))
}
