//! Which connections are used again, which are not, and the one resend.

use std::time::Duration;

use tokio::time::{Instant, advance, sleep, timeout};
use workbell_egress::{Closed, Failure, IDLE_LIMIT, Phase, Policy, Request};

use crate::stage::{OK, Stage, expecting, failure, hook, request, status};

#[tokio::test(start_paused = true)]
async fn a_connection_is_used_again() {
    let stage = Stage::new();
    stage.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let pool = stage.pool();
    let first = pool.send(hook()).await;
    assert!(!first.reused && first.connect_time.is_some());
    advance(IDLE_LIMIT - Duration::from_millis(1)).await;
    let second = pool.send(hook()).await;
    assert!(second.reused && second.connect_time.is_none() && !second.reconnected);
    assert_eq!((status(&second), second.response_body.as_str()), (200, "ok"));
    assert_eq!((first.address, stage.dialled().len()), (second.address, 1));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_four_seconds() {
    let stage = Stage::new();
    stage.answering(OK);
    stage.answering(OK);
    let pool = stage.pool();
    pool.send(hook()).await;
    let begin = Instant::now();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(pool.idle_connections(), 0);
    let closed = stage.received(0).closed.expect("closed");
    assert_eq!((closed - begin).as_millis(), IDLE_LIMIT.as_millis());
    assert!(!pool.send(hook()).await.reused);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_the_server_closed_while_idle_is_noticed_before_sending() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.say(OK).await;
    });
    stage.answering(OK);
    let pool = stage.pool();
    pool.send(hook()).await;
    advance(Duration::from_secs(1)).await;
    let second = pool.send(hook()).await;
    assert_eq!((status(&second), second.reused, second.reconnected), (200, false, false));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_closes_idle_connections_after_five_seconds_sees_no_failed_attempt() {
    let stage = Stage::new();
    let pauses = [0, 1000, 3990, 3999, 4000, 4001, 4500, 4999, 5000, 5001, 6000, 3000, 60_000, 4000];
    for _ in &pauses {
        stage.server(|mut wire| async move {
            // As Node does.
            while let Ok(Some(_)) = timeout(Duration::from_secs(5), wire.request()).await {
                wire.say(OK).await;
            }
        });
    }
    let pool = stage.pool();
    for pause in pauses {
        sleep(Duration::from_millis(pause)).await;
        let attempted = pool.send(expecting()).await;
        assert_eq!((status(&attempted), attempted.reconnected), (200, false), "after {pause} ms");
        assert_eq!(attempted.reused, (1..4000).contains(&pause), "after {pause} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reused_connection_that_closes_without_an_answer_costs_one_resend_within_the_attempt() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.say(OK).await;
        wire.head().await.expect("the race: it closes as the next request arrives");
    });
    stage.answering("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    let pool = stage.pool();
    pool.send(hook()).await;
    let second = pool.send(hook()).await;
    assert_eq!((status(&second), second.reused, second.reconnected), (201, false, true));
    assert!(second.connect_time.is_some());
    assert!(stage.text(1).starts_with("POST /in HTTP/1.1\r\n"));
}

#[tokio::test(start_paused = true)]
async fn the_resend_happens_once() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.say(OK).await;
        wire.head().await.expect("a head");
    });
    stage.server(|mut wire| async move {
        wire.head().await.expect("a head");
    });
    stage.answering(OK);
    let pool = stage.pool();
    pool.send(hook()).await;
    let second = pool.send(hook()).await;
    assert_eq!(second.result, Err(Failure::ConnectionClosed(Closed::BeforeAnswer)));
    assert!(second.reconnected);
    assert_eq!(stage.dialled().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_connection_that_closes_is_a_failure_at_once() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.request().await.expect("a request");
    });
    stage.answering(OK);
    let attempted = stage.pool().send(hook()).await;
    assert_eq!(failure(&attempted), "ConnectionClosed");
    assert_eq!((attempted.reconnected, stage.dialled().len()), (false, 1));
}

#[tokio::test(start_paused = true)]
async fn a_reused_connection_that_closes_within_an_answer_is_not_sent_to_again() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.say(OK).await;
        wire.request().await.expect("another request");
        wire.say("HTTP/1.1 20").await;
    });
    stage.answering(OK);
    let pool = stage.pool();
    pool.send(hook()).await;
    let second = pool.send(hook()).await;
    assert_eq!(second.result, Err(Failure::ConnectionClosed(Closed::WithinHead)));
    assert_eq!((second.reused, second.reconnected, stage.dialled().len()), (true, false, 1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_not_used_again_when_the_server_says_so_or_its_answer_was_not_read_whole() {
    for answer in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\n\r\nabc",
    ] {
        let stage = Stage::new();
        stage.answering(answer);
        stage.answering(OK);
        let pool = stage.pool();
        let first = pool.send(Request { response_limit: 2, ..hook() }).await;
        assert_eq!(status(&first), 200);
        assert_eq!(pool.idle_connections(), 0, "{answer}");
        assert!(!pool.send(hook()).await.reused, "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_nobody_asked_for_end_an_idle_connection() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.say(format!("{OK}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")).await;
        wire.until_closed().await;
    });
    stage.answering("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    let pool = stage.pool();
    assert_eq!(status(&pool.send(hook()).await), 200);
    assert_eq!(status(&pool.send(hook()).await), 503, "a stray answer is nobody's");
}

#[tokio::test(start_paused = true)]
async fn a_connection_serves_only_its_own_origin() {
    let stage = Stage::new();
    stage.name("other.example.com", &[&["93.184.215.15"]]);
    stage.answering(OK);
    stage.answering(OK);
    let pool = stage.pool();
    pool.send(hook()).await;
    assert!(!pool.send(request("http://other.example.com/in")).await.reused);
    assert_eq!(stage.dialled().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_pool_never_has_more_connections_than_its_cap() {
    let stage = Stage::new();
    for _ in 0..2 {
        stage.server(|mut wire| async move {
            while wire.request().await.is_some() {
                sleep(Duration::from_secs(1)).await;
                wire.say(OK).await;
            }
        });
    }
    let pool = stage.client(Policy::public()).pool(2);
    let begin = Instant::now();
    let (a, b, c) = tokio::join!(pool.send(hook()), pool.send(hook()), pool.send(hook()));
    assert_eq!([status(&a), status(&b), status(&c)], [200; 3]);
    assert_eq!(stage.dialled().len(), 2);
    assert_eq!(begin.elapsed().as_secs(), 2);
    assert!(c.reused);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_connection_of_the_pool_is_part_of_the_time() {
    let stage = Stage::new();
    stage.server(|mut wire| async move { wire.until_closed().await });
    let pool = stage.client(Policy::public()).pool(1);
    let short = Request { timeout: Duration::from_secs(2), ..hook() };
    let (a, b) = tokio::join!(pool.send(hook()), pool.send(short));
    assert_eq!(b.result, Err(Failure::Timeout { phase: Phase::Slot, after: Duration::from_secs(2) }));
    assert_eq!(a.result, Err(Failure::Timeout { phase: Phase::Head, after: Duration::from_secs(30) }));
}
