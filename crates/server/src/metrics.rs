//! `/metrics` for Prometheus, on a listener of its own: what the service has counted, in the text form.
//!
//! A scrape reads counters. The sizes of the queues are read from the store, and only when something was committed
//! since they were read last, and not more often than every [`PAUSE`]: a service in which nothing happens is asked
//! nothing, and one with a million in its queues does not count them for each scraper anew.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::{HeaderValue, StatusCode};
use tokio::sync::Mutex;
use tokio::time::Instant;
use workbell_model::EndpointKey;
use workbell_store::Store;
use workbell_store::counters::COMMIT_BUCKETS;
use workbell_store::traffic::Queue;

use crate::answer;
use crate::app::Engine;
use crate::clock::Clock;

/// Endpoints that have a line of their own: those with the longest queues.
///
/// 200: what a dashboard can show; each line is a time series that Prometheus keeps.
const MOST_ENDPOINTS: usize = 200;

/// From one walk through the queues to the next.
///
/// 2 s: to count a million takes about a tenth of a second of a reader, and scrapers come every 5 to 60 s.
const PAUSE: Duration = Duration::from_secs(2);

/// Media type of the text form. Source: Prometheus, "Exposition formats", version 0.0.4.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// What is measured.
pub(crate) struct Metrics {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) clock: Clock,
    /// The queues as they were last. Held while they are read, so that scrapers at the same time cause one walk.
    queues: Mutex<Option<Counted>>,
}

/// The queues as of so many commits.
struct Counted {
    commits: u64,
    at: Instant,
    queues: Queues,
}

type Queues = Arc<Vec<(EndpointKey, Queue)>>;

impl Metrics {
    pub(crate) fn new(store: Arc<dyn Store>, engine: Arc<dyn Engine>, clock: Clock) -> Self {
        Metrics { store, engine, clock, queues: Mutex::default() }
    }

    /// The router of the listener.
    pub(crate) fn router(self) -> Router {
        Router::new().route("/metrics", get(scrape)).with_state(Arc::new(self))
    }

    async fn queues(&self) -> Result<Queues, workbell_store::Error> {
        let mut counted = self.queues.lock().await;
        let commits = self.store.counters().commits();
        if let Some(counted) = &*counted
            && (counted.commits == commits || counted.at.elapsed() < PAUSE)
        {
            return Ok(counted.queues.clone());
        }
        let mut queues = self.store.queues().await?;
        queues.sort_by_key(|(_, queue)| std::cmp::Reverse(queue.waiting));
        let queues = Arc::new(queues);
        *counted = Some(Counted { commits, at: Instant::now(), queues: queues.clone() });
        Ok(queues)
    }

    async fn text(&self) -> Result<String, workbell_store::Error> {
        let mut page = Page(String::new());
        let queues = self.queues().await?;
        let now = self.clock.now();
        let age = |queue: &Queue| queue.oldest.map_or(0.0, |oldest| now.since(oldest).as_secs_f64());
        page.head("workbell_queue_size", "gauge", "Undelivered deliveries, all endpoints together.");
        page.line("workbell_queue_size", "", queues.iter().map(|(_, queue)| queue.waiting).sum::<u64>());
        page.head("workbell_oldest_waiting_seconds", "gauge", "Age of the oldest undelivered delivery.");
        let oldest = queues.iter().map(|(_, queue)| age(queue)).fold(0.0, f64::max);
        page.line("workbell_oldest_waiting_seconds", "", oldest);
        let longest = queues.iter().take(MOST_ENDPOINTS);
        page.head("workbell_endpoint_queue_size", "gauge", "The same of the 200 endpoints with the most.");
        for (key, queue) in longest.clone() {
            page.line("workbell_endpoint_queue_size", &labels(key), queue.waiting);
        }
        page.head("workbell_endpoint_oldest_waiting_seconds", "gauge", "Age of the oldest one, of the same.");
        for (key, queue) in longest {
            page.line("workbell_endpoint_oldest_waiting_seconds", &labels(key), age(queue));
        }
        self.counted(&mut page);
        process(&mut page);
        Ok(page.0)
    }

    fn counted(&self, page: &mut Page) {
        let counters = self.store.counters();
        page.one("workbell_accepted_total", "counter", "Notifications accepted.", counters.accepted());
        page.head(
            "workbell_attempts_total",
            "counter",
            "Recorded attempts by class of failure, or Delivered.",
        );
        for (class, count) in counters.attempts() {
            page.line("workbell_attempts_total", &format!("{{class=\"{class}\"}}"), count);
        }
        let in_flight = self.engine.attempts_in_flight();
        page.one("workbell_in_flight", "gauge", "Attempts in flight.", in_flight);
        page.head("workbell_store_queries_total", "counter", "Transactions of the store.");
        page.line("workbell_store_queries_total", "{kind=\"read\"}", counters.reads());
        page.line("workbell_store_queries_total", "{kind=\"write\"}", counters.writes());
        let name = "workbell_store_commit_seconds";
        page.head(name, "histogram", "Time of a commit with what was written in it.");
        for (count, end) in counters.commits_within().into_iter().zip(COMMIT_BUCKETS) {
            let end = Duration::from_micros(end).as_secs_f64();
            page.line(&format!("{name}_bucket"), &format!("{{le=\"{end}\"}}"), count);
        }
        page.line(&format!("{name}_bucket"), "{le=\"+Inf\"}", counters.commits());
        page.line(&format!("{name}_sum"), "", counters.commit_time().as_secs_f64());
        page.line(&format!("{name}_count"), "", counters.commits());
        let help = "Commands in the commits; over the commits it is the batch size.";
        page.one("workbell_store_commands_total", "counter", help, counters.commands());
        let help = "Bytes of the write-ahead log after the last commit.";
        page.one("workbell_store_log_bytes", "gauge", help, counters.log_bytes());
        page.one("workbell_alerts_total", "counter", "Alerts raised.", counters.alerts());
        let writable = u8::from(self.store.trouble().is_none());
        page.one("workbell_store_writable", "gauge", "1 while the store takes writes.", writable);
    }
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.text().await {
        Ok(text) => answer::text(StatusCode::OK, TEXT, text.into()),
        Err(error) => {
            let text = format!("the store cannot be read: {error}\n");
            answer::text(StatusCode::SERVICE_UNAVAILABLE, TEXT, text.into())
        }
    }
}

/// Ids are made of letters, digits, `_` and `-`: nothing needs to be escaped.
fn labels(key: &EndpointKey) -> String {
    format!("{{company=\"{}\",endpoint=\"{}\"}}", key.company_id, key.endpoint_id)
}

/// What the system knows of this process; left out where it does not tell.
fn process(page: &mut Page) {
    /// Bytes of a page of memory, on what we run on.
    const PAGE_BYTES: u64 = 4096;
    let resident = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
    if let Some(pages) = resident {
        let bytes = pages.saturating_mul(PAGE_BYTES);
        page.one("process_resident_memory_bytes", "gauge", "Memory of the process.", bytes);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        page.one("process_open_fds", "gauge", "Open files and sockets.", files.count());
    }
}

struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _never_fails = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _never_fails = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        self.line(name, "", value);
    }
}
