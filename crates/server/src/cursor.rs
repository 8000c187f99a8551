//! Lists that stand in memory (the directory's), in pages, newest first.
//!
//! A cursor is the key of the last item, as base64url: opaque to callers, and no list has to be kept for them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use workbell_store::filter::{Page, Paging};
use workbell_wire::Timestamp;

use crate::check::{BAD_CURSOR, Faults};
use crate::problem::Problem;

/// What lists are sorted by, the newest first: time of creation, then the id as text.
pub(crate) type Key = (Timestamp, String);

/// The part of a list that is asked for.
///
/// # Errors
/// The cursor was not made here.
pub(crate) fn page<T>(
    mut items: Vec<T>,
    paging: &Paging,
    key: impl Fn(&T) -> Key,
) -> Result<Page<T>, Problem> {
    if let Some(cursor) = &paging.after {
        let after = read(cursor).ok_or_else(bad_cursor)?;
        items.retain(|item| key(item) < after);
    }
    items.sort_by_key(|item| std::cmp::Reverse(key(item)));
    let more = items.len() > paging.limit;
    items.truncate(paging.limit);
    let next = items.last().filter(|_| more).map(|last| write(&key(last)));
    Ok(Page { items, next })
}

fn write((created, id): &Key) -> String {
    URL_SAFE_NO_PAD.encode(format!("{}/{id}", created.ticks()))
}

fn read(cursor: &str) -> Option<Key> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let (ticks, id) = text.split_once('/')?;
    Some((Timestamp::from_ticks(ticks.parse().ok()?), id.to_owned()))
}

fn bad_cursor() -> Problem {
    let mut faults = Faults::default();
    faults.add("?After", BAD_CURSOR, "is no cursor that this list gave out");
    faults.into_result().expect_err("there is a fault")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(item: &u8) -> Key {
        (Timestamp::from_ticks(i64::from(item / 2)), format!("{item:03}"))
    }

    #[test]
    fn pages_go_through_a_list_once_newest_first() {
        let mut seen = Vec::new();
        let mut after = None;
        loop {
            let part = page((0..7).collect(), &Paging { after, limit: 3 }, key).unwrap();
            seen.extend(part.items);
            match part.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, [6, 5, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn a_cursor_from_elsewhere_is_refused() {
        for cursor in ["x", "Zm9v", "", "!"] {
            let paging = Paging { after: Some(cursor.to_owned()), limit: 3 };
            assert!(page(vec![1_u8], &paging, key).is_err(), "{cursor}");
        }
    }
}
