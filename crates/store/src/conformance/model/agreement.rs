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
        let heads: BTreeMap<_, _> = ORDERS
            .into_iter()
            .filter_map(|order| Some((order, self.due(self.lane(target, order).first()?))))
            .collect();
        let now = bench.now();
        let due = bench.due(&self.targets[target].key).await;
        assert!(!due.more);
        let mut found: Vec<_> = due.lanes.iter().map(|lane| lane.work_order_id).collect();
        found.sort_unstable();
        let expected: Vec<_> =
            heads.iter().filter(|(_, due)| **due <= now).map(|(order, _)| *order).collect();
        assert_eq!(found, expected, "due lanes");
        let later: Option<Timestamp> = heads.values().copied().filter(|due| *due > now).min();
        assert_eq!(due.next_due, later, "next due time");
    }

    async fn due_times_agree(&self, bench: &Bench) {
        let found: BTreeMap<_, _> = bench.store().due_times().await.unwrap().into_iter().collect();
        for (target, known) in self.targets.iter().enumerate() {
            let waiting = self.deliveries.iter().filter(|it| it.target == target && it.waits());
            let heads = waiting.filter(|it| self.lane(target, it.order)[0].sequence == it.sequence);
            let earliest = heads.map(|it| self.due(it)).min();
            let found = found.get(&known.key);
            assert_eq!(found.is_some(), earliest.is_some(), "whoever waits has a due time");
            // What is due already may be given with a somewhat later time, but none that is still to come.
            let latest = earliest.map(|earliest| earliest.max(bench.now()));
            assert!(found.copied() <= latest, "never later than the truth: {found:?}, {earliest:?}");
        }
    }
}
