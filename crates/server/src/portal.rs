//! The portal, `/portal`: the pages that people see.
//!
//! A page is an entry of a table, as a route is. Who opens it is known by a session's cookie alone, and what a page
//! shows or does goes through the routes of the platform interface ([`visit::Visit::ask`]) with the rights of who
//! signed in, so nothing can be done here that is not documented there. Pages are whole without a script; htmx and a
//! script of ours make them live. There is no inline script or style. Source: service.md sections 7 and 9.

mod assets;
mod audit;
mod banner;
mod chart;
mod companies;
mod configuration;
mod cookie;
mod delivery;
mod emulator;
mod endpoint;
mod endpoint_form;
mod endpoint_view;
mod endpoints;
mod frame;
mod health;
mod home;
mod job;
mod keys;
mod list;
mod live;
mod log;
mod moment;
mod number;
mod page;
mod pairs;
mod password_link;
mod people;
mod plain;
mod queue;
mod record;
mod search;
mod sign_in;
mod visit;
mod work_orders;
mod wrongs;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{MethodRouter, get, post};

use crate::app::App;
use crate::route::Method;

/// Where the portal is.
pub(crate) const ROOT: &str = "/portal";

/// A one-time link with this secret.
pub(crate) fn link(public_url: &str, secret: &str) -> String {
    format!("{}{ROOT}/link/{secret}", public_url.trim_end_matches('/'))
}

/// The router of all pages and of what they are made of.
pub(crate) fn router() -> Router<Arc<App>> {
    let tables = [
        home::PAGES,
        sign_in::PAGES,
        password_link::PAGES,
        configuration::PAGES,
        endpoint::PAGES,
        emulator::PAGES,
        work_orders::PAGES,
        log::PAGES,
        queue::PAGES,
        health::PAGES,
        people::PAGES,
        companies::PAGES,
        keys::PAGES,
        audit::PAGES,
    ];
    let mut router = Router::new().route("/portal/assets/{Name}", get(assets::serve));
    for page in tables.into_iter().flatten() {
        let handler = move |State(app): State<Arc<App>>, request: Request| page::serve(page, app, request);
        let method: MethodRouter<Arc<App>> = match page.method {
            Method::Get => get(handler),
            Method::Post | Method::Put | Method::Patch | Method::Delete => post(handler),
        };
        router = router.route(page.path, method);
    }
    router
}
