//! Jobs over many deliveries: what a store keeps of them, and how they are carried out step by step.
//!
//! The engine runs them: it reads some candidates, says which of them have an attempt in flight, and hands the step to
//! the writer. Position and counts are in the commit of each step, so a job goes on after a restart where it stood and
//! ends once.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use workbell_model::job::{JobState, Kind};
use workbell_model::{
    CompanyId, DeliveryNo, EndpointId, EndpointKey, JobId, NotificationNo, States, WorkOrderId,
};
use workbell_wire::Timestamp;

use crate::audit::Author;
use crate::error::Error;
use crate::filter::{Page, Paging};
use crate::record::DueLanes;

/// Most jobs that are under way at once: 64. Each has a task; who needs more waits for one to end.
pub const MOST_RUNNING: usize = 64;

/// Most undelivered replays at one endpoint: 1,000, outside of `limits.waiting`. Source: service.md section 6.
pub const MOST_REPLAYS: u64 = 1_000;

/// What a job acts on. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Filter {
    /// Of this company.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_id: Option<CompanyId>,
    /// To this endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_id: Option<EndpointId>,
    /// For this branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch_id: Option<i64>,
    /// Of this work order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_order_id: Option<WorkOrderId>,
    /// With this action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Accepted then or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Accepted before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// In one of these states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<States>,
    /// Whose last attempt failed with this class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A job to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What it does.
    pub kind: Kind,
    /// To what.
    pub filter: Filter,
    /// Items per second.
    pub rate: u32,
    /// It counts only.
    pub dry_run: bool,
    /// Now. What changes later is not its business.
    pub created: Timestamp,
}

/// A job as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    /// Its number, growing.
    pub no: u64,
    /// What was asked for.
    pub job: NewJob,
    /// Where it stands.
    pub state: JobState,
    /// Something of it is left to do: also of a cancelled Replay, until its deliveries are taken out.
    pub open: bool,
    /// How many matched when it was made; `None` until they are counted.
    pub total: Option<u64>,
    /// Carried out.
    pub done: u64,
    /// Changed meanwhile, so that there was nothing to do any more.
    pub skipped: u64,
    /// Could not be carried out.
    pub failed: u64,
    /// When it ended.
    pub finished: Option<Timestamp>,
    /// Numbers from here on came later.
    pub below: u64,
}

/// One walk of a job over its matches, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Which one.
    pub no: u32,
    /// To which endpoint it sends again; `None` but for a Replay.
    pub target: Option<EndpointKey>,
    /// All up to this number is done.
    pub after: u64,
    /// It came to its end.
    pub ended: bool,
}

/// How far to look at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Rows looked at, at most.
    pub rows: usize,
    /// Matches taken, at most.
    pub matches: usize,
}

/// What a job may act on next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// Matches, lowest number first.
    pub items: Vec<Item>,
    /// All up to this number was looked at.
    pub reached: u64,
    /// That was the end.
    pub ended: bool,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// Of a Retry or Discard.
    Delivery(DeliveryNo),
    /// Of a Replay or Erase.
    Notification(NotificationNo),
}

/// A step of a walk, to be written in one commit.
#[derive(Clone, Debug)]
pub struct Step {
    /// Of which job.
    pub job: JobId,
    /// Which of its walks.
    pub walk: u32,
    /// Where the walk stood; a step from another place changes nothing.
    pub from: u64,
    /// Where it stands after.
    pub reached: u64,
    /// That is its end.
    pub ended: bool,
    /// What is acted on.
    pub items: Vec<Item>,
    /// Which of these deliveries have an attempt in flight.
    pub in_flight: Vec<DeliveryNo>,
    /// Now.
    pub now: Timestamp,
}

/// The part of a store that keeps jobs.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Makes a job, with its record in the audit. Its upper bound is what was accepted before.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a company or endpoint that is not there; [`Error::StateConflict`] when
    /// [`MOST_RUNNING`] are under way.
    async fn create_job_by(&self, by: Author, job: NewJob) -> Result<JobRecord, Error>;

    /// The same by the service itself.
    ///
    /// # Errors
    /// As [`Jobs::create_job_by`].
    async fn create_job(&self, job: NewJob) -> Result<JobRecord, Error> {
        self.create_job_by(Author::service(job.created), job).await
    }

    /// Ends a job by hand; what was done stays done. With `company`, only if it is that one's.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::StateConflict`] when it has ended already.
    async fn cancel_job_by(
        &self,
        by: Author,
        id: JobId,
        company: Option<&CompanyId>,
    ) -> Result<JobRecord, Error>;

    /// The same by the service itself.
    ///
    /// # Errors
    /// As [`Jobs::cancel_job_by`].
    async fn cancel_job(
        &self,
        id: JobId,
        company: Option<&CompanyId>,
        now: Timestamp,
    ) -> Result<JobRecord, Error> {
        self.cancel_job_by(Author::service(now), id, company).await
    }

    /// One job. With `company`, only if it is that one's.
    async fn job(&self, id: JobId, company: Option<&CompanyId>) -> Result<Option<JobRecord>, Error>;

    /// Jobs, newest first, without dry runs that have ended. With `company`, only that one's.
    async fn jobs(&self, company: Option<&CompanyId>, paging: Paging) -> Result<Page<JobRecord>, Error>;

    /// Those of which something is left to do, oldest first.
    async fn unfinished_jobs(&self) -> Result<Vec<JobRecord>, Error>;

    /// How far the walks of a job came.
    async fn walks(&self, job: &JobRecord) -> Result<Vec<Walk>, Error>;

    /// What a walk meets behind `after`.
    async fn candidates(
        &self,
        job: &JobRecord,
        walk: &Walk,
        after: u64,
        look: Look,
    ) -> Result<Candidates, Error>;

    /// Keeps how many matched. A dry run ends with it.
    ///
    /// # Atomicity
    /// One commit. A job that has ended, or was counted before, is left as it is.
    async fn counted(&self, id: JobId, total: u64, now: Timestamp) -> Result<JobRecord, Error>;

    /// Takes some of what a cancelled Replay left in the lanes out. Call again while it is open.
    async fn tidy_job(&self, id: JobId, now: Timestamp) -> Result<JobRecord, Error>;

    /// Undelivered replays of an endpoint.
    async fn replays(&self, endpoint: &EndpointKey) -> Result<u64, Error>;

    /// Lanes of replays with a head due at `now`, as [`Store::due_lanes`](crate::Store::due_lanes) has the others.
    async fn due_replays(
        &self,
        endpoint: &EndpointKey,
        now: Timestamp,
        lanes: usize,
        behind: usize,
        known: Vec<WorkOrderId>,
    ) -> Result<DueLanes, Error>;

    /// Carries out a step; the job as it is then.
    ///
    /// # Atomicity
    /// What is done to the items, the position and the counts are one commit. Nothing is carried out of a job that
    /// has ended, from another place than where the walk stands, and of more replays than may wait at the endpoint.
    async fn step(&self, step: Step) -> Result<JobRecord, Error>;
}
