//! Retry and discard by hand.

use rusqlite::{OptionalExtension, params};
use workbell_model::{
    CompanyId, DeliveryId, DeliveryNo, EndpointId, EndpointKey, Mode, Reason, State, Wish, is_replay_lane,
};
use workbell_wire::Timestamp;

use super::code;
use super::complete::{Finished, insert_finished};
use super::lane::{self, LaneKey};
use super::write::{Event, Write};
use crate::error::Error;
use crate::record::ByHand;

/// A delivery as either table has it.
pub(super) struct Row {
    pub(super) key: LaneKey,
    sequence: u64,
    pub(super) state: State,
    pub(super) reason: Option<Reason>,
    /// When it came to its fate.
    pub(super) finished: Option<Timestamp>,
    attempts: u16,
    mode: Mode,
    pub(super) wish: Option<Wish>,
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
            State::Pending | State::Retrying if in_flight => self.wish(no, Wish::Retry),
            State::Pending | State::Retrying => self.make_due(no, &row.key, now),
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
            State::Pending | State::Retrying if in_flight => self.wish(no, Wish::Discard),
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
            Some(Wish::Retry) => self.make_due(no, &row.key, now),
            Some(Wish::Discard) => self.take_out(no, &row, Reason::ByHand, now),
        }
    }

    fn wish(&mut self, no: DeliveryNo, wish: Wish) -> Result<(), Error> {
        self.connection
            .prepare_cached("UPDATE undelivered SET wish = ?2 WHERE delivery_no = ?1")?
            .execute(params![no.0, code::of_wish(wish)])?;
        // Told as well: should the attempt have ended meanwhile, the engine finds the wish and settles it.
        if let Some(row) = self.row(no)? {
            self.events.push(Event::LaneChanged(row.key.0, row.key.1));
        }
        Ok(())
    }

    fn make_due(&mut self, no: DeliveryNo, key: &LaneKey, now: Timestamp) -> Result<(), Error> {
        let generation = self.generation(key);
        self.connection
            .prepare_cached(
                "UPDATE undelivered SET due = ?2, generation = ?3, since = ?2, counted = 0, wish = NULL
                 WHERE delivery_no = ?1",
            )?
            .execute(params![no.0, now.ticks(), generation])?;
        self.mend(key, now)
    }

    fn bring_back(&mut self, no: DeliveryNo, row: &Row, now: Timestamp) -> Result<(), Error> {
        let lane = self.lanes.get(&self.connection, &row.key)?;
        lane.count += 1;
        lane.sequence = lane.sequence.max(row.sequence);
        if !is_replay_lane(row.key.1) {
            *self.waiting(&row.key.0)? += 1;
        }
        self.connection
            .prepare_cached("DELETE FROM finished WHERE delivery_no = ?1")?
            .execute(params![no.0])?;
        let generation = self.generation(&row.key);
        self.connection
            .prepare_cached(
                "INSERT INTO undelivered
                   (delivery_no, company_id, endpoint_id, work_order_id, sequence, due, generation, since, attempts,
                    counted, mode, last_error, last_status)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?6, ?8, 0, ?9, ?10, ?11)",
            )?
            .execute(params![
                no.0,
                row.key.0.company_id.as_str(),
                row.key.0.endpoint_id.as_bytes(),
                row.key.1,
                row.sequence,
                now.ticks(),
                generation,
                row.attempts,
                code::of_mode(row.mode),
                row.last_error,
                row.last_status,
            ])?;
        self.mend(&row.key, now)
    }

    /// Makes an undelivered one `Discarded`.
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
            state: code::DISCARDED,
            reason: Some(reason),
            attempts: row.attempts,
            mode: row.mode,
            finished: now,
            last_error: row.last_error.as_deref(),
            last_status: row.last_status,
        };
        insert_finished(&self.connection, &finished)?;
        self.leave(no, &row.key, row.sequence, now)?;
        self.mend(&row.key, now)
    }

    /// Brings the lane's row in line and tells that it changed.
    pub(super) fn mend(&mut self, key: &LaneKey, now: Timestamp) -> Result<(), Error> {
        let sequence = self.lanes.get(&self.connection, key)?.sequence;
        lane::mend(&self.connection, key, sequence, self.generation(key), now.ticks())?;
        self.events.push(Event::LaneChanged(key.0.clone(), key.1));
        Ok(())
    }

    /// Brings the row of a lane in line that a reader found to be due although its head is not.
    pub(super) fn mend_stale(&mut self, key: &LaneKey, now: Timestamp) -> Result<(), Error> {
        let lane = *self.lanes.get(&self.connection, key)?;
        // An empty lane's row was written when it became empty, and says since when.
        if lane.count > 0 {
            lane::mend(&self.connection, key, lane.sequence, self.generation(key), now.ticks())?;
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
                "SELECT company_id, endpoint_id, work_order_id, sequence, attempts, mode, last_error, last_status, wish, NULL, NULL
                 FROM undelivered
                 WHERE delivery_no = ?1",
            )?
            .query_row(params![no.0], |row| {
                let attempts: u16 = row.get(4)?;
                let state = if attempts == 0 { State::Pending } else { State::Retrying };
                let wish = row.get::<_, Option<i64>>(8)?.map(code::wish).transpose()?;
                read_row(row, state, wish)
            })
            .optional()?;
        if waits.is_some() {
            return Ok(waits);
        }
        self.connection
            .prepare_cached(
                "SELECT company_id, endpoint_id, work_order_id, sequence, attempts, mode, last_error, last_status, state,
                        reason, finished
                 FROM finished
                 WHERE delivery_no = ?1",
            )?
            .query_row(params![no.0], |row| read_row(row, code::finished_state(row.get(8)?)?, None))
            .optional()
    }
}

fn read_row(row: &rusqlite::Row<'_>, state: State, wish: Option<Wish>) -> rusqlite::Result<Row> {
    Ok(Row {
        key: (endpoint_key(row, 0, 1)?, row.get(2)?),
        sequence: row.get(3)?,
        state,
        reason: row.get::<_, Option<i64>>(9)?.map(code::reason).transpose()?,
        finished: row.get::<_, Option<i64>>(10)?.map(Timestamp::from_ticks),
        attempts: row.get(4)?,
        mode: code::mode(row.get(5)?)?,
        wish,
        last_error: row.get(6)?,
        last_status: row.get(7)?,
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
