//! The end of an attempt: the delivery's new state, its lane, and the log record, in one commit.

use rusqlite::{Connection, OptionalExtension, params};
use workbell_model::{
    DeliveryNo, EndpointKey, Mode, Reason, State, Transition, Wish, WorkOrderId, is_replay_lane,
};
use workbell_wire::{ActionName, Timestamp};

use super::code;
use super::lane::{self, Lane, LaneKey};
use super::write::{Event, Write};
use crate::record::{Attempt, Completion, Emulation, Inbound};

/// A row of `finished`.
pub(super) struct Finished<'a> {
    pub(super) no: DeliveryNo,
    pub(super) key: &'a LaneKey,
    pub(super) sequence: u64,
    pub(super) state: i64,
    pub(super) reason: Option<Reason>,
    pub(super) attempts: u16,
    pub(super) mode: Mode,
    pub(super) finished: Timestamp,
    pub(super) last_error: Option<&'a str>,
    pub(super) last_status: Option<u16>,
}

pub(super) fn insert_finished(connection: &Connection, row: &Finished<'_>) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO finished
               (delivery_no, company_id, endpoint_id, work_order_id, sequence, state, reason, attempts, mode, finished,
                last_error, last_status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            row.no.0,
            row.key.0.company_id.as_str(),
            row.key.0.endpoint_id.as_bytes(),
            row.key.1,
            row.sequence,
            row.state,
            row.reason.map(code::of_reason),
            row.attempts,
            code::of_mode(row.mode),
            row.finished.ticks(),
            row.last_error,
            row.last_status,
        ])
        .map(drop)
}

/// What a log record says beside the attempt's own part.
struct Logged<'a> {
    endpoint: &'a EndpointKey,
    delivery_no: Option<DeliveryNo>,
    work_order_id: WorkOrderId,
    branch_id: i64,
    action: &'a ActionName,
    mode: Mode,
    next_due: Option<Timestamp>,
}

impl Write {
    /// Writes the outcome of an attempt within the running transaction.
    pub(super) fn complete(&mut self, completion: &Completion) -> rusqlite::Result<()> {
        let ended = completion.attempt.start.plus(completion.attempt.duration);
        let key = (completion.delivery.endpoint.clone(), completion.delivery.work_order_id);
        let outcome = if completion.transition == Transition::Delivered {
            // Whatever was wished by hand: so it need not be read.
            Transition::Delivered
        } else {
            match self.wish_of(completion.delivery.no)? {
                Some(wish) => decide(completion, wish, self.generation(&key), ended),
                None => return self.complete_removed(completion, ended),
            }
        };
        let (state, due) = match outcome {
            Transition::Delivered => {
                if !self.finish(completion, &key, (code::DELIVERED, None), ended)? {
                    return self.complete_removed(completion, ended);
                }
                (State::Delivered, None)
            }
            Transition::Dead(reason) => {
                let (state, code) = match reason {
                    Reason::ByHand => (State::Discarded, code::DISCARDED),
                    Reason::Exhausted
                    | Reason::Expired
                    | Reason::Overflow
                    | Reason::EndpointDeleted
                    | Reason::Erased => (State::Dead, code::DEAD),
                };
                self.finish(completion, &key, (code, Some(reason)), ended)?;
                if state == State::Dead {
                    self.raise_dying(&key.0, reason, ended)?;
                }
                (state, None)
            }
            Transition::Retrying { due, counted } => {
                self.put_back(completion, &key, due, counted)?;
                (State::Retrying, Some(due))
            }
        };
        self.insert_log(completion, due)?;
        self.events.push(Event::Completed {
            endpoint: key.0.clone(),
            work_order_id: key.1,
            sequence: completion.delivery.sequence,
            state,
            due: due.unwrap_or(ended),
        });
        if outcome != completion.transition {
            // Count and start of the schedule are other ones than the attempt knew.
            self.events.push(Event::LaneChanged(key.0, key.1));
        }
        Ok(())
    }

    /// What was wished by hand for a delivery; nothing at all when it does not wait any more.
    fn wish_of(&self, no: DeliveryNo) -> rusqlite::Result<Option<Option<Wish>>> {
        self.connection
            .prepare_cached("SELECT wish FROM undelivered WHERE delivery_no = ?1")?
            .query_row(params![no.0], |row| Ok(row.get::<_, Option<i64>>(0)?.map(code::wish).transpose()?))
            .optional()
    }

    /// False when it does not wait any more; then nothing is written.
    fn finish(
        &mut self,
        completion: &Completion,
        key: &LaneKey,
        (state, reason): (i64, Option<Reason>),
        ended: Timestamp,
    ) -> rusqlite::Result<bool> {
        let delivery = &completion.delivery;
        let Some(lane) = self.leave(delivery.no, key, delivery.sequence, ended)? else { return Ok(false) };
        // The lane's row has the due time of its last known head. It serves the next head too, unless that one would
        // have to wait for it although this one did not.
        if lane.count > 0 && delivery.due > ended {
            lane::mend(&self.connection, key, lane.sequence, self.generation(key), ended.ticks())?;
        }
        let row = Finished {
            no: delivery.no,
            key,
            sequence: delivery.sequence,
            state,
            reason,
            attempts: completion.attempt.number,
            mode: delivery.mode,
            finished: ended,
            last_error: completion.attempt.error,
            last_status: completion.attempt.status,
        };
        insert_finished(&self.connection, &row)?;
        Ok(true)
    }

    /// Takes a delivery out of the queue and keeps its lane in order; `None` when it was not there.
    pub(super) fn leave(
        &mut self,
        no: DeliveryNo,
        key: &LaneKey,
        sequence: u64,
        now: Timestamp,
    ) -> rusqlite::Result<Option<Lane>> {
        // Lane and endpoint are looked up first: found again in the file they must still count this delivery.
        self.lanes.get(&self.connection, key)?;
        self.waiting(&key.0)?;
        let removed = self
            .connection
            .prepare_cached("DELETE FROM undelivered WHERE delivery_no = ?1")?
            .execute(params![no.0])?;
        if removed == 0 {
            return Ok(None);
        }
        if !is_replay_lane(key.1) {
            let waiting = self.waiting(&key.0)?;
            *waiting = waiting.saturating_sub(1);
        }
        let lane = self.lanes.get(&self.connection, key)?;
        lane.count = lane.count.saturating_sub(1);
        let lane = *lane;
        let generation = self.generation(key);
        if lane.count == 0 {
            lane::put_empty(&self.connection, key, lane.sequence, generation, now.ticks())?;
        } else if sequence == lane.sequence {
            lane::mend(&self.connection, key, lane.sequence, generation, now.ticks())?;
        }
        Ok(Some(lane))
    }

    /// Keeps a delivery for its next attempt.
    fn put_back(
        &mut self,
        completion: &Completion,
        key: &LaneKey,
        due: Timestamp,
        counted: u16,
    ) -> rusqlite::Result<()> {
        let generation = self.generation(key);
        self.connection
            .prepare_cached(
                "UPDATE undelivered
                 SET due = ?2, generation = ?3, attempts = ?4, counted = ?5, last_error = ?6, last_status = ?7,
                     since = CASE wish WHEN 1 THEN ?2 ELSE since END, wish = NULL
                 WHERE delivery_no = ?1",
            )?
            .execute(params![
                completion.delivery.no.0,
                due.ticks(),
                generation,
                completion.attempt.number,
                counted,
                completion.attempt.error,
                completion.attempt.status,
            ])?;
        let last = self.lanes.get(&self.connection, key)?.sequence;
        lane::mend(&self.connection, key, last, generation, due.ticks())
    }

    /// The attempt of a delivery that was discarded meanwhile: it is logged, and a success wins over a discard by hand.
    fn complete_removed(&mut self, completion: &Completion, ended: Timestamp) -> rusqlite::Result<()> {
        let no = completion.delivery.no.0;
        let attempt = &completion.attempt;
        let won = matches!(completion.transition, Transition::Delivered)
            && self
                .connection
                .prepare_cached(
                    "UPDATE finished
                     SET state = 0, reason = NULL, attempts = ?2, finished = ?3, last_error = NULL, last_status = ?4
                     WHERE delivery_no = ?1 AND reason = ?5",
                )?
                .execute(params![
                    no,
                    attempt.number,
                    ended.ticks(),
                    attempt.status,
                    code::of_reason(Reason::ByHand)
                ])?
                == 1;
        if !won {
            self.connection
                .prepare_cached("UPDATE finished SET attempts = ?2 WHERE delivery_no = ?1")?
                .execute(params![no, attempt.number])?;
        }
        self.insert_log(completion, None)?;
        self.erase_record_of(completion.delivery.no)?;
        let state = if won { State::Delivered } else { State::Discarded };
        self.events.push(Event::Completed {
            endpoint: completion.delivery.endpoint.clone(),
            work_order_id: completion.delivery.work_order_id,
            sequence: completion.delivery.sequence,
            state,
            due: ended,
        });
        Ok(())
    }

    /// Writes down a request of the Direct API.
    pub(super) fn log_inbound(&mut self, inbound: &Inbound) -> rusqlite::Result<()> {
        let no = self.take_log_no();
        self.connection
            .prepare_cached(
                "INSERT INTO log
                   (log_no, company_id, work_order_id, branch_id, action, direction, attempt, mode, start, duration,
                    status, error, detail)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                no,
                inbound.company_id.as_str(),
                inbound.work_order_id,
                inbound.branch_id,
                inbound.call,
                code::of_direction(workbell_model::log::Direction::Inbound),
                code::of_mode(Mode::Live),
                inbound.start.ticks(),
                i64::try_from(inbound.duration.as_nanos() / 100).unwrap_or(i64::MAX),
                inbound.status,
                inbound.error,
                std::str::from_utf8(&inbound.detail).unwrap_or("{}"),
            ])
            .map(drop)
    }

    fn insert_log(&mut self, completion: &Completion, next_due: Option<Timestamp>) -> rusqlite::Result<()> {
        let delivery = &completion.delivery;
        let entry = Logged {
            endpoint: &delivery.endpoint,
            delivery_no: Some(delivery.no),
            work_order_id: self.order_of(delivery.no, delivery.work_order_id)?,
            branch_id: delivery.branch_id,
            action: &delivery.action,
            mode: delivery.mode,
            next_due,
        };
        self.log(&entry, &completion.attempt).map(drop)
    }

    /// Writes the record of an emulated notification, and gives its number.
    pub(super) fn log_emulation(&mut self, emulation: &Emulation) -> rusqlite::Result<u64> {
        let entry = Logged {
            endpoint: &emulation.endpoint,
            delivery_no: None,
            work_order_id: emulation.work_order_id,
            branch_id: emulation.branch_id,
            action: &emulation.action,
            mode: Mode::Test,
            next_due: None,
        };
        self.log(&entry, &emulation.attempt)
    }

    fn log(&mut self, entry: &Logged<'_>, attempt: &Attempt) -> rusqlite::Result<u64> {
        let detail = std::str::from_utf8(&attempt.detail).unwrap_or("{}");
        let no = self.take_log_no();
        self.connection
            .prepare_cached(
                "INSERT INTO log
                   (log_no, company_id, endpoint_id, delivery_no, work_order_id, branch_id, action, direction,
                    attempt, mode, start, duration, status, error, next_due, detail)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            )?
            .execute(params![
                no,
                entry.endpoint.company_id.as_str(),
                entry.endpoint.endpoint_id.as_bytes(),
                entry.delivery_no.map(|no| no.0),
                entry.work_order_id,
                entry.branch_id,
                entry.action.as_str(),
                code::of_direction(workbell_model::log::Direction::Outbound),
                attempt.number,
                code::of_mode(entry.mode),
                attempt.start.ticks(),
                i64::try_from(attempt.duration.as_nanos() / 100).unwrap_or(i64::MAX),
                attempt.status,
                attempt.error,
                entry.next_due.map(Timestamp::ticks),
                detail,
            ])?;
        Ok(no)
    }

    /// The work order of a lane: the lane itself, but for a replay.
    fn order_of(&self, no: DeliveryNo, lane: WorkOrderId) -> rusqlite::Result<WorkOrderId> {
        if !is_replay_lane(lane) {
            return Ok(lane);
        }
        let found = self
            .connection
            .prepare_cached("SELECT work_order_id FROM notifications WHERE notification_no = ?1")?
            .query_row(params![no.notification().0], |row| row.get(0))
            .optional()?;
        Ok(found.unwrap_or(0))
    }

    /// The endpoint's generation now; 0 when it is deleted.
    pub(super) fn generation(&self, key: &LaneKey) -> u64 {
        self.directory.endpoint(&key.0).map_or(0, |endpoint| endpoint.generation)
    }
}

/// What somebody wished by hand meanwhile wins over a failure, and a success over that. A failure of a request that
/// would be another one by now says nothing.
fn decide(completion: &Completion, wish: Option<Wish>, generation: u64, ended: Timestamp) -> Transition {
    match (completion.transition, wish) {
        (Transition::Delivered, _) => Transition::Delivered,
        (Transition::Retrying { .. } | Transition::Dead(_), Some(Wish::Retry)) => {
            Transition::Retrying { due: ended, counted: 0 }
        }
        (Transition::Retrying { .. } | Transition::Dead(_), Some(Wish::Discard)) => {
            Transition::Dead(Reason::ByHand)
        }
        (Transition::Retrying { .. } | Transition::Dead(_), None) if completion.generation < generation => {
            Transition::Retrying { due: ended, counted: completion.delivery.counted }
        }
        (follows, None) => follows,
    }
}
