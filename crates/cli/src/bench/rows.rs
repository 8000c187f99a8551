//! What is measured, one row each.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use serde_json::json;

use super::Options;
use super::backlog;
use super::body;
use super::disk::{TemporaryFolder, fdatasync};
use super::isolation;
use super::latency;
use super::load::{Connection, Target, post_all};
use super::receiver::Receiver;
use super::service::Service;

/// Endpoints that share the load, and work orders of each: 64 lanes.
pub(super) const ENDPOINTS: u64 = 8;
pub(super) const LANES: u64 = 8;

/// Connections of the publisher, and of the bare client that it is compared with.
const CONNECTIONS: usize = 64;

/// Notifications in one published array.
pub(super) const ARRAY: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Row {
    Arrays,
    Singles,
    ArraysWithoutExpect,
    SinglesWithoutExpect,
    OneLane,
    Latency,
    Isolation,
    Backlog,
    Idle,
}

/// What one round of a row gave: named figures.
pub(crate) type Measured = Vec<(&'static str, f64)>;

impl Row {
    pub(crate) const ALL: [Row; 9] = [
        Row::Arrays,
        Row::Singles,
        Row::ArraysWithoutExpect,
        Row::SinglesWithoutExpect,
        Row::OneLane,
        Row::Latency,
        Row::Isolation,
        Row::Backlog,
        Row::Idle,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Row::Arrays => "throughput, arrays of 100",
            Row::Singles => "throughput, one by one",
            Row::ArraysWithoutExpect => "throughput, arrays of 100, without Expect",
            Row::SinglesWithoutExpect => "throughput, one by one, without Expect",
            Row::OneLane => "one lane",
            Row::Latency => "latency at 200/s",
            Row::Isolation => "a healthy endpoint beside 150 bad ones",
            Row::Backlog => "backlog",
            Row::Idle => "idle",
        }
    }

    /// How often it is measured at most: what takes minutes has its repetitions within.
    pub(super) const fn rounds(self) -> usize {
        match self {
            Row::Isolation | Row::Backlog => 1,
            Row::Arrays
            | Row::Singles
            | Row::ArraysWithoutExpect
            | Row::SinglesWithoutExpect
            | Row::OneLane
            | Row::Latency
            | Row::Idle => usize::MAX,
        }
    }

    pub(crate) async fn measure(
        self,
        options: &Options,
        folder: &TemporaryFolder,
        receiver: &Receiver,
    ) -> anyhow::Result<Measured> {
        match self {
            Row::Arrays => throughput(options, folder, receiver, true, true).await,
            Row::Singles => throughput(options, folder, receiver, false, true).await,
            Row::ArraysWithoutExpect => throughput(options, folder, receiver, true, false).await,
            Row::SinglesWithoutExpect => throughput(options, folder, receiver, false, false).await,
            Row::OneLane => one_lane(options, folder, receiver).await,
            Row::Latency => latency(options, folder, receiver).await,
            Row::Isolation => isolation::isolation(options, folder, receiver).await,
            Row::Backlog => backlog::backlog(options, folder, receiver).await,
            Row::Idle => idle(folder, receiver).await,
        }
    }
}

/// A service with one company, so many branches and an endpoint for each.
pub(super) async fn prepared(
    folder: &TemporaryFolder,
    receiver: &Receiver,
    endpoints: u64,
    expect: bool,
) -> anyhow::Result<Service> {
    let service = Service::start(&folder.fresh()?).await?;
    service.create("/v1/companies", &json!({"CompanyId": "bench", "Name": "Bench"})).await?;
    for branch in 1..=endpoints {
        let name = format!("Branch {branch}");
        service.create("/v1/companies/bench/branches", &json!({"BranchId": branch, "Name": name})).await?;
        let endpoint = json!({
            "Url": format!("http://{}/{branch}", receiver.address),
            "BranchIds": [branch],
            "ExpectContinue": expect,
        });
        service.create("/v1/companies/bench/endpoints", &endpoint).await?;
    }
    Ok(service)
}

/// The place of the nth notification: work order and branch, all lanes in turn.
fn place(n: u64) -> (u64, u64) {
    let lane = n % (ENDPOINTS * LANES);
    (1000 + lane, 1 + lane % ENDPOINTS)
}

async fn throughput(
    options: &Options,
    folder: &TemporaryFolder,
    receiver: &Receiver,
    arrays: bool,
    expect: bool,
) -> anyhow::Result<Measured> {
    let count = options.count;
    let ceiling = ceiling(receiver, count).await?;
    let service = prepared(folder, receiver, ENDPOINTS, expect).await?;
    let items = |from: usize, to: usize| {
        (from..to).map(|n| {
            let (work_order_id, branch_id) = place(n as u64);
            body::notification(work_order_id, branch_id)
        })
    };
    let bodies: Vec<Bytes> = if arrays {
        (0..count / ARRAY).map(|n| Bytes::from(body::array(items(n * ARRAY, (n + 1) * ARRAY)))).collect()
    } else {
        items(0, count).map(Bytes::from).collect()
    };
    let delivered = if arrays { count / ARRAY * ARRAY } else { count } as u64;
    let before = receiver.count();
    let used = service.processor_time()?;
    let began = Instant::now();
    let connections = if arrays { 4 } else { CONNECTIONS };
    let target = service.target("/v1/notifications");
    let publishing = post_all(&target, connections, bodies);
    let arriving = receiver.reach(before + delivered);
    let (published, ()) = tokio::join!(publishing, arriving);
    published?;
    let taken = began.elapsed();
    settle(&service).await?;
    let used = service.processor_time()? - used;
    ensure!(receiver.count() == before + delivered, "more arrived than was published");
    service.stop()?;
    let rate = delivered as f64 / taken.as_secs_f64();
    Ok(vec![
        ("delivered/s", rate),
        ("bare client/s", ceiling),
        ("ratio", rate / ceiling),
        ("processor µs", used.as_secs_f64() * 1e6 / delivered as f64),
    ])
}

/// Requests per second of a bare client on 64 connections with the same bodies.
async fn ceiling(receiver: &Receiver, count: usize) -> anyhow::Result<f64> {
    let bodies: Vec<Bytes> = (0..count)
        .map(|n| {
            let (work_order_id, branch_id) = place(n as u64);
            Bytes::from(body::notification(work_order_id, branch_id))
        })
        .collect();
    let taken = post_all(&straight(receiver), CONNECTIONS, bodies).await?;
    Ok(count as f64 / taken.as_secs_f64())
}

fn straight(receiver: &Receiver) -> Target {
    Target {
        address: receiver.address,
        host: receiver.address.to_string(),
        path: "/bare".to_owned(),
        key: None,
    }
}

/// Waits until the process uses no more time: the last outcomes are written.
async fn settle(service: &Service) -> anyhow::Result<()> {
    for _ in 0..50 {
        let before = service.processor_time()?;
        tokio::time::sleep(Duration::from_millis(50)).await;
        if service.processor_time()? - before < Duration::from_micros(500) {
            break;
        }
    }
    Ok(())
}

async fn one_lane(
    options: &Options,
    folder: &TemporaryFolder,
    receiver: &Receiver,
) -> anyhow::Result<Measured> {
    let count = (options.count / 10).max(ARRAY);
    let service = prepared(folder, receiver, 1, true).await?;
    let sync_before = fdatasync(folder, 100)?;
    let request = round_trip(receiver).await?;
    let bodies: Vec<Bytes> = (0..count / ARRAY)
        .map(|_| Bytes::from(body::array((0..ARRAY).map(|_| body::notification(4711, 1)))))
        .collect();
    let delivered = (count / ARRAY * ARRAY) as u64;
    let before = receiver.count();
    let began = Instant::now();
    let target = service.target("/v1/notifications");
    let (published, ()) = tokio::join!(post_all(&target, 1, bodies), receiver.reach(before + delivered));
    published?;
    let rate = delivered as f64 / began.elapsed().as_secs_f64();
    let sync = (sync_before + fdatasync(folder, 100)?) / 2;
    service.stop()?;
    let ideal = 1.0 / (request + sync).as_secs_f64();
    Ok(vec![
        ("delivered/s", rate),
        ("ideal/s", ideal),
        ("ratio", rate / ideal),
        ("fdatasync µs", sync.as_secs_f64() * 1e6),
        ("request µs", request.as_secs_f64() * 1e6),
    ])
}

/// Median of one request of the bare client on one connection.
async fn round_trip(receiver: &Receiver) -> anyhow::Result<Duration> {
    let target = straight(receiver);
    let mut connection = Connection::open(target.address).await?;
    let body = Bytes::from(body::notification(4711, 1));
    let mut taken = Vec::new();
    for _ in 0..1000 {
        let began = Instant::now();
        connection.post(&target, body.clone()).await?;
        taken.push(began.elapsed());
    }
    taken.sort_unstable();
    Ok(taken[taken.len() / 2])
}

async fn latency(
    options: &Options,
    folder: &TemporaryFolder,
    receiver: &Receiver,
) -> anyhow::Result<Measured> {
    let service = prepared(folder, receiver, ENDPOINTS, true).await?;
    let mut syncs = Vec::new();
    let sometimes = |n: u64| {
        if n % 20 == 10 {
            syncs.push(fdatasync(folder, 1)?);
        }
        Ok(())
    };
    let delays = latency::delays(&service, receiver, options.latency, place, sometimes).await?;
    service.stop()?;
    syncs.sort_unstable();
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let sync = syncs[syncs.len() / 2].as_secs_f64() * 1e3;
    Ok(vec![
        ("median ms", at(0.5)),
        ("p99 ms", at(0.99)),
        ("fdatasync ms", sync),
        ("allowed ms", 2.0 * sync + 1.0),
    ])
}

async fn idle(folder: &TemporaryFolder, receiver: &Receiver) -> anyhow::Result<Measured> {
    let data_dir = folder.fresh()?;
    let first = Service::start(&data_dir).await?;
    first.create("/v1/companies", &json!({"CompanyId": "bench", "Name": "Bench"})).await?;
    first.create("/v1/companies/bench/branches", &json!({"BranchId": 1, "Name": "Branch"})).await?;
    let endpoint = json!({"Url": format!("http://{}/1", receiver.address)});
    first.create("/v1/companies/bench/endpoints", &endpoint).await?;
    first.stop()?;
    let second = Service::start(&data_dir).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = second.processor_time()?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let used = second.processor_time()? - used;
    let resident = second.resident()?;
    let ready = second.ready_after;
    second.stop()?;
    Ok(vec![
        ("resident MiB", resident as f64 / f64::from(1 << 20)),
        ("second start ms", ready.as_secs_f64() * 1e3),
        ("processor ms/s", used.as_secs_f64() * 1e3 / 2.0),
    ])
}
