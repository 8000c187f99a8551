//! The jobs of the slow store: as all it does, one call at a time while the clock stands still.

use async_trait::async_trait;
use workbell_model::{CompanyId, EndpointKey, JobId, WorkOrderId};
use workbell_store::Error;
use workbell_store::audit::Author;
use workbell_store::filter::{Page, Paging};
use workbell_store::job::{Candidates, JobRecord, Jobs, Look, NewJob, Step, Walk};
use workbell_store::record::DueLanes;
use workbell_wire::Timestamp;

use crate::slow_store::SlowStore;

#[async_trait]
impl Jobs for SlowStore {
    async fn create_job_by(&self, by: Author, job: NewJob) -> Result<JobRecord, Error> {
        self.section(move |sqlite| async move { sqlite.create_job_by(by, job).await }).await
    }

    async fn cancel_job_by(
        &self,
        by: Author,
        id: JobId,
        company: Option<&CompanyId>,
    ) -> Result<JobRecord, Error> {
        let company = company.cloned();
        self.section(move |sqlite| async move { sqlite.cancel_job_by(by, id, company.as_ref()).await }).await
    }

    async fn job(&self, id: JobId, company: Option<&CompanyId>) -> Result<Option<JobRecord>, Error> {
        let company = company.cloned();
        self.section(move |sqlite| async move { sqlite.job(id, company.as_ref()).await }).await
    }

    async fn jobs(&self, company: Option<&CompanyId>, paging: Paging) -> Result<Page<JobRecord>, Error> {
        let company = company.cloned();
        self.section(move |sqlite| async move { sqlite.jobs(company.as_ref(), paging).await }).await
    }

    async fn unfinished_jobs(&self) -> Result<Vec<JobRecord>, Error> {
        self.section(|sqlite| async move { sqlite.unfinished_jobs().await }).await
    }

    async fn walks(&self, job: &JobRecord) -> Result<Vec<Walk>, Error> {
        let job = job.clone();
        self.section(move |sqlite| async move { sqlite.walks(&job).await }).await
    }

    async fn candidates(
        &self,
        job: &JobRecord,
        walk: &Walk,
        after: u64,
        look: Look,
    ) -> Result<Candidates, Error> {
        let (job, walk) = (job.clone(), walk.clone());
        self.section(move |sqlite| async move { sqlite.candidates(&job, &walk, after, look).await }).await
    }

    async fn counted(&self, id: JobId, total: u64, now: Timestamp) -> Result<JobRecord, Error> {
        self.section(move |sqlite| async move { sqlite.counted(id, total, now).await }).await
    }

    async fn tidy_job(&self, id: JobId, now: Timestamp) -> Result<JobRecord, Error> {
        self.section(move |sqlite| async move { sqlite.tidy_job(id, now).await }).await
    }

    async fn replays(&self, endpoint: &EndpointKey) -> Result<u64, Error> {
        let key = endpoint.clone();
        self.section(move |sqlite| async move { sqlite.replays(&key).await }).await
    }

    async fn due_replays(
        &self,
        endpoint: &EndpointKey,
        now: Timestamp,
        lanes: usize,
        behind: usize,
        known: Vec<WorkOrderId>,
    ) -> Result<DueLanes, Error> {
        let key = endpoint.clone();
        self.section(move |sqlite| async move { sqlite.due_replays(&key, now, lanes, behind, known).await })
            .await
    }

    async fn step(&self, step: Step) -> Result<JobRecord, Error> {
        self.section(move |sqlite| async move { sqlite.step(step).await }).await
    }
}
