//! What holds for any notification.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};
use workbell_wire::publication::{Publication, split_array};
use workbell_wire::{
    Action, MessageId, Notification, SampleContext, Timestamp, Variant, fault, sample, schema,
};

const ID: &str = "01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47";
const NOW: Timestamp = Timestamp::from_ticks(15_360_559_281_671_613);

fn id() -> MessageId {
    ID.parse().unwrap()
}

/// White space that JSON allows between tokens.
fn space() -> impl Strategy<Value = String> {
    select(vec!["", "", "", " ", "\n", "\t ", "\r\n"]).prop_map(str::to_owned)
}

/// The exact text of any JSON value, white space inside it too.
fn raw() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec!["null", "true", "false", "1.10", "-0", "0.0", "1E+5", "12345678901234567890", "1e-400"])
            .prop_map(str::to_owned),
        select(vec![
            r#""\u0041""#,
            r#""\/\"\\""#,
            "\"é水🔧\"",
            r#""\uD83D\uDD27""#,
            r#""""#,
            "\"\u{7f}\u{2028}\""
        ])
        .prop_map(str::to_owned),
        any::<String>().prop_map(|text| Value::from(text).to_string()),
        any::<f64>()
            .prop_filter("JSON has no such number", |n| n.is_finite())
            .prop_map(|n| json!(n).to_string()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            (space(), vec((inner.clone(), space()), 0..4)).prop_map(|(first, elements)| {
                let elements: Vec<_> = elements.into_iter().map(|(value, after)| value + &after).collect();
                format!("[{first}{}]", elements.join(", "))
            }),
            (space(), vec((inner, space()), 0..4)).prop_map(|(first, members)| {
                let members: Vec<_> = members
                    .into_iter()
                    .enumerate()
                    .map(|(index, (value, after))| format!("\"m{index}\"{after}:{after}{value}"))
                    .collect();
                format!("{{{first}{}}}", members.join(","))
            }),
        ]
    })
}

/// Names that the contract does not know, all different, and their values.
fn unknown_members() -> impl Strategy<Value = Vec<(String, String)>> {
    (vec(any::<String>(), 0..5), vec(raw(), 5)).prop_map(|(names, values)| {
        names.into_iter().enumerate().map(|(index, name)| format!("{name}~{index}")).zip(values).collect()
    })
}

/// Writes an object with white space around its tokens.
fn loose(members: &[(String, String)], spaces: &[String]) -> String {
    let mut spaces = spaces.iter().cycle();
    let mut space = || spaces.next().cloned().unwrap_or_default();
    let members: Vec<_> = members
        .iter()
        .map(|(name, value)| {
            format!("{}{}{}:{}{value}{}", space(), Value::from(name.as_str()), space(), space(), space())
        })
        .collect();
    format!("{{{}{}}}", members.join(","), space())
}

/// Writes an object as it is sent.
fn tight(members: &[(String, String)]) -> String {
    let members: Vec<_> =
        members.iter().map(|(name, value)| format!("{}:{value}", Value::from(name.as_str()))).collect();
    format!("{{{}}}", members.join(","))
}

#[derive(Debug)]
struct Case {
    published: String,
    body: String,
    without_id: String,
}

fn case() -> impl Strategy<Value = Case> {
    let known = [
        ("WorkOrderId", "42"),
        ("BranchId", "492042"),
        ("Sender", "{ \"Name\": \"Jon Snow\",\t\"Type\":\"Cust\\u006fmer\" }"),
        ("Action", "\"DroneLanded\""),
        ("ActionDate", "\"2018-09-04T10:12:08.1671613Z\""),
        ("ApiVersion", "\"1.10\""),
        ("MessageId", "\"01922D6E-7B2A-7C4E-9A53-3F0C8D1E2B47\""),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let optional = subsequence(vec![4, 5, 6], 0..=3);
    let order = Just((0..7).collect::<Vec<usize>>()).prop_shuffle();
    let reserved = subsequence(
        vec![("InitiatedBy", r#"{ "ClientId" : "c" , "More": 1 }"#), ("CompanyId", "\"acme\"")],
        0..=2,
    );
    (
        optional,
        order,
        unknown_members(),
        unknown_members(),
        reserved,
        vec(space(), 7),
        any::<prop::sample::Index>(),
    )
        .prop_map(move |(given, order, in_header, beside, reserved, spaces, place)| {
            let has = |index: &usize| *index < 4 || given.contains(index);
            let member = |index: usize| known[index].clone();
            // Unknown Header members come before the known ones, whose order is any.
            let mut header = in_header.clone();
            header.extend(order.into_iter().filter(has).map(member));
            let mut sent: Vec<_> = (0..7).map(member).collect();
            if !given.contains(&4) {
                sent[4].1 = format!("\"{NOW}\"");
            }
            if !given.contains(&5) {
                sent[5].1 = "\"1.1\"".to_owned();
            }
            sent[6].1 = format!("\"{ID}\"");
            sent.extend(in_header);
            let mut top: Vec<_> =
                reserved.iter().map(|(name, json)| ((*name).to_owned(), (*json).to_owned())).collect();
            top.extend(beside.clone());
            let place = place.index(top.len() + 1);
            top.insert(place, ("Header".to_owned(), loose(&header, &spaces)));
            let published = loose(&top, &spaces);
            header.retain(|(name, _)| name != "MessageId");
            top[place].1 = loose(&header, &spaces);
            let mut body = vec![("Header".to_owned(), tight(&sent))];
            body.extend(beside);
            Case { published, body: tight(&body), without_id: loose(&top, &spaces) }
        })
}

proptest! {
    #[test]
    fn published_members_are_sent_byte_for_byte(case in case()) {
        let publication = Publication::parse(case.published.as_bytes()).unwrap();
        let body = publication.body(id(), NOW);
        prop_assert_eq!(std::str::from_utf8(&body).unwrap(), &case.body);

        // What was sent can be published again and is then sent as it stands.
        let again = Publication::parse(&body).unwrap();
        prop_assert_eq!(again.message_id(), Some(id()));
        prop_assert_eq!(&again.body(MessageId::from_bytes([0; 16]), Timestamp::EPOCH), &body);

        // The typed reader takes it, whatever stands beside.
        let notification = Notification::from_slice(&body).unwrap();
        prop_assert_eq!(notification.header.message_id, id());
    }

    #[test]
    fn the_hash_ignores_the_message_id_and_nothing_else(case in case(), other in case()) {
        let publication = Publication::parse(case.published.as_bytes()).unwrap();
        let without = Publication::parse(case.without_id.as_bytes()).unwrap();
        prop_assert_eq!(publication.content_hash(), without.content_hash());
        if other.body != case.body {
            let other = Publication::parse(other.published.as_bytes()).unwrap();
            prop_assert_ne!(publication.content_hash(), other.content_hash());
        }
    }

    #[test]
    fn an_array_is_cut_into_what_it_was_made_of(items in vec((space(), raw(), space()), 0..6)) {
        let joined: Vec<_> = items.iter().map(|(before, item, after)| format!("{before}{item}{after}")).collect();
        let text = format!("[{}]", joined.join(","));
        let expected: Vec<_> = items.iter().map(|(_, item, _)| item.as_str()).collect();
        prop_assert_eq!(split_array(text.as_bytes()).unwrap(), expected);
    }
}

/// Something else to stand in a place.
fn replacement() -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        Just(None),
        select(vec![
            json!(null),
            json!(true),
            json!(7),
            json!(-1.5),
            json!(u64::MAX),
            json!(""),
            json!("Accepted"),
            json!("Done"),
            json!("2018-09-04T10:12:08.1671613Z"),
            json!("2018-09-04T10:12:08.16716130Z"),
            json!("2018-09-04T10:12:08+00:00"),
            json!("2018-13-04T10:12:08Z"),
            json!(ID),
            json!("not a GUID"),
            json!([]),
            json!([1]),
            json!([null]),
            json!([{}]),
            json!({}),
            json!({ "Name": "a", "Type": "b" }),
        ])
        .prop_map(Some),
        select(vec![36_usize, 37, 100, 101, 128, 129, 3000, 3001])
            .prop_map(|length| Some(Value::from("é".repeat(length)))),
    ]
}

/// All places in a value, as JSON Pointers.
fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = format!("{path}/{name}");
                found.push(path.clone());
                places(value, &path, found);
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                let path = format!("{path}/{index}");
                found.push(path.clone());
                places(value, &path, found);
            }
        }
        _ => {}
    }
}

fn replace(value: &mut Value, pointer: &str, new: Option<Value>) {
    let Some(new) = new else {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        match value.pointer_mut(parent).unwrap() {
            Value::Object(members) => drop(members.remove(name)),
            Value::Array(elements) => drop(elements.remove(name.parse().unwrap())),
            _ => unreachable!("a parent has children"),
        }
        return;
    };
    *value.pointer_mut(pointer).unwrap() = new;
}

fn judge(action: Action, value: &Value, schema: &jsonschema::Validator) -> Result<(), TestCaseError> {
    let text = value.to_string();
    let by_schema = schema.is_valid(value);
    match Publication::parse(text.as_bytes()) {
        Ok(publication) => {
            prop_assert!(by_schema || publication.known() != Some(action), "only the schema refuses {text}");
            // Whatever is accepted can be read by the receiver library.
            let body = publication.body(id(), NOW);
            if let Err(error) = Notification::from_slice(&body) {
                return Err(TestCaseError::fail(format!("{error:?} in {text}")));
            }
        }
        Err(workbell_wire::publication::Error::Schema(faults)) => {
            // The schema does not say that branch 0 needs a company.
            let company =
                |found: &fault::Fault| found.pointer == "/CompanyId" && found.code == fault::MISSING;
            let only_company = faults.iter().all(company);
            prop_assert!(!by_schema || only_company, "only the validator refuses {text}: {faults:?}");
            for found in &faults {
                if found.code != fault::MISSING {
                    prop_assert!(value.pointer(&found.pointer).is_some(), "{} leads nowhere", found.pointer);
                }
            }
        }
        Err(error) => return Err(TestCaseError::fail(error.to_string())),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn validator_and_schema_agree_on_changed_samples(
        changes in vec((any::<prop::sample::Index>(), replacement()), 28 * 3 * 2)
    ) {
        let context = SampleContext::new(42, 492_042, id(), NOW);
        let mut changes = changes.into_iter();
        for action in Action::ALL {
            let schema = jsonschema::draft202012::new(&schema::of(action)).unwrap();
            for variant in Variant::ALL {
                let mut value: Value = serde_json::from_slice(&sample(action, variant, &context)).unwrap();
                for (place, new) in changes.by_ref().take(2) {
                    let mut found = Vec::new();
                    places(&value, "", &mut found);
                    if !found.is_empty() {
                        replace(&mut value, &found[place.index(found.len())], new);
                        judge(action, &value, &schema)?;
                    }
                }
            }
        }
    }
}
