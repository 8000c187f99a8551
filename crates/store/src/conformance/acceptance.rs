//! Acceptance: whose it is, who gets it, what is answered.

use workbell_model::{Fate, State};

use super::bench::{Bench, End, ORDER};

pub(crate) async fn a_notification_is_queued_for_the_endpoint_that_wants_it(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let accepted = bench.publish(ORDER).await;
    assert_eq!(accepted.fate, Fate::Queued);
    assert_eq!(accepted.deliveries.len(), 1);
    let due = bench.due(&endpoint).await;
    assert_eq!(due.lanes.len(), 1);
    assert_eq!(due.lanes[0].deliveries[0].id(), accepted.deliveries[0]);
    bench.attempt(&endpoint, ORDER, End::Success).await;
    assert_eq!(bench.state(accepted.deliveries[0]).await, (State::Delivered, None));
    bench.reopen().await;
    bench.publish(ORDER).await;
    bench.crash().await;
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [2]);
}
