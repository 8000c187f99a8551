//! Whose notification it is, and which endpoints get it.

use workbell_model::{Fate, State};

use super::bench::{BRANCH, Bench, DAY, End, NO_SEQUENCES, ORDER, company};
use crate::record::{Change, EndpointChange, IfUndelivered, Refused};

pub(crate) async fn an_unknown_branch_is_refused(mut bench: Bench) {
    bench.endpoint().await;
    let mut acceptance = bench.acceptance(ORDER);
    acceptance.branch_id = 7;
    assert_eq!(bench.accept(acceptance).await, Err(Refused::UnknownBranch(7)));
}

pub(crate) async fn a_branch_of_another_company_is_refused_like_an_unknown_one(mut bench: Bench) {
    bench.endpoint().await;
    bench.company("other").await;
    let mut acceptance = bench.acceptance(ORDER);
    acceptance.company_id = Some(company("other"));
    assert_eq!(bench.accept(acceptance).await, Err(Refused::UnknownBranch(BRANCH)));
}

pub(crate) async fn the_company_may_be_named_beside_its_branch(mut bench: Bench) {
    bench.endpoint().await;
    let mut acceptance = bench.acceptance(ORDER);
    acceptance.company_id = Some(company("acme"));
    assert_eq!(bench.accept(acceptance).await.unwrap().fate, Fate::Queued);
}

pub(crate) async fn branch_0_goes_to_the_company_that_is_named(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut acceptance = bench.acceptance(0);
    acceptance.branch_id = 0;
    assert_eq!(bench.accept(acceptance.clone()).await, Err(Refused::CompanyMissing));
    acceptance.company_id = Some(company("nobody"));
    assert_eq!(bench.accept(acceptance.clone()).await, Err(Refused::UnknownCompany(company("nobody"))));
    acceptance.company_id = Some(company("acme"));
    assert_eq!(bench.accept(acceptance).await.unwrap().fate, Fate::Queued);
    assert_eq!(bench.head(&endpoint, 0).await.branch_id, 0, "work order 0 is a lane like any other");
}

pub(crate) async fn what_a_client_of_the_company_did_is_suppressed(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let mut acceptance = bench.acceptance(ORDER);
    acceptance.initiated_by = Some(bench.client(&endpoint.company_id).await);
    let accepted = bench.accept(acceptance.clone()).await.unwrap();
    assert_eq!((accepted.fate, accepted.deliveries.len()), (Fate::Suppressed, 0));
    assert_eq!(bench.sequences(&endpoint, ORDER).await, NO_SEQUENCES);
    let kept =
        bench.store().notification(&endpoint.company_id, acceptance.message_id).await.unwrap().unwrap();
    assert_eq!((kept.fate, kept.initiated_by), (Fate::Suppressed, acceptance.initiated_by));
    bench.publish(ORDER).await;
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1], "it took no number");
}

pub(crate) async fn a_deleted_client_still_counts_for_the_echo_rule(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let client = bench.client(&endpoint.company_id).await;
    bench.change(Change::DeleteClient(endpoint.company_id, client, bench.now())).await.unwrap();
    bench.reopen().await;
    let mut acceptance = bench.acceptance(ORDER);
    acceptance.initiated_by = Some(client);
    assert_eq!(bench.accept(acceptance).await.unwrap().fate, Fate::Suppressed);
}

pub(crate) async fn a_client_of_nobody_or_of_another_company_is_unknown(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let other = bench.company("other").await;
    let foreign = bench.client(&other).await;
    let nobody = workbell_model::ClientId::from_uuid(bench.fresh_uuid());
    for client in [foreign, nobody] {
        let mut acceptance = bench.acceptance(ORDER);
        acceptance.initiated_by = Some(client);
        assert_eq!(bench.accept(acceptance).await, Err(Refused::UnknownClient(client)));
    }
    assert_eq!(bench.sequences(&endpoint, ORDER).await, NO_SEQUENCES);
}

pub(crate) async fn what_no_endpoint_wants_is_kept_all_the_same(mut bench: Bench) {
    let company = bench.company("acme").await;
    bench.branch(&company, BRANCH).await;
    let accepted = bench.publish(ORDER).await;
    assert_eq!((accepted.fate, accepted.deliveries.len()), (Fate::NoEndpoint, 0));
    bench.endpoint_of(&company).await;
    let kept = bench.store().notification(&company, accepted.message_id).await.unwrap().unwrap();
    assert_eq!(
        (kept.fate, kept.deliveries.len()),
        (Fate::NoEndpoint, 0),
        "filters apply once, at acceptance"
    );
}

pub(crate) async fn an_endpoint_gets_only_its_actions(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let wanted = |actions: &'static [&'static str]| {
        move |it: &mut workbell_model::Endpoint| {
            it.settings.actions = actions.iter().map(|name| (*name).to_owned()).collect();
        }
    };
    for (actions, fate) in [
        (&["Rejected"][..], Fate::NoEndpoint),
        (&["Rejected", "Accepted"], Fate::Queued),
        (&["*"], Fate::Queued),
        (&[], Fate::NoEndpoint),
    ] {
        bench.update(&endpoint, EndpointChange::Adjusted, wanted(actions)).await;
        assert_eq!(bench.publish(ORDER).await.fate, fate, "{actions:?}");
    }
}

pub(crate) async fn an_endpoint_gets_only_its_branches_and_branch_0(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    for (branches, fate, fate_of_0) in [
        (Some(vec![7]), Fate::NoEndpoint, Fate::Queued),
        (Some(vec![7, BRANCH]), Fate::Queued, Fate::Queued),
        (None, Fate::Queued, Fate::Queued),
    ] {
        bench
            .update(&endpoint, EndpointChange::Adjusted, |it| it.settings.branch_ids.clone_from(&branches))
            .await;
        assert_eq!(bench.publish(ORDER).await.fate, fate, "{branches:?}");
        let mut whole = bench.acceptance(0);
        (whole.branch_id, whole.company_id) = (0, Some(company("acme")));
        assert_eq!(bench.accept(whole).await.unwrap().fate, fate_of_0, "{branches:?}");
    }
}

pub(crate) async fn an_endpoint_that_is_off_gets_nothing_new_and_keeps_what_waits(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    bench.update(&endpoint, EndpointChange::Adjusted, |it| it.settings.enabled = false).await;
    assert_eq!(bench.publish(ORDER).await.fate, Fate::NoEndpoint);
    bench.reopen().await;
    assert_eq!(bench.publish(ORDER).await.fate, Fate::NoEndpoint);
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1]);
    bench.update(&endpoint, EndpointChange::Reopened, |it| it.settings.enabled = true).await;
    bench.publish(ORDER).await;
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1, 2], "no hole for what was never created");
}

pub(crate) async fn a_paused_endpoint_still_gets_deliveries(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let now = bench.now();
    bench.update(&endpoint, EndpointChange::Adjusted, |it| it.paused = Some(now)).await;
    let accepted = bench.publish(ORDER).await;
    assert_eq!(accepted.fate, Fate::Queued);
    assert_eq!(bench.state(accepted.deliveries[0]).await.0, State::Pending);
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1]);
}

pub(crate) async fn each_endpoint_of_the_company_has_its_own_delivery_and_sequence(mut bench: Bench) {
    let first = bench.endpoint().await;
    bench.publish(ORDER).await;
    let second = bench.endpoint_of(&first.company_id).await;
    let other = bench.company("other").await;
    let foreign = bench.endpoint_of(&other).await;
    let accepted = bench.publish(ORDER).await;
    assert_eq!(accepted.deliveries.len(), 2);
    assert_eq!(bench.sequences(&first, ORDER).await, [1, 2]);
    assert_eq!(bench.sequences(&second, ORDER).await, [1]);
    assert_eq!(bench.sequences(&foreign, ORDER).await, NO_SEQUENCES);
    bench.attempt(&second, ORDER, End::Success).await;
    let states: Vec<_> = {
        let kept = bench.store().notification(&first.company_id, accepted.message_id).await.unwrap().unwrap();
        kept.deliveries.iter().map(|delivery| delivery.state).collect()
    };
    assert_eq!(states, [State::Pending, State::Delivered], "one does not wait for the other");
}

pub(crate) async fn a_deleted_branch_is_unknown_and_can_be_created_anew(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let company_id = endpoint.company_id;
    let delete = Change::DeleteBranch(company_id.clone(), BRANCH, IfUndelivered::Refuse, bench.now());
    bench.change(delete).await.unwrap();
    let acceptance = bench.acceptance(ORDER);
    assert_eq!(bench.accept(acceptance).await, Err(Refused::UnknownBranch(BRANCH)));
    let other = bench.company("other").await;
    bench.branch(&other, BRANCH).await;
    bench.pass(DAY);
    assert_eq!(bench.publish(ORDER).await.fate, Fate::NoEndpoint, "it is the other company's now");
}
