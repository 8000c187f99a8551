//! The configuration: the directory is what was committed, before and after a restart.

use workbell_model::{Branch, Endpoint, SealedText};

use super::bench::{BRANCH, Bench, DAY, MINUTE, company};
use crate::Error;
use crate::directory::CompanyEntry;
use crate::record::{Change, EndpointChange, IfUndelivered, OwnAction, StoredKey};

/// The directory before and after a restart, which must be the same.
async fn entry(bench: &mut Bench, id: &str) -> CompanyEntry {
    let before = (*bench.directory().company(&company(id)).expect("it is there")).clone();
    bench.reopen().await;
    let after = (*bench.directory().company(&company(id)).expect("it is still there")).clone();
    assert_eq!(format!("{before:?}"), format!("{after:?}"), "a restart changes nothing");
    after
}

pub(crate) async fn a_company_is_created_renamed_and_found(mut bench: Bench) {
    bench.company("acme").await;
    bench.change(Change::RenameCompany(company("acme"), "Acme & Sons".to_owned())).await.unwrap();
    let entry = entry(&mut bench, "acme").await;
    assert_eq!(entry.company.name, "Acme & Sons");
    assert_eq!(entry.company.created, bench.now());
    assert_eq!(entry.default_client_name(), "acme", "without a client it is the company id");
    let unknown = Change::RenameCompany(company("nobody"), String::new());
    assert!(matches!(bench.change(unknown).await, Err(Error::NotFound(_))));
}

pub(crate) async fn companies_are_listed_by_id_page_by_page(bench: Bench) {
    for id in ["b", "a", "c"] {
        bench.company(id).await;
    }
    let ids = |after: Option<&str>, limit| {
        let page = bench.directory().companies(after.map(company).as_ref(), limit);
        page.iter().map(|entry| entry.company.company_id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, 2), ["a", "b"]);
    assert_eq!(ids(Some("b"), 2), ["c"]);
    assert_eq!(ids(Some("c"), 2), Vec::<String>::new());
}

pub(crate) async fn a_branch_is_created_renamed_and_deleted(mut bench: Bench) {
    let acme = bench.company("acme").await;
    bench.branch(&acme, BRANCH).await;
    bench.change(Change::RenameBranch(acme.clone(), BRANCH, "North".to_owned())).await.unwrap();
    assert_eq!(entry(&mut bench, "acme").await.branches[&BRANCH].name, "North");
    assert_eq!(bench.directory().company_of_branch(BRANCH), Some(acme.clone()));
    let delete = Change::DeleteBranch(acme.clone(), BRANCH, IfUndelivered::Refuse, bench.now());
    bench.change(delete.clone()).await.unwrap();
    assert!(entry(&mut bench, "acme").await.branches.is_empty());
    assert_eq!(bench.directory().company_of_branch(BRANCH), None);
    assert!(matches!(bench.change(delete).await, Err(Error::NotFound(_))));
    let rename = Change::RenameBranch(acme, BRANCH, String::new());
    assert!(matches!(bench.change(rename).await, Err(Error::NotFound(_))));
}

pub(crate) async fn a_branch_id_is_unique_over_all_companies(bench: Bench) {
    let acme = bench.company("acme").await;
    let other = bench.company("other").await;
    bench.branch(&acme, BRANCH).await;
    for company_id in [acme, other] {
        let branch = Branch { company_id, branch_id: BRANCH, name: "x".to_owned(), created: bench.now() };
        let error = bench.change(Change::CreateBranch(branch)).await.expect_err("it is taken");
        assert!(matches!(error, Error::BranchTaken(BRANCH)));
    }
}

pub(crate) async fn a_branch_of_another_company_cannot_be_touched(bench: Bench) {
    let acme = bench.company("acme").await;
    let other = bench.company("other").await;
    bench.branch(&acme, BRANCH).await;
    let rename = Change::RenameBranch(other.clone(), BRANCH, String::new());
    assert!(matches!(bench.change(rename).await, Err(Error::NotFound(_))));
    let delete = Change::DeleteBranch(other, BRANCH, IfUndelivered::Discard, bench.now());
    assert!(matches!(bench.change(delete).await, Err(Error::NotFound(_))));
    assert_eq!(bench.directory().company_of_branch(BRANCH), Some(acme));
}

pub(crate) async fn a_client_is_created_rotated_and_deleted(mut bench: Bench) {
    let acme = bench.company("acme").await;
    let first = bench.client(&acme).await;
    let second = bench.client(&acme).await;
    let mut client = entry(&mut bench, "acme").await.clients[&first].clone();
    let again = Change::CreateClient(client.clone());
    assert!(matches!(bench.change(again).await, Err(Error::Exists(_))));
    client.previous_secret = Some((client.secret_hash, bench.now().plus(DAY)));
    client.secret_hash = [8; 32];
    client.tokens_from = bench.now().plus(MINUTE);
    client.name = "other desk".to_owned();
    bench.change(Change::UpdateClient(client.clone())).await.unwrap();
    assert_eq!(entry(&mut bench, "acme").await.clients[&first], client);
    client.previous_secret = None;
    bench.change(Change::UpdateClient(client.clone())).await.unwrap();
    let kept = entry(&mut bench, "acme").await;
    assert_eq!(kept.clients[&first], client);
    assert_eq!(kept.default_client_name(), first.to_string(), "the oldest one");
    bench.change(Change::DeleteClient(acme.clone(), first, bench.now())).await.unwrap();
    let kept = entry(&mut bench, "acme").await;
    assert_eq!(kept.clients[&first].deleted, Some(bench.now()));
    assert_eq!(kept.default_client_name(), second.to_string(), "the oldest one that is left");
    let delete = Change::DeleteClient(acme, first, bench.now());
    assert!(matches!(bench.change(delete).await, Err(Error::NotFound(_))), "once");
    assert!(matches!(bench.change(Change::UpdateClient(client)).await, Err(Error::NotFound(_))));
}

pub(crate) async fn a_client_that_is_not_there_cannot_be_changed(mut bench: Bench) {
    let acme = bench.company("acme").await;
    let client = bench.a_client(&acme);
    assert!(matches!(bench.change(Change::UpdateClient(client)).await, Err(Error::NotFound(_))));
    let client = bench.a_client(&company("nobody"));
    assert!(matches!(bench.change(Change::CreateClient(client)).await, Err(Error::NotFound(_))));
    assert!(entry(&mut bench, "acme").await.clients.is_empty());
}

fn full(endpoint: &mut Endpoint, bench: &Bench) {
    endpoint.settings.url = Some("https://example.org/ä?x=1".to_owned());
    endpoint.settings.enabled = false;
    endpoint.settings.actions = vec!["Accepted".to_owned(), "Own".to_owned()];
    endpoint.settings.branch_ids = Some(vec![1, 2]);
    endpoint.settings.client_id = Some("me".to_owned());
    endpoint.settings.authorization = workbell_model::Authorization::Jwt;
    endpoint.settings.signature = workbell_model::SignatureForm::None;
    endpoint.settings.expect_continue = false;
    endpoint.settings.headers = vec![("X-Key".to_owned(), SealedText(vec![0, 255]))];
    endpoint.settings.hold_limit = Some(MINUTE);
    endpoint.settings.max_concurrency = Some(3);
    endpoint.settings.rate_per_second = Some(4);
    endpoint.settings.retry_schedule = Some(vec![MINUTE, DAY].try_into().unwrap());
    endpoint.settings.max_attempts = Some(5);
    endpoint.settings.timeout = Some(MINUTE / 2);
    endpoint.settings.on_410 = workbell_model::On410::Pause;
    endpoint.secret = SealedText(vec![9; 60]);
    endpoint.previous_secret = Some((SealedText(vec![8; 60]), bench.now().plus(DAY)));
    endpoint.paused = Some(bench.now());
}

pub(crate) async fn an_endpoint_keeps_all_that_was_set(mut bench: Bench) {
    let acme = bench.company("acme").await;
    let mut endpoint = bench.an_endpoint(&acme);
    full(&mut endpoint, &bench);
    let key = bench.create(endpoint.clone()).await;
    assert_eq!(*entry(&mut bench, "acme").await.endpoints[&key.endpoint_id], endpoint);
    endpoint.previous_secret = None;
    endpoint.settings.url = None;
    let paused = endpoint.paused.take();
    bench
        .change(Change::UpdateEndpoint(endpoint.clone(), EndpointChange::Adjusted, bench.now()))
        .await
        .unwrap();
    let kept = entry(&mut bench, "acme").await.endpoints[&key.endpoint_id].clone();
    assert_eq!(kept.paused, paused, "only resuming ends a pause");
    assert_eq!(Endpoint { paused: None, ..(*kept).clone() }, endpoint);
    bench.update(&key, EndpointChange::Resumed, |it| it.paused = None).await;
    assert_eq!(entry(&mut bench, "acme").await.endpoints[&key.endpoint_id].paused, None);
}

pub(crate) async fn the_generation_grows_with_each_reopening_and_is_the_stores_own(mut bench: Bench) {
    let acme = bench.company("acme").await;
    let endpoint = bench.endpoint_of(&acme).await;
    for expected in 1..=2 {
        bench.update(&endpoint, EndpointChange::Reopened, |it| it.generation = 99).await;
        bench.update(&endpoint, EndpointChange::Adjusted, |it| it.generation = 77).await;
        let kept = entry(&mut bench, "acme").await;
        assert_eq!(kept.endpoints[&endpoint.endpoint_id].generation, expected);
    }
    let generations = bench.directory().endpoint_generations();
    assert_eq!(generations, [(endpoint, 2)]);
}

pub(crate) async fn a_company_has_at_most_as_many_endpoints_as_allowed(mut bench: Bench) {
    let acme = bench.company("acme").await;
    let endpoints: Vec<_> = (0..3).map(|_| bench.an_endpoint(&acme)).collect();
    bench.change(Change::CreateEndpoint(endpoints[0].clone(), 2)).await.unwrap();
    bench.change(Change::CreateEndpoint(endpoints[1].clone(), 2)).await.unwrap();
    let third = Change::CreateEndpoint(endpoints[2].clone(), 2);
    assert!(matches!(bench.change(third.clone()).await, Err(Error::TooMany(2))));
    bench.delete(&endpoints[0].key, IfUndelivered::Refuse).await.unwrap();
    bench.change(third).await.unwrap();
}

pub(crate) async fn nothing_can_be_made_for_a_company_that_is_not_there(mut bench: Bench) {
    let nobody = company("nobody");
    let endpoint = bench.an_endpoint(&nobody);
    assert!(matches!(bench.change(Change::CreateEndpoint(endpoint, 20)).await, Err(Error::NotFound(_))));
    let branch = Branch { company_id: nobody, branch_id: 1, name: String::new(), created: bench.now() };
    assert!(matches!(bench.change(Change::CreateBranch(branch)).await, Err(Error::NotFound(_))));
}

pub(crate) async fn own_actions_are_put_replaced_and_deleted(mut bench: Bench) {
    let name: workbell_wire::ActionName = "PartsOrdered".parse().unwrap();
    let mut action = OwnAction { name: name.clone(), sample: "{}".to_owned(), created: bench.now() };
    bench.change(Change::PutAction(action.clone())).await.unwrap();
    action.sample = r#"{"Parts":[1]}"#.to_owned();
    bench.change(Change::PutAction(action.clone())).await.unwrap();
    for _ in 0..2 {
        assert_eq!(bench.directory().action(&name).as_deref(), Some(&action));
        assert_eq!(bench.directory().actions().len(), 1);
        bench.reopen().await;
    }
    bench.change(Change::DeleteAction(name.clone())).await.unwrap();
    assert!(matches!(bench.change(Change::DeleteAction(name.clone())).await, Err(Error::NotFound(_))));
    bench.reopen().await;
    assert!(bench.directory().action(&name).is_none());
}

pub(crate) async fn signing_keys_are_put_replaced_and_removed_in_one_commit(mut bench: Bench) {
    let key = |id: &str, record: &str| StoredKey { key_id: id.to_owned(), record: record.to_owned() };
    assert!(bench.store().keys().await.unwrap().is_empty());
    bench.change(Change::PutKeys(vec![key("b", "2"), key("a", "1")], Vec::new())).await.unwrap();
    bench.change(Change::PutKeys(vec![key("c", "3"), key("b", "4")], vec!["a".to_owned()])).await.unwrap();
    bench.crash().await;
    assert_eq!(bench.store().keys().await.unwrap(), [key("b", "4"), key("c", "3")]);
}

pub(crate) async fn the_check_value_is_the_one_that_was_written_first(mut bench: Bench) {
    assert_eq!(bench.store().check_value(vec![1, 2]).await.unwrap(), [1, 2]);
    assert_eq!(bench.store().check_value(vec![3]).await.unwrap(), [1, 2]);
    bench.crash().await;
    assert_eq!(bench.store().check_value(vec![3]).await.unwrap(), [1, 2]);
}
