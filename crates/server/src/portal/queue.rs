//! Queue: what waits, what was given up; retry and discard, one by one or by jobs with progress.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::endpoint_view::HealthView;
use super::endpoints::Endpoints;
use super::frame::Frame;
use super::list::List;
use super::live::Live;
use super::moment::Moment;
use super::number::Count;
use super::page::{Guard, Page, show, to};
use super::search::{self, Search};
use super::visit::Visit;
use crate::platform::deliveries::ERRORS;
use crate::problem::{Code, Problem};
use crate::route::Method;

macro_rules! page {
    ($method:ident, $path:literal, $handler:ident) => {
        Page {
            method: Method::$method,
            path: concat!("/portal/companies/{CompanyId}/queue", $path),
            guard: Guard::SignedIn,
            handler: |visit| Box::pin($handler(visit)),
        }
    };
}

pub(super) static PAGES: &[Page] = &[
    page!(Get, "", list),
    page!(Get, "/rows", rows),
    page!(Get, "/jobs", jobs),
    page!(Post, "/jobs", create_job),
    page!(Post, "/jobs/{JobId}/cancel", cancel_job),
    page!(Post, "/{DeliveryId}/retry", retry),
    page!(Post, "/{DeliveryId}/discard", discard),
];

/// States by which the list is parted.
const STATES: [&str; 5] = ["Pending", "Retrying", "Dead", "Discarded", "Delivered"];

/// A delivery as the interface answers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delivery {
    delivery_id: String,
    endpoint_id: String,
    action: String,
    work_order_id: i64,
    branch_id: i64,
    sequence: u64,
    state: String,
    reason: Option<String>,
    #[serde(default)]
    in_flight: bool,
    waits_for: Option<String>,
    behind: Option<String>,
    behind_sequence: Option<u64>,
    attempt_count: u16,
    last_error: Option<String>,
    last_status: Option<u16>,
    next_attempt_at: Option<Moment>,
    accepted: Moment,
}

impl Delivery {
    /// The class of its colour.
    fn tone(&self) -> &'static str {
        if self.in_flight {
            return "busy";
        }
        match self.state.as_str() {
            "Delivered" => "good",
            "Dead" => "bad",
            "Retrying" => "wait",
            "Pending" => "busy",
            _ => "off",
        }
    }

    /// What it waits for; empty when that is a time, or nothing.
    fn waits(&self) -> String {
        match (self.waits_for.as_deref(), self.behind_sequence) {
            (Some("Store"), _) => "store takes no writes".to_owned(),
            (Some("Off"), _) => "endpoint off".to_owned(),
            (Some("Paused"), _) => "endpoint paused".to_owned(),
            (Some("Down"), _) => "endpoint down".to_owned(),
            (Some("Throttled"), _) => "endpoint throttled".to_owned(),
            (Some("Earlier"), Some(place)) => format!("behind place {place}"),
            (Some("Slot"), _) => "due".to_owned(),
            _ => String::new(),
        }
    }

    fn can_be_retried(&self) -> bool {
        self.state != "Delivered"
    }

    fn can_be_discarded(&self) -> bool {
        matches!(self.state.as_str(), "Pending" | "Retrying" | "Dead")
    }

    /// How the last attempt failed, in a word.
    fn failure(&self) -> String {
        match (&self.last_error, self.last_status) {
            (Some(error), Some(status)) if error == "Status" => status.to_string(),
            (Some(error), _) => error.clone(),
            (None, _) => String::new(),
        }
    }
}

/// A job as the interface answers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Job {
    job_id: String,
    kind: String,
    filter: Map<String, Value>,
    state: String,
    total: Option<u64>,
    done: Count,
    skipped: Count,
    failed: Count,
    created: Moment,
}

impl Job {
    fn tone(&self) -> &'static str {
        match self.state.as_str() {
            "Running" => "busy",
            "Finished" => "good",
            _ => "off",
        }
    }

    fn over(&self) -> Count {
        Count(self.done.0 + self.skipped.0 + self.failed.0)
    }

    fn total(&self) -> Count {
        Count(self.total.unwrap_or_default())
    }

    /// What it acts on, in words.
    fn scope(&self, endpoints: &Endpoints) -> String {
        let said = |(name, value): (&String, &Value)| {
            let value = super::endpoint_view::text(value);
            match name.as_str() {
                "CompanyId" => None,
                "EndpointId" => Some(format!("to {}", endpoints.name(Some(&value)))),
                "WorkOrderId" => Some(format!("work order {value}")),
                "From" => Some(format!("from {value}")),
                "To" => Some(format!("before {value}")),
                _ => Some(value),
            }
        };
        let parts: Vec<_> =
            self.filter.iter().filter(|(_, value)| !value.is_null()).filter_map(said).collect();
        if parts.is_empty() { "everything".to_owned() } else { parts.join(", ") }
    }
}

struct Waiting {
    id: String,
    name: String,
    health: HealthView,
}

/// Counts and rows, which keep themselves up to date.
#[derive(Template)]
#[template(path = "queue_rows.html")]
struct Rows {
    here: String,
    waiting: Vec<Waiting>,
    deliveries: Vec<Delivery>,
    endpoints: Endpoints,
    older: Option<String>,
    is_cut: bool,
    may_change: bool,
    log: String,
}

#[derive(Template)]
#[template(path = "queue_jobs.html")]
struct Jobs {
    here: String,
    jobs: Vec<Job>,
    endpoints: Endpoints,
    may_change: bool,
}

#[derive(Template)]
#[template(path = "queue.html")]
struct QueuePage {
    frame: Frame,
    here: String,
    search: Search,
    states: Vec<(&'static str, String, bool)>,
    endpoints: Endpoints,
    errors: &'static [&'static str],
    actions: Vec<&'static str>,
    may_change: bool,
    /// What a job would act on, in words.
    scope: String,
    /// What can be done to all that match.
    can_retry: bool,
    can_discard: bool,
    rows: String,
    jobs: String,
}

fn here(visit: &Visit) -> Result<String, Problem> {
    Ok(format!("{}/companies/{}/queue", super::ROOT, visit.company()?.company.company_id))
}

async fn found(visit: &Visit, search: &Search) -> Result<Rows, Problem> {
    let (from, to) = (search::moment(&search.from), search::moment(&search.to));
    let query = [
        ("CompanyId", visit.path("CompanyId")),
        ("State", &search.state),
        ("WorkOrderId", search.work_order()),
        ("EndpointId", &search.endpoint),
        ("Action", &search.action),
        ("Error", &search.error),
        ("From", &from),
        ("To", &to),
        ("After", visit.query.text("After")),
    ];
    let mut list = List { items: Vec::new(), next: None };
    if search.wrong.is_empty() {
        list = visit.read("listDeliveries", &[], &query).await?;
    }
    let endpoints = Endpoints::read(visit).await?;
    let mut waiting = Vec::new();
    for endpoint in endpoints.all() {
        let path = [("EndpointId", endpoint.endpoint_id.as_str())];
        let health = visit.read("readEndpointHealth", &path, &[]).await?;
        waiting.push(Waiting { id: endpoint.endpoint_id.clone(), name: endpoint.name(), health });
    }
    let here = here(visit)?;
    let query = search.query();
    let older = list.next.map(|next| {
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        format!("{here}?{query}{}After={next}", if query.is_empty() { "" } else { "&" })
    });
    Ok(Rows {
        log: here.replace("/queue", "/log"),
        here,
        waiting,
        deliveries: list.items,
        endpoints,
        older,
        is_cut: search.is_any(),
        may_change: visit.may_change(),
    })
}

fn live(here: &str, search: &Search, rows: &Rows) -> Live {
    Live::new("rows", &format!("{here}/rows"), &search.query(), 2, rows)
}

async fn known_jobs(visit: &Visit) -> Result<Live, Problem> {
    let query = [("CompanyId", visit.path("CompanyId")), ("Limit", "10")];
    let list: List<Job> = visit.read("listJobs", &[], &query).await?;
    let here = here(visit)?;
    let target = format!("{here}/jobs");
    let endpoints = Endpoints::read(visit).await?;
    let jobs = Jobs { here, jobs: list.items, endpoints, may_change: visit.may_change() };
    Ok(Live::new("jobs", &target, "", 1, &jobs))
}

async fn list(visit: Visit) -> Result<Response, Problem> {
    let mut search = Search::read(&visit.query);
    if search.wrong.is_empty() && !search.message().is_empty() {
        "The queue is searched by work order; the usage log finds a MessageId.".clone_into(&mut search.wrong);
    }
    let rows = match found(&visit, &search).await {
        Err(problem) if problem.code() == Code::SchemaViolation => {
            search.wrong = problem.in_short();
            found(&visit, &search).await?
        }
        other => other?,
    };
    let here = here(&visit)?;
    let is_first = visit.query.text("After").is_empty();
    let expect = "templates write plain data into memory";
    let rows = if is_first { live(&here, &search, &rows).render() } else { rows.render() };
    let tab = |state: &'static str| {
        let query = Search { state: state.to_owned(), ..search.clone() }.query();
        let target = if query.is_empty() { here.clone() } else { format!("{here}?{query}") };
        (if state.is_empty() { "All" } else { state }, target, search.state == state)
    };
    let endpoints = Endpoints::read(&visit).await?;
    let page = QueuePage {
        frame: Frame::titled(&visit, "Queue"),
        states: std::iter::once("").chain(STATES).map(tab).collect(),
        scope: scope(&search, &endpoints),
        can_retry: search.state != "Delivered",
        can_discard: matches!(search.state.as_str(), "" | "Pending" | "Retrying" | "Dead"),
        errors: ERRORS,
        actions: workbell_wire::Action::ALL.iter().map(|action| action.name()).collect(),
        may_change: visit.may_change(),
        rows: rows.expect(expect),
        jobs: known_jobs(&visit).await?.render().expect(expect),
        here,
        search,
        endpoints,
    };
    Ok(show(&page))
}

/// What is looked for, in words.
fn scope(search: &Search, endpoints: &Endpoints) -> String {
    let mut parts = Vec::new();
    if !search.state.is_empty() {
        parts.push(search.state.clone());
    }
    if !search.work_order().is_empty() {
        parts.push(format!("of work order {}", search.work_order()));
    }
    if !search.endpoint.is_empty() {
        parts.push(format!("to {}", endpoints.name(Some(&search.endpoint))));
    }
    for text in [&search.action, &search.error] {
        if !text.is_empty() {
            parts.push(text.clone());
        }
    }
    if !search.from.is_empty() || !search.to.is_empty() {
        parts.push("in this span of time".to_owned());
    }
    if parts.is_empty() { "all of this company".to_owned() } else { parts.join(", ") }
}

async fn rows(visit: Visit) -> Result<Response, Problem> {
    let search = Search::read(&visit.query);
    let rows = found(&visit, &search).await?;
    Ok(live(&here(&visit)?, &search, &rows).answer(visit.query.text("Seen")))
}

async fn jobs(visit: Visit) -> Result<Response, Problem> {
    Ok(known_jobs(&visit).await?.answer(visit.query.text("Seen")))
}

async fn create_job(visit: Visit) -> Result<Response, Problem> {
    let search = Search::read(&visit.form);
    let mut filter = Map::new();
    filter.insert("CompanyId".to_owned(), json!(visit.company()?.company.company_id));
    let texts = [
        ("State", search.state.clone()),
        ("EndpointId", search.endpoint.clone()),
        ("Action", search.action.clone()),
        ("Error", search.error.clone()),
        ("From", search::moment(&search.from)),
        ("To", search::moment(&search.to)),
    ];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        filter.insert(name.to_owned(), json!(text));
    }
    if !search.find.is_empty() {
        let number = search.work_order().parse::<i64>().map_or_else(|_| json!(search.find), |it| json!(it));
        filter.insert("WorkOrderId".to_owned(), number);
    }
    let job = json!({ "Kind": visit.form.text("Kind"), "Filter": filter });
    visit.ask("createJob", &[], &[], Some(job)).await?;
    let query = search.query();
    Ok(to(&format!("{}?{query}{}Done=job#jobs", here(&visit)?, if query.is_empty() { "" } else { "&" })))
}

async fn cancel_job(visit: Visit) -> Result<Response, Problem> {
    visit.ask("cancelJob", &[], &[], None).await?;
    Ok(to(&format!("{}?Done=cancelled#jobs", here(&visit)?)))
}

async fn retry(visit: Visit) -> Result<Response, Problem> {
    by_hand(&visit, "retryDelivery", "retried").await
}

async fn discard(visit: Visit) -> Result<Response, Problem> {
    by_hand(&visit, "discardDelivery", "discarded").await
}

async fn by_hand(visit: &Visit, route: &'static str, done: &str) -> Result<Response, Problem> {
    // What is another company's is not of this page, for the operator neither.
    let delivery = visit.ask("readDelivery", &[], &[], None).await?;
    if delivery["CompanyId"].as_str() != Some(visit.path("CompanyId")) {
        let id = crate::call::short(visit.path("DeliveryId"));
        return Err(Problem::not_found(format_args!("delivery {id}")));
    }
    visit.ask(route, &[], &[], None).await?;
    let query = Search::read(&visit.form).query();
    Ok(to(&format!("{}?{query}{}Done={done}", here(visit)?, if query.is_empty() { "" } else { "&" })))
}
