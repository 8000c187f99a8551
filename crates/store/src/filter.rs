//! Which rows a list wants, and how lists are paged.

use workbell_model::{CompanyId, DeliveryId, EndpointId, States, WorkOrderId};
use workbell_wire::{MessageId, Timestamp};

/// Most rows that a page walks through for filters that no index serves: 100,000.
pub const LONGEST_WALK: usize = 100_000;

/// Which notifications.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotificationFilter {
    /// Of this company.
    pub company_id: Option<CompanyId>,
    /// Of this work order.
    pub work_order_id: Option<WorkOrderId>,
    /// For this branch.
    pub branch_id: Option<i64>,
    /// With this action.
    pub action: Option<String>,
    /// Accepted then or later.
    pub from: Option<Timestamp>,
    /// Accepted before.
    pub to: Option<Timestamp>,
}

/// Which deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// In one of these states.
    pub state: Option<States>,
    /// To this endpoint.
    pub endpoint_id: Option<EndpointId>,
    /// Whose last attempt failed with this class.
    pub error: Option<String>,
    /// What their notifications must be.
    pub notification: NotificationFilter,
}

/// Which log records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Of this company.
    pub company_id: Option<CompanyId>,
    /// Of this endpoint.
    pub endpoint_id: Option<EndpointId>,
    /// Of this delivery.
    pub delivery_id: Option<DeliveryId>,
    /// Of this work order.
    pub work_order_id: Option<WorkOrderId>,
    /// Of work orders with this number, as far as Workbell holds them.
    pub work_order_number: Option<String>,
    /// Of this notification.
    pub message_id: Option<MessageId>,
    /// For this branch.
    pub branch_id: Option<i64>,
    /// With this action.
    pub action: Option<String>,
    /// `Outbound` or `Inbound`.
    pub direction: Option<workbell_model::log::Direction>,
    /// With this status.
    pub status: Option<u16>,
    /// With this class of failure.
    pub error: Option<String>,
    /// Begun then or later.
    pub from: Option<Timestamp>,
    /// Begun before.
    pub to: Option<Timestamp>,
}

/// Which part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// The cursor that the page before gave as `next`.
    pub after: Option<String>,
    /// Rows at most; 1 to 500.
    pub limit: usize,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Newest first.
    pub items: Vec<T>,
    /// Where it goes on; `None` at the end. A page can be short, or empty, and still go on.
    pub next: Option<String>,
}
