//! The table of routes: each entry says all that the router, the checks and the OpenAPI document need to know.
//!
//! The entries stand with their handlers, one table per noun; [`all`] puts them together. A route that is not here
//! does not exist, and one that is here is served and documented.

use std::future::Future;
use std::pin::Pin;

use axum::response::Response;

use crate::call::Call;
use crate::check::{Faults, Mode};
use crate::problem::{Code, Problem};
use crate::shape::{Form, Member, Shape, maybe};
use crate::{platform, public};

/// What a handler gives back.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// One method of one path.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// With `{Parameters}`, as axum and OpenAPI both write them.
    pub(crate) path: &'static str,
    /// The document's `operationId`.
    pub(crate) id: &'static str,
    /// Which group it belongs to.
    pub(crate) tag: &'static str,
    /// One line.
    pub(crate) summary: &'static str,
    pub(crate) guard: Guard,
    /// Query parameters; any other is refused.
    pub(crate) query: &'static [&'static [Member]],
    pub(crate) takes: Takes,
    /// Status and content of each answer that is no problem.
    pub(crate) gives: &'static [(u16, Gives)],
    /// Problems beside those that follow from guard, path, query and body.
    pub(crate) codes: &'static [Code],
    pub(crate) handler: fn(Call) -> Answer,
}

/// Methods of HTTP that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Anybody.
    Open,
    /// The operator: who has the platform key, or signed in with it. The usual guard below `/v1`.
    Platform,
    /// The operator; of the company's own people, Readers where it only reads, Admins also where it writes. What is
    /// another company's answers as if it did not exist.
    Company,
}

/// What a body may be.
#[derive(Debug)]
pub(crate) enum Takes {
    /// None.
    Nothing,
    /// An object of this shape, or no body at all, which is the same as `{}`.
    Maybe(&'static Shape),
    /// An object of this shape.
    Whole(&'static Shape),
    /// The members of this shape that are to change.
    Partial(&'static Shape),
    /// An object of this shape, or the members of it that are to change, and what else is to be said of them.
    Judged(&'static Shape, Mode, Judge),
    /// An object with these members and others, as large as a notification; the handler reads and checks it.
    Open(&'static Shape),
    /// A notification or an array of them.
    Notifications,
}

/// Says what is wrong with a body beyond its form: what is held against the settings, the company, the other members.
///
/// It is asked also when faults of form were found, so that all are told at once: what is not of its form counts as not
/// given, and where [`Faults::are_at`] a place already, nothing is to be added that follows from the same mistake.
///
/// # Errors
/// What the path names does not exist.
pub(crate) type Judge = fn(&Call, &mut Faults) -> Result<(), Problem>;

/// What an answer holds.
#[derive(Debug)]
pub(crate) enum Gives {
    Nothing,
    One(&'static Shape),
    /// `{ "Items": […], "Next" }`.
    Page(&'static Shape),
    /// An array, one element per published item: this, or a problem.
    PerItem(&'static Shape),
    /// Any JSON object; what it is.
    Json(&'static str),
    /// A text of this media type; what it is.
    Text(&'static str, &'static str),
}

/// Parameters of every list.
pub(crate) const PAGING: &[Member] = &[
    maybe("After", Form::Text(1, 500), "Where to go on: `Next` of the page before. Opaque."),
    maybe(
        "Limit",
        Form::Integer(1, i64::MAX),
        "Items at most; 50 when missing, more than 500 is cut to 500.",
    ),
];

/// The parameter of every `DELETE` that may meet undelivered deliveries.
pub(crate) const UNDELIVERED: &[Member] = &[maybe(
    "Undelivered",
    Form::OneOf(&["Discard"]),
    "`Discard` discards what is undelivered; without it, the call is refused while something is.",
)];

/// All routes, by group.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    let tables = [
        platform::notifications::ROUTES,
        platform::companies::ROUTES,
        platform::branches::ROUTES,
        platform::clients::ROUTES,
        platform::people::ROUTES,
        platform::endpoints::ROUTES,
        platform::emulate::ROUTES,
        platform::health::ROUTES,
        platform::actions::ROUTES,
        platform::deliveries::ROUTES,
        platform::work_orders::ROUTES,
        platform::customers::ROUTES,
        platform::jobs::ROUTES,
        platform::log::ROUTES,
        platform::keys::ROUTES,
        platform::audit::ROUTES,
        platform::alerts::ROUTES,
        public::ROUTES,
    ];
    tables.into_iter().flatten()
}

impl Route {
    /// The parameters of the path, in order.
    pub(crate) fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// The parameters of the query.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &'static Member> {
        self.query.iter().copied().flatten()
    }

    /// Every problem that it can answer, by status.
    pub(crate) fn problems(&self) -> Vec<Code> {
        let mut codes = vec![Code::InternalError];
        codes.extend(self.codes);
        if self.guard != Guard::Open {
            codes.extend([Code::Unauthorized, Code::Forbidden]);
        }
        if self.path_parameters().next().is_some() {
            codes.push(Code::NotFound);
        }
        // Every query is checked, also where no parameter is known.
        codes.push(Code::SchemaViolation);
        if !matches!(self.takes, Takes::Nothing) {
            codes.extend([
                Code::InvalidJson,
                Code::UnsupportedMediaType,
                Code::BodyTooLarge,
                Code::RequestTimeout,
                Code::QueueFull,
            ]);
        }
        if self.method != Method::Get {
            codes.extend([Code::QueueFull, Code::StoreUnavailable, Code::DiskFull]);
        }
        codes.sort_by_key(|code| (code.status(), *code));
        codes.dedup();
        codes
    }
}

impl Method {
    /// As it stands in a request.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_and_method_and_no_operation_id_stands_twice() {
        let mut seen = std::collections::BTreeSet::new();
        let mut ids = std::collections::BTreeSet::new();
        for route in all() {
            assert!(seen.insert((route.path, route.method)), "{} {}", route.method.name(), route.path);
            assert!(ids.insert(route.id), "{}", route.id);
            assert!(!route.gives.is_empty(), "{}", route.id);
        }
    }

    #[test]
    fn everything_below_v1_asks_who_calls() {
        for route in all() {
            assert_eq!(route.path.starts_with("/v1/"), route.guard != Guard::Open, "{}", route.path);
        }
    }
}
