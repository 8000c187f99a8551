//! Erase: the texts of a work order go; ids, hash, times, fates and sequence stay.
//!
//! What SQLite has overwritten may still stand in free parts of its pages until [`compact`](super::super::compact()).

use rusqlite::{OptionalExtension, params};
use workbell_model::{CompanyId, DeliveryNo, NotificationNo, Reason, WorkOrderId, log};
use workbell_wire::Timestamp;

use super::super::write::Write;
use super::Tally;
use crate::error::Error;
use crate::job::JobRecord;

/// What a log record keeps when its texts go: where it went, how long it took, and nothing of what was said.
fn without_texts(detail: &str) -> String {
    let kept: log::Detail = serde_json::from_str(detail).unwrap_or_default();
    let bare = log::Detail {
        request_headers: Vec::new(),
        response_headers: Vec::new(),
        response_body: String::new(),
        explanation: None,
        message_id: None,
        body: None,
        ..kept
    };
    serde_json::to_string(&bare).unwrap_or_else(|_| "{}".to_owned())
}

impl Write {
    /// Erases one notification: what waits of it is discarded, its body and the records of its attempts lose their
    /// texts.
    pub(super) fn erase(
        &mut self,
        job: &JobRecord,
        no: NotificationNo,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), Error> {
        let erased = self
            .connection
            .prepare_cached(
                "UPDATE notifications SET body = x''
                 WHERE notification_no = ?1 AND company_id = ?2 AND work_order_id = ?3",
            )?
            .execute(params![
                no.0,
                job.job.filter.company_id.as_ref().map(CompanyId::as_str),
                job.job.filter.work_order_id
            ])?;
        if erased == 0 {
            tally.skipped += 1;
            return Ok(());
        }
        let (first, last) = (no.0 << 12, (no.0 << 12) | 0xfff);
        let waiting: Vec<u64> = {
            let mut statement = self
                .connection
                .prepare_cached("SELECT delivery_no FROM undelivered WHERE delivery_no BETWEEN ?1 AND ?2")?;
            let rows = statement.query_map(params![first, last], |row| row.get(0))?;
            rows.collect::<Result<_, _>>()?
        };
        for delivery in waiting.into_iter().map(DeliveryNo) {
            if let Some(row) = self.row(delivery)? {
                self.take_out(delivery, &row, Reason::Erased, now)?;
            }
        }
        self.erase_records("delivery_no BETWEEN ?1 AND ?2", (first, last))?;
        tally.done += 1;
        Ok(())
    }

    /// At the end of the walk: the order itself, its time line, and the requests of the Direct API about it.
    pub(super) fn erase_order(&mut self, job: &JobRecord) -> Result<(), Error> {
        let filter = &job.job.filter;
        let (Some(company), Some(order)) = (&filter.company_id, filter.work_order_id) else { return Ok(()) };
        if self.belongs_to_another(company, order)? {
            return Ok(());
        }
        self.unlabel(company, order)?;
        self.connection.execute(
            // What reads an order wants these members; they say no more than its columns do.
            "UPDATE work_orders
             SET number = '', customer_id = NULL, kept = '{}',
                 details = json_object('WorkOrderId', work_order_id, 'WorkOrderNumber', '', 'BranchId', branch_id,
                                       'Status', status, 'Type', COALESCE(json_extract(details, '$.Type'), 'PMRM'))
             WHERE company_id = ?1 AND work_order_id = ?2",
            params![company.as_str(), order],
        )?;
        self.connection.execute(
            "UPDATE time_line SET performer = '', phone = NULL, kind = '', members = '{}'
             WHERE company_id = ?1 AND work_order_id = ?2",
            params![company.as_str(), order],
        )?;
        self.roll_up_all()?;
        self.erase_records(
            "log_no IN (SELECT log_no FROM log_orders WHERE work_order_id = ?1) AND delivery_no IS NULL
             AND company_id = ?2",
            (order, company.as_str()),
        )?;
        // Requests about several orders, a search for one, stand under none: which they were about only their texts
        // say, as far as they were kept. Readings of a feed hold ids alone.
        self.erase_records(
            "log_no IN (SELECT log_no FROM log_orders WHERE work_order_id = 0) AND delivery_no IS NULL AND company_id = ?1
             AND action <> 'directNotifications'",
            [company.as_str()],
        )
    }

    /// WorkOrderIds are unique over all companies, so an order that another one has is not this one's to erase.
    fn belongs_to_another(&self, company: &CompanyId, order: WorkOrderId) -> rusqlite::Result<bool> {
        let owner: Option<String> = self
            .connection
            .prepare_cached("SELECT company_id FROM work_orders WHERE work_order_id = ?1")?
            .query_row(params![order], |row| row.get(0))
            .optional()?;
        Ok(owner.is_some_and(|owner| owner != company.as_str()))
    }

    /// An attempt that was in flight while its notification was erased: its record says nothing either.
    pub(in super::super) fn erase_record_of(&self, no: DeliveryNo) -> rusqlite::Result<()> {
        let erased = self
            .connection
            .prepare_cached("SELECT 1 FROM notifications WHERE notification_no = ?1 AND length(body) = 0")?
            .exists(params![no.notification().0])?;
        if erased { self.erase_records("delivery_no BETWEEN ?1 AND ?2", (no.0, no.0)) } else { Ok(()) }
            .map_err(|error| match error {
                Error::Database(error) => error,
                other => rusqlite::Error::ToSqlConversionFailure(Box::new(other)),
            })
    }

    fn erase_records(&self, condition: &str, which: impl rusqlite::Params) -> Result<(), Error> {
        // Uses log_by_delivery, or the primary key.
        let found: Vec<(u64, String)> = {
            let sql = format!("SELECT log_no, detail FROM log WHERE {condition}");
            let mut statement = self.connection.prepare_cached(&sql)?;
            let rows = statement.query_map(which, |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<Result<_, _>>()?
        };
        let mut update = self.connection.prepare_cached("UPDATE log SET detail = ?2 WHERE log_no = ?1")?;
        for (no, detail) in found {
            update.execute(params![no, without_texts(&detail)])?;
        }
        Ok(())
    }

    /// Whether the texts of a delivery's notification are gone, so that nothing can be sent any more.
    pub(in super::super) fn is_erased(&self, no: DeliveryNo) -> rusqlite::Result<bool> {
        self.connection
            .prepare_cached("SELECT 1 FROM notifications WHERE notification_no = ?1 AND length(body) = 0")?
            .exists(params![no.notification().0])
    }
}
