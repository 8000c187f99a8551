//! The alerts of the slow store: as all it does, one call at a time while the clock stands still.

use async_trait::async_trait;
use workbell_store::Error;
use workbell_store::alert::{AlertFilter, AlertKind, AlertRecord, Alerts, NewAlert, Telling, Untold};
use workbell_store::filter::{Page, Paging};
use workbell_wire::Timestamp;

use crate::slow_store::SlowStore;

#[async_trait]
impl Alerts for SlowStore {
    async fn raise(&self, alert: NewAlert) -> Result<(), Error> {
        self.section(move |sqlite| async move { sqlite.raise(alert).await }).await
    }

    async fn end_alert(&self, kind: AlertKind, subject: &str, at: Timestamp) -> Result<(), Error> {
        let subject = subject.to_owned();
        self.section(move |sqlite| async move { sqlite.end_alert(kind, &subject, at).await }).await
    }

    async fn untold_alerts(&self, now: Timestamp, limit: usize) -> Result<Untold, Error> {
        self.section(move |sqlite| async move { sqlite.untold_alerts(now, limit).await }).await
    }

    async fn told(&self, no: u64, telling: Telling) -> Result<(), Error> {
        self.section(move |sqlite| async move { sqlite.told(no, telling).await }).await
    }

    async fn alerts(&self, filter: AlertFilter, paging: Paging) -> Result<Page<AlertRecord>, Error> {
        self.section(move |sqlite| async move { sqlite.alerts(filter, paging).await }).await
    }
}
