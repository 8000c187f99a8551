//! The axum router, made from the table of routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};

use crate::app::App;
use crate::dispatch::dispatch;
use crate::problem::{Code, Problem};
use crate::route::{self, Guard, Method, Route};
use crate::{direct, oauth, portal};

/// Which interfaces a listener serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interfaces {
    /// All of them.
    All,
    /// All but the platform interface, which has a listener of its own.
    Public,
    /// The platform interface, and whether the service is up.
    Platform,
}

impl Interfaces {
    fn include(self, route: &Route) -> bool {
        match self {
            Interfaces::All => true,
            Interfaces::Public => route.guard == Guard::Open,
            Interfaces::Platform => {
                route.guard != Guard::Open || matches!(route.path, "/healthz" | "/readyz")
            }
        }
    }
}

/// The router for these interfaces.
pub fn router(app: Arc<App>, interfaces: Interfaces) -> Router {
    let mut paths: BTreeMap<&str, MethodRouter<Arc<App>>> = BTreeMap::new();
    for route in route::all().filter(|route| interfaces.include(route)) {
        let handler = move |State(app): State<Arc<App>>, request: Request| dispatch(route, app, request);
        let methods = paths.remove(route.path).unwrap_or_default();
        paths.insert(route.path, methods.on(filter(route.method), handler));
    }
    let router = paths.into_iter().fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    let router = match interfaces {
        Interfaces::All | Interfaces::Public => router.merge(portal::router()),
        Interfaces::Platform => router,
    };
    // axum adds Allow to the answer of the second fallback by itself.
    let fallback =
        move |State(app): State<Arc<App>>, request: Request| without_case(interfaces, app, request);
    router.fallback(fallback).method_not_allowed_fallback(no_such_method).with_state(app)
}

const fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

/// Paths that are matched without regard to case, and those that do not exist.
async fn without_case(interfaces: Interfaces, app: Arc<App>, request: Request) -> Response {
    let path = request.uri().path();
    if interfaces != Interfaces::Platform {
        if oauth::is_here(path) {
            return oauth::serve(app, request).await;
        }
        if direct::is_here(path) {
            return direct::serve(app, request).await;
        }
    }
    no_such_path(&request).into_response()
}

fn no_such_path(request: &Request) -> impl IntoResponse {
    Problem::not_found(format_args!("the path {}", crate::call::short(request.uri().path())))
}

async fn no_such_method(request: Request) -> impl IntoResponse {
    let detail =
        format!("{} is not a method of this path; see Allow", crate::call::short(request.method().as_str()));
    Problem::new(Code::MethodNotAllowed, detail)
}
