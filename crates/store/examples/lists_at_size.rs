//! How the other lists fare when they are long: deliveries of which a million wait, notifications, work orders, a feed.
//!
//! `cargo run --release --package workbell-store --example lists_at_size -- [ROWS]` (1,000,000 when not given; some 1 GiB
//! in the folder for temporary files). A tenth as many work orders.

#[path = "furnished/store.rs"]
mod furnished;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result};
use workbell_model::work_order::Status;
use workbell_model::{EndpointKey, State};
use workbell_store::Store;
use workbell_store::filter::{DeliveryFilter, NotificationFilter, Page, Paging};
use workbell_store::sqlite::{Options, SqliteStore, Synchronous};
use workbell_store::work_order::WorkOrderFilter;
use workbell_wire::Timestamp;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::main]
async fn main() -> Result<()> {
    let rows: u64 = match std::env::args().nth(1) {
        Some(text) => text.parse().with_context(|| format!("{text:?} is no number of rows"))?,
        None => 1_000_000,
    };
    let folder = tempfile::tempdir()?;
    let now = Timestamp::from_system(SystemTime::now());
    let store = open(folder.path())?;
    let key = furnished::furnish(&store, "acme".parse()?, now).await?;
    store.close().await;
    drop(store);
    let began = Instant::now();
    insert(folder.path(), &key, rows, now)?;
    println!("{rows} rows in {:.0} s", began.elapsed().as_secs_f64());
    let store = open(folder.path())?;
    deliveries(&store, &key, now).await?;
    notifications(&store, now).await?;
    work_orders(&store, now).await?;
    let began = Instant::now();
    let backlog = store.backlog(&key).await?;
    println!("the backlog of {}: {:.1} ms", backlog.waiting, millis(began.elapsed()));
    let began = Instant::now();
    let queues = store.queues().await?;
    println!("{} queue: {:.1} ms", queues.len(), millis(began.elapsed()));
    store.close().await;
    Ok(())
}

fn open(data_dir: &Path) -> Result<SqliteStore> {
    Ok(SqliteStore::open(Options {
        data_dir: data_dir.to_owned(),
        synchronous: Synchronous::Full,
        waiting_limit: 2_000_000,
        defaults: workbell_model::Defaults::default(),
    })?)
}

/// So many notifications, each with one delivery that waits; as many before them that were delivered, one in a thousand
/// of which is dead.
fn insert(data_dir: &Path, key: &EndpointKey, rows: u64, now: Timestamp) -> Result<()> {
    let mut connection = rusqlite::Connection::open(data_dir.join("workbell.db"))?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
    let transaction = connection.transaction()?;
    let (company, endpoint) = (key.company_id.as_str(), key.endpoint_id.as_bytes());
    {
        let mut notification = transaction.prepare(
            "INSERT INTO notifications
               (notification_no, company_id, message_id, work_order_id, branch_id, action, fate, deliveries, accepted,
                content_hash, body)
             VALUES (?1, ?2, ?3, ?4, 1, 'Accepted', 0, 1, ?5, zeroblob(32), zeroblob(200))",
        )?;
        let mut waiting = transaction.prepare(
            "INSERT INTO undelivered
               (delivery_no, company_id, endpoint_id, work_order_id, sequence, due, mark, since, attempts, counted, mode)
             VALUES (?1, ?2, ?3, ?4, ?1, ?5, 0, ?5, 0, 0, 0)",
        )?;
        let mut finished = transaction.prepare(
            "INSERT INTO finished
               (delivery_no, company_id, endpoint_id, work_order_id, sequence, state, reason, attempts, mode, finished)
             VALUES (?1, ?2, ?3, ?4, ?1, ?6, ?7, 1, 0, ?5)",
        )?;
        for no in 1..=2 * rows {
            let order = i64::try_from(no % 50_000)?;
            let accepted = now.minus(Duration::from_secs(2 * rows - no)).ticks();
            let mut message_id = [0; 16];
            message_id[..8].copy_from_slice(&no.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            notification.execute(rusqlite::params![no, company, &message_id[..], order, accepted])?;
            let delivery = rusqlite::params![no << 12, company, endpoint, order, accepted];
            if no > rows {
                waiting.execute(delivery)?;
            } else {
                let is_dead = no % 1000 == 0;
                finished.execute(rusqlite::params![
                    no << 12,
                    company,
                    endpoint,
                    order,
                    accepted,
                    u8::from(is_dead),
                    is_dead.then_some(0)
                ])?;
            }
        }
        let mut order = transaction.prepare(
            "INSERT INTO work_orders
               (order_no, company_id, work_order_id, branch_id, number, status, created, last_update, entries, details, kept)
             VALUES (?1, ?2, ?1, 1, ?3, 'New', ?4, ?4, 1, ?5, '{}')",
        )?;
        let details = format!(r#"{{"Text":"{}"}}"#, "x".repeat(3000));
        for no in 1..=rows / 10 {
            let created = now.minus(Duration::from_secs(rows / 10 - no)).ticks();
            order.execute(rusqlite::params![no, company, format!("WO-{no}"), created, details])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

async fn deliveries(store: &SqliteStore, key: &EndpointKey, now: Timestamp) -> Result<()> {
    let any = DeliveryFilter::default;
    let of = |notification: NotificationFilter| DeliveryFilter { notification, ..any() };
    let none = NotificationFilter::default;
    for (name, filter) in [
        ("nothing", any()),
        ("CompanyId", of(NotificationFilter { company_id: Some(key.company_id.clone()), ..none() })),
        ("State=Pending", DeliveryFilter { state: Some(State::Pending.into()), ..any() }),
        (
            "State=Retrying, of which there is none",
            DeliveryFilter { state: Some(State::Retrying.into()), ..any() },
        ),
        ("State=Delivered", DeliveryFilter { state: Some(State::Delivered.into()), ..any() }),
        ("State=Dead", DeliveryFilter { state: Some(State::Dead.into()), ..any() }),
        (
            "State=Discarded, of which there is none",
            DeliveryFilter { state: Some(State::Discarded.into()), ..any() },
        ),
        ("EndpointId", DeliveryFilter { endpoint_id: Some(key.endpoint_id), ..any() }),
        ("Error that is not there", DeliveryFilter { error: Some("Timeout".to_owned()), ..any() }),
        ("WorkOrderId", of(NotificationFilter { work_order_id: Some(42), ..none() })),
        ("BranchId that is not there", of(NotificationFilter { branch_id: Some(7), ..none() })),
        ("Action that is not there", of(NotificationFilter { action: Some("Paused".to_owned()), ..none() })),
        ("To, long ago", of(NotificationFilter { to: Some(now.minus(400 * DAY)), ..none() })),
    ] {
        let began = Instant::now();
        let page = store.deliveries(filter, Paging { after: None, limit: 50 }).await?;
        say("deliveries", name, &page, began);
    }
    Ok(())
}

async fn notifications(store: &SqliteStore, now: Timestamp) -> Result<()> {
    let none = NotificationFilter::default;
    for (name, filter) in [
        ("nothing", none()),
        ("WorkOrderId", NotificationFilter { work_order_id: Some(42), ..none() }),
        ("Action that is not there", NotificationFilter { action: Some("Paused".to_owned()), ..none() }),
        ("To, long ago", NotificationFilter { to: Some(now.minus(400 * DAY)), ..none() }),
    ] {
        let began = Instant::now();
        let page = store.notifications(filter, Paging { after: None, limit: 50 }).await?;
        say("notifications", name, &page, began);
    }
    Ok(())
}

async fn work_orders(store: &SqliteStore, now: Timestamp) -> Result<()> {
    let any = WorkOrderFilter::default;
    let company_id: Option<workbell_model::CompanyId> = Some("acme".parse()?);
    for (name, filter) in [
        ("nothing", any()),
        ("CompanyId", WorkOrderFilter { company_id: company_id.clone(), ..any() }),
        (
            "CompanyId, WorkOrderNumber",
            WorkOrderFilter { company_id: company_id.clone(), number: Some("WO-7".to_owned()), ..any() },
        ),
        ("WorkOrderNumber that is not there", WorkOrderFilter { number: Some("WO-X".to_owned()), ..any() }),
        (
            "CompanyId, Status that is not there",
            WorkOrderFilter { company_id, statuses: vec![Status::Verified], ..any() },
        ),
        ("BranchId that is not there", WorkOrderFilter { branch_id: Some(7), ..any() }),
        (
            "Created, long ago",
            WorkOrderFilter {
                created: workbell_store::work_order::Period { from: None, to: Some(now.minus(400 * DAY)) },
                ..any()
            },
        ),
    ] {
        let began = Instant::now();
        let page = store.work_orders(filter, Paging { after: None, limit: 50 }).await?;
        say("work orders", name, &page, began);
    }
    Ok(())
}

fn say<T>(list: &str, name: &str, page: &Page<T>, began: Instant) {
    let rest = if page.next.is_some() { ", goes on" } else { "" };
    println!("{list} by {name}: {} rows{rest}, {:.1} ms", page.items.len(), millis(began.elapsed()));
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
