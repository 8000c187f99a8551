//! Usage log: every attempt and every request of the Direct API, as it happens; one record whole.

use askama::Template;
use axum::response::Response;

use super::endpoints::Endpoints;
use super::frame::Frame;
use super::list::List;
use super::live::Live;
use super::page::{Guard, Page, show};
use super::record::Record;
use super::search::{self, Search};
use super::visit::Visit;
use crate::call::short;
use crate::platform::deliveries::ERRORS;
use crate::problem::Problem;
use crate::route::Method;

pub(super) static PAGES: &[Page] = &[
    Page {
        method: Method::Get,
        path: "/portal/companies/{CompanyId}/log",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(list(visit)),
    },
    Page {
        method: Method::Get,
        path: "/portal/companies/{CompanyId}/log/rows",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(rows(visit)),
    },
    Page {
        method: Method::Get,
        path: "/portal/companies/{CompanyId}/log/records/{LogId}",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(record(visit)),
    },
];

/// The rows of the log, which keep themselves up to date.
#[derive(Template)]
#[template(path = "log_rows.html")]
struct Rows {
    here: String,
    records: Vec<Record>,
    endpoints: Endpoints,
    older: Option<String>,
    is_cut: bool,
}

#[derive(Template)]
#[template(path = "log.html")]
struct LogPage {
    frame: Frame,
    here: String,
    search: Search,
    endpoints: Endpoints,
    errors: &'static [&'static str],
    actions: Vec<&'static str>,
    rows: String,
    is_live: bool,
    is_first: bool,
    query: String,
    /// The time line of the work order that is looked for, when Workbell holds it.
    time_line: Option<String>,
}

#[derive(Template)]
#[template(path = "log_record.html")]
struct RecordPage {
    frame: Frame,
    here: String,
    queue: String,
    record: Record,
    endpoint: String,
}

fn here(visit: &Visit) -> Result<String, Problem> {
    Ok(format!("{}/companies/{}/log", super::ROOT, visit.company()?.company.company_id))
}

async fn found(visit: &Visit, search: &Search) -> Result<Rows, Problem> {
    let company = visit.path("CompanyId");
    let (from, to) = (search::moment(&search.from), search::moment(&search.to));
    let query = [
        ("CompanyId", company),
        ("WorkOrderId", search.work_order()),
        ("WorkOrderNumber", search.number()),
        ("MessageId", search.message()),
        ("EndpointId", &search.endpoint),
        ("Action", &search.action),
        ("Direction", &search.direction),
        ("Status", &search.status),
        ("Error", &search.error),
        ("From", &from),
        ("To", &to),
        ("After", visit.query.text("After")),
    ];
    let mut list = List { items: Vec::new(), next: None };
    if search.wrong.is_empty() {
        list = visit.read("listLog", &[], &query).await?;
    }
    let here = here(visit)?;
    let query = search.query();
    let older = list.next.map(|next| {
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        format!("{here}?{query}{}After={next}", if query.is_empty() { "" } else { "&" })
    });
    let endpoints = Endpoints::read(visit).await?;
    Ok(Rows { here, records: list.items, endpoints, older, is_cut: search.is_any() })
}

fn live(here: &str, search: &Search, rows: &Rows) -> Live {
    Live::new("rows", &format!("{here}/rows"), &search.query(), 2, rows)
}

async fn list(visit: Visit) -> Result<Response, Problem> {
    let mut search = Search::read(&visit.query);
    let rows = match found(&visit, &search).await {
        Err(problem) if problem.code() == crate::problem::Code::SchemaViolation => {
            search.wrong = problem.in_short();
            found(&visit, &search).await?
        }
        other => other?,
    };
    let here = here(&visit)?;
    let is_first = visit.query.text("After").is_empty();
    if is_first
        && rows.records.is_empty()
        && rows.older.is_none()
        && !search.number().is_empty()
        && search.wrong.is_empty()
    {
        "Nothing is found. A work order is a number, or what people call it; a MessageId is a GUID."
            .clone_into(&mut search.wrong);
    }
    let is_live = is_first && visit.query.text("Live") == "on";
    let rows = if is_live { live(&here, &search, &rows).render() } else { rows.render() };
    let time_line = match search.work_order() {
        "" => None,
        id => {
            let held = visit.ask("readWorkOrder", &[("WorkOrderId", id)], &[], None).await;
            let is_ours =
                |order: &serde_json::Value| order["CompanyId"].as_str() == Some(visit.path("CompanyId"));
            held.ok().filter(is_ours).map(|_| format!("{}/{id}", here.replace("/log", "/work-orders")))
        }
    };
    let page = LogPage {
        time_line,
        frame: Frame::titled(&visit, "Usage log"),
        here,
        endpoints: Endpoints::read(&visit).await?,
        errors: ERRORS,
        actions: workbell_wire::Action::ALL.iter().map(|action| action.name()).collect(),
        rows: rows.expect("templates write plain data into memory"),
        is_live,
        is_first,
        query: search.query(),
        search,
    };
    Ok(show(&page))
}

async fn rows(visit: Visit) -> Result<Response, Problem> {
    let search = Search::read(&visit.query);
    let rows = found(&visit, &search).await?;
    Ok(live(&here(&visit)?, &search, &rows).answer(visit.query.text("Seen")))
}

async fn record(visit: Visit) -> Result<Response, Problem> {
    let record: Record = visit.read("readLogRecord", &[], &[]).await?;
    let company = visit.company()?.company.company_id.to_string();
    if record.company_id != company {
        let id = short(visit.path("LogId"));
        return Err(Problem::not_found(format_args!("log record {id}")));
    }
    let endpoint = Endpoints::read(&visit).await?.name(record.endpoint_id.as_deref());
    let page = RecordPage {
        frame: Frame::titled(&visit, format!("{} of work order {}", record.action, record.work_order_id)),
        here: here(&visit)?,
        queue: format!("{}/companies/{company}/queue", super::ROOT),
        record,
        endpoint,
    };
    Ok(show(&page))
}
