//! Work orders as they go into the store and come out of it.

use bytes::Bytes;
use workbell_model::work_order::{Act, Doing, Forbidden, Interface, Object, Status};
use workbell_model::{ClientId, CompanyId, Fate, WorkOrder, WorkOrderId};
use workbell_wire::{ActionName, MessageId, Timestamp};

use crate::record::Accepted;

/// Most bytes of one order: its details and what is kept beside them.
///
/// 1 MiB: four of the largest notifications. The value is our choice.
pub const LARGEST_ORDER: usize = 1 << 20;

/// Most entries of the time line of one order.
///
/// 10,000: an act a minute for a week. The value is our choice.
pub const MOST_ENTRIES: u32 = 10_000;

/// Highest id that is given to an order which came without one.
///
/// 2^53 − 1: beyond it languages that read numbers as floating point would round it.
pub const HIGHEST_MADE_ID: WorkOrderId = (1 << 53) - 1;

/// Who did it, as the notification's `Sender` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performer {
    /// Name.
    pub name: String,
    /// Telephone number.
    pub phone: Option<String>,
    /// `CorrigoPro`, `Customer`, or another word of the platform's.
    pub kind: String,
}

/// The notification that an act makes.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The exact bytes that are sent.
    pub body: Bytes,
    /// Its members beside Header, for the time line.
    pub members: Object,
}

/// What creation and acts have in common.
#[derive(Clone, Debug)]
pub struct Told {
    /// Published or made by us.
    pub message_id: MessageId,
    /// SHA-256 of what the caller sent, to tell a repeat from a conflict.
    pub content_hash: [u8; 32],
    /// The Direct client that caused it: its company is not told.
    pub initiated_by: Option<ClientId>,
    /// Who did it.
    pub performer: Performer,
    /// Now.
    pub now: Timestamp,
}

/// An order to create, already checked against the contract.
#[derive(Clone, Debug)]
pub struct Creation {
    /// Its branch tells whose it is.
    pub branch_id: i64,
    /// The company, where the caller named it.
    pub company_id: Option<CompanyId>,
    /// The model WorkOrder with its id and status.
    pub details: Object,
    /// What is kept beside it.
    pub kept: Object,
    /// When it was done, as the caller says.
    pub performed: Timestamp,
    /// The notification.
    pub notice: Notice,
    /// The rest.
    pub told: Told,
}

/// An act on an order, already checked against the contract.
#[derive(Clone, Debug)]
pub struct Acting {
    /// Which order.
    pub work_order_id: WorkOrderId,
    /// Only if it is this company's.
    pub company_id: Option<CompanyId>,
    /// What is done.
    pub doing: Doing,
    /// The notification of the act.
    pub notice: Notice,
    /// The one in its place when a check out leaves details to be given; with a check out only.
    pub lacking: Option<Notice>,
    /// The rest.
    pub told: Told,
}

/// What became of a creation or an act.
pub type ActResult = Result<Acted, Refused>;

/// A creation or an act that is on disk, or a repeat of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acted {
    /// The order.
    pub work_order_id: WorkOrderId,
    /// Where it stood after this act.
    pub status: Status,
    /// The notification.
    pub accepted: Accepted,
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such order, or it is another company's.
    #[error("work order {0} does not exist")]
    NotFound(WorkOrderId),
    /// An order with this id exists, here or elsewhere.
    #[error("work order {0} exists already; work order ids are unique over all companies")]
    Exists(WorkOrderId),
    /// The act is not allowed. With where the order stands.
    #[error("{why}")]
    Forbidden {
        /// The order's state.
        status: Status,
        /// Why.
        why: Forbidden,
    },
    /// The order, or its time line, would grow beyond its limit.
    #[error("the work order would have more than {0}")]
    TooLarge(&'static str),
    /// The notification is refused.
    #[error(transparent)]
    Notification(#[from] crate::record::Refused),
}

/// One line of the time line.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place, from 1.
    pub place: u32,
    /// What was done; `None` for the creation.
    pub act: Option<Act>,
    /// The notification's action.
    pub action: ActionName,
    /// The order's state from then on.
    pub status: Status,
    /// Where it came from.
    pub interface: Interface,
    /// The Direct client that caused it.
    pub client_id: Option<ClientId>,
    /// Who did it.
    pub performer: Performer,
    /// When it was done, as the caller said.
    pub performed: Timestamp,
    /// When it was stored.
    pub recorded: Timestamp,
    /// The notification.
    pub message_id: MessageId,
    /// What acceptance made of it.
    pub fate: Fate,
    /// The notification's members beside Header.
    pub members: Object,
}

/// Times from one (inclusive) to another (exclusive).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// Then or later.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

/// Which orders.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkOrderFilter {
    /// Of this company.
    pub company_id: Option<CompanyId>,
    /// Of this branch.
    pub branch_id: Option<i64>,
    /// In one of these states; empty for any.
    pub statuses: Vec<Status>,
    /// Of this customer.
    pub customer_id: Option<i64>,
    /// With this number.
    pub number: Option<String>,
    /// Created then.
    pub created: Period,
    /// Last acted on then.
    pub last_update: Period,
    /// To be acknowledged then.
    pub acknowledge_by: Period,
    /// Somebody to be on site then.
    pub on_site_by: Period,
    /// Due then.
    pub due_date: Period,
}

impl Period {
    /// Whether a time lies within; one that is not there does only when nothing is asked for.
    pub fn holds(&self, time: Option<Timestamp>) -> bool {
        match time {
            Some(time) => self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time < to),
            None => *self == Period::default(),
        }
    }
}

/// An order with its time line.
#[derive(Clone, Debug)]
pub struct WorkOrderLife {
    /// The order.
    pub order: WorkOrder,
    /// What was done, oldest first.
    pub time_line: Vec<Entry>,
}
