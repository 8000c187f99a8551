//! What people call a work order: its number and its customer, as the NewWorkOrder told, for the communication log.
//!
//! Written with that notification, so an attempt costs nothing more; looked up for the records that are shown.

use std::borrow::Cow;

use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserialize;
use workbell_model::{CompanyId, WorkOrderId};

use super::by_hand::company_id;
use super::write::Write;
use crate::error::Error;
use crate::record::Acceptance;

/// Work orders with one number that are looked through at most. 100: numbers are meant to be unique.
const MOST_ALIKE: usize = 100;

/// The action whose details name a work order.
const NAMING: &str = "NewWorkOrder";

/// A label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) number: Option<String>,
    pub(super) customer: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told<'a> {
    #[serde(borrow)]
    details: Details<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Details<'a> {
    #[serde(borrow, default)]
    work_order_number: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    customer: Option<Customer<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Customer<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
}

impl Write {
    /// Keeps what a notification says of the names of its work order, if it does.
    pub(super) fn label(&self, company: &CompanyId, acceptance: &Acceptance) -> rusqlite::Result<()> {
        if acceptance.action.as_str() != NAMING {
            return Ok(());
        }
        // One of a sample that was changed may name nothing.
        let Ok(told) = serde_json::from_slice::<Told<'_>>(&acceptance.body) else { return Ok(()) };
        let number = told.details.work_order_number.filter(|number| !number.is_empty());
        let customer = told.details.customer.and_then(|customer| customer.name);
        if number.is_none() && customer.is_none() {
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "INSERT INTO labels (company_id, work_order_id, number, customer) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (company_id, work_order_id) DO UPDATE
                 SET number = excluded.number, customer = excluded.customer",
            )?
            .execute(params![company.as_str(), acceptance.work_order_id, number, customer])
            .map(drop)
    }

    /// Before a notification is removed: the label goes with the last one of its work order.
    pub(super) fn unlabel_with(&self, no: u64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                // Uses the primary keys, and notifications_by_work_order.
                "DELETE FROM labels
                 WHERE (company_id, work_order_id) IN
                       (SELECT company_id, work_order_id FROM notifications AS n
                        WHERE notification_no = ?1
                          AND NOT EXISTS (SELECT 1 FROM notifications AS other
                                          WHERE other.work_order_id = n.work_order_id
                                            AND other.notification_no <> n.notification_no
                                            AND other.company_id = n.company_id))",
            )?
            .execute(params![no])
            .map(drop)
    }

    /// Erased with the other texts of its work order.
    pub(super) fn unlabel(&self, company: &CompanyId, order: WorkOrderId) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("DELETE FROM labels WHERE company_id = ?1 AND work_order_id = ?2")?
            .execute(params![company.as_str(), order])
            .map(drop)
    }
}

/// The label of a work order, if it has one.
pub(super) fn label(
    connection: &Connection,
    company: &CompanyId,
    order: WorkOrderId,
) -> rusqlite::Result<Option<Label>> {
    connection
        .prepare_cached("SELECT number, customer FROM labels WHERE company_id = ?1 AND work_order_id = ?2")?
        .query_row(params![company.as_str(), order], |row| {
            Ok(Label { number: row.get(0)?, customer: row.get(1)? })
        })
        .optional()
}

/// The work orders with this number, of one company or of all.
pub(super) fn numbered(
    connection: &Connection,
    number: &str,
    company: Option<&CompanyId>,
) -> Result<Vec<(CompanyId, WorkOrderId)>, Error> {
    let mut statement = connection.prepare_cached(
        // Uses labels_by_number.
        "SELECT company_id, work_order_id FROM labels
         WHERE number = ?1 AND (?2 IS NULL OR company_id = ?2)
         ORDER BY work_order_id
         LIMIT ?3",
    )?;
    let rows = statement.query_map(params![number, company.map(CompanyId::as_str), MOST_ALIKE], |row| {
        Ok((company_id(row, 0)?, row.get(1)?))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
