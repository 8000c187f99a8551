//! Reading the configuration at start into the directory.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, Row};
use workbell_model::{
    Branch, Client, ClientId, Company, Endpoint, EndpointKey, EndpointSettings, SealedText,
};
use workbell_wire::Timestamp;

use super::by_hand::{company_id, endpoint_key, uuid};
use crate::directory::{CompanyEntry, Directory};
use crate::error::Error;
use crate::record::OwnAction;

pub(super) fn load(connection: &Connection, directory: &Directory) -> Result<(), Error> {
    let mut companies = BTreeMap::new();
    for company in
        all(connection, "SELECT company_id, name, created FROM companies WHERE deleted IS NULL", company)?
    {
        let id = company.company_id.clone();
        let entry = CompanyEntry {
            company,
            branches: BTreeMap::new(),
            clients: BTreeMap::new(),
            endpoints: BTreeMap::new(),
        };
        companies.insert(id, entry);
    }
    for branch in all(connection, "SELECT company_id, branch_id, name, created FROM branches", branch)? {
        if let Some(entry) = companies.get_mut(&branch.company_id) {
            entry.branches.insert(branch.branch_id, branch);
        }
    }
    for client in all(
        connection,
        "SELECT company_id, client_id, name, secret_hash, previous_hash, previous_until, tokens_from, created, deleted
         FROM clients",
        client,
    )? {
        if let Some(entry) = companies.get_mut(&client.company_id) {
            entry.clients.insert(client.client_id, client);
        }
    }
    for endpoint in all(
        connection,
        "SELECT company_id, endpoint_id, settings, secret, previous_secret, previous_until, paused, created, generation
         FROM endpoints
         WHERE deleted IS NULL",
        endpoint,
    )? {
        if let Some(entry) = companies.get_mut(&endpoint.key.company_id) {
            entry.endpoints.insert(endpoint.key.endpoint_id, Arc::new(endpoint));
        }
    }
    for (endpoint, health) in super::health::load(connection)? {
        directory.set_health(endpoint, Some(health));
    }
    let actions = all(connection, "SELECT name, sample, created FROM actions", own_action)?;
    let mut entries = directory.write();
    entries.branches = companies
        .iter()
        .flat_map(|(id, entry)| entry.branches.keys().map(|branch| (*branch, id.clone())))
        .collect();
    entries.companies = companies.into_iter().map(|(id, entry)| (id, Arc::new(entry))).collect();
    entries.actions = actions.into_iter().map(|action| (action.name.clone(), Arc::new(action))).collect();
    Ok(())
}

/// Deleted endpoints whose deliveries were not all discarded before the process ended.
pub(super) fn deleted_endpoints_with_deliveries(connection: &Connection) -> Result<Vec<EndpointKey>, Error> {
    all(
        connection,
        "SELECT company_id, endpoint_id
         FROM endpoints AS e
         WHERE deleted IS NOT NULL
           AND EXISTS (SELECT 1 FROM undelivered AS u
                       WHERE u.company_id = e.company_id AND u.endpoint_id = e.endpoint_id)",
        |row| endpoint_key(row, 0, 1),
    )
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Error> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| read(row))?;
    Ok(rows.collect::<Result<Vec<_>, _>>()?)
}

fn company(row: &Row<'_>) -> rusqlite::Result<Company> {
    Ok(Company { company_id: company_id(row, 0)?, name: row.get(1)?, created: time(row, 2)? })
}

fn branch(row: &Row<'_>) -> rusqlite::Result<Branch> {
    Ok(Branch {
        company_id: company_id(row, 0)?,
        branch_id: row.get(1)?,
        name: row.get(2)?,
        created: time(row, 3)?,
    })
}

fn client(row: &Row<'_>) -> rusqlite::Result<Client> {
    let previous = match (row.get::<_, Option<[u8; 32]>>(4)?, optional_time(row, 5)?) {
        (Some(hash), Some(until)) => Some((hash, until)),
        (Some(_) | None, _) => None,
    };
    Ok(Client {
        company_id: company_id(row, 0)?,
        client_id: ClientId::from_uuid(uuid(row, 1)?),
        name: row.get(2)?,
        secret_hash: row.get(3)?,
        previous_secret: previous,
        tokens_from: time(row, 6)?,
        created: time(row, 7)?,
        deleted: optional_time(row, 8)?,
    })
}

fn endpoint(row: &Row<'_>) -> rusqlite::Result<Endpoint> {
    let settings: EndpointSettings = serde_json::from_str(row.get_ref(2)?.as_str()?).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error))
    })?;
    let previous_secret = match (row.get::<_, Option<Vec<u8>>>(4)?, optional_time(row, 5)?) {
        (Some(secret), Some(until)) => Some((SealedText(secret), until)),
        (Some(_) | None, _) => None,
    };
    Ok(Endpoint {
        key: endpoint_key(row, 0, 1)?,
        settings,
        secret: SealedText(row.get(3)?),
        previous_secret,
        paused: optional_time(row, 6)?,
        created: time(row, 7)?,
        generation: row.get(8)?,
    })
}

fn own_action(row: &Row<'_>) -> rusqlite::Result<OwnAction> {
    let name = row.get_ref(0)?.as_str()?.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })?;
    Ok(OwnAction { name, sample: row.get(1)?, created: time(row, 2)? })
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_ticks)
}

fn optional_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_ticks))
}
