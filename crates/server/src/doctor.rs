//! `workbell doctor`: whether a service could run here with these settings, and what to mend.
//!
//! Looks and never changes anything; it may run beside a running service. Each check is one file and gives one
//! finding or more. What cannot be judged because something else is wrong is `NotChecked`, never good.

mod clock;
mod data_dir;
mod disk;
mod egress;
mod finding;
mod keys;
mod listen;
mod machine;
mod store;

pub use finding::{Check, Finding, Grade};
pub use workbell_store::sqlite::Depth;

use crate::settings::{Database, Error, Settings};

/// Makes all checks. Takes as long as reading the store does.
///
/// Settings that cannot be taken are findings too, one for each fault, the only ones then.
pub async fn examine(settings: Result<Settings, Error>, depth: Depth) -> Vec<Finding> {
    let settings = match settings {
        Ok(settings) => settings,
        Err(error) => {
            let seen = match &error {
                Error::Faults(faults) => faults.iter().map(ToString::to_string).collect(),
                Error::Unreadable { .. } | Error::Syntax { .. } => vec![error.to_string()],
            };
            let advice = "correct it there; the page Settings of the book and workbell.example.toml name every key with what \
                          it takes";
            let found = seen.into_iter().map(|seen| Finding::bad(Check::Settings, seen, advice));
            let others = Check::ALL.into_iter().filter(|check| *check != Check::Settings);
            let others = others.map(|check| Finding::not_checked(check, "the settings cannot be taken"));
            return found.chain(others).collect();
        }
    };
    let mut findings = vec![machine::settings(&settings)];
    findings.push(machine::file_limit(&settings));
    let dir = settings.general.data_dir.clone();
    findings.extend(data_dir::check(&dir));
    findings.push(disk::check(&dir));
    let seen = match &settings.general.database {
        Database::Sqlite | Database::UnsyncedSqlite => store::look(dir, depth).await,
        Database::Postgres(_) => store::Seen::other_engine(),
    };
    findings.push(clock::check(seen.inspection.as_ref().and_then(|inspection| inspection.newest)));
    findings.extend(keys::check(&settings, &seen));
    findings.extend(listen::check(&settings, seen.holder.as_deref()).await);
    findings.extend(egress::check(&settings, seen.inspection.as_ref()).await);
    findings.extend(seen.findings);
    findings.sort_by_key(|finding| finding.check);
    findings
}
