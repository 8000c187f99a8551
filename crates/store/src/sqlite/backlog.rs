//! What waited over time, and how many stand in which state now.
//!
//! A number is kept for the end of a minute, by the first commit of a later minute that changes it. So nothing is
//! written or asked while nothing changes, and what is read is exact for the end of every minute.

use rusqlite::{Connection, OptionalExtension, params};
use workbell_model::{CompanyId, EndpointKey};
use workbell_wire::Timestamp;

use super::code;
use super::read::count_waiting;
use super::traffic::minute_of;
use super::write::Write;
use crate::error::Error;
use crate::traffic::{MINUTE, MOST_TALLIED, Span, Tally};

/// The undelivered live deliveries of an endpoint, as the writer knows them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) count: u64,
    /// The minute whose beginning is kept; none is older.
    kept: i64,
}

impl Waiting {
    /// As counted in the file.
    pub(super) fn counted(count: u64) -> Self {
        Waiting { count, kept: i64::MIN }
    }
}

/// How the number of those that wait changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// One more.
    Enters,
    /// One less.
    Leaves,
}

impl Write {
    /// Counts a live delivery in or out, within the running transaction.
    pub(super) fn count_step(
        &mut self,
        endpoint: &EndpointKey,
        step: Step,
        now: Timestamp,
    ) -> rusqlite::Result<()> {
        let minute = minute_of(now);
        let before = *self.waiting(endpoint)?;
        if before.kept < minute {
            self.keep_backlog(endpoint, minute - 1, before.count)?;
        }
        let waiting = self.waiting(endpoint)?;
        waiting.kept = waiting.kept.max(minute);
        match step {
            Step::Enters => waiting.count += 1,
            Step::Leaves => waiting.count = waiting.count.saturating_sub(1),
        }
        Ok(())
    }

    fn keep_backlog(&self, endpoint: &EndpointKey, minute: i64, waiting: u64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached(
                // What was kept before the process began again stays.
                "INSERT INTO backlog (company_id, endpoint_id, minute, waiting) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (company_id, endpoint_id, minute) DO NOTHING",
            )?
            .execute(params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes(), minute, waiting])
            .map(drop)
    }
}

/// The most that waited at the end of a minute, for each step of a span.
pub(super) fn over(connection: &Connection, endpoint: &EndpointKey, span: Span) -> Result<Vec<u64>, Error> {
    let step = i64::from(span.step.max(1));
    let first = minute_of(span.from).div_euclid(step) * step;
    let end = minute_of(span.to.plus(MINUTE - std::time::Duration::from_nanos(100)));
    let (company, id) = (endpoint.company_id.as_str(), endpoint.endpoint_id);
    let mut statement = connection.prepare_cached(
        // Uses the primary key.
        "SELECT minute, waiting FROM backlog
         WHERE company_id = ?1 AND endpoint_id = ?2 AND minute >= ?3 AND minute < ?4
         ORDER BY minute",
    )?;
    let rows = statement
        .query_map(params![company, id.as_bytes(), first, end], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut kept: Vec<(i64, u64)> = rows.collect::<Result<_, _>>()?;
    let later: Option<u64> = connection
        .prepare_cached(
            "SELECT waiting FROM backlog
             WHERE company_id = ?1 AND endpoint_id = ?2 AND minute >= ?3
             ORDER BY minute
             LIMIT 1",
        )?
        .query_row(params![company, id.as_bytes(), end], |row| row.get(0))
        .optional()?;
    let last = match later {
        Some(waiting) => waiting,
        None => count_waiting(connection, endpoint)?,
    };
    kept.push((i64::MAX, last));
    Ok(most_of_steps(&kept, (first, end), step))
}

/// `kept` ends with what holds for ever after.
fn most_of_steps(kept: &[(i64, u64)], (first, end): (i64, i64), step: i64) -> Vec<u64> {
    let mut steps = Vec::new();
    let mut place = 0;
    let mut begin = first;
    while begin < end {
        let last_minute = begin + step - 1;
        let mut most = 0;
        // Those within it, and the one that tells how it ended.
        while let Some((minute, waiting)) = kept.get(place) {
            most = most.max(*waiting);
            if *minute >= last_minute {
                break;
            }
            place += 1;
        }
        if kept.get(place).is_some_and(|(minute, _)| *minute == last_minute) {
            place += 1;
        }
        steps.push(most);
        begin += step;
    }
    steps
}

/// How many of a company stand in which state, each counted to a bound.
pub(super) fn tally(connection: &Connection, company: &CompanyId) -> Result<Tally, Error> {
    let count = |sql: &str, state: Option<i64>| -> Result<u64, Error> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = match state {
            Some(state) => statement.query(params![company.as_str(), MOST_TALLIED, state])?,
            None => statement.query(params![company.as_str(), MOST_TALLIED])?,
        };
        let mut found = 0;
        while rows.next()?.is_some() {
            found += 1;
        }
        Ok(found)
    };
    // Each walks its index alone.
    let undelivered = "SELECT 1 FROM undelivered WHERE company_id = ?1 LIMIT ?2";
    let tried = "SELECT 1 FROM undelivered WHERE company_id = ?1 AND attempts > 0 LIMIT ?2";
    let undone = "SELECT 1 FROM finished WHERE company_id = ?1 AND state = ?3 AND state <> 0 LIMIT ?2";
    Ok(Tally {
        undelivered: count(undelivered, None)?,
        retrying: count(tried, None)?,
        dead: count(undone, Some(code::DEAD))?,
        discarded: count(undone, Some(code::DISCARDED))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_the_most_of_its_minutes() {
        // Minutes 10 to 21: it ended 12 with 5 and 14 with 2; 8 since 16, and 1 after 19.
        let kept = [(12, 5), (14, 2), (19, 8), (i64::MAX, 1)];
        assert_eq!(most_of_steps(&kept, (10, 22), 1), [5, 5, 5, 2, 2, 8, 8, 8, 8, 8, 1, 1]);
        assert_eq!(most_of_steps(&kept, (10, 22), 3), [5, 8, 8, 8]);
        assert_eq!(most_of_steps(&kept, (10, 22), 6), [8, 8]);
        assert_eq!(most_of_steps(&[(i64::MAX, 4)], (0, 3), 1), [4, 4, 4]);
    }
}
