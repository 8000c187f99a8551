//! What a change does, in the words of the interface: the members that differ, before and after.
//!
//! Of a secret is said only that it is there, or that it is another one now.

use serde_json::{Value, json};
use workbell_model::{
    Branch, Client, Company, CompanyId, Customer, Endpoint, EndpointSettings, Person, RetrySchedule,
    SealedText, duration,
};

use super::{Act, Actor, Entry, Members};
use crate::directory::Directory;
use crate::record::{Change, OwnAction};

/// What stands for a secret.
const HIDDEN: &str = "(hidden)";

/// What stands for a secret that is another one than before.
const ANOTHER: &str = "(another one)";

/// What a change does to what the directory holds; `person` is the one that it is about, as they were. `None` when it
/// is no change that anybody would ask about, or changes nothing.
pub(crate) fn entry(change: &Change, directory: &Directory, person: Option<&Person>) -> Option<Entry> {
    let company_of = |id: &CompanyId| directory.company(id);
    match change {
        Change::CreateCompany(company) => {
            made(Act::CompanyCreated, &company.company_id, &company.company_id, of_company(company))
        }
        Change::RenameCompany(id, name) => {
            let before = of_company(&company_of(id)?.company);
            changed(Act::CompanyChanged, id, id, before, object(json!({ "Name": name })))
        }
        Change::DeleteCompany(id, ..) => {
            gone(Act::CompanyDeleted, id, id, of_company(&company_of(id)?.company))
        }
        Change::CreateBranch(branch) => {
            made(Act::BranchCreated, &branch.company_id, &branch.branch_id, of_branch(branch))
        }
        Change::RenameBranch(company, id, name) => {
            let entry = company_of(company)?;
            let before = of_branch(entry.branches.get(id)?);
            changed(Act::BranchChanged, company, id, before, object(json!({ "Name": name })))
        }
        Change::DeleteBranch(company, id, ..) => {
            gone(Act::BranchDeleted, company, id, of_branch(company_of(company)?.branches.get(id)?))
        }
        Change::CreateClient(client) => {
            made(Act::ClientCreated, &client.company_id, &client.client_id, of_client(client, None))
        }
        Change::UpdateClient(client) => {
            let entry = company_of(&client.company_id)?;
            let before = entry.clients.get(&client.client_id)?;
            let after = of_client(client, Some(before));
            changed(Act::ClientChanged, &client.company_id, &client.client_id, of_client(before, None), after)
        }
        Change::DeleteClient(company, id, _) => {
            gone(Act::ClientDeleted, company, id, of_client(company_of(company)?.clients.get(id)?, None))
        }
        Change::CreateEndpoint(endpoint, _) => {
            let key = &endpoint.key;
            made(Act::EndpointCreated, &key.company_id, &key.endpoint_id, of_endpoint(endpoint, None))
        }
        Change::UpdateEndpoint(endpoint, ..) => {
            let (key, before) = (&endpoint.key, directory.endpoint(&endpoint.key)?);
            let after = of_endpoint(endpoint, Some(&before));
            let before = of_endpoint(&before, None);
            changed(Act::EndpointChanged, &key.company_id, &key.endpoint_id, before, after)
        }
        Change::DeleteEndpoint(key, ..) => {
            let before = of_endpoint(&*directory.endpoint(key)?, None);
            gone(Act::EndpointDeleted, &key.company_id, &key.endpoint_id, before)
        }
        Change::CreatePerson(person) => {
            made(Act::PersonCreated, &person.company_id, &person.person_id, of_person(person, None))
        }
        Change::UpdatePerson(after) => {
            let before = of_person(person?, None);
            // The password has a way of its own; what stands here of it is not written.
            let after = Person { password: person?.password.clone(), ..after.clone() };
            changed(
                Act::PersonChanged,
                &after.company_id,
                &after.person_id,
                before,
                of_person(&after, person),
            )
        }
        Change::DeletePerson(company, id) => gone(Act::PersonDeleted, company, id, of_person(person?, None)),
        Change::SetPassword { .. } => {
            let person = person?;
            let entry = Entry {
                act: Act::PasswordSet,
                company_id: Some(person.company_id.clone()),
                subject: person.person_id.to_string(),
                before: Some(object(json!({ "HasPassword": person.password.is_some() }))),
                after: Some(object(json!({ "HasPassword": true, "Password": ANOTHER }))),
                by: Some(actor(person)),
            };
            Some(entry)
        }
        Change::OpenSession(session, _) => {
            let entry = Entry {
                act: Act::SignedIn,
                company_id: person.map(|person| person.company_id.clone()),
                subject: person.map_or_else(|| "operator".to_owned(), |person| person.person_id.to_string()),
                before: None,
                after: Some(object(json!({ "Until": session.until }))),
                by: Some(person.map_or(Actor::Operator, actor)),
            };
            Some(entry)
        }
        Change::PutCustomer(customer) => {
            let entry = of_nobody(Act::CustomerPut, &customer.customer_id.to_string());
            Some(Entry { after: Some(of_customer(customer)), ..entry })
        }
        Change::PutAction(action) => {
            let entry = of_nobody(Act::ActionPut, action.name.as_str());
            match directory.action(&action.name) {
                Some(before) => differing(entry, of_action(&before), of_action(action)),
                None => Some(Entry { after: Some(of_action(action)), ..entry }),
            }
        }
        Change::DeleteAction(name) => {
            let before = Some(of_action(&*directory.action(name)?));
            Some(Entry { before, ..of_nobody(Act::ActionDeleted, name.as_str()) })
        }
        Change::PutKeys(put, removed) => {
            let ids: Vec<&str> = put.iter().map(|key| key.key_id.as_str()).collect();
            let subject = ids.first().copied().or_else(|| removed.first().map(String::as_str))?;
            let before = (!removed.is_empty()).then(|| object(json!({ "Removed": removed })));
            let after = (!ids.is_empty()).then(|| object(json!({ "Written": ids })));
            Some(Entry { before, after, ..of_nobody(Act::KeysChanged, subject) })
        }
        Change::CloseSession(_) | Change::TryPassword(..) | Change::ForgetTries(_) => None,
    }
}

fn of_customer(customer: &Customer) -> Members {
    object(json!({
        "Name": customer.name,
        "DemandsRepairInfo": customer.demands.repair_info,
        "DemandedCustomFields": customer.demands.custom_fields,
        "AllowsQuotes": customer.allows_quotes,
        "AllowsBackDating": customer.allows_back_dating,
    }))
}

fn of_nobody(act: Act, subject: &str) -> Entry {
    Entry { act, company_id: None, subject: subject.to_owned(), before: None, after: None, by: None }
}

fn about(act: Act, company: &CompanyId, subject: &impl ToString) -> Entry {
    Entry { company_id: Some(company.clone()), ..of_nobody(act, &subject.to_string()) }
}

fn made(act: Act, company: &CompanyId, subject: &impl ToString, after: Members) -> Option<Entry> {
    Some(Entry { after: Some(after), ..about(act, company, subject) })
}

fn gone(act: Act, company: &CompanyId, subject: &impl ToString, before: Members) -> Option<Entry> {
    Some(Entry { before: Some(before), ..about(act, company, subject) })
}

fn changed(
    act: Act,
    company: &CompanyId,
    subject: &impl ToString,
    before: Members,
    after: Members,
) -> Option<Entry> {
    differing(about(act, company, subject), before, after)
}

/// Only what differs; `None` when nothing does. What stands on one side only is `null` on the other.
fn differing(entry: Entry, mut before: Members, mut after: Members) -> Option<Entry> {
    let same: Vec<String> = after
        .iter()
        .filter(|(name, value)| before.get(*name) == Some(value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in same {
        before.remove(&name);
        after.remove(&name);
    }
    for name in after.keys() {
        before.entry(name.clone()).or_insert(Value::Null);
    }
    for name in before.keys() {
        after.entry(name.clone()).or_insert(Value::Null);
    }
    if after.is_empty() { None } else { Some(Entry { before: Some(before), after: Some(after), ..entry }) }
}

fn object(value: Value) -> Members {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Members::new()
        }
    }
}

fn actor(person: &Person) -> Actor {
    Actor::Person {
        company_id: person.company_id.clone(),
        person_id: person.person_id,
        email: person.email.clone(),
    }
}

fn of_company(company: &Company) -> Members {
    object(json!({ "Name": company.name }))
}

fn of_branch(branch: &Branch) -> Members {
    object(json!({ "Name": branch.name }))
}

/// A secret that is another one than `before` had.
fn secret(is_another: bool) -> &'static str {
    if is_another { ANOTHER } else { HIDDEN }
}

fn of_client(client: &Client, before: Option<&Client>) -> Members {
    object(json!({
        "Name": client.name,
        "ClientSecret": secret(before.is_some_and(|before| before.secret_hash != client.secret_hash)),
        "OldSecretUntil": client.previous_secret.map(|(_, until)| until),
    }))
}

fn of_endpoint(endpoint: &Endpoint, before: Option<&Endpoint>) -> Members {
    let settings = &endpoint.settings;
    let text = |time: Option<std::time::Duration>| time.map(duration::format);
    let branches = settings.branch_ids.as_ref().map_or_else(|| json!(["*"]), |ids| json!(ids));
    object(json!({
        "Url": settings.url,
        "Enabled": settings.enabled,
        "Actions": settings.actions,
        "BranchIds": branches,
        "ClientId": settings.client_id,
        "Authorization": settings.authorization,
        "Signature": settings.signature,
        "ExpectContinue": settings.expect_continue,
        "Headers": headers(settings, before.map(|before| &before.settings)),
        "HoldLimit": text(settings.hold_limit),
        "MaxConcurrency": settings.max_concurrency,
        "RatePerSecond": settings.rate_per_second,
        "RetrySchedule": settings.retry_schedule.as_ref().map(schedule),
        "MaxAttempts": settings.max_attempts,
        "Timeout": text(settings.timeout),
        "On410": settings.on_410,
        "Paused": endpoint.paused,
        "Secret": secret(before.is_some_and(|before| before.secret != endpoint.secret)),
        "OldSecretUntil": endpoint.previous_secret.as_ref().map(|(_, until)| *until),
    }))
}

fn schedule(schedule: &RetrySchedule) -> Value {
    schedule.waits().iter().map(|wait| duration::format(*wait)).collect()
}

/// Names with hidden values. A value that was sealed anew may be the same; it counts as another one.
fn headers(settings: &EndpointSettings, before: Option<&EndpointSettings>) -> Members {
    let known = |name: &str, value: &SealedText| {
        before.is_none_or(|before| before.headers.iter().any(|header| header.0 == name && header.1 == *value))
    };
    let shown =
        settings.headers.iter().map(|(name, value)| (name.clone(), secret(!known(name, value)).into()));
    shown.collect()
}

fn of_person(person: &Person, before: Option<&Person>) -> Members {
    let is_another = before.is_some_and(|before| before.link != person.link);
    object(json!({
        "Email": person.email,
        "Role": person.role,
        "HasPassword": person.password.is_some(),
        "Link": person.link.map(|_| secret(is_another)),
        "LinkUntil": person.link.map(|(_, until)| until),
    }))
}

fn of_action(action: &OwnAction) -> Members {
    let sample = serde_json::from_str(&action.sample).unwrap_or(Value::Null);
    object(json!({ "Sample": sample }))
}
