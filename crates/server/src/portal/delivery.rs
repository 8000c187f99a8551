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

    /// Whether it was never tried: it is due since it was accepted, when it is the first of its work order.
    pub(super) fn waits_for_its_turn(&self) -> bool {
        self.state == "Pending" && self.attempt_count == 0
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
