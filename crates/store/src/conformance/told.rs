//! A subscriber that writes down what it is told.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use workbell_model::{EndpointKey, Sequence, State, WorkOrderId};
use workbell_wire::Timestamp;

use crate::record::EndpointChange;
use crate::store::{Fresh, Subscriber};

/// How long a test waits for what must come. 30 s: only a broken store needs it.
const DEADLINE: Duration = Duration::from_secs(30);

/// What must come to its end soon.
pub(crate) async fn within_deadline<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("what was waited for came")
}

/// One thing that was told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Accepted(Vec<Fresh>),
    Completed {
        endpoint: EndpointKey,
        work_order_id: WorkOrderId,
        sequence: Sequence,
        state: State,
        due: Option<Timestamp>,
    },
    Reopened(EndpointKey),
    LaneChanged(EndpointKey, WorkOrderId),
    EndpointChanged(EndpointKey, EndpointChange),
    ConditionChanged(bool),
}

/// All that was told, in order.
#[derive(Debug, Default)]
pub(crate) struct Ear {
    heard: Mutex<Vec<Told>>,
    news: Notify,
}

impl Ear {
    /// What was told so far.
    pub(crate) fn heard(&self) -> Vec<Told> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How much was told so far.
    pub(crate) fn count(&self) -> usize {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The first thing told at or after `from` that `choose` takes.
    pub(crate) async fn wait<T>(&self, from: usize, choose: impl Fn(&Told) -> Option<T>) -> T {
        self.wait_with_place(from, choose).await.1
    }

    /// The same, with its place among all that was told.
    pub(crate) async fn wait_with_place<T>(
        &self,
        from: usize,
        choose: impl Fn(&Told) -> Option<T>,
    ) -> (usize, T) {
        let search = async {
            loop {
                let mut news = std::pin::pin!(self.news.notified());
                news.as_mut().enable();
                if let Some(found) = self.find(from, &choose) {
                    return found;
                }
                news.await;
            }
        };
        within_deadline(search).await
    }

    fn find<T>(&self, from: usize, choose: impl Fn(&Told) -> Option<T>) -> Option<(usize, T)> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = heard.iter().enumerate().skip(from);
        rest.into_iter().find_map(|(place, told)| Some((place, choose(told)?)))
    }

    fn hear(&self, told: Told) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(told);
        self.news.notify_waiters();
    }
}

impl Subscriber for Ear {
    fn accepted(&self, fresh: Vec<Fresh>) {
        self.hear(Told::Accepted(fresh));
    }

    fn completed(
        &self,
        endpoint: &EndpointKey,
        work_order_id: WorkOrderId,
        sequence: Sequence,
        state: State,
        due: Option<Timestamp>,
    ) {
        self.hear(Told::Completed { endpoint: endpoint.clone(), work_order_id, sequence, state, due });
    }

    fn reopened(&self, endpoint: &EndpointKey) {
        self.hear(Told::Reopened(endpoint.clone()));
    }

    fn lane_changed(&self, endpoint: &EndpointKey, work_order_id: WorkOrderId) {
        self.hear(Told::LaneChanged(endpoint.clone(), work_order_id));
    }

    fn endpoint_changed(&self, endpoint: &EndpointKey, change: EndpointChange) {
        self.hear(Told::EndpointChanged(endpoint.clone(), change));
    }

    fn condition_changed(&self, writable: bool) {
        self.hear(Told::ConditionChanged(writable));
    }
}
