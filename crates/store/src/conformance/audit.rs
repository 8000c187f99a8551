//! The audit: each change has one record, in its commit, of who made it, from where, when, what it was before and after.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;
use workbell_model::{
    Branch, Client, ClientId, CompanyId, Endpoint, EndpointSettings, Person, PersonId, Role, SealedText,
};

use super::bench::{BRANCH, Bench, DAY, End, MINUTE, ORDER, company};
use crate::Error;
use crate::audit::{Act, Actor, AuditFilter, AuditRecord, Author, KEPT};
use crate::filter::Paging;
use crate::record::{
    Attempted, ByHand, Change, EndpointChange, IfUndelivered, OwnAction, Session, StoredKey,
};

fn address() -> IpAddr {
    "192.0.2.7".parse().expect("it is an address")
}

fn operator(bench: &Bench) -> Author {
    Author { actor: Actor::Operator, address: Some(address()), at: bench.now() }
}

/// Everything, newest first.
async fn all(bench: &Bench) -> Vec<AuditRecord> {
    list(bench, AuditFilter::default()).await
}

async fn list(bench: &Bench, filter: AuditFilter) -> Vec<AuditRecord> {
    let paging = Paging { after: None, limit: 500 };
    bench.store().audit(filter, paging).await.expect("the audit can be read").items
}

async fn newest(bench: &Bench) -> AuditRecord {
    all(bench).await.into_iter().next().expect("there is a record")
}

fn a_person(bench: &mut Bench, company_id: &CompanyId) -> Person {
    Person {
        company_id: company_id.clone(),
        person_id: PersonId::from_uuid(bench.fresh_uuid()),
        email: "jon@acme.example".to_owned(),
        role: Role::Reader,
        password: None,
        link: Some(([0xab; 32], bench.now().plus(DAY))),
        created: bench.now(),
    }
}

pub(crate) async fn a_record_says_who_when_from_where_and_what_before_and_after(mut bench: Bench) {
    let acme = bench.company("acme").await;
    bench.pass(MINUTE);
    let rename = Change::RenameCompany(acme.clone(), "Acme & Sons".to_owned());
    let person_id = PersonId::from_uuid(bench.fresh_uuid());
    let actor = Actor::Person { company_id: acme.clone(), person_id, email: "jon@acme.example".to_owned() };
    let author = Author { actor, ..operator(&bench) };
    bench.store().change_by(author, rename).await.unwrap();
    let client_id = ClientId::from_uuid(bench.fresh_uuid());
    let client = Actor::Client { company_id: acme.clone(), client_id };
    let author = Author { actor: client, ..operator(&bench) };
    bench.store().change_by(author, Change::RenameCompany(acme.clone(), "Acme".to_owned())).await.unwrap();
    bench.reopen().await;
    let records = all(&bench).await;
    let [by_client, by_person, by_service] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!(by_service.actor, "Service");
    assert_eq!((by_service.act.as_str(), by_service.before.as_ref()), ("CompanyCreated", None));
    let expected = AuditRecord {
        no: by_service.no + 1,
        company_id: Some(acme),
        changed: bench.now(),
        act: "CompanyChanged".to_owned(),
        subject: "acme".to_owned(),
        actor: "Person".to_owned(),
        actor_id: Some(person_id.to_string()),
        actor_name: Some("jon@acme.example".to_owned()),
        address: Some("192.0.2.7".to_owned()),
        before: json!({ "Name": "acme Ltd" }).as_object().cloned(),
        after: json!({ "Name": "Acme & Sons" }).as_object().cloned(),
    };
    assert_eq!(*by_person, expected);
    assert_eq!(
        (by_client.actor.as_str(), by_client.actor_id.clone()),
        ("Client", Some(client_id.to_string()))
    );
}

/// One change of each kind, in an order in which each is possible.
fn one_of_each(bench: &mut Bench, acme: &CompanyId) -> Vec<(Change, Act)> {
    let now = bench.now();
    let branch = Branch { company_id: acme.clone(), branch_id: 7, name: "North".to_owned(), created: now };
    let client = bench.a_client(acme);
    let renamed = Client { name: "other desk".to_owned(), secret_hash: [0xcd; 32], ..client.clone() };
    let endpoint = bench.an_endpoint(acme);
    let headers = vec![("X-Key".to_owned(), SealedText(b"sealed-header".to_vec()))];
    let settings = EndpointSettings {
        headers,
        url: Some("https://cmms.example/in".to_owned()),
        ..endpoint.settings.clone()
    };
    let changed = Endpoint { settings, secret: SealedText(b"sealed-secret".to_vec()), ..endpoint.clone() };
    let person = a_person(bench, acme);
    let promoted = Person { role: Role::Admin, ..person.clone() };
    let whose = Some((acme.clone(), person.person_id));
    let session = Session { token: [0xef; 32], person: whose, until: now.plus(DAY) };
    let action = OwnAction {
        name: "Painted".parse().expect("a name"),
        sample: r#"{"Color":"red"}"#.to_owned(),
        created: now,
    };
    let key = StoredKey { key_id: "k9".to_owned(), record: "sealed-key".to_owned() };
    let password = "$argon2id$secret".to_owned();
    vec![
        (Change::RenameCompany(acme.clone(), "Acme".to_owned()), Act::CompanyChanged),
        (Change::CreateBranch(branch), Act::BranchCreated),
        (Change::RenameBranch(acme.clone(), 7, "South".to_owned()), Act::BranchChanged),
        (Change::DeleteBranch(acme.clone(), 7, IfUndelivered::Refuse, now), Act::BranchDeleted),
        (Change::CreateClient(client.clone()), Act::ClientCreated),
        (Change::UpdateClient(renamed), Act::ClientChanged),
        (Change::DeleteClient(acme.clone(), client.client_id, now), Act::ClientDeleted),
        (Change::CreateEndpoint(endpoint.clone(), 20), Act::EndpointCreated),
        (Change::UpdateEndpoint(changed, EndpointChange::Reopened, now), Act::EndpointChanged),
        (Change::DeleteEndpoint(endpoint.key, IfUndelivered::Refuse, now), Act::EndpointDeleted),
        (Change::CreatePerson(person.clone()), Act::PersonCreated),
        (Change::UpdatePerson(promoted), Act::PersonChanged),
        (Change::SetPassword { link: [0xab; 32], password, now }, Act::PasswordSet),
        (Change::OpenSession(session, now), Act::SignedIn),
        (Change::DeletePerson(acme.clone(), person.person_id), Act::PersonDeleted),
        (Change::PutAction(action.clone()), Act::ActionPut),
        (Change::DeleteAction(action.name), Act::ActionDeleted),
        (Change::PutKeys(vec![key], Vec::new()), Act::KeysChanged),
        (Change::DeleteCompany(acme.clone(), IfUndelivered::Refuse, now), Act::CompanyDeleted),
    ]
}

pub(crate) async fn each_kind_of_change_has_exactly_one_record(mut bench: Bench) {
    let acme = bench.company("acme").await;
    for (change, act) in one_of_each(&mut bench, &acme) {
        let before = all(&bench).await.len();
        let what = format!("{change:?}");
        bench.store().change_by(operator(&bench), change).await.unwrap();
        let records = all(&bench).await;
        assert_eq!(records.len(), before + 1, "{what}");
        let record = &records[0];
        assert_eq!(
            (record.act.as_str(), record.address.as_deref()),
            (act.name(), Some("192.0.2.7")),
            "{what}"
        );
        assert!(record.before.is_some() || record.after.is_some(), "{what}");
    }
}

pub(crate) async fn no_record_holds_a_secret(mut bench: Bench) {
    let acme = bench.company("acme").await;
    for (change, _) in one_of_each(&mut bench, &acme) {
        bench.store().change_by(operator(&bench), change).await.unwrap();
    }
    let text = format!("{:?}", all(&bench).await);
    // Sealed ones and hashes too: as text, as numbers of a list, as hexadecimal.
    for secret in
        ["sealed-", "argon2id", "115, 101, 97, 108", "171, 171", "205, 205", "239, 239", "abab", "cdcd"]
    {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    assert!(text.contains("(another one)") && text.contains("(hidden)"), "{text}");
}

pub(crate) async fn what_is_refused_or_changes_nothing_has_no_record(mut bench: Bench) {
    let acme = bench.company("acme").await;
    bench.branch(&acme, BRANCH).await;
    let endpoint = bench.an_endpoint(&acme);
    bench.change(Change::CreateEndpoint(endpoint.clone(), 1)).await.unwrap();
    let before = all(&bench).await;
    let again =
        Branch { company_id: acme.clone(), branch_id: BRANCH, name: "x".to_owned(), created: bench.now() };
    assert!(matches!(bench.change(Change::CreateBranch(again)).await, Err(Error::BranchTaken(_))));
    let another = bench.an_endpoint(&acme);
    assert!(matches!(bench.change(Change::CreateEndpoint(another, 1)).await, Err(Error::TooMany(1))));
    bench.change(Change::RenameCompany(acme.clone(), "acme Ltd".to_owned())).await.unwrap();
    bench.change(Change::UpdateEndpoint(endpoint, EndpointChange::Adjusted, bench.now())).await.unwrap();
    let attempted = Attempted { name: [1; 32], address: "192.0.2.7".to_owned() };
    bench.change(Change::TryPassword(attempted.clone(), bench.now())).await.unwrap();
    bench.change(Change::ForgetTries(attempted)).await.unwrap();
    assert_eq!(all(&bench).await, before);
}

pub(crate) async fn only_what_differs_is_told(mut bench: Bench) {
    let acme = bench.company("acme").await;
    let endpoint = bench.an_endpoint(&acme);
    bench.change(Change::CreateEndpoint(endpoint.clone(), 1)).await.unwrap();
    let settings = EndpointSettings {
        timeout: Some(Duration::from_secs(5)),
        branch_ids: Some(vec![7]),
        ..endpoint.settings.clone()
    };
    let paused = Some(bench.now());
    let changed = Endpoint { settings, paused, secret: SealedText(vec![9]), ..endpoint };
    bench.change(Change::UpdateEndpoint(changed, EndpointChange::Adjusted, bench.now())).await.unwrap();
    let record = newest(&bench).await;
    let before = json!({ "BranchIds": ["*"], "Paused": null, "Secret": "(hidden)", "Timeout": null });
    assert_eq!(record.before, before.as_object().cloned());
    let after =
        json!({ "BranchIds": [7], "Paused": bench.now(), "Secret": "(another one)", "Timeout": "5s" });
    assert_eq!(record.after, after.as_object().cloned());
}

pub(crate) async fn who_uses_a_link_or_opens_a_session_is_who_did_it(mut bench: Bench) {
    let acme = bench.company("acme").await;
    let person = a_person(&mut bench, &acme);
    bench.change(Change::CreatePerson(person.clone())).await.unwrap();
    let password = "$argon2id$x".to_owned();
    bench.change(Change::SetPassword { link: [0xab; 32], password, now: bench.now() }).await.unwrap();
    let set = newest(&bench).await;
    assert_eq!((set.act.as_str(), set.actor.as_str()), ("PasswordSet", "Person"));
    assert_eq!(set.actor_name.as_deref(), Some("jon@acme.example"));
    let session = Session { token: [1; 32], person: None, until: bench.now().plus(DAY) };
    bench.change(Change::OpenSession(session, bench.now())).await.unwrap();
    let opened = newest(&bench).await;
    assert_eq!((opened.act.as_str(), opened.actor.as_str()), ("SignedIn", "PlatformKey"));
    assert_eq!((opened.company_id, opened.subject.as_str()), (None, "operator"));
}

pub(crate) async fn a_retry_or_discard_by_hand_has_a_record_and_a_step_of_a_job_has_none(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    bench.attempt(&endpoint, ORDER, End::Failure(DAY)).await;
    let by_hand = ByHand { by: Some(operator(&bench)), ..bench.by_hand(id) };
    let before = all(&bench).await.len();
    bench.store().discard(by_hand.clone()).await.unwrap();
    let discarded = newest(&bench).await;
    assert_eq!((discarded.act.as_str(), discarded.subject.clone()), ("DeliveryDiscarded", id.to_string()));
    assert_eq!(discarded.company_id, Some(endpoint.company_id.clone()));
    assert_eq!(discarded.before, json!({ "State": "Retrying" }).as_object().cloned());
    assert_eq!(discarded.after, json!({ "State": "Discarded" }).as_object().cloned());
    assert!(matches!(bench.store().discard(by_hand.clone()).await, Err(Error::StateConflict(_))));
    bench.store().retry(bench.by_hand(id)).await.unwrap();
    assert_eq!(all(&bench).await.len(), before + 1);
    bench.store().discard(ByHand { in_flight: true, ..by_hand }).await.unwrap();
    let wished = newest(&bench).await;
    assert_eq!(wished.after, json!({ "AfterAttempt": "DeliveryDiscarded" }).as_object().cloned());
}

pub(crate) async fn each_filter_of_the_audit_takes_what_it_names(mut bench: Bench) {
    let acme = bench.company("acme").await;
    bench.company("other").await;
    let middle = bench.pass(MINUTE);
    for id in ["acme", "other"] {
        let rename = Change::RenameCompany(company(id), "x".to_owned());
        bench.store().change_by(operator(&bench), rename).await.unwrap();
    }
    let acts = async |filter: AuditFilter| {
        let found = list(&bench, filter).await;
        found.into_iter().map(|record| (record.act, record.subject)).collect::<Vec<_>>()
    };
    let pair = |act: &str, subject: &str| (act.to_owned(), subject.to_owned());
    let of_acme = AuditFilter { company_id: Some(acme), ..AuditFilter::default() };
    assert_eq!(acts(of_acme).await, [pair("CompanyChanged", "acme"), pair("CompanyCreated", "acme")]);
    let about = AuditFilter { subject: Some("other".to_owned()), ..AuditFilter::default() };
    assert_eq!(acts(about.clone()).await, [pair("CompanyChanged", "other"), pair("CompanyCreated", "other")]);
    let foreign = AuditFilter { company_id: Some(company("acme")), ..about };
    assert_eq!(acts(foreign).await, []);
    let created = AuditFilter { act: Some("CompanyCreated".to_owned()), ..AuditFilter::default() };
    assert_eq!(acts(created).await, [pair("CompanyCreated", "other"), pair("CompanyCreated", "acme")]);
    let from = AuditFilter { from: Some(middle), to: Some(middle.plus(MINUTE)), ..AuditFilter::default() };
    assert_eq!(acts(from).await, [pair("CompanyChanged", "other"), pair("CompanyChanged", "acme")]);
}

pub(crate) async fn pages_of_the_audit_have_no_gap_and_no_double_while_changes_go_on(bench: Bench) {
    for number in 0..5 {
        bench.company(&format!("company{number}")).await;
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = bench.store().audit(AuditFilter::default(), Paging { after, limit: 2 }).await.unwrap();
        seen.extend(page.items.into_iter().map(|record| record.subject));
        bench.company(&format!("late{}", seen.len())).await;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["company4", "company3", "company2", "company1", "company0"]);
}

pub(crate) async fn the_audit_goes_after_its_own_period_or_that_of_the_log(mut bench: Bench) {
    bench
        .store()
        .change_by(operator(&bench), Change::PutKeys(Vec::new(), vec!["k1".to_owned()]))
        .await
        .unwrap();
    bench.pass(KEPT);
    assert_eq!(bench.sweep(DAY, DAY).await.audit_records, 0);
    bench.pass(MINUTE);
    assert_eq!(bench.sweep(DAY, KEPT + DAY).await.audit_records, 0, "the log is kept longer");
    let old = newest(&bench).await.no;
    assert_eq!(bench.sweep(DAY, DAY).await.audit_records, 1);
    assert_eq!(all(&bench).await, []);
    bench.reopen().await;
    bench.company("acme").await;
    assert_eq!(newest(&bench).await.no, old + 1, "numbers do not come back");
}
