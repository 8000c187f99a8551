//! What claims work with: a store at a place, a clock that only they move, and short words for common steps.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;
use workbell_model::{
    Branch, Client, ClientId, Company, CompanyId, Defaults, DeliveryId, Endpoint, EndpointId, EndpointKey,
    EndpointSettings, Failure, Health, Outcome, Reason, SealedText, Sequence, State, Transition, Undelivered,
    WorkOrderId, log,
};
use workbell_wire::{MessageId, Timestamp};

use super::told::{Ear, Told};
use crate::record::{
    Acceptance, AcceptanceResult, Accepted, Attempt, ByHand, Change, Completion, DeliveryRecord, DueLanes,
    EndpointChange, IfUndelivered, Occasion, Swept,
};
use crate::store::Store;
use crate::{Directory, Error};

/// What an engine can be told when it opens a store.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `limits.waiting`.
    pub(crate) waiting_limit: u64,
    /// What endpoints leave open.
    pub(crate) defaults: Defaults,
}

/// Somewhere a store lives, also while it is closed.
#[async_trait]
pub(crate) trait Place: Send + Sync + 'static {
    /// Opens the store that is there, or a new one.
    async fn open(&self, settings: Settings) -> Result<Arc<dyn Store>, Error>;

    /// What would be found after the process was killed at this moment, as a place of its own.
    async fn as_after_a_crash(&self) -> Box<dyn Place>;
}

/// A store at work.
pub(crate) struct Bench {
    place: Box<dyn Place>,
    settings: Settings,
    store: Option<Arc<dyn Store>>,
    /// What the store told since it was opened.
    pub(crate) ear: Arc<Ear>,
    now: Timestamp,
    next_id: u128,
}

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// 200.
    Success,
    /// 502; due again after this wait, counted.
    Failure(Duration),
    /// The same with another failure: its status and kind.
    Failed(u16, Failure, Duration),
    /// 502; the last one.
    Death(Reason),
}

pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// No lane.
pub(crate) const NO_ORDERS: [WorkOrderId; 0] = [];

/// An empty lane.
pub(crate) const NO_SEQUENCES: [Sequence; 0] = [];

/// The work order of claims that need only one.
pub(crate) const ORDER: WorkOrderId = 42;

/// The branch that [`Bench::endpoint`] makes.
pub(crate) const BRANCH: i64 = 492_042;

impl Bench {
    pub(crate) async fn open(place: impl Place) -> Self {
        let settings = Settings { waiting_limit: 1_000_000, defaults: Defaults::default() };
        let mut bench = Bench {
            place: Box::new(place),
            settings,
            store: None,
            ear: Arc::default(),
            now: Timestamp::from_unix_seconds(1_800_000_000),
            next_id: 1,
        };
        bench.start().await;
        bench
    }

    async fn start(&mut self) {
        let store = self.place.open(self.settings.clone()).await.expect("a store opens");
        self.ear = Arc::default();
        store.subscribe(self.ear.clone());
        self.store = Some(store);
    }

    /// The same place with another `limits.waiting`.
    pub(crate) async fn reopen_with_waiting_limit(&mut self, waiting_limit: u64) {
        self.settings.waiting_limit = waiting_limit;
        self.reopen().await;
    }

    /// The same place with another `limits.waiting` and other defaults.
    pub(crate) async fn reopen_with(&mut self, waiting_limit: u64, defaults: Defaults) {
        self.settings = Settings { waiting_limit, defaults };
        self.reopen().await;
    }

    /// Closes the store and opens it again.
    pub(crate) async fn reopen(&mut self) {
        let store = self.store.take().expect("it is open");
        store.close().await;
        drop(store);
        self.start().await;
    }

    /// Goes on with what a killed process would have left.
    pub(crate) async fn crash(&mut self) {
        let left = self.place.as_after_a_crash().await;
        drop(self.store.take());
        self.place = left;
        self.start().await;
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_deref().expect("it is open")
    }

    pub(crate) fn shared_store(&self) -> Arc<dyn Store> {
        self.store.clone().expect("it is open")
    }

    pub(crate) fn directory(&self) -> &Directory {
        self.store().directory()
    }

    pub(crate) const fn now(&self) -> Timestamp {
        self.now
    }

    /// Somebody sets the clock.
    pub(crate) const fn set(&mut self, now: Timestamp) {
        self.now = now;
    }

    pub(crate) fn pass(&mut self, time: Duration) -> Timestamp {
        self.now = self.now.plus(time);
        self.now
    }

    pub(crate) fn fresh_uuid(&mut self) -> Uuid {
        self.next_id += 1;
        Uuid::from_u128((0x7 << 76) | (0b10 << 62) | self.next_id)
    }

    pub(crate) fn fresh_message_id(&mut self) -> MessageId {
        MessageId::from_bytes(*self.fresh_uuid().as_bytes())
    }

    pub(crate) async fn change(&self, change: Change) -> Result<(), Error> {
        self.store().change(change).await
    }

    pub(crate) async fn company(&self, id: &str) -> CompanyId {
        let company = Company { company_id: company(id), name: format!("{id} Ltd"), created: self.now };
        self.change(Change::CreateCompany(company)).await.expect("a company can be created");
        self::company(id)
    }

    pub(crate) async fn branch(&self, company: &CompanyId, branch_id: i64) {
        let name = format!("branch {branch_id}");
        let branch = Branch { company_id: company.clone(), branch_id, name, created: self.now };
        self.change(Change::CreateBranch(branch)).await.expect("a branch can be created");
    }

    pub(crate) async fn client(&mut self, company: &CompanyId) -> ClientId {
        let client = self.a_client(company);
        let id = client.client_id;
        self.change(Change::CreateClient(client)).await.expect("a client can be created");
        id
    }

    pub(crate) fn a_client(&mut self, company: &CompanyId) -> Client {
        Client {
            company_id: company.clone(),
            client_id: ClientId::from_uuid(self.fresh_uuid()),
            name: "desk".to_owned(),
            secret_hash: [7; 32],
            previous_secret: None,
            tokens_from: self.now,
            created: self.now,
            deleted: None,
        }
    }

    pub(crate) fn an_endpoint(&mut self, company: &CompanyId) -> Endpoint {
        Endpoint {
            key: EndpointKey {
                company_id: company.clone(),
                endpoint_id: EndpointId::from_uuid(self.fresh_uuid()),
            },
            settings: EndpointSettings {
                url: Some("http://127.0.0.1:1/hook".to_owned()),
                ..EndpointSettings::default()
            },
            secret: SealedText(vec![1, 2, 3]),
            previous_secret: None,
            paused: None,
            created: self.now,
            generation: 0,
        }
    }

    pub(crate) async fn endpoint_of(&mut self, company: &CompanyId) -> EndpointKey {
        let endpoint = self.an_endpoint(company);
        self.create(endpoint).await
    }

    pub(crate) async fn create(&self, endpoint: Endpoint) -> EndpointKey {
        let key = endpoint.key.clone();
        self.change(Change::CreateEndpoint(endpoint, 20)).await.expect("an endpoint can be created");
        key
    }

    /// A company `acme` with [`BRANCH`] and one endpoint that wants all.
    pub(crate) async fn endpoint(&mut self) -> EndpointKey {
        let company = self.company("acme").await;
        self.branch(&company, BRANCH).await;
        self.endpoint_of(&company).await
    }

    /// Changes an endpoint's settings.
    pub(crate) async fn update(
        &self,
        key: &EndpointKey,
        change: EndpointChange,
        edit: impl FnOnce(&mut Endpoint),
    ) {
        let mut endpoint = (*self.directory().endpoint(key).expect("the endpoint is there")).clone();
        edit(&mut endpoint);
        self.change(Change::UpdateEndpoint(endpoint, change, self.now)).await.expect("it can be changed");
    }

    pub(crate) async fn delete(&self, key: &EndpointKey, undelivered: IfUndelivered) -> Result<(), Error> {
        self.change(Change::DeleteEndpoint(key.clone(), undelivered, self.now)).await
    }

    /// A notification for a work order of [`BRANCH`].
    pub(crate) fn acceptance(&mut self, work_order_id: WorkOrderId) -> Acceptance {
        let message_id = self.fresh_message_id();
        Acceptance {
            company_id: None,
            branch_id: BRANCH,
            work_order_id,
            action: "Accepted".parse().expect("it is one of the 28"),
            message_id,
            content_hash: [message_id.as_bytes()[15]; 32],
            initiated_by: None,
            body: Bytes::from(format!("{{\"Header\":{{\"MessageId\":\"{message_id}\"}}}}")),
            accepted: self.now,
        }
    }

    pub(crate) async fn accept(&self, acceptance: Acceptance) -> AcceptanceResult {
        let mut results = self.store().accept(vec![acceptance]).await.expect("the store takes writes");
        assert_eq!(results.len(), 1, "one answer for one notification");
        results.remove(0)
    }

    /// Accepts a notification for a work order of [`BRANCH`], a second later.
    pub(crate) async fn publish(&mut self, work_order_id: WorkOrderId) -> Accepted {
        self.pass(Duration::from_secs(1));
        let acceptance = self.acceptance(work_order_id);
        self.accept(acceptance).await.expect("it is accepted")
    }

    pub(crate) async fn publish_many(&mut self, work_order_id: WorkOrderId, count: usize) -> Vec<Accepted> {
        self.pass(Duration::from_secs(1));
        let all = (0..count).map(|_| self.acceptance(work_order_id)).collect();
        let answers = self.store().accept(all).await.expect("the store takes writes");
        answers.into_iter().map(|answer| answer.expect("it is accepted")).collect()
    }

    /// The undelivered ones of a lane.
    pub(crate) async fn lane(&self, endpoint: &EndpointKey, work_order_id: WorkOrderId) -> Vec<Undelivered> {
        self.store().lane(endpoint, work_order_id, 0, 10_000).await.expect("a lane can be read")
    }

    pub(crate) async fn sequences(&self, endpoint: &EndpointKey, order: WorkOrderId) -> Vec<Sequence> {
        self.lane(endpoint, order).await.iter().map(|delivery| delivery.sequence).collect()
    }

    pub(crate) async fn head(&self, endpoint: &EndpointKey, work_order_id: WorkOrderId) -> Undelivered {
        self.lane(endpoint, work_order_id).await.into_iter().next().expect("the lane has a head")
    }

    pub(crate) async fn due(&self, endpoint: &EndpointKey) -> DueLanes {
        self.store().due_lanes(endpoint, self.now, 100, 8, Vec::new()).await.expect("due lanes can be read")
    }

    /// Work orders with a due head.
    pub(crate) async fn due_orders(&self, endpoint: &EndpointKey) -> Vec<WorkOrderId> {
        self.due(endpoint).await.lanes.iter().map(|lane| lane.work_order_id).collect()
    }

    /// An attempt of a second that begins now, and what follows from it.
    pub(crate) fn completion(&self, delivery: &Undelivered, end: End) -> Completion {
        let duration = Duration::from_secs(1);
        let ended = self.now.plus(duration);
        let transition = match end {
            End::Success => Transition::Delivered,
            End::Failure(wait) | End::Failed(_, _, wait) => {
                Transition::Retrying { due: ended.plus(wait), counted: delivery.counted + 1 }
            }
            End::Death(reason) => Transition::Dead(reason),
        };
        let (status, outcome) = match end {
            End::Success => (200, Outcome::Succeeded),
            End::Failed(status, failure, _) => (status, Outcome::Failed(failure)),
            End::Failure(_) | End::Death(_) => (502, Outcome::Failed(Failure::BadGateway)),
        };
        let failed = end != End::Success;
        let detail = log::Detail { url: "http://127.0.0.1:1/hook".to_owned(), ..log::Detail::default() };
        Completion {
            delivery: delivery.clone(),
            outcome,
            transition,
            occasion: Occasion::Due,
            generation: self.directory().endpoint(&delivery.endpoint).map_or(0, |it| it.generation),
            attempt: Attempt {
                number: delivery.attempts + 1,
                start: self.now,
                duration,
                status: Some(status),
                error: failed.then_some("Status"),
                detail: serde_json::to_vec(&detail).expect("it is JSON").into(),
            },
        }
    }

    /// Completes an attempt and waits until it is on disk; what the delivery became, and when its lane is due next (now
    /// when nothing waits there).
    pub(crate) async fn complete(&mut self, delivery: &Undelivered, end: End) -> (State, Timestamp) {
        let completion = self.completion(delivery, end);
        self.pass(Duration::from_secs(1));
        self.write(completion).await
    }

    pub(crate) async fn write(&self, completion: Completion) -> (State, Timestamp) {
        let heard = self.ear.count();
        let delivery = completion.delivery.clone();
        self.store().complete(completion).await.expect("the writer takes it");
        self.ear
            .wait(heard, |told| match told {
                Told::Completed { endpoint, work_order_id, sequence, state, due }
                    if *endpoint == delivery.endpoint
                        && *work_order_id == delivery.work_order_id
                        && *sequence == delivery.sequence =>
                {
                    Some((*state, due.unwrap_or(self.now)))
                }
                _ => None,
            })
            .await
    }

    /// The probe of an endpoint that is down: its lane, and what became of it.
    pub(crate) async fn probe(&mut self, endpoint: &EndpointKey, end: End) -> Option<WorkOrderId> {
        let probe = self.store().probe(endpoint, &[]).await.expect("it can be read")?;
        let mut completion = self.completion(&probe.delivery, end);
        completion.occasion = Occasion::Probe(probe.cursor);
        self.pass(Duration::from_secs(1));
        self.write(completion).await;
        Some(probe.delivery.work_order_id)
    }

    pub(crate) fn health(&self, endpoint: &EndpointKey) -> Health {
        self.directory().health(endpoint)
    }

    /// Attempts the head of a lane.
    pub(crate) async fn attempt(
        &mut self,
        endpoint: &EndpointKey,
        order: WorkOrderId,
        end: End,
    ) -> (State, Timestamp) {
        let head = self.head(endpoint, order).await;
        self.complete(&head, end).await
    }

    pub(crate) fn by_hand(&self, id: DeliveryId) -> ByHand {
        ByHand { id, company_id: None, in_flight: false, now: self.now, by: None }
    }

    pub(crate) async fn retry(&self, id: DeliveryId) -> Result<DeliveryRecord, Error> {
        self.store().retry(self.by_hand(id)).await
    }

    pub(crate) async fn discard(&self, id: DeliveryId) -> Result<DeliveryRecord, Error> {
        self.store().discard(self.by_hand(id)).await
    }

    pub(crate) async fn delivery(&self, id: DeliveryId) -> DeliveryRecord {
        self.store().delivery(id, None).await.expect("it can be read").expect("the delivery is there")
    }

    pub(crate) async fn state(&self, id: DeliveryId) -> (State, Option<Reason>) {
        let delivery = self.delivery(id).await;
        (delivery.state, delivery.reason)
    }

    /// Sweeps until nothing more is to be done.
    pub(crate) async fn sweep(&self, notifications: Duration, log: Duration) -> Swept {
        let mut whole = Swept::default();
        loop {
            let step = self.store().sweep(self.now, notifications, log).await.expect("it can be swept");
            whole.notifications += step.notifications;
            whole.log_records += step.log_records;
            whole.lanes += step.lanes;
            whole.audit_records += step.audit_records;
            whole.next = step.next;
            if !step.more {
                return whole;
            }
        }
    }
}

pub(crate) fn company(id: &str) -> CompanyId {
    id.parse().expect("it is a company id")
}

/// A delivery as an attempt has it in its hands.
pub(crate) fn tried(
    endpoint: &EndpointKey,
    no: workbell_model::DeliveryNo,
    (work_order_id, sequence): (WorkOrderId, Sequence),
    (accepted, since): (Timestamp, Timestamp),
    (attempts, counted): (u16, u16),
) -> Undelivered {
    Undelivered {
        no,
        endpoint: endpoint.clone(),
        work_order_id,
        sequence,
        announced: Some(sequence),
        branch_id: BRANCH,
        action: "Accepted".parse().expect("it is one of the 28"),
        message_id: MessageId::from_bytes([0; 16]),
        body: Bytes::new(),
        accepted,
        since,
        attempts,
        counted,
        due: accepted,
        scheduled: accepted,
        failures: workbell_model::Failures::default(),
        mode: workbell_model::Mode::Live,
        wish: None,
    }
}
