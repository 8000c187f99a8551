//! Health: how each endpoint does, with charts that come after the page.

use askama::Template;
use axum::response::Response;

use super::chart::{self, Chart, Series};
use super::endpoint_view::{EndpointView, HealthView};
use super::endpoints::Endpoints;
use super::frame::Frame;
use super::moment::Moment;
use super::page::{Guard, Page, show};
use super::visit::Visit;
use crate::problem::Problem;
use crate::route::Method;

pub(super) static PAGES: &[Page] = &[
    Page {
        method: Method::Get,
        path: "/portal/companies/{CompanyId}/health",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(page(visit)),
    },
    Page {
        method: Method::Get,
        path: "/portal/companies/{CompanyId}/health/{EndpointId}",
        guard: Guard::SignedIn,
        handler: |visit| Box::pin(charts(visit)),
    },
];

/// How much is shown: name in the address, label, hours, step.
const SPANS: [(&str, &str, u64, &str); 3] =
    [("1h", "Hour", 1, "1m"), ("24h", "Day", 24, "15m"), ("7d", "Week", 168, "2h")];

struct Row {
    endpoint: EndpointView,
    name: String,
    health: HealthView,
}

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    frame: Frame,
    here: String,
    configuration: String,
    rows: Vec<Row>,
    span: &'static str,
    spans: Vec<(&'static str, &'static str, bool)>,
    may_change: bool,
}

#[derive(Template)]
#[template(path = "health_charts.html")]
struct Charts {
    charts: Vec<Chart>,
    from: Moment,
    step: String,
}

fn span(visit: &Visit) -> (&'static str, &'static str, u64, &'static str) {
    let [first, ..] = SPANS;
    SPANS.into_iter().find(|(name, ..)| *name == visit.query.text("Span")).unwrap_or(first)
}

async fn page(visit: Visit) -> Result<Response, Problem> {
    let company = visit.company()?.company.company_id.to_string();
    let endpoints = Endpoints::read(&visit).await?;
    let mut rows = Vec::new();
    for endpoint in endpoints.all() {
        let path = [("EndpointId", endpoint.endpoint_id.as_str())];
        let health = visit.read("readEndpointHealth", &path, &[]).await?;
        rows.push(Row { name: endpoint.name(), endpoint: endpoint.clone(), health });
    }
    let (span, ..) = span(&visit);
    let page = HealthPage {
        frame: Frame::titled(&visit, "Health"),
        here: format!("{}/companies/{company}/health", super::ROOT),
        configuration: format!("{}/companies/{company}/configuration", super::ROOT),
        rows,
        span,
        spans: SPANS.map(|(name, label, ..)| (name, label, name == span)).to_vec(),
        may_change: visit.may_change(),
    };
    Ok(show(&page))
}

async fn charts(visit: Visit) -> Result<Response, Problem> {
    let (_, _, hours, step) = span(&visit);
    let now = visit.app.clock.now();
    let from = now.minus(std::time::Duration::from_secs(hours * 3600));
    let (from, to) = (from.to_string(), now.to_string());
    let query = [("From", from.as_str()), ("To", to.as_str()), ("Step", step)];
    let series: Series = visit.read("readEndpointTraffic", &[], &query).await?;
    let page = Charts {
        charts: vec![chart::attempts(&series), chart::latency(&series), chart::backlog(&series)],
        from: series.items.first().map(|step| step.start.clone()).unwrap_or_default(),
        step: series.step,
    };
    Ok(show(&page))
}
