//! Where endpoints may be: the authorities that are trusted, and every endpoint's URL against the address policy.
//!
//! Names are looked up, nothing is dialled. `workbell check URL` is what sends something.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use workbell_egress::{Client, ClientOptions, Host, Policy, Resolve as _, SystemResolver, Target};
use workbell_store::sqlite::Inspection;

use super::finding::{Check, Finding};
use crate::settings::Settings;
use crate::{alerts, serve};

/// Longest wait for the address of one name.
const LONGEST_LOOK_UP: Duration = Duration::from_secs(10);

/// Most endpoints that are named one by one.
///
/// 20: a wrong `egress.deny` refuses all of them, and the first few tell as much.
const MOST_NAMED: usize = 20;

pub(super) async fn check(settings: &Settings, inspection: Option<&Inspection>) -> Vec<Finding> {
    let own = [Some(settings.general.listen), settings.platform.listen, settings.metrics.listen];
    let policy = serve::policy(settings, own.into_iter().flatten().collect());
    let ca_file = settings.egress.ca_file.clone();
    if let Err(error) = Client::new(ClientOptions { ca_file, ..ClientOptions::new(policy.clone()) }) {
        return vec![Finding::bad(
            Check::Egress,
            error.to_string(),
            "mend the file, or leave egress.ca_file out",
        )];
    }
    let mut targets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, endpoint) in inspection.into_iter().flat_map(|inspection| &inspection.endpoints) {
        if let Some(url) = endpoint.url.as_ref().filter(|_| endpoint.enabled) {
            targets.entry(url.clone()).or_default().push(format!("{}/{}", key.company_id, key.endpoint_id));
        }
    }
    let number = targets.len();
    let mut findings = judge_all(targets, &policy).await;
    if let Some(url) = &settings.alerts.url {
        let own = alerts::policy(settings, policy.own.clone());
        let users = BTreeMap::from([(url.as_str().to_owned(), vec!["alerts.url".to_owned()])]);
        findings.extend(judge_all(users, &own).await);
    }
    if findings.is_empty() {
        let seen = if number == 0 {
            "there is no endpoint to dial yet".to_owned()
        } else {
            format!("all {number} URLs of endpoints may be dialled")
        };
        findings.push(Finding::good(Check::Egress, seen));
    }
    findings
}

async fn judge_all(targets: BTreeMap<String, Vec<String>>, policy: &Policy) -> Vec<Finding> {
    let mut judging = JoinSet::new();
    let resolver = SystemResolver::default();
    for (url, users) in targets {
        let (policy, resolver) = (policy.clone(), resolver.clone());
        judging
            .spawn(async move { judge(&url, &policy, &resolver).await.map(|finding| (url, users, finding)) });
    }
    let mut found: Vec<(String, Vec<String>, Finding)> =
        judging.join_all().await.into_iter().flatten().collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let more = found.len().saturating_sub(MOST_NAMED);
    let mut findings: Vec<Finding> = found
        .into_iter()
        .take(MOST_NAMED)
        .map(|(url, users, finding)| {
            let others = users.len().saturating_sub(1);
            let user = users.into_iter().next().unwrap_or_default();
            let user = if others == 0 { user } else { format!("{user} and {others} others") };
            Finding { seen: format!("{url} ({user}): {}", finding.seen), ..finding }
        })
        .collect();
    if more > 0 {
        let advice = "mend the ones above first";
        findings.push(Finding::warning(
            Check::Egress,
            format!("{more} more URLs are refused or unknown"),
            advice,
        ));
    }
    findings
}

/// What is wrong with one URL.
async fn judge(url: &str, policy: &Policy, resolver: &SystemResolver) -> Option<Finding> {
    const ADVICE: &str = "change the URL, or allow the address (egress.allow)";
    let bad = |seen: String| Some(Finding::bad(Check::Egress, seen, ADVICE));
    let target = match Target::parse(url) {
        Ok(target) => target,
        Err(error) => return bad(error.to_string()),
    };
    if let Err(failure) = policy.judge_target(&target) {
        return bad(failure.to_string());
    }
    let Host::Name(name) = target.host() else { return None };
    match tokio::time::timeout(LONGEST_LOOK_UP, resolver.resolve(name)).await {
        Ok(Ok(addresses)) => {
            let judged = addresses.into_iter().map(|ip| policy.judge(SocketAddr::new(ip, target.port())));
            judged.filter_map(Result::err).next().and_then(|refusal| bad(refusal.to_string()))
        }
        Ok(Err(error)) => Some(Finding::warning(
            Check::Egress,
            format!("{name} has no address: {error}"),
            "correct the URL, or look at this machine's DNS",
        )),
        Err(_) => Some(Finding::warning(
            Check::Egress,
            format!("{name} was looked up for {} s without an answer", LONGEST_LOOK_UP.as_secs()),
            "look at this machine's DNS",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Grade;
    use super::*;

    #[tokio::test]
    async fn urls_are_judged_as_if_they_were_dialled() {
        let policy = Policy { own: vec!["127.0.0.1:8080".parse().unwrap()], ..Policy::public() };
        let resolver = SystemResolver::default();
        let judged = async |url: &str| judge(url, &policy, &resolver).await;
        assert!(judged("https://93.184.216.34/hooks").await.is_none());
        let refused = judged("http://localhost/hooks").await.unwrap();
        assert_eq!(refused.grade, Grade::Bad);
        assert!(refused.seen.contains("loopback"), "{refused:?}");
        assert_eq!(judged("http://10.1.2.3/").await.unwrap().grade, Grade::Bad);
        assert_eq!(judged("ftp://cmms.example/").await.unwrap().grade, Grade::Bad);
        assert_eq!(judged("http://no-such-host.invalid/").await.unwrap().grade, Grade::Warning);
    }
}
