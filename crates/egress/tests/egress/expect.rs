//! `Expect: 100-continue`, case by case, on paused time.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, advance};
use workbell_egress::{Continued, EXPECT_OFF, EXPECT_WAIT, Policy, Request, WAIT_SKIPPED};

use crate::stage::{OK, Stage, expecting, failure, hook, request, status};

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const BODY: &str = "{\"Header\":{}}";

#[tokio::test(start_paused = true)]
async fn the_body_goes_as_soon_as_a_100_comes() {
    let stage = Stage::new();
    stage.answering(OK);
    let begin = Instant::now();
    let attempted = stage.pool().send(expecting()).await;
    assert_eq!((status(&attempted), attempted.continued), (200, Continued::Continued100));
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn without_a_100_the_body_goes_after_the_wait_and_not_before() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        let begin = Instant::now();
        wire.head().await.expect("a head");
        wire.body(BODY.len()).await.expect("a body");
        assert_eq!(begin.elapsed().as_millis(), EXPECT_WAIT.as_millis());
        wire.say(OK).await;
        wire.until_closed().await;
    });
    let begin = Instant::now();
    let attempted = stage.pool().send(expecting()).await;
    assert_eq!((status(&attempted), attempted.continued), (200, Continued::NoContinue));
    assert_eq!(begin.elapsed().as_millis(), 350);
}

#[tokio::test(start_paused = true)]
async fn a_100_that_comes_late_or_twice_disturbs_nothing() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.head().await.expect("a head");
        wire.say(CONTINUE.repeat(2)).await;
        wire.body(BODY.len()).await.expect("a body");
        wire.say(CONTINUE).await;
        wire.say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").await;
        wire.say(OK).await;
        wire.request().await.expect("another request");
        wire.say("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").await;
        wire.until_closed().await;
    });
    let pool = stage.pool();
    assert_eq!(status(&pool.send(expecting()).await), 200);
    let second = pool.send(expecting()).await;
    assert_eq!((status(&second), second.reused, stage.dialled().len()), (202, true, 1));
}

#[tokio::test(start_paused = true)]
async fn a_2xx_before_the_body_is_no_success_and_the_request_goes_again_without_expect() {
    for early in [OK.to_owned(), format!("{CONTINUE}{OK}")] {
        let stage = Stage::new();
        stage.server(|mut wire| async move {
            wire.head().await.expect("a head");
            wire.say(early).await;
            wire.until_closed().await;
        });
        stage.answering("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n");
        let attempted = stage.pool().send(expecting()).await;
        assert_eq!(status(&attempted), 500, "the status of the second counts");
        assert_eq!((attempted.continued, attempted.reconnected), (Continued::Resent, false));
        assert!(stage.text(0).contains("Expect: 100-continue"));
        assert!(!stage.text(1).contains("Expect"));
        assert!(stage.text(1).ends_with(BODY));
        assert!(!attempted.request_headers.iter().any(|(name, _)| name == "Expect"));
        tokio::task::yield_now().await;
        assert!(stage.received(0).closed.is_some(), "the connection is closed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_417_goes_again_and_the_header_stays_off_for_a_day() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.head().await.expect("a head");
        wire.say("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n").await;
        wire.until_closed().await;
    });
    (0..3).for_each(|_| stage.answering(OK));
    let pool = stage.pool();
    let attempted = pool.send(expecting()).await;
    assert_eq!((status(&attempted), attempted.continued), (200, Continued::Resent));
    advance(EXPECT_OFF - Duration::from_secs(1)).await;
    assert_eq!(pool.send(expecting()).await.continued, Continued::NotAsked);
    assert!(!stage.text(2).contains("Expect"));
    advance(Duration::from_secs(4)).await;
    assert_eq!(pool.send(expecting()).await.continued, Continued::Continued100);
}

#[tokio::test(start_paused = true)]
async fn what_was_learnt_of_an_endpoint_outlives_its_pool_and_is_not_said_of_another() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.head().await.expect("a head");
        wire.say("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n").await;
        wire.until_closed().await;
    });
    (0..4).for_each(|_| stage.answering(OK));
    let client = stage.client(Policy::public());
    assert_eq!(client.pool(4).send(expecting()).await.continued, Continued::Resent);
    advance(Duration::from_secs(3600)).await;
    assert_eq!(client.pool(4).send(expecting()).await.continued, Continued::NotAsked);
    let other = Request { expect_continue: true, ..request("http://hooks.example.com/other") };
    assert_eq!(client.pool(4).send(other).await.continued, Continued::Continued100);
    advance(EXPECT_OFF).await;
    assert_eq!(client.pool(4).send(expecting()).await.continued, Continued::Continued100);
}

#[tokio::test(start_paused = true)]
async fn a_417_to_the_request_without_expect_is_the_result() {
    let stage = Stage::new();
    let refusal = "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n";
    (0..2).for_each(|_| stage.answering(refusal));
    assert_eq!(status(&stage.pool().send(expecting()).await), 417);
    assert_eq!(stage.dialled().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn any_other_early_status_is_the_result_and_the_body_never_goes() {
    for line in ["401 Unauthorized", "302 Found", "404 Not Found", "503 Busy"] {
        let stage = Stage::new();
        stage.server(move |mut wire| async move {
            wire.head().await.expect("a head");
            wire.say(format!("HTTP/1.1 {line}\r\nContent-Length: 4\r\n\r\nno!!")).await;
            wire.until_closed().await;
        });
        stage.answering(OK);
        let pool = stage.pool();
        let begin = Instant::now();
        let attempted = pool.send(expecting()).await;
        assert_eq!(status(&attempted).to_string(), line[..3]);
        assert_eq!(attempted.continued, Continued::AnsweredEarly);
        assert_eq!(attempted.response_body, "no!!");
        assert_eq!(begin.elapsed(), Duration::ZERO);
        assert_eq!(pool.idle_connections(), 0);
        tokio::task::yield_now().await;
        assert!(stage.received(0).closed.is_some(), "the connection is closed at once");
        assert!(stage.text(0).ends_with("\r\n\r\n"), "no byte of the body was sent: {}", stage.text(0));
        assert_eq!(status(&pool.send(hook()).await), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn after_three_attempts_without_a_100_the_wait_is_skipped_for_an_hour() {
    let stage = Stage::new();
    for _ in 0..2 {
        stage.server(|mut wire| async move {
            while wire.head().await.is_some() && wire.body(BODY.len()).await.is_some() {
                wire.say(OK).await;
            }
        });
    }
    let pool = stage.pool();
    let begin = Instant::now();
    for _ in 0..3 {
        assert_eq!(pool.send(expecting()).await.continued, Continued::NoContinue);
    }
    let skipping = Instant::now();
    assert_eq!((skipping - begin).as_millis(), 3 * 350);
    let attempted = pool.send(expecting()).await;
    assert_eq!((status(&attempted), attempted.continued), (200, Continued::WaitSkipped));
    assert_eq!(skipping.elapsed(), Duration::ZERO);
    assert_eq!(stage.text(0).matches("Expect: 100-continue").count(), 4, "the header still goes out");
    advance(WAIT_SKIPPED).await;
    assert_eq!(pool.send(expecting()).await.continued, Continued::NoContinue);
}

#[tokio::test(start_paused = true)]
async fn without_expect_a_2xx_before_the_last_byte_of_the_body_is_an_early_answer() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.head().await.expect("a head");
        wire.say(OK).await;
        wire.until_closed().await;
    });
    let body = Bytes::from(vec![b'x'; 200 * 1024]);
    let attempted = stage.pool().send(Request { body, ..hook() }).await;
    assert_eq!(failure(&attempted), "EarlyAnswer");
    assert_eq!(stage.dialled().len(), 1, "it is not repeated");
    tokio::task::yield_now().await;
    assert!(stage.received(0).closed.is_some());
}

#[tokio::test(start_paused = true)]
async fn without_expect_an_early_refusal_of_a_large_body_is_the_result() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.head().await.expect("a head");
        wire.say("HTTP/1.1 413 Too Large\r\nContent-Length: 7\r\n\r\ntoo big").await;
        // the server closes without having read the rest
    });
    let body = Bytes::from(vec![b'x'; 200 * 1024]);
    let pool = stage.pool();
    let attempted = pool.send(Request { body, ..hook() }).await;
    assert_eq!((status(&attempted), attempted.response_body.as_str()), (413, "too big"));
    assert_eq!(pool.idle_connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_request_read_whole_always_counts() {
    // sizes around the buffer between the two sides, where the last byte leaves in a write of its own
    let stage = Stage::new();
    stage.answering(OK);
    let pool = stage.pool();
    for size in (15 * 1024..17 * 1024).step_by(13).chain([1, 2, 100_000, 262_144]) {
        for expect_continue in [false, true] {
            let body = Bytes::from(vec![b'x'; size]);
            let attempted = pool.send(Request { body, expect_continue, ..hook() }).await;
            assert_eq!(attempted.result.as_ref().map(|s| s.as_u16()), Ok(200), "{size} {expect_continue}");
        }
    }
    assert_eq!(stage.dialled().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_100_is_no_answer_when_a_reused_connection_closes() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.say(OK).await;
        wire.head().await.expect("another head");
        wire.say(CONTINUE).await;
        wire.body(BODY.len()).await.expect("a body");
    });
    stage.answering(OK);
    let pool = stage.pool();
    assert_eq!(status(&pool.send(expecting()).await), 200);
    let attempted = pool.send(expecting()).await;
    assert_eq!((status(&attempted), attempted.reconnected, attempted.reused), (200, true, false));
}
