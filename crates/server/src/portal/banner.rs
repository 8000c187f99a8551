//! Alerts that last, on top of every page, each with the way to where it can be mended.

use serde::Deserialize;
use workbell_model::EndpointKey;
use workbell_store::alert::AlertKind;

use super::list::List;
use super::number::Count;
use super::visit::Visit;

/// Most alerts on a page; the list of all is `GET /v1/alerts`.
const MOST: usize = 3;

/// What somebody should know of, in a sentence.
#[derive(Clone, Debug)]
pub(super) struct Alert {
    /// The class of its colour.
    pub(super) tone: &'static str,
    pub(super) sentence: String,
    /// Where it can be mended.
    pub(super) target: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raised {
    kind: String,
    company_id: Option<String>,
    subject: String,
    count: Count,
}

/// The alerts that a page shows: of the company that it is about, and of the service itself.
pub(super) async fn alerts(visit: &Visit) -> Vec<Alert> {
    let query = [("Lasting", "true"), ("Limit", "50")];
    // A page is worth more than its banner: what fails here fails there too, and is said there.
    let Ok(raised) = visit.read::<List<Raised>>("listAlerts", &[], &query).await else { return Vec::new() };
    let company = visit.path("CompanyId");
    let is_about =
        |it: &Raised| company.is_empty() || it.company_id.as_deref().is_none_or(|id| id == company);
    let all: Vec<_> = raised.items.iter().filter(|it| is_about(it)).collect();
    let mut alerts: Vec<_> = all.iter().take(MOST).map(|it| alert(visit, it)).collect();
    if let more @ 1.. = all.len().saturating_sub(MOST) {
        alerts.push(Alert {
            tone: "off",
            sentence: format!("{more} more like these."),
            target: (!company.is_empty()).then(|| format!("{}/companies/{company}/health", super::ROOT)),
        });
    }
    alerts
}

fn alert(visit: &Visit, raised: &Raised) -> Alert {
    let Raised { kind, company_id, subject, count } = raised;
    let company = company_id.as_deref().unwrap_or_default();
    let pages = format!("{}/companies/{company}", super::ROOT);
    let endpoint = || {
        let key = company.parse().ok().zip(subject.parse().ok());
        let key = key.map(|(company_id, endpoint_id)| EndpointKey { company_id, endpoint_id });
        let found = key.and_then(|key| visit.app.store.directory().endpoint(&key));
        let url = found.and_then(|endpoint| endpoint.settings.url.clone());
        let url = url.unwrap_or_else(|| "an endpoint".to_owned());
        // A page of the operator is about all companies.
        let owner = company.parse().ok().and_then(|id| visit.app.store.directory().company(&id));
        match owner.filter(|_| visit.path("CompanyId").is_empty()) {
            Some(owner) => format!("{url} of {}", owner.company.name),
            None => url,
        }
    };
    let known = AlertKind::ALL.into_iter().find(|known| known.name() == kind);
    let (tone, sentence, target) = match known {
        Some(AlertKind::EndpointDown) => (
            "bad",
            format!("Down: {} fails again and again; it is probed until it answers.", endpoint()),
            Some(format!("{pages}/configuration/endpoints/{subject}")),
        ),
        Some(AlertKind::EndpointPaused) => (
            "wait",
            format!("Paused: {} answered 410 Gone. Notifications wait.", endpoint()),
            Some(format!("{pages}/configuration/endpoints/{subject}")),
        ),
        Some(AlertKind::EndpointReopened) => ("good", format!("{} answers again.", endpoint()), None),
        Some(AlertKind::DeliveriesDying) => (
            "bad",
            format!("Given up: {count} in the last hour, to {}.", endpoint()),
            Some(format!("{pages}/queue?State=Dead&EndpointId={subject}")),
        ),
        Some(AlertKind::CertificateEnding) => (
            "wait",
            "The certificate of a signing key ends within 30 days.".to_owned(),
            visit.is_operator().then(|| format!("{}/keys", super::ROOT)),
        ),
        Some(AlertKind::DiskEnding) => ("bad", "The disk of the service is nearly full.".to_owned(), None),
        None => ("wait", kind.clone(), None),
    };
    Alert { tone, sentence, target }
}
