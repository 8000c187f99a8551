//! Deliveries: those that wait and those that came to their fate stand in two tables; a list merges them.

use rusqlite::{Connection, OptionalExtension, Row, params};
use workbell_model::hold::Waits;
use workbell_model::{CompanyId, DeliveryId, DeliveryNo, Failures, NotificationNo, State, States};
use workbell_wire::{MessageId, Timestamp};

use super::super::by_hand::endpoint_key;
use super::super::code;
use super::notifications::{is_or_any, range};
use super::{Walk, start_of};
use crate::directory::Directory;
use crate::error::Error;
use crate::filter::{DeliveryFilter, Page, Paging};
use crate::record::DeliveryRecord;

const WAITING: &str =
    "SELECT d.delivery_no, d.company_id, d.endpoint_id, n.work_order_id, CASE d.mode WHEN 2 THEN COALESCE(
                         (SELECT f.sequence FROM finished AS f
                          WHERE f.delivery_no >= d.delivery_no & ~4095 AND f.delivery_no < d.delivery_no
                            AND f.endpoint_id = d.endpoint_id AND f.mode = 0
                          UNION ALL
                          SELECT o.sequence FROM undelivered AS o
                          WHERE o.delivery_no >= d.delivery_no & ~4095 AND o.delivery_no < d.delivery_no
                            AND o.endpoint_id = d.endpoint_id AND o.mode = 0
                          LIMIT 1), 0)
                       ELSE d.sequence END, d.attempts,
                              d.last_error, d.last_status, d.due, NULL, NULL, NULL, d.mark, d.own,
                              n.message_id, n.action, n.branch_id, n.accepted, d.mode
                       FROM undelivered AS d
                       JOIN notifications AS n ON n.notification_no = d.delivery_no >> 12";

const FINISHED: &str =
    "SELECT d.delivery_no, d.company_id, d.endpoint_id, n.work_order_id, CASE d.mode WHEN 2 THEN COALESCE(
                         (SELECT f.sequence FROM finished AS f
                          WHERE f.delivery_no >= d.delivery_no & ~4095 AND f.delivery_no < d.delivery_no
                            AND f.endpoint_id = d.endpoint_id AND f.mode = 0
                          UNION ALL
                          SELECT o.sequence FROM undelivered AS o
                          WHERE o.delivery_no >= d.delivery_no & ~4095 AND o.delivery_no < d.delivery_no
                            AND o.endpoint_id = d.endpoint_id AND o.mode = 0
                          LIMIT 1), 0)
                       ELSE d.sequence END, d.attempts,
                               d.last_error, d.last_status, NULL, d.state, d.reason, d.finished, NULL, NULL,
                               n.message_id, n.action, n.branch_id, n.accepted, d.mode
                        FROM finished AS d
                        JOIN notifications AS n ON n.notification_no = d.delivery_no >> 12";

pub(in super::super) fn delivery(
    connection: &Connection,
    directory: &Directory,
    id: DeliveryId,
    company: Option<&CompanyId>,
) -> Result<Option<DeliveryRecord>, Error> {
    for table in [WAITING, FINISHED] {
        let found = connection
            .prepare_cached(&format!("{table} WHERE d.delivery_no = ?1"))?
            .query_row(params![id.no().0], |row| record(row, directory))
            .optional()?;
        if let Some(found) = found {
            let is_it = found.delivery_id == id
                && company.is_none_or(|company| *company == found.endpoint.company_id);
            return Ok(is_it.then_some(found));
        }
    }
    Ok(None)
}

/// One that waits.
pub(super) fn waiting(
    connection: &Connection,
    directory: &Directory,
    no: DeliveryNo,
) -> Result<Option<DeliveryRecord>, Error> {
    let found = connection
        .prepare_cached(&format!("{WAITING} WHERE d.delivery_no = ?1"))?
        .query_row(params![no.0], |row| record(row, directory))
        .optional()?;
    Ok(found)
}

/// All deliveries of a notification, in the order of their creation.
pub(super) fn of_notification(
    connection: &Connection,
    directory: &Directory,
    no: NotificationNo,
) -> Result<Vec<DeliveryRecord>, Error> {
    let (first, last) = range(no);
    let mut found = Vec::new();
    for table in [WAITING, FINISHED] {
        let mut statement =
            connection.prepare_cached(&format!("{table} WHERE d.delivery_no BETWEEN ?1 AND ?2"))?;
        let rows = statement.query_map(params![first, last], |row| record(row, directory))?;
        for row in rows {
            found.push(row?);
        }
    }
    found.sort_by_key(|delivery| delivery.delivery_id.no());
    Ok(found)
}

pub(in super::super) fn deliveries(
    connection: &Connection,
    directory: &Directory,
    filter: &DeliveryFilter,
    paging: &Paging,
) -> Result<Page<DeliveryRecord>, Error> {
    let start = start_of(paging)?;
    let mut walk = Walk::new(paging);
    if let Some(work_order_id) = filter.notification.work_order_id {
        return of_work_order(connection, directory, filter, (work_order_id, start), walk);
    }
    let waiting_sql = format!("{WAITING} WHERE d.delivery_no < ?1 ORDER BY d.delivery_no DESC");
    let finished_sql =
        format!("{FINISHED} WHERE {} ORDER BY d.delivery_no DESC", finished_condition(filter.state));
    let mut waiting = connection.prepare_cached(&waiting_sql)?;
    let mut finished = connection.prepare_cached(&finished_sql)?;
    let mut sources = [
        if wants_any(filter, |state| state.is_undelivered()) {
            Some(waiting.query(params![start])?)
        } else {
            None
        },
        if wants_any(filter, |state| !state.is_undelivered()) {
            Some(finished.query(params![start])?)
        } else {
            None
        },
    ];
    let mut heads = [next(&mut sources[0], directory)?, next(&mut sources[1], directory)?];
    loop {
        let newer = match (&heads[0], &heads[1]) {
            (None, None) => return Ok(walk.page(true)),
            (Some(_), None) => 0,
            (None, Some(_)) => 1,
            (Some(a), Some(b)) => usize::from(b.delivery_id.no() > a.delivery_id.no()),
        };
        let following = next(&mut sources[newer], directory)?;
        let Some(row) = std::mem::replace(&mut heads[newer], following) else {
            return Ok(walk.page(true));
        };
        let number = number(&row);
        if !walk.step(number, matches(&row, filter).then_some(row)) {
            return Ok(walk.page(heads.iter().all(Option::is_none)));
        }
    }
}

/// Whether one of the wanted states is such a one.
fn wants_any(filter: &DeliveryFilter, is_such: fn(State) -> bool) -> bool {
    filter
        .state
        .is_none_or(|wanted| State::ALL.into_iter().any(|state| wanted.takes(state) && is_such(state)))
}

/// The condition that lets the partial index `finished_undone` serve lists of dead and discarded ones.
fn finished_condition(wanted: Option<States>) -> &'static str {
    match wanted {
        Some(States::One(State::Dead)) => "d.state = 1 AND d.state <> 0 AND d.delivery_no < ?1",
        Some(States::One(State::Discarded)) => "d.state = 2 AND d.state <> 0 AND d.delivery_no < ?1",
        Some(States::One(State::Delivered)) => "d.state = 0 AND d.delivery_no < ?1",
        Some(States::One(State::Pending | State::Retrying) | States::Undelivered) | None => {
            "d.delivery_no < ?1"
        }
    }
}

/// Through notifications_by_work_order to the deliveries of each.
fn of_work_order(
    connection: &Connection,
    directory: &Directory,
    filter: &DeliveryFilter,
    (work_order_id, start): (i64, i64),
    mut walk: Walk<DeliveryRecord>,
) -> Result<Page<DeliveryRecord>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT notification_no, company_id FROM notifications
         WHERE work_order_id = ?1 AND notification_no <= ?2 >> 12
         ORDER BY notification_no DESC",
    )?;
    let mut rows = statement.query(params![work_order_id, start])?;
    let company = filter.notification.company_id.as_ref().map(CompanyId::as_str);
    while let Some(row) = rows.next()? {
        let no: u64 = row.get(0)?;
        let mut found = Vec::new();
        let owner: String = row.get(1)?;
        if is_or_any(company, &owner) {
            found = of_notification(connection, directory, NotificationNo(no))?;
            found.retain(|delivery| number(delivery) < start);
        }
        let first = i64::try_from(no << 12).unwrap_or(i64::MAX);
        if found.is_empty() && !walk.step(first, None) {
            return Ok(walk.page(rows.next()?.is_none()));
        }
        let last = found.len().saturating_sub(1);
        for (place, delivery) in found.into_iter().rev().enumerate() {
            let wanted = matches(&delivery, filter);
            if !walk.step(number(&delivery), wanted.then_some(delivery)) {
                let ended = place == last && rows.next()?.is_none();
                return Ok(walk.page(ended));
            }
        }
    }
    Ok(walk.page(true))
}

fn next(
    source: &mut Option<rusqlite::Rows<'_>>,
    directory: &Directory,
) -> Result<Option<DeliveryRecord>, Error> {
    let Some(rows) = source else { return Ok(None) };
    match rows.next()? {
        Some(row) => Ok(Some(record(row, directory)?)),
        None => Ok(None),
    }
}

fn number(delivery: &DeliveryRecord) -> i64 {
    i64::try_from(delivery.delivery_id.no().0).unwrap_or(i64::MAX)
}

fn matches(row: &DeliveryRecord, filter: &DeliveryFilter) -> bool {
    let wanted = &filter.notification;
    filter.state.is_none_or(|wanted| wanted.takes(row.state))
        && filter.endpoint_id.is_none_or(|endpoint| endpoint == row.endpoint.endpoint_id)
        && filter.error.as_ref().is_none_or(|error| row.last_error.as_ref() == Some(error))
        && is_or_any(wanted.company_id.as_ref().map(CompanyId::as_str), row.endpoint.company_id.as_str())
        && is_or_any(wanted.action.as_deref(), &row.action)
        && wanted.branch_id.is_none_or(|branch| branch == row.branch_id)
        && wanted.from.is_none_or(|from| row.accepted >= from)
        && wanted.to.is_none_or(|to| row.accepted < to)
}

fn record(row: &Row<'_>, directory: &Directory) -> rusqlite::Result<DeliveryRecord> {
    let no = DeliveryNo(row.get(0)?);
    let attempts: u16 = row.get(5)?;
    let state = match row.get::<_, Option<i64>>(9)? {
        Some(finished) => code::finished_state(finished)?,
        None if attempts == 0 => State::Pending,
        None => State::Retrying,
    };
    let accepted = Timestamp::from_ticks(row.get(17)?);
    let endpoint = endpoint_key(row, 1, 2)?;
    let next_attempt_at = match row.get::<_, Option<i64>>(8)? {
        Some(due) => {
            let failures = Failures { own: row.get(13)?, ..Failures::default() };
            let scheduled = Timestamp::from_ticks(due);
            let waits = Waits { scheduled, mark: row.get(12)?, failures, wished: false };
            Some(waits.shown(&directory.health(&endpoint)))
        }
        None => None,
    };
    Ok(DeliveryRecord {
        delivery_id: DeliveryId::new(accepted, no),
        endpoint,
        message_id: MessageId::from_bytes(row.get(14)?),
        action: row.get(15)?,
        work_order_id: row.get(3)?,
        branch_id: row.get(16)?,
        sequence: row.get(4)?,
        mode: code::mode(row.get(18)?)?,
        state,
        reason: row.get::<_, Option<i64>>(10)?.map(code::reason).transpose()?,
        attempts,
        last_error: row.get(6)?,
        last_status: row.get(7)?,
        next_attempt_at,
        accepted,
        finished: row.get::<_, Option<i64>>(11)?.map(Timestamp::from_ticks),
    })
}
