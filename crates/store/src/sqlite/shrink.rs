//! `retention.max_size`: when the store is too large, the oldest go before their time.
//!
//! What counts is the room in use. The file itself does not get smaller: pages that became free are used again before
//! it grows. What waits is never removed, so a store full of undelivered notifications stays too large, and says so.

use rusqlite::{OptionalExtension, params};
use workbell_wire::Timestamp;

use super::sweep::{Candidate, Position, STEP};
use super::write::{LOG, NOTIFICATION, Write, keep_removed};
use crate::error::Error;
use crate::record::Swept;

impl Write {
    /// One step, of whichever has the oldest: notifications or log.
    pub(super) fn shrink(
        &mut self,
        most: u64,
        position: &mut Position,
        swept: &mut Swept,
    ) -> Result<(), Error> {
        let used = self.bytes_in_use()?;
        if used <= most {
            return Ok(());
        }
        let candidates = self.candidates(Timestamp::from_ticks(i64::MAX), position.shrunk)?;
        let log = self.oldest_record()?;
        let is_log_older = match (candidates.first(), log) {
            (Some(notification), Some(start)) => start <= notification.accepted,
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (None, None) => {
                swept.too_large = Some(used);
                return Ok(());
            }
        };
        if is_log_older {
            self.shrink_log(swept)?
        } else {
            self.shrink_notifications(&candidates, position, swept)?
        }
        swept.more = true;
        Ok(())
    }

    /// Bytes of the pages that hold something.
    fn bytes_in_use(&self) -> Result<u64, Error> {
        let pragma = |name: &str| self.connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
        Ok(pragma("page_count")?.saturating_sub(pragma("freelist_count")?) * pragma("page_size")?)
    }

    fn oldest_record(&self) -> Result<Option<i64>, Error> {
        let sql = "SELECT start FROM log ORDER BY log_no LIMIT 1";
        Ok(self.connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()?)
    }

    fn shrink_log(&mut self, swept: &mut Swept) -> Result<(), Error> {
        let last: u64 = self
            .connection
            .prepare_cached("SELECT MAX(log_no) FROM (SELECT log_no FROM log ORDER BY log_no LIMIT ?1)")?
            .query_row(params![STEP], |row| row.get(0))?;
        let removed = self.remove_records(last, i64::MAX)?;
        keep_removed(&self.connection, LOG, last)?;
        swept.log_records += removed as u64;
        swept.early += removed as u64;
        Ok(())
    }

    fn shrink_notifications(
        &mut self,
        candidates: &[Candidate],
        position: &mut Position,
        swept: &mut Swept,
    ) -> Result<(), Error> {
        let mut removed = 0;
        for candidate in candidates {
            if self.fate_is_older(candidate, Timestamp::from_ticks(i64::MAX))? {
                self.remove_notification(candidate.no)?;
                swept.notifications += 1;
                swept.early += 1;
                removed = candidate.no;
            }
        }
        if removed > 0 {
            keep_removed(&self.connection, NOTIFICATION, removed)?;
        }
        position.shrunk = candidates.last().map_or(position.shrunk, |last| last.no);
        Ok(())
    }
}
