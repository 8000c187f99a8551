//! What we read: bounded in bytes and time.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use workbell_egress::{BODY_WAIT, Failure, MAX_HEAD, Phase, Request, RetryAfter};

use crate::stage::{OK, PUBLIC, SILENT, Stage, failure, hook, request, status};

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_costs_no_more_than_the_timeout() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.say("HTTP/1.1 200 OK\r\n").await;
        loop {
            wire.say("X-Drip: 1\r\n").await;
            sleep(Duration::from_secs(1)).await;
        }
    });
    let begin = Instant::now();
    let attempted = stage.pool().send(hook()).await;
    assert_eq!(
        attempted.result,
        Err(Failure::Timeout { phase: Phase::Head, after: Duration::from_secs(30) })
    );
    assert_eq!(begin.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_reading_is_a_timeout_of_the_write() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.head().await.expect("a head");
        sleep(Duration::from_secs(3600)).await;
    });
    let attempted = stage.pool().send(Request { body: vec![b'x'; 200_000].into(), ..hook() }).await;
    assert_eq!(
        attempted.result,
        Err(Failure::Timeout { phase: Phase::Write, after: Duration::from_secs(30) })
    );
    assert!(attempted.address.is_some() && !attempted.request_headers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_2xx_counts_when_its_head_is_read_and_a_slow_body_costs_one_second() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n").await;
        loop {
            wire.say("x").await;
            sleep(Duration::from_millis(300)).await;
        }
    });
    let begin = Instant::now();
    let attempted = stage.pool().send(hook()).await;
    assert_eq!((status(&attempted), attempted.response_body.as_str()), (200, "xxxx"));
    assert!(attempted.response_cut);
    assert_eq!(begin.elapsed().as_millis(), BODY_WAIT.as_millis());
}

#[tokio::test(start_paused = true)]
async fn an_endless_body_is_read_to_the_limit() {
    for head in ["Transfer-Encoding: chunked\r\n\r\n", "\r\n", "Content-Length: 99999999999\r\n\r\n"] {
        let stage = Stage::new();
        stage.server(move |mut wire| async move {
            wire.request().await.expect("a request");
            wire.say(format!("HTTP/1.1 200 OK\r\n{head}")).await;
            for _ in 0..1000 {
                wire.say(format!("3e8\r\n{}\r\n", "x".repeat(1000))).await;
            }
            wire.until_closed().await;
        });
        let begin = Instant::now();
        let attempted = stage.pool().send(hook()).await;
        assert_eq!(status(&attempted), 200);
        assert_eq!((attempted.response_body.len(), attempted.response_cut), (16 * 1024, true), "{head}");
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_without_end_is_an_invalid_answer() {
    let informational = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n";
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(101));
    let floods = [
        ("one header", format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MAX_HEAD))),
        ("a status line", format!("HTTP/1.1 200 {}", "x".repeat(MAX_HEAD))),
        ("many headers", many),
        ("informational answers", informational.repeat(MAX_HEAD / informational.len() + 1)),
    ];
    for (name, flood) in floods {
        for expect_continue in [false, true] {
            let stage = Stage::new();
            let flood = flood.clone();
            stage.server(move |mut wire| async move {
                wire.request().await.expect("a request");
                // an end, so that a missing bound shows as a timeout
                for _ in 0..64 {
                    wire.say(&flood).await;
                }
                wire.until_closed().await;
            });
            let attempted = stage.pool().send(Request { expect_continue, ..hook() }).await;
            assert_eq!(failure(&attempted), "InvalidResponse", "{name} {expect_continue}");
            let text = attempted.result.expect_err("a failure").to_string();
            assert!(text.contains("its head"), "{name}: {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_just_below_the_limit_is_read() {
    let stage = Stage::new();
    let frame = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: \r\n\r\n";
    let value = "v".repeat(MAX_HEAD - frame.len());
    let answer = frame.replace("X: ", &format!("X: {value}"));
    assert_eq!(answer.len(), MAX_HEAD);
    stage.server(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.say(answer).await;
        wire.request().await.expect("another request");
        wire.say(OK).await;
        wire.until_closed().await;
    });
    let pool = stage.pool();
    assert_eq!(status(&pool.send(hook()).await), 200);
    assert!(pool.send(hook()).await.reused, "the limit starts anew");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_http_1_answer_is_an_invalid_one() {
    for garbage in [
        "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03garbage\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n",
        "220 mail.example.com ESMTP\r\n",
        "<html>hello</html>\r\n\r\n",
        "HTTP/2 200 OK\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let stage = Stage::new();
        stage.answering(garbage);
        let attempted = stage.pool().send(hook()).await;
        assert_eq!(failure(&attempted), "InvalidResponse", "{garbage:?}: {:?}", attempted.result);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_speaks_before_the_request_is_an_invalid_answer() {
    for greeting in
        ["SSH-2.0-OpenSSH_9.6\r\n", "220 mail.example.com ESMTP\r\n", "HTTP/1.1 200 OK\r\n\r\n", "\0"]
    {
        for request in [hook(), Request { expect_continue: true, ..hook() }] {
            let stage = Stage::new();
            stage.server(move |mut wire| async move {
                wire.say(greeting).await;
                wire.until_closed().await;
            });
            let attempted = stage.pool().send(request).await;
            assert_eq!(failure(&attempted), "InvalidResponse", "{greeting:?}: {:?}", attempted.result);
            assert!(attempted.total < Duration::from_secs(1), "{greeting:?}: it is not waited for");
            assert_eq!(stage.dialled().len(), 1, "{greeting:?}: and not tried again at once");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_a_status_and_is_not_followed() {
    for code in [301, 302, 303, 307, 308] {
        let stage = Stage::new();
        stage.server(move |mut wire| async move {
            wire.request().await.expect("a request");
            let location = "Location: http://169.254.169.254/latest/meta-data\r\nContent-Length: 0\r\n\r\n";
            wire.say(format!("HTTP/1.1 {code} Moved\r\n{location}")).await;
            wire.until_closed().await;
        });
        stage.answering(OK);
        let attempted = stage.pool().send(hook()).await;
        assert_eq!(status(&attempted), code);
        assert_eq!(stage.dialled(), [format!("{PUBLIC}:80").parse().expect("an address")]);
    }
}

#[tokio::test(start_paused = true)]
async fn answers_without_a_body_keep_the_connection() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        for line in ["204 No Content", "205 Reset Content\r\nContent-Length: 0", "304 Not Modified", "200 OK"]
        {
            wire.request().await.expect("a request");
            wire.say(format!("HTTP/1.1 {line}\r\n\r\n")).await;
        }
    });
    let pool = stage.pool();
    for code in [204, 205, 304, 200] {
        assert_eq!(status(&pool.send(hook()).await), code);
    }
    assert_eq!(stage.dialled().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn switching_protocols_is_a_status_like_any_other() {
    let stage = Stage::new();
    stage.answering("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n");
    stage.answering(OK);
    let pool = stage.pool();
    assert_eq!(status(&pool.send(hook()).await), 101);
    assert!(!pool.send(hook()).await.reused);
}

#[tokio::test(start_paused = true)]
async fn a_compressed_body_is_kept_as_it_came() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.request().await.expect("a request");
        wire.say("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n").await;
        wire.say([0x1f, 0x8b, 0x08, 0x00]).await;
        wire.until_closed().await;
    });
    let attempted = stage.pool().send(hook()).await;
    assert_eq!(attempted.response_body, "\\x1f\u{fffd}\\x08\\x00");
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_told_as_it_came() {
    let stage = Stage::new();
    stage.server(|mut wire| async move {
        wire.request().await.expect("a request");
        sleep(Duration::from_millis(20)).await;
        wire.say("HTTP/1.1 429 Slow\r\nRetry-After: 17\r\nX-Odd: a\\b\tc\r\nContent-Length: 6\r\n\r\n").await;
        sleep(Duration::from_millis(30)).await;
        wire.say("slower").await;
        wire.until_closed().await;
    });
    let attempted = stage.pool().send(hook()).await;
    assert_eq!(status(&attempted), 429);
    assert_eq!(attempted.retry_after, Some(RetryAfter::Seconds(17)));
    assert_eq!(attempted.response_body, "slower");
    let odd = ("x-odd".to_owned(), "a\\\\b\\x09c".to_owned());
    assert!(attempted.response_headers.contains(&odd), "{:?}", attempted.response_headers);
    assert_eq!(attempted.first_byte_time.map(|time| time.as_millis()), Some(20));
    assert_eq!(attempted.total.as_millis(), 50);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_hangs_or_does_not_exist_is_told_apart() {
    let stage = Stage::new();
    let attempted = stage.pool().send(request("http://hanging.example.com/")).await;
    let limit = Duration::from_secs(10);
    assert_eq!(attempted.result, Err(Failure::Timeout { phase: Phase::Resolve, after: limit }));
    let attempted = stage.pool().send(request("http://nowhere.example.com/")).await;
    assert_eq!(failure(&attempted), "ResolveFailed");
    stage.name("empty.example.com", &[&[]]);
    let attempted = stage.pool().send(request("http://empty.example.com/")).await;
    assert_eq!(failure(&attempted), "ResolveFailed");
    assert_eq!(stage.dialled(), []);
}

#[tokio::test(start_paused = true)]
async fn the_next_address_of_a_name_is_tried_when_one_does_not_connect() {
    let stage = Stage::new();
    stage.name("two.example.com", &[&["2606:4700::1", "93.184.215.20"]]);
    let attempted = stage.pool().send(request("http://two.example.com/")).await;
    assert_eq!(failure(&attempted), "ConnectionRefused");
    let tried = ["[2606:4700::1]:80", "93.184.215.20:80"].map(|text| text.parse().expect("an address"));
    assert_eq!(stage.dialled(), tried);
    assert_eq!(attempted.address, Some(tried[1]));
}

#[tokio::test(start_paused = true)]
async fn an_address_that_swallows_everything_gets_its_share_of_the_time() {
    let stage = Stage::new();
    stage.name("half.example.com", &[&[SILENT, PUBLIC]]);
    stage.answering(OK);
    let attempted = stage.pool().send(request("http://half.example.com/")).await;
    assert_eq!(status(&attempted), 200);
    assert_eq!(attempted.connect_time.map(|time| time.as_secs()), Some(5));
    let attempted = stage.pool().send(request(&format!("http://{SILENT}/"))).await;
    let after = Duration::from_secs(10);
    assert_eq!(attempted.result, Err(Failure::Timeout { phase: Phase::Connect, after }));
    assert_eq!(attempted.total, after);
}
