//! What a request carries: headers, signature, token.

use std::collections::HashSet;
use std::time::Duration;

use http::HeaderMap;
use workbell_model::{Authorization, EndpointKey, SignatureForm, State};
use workbell_store::Store;
use workbell_store::record::{Change, EndpointChange};
use workbell_wire::token::{Expect, NAME_CLAIM, verify};
use workbell_wire::webhook_signature::Keys;

use crate::keys::keys;
use crate::receiver::{Answer, Seen};
use crate::world::{DAY, HOUR, MINUTE, SECOND, World, sealed, secret};

fn names(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(|name| name.as_str()).collect()
}

/// One notification to an endpoint, delivered.
async fn one(world: &mut World) -> Seen {
    let id = world.publish(1, 42).await;
    world.until_state(id, State::Delivered).await;
    world.receiver.seen().last().unwrap().clone()
}

fn token(seen: &Seen) -> String {
    seen.header("authorization").strip_prefix("Bearer ").unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_request_carries_the_documented_headers_in_order() {
    let (mut world, key) = World::with_endpoint().await;
    world
        .change_endpoint(&key, EndpointChange::Reopened, |endpoint| {
            let header = |name: &str, text| (name.to_owned(), sealed(&key.header_record(name), text));
            endpoint.settings.headers = vec![header("X-Api-Key", "s3cret"), header("X-Tenant", "north")];
        })
        .await;
    world.receiver.answers(|seen| (SECOND, Answer::Status(if seen.attempt == 1 { 500 } else { 200 })));
    world.publish(1, 7).await;
    let ids = world.publish_all(1, &[42, 42]).await;
    world.until_state(ids[1], State::Delivered).await;
    let seen =
        world.receiver.seen().into_iter().find(|seen| seen.sequence == 2 && seen.attempt == 2).unwrap();
    assert_eq!(
        names(&seen.headers),
        [
            "authorization",
            "event-type",
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "workbell-attempt",
            "workbell-sequence",
            "workbell-mode",
            "user-agent",
            "x-api-key",
            "x-tenant"
        ]
    );
    assert_eq!(seen.header("event-type"), "Accepted");
    assert_eq!(seen.header("webhook-id"), seen.message_id);
    assert_eq!(seen.header("webhook-timestamp"), seen.at.unix_seconds().to_string());
    assert_eq!((seen.header("workbell-attempt"), seen.header("workbell-sequence")), ("2", "2"));
    assert_eq!(seen.header("workbell-mode"), "live");
    assert_eq!(seen.header("user-agent"), concat!("Workbell/", env!("CARGO_PKG_VERSION")));
    assert_eq!((seen.header("x-api-key"), seen.header("x-tenant")), ("s3cret", "north"));
    assert!(seen.headers["x-api-key"].is_sensitive() && seen.headers["authorization"].is_sensitive());
    let signed = Keys::new(&[secret(1)]).sign(&seen.message_id, seen.at.unix_seconds(), &seen.body);
    assert_eq!(seen.header("webhook-signature"), signed);
    assert_eq!(seen.timeout, Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn the_body_is_the_same_at_every_attempt() {
    let (mut world, _) = World::with_endpoint().await;
    world.receiver.answers(|seen| (SECOND, Answer::Status(if seen.attempt < 4 { 500 } else { 200 })));
    let acceptance = world.acceptance(1, 42, 1000);
    let body = acceptance.body.clone();
    world.store().accept(vec![acceptance]).await.unwrap();
    world.until_answered(4).await;
    assert!(world.receiver.seen().iter().all(|seen| seen.body == body));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_can_switch_the_signature_off_but_not_the_token() {
    let mut world = World::new().await;
    world.endpoint(|settings| settings.signature = SignatureForm::None).await;
    let seen = one(&mut world).await;
    assert!(!names(&seen.headers).iter().any(|name| name.starts_with("webhook-")));
    assert!(seen.header("authorization").starts_with("Bearer "));
    assert_eq!(seen.header("event-type"), "Accepted");
}

#[tokio::test(start_paused = true)]
async fn a_user_agent_of_its_own_replaces_ours() {
    let (mut world, key) = World::with_endpoint().await;
    world
        .change_endpoint(&key, EndpointChange::Reopened, |endpoint| {
            let value = sealed(&key.header_record("User-Agent"), "Legacy/1");
            endpoint.settings.headers = vec![("User-Agent".to_owned(), value)];
        })
        .await;
    let seen = one(&mut world).await;
    assert_eq!(seen.headers.get_all("user-agent").iter().collect::<Vec<_>>(), ["Legacy/1"]);
}

#[tokio::test(start_paused = true)]
async fn the_token_says_who_where_and_for_whom_and_is_verified_by_the_published_certificate() {
    let (mut world, key) = World::with_endpoint().await;
    let seen = one(&mut world).await;
    let certificates = keys().ring.certificates(world.now());
    let endpoint = key.endpoint_id.to_string();
    let expect = Expect {
        audience: Some("CorrigoProDirect"),
        endpoint: Some(&endpoint),
        destination: Some("https://e1.example"),
        ..Expect::at(seen.at)
    };
    let report = verify(&token(&seen), &certificates, &expect);
    assert!(report.is_valid(), "{report:?}");
    assert_eq!(
        report.parsed().unwrap().claim(NAME_CLAIM),
        Some("acme"),
        "the company id, for it has no client"
    );
}

#[tokio::test(start_paused = true)]
async fn the_token_names_the_oldest_client_as_soon_as_there_is_one() {
    let (mut world, _) = World::with_endpoint().await;
    let first = token(&one(&mut world).await);
    let client = workbell_model::Client {
        company_id: world.company.clone(),
        client_id: workbell_model::ClientId::from_uuid(uuid::Uuid::from_u128(9)),
        name: "Dispatch".to_owned(),
        secret_hash: [0; 32],
        previous_secret: None,
        tokens_from: world.now(),
        created: world.now(),
        deleted: None,
    };
    let name = client.client_id.to_string();
    world.store().change(Change::CreateClient(client)).await.unwrap();
    let seen = one(&mut world).await;
    assert_ne!(token(&seen), first);
    let claims = workbell_wire::token::read(&token(&seen)).unwrap();
    assert_eq!(claims.claim(NAME_CLAIM), Some(name.as_str()));
}

/// One request a minute for two hours.
async fn two_hours(world: &mut World) -> Vec<Seen> {
    for id in 0..120 {
        world.publish(1, id).await;
        tokio::time::sleep(MINUTE).await;
    }
    world.receiver.seen()
}

#[tokio::test(start_paused = true)]
async fn a_token_serves_until_half_of_its_life_is_gone_and_is_never_sent_expired() {
    let (mut world, _) = World::with_endpoint().await;
    // Every ten seconds another one, so that the task does not end in between.
    let mut ids = Vec::new();
    for id in 0..360 {
        ids.push(world.publish(1, id).await);
        tokio::time::sleep(10 * SECOND).await;
    }
    world.until_all(&ids, State::Delivered).await;
    let seen = world.receiver.seen();
    let certificates = keys().ring.certificates(world.now());
    let tokens: HashSet<String> = seen.iter().map(token).collect();
    // An hour in pieces of ten minutes, less the five seconds that a token is dated back.
    assert_eq!(tokens.len(), 6, "reused");
    for seen in &seen {
        let report = verify(&token(seen), &certificates, &Expect::at(seen.at));
        assert!(report.is_valid(), "{report:?}");
        let expires = report.parsed().unwrap().expires().unwrap();
        assert!(expires.since(seen.at) >= 10 * MINUTE - 5 * SECOND, "at least half of it is left");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_slept_mints_anew_and_never_sends_an_expired_one() {
    let (mut world, _) = World::with_endpoint().await;
    let certificates = keys().ring.certificates(world.now());
    for seen in two_hours(&mut world).await {
        assert!(verify(&token(&seen), &certificates, &Expect::at(seen.at)).is_valid());
    }
}

#[tokio::test(start_paused = true)]
async fn a_rotation_with_now_drops_the_token_of_the_old_key_at_once() {
    let (mut world, _) = World::with_endpoint().await;
    let old = one(&mut world).await;
    let ring = keys().rotated_now(world.now());
    world.ring.send_replace(ring.clone());
    let new = one(&mut world).await;
    let certificates = ring.certificates(world.now());
    assert!(!verify(&token(&old), &certificates, &Expect::at(new.at)).is_valid());
    assert!(verify(&token(&new), &certificates, &Expect::at(new.at)).is_valid());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_can_have_jwts() {
    let mut world = World::new().await;
    world.endpoint(|settings| settings.authorization = Authorization::Jwt).await;
    let seen = one(&mut world).await;
    assert_eq!(token(&seen).split('.').count(), 3);
}

async fn rotate_secret(world: &World, key: &EndpointKey) {
    let until = world.now().plus(DAY);
    world
        .change_endpoint(key, EndpointChange::Adjusted, |endpoint| {
            let new = sealed(&key.secret_record(), &secret(2).to_text());
            let old = std::mem::replace(&mut endpoint.secret, new);
            endpoint.previous_secret = Some((old, until));
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn after_a_rotation_of_the_secret_both_sign_for_a_day_and_then_only_the_new_one() {
    let (mut world, key) = World::with_endpoint().await;
    rotate_secret(&world, &key).await;
    let signatures =
        |seen: &Seen| seen.header("webhook-signature").split(' ').map(str::to_owned).collect::<Vec<_>>();
    let sign =
        |seen: &Seen, n| Keys::new(&[secret(n)]).sign(&seen.message_id, seen.at.unix_seconds(), &seen.body);
    let first = one(&mut world).await;
    assert_eq!(signatures(&first), [sign(&first, 2), sign(&first, 1)]);
    // One that hangs keeps the endpoint awake: the end of the day must be noticed without a new start.
    world
        .change_endpoint(&key, EndpointChange::Adjusted, |endpoint| endpoint.settings.timeout = Some(2 * DAY))
        .await;
    world.receiver.answers(|seen| {
        let hangs = seen.work_order_id == 1;
        if hangs { (2 * DAY, Answer::Hang) } else { (SECOND, Answer::Status(200)) }
    });
    world.publish(1, 1).await;
    for id in 100..150 {
        world.publish(1, id).await;
        tokio::time::sleep(HOUR / 2).await;
    }
    let seen = world.receiver.seen();
    let rotated = crate::keys::start();
    for seen in &seen {
        let both = seen.at < rotated.plus(DAY);
        assert_eq!(signatures(seen).len(), if both { 2 } else { 1 }, "{:?}", seen.at);
    }
    let last = seen.last().unwrap();
    assert_eq!(signatures(last), [sign(last, 2)]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_requested_fails_as_misconfigured_with_a_log_record_and_goes_once_it_is_mended() {
    let (mut world, key) = World::with_endpoint().await;
    world
        .change_endpoint(&key, EndpointChange::Reopened, |endpoint| {
            endpoint.secret = sealed("endpoint/another/secret", &secret(1).to_text());
        })
        .await;
    let ids = world.publish_all(1, &[42, 42]).await;
    world.until_state(ids[0], State::Retrying).await;
    let log = world.attempts(ids[0]).await;
    assert_eq!(log.len(), 1);
    assert_eq!((log[0].error.as_deref(), log[0].status), (Some("Misconfigured"), None));
    let explanation = log[0].detail.explanation.as_deref().unwrap();
    assert!(
        explanation.contains("the endpoint's secret") && explanation.contains("master key"),
        "{explanation}"
    );
    assert_eq!(log[0].detail.url, "https://e1.example/hook");
    tokio::time::sleep(HOUR).await;
    assert_eq!(world.receiver.count(), 0);
    assert!(world.attempts(ids[0]).await.len() >= 4, "the schedule goes on");
    let mended = world.now();
    world
        .change_endpoint(&key, EndpointChange::Reopened, |endpoint| {
            endpoint.secret = sealed(&key.secret_record(), &secret(1).to_text());
        })
        .await;
    world.until_state(ids[1], State::Delivered).await;
    assert!(world.now().since(mended) < SECOND);
}
