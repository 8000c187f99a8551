//! Records of the communication log: of attempts, of emulated notifications, of requests of the Direct API.

use rusqlite::{OptionalExtension, params};
use workbell_model::log::Direction;
use workbell_model::{DeliveryNo, EndpointKey, Mode, WorkOrderId, is_replay_lane};
use workbell_wire::{ActionName, Timestamp};

use super::code;
use super::stretch::Trait;
use super::traffic::Counts;
use super::write::Write;
use crate::record::{Attempt, Completion, Emulation, Inbound};

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
                code::of_direction(Direction::Inbound),
                code::of_mode(Mode::Live),
                inbound.start.ticks(),
                i64::try_from(inbound.duration.as_nanos() / 100).unwrap_or(i64::MAX),
                inbound.status,
                inbound.error,
                std::str::from_utf8(&inbound.detail).unwrap_or("{}"),
            ])?;
        self.remember_record(no, inbound.work_order_id, None);
        let traits = [
            Some(Trait::Company(inbound.company_id.as_str())),
            Some(Trait::Branch(inbound.branch_id)),
            Some(Trait::Action(inbound.call)),
            Some(Trait::Direction(Direction::Inbound)),
            Some(Trait::Status(inbound.status)),
            inbound.error.map(Trait::Error),
        ];
        self.sum_up(no, inbound.start, traits)
    }

    pub(super) fn insert_log(
        &mut self,
        completion: &Completion,
        next_due: Option<Timestamp>,
    ) -> rusqlite::Result<()> {
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
        let ticks = i64::try_from(attempt.duration.as_nanos() / 100).unwrap_or(i64::MAX);
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
                code::of_direction(Direction::Outbound),
                attempt.number,
                code::of_mode(entry.mode),
                attempt.start.ticks(),
                ticks,
                attempt.status,
                attempt.error,
                entry.next_due.map(Timestamp::ticks),
                detail,
            ])?;
        let traits = [
            Some(Trait::Company(entry.endpoint.company_id.as_str())),
            Some(Trait::Endpoint(entry.endpoint.endpoint_id.as_bytes())),
            Some(Trait::Branch(entry.branch_id)),
            Some(Trait::Action(entry.action.as_str())),
            Some(Trait::Direction(Direction::Outbound)),
            attempt.status.map(Trait::Status),
            attempt.error.map(Trait::Error),
        ];
        self.sum_up(no, attempt.start, traits)?;
        let counts = Counts {
            start: attempt.start,
            duration: ticks.cast_unsigned(),
            status: attempt.status,
            error: attempt.error,
            mode: entry.mode,
        };
        self.remember_record(no, entry.work_order_id, Some((entry.endpoint, counts)));
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
}
