//! Alerts: raised in the commit of what they are about, once while it lasts, and kept until somebody was told.

use std::time::Duration;

use serde_json::{Map, json};
use workbell_model::{Failure, On410, Reason};

use super::bench::{Bench, DAY, End, MINUTE, ORDER};
use crate::alert::{AlertFilter, AlertKind, AlertRecord, DYING_LASTS, LONGEST_WAIT, NewAlert, Telling};
use crate::filter::Paging;
use crate::record::EndpointChange;

async fn all(bench: &Bench) -> Vec<AlertRecord> {
    list(bench, AlertFilter::default()).await
}

async fn list(bench: &Bench, filter: AlertFilter) -> Vec<AlertRecord> {
    let paging = Paging { after: None, limit: 500 };
    bench.store().alerts(filter, paging).await.expect("alerts can be read").items
}

async fn untold(bench: &Bench) -> Vec<u64> {
    let untold = bench.store().untold_alerts(bench.now(), 100).await.expect("alerts can be read");
    untold.due.into_iter().map(|alert| alert.no).collect()
}

fn disk(bench: &Bench) -> NewAlert {
    let kind = AlertKind::DiskEnding;
    NewAlert { kind, company_id: None, subject: "disk".to_owned(), detail: Map::new(), at: bench.now() }
}

pub(crate) async fn a_delivery_that_dies_is_one_alert_and_more_of_them_count_in_it(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 3).await;
    bench.attempt(&endpoint, ORDER, End::Failure(MINUTE)).await;
    assert_eq!(all(&bench).await, [], "a failure is none");
    bench.attempt(&endpoint, ORDER, End::Death(Reason::Exhausted)).await;
    let first = bench.now();
    bench.crash().await;
    let alerts = all(&bench).await;
    let [alert] = alerts.as_slice() else { panic!("{alerts:?}") };
    assert_eq!(
        (alert.kind.as_str(), alert.subject.clone()),
        ("DeliveriesDying", endpoint.endpoint_id.to_string())
    );
    assert_eq!((alert.company_id.as_ref(), alert.count), (Some(&endpoint.company_id), 1));
    assert_eq!(alert.detail, Map::from_iter([("Reason".to_owned(), json!("Exhausted"))]));
    assert_eq!((alert.ended, alert.sent), (None, None));
    assert!(alert.raised <= first);
    bench.attempt(&endpoint, ORDER, End::Death(Reason::Expired)).await;
    bench.crash().await;
    let alerts = all(&bench).await;
    assert_eq!((alerts.len(), alerts[0].count, alerts[0].no), (1, 2, alert.no));
    assert!(alerts[0].last > alert.last);
    // Another endpoint's is another one.
    let other = bench.endpoint_of(&endpoint.company_id).await;
    bench.publish(7).await;
    bench.attempt(&other, 7, End::Death(Reason::Exhausted)).await;
    assert_eq!(all(&bench).await.len(), 2);
}

pub(crate) async fn what_somebody_discards_is_no_alert_and_an_overflow_is_one(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let id = bench.publish(ORDER).await.deliveries[0];
    bench.discard(id).await.unwrap();
    assert_eq!(all(&bench).await, []);
    bench.reopen_with_waiting_limit(1).await;
    bench.publish_many(ORDER, 3).await;
    let alerts = all(&bench).await;
    assert_eq!(alerts.len(), 1);
    assert_eq!((alerts[0].count, alerts[0].subject.clone()), (2, endpoint.endpoint_id.to_string()));
    assert_eq!(alerts[0].detail["Reason"], "Overflow");
}

pub(crate) async fn a_death_long_after_the_last_one_is_news_again(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 3).await;
    bench.attempt(&endpoint, ORDER, End::Death(Reason::Exhausted)).await;
    bench.pass(DYING_LASTS - MINUTE);
    bench.attempt(&endpoint, ORDER, End::Death(Reason::Exhausted)).await;
    assert_eq!(all(&bench).await.len(), 1, "within the hour");
    bench.pass(DYING_LASTS + MINUTE);
    bench.attempt(&endpoint, ORDER, End::Death(Reason::Exhausted)).await;
    let alerts = all(&bench).await;
    let ended = |alert: &AlertRecord| alert.ended;
    assert_eq!(alerts.iter().map(ended).collect::<Vec<_>>(), [None, Some(alerts[1].last)]);
    bench.pass(DYING_LASTS + MINUTE);
    bench.sweep(DAY, DAY).await;
    assert!(all(&bench).await[0].ended.is_some(), "over by time alone");
}

pub(crate) async fn an_alert_lasts_until_it_is_ended_and_is_raised_once_meanwhile(mut bench: Bench) {
    bench.store().raise(disk(&bench)).await.unwrap();
    bench.pass(MINUTE);
    bench.reopen().await;
    bench.store().raise(disk(&bench)).await.unwrap();
    let alerts = all(&bench).await;
    assert_eq!((alerts.len(), alerts[0].count), (1, 2));
    bench.store().end_alert(AlertKind::DiskEnding, "disk", bench.now()).await.unwrap();
    bench.store().end_alert(AlertKind::DiskEnding, "disk", bench.now()).await.unwrap();
    assert_eq!(all(&bench).await[0].ended, Some(bench.now()));
    bench.store().raise(disk(&bench)).await.unwrap();
    assert_eq!(all(&bench).await.len(), 2);
    let moment = NewAlert { kind: AlertKind::EndpointReopened, subject: "e".to_owned(), ..disk(&bench) };
    for _ in 0..2 {
        bench.store().raise(moment.clone()).await.unwrap();
    }
    let reopened = AlertFilter { kind: Some("EndpointReopened".to_owned()), ..AlertFilter::default() };
    let reopened = list(&bench, reopened).await;
    assert_eq!(reopened.len(), 2, "each is its own");
    assert!(reopened.iter().all(|alert| alert.ended == Some(bench.now())));
    let lasting = list(&bench, AlertFilter { lasting: true, ..AlertFilter::default() }).await;
    assert_eq!(lasting.iter().map(|alert| alert.kind.as_str()).collect::<Vec<_>>(), ["DiskEnding"]);
    let endpoint = bench.endpoint().await;
    let company_id = Some(endpoint.company_id);
    assert_eq!(list(&bench, AlertFilter { company_id, ..AlertFilter::default() }).await, []);
}

pub(crate) async fn an_alert_is_to_be_told_until_somebody_knows_or_it_is_given_up(mut bench: Bench) {
    for name in ["a", "b", "c"] {
        bench.store().raise(NewAlert { subject: name.to_owned(), ..disk(&bench) }).await.unwrap();
    }
    let numbers = untold(&bench).await;
    let [first, second, third] = numbers.as_slice() else { panic!("{numbers:?}") };
    bench.store().told(*first, Telling::Told(bench.now())).await.unwrap();
    let due = bench.now().plus(Duration::from_secs(8));
    bench.store().told(*second, Telling::Again(due)).await.unwrap();
    bench.store().told(*third, Telling::GivenUp).await.unwrap();
    bench.crash().await;
    let store = bench.store();
    let early = store.untold_alerts(bench.now(), 1).await.unwrap();
    assert_eq!((early.due, early.next), (Vec::new(), Some(due)), "not yet");
    let again = store.untold_alerts(due, 1).await.unwrap();
    assert_eq!((again.due[0].no, again.due[0].due, again.due[0].attempts), (*second, due, 1));
    assert_eq!(again.next, None);
    // A clock that was set back does not silence it: no wait is that long.
    let set_back = due.minus(LONGEST_WAIT + Duration::from_secs(1));
    assert_eq!(store.untold_alerts(set_back, 1).await.unwrap(), again);
    bench.store().told(*second, Telling::Told(bench.now())).await.unwrap();
    assert_eq!(untold(&bench).await, Vec::<u64>::new());
    assert_eq!(all(&bench).await[1].attempts, 2);
}

pub(crate) async fn alerts_that_are_over_go_with_the_log_and_those_that_last_stay(mut bench: Bench) {
    for name in ["lasts", "over"] {
        bench.store().raise(NewAlert { subject: name.to_owned(), ..disk(&bench) }).await.unwrap();
    }
    bench.store().end_alert(AlertKind::DiskEnding, "over", bench.now()).await.unwrap();
    bench.pass(DAY);
    bench.sweep(DAY, DAY).await;
    assert_eq!(all(&bench).await.len(), 2);
    bench.pass(MINUTE);
    bench.sweep(DAY, DAY).await;
    assert_eq!(all(&bench).await.iter().map(|alert| alert.subject.as_str()).collect::<Vec<_>>(), ["lasts"]);
}

pub(crate) async fn an_endpoint_that_goes_down_and_comes_back_is_one_alert_each(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    bench.publish_many(ORDER, 2).await;
    for _ in 0..12 {
        bench.attempt(&endpoint, ORDER, End::Failure(DAY)).await;
    }
    assert!(bench.health(&endpoint).down.is_some());
    bench.crash().await;
    let kinds = |alerts: &[AlertRecord]| {
        alerts.iter().map(|alert| (alert.kind.clone(), alert.ended.is_some())).collect::<Vec<_>>()
    };
    let pair = |kind: &str, is_over| (kind.to_owned(), is_over);
    assert_eq!(kinds(&all(&bench).await), [pair("EndpointDown", false)]);
    assert_eq!(all(&bench).await[0].subject, endpoint.endpoint_id.to_string());
    bench.attempt(&endpoint, ORDER, End::Success).await;
    bench.crash().await;
    assert_eq!(kinds(&all(&bench).await), [pair("EndpointReopened", true), pair("EndpointDown", true)]);
    bench.update(&endpoint, EndpointChange::Adjusted, |it| it.settings.on_410 = On410::Pause).await;
    bench.attempt(&endpoint, ORDER, End::Failed(410, Failure::Gone, MINUTE)).await;
    // A failure right after a reopening closes it, too.
    let both = [pair("EndpointDown", false), pair("EndpointPaused", false)];
    assert_eq!(kinds(&all(&bench).await)[..2], both);
    bench.update(&endpoint, EndpointChange::Resumed, |it| it.paused = None).await;
    let both = [pair("EndpointDown", true), pair("EndpointPaused", true)];
    assert_eq!(kinds(&all(&bench).await)[..2], both);
}
