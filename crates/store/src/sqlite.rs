//! The embedded engine: SQLite in WAL mode with one writer.
//!
//! All writes go through one thread (`writer`), which takes what is waiting from a bounded channel, runs it in one
//! transaction, commits once and answers each: a group commit. Reads use a small pool of their own connections
//! (`readers`). A third kind of connection checkpoints (`checkpoint`), so that commits stay short.
//!
//! Source for the numbers: measured, see `docs/src/speed.md`.

mod accept;
mod alerts;
mod audit;
mod backlog;
mod backup;
mod by_hand;
mod change;
mod checkpoint;
mod code;
mod command;
mod compact;
mod complete;
mod configuration;
mod discard;
mod expire;
mod feed;
mod health;
mod inspect;
mod jobs;
mod labels;
mod lane;
mod lists;
mod log_record;
mod log_tail;
mod open;
mod people;
mod quick;
mod read;
mod readers;
mod refused;
mod shrink;
pub mod stretch;
mod sweep;
#[cfg(test)]
mod tests;
mod traffic;
pub mod transfer;
mod trouble;
mod wal_file;
mod work_orders;
mod write;
mod writer;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use workbell_model::{
    CompanyId, Customer, Defaults, DeliveryId, DeliveryNo, EndpointKey, Person, Sequence, WorkOrder,
    WorkOrderId,
};
use workbell_wire::{MessageId, Timestamp};

pub use backup::{Backup, backup};
pub use compact::{Compacted, compact};
pub use inspect::{Depth, Inspection, holder, inspect};
pub use open::{Options, Synchronous};

use crate::audit::{AuditFilter, AuditRecord, Author};
use crate::counters::Counters;
use crate::directory::Directory;
use crate::error::Error;
use crate::feed::{FeedBells, FeedCursor, FeedPage};
use crate::filter::{DeliveryFilter, LogFilter, NotificationFilter, Page, Paging};
use crate::record::{
    Acceptance, AcceptanceResult, Ahead, ByHand, Change, Completion, DeliveryRecord, DueLanes, Emulation,
    Front, Inbound, LogRecord, NotificationRecord, Probe, SignedIn, StoredKey, Swept,
};
use crate::store::{Store, Subscriber};
use crate::traffic::{Backlog, Queue, Span, Tally, Traffic};
use crate::work_order::{ActResult, Acting, Creation, Entry, WorkOrderFilter};
use command::{Command, Mending};
use lane::View;
use readers::Readers;
use writer::Writer;

/// A store in one file of the data dir.
#[derive(Debug)]
pub struct SqliteStore {
    directory: Arc<Directory>,
    defaults: Defaults,
    counters: Arc<Counters>,
    feed_bells: Arc<FeedBells>,
    subscriber: Arc<OnceLock<Arc<dyn Subscriber>>>,
    writer: Writer,
    readers: Readers,
    /// Highest id of a work order that was made here or could have been.
    highest_order: Arc<AtomicI64>,
    /// Held as long as this store lives; the system lets go of it when the process ends, however it ends.
    _lock: std::fs::File,
}

impl SqliteStore {
    /// Opens the store in a data dir, or makes one.
    ///
    /// # Errors
    /// [`Error::InUse`] when another process has it, [`Error::Open`] when the file cannot be used,
    /// [`Error::TooNew`].
    pub fn open(options: Options) -> Result<Self, Error> {
        open::open(options)
    }

    /// `None` when there is no such endpoint.
    fn view(&self, endpoint: &EndpointKey) -> Option<View> {
        self.directory.endpoint(endpoint)?;
        let health = self.directory.health(endpoint);
        Some(View::new(&self.directory, &self.defaults, endpoint, health))
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(tokio::sync::oneshot::Sender<Result<T, Error>>) -> Command,
    ) -> Result<T, Error> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.writer.send(command(reply)).await?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn directory(&self) -> &Directory {
        &self.directory
    }

    fn subscribe(&self, subscriber: Arc<dyn Subscriber>) {
        let taken = self.subscriber.set(subscriber).is_err();
        assert!(!taken, "a store has one subscriber");
    }

    fn trouble(&self) -> Option<String> {
        self.writer.trouble()
    }

    async fn accept(&self, acceptances: Vec<Acceptance>) -> Result<Vec<AcceptanceResult>, Error> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.writer.try_send(Command::Accept(acceptances, reply))?;
        answer.await.map_err(|_| Error::Closed)?
    }

    fn make_work_order_id(&self) -> WorkOrderId {
        self.highest_order.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }

    async fn create_work_order(&self, creation: Creation) -> Result<ActResult, Error> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.writer.try_send(Command::CreateWorkOrder(Box::new(creation), reply))?;
        answer.await.map_err(|_| Error::Closed)?
    }

    async fn act(&self, acting: Acting) -> Result<ActResult, Error> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.writer.try_send(Command::Act(Box::new(acting), reply))?;
        answer.await.map_err(|_| Error::Closed)?
    }

    async fn work_order(
        &self,
        id: WorkOrderId,
        company: Option<&CompanyId>,
    ) -> Result<Option<WorkOrder>, Error> {
        let found = self.readers.run(move |connection| lists::work_order(connection, id)).await?;
        let is_there = |order: &WorkOrder| {
            company.is_none_or(|company| *company == order.company_id)
                && self.directory.company(&order.company_id).is_some()
        };
        Ok(found.filter(is_there))
    }

    async fn work_orders(&self, filter: WorkOrderFilter, paging: Paging) -> Result<Page<WorkOrder>, Error> {
        let directory = self.directory.clone();
        self.readers
            .run(move |connection| {
                let mut page = lists::work_orders(connection, &filter, &paging)?;
                page.items.retain(|order| directory.company(&order.company_id).is_some());
                Ok(page)
            })
            .await
    }

    async fn time_line(
        &self,
        company: &CompanyId,
        id: WorkOrderId,
        action: Option<&'static str>,
    ) -> Result<Vec<Entry>, Error> {
        let company = company.clone();
        self.readers.run(move |connection| lists::time_line(connection, &company, id, action)).await
    }

    async fn customer(&self, id: i64) -> Result<Option<Customer>, Error> {
        self.readers.run(move |connection| lists::customer(connection, id)).await
    }

    async fn customers(&self, paging: Paging) -> Result<Page<Customer>, Error> {
        self.readers.run(move |connection| lists::customers(connection, &paging)).await
    }

    fn log_inbound(&self, inbound: Inbound) {
        let call = inbound.call;
        if let Err(error) = self.writer.try_send(Command::LogInbound(Box::new(inbound))) {
            tracing::warn!(call, %error, "a request of the Direct API is missing in the log");
        }
    }

    async fn complete(&self, completion: Completion) -> Result<(), Error> {
        self.writer.send(Command::Complete(Box::new(completion))).await
    }

    async fn settle(&self, no: DeliveryNo, now: Timestamp) -> Result<(), Error> {
        self.ask(|reply| Command::Settle(no, now, reply)).await
    }

    async fn due_lanes(
        &self,
        endpoint: &EndpointKey,
        now: Timestamp,
        lanes: usize,
        behind: usize,
        known: Vec<WorkOrderId>,
    ) -> Result<DueLanes, Error> {
        let Some(view) = self.view(endpoint) else { return Ok(DueLanes::default()) };
        let key = endpoint.clone();
        let (due, stale) = self
            .readers
            .run(move |connection| read::due_lanes(connection, &key, view, now, (lanes, behind), &known))
            .await?;
        if !stale.is_empty() {
            // Whoever asks again must not find them so again.
            let stale = Mending::Lanes(endpoint.clone(), stale);
            self.ask(|reply| Command::Mend(stale, now, reply)).await?;
        }
        Ok(due)
    }

    async fn front(
        &self,
        endpoint: &EndpointKey,
        work_order_id: WorkOrderId,
        now: Timestamp,
        limit: usize,
    ) -> Result<Front, Error> {
        let Some(view) = self.view(endpoint) else { return Ok(Front::default()) };
        let lane = (endpoint.clone(), work_order_id);
        self.readers.run(move |connection| read::front(connection, &lane, &view, now, limit)).await
    }

    async fn probe(&self, endpoint: &EndpointKey, busy: &[WorkOrderId]) -> Result<Option<Probe>, Error> {
        let Some(view) = self.view(endpoint) else { return Ok(None) };
        let (key, busy) = (endpoint.clone(), busy.to_vec());
        self.readers.run(move |connection| read::probe(connection, &key, &view, &busy)).await
    }

    async fn lane(
        &self,
        endpoint: &EndpointKey,
        work_order_id: WorkOrderId,
        after: Sequence,
        limit: usize,
    ) -> Result<Vec<workbell_model::Undelivered>, Error> {
        let Some(view) = self.view(endpoint) else { return Ok(Vec::new()) };
        let lane = (endpoint.clone(), work_order_id);
        self.readers.run(move |connection| read::lane(connection, &lane, &view.health, after, limit)).await
    }

    async fn due_times(&self, now: Timestamp) -> Result<Vec<(EndpointKey, Timestamp)>, Error> {
        if !health::wrong(&self.directory, self.defaults.probe_interval, now).is_empty()
            && let Err(error) = self.ask(|reply| Command::Mend(Mending::Healths, now, reply)).await
        {
            tracing::warn!(%error, "waits of endpoints that a wrong clock has written could not be ended; they hold");
        }
        let views = self.directory.endpoints().into_iter().filter_map(|endpoint| {
            let view = self.view(&endpoint)?;
            Some((endpoint, view))
        });
        let endpoints = views.collect();
        self.readers.run(move |connection| read::due_times(connection, endpoints, now)).await
    }

    async fn waiting(&self, endpoint: &EndpointKey) -> Result<u64, Error> {
        let key = endpoint.clone();
        self.readers.run(move |connection| read::waiting(connection, &key)).await
    }

    async fn feed(
        &self,
        endpoint: &EndpointKey,
        after: Option<FeedCursor>,
        limit: usize,
    ) -> Result<FeedPage, Error> {
        let key = endpoint.clone();
        self.readers.run(move |connection| feed::feed(connection, &key, after, limit)).await
    }

    fn feed_bells(&self) -> &FeedBells {
        &self.feed_bells
    }

    fn counters(&self) -> &Counters {
        &self.counters
    }

    async fn queues(&self) -> Result<Vec<(EndpointKey, Queue)>, Error> {
        self.readers.run(traffic::queues).await
    }

    async fn backlog(&self, endpoint: &EndpointKey) -> Result<Backlog, Error> {
        let key = endpoint.clone();
        let Queue { waiting, oldest } =
            self.readers.run(move |connection| traffic::queue(connection, &key)).await?;
        let consecutive_failures = self.directory.health(endpoint).consecutive_failures();
        Ok(Backlog { waiting, oldest, consecutive_failures })
    }

    async fn traffic(&self, endpoint: &EndpointKey, span: Span) -> Result<Vec<Traffic>, Error> {
        let key = endpoint.clone();
        self.readers.run(move |connection| traffic::traffic(connection, &key, span)).await
    }

    async fn backlog_over(&self, endpoint: &EndpointKey, span: Span) -> Result<Vec<u64>, Error> {
        let key = endpoint.clone();
        self.readers.run(move |connection| backlog::over(connection, &key, span)).await
    }

    async fn tally(&self, company: &CompanyId) -> Result<Tally, Error> {
        let company = company.clone();
        self.readers.run(move |connection| backlog::tally(connection, &company)).await
    }

    async fn retry(&self, by_hand: ByHand) -> Result<DeliveryRecord, Error> {
        let id = by_hand.id;
        self.ask(|reply| Command::Retry(by_hand, reply)).await?;
        self.delivery(id, None).await?.ok_or_else(|| Error::NotFound(format!("delivery {id}")))
    }

    async fn discard(&self, by_hand: ByHand) -> Result<DeliveryRecord, Error> {
        let id = by_hand.id;
        self.ask(|reply| Command::Discard(by_hand, reply)).await?;
        self.delivery(id, None).await?.ok_or_else(|| Error::NotFound(format!("delivery {id}")))
    }

    async fn change_by(&self, author: Author, change: Change) -> Result<(), Error> {
        self.ask(|reply| Command::Change(Box::new((change, author)), reply)).await
    }

    async fn audit(&self, filter: AuditFilter, paging: Paging) -> Result<Page<AuditRecord>, Error> {
        self.readers.run(move |connection| audit::list(connection, &filter, &paging)).await
    }

    async fn people(&self, company: &CompanyId) -> Result<Vec<Person>, Error> {
        let company = company.clone();
        self.readers.run(move |connection| people::of_company(connection, &company)).await
    }

    async fn people_named(&self, email: &str) -> Result<Vec<Person>, Error> {
        let email = email.to_owned();
        self.readers.run(move |connection| people::named(connection, &email)).await
    }

    async fn person_of_link(&self, link: [u8; 32], now: Timestamp) -> Result<Option<Person>, Error> {
        self.readers.run(move |connection| people::of_link(connection, &link, now)).await
    }

    async fn session(&self, token: [u8; 32], now: Timestamp) -> Result<Option<SignedIn>, Error> {
        self.readers.run(move |connection| people::session(connection, &token, now)).await
    }

    async fn notification(
        &self,
        company: &CompanyId,
        message_id: MessageId,
    ) -> Result<Option<NotificationRecord>, Error> {
        let company = company.clone();
        let directory = self.directory.clone();
        self.readers
            .run(move |connection| lists::notification(connection, &directory, &company, message_id))
            .await
    }

    async fn notifications(
        &self,
        filter: NotificationFilter,
        paging: Paging,
    ) -> Result<Page<NotificationRecord>, Error> {
        let directory = self.directory.clone();
        self.readers
            .run(move |connection| lists::notifications(connection, &directory, &filter, &paging))
            .await
    }

    async fn delivery(
        &self,
        id: DeliveryId,
        company: Option<&CompanyId>,
    ) -> Result<Option<DeliveryRecord>, Error> {
        let company = company.cloned();
        let directory = self.directory.clone();
        self.readers
            .run(move |connection| lists::delivery(connection, &directory, id, company.as_ref()))
            .await
    }

    async fn deliveries(
        &self,
        filter: DeliveryFilter,
        paging: Paging,
    ) -> Result<Page<DeliveryRecord>, Error> {
        let directory = self.directory.clone();
        self.readers.run(move |connection| lists::deliveries(connection, &directory, &filter, &paging)).await
    }

    async fn ahead(
        &self,
        waiting: Vec<DeliveryNo>,
        now: Timestamp,
    ) -> Result<BTreeMap<DeliveryNo, Ahead>, Error> {
        let (directory, defaults) = (self.directory.clone(), self.defaults.clone());
        self.readers
            .run(move |connection| lists::ahead(connection, &directory, &defaults, &waiting, now))
            .await
    }

    async fn attempts(&self, id: DeliveryId) -> Result<Vec<LogRecord>, Error> {
        self.readers.run(move |connection| lists::attempts(connection, id)).await
    }

    async fn log_emulation(&self, emulation: Emulation) -> Result<u64, Error> {
        self.ask(|reply| Command::LogEmulation(Box::new(emulation), reply)).await
    }

    async fn log(&self, filter: LogFilter, paging: Paging) -> Result<Page<LogRecord>, Error> {
        self.readers.run(move |connection| lists::log(connection, &filter, &paging)).await
    }

    async fn log_record(&self, no: u64) -> Result<Option<LogRecord>, Error> {
        self.readers.run(move |connection| lists::log_record(connection, no)).await
    }

    async fn keys(&self) -> Result<Vec<StoredKey>, Error> {
        self.readers.run(lists::keys).await
    }

    async fn sweep_within(
        &self,
        now: Timestamp,
        notifications: Duration,
        log: Duration,
        most_bytes: Option<u64>,
    ) -> Result<Swept, Error> {
        let cutoffs = sweep::Cutoffs { now, notifications, log, most_bytes, rows: sweep::STEP };
        self.ask(|reply| Command::Sweep(cutoffs, reply)).await
    }

    async fn check_value(&self, fresh: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.ask(|reply| Command::CheckValue(fresh, reply)).await
    }

    async fn close(&self) {
        let (reply, answer) = tokio::sync::oneshot::channel();
        if self.writer.send(Command::Close(reply)).await.is_ok() {
            // An error says that the writer has ended already, which is what was asked for.
            let _ended = answer.await;
        }
        self.readers.close();
        // Whoever still holds this store can do nothing with it; the next one may open the data dir.
        let _unlocked = self._lock.unlock();
    }
}
