//! A million undelivered: memory, the first delivery after a restart, and how quickly they go when they may.

use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use serde_json::json;

use super::Options;
use super::body;
use super::disk::TemporaryFolder;
use super::load::post_all;
use super::receiver::Receiver;
use super::rows::{ARRAY, ENDPOINTS, Measured};
use super::service::Service;

/// Notifications of one work order.
const PER_ORDER: u64 = 100;

/// Between two looks at the memory while it drains.
const LOOK: Duration = Duration::from_millis(100);

/// The first deliveries of a drain, which are not part of its rate.
const RUN_UP: u64 = 1000;

/// One round: a small backlog, then the large one.
pub(super) async fn backlog(
    options: &Options,
    folder: &TemporaryFolder,
    receiver: &Receiver,
) -> anyhow::Result<Measured> {
    let drained = options.count as u64;
    let small = Backlog::build(folder, receiver, drained + RUN_UP).await?.drain(receiver, drained).await?;
    let large = Backlog::build(folder, receiver, options.backlog.max(drained + RUN_UP)).await?;
    let waiting = large.service.resident()?;
    let large = large.drain(receiver, drained).await?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    Ok(vec![
        ("resident MiB", mib(waiting.max(large.resident))),
        ("first delivery ms", large.first.as_secs_f64() * 1e3),
        ("drain over small", large.rate / small.rate),
        ("drained/s", large.rate),
        ("small drained/s", small.rate),
        ("small first ms", small.first.as_secs_f64() * 1e3),
    ])
}

/// A service on which so many wait.
struct Backlog {
    service: Service,
    data_dir: std::path::PathBuf,
    endpoints: Vec<String>,
}

/// What came of it.
struct Drain {
    /// From the start of the process to the first arrival.
    first: Duration,
    /// Deliveries per second.
    rate: f64,
    /// Most bytes of memory.
    resident: u64,
}

impl Backlog {
    async fn build(folder: &TemporaryFolder, receiver: &Receiver, count: u64) -> anyhow::Result<Self> {
        let data_dir = folder.fresh()?;
        let service = Service::start(&data_dir).await?;
        service.create("/v1/companies", &json!({"CompanyId": "bench", "Name": "Bench"})).await?;
        let mut endpoints = Vec::new();
        for branch in 1..=ENDPOINTS {
            let named = json!({"BranchId": branch, "Name": format!("Branch {branch}")});
            service.create("/v1/companies/bench/branches", &named).await?;
            let url = format!("http://{}/{branch}", receiver.address);
            let endpoint = json!({"Url": url, "BranchIds": [branch]});
            let made = service.create("/v1/companies/bench/endpoints", &endpoint).await?;
            let id = made["EndpointId"].as_str().context("no EndpointId in the answer")?.to_owned();
            let path = format!("/v1/companies/bench/endpoints/{id}");
            service.ask(&format!("{path}/pause")).await?;
            endpoints.push(path);
        }
        let target = service.target("/v1/notifications");
        // In parts, for a million bodies would take a gigabyte here.
        let (part, array) = (100_000, ARRAY as u64);
        let mut from = 0;
        while from < count {
            let to = (from + part).min(count);
            let bodies = (from..to).step_by(ARRAY).map(|n| {
                let items = (n..(n + array).min(to)).map(|n| {
                    let order = n / PER_ORDER;
                    body::notification(1_000_000 + order, 1 + order % ENDPOINTS)
                });
                Bytes::from(body::array(items))
            });
            post_all(&target, 4, bodies.collect()).await?;
            from = to;
        }
        Ok(Backlog { service, data_dir, endpoints })
    }

    /// Restarts, lets them go and measures so many of them.
    async fn drain(self, receiver: &Receiver, count: u64) -> anyhow::Result<Drain> {
        self.service.stop()?;
        let before = receiver.count();
        let began = Instant::now();
        let service = Service::start(&self.data_dir).await?;
        for path in &self.endpoints {
            service.ask(&format!("{path}/resume")).await?;
        }
        receiver.reach(before + 1).await;
        let first = began.elapsed();
        receiver.reach(before + RUN_UP).await;
        let (began, from) = (Instant::now(), receiver.count());
        let mut resident = service.resident()?;
        let reached = receiver.reach(before + RUN_UP + count);
        let mut reached = std::pin::pin!(reached);
        while tokio::time::timeout(LOOK, reached.as_mut()).await.is_err() {
            resident = resident.max(service.resident()?);
        }
        let rate = (receiver.count() - from) as f64 / began.elapsed().as_secs_f64();
        service.stop()?;
        Ok(Drain { first, rate, resident })
    }
}
