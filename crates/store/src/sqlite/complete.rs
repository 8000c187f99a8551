//! The end of an attempt: the delivery's new state, its lane, its endpoint's state, and the log record, in one commit.

use rusqlite::{Connection, OptionalExtension, params};
use workbell_model::health::{self, After, Ended};
use workbell_model::hold::Waits;
use workbell_model::{
    DeliveryNo, Failures, Mode, Outcome, Reason, Sequence, State, Transition, Wish, is_replay_lane,
};
use workbell_wire::Timestamp;

use super::backlog::Step;
use super::code;
use super::lane::{self, LaneKey};
use super::write::{Event, Write};
use crate::error::Error;
use crate::record::{Completion, Occasion};

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
    /// The endpoint's epoch at its first failure.
    pub(super) first_epoch: Option<u64>,
    pub(super) last_error: Option<&'a str>,
    pub(super) last_status: Option<u16>,
}

pub(super) fn insert_finished(connection: &Connection, row: &Finished<'_>) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO finished
               (delivery_no, company_id, endpoint_id, work_order_id, sequence, state, reason, attempts, mode, finished,
                first_epoch, last_error, last_status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
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
            row.first_epoch,
            row.last_error,
            row.last_status,
        ])
        .map(drop)
}

/// Whether the row of a lane must be brought in line when a delivery leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mend {
    /// In any case.
    Always,
    /// Only if something in it waits for a time: else the row serves the next head too.
    IfTried,
}

/// What is kept of a delivery that failed.
struct Kept {
    wish: Option<Wish>,
    waits: Waits,
    counted: u16,
}

/// What a failure makes of a delivery that goes on waiting.
struct PutBack {
    due: Timestamp,
    mark: u64,
    counted: u16,
    /// Another start of its age.
    since: Option<Timestamp>,
    failures: Failures,
}

impl Write {
    /// Writes the outcome of an attempt within the running transaction.
    pub(super) fn complete(&mut self, completion: &Completion) -> Result<(), Error> {
        let ended = completion.attempt.start.plus(completion.attempt.duration);
        let key = (completion.delivery.endpoint.clone(), completion.delivery.work_order_id);
        match completion.outcome {
            // Whatever was wished by hand: so it need not be read.
            Outcome::Succeeded => self.complete_success(completion, &key, ended),
            Outcome::Failed(_) | Outcome::Interrupted => self.complete_failure(completion, &key, ended),
        }
    }

    fn complete_success(
        &mut self,
        completion: &Completion,
        key: &LaneKey,
        ended: Timestamp,
    ) -> Result<(), Error> {
        let transition = self.note_success(completion, key, ended)?;
        let delivered = (code::DELIVERED, None, completion.delivery.failures.first_epoch);
        let left = self.finish(completion, key, delivered, ended)?;
        if let Some(due) = left {
            self.insert_log(completion, None)?;
            self.completed(completion, key, State::Delivered, due);
        } else {
            self.complete_removed(completion, key, ended)?;
        }
        match transition {
            health::Transition::Reopened => self.events.push(Event::Reopened(key.0.clone())),
            // What their failures were is known now, and with it how long they hold their lanes.
            health::Transition::Recovered | health::Transition::Widened => {
                self.settle_lanes(key, left.is_some(), ended)?;
            }
            health::Transition::Unchanged
            | health::Transition::Counted
            | health::Transition::Excused
            | health::Transition::Closed
            | health::Transition::Probed => {}
        }
        Ok(())
    }

    /// What a success does to its endpoint: mostly nothing that is worth a write.
    fn note_success(
        &mut self,
        completion: &Completion,
        key: &LaneKey,
        ended: Timestamp,
    ) -> rusqlite::Result<health::Transition> {
        let health = self.health(&key.0);
        if !health.notices_success() {
            health.note_success(key.1, ended);
            return Ok(health::Transition::Unchanged);
        }
        let known = completion.delivery.failures;
        let Some(after) = self.after(completion, key, known, ended) else {
            return Ok(health::Transition::Unchanged);
        };
        self.set_health(&key.0, after.health)?;
        if after.transition == health::Transition::Reopened {
            self.healths.forget_unsettled(&key.0);
            tracing::info!(endpoint = %key.0.endpoint_id, "an endpoint that was down answers again");
            self.raise_reopened(&key.0, ended)?;
        }
        Ok(after.transition)
    }

    /// What an attempt does to its endpoint; `None` when that is deleted.
    fn after(
        &mut self,
        completion: &Completion,
        key: &LaneKey,
        known: Failures,
        at: Timestamp,
    ) -> Option<After> {
        let endpoint = self.directory.endpoint(&key.0)?;
        let numbers = self.defaults.numbers(&endpoint.settings);
        let (probe, cursor) = match completion.occasion {
            Occasion::Due => (false, None),
            Occasion::Probe(cursor) => (true, cursor),
        };
        let ended = Ended { outcome: completion.outcome, probe, work_order_id: key.1, at };
        let mut after = self.health(&key.0).after(ended, known, numbers);
        if probe {
            after.health = after.health.probing(cursor);
        }
        Some(after)
    }

    /// The lanes that a success makes others of; its own was brought in line as it left, if it was still there.
    fn settle_lanes(&mut self, key: &LaneKey, has_left: bool, now: Timestamp) -> rusqlite::Result<()> {
        for work_order_id in self.take_unsettled(&key.0, now)? {
            if has_left && work_order_id == key.1 {
                continue;
            }
            let other = (key.0.clone(), work_order_id);
            if self.lanes.get(&self.connection, &other)?.count > 0 {
                self.mend(&other, now)?;
                self.events.push(Event::LaneChanged(other.0, other.1));
            }
        }
        Ok(())
    }

    fn complete_failure(
        &mut self,
        completion: &Completion,
        key: &LaneKey,
        ended: Timestamp,
    ) -> Result<(), Error> {
        let Some(kept) = self.kept(completion.delivery.no)? else {
            return Ok(self.complete_removed(completion, key, ended)?);
        };
        let of_before = self
            .directory
            .endpoint(&key.0)
            .is_some_and(|endpoint| completion.generation < endpoint.generation);
        let known = kept.waits.failures_now(self.health(&key.0));
        let after = if of_before { None } else { self.after(completion, key, known, ended) };
        let failures = after.map_or(known, |after| after.failures);
        if let Some(after) = after {
            self.apply(&after, key, ended)?;
        }
        let outcome = decide(completion, &kept, of_before, ended);
        let (state, due, lane_due) = match outcome {
            // A success has gone another way.
            Transition::Delivered => return Ok(()),
            Transition::Dead(reason) => {
                let end = (code::end_of(reason), Some(reason), failures.first_epoch);
                let lane_due = self.finish(completion, key, end, ended)?.flatten();
                let state = if reason == Reason::ByHand { State::Discarded } else { State::Dead };
                if state == State::Dead {
                    self.raise_dying(&key.0, reason, ended)?;
                }
                (state, None, lane_due)
            }
            Transition::Retrying { due, counted } => {
                let back = self.back(completion, key, &kept, failures, (due, counted), ended)?;
                let lane_due = self.put_back(completion, key, &back, ended)?;
                (State::Retrying, Some(due), lane_due)
            }
        };
        self.insert_log(completion, due)?;
        self.completed(completion, key, state, lane_due);
        if outcome != completion.transition {
            // Count and start of the schedule are other ones than the attempt knew.
            self.events.push(Event::LaneChanged(key.0.clone(), key.1));
        }
        if after.is_some_and(|after| after.expires_old) {
            self.expire_old(&key.0, ended)?;
        }
        Ok(())
    }

    /// What a failure does to its endpoint.
    fn apply(&mut self, after: &After, key: &LaneKey, ended: Timestamp) -> rusqlite::Result<()> {
        self.set_health(&key.0, after.health)?;
        if after.pauses {
            self.pause(&key.0, ended)?;
        }
        match after.transition {
            health::Transition::Counted | health::Transition::Excused => {
                self.healths.note_unsettled(&key.0, key.1);
            }
            health::Transition::Closed => {
                self.healths.forget_unsettled(&key.0);
                let failures = after.health.failures;
                tracing::warn!(endpoint = %key.0.endpoint_id, failures, "an endpoint is down; it is probed until it answers");
                self.raise_down(&key.0, u64::from(failures), ended)?;
            }
            health::Transition::Unchanged
            | health::Transition::Recovered
            | health::Transition::Reopened
            | health::Transition::Widened
            | health::Transition::Probed => {}
        }
        Ok(())
    }

    /// How a delivery goes on waiting.
    fn back(
        &mut self,
        completion: &Completion,
        key: &LaneKey,
        kept: &Kept,
        failures: Failures,
        (due, counted): (Timestamp, u16),
        ended: Timestamp,
    ) -> rusqlite::Result<PutBack> {
        if kept.wish == Some(Wish::Retry) {
            self.ask_for(key, completion.delivery.sequence, ended)?;
            let health = self.health(&key.0);
            let (mark, since) = (health.mark, Some(health.age.reading(ended)));
            return Ok(PutBack { due, mark, counted, since, failures: failures.anew() });
        }
        if completion.outcome == Outcome::Interrupted && due == kept.waits.scheduled {
            // It is due at once as it was before: by its mark, or as the next probe.
            let Waits { mark, failures, .. } = kept.waits;
            return Ok(PutBack { due, mark, counted, since: None, failures });
        }
        let mark = self.health(&key.0).mark;
        Ok(PutBack { due, mark, counted, since: None, failures })
    }

    /// Tells of an outcome. `due` is when a head of the lane may be tried next.
    fn completed(&mut self, completion: &Completion, key: &LaneKey, state: State, due: Option<Timestamp>) {
        self.events.push(Event::Completed {
            endpoint: key.0.clone(),
            work_order_id: key.1,
            sequence: completion.delivery.sequence,
            state,
            due,
        });
    }

    /// What is kept of a delivery; nothing at all when it does not wait any more.
    fn kept(&self, no: DeliveryNo) -> rusqlite::Result<Option<Kept>> {
        self.connection
            .prepare_cached(
                "SELECT due, mark, own, first_epoch, held_epoch, held_from, refused_from, wish, counted
                 FROM undelivered
                 WHERE delivery_no = ?1",
            )?
            .query_row(params![no.0], |row| {
                Ok(Kept {
                    waits: lane::waits(row, 0)?,
                    wish: row.get::<_, Option<i64>>(7)?.map(code::wish).transpose()?,
                    counted: row.get(8)?,
                })
            })
            .optional()
    }

    /// `None` when it does not wait any more; then nothing is written. Else when a head of its lane may be tried next.
    fn finish(
        &mut self,
        completion: &Completion,
        key: &LaneKey,
        (state, reason, first_epoch): (i64, Option<Reason>, Option<u64>),
        ended: Timestamp,
    ) -> rusqlite::Result<Option<Option<Timestamp>>> {
        let delivery = &completion.delivery;
        // The lane's row has the due time of its last known head. It serves the next head too, unless that one would
        // have to wait for it although this one did not.
        let mend = if delivery.due > ended { Mend::Always } else { Mend::IfTried };
        let tried = delivery.attempts > 0;
        let Some(due) = self.leave(delivery.no, key, delivery.sequence, tried, mend, ended)? else {
            return Ok(None);
        };
        let row = Finished {
            no: delivery.no,
            key,
            sequence: delivery.sequence,
            state,
            reason,
            attempts: completion.attempt.number,
            mode: delivery.mode,
            finished: ended,
            first_epoch,
            last_error: completion.attempt.error,
            last_status: completion.attempt.status,
        };
        insert_finished(&self.connection, &row)?;
        Ok(Some(due))
    }

    /// Takes a delivery out of the queue and keeps its lane in order; `None` when it was not there. Else when a head of
    /// the lane may be tried next.
    pub(super) fn leave(
        &mut self,
        no: DeliveryNo,
        key: &LaneKey,
        sequence: Sequence,
        tried: bool,
        mend: Mend,
        now: Timestamp,
    ) -> rusqlite::Result<Option<Option<Timestamp>>> {
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
            self.count_step(&key.0, Step::Leaves, now)?;
        }
        let lane = self.lanes.get(&self.connection, key)?;
        let must_mend = mend == Mend::Always || lane.tried > 0 || sequence == lane.sequence;
        lane.count = lane.count.saturating_sub(1);
        lane.tried = lane.tried.saturating_sub(u64::from(tried));
        let lane = *lane;
        if lane.count == 0 {
            let mark = self.health(&key.0).mark;
            lane::put_empty(&self.connection, key, lane.sequence, mark, now.ticks())?;
            return Ok(Some(None));
        }
        if must_mend { self.mend(key, now).map(Some) } else { Ok(Some(Some(now))) }
    }

    /// Keeps a delivery for its next attempt. When a head of its lane may be tried next.
    fn put_back(
        &mut self,
        completion: &Completion,
        key: &LaneKey,
        back: &PutBack,
        ended: Timestamp,
    ) -> rusqlite::Result<Option<Timestamp>> {
        // The lane is looked up first: found again in the file it counts this one as tried.
        self.lanes.get(&self.connection, key)?;
        let failures = &back.failures;
        self.connection
            .prepare_cached(
                "UPDATE undelivered
                 SET due = ?2, mark = ?3, attempts = ?4, counted = ?5, last_error = ?6, last_status = ?7,
                     since = COALESCE(?8, since), wish = NULL, own = ?9, first_epoch = ?10, held_epoch = ?11,
                     held_from = ?12, refused_from = ?13
                 WHERE delivery_no = ?1",
            )?
            .execute(params![
                completion.delivery.no.0,
                back.due.ticks(),
                back.mark,
                completion.attempt.number,
                back.counted,
                completion.attempt.error,
                completion.attempt.status,
                back.since.map(Timestamp::ticks),
                failures.own,
                failures.first_epoch,
                failures.held_epoch,
                failures.held_from.map(Timestamp::ticks),
                failures.refused_from.map(Timestamp::ticks),
            ])?;
        if completion.delivery.attempts == 0 {
            self.lanes.get(&self.connection, key)?.tried += 1;
        }
        self.mend(key, ended)
    }

    /// The attempt of a delivery that was discarded or expired meanwhile: it is logged, and a success wins over both.
    fn complete_removed(
        &mut self,
        completion: &Completion,
        key: &LaneKey,
        ended: Timestamp,
    ) -> rusqlite::Result<()> {
        let no = completion.delivery.no.0;
        let attempt = &completion.attempt;
        let won = completion.outcome == Outcome::Succeeded
            && self
                .connection
                .prepare_cached(
                    "UPDATE finished
                     SET state = 0, reason = NULL, attempts = ?2, finished = ?3, last_error = NULL, last_status = ?4
                     WHERE delivery_no = ?1 AND reason IN (?5, ?6)",
                )?
                .execute(params![
                    no,
                    attempt.number,
                    ended.ticks(),
                    attempt.status,
                    code::of_reason(Reason::ByHand),
                    code::of_reason(Reason::Expired)
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
        let waits = self.lanes.get(&self.connection, key)?.count > 0;
        self.completed(completion, key, state, waits.then_some(ended));
        Ok(())
    }
}

/// What somebody wished by hand meanwhile wins over a failure. A failure of a request that would be another one by now
/// says nothing.
fn decide(completion: &Completion, kept: &Kept, of_before: bool, ended: Timestamp) -> Transition {
    match kept.wish {
        Some(Wish::Retry) => Transition::Retrying { due: ended, counted: 0 },
        Some(Wish::Discard) => Transition::Dead(Reason::ByHand),
        None if of_before => Transition::Retrying { due: ended, counted: kept.counted },
        None => completion.transition,
    }
}
