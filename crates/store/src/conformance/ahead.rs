//! Which delivery one waits behind.

use std::time::Duration;

use workbell_model::{DeliveryId, Failure};

use super::bench::{Bench, End, MINUTE, ORDER};

const HOUR: Duration = Duration::from_secs(3600);
const REFUSED: End = End::Failed(400, Failure::Refused, Duration::from_secs(12 * 3600));

/// Of each: the place of the one ahead.
async fn places(bench: &Bench, deliveries: &[DeliveryId]) -> Vec<Option<u64>> {
    let numbers = deliveries.iter().map(|id| id.no()).collect();
    let ahead = bench.store().ahead(numbers, bench.now()).await.unwrap();
    for it in ahead.values() {
        let record = bench.store().delivery(it.delivery_id, None).await.unwrap().unwrap();
        assert_eq!(record.sequence, it.sequence);
    }
    deliveries.iter().map(|id| ahead.get(&id.no()).map(|it| it.sequence)).collect()
}

pub(crate) async fn what_stands_behind_a_head_waits_for_it(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut all = Vec::new();
    for order in [ORDER, ORDER, ORDER, 7] {
        all.push(bench.publish(order).await.deliveries[0]);
    }
    assert_eq!(places(&bench, &all).await, [None, Some(1), Some(1), None]);
    bench.attempt(&endpoint, ORDER, End::Failure(MINUTE)).await;
    assert_eq!(places(&bench, &all).await, [None, Some(1), Some(1), None]);
    bench.pass(MINUTE);
    bench.attempt(&endpoint, ORDER, End::Success).await;
    assert_eq!(places(&bench, &all).await, [None, None, Some(2), None]);
    assert_eq!(places(&bench, &[]).await, []);
}

pub(crate) async fn nobody_waits_behind_a_head_whose_hold_is_over(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(bench.publish(ORDER).await.deliveries[0]);
    }
    bench.attempt(&endpoint, ORDER, REFUSED).await;
    assert_eq!(places(&bench, &all).await, [None, Some(1), Some(1)]);
    bench.pass(HOUR);
    assert_eq!(places(&bench, &all).await, [None, None, Some(2)]);
}
