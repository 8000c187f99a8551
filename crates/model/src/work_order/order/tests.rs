//! What acts change, and who may not do them.

use std::time::Duration;

use workbell_wire::{Action, MessageId, Publication, SampleContext, Variant, sample};

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// The members of a sample, without Header.
fn members(action: Action, variant: Variant) -> Object {
    let context = SampleContext::new(42, 492_042, MessageId::from_bytes([7; 16]), NOW);
    let text = sample(action, variant, &context);
    let publication = Publication::parse(&text).unwrap();
    let members: Vec<_> = publication.members().map(|(name, raw)| (name.into_owned(), raw)).collect();
    Object::of(members.iter().map(|(name, raw)| (name.as_str(), *raw))).unwrap()
}

fn order(status: Status) -> WorkOrder {
    let given = members(Action::NewWorkOrder, Variant::Maximal);
    let mut kept = Object::default();
    kept.take_over("Attachments", &given);
    let order = WorkOrder::new("acme".parse().unwrap(), given.object("Details"), kept, NOW).unwrap();
    WorkOrder { status, ..order }
}

fn doing(act: Act, members: Object) -> Doing {
    Doing { act, interface: Interface::Platform, ivr: false, members, performed: NOW }
}

fn done(order: &WorkOrder, act: Act, text: &str) -> WorkOrder {
    order.act(&doing(act, Object::parse(text).unwrap()), None, NOW.plus(Duration::from_secs(9))).unwrap().0
}

#[test]
fn every_act_agrees_with_the_table_and_its_sample_can_be_applied() {
    for action in Action::ALL {
        let Some(act) = Act::of_action(action) else { continue };
        for status in Status::ALL {
            for variant in Variant::ALL {
                let before = order(status);
                let doing = doing(act, members(action, variant));
                match (before.act(&doing, None, NOW), decide(status, act, Completion::Full)) {
                    (Ok((after, change)), Ok(expected)) => {
                        assert_eq!(change, expected, "{act:?} in {status}");
                        assert_eq!(after.status, expected.status);
                        assert_eq!(after.details.read::<String>("Status").unwrap(), expected.status.name());
                    }
                    (Err(Forbidden::State(refusal)), Err(expected)) => assert_eq!(refusal, expected),
                    (got, expected) => panic!("{act:?} in {status}: {got:?}, {expected:?}"),
                }
            }
        }
    }
}

#[test]
fn each_part_of_the_order_is_changed_by_its_act() {
    let accepted = order(Status::Accepted);
    let after = done(&accepted, Act::ChangeNte, r#"{"Amount": 120.50}"#);
    assert_eq!(after.details.object("Nte").get("Amount").unwrap().get(), "120.50");
    assert_eq!(after.last_update, NOW.plus(Duration::from_secs(9)));
    let after =
        done(&after, Act::ChangeQuote, r#"{"Quote": {"Amount": 200.00, "QuoteStatus": "Submitted"}}"#);
    assert_eq!(after.details.object("Nte").get("Amount").unwrap().get(), "120.50", "it is only submitted");
    let after = done(&after, Act::ChangeQuote, r#"{"Quote": {"Amount": 200.00, "QuoteStatus": "Approved"}}"#);
    assert_eq!(after.details.object("Nte").get("Amount").unwrap().get(), "200.00");
    let after = done(&after, Act::ChangeInternalNote, r#"{"InternalNote": "bring a ladder"}"#);
    assert_eq!(after.details.read::<String>("InternalNote").unwrap(), "bring a ladder");
    let text = r#"{"Appointment": {"ScheduledStart": "2027-01-16T08:00:00Z", "Pte": "CallFirst"}}"#;
    let after = done(&after, Act::ChangeAppointment, text);
    assert_eq!(after.details.object("Schedule").read::<String>("Pte").unwrap(), "CallFirst");
    let text = r#"{"Sla": {"PriorityName": "High", "IsEmergency": true, "DueDate": "2027-01-17T08:00:00Z"}}"#;
    let after = done(&after, Act::ChangeSla, text);
    assert_eq!(after.agreed("DueDate").unwrap().to_string(), "2027-01-17T08:00:00Z");
    let after = done(&after, Act::ChangeIsmStatus, r#"{"Status": "Passed"}"#);
    assert_eq!(after.kept.read::<String>("IsmStatus").unwrap(), "Passed");
    let attachment = r#"{"AttachmentId": "a-1", "Name": "n", "MimeType": "text/plain", "Size": 3}"#;
    let with = done(&after, Act::AddAttachment, attachment);
    let again = done(&with, Act::AddAttachment, attachment);
    assert_eq!(again.kept.list("Attachments").len(), with.kept.list("Attachments").len());
    let without = done(&again, Act::RemoveAttachment, r#"{"AttachmentId": "a-1"}"#);
    assert_eq!(without.kept.list("Attachments").len(), after.kept.list("Attachments").len());
}

#[test]
fn check_list_and_procedures_are_changed_by_their_ids() {
    let list = r#"{"CheckList": [{"Id": 1, "SortingIndex": 0, "Description": "d", "IsDone": false}]}"#;
    let after = done(&order(Status::Accepted), Act::UpdateCheckList, list);
    let work = |order: &WorkOrder| order.details.object("WorkDetails");
    assert_eq!(work(&after).list("CheckList").len(), 1);
    let migrated =
        r#"{"ProcedureId": 77, "Steps": [{"Id": 5, "Status": "Open"}, {"Id": 6, "Status": "Open"}]}"#;
    let after = done(&after, Act::MigrateCheckList, migrated);
    assert!(work(&after).get("CheckList").is_none());
    let after = done(&after, Act::UpdateSteps, r#"{"Steps": [{"Id": 6, "Status": "Done", "Value": "4"}]}"#);
    let find = |order: &WorkOrder| {
        let all = work(order).list("Procedures");
        all.into_iter().find(|procedure| procedure.read::<i64>("Id") == Some(77))
    };
    let steps = find(&after).unwrap().list("Steps");
    assert_eq!(steps[0].read::<String>("Status").unwrap(), "Open");
    assert_eq!(steps[1].to_string(), r#"{"Id":6,"Status":"Done","Value":"4"}"#);
    let marked = done(&after, Act::MarkProcedure, r#"{"ProcedureId": 77, "IsMarkedNa": true}"#);
    assert_eq!(find(&marked).unwrap().read::<String>("Status").unwrap(), "NA");
    let removed = r#"{"ProcedureUpdates": [{"Procedure": {"Id": 77}, "UpdateType": "Remove"}]}"#;
    assert!(find(&done(&marked, Act::UpdateProcedures, removed)).is_none());
    let checked_in = WorkOrder { status: Status::CheckedIn, ..after };
    let text = r#"{"Procedures": [{"Id": 77, "Name": "x", "Steps": []}]}"#;
    assert_eq!(find(&done(&checked_in, Act::CheckOut, text)).unwrap().list("Steps").len(), 0);
}

#[test]
fn a_check_out_that_lacks_what_the_customer_demands_says_so() {
    let demands = Demands { repair_info: true, custom_fields: vec![3] };
    let customer = Customer { demands, ..Customer::default() };
    let mut order = order(Status::CheckedIn);
    let status = |order: &WorkOrder, text: &str, ivr: bool| {
        let doing = Doing { ivr, ..doing(Act::CheckOut, Object::parse(text).unwrap()) };
        order.act(&doing, Some(&customer), NOW).unwrap().0.status
    };
    let full = r#"{"RepairInfo": {"CodeId": 1}, "CustomFields": [{"Id": 3, "Value": "x"}]}"#;
    order.details.put("Type", &"PMRM");
    assert_eq!(status(&order, "{}", false), Status::NeedsCompletionDetails);
    assert_eq!(status(&order, full, false), Status::CheckedOut);
    assert_eq!(status(&order, full, true), Status::NeedsCompletionDetails);
    order.details.put("Type", &"Request");
    assert_eq!(status(&order, "{}", false), Status::CheckedOut);
}

#[test]
fn what_the_customer_does_not_allow_is_refused() {
    let strict = Customer { allows_quotes: false, allows_back_dating: false, ..Customer::default() };
    let try_at = |order: &WorkOrder, act, interface, text: &str, performed| {
        let members = Object::parse(text).unwrap();
        let doing = Doing { act, interface, ivr: false, members, performed };
        order.act(&doing, Some(&strict), NOW).map(|(after, _)| after.status)
    };
    let submitted = r#"{"Quote": {"Amount": 1, "QuoteStatus": "Submitted"}}"#;
    let requested = r#"{"Quote": {"Amount": 1, "QuoteStatus": "Requested"}}"#;
    let accepted = order(Status::Accepted);
    for interface in [Interface::Platform, Interface::Direct] {
        assert_eq!(try_at(&accepted, Act::ChangeQuote, interface, submitted, NOW), Err(Forbidden::Quotes));
    }
    assert!(try_at(&accepted, Act::ChangeQuote, Interface::Platform, requested, NOW).is_ok());
    let (earlier, later) = (NOW.minus(SKEW * 2), NOW.plus(SKEW * 2));
    let mut new = order(Status::New);
    new.details.put("IsPreBilled", &false);
    assert_eq!(try_at(&new, Act::Accept, Interface::Direct, "{}", earlier), Err(Forbidden::BackDating));
    assert_eq!(try_at(&new, Act::Accept, Interface::Direct, "{}", later), Err(Forbidden::Future));
    assert_eq!(try_at(&new, Act::Accept, Interface::Platform, "{}", earlier), Ok(Status::Accepted));
    assert_eq!(try_at(&new, Act::Accept, Interface::Direct, "{}", NOW), Ok(Status::Accepted));
    new.details.put("IsPreBilled", &true);
    assert_eq!(try_at(&new, Act::Accept, Interface::Direct, "{}", NOW), Err(Forbidden::PreBilled));
    assert_eq!(try_at(&new, Act::Accept, Interface::Platform, "{}", NOW), Ok(Status::Accepted));
}
