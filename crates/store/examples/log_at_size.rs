//! How the communication log fares when it is large: the first page by each filter, and deliveries while a period of it
//! is deleted.
//!
//! `cargo run --release --package workbell-store --example log_at_size -- [ROWS]` (10,000,000 when not given; some
//! 5 GiB in the folder for temporary files).

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use workbell_model::{Branch, Company, Endpoint, EndpointId, EndpointKey, EndpointSettings, SealedText};
use workbell_store::Store;
use workbell_store::filter::{LogFilter, Paging};
use workbell_store::record::{Acceptance, Change};
use workbell_store::sqlite::{Options, SqliteStore, Synchronous};
use workbell_wire::{MessageId, Timestamp};

const DAY: Duration = Duration::from_secs(86_400);

/// Acceptances that are timed in each part.
const TIMED: u32 = 3000;

#[tokio::main]
async fn main() -> Result<()> {
    let rows: u64 = match std::env::args().nth(1) {
        Some(text) => text.parse().with_context(|| format!("{text:?} is no number of rows"))?,
        None => 10_000_000,
    };
    let folder = tempfile::tempdir()?;
    let now = Timestamp::from_system(SystemTime::now());
    let key = furnish(folder.path(), now).await?;
    let began = Instant::now();
    fill(folder.path(), &key, rows, now)?;
    let bytes = std::fs::metadata(folder.path().join("workbell.db"))?.len();
    println!("{rows} records in {:.0} s, {} MiB", began.elapsed().as_secs_f64(), bytes >> 20);
    let store = open(folder.path())?;
    first_pages(&store, &key, now).await?;
    sweep(store.clone(), now).await?;
    store.close().await;
    Ok(())
}

fn open(data_dir: &Path) -> Result<Arc<SqliteStore>> {
    let options = Options {
        data_dir: data_dir.to_owned(),
        synchronous: Synchronous::Full,
        waiting_limit: 1_000_000,
        defaults: workbell_model::Defaults::default(),
    };
    Ok(Arc::new(SqliteStore::open(options)?))
}

async fn furnish(data_dir: &Path, now: Timestamp) -> Result<EndpointKey> {
    let store = open(data_dir)?;
    let company_id: workbell_model::CompanyId = "acme".parse()?;
    let company = Company { company_id: company_id.clone(), name: "Acme".to_owned(), created: now };
    store.change(Change::CreateCompany(company)).await?;
    let branch =
        Branch { company_id: company_id.clone(), branch_id: 1, name: "North".to_owned(), created: now };
    store.change(Change::CreateBranch(branch)).await?;
    let key = EndpointKey { company_id, endpoint_id: EndpointId::from_uuid(uuid::Uuid::from_u128(1)) };
    let endpoint = Endpoint {
        key: key.clone(),
        settings: EndpointSettings {
            url: Some("http://127.0.0.1:1/".to_owned()),
            ..EndpointSettings::default()
        },
        secret: SealedText(vec![0]),
        previous_secret: None,
        paused: None,
        created: now,
        generation: 0,
    };
    store.change(Change::CreateEndpoint(endpoint, 1)).await?;
    store.close().await;
    Ok(key)
}

/// Two days of records, each as wide as an attempt's.
fn fill(data_dir: &Path, key: &EndpointKey, rows: u64, now: Timestamp) -> Result<()> {
    let connection = rusqlite::Connection::open(data_dir.join("workbell.db"))?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let detail = format!(
        r#"{{"Url":"https://cmms.example/hook","RequestHeaders":[],"ResponseBody":"{}"}}"#,
        "x".repeat(300)
    );
    let start = now.minus(2 * DAY).ticks();
    let step = i64::try_from((2 * DAY).as_nanos() / 100)? / i64::try_from(rows.max(1))?;
    let part = 100_000;
    for first in (1..=rows).step_by(part) {
        let last = (first + part as u64 - 1).min(rows);
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
             INSERT INTO log
               (log_no, company_id, endpoint_id, delivery_no, work_order_id, branch_id, action, direction, attempt,
                mode, start, duration, status, error, next_due, detail)
             SELECT i, 'acme', ?3, i << 12, i % 50000, 1, 'Accepted', 0, 1, 0, ?4 + i * ?5, 20000,
                    CASE i % 100 WHEN 0 THEN 500 ELSE 200 END, NULL, NULL, ?6
             FROM n",
            rusqlite::params![first, last, key.endpoint_id.as_bytes(), start, step, detail],
        )?;
    }
    let last = rows.to_be_bytes();
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('rolled_up', ?1)", [&last[..]])?;
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

async fn first_pages(store: &SqliteStore, key: &EndpointKey, now: Timestamp) -> Result<()> {
    let any = LogFilter::default;
    let cases = [
        ("none", any()),
        ("CompanyId", LogFilter { company_id: Some(key.company_id.clone()), ..any() }),
        ("EndpointId", LogFilter { endpoint_id: Some(key.endpoint_id), ..any() }),
        ("WorkOrderId", LogFilter { work_order_id: Some(42), ..any() }),
        ("Status", LogFilter { status: Some(500), ..any() }),
        ("From, To", LogFilter { from: Some(now.minus(DAY)), to: Some(now), ..any() }),
        ("Status that is not there", LogFilter { status: Some(404), ..any() }),
    ];
    for (name, filter) in cases {
        let began = Instant::now();
        let page = store.log(filter, Paging { after: None, limit: 50 }).await?;
        println!("first page by {name}: {} records, {:.1} ms", page.items.len(), millis(began.elapsed()));
    }
    Ok(())
}

/// Times of acceptances, alone and while a day of the log goes.
async fn sweep(store: Arc<SqliteStore>, now: Timestamp) -> Result<()> {
    let alone = accept(&store, 0).await?;
    let sweeper = store.clone();
    let sweep = tokio::spawn(async move {
        let (mut steps, mut removed) = (0_u64, 0_u64);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(60) {
            let step = Instant::now();
            let swept = sweeper.sweep(now, 30 * DAY, DAY).await?;
            // As the service does it.
            tokio::time::sleep(2 * step.elapsed()).await;
            steps += 1;
            removed += swept.log_records;
            if !swept.more {
                break;
            }
        }
        anyhow::Ok((steps, removed, began.elapsed()))
    });
    let beside = accept(&store, 1).await?;
    let (steps, removed, took) = sweep.await??;
    println!("{removed} records removed in {steps} steps, {:.1} s", took.as_secs_f64());
    println!("commit of one acceptance alone: median {:.2} ms, p99 {:.2} ms", alone.0, alone.1);
    println!(
        "while they go: median {:.2} ms, p99 {:.2} ms: {:.2} times",
        beside.0,
        beside.1,
        beside.1 / alone.1
    );
    Ok(())
}

async fn accept(store: &SqliteStore, part: u8) -> Result<(f64, f64)> {
    let mut times = Vec::new();
    for n in 0..TIMED {
        let mut id = [part; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        let acceptance = Acceptance {
            company_id: None,
            branch_id: 1,
            work_order_id: i64::from(n % 100),
            action: "Accepted".parse()?,
            message_id: MessageId::from_bytes(id),
            content_hash: [part; 32],
            initiated_by: None,
            body: Bytes::from_static(&[b'x'; 1024]),
            accepted: Timestamp::from_system(SystemTime::now()),
        };
        let began = Instant::now();
        store.accept(vec![acceptance]).await?;
        times.push(millis(began.elapsed()));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    times.sort_by(f64::total_cmp);
    Ok((times[times.len() / 2], times[times.len() * 99 / 100]))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
