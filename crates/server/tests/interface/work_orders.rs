//! Work orders through the platform interface: the whole table of the life cycle, what is told, what is refused.

use serde_json::{Value, json};
use workbell_wire::{Action, MessageId, SampleContext, Variant, sample};

use crate::house::{House, Reply, faults};

/// All states, each with the acts that lead there from New.
pub(crate) const STATES: [(&str, &[Action]); 10] = [
    ("New", &[]),
    ("Accepted", &[Action::Accepted]),
    ("Rejected", &[Action::Rejected]),
    ("Recalled", &[Action::Recalled]),
    ("OnHold", &[Action::Accepted, Action::PutOnHold]),
    ("CheckedIn", &[Action::Accepted, Action::CheckedIn]),
    ("Paused", &[Action::Accepted, Action::CheckedIn, Action::Paused]),
    ("CheckedOut", &[Action::Accepted, Action::CheckedIn, Action::CheckedOut]),
    ("NeedsCompletionDetails", &[Action::Accepted, Action::CheckedIn, Action::NeedsCompletionDetails]),
    ("Verified", &[Action::Accepted, Action::CheckedIn, Action::CheckedOut, Action::WorkVerified]),
];

/// The state after an act, `None` when it is not allowed: the table of service.md section 5, row by row.
pub(crate) fn after(action: Action, status: &str) -> Option<&str> {
    let (allowed, then): (&[&str], &str) = match action {
        Action::Accepted => (&["New"], "Accepted"),
        Action::Rejected => (&["New"], "Rejected"),
        Action::Recalled => (&["New", "Accepted", "OnHold"], "Recalled"),
        Action::PutOnHold => (&["New", "Accepted", "CheckedIn", "Paused"], "OnHold"),
        Action::Reopened => (&["OnHold", "CheckedOut", "NeedsCompletionDetails", "Verified"], "New"),
        Action::CheckedIn => (&["Accepted", "Paused"], "CheckedIn"),
        Action::Paused => (&["CheckedIn"], "Paused"),
        Action::CheckedOut => (&["CheckedIn"], "CheckedOut"),
        Action::NeedsCompletionDetails => (&["CheckedIn"], "NeedsCompletionDetails"),
        Action::WorkVerified => (&["CheckedOut", "Verified"], "Verified"),
        Action::InvoiceStatusChanged => {
            return ["CheckedOut", "Verified"].contains(&status).then_some(status);
        }
        Action::MessageSent
        | Action::AttachmentAdded
        | Action::AttachmentRemoved
        | Action::InternalNoteChanged => {
            return (!["Rejected", "Recalled"].contains(&status)).then_some(status);
        }
        Action::CompletionInfoChanged => return Some(status),
        _ => return ["Accepted", "CheckedIn", "Paused", "OnHold"].contains(&status).then_some(status),
    };
    allowed.contains(&status).then_some(then)
}

/// The sample of an action, as it is sent to a receiver.
pub(crate) fn of_sample(action: Action, variant: Variant, order: i64, house: &House) -> Value {
    let context = SampleContext::new(order, 492_042, MessageId::from_bytes([7; 16]), house.now());
    serde_json::from_slice(&sample(action, variant, &context)).unwrap()
}

/// The body that does what a sample tells of.
pub(crate) fn body(action: Action, variant: Variant, house: &House) -> Value {
    let mut body = of_sample(action, variant, 1, house);
    let header = body.as_object_mut().unwrap().remove("Header").unwrap();
    body["Sender"] = header["Sender"].clone();
    body["Action"] = action.name().into();
    if action == Action::NewWorkOrder {
        body.as_object_mut().unwrap().remove("Action");
        body["Details"].as_object_mut().unwrap().remove("WorkOrderId");
        body["Details"].as_object_mut().unwrap().remove("Customer");
        body["Details"]["Status"] = "New".into();
    }
    body
}

pub(crate) async fn create(house: &House) -> i64 {
    let made = house.post("/v1/work-orders", body(Action::NewWorkOrder, Variant::Typical, house)).await;
    made.with(201)["WorkOrderId"].as_i64().unwrap()
}

pub(crate) async fn act(house: &House, order: i64, body: Value) -> Reply {
    house.post(&format!("/v1/work-orders/{order}/actions"), body).await
}

/// A new order that was brought into a state.
pub(crate) async fn order_in(house: &House, path: &[Action]) -> i64 {
    let order = create(house).await;
    for action in path {
        act(house, order, body(*action, Variant::Minimal, house)).await.with(202);
    }
    order
}

pub(crate) async fn whole(house: &House, order: i64) -> Value {
    house.get(&format!("/v1/work-orders/{order}")).await.with(200)
}

/// What there is of an order: itself, its notifications, its deliveries.
pub(crate) async fn everything(house: &House, order: i64) -> (Value, Value, Value) {
    let of = |path: &str| format!("{path}?WorkOrderId={order}&Limit=500");
    (
        whole(house, order).await,
        house.get(&of("/v1/notifications")).await.with(200),
        house.get(&of("/v1/deliveries")).await.with(200),
    )
}

pub(crate) fn acts() -> impl Iterator<Item = Action> {
    let no_act = [Action::NewWorkOrder, Action::AdditionalFieldDescriptorUpdated];
    Action::ALL.into_iter().filter(move |action| !no_act.contains(action))
}

#[tokio::test]
async fn every_act_in_every_state_does_what_the_table_says_or_nothing() {
    let (house, _) = House::furnished().await;
    for (status, path) in STATES {
        let allowed: Vec<_> =
            acts().filter(|action| after(*action, status).is_some()).map(Action::name).collect();
        let refused_here = order_in(&house, path).await;
        let before = everything(&house, refused_here).await;
        assert_eq!(before.0["Status"], status);
        assert_eq!(before.0["AllowedActs"], json!(allowed));
        for action in acts() {
            let request = body(action, Variant::Typical, &house);
            match after(action, status) {
                None => {
                    let reply = act(&house, refused_here, request).await;
                    assert_eq!(reply.json()["AllowedActs"], json!(allowed), "{action} in {status}");
                    let why = format!("{action} is not allowed while the work order is {status}");
                    assert_eq!(reply.json()["detail"], why);
                    reply.problem(409, "state_conflict");
                }
                Some(then) => {
                    let order = order_in(&house, path).await;
                    let lines = whole(&house, order).await["Timeline"].as_array().unwrap().len();
                    let acted = act(&house, order, request).await.with(202);
                    assert_eq!(acted["Status"], then, "{action} in {status}");
                    let now = whole(&house, order).await;
                    assert_eq!((&now["Status"], &now["Details"]["Status"]), (&json!(then), &json!(then)));
                    let line = now["Timeline"].as_array().unwrap().last().unwrap().clone();
                    assert_eq!(line["Place"], lines + 1);
                    assert_eq!((&line["Action"], &line["Status"]), (&json!(action.name()), &json!(then)));
                    assert_eq!(line["MessageId"], acted["MessageId"]);
                    assert_eq!((&line["Fate"], &line["Interface"]), (&json!("Queued"), &json!("Platform")));
                }
            }
        }
        assert_eq!(everything(&house, refused_here).await, before, "nothing changed in {status}");
    }
}

#[tokio::test]
async fn every_action_tells_its_documented_members_and_the_status_of_the_order() {
    let (house, _) = House::furnished().await;
    for action in acts() {
        for variant in Variant::ALL {
            let (status, path) = STATES.iter().find(|(status, _)| after(action, status).is_some()).unwrap();
            let order = order_in(&house, path).await;
            let request = body(action, variant, &house);
            let acted = act(&house, order, request.clone()).await.with(202);
            let id = acted["MessageId"].as_str().unwrap();
            let kept = house.get(&format!("/v1/notifications/{id}?CompanyId=acme")).await.with(200);
            let sent: Value = serde_json::from_str(kept["Body"].as_str().unwrap()).unwrap();
            let mut expected = of_sample(action, variant, order, &house);
            expected["Header"]["MessageId"] = id.into();
            expected["Header"]["ActionDate"] = house.now().to_string().into();
            if action == Action::InternalNoteChanged {
                expected["ActionDate"] = house.now().to_string().into();
            }
            assert_eq!(sent, expected, "{action} {variant:?}");
            let tells = action.members().iter().any(|member| member.name == "Status");
            if tells && !matches!(action, Action::InvoiceStatusChanged | Action::IsmStatusChanged) {
                assert_eq!(sent["Status"], whole(&house, order).await["Status"], "{action} in {status}");
            }
            assert_eq!(kept["Deliveries"].as_array().unwrap().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_created_order_is_told_of_with_its_id_and_read_back_with_its_bytes() {
    let (house, _) = House::furnished().await;
    let text = r#"{ "Sender": {"Name": "Dana", "Type": "Customer"}, "Details": {"WorkOrderNumber": "N-1",
        "BranchId": 492042, "Type": "PMRM", "Nte": {"Amount": 1.10}, "Mine": [ 1.0,  2 ],
        "Created": "2025-12-24T10:00:00.1234567Z" }, "Other": {"a":1.50} }"#;
    let reply = house.text("POST", "/v1/work-orders", text).await;
    let location = reply.header("location").to_owned();
    let made = reply.with(201);
    let id = made["WorkOrderId"].as_i64().unwrap();
    assert_eq!(location, format!("/v1/work-orders/{id}"));
    assert_eq!((&made["Status"], &made["Fate"]), (&json!("New"), &json!("Queued")));
    let message = made["MessageId"].as_str().unwrap();
    let kept = house.get(&format!("/v1/notifications/{message}?CompanyId=acme")).await.with(200);
    let now = house.now();
    let expected = format!(
        "{{\"Header\":{{\"WorkOrderId\":{id},\"BranchId\":492042,\"Sender\":{{\"Name\": \"Dana\", \"Type\": \"Customer\"}},\
         \"Action\":\"NewWorkOrder\",\"ActionDate\":\"{now}\",\"ApiVersion\":\"1.1\",\"MessageId\":\"{message}\"}},\
         \"Details\":{{\"WorkOrderNumber\":\"N-1\",\"BranchId\":492042,\"Type\":\"PMRM\",\"Nte\":{{\"Amount\": 1.10}},\
         \"Mine\":[ 1.0,  2 ],\"Created\":\"2025-12-24T10:00:00.1234567Z\",\"WorkOrderId\":{id},\"Status\":\"New\",\
         \"LastUpdate\":\"{now}\"}},\"Other\":{{\"a\":1.50}}}}"
    );
    assert_eq!(kept["Body"], expected);
    let reply = house.get(&location).await;
    assert!(reply.text.contains(r#""Nte":{"Amount": 1.10}"#), "{}", reply.text);
    let order = reply.with(200);
    assert_eq!(
        (&order["Created"], &order["LastUpdate"]),
        (&json!("2025-12-24T10:00:00.1234567Z"), &json!(now))
    );
    assert_eq!(order["Timeline"][0]["Sender"], json!({"Name": "Dana", "Phone": null, "Type": "Customer"}));
}

#[tokio::test]
async fn an_id_of_the_platforms_own_is_kept_and_taken_once() {
    let (house, _) = House::furnished().await;
    let mut request = body(Action::NewWorkOrder, Variant::Minimal, &house);
    request["Details"]["WorkOrderId"] = 4711.into();
    assert_eq!(house.post("/v1/work-orders", request.clone()).await.with(201)["WorkOrderId"], 4711);
    house.post("/v1/work-orders", request).await.problem(409, "state_conflict");
    assert_eq!(create(&house).await, 4712);
}

#[tokio::test]
async fn a_repeat_is_answered_as_the_first_and_other_content_is_a_conflict() {
    let (house, _) = House::furnished().await;
    let id = "5b0c1a7e-1111-4222-8333-444455556666";
    let mut new = body(Action::NewWorkOrder, Variant::Typical, &house);
    new["MessageId"] = id.to_uppercase().into();
    let first = house.post("/v1/work-orders", new.clone()).await.with(201);
    assert_eq!(first["MessageId"], id);
    let order = first["WorkOrderId"].as_i64().unwrap();
    let mut accept = body(Action::Accepted, Variant::Typical, &house);
    accept["MessageId"] = "5b0c1a7e-1111-4222-8333-444455556667".into();
    let accepted = act(&house, order, accept.clone()).await.with(202);
    act(&house, order, body(Action::CheckedIn, Variant::Minimal, &house)).await.with(202);
    let before = everything(&house, order).await;
    house.later(std::time::Duration::from_secs(9));
    assert_eq!(house.post("/v1/work-orders", new.clone()).await.with(200), first);
    assert_eq!(act(&house, order, accept.clone()).await.with(200), accepted);
    accept["Comment"] = "another".into();
    act(&house, order, accept.clone()).await.problem(409, "message_id_conflict");
    new["Details"]["WorkOrderNumber"] = "X".into();
    house.post("/v1/work-orders", new).await.problem(409, "message_id_conflict");
    assert_eq!(everything(&house, order).await, before);
}

#[tokio::test]
async fn all_faults_are_named_where_the_caller_wrote_them() {
    let (house, _) = House::furnished().await;
    let order = order_in(&house, &[Action::Accepted]).await;
    let before = everything(&house, order).await;
    let wrong = [
        (
            json!({}),
            faults([("/Action", "missing"), ("/Sender/Name", "missing"), ("/Sender/Type", "missing")]),
        ),
        (json!({"Action": 5, "Sender": {"Name": "a", "Type": "b"}}), faults([("/Action", "wrong_type")])),
        (
            json!({"Action": "NewWorkOrder", "Sender": {"Name": "a", "Type": "b"}}),
            faults([("/Action", "not_allowed")]),
        ),
        (
            json!({"Action": "PutOnHold", "MessageId": "x", "ActionDate": "now", "Sender": {"Name": 1}}),
            faults([
                ("/Sender/Name", "wrong_type"),
                ("/Sender/Type", "missing"),
                ("/ActionDate", "bad_time"),
                ("/MessageId", "bad_id"),
                ("/Comment", "missing"),
            ]),
        ),
        (
            json!({"Action": "Accepted", "Sender": {"Name": "a", "Type": "b"}, "Status": "Rejected"}),
            faults([("/Status", "not_allowed")]),
        ),
        (
            json!({"Action": "CheckedIn", "Sender": {"Name": "a", "Type": "b"}, "InitiatedBy": {"ClientId": "x"}}),
            faults([("/InitiatedBy/ClientId", "unknown_client")]),
        ),
    ];
    for (request, expected) in wrong {
        let reply = act(&house, order, request.clone()).await;
        let mut found = reply.problem(422, expected_code(&expected));
        let mut expected = expected;
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{request}");
    }
    let sung = json!({"Action": "Sung", "Sender": {"Name": "a", "Type": "b"}});
    act(&house, order, sung).await.problem(422, "unknown_action");
    let path = format!("/v1/work-orders/{order}/actions");
    house.text("POST", &path, r#"{"Action": "#).await.problem(400, "invalid_json");
    house.text("POST", &path, "[]").await.problem(422, "schema_violation");
    let twice = r#"{"Action": "Accepted", "Action": "Rejected", "Sender": {"Name": "a", "Type": "b"}}"#;
    let doubled = house.text("POST", &path, twice).await;
    assert_eq!(doubled.problem(422, "schema_violation"), faults([("/Action", "doubled")]));
    assert_eq!(everything(&house, order).await, before);
    let new = json!({"Details": {"BranchId": 492042, "Status": "Accepted", "WorkOrderId": 0}});
    let mut found = house.post("/v1/work-orders", new).await.problem(422, "schema_violation");
    found.sort();
    let expected = faults([
        ("/Details/Status", "not_allowed"),
        ("/Details/Type", "missing"),
        ("/Details/WorkOrderId", "out_of_range"),
        ("/Details/WorkOrderNumber", "missing"),
        ("/Sender/Name", "missing"),
        ("/Sender/Type", "missing"),
    ]);
    assert_eq!(found, expected);
    let mut elsewhere = body(Action::NewWorkOrder, Variant::Minimal, &house);
    elsewhere["Details"]["BranchId"] = 5.into();
    let found = house.post("/v1/work-orders", elsewhere).await.problem(422, "unknown_branch");
    assert_eq!(found, faults([("/Details/BranchId", "unknown_branch")]));
}

fn expected_code(faults: &[(String, String)]) -> &'static str {
    if faults.iter().all(|(_, code)| code == "unknown_client") {
        "unknown_client"
    } else {
        "schema_violation"
    }
}

#[tokio::test]
async fn lists_take_filters_and_what_is_not_there_is_not_found() {
    let (house, _) = House::furnished().await;
    let orders = [create(&house).await, order_in(&house, &[Action::Accepted]).await];
    let mut third = body(Action::NewWorkOrder, Variant::Minimal, &house);
    third["Details"]["WorkOrderNumber"] = "Z-9".into();
    third["Details"]["Customer"] = json!({"Id": 77, "Name": "Bakery"});
    third["Details"]["Created"] = "2025-01-01T00:00:00Z".into();
    let third = house.post("/v1/work-orders", third).await.with(201)["WorkOrderId"].as_i64().unwrap();
    let cases = [
        ("", vec![third, orders[1], orders[0]]),
        ("CompanyId=acme", vec![third, orders[1], orders[0]]),
        ("CompanyId=nobody", vec![]),
        ("BranchId=492042", vec![third, orders[1], orders[0]]),
        ("BranchId=5", vec![]),
        ("Status=Accepted", vec![orders[1]]),
        ("CustomerId=77", vec![third]),
        ("WorkOrderNumber=Z-9", vec![third]),
        ("To=2025-06-01T00:00:00Z", vec![third]),
        ("From=2025-06-01T00:00:00Z", vec![orders[1], orders[0]]),
    ];
    for (query, expected) in cases {
        let list = house.get(&format!("/v1/work-orders?{query}")).await.with(200);
        let found: Vec<_> =
            list["Items"].as_array().unwrap().iter().map(|it| it["WorkOrderId"].as_i64().unwrap()).collect();
        assert_eq!(found, expected, "{query}");
    }
    house.get("/v1/work-orders?Status=Sung").await.problem(422, "schema_violation");
    for id in ["99999", "x", "0", "-1"] {
        house.get(&format!("/v1/work-orders/{id}")).await.problem(404, "not_found");
        let path = format!("/v1/work-orders/{id}/actions");
        house.post(&path, body(Action::Accepted, Variant::Minimal, &house)).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn what_a_customer_demands_is_kept_and_judges_the_check_out() {
    let (house, _) = House::furnished().await;
    let customer = json!({"Name": "Bakery", "DemandsRepairInfo": true, "DemandedCustomFields": [3]});
    let reply = house.text("PUT", "/v1/customers/77", &customer.to_string()).await;
    assert_eq!(reply.header("location"), "/v1/customers/77");
    let expected = json!({"CustomerId": 77, "Name": "Bakery", "DemandsRepairInfo": true, "DemandedCustomFields": [3],
                          "AllowsQuotes": true, "AllowsBackDating": true});
    assert_eq!(reply.with(201), expected);
    assert_eq!(house.text("PUT", "/v1/customers/77", &customer.to_string()).await.with(200), expected);
    assert_eq!(house.get("/v1/customers/77").await.with(200), expected);
    assert_eq!(house.get("/v1/customers").await.with(200)["Items"], json!([expected]));
    house.get("/v1/customers/78").await.problem(404, "not_found");
    house.text("PUT", "/v1/customers/0", &customer.to_string()).await.problem(404, "not_found");
    house.text("PUT", "/v1/customers/77", "{}").await.problem(422, "schema_violation");
    let mut new = body(Action::NewWorkOrder, Variant::Minimal, &house);
    new["Details"]["Type"] = "PMRM".into();
    new["Details"]["Customer"] = json!({"Id": 77, "Name": "Bakery"});
    for (members, status, action) in [
        (json!({}), "NeedsCompletionDetails", "NeedsCompletionDetails"),
        (
            json!({"RepairInfo": {"CodeId": 1, "Code": "a", "CategoryId": 2, "Category": "b"},
                   "CustomFields": [{"Id": 3, "Value": "x"}]}),
            "CheckedOut",
            "CheckedOut",
        ),
    ] {
        let made = house.post("/v1/work-orders", new.clone()).await.with(201);
        let order = made["WorkOrderId"].as_i64().unwrap();
        for action in [Action::Accepted, Action::CheckedIn] {
            act(&house, order, body(action, Variant::Minimal, &house)).await.with(202);
        }
        let mut request = members;
        request["Action"] = "CheckedOut".into();
        request["Sender"] = json!({"Name": "Jon", "Type": "CorrigoPro"});
        assert_eq!(act(&house, order, request).await.with(202)["Status"], status);
        let line = whole(&house, order).await["Timeline"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(line["Action"], action);
    }
}
