//! The scanner against `serde_json`, an independent reader of the same grammar.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::scanner::{MAX_DEPTH, plain_until};
use super::*;

/// Builds from the nodes what `serde_json` builds from the text.
fn build(value: Value<'_, '_>) -> serde_json::Value {
    match value.kind() {
        Kind::Object => value.members().map(|(name, value)| (name.into_owned(), build(value))).collect(),
        Kind::List => value.elements().map(build).collect(),
        Kind::Text | Kind::EscapedText => value.text().unwrap().into(),
        _ => serde_json::from_str(value.raw()).unwrap(),
    }
}

fn agrees(text: &str) -> Result<(), TestCaseError> {
    let ours = Document::scan(text);
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(theirs) => {
            let document = ours.map_err(|error| TestCaseError::fail(format!("{error:?}: {text}")))?;
            prop_assert_eq!(build(document.root()), theirs);
            prop_assert_eq!(document.root().raw(), text.trim_matches([' ', '\n', '\r', '\t']));
        }
        // The one thing that is grammar and still no value for it.
        Err(error) if error.to_string().starts_with("number out of range") => {}
        Err(error) => prop_assert!(ours.is_err(), "only serde_json refuses {}: {}", text, error),
    }
    prop_assert_eq!(split(text).is_ok(), Document::scan(text).is_ok(), "{}", text);
    Ok(())
}

const SEED: &str = r#"{"a":[1,-0.5e+3,{"b":"\u00e9\uD83D\uDD27\n","":null}],"long text with ü":true , "c":{},"d":[[],false]}"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn the_scanner_takes_what_serde_json_takes(
        edits in proptest::collection::vec(
            (any::<Index>(), select(r#"{}[]",:\/ .-+eEu0123dDtrfn8a"#.chars().chain(['\n', '\u{1}', 'é']).collect::<Vec<_>>()), 0..3_u8),
            0..5,
        ),
    ) {
        let mut text: Vec<char> = SEED.chars().collect();
        for (place, new, how) in edits {
            let place = place.index(text.len());
            match how {
                0 => text[place] = new,
                1 => text.insert(place, new),
                _ => drop(text.remove(place)),
            }
        }
        agrees(&text.into_iter().collect::<String>())?;
    }

    #[test]
    fn any_string_survives(content in any::<String>()) {
        agrees(&serde_json::Value::from(content).to_string())?;
    }

    #[test]
    fn any_text_is_judged_alike(text in r#"[\[\]{}",:0-9eE.+\-tfn \\u]{0,12}"#) {
        agrees(&text)?;
    }
}

#[test]
fn values_nest_as_deep_as_serde_json_reads() {
    for depth in [MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("{}0{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(Document::scan(&text).is_ok(), depth <= MAX_DEPTH);
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), depth <= MAX_DEPTH);
        }
    }
}

#[test]
fn plain_text_ends_where_a_byte_by_byte_search_finds_its_end() {
    let mut bytes = vec![b'x'; 40];
    for special in [b'"', b'\\', 0, 0x1f, 0x20, 0x7f, 0x80, 0xff, b'!', b'#', b'['] {
        for place in 0..bytes.len() {
            for start in 0..bytes.len() {
                bytes[place] = special;
                let naive = (start..bytes.len()).find(|at| matches!(bytes[*at], b'"' | b'\\' | 0..0x20));
                assert_eq!(plain_until(&bytes, start), naive.unwrap_or(bytes.len()));
                bytes[place] = b'x';
            }
        }
    }
}
