//! Changes of the configuration: one transaction each, then the directory.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::params;
use workbell_model::health::Act;
use workbell_model::{Branch, Client, ClientId, Company, CompanyId, Endpoint, EndpointKey};
use workbell_wire::{ActionName, Timestamp};

use super::discard::Discard;
use super::write::{Event, Write};
use crate::alert::{AlertKind, NewAlert};
use crate::directory::{CompanyEntry, Entries};
use crate::error::Error;
use crate::record::{Change, EndpointChange, IfUndelivered, OwnAction, StoredKey};

/// What is done to the directory after the commit.
pub(super) type Publish = Box<dyn FnOnce(&mut Entries) + Send>;

impl Write {
    /// Writes a change within the running transaction; what it returns is run after the commit.
    pub(super) fn change(&mut self, change: Change) -> Result<Publish, Error> {
        match change {
            Change::CreateCompany(company) => self.create_company(company),
            Change::RenameCompany(id, name) => self.rename_company(id, name),
            Change::DeleteCompany(id, undelivered, now) => self.delete_company(id, undelivered, now),
            Change::CreateBranch(branch) => self.create_branch(branch),
            Change::RenameBranch(company, id, name) => self.rename_branch(company, id, name),
            Change::DeleteBranch(company, id, undelivered, now) => {
                self.delete_branch(company, id, undelivered, now)
            }
            Change::CreateClient(client) => self.create_client(client),
            Change::UpdateClient(client) => self.update_client(client),
            Change::DeleteClient(company, id, now) => self.delete_client(company, id, now),
            Change::CreateEndpoint(endpoint, limit) => self.create_endpoint(endpoint, limit),
            Change::UpdateEndpoint(endpoint, change, now) => self.update_endpoint(endpoint, change, now),
            Change::DeleteEndpoint(key, undelivered, now) => self.delete_endpoint(key, undelivered, now),
            Change::CreatePerson(person) => self.create_person(&person),
            Change::UpdatePerson(person) => self.update_person(&person),
            Change::DeletePerson(company, id) => self.delete_person(&company, id),
            Change::SetPassword { link, password, now } => self.set_password(&link, &password, now),
            Change::OpenSession(session, now) => self.open_session(&session, now),
            Change::CloseSession(token) => self.close_session(&token),
            Change::TryPassword(attempted, now) => self.try_password(&attempted, now),
            Change::ForgetTries(attempted) => self.forget_tries(&attempted),
            Change::PutCustomer(customer) => self.put_customer(&customer),
            Change::PutAction(action) => self.put_action(action),
            Change::DeleteAction(name) => self.delete_action(name),
            Change::PutKeys(keys, gone) => self.put_keys(&keys, &gone),
        }
    }

    pub(super) fn company(&self, id: &CompanyId) -> Result<Arc<CompanyEntry>, Error> {
        self.directory.company(id).ok_or_else(|| Error::NotFound(format!("company {id}")))
    }

    fn create_company(&mut self, company: Company) -> Result<Publish, Error> {
        let created = self.connection.execute(
            "INSERT INTO companies (company_id, name, created) VALUES (?1, ?2, ?3)
             ON CONFLICT (company_id) DO NOTHING",
            params![company.company_id.as_str(), company.name, company.created.ticks()],
        )?;
        if created == 0 {
            // Also when it is deleted: who comes after must not find what it left.
            return Err(Error::Exists(format!("company {}", company.company_id)));
        }
        Ok(Box::new(move |entries| {
            let id = company.company_id.clone();
            let entry = CompanyEntry {
                company,
                branches: BTreeMap::new(),
                clients: BTreeMap::new(),
                endpoints: BTreeMap::new(),
            };
            entries.companies.insert(id, Arc::new(entry));
        }))
    }

    fn rename_company(&mut self, id: CompanyId, name: String) -> Result<Publish, Error> {
        self.company(&id)?;
        self.connection
            .execute("UPDATE companies SET name = ?2 WHERE company_id = ?1", params![id.as_str(), name])?;
        Ok(edit(id, move |entry| entry.company.name = name))
    }

    fn delete_company(
        &mut self,
        id: CompanyId,
        undelivered: IfUndelivered,
        now: Timestamp,
    ) -> Result<Publish, Error> {
        let entry = self.company(&id)?;
        if undelivered == IfUndelivered::Refuse {
            let waiting = "SELECT COUNT(*) FROM undelivered WHERE company_id = ?1";
            refuse(self.connection.query_row(waiting, params![id.as_str()], |row| row.get(0))?)?;
        }
        for endpoint in entry.endpoints.values() {
            self.mark_endpoint_deleted(&endpoint.key, now)?;
            self.remove_health(&endpoint.key)?;
        }
        self.connection.execute(
            "UPDATE companies SET name = '', deleted = ?2 WHERE company_id = ?1",
            params![id.as_str(), now.ticks()],
        )?;
        for sql in [
            "DELETE FROM branches WHERE company_id = ?1",
            "DELETE FROM clients WHERE company_id = ?1",
            "DELETE FROM people WHERE company_id = ?1",
            "DELETE FROM sessions WHERE company_id = ?1",
        ] {
            self.connection.execute(sql, params![id.as_str()])?;
        }
        for endpoint in entry.endpoints.values() {
            self.discard_now_or_later(Discard::OfEndpoint(endpoint.key.clone()), now)?;
        }
        Ok(Box::new(move |entries| {
            entries.companies.remove(&id);
            entries.branches.retain(|_, owner| *owner != id);
        }))
    }

    fn create_branch(&mut self, branch: Branch) -> Result<Publish, Error> {
        self.company(&branch.company_id)?;
        if self.directory.company_of_branch(branch.branch_id).is_some() {
            return Err(Error::BranchTaken(branch.branch_id));
        }
        self.connection.execute(
            "INSERT INTO branches (company_id, branch_id, name, created) VALUES (?1, ?2, ?3, ?4)",
            params![branch.company_id.as_str(), branch.branch_id, branch.name, branch.created.ticks()],
        )?;
        Ok(Box::new(move |entries| {
            entries.branches.insert(branch.branch_id, branch.company_id.clone());
            edit_now(entries, &branch.company_id.clone(), |entry| {
                entry.branches.insert(branch.branch_id, branch);
            });
        }))
    }

    fn rename_branch(&mut self, company: CompanyId, id: i64, name: String) -> Result<Publish, Error> {
        self.branch_of(&company, id)?;
        self.connection.execute(
            "UPDATE branches SET name = ?3 WHERE company_id = ?1 AND branch_id = ?2",
            params![company.as_str(), id, name],
        )?;
        Ok(edit(company, move |entry| {
            if let Some(branch) = entry.branches.get_mut(&id) {
                branch.name = name;
            }
        }))
    }

    fn branch_of(&self, company: &CompanyId, id: i64) -> Result<(), Error> {
        let entry = self.company(company)?;
        if entry.branches.contains_key(&id) { Ok(()) } else { Err(Error::NotFound(format!("branch {id}"))) }
    }

    fn delete_branch(
        &mut self,
        company: CompanyId,
        id: i64,
        undelivered: IfUndelivered,
        now: Timestamp,
    ) -> Result<Publish, Error> {
        self.branch_of(&company, id)?;
        if undelivered == IfUndelivered::Refuse {
            refuse(self.waiting_for_branch(&company, id)?)?;
        }
        self.connection.execute(
            "DELETE FROM branches WHERE company_id = ?1 AND branch_id = ?2",
            params![company.as_str(), id],
        )?;
        if undelivered == IfUndelivered::Discard {
            let discard = self.put_branch_discard(&company, id)?;
            self.discard_now_or_later(discard, now)?;
        }
        Ok(Box::new(move |entries| {
            entries.branches.remove(&id);
            edit_now(entries, &company, |entry| {
                entry.branches.remove(&id);
            });
        }))
    }

    fn create_client(&mut self, client: Client) -> Result<Publish, Error> {
        if self.company(&client.company_id)?.clients.contains_key(&client.client_id) {
            return Err(Error::Exists(format!("client {}", client.client_id)));
        }
        self.put_client(client)
    }

    fn update_client(&mut self, client: Client) -> Result<Publish, Error> {
        let entry = self.company(&client.company_id)?;
        match entry.clients.get(&client.client_id) {
            Some(known) if known.deleted.is_none() => self.put_client(client),
            Some(_) | None => Err(Error::NotFound(format!("client {}", client.client_id))),
        }
    }

    fn put_client(&self, client: Client) -> Result<Publish, Error> {
        let previous = client.previous_secret.as_ref();
        self.connection.execute(
            "INSERT INTO clients
               (company_id, client_id, name, secret_hash, previous_hash, previous_until, tokens_from, created, deleted)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (company_id, client_id) DO UPDATE
             SET name = excluded.name, secret_hash = excluded.secret_hash, previous_hash = excluded.previous_hash,
                 previous_until = excluded.previous_until, tokens_from = excluded.tokens_from,
                 created = excluded.created, deleted = excluded.deleted",
            params![
                client.company_id.as_str(),
                client.client_id.as_bytes(),
                client.name,
                client.secret_hash,
                previous.map(|(hash, _)| hash),
                previous.map(|(_, until)| until.ticks()),
                client.tokens_from.ticks(),
                client.created.ticks(),
                client.deleted.map(Timestamp::ticks),
            ],
        )?;
        Ok(edit(client.company_id.clone(), move |entry| {
            entry.clients.insert(client.client_id, client);
        }))
    }

    fn delete_client(&mut self, company: CompanyId, id: ClientId, now: Timestamp) -> Result<Publish, Error> {
        let entry = self.company(&company)?;
        let there = entry.clients.get(&id).filter(|client| client.deleted.is_none());
        let mut client = there.cloned().ok_or_else(|| Error::NotFound(format!("client {id}")))?;
        client.deleted = Some(now);
        self.put_client(client)
    }

    fn create_endpoint(&mut self, endpoint: Endpoint, limit: usize) -> Result<Publish, Error> {
        let entry = self.company(&endpoint.key.company_id)?;
        if entry.endpoints.len() >= limit {
            return Err(Error::TooMany(limit));
        }
        let known = "SELECT COUNT(*) FROM endpoints WHERE company_id = ?1 AND endpoint_id = ?2";
        let id = params![endpoint.key.company_id.as_str(), endpoint.key.endpoint_id.as_bytes()];
        if self.connection.query_row(known, id, |row| row.get::<_, u64>(0))? > 0 {
            return Err(Error::Exists(format!("endpoint {}", endpoint.key.endpoint_id)));
        }
        self.write_endpoint(&endpoint)?;
        self.act_on(&endpoint, Act::Adjusted, endpoint.created)?;
        self.events.push(Event::EndpointChanged(endpoint.key.clone(), EndpointChange::Created));
        Ok(edit(endpoint.key.company_id.clone(), move |entry| {
            entry.endpoints.insert(endpoint.key.endpoint_id, Arc::new(endpoint));
        }))
    }

    fn update_endpoint(
        &mut self,
        mut endpoint: Endpoint,
        change: EndpointChange,
        now: Timestamp,
    ) -> Result<Publish, Error> {
        let known = self.directory.endpoint(&endpoint.key);
        let known = known.ok_or_else(|| Error::NotFound(format!("endpoint {}", endpoint.key.endpoint_id)))?;
        // Marks instead of an update of its lanes: what was due under an older one is due at once.
        let act = match change {
            EndpointChange::Reopened => Act::Changed,
            EndpointChange::Resumed => Act::Resumed,
            EndpointChange::Created | EndpointChange::Adjusted | EndpointChange::Deleted => {
                let limit = |endpoint: &Endpoint| self.defaults.hold_limit(&endpoint.settings);
                if limit(&endpoint) < limit(&known) { Act::ShorterHold } else { Act::Adjusted }
            }
        };
        let reopens = matches!(act, Act::Changed | Act::Resumed);
        endpoint.generation = known.generation + u64::from(reopens);
        endpoint.created = known.created;
        if act != Act::Resumed {
            // A 410 may have paused it since whoever asks for this has looked.
            endpoint.paused = endpoint.paused.or(known.paused);
        }
        self.write_endpoint(&endpoint)?;
        self.act_on(&endpoint, act, now)?;
        if reopens {
            self.end_alert(AlertKind::EndpointDown, &endpoint.key.endpoint_id.to_string(), now)?;
        }
        if known.paused.is_some() && endpoint.paused.is_none() {
            self.end_alert(AlertKind::EndpointPaused, &endpoint.key.endpoint_id.to_string(), now)?;
        }
        self.events.push(Event::EndpointChanged(endpoint.key.clone(), change));
        Ok(edit(endpoint.key.company_id.clone(), move |entry| {
            entry.endpoints.insert(endpoint.key.endpoint_id, Arc::new(endpoint));
        }))
    }

    /// A `410 Gone` paused it.
    pub(super) fn pause(&mut self, key: &EndpointKey, now: Timestamp) -> rusqlite::Result<()> {
        let paused = self
            .connection
            .prepare_cached(
                "UPDATE endpoints SET paused = ?3
                 WHERE company_id = ?1 AND endpoint_id = ?2 AND paused IS NULL AND deleted IS NULL",
            )?
            .execute(params![key.company_id.as_str(), key.endpoint_id.as_bytes(), now.ticks()])?;
        if paused == 0 {
            return Ok(());
        }
        tracing::warn!(endpoint = %key.endpoint_id, "an endpoint answered 410 Gone and is paused; what is for it waits");
        self.raise(&NewAlert::of_endpoint(AlertKind::EndpointPaused, key, serde_json::Map::new(), now))?;
        self.events.push(Event::EndpointChanged(key.clone(), EndpointChange::Adjusted));
        let (company, id) = (key.company_id.clone(), key.endpoint_id);
        self.publish.push(edit(company, move |entry| {
            if let Some(endpoint) = entry.endpoints.get_mut(&id) {
                Arc::make_mut(endpoint).paused = Some(now);
            }
        }));
        Ok(())
    }

    fn write_endpoint(&self, endpoint: &Endpoint) -> Result<(), Error> {
        let settings = serde_json::to_string(&endpoint.settings)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let previous = endpoint.previous_secret.as_ref();
        self.connection.execute(
            "INSERT INTO endpoints
               (company_id, endpoint_id, settings, secret, previous_secret, previous_until, paused, created, generation)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (company_id, endpoint_id) DO UPDATE
             SET settings = excluded.settings, secret = excluded.secret, previous_secret = excluded.previous_secret,
                 previous_until = excluded.previous_until, paused = excluded.paused,
                 generation = excluded.generation",
            params![
                endpoint.key.company_id.as_str(),
                endpoint.key.endpoint_id.as_bytes(),
                settings,
                endpoint.secret.0,
                previous.map(|(secret, _)| &secret.0),
                previous.map(|(_, until)| until.ticks()),
                endpoint.paused.map(Timestamp::ticks),
                endpoint.created.ticks(),
                endpoint.generation,
            ],
        )?;
        Ok(())
    }

    fn delete_endpoint(
        &mut self,
        key: EndpointKey,
        undelivered: IfUndelivered,
        now: Timestamp,
    ) -> Result<Publish, Error> {
        if self.directory.endpoint(&key).is_none() {
            return Err(Error::NotFound(format!("endpoint {}", key.endpoint_id)));
        }
        if undelivered == IfUndelivered::Refuse {
            refuse(self.waiting(&key)?.count + self.replays_waiting(&key)?)?;
        }
        self.mark_endpoint_deleted(&key, now)?;
        self.remove_health(&key)?;
        self.discard_now_or_later(Discard::OfEndpoint(key.clone()), now)?;
        Ok(edit(key.company_id.clone(), move |entry| {
            entry.endpoints.remove(&key.endpoint_id);
        }))
    }

    fn mark_endpoint_deleted(&mut self, key: &EndpointKey, now: Timestamp) -> Result<(), Error> {
        self.connection.execute(
            "UPDATE endpoints SET deleted = ?3, secret = x'', previous_secret = NULL, previous_until = NULL
             WHERE company_id = ?1 AND endpoint_id = ?2",
            params![key.company_id.as_str(), key.endpoint_id.as_bytes(), now.ticks()],
        )?;
        for kind in [AlertKind::EndpointDown, AlertKind::EndpointPaused, AlertKind::DeliveriesDying] {
            self.end_alert(kind, &key.endpoint_id.to_string(), now)?;
        }
        self.events.push(Event::EndpointChanged(key.clone(), EndpointChange::Deleted));
        Ok(())
    }

    fn put_customer(&mut self, customer: &workbell_model::Customer) -> Result<Publish, Error> {
        let settings = serde_json::to_string(customer).expect("it is plain data");
        self.connection.execute(
            "INSERT INTO customers (customer_id, settings) VALUES (?1, ?2)
             ON CONFLICT (customer_id) DO UPDATE SET settings = excluded.settings",
            params![customer.customer_id, settings],
        )?;
        Ok(Box::new(|_| {}))
    }

    fn put_action(&mut self, action: OwnAction) -> Result<Publish, Error> {
        self.connection.execute(
            "INSERT INTO actions (name, sample, created) VALUES (?1, ?2, ?3)
             ON CONFLICT (name) DO UPDATE SET sample = excluded.sample",
            params![action.name.as_str(), action.sample, action.created.ticks()],
        )?;
        Ok(Box::new(move |entries| {
            entries.actions.insert(action.name.clone(), Arc::new(action));
        }))
    }

    fn delete_action(&mut self, name: ActionName) -> Result<Publish, Error> {
        if self.connection.execute("DELETE FROM actions WHERE name = ?1", params![name.as_str()])? == 0 {
            return Err(Error::NotFound(format!("action {name}")));
        }
        Ok(Box::new(move |entries| {
            entries.actions.remove(&name);
        }))
    }

    fn put_keys(&mut self, keys: &[StoredKey], gone: &[String]) -> Result<Publish, Error> {
        for key in keys {
            self.connection.execute(
                "INSERT INTO signing_keys (key_id, record) VALUES (?1, ?2)
                 ON CONFLICT (key_id) DO UPDATE SET record = excluded.record",
                params![key.key_id, key.record],
            )?;
        }
        for key_id in gone {
            self.connection.execute("DELETE FROM signing_keys WHERE key_id = ?1", params![key_id])?;
        }
        Ok(Box::new(|_| {}))
    }
}

fn refuse(waiting: u64) -> Result<(), Error> {
    if waiting > 0 { Err(Error::UndeliveredExist(waiting)) } else { Ok(()) }
}

fn edit(company: CompanyId, change: impl FnOnce(&mut CompanyEntry) + Send + 'static) -> Publish {
    Box::new(move |entries| edit_now(entries, &company, change))
}

fn edit_now(entries: &mut Entries, company: &CompanyId, change: impl FnOnce(&mut CompanyEntry)) {
    if let Some(entry) = entries.companies.get_mut(company) {
        change(Arc::make_mut(entry));
    }
}
