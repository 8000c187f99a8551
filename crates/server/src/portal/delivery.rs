//! A delivery as pages show it, and the page of one: where it stands, and its attempts.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::endpoints::Endpoints;
use super::frame::Frame;
use super::moment::Moment;
use super::page::show;
use super::record::Record;
use super::visit::Visit;
use crate::call::short;
use crate::problem::Problem;

/// A delivery as the interface answers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Delivery {
    pub(super) delivery_id: String,
    company_id: String,
    pub(super) endpoint_id: String,
    message_id: String,
    pub(super) action: String,
    pub(super) work_order_id: i64,
    pub(super) branch_id: i64,
    pub(super) sequence: u64,
    mode: String,
    pub(super) state: String,
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) in_flight: bool,
    waits_for: Option<String>,
    pub(super) behind: Option<String>,
    behind_sequence: Option<u64>,
    pub(super) attempt_count: u16,
    last_error: Option<String>,
    last_status: Option<u16>,
    pub(super) next_attempt_at: Option<Moment>,
    pub(super) accepted: Moment,
    finished: Option<Moment>,
}

impl Delivery {
    /// The class of its colour.
    pub(super) fn tone(&self) -> &'static str {
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
    pub(super) fn waits(&self) -> String {
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

    /// Whether somebody may have it tried again.
    pub(super) fn can_be_retried(&self) -> bool {
        self.state != "Delivered"
    }

    /// Whether somebody may take it out.
    pub(super) fn can_be_discarded(&self) -> bool {
        matches!(self.state.as_str(), "Pending" | "Retrying" | "Dead")
    }

    /// How the last attempt failed, in a word.
    pub(super) fn failure(&self) -> String {
        match (&self.last_error, self.last_status) {
            (Some(error), Some(status)) if error == "Status" => status.to_string(),
            (Some(error), _) => error.clone(),
            (None, _) => String::new(),
        }
    }
}

/// A delivery with its attempts.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Whole {
    #[serde(flatten)]
    delivery: Delivery,
    attempts: Vec<Record>,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    frame: Frame,
    here: String,
    log: String,
    configuration: String,
    delivery: Delivery,
    attempts: Vec<Record>,
    endpoints: Endpoints,
    may_change: bool,
}

/// The page of one delivery.
///
/// # Errors
/// It does not exist, or is another company's.
pub(super) async fn page(visit: Visit) -> Result<Response, Problem> {
    let company = visit.company()?.company.company_id.to_string();
    let Whole { delivery, attempts } = visit.read("readDelivery", &[], &[]).await?;
    if delivery.company_id != company {
        let id = short(visit.path("DeliveryId"));
        return Err(Problem::not_found(format_args!("delivery {id}")));
    }
    let pages = format!("{}/companies/{company}", super::ROOT);
    let page = DeliveryPage {
        frame: Frame::titled(&visit, format!("{} of work order {}", delivery.action, delivery.work_order_id)),
        here: format!("{pages}/queue"),
        log: format!("{pages}/log"),
        configuration: format!("{pages}/configuration"),
        endpoints: Endpoints::read(&visit).await?,
        may_change: visit.may_change(),
        delivery,
        attempts,
    };
    Ok(show(&page))
}
