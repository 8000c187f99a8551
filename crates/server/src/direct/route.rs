//! The table of calls: what the dispatcher, the OpenAPI document and the isolation test know of each.

use std::future::Future;
use std::pin::Pin;

use axum::response::Response;

use super::acts;
use super::call::Call;
use super::fault::Fault;
use super::feed;
use super::health;
use super::work_orders;
use crate::route::Method;
use crate::shape::{Member, Shape};

/// What a handler gives back.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<Response, Fault>> + Send>>;

/// One call.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// As documented; matched without regard to case.
    pub(crate) path: &'static str,
    /// The document's `operationId`.
    pub(crate) id: &'static str,
    /// What the communication log calls it: the action of an act, else the call.
    pub(crate) logged: &'static str,
    /// One line.
    pub(crate) summary: &'static str,
    /// Parameters of the query, for the document; others are not looked at.
    pub(crate) query: &'static [Member],
    /// The members of a body, beside which others may stand; `None`: a body is not looked at.
    pub(crate) takes: Option<&'static Shape>,
    /// What a `200` holds.
    pub(crate) gives: &'static Shape,
    pub(crate) handler: fn(Call) -> Answer,
}

/// All calls.
pub(crate) fn all() -> impl Iterator<Item = &'static Route> {
    let tables = [health::ROUTES, acts::ROUTES, work_orders::ROUTES, feed::ROUTES];
    tables.into_iter().flatten()
}
