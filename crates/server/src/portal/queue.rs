//! Queue: what waits, what was given up; retry and discard, one by one or by jobs with progress.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, json};
use workbell_store::traffic::MOST_TALLIED;

use super::delivery::{self, Delivery};
use super::endpoint_view::HealthView;
use super::endpoints::Endpoints;
use super::frame::Frame;
use super::job::Job;
use super::list::List;
use super::live::Live;
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
    page!(Get, "/standing", standing),
    page!(Get, "/jobs", jobs),
    page!(Post, "/jobs", create_job),
    page!(Post, "/jobs/{JobId}/cancel", cancel_job),
    page!(Get, "/{DeliveryId}", one),
    page!(Post, "/{DeliveryId}/retry", retry),
    page!(Post, "/{DeliveryId}/discard", discard),
];

/// States by which the list is parted; empty for all.
const STATES: [&str; 7] = ["", "Undelivered", "Pending", "Retrying", "Dead", "Discarded", "Delivered"];

struct Waiting {
    id: String,
    name: String,
    health: HealthView,
}

/// A state by which the list is parted.
struct Tab {
    name: &'static str,
    target: String,
    is_here: bool,
    /// How many are in it; empty where that is not counted.
    count: String,
}

/// How many stand in which state, as the interface answers it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tally {
    undelivered: u64,
    retrying: u64,
    dead: u64,
    discarded: u64,
}

impl Tally {
    /// How many are in a state; empty where that is not known.
    fn of(&self, state: &str) -> String {
        let said = |count: u64| {
            let more = if count >= MOST_TALLIED { "+" } else { "" };
            format!("{}{more}", Count(count))
        };
        match state {
            "Undelivered" => said(self.undelivered),
            "Pending" if self.undelivered < MOST_TALLIED => {
                said(self.undelivered.saturating_sub(self.retrying))
            }
            "Retrying" => said(self.retrying),
            "Dead" => said(self.dead),
            "Discarded" => said(self.discarded),
            _ => String::new(),
        }
    }
}

/// What waits where, and the tabs, which keep themselves up to date.
#[derive(Template)]
#[template(path = "queue_standing.html")]
struct Standing {
    here: String,
    waiting: Vec<Waiting>,
    tabs: Vec<Tab>,
}

/// The rows, which keep themselves up to date.
#[derive(Template)]
#[template(path = "queue_rows.html")]
struct Rows {
    here: String,
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
    endpoints: Endpoints,
    /// There is nothing at all.
    is_empty: bool,
    errors: &'static [&'static str],
    actions: Vec<&'static str>,
    may_change: bool,
    /// What a job would act on, in words.
    scope: String,
    /// What can be done to all that match.
    can_retry: bool,
    can_discard: bool,
    standing: String,
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
    let here = here(visit)?;
    let query = search.query();
    let older = list.next.map(|next| {
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        format!("{here}?{query}{}After={next}", if query.is_empty() { "" } else { "&" })
    });
    Ok(Rows {
        log: here.replace("/queue", "/log"),
        here,
        deliveries: list.items,
        endpoints,
        older,
        is_cut: search.is_any(),
        may_change: visit.may_change(),
    })
}

async fn stands(visit: &Visit, search: &Search) -> Result<Live, Problem> {
    let mut waiting = Vec::new();
    for endpoint in Endpoints::read(visit).await?.all() {
        let path = [("EndpointId", endpoint.endpoint_id.as_str())];
        let health = visit.read("readEndpointHealth", &path, &[]).await?;
        waiting.push(Waiting { id: endpoint.endpoint_id.clone(), name: endpoint.name(), health });
    }
    let tally: Tally = visit.read("readQueue", &[], &[]).await?;
    let here = here(visit)?;
    let tab = |state: &'static str| {
        let query = Search { state: state.to_owned(), ..search.clone() }.query();
        Tab {
            name: if state.is_empty() { "All" } else { state },
            target: if query.is_empty() { here.clone() } else { format!("{here}?{query}") },
            is_here: search.state == state,
            count: tally.of(state),
        }
    };
    let tabs = STATES.into_iter().map(tab).collect();
    let target = format!("{here}/standing");
    Ok(Live::new("standing", &target, &search.query(), 2, &Standing { here, waiting, tabs }))
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
    let wrong = match (search.message(), search.number()) {
        ("", "") => "",
        ("", _) => "A work order's id is a number. The usage log finds it by what people call it.",
        (_, _) => "The queue is searched by work order; the usage log finds a MessageId.",
    };
    wrong.clone_into(&mut search.wrong);
    let rows = match found(&visit, &search).await {
        Err(problem) if problem.code() == Code::SchemaViolation => {
            search.wrong = problem.in_short();
            found(&visit, &search).await?
        }
        other => other?,
    };
    let here = here(&visit)?;
    let is_first = visit.query.text("After").is_empty();
    let is_empty = is_first && rows.deliveries.is_empty() && !search.is_any();
    let expect = "templates write plain data into memory";
    let rows = if is_first { live(&here, &search, &rows).render() } else { rows.render() };
    let endpoints = Endpoints::read(&visit).await?;
    let page = QueuePage {
        frame: Frame::titled(&visit, "Queue"),
        is_empty,
        standing: stands(&visit, &search).await?.render().expect(expect),
        scope: scope(&search, &endpoints),
        can_retry: search.state != "Delivered",
        can_discard: !matches!(search.state.as_str(), "Discarded" | "Delivered"),
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

async fn standing(visit: Visit) -> Result<Response, Problem> {
    let search = Search::read(&visit.query);
    Ok(stands(&visit, &search).await?.answer(visit.query.text("Seen")))
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

async fn one(visit: Visit) -> Result<Response, Problem> {
    delivery::page(visit).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_say_where_they_stopped() {
        let tally = Tally { undelivered: 12, retrying: 4, dead: 10_000, discarded: 0 };
        let said = STATES.map(|state| tally.of(state));
        assert_eq!(said, ["", "12", "8", "4", "10,000+", "0", ""]);
        let full = Tally { undelivered: 10_000, ..tally };
        assert_eq!(full.of("Pending"), "", "how many were never tried is not known then");
    }
}
