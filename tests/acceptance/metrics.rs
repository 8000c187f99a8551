//! `/metrics`: numbers that are right, and proof that nothing is asked while nothing happens.

use std::time::Duration;

use serde_json::json;
use workbell_testkit::{Answer, Installation, Platform, Random, Receiver, Server, wait_for};

use crate::notification::{BRANCH, COMPANY, all_settled, publish};

/// Scrapes of an idle service that must all say the same.
const SCRAPES: usize = 100;

/// A caller of the metrics listener.
pub(crate) fn metrics(server: &Server) -> Platform {
    let address = wait_for("the metrics to be served", || {
        let said = server.said();
        let rest = said.split_once("serving metrics address=")?.1;
        rest.split_once(char::is_whitespace)?.0.parse().ok()
    });
    Platform::new(address, "no key is needed")
}

pub(crate) fn scrape(metrics: &Platform) -> String {
    let reply = metrics.send("GET", "/metrics", &[], b"").expect("it answers");
    assert_eq!(reply.status, 200);
    String::from_utf8(reply.body).expect("it is text")
}

/// The value of a line.
#[track_caller]
fn value(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in\n{page}")).parse().expect("a number")
}

pub(crate) fn queries(page: &str) -> (f64, f64) {
    let of = |kind| value(page, &format!("workbell_store_queries_total{{kind=\"{kind}\"}}"));
    (of("read"), of("write"))
}

/// Waits until the store is left alone, then sees that it stays so.
#[track_caller]
pub(crate) fn stays_idle(metrics: &Platform) -> (f64, f64) {
    let pause = || std::thread::park_timeout(Duration::from_millis(10));
    let idle = wait_for("the service to be idle", || {
        let first = queries(&scrape(metrics));
        // Longer than the pause between two looks at the queues.
        (0..250)
            .all(|_| {
                pause();
                queries(&scrape(metrics)) == first
            })
            .then_some(first)
    });
    for _ in 0..SCRAPES {
        pause();
        assert_eq!(queries(&scrape(metrics)), idle, "the store is asked while nothing happens");
    }
    idle
}

#[test]
fn numbers_are_right_and_the_store_is_asked_nothing_while_nothing_happens() {
    let good = Receiver::start();
    let bad = Receiver::answering(|_| Answer::Status(500));
    // An endpoint that is down is probed, which asks the store.
    let installation =
        Installation::retrying("1h").set("metrics.listen", "127.0.0.1:0").set("delivery.down_after", "0");
    let server = installation.start();
    let metrics = metrics(&server);
    let before = stays_idle(&metrics);

    let platform = server.platform();
    platform.create_company(COMPANY, BRANCH);
    let first = platform.create_endpoint(COMPANY, &good.url("/in"), json!({})).id;
    let mut random = Random::new(13);
    for order in 1..=3 {
        publish(&platform, &mut random, order);
    }
    all_settled(&platform);
    let path = format!("/v1/companies/{COMPANY}/endpoints/{first}");
    platform.patch(&path, &json!({"Url": bad.url("/in")})).with(200);
    publish(&platform, &mut random, 4);
    wait_for("the failure to be counted", || {
        scrape(&metrics).contains("workbell_attempts_total{class=\"Status\"} 1").then_some(())
    });

    let after = stays_idle(&metrics);
    assert!(after.0 > before.0 && after.1 > before.1, "work is counted: {before:?}, {after:?}");
    let page = scrape(&metrics);
    for (name, expected) in [
        ("workbell_queue_size", 1.0),
        ("workbell_accepted_total", 4.0),
        ("workbell_attempts_total{class=\"Delivered\"}", 3.0),
        ("workbell_in_flight", 0.0),
        ("workbell_store_writable", 1.0),
    ] {
        assert!((value(&page, name) - expected).abs() < 0.5, "{name}: {page}");
    }
    let endpoint = format!("workbell_endpoint_queue_size{{company=\"{COMPANY}\",endpoint=\"{first}\"}}");
    assert!((value(&page, &endpoint) - 1.0).abs() < 0.5, "{page}");
    let commits = value(&page, "workbell_store_commit_seconds_count");
    assert!((value(&page, "workbell_store_commit_seconds_bucket{le=\"+Inf\"}") - commits).abs() < 0.5);
    assert!(value(&page, "process_resident_memory_bytes") > 1e6 && value(&page, "process_open_fds") > 3.0);
}

#[test]
fn the_queues_are_counted_at_most_every_two_seconds_however_many_scrape() {
    const ROUNDS: u32 = 60;
    let installation = Installation::retrying("1h").set("metrics.listen", "127.0.0.1:0");
    let server = installation.start();
    let (metrics, platform) = (metrics(&server), server.platform());
    platform.create_company(COMPANY, BRANCH);
    let receiver = Receiver::start();
    let endpoint = platform.create_endpoint(COMPANY, &receiver.url("/in"), json!({})).id;
    platform.ask(&format!("/v1/companies/{COMPANY}/endpoints/{endpoint}/pause")).with(200);
    let (before, _) = stays_idle(&metrics);
    let mut random = Random::new(14);
    let began = std::time::Instant::now();
    for round in 1..=ROUNDS {
        publish(&platform, &mut random, round.into());
        scrape(&metrics);
    }
    let (after, _) = queries(&scrape(&metrics));
    let allowed = began.elapsed().as_secs_f64() / 2.0 + 1.5;
    assert!(after - before <= allowed, "{} walks, {allowed} are allowed", after - before);
    wait_for("the queue to be counted", || {
        (value(&scrape(&metrics), "workbell_queue_size") > f64::from(ROUNDS) - 0.5).then_some(())
    });
}
