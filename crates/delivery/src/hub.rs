//! Which endpoints are awake: one task for each, and a timer entry for those that wait.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use workbell_model::{DeliveryNo, EndpointKey, Sequence, State, WorkOrderId};
use workbell_store::Subscriber;
use workbell_store::record::EndpointChange;
use workbell_store::store::Fresh;
use workbell_wire::Timestamp;

use crate::endpoint;
use crate::engine::Shared;
use crate::inbox::{Closed, Completed, Inbox};

/// Longest time between two looks at the clock (not at the store).
///
/// 1 min: a clock that was set is noticed within it.
const LOOK: Duration = Duration::from_secs(60);

pub(crate) struct Hub {
    shared: Arc<Shared>,
    runtime: Handle,
    endpoints: Mutex<Endpoints>,
    in_flight: Mutex<HashSet<DeliveryNo>>,
    timer_changed: Notify,
    /// A job was made or cancelled.
    pub(crate) jobs_changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Endpoints {
    awake: HashMap<EndpointKey, Arc<Inbox>>,
    /// Those that wait, by the time at which they have something due.
    timers: BTreeSet<(Timestamp, EndpointKey)>,
    due: HashMap<EndpointKey, Timestamp>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

impl Hub {
    pub(crate) async fn start(shared: Arc<Shared>) -> Result<Arc<Self>, workbell_store::Error> {
        let hub = Arc::new(Hub {
            shared,
            runtime: Handle::current(),
            endpoints: Mutex::default(),
            in_flight: Mutex::default(),
            timer_changed: Notify::new(),
            jobs_changed: watch::Sender::new(0),
        });
        hub.shared.store.subscribe(Arc::new(HubSubscriber(hub.clone())));
        hub.set_timers().await?;
        let timer = hub.clone();
        hub.shared.tasks.spawn(async move { timer.run_timer().await });
        Ok(hub)
    }

    /// Learns from the store which endpoints wait, and until when.
    async fn set_timers(&self) -> Result<(), workbell_store::Error> {
        for (endpoint, due) in self.shared.store.due_times(self.shared.clock.now()).await? {
            let mut endpoints = self.lock();
            // What is awake already reads all for itself.
            if !endpoints.awake.contains_key(&endpoint) {
                endpoints.set_timer(&endpoint, due);
            }
        }
        Ok(())
    }

    /// The clock was set back so far that due times which it wrote before mean nothing: all are looked at again.
    async fn start_anew(&self) {
        if let Err(error) = self.set_timers().await {
            tracing::warn!(%error, "the store could not be read after the clock was set back; due times of before hold");
        }
        for inbox in self.lock().awake.values() {
            inbox.push_all_changed();
        }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Ends an endpoint's task: true when its inbox is empty and the timer has taken over; false when it must go on.
    pub(crate) fn go_to_sleep(&self, endpoint: &EndpointKey, inbox: &Inbox, due: Option<Timestamp>) -> bool {
        let mut endpoints = self.lock();
        if !inbox.close() {
            return false;
        }
        endpoints.awake.remove(endpoint);
        if let Some(due) = due {
            endpoints.set_timer(endpoint, due);
            self.timer_changed.notify_one();
        }
        true
    }

    pub(crate) fn began(&self, no: DeliveryNo) {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).insert(no);
    }

    pub(crate) fn ended(&self, no: DeliveryNo) {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&no);
    }

    pub(crate) fn in_flight(&self, no: DeliveryNo) -> bool {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).contains(&no)
    }

    pub(crate) fn attempts_in_flight(&self) -> usize {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn lock(&self) -> MutexGuard<'_, Endpoints> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells an endpoint's task, a new one if the one before has just gone to sleep.
    fn tell(self: &Arc<Self>, endpoint: &EndpointKey, event: impl Fn(&Inbox) -> Result<(), Closed>) {
        while let Err(Closed) = event(&self.inbox(endpoint)) {}
    }

    /// The inbox of an endpoint's task; starts the task when there is none.
    fn inbox(self: &Arc<Self>, endpoint: &EndpointKey) -> Arc<Inbox> {
        let mut endpoints = self.lock();
        if let Some(inbox) = endpoints.awake.get(endpoint) {
            return inbox.clone();
        }
        let inbox = Arc::new(Inbox::new());
        endpoints.clear_timer(endpoint);
        endpoints.awake.insert(endpoint.clone(), inbox.clone());
        let task = endpoint::Task::new(self.clone(), endpoint.clone(), inbox.clone());
        self.shared.tasks.spawn_on(task.run(), &self.runtime);
        inbox
    }

    /// Wakes endpoints whose time has come.
    async fn run_timer(self: Arc<Self>) {
        let mut latest = self.shared.clock.now();
        loop {
            let next = self.lock().timers.first().map(|(due, _)| *due);
            let wait = async {
                match next {
                    Some(due) => tokio::time::sleep_until(self.shared.clock.instant_of(due)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wait => {}
                () = self.timer_changed.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
                () = self.shared.stopping.cancelled() => return,
            }
            let now = self.shared.clock.now();
            if std::mem::replace(&mut latest, now) > now {
                self.start_anew().await;
            }
            let due = self.lock().take_due(now);
            for endpoint in due {
                self.inbox(&endpoint);
            }
        }
    }
}

impl Endpoints {
    fn set_timer(&mut self, endpoint: &EndpointKey, due: Timestamp) {
        self.clear_timer(endpoint);
        self.timers.insert((due, endpoint.clone()));
        self.due.insert(endpoint.clone(), due);
    }

    fn take_due(&mut self, now: Timestamp) -> Vec<EndpointKey> {
        let due = self.timers.iter().take_while(|(due, _)| *due <= now);
        let due: Vec<EndpointKey> = due.map(|(_, endpoint)| endpoint.clone()).collect();
        for endpoint in &due {
            self.clear_timer(endpoint);
        }
        due
    }

    fn clear_timer(&mut self, endpoint: &EndpointKey) {
        if let Some(due) = self.due.remove(endpoint) {
            self.timers.remove(&(due, endpoint.clone()));
        }
    }
}

/// The store's writer calls these on its own thread.
impl Subscriber for HubSubscriber {
    fn accepted(&self, fresh: Vec<Fresh>) {
        let mut last: Option<(EndpointKey, Arc<Inbox>)> = None;
        for fresh in fresh {
            let mut refused = Some(fresh);
            while let Some(fresh) = refused.take() {
                let known = last.take_if(|(endpoint, _)| *endpoint == fresh.delivery.endpoint);
                let (endpoint, inbox) = known.unwrap_or_else(|| {
                    (fresh.delivery.endpoint.clone(), self.0.inbox(&fresh.delivery.endpoint))
                });
                refused = inbox.push_fresh(fresh);
                if refused.is_none() {
                    last = Some((endpoint, inbox));
                }
            }
        }
    }

    fn completed(
        &self,
        endpoint: &EndpointKey,
        work_order_id: WorkOrderId,
        sequence: Sequence,
        state: State,
        due: Option<Timestamp>,
    ) {
        let completed = Completed { work_order_id, sequence, state, due };
        self.0.tell(endpoint, |inbox| inbox.push_completed(completed));
    }

    fn reopened(&self, endpoint: &EndpointKey) {
        self.0.tell(endpoint, Inbox::push_reopened);
    }

    fn lane_changed(&self, endpoint: &EndpointKey, work_order_id: WorkOrderId) {
        self.0.tell(endpoint, |inbox| inbox.push_changed_lane(work_order_id));
    }

    fn endpoint_changed(&self, endpoint: &EndpointKey, _change: EndpointChange) {
        self.0.tell(endpoint, Inbox::push_endpoint_changed);
    }

    fn jobs_changed(&self) {
        self.0.jobs_changed.send_modify(|count| *count += 1);
    }

    fn condition_changed(&self, _writable: bool) {
        for inbox in self.0.lock().awake.values() {
            inbox.wake();
        }
    }
}

/// What the store holds of the hub.
#[derive(Debug)]
pub(crate) struct HubSubscriber(pub(crate) Arc<Hub>);
