//! What became too old while its endpoint was down: a failed probe speaks for all that waits there. It dies in steps,
//! so that a million of them hold up nobody; what a restart leaves is done with the next probe.

use rusqlite::params;
use workbell_model::{DeliveryNo, EndpointKey, Reason, Sequence, WorkOrderId};
use workbell_wire::Timestamp;

use super::discard::Discard;
use super::write::Write;
use crate::error::Error;

/// Undelivered deliveries that one step looks at. 20,000: some 30 ms of the writer's time.
const WALK: usize = if cfg!(test) { 5 } else { 20_000 };

/// Deliveries that one step lets die. 2,000: some 40 ms.
const STEP: usize = if cfg!(test) { 3 } else { 2_000 };

/// A walk along all that waits at an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expiry {
    endpoint: EndpointKey,
    /// What began at this reading of the endpoint's clock of age, or earlier, is too old.
    until: Timestamp,
    /// The place reached.
    after: (WorkOrderId, Sequence),
    /// The oldest that is not too old, as far as walked.
    oldest: Timestamp,
}

impl Write {
    /// A probe failed: whatever is older than `max_age` expires, if anything can be.
    pub(super) fn expire_old(&mut self, endpoint: &EndpointKey, now: Timestamp) -> Result<(), Error> {
        let age = self.health(endpoint).age.reading(now);
        if self.expiries.get(endpoint).is_some_and(|until| age < *until) {
            return Ok(());
        }
        let under_way =
            |discard: &Discard| matches!(discard, Discard::Expired(it) if it.endpoint == *endpoint);
        if self.to_discard.iter().chain(&self.started_discards).any(under_way) {
            return Ok(());
        }
        let until = age.minus(self.defaults.max_age);
        let first = (WorkOrderId::MIN, 0);
        let expiry = Expiry { endpoint: endpoint.clone(), until, after: first, oldest: age };
        self.discard_now_or_later(Discard::Expired(expiry), now)
    }

    /// One step; what is left to do, if anything.
    pub(super) fn expire_step(&mut self, expiry: &Expiry, now: Timestamp) -> Result<Option<Expiry>, Error> {
        let is_down = self.health(&expiry.endpoint).down.is_some();
        if !is_down {
            // Nothing expires untried at an endpoint that is open.
            return Ok(None);
        }
        let mut next = expiry.clone();
        let (mut old, mut walked) = (Vec::new(), 0);
        {
            let mut statement = self.connection.prepare_cached(
                // Uses undelivered_by_lane.
                "SELECT work_order_id, sequence, since, delivery_no FROM undelivered
                 WHERE company_id = ?1 AND endpoint_id = ?2 AND (work_order_id, sequence) > (?3, ?4)
                 ORDER BY work_order_id, sequence
                 LIMIT ?5",
            )?;
            let mut rows = statement.query(params![
                expiry.endpoint.company_id.as_str(),
                expiry.endpoint.endpoint_id.as_bytes(),
                expiry.after.0,
                expiry.after.1,
                WALK
            ])?;
            while old.len() < STEP
                && let Some(row) = rows.next()?
            {
                walked += 1;
                next.after = (row.get(0)?, row.get(1)?);
                let since = Timestamp::from_ticks(row.get(2)?);
                if since <= expiry.until {
                    old.push(DeliveryNo(row.get(3)?));
                } else {
                    next.oldest = next.oldest.min(since);
                }
            }
        }
        let more = walked == WALK || old.len() == STEP;
        for no in old {
            if let Some(row) = self.row(no)? {
                self.take_out(no, &row, Reason::Expired, now)?;
            }
        }
        if more {
            return Ok(Some(next));
        }
        self.expiries.insert(expiry.endpoint.clone(), next.oldest.plus(self.defaults.max_age));
        Ok(None)
    }
}
