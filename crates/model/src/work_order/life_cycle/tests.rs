//! The table against a second one, written by state instead of by act.

use proptest::prelude::*;
use workbell_wire::contract::Member;

use super::*;

/// The table of service.md section 5 once more, turned: the acts that change each state, and the state after each.
fn moves(status: Status) -> &'static [(&'static str, &'static str)] {
    match status.name() {
        "New" => {
            &[("Accept", "Accepted"), ("Reject", "Rejected"), ("Recall", "Recalled"), ("PutOnHold", "OnHold")]
        }
        "Accepted" => &[("Recall", "Recalled"), ("PutOnHold", "OnHold"), ("CheckIn", "CheckedIn")],
        "OnHold" => &[("Recall", "Recalled"), ("Reopen", "New")],
        "CheckedIn" => &[("PutOnHold", "OnHold"), ("Pause", "Paused"), ("CheckOut", "?")],
        "Paused" => &[("PutOnHold", "OnHold"), ("CheckIn", "CheckedIn")],
        "NeedsCompletionDetails" => &[("Reopen", "New"), ("WorkDoneDetails", "CheckedOut")],
        "CheckedOut" => &[("Reopen", "New"), ("WorkDoneDetails", "CheckedOut"), ("Verify", "Verified")],
        "Verified" => &[("Reopen", "New"), ("Verify", "Verified")],
        _ => &[],
    }
}

/// Acts that change no state, as the same section names them.
fn records(status: Status, act: &str) -> bool {
    let name = status.name();
    match act {
        "ChangeCompletionInfo" => true,
        "SendMessage" | "AddAttachment" | "RemoveAttachment" | "ChangeInternalNote" => {
            !["Rejected", "Recalled"].contains(&name)
        }
        "ChangeInvoiceStatus" => ["CheckedOut", "Verified"].contains(&name),
        "Accept" | "Reject" | "Recall" | "PutOnHold" | "Reopen" | "CheckIn" | "Pause" | "CheckOut"
        | "WorkDoneDetails" | "Verify" => false,
        _ => ["Accepted", "CheckedIn", "Paused", "OnHold"].contains(&name),
    }
}

fn expected(status: Status, act: Act, completion: Completion) -> Option<Status> {
    let name = format!("{act:?}");
    if let Some((_, next)) = moves(status).iter().find(|(moving, _)| *moving == name) {
        let next = match (*next, completion) {
            ("?", Completion::Full) => "CheckedOut",
            ("?", Completion::Lacking) => "NeedsCompletionDetails",
            (next, _) => next,
        };
        return Some(next.parse().unwrap());
    }
    records(status, &name).then_some(status)
}

#[test]
fn each_act_in_each_state_is_allowed_or_refused_and_leads_where_the_table_says() {
    for status in Status::ALL {
        for act in Act::ALL {
            for completion in [Completion::Full, Completion::Lacking] {
                let got = decide(status, act, completion);
                let what = format!("{act:?} in {status}");
                assert_eq!(got.ok().map(|change| change.status), expected(status, act, completion), "{what}");
                assert_eq!(allowed_acts(status).any(|allowed| allowed == act), got.is_ok(), "{what}");
                if got.is_err() {
                    assert_eq!(got, Err(Refusal { act, status }), "{what}");
                }
            }
        }
    }
}

/// The notification has a `Status` member of the order's own states.
fn tells(action: Action) -> bool {
    let is_status = |member: &Member| member.name == "Status";
    action.members().iter().any(is_status)
        && !matches!(action, Action::InvoiceStatusChanged | Action::IsmStatusChanged)
}

#[test]
fn the_status_that_a_notification_tells_is_the_orders() {
    for status in Status::ALL {
        for act in Act::ALL {
            for completion in [Completion::Full, Completion::Lacking] {
                if let Ok(change) = decide(status, act, completion) {
                    let expected = tells(change.action).then_some(change.status);
                    assert_eq!(change.told, expected, "{act:?} in {status}");
                }
            }
        }
    }
}

#[test]
fn each_action_on_an_order_that_exists_is_caused_by_its_act() {
    for action in Action::ALL {
        let Some(act) = Act::of_action(action) else {
            assert!(
                matches!(action, Action::NewWorkOrder | Action::AdditionalFieldDescriptorUpdated),
                "{action}"
            );
            continue;
        };
        let caused = Status::ALL.into_iter().any(|status| {
            [Completion::Full, Completion::Lacking]
                .into_iter()
                .any(|completion| decide(status, act, completion).is_ok_and(|change| change.action == action))
        });
        assert!(caused, "{action}");
        let starter = if action == Action::NeedsCompletionDetails { Action::CheckedOut } else { action };
        assert_eq!(act.starter(), starter.facts().starter, "{action}");
    }
}

#[test]
fn each_call_of_the_direct_api_does_one_act() {
    let mut calls: Vec<_> = Act::ALL.into_iter().filter_map(Act::direct_call).collect();
    let all = calls.len();
    calls.sort_unstable();
    calls.dedup();
    assert_eq!(calls.len(), all);
    for action in Action::ALL {
        if let Some(call) = action.facts().direct_call {
            assert!(calls.contains(&call), "{call}");
        }
    }
}

proptest! {
    #[test]
    fn no_sequence_of_acts_leaves_the_table_or_a_final_state(
        acts in prop::collection::vec((0..Act::ALL.len(), any::<bool>()), 1..60)
    ) {
        let mut status = Status::New;
        for (act, lacking) in acts {
            let completion = if lacking { Completion::Lacking } else { Completion::Full };
            let act = Act::ALL[act];
            let before = status;
            if let Ok(change) = decide(status, act, completion) {
                status = change.status;
            }
            prop_assert_eq!(status, expected(before, act, completion).unwrap_or(before));
            if matches!(before, Status::Rejected | Status::Recalled) {
                prop_assert_eq!(status, before);
            }
        }
    }
}
