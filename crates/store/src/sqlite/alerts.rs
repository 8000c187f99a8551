//! Alerts in SQLite: raised in the commit of what they are about.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, json};
use workbell_model::{CompanyId, EndpointKey, Reason};
use workbell_wire::Timestamp;

use super::SqliteStore;
use super::by_hand::company_id;
use super::command::Command;
use super::lists::{Walk, start_of};
use super::write::{Event, Write};
use crate::alert::{
    AlertFilter, AlertKind, AlertRecord, Alerts, DYING_LASTS, LONGEST_WAIT, NewAlert, Telling, Untold,
};
use crate::error::Error;
use crate::filter::{Page, Paging};

/// What the writer is asked to do to alerts.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Raise(NewAlert),
    End(AlertKind, String, Timestamp),
    Told(u64, Telling),
}

const COLUMNS: &str =
    "alert_no, kind, company_id, subject, detail, raised, last, count, ended, sent, given_up,
                       attempts, due";

impl Write {
    pub(super) fn of_alert(&mut self, wanted: &Wanted) -> Result<(), Error> {
        match wanted {
            Wanted::Raise(alert) => Ok(self.raise(alert)?),
            Wanted::End(kind, subject, at) => Ok(self.end_alert(*kind, subject, *at)?),
            Wanted::Told(no, telling) => Ok(self.told(*no, *telling)?),
        }
    }

    /// Raises an alert within the running transaction, or counts it in the one that lasts.
    pub(super) fn raise(&mut self, alert: &NewAlert) -> rusqlite::Result<()> {
        let lasting = self
            .connection
            .prepare_cached(
                // Uses alerts_open.
                "UPDATE alerts SET last = max(last, ?3), count = count + 1
                 WHERE kind = ?1 AND subject = ?2 AND ended IS NULL",
            )?
            .execute(params![alert.kind.name(), alert.subject, alert.at.ticks()])?;
        if lasting > 0 {
            return Ok(());
        }
        let detail = serde_json::Value::Object(alert.detail.clone()).to_string();
        self.connection
            .prepare_cached(
                "INSERT INTO alerts (kind, company_id, subject, detail, raised, last, count, ended, due)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1, ?6, ?5)",
            )?
            .execute(params![
                alert.kind.name(),
                alert.company_id.as_ref().map(CompanyId::as_str),
                alert.subject,
                detail,
                alert.at.ticks(),
                alert.kind.is_a_moment().then(|| alert.at.ticks()),
            ])?;
        self.events.push(Event::Alerted(alert.kind, alert.subject.clone()));
        Ok(())
    }

    /// Ends what lasts of this kind.
    pub(super) fn end_alert(
        &mut self,
        kind: AlertKind,
        subject: &str,
        at: Timestamp,
    ) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                // Uses alerts_open.
                "UPDATE alerts SET ended = ?3 WHERE kind = ?1 AND subject = ?2 AND ended IS NULL",
            )?
            .execute(params![kind.name(), subject, at.ticks()])
            .map(drop)
    }

    /// An endpoint is down.
    pub(super) fn raise_down(
        &mut self,
        key: &EndpointKey,
        failures: u64,
        at: Timestamp,
    ) -> rusqlite::Result<()> {
        let detail = Map::from_iter([("Failures".to_owned(), json!(failures))]);
        self.raise(&NewAlert::of_endpoint(AlertKind::EndpointDown, key, detail, at))
    }

    /// An endpoint that was down answers again.
    pub(super) fn raise_reopened(&mut self, key: &EndpointKey, at: Timestamp) -> rusqlite::Result<()> {
        self.end_alert(AlertKind::EndpointDown, &key.endpoint_id.to_string(), at)?;
        self.raise(&NewAlert::of_endpoint(AlertKind::EndpointReopened, key, Map::new(), at))
    }

    /// A delivery died. The first one in a while is an alert.
    pub(super) fn raise_dying(
        &mut self,
        key: &EndpointKey,
        reason: Reason,
        at: Timestamp,
    ) -> rusqlite::Result<()> {
        let subject = key.endpoint_id.to_string();
        let last: Option<i64> = self
            .connection
            .prepare_cached(
                // Uses alerts_open.
                "SELECT last FROM alerts WHERE kind = ?1 AND subject = ?2 AND ended IS NULL",
            )?
            .query_row(params![AlertKind::DeliveriesDying.name(), subject], |row| row.get(0))
            .optional()?;
        if let Some(last) = last.map(Timestamp::from_ticks)
            && at.since(last) > DYING_LASTS
        {
            self.end_alert(AlertKind::DeliveriesDying, &subject, last)?;
        }
        let detail = Map::from_iter([("Reason".to_owned(), json!(reason.name()))]);
        self.raise(&NewAlert::of_endpoint(AlertKind::DeliveriesDying, key, detail, at))
    }

    fn told(&mut self, no: u64, telling: Telling) -> rusqlite::Result<()> {
        let (sent, due, given_up) = match telling {
            Telling::Told(at) => (Some(at.ticks()), None, false),
            Telling::Again(due) => (None, Some(due.ticks()), false),
            Telling::GivenUp => (None, None, true),
        };
        self.connection
            .prepare_cached(
                "UPDATE alerts
                 SET sent = ?2, due = coalesce(?3, due), given_up = ?4, attempts = min(attempts + 1, 65535)
                 WHERE alert_no = ?1",
            )?
            .execute(params![no, sent, due, given_up])
            .map(drop)
    }

    /// Ends what is over by time alone, and removes what is older than the log. What lasts stays.
    pub(super) fn sweep_alerts(&mut self, now: Timestamp, before: Timestamp) -> rusqlite::Result<bool> {
        /// Alerts that one step removes.
        const STEP: usize = 500;
        let over = now.minus(DYING_LASTS);
        self.connection
            .prepare_cached(
                // Uses alerts_open: few last at a time.
                "UPDATE alerts SET ended = last WHERE kind = ?1 AND ended IS NULL AND last < ?2",
            )?
            .execute(params![AlertKind::DeliveriesDying.name(), over.ticks()])?;
        let removed = self
            .connection
            .prepare_cached(
                // The primary key serves: the oldest come first.
                "DELETE FROM alerts
                 WHERE alert_no IN (SELECT alert_no FROM alerts ORDER BY alert_no LIMIT ?1)
                   AND last < ?2 AND ended IS NOT NULL",
            )?
            .execute(params![STEP, before.ticks()])?;
        Ok(removed == STEP)
    }
}

fn untold(connection: &Connection, now: Timestamp, limit: usize) -> Result<Untold, Error> {
    let (now, horizon) = (now.ticks(), now.plus(LONGEST_WAIT).ticks());
    let mut statement = connection.prepare_cached(&format!(
        // Uses alerts_unsent.
        "SELECT {COLUMNS} FROM alerts
         WHERE sent IS NULL AND given_up = 0 AND (due <= ?1 OR due > ?2) ORDER BY alert_no LIMIT ?3"
    ))?;
    let rows = statement.query_map(params![now, horizon, limit], record)?;
    let due = rows.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        // Uses alerts_unsent.
        "SELECT min(due) FROM alerts WHERE sent IS NULL AND given_up = 0 AND due > ?1 AND due <= ?2",
    )?;
    let next: Option<i64> = statement.query_row(params![now, horizon], |row| row.get(0))?;
    Ok(Untold { due, next: next.map(Timestamp::from_ticks) })
}

fn list(connection: &Connection, filter: &AlertFilter, paging: &Paging) -> Result<Page<AlertRecord>, Error> {
    let start = start_of(paging)?;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM alerts WHERE alert_no < ?1 ORDER BY alert_no DESC"
    ))?;
    let mut rows = statement.query(params![start])?;
    let mut walk = Walk::new(paging);
    while let Some(row) = rows.next()? {
        let found = record(row)?;
        let is_wanted = (filter.company_id.is_none() || filter.company_id == found.company_id)
            && filter.kind.as_ref().is_none_or(|kind| *kind == found.kind)
            && (!filter.lasting || found.ended.is_none());
        if !walk.step(row.get(0)?, is_wanted.then_some(found)) {
            return Ok(walk.page(rows.next()?.is_none()));
        }
    }
    Ok(walk.page(true))
}

fn record(row: &Row<'_>) -> rusqlite::Result<AlertRecord> {
    let time = |column: usize| row.get(column).map(Timestamp::from_ticks);
    let perhaps = |column: usize| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_ticks))
    };
    let detail = serde_json::from_str(row.get_ref(4)?.as_str()?);
    Ok(AlertRecord {
        no: row.get(0)?,
        kind: row.get(1)?,
        company_id: row.get_ref(2)?.as_str_or_null()?.is_some().then(|| company_id(row, 2)).transpose()?,
        subject: row.get(3)?,
        detail: detail.unwrap_or_default(),
        raised: time(5)?,
        last: time(6)?,
        count: row.get(7)?,
        ended: perhaps(8)?,
        sent: perhaps(9)?,
        given_up: row.get(10)?,
        attempts: row.get(11)?,
        due: time(12)?,
    })
}

#[async_trait]
impl Alerts for SqliteStore {
    async fn raise(&self, alert: NewAlert) -> Result<(), Error> {
        self.ask(|reply| Command::OfAlert(Box::new(Wanted::Raise(alert)), reply)).await
    }

    async fn end_alert(&self, kind: AlertKind, subject: &str, at: Timestamp) -> Result<(), Error> {
        let wanted = Wanted::End(kind, subject.to_owned(), at);
        self.ask(|reply| Command::OfAlert(Box::new(wanted), reply)).await
    }

    async fn untold_alerts(&self, now: Timestamp, limit: usize) -> Result<Untold, Error> {
        self.readers.run(move |connection| untold(connection, now, limit)).await
    }

    async fn told(&self, no: u64, telling: Telling) -> Result<(), Error> {
        self.ask(|reply| Command::OfAlert(Box::new(Wanted::Told(no, telling)), reply)).await
    }

    async fn alerts(&self, filter: AlertFilter, paging: Paging) -> Result<Page<AlertRecord>, Error> {
        self.readers.run(move |connection| list(connection, &filter, &paging)).await
    }
}
