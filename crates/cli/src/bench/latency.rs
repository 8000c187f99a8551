//! From the call of publish to the arrival at the receiver, at a steady pace.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;

use super::body;
use super::load::Connection;
use super::receiver::Receiver;
use super::service::Service;

/// Notifications a second.
const PER_SECOND: u32 = 200;

/// The delays of all that was published in this time, shortest first. `place` gives work order and branch of the nth;
/// `between` is called after each.
pub(super) async fn delays(
    service: &Service,
    receiver: &Receiver,
    time: Duration,
    place: impl Fn(u64) -> (u64, u64),
    mut between: impl FnMut(u64) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Duration>> {
    let target = service.target("/v1/notifications");
    let mut connection = Connection::open(target.address).await?;
    receiver.record(true);
    let count = u64::from(PER_SECOND) * time.as_secs().max(1);
    let before = receiver.count();
    let mut published: HashMap<String, Instant> = HashMap::new();
    let mut tick = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for n in 0..count {
        tick.tick().await;
        let (work_order_id, branch_id) = place(n);
        let body = Bytes::from(body::notification(work_order_id, branch_id));
        let at = Instant::now();
        let (status, answer) = connection.post(&target, body).await?;
        ensure!(status == 202, "{status}: {}", String::from_utf8_lossy(&answer));
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
        let id = answer["MessageId"].as_str().context("no MessageId in the answer")?;
        published.insert(id.to_owned(), at);
        between(n)?;
    }
    receiver.reach(before + count).await;
    let arrivals = receiver.take_arrivals();
    receiver.record(false);
    let mut delays: Vec<Duration> = arrivals
        .iter()
        .filter_map(|(id, at)| published.get(id).map(|published| at.duration_since(*published)))
        .collect();
    ensure!(delays.len() as u64 == count, "{} of {count} arrived with a known id", delays.len());
    delays.sort_unstable();
    Ok(delays)
}
