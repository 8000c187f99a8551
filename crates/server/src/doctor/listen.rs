//! The addresses that are listened on: free, or in use by the service that runs on this very data dir.

use std::net::SocketAddr;

use super::finding::{Check, Finding};
use crate::listener::Listener;
use crate::settings::Settings;

pub(super) async fn check(settings: &Settings, holder: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (setting, address) in addresses(settings) {
        findings.push(one(setting, address, holder).await);
    }
    findings
}

/// Each address once, with the setting that names it.
fn addresses(settings: &Settings) -> Vec<(&'static str, SocketAddr)> {
    let mut addresses = vec![("listen", settings.general.listen)];
    for (setting, address) in
        [("platform.listen", settings.platform.listen), ("metrics.listen", settings.metrics.listen)]
    {
        if let Some(address) = address
            && addresses.iter().all(|(_, other)| *other != address)
        {
            addresses.push((setting, address));
        }
    }
    addresses
}

async fn one(setting: &str, address: SocketAddr, holder: Option<&str>) -> Finding {
    match (Listener::bind(address).await, holder) {
        (Ok(_), None) => Finding::good(Check::Listen, format!("{setting} = {address} is free")),
        (Ok(_), Some(process)) => Finding::warning(
            Check::Listen,
            format!("{setting} = {address} is free, though process {process} runs on this data dir"),
            "give doctor the settings of that service: it listens elsewhere",
        ),
        (Err(_), Some(process)) => Finding::good(
            Check::Listen,
            format!(
                "{setting} = {address} is taken, by process {process} it seems, which runs on this data dir"
            ),
        ),
        (Err(error), None) => {
            Finding::bad(Check::Listen, error.to_string(), format!("free it, or give another {setting}"))
        }
    }
}
