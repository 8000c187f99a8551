//! Finds names that stand more than once in an object.

use crate::document::{Kind, Value};
use crate::fault::{self, Faults, Path};

/// Up to this many members each is compared with all before it, which needs no memory; more are sorted.
const FEW: usize = 24;

/// Looks at the object itself.
pub(super) fn check(object: Value<'_, '_>, path: &Path<'_>, faults: &mut Faults) {
    let count = object.members().count();
    if count <= FEW {
        for (index, (name, _)) in object.members().enumerate() {
            if object.members().take(index).any(|(earlier, _)| earlier == name) {
                add(&name, path, faults);
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
