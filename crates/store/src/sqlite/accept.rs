//! Acceptance: whose notification it is, who wants it, and which place it takes in each lane.

use std::sync::Arc;

use rusqlite::{OptionalExtension, params};
use workbell_model::{
    CompanyId, DeliveryId, DeliveryNo, Endpoint, Fate, Mode, NotificationNo, Reason, Sequence, Undelivered,
};
use workbell_wire::{MessageId, Timestamp};

use super::backlog::Step;
use super::code;
use super::lane;
use super::write::{Event, Write};
use crate::directory::{CompanyEntry, Directory};
use crate::record::{Acceptance, AcceptanceResult, Accepted, Refused};
use crate::store::Fresh;

/// Whether a company has a MessageId already.
pub(super) enum Repeat {
    /// It has not.
    Unknown,
    /// With other content.
    Other,
    /// With the same content: the first answer.
    Same(Accepted),
}

impl Write {
    /// Accepts one notification within the running transaction.
    pub(super) fn accept(&mut self, acceptance: &Acceptance) -> rusqlite::Result<AcceptanceResult> {
        let company = match company_of(&self.directory, acceptance) {
            Ok(company) => company,
            Err(refused) => return Ok(Err(refused)),
        };
        if let Some(client) = acceptance.initiated_by
            && !company.clients.contains_key(&client)
        {
            return Ok(Err(Refused::UnknownClient(client)));
        }
        let targets = targets(&company, acceptance);
        let fate = match (acceptance.initiated_by, targets.is_empty()) {
            (Some(_), _) => Fate::Suppressed,
            (None, true) => Fate::NoEndpoint,
            (None, false) => Fate::Queued,
        };
        let no = self.take_notification_no();
        if !self.insert_notification(&company.company.company_id, acceptance, no, fate, targets.len())? {
            self.give_back_notification_no(no);
            let (company, id) = (&company.company.company_id, acceptance.message_id);
            return Ok(match self.first_answer(company, id, &acceptance.content_hash)? {
                Repeat::Same(accepted) => Ok(accepted),
                Repeat::Other | Repeat::Unknown => Err(Refused::MessageIdConflict(id)),
            });
        }
        self.label(&company.company.company_id, acceptance)?;
        let mut deliveries = Vec::with_capacity(targets.len());
        for (ordinal, endpoint) in (0u16..).zip(&targets) {
            let delivery_no = DeliveryNo::new(NotificationNo(no), ordinal);
            self.create_delivery(delivery_no, endpoint, acceptance)?;
            deliveries.push(DeliveryId::new(acceptance.accepted, delivery_no));
        }
        Ok(Ok(Accepted { message_id: acceptance.message_id, fate, deliveries, repeated: false }))
    }

    /// False when the company has this MessageId already.
    fn insert_notification(
        &self,
        company: &CompanyId,
        acceptance: &Acceptance,
        no: u64,
        fate: Fate,
        deliveries: usize,
    ) -> rusqlite::Result<bool> {
        let inserted = self
            .connection
            .prepare_cached(
                "INSERT INTO notifications
                   (notification_no, company_id, message_id, work_order_id, branch_id, action, fate, deliveries,
                    initiated_by, accepted, content_hash, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
                 ON CONFLICT (company_id, message_id) DO NOTHING",
            )?
            .execute(params![
                no,
                company.as_str(),
                acceptance.message_id.as_bytes(),
                acceptance.work_order_id,
                acceptance.branch_id,
                acceptance.action.as_str(),
                code::of_fate(fate),
                deliveries,
                acceptance.initiated_by.as_ref().map(|client| client.as_bytes()),
                acceptance.accepted.ticks(),
                acceptance.content_hash,
                &acceptance.body[..],
            ])?;
        Ok(inserted == 1)
    }

    /// The answer to a MessageId, if it is known already.
    pub(super) fn first_answer(
        &self,
        company: &CompanyId,
        message_id: MessageId,
        content_hash: &[u8; 32],
    ) -> rusqlite::Result<Repeat> {
        let found: Option<(u64, Vec<u8>, i64, u16, i64)> = self
            .connection
            .prepare_cached(
                "SELECT notification_no, content_hash, fate, deliveries, accepted
                 FROM notifications
                 WHERE company_id = ?1 AND message_id = ?2",
            )?
            .query_row(params![company.as_str(), message_id.as_bytes()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })
            .optional()?;
        let Some((no, hash, fate, count, accepted)) = found else { return Ok(Repeat::Unknown) };
        if hash != content_hash {
            return Ok(Repeat::Other);
        }
        let accepted = Timestamp::from_ticks(accepted);
        let deliveries = (0..count)
            .map(|ordinal| DeliveryId::new(accepted, DeliveryNo::new(NotificationNo(no), ordinal)))
            .collect();
        Ok(Repeat::Same(Accepted { message_id, fate: code::fate(fate)?, deliveries, repeated: true }))
    }

    fn create_delivery(
        &mut self,
        no: DeliveryNo,
        endpoint: &Arc<Endpoint>,
        acceptance: &Acceptance,
    ) -> rusqlite::Result<()> {
        if endpoint.settings.url.is_none() {
            return self.create_fed(no, endpoint, acceptance);
        }
        let key = (endpoint.key.clone(), acceptance.work_order_id);
        let lane = self.lanes.get(&self.connection, &key)?;
        let first = lane.count == 0;
        lane.sequence += 1;
        let sequence = lane.sequence;
        let now = acceptance.accepted;
        let waiting_limit = self.waiting_limit;
        if self.waiting(&endpoint.key)?.count >= waiting_limit {
            return self.create_overflowing(no, &key, sequence, acceptance);
        }
        self.count_step(&endpoint.key, Step::Enters, now)?;
        let lane = self.lanes.get(&self.connection, &key)?;
        lane.count += 1;
        // Behind heads that wait: whose hold is over hinders nobody, and that of others ends for this one.
        let may_be_head = lane.tried > 0 && !lane.closed;
        let health = self.health(&endpoint.key);
        let (mark, since) = (health.mark, health.age.reading(now));
        self.connection
            .prepare_cached(
                "INSERT INTO undelivered
                   (delivery_no, company_id, endpoint_id, work_order_id, sequence, due, mark, since, attempts,
                    counted, mode)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, ?9)",
            )?
            .execute(params![
                no.0,
                endpoint.key.company_id.as_str(),
                endpoint.key.endpoint_id.as_bytes(),
                acceptance.work_order_id,
                sequence,
                now.ticks(),
                mark,
                since.ticks(),
                code::of_mode(Mode::Live),
            ])?;
        if first {
            lane::put(&self.connection, &key, sequence, now.ticks(), mark)?;
        }
        self.events.push(Event::Accepted(Fresh {
            delivery: undelivered(no, endpoint, acceptance, (sequence, since)),
            first,
        }));
        if may_be_head {
            self.mend(&key, now)?;
            self.events.push(Event::LaneChanged(key.0, key.1));
        }
        Ok(())
    }

    /// What exceeds `limits.waiting` is created dead; it takes its place in the sequence all the same.
    fn create_overflowing(
        &mut self,
        no: DeliveryNo,
        key: &lane::LaneKey,
        sequence: u64,
        acceptance: &Acceptance,
    ) -> rusqlite::Result<()> {
        let delivery = super::complete::Finished {
            no,
            key,
            sequence,
            state: code::DEAD,
            reason: Some(Reason::Overflow),
            attempts: 0,
            mode: Mode::Live,
            finished: acceptance.accepted,
            first_epoch: None,
            last_error: None,
            last_status: None,
        };
        super::complete::insert_finished(&self.connection, &delivery)?;
        self.raise_dying(&key.0, Reason::Overflow, acceptance.accepted)?;
        self.mend(key, acceptance.accepted).map(drop)
    }
}

pub(super) fn company_of(
    directory: &Directory,
    acceptance: &Acceptance,
) -> Result<Arc<CompanyEntry>, Refused> {
    let named = acceptance.company_id.as_ref();
    if acceptance.branch_id == 0 {
        let id = named.ok_or(Refused::CompanyMissing)?;
        return directory.company(id).ok_or_else(|| Refused::UnknownCompany(id.clone()));
    }
    let unknown = || Refused::UnknownBranch(acceptance.branch_id);
    let owner = directory.company_of_branch(acceptance.branch_id).ok_or_else(unknown)?;
    if named.is_some_and(|named| *named != owner) {
        return Err(unknown());
    }
    directory.company(&owner).ok_or_else(unknown)
}

fn targets(company: &CompanyEntry, acceptance: &Acceptance) -> Vec<Arc<Endpoint>> {
    if acceptance.initiated_by.is_some() {
        return Vec::new();
    }
    let wanted = |endpoint: &&Arc<Endpoint>| endpoint.takes(acceptance.action.as_str(), acceptance.branch_id);
    company.endpoints.values().filter(wanted).cloned().collect()
}

fn undelivered(
    no: DeliveryNo,
    endpoint: &Endpoint,
    acceptance: &Acceptance,
    (sequence, since): (Sequence, Timestamp),
) -> Undelivered {
    Undelivered {
        no,
        endpoint: endpoint.key.clone(),
        work_order_id: acceptance.work_order_id,
        sequence,
        announced: Some(sequence),
        branch_id: acceptance.branch_id,
        action: acceptance.action.clone(),
        message_id: acceptance.message_id,
        body: acceptance.body.clone(),
        accepted: acceptance.accepted,
        since,
        attempts: 0,
        counted: 0,
        due: acceptance.accepted,
        scheduled: acceptance.accepted,
        failures: workbell_model::Failures::default(),
        mode: Mode::Live,
        wish: None,
    }
}
