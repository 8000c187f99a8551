//! `…/endpoints/{EndpointId}/health` and `/traffic`: how an endpoint does, now and over time.

use std::time::Duration;

use axum::response::Response;
use serde::Serialize;
use workbell_model::{Endpoint, Latencies, duration};
use workbell_store::traffic::{Backlog, MINUTE, MOST_TALLIED, Span, Traffic};
use workbell_wire::Timestamp;

use super::endpoints::endpoint;
use crate::answer;
use crate::call::Call;
use crate::check::{Faults, OUT_OF_RANGE};
use crate::problem::Problem;
use crate::route::{Gives, Guard, Method, Route, Takes};
use crate::shape::{Form, Member, Shape, always, maybe};

/// Most steps of one answer.
///
/// 1,500: a day in minutes, more than a chart has pixels for.
const MOST_STEPS: u64 = 1500;

/// How much is shown when nobody says from when.
const USUAL_SPAN: Duration = Duration::from_secs(3600);

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/v1/companies/{CompanyId}/endpoints/{EndpointId}/health",
        id: "readEndpointHealth",
        tag: "Endpoints",
        summary: "How an endpoint does: its state, what waits, what the last hour and day came to",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&HEALTH))],
        codes: &[],
        handler: |call| Box::pin(health(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/companies/{CompanyId}/endpoints/{EndpointId}/traffic",
        id: "readEndpointTraffic",
        tag: "Endpoints",
        summary: "What an endpoint's attempts came to and what waited, step by step, for charts; at most 1,500 steps",
        guard: Guard::Company,
        query: &[SPAN],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&TRAFFIC))],
        codes: &[],
        handler: |call| Box::pin(traffic(call)),
    },
    Route {
        method: Method::Get,
        path: "/v1/companies/{CompanyId}/queue",
        id: "readQueue",
        tag: "Deliveries",
        summary: "How many deliveries of a company stand in which state, each counted to 10,000",
        guard: Guard::Company,
        query: &[],
        takes: Takes::Nothing,
        gives: &[(200, Gives::One(&QUEUE))],
        codes: &[],
        handler: |call| Box::pin(queue(call)),
    },
];

const COUNT: Form = Form::Integer(0, i64::MAX);
const MICROS: Form = Form::Nullable(&Form::Integer(0, i64::MAX));

const SPAN: &[Member] = &[
    maybe("From", Form::Time, "Where it begins; an hour before `To` when missing."),
    maybe("To", Form::Time, "Where it ends; now when missing."),
    maybe(
        "Step",
        Form::Duration,
        "Whole minutes; `1m` when missing. Steps begin at multiples of it since 1970.",
    ),
];

static HEALTH: Shape = Shape {
    name: "EndpointHealth",
    note: "How an endpoint does.",
    members: &[
        always(
            "Health",
            Form::OneOf(&["Healthy", "Degraded", "Down", "Paused", "Off"]),
            "`Degraded`: an answered failure within the hour.",
        ),
        always("QueueSize", COUNT, "Undelivered deliveries."),
        always("OldestWaiting", Form::Nullable(&Form::Time), "When the oldest of them was accepted."),
        always("ConsecutiveFailures", COUNT, "Failed attempts since the last one that delivered."),
        always("Last1h", Form::Object(&SUM), "Attempts that began in the last hour, to the minute."),
        always("Last24h", Form::Object(&SUM), "Attempts that began in the last 24 hours, to the minute."),
    ],
};

static SUM: Shape = Shape {
    name: "TrafficSum",
    note: "What attempts came to. Latencies are upper bounds, at most 19 % too high.",
    members: &[
        always("Delivered", COUNT, "Attempts that delivered."),
        always("Failed", COUNT, "Attempts that failed."),
        always("LatencyP50", MICROS, "Half of those that delivered took at most so many microseconds."),
        always("LatencyP99", MICROS, "99 of 100 of those that delivered took at most so many microseconds."),
    ],
};

static TRAFFIC: Shape = Shape {
    name: "EndpointTraffic",
    note: "A series for charts.",
    members: &[
        always("Step", Form::Duration, "How long each step is."),
        always(
            "Items",
            Form::List(&Form::Object(&STEP), MOST_STEPS as usize),
            "Every step from `From` to `To`, earliest first; also those without attempts.",
        ),
    ],
};

static STEP: Shape = Shape {
    name: "TrafficStep",
    note: "What the attempts came to that began within a step.",
    members: &[
        always("Start", Form::Time, "When the step begins."),
        always("Delivered", COUNT, "Attempts that delivered."),
        always("Failed", COUNT, "Attempts that failed."),
        always("Answered", COUNT, "Those of the failed ones that were answered."),
        always("LatencyP50", MICROS, "Half of those that delivered took at most so many microseconds."),
        always("LatencyP99", MICROS, "99 of 100 of those that delivered took at most so many microseconds."),
        always("Waiting", COUNT, "The most live deliveries that waited at the end of one of its minutes."),
    ],
};

static QUEUE: Shape = Shape {
    name: "CompanyQueue",
    note: "How many deliveries of a company stand in which state. 10,000 are 10,000 or more.",
    members: &[
        always("Undelivered", TALLY, "Pending or Retrying, replays included."),
        always("Retrying", TALLY, "Those of them that were tried."),
        always("Dead", TALLY, "Given up."),
        always("Discarded", TALLY, "Taken out by hand or with their endpoint."),
    ],
};

const TALLY: Form = Form::Integer(0, MOST_TALLIED as i64);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
enum Health {
    Healthy,
    Degraded,
    Down,
    Paused,
    Off,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Members {
    health: Health,
    queue_size: u64,
    oldest_waiting: Option<Timestamp>,
    consecutive_failures: u32,
    #[serde(rename = "Last1h")]
    last_hour: Sum,
    #[serde(rename = "Last24h")]
    last_day: Sum,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Sum {
    delivered: u64,
    failed: u64,
    latency_p50: Option<u64>,
    latency_p99: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Series {
    step: String,
    items: Vec<Step>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Step {
    start: Timestamp,
    delivered: u64,
    failed: u64,
    answered: u64,
    latency_p50: Option<u64>,
    latency_p99: Option<u64>,
    waiting: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CompanyQueue {
    undelivered: u64,
    retrying: u64,
    dead: u64,
    discarded: u64,
}

fn micros(latencies: &Latencies, share: f64) -> Option<u64> {
    latencies.quantile(share).map(|duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

impl From<&Traffic> for Sum {
    fn from(traffic: &Traffic) -> Self {
        Sum {
            delivered: traffic.delivered,
            failed: traffic.failed,
            latency_p50: micros(&traffic.latencies, 0.5),
            latency_p99: micros(&traffic.latencies, 0.99),
        }
    }
}

impl Step {
    fn new(traffic: &Traffic, waiting: u64) -> Self {
        Step {
            start: traffic.start,
            delivered: traffic.delivered,
            failed: traffic.failed,
            answered: traffic.answered,
            latency_p50: micros(&traffic.latencies, 0.5),
            latency_p99: micros(&traffic.latencies, 0.99),
            waiting,
        }
    }
}

async fn queue(call: Call) -> Result<Response, Problem> {
    let company = call.company()?;
    let tally = call.app.store.tally(&company.company.company_id).await?;
    Ok(answer::ok(&CompanyQueue {
        undelivered: tally.undelivered,
        retrying: tally.retrying,
        dead: tally.dead,
        discarded: tally.discarded,
    }))
}

async fn health(call: Call) -> Result<Response, Problem> {
    let endpoint = endpoint(&call)?;
    let now = call.app.clock.now();
    let backlog = call.app.store.backlog(&endpoint.key).await?;
    // Until the end of this minute, so that what begins now is in it.
    let span = Span { from: now.minus(DAY).plus(MINUTE), to: now.plus(MINUTE), step: 1 };
    let minutes = call.app.store.traffic(&endpoint.key, span).await?;
    let mut last_hour = Traffic::none(now);
    let mut last_day = Traffic::none(now);
    for minute in &minutes {
        last_day.merge(minute);
        if minute.start > now.minus(HOUR) {
            last_hour.merge(minute);
        }
    }
    let state = call.app.store.directory().health(&endpoint.key);
    Ok(answer::ok(&members(&endpoint, &state, backlog, &last_hour, &last_day)))
}

fn members(
    endpoint: &Endpoint,
    state: &workbell_model::Health,
    backlog: Backlog,
    last_hour: &Traffic,
    last_day: &Traffic,
) -> Members {
    let health = if !endpoint.settings.enabled {
        Health::Off
    } else if endpoint.paused.is_some() {
        Health::Paused
    } else if state.down.is_some() {
        Health::Down
    } else if last_hour.answered > 0 {
        Health::Degraded
    } else {
        Health::Healthy
    };
    Members {
        health,
        queue_size: backlog.waiting,
        oldest_waiting: backlog.oldest,
        consecutive_failures: backlog.consecutive_failures,
        last_hour: last_hour.into(),
        last_day: last_day.into(),
    }
}

async fn traffic(call: Call) -> Result<Response, Problem> {
    let endpoint = endpoint(&call)?;
    let (step, first, end) = steps(&call)?;
    let minutes = u32::try_from(step / MINUTE_TICKS).unwrap_or(u32::MAX);
    let span = Span { from: Timestamp::from_ticks(first), to: Timestamp::from_ticks(end), step: minutes };
    let found = call.app.store.traffic(&endpoint.key, span).await?;
    let mut found = found.into_iter().peekable();
    let mut items = Vec::new();
    let mut start = first;
    for waiting in call.app.store.backlog_over(&endpoint.key, span).await? {
        let here = found.next_if(|traffic| traffic.start.ticks() == start);
        let traffic = here.unwrap_or_else(|| Traffic::none(Timestamp::from_ticks(start)));
        items.push(Step::new(&traffic, waiting));
        start += step;
    }
    let step = duration::format(MINUTE * minutes);
    Ok(answer::ok(&Series { step, items }))
}

/// Ticks of a minute.
const MINUTE_TICKS: i64 = 600_000_000;

/// Length of a step, begin of the first and end of the last one, in ticks.
fn steps(call: &Call) -> Result<(i64, i64, i64), Problem> {
    let mut faults = Faults::default();
    let to = call.query("To").unwrap_or_else(|| call.app.clock.now());
    let from: Timestamp = call.query("From").unwrap_or_else(|| to.minus(USUAL_SPAN));
    let step = call.query_text("Step").and_then(|text| duration::parse(text).ok()).unwrap_or(MINUTE);
    if step.is_zero() || !step.as_millis().is_multiple_of(MINUTE.as_millis()) {
        faults.add("?Step", OUT_OF_RANGE, "must be whole minutes, at least one");
    }
    if from >= to {
        faults.add("?From", OUT_OF_RANGE, "must be before To");
    }
    faults.into_result()?;
    let step = i64::try_from(step.as_nanos() / 100).unwrap_or(i64::MAX);
    let first = from.ticks().div_euclid(step).saturating_mul(step);
    let count = to.ticks().saturating_sub(first).saturating_sub(1) / step + 1;
    let mut faults = Faults::default();
    if u64::try_from(count).unwrap_or(u64::MAX) > MOST_STEPS {
        let message =
            format!("makes {count} steps from From to To; at most {MOST_STEPS} are given, take longer ones");
        faults.add("?Step", OUT_OF_RANGE, message);
    }
    faults.into_result()?;
    Ok((step, first, first.saturating_add(step.saturating_mul(count))))
}
