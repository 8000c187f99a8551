//! Every sample against validator, schema and typed models.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::contract::{Form, Member};
use crate::publication::Publication;
use crate::{Notification, schema};

const CONTEXT: SampleContext<'static> = SampleContext::new(
    42,
    492_042,
    MessageId::from_bytes(*b"\x01\x92\x2d\x6e\x7b\x2a\x7c\x4e\x9a\x53\x3f\x0c\x8d\x1e\x2b\x47"),
    Timestamp::from_ticks(15_360_559_281_671_613),
);

fn all() -> impl Iterator<Item = (Action, Variant, Vec<u8>)> {
    Action::ALL.into_iter().flat_map(|action| {
        Variant::ALL.into_iter().map(move |variant| (action, variant, sample(action, variant, &CONTEXT)))
    })
}

#[test]
fn every_sample_can_be_published_and_is_sent_as_it_stands() {
    for (action, variant, text) in all() {
        let publication =
            Publication::parse(&text).unwrap_or_else(|error| panic!("{action} {variant:?}: {error}"));
        assert_eq!(publication.known(), Some(action));
        assert_eq!(publication.message_id(), Some(CONTEXT.message_id));
        assert_eq!(publication.action_date(), Some(CONTEXT.now));
        let sent = publication.body(MessageId::from_bytes([0; 16]), Timestamp::EPOCH);
        assert_eq!(String::from_utf8(sent).unwrap(), String::from_utf8(text.clone()).unwrap());
    }
}

#[test]
fn every_sample_fits_its_schema() {
    for action in Action::ALL {
        let validator = jsonschema::draft202012::new(&schema::of(action)).unwrap();
        for variant in Variant::ALL {
            let text = sample(action, variant, &CONTEXT);
            let value: Value = serde_json::from_slice(&text).unwrap();
            if let Err(error) = validator.validate(&value) {
                panic!("{action} {variant:?}: {error} at {}", error.instance_path());
            }
        }
    }
}

#[test]
fn every_sample_reads_as_a_typed_notification_that_loses_nothing() {
    for (action, variant, text) in all() {
        let notification =
            Notification::from_slice(&text).unwrap_or_else(|error| panic!("{action}: {error:?}"));
        let written: Value = serde_json::from_str(&serde_json::to_string(&notification).unwrap()).unwrap();
        let published: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(written, published, "{action} {variant:?}");
    }
}

#[test]
fn a_minimal_sample_has_no_member_that_may_be_missing() {
    for action in Action::ALL {
        let text = sample(action, Variant::Minimal, &CONTEXT);
        let Value::Object(members) = serde_json::from_slice(&text).unwrap() else { panic!("no object") };
        let demanded = action.members().iter().filter(|member| member.demanded);
        let mut expected: Vec<_> = demanded.map(|member| member.name).chain(["Header"]).collect();
        expected.sort_unstable();
        assert_eq!(members.keys().collect::<Vec<_>>(), expected, "{action}");
    }
}

/// Longest text seen at each member, by path; elements of arrays share one path.
fn longest(value: &Value, members: &[Member], path: &str, seen: &mut BTreeMap<String, usize>) {
    for member in members {
        let path = format!("{path}/{}", member.name);
        seen.entry(path.clone()).or_default();
        if let Some(value) = value.get(member.name) {
            longest_of(value, &member.form, &path, seen);
        } else {
            // Known to be missing unless another element has it.
            continue;
        }
    }
}

fn longest_of(value: &Value, form: &Form, path: &str, seen: &mut BTreeMap<String, usize>) {
    match form {
        Form::Model(model) => {
            *seen.entry(path.to_owned()).or_default() = 1;
            longest(value, model.members, path, seen);
        }
        Form::List(element) => {
            for value in value.as_array().unwrap() {
                longest_of(value, element, path, seen);
            }
        }
        _ => {
            let length = value.as_str().map_or(1, |text| text.chars().count());
            let most = seen.entry(path.to_owned()).or_default();
            *most = length.max(*most);
        }
    }
}

#[test]
fn a_maximal_sample_has_every_documented_member_at_its_full_length() {
    fn limits(members: &'static [Member], path: &str, found: &mut BTreeMap<String, usize>) {
        for member in members {
            let path = format!("{path}/{}", member.name);
            let mut form = &member.form;
            while let Form::List(element) = form {
                form = element;
            }
            match form {
                Form::Model(model) => limits(model.members, &path, found),
                Form::LimitedText(most) => drop(found.insert(path, *most)),
                _ => {}
            }
        }
    }
    for action in Action::ALL {
        let value: Value = serde_json::from_slice(&sample(action, Variant::Maximal, &CONTEXT)).unwrap();
        let mut seen = BTreeMap::new();
        longest(&value, action.members(), "", &mut seen);
        let mut full = BTreeMap::new();
        limits(action.members(), "", &mut full);
        for (path, length) in &seen {
            assert!(*length > 0, "{action} lacks {path}");
        }
        for (path, most) in full {
            assert_eq!(seen.get(&path), Some(&most), "{action}{path}");
        }
    }
}

#[test]
fn the_company_is_written_where_there_is_one() {
    let context = SampleContext { company_id: Some("acme"), branch_id: 0, ..CONTEXT };
    let text = sample(Action::AdditionalFieldDescriptorUpdated, Variant::Typical, &context);
    let publication = Publication::parse(&text).unwrap();
    assert_eq!((publication.company_id(), publication.work_order_id()), (Some("acme"), 0));
}

#[test]
fn a_variant_is_found_by_its_name() {
    for variant in Variant::ALL {
        assert_eq!(Variant::from_name(&variant.name().to_uppercase()), Some(variant));
    }
    assert_eq!(Variant::from_name("huge"), None);
}

#[test]
fn an_own_action_carries_the_members_of_its_sample_byte_for_byte() {
    let action: ActionName = "InventoryLow".parse().unwrap();
    let id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
    let context = SampleContext::new(7, 492_042, id, "2026-03-02T10:12:08Z".parse().unwrap());
    for (sample, members) in
        [(" { \"Part\" : \"T-4\", \"Left\": 1.50 }\n", ",\"Part\":\"T-4\",\"Left\":1.50}"), ("{ }", "}")]
    {
        let text = own_sample(&action, sample, &context);
        let publication = Publication::parse(&text).unwrap();
        assert_eq!((publication.action(), publication.message_id()), (&action, Some(id)));
        let body = String::from_utf8(publication.body(id, context.now)).unwrap();
        let header = "{\"Header\":{\"WorkOrderId\":7,\"BranchId\":492042,";
        assert!(
            body.starts_with(header) && body.ends_with(&format!("\"MessageId\":\"{id}\"}}{members}")),
            "{body}"
        );
    }
}
