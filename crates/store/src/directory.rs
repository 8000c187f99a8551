//! The configuration as of the last commit, in memory: who there is and where they want to be told.
//!
//! Written by the store alone, after its commit; read by everybody, never over an `await`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use workbell_model::{
    Branch, Client, ClientId, Company, CompanyId, Endpoint, EndpointId, EndpointKey, Health,
};
use workbell_wire::ActionName;

use crate::record::OwnAction;

/// Companies, branches, clients, endpoints and own actions.
#[derive(Debug, Default)]
pub struct Directory {
    entries: RwLock<Entries>,
    /// Of endpoints at which something else than successes ever happened.
    healths: RwLock<HashMap<EndpointKey, Health>>,
}

/// One company with all that belongs to it.
#[derive(Clone, Debug)]
pub struct CompanyEntry {
    /// The company.
    pub company: Company,
    /// By branch id.
    pub branches: BTreeMap<i64, Branch>,
    /// By client id (which is by age, for ids grow); deleted ones too.
    pub clients: BTreeMap<ClientId, Client>,
    /// By endpoint id (which is by age).
    pub endpoints: BTreeMap<EndpointId, Arc<Endpoint>>,
}

#[derive(Debug, Default)]
pub(crate) struct Entries {
    pub(crate) companies: BTreeMap<CompanyId, Arc<CompanyEntry>>,
    pub(crate) branches: HashMap<i64, CompanyId>,
    pub(crate) actions: BTreeMap<ActionName, Arc<OwnAction>>,
}

impl Directory {
    /// One company with all that belongs to it.
    pub fn company(&self, id: &CompanyId) -> Option<Arc<CompanyEntry>> {
        self.read().companies.get(id).cloned()
    }

    /// All companies, by id, after `after`, at most `limit`.
    pub fn companies(&self, after: Option<&CompanyId>, limit: usize) -> Vec<Arc<CompanyEntry>> {
        use std::ops::Bound;
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.read()
            .companies
            .range((start, Bound::Unbounded))
            .take(limit)
            .map(|(_, entry)| entry.clone())
            .collect()
    }

    /// The client with this id, whatever company it belongs to; a deleted one too.
    pub fn client(&self, id: ClientId) -> Option<Client> {
        self.read().companies.values().find_map(|entry| entry.clients.get(&id).cloned())
    }

    /// The company that has this branch.
    pub fn company_of_branch(&self, branch_id: i64) -> Option<CompanyId> {
        self.read().branches.get(&branch_id).cloned()
    }

    /// One endpoint.
    pub fn endpoint(&self, key: &EndpointKey) -> Option<Arc<Endpoint>> {
        self.read().companies.get(&key.company_id)?.endpoints.get(&key.endpoint_id).cloned()
    }

    /// The state of an endpoint as a whole. Its last success may be later than this knows.
    pub fn health(&self, key: &EndpointKey) -> Health {
        self.healths.read().unwrap_or_else(PoisonError::into_inner).get(key).copied().unwrap_or_default()
    }

    /// The states of all endpoints at which something else than successes ever happened.
    pub(crate) fn healths(&self) -> Vec<(EndpointKey, Health)> {
        let healths = self.healths.read().unwrap_or_else(PoisonError::into_inner);
        healths.iter().map(|(key, health)| (key.clone(), *health)).collect()
    }

    /// `None` forgets it.
    pub(crate) fn set_health(&self, key: EndpointKey, health: Option<Health>) {
        let mut healths = self.healths.write().unwrap_or_else(PoisonError::into_inner);
        match health {
            Some(health) => drop(healths.insert(key, health)),
            None => drop(healths.remove(&key)),
        }
    }

    /// Every endpoint.
    pub fn endpoints(&self) -> Vec<EndpointKey> {
        let entries = self.read();
        let endpoints = entries.companies.values().flat_map(|entry| entry.endpoints.values());
        endpoints.map(|endpoint| endpoint.key.clone()).collect()
    }

    /// Every endpoint with its generation.
    pub fn endpoint_generations(&self) -> Vec<(EndpointKey, u64)> {
        let entries = self.read();
        let endpoints = entries.companies.values().flat_map(|entry| entry.endpoints.values());
        endpoints.map(|endpoint| (endpoint.key.clone(), endpoint.generation)).collect()
    }

    /// An action that a platform registered.
    pub fn action(&self, name: &ActionName) -> Option<Arc<OwnAction>> {
        self.read().actions.get(name).cloned()
    }

    /// All of those, by name.
    pub fn actions(&self) -> Vec<Arc<OwnAction>> {
        self.read().actions.values().cloned().collect()
    }

    pub(crate) fn read(&self) -> std::sync::RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> std::sync::RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CompanyEntry {
    /// The name claim of tokens for an endpoint that names none: the oldest client that is not deleted, else the
    /// company id.
    pub fn default_client_name(&self) -> String {
        self.clients
            .values()
            .find(|client| client.deleted.is_none())
            .map_or_else(|| self.company.company_id.to_string(), |client| client.client_id.to_string())
    }
}
