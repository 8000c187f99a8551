//! Settings that go together badly, and the limit of open files.

use std::net::IpAddr;

use super::finding::{Check, Finding};
use crate::file_limit;
use crate::settings::{Database, Settings};

/// What is allowed, but rarely meant.
pub(super) fn settings(settings: &Settings) -> Finding {
    let mut odd: Vec<(&str, &str)> = Vec::new();
    if matches!(settings.general.database, Database::UnsyncedSqlite) {
        odd.push((
            "database: nothing is synced to the disk, a power cut loses what was acknowledged",
            "leave database out",
        ));
    }
    let platform = settings.platform_listen();
    let https = settings.general.public_url.as_ref().is_some_and(|url| url.as_str().starts_with("https:"));
    if !platform.ip().is_loopback() && !https {
        odd.push((
            "the platform interface listens beyond this machine, and public_url is not https: its key would cross \
             the network in clear",
            "put a proxy with TLS in front and set public_url, or set platform.listen to a loopback address",
        ));
    }
    if settings.egress.allow.iter().any(|net| match net.addr() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || net.prefix_len() == 0,
        IpAddr::V6(ip) => ip.is_loopback() || net.prefix_len() == 0,
    }) {
        odd.push((
            "egress.allow lets companies have requests sent into this machine or its private network",
            "allow only the addresses that are meant",
        ));
    }
    if settings.proxy.trusted.iter().any(|net| net.prefix_len() == 0) {
        odd.push((
            "proxy.trusted trusts everybody: any caller can claim any address",
            "name the addresses of your proxies only",
        ));
    }
    match odd.split_first() {
        None => Finding::good(Check::Settings, "they can be taken and go together"),
        Some(_) => {
            let (seen, advice): (Vec<&str>, Vec<&str>) = odd.into_iter().unzip();
            Finding::warning(Check::Settings, seen.join("; "), advice.join("; "))
        }
    }
}

pub(super) fn file_limit(settings: &Settings) -> Finding {
    let in_flight = settings.delivery.max_in_flight as u64;
    match file_limit::raise(in_flight) {
        Ok(allowed) => Finding::good(
            Check::Files,
            format!("{allowed} may be open, {} are needed", file_limit::needed(in_flight)),
        ),
        Err(error) => {
            Finding::bad(Check::Files, error.to_string(), "raise the hard limit (LimitNOFILE, ulimit -Hn)")
        }
    }
}
