//! Creation of work orders and acts on them: the order, its time line, the notification, its deliveries and lanes in
//! one transaction.
//!
//! Acts wait in the writer's channel like everything else, so of two at once the second finds what the first left.

use rusqlite::{OptionalExtension, params};
use workbell_model::work_order::{Act, Change, Interface, Object, Status};
use workbell_model::{ClientId, CompanyId, Fate, WorkOrder, WorkOrderId};
use workbell_wire::{Action, ActionName, MessageId, Timestamp};

use super::accept::{Repeat, company_of};
use super::code;
use super::write::Write;
use crate::error::Error;
use crate::record::{self, Acceptance};
use crate::work_order::{
    ActResult, Acted, Acting, Creation, HIGHEST_MADE_ID, LARGEST_ORDER, MOST_ENTRIES, Notice, Refused, Told,
};

/// A row of `work_orders` that is written.
struct Row<'a> {
    order: &'a WorkOrder,
    details: String,
    kept: String,
    entries: u32,
}

/// A row of `time_line` that is written.
struct Line<'a> {
    place: u32,
    act: Option<Act>,
    action: Action,
    interface: Interface,
    performed: Timestamp,
    fate: Fate,
    members: &'a Object,
}

impl Write {
    /// Creates a work order within the running transaction.
    pub(super) fn create_work_order(&mut self, creation: &Creation) -> Result<ActResult, Error> {
        let Some(id) = creation.details.read::<WorkOrderId>("WorkOrderId") else {
            return Ok(Err(Refused::NotFound(0)));
        };
        let mut acceptance = acceptance(&creation.told, creation.branch_id, id);
        acceptance.company_id.clone_from(&creation.company_id);
        let company = match company_of(&self.directory, &acceptance) {
            Ok(company) => company.company.company_id.clone(),
            Err(refused) => return Ok(Err(refused.into())),
        };
        if let Some(repeat) = self.repeat(&company, &creation.told)? {
            return Ok(repeat);
        }
        if self.has_work_order(id)? {
            return Ok(Err(Refused::Exists(id)));
        }
        let (details, kept) = (creation.details.clone(), creation.kept.clone());
        let Some(order) = WorkOrder::new(company, details, kept, creation.told.now) else {
            return Ok(Err(Refused::NotFound(id)));
        };
        let row = match row(&order, 1) {
            Ok(row) => row,
            Err(refused) => return Ok(Err(refused)),
        };
        acceptance.action = Action::NewWorkOrder.into();
        acceptance.body = creation.notice.body.clone();
        let accepted = match self.accept(&acceptance)? {
            Ok(accepted) => accepted,
            Err(refused) => return Ok(Err(refused.into())),
        };
        self.insert_order(&row)?;
        let line = Line {
            place: 1,
            act: None,
            action: Action::NewWorkOrder,
            interface: Interface::Platform,
            performed: creation.performed,
            fate: accepted.fate,
            members: &creation.notice.members,
        };
        self.insert_line(&order, &creation.told, &line)?;
        if id <= HIGHEST_MADE_ID {
            self.highest_order.fetch_max(id, std::sync::atomic::Ordering::SeqCst);
        }
        Ok(Ok(Acted { work_order_id: id, status: order.status, accepted }))
    }

    /// Acts on a work order within the running transaction.
    pub(super) fn act(&mut self, acting: &Acting) -> Result<ActResult, Error> {
        let id = acting.work_order_id;
        let missing = Ok(Err(Refused::NotFound(id)));
        let Some((order, entries)) = super::lists::order_with_entries(&self.connection, id)? else {
            return missing;
        };
        if acting.company_id.as_ref().is_some_and(|company| *company != order.company_id)
            || self.directory.company(&order.company_id).is_none()
        {
            return missing;
        }
        if let Some(repeat) = self.repeat(&order.company_id, &acting.told)? {
            return Ok(repeat);
        }
        let customer =
            order.customer_id().map(|id| super::lists::customer(&self.connection, id)).transpose()?.flatten();
        let (after, change) = match order.act(&acting.doing, customer.as_ref(), acting.told.now) {
            Ok(done) => done,
            Err(why) => return Ok(Err(Refused::Forbidden { status: order.status, why })),
        };
        let row = match row(&after, entries + 1) {
            Ok(row) => row,
            Err(refused) => return Ok(Err(refused)),
        };
        let notice = notice(acting, change);
        let mut acceptance = acceptance(&acting.told, order.branch_id, id);
        acceptance.company_id = Some(order.company_id.clone());
        acceptance.action = change.action.into();
        acceptance.body = notice.body.clone();
        let accepted = match self.accept(&acceptance)? {
            Ok(accepted) => accepted,
            Err(refused) => return Ok(Err(refused.into())),
        };
        self.update_order(&row)?;
        let line = Line {
            place: entries + 1,
            act: Some(acting.doing.act),
            action: change.action,
            interface: acting.doing.interface,
            performed: acting.doing.performed,
            fate: accepted.fate,
            members: &notice.members,
        };
        self.insert_line(&after, &acting.told, &line)?;
        Ok(Ok(Acted { work_order_id: id, status: after.status, accepted }))
    }

    /// The first answer, when the company has this MessageId already.
    fn repeat(&self, company: &CompanyId, told: &Told) -> Result<Option<ActResult>, Error> {
        let (message_id, hash) = (told.message_id, told.content_hash);
        let accepted = match self.first_answer(company, message_id, &hash)? {
            Repeat::Unknown => return Ok(None),
            Repeat::Other => {
                return Ok(Some(Err(record::Refused::MessageIdConflict(message_id).into())));
            }
            Repeat::Same(accepted) => accepted,
        };
        let Some((work_order_id, status)) = self.status_after(company, message_id)? else {
            // The same content, but published as a notification: no act.
            return Ok(Some(Err(record::Refused::MessageIdConflict(message_id).into())));
        };
        Ok(Some(Ok(Acted { work_order_id, status, accepted })))
    }

    /// The order that a notification is about, and where it stood after that one's act.
    fn status_after(
        &self,
        company: &CompanyId,
        message_id: MessageId,
    ) -> Result<Option<(WorkOrderId, Status)>, Error> {
        let found: Option<(WorkOrderId, String)> = self
            .connection
            .prepare_cached(
                // Uses notifications_by_message, time_line_by_order.
                "SELECT t.work_order_id, t.status
                 FROM notifications AS n
                 JOIN time_line AS t
                   ON t.company_id = n.company_id
                  AND t.work_order_id = n.work_order_id
                  AND t.message_id = n.message_id
                 WHERE n.company_id = ?1 AND n.message_id = ?2",
            )?
            .query_row(params![company.as_str(), message_id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(found.and_then(|(id, status)| Some((id, status.parse().ok()?))))
    }

    fn has_work_order(&self, id: WorkOrderId) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached("SELECT 1 FROM work_orders WHERE work_order_id = ?1")?
            .exists(params![id])
    }

    fn insert_order(&self, row: &Row<'_>) -> rusqlite::Result<()> {
        let order = row.order;
        self.connection
            .prepare_cached(
                "INSERT INTO work_orders
                   (company_id, work_order_id, branch_id, number, created, status, customer_id, last_update,
                    acknowledge_by, on_site_by, due_date, entries, details, kept)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            )?
            .execute(params![
                order.company_id.as_str(),
                order.work_order_id,
                order.branch_id,
                order.number(),
                order.created.ticks(),
                order.status.name(),
                order.customer_id(),
                order.last_update.ticks(),
                order.agreed("AcknowledgeBy").map(Timestamp::ticks),
                order.agreed("OnSiteBy").map(Timestamp::ticks),
                order.agreed("DueDate").map(Timestamp::ticks),
                row.entries,
                row.details,
                row.kept,
            ])
            .map(drop)
    }

    fn update_order(&self, row: &Row<'_>) -> rusqlite::Result<()> {
        let order = row.order;
        self.connection
            .prepare_cached(
                "UPDATE work_orders
                 SET status = ?3, last_update = ?4, acknowledge_by = ?5, on_site_by = ?6, due_date = ?7,
                     entries = ?8, details = ?9, kept = ?10
                 WHERE work_order_id = ?1 AND company_id = ?2",
            )?
            .execute(params![
                order.work_order_id,
                order.company_id.as_str(),
                order.status.name(),
                order.last_update.ticks(),
                order.agreed("AcknowledgeBy").map(Timestamp::ticks),
                order.agreed("OnSiteBy").map(Timestamp::ticks),
                order.agreed("DueDate").map(Timestamp::ticks),
                row.entries,
                row.details,
                row.kept,
            ])
            .map(drop)
    }

    fn insert_line(&self, order: &WorkOrder, told: &Told, line: &Line<'_>) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO time_line
                   (company_id, work_order_id, place, act, action, status, interface, client_id, performer, phone,
                    kind, performed, recorded, message_id, fate, members)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            )?
            .execute(params![
                order.company_id.as_str(),
                order.work_order_id,
                line.place,
                line.act.map(Act::name),
                line.action.name(),
                order.status.name(),
                code::of_interface(line.interface),
                told.initiated_by.as_ref().map(ClientId::as_bytes),
                told.performer.name,
                told.performer.phone,
                told.performer.kind,
                line.performed.ticks(),
                told.now.ticks(),
                told.message_id.as_bytes(),
                code::of_fate(line.fate),
                line.members.to_string(),
            ])
            .map(drop)
    }
}

/// The order as it is written, unless it is too large.
fn row(order: &WorkOrder, entries: u32) -> Result<Row<'_>, Refused> {
    if entries > MOST_ENTRIES {
        return Err(Refused::TooLarge("10,000 entries in its time line"));
    }
    let (details, kept) = (order.details.to_string(), order.kept.to_string());
    if details.len() + kept.len() > LARGEST_ORDER {
        return Err(Refused::TooLarge("1 MiB of details"));
    }
    Ok(Row { order, details, kept, entries })
}

fn notice(acting: &Acting, change: Change) -> &Notice {
    match &acting.lacking {
        Some(lacking) if change.action == Action::NeedsCompletionDetails => lacking,
        Some(_) | None => &acting.notice,
    }
}

/// The notification, but for company, action and body.
fn acceptance(told: &Told, branch_id: i64, work_order_id: WorkOrderId) -> Acceptance {
    Acceptance {
        company_id: None,
        branch_id,
        work_order_id,
        action: ActionName::from(Action::NewWorkOrder),
        message_id: told.message_id,
        content_hash: told.content_hash,
        initiated_by: told.initiated_by,
        body: bytes::Bytes::new(),
        accepted: told.now,
    }
}
