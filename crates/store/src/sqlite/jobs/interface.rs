//! Jobs as the rest of the product asks for them.

use async_trait::async_trait;
use workbell_model::{CompanyId, EndpointKey, JobId, WorkOrderId};
use workbell_wire::Timestamp;

use super::super::SqliteStore;
use super::super::command::Command;
use super::Wanted;
use crate::audit::Author;
use crate::error::Error;
use crate::filter::{Page, Paging};
use crate::job::{Candidates, JobRecord, Jobs, Look, NewJob, Step, Walk};
use crate::record::DueLanes;

#[async_trait]
impl Jobs for SqliteStore {
    async fn create_job_by(&self, by: Author, job: NewJob) -> Result<JobRecord, Error> {
        let wanted = Wanted::By(by, Box::new(Wanted::Create(job)));
        self.ask(|reply| Command::OfJob(Box::new(wanted), reply)).await
    }

    async fn cancel_job_by(
        &self,
        by: Author,
        id: JobId,
        company: Option<&CompanyId>,
    ) -> Result<JobRecord, Error> {
        let wanted = Wanted::Cancel(id, company.cloned(), by.at);
        let wanted = Wanted::By(by, Box::new(wanted));
        self.ask(|reply| Command::OfJob(Box::new(wanted), reply)).await
    }

    async fn job(&self, id: JobId, company: Option<&CompanyId>) -> Result<Option<JobRecord>, Error> {
        let company = company.cloned();
        self.readers.run(move |connection| super::job(connection, id, company.as_ref())).await
    }

    async fn jobs(&self, company: Option<&CompanyId>, paging: Paging) -> Result<Page<JobRecord>, Error> {
        let company = company.cloned();
        self.readers.run(move |connection| super::jobs(connection, company.as_ref(), &paging)).await
    }

    async fn unfinished_jobs(&self) -> Result<Vec<JobRecord>, Error> {
        self.readers.run(super::unfinished).await
    }

    async fn walks(&self, job: &JobRecord) -> Result<Vec<Walk>, Error> {
        let no = job.no;
        self.readers.run(move |connection| super::walks(connection, no)).await
    }

    async fn candidates(
        &self,
        job: &JobRecord,
        walk: &Walk,
        after: u64,
        look: Look,
    ) -> Result<Candidates, Error> {
        let (job, walk, directory) = (job.clone(), walk.clone(), self.directory.clone());
        self.readers
            .run(move |connection| super::candidates(connection, &directory, &job, &walk, after, look))
            .await
    }

    async fn counted(&self, id: JobId, total: u64, now: Timestamp) -> Result<JobRecord, Error> {
        self.ask(|reply| Command::OfJob(Box::new(Wanted::Counted(id, total, now)), reply)).await
    }

    async fn tidy_job(&self, id: JobId, now: Timestamp) -> Result<JobRecord, Error> {
        self.ask(|reply| Command::OfJob(Box::new(Wanted::Tidy(id, now)), reply)).await
    }

    async fn replays(&self, endpoint: &EndpointKey) -> Result<u64, Error> {
        let key = endpoint.clone();
        self.readers.run(move |connection| Ok(super::replay::count_replays(connection, &key)?)).await
    }

    async fn due_replays(
        &self,
        endpoint: &EndpointKey,
        now: Timestamp,
        lanes: usize,
        behind: usize,
        known: Vec<WorkOrderId>,
    ) -> Result<DueLanes, Error> {
        let Some(view) = self.view(endpoint) else { return Ok(DueLanes::default()) };
        let key = endpoint.clone();
        self.readers
            .run(move |connection| {
                super::replay::due_replays(connection, &key, &view, now, (lanes, behind), &known)
            })
            .await
    }

    async fn step(&self, step: Step) -> Result<JobRecord, Error> {
        self.ask(|reply| Command::OfJob(Box::new(Wanted::Step(step)), reply)).await
    }
}
