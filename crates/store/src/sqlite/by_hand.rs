//! Retry and discard by hand.

use rusqlite::{OptionalExtension, params};
use workbell_model::{
    CompanyId, DeliveryId, DeliveryNo, EndpointId, EndpointKey, Mode, Reason, State, Wish, WorkOrderId,
    is_replay_lane,
};
use workbell_wire::Timestamp;

use super::backlog::Step;
use super::code;
use super::command::Mending;
use super::complete::{Finished, Mend, insert_finished};
use super::lane::LaneKey;
use super::write::{Event, Write};
use crate::error::Error;
use crate::record::ByHand;

/// A delivery as either table has it.
pub(super) struct Row {
    pub(super) key: LaneKey,
    pub(super) sequence: u64,
    pub(super) state: State,
    pub(super) reason: Option<Reason>,
    /// When it came to its fate.
    pub(super) finished: Option<Timestamp>,
    attempts: u16,
    mode: Mode,
    pub(super) wish: Option<Wish>,
    first_epoch: Option<u64>,
    last_error: Option<String>,
    last_status: Option<u16>,
}

impl Write {
    /// Retry by hand within the running transaction.
    pub(super) fn retry(&mut self, by_hand: &ByHand) -> Result<(), Error> {
        let row = self.named(by_hand)?;
        self.retry_row(by_hand.id.no(), &row, by_hand.in_flight, by_hand.now)
            .map_err(|why| named(why, by_hand))
    }

    /// Retry of a delivery that was looked up.
    pub(super) fn retry_row(
        &mut self,
        no: DeliveryNo,
        row: &Row,
        in_flight: bool,
        now: Timestamp,
    ) -> Result<(), Error> {
        if self.directory.endpoint(&row.key.0).is_none() {
            return Err(Error::StateConflict("its endpoint is deleted".to_owned()));
        }
        match row.state {
            State::Delivered => {
                Err(Error::StateConflict("it is delivered; nothing is left to retry".to_owned()))
            }
            State::Pending | State::Retrying if in_flight => self.wish(no, Wish::Retry, now),
            State::Pending | State::Retrying => self.make_due(no, row, now),
            State::Dead | State::Discarded if self.is_erased(no)? => {
                Err(Error::StateConflict("its notification is erased; there is nothing to send".to_owned()))
            }
            State::Dead | State::Discarded => self.bring_back(no, row, now),
        }
    }

    /// Discard by hand within the running transaction.
    pub(super) fn discard(&mut self, by_hand: &ByHand) -> Result<(), Error> {
        let row = self.named(by_hand)?;
        self.discard_row(by_hand.id.no(), &row, by_hand.in_flight, by_hand.now)
            .map_err(|why| named(why, by_hand))
    }

    /// Discard of a delivery that was looked up.
    pub(super) fn discard_row(
        &mut self,
        no: DeliveryNo,
        row: &Row,
        in_flight: bool,
        now: Timestamp,
    ) -> Result<(), Error> {
        match row.state {
            State::Delivered | State::Discarded => Err(Error::StateConflict(format!(
                "it is {}; only what is undelivered or dead can be discarded",
                row.state.name().to_lowercase()
            ))),
            State::Pending | State::Retrying if in_flight => self.wish(no, Wish::Discard, now),
            State::Pending | State::Retrying => self.take_out(no, row, Reason::ByHand, now),
            State::Dead => {
                self.connection
                    .prepare_cached(
                        "UPDATE finished SET state = ?2, reason = ?3, finished = ?4 WHERE delivery_no = ?1",
                    )?
                    .execute(params![no.0, code::DISCARDED, code::of_reason(Reason::ByHand), now.ticks()])?;
                Ok(())
            }
        }
    }

    /// Applies a wish whose attempt never came to its end.
    pub(super) fn settle(&mut self, no: DeliveryNo, now: Timestamp) -> Result<(), Error> {
        let Some(row) = self.row(no)? else { return Ok(()) };
        match row.wish {
            None => Ok(()),
            Some(Wish::Retry) => self.make_due(no, &row, now),
            Some(Wish::Discard) => self.take_out(no, &row, Reason::ByHand, now),
        }
    }

    fn wish(&mut self, no: DeliveryNo, wish: Wish, now: Timestamp) -> Result<(), Error> {
        self.connection
            .prepare_cached("UPDATE undelivered SET wish = ?2 WHERE delivery_no = ?1")?
            .execute(params![no.0, code::of_wish(wish)])?;
        // Told as well: should the attempt have ended meanwhile, the engine finds the wish and settles it.
        match self.row(no)? {
            Some(row) => self.mend_and_tell(&row.key, now),
            None => Ok(()),
        }
    }

    fn make_due(&mut self, no: DeliveryNo, row: &Row, now: Timestamp) -> Result<(), Error> {
        self.ask_for(&row.key, row.sequence, now)?;
        let health = *self.health(&row.key.0);
        self.connection
            .prepare_cached(
                "UPDATE undelivered
                 SET due = ?2, mark = ?3, since = ?4, counted = 0, wish = NULL,
                     held_epoch = NULL, held_from = NULL, refused_from = NULL
                 WHERE delivery_no = ?1",
            )?
            .execute(params![no.0, now.ticks(), health.mark, health.age.reading(now).ticks()])?;
        self.mend_and_tell(&row.key, now)
    }

    /// A retry by hand ends a throttle; of a head it is a probe at once.
    pub(super) fn ask_for(&mut self, key: &LaneKey, sequence: u64, now: Timestamp) -> rusqlite::Result<()> {
        let ahead: Option<i64> = self
            .connection
            .prepare_cached(
                // Uses undelivered_by_lane.
                "SELECT 1 FROM undelivered
                 WHERE company_id = ?1 AND endpoint_id = ?2 AND work_order_id = ?3 AND sequence < ?4
                 LIMIT 1",
            )?
            .query_row(
                params![key.0.company_id.as_str(), key.0.endpoint_id.as_bytes(), key.1, sequence],
                |row| row.get(0),
            )
            .optional()?;
        let health = self.health(&key.0).retried(key.1, ahead.is_none(), now);
        self.set_health(&key.0, health)
    }

    fn bring_back(&mut self, no: DeliveryNo, row: &Row, now: Timestamp) -> Result<(), Error> {
        let lane = self.lanes.get(&self.connection, &row.key)?;
        lane.count += 1;
        lane.tried += u64::from(row.attempts > 0);
        lane.sequence = lane.sequence.max(row.sequence);
        if !is_replay_lane(row.key.1) {
            self.count_step(&row.key.0, Step::Enters, now)?;
        }
        self.connection
            .prepare_cached("DELETE FROM finished WHERE delivery_no = ?1")?
            .execute(params![no.0])?;
        self.ask_for(&row.key, row.sequence, now)?;
        let health = *self.health(&row.key.0);
        self.connection
            .prepare_cached(
                "INSERT INTO undelivered
                   (delivery_no, company_id, endpoint_id, work_order_id, sequence, due, mark, since, attempts,
                    counted, mode, first_epoch, last_error, last_status)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?11, ?12, ?13)",
            )?
            .execute(params![
                no.0,
                row.key.0.company_id.as_str(),
                row.key.0.endpoint_id.as_bytes(),
                row.key.1,
                row.sequence,
                now.ticks(),
                health.mark,
                health.age.reading(now).ticks(),
                row.attempts,
                code::of_mode(row.mode),
                row.first_epoch,
                row.last_error,
                row.last_status,
            ])?;
        self.mend_and_tell(&row.key, now)
    }

    /// Makes an undelivered one `Discarded`, or `Dead` when it is too old.
    pub(super) fn take_out(
        &mut self,
        no: DeliveryNo,
        row: &Row,
        reason: Reason,
        now: Timestamp,
    ) -> Result<(), Error> {
        let finished = Finished {
            no,
            key: &row.key,
            sequence: row.sequence,
            state: code::end_of(reason),
            reason: Some(reason),
            attempts: row.attempts,
            mode: row.mode,
            finished: now,
            first_epoch: row.first_epoch,
            last_error: row.last_error.as_deref(),
            last_status: row.last_status,
        };
        insert_finished(&self.connection, &finished)?;
        self.leave(no, &row.key, row.sequence, row.attempts > 0, Mend::Always, now)?;
        self.events.push(Event::LaneChanged(row.key.0.clone(), row.key.1));
        Ok(())
    }

    /// Brings the lane's row in line and tells that it changed.
    pub(super) fn mend_and_tell(&mut self, key: &LaneKey, now: Timestamp) -> Result<(), Error> {
        self.mend(key, now)?;
        self.events.push(Event::LaneChanged(key.0.clone(), key.1));
        Ok(())
    }

    /// Brings in line what a reader found to be out of date.
    pub(super) fn mend_found(&mut self, mending: &Mending, now: Timestamp) -> Result<(), Error> {
        match mending {
            Mending::Lanes(endpoint, lanes) => self.mend_stale(endpoint, lanes, now),
            Mending::Healths => self.right_healths(now),
        }
    }

    /// Brings the rows of lanes in line that a reader found to be due although no head of theirs is.
    fn mend_stale(
        &mut self,
        endpoint: &EndpointKey,
        lanes: &[WorkOrderId],
        now: Timestamp,
    ) -> Result<(), Error> {
        for work_order_id in lanes {
            let key = (endpoint.clone(), *work_order_id);
            // An empty lane's row was written when it became empty, and says since when.
            if self.lanes.get(&self.connection, &key)?.count > 0 {
                self.mend(&key, now)?;
            }
        }
        Ok(())
    }

    fn named(&self, by_hand: &ByHand) -> Result<Row, Error> {
        let missing = || Error::NotFound(format!("delivery {}", by_hand.id));
        let row = self.row(by_hand.id.no())?.ok_or_else(missing)?;
        let foreign = by_hand.company_id.as_ref().is_some_and(|company| *company != row.key.0.company_id);
        if foreign || self.id_of(by_hand.id.no())? != Some(by_hand.id) { Err(missing()) } else { Ok(row) }
    }

    /// The whole id of the delivery with this number: an id that merely ends alike is not one of ours.
    fn id_of(&self, no: DeliveryNo) -> rusqlite::Result<Option<DeliveryId>> {
        self.connection
            .prepare_cached("SELECT accepted FROM notifications WHERE notification_no = ?1")?
            .query_row(params![no.notification().0], |row| {
                Ok(DeliveryId::new(Timestamp::from_ticks(row.get(0)?), no))
            })
            .optional()
    }

    pub(super) fn row(&self, no: DeliveryNo) -> rusqlite::Result<Option<Row>> {
        let waits = self
            .connection
            .prepare_cached(
                "SELECT company_id, endpoint_id, work_order_id, sequence, attempts, mode, last_error, last_status,
                        first_epoch, wish, NULL, NULL
                 FROM undelivered
                 WHERE delivery_no = ?1",
            )?
            .query_row(params![no.0], |row| {
                let attempts: u16 = row.get(4)?;
                let state = if attempts == 0 { State::Pending } else { State::Retrying };
                let wish = row.get::<_, Option<i64>>(9)?.map(code::wish).transpose()?;
                read_row(row, state, wish)
            })
            .optional()?;
        if waits.is_some() {
            return Ok(waits);
        }
        self.connection
            .prepare_cached(
                "SELECT company_id, endpoint_id, work_order_id, sequence, attempts, mode, last_error, last_status,
                        first_epoch, state, reason, finished
                 FROM finished
                 WHERE delivery_no = ?1",
            )?
            .query_row(params![no.0], |row| read_row(row, code::finished_state(row.get(9)?)?, None))
            .optional()
    }
}

fn read_row(row: &rusqlite::Row<'_>, state: State, wish: Option<Wish>) -> rusqlite::Result<Row> {
    Ok(Row {
        key: (endpoint_key(row, 0, 1)?, row.get(2)?),
        sequence: row.get(3)?,
        state,
        reason: row.get::<_, Option<i64>>(10)?.map(code::reason).transpose()?,
        finished: row.get::<_, Option<i64>>(11)?.map(Timestamp::from_ticks),
        attempts: row.get(4)?,
        mode: code::mode(row.get(5)?)?,
        wish,
        last_error: row.get(6)?,
        last_status: row.get(7)?,
        first_epoch: row.get(8)?,
    })
}

/// The same refusal with the delivery's id.
fn named(why: Error, by_hand: &ByHand) -> Error {
    match why {
        Error::StateConflict(why) => Error::StateConflict(format!("delivery {}: {why}", by_hand.id)),
        other => other,
    }
}

/// The endpoint that two columns of a row name.
pub(super) fn endpoint_key(
    row: &rusqlite::Row<'_>,
    company: usize,
    endpoint: usize,
) -> rusqlite::Result<EndpointKey> {
    Ok(EndpointKey {
        company_id: company_id(row, company)?,
        endpoint_id: EndpointId::from_uuid(uuid(row, endpoint)?),
    })
}

/// A company id as a column has it.
pub(super) fn company_id(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<CompanyId> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

/// A UUID as a column has it: sixteen bytes.
pub(super) fn uuid(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<uuid::Uuid> {
    Ok(uuid::Uuid::from_bytes(row.get::<_, [u8; 16]>(column)?))
}
