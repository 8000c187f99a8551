//! Which crate of the workspace may depend on which, and the few outside crates that belong to one room.
//!
//! The compiler enforces the walls once a dependency is missing; this keeps it missing. ARCHITECTURE.md draws the same picture.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::finding::{Finding, report};
use crate::repository::Repository;
use crate::step::{cargo, output};

/// A crate and the crates of the workspace that it may use outside of its tests.
const ROOMS: [(&str, &[&str]); 13] = [
    ("workbell-wire", &[]),
    ("workbell-model", &["workbell-wire"]),
    ("workbell-store", &["workbell-model", "workbell-wire"]),
    ("workbell-signing", &["workbell-wire"]),
    ("workbell-egress", &[]),
    (
        "workbell-delivery",
        &["workbell-egress", "workbell-model", "workbell-signing", "workbell-store", "workbell-wire"],
    ),
    ("workbell-emulator", &["workbell-egress", "workbell-signing", "workbell-wire"]),
    ("workbell-receiver", &["workbell-wire"]),
    (
        "workbell-server",
        &[
            "workbell-delivery",
            "workbell-egress",
            "workbell-emulator",
            "workbell-model",
            "workbell-signing",
            "workbell-store",
            "workbell-wire",
        ],
    ),
    (
        "workbell",
        &[
            "workbell-delivery",
            "workbell-egress",
            "workbell-emulator",
            "workbell-model",
            "workbell-receiver",
            "workbell-server",
            "workbell-signing",
            "workbell-store",
            "workbell-wire",
        ],
    ),
    ("workbell-testkit", &["workbell-wire"]),
    ("workbell-tests", &["workbell-testkit", "workbell-wire", "workbell-receiver"]),
    ("xtask", &[]),
];

/// An outside crate and the only rooms that may use it outside of their tests.
const KEPT_IN: [(&str, &[&str]); 5] = [
    ("rusqlite", &["workbell-store", "workbell-receiver"]),
    ("tokio-postgres", &["workbell-store", "workbell-receiver"]),
    ("rcgen", &["workbell-signing"]),
    // The command line speaks to `--server`, which may stand behind TLS.
    ("tokio-rustls", &["workbell-egress", "workbell"]),
    ("rustls-platform-verifier", &["workbell-egress", "workbell"]),
];

/// Outside crates that bring I/O or a clock; the pure rooms have none of them.
const NOT_PURE: [&str; 6] = ["tokio", "hyper", "axum", "rusqlite", "getrandom", "tracing"];

/// Rooms that do no I/O and read no clock.
const PURE: [&str; 2] = ["workbell-wire", "workbell-model"];

/// One dependency as a manifest declares it.
struct Edge<'a> {
    from: &'a str,
    to: &'a str,
    /// Inside the workspace.
    ours: bool,
    /// Only for its tests.
    for_tests: bool,
}

/// Checks all manifests of the workspace.
///
/// # Errors
/// When `cargo metadata` fails or an edge is not allowed.
pub(crate) fn run(repository: &Repository) -> Result<()> {
    let arguments = ["metadata", "--format-version", "1", "--no-deps", "--offline"];
    let metadata: Value = serde_json::from_str(&output(cargo(repository).args(arguments))?)
        .context("cargo metadata wrote something that is not JSON")?;
    let edges = edges(&metadata);
    let mut findings: Vec<Finding> = edges.iter().filter_map(judge).collect();
    for package in packages(&metadata) {
        if !ROOMS.iter().any(|(room, _)| *room == package) {
            findings.push(Finding::about(package, "is a new crate: give it its place in xtask/src/rooms.rs"));
        }
    }
    report("rooms", &format!("{} dependencies", edges.len()), findings)
}

fn packages(metadata: &Value) -> impl Iterator<Item = &str> {
    metadata["packages"].as_array().into_iter().flatten().filter_map(|package| package["name"].as_str())
}

fn edges(metadata: &Value) -> Vec<Edge<'_>> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    packages
        .flat_map(|package| {
            let dependencies = package["dependencies"].as_array().into_iter().flatten();
            dependencies.filter_map(|dependency| {
                Some(Edge {
                    from: package["name"].as_str()?,
                    to: dependency["name"].as_str()?,
                    ours: dependency["path"].is_string(),
                    for_tests: dependency["kind"] == "dev",
                })
            })
        })
        .collect()
}

fn judge(edge: &Edge<'_>) -> Option<Finding> {
    let Edge { from, to, .. } = edge;
    let refuse = |why: String| Some(Finding::about(from, format!("must not depend on {to}: {why}")));
    if edge.ours && *to == "workbell" {
        return refuse("nothing depends on the command line".to_owned());
    }
    if edge.for_tests {
        return None;
    }
    if edge.ours {
        let allowed = ROOMS.iter().find(|(room, _)| room == from).map_or(&[][..], |(_, allowed)| *allowed);
        return if allowed.contains(to) { None } else { refuse(format!("it may use {allowed:?}")) };
    }
    if PURE.contains(from) && NOT_PURE.contains(to) {
        return refuse("this room does no I/O and reads no clock".to_owned());
    }
    match KEPT_IN.iter().find(|(kept, _)| kept == to) {
        Some((_, rooms)) if !rooms.contains(from) => refuse(format!("only {rooms:?} may")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(from: &str, to: &str, ours: bool, for_tests: bool) -> bool {
        judge(&Edge { from, to, ours, for_tests }).is_some()
    }

    #[test]
    fn data_flows_one_way() {
        assert!(!refused("workbell-store", "workbell-model", true, false));
        assert!(refused("workbell-model", "workbell-store", true, false));
        assert!(refused("workbell-egress", "workbell-wire", true, false));
    }

    #[test]
    fn tests_may_use_any_room_but_the_command_line() {
        assert!(!refused("workbell-egress", "workbell-testkit", true, true));
        assert!(refused("workbell-egress", "workbell", true, true));
    }

    #[test]
    fn some_outside_crates_belong_to_one_room() {
        assert!(refused("workbell-server", "rusqlite", false, false));
        assert!(!refused("workbell-store", "rusqlite", false, false));
        assert!(refused("workbell-model", "tokio", false, false));
        assert!(!refused("workbell-delivery", "tokio", false, false));
    }
}
