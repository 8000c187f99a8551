//! Where a store and its model could disagree: all of it is compared after each step.

use std::collections::BTreeMap;

use workbell_wire::Timestamp;

use super::life::ORDERS;
use super::{Delivery, Model};
use crate::conformance::bench::Bench;

impl Model {
    pub(super) async fn agrees_with(&self, bench: &Bench) {
        for delivery in &self.deliveries {
            self.delivery_agrees(bench, delivery).await;
        }
        for target in 0..self.targets.len() {
            self.lanes_agree(bench, target).await;
            self.due_lanes_agree(bench, target).await;
        }
        self.due_times_agree(bench).await;
    }

    async fn delivery_agrees(&self, bench: &Bench, delivery: &Delivery) {
        let found = bench.store().delivery(delivery.id, None).await.unwrap();
        assert_eq!(found.is_some(), self.is_kept(delivery), "kept: {delivery:?}");
        let Some(found) = found else { return };
        assert_eq!((found.state, found.reason), (delivery.state, delivery.reason), "{delivery:?}");
        assert_eq!((found.sequence, found.attempts), (delivery.sequence, delivery.attempts), "{delivery:?}");
        assert_eq!(found.finished, delivery.finished, "{delivery:?}");
        let due = delivery.waits().then(|| self.due(delivery));
        assert_eq!(found.next_attempt_at, due, "{delivery:?}");
        let records = bench.store().attempts(delivery.id).await.unwrap().len();
        assert_eq!(records, delivery.records, "one log record for each attempt: {delivery:?}");
    }

    async fn lanes_agree(&self, bench: &Bench, target: usize) {
        let known = &self.targets[target];
        assert_eq!(bench.store().waiting(&known.key).await.unwrap(), self.waiting(target));
        for order in ORDERS {
            let found: Vec<_> = bench
                .lane(&known.key, order)
                .await
                .into_iter()
                .map(|it| (it.id(), it.sequence, it.attempts, it.counted, it.due, it.since, it.wish))
                .collect();
            let expected: Vec<_> = self
                .lane(target, order)
                .into_iter()
                .map(|it| (it.id, it.sequence, it.attempts, it.counted, self.due(it), it.since, it.wish))
                .collect();
            assert_eq!(found, expected, "lane of {order}");
        }
    }

    async fn due_lanes_agree(&self, bench: &Bench, target: usize) {
        let now = bench.now();
        let nexts: BTreeMap<_, _> = ORDERS
            .into_iter()
            .filter(|order| !self.lane(target, *order).is_empty())
            .map(|order| (order, self.next_of(target, order, now)))
            .collect();
        let due = bench.due(&self.targets[target].key).await;
        assert!(!due.more);
        let found: BTreeMap<_, _> =
            due.lanes.iter().map(|lane| (lane.work_order_id, lane.deliveries[0].sequence)).collect();
        let expected: BTreeMap<_, _> =
            nexts.iter().filter_map(|(order, next)| Some((*order, (*next).ok()?))).collect();
        assert_eq!(found, expected, "due lanes and their heads");
        let later: Option<Timestamp> = nexts.values().filter_map(|next| next.err().flatten()).min();
        // It may be looked at too early, but never too late.
        assert_eq!(due.next_due.is_some(), later.is_some(), "next due time");
        assert!(due.next_due <= later, "next due time: {:?}, {later:?}", due.next_due);
        assert!(due.next_due.is_none_or(|next| next > now), "it is not over: {:?}", due.next_due);
    }

    async fn due_times_agree(&self, bench: &Bench) {
        let found: BTreeMap<_, _> = bench.store().due_times(bench.now()).await.unwrap().into_iter().collect();
        for (target, known) in self.targets.iter().enumerate() {
            let (kept, lived) = (bench.health(&known.key), known.health);
            assert_eq!(kept.with_success_of(&lived), lived, "what is known of the endpoint");
            let lanes = ORDERS.into_iter().filter(|order| !self.lane(target, *order).is_empty());
            let earliest = lanes
                .filter_map(|order| match self.next_of(target, order, bench.now()) {
                    Ok(_) => Some(bench.now()),
                    Err(next) => next,
                })
                .min();
            let found = found.get(&known.key);
            assert_eq!(found.is_some(), earliest.is_some(), "whoever waits has a due time");
            match known.health.down {
                Some(down) => assert_eq!(found.copied(), earliest.map(|_| down.next()), "that of its probe"),
                None => {
                    assert!(found.copied() <= earliest, "never later than the truth: {found:?}, {earliest:?}")
                }
            }
        }
    }
}
