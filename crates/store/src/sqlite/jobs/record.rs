//! Reading jobs.

use rusqlite::{Connection, OptionalExtension, Row, params};
use workbell_model::{CompanyId, JobId};
use workbell_wire::Timestamp;

use super::super::by_hand::{endpoint_key, uuid};
use super::super::code;
use super::super::lists::{cursor, start_of};
use crate::error::Error;
use crate::filter::{Page, Paging};
use crate::job::{JobRecord, NewJob, Walk};

const COLUMNS: &str =
    "job_no, job_id, kind, filter, rate, dry_run, below, state, total, done, skipped, failed, created,
                       finished, open";

pub(in super::super) fn job(
    connection: &Connection,
    id: JobId,
    company: Option<&CompanyId>,
) -> Result<Option<JobRecord>, Error> {
    let found = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE job_id = ?1"))?
        .query_row(params![id.as_bytes()], record)
        .optional()?;
    Ok(found.filter(|job| company.is_none_or(|company| job.job.filter.company_id.as_ref() == Some(company))))
}

/// Newest first, without dry runs that have ended: they are an answer to one question, and did nothing.
pub(in super::super) fn jobs(
    connection: &Connection,
    company: Option<&CompanyId>,
    paging: &Paging,
) -> Result<Page<JobRecord>, Error> {
    // With a company: jobs_by_company; else the primary key.
    let of_company = if company.is_some() { "company_id = ?2" } else { "?2 IS NULL" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM jobs
         WHERE {of_company} AND job_no < ?1 AND NOT (dry_run = 1 AND open = 0)
         ORDER BY job_no DESC
         LIMIT ?3"
    ))?;
    let limit = paging.limit.max(1);
    let rows =
        statement.query_map(params![start_of(paging)?, company.map(CompanyId::as_str), limit + 1], record)?;
    let mut items: Vec<JobRecord> = rows.collect::<Result<_, _>>()?;
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().map(|job| i64::try_from(job.no).unwrap_or(i64::MAX));
    Ok(Page { next: last.filter(|_| more).map(cursor), items })
}

/// Those under way, oldest first.
pub(in super::super) fn unfinished(connection: &Connection) -> Result<Vec<JobRecord>, Error> {
    // Uses jobs_open.
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE open = 1 ORDER BY job_no"))?;
    let rows = statement.query_map([], record)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

const WALK: &str = "SELECT walk, company_id, endpoint_id, after, ended FROM job_walks";

pub(in super::super) fn walks(connection: &Connection, job: u64) -> Result<Vec<Walk>, Error> {
    let mut statement = connection.prepare_cached(&format!("{WALK} WHERE job_no = ?1 ORDER BY walk"))?;
    let rows = statement.query_map(params![job], read_walk)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn walk(connection: &Connection, job: u64, no: u32) -> Result<Option<Walk>, Error> {
    Ok(connection
        .prepare_cached(&format!("{WALK} WHERE job_no = ?1 AND walk = ?2"))?
        .query_row(params![job, no], read_walk)
        .optional()?)
}

/// Whether a walk of the job has not come to its end.
pub(super) fn is_walking(connection: &Connection, job: u64) -> Result<bool, Error> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM job_walks WHERE job_no = ?1 AND ended = 0 LIMIT 1")?
        .exists(params![job])?)
}

fn read_walk(row: &Row<'_>) -> rusqlite::Result<Walk> {
    let has_target = row.get_ref(2)?.as_blob_or_null()?.is_some();
    Ok(Walk {
        no: row.get(0)?,
        target: has_target.then(|| endpoint_key(row, 1, 2)).transpose()?,
        after: row.get(3)?,
        ended: row.get(4)?,
    })
}

fn record(row: &Row<'_>) -> rusqlite::Result<JobRecord> {
    let filter = serde_json::from_str(row.get_ref(3)?.as_str()?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(JobRecord {
        no: row.get(0)?,
        job: NewJob {
            id: JobId::from_uuid(uuid(row, 1)?),
            kind: code::job_kind(row.get(2)?)?,
            filter,
            rate: row.get(4)?,
            dry_run: row.get(5)?,
            created: Timestamp::from_ticks(row.get(12)?),
        },
        below: row.get(6)?,
        state: code::job_state(row.get(7)?)?,
        open: row.get(14)?,
        total: row.get(8)?,
        done: row.get(9)?,
        skipped: row.get(10)?,
        failed: row.get(11)?,
        finished: row.get::<_, Option<i64>>(13)?.map(Timestamp::from_ticks),
    })
}
