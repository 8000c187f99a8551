//! A delivery: one notification on its way to one endpoint.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use workbell_wire::Timestamp;

use crate::endpoint::EndpointKey;
use crate::hold::Failures;
use crate::id::{DeliveryId, DeliveryNo, Sequence, WorkOrderId};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Waits for its first attempt.
    Pending,
    /// Failed at least once and waits for the next attempt.
    Retrying,
    /// Arrived.
    Delivered,
    /// Given up; see [`Reason`].
    Dead,
    /// Taken out by hand or with its endpoint; see [`Reason`].
    Discarded,
}

impl State {
    /// All of them, in the order of a life.
    pub const ALL: [State; 5] =
        [State::Pending, State::Retrying, State::Delivered, State::Dead, State::Discarded];

    /// The name in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            State::Pending => "Pending",
            State::Retrying => "Retrying",
            State::Delivered => "Delivered",
            State::Dead => "Dead",
            State::Discarded => "Discarded",
        }
    }

    /// Whether it still waits for its arrival.
    pub const fn is_undelivered(self) -> bool {
        matches!(self, State::Pending | State::Retrying)
    }
}

/// In which states deliveries are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum States {
    /// `Pending` and `Retrying`.
    Undelivered,
    /// This one only.
    #[serde(untagged)]
    One(State),
}

impl States {
    /// The name in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            States::Undelivered => "Undelivered",
            States::One(state) => state.name(),
        }
    }

    /// The one with this name in the interface; `None` when nothing is called so.
    pub fn named(name: &str) -> Option<Self> {
        let all = State::ALL.into_iter().map(States::One);
        all.chain([States::Undelivered]).find(|states| states.name() == name)
    }

    /// Whether a state is one of them.
    pub const fn takes(self, state: State) -> bool {
        match self {
            States::Undelivered => state.is_undelivered(),
            States::One(one) => one as u8 == state as u8,
        }
    }
}

impl From<State> for States {
    fn from(state: State) -> Self {
        States::One(state)
    }
}

/// Why a delivery is `Dead` or `Discarded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Its counted attempts reached `MaxAttempts`.
    Exhausted,
    /// `delivery.max_age` was over when an attempt failed.
    Expired,
    /// More than `limits.waiting` were undelivered when it was accepted.
    Overflow,
    /// By hand.
    ByHand,
    /// Its endpoint was deleted with `Undelivered=Discard`.
    EndpointDeleted,
    /// Erased.
    Erased,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 6] = [
        Reason::Exhausted,
        Reason::Expired,
        Reason::Overflow,
        Reason::ByHand,
        Reason::EndpointDeleted,
        Reason::Erased,
    ];

    /// The name in the interface.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Exhausted => "Exhausted",
            Reason::Expired => "Expired",
            Reason::Overflow => "Overflow",
            Reason::ByHand => "ByHand",
            Reason::EndpointDeleted => "EndpointDeleted",
            Reason::Erased => "Erased",
        }
    }
}

/// Value of `Workbell-Mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mode {
    /// What happened.
    Live,
    /// The emulator.
    Test,
    /// Sent again by a job.
    Replay,
}

impl Mode {
    /// The header's value.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::Live => "live",
            Mode::Test => "test",
            Mode::Replay => "replay",
        }
    }
}

/// What somebody asked for by hand while an attempt was in flight; it takes effect at its completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wish {
    /// Due at once, schedule and count anew.
    Retry,
    /// Out of the queue.
    Discard,
}

/// A delivery that waits, with all that an attempt needs.
#[derive(Clone, Debug)]
pub struct Undelivered {
    /// Its number in the store.
    pub no: DeliveryNo,
    /// Where to.
    pub endpoint: EndpointKey,
    /// Its lane: the work order's, or for a replay one of its own ([`replay_lane`](crate::replay_lane)).
    pub work_order_id: WorkOrderId,
    /// Place in the lane.
    pub sequence: Sequence,
    /// Value of `Workbell-Sequence`: the place in the lane, and of a replay that of the first delivery, if there was one.
    pub announced: Option<Sequence>,
    /// Whose branch; for the log.
    pub branch_id: i64,
    /// The action's name, also the `Event-Type`.
    pub action: workbell_wire::ActionName,
    /// The receiver's dedupe key.
    pub message_id: workbell_wire::MessageId,
    /// The exact bytes.
    pub body: Bytes,
    /// When the notification was accepted.
    pub accepted: Timestamp,
    /// What the endpoint's age clock showed at acceptance or the last retry by hand: `max_age` counts from here.
    pub since: Timestamp,
    /// Recorded attempts so far; the next one has this number plus one.
    pub attempts: u16,
    /// Counted attempts since `since`.
    pub counted: u16,
    /// When the next attempt may start.
    pub due: Timestamp,
    /// Its own due time, as it was written; the attempt may start earlier when the endpoint was reopened since, or as
    /// a probe.
    pub scheduled: Timestamp,
    /// What it remembers of its failures.
    pub failures: Failures,
    /// Value of `Workbell-Mode`.
    pub mode: Mode,
    /// Asked for by hand during an attempt that never came to its end.
    pub wish: Option<Wish>,
}

impl Undelivered {
    /// The public id.
    pub fn id(&self) -> DeliveryId {
        DeliveryId::new(self.accepted, self.no)
    }
}
