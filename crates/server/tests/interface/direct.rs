//! The Direct API: acts in every state, bulk calls, reads, errors, the echo rule, the log.

use axum::body::Body;
use serde_json::{Value, json};
use workbell_store::Store;
use workbell_wire::{Action, Variant};

use crate::house::{House, Reply};
use crate::oauth::{access_token, client};
use crate::work_orders::{STATES, act, body, create, everything, order_in, whole};

/// A house with a client's access token.
pub(crate) struct Office {
    pub(crate) house: House,
    pub(crate) token: String,
    pub(crate) client: String,
}

impl Office {
    pub(crate) async fn new() -> Self {
        let (house, _) = House::furnished().await;
        let credentials = client(&house, "acme").await;
        let token = access_token(&house, &credentials).await;
        Office { house, token, client: credentials.0 }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        call_as(&self.house, &self.token, method, path, body).await
    }

    async fn put(&self, call: &str, body: Value) -> Reply {
        self.call("PUT", &format!("/Direct/api/{call}"), Some(body)).await
    }
}

pub(crate) async fn call_as(
    house: &House,
    token: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Reply {
    let bearer = format!("Bearer {token}");
    let text = body.map(|body| body.to_string()).unwrap_or_default();
    let length = text.len().to_string();
    let mut headers = vec![("authorization", bearer.as_str()), ("content-length", length.as_str())];
    if !text.is_empty() {
        headers.push(("content-type", "application/json; charset=utf-8"));
    }
    house.send_bare(method, path, &headers, Body::from(text)).await
}

/// An error with this code; the rest of it.
#[track_caller]
fn fault(reply: Reply, status: u16, code: u16) -> Value {
    let json = reply.json();
    assert_eq!((reply.status, json["Code"].as_u64()), (status, Some(code.into())), "{}", reply.text);
    assert!(json["Message"].as_str().unwrap().chars().count() <= 1000);
    json
}

/// The calls that act, with the members of each, and what service.md section 5 says of them.
type ActCall = (&'static str, &'static str, &'static [&'static str], Option<&'static str>);

const CALLS: [ActCall; 9] = [
    ("PUT", "workOrder/accept", &["New"], Some("Accepted")),
    ("PUT", "workOrder/reject", &["New"], Some("Rejected")),
    ("PUT", "workOrder/checkIn", &["Accepted", "Paused"], Some("CheckedIn")),
    ("PUT", "workOrder/pause", &["CheckedIn"], Some("Paused")),
    ("PUT", "workOrder/checkout", &["CheckedIn"], Some("CheckedOut")),
    ("PUT", "workOrder/workDoneDetails", &["NeedsCompletionDetails", "CheckedOut"], Some("CheckedOut")),
    ("PUT", "workOrder/quoteSubmit", &["Accepted", "CheckedIn", "Paused", "OnHold"], None),
    ("POST", "messages", ALIVE, None),
    ("PUT", "workOrder/note", ALIVE, None),
];

const ALIVE: &[&str] =
    &["New", "Accepted", "OnHold", "CheckedIn", "Paused", "CheckedOut", "NeedsCompletionDetails", "Verified"];

fn request(call: &str, order: i64) -> Value {
    let mut body = json!({"MessageId": "00000000-0000-0000-0000-000000000000", "WorkOrderId": order,
        "PerformedBy": {"Name": "Jon Snow", "Phone": "+12025550141"}});
    match call {
        "messages" => body["Text"] = "on my way".into(),
        "workOrder/note" => body["InternalNote"] = "bring a ladder".into(),
        "workOrder/quoteSubmit" => body["Quote"] = json!({"Amount": 120.50, "Comment": "parts"}),
        "workOrder/checkIn" | "workOrder/pause" => {
            body["Location"] = json!({"Latitude": 39.7, "Longitude": -105})
        }
        _ => body["Comment"] = "done".into(),
    }
    body
}

/// What the calls are named in `AllowedActs`, in the order of the table of the life cycle.
fn allowed_in(status: &str) -> Vec<&'static str> {
    let allowed = CALLS.iter().filter(|(_, _, states, _)| states.contains(&status));
    allowed.map(|(_, call, ..)| call.rsplit('/').next().unwrap()).collect()
}

#[tokio::test]
async fn every_call_in_every_state_does_what_the_table_says_or_nothing() {
    let office = Office::new().await;
    let house = &office.house;
    for (status, path) in STATES {
        let fixed = order_in(house, path).await;
        let before = everything(house, fixed).await;
        for (method, call, states, then) in CALLS {
            let url = format!("/Direct/api/{call}");
            if !states.contains(&status) {
                let reply = office.call(method, &url, Some(request(call, fixed))).await;
                let told =
                    if status == "Recalled" { fault(reply, 404, 3005) } else { fault(reply, 409, 3001) };
                let mut allowed: Vec<_> = told["AllowedActs"].as_array().unwrap().clone();
                allowed.sort_by_key(ToString::to_string);
                let mut expected: Vec<_> = allowed_in(status).into_iter().map(Value::from).collect();
                expected.sort_by_key(ToString::to_string);
                assert_eq!(allowed, expected, "{call} in {status}");
                let name = call.rsplit('/').next().unwrap();
                let why = format!("{name} is not allowed while the work order is {status}");
                assert_eq!(told["Message"], why, "{call} in {status}");
                assert_eq!(told["MessageId"], "00000000-0000-0000-0000-000000000000");
                continue;
            }
            let order = order_in(house, path).await;
            let sent = house.get(&format!("/v1/deliveries?WorkOrderId={order}")).await.with(200);
            let done = office.call(method, &url, Some(request(call, order))).await.with(200);
            let then = then.unwrap_or(status);
            let expected = json!({"MessageId": "00000000-0000-0000-0000-000000000000", "WorkOrderId": order,
                                  "Status": then});
            assert_eq!(done, expected, "{call} in {status}");
            let now = whole(house, order).await;
            assert_eq!(now["Status"], then);
            let line = now["Timeline"].as_array().unwrap().last().unwrap().clone();
            assert_eq!((&line["Interface"], &line["Fate"]), (&json!("Direct"), &json!("Suppressed")));
            assert_eq!(line["ClientId"], office.client);
            let id = line["MessageId"].as_str().unwrap();
            assert_ne!(id, "00000000-0000-0000-0000-000000000000", "a client's MessageId is no key");
            let kept = house.get(&format!("/v1/notifications/{id}?CompanyId=acme")).await.with(200);
            assert_eq!((&kept["Fate"], &kept["Deliveries"]), (&json!("Suppressed"), &json!([])));
            assert_eq!(kept["InitiatedBy"], office.client);
            let again = house.get(&format!("/v1/deliveries?WorkOrderId={order}")).await.with(200);
            assert_eq!(again, sent, "{call} is told to nobody");
        }
        assert_eq!(everything(house, fixed).await, before, "nothing changed in {status}");
    }
}

#[tokio::test]
async fn a_public_client_gets_through_the_whole_happy_path() {
    let office = Office::new().await;
    let order = create(&office.house).await;
    for (path, status) in [
        ("/direct/api/workorder/ACCEPT", "Accepted"),
        ("/Direct/Api/WorkOrder/CheckIn", "CheckedIn"),
        ("/DIRECT/API/WORKORDER/PAUSE", "Paused"),
        ("/direct/api/workOrder/checkin", "CheckedIn"),
        ("/Direct/api/workOrder/checkOut", "CheckedOut"),
        ("/Direct/api/workorder/workdonedetails", "CheckedOut"),
    ] {
        let request = json!({"MessageId": "abc", "WorkOrderId": order, "PerformedBy": {"Name": "Jon", "Phone": null},
            "ActualActionDate": "2025-12-31T23:00:00.1234567Z", "Comment": null, "Unknown": {"x": 1}});
        let done = office.call("PUT", path, Some(request)).await.with(200);
        assert_eq!(done, json!({"MessageId": "abc", "WorkOrderId": order, "Status": status}), "{path}");
    }
    let read = office.call("GET", &format!("/direct/API/workorder?IDS[0]={order}&messageid=m"), None).await;
    let read = read.with(200);
    assert_eq!((&read["MessageId"], &read["WorkOrders"][0]["Status"]), (&json!("m"), &json!("CheckedOut")));
    let lines = whole(&office.house, order).await["Timeline"].as_array().unwrap().clone();
    assert_eq!(lines.len(), 7);
    assert_eq!(lines[1]["ActionDate"], "2025-12-31T23:00:00.1234567Z");
    assert_eq!(lines[1]["Sender"], json!({"Name": "Jon", "Phone": null, "Type": "CorrigoPro"}));
}

#[tokio::test]
async fn acts_of_others_on_the_same_order_are_pushed_and_the_companys_own_never() {
    let office = Office::new().await;
    let house = &office.house;
    let order = create(house).await;
    office.put("workOrder/accept", request("workOrder/accept", order)).await.with(200);
    let by_desk = act(house, order, body(Action::CheckedIn, Variant::Minimal, house)).await.with(202);
    assert_eq!(by_desk["Fate"], "Queued");
    let mut by_client = body(Action::Paused, Variant::Minimal, house);
    by_client["InitiatedBy"] = json!({"ClientId": office.client});
    assert_eq!(act(house, order, by_client).await.with(202)["Fate"], "Suppressed");
    act(house, order, body(Action::PutOnHold, Variant::Minimal, house)).await.with(202);
    let deliveries = house.get(&format!("/v1/deliveries?WorkOrderId={order}")).await.with(200);
    let told: Vec<_> =
        deliveries["Items"].as_array().unwrap().iter().map(|it| it["Action"].clone()).collect();
    assert_eq!(told, ["PutOnHold", "CheckedIn", "NewWorkOrder"]);
    let all = house.get(&format!("/v1/notifications?WorkOrderId={order}")).await.with(200);
    let fates: Vec<_> = all["Items"].as_array().unwrap().iter().map(|it| it["Fate"].clone()).collect();
    assert_eq!(fates, ["Queued", "Suppressed", "Queued", "Suppressed", "Queued"]);
}

#[tokio::test]
async fn many_are_accepted_and_rejected_with_one_call_and_a_result_for_each() {
    let office = Office::new().await;
    let house = &office.house;
    let (first, second) = (create(house).await, create(house).await);
    let done = order_in(house, &[Action::Recalled]).await;
    let request =
        json!({"MessageId": "m", "PerformedBy": {"Name": "Jon"}, "WorkOrderIds": [first, done, 999, first]});
    let answer = office.put("bulk/accept", request).await.with(200);
    assert_eq!(answer["MessageId"], "m");
    let results: Vec<_> = (answer["Results"].as_array().unwrap().iter())
        .map(|it| (it["WorkOrderId"].as_i64().unwrap(), it["Status"].clone(), it["Code"].clone()))
        .collect();
    let expected = [
        (first, json!("Accepted"), Value::Null),
        (done, Value::Null, json!(3005)),
        (999, Value::Null, json!(3003)),
        (first, Value::Null, json!(3001)),
    ];
    assert_eq!(results, expected);
    let without = json!({"PerformedBy": {"Name": "Jon"}, "WorkOrderIds": [second]});
    let answer = office.put("bulk/reject", without).await.with(200);
    assert_eq!(answer["Results"][0]["Code"], 2100, "a rejection needs its comment");
    assert_eq!(whole(house, second).await["Status"], "New");
    let with = json!({"PerformedBy": {"Name": "Jon"}, "WorkOrderIds": [second], "Comment": "no"});
    let answer = office.put("bulk/reject", with).await.with(200);
    assert_eq!(answer["Results"], json!([{"WorkOrderId": second, "Status": "Rejected"}]));
    let many: Vec<_> = (1..=51).collect();
    fault(office.put("bulk/accept", json!({"PerformedBy": {}, "WorkOrderIds": many})).await, 400, 2100);
    let deliveries = house.get(&format!("/v1/deliveries?WorkOrderId={first}")).await.with(200);
    assert_eq!(deliveries["Items"].as_array().unwrap().len(), 1, "only the creation is told of");
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_code_and_changes_nothing() {
    let office = Office::new().await;
    let house = &office.house;
    let order = create(house).await;
    let before = everything(house, order).await;
    let accept = |more: Value| {
        let mut body = request("workOrder/accept", order);
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (more, pointer) in [
        (json!({"PerformedBy": null}), "/PerformedBy"),
        (json!({"PerformedBy": "Jon"}), "/PerformedBy"),
        (json!({"PerformedBy": {"Phone": "1"}}), "/PerformedBy/Name"),
        (json!({"Comment": "x".repeat(3001)}), "/Comment"),
        (json!({"ActualActionDate": "yesterday"}), "/ActualActionDate"),
        (json!({"ActualActionDate": "2030-01-01T00:00:00Z"}), "/ActualActionDate"),
        (json!({"WorkOrderId": "42"}), "/WorkOrderId"),
        (json!({"WorkOrderId": null}), "/WorkOrderId"),
    ] {
        let told = fault(office.put("workOrder/accept", accept(more)).await, 400, 2100);
        assert_eq!(told["ValidationErrors"][0]["Pointer"], pointer);
    }
    fault(office.put("workOrder/accept", accept(json!({"WorkOrderId": 999}))).await, 404, 3003);
    fault(office.put("workOrder/sing", accept(json!({}))).await, 404, 404);
    fault(office.call("POST", "/Direct/api/workOrder/accept", None).await, 405, 405);
    let bearer = format!("Bearer {}", office.token);
    let bare = |kind: &'static str, text: &'static str| {
        let headers = [("authorization", bearer.clone()), ("content-type", kind.to_owned())];
        async move {
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            house.send_bare("PUT", "/Direct/api/workOrder/accept", &headers, Body::from(text)).await
        }
    };
    fault(bare("text/plain", "{}").await, 415, 415);
    fault(bare("application/json", "{").await, 400, 2100);
    fault(bare("application/json", "[]").await, 400, 2100);
    fault(call_as(house, "nonsense", "PUT", "/Direct/api/workOrder/accept", None).await, 401, 401);
    assert_eq!(everything(house, order).await, before);
    let rejected = json!({"MessageId": "m", "WorkOrderId": order, "PerformedBy": {"Name": "Jon"}});
    let told = fault(office.put("workOrder/reject", rejected).await, 400, 2100);
    assert_eq!(told["ValidationErrors"][0]["Pointer"], "/Comment");
}

#[tokio::test]
async fn what_the_customer_or_the_order_does_not_allow_has_codes_of_its_own() {
    let office = Office::new().await;
    let house = &office.house;
    let strict = json!({"Name": "Bakery", "AllowsQuotes": false, "AllowsBackDating": false});
    house.text("PUT", "/v1/customers/7", &strict.to_string()).await.with(201);
    let mut new = body(Action::NewWorkOrder, Variant::Minimal, house);
    new["Details"]["Customer"] = json!({"Id": 7, "Name": "Bakery"});
    let order = house.post("/v1/work-orders", new.clone()).await.with(201)["WorkOrderId"].as_i64().unwrap();
    let mut late = request("workOrder/accept", order);
    late["ActualActionDate"] = "2025-12-01T00:00:00Z".into();
    let told = fault(office.put("workOrder/accept", late).await, 400, 2100);
    assert_eq!(told["ValidationErrors"][0]["Pointer"], "/ActualActionDate");
    office.put("workOrder/accept", request("workOrder/accept", order)).await.with(200);
    let before = everything(house, order).await;
    let quote = request("workOrder/quoteSubmit", order);
    let told = fault(office.put("workOrder/quoteSubmit", quote.clone()).await, 409, 3004);
    assert!(told["AllowedActs"].is_array());
    let mut approved = quote;
    approved["Quote"]["QuoteStatus"] = "Approved".into();
    fault(office.put("workOrder/quoteSubmit", approved).await, 400, 2100);
    assert_eq!(everything(house, order).await, before);
    new["Details"]["IsPreBilled"] = true.into();
    let billed = house.post("/v1/work-orders", new).await.with(201)["WorkOrderId"].as_i64().unwrap();
    fault(office.put("workOrder/accept", request("workOrder/accept", billed)).await, 409, 3002);
    act(house, billed, body(Action::Accepted, Variant::Minimal, house)).await.with(202);
}

#[tokio::test]
async fn orders_are_read_by_id_and_found_by_search() {
    let office = Office::new().await;
    let house = &office.house;
    let mut ids = Vec::new();
    for number in ["A", "B", "C"] {
        let mut new = body(Action::NewWorkOrder, Variant::Minimal, house);
        new["Details"]["WorkOrderNumber"] = number.into();
        new["Details"]["Customer"] = json!({"Id": if number == "C" { 8 } else { 7 }, "Name": "x"});
        new["Details"]["Sla"] = json!({"PriorityName": "n", "IsEmergency": false,
            "DueDate": format!("2026-02-0{}T00:00:00Z", ids.len() + 1)});
        ids.push(house.post("/v1/work-orders", new).await.with(201)["WorkOrderId"].as_i64().unwrap());
    }
    act(house, ids[1], body(Action::Accepted, Variant::Minimal, house)).await.with(202);
    let numbers = |answer: &Value| {
        let orders = answer["WorkOrders"].as_array().unwrap();
        orders
            .iter()
            .map(|it| it["WorkOrderNumber"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join("")
    };
    for (query, expected) in [
        (format!("ids={}", ids[0]), "A"),
        (format!("ids={},999,{}", ids[2], ids[0]), "CA"),
        (format!("ids={}&ids={}", ids[0], ids[1]), "AB"),
        (format!("ids%5B0%5D={}&Ids[1]={}", ids[1], ids[2]), "BC"),
    ] {
        let answer = office.call("GET", &format!("/Direct/api/workOrder?{query}"), None).await.with(200);
        assert_eq!(numbers(&answer), expected, "{query}");
    }
    for query in [
        "",
        "ids=",
        "ids=x",
        &format!("ids={}", (1..=51).map(|n| n.to_string()).collect::<Vec<_>>().join(",")),
    ] {
        fault(office.call("GET", &format!("/Direct/api/workOrder?{query}"), None).await, 400, 2100);
    }
    for (parameters, expected) in [
        (json!({}), "CBA"),
        (json!({"WorkOrderNumber": "B"}), "B"),
        (json!({"Statuses": ["Accepted", "Paused"]}), "B"),
        (json!({"CustomerId": 7}), "BA"),
        (json!({"DueDate": {"From": "2026-02-02T00:00:00Z"}}), "CB"),
        (json!({"DueDate": {"To": "2026-02-02T00:00:00Z"}, "OnSiteBy": null}), "A"),
        (json!({"OnSiteBy": {"To": "2030-02-02T00:00:00Z"}}), ""),
        (
            json!({"Created": {"From": "2026-01-01T00:00:00Z"}, "LastUpdate": {"To": "2026-01-02T00:00:00Z"}}),
            "CBA",
        ),
    ] {
        let search = json!({"MessageId": "m", "Parameters": parameters});
        let answer = office.call("POST", "/Direct/api/workorder/search", Some(search)).await.with(200);
        assert_eq!(
            (numbers(&answer).as_str(), &answer["MessageId"]),
            (expected, &json!("m")),
            "{parameters}"
        );
    }
    for parameters in [
        json!({"Status": "New"}),
        json!({"Statuses": ["Sung"]}),
        json!({"Created": {"From": "x"}}),
        json!({"CustomerId": "7"}),
        json!([]),
    ] {
        let search = json!({"Parameters": parameters});
        fault(office.call("POST", "/Direct/api/workorder/search", Some(search)).await, 400, 2100);
    }
}

#[tokio::test]
async fn messages_and_notes_are_written_and_read() {
    let office = Office::new().await;
    let house = &office.house;
    let order = create(house).await;
    office.call("POST", "/Direct/api/messages", Some(request("messages", order))).await.with(200);
    act(house, order, body(Action::MessageSent, Variant::Minimal, house)).await.with(202);
    office.put("workOrder/note", request("workOrder/note", order)).await.with(200);
    let path = format!("/Direct/api/messages?workOrderId={order}&MessageId=m");
    let messages = office.call("GET", &path, None).await.with(200);
    assert_eq!((&messages["MessageId"], &messages["WorkOrderId"]), (&json!("m"), &json!(order)));
    let messages = messages["Messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    let expected = json!({"Text": "on my way", "ActionDate": house.now(),
        "Sender": {"Name": "Jon Snow", "Phone": "+12025550141", "Type": "CorrigoPro"}});
    assert_eq!(messages[0], expected);
    let path = format!("/Direct/api/workorder/noteHistory?WorkOrderId={order}");
    let notes = office.call("GET", &path, None).await.with(200);
    let expected =
        json!({"InternalNote": "bring a ladder", "UpdatedBy": "Jon Snow", "ActionDate": house.now()});
    assert_eq!(notes["Notes"], json!([expected]));
    let read = office.call("GET", &format!("/Direct/api/workOrder?ids={order}"), None).await.with(200);
    assert_eq!(read["WorkOrders"][0]["InternalNote"], "bring a ladder");
    for path in ["messages", "workorder/noteHistory"] {
        fault(office.call("GET", &format!("/Direct/api/{path}?WorkOrderId=999"), None).await, 404, 3003);
        fault(office.call("GET", &format!("/Direct/api/{path}"), None).await, 400, 2100);
    }
}

#[tokio::test]
async fn every_request_stands_in_the_log_as_inbound_without_its_token() {
    let office = Office::new().await;
    let house = &office.house;
    let order = create(house).await;
    office.put("workOrder/accept", request("workOrder/accept", order)).await.with(200);
    fault(office.put("workOrder/accept", request("workOrder/accept", order)).await, 409, 3001);
    office.call("GET", "/Direct/api/heartbeat?MessageId=m", None).await.with(200);
    // The writer takes one after the other: when this is answered, the records are on disk.
    house.store.check_value(house.master_key.check_value()).await.unwrap();
    let log = house.get("/v1/log?CompanyId=acme&Direction=Inbound").await.with(200)["Items"].clone();
    let log = log.as_array().unwrap();
    let seen: Vec<_> = log.iter().map(|it| (it["Action"].clone(), it["Status"].clone())).collect();
    let expected = [("directHeartbeat", 200), ("Accepted", 409), ("Accepted", 200)];
    assert_eq!(seen, expected.map(|(action, status)| (json!(action), json!(status))));
    assert_eq!((&log[1]["WorkOrderId"], &log[1]["BranchId"]), (&json!(order), &json!(492_042)));
    assert_eq!(log[1]["WorkOrderNumber"], "RTL-0004217");
    let by_number = house.get("/v1/log?WorkOrderNumber=RTL-0004217").await.with(200);
    assert_eq!(by_number["Items"].as_array().unwrap().len(), 2);
    assert_eq!(house.get("/v1/log?WorkOrderNumber=RTL-1").await.with(200)["Items"], json!([]));
    let record = house.get(&format!("/v1/log/{}", log[1]["LogId"])).await;
    assert!(!record.text.contains(&office.token), "{}", record.text);
    let record = record.with(200);
    assert_eq!(
        (&record["Direction"], &record["Url"]),
        (&json!("Inbound"), &json!("/Direct/api/workOrder/accept"))
    );
    assert_eq!(record["RequestHeaders"]["authorization"], "***");
    assert_eq!(record["MessageId"], "00000000-0000-0000-0000-000000000000");
    let sent: Value = serde_json::from_str(record["Body"].as_str().unwrap()).unwrap();
    assert_eq!(sent, request("workOrder/accept", order));
    assert!(record["ResponseBody"].as_str().unwrap().contains("3001"));
}
