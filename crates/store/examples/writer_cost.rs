//! What the writer thread costs per notification that is accepted and delivered, in processor time.
//!
//! `cargo run --release -p workbell-store --example writer_cost [-- [--count N] [--lanes N] [--size N] [--drop
//! INDEX]…]`: 8
//! endpoints with 8 lanes each, bodies of 1 KiB, syncing on; published in arrays of 100 and one by one. `--drop` runs
//! without an index, to tell what it costs. Times are those of the kernel (`/proc/self/task/*/schedstat`).

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use uuid::Uuid;
use workbell_model::{
    Branch, Company, Defaults, Endpoint, EndpointId, EndpointKey, EndpointSettings, Outcome, SealedText,
    Sequence, State, Transition, Undelivered, WorkOrderId, log,
};
use workbell_store::record::{Acceptance, Attempt, Change, Completion, EndpointChange, Occasion};
use workbell_store::sqlite::{Options, SqliteStore, Synchronous};
use workbell_store::store::{Fresh, Store, Subscriber};
use workbell_wire::{MessageId, Timestamp};

const ENDPOINTS: u64 = 8;
const BODY_BYTES: usize = 1024;

#[derive(Debug)]
struct Ear {
    fresh: mpsc::UnboundedSender<Undelivered>,
    done: Arc<Semaphore>,
}

impl Subscriber for Ear {
    fn accepted(&self, fresh: Vec<Fresh>) {
        for one in fresh {
            let _ended = self.fresh.send(one.delivery);
        }
    }

    fn completed(&self, _: &EndpointKey, _: WorkOrderId, _: Sequence, _: State, _: Option<Timestamp>) {
        self.done.add_permits(1);
    }

    fn reopened(&self, _: &EndpointKey) {}

    fn lane_changed(&self, _: &EndpointKey, _: WorkOrderId) {}

    fn endpoint_changed(&self, _: &EndpointKey, _: EndpointChange) {}

    fn condition_changed(&self, _: bool) {}
}

fn main() -> anyhow::Result<()> {
    let (mut count, mut lanes, mut only, mut dropped) = (100_000, 8, None, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().context("an option needs a value")?;
        match argument.as_str() {
            "--count" => count = value.parse()?,
            "--lanes" => lanes = value.parse()?,
            "--size" => only = Some(value.parse::<u64>()?),
            "--drop" => dropped.push(value),
            other => anyhow::bail!("unknown option {other}"),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for (name, publishers, size) in [("arrays of 100", 4, 100), ("one by one", 64, 1)] {
        if only.is_some_and(|only| only != size) {
            continue;
        }
        let folder = tempfile::tempdir()?;
        prepare(folder.path(), &dropped)?;
        let report = runtime.block_on(run(folder.path(), count, lanes, (publishers, size)))?;
        println!("{name}: {report}");
    }
    Ok(())
}

fn options(folder: &Path) -> Options {
    Options {
        data_dir: folder.to_owned(),
        synchronous: Synchronous::Full,
        waiting_limit: 1_000_000,
        defaults: Defaults::default(),
    }
}

fn prepare(folder: &Path, dropped: &[String]) -> anyhow::Result<()> {
    drop(SqliteStore::open(options(folder))?);
    let connection = rusqlite::Connection::open(folder.join("workbell.db"))?;
    for index in dropped {
        connection.execute_batch(&format!("DROP INDEX {index}"))?;
    }
    Ok(())
}

async fn run(
    folder: &Path,
    count: u64,
    lanes: u64,
    (publishers, size): (u64, u64),
) -> anyhow::Result<String> {
    let store = Arc::new(SqliteStore::open(options(folder))?);
    let (fresh, deliveries) = mpsc::unbounded_channel();
    let done = Arc::new(Semaphore::new(0));
    store.subscribe(Arc::new(Ear { fresh, done: done.clone() }));
    set_up(&*store).await?;
    let completer = tokio::spawn(complete_all(store.clone(), deliveries));
    let before = [thread_time("workbell-writer")?, thread_time("workbell-checkp")?];
    let began = Instant::now();
    let each = count / publishers / size;
    let tasks: Vec<_> = (0..publishers)
        .map(|publisher| tokio::spawn(publish(store.clone(), lanes, publisher, (each, size))))
        .collect();
    for task in tasks {
        task.await??;
    }
    let published = each * publishers * size;
    let _all = done.acquire_many(u32::try_from(published)?).await?;
    let took = began.elapsed();
    let after = [thread_time("workbell-writer")?, thread_time("workbell-checkp")?];
    let micros = |at: usize| (after[at] - before[at]).as_secs_f64() * 1e6 / published as f64;
    completer.abort();
    store.close().await;
    Ok(format!(
        "{published} accepted and delivered, {:.0}/s, writer {:.1} µs each, checkpointer {:.1} µs each, file {} MiB",
        published as f64 / took.as_secs_f64(),
        micros(0),
        micros(1),
        std::fs::metadata(folder.join("workbell.db"))?.len() >> 20,
    ))
}

async fn set_up(store: &dyn Store) -> anyhow::Result<()> {
    let created = now();
    for endpoint in 0..ENDPOINTS {
        let company_id: workbell_model::CompanyId = format!("company-{endpoint}").parse()?;
        let company = Company { company_id: company_id.clone(), name: "x".to_owned(), created };
        store.change(Change::CreateCompany(company)).await?;
        let branch_id = i64::try_from(endpoint)? + 1;
        let branch = Branch { company_id: company_id.clone(), branch_id, name: "x".to_owned(), created };
        store.change(Change::CreateBranch(branch)).await?;
        let settings =
            EndpointSettings { url: Some("https://example.org/".to_owned()), ..EndpointSettings::default() };
        let endpoint = Endpoint {
            key: EndpointKey { company_id, endpoint_id: EndpointId::from_uuid(Uuid::now_v7()) },
            settings,
            secret: SealedText(vec![0; 64]),
            previous_secret: None,
            paused: None,
            created,
            generation: 0,
        };
        store.change(Change::CreateEndpoint(endpoint, 20)).await?;
    }
    Ok(())
}

async fn publish(
    store: Arc<SqliteStore>,
    lanes: u64,
    publisher: u64,
    (each, size): (u64, u64),
) -> anyhow::Result<()> {
    let body = Bytes::from(vec![b'x'; BODY_BYTES]);
    let action: workbell_wire::ActionName = "Accepted".parse()?;
    for round in 0..each {
        let acceptance = |place: u64| {
            let spread = publisher * 7 + round * size + place;
            Acceptance {
                company_id: None,
                branch_id: (spread % ENDPOINTS + 1) as i64,
                work_order_id: (1000 + spread % (ENDPOINTS * lanes)) as i64,
                action: action.clone(),
                message_id: MessageId::from_bytes(*Uuid::new_v4().as_bytes()),
                content_hash: [7; 32],
                initiated_by: None,
                body: body.clone(),
                accepted: now(),
            }
        };
        for answer in store.accept((0..size).map(acceptance).collect()).await? {
            answer?;
        }
    }
    Ok(())
}

async fn complete_all(store: Arc<SqliteStore>, mut deliveries: mpsc::UnboundedReceiver<Undelivered>) {
    let detail = Bytes::from(serde_json::to_vec(&detail()).expect("it is JSON"));
    while let Some(delivery) = deliveries.recv().await {
        let attempt = Attempt {
            number: 1,
            start: now(),
            duration: Duration::from_millis(1),
            status: Some(200),
            error: None,
            detail: detail.clone(),
        };
        let completion = Completion {
            delivery,
            outcome: Outcome::Succeeded,
            transition: Transition::Delivered,
            occasion: Occasion::Due,
            generation: 0,
            attempt,
        };
        if store.complete(completion).await.is_err() {
            return;
        }
    }
}

/// As large as that of an ordinary attempt: some 900 bytes.
fn detail() -> log::Detail {
    let headers = |names: &[(&str, &str)]| {
        names.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    log::Detail {
        url: "https://receiver.example.org/corrigo/notifications".to_owned(),
        request_headers: headers(&[
            ("Host", "receiver.example.org"),
            ("Connection", "Keep-Alive"),
            ("Content-Type", "application/json; charset=utf-8"),
            ("Authorization", "Bearer ****"),
            ("Event-Type", "Accepted"),
            ("Webhook-Id", "01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47"),
            ("Webhook-Timestamp", "1800000000"),
            ("Webhook-Signature", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
            ("Workbell-Attempt", "1"),
            ("Workbell-Sequence", "12"),
            ("Workbell-Mode", "live"),
            ("User-Agent", "Workbell/0.1.0"),
            ("Expect", "100-continue"),
            ("Content-Length", "1024"),
        ]),
        response_headers: headers(&[("Content-Length", "0"), ("Date", "Tue, 04 Sep 2018 10:12:08 GMT")]),
        address: Some("192.0.2.1:443".to_owned()),
        tls: Some("TLSv1.3 TLS13_AES_256_GCM_SHA384".to_owned()),
        first_byte_time: Some(812),
        ..log::Detail::default()
    }
}

fn now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

/// Processor time of the threads with this name (the kernel keeps 15 characters of it).
fn thread_time(name: &str) -> anyhow::Result<Duration> {
    let mut nanos = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if std::fs::read_to_string(task.join("comm"))?.trim() == name {
            let schedule = std::fs::read_to_string(task.join("schedstat"))?;
            nanos += schedule.split(' ').next().context("schedstat has fields")?.parse::<u64>()?;
        }
    }
    Ok(Duration::from_nanos(nanos))
}
