//! The nouns behind the contract: company, branch, client, endpoint, delivery, lane, attempt, outcome, schedule.
//!
//! Pure: no I/O, no clock, no randomness of its own. What a rule needs of either is an argument.

pub mod attempt;
pub mod company;
pub mod customer;
pub mod delivery;
pub mod duration;
pub mod endpoint;
pub mod health;
pub mod hold;
pub mod id;
pub mod job;
pub mod latencies;
pub mod log;
pub mod notification;
pub mod person;
pub mod schedule;
pub mod standing_clock;
pub mod work_order;

pub use attempt::{ErrorClass, Failure, Outcome, Transition};
pub use company::{Branch, Client, Company};
pub use customer::Customer;
pub use delivery::{Mode, Reason, State, States, Undelivered, Wish};
pub use endpoint::{
    Authorization, Defaults, Endpoint, EndpointKey, EndpointSettings, On410, SealedText, SignatureForm,
};
pub use health::Health;
pub use hold::Failures;
pub use id::{
    ClientId, CompanyId, DeliveryId, DeliveryNo, EndpointId, JobId, LOWEST_WORK_ORDER, NotificationNo,
    PersonId, Sequence, WorkOrderId, is_replay_lane, replay_lane,
};
pub use latencies::Latencies;
pub use notification::Fate;
pub use person::{Person, Role};
pub use schedule::RetrySchedule;
pub use standing_clock::StandingClock;
pub use work_order::WorkOrder;
