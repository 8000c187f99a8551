//! Notifications that try an endpoint out.

use std::time::Duration;

use bytes::Bytes;
use workbell_delivery::Emulation;
use workbell_delivery::emulation::{Error, MOST};
use workbell_model::{EndpointKey, ErrorClass, Mode, State};
use workbell_store::Store;
use workbell_store::record::{EndpointChange, LogRecord};
use workbell_wire::token::{Expect, verify};
use workbell_wire::webhook_signature::{Headers, Keys, TOLERANCE};

use crate::keys::keys;
use crate::receiver::Answer;
use crate::world::{MINUTE, SECOND, World, sealed, secret};

const ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn emulation(world: &World, key: &EndpointKey) -> Emulation {
    let body = format!("{{\"Header\":{{\"WorkOrderId\":42,\"MessageId\":\"{ID}\"}}}}");
    Emulation {
        endpoint: world.store().directory().endpoint(key).unwrap(),
        work_order_id: 42,
        branch_id: 1,
        action: "Accepted".parse().unwrap(),
        message_id: ID.parse().unwrap(),
        body: Bytes::from(body),
    }
}

async fn emulate(world: &World, key: &EndpointKey) -> Result<LogRecord, Error> {
    let no = world.engine().emulate(emulation(world, key)).await?;
    Ok(world.store().log_record(no).await.unwrap().unwrap())
}

#[tokio::test(start_paused = true)]
async fn it_is_sent_as_live_ones_are_but_for_mode_and_sequence_and_is_logged() {
    let (mut world, key) = World::with_endpoint().await;
    world
        .change_endpoint(&key, EndpointChange::Reopened, |endpoint| {
            endpoint.settings.headers =
                vec![("X-Api-Key".to_owned(), sealed(&key.header_record("X-Api-Key"), "s3"))];
        })
        .await;
    let id = world.publish(1, 42).await;
    world.until_state(id, State::Delivered).await;
    let record = emulate(&world, &key).await.unwrap();
    let all = world.receiver.seen();
    let (live, test) = (&all[0], &all[1]);
    let names =
        |seen: &crate::receiver::Seen| seen.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    let without: Vec<String> = names(live).into_iter().filter(|name| name != "workbell-sequence").collect();
    assert_eq!(names(test), without);
    assert_eq!((test.header("workbell-mode"), test.header("workbell-attempt")), ("test", "1"));
    assert_eq!(test.header("x-api-key"), "s3");
    let token = test.header("authorization").strip_prefix("Bearer ").unwrap();
    let endpoint = key.endpoint_id.to_string();
    let expect = Expect {
        endpoint: Some(&endpoint),
        destination: Some("https://e1.example"),
        ..Expect::at(world.now())
    };
    assert!(verify(token, &keys().ring.certificates(world.now()), &expect).is_valid());
    let headers = Headers {
        id: test.header("webhook-id"),
        timestamp: test.header("webhook-timestamp"),
        signature: test.header("webhook-signature"),
    };
    Keys::new(&[secret(1)]).verify(&headers, &test.body, world.now(), TOLERANCE).unwrap();
    assert_eq!((record.mode, record.status, record.delivery_id), (Mode::Test, Some(200), None));
    assert_eq!((record.body.as_ref(), record.message_id), (Some(&test.body), ID.parse().ok()));
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_logged_and_never_tried_again_and_holds_up_nothing() {
    let (mut world, key) = World::with_endpoint().await;
    world.receiver.answers(|seen| {
        let test = seen.header("workbell-mode") == "test";
        (SECOND, if test { Answer::Refused } else { Answer::Status(200) })
    });
    let record = emulate(&world, &key).await.unwrap();
    assert_eq!(record.error.as_deref(), Some(ErrorClass::ConnectionRefused.name()));
    assert_eq!(record.next_attempt_at, None);
    let id = world.publish(1, 42).await;
    world.until_state(id, State::Delivered).await;
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!(world.receiver.count(), 2);
    assert_eq!(world.receiver.seen()[1].sequence, 1, "no number was taken");
}

#[tokio::test(start_paused = true)]
async fn a_paused_endpoint_can_be_tried_out() {
    let (world, key) = World::with_endpoint().await;
    let now = world.now();
    world.change_endpoint(&key, EndpointChange::Adjusted, |endpoint| endpoint.paused = Some(now)).await;
    assert_eq!(emulate(&world, &key).await.unwrap().status, Some(200));
}

#[tokio::test(start_paused = true)]
async fn a_company_has_one_under_way_and_sixty_a_minute() {
    let (world, key) = World::with_endpoint().await;
    world.receiver.answers(|_| (SECOND / 10, Answer::Status(200)));
    let begun = tokio::time::Instant::now();
    let (first, second) = tokio::join!(emulate(&world, &key), emulate(&world, &key));
    assert!(first.is_ok() && matches!(second, Err(Error::Busy)), "{second:?}");
    for _ in 1..MOST {
        emulate(&world, &key).await.unwrap();
    }
    let Err(Error::TooMany(wait)) = emulate(&world, &key).await else { panic!("60 are the most") };
    assert!(begun.elapsed() + wait <= MINUTE && wait > 50 * SECOND, "{wait:?}");
    tokio::time::sleep(wait - SECOND / 10).await;
    assert!(matches!(emulate(&world, &key).await, Err(Error::TooMany(_))), "a minute is not over yet");
    tokio::time::sleep(SECOND / 5).await;
    emulate(&world, &key).await.unwrap();
    assert_eq!(world.receiver.count(), MOST + 1);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_does_not_stop_it_and_a_stop_does() {
    let (world, key) = World::with_endpoint().await;
    world.receiver.answers(|_| (Duration::from_secs(5), Answer::Status(200)));
    let cut = tokio::time::timeout(SECOND, emulate(&world, &key)).await;
    assert!(cut.is_err());
    assert!(matches!(emulate(&world, &key).await, Err(Error::Busy)), "the slot is held until it has ended");
    tokio::time::sleep(5 * SECOND).await;
    world.receiver.always(Answer::Hang);
    let engine = world.engine().clone();
    let (hanging, ()) = tokio::join!(emulate(&world, &key), async {
        tokio::time::sleep(SECOND).await;
        engine.stop(SECOND).await;
    });
    assert_eq!(hanging.unwrap().error.as_deref(), Some(ErrorClass::Interrupted.name()));
    assert!(matches!(emulate(&world, &key).await, Err(Error::Stopping)));
    let whole = workbell_store::filter::Paging { after: None, limit: 10 };
    assert_eq!(world.store().log(Default::default(), whole).await.unwrap().items.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn while_the_store_takes_no_writes_nothing_is_sent() {
    let (world, key) = World::with_endpoint().await;
    world.store().set_trouble(true);
    assert!(matches!(emulate(&world, &key).await, Err(Error::Trouble(_))));
    assert_eq!(world.receiver.count(), 0);
}
