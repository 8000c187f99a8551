//! The trait that every engine implements.
//!
//! Writes of one node go through one writer in batches; each method's `# Atomicity` says what is one commit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use workbell_model::{
    CompanyId, Customer, DeliveryId, DeliveryNo, EndpointKey, Person, Sequence, State, Undelivered,
    WorkOrder, WorkOrderId,
};
use workbell_wire::{MessageId, Timestamp};

use crate::audit::{AuditFilter, AuditRecord, Author};
use crate::counters::Counters;
use crate::directory::Directory;
use crate::error::Error;
use crate::feed::{FeedBells, FeedCursor, FeedPage};
use crate::filter::{DeliveryFilter, LogFilter, NotificationFilter, Page, Paging};
use crate::record::{
    Acceptance, AcceptanceResult, Ahead, ByHand, Change, Completion, DeliveryRecord, DueLanes, Emulation,
    EndpointChange, Front, Inbound, LogRecord, NotificationRecord, Probe, SignedIn, StoredKey, Swept,
};
use crate::traffic::{Backlog, Queue, Span, Tally, Traffic};
use crate::work_order::{ActResult, Acting, Creation, Entry, WorkOrderFilter};

/// Told by the writer, on its own thread and in the order of commits. Must return at once and never wait.
pub trait Subscriber: Send + Sync + std::fmt::Debug {
    /// Deliveries were created by a commit, in the order of acceptance.
    fn accepted(&self, fresh: Vec<Fresh>);

    /// An attempt's outcome is on disk. `state` is what the delivery became, which is not always what the
    /// completion asked for: what somebody wished by hand meanwhile is applied in the same commit. `due` is when a head
    /// of its lane may be tried next; `None` when nothing waits there any more.
    fn completed(
        &self,
        endpoint: &EndpointKey,
        work_order_id: WorkOrderId,
        sequence: Sequence,
        state: State,
        due: Option<Timestamp>,
    );

    /// A success reopened an endpoint that was down: what waits is due at once.
    fn reopened(&self, endpoint: &EndpointKey);

    /// Something changed by hand in a lane: what is known of it is to be read again.
    fn lane_changed(&self, endpoint: &EndpointKey, work_order_id: WorkOrderId);

    /// An endpoint was created, changed, paused, resumed or deleted (then it is gone from the directory).
    fn endpoint_changed(&self, endpoint: &EndpointKey, change: EndpointChange);

    /// A job was made or cancelled.
    fn jobs_changed(&self) {}

    /// The store takes writes again, or no longer.
    fn condition_changed(&self, writable: bool);
}

/// A delivery that was just created.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The delivery.
    pub delivery: Undelivered,
    /// Whether its lane was empty before: nothing undelivered stands ahead.
    pub first: bool,
}

/// Durable state of one installation.
#[async_trait]
pub trait Store: crate::job::Jobs + crate::alert::Alerts + Send + Sync + 'static {
    /// Companies, branches, clients, endpoints and own actions, as of the last commit.
    fn directory(&self) -> &Directory;

    /// Names who is told of commits; at most one, before the first write.
    fn subscribe(&self, subscriber: Arc<dyn Subscriber>);

    /// Why writes fail at present, or `None`. While it is set no attempt may start and nothing is accepted.
    fn trouble(&self) -> Option<String>;

    /// Accepts notifications: finds the company, applies filters and the echo rule, assigns sequence numbers.
    ///
    /// # Atomicity
    /// The good ones of the call are one commit; each bad one has its own answer and changes nothing.
    ///
    /// # Errors
    /// [`Error::QueueFull`] at once when the writer is behind; [`Error::Unavailable`] and [`Error::DiskFull`] when
    /// nothing could be written, of the whole call.
    async fn accept(&self, acceptances: Vec<Acceptance>) -> Result<Vec<AcceptanceResult>, Error>;

    /// An id for a work order that came without one: higher than all made so far and all that are known.
    fn make_work_order_id(&self) -> WorkOrderId;

    /// Creates a work order.
    ///
    /// # Atomicity
    /// The order, the first entry of its time line, the notification and its deliveries are one commit.
    ///
    /// # Errors
    /// As [`Store::accept`]; what is refused is an answer.
    async fn create_work_order(&self, creation: Creation) -> Result<ActResult, Error>;

    /// Acts on a work order, as [`WorkOrder::act`] says. Of two acts at once the second finds what the first left.
    ///
    /// # Atomicity
    /// The order, the entry of its time line, the notification and its deliveries are one commit.
    ///
    /// # Errors
    /// As [`Store::accept`]; what is refused is an answer.
    async fn act(&self, acting: Acting) -> Result<ActResult, Error>;

    /// One work order. With `company`, only if it is that one's.
    async fn work_order(
        &self,
        id: WorkOrderId,
        company: Option<&CompanyId>,
    ) -> Result<Option<WorkOrder>, Error>;

    /// Work orders, newest first.
    async fn work_orders(&self, filter: WorkOrderFilter, paging: Paging) -> Result<Page<WorkOrder>, Error>;

    /// What was done to a work order of a company, oldest first; with `action` only what notified with it.
    async fn time_line(
        &self,
        company: &CompanyId,
        id: WorkOrderId,
        action: Option<&'static str>,
    ) -> Result<Vec<Entry>, Error>;

    /// One customer.
    async fn customer(&self, id: i64) -> Result<Option<Customer>, Error>;

    /// Customers, highest id first.
    async fn customers(&self, paging: Paging) -> Result<Page<Customer>, Error>;

    /// Writes a request of the Direct API into the log, behind its answer: it returns at once. One that cannot be
    /// written is told in the service's own log.
    fn log_inbound(&self, inbound: Inbound);

    /// Hands over an attempt's outcome; returns when the writer has taken it. That it is on disk says
    /// [`Subscriber::completed`]. The writer keeps it through any trouble and writes it first when that is over.
    ///
    /// # Atomicity
    /// State, lane and log record are one commit.
    ///
    /// # Errors
    /// [`Error::Closed`] when the store is shut down.
    async fn complete(&self, completion: Completion) -> Result<(), Error>;

    /// Applies what was wished by hand for a delivery whose attempt never came to its end (found in
    /// [`Undelivered::wish`] while no attempt is in flight).
    async fn settle(&self, no: DeliveryNo, now: Timestamp) -> Result<(), Error>;

    /// Lanes of an endpoint with a head due at `now`, earliest first, at most `lanes`; of each the due heads and up to
    /// `behind` deliveries after the first. Lanes that are `known` are left out, and cost next to nothing. Does not look
    /// whether the endpoint is open.
    async fn due_lanes(
        &self,
        endpoint: &EndpointKey,
        now: Timestamp,
        lanes: usize,
        behind: usize,
        known: Vec<WorkOrderId>,
    ) -> Result<DueLanes, Error>;

    /// The front of a lane: its due heads and what stands behind them, at most `limit`.
    async fn front(
        &self,
        endpoint: &EndpointKey,
        work_order_id: WorkOrderId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Front, Error>;

    /// What an endpoint that is down is to be probed with: by turns the next head in order of due time, due or not, and
    /// that of the lane that accepted last; or what was retried by hand. Lanes in `busy` are passed by. `None` when it is
    /// not down or nothing waits.
    async fn probe(&self, endpoint: &EndpointKey, busy: &[WorkOrderId]) -> Result<Option<Probe>, Error>;

    /// The undelivered ones of a lane after `after`, lowest sequence first, due or not.
    async fn lane(
        &self,
        endpoint: &EndpointKey,
        work_order_id: WorkOrderId,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<Undelivered>, Error>;

    /// Earliest due time of each endpoint that has undelivered deliveries; that of its next probe while it is down.
    ///
    /// A due time further ahead of `now` than the longest wait was written by a clock that was wrong: it is at once. So
    /// are the ends of throttles and the times of probes that lie further ahead than these can, which are written anew.
    async fn due_times(&self, now: Timestamp) -> Result<Vec<(EndpointKey, Timestamp)>, Error>;

    /// Undelivered deliveries of an endpoint.
    async fn waiting(&self, endpoint: &EndpointKey) -> Result<u64, Error>;

    /// The feed of a pull endpoint after a cursor, or from the oldest item that is kept, in the order of acceptance; at
    /// most `limit` items and about [`LARGEST_PAGE`](crate::feed::LARGEST_PAGE) bytes. Reading moves nothing.
    ///
    /// # Errors
    /// [`Error::CursorExpired`] when the cursor's notification is not kept any more, or never was in this feed.
    async fn feed(
        &self,
        endpoint: &EndpointKey,
        after: Option<FeedCursor>,
        limit: usize,
    ) -> Result<FeedPage, Error>;

    /// Who tells of what is added to feeds.
    fn feed_bells(&self) -> &FeedBells;

    /// What was done since this was opened.
    fn counters(&self) -> &Counters;

    /// What waits at each endpoint at which something does. Walks all that is undelivered: for metrics.
    async fn queues(&self) -> Result<Vec<(EndpointKey, Queue)>, Error>;

    /// What waits at an endpoint, and how its last attempts ended.
    async fn backlog(&self, endpoint: &EndpointKey) -> Result<Backlog, Error>;

    /// What the attempts of an endpoint came to in a span of time, step by step, earliest first; steps without any
    /// are left out. Kept as long as the log.
    async fn traffic(&self, endpoint: &EndpointKey, span: Span) -> Result<Vec<Traffic>, Error>;

    /// The most that waited at an endpoint at the end of a minute, for every step of a span, earliest first. Replays
    /// do not count. Kept as long as the log; before that it is as it was at the earliest that is kept.
    async fn backlog_over(&self, endpoint: &EndpointKey, span: Span) -> Result<Vec<u64>, Error>;

    /// How many deliveries of a company stand in which state; each is counted to a bound.
    async fn tally(&self, company: &CompanyId) -> Result<Tally, Error>;

    /// Retry by hand: due at once, numbers go on, schedule and count start anew, place by sequence. With
    /// `in_flight` it takes effect when that attempt completes.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::StateConflict`] when it is delivered or its endpoint is deleted.
    async fn retry(&self, by_hand: ByHand) -> Result<DeliveryRecord, Error>;

    /// Discard by hand. With `in_flight` it takes effect when that attempt completes; a success wins.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::StateConflict`] when it is delivered or discarded.
    async fn discard(&self, by_hand: ByHand) -> Result<DeliveryRecord, Error>;

    /// A change of the configuration, and its record in the audit.
    ///
    /// # Atomicity
    /// One commit, visible in the directory when this returns.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Exists`], [`Error::BranchTaken`], [`Error::UndeliveredExist`],
    /// [`Error::TooMany`]; [`Error::Locked`] of [`Change::TryPassword`].
    async fn change_by(&self, author: Author, change: Change) -> Result<(), Error>;

    /// A change that the service makes by itself; otherwise as [`Store::change_by`].
    ///
    /// # Errors
    /// As [`Store::change_by`].
    async fn change(&self, change: Change) -> Result<(), Error> {
        let now = Timestamp::from_system(std::time::SystemTime::now());
        self.change_by(Author::service(now), change).await
    }

    /// The audit, newest first. A page can be short and still go on.
    async fn audit(&self, filter: AuditFilter, paging: Paging) -> Result<Page<AuditRecord>, Error>;

    /// The people of a company, oldest first; at most [`record::MOST_PEOPLE`](crate::record::MOST_PEOPLE).
    async fn people(&self, company: &CompanyId) -> Result<Vec<Person>, Error>;

    /// Everybody who signs in with this email (in lower case), one per company at most; the oldest 16.
    async fn people_named(&self, email: &str) -> Result<Vec<Person>, Error>;

    /// Whose one-time link has this hash; `None` when it was used, replaced, or its time is over.
    async fn person_of_link(&self, link: [u8; 32], now: Timestamp) -> Result<Option<Person>, Error>;

    /// Who is signed in with the session of this hash; `None` when there is none, or its time is over.
    async fn session(&self, token: [u8; 32], now: Timestamp) -> Result<Option<SignedIn>, Error>;

    /// One notification with its exact body and deliveries.
    async fn notification(
        &self,
        company: &CompanyId,
        message_id: MessageId,
    ) -> Result<Option<NotificationRecord>, Error>;

    /// Notifications, newest first.
    async fn notifications(
        &self,
        filter: NotificationFilter,
        paging: Paging,
    ) -> Result<Page<NotificationRecord>, Error>;

    /// One delivery. With `company`, only if it is that one's.
    async fn delivery(
        &self,
        id: DeliveryId,
        company: Option<&CompanyId>,
    ) -> Result<Option<DeliveryRecord>, Error>;

    /// Deliveries, newest first.
    async fn deliveries(&self, filter: DeliveryFilter, paging: Paging)
    -> Result<Page<DeliveryRecord>, Error>;

    /// For each of these that waits behind another one of its lane: which. Those that came to their fate meanwhile, and
    /// those behind more than 1,000 heads that hold nobody, are left out.
    async fn ahead(
        &self,
        waiting: Vec<DeliveryNo>,
        now: Timestamp,
    ) -> Result<BTreeMap<DeliveryNo, Ahead>, Error>;

    /// The attempts of a delivery that are kept, oldest first, at most 1,000.
    async fn attempts(&self, id: DeliveryId) -> Result<Vec<LogRecord>, Error>;

    /// Writes the record of an emulated notification, and gives its number once it is on disk.
    async fn log_emulation(&self, emulation: Emulation) -> Result<u64, Error>;

    /// The communication log, newest first.
    async fn log(&self, filter: LogFilter, paging: Paging) -> Result<Page<LogRecord>, Error>;

    /// One log record with the body it carried.
    async fn log_record(&self, no: u64) -> Result<Option<LogRecord>, Error>;

    /// Sealed signing keys, oldest first.
    async fn keys(&self) -> Result<Vec<StoredKey>, Error>;

    /// Removes a bounded step of what retention lets go. Call again while [`Swept::more`]. When more than `most_bytes`
    /// are in use after that, the oldest notifications of which nothing waits and the oldest log records go earlier.
    async fn sweep_within(
        &self,
        now: Timestamp,
        notifications: Duration,
        log: Duration,
        most_bytes: Option<u64>,
    ) -> Result<Swept, Error>;

    /// The same without a bound on the size.
    ///
    /// # Errors
    /// As [`Store::sweep_within`].
    async fn sweep(&self, now: Timestamp, notifications: Duration, log: Duration) -> Result<Swept, Error> {
        self.sweep_within(now, notifications, log, None).await
    }

    /// A sealed check value that tells whether the master key is the one this store was made with: written at the
    /// first call, read at later ones.
    async fn check_value(&self, fresh: Vec<u8>) -> Result<Vec<u8>, Error>;

    /// Writes what is waiting, checkpoints and closes. Later calls fail with [`Error::Closed`].
    async fn close(&self);
}
