//! The audit in SQLite: written in the commit of the change, listed newest first, swept by its own period.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use serde_json::json;
use workbell_model::Person;
use workbell_wire::Timestamp;

use super::by_hand::company_id;
use super::change::Publish;
use super::lists::{Walk, start_of};
use super::people;
use super::write::Write;
use crate::audit::{self, Act, Actor, AuditFilter, AuditRecord, Author, Entry, KEPT, MOST_RECORDS, Members};
use crate::error::Error;
use crate::filter::{Page, Paging};
use crate::job::JobRecord;
use crate::record::{ByHand, Change, Swept};

/// Records that one step of the sweep removes.
const STEP: usize = 500;

impl Write {
    /// A change with its record, within the running transaction.
    pub(super) fn audited(&mut self, change: Change, author: &Author) -> Result<Publish, Error> {
        let person = self.person_of(&change)?;
        let entry = audit::entry(&change, &self.directory, person.as_ref());
        let publish = self.change(change)?;
        if let Some(entry) = entry {
            self.insert_audit(&entry, author)?;
        }
        Ok(publish)
    }

    /// The person whom a change is about, as they were before it.
    fn person_of(&self, change: &Change) -> Result<Option<Person>, Error> {
        let (company, id) = match change {
            Change::UpdatePerson(person) => (&person.company_id, person.person_id),
            Change::DeletePerson(company, id) => (company, *id),
            Change::OpenSession(session, _) => match &session.person {
                Some((company, id)) => (company, *id),
                None => return Ok(None),
            },
            Change::SetPassword { link, now, .. } => return people::of_link(&self.connection, link, *now),
            _ => return Ok(None),
        };
        Ok(people::of_company(&self.connection, company)?.into_iter().find(|person| person.person_id == id))
    }

    /// Something done by hand to a delivery, with its record when somebody did it and not a job.
    pub(super) fn audited_by_hand(
        &mut self,
        act: Act,
        by_hand: &ByHand,
        apply: impl FnOnce(&mut Write, &ByHand) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let no = by_hand.id.no();
        let before = self.row(no)?;
        apply(self, by_hand)?;
        let (Some(author), Some(before)) = (&by_hand.by, before) else { return Ok(()) };
        let state =
            |state: workbell_model::State| Members::from_iter([("State".to_owned(), json!(state.name()))]);
        let after = match self.row(no)? {
            // The attempt in flight comes first.
            Some(row) if row.wish.is_some() => {
                Members::from_iter([("AfterAttempt".to_owned(), json!(act.name()))])
            }
            Some(row) => state(row.state),
            None => Members::new(),
        };
        let entry = Entry {
            act,
            company_id: Some(before.key.0.company_id.clone()),
            subject: by_hand.id.to_string(),
            before: Some(state(before.state)),
            after: Some(after),
            by: None,
        };
        self.insert_audit(&entry, author)
    }

    /// What somebody did to a job.
    pub(super) fn audit_job(&self, act: Act, job: &JobRecord, author: &Author) -> Result<(), Error> {
        let new = &job.job;
        let after = json!({
            "Kind": new.kind.name(),
            "Filter": new.filter,
            "RatePerSecond": new.rate,
            "DryRun": new.dry_run,
            "State": job.state.name(),
        });
        let entry = Entry {
            act,
            company_id: new.filter.company_id.clone(),
            subject: new.id.to_string(),
            before: None,
            after: after.as_object().cloned(),
            by: None,
        };
        self.insert_audit(&entry, author)
    }

    pub(super) fn insert_audit(&self, entry: &Entry, author: &Author) -> Result<(), Error> {
        let actor = entry.by.as_ref().unwrap_or(&author.actor);
        let (id, name) = match actor {
            Actor::Service | Actor::Operator => (None, None),
            Actor::Person { person_id, email, .. } => (Some(person_id.to_string()), Some(email.as_str())),
            Actor::Client { client_id, .. } => (Some(client_id.to_string()), None),
        };
        let text =
            |members: &Option<Members>| {
                members.as_ref().map(serde_json::to_string).transpose().map_err(|error| {
                    Error::Database(rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
                })
            };
        self.connection
            .prepare_cached(
                "INSERT INTO audit
                   (company_id, changed, act, subject, actor, actor_id, actor_name, address, before, after)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                entry.company_id.as_ref().map(workbell_model::CompanyId::as_str),
                author.at.ticks(),
                entry.act.name(),
                entry.subject,
                actor.kind(),
                id,
                name,
                author.address.map(|address| address.to_canonical().to_string()),
                text(&entry.before)?,
                text(&entry.after)?,
            ])?;
        Ok(())
    }

    /// One step: what is older than `before`, and what is more than may be kept.
    pub(super) fn sweep_audit(
        &mut self,
        now: Timestamp,
        log: std::time::Duration,
        swept: &mut Swept,
    ) -> Result<(), Error> {
        let before = now.minus(log.max(KEPT));
        let removed = self
            .connection
            .prepare_cached(
                // The primary key serves: the oldest come first.
                "DELETE FROM audit
                 WHERE audit_no IN (SELECT audit_no FROM audit ORDER BY audit_no LIMIT ?1)
                   AND (changed < ?2
                        OR audit_no <= coalesce((SELECT max(audit_no) FROM audit), 0) - ?3)",
            )?
            .execute(params![STEP, before.ticks(), MOST_RECORDS])?;
        swept.audit_records += removed as u64;
        swept.more |= removed == STEP;
        Ok(())
    }
}

pub(super) fn list(
    connection: &Connection,
    filter: &AuditFilter,
    paging: &Paging,
) -> Result<Page<AuditRecord>, Error> {
    let start = start_of(paging)?;
    let source = match (&filter.subject, &filter.company_id) {
        // Uses audit_by_subject.
        (Some(_), _) => "subject = ?2 AND audit_no < ?1 AND ?3 IS ?3",
        // Uses audit_by_company.
        (None, Some(_)) => "company_id = ?3 AND audit_no < ?1 AND ?2 IS NULL",
        (None, None) => "audit_no < ?1 AND ?2 IS NULL AND ?3 IS NULL",
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT audit_no, company_id, changed, act, subject, actor, actor_id, actor_name, address, before, after
         FROM audit
         WHERE {source}
         ORDER BY audit_no DESC"
    ))?;
    let company = filter.company_id.as_ref().map(workbell_model::CompanyId::as_str);
    let mut rows = statement.query(params![start, filter.subject, company])?;
    let mut walk = Walk::new(paging);
    while let Some(row) = rows.next()? {
        let matching = if matches(row, filter)? { Some(record(row)?) } else { None };
        if !walk.step(row.get(0)?, matching) {
            return Ok(walk.page(rows.next()?.is_none()));
        }
    }
    Ok(walk.page(true))
}

fn matches(row: &Row<'_>, filter: &AuditFilter) -> rusqlite::Result<bool> {
    let company = row.get_ref(1)?.as_str_or_null()?;
    let changed: i64 = row.get(2)?;
    Ok(filter.company_id.as_ref().is_none_or(|wanted| company == Some(wanted.as_str()))
        && match &filter.act {
            Some(wanted) => row.get_ref(3)?.as_str()? == wanted,
            None => true,
        }
        && filter.from.is_none_or(|from| changed >= from.ticks())
        && filter.to.is_none_or(|to| changed < to.ticks()))
}

fn record(row: &Row<'_>) -> rusqlite::Result<AuditRecord> {
    let members = |column: usize| -> rusqlite::Result<Option<Members>> {
        let text = row.get_ref(column)?.as_str_or_null()?;
        text.map(serde_json::from_str).transpose().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
        })
    };
    Ok(AuditRecord {
        no: row.get(0)?,
        company_id: match row.get_ref(1)? {
            ValueRef::Null => None,
            _ => Some(company_id(row, 1)?),
        },
        changed: Timestamp::from_ticks(row.get(2)?),
        act: row.get(3)?,
        subject: row.get(4)?,
        actor: row.get(5)?,
        actor_id: row.get(6)?,
        actor_name: row.get(7)?,
        address: row.get(8)?,
        before: members(9)?,
        after: members(10)?,
    })
}
