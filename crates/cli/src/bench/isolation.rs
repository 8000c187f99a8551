//! A healthy endpoint beside 150 that hang, refuse and drip: what it notices of them.

use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use serde_json::json;
use tokio::task::JoinHandle;

use super::Options;
use super::body;
use super::disk::TemporaryFolder;
use super::hostile::{self, Manner};
use super::latency::delays;
use super::load::Connection;
use super::receiver::Receiver;
use super::rows::{LANES, Measured, prepared};
use super::service::Service;

/// Endpoints of each manner.
const OF_EACH: u64 = 50;

/// Endpoints of one company: other customers, as many as the default limit allows.
const PER_COMPANY: u64 = 15;

/// Pairs of measurements, alone and beside; the median counts.
const PAIRS: usize = 5;

/// Branch of the first bad endpoint.
const FIRST_BRANCH: u64 = 1001;

/// Work orders that each bad endpoint has something of when the measurement begins.
const BACKLOG: u64 = 20;

/// One round: pairs in turn, so that what the machine does meanwhile hits both.
pub(super) async fn isolation(
    options: &Options,
    folder: &TemporaryFolder,
    receiver: &Receiver,
) -> anyhow::Result<Measured> {
    let time = (options.latency / 2).max(Duration::from_secs(1));
    let (mut halves, mut tails) = (Vec::new(), Vec::new());
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let without = measured(folder, receiver, time, false).await?;
        let with = measured(folder, receiver, time, true).await?;
        halves.push(with.0 / without.0);
        tails.push(with.1 / without.1);
        alone.push(without);
        beside.push(with);
    }
    Ok(vec![
        ("p50 over alone", median(halves)),
        ("p99 over alone", median(tails)),
        ("p50 alone ms", median(alone.iter().map(|one| one.0).collect())),
        ("p50 beside ms", median(beside.iter().map(|one| one.0).collect())),
        ("p99 alone ms", median(alone.iter().map(|one| one.1).collect())),
        ("p99 beside ms", median(beside.iter().map(|one| one.1).collect())),
    ])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Median and p99 from publish to arrival, in milliseconds.
async fn measured(
    folder: &TemporaryFolder,
    receiver: &Receiver,
    time: Duration,
    with_neighbours: bool,
) -> anyhow::Result<(f64, f64)> {
    let service = prepared(folder, receiver, 1, true).await?;
    let load = if with_neighbours { Some(neighbours(&service).await?) } else { None };
    let measured = delays(&service, receiver, time, |n| (1000 + n % (LANES * LANES), 1), |_| Ok(())).await;
    if let Some(load) = load {
        load.abort();
    }
    let delays = measured?;
    service.stop()?;
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    Ok((at(0.5), at(0.99)))
}

/// The bad endpoints, each with a backlog; what goes on publishing for each of them once a second.
async fn neighbours(service: &Service) -> anyhow::Result<JoinHandle<()>> {
    let mut addresses = Vec::new();
    for manner in Manner::ALL {
        addresses.push(hostile::start(manner).await?);
    }
    let count = OF_EACH * Manner::ALL.len() as u64;
    for n in 0..count {
        let company = format!("bad{}", n / PER_COMPANY);
        if n % PER_COMPANY == 0 {
            service.create("/v1/companies", &json!({"CompanyId": company, "Name": company})).await?;
        }
        let branch = FIRST_BRANCH + n;
        let named = json!({"BranchId": branch, "Name": format!("Branch {branch}")});
        service.create(&format!("/v1/companies/{company}/branches"), &named).await?;
        let address = addresses[usize::try_from(n)? % addresses.len()];
        let endpoint = json!({"Url": format!("http://{address}/{branch}"), "BranchIds": [branch]});
        service.create(&format!("/v1/companies/{company}/endpoints"), &endpoint).await?;
    }
    let target = service.target("/v1/notifications");
    let mut connection = Connection::open(target.address).await?;
    let of_all = move |order: u64| -> Bytes {
        let items = (0..count).map(|n| body::notification(5000 + order, FIRST_BRANCH + n));
        Bytes::from(body::array(items))
    };
    for order in 0..BACKLOG {
        let (status, answer) = connection.post(&target, of_all(order)).await?;
        ensure!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(&answer));
    }
    Ok(tokio::spawn(async move {
        // One each time, spread over the second, so that they are no load of their own.
        let mut tick = tokio::time::interval(Duration::from_secs(1) / u32::try_from(count).unwrap_or(1));
        for n in 0.. {
            tick.tick().await;
            let order = 5000 + BACKLOG + n / count;
            let one = Bytes::from(body::notification(order, FIRST_BRANCH + n % count));
            if connection.post(&target, one).await.is_err() {
                return;
            }
        }
    }))
}
