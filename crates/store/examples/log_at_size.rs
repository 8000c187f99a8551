//! How the communication log fares when it is large: the first page by each filter, and deliveries while a period of it
//! is deleted.
//!
//! `cargo run --release --package workbell-store --example log_at_size -- [ROWS] [FOLDER]` (10,000,000 when not given;
//! some 7 GiB in the folder for temporary files). With a folder it only fills the store there, which may be one that
//! `workbell serve` made and that has the company `acme`, and leaves it.

#[path = "furnished/store.rs"]
mod furnished;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use workbell_model::EndpointKey;
use workbell_model::log::Direction;
use workbell_store::Store;
use workbell_store::filter::{LogFilter, Paging};
use workbell_store::record::Acceptance;
use workbell_store::sqlite::stretch::{Stretch, Trait};
use workbell_store::sqlite::{Options, SqliteStore, Synchronous};
use workbell_wire::{MessageId, Timestamp};

const DAY: Duration = Duration::from_secs(86_400);

/// Acceptances that are timed in each part.
const TIMED: u32 = 1500;

/// Parts alone and parts beside the deletion, by turns.
const PAIRS: u8 = 9;

/// Actions of the records, by turns.
const ACTIONS: [&str; 4] = ["Accepted", "OnSite", "Paused", "Completed"];

#[tokio::main]
async fn main() -> Result<()> {
    let rows: u64 = match std::env::args().nth(1) {
        Some(text) => text.parse().with_context(|| format!("{text:?} is no number of rows"))?,
        None => 10_000_000,
    };
    let now = Timestamp::from_system(SystemTime::now());
    if let Some(folder) = std::env::args().nth(2) {
        std::fs::create_dir_all(&folder)?;
        return fill(Path::new(&folder), rows, now).await.map(drop);
    }
    let folder = tempfile::tempdir()?;
    let key = fill(folder.path(), rows, now).await?;
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

/// Furnishes the store and fills its log.
async fn fill(data_dir: &Path, rows: u64, now: Timestamp) -> Result<EndpointKey> {
    let store = open(data_dir)?;
    let company_id: workbell_model::CompanyId = "acme".parse()?;
    let known = store.directory().endpoints().into_iter().find(|key| key.company_id == company_id);
    let key = match known {
        Some(key) => key,
        None => furnished::furnish(&store, company_id, now).await?,
    };
    store.close().await;
    drop(store);
    let began = Instant::now();
    insert(data_dir, &key, rows, now)?;
    let bytes = std::fs::metadata(data_dir.join("workbell.db"))?.len();
    println!("{rows} records in {:.0} s, {} MiB", began.elapsed().as_secs_f64(), bytes >> 20);
    Ok(key)
}

/// Two days of records, each as wide as an attempt's; each hundredth failed, each tenth is a request of the Direct API.
fn insert(data_dir: &Path, key: &EndpointKey, rows: u64, now: Timestamp) -> Result<()> {
    let mut connection = rusqlite::Connection::open(data_dir.join("workbell.db"))?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "cache_size", -(1 << 20))?;
    let before: u64 =
        connection.query_row("SELECT COALESCE(MAX(log_no), 0) FROM log", [], |row| row.get(0))?;
    // What is cut off here is thrown away, and a write-ahead log would take the room of the store twice.
    connection.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
    let detail = format!(
        r#"{{"Url":"https://cmms.example/hook","RequestHeaders":[],"ResponseBody":"{}"}}"#,
        "x".repeat(300)
    );
    let begin = now.minus(2 * DAY).ticks();
    let step = i64::try_from((2 * DAY).as_nanos() / 100)? / i64::try_from(rows.max(1))?;
    let endpoint = key.endpoint_id.as_bytes();
    let mut stretch = Stretch::default();
    let transaction = connection.transaction()?;
    {
        let mut record = transaction.prepare(
            "INSERT INTO log
               (log_no, company_id, endpoint_id, delivery_no, work_order_id, branch_id, action, direction, attempt,
                mode, start, duration, status, error, next_due, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, 1, 0, ?8, 20000, ?9, ?10, NULL, ?11)",
        )?;
        for (no, i) in (before + 1..).zip(1..=rows) {
            let is_inbound = i % 10 == 0;
            let has_failed = i % 100 == 1;
            let action = ACTIONS[usize::try_from(i % 4)?];
            let start = begin + i64::try_from(i)? * step;
            let (status, error) = if has_failed { (500, Some("Status")) } else { (200, None) };
            record.execute(rusqlite::params![
                no,
                key.company_id.as_str(),
                (!is_inbound).then_some(endpoint),
                (!is_inbound).then_some(no << 12),
                if is_inbound { 0 } else { i % 50_000 },
                action,
                u8::from(is_inbound),
                start,
                status,
                error,
                detail
            ])?;
            let traits = [
                Some(Trait::Company(key.company_id.as_str())),
                (!is_inbound).then_some(Trait::Endpoint(endpoint)),
                Some(Trait::Branch(1)),
                Some(Trait::Action(action)),
                Some(Trait::Direction(if is_inbound { Direction::Inbound } else { Direction::Outbound })),
                Some(Trait::Status(status)),
                error.map(Trait::Error),
            ];
            if stretch.add(no, start, traits.into_iter().flatten()) {
                stretch.write(&transaction)?;
            }
        }
    }
    // In order, as the writer does it in steps.
    transaction.execute(
        "INSERT INTO log_orders (work_order_id, log_no)
         SELECT work_order_id, log_no FROM log WHERE log_no > ?1 ORDER BY work_order_id, log_no",
        [before],
    )?;
    let last = (before + rows).to_be_bytes();
    transaction.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('rolled_up', ?1)", [&last[..]])?;
    transaction.commit()?;
    Ok(())
}

async fn first_pages(store: &SqliteStore, key: &EndpointKey, now: Timestamp) -> Result<()> {
    let any = LogFilter::default;
    let (company_id, endpoint_id) = (Some(key.company_id.clone()), Some(key.endpoint_id));
    let noon = now.minus(DAY + DAY / 2);
    let cases = [
        ("nothing", any()),
        ("CompanyId", LogFilter { company_id: company_id.clone(), ..any() }),
        ("EndpointId", LogFilter { endpoint_id, ..any() }),
        ("WorkOrderId", LogFilter { work_order_id: Some(42), ..any() }),
        ("WorkOrderId 0, Status", LogFilter { work_order_id: Some(0), status: Some(404), ..any() }),
        ("BranchId", LogFilter { branch_id: Some(1), ..any() }),
        ("BranchId that is not there", LogFilter { branch_id: Some(7), ..any() }),
        ("Action", LogFilter { action: Some("OnSite".to_owned()), ..any() }),
        ("Action that is not there", LogFilter { action: Some("Recalled".to_owned()), ..any() }),
        ("Direction", LogFilter { direction: Some(Direction::Inbound), ..any() }),
        ("Status of one in a hundred", LogFilter { status: Some(500), ..any() }),
        ("Status that is not there", LogFilter { status: Some(404), ..any() }),
        ("Error", LogFilter { error: Some("Status".to_owned()), ..any() }),
        ("Error that is not there", LogFilter { error: Some("Timeout".to_owned()), ..any() }),
        ("From, To of a minute", LogFilter { from: Some(noon), to: Some(noon.plus(DAY / 1440)), ..any() }),
        ("To, long ago", LogFilter { to: Some(now.minus(3 * DAY)), ..any() }),
        (
            "CompanyId, Status that is not there",
            LogFilter { company_id: company_id.clone(), status: Some(404), ..any() },
        ),
        ("EndpointId, Status that is not there", LogFilter { endpoint_id, status: Some(404), ..any() }),
        (
            "Action and Status that are never together",
            LogFilter { action: Some("Completed".to_owned()), status: Some(500), ..any() },
        ),
    ];
    for (name, filter) in cases {
        let mut times = Vec::new();
        let mut page = None;
        for _ in 0..3 {
            let began = Instant::now();
            page = Some(store.log(filter.clone(), Paging { after: None, limit: 50 }).await?);
            times.push(millis(began.elapsed()));
        }
        let page = page.context("it was asked for")?;
        let rest = if page.next.is_some() { ", goes on" } else { "" };
        let (first, then) = (times[0], f64::min(times[1], times[2]));
        println!(
            "first page by {name}: {} records{rest}, {first:.1} ms, then {then:.1} ms",
            page.items.len()
        );
    }
    Ok(())
}

/// Times of acceptances, alone and while a day of the log goes, by turns.
async fn sweep(store: Arc<SqliteStore>, now: Timestamp) -> Result<()> {
    let may_sweep = Arc::new(AtomicBool::new(false));
    let sweeper = tokio::spawn(remove(store.clone(), now, may_sweep.clone()));
    let (mut medians, mut highs) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        may_sweep.store(false, Ordering::SeqCst);
        let alone = accept(&store, pair * 2).await?;
        may_sweep.store(true, Ordering::SeqCst);
        let beside = accept(&store, pair * 2 + 1).await?;
        println!(
            "commit of an acceptance: alone median {:.2} ms, p99 {:.2} ms; while records go {:.2} ms, {:.2} ms; p99 {:.2} \
             times",
            alone.0,
            alone.1,
            beside.0,
            beside.1,
            beside.1 / alone.1
        );
        medians.push(beside.0 / alone.0);
        highs.push(beside.1 / alone.1);
    }
    sweeper.abort();
    medians.sort_by(f64::total_cmp);
    highs.sort_by(f64::total_cmp);
    let middle = usize::from(PAIRS / 2);
    println!("median of {PAIRS} pairs: median {:.2} times, p99 {:.2} times", medians[middle], highs[middle]);
    Ok(())
}

/// Removes what is older than a day, as the service does it, while it may.
async fn remove(store: Arc<SqliteStore>, now: Timestamp, may: Arc<AtomicBool>) -> Result<()> {
    let (mut removed, mut took) = (0_u64, Duration::ZERO);
    loop {
        if !may.load(Ordering::SeqCst) {
            if removed > 0 {
                println!("{removed} records removed in {:.1} s", took.as_secs_f64());
            }
            (removed, took) = (0, Duration::ZERO);
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        }
        let step = Instant::now();
        let swept = store.sweep(now, 30 * DAY, DAY).await?;
        tokio::time::sleep((3 * step.elapsed()).max(Duration::from_millis(40))).await;
        took += step.elapsed();
        removed += swept.log_records;
        if !swept.more {
            println!("nothing is left to remove");
            return Ok(());
        }
    }
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
