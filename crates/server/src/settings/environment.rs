//! Settings in environment variables: `WORKBELL_` + section + `__` + key, all in capitals.

use super::entry::Entry;
use super::error::{Fault, Place};
use super::nearest::nearest;
use super::sections::KEYS;
use super::value::Raw;

const PREFIX: &str = "WORKBELL_";

/// Variables with our prefix that are no settings: the command line and the recipes read them.
const OTHERS: [&str; 6] = [
    "WORKBELL_CERTIFICATES",
    "WORKBELL_CLIENT_SECRET",
    "WORKBELL_CONFIG",
    "WORKBELL_ENDPOINT",
    "WORKBELL_SECRET",
    "WORKBELL_SERVER",
];

/// The variable for a key: `WORKBELL_DELIVERY__TIMEOUT` for `delivery.timeout`.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_ascii_uppercase())
}

/// Takes what starts with our prefix, in alphabetical order.
pub(super) fn read(
    environment: impl IntoIterator<Item = (String, String)>,
    entries: &mut Vec<Entry>,
    faults: &mut Vec<Fault>,
) {
    let mut ours: Vec<_> = environment
        .into_iter()
        .filter(|(name, _)| name.starts_with(PREFIX) && !OTHERS.contains(&name.as_str()))
        .collect();
    ours.sort();
    for (name, value) in ours {
        match KEYS.iter().find(|key| variable(key.path) == name) {
            Some(key) => entries.push(Entry {
                key: key.path.to_owned(),
                raw: Raw::Words(value),
                place: Place::Variable(name),
            }),
            None => faults.push(unknown(name)),
        }
    }
}

fn unknown(name: String) -> Fault {
    let key = name[PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
    let advice = match nearest(&key) {
        Some(known) => format!("did you mean {}?", variable(known.path)),
        None => {
            format!("variables are {PREFIX} + section + __ + key, such as {}", variable("delivery.timeout"))
        }
    };
    Fault { place: Place::Variable(name), problem: format!("unknown variable; {advice}") }
}
