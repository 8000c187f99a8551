//! The end of the communication log that is not worked off yet: by work order, and as traffic by minute.
//!
//! An attempt writes its record only. Its place among those of its work order, and what it adds to a minute of its
//! endpoint, would each cost it a page of their own; so they are remembered here and written many at once and in order,
//! in a commit that is made anyway. Who asks meanwhile reads the end of the log, which is short. So nothing is asked
//! while nothing happens, and what a crash undoes is found again in the log.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};
use workbell_model::{EndpointKey, WorkOrderId};

use super::by_hand::endpoint_key;
use super::traffic::{Counts, start_of};
use super::write::Write;
use crate::error::Error;
use crate::traffic::Traffic;

/// Records that are worked off at once. 1,024: few of them, one page per work order and one row per endpoint and
/// minute, and few enough that who asks can read them. (4 in tests, which want to see it.)
const WORTH_IT: usize = if cfg!(test) { 4 } else { 1024 };

/// The records since the log was worked off.
#[derive(Debug, Default)]
pub(super) struct Tail {
    orders: Vec<(WorkOrderId, u64)>,
    traffic: BTreeMap<(EndpointKey, i64), Traffic>,
}

impl Tail {
    /// Finds them in the log.
    fn find(connection: &Connection, after: u64) -> rusqlite::Result<Tail> {
        let mut tail = Tail::default();
        let mut statement = connection.prepare_cached(
            // Uses the primary key.
            "SELECT start, duration, status, error, mode, company_id, endpoint_id, work_order_id, log_no FROM log
             WHERE log_no > ?1
             ORDER BY log_no",
        )?;
        let mut rows = statement.query(params![after])?;
        while let Some(row) = rows.next()? {
            tail.orders.push((row.get(7)?, row.get(8)?));
            if row.get_ref(6)? != rusqlite::types::ValueRef::Null {
                tail.count(&endpoint_key(row, 5, 6)?, &Counts::of_record(row)?);
            }
        }
        Ok(tail)
    }

    fn count(&mut self, endpoint: &EndpointKey, counts: &Counts<'_>) {
        if !counts.count() {
            return;
        }
        let minute = counts.minute();
        // Looked for among the few that are there, so that a key is made only for a new one.
        let known = self.traffic.iter_mut().find(|((key, at), _)| *at == minute && key == endpoint);
        match known {
            Some((_, traffic)) => counts.add_to(traffic),
            None => {
                let mut traffic = Traffic::none(start_of(minute));
                counts.add_to(&mut traffic);
                self.traffic.insert((endpoint.clone(), minute), traffic);
            }
        }
    }
}

/// Up to which record the log is worked off.
pub(super) fn rolled_up(connection: &Connection) -> rusqlite::Result<u64> {
    let position: Option<[u8; 8]> = connection
        .prepare_cached("SELECT value FROM meta WHERE name = 'rolled_up'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(position.map_or(0, u64::from_be_bytes))
}

impl Write {
    /// Remembers a record that was just written.
    pub(super) fn remember_record(
        &mut self,
        no: u64,
        work_order_id: WorkOrderId,
        attempt: Option<(&EndpointKey, Counts<'_>)>,
    ) {
        // While they are not known they are found in the log, this one too.
        let Some(tail) = &mut self.log_tail else { return };
        tail.orders.push((work_order_id, no));
        if let Some((endpoint, counts)) = attempt {
            tail.count(endpoint, &counts);
        }
    }

    /// Works off the end of the log, when it is worth it, within the running transaction.
    pub(super) fn roll_up(&mut self) -> Result<(), Error> {
        if self.log_tail()?.orders.len() < WORTH_IT { Ok(()) } else { self.roll_up_all() }
    }

    fn log_tail(&mut self) -> Result<&mut Tail, Error> {
        let tail = match self.log_tail.take() {
            Some(tail) => tail,
            None => Tail::find(&self.connection, rolled_up(&self.connection)?)?,
        };
        Ok(self.log_tail.insert(tail))
    }

    /// Works off the end of the log, however short it is.
    pub(super) fn roll_up_all(&mut self) -> Result<(), Error> {
        let mut tail = std::mem::take(self.log_tail()?);
        let until = self.next_log.saturating_sub(1);
        tail.orders.sort_unstable();
        {
            let mut insert = self.connection.prepare_cached(
                "INSERT INTO log_orders (work_order_id, log_no) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?;
            for (work_order_id, no) in tail.orders.drain(..) {
                insert.execute(params![work_order_id, no])?;
            }
        }
        for ((endpoint, minute), counted) in std::mem::take(&mut tail.traffic) {
            self.add_traffic(&endpoint, minute, counted)?;
        }
        self.connection
            .prepare_cached(
                "INSERT INTO meta (name, value) VALUES ('rolled_up', ?1)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute(params![until.to_be_bytes()])?;
        self.log_tail = Some(tail);
        Ok(())
    }

    /// Removes the oldest records, up to this number, that began before then; how many that were.
    pub(super) fn remove_records(&mut self, last: u64, before: i64) -> Result<usize, Error> {
        // What is not worked off could be counted and placed no more.
        if last > rolled_up(&self.connection)? {
            self.roll_up_all()?;
        }
        self.connection
            .prepare_cached(
                // Uses the primary keys.
                "DELETE FROM log_orders
                 WHERE (work_order_id, log_no) IN
                       (SELECT work_order_id, log_no FROM log WHERE log_no <= ?1 AND start < ?2)",
            )?
            .execute(params![last, before])?;
        let removed = self
            .connection
            .prepare_cached("DELETE FROM log WHERE log_no <= ?1 AND start < ?2")?
            .execute(params![last, before])?;
        Ok(removed)
    }
}
