//! The state of endpoints as a whole: kept by the writer while it works, written in the commit of what changes it, and
//! shown in the directory after that.
//!
//! A success of an endpoint that is well changes memory only: when and where it was is written with the next change.

use std::time::Duration;

use rusqlite::{Connection, params};
use workbell_model::health::Act;
use workbell_model::{Endpoint, EndpointKey, Health, WorkOrderId};
use workbell_wire::Timestamp;

use super::by_hand::endpoint_key;
use super::lane::View;
use super::quick::QuickMap;
use super::write::Write;
use crate::directory::Directory;
use crate::error::Error;

/// Endpoints whose state the writer remembers at most. 65,536 of some 300 bytes; those beyond are looked up again.
const MOST_REMEMBERED: usize = 65_536;

/// Lanes of an endpoint that are looked at again at its next success. 1,024: with fewer failures it goes down, unless
/// that is switched off; lanes beyond are looked at when their own time comes.
const MOST_UNSETTLED: usize = 1024;

/// What the writer knows of endpoints.
#[derive(Debug, Default)]
pub(super) struct Healths {
    /// As of the running transaction.
    known: QuickMap<EndpointKey, Health>,
    /// To be shown after the commit; `None` for one that is gone.
    changed: Vec<(EndpointKey, Option<Health>)>,
    /// Lanes in which something failed since the endpoint's last success: that success tells what the failures were.
    unsettled: QuickMap<EndpointKey, Unsettled>,
}

#[derive(Debug)]
enum Unsettled {
    /// These.
    Lanes(Vec<WorkOrderId>),
    /// More than are remembered, or from before the process began.
    Unknown,
}

impl Healths {
    /// After a transaction that failed.
    pub(super) fn clear(&mut self) {
        *self = Healths::default();
    }

    /// Shows what was committed.
    pub(super) fn show(&mut self, directory: &Directory) {
        for (endpoint, health) in self.changed.drain(..) {
            directory.set_health(endpoint, health);
        }
        if self.known.len() > MOST_REMEMBERED {
            self.known.clear();
            self.unsettled.clear();
        }
    }

    /// Something failed in this lane.
    pub(super) fn note_unsettled(&mut self, endpoint: &EndpointKey, work_order_id: WorkOrderId) {
        match self.unsettled.get_mut(endpoint) {
            Some(Unsettled::Lanes(lanes)) if lanes.len() < MOST_UNSETTLED => {
                if !lanes.contains(&work_order_id) {
                    lanes.push(work_order_id);
                }
            }
            Some(unsettled) => *unsettled = Unsettled::Unknown,
            None => drop(self.unsettled.insert(endpoint.clone(), Unsettled::Lanes(vec![work_order_id]))),
        }
    }

    /// Nothing is to be looked at again: all is anyway.
    pub(super) fn forget_unsettled(&mut self, endpoint: &EndpointKey) {
        self.unsettled.remove(endpoint);
    }
}

impl Write {
    /// The state of an endpoint as of the running transaction. Changes of it are for [`Write::set_health`], but for
    /// those that need not be written.
    pub(super) fn health(&mut self, endpoint: &EndpointKey) -> &mut Health {
        let known = &mut self.healths.known;
        if !known.contains_key(endpoint) {
            let health = self.directory.health(endpoint);
            if health.has_failed() {
                self.healths.unsettled.insert(endpoint.clone(), Unsettled::Unknown);
            }
            known.insert(endpoint.clone(), health);
        }
        known.get_mut(endpoint).expect("it was just put there")
    }

    /// Writes the state of an endpoint, if it is another one.
    pub(super) fn set_health(&mut self, endpoint: &EndpointKey, health: Health) -> rusqlite::Result<()> {
        let known = self.health(endpoint);
        if *known == health {
            return Ok(());
        }
        *known = health;
        let state = serde_json::to_string(&health)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        self.connection
            .prepare_cached(
                "INSERT INTO health (company_id, endpoint_id, state) VALUES (?1, ?2, ?3)
                 ON CONFLICT (company_id, endpoint_id) DO UPDATE SET state = excluded.state",
            )?
            .execute(params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes(), state])?;
        self.healths.changed.push((endpoint.clone(), Some(health)));
        Ok(())
    }

    /// Forgets the state of an endpoint that is deleted.
    pub(super) fn remove_health(&mut self, endpoint: &EndpointKey) -> rusqlite::Result<()> {
        self.connection.execute(
            "DELETE FROM health WHERE company_id = ?1 AND endpoint_id = ?2",
            params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes()],
        )?;
        self.healths.known.remove(endpoint);
        self.healths.unsettled.remove(endpoint);
        self.healths.changed.push((endpoint.clone(), None));
        Ok(())
    }

    /// Somebody did something to an endpoint; `endpoint` is as it is from now on.
    pub(super) fn act_on(&mut self, endpoint: &Endpoint, act: Act, now: Timestamp) -> rusqlite::Result<()> {
        let stands_still = endpoint.paused.is_some() || !endpoint.settings.enabled;
        let health = self.health(&endpoint.key).acted(act, stands_still, now);
        self.set_health(&endpoint.key, health)
    }

    /// Takes back the times of endpoints that a clock that was wrong has written.
    pub(super) fn right_healths(&mut self, now: Timestamp) -> Result<(), Error> {
        let interval = self.defaults.probe_interval;
        for endpoint in wrong(&self.directory, interval, now) {
            let health = self.health(&endpoint).righted(now, interval);
            self.set_health(&endpoint, health)?;
            tracing::warn!(
                endpoint = %endpoint.endpoint_id,
                "the clock was set back; waits of an endpoint that end further ahead than any wait are over"
            );
        }
        Ok(())
    }

    /// The lanes in which something failed before the endpoint's success that has just come.
    pub(super) fn take_unsettled(
        &mut self,
        endpoint: &EndpointKey,
        now: Timestamp,
    ) -> rusqlite::Result<Vec<WorkOrderId>> {
        match self.healths.unsettled.remove(endpoint) {
            None => Ok(Vec::new()),
            Some(Unsettled::Lanes(lanes)) => Ok(lanes),
            Some(Unsettled::Unknown) => {
                let mark = self.health(endpoint).mark;
                let mut statement = self.connection.prepare_cached(
                    // Uses lanes_by_due.
                    "SELECT work_order_id FROM lanes
                     WHERE endpoint_id = ?1 AND mark = ?2 AND due > ?3
                     ORDER BY due
                     LIMIT ?4",
                )?;
                let rows = statement.query_map(
                    params![endpoint.endpoint_id.as_bytes(), mark, now.ticks(), MOST_UNSETTLED],
                    |row| row.get(0),
                )?;
                rows.collect()
            }
        }
    }

    /// What decides which deliveries of an endpoint may be tried.
    pub(super) fn view(&mut self, endpoint: &EndpointKey) -> View {
        let health = *self.health(endpoint);
        View::new(&self.directory, &self.defaults, endpoint, health)
    }
}

/// Endpoints of which something is written that only a clock that was wrong can have written.
pub(super) fn wrong(directory: &Directory, probe_interval: Duration, now: Timestamp) -> Vec<EndpointKey> {
    let healths = directory.healths().into_iter();
    let wrong = healths.filter(|(_, health)| health.righted(now, probe_interval) != *health);
    wrong.map(|(endpoint, _)| endpoint).collect()
}

/// The states of all endpoints.
pub(super) fn load(connection: &Connection) -> Result<Vec<(EndpointKey, Health)>, Error> {
    let mut statement = connection.prepare("SELECT company_id, endpoint_id, state FROM health")?;
    let rows = statement.query_map([], |row| {
        let health = serde_json::from_str(row.get_ref(2)?.as_str()?).map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error))
        })?;
        Ok((endpoint_key(row, 0, 1)?, health))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
