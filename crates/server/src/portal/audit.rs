//! Audit: for the operator; who changed what, when, from where.

use std::collections::BTreeSet;

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::endpoint_view::text;
use super::frame::Frame;
use super::list::List;
use super::moment::Moment;
use super::page::{Guard, Page, show, show_with};
use super::plain::plain;
use super::visit::Visit;
use crate::problem::{Code, Problem};
use crate::route::Method;

pub(super) static PAGES: &[Page] = &[Page {
    method: Method::Get,
    path: "/portal/audit",
    guard: Guard::SignedIn,
    handler: |visit| Box::pin(page(visit)),
}];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    changed: Moment,
    act: String,
    company_id: Option<String>,
    subject: String,
    actor: String,
    actor_name: Option<String>,
    address: Option<String>,
    before: Option<Map<String, Value>>,
    after: Option<Map<String, Value>>,
}

impl Record {
    /// Each member that changed: its name, as it was, as it is.
    fn differences(&self) -> Vec<(String, Side, Side)> {
        let names = |members: &Option<Map<String, Value>>| {
            members.iter().flat_map(Map::keys).cloned().collect::<BTreeSet<_>>()
        };
        let value = |members: &Option<Map<String, Value>>, name: &str| {
            Side(members.as_ref().and_then(|members| members.get(name)).map(in_short).unwrap_or_default())
        };
        let is_said = |(_, before, after): &(String, Side, Side)| !before.is_empty() || !after.is_empty();
        let all = names(&self.before).into_iter().chain(names(&self.after)).collect::<BTreeSet<_>>();
        all.into_iter()
            .map(|name| {
                let (before, after) = (value(&self.before, &name), value(&self.after, &name));
                (name, before, after)
            })
            .filter(is_said)
            .collect()
    }
}

/// A value of a member, as it was or as it is.
#[derive(Debug, PartialEq)]
struct Side(String);

impl Side {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn text(&self) -> &str {
        &self.0
    }

    /// The same, when it is a moment.
    fn at(&self) -> Option<Moment> {
        let is_moment = self.0.ends_with('Z') && self.0.parse::<workbell_wire::Timestamp>().is_ok();
        is_moment.then(|| Moment::of(self.0.clone()))
    }
}

/// A value as people read it; nothing for null.
fn in_short(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(elements) => elements.iter().map(text).collect::<Vec<_>>().join(", "),
        other => plain(&text(other)),
    }
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    frame: Frame,
    records: List<Record>,
    company: String,
    subject: String,
    query: String,
    wrong: String,
}

async fn page(visit: Visit) -> Result<Response, Problem> {
    let (company, subject) = (visit.query.text("CompanyId"), visit.query.text("Subject"));
    let query =
        [("CompanyId", company), ("Subject", subject), ("After", visit.query.text("After")), ("Limit", "50")];
    let read = visit.read("listAudit", &[], &query).await;
    let (records, refused) = match read {
        Ok(records) => (records, None),
        Err(problem) if problem.code() == Code::SchemaViolation => {
            (List { items: Vec::new(), next: None }, Some(problem))
        }
        Err(problem) => return Err(problem),
    };
    let given = [("CompanyId", company), ("Subject", subject)].into_iter().filter(|(_, it)| !it.is_empty());
    let page = Audit {
        frame: Frame::titled(&visit, "Audit"),
        records,
        company: company.to_owned(),
        subject: subject.to_owned(),
        query: url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish(),
        wrong: refused.as_ref().map(Problem::in_short).unwrap_or_default(),
    };
    Ok(match refused {
        None => show(&page),
        Some(problem) => show_with(problem.status(), &page),
    })
}
