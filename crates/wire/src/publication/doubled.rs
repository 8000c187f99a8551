//! Finds names that stand more than once in an object.

use std::borrow::Cow;

use crate::document::{Kind, Value};
use crate::fault::{self, Faults, Path};

/// Up to this many members each is compared with all before it, on the stack; more are sorted.
const FEW: usize = 16;

/// Looks at the object itself.
pub(super) fn check(object: Value<'_, '_>, path: &Path<'_>, faults: &mut Faults) {
    let mut few = [const { Cow::Borrowed("") }; FEW];
    let mut count = 0;
    for (name, _) in object.members() {
        if let Some(place) = few.get_mut(count) {
            *place = name;
        }
        count += 1;
    }
    if count <= FEW {
        for index in 1..count {
            if few[..index].contains(&few[index]) {
                add(&few[index], path, faults);
            }
        }
    } else {
        let mut names: Vec<_> = object.members().map(|(name, _)| name).collect();
        names.sort_unstable();
        for pair in names.windows(2) {
            if pair[0] == pair[1] {
                add(&pair[1], path, faults);
            }
        }
    }
}

/// Looks at the value and at all that is inside it.
pub(super) fn check_deep(value: Value<'_, '_>, path: &Path<'_>, faults: &mut Faults) {
    match value.kind() {
        Kind::Object => {
            check(value, path, faults);
            for (name, inner) in value.members() {
                check_deep(inner, &path.member(&name), faults);
            }
        }
        Kind::List => {
            for (index, inner) in value.elements().enumerate() {
                check_deep(inner, &path.element(index), faults);
            }
        }
        _ => {}
    }
}

fn add(name: &str, path: &Path<'_>, faults: &mut Faults) {
    faults.add(&path.member(name), fault::DOUBLED, "stands more than once");
}
