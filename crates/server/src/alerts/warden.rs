//! Looks after what no commit of the store tells of: room on the disk, and how long certificates last.
//!
//! Asks the system and the keys in memory once a minute and when keys change, and the store only when something changed.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use workbell_signing::{KeyInfo, KeyKind, KeyState};
use workbell_store::Store;
use workbell_store::alert::{AlertFilter, AlertKind, NewAlert};
use workbell_store::filter::Paging;
use workbell_wire::Timestamp;

use crate::clock::Clock;
use crate::disk::Room;
use crate::key_room::{CERTIFICATE_NOTICE, KeyRoom};

/// Between two looks. 1 min: an alert is to be told within that.
const PAUSE: Duration = Duration::from_secs(60);

/// Alerts that are read at start. There is one disk, and a handful of keys.
const MOST: usize = 500;

/// What a disk is called in alerts.
const DISK: &str = "disk";

pub(crate) struct Warden {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: KeyRoom,
    /// What the disk of the data dir has.
    pub(crate) room: Box<dyn Fn() -> io::Result<Room> + Send + Sync>,
    pub(crate) clock: Clock,
}

type Subject = (AlertKind, String);

impl Warden {
    /// Looks until `shutdown`.
    ///
    /// # Cancel safety
    /// Ends at `shutdown` alone.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        // What lasted when the service ended, once that is known.
        let mut lasting: Option<BTreeSet<Subject>> = None;
        let mut keys = self.keys.subscribe();
        loop {
            keys.mark_unchanged();
            let round = async {
                let mut known = match lasting.take() {
                    Some(known) => known,
                    None => self.lasting().await?,
                };
                let looked = self.look(&mut known).await;
                lasting = Some(known);
                looked
            };
            if let Err(error) = round.await {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot raise or end an alert yet");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
                Ok(()) = keys.changed() => {}
            }
        }
    }

    async fn lasting(&self) -> Result<BTreeSet<Subject>, workbell_store::Error> {
        let mut found = BTreeSet::new();
        for kind in [AlertKind::DiskEnding, AlertKind::CertificateEnding] {
            let filter =
                AlertFilter { kind: Some(kind.name().to_owned()), lasting: true, ..AlertFilter::default() };
            let page = self.store.alerts(filter, Paging { after: None, limit: MOST }).await?;
            found.extend(page.items.into_iter().map(|alert| (kind, alert.subject)));
        }
        Ok(found)
    }

    async fn look(&self, lasting: &mut BTreeSet<Subject>) -> Result<(), workbell_store::Error> {
        let now = self.clock.now();
        let mut there: Vec<(Subject, Map<String, Value>)> = Vec::new();
        let disk = (AlertKind::DiskEnding, DISK.to_owned());
        if let Ok(room) = (self.room)()
            && if lasting.contains(&disk) { !room.is_well_again() } else { room.is_near_its_end() }
        {
            let detail = [("FreeBytes", json!(room.free)), ("SizeBytes", json!(room.size))];
            there.push((disk, members(detail)));
        }
        for key in ending(&self.keys.ring().keys(now), now.plus(CERTIFICATE_NOTICE)) {
            let detail = [("NotAfter", json!(key.not_after)), ("Kind", json!(key.kind.name()))];
            there.push(((AlertKind::CertificateEnding, key.key_id.clone()), members(detail)));
        }
        let over: Vec<Subject> = lasting
            .iter()
            .filter(|known| !there.iter().any(|(subject, _)| subject == *known))
            .cloned()
            .collect();
        for subject in over {
            self.store.end_alert(subject.0, &subject.1, now).await?;
            lasting.remove(&subject);
        }
        for (subject, detail) in there {
            if !lasting.contains(&subject) {
                let (kind, name) = subject.clone();
                self.store.raise(NewAlert { kind, company_id: None, subject: name, detail, at: now }).await?;
                lasting.insert(subject);
            }
        }
        Ok(())
    }
}

/// Keys that sign, end before this, and have no successor.
fn ending(keys: &[KeyInfo], before: Timestamp) -> impl Iterator<Item = &KeyInfo> {
    let has_successor = |kind: KeyKind| keys.iter().any(|it| it.kind == kind && it.state == KeyState::Next);
    keys.iter().filter(move |key| {
        key.state == KeyState::Current
            && key.not_after.is_some_and(|end| end < before)
            && !has_successor(key.kind)
    })
}

fn members<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests;
