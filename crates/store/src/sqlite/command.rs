//! What the writer is asked for, and what it answers once that is on disk.

use tokio::sync::oneshot;
use workbell_model::{DeliveryNo, EndpointKey, WorkOrderId};
use workbell_wire::Timestamp;

use super::change::Publish;
use super::jobs;
use super::sweep;
use crate::audit::Author;
use crate::error::Error;
use crate::job::JobRecord;
use crate::record::{Acceptance, AcceptanceResult, ByHand, Change, Completion, Emulation, Inbound, Swept};
use crate::work_order::{ActResult, Acting, Creation};

pub(super) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// How often an act has its members in memory: as a body, as members, and as they change the order.
const BODIES: usize = 3;

pub(super) enum Command {
    Accept(Vec<Acceptance>, Reply<Vec<AcceptanceResult>>),
    Complete(Box<Completion>),
    CreateWorkOrder(Box<Creation>, Reply<ActResult>),
    Act(Box<Acting>, Reply<ActResult>),
    LogInbound(Box<Inbound>),
    Settle(DeliveryNo, Timestamp, Reply<()>),
    Mend(Mending, Timestamp, Reply<()>),
    Retry(ByHand, Reply<()>),
    Discard(ByHand, Reply<()>),
    Change(Box<(Change, Author)>, Reply<()>),
    Sweep(sweep::Cutoffs, Reply<Swept>),
    OfJob(Box<jobs::Wanted>, Reply<JobRecord>),
    OfAlert(Box<super::alerts::Wanted>, Reply<()>),
    CheckValue(Vec<u8>, Reply<Vec<u8>>),
    LogEmulation(Box<Emulation>, Reply<u64>),
    Close(Reply<()>),
}

/// What a reader found to be out of date.
pub(super) enum Mending {
    /// Rows of these lanes of an endpoint.
    Lanes(EndpointKey, Vec<WorkOrderId>),
    /// Times of endpoints that a clock that was wrong has written.
    Healths,
}

impl Command {
    /// How much of a batch it fills.
    pub(super) fn weight(&self) -> usize {
        match self {
            Command::Accept(acceptances, _) => acceptances.len().max(1),
            Command::Mend(Mending::Lanes(_, lanes), ..) => lanes.len(),
            Command::Mend(Mending::Healths, ..) => super::writer::BATCH / 2,
            Command::Sweep(..) | Command::OfJob(..) => super::writer::BATCH / 2,
            Command::Complete(_)
            | Command::OfAlert(..)
            | Command::CreateWorkOrder(..)
            | Command::Act(..)
            | Command::LogInbound(_)
            | Command::Settle(..)
            | Command::Retry(..)
            | Command::Discard(..)
            | Command::Change(..)
            | Command::CheckValue(..)
            | Command::LogEmulation(..)
            | Command::Close(_) => 1,
        }
    }

    /// Bytes that it keeps in memory while it waits; only what callers send is worth counting.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Command::Accept(acceptances, _) => bytes_of(acceptances),
            Command::CreateWorkOrder(creation, _) => creation.notice.body.len() * BODIES,
            Command::Act(acting, _) => acting.notice.body.len() * BODIES,
            Command::LogInbound(inbound) => inbound.detail.len(),
            Command::Complete(_)
            | Command::Settle(..)
            | Command::Mend(..)
            | Command::Retry(..)
            | Command::Discard(..)
            | Command::Change(..)
            | Command::Sweep(..)
            | Command::OfJob(..)
            | Command::OfAlert(..)
            | Command::CheckValue(..)
            | Command::LogEmulation(..)
            | Command::Close(_) => 0,
        }
    }

    /// Whether it must have a transaction of its own, because others of the batch would not see its effect.
    pub(super) fn stands_alone(&self) -> bool {
        matches!(self, Command::Change(..) | Command::Close(_))
    }

    /// Tells who asked that it failed.
    pub(super) fn refuse(self, error: &Error) {
        match self {
            Command::Accept(_, reply) => drop(reply.send(Err(again(error)))),
            Command::Settle(_, _, reply)
            | Command::Mend(_, _, reply)
            | Command::Retry(_, reply)
            | Command::Discard(_, reply)
            | Command::Change(_, reply)
            | Command::Close(reply) => drop(reply.send(Err(again(error)))),
            Command::CreateWorkOrder(_, reply) | Command::Act(_, reply) => {
                drop(reply.send(Err(again(error))));
            }
            Command::LogInbound(inbound) => {
                tracing::warn!(call = inbound.call, %error, "a request of the Direct API is missing in the log");
            }
            Command::Sweep(_, reply) => drop(reply.send(Err(again(error)))),
            Command::OfJob(_, reply) => drop(reply.send(Err(again(error)))),
            Command::OfAlert(_, reply) => drop(reply.send(Err(again(error)))),
            Command::CheckValue(_, reply) => drop(reply.send(Err(again(error)))),
            Command::LogEmulation(_, reply) => drop(reply.send(Err(again(error)))),
            Command::Complete(completion) => {
                let delivery = completion.delivery.id();
                tracing::error!(%delivery, %error, "the outcome of an attempt was refused by the store");
            }
        }
    }
}

pub(super) fn bytes_of(acceptances: &[Acceptance]) -> usize {
    acceptances.iter().map(|acceptance| acceptance.body.len()).sum()
}

/// What is answered once the transaction is on disk.
pub(super) enum Answer {
    Accepted(Vec<AcceptanceResult>),
    Acted(ActResult),
    Done,
    /// It was judged and changes nothing; the rest of the batch is not touched by that.
    Refused(Error),
    Swept(Swept, sweep::Position),
    OfJob(JobRecord),
    Value(Vec<u8>),
    /// The number of a log record.
    Logged(u64),
    Changed(Publish),
}

/// The same error for one more caller.
pub(super) fn again(error: &Error) -> Error {
    match error {
        Error::Database(rusqlite::Error::SqliteFailure(failure, _))
            if failure.code == rusqlite::ErrorCode::DiskFull
                || failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE =>
        {
            Error::DiskFull
        }
        Error::DiskFull => Error::DiskFull,
        Error::NotFound(what) => Error::NotFound(what.clone()),
        Error::Exists(what) => Error::Exists(what.clone()),
        Error::BranchTaken(branch) => Error::BranchTaken(*branch),
        Error::StateConflict(why) => Error::StateConflict(why.clone()),
        Error::UndeliveredExist(count) => Error::UndeliveredExist(*count),
        Error::TooMany(limit) => Error::TooMany(*limit),
        Error::Locked(until) => Error::Locked(*until),
        Error::Database(error) => Error::Unavailable(error.to_string()),
        Error::Unavailable(why) => Error::Unavailable(why.clone()),
        other => Error::Unavailable(other.to_string()),
    }
}
