//! Notifications and what became of them.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use workbell_model::{ClientId, CompanyId, DeliveryNo, NotificationNo};
use workbell_wire::{MessageId, Timestamp};

use super::super::by_hand::{company_id, uuid};
use super::super::code;
use super::deliveries::of_notification;
use super::{Walk, start_of};
use crate::directory::Directory;
use crate::error::Error;
use crate::filter::{NotificationFilter, Page, Paging};
use crate::record::NotificationRecord;

const COLUMNS: &str =
    "notification_no, company_id, message_id, action, work_order_id, branch_id, fate, initiated_by, accepted";

pub(in super::super) fn notification(
    connection: &Connection,
    directory: &Directory,
    company: &CompanyId,
    message_id: MessageId,
) -> Result<Option<NotificationRecord>, Error> {
    let found = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM notifications WHERE company_id = ?1 AND message_id = ?2"
        ))?
        .query_row(params![company.as_str(), message_id.as_bytes()], record)
        .optional()?;
    found.map(|found| complete(connection, directory, found)).transpose()
}

pub(in super::super) fn notifications(
    connection: &Connection,
    directory: &Directory,
    filter: &NotificationFilter,
    paging: &Paging,
) -> Result<Page<NotificationRecord>, Error> {
    // With a work order: notifications_by_work_order; else the primary key.
    let by_order = if filter.work_order_id.is_some() { "work_order_id = ?2 AND" } else { "?2 IS NULL AND" };
    let sql = format!(
        "SELECT {COLUMNS} FROM notifications WHERE {by_order} notification_no < ?1 ORDER BY notification_no DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![start_of(paging)?, filter.work_order_id])?;
    let mut walk = Walk::new(paging);
    let mut ended = true;
    while let Some(row) = rows.next()? {
        let matching = if matches(row, filter)? { Some(record(row)?) } else { None };
        if !walk.step(row.get(0)?, matching) {
            ended = rows.next()?.is_none();
            break;
        }
    }
    let Page { items, next } = walk.page(ended);
    let items =
        items.into_iter().map(|item| complete(connection, directory, item)).collect::<Result<_, _>>()?;
    Ok(Page { items, next })
}

/// Whether a row with the columns of [`COLUMNS`] is wanted.
fn matches(row: &Row<'_>, filter: &NotificationFilter) -> rusqlite::Result<bool> {
    let accepted: i64 = row.get(8)?;
    let branch: i64 = row.get(5)?;
    Ok(is_or_any(filter.company_id.as_ref().map(CompanyId::as_str), row.get_ref(1)?.as_str()?)
        && is_or_any(filter.action.as_deref(), row.get_ref(3)?.as_str()?)
        && filter.branch_id.is_none_or(|wanted| wanted == branch)
        && filter.from.is_none_or(|from| accepted >= from.ticks())
        && filter.to.is_none_or(|to| accepted < to.ticks()))
}

pub(super) fn is_or_any(wanted: Option<&str>, found: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == found)
}

/// Adds body and deliveries. The walk leaves them out: it passes by far more rows than it takes.
fn complete(
    connection: &Connection,
    directory: &Directory,
    mut found: NotificationRecord,
) -> Result<NotificationRecord, Error> {
    found.body = body(connection, found.no)?.unwrap_or_default();
    found.deliveries = of_notification(connection, directory, found.no)?;
    Ok(found)
}

/// The exact bytes of a notification, while it is kept.
pub(super) fn body(connection: &Connection, no: NotificationNo) -> Result<Option<Bytes>, Error> {
    Ok(connection
        .prepare_cached("SELECT body FROM notifications WHERE notification_no = ?1")?
        .query_row(params![no.0], |row| Ok(Bytes::copy_from_slice(row.get_ref(0)?.as_blob()?)))
        .optional()?)
}

fn record(row: &Row<'_>) -> Result<NotificationRecord, rusqlite::Error> {
    let initiated_by = row.get_ref(7)?.as_blob_or_null()?.is_some().then(|| uuid(row, 7)).transpose()?;
    Ok(NotificationRecord {
        no: NotificationNo(row.get(0)?),
        company_id: company_id(row, 1)?,
        message_id: MessageId::from_bytes(row.get(2)?),
        action: row.get(3)?,
        work_order_id: row.get(4)?,
        branch_id: row.get(5)?,
        fate: code::fate(row.get(6)?)?,
        initiated_by: initiated_by.map(ClientId::from_uuid),
        accepted: Timestamp::from_ticks(row.get(8)?),
        body: Bytes::new(),
        deliveries: Vec::new(),
    })
}

/// First and last delivery number that a notification can have.
pub(super) fn range(no: NotificationNo) -> (u64, u64) {
    let first = DeliveryNo::new(no, 0).0;
    (first, first + DeliveryNo::MOST_PER_NOTIFICATION - 1)
}
