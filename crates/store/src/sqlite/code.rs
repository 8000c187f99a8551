//! Small numbers that stand for names in columns. They are kept for good: never change one.

use rusqlite::types::{FromSqlError, FromSqlResult};
use workbell_model::job::{JobState, Kind};
use workbell_model::log::Direction;
use workbell_model::work_order::Interface;
use workbell_model::{Fate, Mode, Reason, State, Wish};

pub(super) const fn of_fate(fate: Fate) -> i64 {
    match fate {
        Fate::Queued => 0,
        Fate::Suppressed => 1,
        Fate::NoEndpoint => 2,
    }
}

pub(super) fn fate(code: i64) -> FromSqlResult<Fate> {
    match code {
        0 => Ok(Fate::Queued),
        1 => Ok(Fate::Suppressed),
        2 => Ok(Fate::NoEndpoint),
        other => Err(FromSqlError::OutOfRange(other)),
    }
}

/// States of finished deliveries; undelivered ones stand in another table.
pub(super) const DELIVERED: i64 = 0;
pub(super) const DEAD: i64 = 1;
pub(super) const DISCARDED: i64 = 2;

/// The state of what ends for this reason.
pub(super) const fn end_of(reason: Reason) -> i64 {
    match reason {
        Reason::Exhausted | Reason::Expired | Reason::Overflow => DEAD,
        Reason::ByHand | Reason::EndpointDeleted | Reason::Erased => DISCARDED,
    }
}

pub(super) fn finished_state(code: i64) -> FromSqlResult<State> {
    match code {
        DELIVERED => Ok(State::Delivered),
        DEAD => Ok(State::Dead),
        DISCARDED => Ok(State::Discarded),
        other => Err(FromSqlError::OutOfRange(other)),
    }
}

pub(super) const fn of_reason(reason: Reason) -> i64 {
    match reason {
        Reason::Exhausted => 0,
        Reason::Expired => 1,
        Reason::Overflow => 2,
        Reason::ByHand => 3,
        Reason::EndpointDeleted => 4,
        Reason::Erased => 5,
    }
}

pub(super) fn reason(code: i64) -> FromSqlResult<Reason> {
    match code {
        0 => Ok(Reason::Exhausted),
        1 => Ok(Reason::Expired),
        2 => Ok(Reason::Overflow),
        3 => Ok(Reason::ByHand),
        4 => Ok(Reason::EndpointDeleted),
        5 => Ok(Reason::Erased),
        other => Err(FromSqlError::OutOfRange(other)),
    }
}

pub(super) const fn of_mode(mode: Mode) -> i64 {
    match mode {
        Mode::Live => 0,
        Mode::Test => 1,
        Mode::Replay => 2,
    }
}

pub(super) fn mode(code: i64) -> FromSqlResult<Mode> {
    match code {
        0 => Ok(Mode::Live),
        1 => Ok(Mode::Test),
        2 => Ok(Mode::Replay),
        other => Err(FromSqlError::OutOfRange(other)),
    }
}

pub(super) const fn of_wish(wish: Wish) -> i64 {
    match wish {
        Wish::Retry => 1,
        Wish::Discard => 2,
    }
}

pub(super) fn wish(code: i64) -> FromSqlResult<Wish> {
    match code {
        1 => Ok(Wish::Retry),
        2 => Ok(Wish::Discard),
        other => Err(FromSqlError::OutOfRange(other)),
    }
}

pub(super) const fn of_interface(interface: Interface) -> i64 {
    match interface {
        Interface::Platform => 0,
        Interface::Direct => 1,
    }
}

pub(super) fn interface(code: i64) -> FromSqlResult<Interface> {
    match code {
        0 => Ok(Interface::Platform),
        1 => Ok(Interface::Direct),
        other => Err(FromSqlError::OutOfRange(other)),
    }
}

pub(super) const fn of_direction(direction: Direction) -> i64 {
    match direction {
        Direction::Outbound => 0,
        Direction::Inbound => 1,
    }
}

pub(super) fn direction(code: i64) -> FromSqlResult<Direction> {
    match code {
        0 => Ok(Direction::Outbound),
        1 => Ok(Direction::Inbound),
        other => Err(FromSqlError::OutOfRange(other)),
    }
}

pub(super) const fn of_job_kind(kind: Kind) -> i64 {
    match kind {
        Kind::Retry => 0,
        Kind::Discard => 1,
        Kind::Replay => 2,
        Kind::Erase => 3,
    }
}

pub(super) fn job_kind(code: i64) -> FromSqlResult<Kind> {
    match code {
        0 => Ok(Kind::Retry),
        1 => Ok(Kind::Discard),
        2 => Ok(Kind::Replay),
        3 => Ok(Kind::Erase),
        other => Err(FromSqlError::OutOfRange(other)),
    }
}

pub(super) const fn of_job_state(state: JobState) -> i64 {
    match state {
        JobState::Running => 0,
        JobState::Finished => 1,
        JobState::Cancelled => 2,
    }
}

pub(super) fn job_state(code: i64) -> FromSqlResult<JobState> {
    match code {
        0 => Ok(JobState::Running),
        1 => Ok(JobState::Finished),
        2 => Ok(JobState::Cancelled),
        other => Err(FromSqlError::OutOfRange(other)),
    }
}
