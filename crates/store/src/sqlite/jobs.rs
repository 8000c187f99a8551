//! Jobs: made, carried out in steps, ended.
//!
//! Each step is one short transaction of the writer among others, so that a job of a million holds up nobody.

mod act;
mod candidates;
mod erase;
mod interface;
mod record;
mod replay;

use rusqlite::{OptionalExtension, params};
use workbell_model::job::{JobState, Kind};
use workbell_model::{CompanyId, DeliveryNo, EndpointKey, JobId, NotificationNo};
use workbell_wire::Timestamp;

use candidates::candidates;
use record::{job, jobs, unfinished, walks};

use super::code;
use super::write::Write;
use crate::audit::{Act, Author};
use crate::error::Error;
use crate::job::{JobRecord, MOST_RUNNING, NewJob, Step};

/// What the writer is asked to do to a job.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Create(NewJob),
    /// The same in somebody's name, with its record in the audit.
    By(Author, Box<Wanted>),
    Cancel(JobId, Option<CompanyId>, Timestamp),
    Counted(JobId, u64, Timestamp),
    Step(Step),
    Tidy(JobId, Timestamp),
}

/// What became of the items of a step.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    done: u64,
    skipped: u64,
    failed: u64,
}

impl Write {
    /// Does it within the running transaction; the job as it is then.
    pub(super) fn of_job(&mut self, wanted: &Wanted) -> Result<JobRecord, Error> {
        match wanted {
            Wanted::Create(job) => self.create_job(job),
            Wanted::By(author, wanted) => {
                let job = self.of_job(wanted)?;
                match **wanted {
                    Wanted::Create(_) => self.audit_job(Act::JobCreated, &job, author)?,
                    Wanted::Cancel(..) => self.audit_job(Act::JobCancelled, &job, author)?,
                    Wanted::By(..) | Wanted::Counted(..) | Wanted::Step(_) | Wanted::Tidy(..) => {}
                }
                Ok(job)
            }
            Wanted::Cancel(id, company, now) => self.cancel_job(*id, company.as_ref(), *now),
            Wanted::Counted(id, total, now) => self.counted(*id, *total, *now),
            Wanted::Step(step) => self.job_step(step),
            Wanted::Tidy(id, now) => self.tidy(*id, *now),
        }
    }

    fn create_job(&mut self, job: &NewJob) -> Result<JobRecord, Error> {
        let running: usize =
            self.connection.query_row("SELECT COUNT(*) FROM jobs WHERE open = 1", [], |row| row.get(0))?;
        if running >= MOST_RUNNING {
            return Err(Error::StateConflict(format!(
                "{running} jobs are under way, as many as there may be; cancel one, or wait for one to end"
            )));
        }
        let targets = self.targets_of(job)?;
        let below = match job.kind {
            Kind::Retry | Kind::Discard => DeliveryNo::new(NotificationNo(self.next_notification), 0).0,
            Kind::Replay | Kind::Erase => self.next_notification,
        };
        let filter = serde_json::to_string(&job.filter)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        self.connection.execute(
            "INSERT INTO jobs
               (job_id, company_id, kind, filter, rate, dry_run, below, state, open, done, skipped, failed, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 1, 0, 0, 0, ?8)",
            params![
                job.id.as_bytes(),
                job.filter.company_id.as_ref().map(CompanyId::as_str),
                code::of_job_kind(job.kind),
                filter,
                job.rate,
                job.dry_run,
                below,
                job.created.ticks(),
            ],
        )?;
        let no = self.connection.last_insert_rowid();
        for (walk, target) in targets.iter().enumerate() {
            self.connection
                .prepare_cached(
                    "INSERT INTO job_walks (job_no, walk, company_id, endpoint_id, after, ended)
                     VALUES (?1, ?2, ?3, ?4, 0, 0)",
                )?
                .execute(params![
                    no,
                    walk,
                    target.as_ref().map(|key| key.company_id.as_str()),
                    target.as_ref().map(|key| key.endpoint_id.as_bytes()),
                ])?;
        }
        self.events.push(super::write::Event::JobsChanged);
        self.job_of(job.id)
    }

    /// One walk for each; `None` for the one walk of a job that has no targets.
    fn targets_of(&self, job: &NewJob) -> Result<Vec<Option<EndpointKey>>, Error> {
        if let Some(company) = &job.filter.company_id {
            self.company(company)?;
        }
        match job.kind {
            Kind::Retry | Kind::Discard | Kind::Erase => Ok(vec![None]),
            Kind::Replay => self.endpoints_of(job),
        }
    }

    /// The endpoint that the filter names, or all that there are now. A pull endpoint gets nothing sent.
    fn endpoints_of(&self, job: &NewJob) -> Result<Vec<Option<EndpointKey>>, Error> {
        let filter = &job.filter;
        let companies = match &filter.company_id {
            Some(company) => vec![self.company(company)?],
            None => self.directory.companies(None, usize::MAX),
        };
        let endpoints = companies.iter().flat_map(|company| company.endpoints.values());
        let named = endpoints.filter(|it| filter.endpoint_id.is_none_or(|id| id == it.key.endpoint_id));
        let found: Vec<_> = named.collect();
        match (filter.endpoint_id, found.as_slice()) {
            (Some(id), []) => Err(Error::NotFound(format!("endpoint {id}"))),
            (Some(id), [only]) if only.settings.url.is_none() => Err(Error::StateConflict(format!(
                "endpoint {id} is a pull endpoint: its receiver reads what it wants again"
            ))),
            (Some(_) | None, _) => Ok(found
                .into_iter()
                .filter(|it| it.settings.url.is_some())
                .filter(|it| filter.endpoint_id.is_some() || it.settings.enabled)
                .map(|it| Some(it.key.clone()))
                .collect()),
        }
    }

    fn cancel_job(
        &mut self,
        id: JobId,
        company: Option<&CompanyId>,
        now: Timestamp,
    ) -> Result<JobRecord, Error> {
        let job = self.job_of(id)?;
        if company.is_some_and(|company| job.job.filter.company_id.as_ref() != Some(company)) {
            return Err(missing(id));
        }
        if job.state != JobState::Running {
            return Err(Error::StateConflict(format!(
                "job {id} is {}; only one that is under way can be cancelled",
                job.state.name().to_lowercase()
            )));
        }
        self.end(&job, JobState::Cancelled, job.skipped, now)?;
        self.events.push(super::write::Event::JobsChanged);
        self.job_of(id)
    }

    fn counted(&mut self, id: JobId, total: u64, now: Timestamp) -> Result<JobRecord, Error> {
        let job = self.job_of(id)?;
        if job.state != JobState::Running || job.total.is_some() {
            return Ok(job);
        }
        self.connection.execute("UPDATE jobs SET total = ?2 WHERE job_no = ?1", params![job.no, total])?;
        if job.job.dry_run || !record::is_walking(&self.connection, job.no)? {
            self.end(&job, JobState::Finished, job.skipped, now)?;
        }
        self.job_of(id)
    }

    fn job_step(&mut self, step: &Step) -> Result<JobRecord, Error> {
        let job = self.job_of(step.job)?;
        let walk = record::walk(&self.connection, job.no, step.walk)?;
        let Some(walk) = walk.filter(|walk| walk.after == step.from && !walk.ended) else { return Ok(job) };
        if job.state != JobState::Running || job.job.dry_run {
            return Ok(job);
        }
        if let Some(target) = &walk.target
            && !self.has_room_for(target, step.items.len())?
        {
            return Ok(job);
        }
        let tally = self.carry_out(&job, &walk, step)?;
        self.connection
            .prepare_cached("UPDATE job_walks SET after = ?3, ended = ?4 WHERE job_no = ?1 AND walk = ?2")?
            .execute(params![job.no, step.walk, step.reached, step.ended])?;
        self.connection
            .prepare_cached(
                "UPDATE jobs SET done = done + ?2, skipped = skipped + ?3, failed = failed + ?4 WHERE job_no = ?1",
            )?
            .execute(params![job.no, tally.done, tally.skipped, tally.failed])?;
        let job = self.job_of(step.job)?;
        if step.ended && job.job.kind == Kind::Erase {
            self.erase_order(&job)?;
        }
        if step.ended && !record::is_walking(&self.connection, job.no)? {
            // What matched at first and was met nowhere changed meanwhile, or went with retention.
            let met = job.done + job.skipped + job.failed;
            let gone = job.total.unwrap_or(met).saturating_sub(met);
            self.end(&job, JobState::Finished, job.skipped + gone, step.now)?;
            return self.job_of(step.job);
        }
        Ok(job)
    }

    fn end(&mut self, job: &JobRecord, state: JobState, skipped: u64, now: Timestamp) -> Result<(), Error> {
        let met = job.done + skipped + job.failed;
        // More than were counted came to match meanwhile: they were carried out all the same.
        let total = match state {
            JobState::Finished if !job.job.dry_run => job.total.map(|total| total.max(met)),
            JobState::Finished | JobState::Cancelled | JobState::Running => job.total,
        };
        // What a cancelled Replay left in the lanes is taken out in steps.
        let open = state == JobState::Cancelled && job.job.kind == Kind::Replay;
        self.connection
            .prepare_cached(
                "UPDATE jobs SET state = ?2, skipped = ?3, finished = ?4, total = COALESCE(?5, total), open = ?6
                 WHERE job_no = ?1",
            )?
            .execute(params![job.no, code::of_job_state(state), skipped, now.ticks(), total, open])?;
        if !open {
            self.forget_walks(job.no)?;
        }
        Ok(())
    }

    fn forget_walks(&self, job: u64) -> rusqlite::Result<()> {
        self.connection
            .prepare_cached("DELETE FROM job_walks WHERE job_no = ?1")?
            .execute(params![job])
            .map(drop)
    }

    /// Takes some of what a cancelled Replay left in the lanes out.
    fn tidy(&mut self, id: JobId, now: Timestamp) -> Result<JobRecord, Error> {
        let job = self.job_of(id)?;
        if job.state != JobState::Cancelled || !job.open {
            return Ok(job);
        }
        for walk in walks(&self.connection, job.no)? {
            if let Some(target) = walk.target
                && self.tidy_replays(&job, &target, now)?
            {
                return Ok(job);
            }
        }
        self.connection.execute("UPDATE jobs SET open = 0 WHERE job_no = ?1", params![job.no])?;
        self.forget_walks(job.no)?;
        self.job_of(id)
    }

    fn job_of(&self, id: JobId) -> Result<JobRecord, Error> {
        job(&self.connection, id, None)?.ok_or_else(|| missing(id))
    }

    /// Jobs that ended long ago are forgotten, some at a time; true when there may be more.
    pub(super) fn sweep_jobs(&mut self, before: Timestamp) -> Result<bool, Error> {
        const STEP: usize = 100;
        let last: Option<u64> = self
            .connection
            .prepare_cached("SELECT job_no FROM jobs ORDER BY job_no LIMIT 1 OFFSET ?1")?
            .query_row(params![STEP - 1], |row| row.get(0))
            .optional()?;
        let removed = self
            .connection
            .prepare_cached("DELETE FROM jobs WHERE job_no <= ?1 AND open = 0 AND finished < ?2")?
            .execute(params![last.unwrap_or(i64::MAX.unsigned_abs()), before.ticks()])?;
        Ok(removed == STEP)
    }
}

fn missing(id: JobId) -> Error {
    Error::NotFound(format!("job {id}"))
}
