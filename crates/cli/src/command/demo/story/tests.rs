//! The story is whole, and the contract takes every line of it.

use std::collections::HashSet;

use workbell_wire::Publication;

use super::*;
use crate::command::demo::stage::LONGEST_WORDS;

const CLIENT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

fn first() -> Timestamp {
    "2018-09-03T15:30:00Z".parse().unwrap()
}

fn message_id() -> MessageId {
    "0e4bbd8a-9a86-4a5a-a4c9-1a2b3c4d5e6f".parse().unwrap()
}

#[test]
fn every_action_happens_at_least_once_and_is_notified() {
    let told: HashSet<Action> =
        scenes().iter().filter(|scene| scene.turn != Turn::Direct).map(|scene| scene.action).collect();
    let missing: Vec<Action> = Action::ALL.into_iter().filter(|action| !told.contains(action)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_scene_can_be_published_and_says_whose_it_is() {
    for scene in scenes() {
        let text = scene.notification(message_id(), first(), CLIENT);
        let publication = Publication::parse(&text).unwrap_or_else(|error| panic!("{} {error}", scene.words));
        assert_eq!(publication.work_order_id(), scene.order.id(), "{}", scene.words);
        assert_eq!(publication.action().known(), Some(scene.action));
        assert_eq!(publication.action_date(), Some(scene.moment(first())));
        assert_eq!(publication.initiated_by(), (scene.turn == Turn::Direct).then_some(CLIENT));
        assert_eq!(publication.company_id(), (scene.order == Order::Company).then_some(COMPANY));
    }
}

#[test]
fn a_life_begins_with_the_order_and_has_one_direct_act_and_one_hiccup() {
    let scenes = scenes();
    for order in Order::ALL.into_iter().filter(|order| *order != Order::Company) {
        let first = scenes.iter().find(|scene| scene.order == order).unwrap();
        assert_eq!(first.action, Action::NewWorkOrder, "{order:?}");
    }
    let count = |turn| scenes.iter().filter(|scene| scene.turn == turn).count();
    assert_eq!((count(Turn::Direct), count(Turn::Hiccup)), (1, 1));
}

#[test]
fn while_the_receiver_hiccups_others_are_told_and_the_same_order_waits() {
    let scenes = scenes();
    let place = scenes.iter().position(|scene| scene.turn == Turn::Hiccup).unwrap();
    let next = &scenes[place + 1..place + 5];
    assert!(next.iter().any(|scene| scene.order == scenes[place].order));
    assert!(next.iter().any(|scene| scene.order != scenes[place].order));
}

#[test]
fn no_line_is_too_long_for_its_column() {
    for scene in scenes() {
        assert!(crate::screen::columns(scene.words) <= LONGEST_WORDS, "{}", scene.words);
    }
}

#[test]
fn laying_over_keeps_what_is_not_named_and_takes_away_what_is_null() {
    let mut under = json!({ "a": { "b": 1, "c": 2 }, "d": [1, 2], "e": 5 });
    lay_over(&mut under, &json!({ "a": { "b": 9 }, "d": [3], "e": null, "f": { "g": null, "h": 1 } }));
    assert_eq!(under, json!({ "a": { "b": 9, "c": 2 }, "d": [3], "f": { "h": 1 } }));
}
