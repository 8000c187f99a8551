//! Outcomes that the database refuses though the disk is well: none is lost, and none holds up another.

use rusqlite::Connection;
use workbell_model::{State, log};

use super::place::Folder;
use crate::conformance::Bench;
use crate::conformance::bench::{End, ORDER};
use crate::conformance::told::Told;

fn completed(order: i64) -> impl Fn(&Told) -> Option<()> {
    move |told| matches!(told, Told::Completed { work_order_id, .. } if *work_order_id == order).then_some(())
}

fn refuse(file: &std::path::Path, when: &str) -> Connection {
    let other = Connection::open(file).unwrap();
    other
        .execute_batch(&format!(
            "CREATE TRIGGER refuse BEFORE INSERT ON log WHEN {when} BEGIN SELECT RAISE(ABORT, 'not this'); END"
        ))
        .unwrap();
    other
}

#[tokio::test]
async fn an_outcome_whose_answer_cannot_be_stored_is_stored_without_it() {
    let folder = Folder::fresh();
    let file = folder.file("workbell.db");
    let mut bench = Bench::open(folder).await;
    let endpoint = bench.endpoint().await;
    bench.publish(ORDER).await;
    let head = bench.head(&endpoint, ORDER).await;
    let _other = refuse(&file, "instr(NEW.detail, 'unspeakable')");
    let mut completion = bench.completion(&head, End::Success);
    let answer = log::Detail {
        url: "http://127.0.0.1:1/hook".to_owned(),
        response_body: "unspeakable".to_owned(),
        ..log::Detail::default()
    };
    completion.attempt.detail = serde_json::to_vec(&answer).unwrap().into();
    bench.store().complete(completion).await.unwrap();
    bench.ear.wait(0, completed(ORDER)).await;
    assert_eq!(bench.state(head.id()).await.0, State::Delivered);
    let attempts = bench.store().attempts(head.id()).await.unwrap();
    assert_eq!(attempts.len(), 1);
    let detail = &attempts[0].detail;
    assert_eq!((detail.url.as_str(), detail.response_body.as_str()), ("http://127.0.0.1:1/hook", ""));
    assert!(detail.explanation.as_ref().is_some_and(|text| text.contains("refused")), "{detail:?}");
    assert_eq!(bench.store().trouble(), None, "the disk is not at fault");
}

#[tokio::test]
async fn one_that_is_refused_altogether_is_written_once_when_it_can_be_and_others_go_on() {
    let folder = Folder::fresh();
    let file = folder.file("workbell.db");
    let mut bench = Bench::open(folder).await;
    let endpoint = bench.endpoint().await;
    let bad = bench.publish(ORDER).await.deliveries[0];
    bench.publish(7).await;
    let other = refuse(&file, &format!("NEW.delivery_no = {}", bad.no().0));
    let head = bench.head(&endpoint, ORDER).await;
    let completion = bench.completion(&head, End::Success);
    bench.store().complete(completion).await.unwrap();
    bench.attempt(&endpoint, 7, End::Success).await;
    for order in 100..110 {
        bench.publish(order).await;
    }
    assert_eq!(bench.state(bad).await.0, State::Pending, "its outcome is not on disk");
    assert!(!bench.ear.heard().iter().any(|told| completed(ORDER)(told).is_some()), "and nobody is told so");
    assert_eq!(bench.store().trouble(), None);
    other.execute_batch("DROP TRIGGER refuse").unwrap();
    bench.ear.wait(0, completed(ORDER)).await;
    assert_eq!(bench.state(bad).await.0, State::Delivered);
    assert_eq!(bench.store().attempts(bad).await.unwrap().len(), 1);
    bench.reopen().await;
    assert_eq!(bench.store().attempts(bad).await.unwrap().len(), 1, "once");
}

#[tokio::test]
async fn one_that_is_refused_is_tried_once_more_as_the_store_closes() {
    let folder = Folder::fresh();
    let file = folder.file("workbell.db");
    let mut bench = Bench::open(folder).await;
    let endpoint = bench.endpoint().await;
    let bad = bench.publish(ORDER).await.deliveries[0];
    let other = refuse(&file, "1");
    let head = bench.head(&endpoint, ORDER).await;
    let completion = bench.completion(&head, End::Success);
    bench.store().complete(completion).await.unwrap();
    // Whoever is answered after it knows that it was refused.
    bench.publish(7).await;
    other.execute_batch("DROP TRIGGER refuse").unwrap();
    bench.reopen().await;
    assert_eq!(bench.state(bad).await.0, State::Delivered);
}
