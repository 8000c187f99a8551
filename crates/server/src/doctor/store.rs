//! The store's file: sound, of a known version, within its bounds; and whether a service runs on it.

use std::path::PathBuf;

use workbell_store::sqlite::{self, Depth, Inspection};

use super::finding::{Check, Finding};
use crate::disk::in_words;

/// Bytes of write-ahead log from which on something keeps it from being written back.
///
/// 256 MiB, four times what the writer itself lets it grow to.
const LARGEST_LOG: u64 = 256 << 20;

/// What was seen of the store.
#[derive(Debug)]
pub(super) struct Seen {
    /// What there is to say.
    pub(super) findings: Vec<Finding>,
    /// What it holds; `None` when there is none yet, or it cannot be read.
    pub(super) inspection: Option<Inspection>,
    /// The process that has it open.
    pub(super) holder: Option<String>,
    /// Whether it is there, but cannot be read.
    pub(super) is_unreadable: bool,
}

impl Seen {
    pub(super) fn other_engine() -> Self {
        let seen = "this version has no engine for postgres://…";
        let found =
            Finding::bad(Check::Store, seen, "leave database out: the store lives in the data dir then");
        Seen { findings: vec![found], inspection: None, holder: None, is_unreadable: true }
    }
}

pub(super) async fn look(dir: PathBuf, depth: Depth) -> Seen {
    let looked = tokio::task::spawn_blocking(move || {
        let holder = sqlite::holder(&dir);
        let inspection = sqlite::inspect(&dir, depth);
        (holder, inspection)
    });
    let (holder, inspection) = looked.await.expect("looking at the store does not panic");
    let mut findings = Vec::new();
    let holder = holder.unwrap_or_else(|error| {
        findings.push(Finding::bad(Check::Store, error.to_string(), "run this as the service's user"));
        None
    });
    let mut is_unreadable = false;
    let inspection = inspection.unwrap_or_else(|error| {
        is_unreadable = true;
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        findings.push(Finding::bad(
            Check::Store,
            format!("workbell.db cannot be read: {error}{cause}"),
            "run this as the service's user; if the file is broken, restore a backup",
        ));
        None
    });
    match &inspection {
        Some(inspection) => findings.push(judge(inspection, holder.as_deref())),
        None if findings.is_empty() => {
            findings.push(Finding::good(Check::Store, "there is none yet; the first start makes it"));
        }
        None => {}
    }
    Seen { findings, inspection, holder, is_unreadable }
}

fn judge(inspection: &Inspection, holder: Option<&str>) -> Finding {
    let user = match holder {
        Some(process) => format!("process {process} runs on it"),
        None => "nobody runs on it".to_owned(),
    };
    if inspection.schema > inspection.known {
        let seen = format!(
            "it has schema version {}, this workbell knows up to {}",
            inspection.schema, inspection.known
        );
        return Finding::bad(Check::Store, seen, "use the newer workbell");
    }
    if !inspection.faults.is_empty() {
        let seen = format!("the file is broken: {}", inspection.faults.join("; "));
        return Finding::bad(
            Check::Store,
            seen,
            "stop the service, keep a copy of the folder, restore a backup",
        );
    }
    let size = in_words(inspection.bytes);
    let log = in_words(inspection.log_bytes);
    if inspection.log_bytes > LARGEST_LOG {
        let seen = format!("the file is sound; its write-ahead log has grown to {log}");
        return Finding::warning(Check::Store, seen, "close other programs that read workbell.db");
    }
    let version = if inspection.schema < inspection.known {
        format!("schema version {}, which the next start brings to {}", inspection.schema, inspection.known)
    } else {
        format!("schema version {}", inspection.schema)
    };
    Finding::good(Check::Store, format!("sound, {size} and {log} of write-ahead log, {version}; {user}"))
}
