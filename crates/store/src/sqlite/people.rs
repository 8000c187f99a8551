//! People, their sessions, and tries to sign in.

use rusqlite::{Connection, OptionalExtension, Row, params};
use workbell_model::{CompanyId, Person, PersonId, Role};
use workbell_wire::Timestamp;

use super::by_hand::{company_id, uuid};
use super::change::Publish;
use super::write::Write;
use crate::error::Error;
use crate::record::{Attempted, LOCK, MOST_PEOPLE, MOST_TRIES, Session, SignedIn};

/// People that share an email, over all companies, and are looked at when one signs in.
///
/// 16: each costs a password hash. The value is our choice.
const MOST_NAMESAKES: usize = 16;

/// Most sessions of one person, or of operators together; the oldest ends when one more begins.
///
/// 100: more than anybody has browsers. The value is our choice.
const MOST_SESSIONS: u32 = 100;

/// Most tries that are kept; the oldest go when one more comes. 10,000: about a megabyte.
const MOST_KEPT_TRIES: u32 = 10_000;

const COLUMNS: &str = "company_id, person_id, email, role, password, link, link_until, created";

pub(super) fn of_company(connection: &Connection, company: &CompanyId) -> Result<Vec<Person>, Error> {
    let sql =
        format!("SELECT {COLUMNS} FROM people WHERE company_id = ?1 ORDER BY person_id LIMIT {MOST_PEOPLE}");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![company.as_str()], person)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Uses `people_by_email`.
pub(super) fn named(connection: &Connection, email: &str) -> Result<Vec<Person>, Error> {
    let sql =
        format!("SELECT {COLUMNS} FROM people WHERE email = ?1 ORDER BY created LIMIT {MOST_NAMESAKES}");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![email], person)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Uses `people_by_link`.
pub(super) fn of_link(
    connection: &Connection,
    link: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Person>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM people WHERE link = ?1 AND link_until > ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row(params![link, now.ticks()], person).optional()?)
}

pub(super) fn session(
    connection: &Connection,
    token: &[u8; 32],
    now: Timestamp,
) -> Result<Option<SignedIn>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT s.company_id, s.person_id, p.email, p.role
         FROM sessions AS s
         LEFT JOIN people AS p ON p.company_id = s.company_id AND p.person_id = s.person_id
         WHERE s.token = ?1 AND s.ends > ?2",
    )?;
    let found = statement.query_row(params![token, now.ticks()], |row| {
        if row.get_ref(0)? == rusqlite::types::ValueRef::Null {
            return Ok(Some(SignedIn::Operator));
        }
        let Some(email) = row.get::<_, Option<String>>(2)? else { return Ok(None) };
        Ok(Some(SignedIn::Person {
            company_id: company_id(row, 0)?,
            person_id: PersonId::from_uuid(uuid(row, 1)?),
            email,
            role: role(row, 3)?,
        }))
    });
    Ok(found.optional()?.flatten())
}

fn person(row: &Row<'_>) -> rusqlite::Result<Person> {
    let link = match (row.get::<_, Option<[u8; 32]>>(5)?, row.get::<_, Option<i64>>(6)?) {
        (Some(hash), Some(until)) => Some((hash, Timestamp::from_ticks(until))),
        (Some(_) | None, _) => None,
    };
    Ok(Person {
        company_id: company_id(row, 0)?,
        person_id: PersonId::from_uuid(uuid(row, 1)?),
        email: row.get(2)?,
        role: role(row, 3)?,
        password: row.get(4)?,
        link,
        created: Timestamp::from_ticks(row.get(7)?),
    })
}

fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    let name = row.get_ref(column)?.as_str()?;
    // What is not known may do the least.
    Ok(Role::ALL.into_iter().find(|role| role.name() == name).unwrap_or(Role::Reader))
}

impl Write {
    pub(super) fn create_person(&mut self, person: &Person) -> Result<Publish, Error> {
        self.company(&person.company_id)?;
        let count: usize = self.connection.query_row(
            "SELECT COUNT(*) FROM people WHERE company_id = ?1",
            params![person.company_id.as_str()],
            |row| row.get(0),
        )?;
        if count >= MOST_PEOPLE {
            return Err(Error::StateConflict(format!("a company has at most {MOST_PEOPLE} people")));
        }
        self.refuse_namesake(person)?;
        self.connection.execute(
            "INSERT INTO people (company_id, person_id, email, role, password, link, link_until, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                person.company_id.as_str(),
                person.person_id.as_bytes(),
                person.email,
                person.role.name(),
                person.password,
                person.link.map(|(hash, _)| hash),
                person.link.map(|(_, until)| until.ticks()),
                person.created.ticks(),
            ],
        )?;
        nothing_to_publish()
    }

    /// Email, role and link; the password has a way of its own.
    pub(super) fn update_person(&mut self, person: &Person) -> Result<Publish, Error> {
        self.refuse_namesake(person)?;
        let changed = self.connection.execute(
            "UPDATE people
             SET email = ?3, role = ?4, link = ?5, link_until = ?6
             WHERE company_id = ?1 AND person_id = ?2",
            params![
                person.company_id.as_str(),
                person.person_id.as_bytes(),
                person.email,
                person.role.name(),
                person.link.map(|(hash, _)| hash),
                person.link.map(|(_, until)| until.ticks()),
            ],
        )?;
        if changed == 0 {
            return Err(missing(person.person_id));
        }
        nothing_to_publish()
    }

    fn refuse_namesake(&self, person: &Person) -> Result<(), Error> {
        let namesake = self
            .connection
            .query_row(
                "SELECT 1 FROM people WHERE company_id = ?1 AND email = ?2 AND person_id <> ?3",
                params![person.company_id.as_str(), person.email, person.person_id.as_bytes()],
                |_| Ok(()),
            )
            .optional()?;
        match namesake {
            Some(()) => Err(Error::Exists(format!("a person with the email {}", person.email))),
            None => Ok(()),
        }
    }

    pub(super) fn delete_person(&mut self, company: &CompanyId, id: PersonId) -> Result<Publish, Error> {
        let gone = self.connection.execute(
            "DELETE FROM people WHERE company_id = ?1 AND person_id = ?2",
            params![company.as_str(), id.as_bytes()],
        )?;
        if gone == 0 {
            return Err(missing(id));
        }
        self.end_sessions(company, id)?;
        nothing_to_publish()
    }

    pub(super) fn set_password(
        &mut self,
        link: &[u8; 32],
        password: &str,
        now: Timestamp,
    ) -> Result<Publish, Error> {
        let Some(person) = of_link(&self.connection, link, now)? else {
            return Err(Error::NotFound("this link".to_owned()));
        };
        self.connection.execute(
            "UPDATE people
             SET password = ?3, link = NULL, link_until = NULL
             WHERE company_id = ?1 AND person_id = ?2",
            params![person.company_id.as_str(), person.person_id.as_bytes(), password],
        )?;
        self.end_sessions(&person.company_id, person.person_id)?;
        nothing_to_publish()
    }

    fn end_sessions(&self, company: &CompanyId, id: PersonId) -> Result<(), Error> {
        self.connection.execute(
            "DELETE FROM sessions WHERE company_id = ?1 AND person_id = ?2",
            params![company.as_str(), id.as_bytes()],
        )?;
        Ok(())
    }

    pub(super) fn open_session(&mut self, session: &Session, now: Timestamp) -> Result<Publish, Error> {
        let company = session.person.as_ref().map(|(company, _)| company.as_str());
        let person = session.person.as_ref().map(|(_, person)| person.as_bytes());
        self.connection.execute("DELETE FROM sessions WHERE ends <= ?1", params![now.ticks()])?;
        self.connection.execute(
            "INSERT INTO sessions (token, company_id, person_id, ends) VALUES (?1, ?2, ?3, ?4)",
            params![session.token, company, person, session.until.ticks()],
        )?;
        self.connection.execute(
            "DELETE FROM sessions
             WHERE token IN (SELECT token FROM sessions
                             WHERE company_id IS ?1 AND person_id IS ?2
                             ORDER BY ends DESC
                             LIMIT -1 OFFSET ?3)",
            params![company, person, MOST_SESSIONS],
        )?;
        nothing_to_publish()
    }

    pub(super) fn close_session(&mut self, token: &[u8; 32]) -> Result<Publish, Error> {
        self.connection.execute("DELETE FROM sessions WHERE token = ?1", params![token])?;
        nothing_to_publish()
    }

    pub(super) fn try_password(&mut self, attempted: &Attempted, now: Timestamp) -> Result<Publish, Error> {
        // A lock of 15 minutes can rest on tries that are 30 minutes old.
        let oldest = now.minus(2 * LOCK).ticks();
        self.connection.execute("DELETE FROM sign_in_tries WHERE tried <= ?1", params![oldest])?;
        let last: Option<i64> = self.connection.query_row(
            "SELECT MAX(tried) FROM sign_in_tries WHERE name = ?1 AND address = ?2",
            params![attempted.name, attempted.address],
            |row| row.get(0),
        )?;
        if let Some(last) = last.map(Timestamp::from_ticks) {
            let tries: u32 = self.connection.query_row(
                "SELECT COUNT(*) FROM sign_in_tries WHERE name = ?1 AND address = ?2 AND tried > ?3",
                params![attempted.name, attempted.address, last.minus(LOCK).ticks()],
                |row| row.get(0),
            )?;
            let until = last.plus(LOCK);
            if tries >= MOST_TRIES && until > now {
                return Err(Error::Locked(until));
            }
        }
        self.connection.execute(
            "INSERT INTO sign_in_tries (name, address, tried) VALUES (?1, ?2, ?3)",
            params![attempted.name, attempted.address, now.ticks()],
        )?;
        self.connection.execute(
            "DELETE FROM sign_in_tries
             WHERE try_no <= (SELECT MAX(try_no) FROM sign_in_tries) - ?1",
            params![MOST_KEPT_TRIES],
        )?;
        nothing_to_publish()
    }

    pub(super) fn forget_tries(&mut self, attempted: &Attempted) -> Result<Publish, Error> {
        self.connection.execute(
            "DELETE FROM sign_in_tries WHERE name = ?1 AND address = ?2",
            params![attempted.name, attempted.address],
        )?;
        nothing_to_publish()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what a change of the configuration returns")]
fn nothing_to_publish() -> Result<Publish, Error> {
    Ok(Box::new(|_| {}))
}

fn missing(id: PersonId) -> Error {
    Error::NotFound(format!("person {id}"))
}
