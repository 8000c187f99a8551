//! What waited for something that was deleted: it becomes `Discarded` (`EndpointDeleted`) in steps, so that a million
//! of them hold up nobody. What is left to do stands in the file and goes on after a restart.

use rusqlite::{Connection, params};
use workbell_model::{CompanyId, DeliveryNo, EndpointKey, NotificationNo, Reason};
use workbell_wire::Timestamp;

use super::by_hand::company_id;
use super::configuration;
use super::expire::Expiry;
use super::write::Write;
use crate::error::Error;

/// Deliveries that one transaction discards. 2,000: some 40 ms of the writer's time.
const STEP: usize = 2_000;

/// Undelivered deliveries that one step looks at for those of a branch. 20,000: some 30 ms.
const WALK: usize = 20_000;

/// What is still to be discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Discard {
    /// All that waits of a deleted endpoint.
    OfEndpoint(EndpointKey),
    /// What waits of a deleted branch and was accepted before its deletion; the id may have come into use again.
    OfBranch {
        company_id: CompanyId,
        branch_id: i64,
        /// Number that deliveries accepted later have at least.
        below: u64,
    },
    /// What became too old while its endpoint is down.
    Expired(Expiry),
}

/// What was left to do when the process ended.
pub(super) fn left_to_do(connection: &Connection) -> Result<Vec<Discard>, Error> {
    let mut left: Vec<Discard> = configuration::deleted_endpoints_with_deliveries(connection)?
        .into_iter()
        .map(Discard::OfEndpoint)
        .collect();
    let mut statement = connection.prepare("SELECT company_id, branch_id, below FROM branch_discards")?;
    let rows = statement.query_map([], |row| {
        Ok(Discard::OfBranch { company_id: company_id(row, 0)?, branch_id: row.get(1)?, below: row.get(2)? })
    })?;
    for row in rows {
        left.push(row?);
    }
    Ok(left)
}

impl Write {
    /// The first step within the running transaction; what it leaves is done after the commit, step by step.
    pub(super) fn discard_now_or_later(&mut self, discard: Discard, now: Timestamp) -> Result<(), Error> {
        let first_of_this_transaction = self.started_discards.is_empty();
        let more = if first_of_this_transaction { self.discard_step(&discard, now)? } else { Some(discard) };
        self.started_discards.extend(more);
        Ok(())
    }

    /// Discards some; what is left to do, if anything.
    pub(super) fn discard_step(
        &mut self,
        discard: &Discard,
        now: Timestamp,
    ) -> Result<Option<Discard>, Error> {
        let more = match discard {
            Discard::OfEndpoint(endpoint) => self.discard_of_endpoint(endpoint, now)?,
            Discard::OfBranch { company_id, branch_id, below } => {
                self.discard_of_branch(company_id, *branch_id, *below, now)?
            }
            Discard::Expired(expiry) => return Ok(self.expire_step(expiry, now)?.map(Discard::Expired)),
        };
        Ok(more.then(|| discard.clone()))
    }

    fn discard_of_endpoint(&mut self, endpoint: &EndpointKey, now: Timestamp) -> Result<bool, Error> {
        let waiting: Vec<u64> = {
            let mut statement = self.connection.prepare_cached(
                // Uses undelivered_by_lane.
                "SELECT delivery_no FROM undelivered WHERE company_id = ?1 AND endpoint_id = ?2 LIMIT ?3",
            )?;
            let rows = statement.query_map(
                params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes(), STEP],
                |row| row.get(0),
            )?;
            rows.collect::<Result<_, _>>()?
        };
        let more = waiting.len() == STEP;
        self.discard_all(waiting, now)?;
        Ok(more)
    }

    fn discard_all(&mut self, numbers: Vec<u64>, now: Timestamp) -> Result<(), Error> {
        for no in numbers {
            let no = DeliveryNo(no);
            if let Some(row) = self.row(no)? {
                self.take_out(no, &row, Reason::EndpointDeleted, now)?;
            }
        }
        Ok(())
    }

    /// Undelivered deliveries of notifications for a branch.
    pub(super) fn waiting_for_branch(&self, company: &CompanyId, branch_id: i64) -> Result<u64, Error> {
        Ok(self.connection.query_row(
            "SELECT COUNT(*)
             FROM undelivered AS u
             JOIN notifications AS n ON n.notification_no = u.delivery_no >> 12
             WHERE u.company_id = ?1 AND n.branch_id = ?2",
            params![company.as_str(), branch_id],
            |row| row.get(0),
        )?)
    }

    /// Writes down that what waits of a branch is to be discarded.
    pub(super) fn put_branch_discard(&self, company: &CompanyId, branch_id: i64) -> Result<Discard, Error> {
        let below = DeliveryNo::new(NotificationNo(self.next_notification), 0).0;
        self.connection.execute(
            "INSERT INTO branch_discards (company_id, branch_id, below, after) VALUES (?1, ?2, ?3, 0)
             ON CONFLICT DO NOTHING",
            params![company.as_str(), branch_id, below],
        )?;
        Ok(Discard::OfBranch { company_id: company.clone(), branch_id, below })
    }

    fn discard_of_branch(
        &mut self,
        company: &CompanyId,
        branch_id: i64,
        below: u64,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let this = params![company.as_str(), branch_id, below];
        let after: u64 = self.connection.query_row(
            "SELECT after FROM branch_discards WHERE company_id = ?1 AND branch_id = ?2 AND below = ?3",
            this,
            |row| row.get(0),
        )?;
        let (waiting, reached) = self.next_of_branch(company, branch_id, after, below)?;
        self.discard_all(waiting, now)?;
        match reached {
            Some(reached) => self.connection.execute(
                "UPDATE branch_discards SET after = ?4 WHERE company_id = ?1 AND branch_id = ?2 AND below = ?3",
                params![company.as_str(), branch_id, below, reached],
            )?,
            None => self.connection.execute(
                "DELETE FROM branch_discards WHERE company_id = ?1 AND branch_id = ?2 AND below = ?3",
                this,
            )?,
        };
        Ok(reached.is_some())
    }

    /// Some deliveries of a branch, and the number up to which was looked; `None` when that was the end.
    fn next_of_branch(
        &self,
        company: &CompanyId,
        branch_id: i64,
        after: u64,
        below: u64,
    ) -> Result<(Vec<u64>, Option<u64>), Error> {
        let mut statement = self.connection.prepare_cached(
            "SELECT u.delivery_no, u.company_id = ?3 AND n.branch_id = ?4
             FROM undelivered AS u
             JOIN notifications AS n ON n.notification_no = u.delivery_no >> 12
             WHERE u.delivery_no > ?1 AND u.delivery_no < ?2
             ORDER BY u.delivery_no
             LIMIT ?5",
        )?;
        let mut rows = statement.query(params![after, below, company.as_str(), branch_id, WALK])?;
        let (mut found, mut walked) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let no: u64 = row.get(0)?;
            walked += 1;
            if row.get::<_, bool>(1)? {
                found.push(no);
            }
            if found.len() == STEP || walked == WALK {
                return Ok((found, Some(no)));
            }
        }
        Ok((found, None))
    }
}
