//! Work orders: an act, its notification and its deliveries are one commit, or nothing at all.

use bytes::Bytes;
use workbell_model::work_order::{Act, Doing, Forbidden, Interface, Object, Status};
use workbell_model::{ClientId, CompanyId, Customer, Fate, State, WorkOrder, WorkOrderId};
use workbell_wire::Action;

use super::bench::{BRANCH, Bench, DAY, ORDER, company};
use crate::filter::Paging;
use crate::record::{self, Change};
use crate::work_order::{
    ActResult, Acted, Acting, Creation, Entry, HIGHEST_MADE_ID, Notice, Performer, Period, Refused, Told,
    WorkOrderFilter,
};

fn told(bench: &mut Bench) -> Told {
    let message_id = bench.fresh_message_id();
    Told {
        message_id,
        content_hash: [message_id.as_bytes()[15]; 32],
        initiated_by: None,
        performer: Performer { name: "Jon Snow".to_owned(), phone: None, kind: "CorrigoPro".to_owned() },
        now: bench.now(),
    }
}

fn object(text: &str) -> Object {
    Object::parse(text).expect("it is an object")
}

/// An order of [`BRANCH`] for customer 7.
pub(crate) fn creation(bench: &mut Bench, id: WorkOrderId) -> Creation {
    let details = format!(
        r#"{{"WorkOrderId": {id}, "WorkOrderNumber": "N-{id}", "BranchId": {BRANCH}, "Status": "New", "Type": "PMRM",
             "Customer": {{"Id": 7, "Name": "Bakery"}}, "Nte": {{"Amount": 1.10}},
             "Sla": {{"DueDate": "2027-01-16T08:00:00.1234567Z"}}}}"#
    );
    Creation {
        branch_id: BRANCH,
        company_id: None,
        details: object(&details),
        kept: Object::default(),
        performed: bench.now(),
        notice: Notice { body: Bytes::from(details.clone()), members: object(&details) },
        told: told(bench),
    }
}

pub(crate) fn acting(bench: &mut Bench, id: WorkOrderId, act: Act, members: &str) -> Acting {
    let notice =
        |what: &str| Notice { body: Bytes::from(format!("{what} {members}")), members: object(members) };
    let doing = Doing {
        act,
        interface: Interface::Platform,
        ivr: false,
        members: object(members),
        performed: bench.now(),
    };
    Acting {
        work_order_id: id,
        company_id: None,
        doing,
        notice: notice("full"),
        lacking: (act == Act::CheckOut).then(|| notice("lacking")),
        told: told(bench),
    }
}

async fn create(bench: &mut Bench, id: WorkOrderId) -> Acted {
    let creation = creation(bench, id);
    bench.store().create_work_order(creation).await.expect("the store takes writes").expect("it is created")
}

async fn act(bench: &mut Bench, act: Act, members: &str) -> ActResult {
    let acting = acting(bench, ORDER, act, members);
    bench.store().act(acting).await.expect("the store takes writes")
}

async fn order(bench: &Bench) -> WorkOrder {
    bench.store().work_order(ORDER, None).await.unwrap().expect("the order is there")
}

async fn time_line(bench: &Bench) -> Vec<Entry> {
    bench.store().time_line(&company("acme"), ORDER, None).await.unwrap()
}

/// All of an order that could differ.
async fn whole(bench: &Bench) -> String {
    let order = order(bench).await;
    let lines = time_line(bench).await.len();
    let queue =
        bench.store().notifications(crate::filter::NotificationFilter::default(), all()).await.unwrap();
    format!("{} {} {} {lines} {}", order.status, order.details, order.kept, queue.items.len())
}

fn all() -> Paging {
    Paging { after: None, limit: 500 }
}

pub(crate) async fn a_created_order_is_there_with_its_notification_and_survives(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    let acted = create(&mut bench, ORDER).await;
    assert_eq!((acted.work_order_id, acted.status, acted.accepted.fate), (ORDER, Status::New, Fate::Queued));
    bench.crash().await;
    let order = order(&bench).await;
    assert_eq!((order.company_id.as_str(), order.branch_id, order.status), ("acme", BRANCH, Status::New));
    assert_eq!((order.number().as_str(), order.customer_id()), ("N-42", Some(7)));
    assert_eq!(order.details.object("Nte").to_string(), r#"{"Amount":1.10}"#);
    let head = bench.head(&endpoint, ORDER).await;
    assert_eq!((head.action.as_str(), head.sequence), ("NewWorkOrder", 1));
    let lines = time_line(&bench).await;
    assert_eq!((lines.len(), lines[0].place, lines[0].act), (1, 1, None));
    assert_eq!((lines[0].message_id, lines[0].fate), (acted.accepted.message_id, Fate::Queued));
    assert_eq!(lines[0].performer.name, "Jon Snow");
}

pub(crate) async fn an_act_changes_the_order_and_tells_of_it_in_one_commit(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    create(&mut bench, ORDER).await;
    let commits = bench.ear.count();
    let acted = act(&mut bench, Act::Accept, r#"{"Comment": "x"}"#).await.unwrap();
    assert!(bench.ear.count() > commits);
    assert_eq!((acted.status, acted.accepted.fate), (Status::Accepted, Fate::Queued));
    bench.crash().await;
    assert_eq!(order(&bench).await.status, Status::Accepted);
    let lane = bench.lane(&endpoint, ORDER).await;
    assert_eq!(lane.iter().map(|it| it.action.as_str()).collect::<Vec<_>>(), ["NewWorkOrder", "Accepted"]);
    assert_eq!(&lane[1].body[..], br#"full {"Comment": "x"}"#);
    let lines = time_line(&bench).await;
    let line = lines.last().unwrap();
    assert_eq!((line.place, line.act, line.status), (2, Some(Act::Accept), Status::Accepted));
    assert_eq!((line.action.as_str(), line.members.to_string().as_str()), ("Accepted", r#"{"Comment":"x"}"#));
    assert_eq!(line.message_id, acted.accepted.message_id);
}

pub(crate) async fn what_is_not_allowed_changes_nothing(mut bench: Bench) {
    bench.endpoint().await;
    create(&mut bench, ORDER).await;
    act(&mut bench, Act::Reject, r#"{"Comment": "no"}"#).await.unwrap();
    let before = whole(&bench).await;
    for refused in Act::ALL.into_iter().filter(|act| *act != Act::ChangeCompletionInfo) {
        match act(&mut bench, refused, "{}").await {
            Err(Refused::Forbidden { status: Status::Rejected, why: Forbidden::State(why) }) => {
                assert_eq!(why.act, refused);
            }
            other => panic!("{refused:?}: {other:?}"),
        }
    }
    assert_eq!(whole(&bench).await, before);
}

pub(crate) async fn of_two_acts_at_once_one_wins_and_the_other_sees_the_new_state(mut bench: Bench) {
    bench.endpoint().await;
    create(&mut bench, ORDER).await;
    let (accept, reject) =
        (acting(&mut bench, ORDER, Act::Accept, "{}"), acting(&mut bench, ORDER, Act::Reject, "{}"));
    let store = bench.store();
    let (first, second) = tokio::join!(store.act(accept), store.act(reject));
    let (first, second) = (first.unwrap(), second.unwrap());
    let (winner, loser) = if first.is_ok() { (first, second) } else { (second, first) };
    let status = winner.unwrap().status;
    match loser {
        Err(Refused::Forbidden { status: seen, .. }) => assert_eq!(seen, status),
        other => panic!("{other:?}"),
    }
    assert_eq!((order(&bench).await.status, time_line(&bench).await.len()), (status, 2));
}

pub(crate) async fn acts_of_one_batch_see_each_other(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    create(&mut bench, ORDER).await;
    let steps = [Act::Accept, Act::CheckIn, Act::Pause, Act::CheckIn, Act::CheckOut, Act::Verify];
    let acts: Vec<_> = steps.iter().map(|step| acting(&mut bench, ORDER, *step, "{}")).collect();
    let store = bench.store();
    let [a, b, c, d, e, f]: [Acting; 6] = acts.try_into().unwrap();
    let (a, b, c, d, e, f) =
        tokio::join!(store.act(a), store.act(b), store.act(c), store.act(d), store.act(e), store.act(f));
    let statuses: Vec<_> =
        [a, b, c, d, e, f].into_iter().map(|it| it.unwrap().unwrap().status.name()).collect();
    assert_eq!(statuses, ["Accepted", "CheckedIn", "Paused", "CheckedIn", "CheckedOut", "Verified"]);
    let sent: Vec<_> = bench.lane(&endpoint, ORDER).await.iter().map(|it| it.action.to_string()).collect();
    let told: Vec<_> = time_line(&bench).await.iter().map(|it| it.action.to_string()).collect();
    assert_eq!(sent, told, "the time line has the order of the notifications");
}

pub(crate) async fn a_repeat_gets_the_first_answer_whatever_happened_since(mut bench: Bench) {
    bench.endpoint().await;
    let creation = creation(&mut bench, ORDER);
    let created = bench.store().create_work_order(creation.clone()).await.unwrap().unwrap();
    let accept = acting(&mut bench, ORDER, Act::Accept, "{}");
    let accepted = bench.store().act(accept.clone()).await.unwrap().unwrap();
    act(&mut bench, Act::CheckIn, "{}").await.unwrap();
    let before = whole(&bench).await;
    let again = bench.store().act(accept.clone()).await.unwrap().unwrap();
    assert_eq!((again.status, again.work_order_id), (Status::Accepted, ORDER));
    assert_eq!(again.accepted, record::Accepted { repeated: true, ..accepted.accepted });
    let again = bench.store().create_work_order(creation.clone()).await.unwrap().unwrap();
    assert_eq!(again.status, Status::New);
    assert_eq!(again.accepted, record::Accepted { repeated: true, ..created.accepted });
    let mut other = accept;
    other.told.content_hash = [9; 32];
    let id = other.told.message_id;
    let conflict = Refused::Notification(record::Refused::MessageIdConflict(id));
    assert_eq!(bench.store().act(other).await.unwrap(), Err(conflict));
    let mut other = creation;
    other.told.content_hash = [9; 32];
    let conflict = bench.store().create_work_order(other).await.unwrap();
    assert!(matches!(conflict, Err(Refused::Notification(record::Refused::MessageIdConflict(_)))));
    assert_eq!(whole(&bench).await, before);
}

pub(crate) async fn an_id_is_taken_once_over_all_companies_and_made_ones_are_free(mut bench: Bench) {
    bench.endpoint().await;
    let other = bench.company("other").await;
    bench.branch(&other, 7).await;
    create(&mut bench, ORDER).await;
    let mut foreign = creation(&mut bench, ORDER);
    foreign.branch_id = 7;
    assert_eq!(bench.store().create_work_order(foreign).await.unwrap(), Err(Refused::Exists(ORDER)));
    assert_eq!(bench.store().make_work_order_id(), ORDER + 1);
    create(&mut bench, HIGHEST_MADE_ID + 1).await;
    create(&mut bench, 1000).await;
    assert_eq!(bench.store().make_work_order_id(), 1001);
    bench.reopen().await;
    assert_eq!(bench.store().make_work_order_id(), 1001, "the one before was never used");
}

pub(crate) async fn another_companys_order_is_not_there(mut bench: Bench) {
    bench.endpoint().await;
    let other = bench.company("other").await;
    create(&mut bench, ORDER).await;
    let before = whole(&bench).await;
    let mut foreign = acting(&mut bench, ORDER, Act::Accept, "{}");
    foreign.company_id = Some(other.clone());
    assert_eq!(bench.store().act(foreign).await.unwrap(), Err(Refused::NotFound(ORDER)));
    let missing = acting(&mut bench, 5, Act::Accept, "{}");
    assert_eq!(bench.store().act(missing).await.unwrap(), Err(Refused::NotFound(5)));
    assert!(bench.store().work_order(ORDER, Some(&other)).await.unwrap().is_none());
    assert!(bench.store().work_order(ORDER, Some(&company("acme"))).await.unwrap().is_some());
    assert!(bench.store().time_line(&other, ORDER, None).await.unwrap().is_empty());
    let filter = WorkOrderFilter { company_id: Some(other), ..WorkOrderFilter::default() };
    assert!(bench.store().work_orders(filter, all()).await.unwrap().items.is_empty());
    assert_eq!(whole(&bench).await, before);
}

pub(crate) async fn what_a_client_of_the_company_does_is_suppressed_and_stands_in_the_time_line(
    mut bench: Bench,
) {
    let endpoint = bench.endpoint().await;
    let client = bench.client(&endpoint.company_id).await;
    create(&mut bench, ORDER).await;
    let mut direct = acting(&mut bench, ORDER, Act::Accept, "{}");
    direct.doing.interface = Interface::Direct;
    direct.told.initiated_by = Some(client);
    let acted = bench.store().act(direct).await.unwrap().unwrap();
    assert_eq!((acted.accepted.fate, acted.accepted.deliveries.len()), (Fate::Suppressed, 0));
    assert_eq!(bench.lane(&endpoint, ORDER).await.len(), 1, "only the creation goes out");
    let line = time_line(&bench).await.pop().unwrap();
    assert_eq!(
        (line.fate, line.interface, line.client_id),
        (Fate::Suppressed, Interface::Direct, Some(client))
    );
    act(&mut bench, Act::CheckIn, "{}").await.unwrap();
    assert_eq!(bench.sequences(&endpoint, ORDER).await, [1, 2]);
    let unknown = ClientId::from_uuid(bench.fresh_uuid());
    let mut foreign = acting(&mut bench, ORDER, Act::Pause, "{}");
    foreign.told.initiated_by = Some(unknown);
    let before = whole(&bench).await;
    let refused = bench.store().act(foreign).await.unwrap();
    assert_eq!(refused, Err(Refused::Notification(record::Refused::UnknownClient(unknown))));
    assert_eq!(whole(&bench).await, before, "the order stands where it stood");
}

pub(crate) async fn a_check_out_is_judged_by_what_the_customer_demands(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    create(&mut bench, ORDER).await;
    let mut customer = Customer { customer_id: 7, name: "Bakery".to_owned(), ..Customer::default() };
    customer.demands.repair_info = true;
    bench.change(Change::PutCustomer(customer.clone())).await.unwrap();
    assert_eq!(bench.store().customer(7).await.unwrap(), Some(customer.clone()));
    for (step, members, expected) in [
        (Act::Accept, "{}", Status::Accepted),
        (Act::CheckIn, "{}", Status::CheckedIn),
        (Act::CheckOut, "{}", Status::NeedsCompletionDetails),
        (Act::WorkDoneDetails, r#"{"RepairInfo": {"CodeId": 1}}"#, Status::CheckedOut),
    ] {
        assert_eq!(act(&mut bench, step, members).await.unwrap().status, expected);
    }
    let sent = bench.lane(&endpoint, ORDER).await;
    assert_eq!(sent[3].action.as_str(), Action::NeedsCompletionDetails.name());
    assert_eq!(&sent[3].body[..], b"lacking {}");
    customer.allows_quotes = false;
    bench.change(Change::PutCustomer(customer.clone())).await.unwrap();
    bench.reopen().await;
    assert_eq!(bench.store().customers(all()).await.unwrap().items, [customer]);
    act(&mut bench, Act::Reopen, "{}").await.unwrap();
    act(&mut bench, Act::Accept, "{}").await.unwrap();
    let quote = act(&mut bench, Act::ChangeQuote, r#"{"Quote": {"QuoteStatus": "Submitted"}}"#).await;
    assert_eq!(quote, Err(Refused::Forbidden { status: Status::Accepted, why: Forbidden::Quotes }));
}

pub(crate) async fn each_filter_of_orders_takes_what_it_names_newest_first(mut bench: Bench) {
    bench.endpoint().await;
    for id in 1..=4 {
        create(&mut bench, id).await;
        bench.pass(DAY);
    }
    act_on(&mut bench, 2, Act::Accept).await;
    let any = WorkOrderFilter::default;
    let day = |n: u32| bench.now().minus(DAY * n);
    let due = "2027-01-16T08:00:00.1234567Z".parse().unwrap();
    let cases: Vec<(WorkOrderFilter, Vec<WorkOrderId>)> = vec![
        (any(), vec![4, 3, 2, 1]),
        (WorkOrderFilter { company_id: Some(company("acme")), ..any() }, vec![4, 3, 2, 1]),
        (WorkOrderFilter { company_id: Some(company("nobody")), ..any() }, vec![]),
        (WorkOrderFilter { branch_id: Some(BRANCH), ..any() }, vec![4, 3, 2, 1]),
        (WorkOrderFilter { branch_id: Some(1), ..any() }, vec![]),
        (WorkOrderFilter { statuses: vec![Status::Accepted, Status::Paused], ..any() }, vec![2]),
        (WorkOrderFilter { customer_id: Some(7), number: Some("N-3".to_owned()), ..any() }, vec![3]),
        (WorkOrderFilter { customer_id: Some(8), ..any() }, vec![]),
        (WorkOrderFilter { created: Period { from: Some(day(3)), to: Some(day(1)) }, ..any() }, vec![3, 2]),
        (WorkOrderFilter { last_update: Period { from: Some(day(1)), to: None }, ..any() }, vec![4, 2]),
        (WorkOrderFilter { due_date: Period { from: Some(due), to: None }, ..any() }, vec![4, 3, 2, 1]),
        (WorkOrderFilter { due_date: Period { from: None, to: Some(due) }, ..any() }, vec![]),
        (WorkOrderFilter { on_site_by: Period { from: Some(day(9)), to: None }, ..any() }, vec![]),
    ];
    for (filter, expected) in cases {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = bench.store().work_orders(filter.clone(), Paging { after, limit: 2 }).await.unwrap();
            found.extend(page.items.iter().map(|order| order.work_order_id));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(found, expected, "{filter:?}");
    }
}

async fn act_on(bench: &mut Bench, id: WorkOrderId, act: Act) {
    let acting = acting(bench, id, act, "{}");
    bench.store().act(acting).await.unwrap().unwrap();
}

pub(crate) async fn messages_are_found_in_the_time_line_by_their_action(mut bench: Bench) {
    bench.endpoint().await;
    create(&mut bench, ORDER).await;
    for text in [r#"{"Text": "one"}"#, r#"{"Text": "two"}"#] {
        act(&mut bench, Act::SendMessage, text).await.unwrap();
    }
    act(&mut bench, Act::ChangeInternalNote, r#"{"InternalNote": "n"}"#).await.unwrap();
    let lines = bench.store().time_line(&company("acme"), ORDER, Some("MessageSent")).await.unwrap();
    let texts: Vec<_> = lines.iter().map(|line| line.members.read::<String>("Text").unwrap()).collect();
    assert_eq!(texts, ["one", "two"]);
}

pub(crate) async fn an_order_that_grows_too_large_is_refused_and_stays(mut bench: Bench) {
    bench.endpoint().await;
    create(&mut bench, ORDER).await;
    act(&mut bench, Act::Accept, "{}").await.unwrap();
    let list = format!(r#"{{"CheckList": [{{"Id": 1, "Description": "{}"}}]}}"#, "x".repeat(1 << 20));
    let before = whole(&bench).await;
    let refused = act(&mut bench, Act::UpdateCheckList, &list).await;
    assert!(matches!(refused, Err(Refused::TooLarge(_))), "{refused:?}");
    assert_eq!(whole(&bench).await, before);
}

pub(crate) async fn orders_go_with_their_company_and_branch(mut bench: Bench) {
    let endpoint = bench.endpoint().await;
    create(&mut bench, ORDER).await;
    bench.discard(bench.head(&endpoint, ORDER).await.id()).await.unwrap();
    let acme: CompanyId = company("acme");
    let refuse = record::IfUndelivered::Refuse;
    bench.change(Change::DeleteBranch(acme.clone(), BRANCH, refuse, bench.now())).await.unwrap();
    let before = whole(&bench).await;
    let refused = act(&mut bench, Act::Accept, "{}").await;
    assert_eq!(refused, Err(Refused::Notification(record::Refused::UnknownBranch(BRANCH))));
    assert_eq!(whole(&bench).await, before);
    bench.change(Change::DeleteCompany(acme, refuse, bench.now())).await.unwrap();
    assert!(bench.store().work_order(ORDER, None).await.unwrap().is_none());
    assert_eq!(act(&mut bench, Act::Accept, "{}").await, Err(Refused::NotFound(ORDER)));
    let found = bench.store().work_orders(WorkOrderFilter::default(), all()).await.unwrap();
    assert!(found.items.is_empty());
    let state = bench.store().deliveries(crate::filter::DeliveryFilter::default(), all()).await.unwrap();
    assert!(state.items.iter().all(|delivery| delivery.state == State::Discarded));
}

pub(crate) async fn a_request_of_the_direct_api_is_logged_as_inbound(mut bench: Bench) {
    bench.endpoint().await;
    let acme = company("acme");
    let detail = workbell_model::log::Detail {
        url: "/Direct/api/workOrder/accept".to_owned(),
        message_id: Some("constant".to_owned()),
        body: Some("{}".to_owned()),
        ..Default::default()
    };
    bench.store().log_inbound(record::Inbound {
        company_id: acme.clone(),
        work_order_id: ORDER,
        branch_id: BRANCH,
        call: "Accepted",
        start: bench.now(),
        duration: std::time::Duration::from_millis(3),
        status: 409,
        error: Some("3001"),
        detail: serde_json::to_vec(&detail).unwrap().into(),
    });
    // The writer takes one after the other: when this is answered, the record is on disk.
    bench.store().check_value(vec![1]).await.unwrap();
    let filter = crate::filter::LogFilter { company_id: Some(acme), ..Default::default() };
    let records = bench.store().log(filter, all()).await.unwrap().items;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].direction, workbell_model::log::Direction::Inbound);
    assert_eq!(
        (records[0].work_order_id, records[0].status, records[0].message_id),
        (ORDER, Some(409), None)
    );
    assert_eq!((&records[0].work_order_number, &records[0].customer), (&None, &None), "it is not held");
    create(&mut bench, ORDER).await;
    let named = |number: &str, company: &str| crate::filter::LogFilter {
        work_order_number: Some(number.to_owned()),
        company_id: Some(self::company(company)),
        ..Default::default()
    };
    let found = bench.store().log(named("N-42", "acme"), all()).await.unwrap().items;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].work_order_number.as_deref(), found[0].customer.as_deref()),
        (Some("N-42"), Some("Bakery"))
    );
    for (number, company) in [("N-43", "acme"), ("N-42", "other")] {
        assert!(bench.store().log(named(number, company), all()).await.unwrap().items.is_empty());
    }
    let whole = bench.store().log_record(records[0].no).await.unwrap().unwrap();
    assert_eq!((whole.body.as_deref(), whole.endpoint_id), (Some(&b"{}"[..]), None));
}
