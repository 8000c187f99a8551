//! Check lists and procedures within the details of a work order: `WorkDetails.CheckList`, `WorkDetails.Procedures`.
//!
//! Parts are told apart by their `Id`. What an act names and the order does not have is left out, for there is nothing
//! to be changed.

use serde_json::json;

use crate::work_order::object::Object;

const CHECK_LIST: &str = "CheckList";
const PROCEDURES: &str = "Procedures";

/// Changes `WorkDetails`.
fn edit(details: &mut Object, edit: impl FnOnce(&mut Object)) {
    let mut work = details.object("WorkDetails");
    edit(&mut work);
    details.put("WorkDetails", &work);
}

fn edit_list(work: &mut Object, name: &str, edit: impl FnOnce(&mut Vec<Object>)) {
    let mut list = work.list(name);
    edit(&mut list);
    work.put(name, &list);
}

fn id(object: &Object) -> Option<i64> {
    object.read("Id")
}

/// Lays the members of `given` over the one with the same id.
fn lay_over(list: &mut [Object], given: &Object) {
    if let Some(kept) = list.iter_mut().find(|kept| id(kept) == id(given)) {
        for (name, value) in given.members() {
            kept.set(name, value.to_owned());
        }
    }
}

/// A check out tells the last state of the check list and of the procedures.
pub(super) fn check_out(details: &mut Object, given: &Object) {
    let answers = given.list(CHECK_LIST);
    let procedures = given.list(PROCEDURES);
    if answers.is_empty() && procedures.is_empty() {
        return;
    }
    edit(details, |work| {
        if !answers.is_empty() {
            edit_list(work, CHECK_LIST, |list| answers.iter().for_each(|answer| lay_over(list, answer)));
        }
        for procedure in procedures {
            put(work, procedure);
        }
    });
}

/// The whole list.
pub(super) fn replace_check_list(details: &mut Object, given: &Object) {
    edit(details, |work| work.take_over(CHECK_LIST, given));
}

/// The check list goes, a procedure with its steps comes.
pub(super) fn migrate_check_list(details: &mut Object, given: &Object) {
    edit(details, |work| {
        work.remove(CHECK_LIST);
        let mut procedure = Object::default();
        procedure.put("Id", &given.read::<i64>("ProcedureId"));
        procedure.put("Order", &work.list(PROCEDURES).len());
        procedure.put("Name", &"Check list");
        procedure.put("Status", &"Open");
        procedure.put("AllowMarkNotApplicable", &false);
        procedure.take_over("Steps", given);
        put(work, procedure);
    });
}

/// Puts a procedure into its place, or behind the others.
fn put(work: &mut Object, procedure: Object) {
    edit_list(work, PROCEDURES, |list| match list.iter_mut().find(|kept| id(kept) == id(&procedure)) {
        Some(kept) => *kept = procedure,
        None => list.push(procedure),
    });
}

/// Adds, changes or removes procedures.
pub(super) fn update(details: &mut Object, given: &Object) {
    edit(details, |work| {
        for update in given.list("ProcedureUpdates") {
            let procedure = update.object("Procedure");
            match update.read::<String>("UpdateType").as_deref() {
                Some("Remove") => {
                    edit_list(work, PROCEDURES, |list| list.retain(|kept| id(kept) != id(&procedure)));
                }
                Some(_) | None => put(work, procedure),
            }
        }
    });
}

/// Answers steps, in whatever procedure they stand.
pub(super) fn update_steps(details: &mut Object, given: &Object) {
    let steps = given.list("Steps");
    edit(details, |work| {
        edit_list(work, PROCEDURES, |procedures| {
            for procedure in procedures {
                edit_list(procedure, "Steps", |kept| steps.iter().for_each(|step| lay_over(kept, step)));
            }
        });
    });
}

/// Marks a procedure as not applicable, or no more.
pub(super) fn mark(details: &mut Object, given: &Object) {
    let is_na = given.read("IsMarkedNa").unwrap_or(false);
    let marked =
        json!({ "Id": given.read::<i64>("ProcedureId"), "Status": if is_na { "NA" } else { "Open" } });
    let marked = Object::parse(&marked.to_string()).expect("it was just written");
    edit(details, |work| edit_list(work, PROCEDURES, |list| lay_over(list, &marked)));
}
