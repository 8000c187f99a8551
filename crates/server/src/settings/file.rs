//! Settings in a TOML file, with the line of each key.

use std::ops::Range;
use std::path::Path;

use toml_edit::{Document, Item, TableLike, Value};

use super::entry::Entry;
use super::error::{Error, Fault, Place};
use super::sections::{KEYS, SECTIONS};
use super::value::Raw;

/// Takes all keys of the file, known or not; unknown sections are faults.
///
/// # Errors
/// When the text is no TOML.
pub(super) fn read(
    text: &str,
    file: &Path,
    entries: &mut Vec<Entry>,
    faults: &mut Vec<Fault>,
) -> Result<(), Error> {
    let place = |span: Option<Range<usize>>| Place::File(file.to_owned(), line(text, span));
    let document = Document::parse(text).map_err(|error| Error::Syntax {
        place: place(error.span()),
        message: error.message().trim().replace('\n', ", "),
    })?;
    let root = document.as_table();
    for (name, item) in root.iter() {
        let here = place(span(root, name, item));
        let is_section = !name.is_empty() && SECTIONS.contains(&name);
        match item.as_table_like() {
            Some(section) if is_section => {
                for (key, item) in section.iter() {
                    let place = place(span(section, key, item));
                    entries.push(Entry { key: format!("{name}.{key}"), raw: raw(item), place });
                }
            }
            None if is_section => faults.push(Fault {
                place: here,
                problem: format!("{name} is a section; write [{name}] and the keys below it"),
            }),
            Some(_) if KEYS.iter().all(|key| key.path != name) => faults.push(Fault {
                place: here,
                problem: format!("[{name}]: unknown section; allowed are {}", SECTIONS[1..].join(", ")),
            }),
            Some(_) | None => entries.push(Entry { key: name.to_owned(), raw: raw(item), place: here }),
        }
    }
    Ok(())
}

fn span(table: &dyn TableLike, key: &str, item: &Item) -> Option<Range<usize>> {
    table.get_key_value(key).and_then(|(key, _)| key.span()).or_else(|| item.span())
}

fn line(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |span| span.start).min(text.len());
    text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn raw(item: &Item) -> Raw {
    match item {
        Item::Value(value) => from_value(value),
        Item::None | Item::Table(_) | Item::ArrayOfTables(_) => Raw::Other("a table"),
    }
}

fn from_value(value: &Value) -> Raw {
    match value {
        Value::String(text) => Raw::Text(text.value().clone()),
        Value::Integer(number) => Raw::Integer(*number.value()),
        Value::Float(number) => Raw::Float(*number.value()),
        Value::Boolean(flag) => Raw::Flag(*flag.value()),
        Value::Array(items) => Raw::List(items.iter().map(from_value).collect()),
        Value::Datetime(_) => Raw::Other("a date"),
        Value::InlineTable(_) => Raw::Other("a table"),
    }
}
