//! All faults of a request are named at once, whatever kind they are: form, meaning, what it names that is unknown.

use serde_json::{Value, json};

use crate::house::{House, accepted, faults};

type Pairs = Vec<(String, String)>;

/// Refused as `schema_violation`, for at least one fault is one of form; the faults by pointer.
async fn refused(house: &House, method: &str, path: &str, body: &Value) -> Pairs {
    let reply = house.text(method, path, &body.to_string()).await;
    let mut found = reply.problem(422, "schema_violation");
    found.sort();
    found
}

fn sorted<const N: usize>(pairs: [(&str, &str); N]) -> Pairs {
    let mut pairs = faults(pairs);
    pairs.sort();
    pairs
}

#[tokio::test]
async fn of_an_endpoint() {
    let (house, endpoint) = House::furnished().await;
    let all = "/v1/companies/acme/endpoints";
    let body = json!({
        "Url": "http://10.0.0.1/", "Enabled": "yes", "Actions": [5, "Sung", "1st"], "BranchIds": [0, "x", 7],
        "ClientId": "01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47",
        "Headers": {"Host": 5, "X-Ok": "fine", "X-Line": "a\nb", "A B": "x"},
        "MaxConcurrency": 99, "MaxAttempts": 0, "Timeout": "31s", "RetrySchedule": ["soon"], "Colour": "red"
    });
    let expected = sorted([
        ("/Actions/0", "wrong_type"),
        ("/Actions/1", "unknown_action"),
        ("/Actions/2", "bad_name"),
        ("/BranchIds/0", "out_of_range"),
        ("/BranchIds/1", "wrong_type"),
        ("/BranchIds/2", "unknown_branch"),
        ("/ClientId", "unknown_client"),
        ("/Colour", "unknown_member"),
        ("/Enabled", "wrong_type"),
        ("/Headers/A B", "invalid_header"),
        ("/Headers/Host", "invalid_header"),
        ("/Headers/Host", "wrong_type"),
        ("/Headers/X-Line", "invalid_header"),
        ("/MaxAttempts", "out_of_range"),
        ("/MaxConcurrency", "out_of_range"),
        ("/RetrySchedule/0", "bad_duration"),
        ("/Timeout", "out_of_range"),
        ("/Url", "address_refused"),
    ]);
    assert_eq!(refused(&house, "POST", all, &body).await, expected);
    let one = format!("{all}/{endpoint}");
    let before = house.get(&one).await.with(200);
    assert_eq!(refused(&house, "PATCH", &one, &body).await, expected);
    assert_eq!(house.get(&one).await.with(200), before);

    let change = json!({"Url": null, "Actions": ["Sung"], "MaxAttempts": "many"});
    let expected =
        sorted([("/Actions/0", "unknown_action"), ("/MaxAttempts", "wrong_type"), ("/Url", "for_life")]);
    assert_eq!(refused(&house, "PATCH", &one, &change).await, expected);
    let found = refused(&house, "POST", &format!("{all}?Dry=1"), &json!({"Actions": ["Sung"]})).await;
    assert_eq!(
        found,
        sorted([("/Actions/0", "unknown_action"), ("/Url", "missing"), ("?Dry", "unknown_member")])
    );
}

#[tokio::test]
async fn a_fault_of_form_is_not_told_a_second_time_as_one_of_meaning() {
    let (house, _) = House::furnished().await;
    let body = json!({
        "Url": "", "Actions": [""], "BranchIds": [-1], "ClientId": "x", "RetrySchedule": [], "Timeout": "x"
    });
    let expected = sorted([
        ("/Actions/0", "bad_name"),
        ("/BranchIds/0", "out_of_range"),
        ("/ClientId", "bad_id"),
        ("/RetrySchedule", "out_of_range"),
        ("/Timeout", "bad_duration"),
        ("/Url", "too_short"),
    ]);
    assert_eq!(refused(&house, "POST", "/v1/companies/acme/endpoints", &body).await, expected);
    let twice = r#"{"Url": "https://example.com/", "Headers": {"X": "1", "X": "2"}}"#;
    let found = house.text("POST", "/v1/companies/acme/endpoints", twice).await;
    assert_eq!(found.problem(422, "schema_violation"), faults([("/Headers/X", "doubled")]));
}

#[tokio::test]
async fn of_an_emulation_a_person_an_action_and_a_job() {
    let (house, endpoint) = House::furnished().await;
    let path = format!("/v1/companies/acme/endpoints/{endpoint}/emulate");
    let body = json!({"Action": "Sung", "BranchId": 7, "Variant": "huge"});
    let expected =
        sorted([("/Action", "unknown_action"), ("/BranchId", "unknown_branch"), ("/Variant", "not_allowed")]);
    assert_eq!(refused(&house, "POST", &path, &body).await, expected);

    let body = json!({"Email": "nobody", "Role": "Chief"});
    let expected = sorted([("/Email", "bad_email"), ("/Role", "not_allowed")]);
    assert_eq!(refused(&house, "POST", "/v1/companies/acme/people", &body).await, expected);
    let good = json!({"Email": "a@example.com", "Role": "Reader"});
    let person = house.post("/v1/companies/acme/people", good).await.with(201)["PersonId"].clone();
    let path = format!("/v1/companies/acme/people/{}", person.as_str().unwrap());
    assert_eq!(refused(&house, "PATCH", &path, &body).await, expected);

    let body = json!({"Name": "Accepted", "Sample": {"Header": {}}, "Colour": "red"});
    let expected =
        sorted([("/Colour", "unknown_member"), ("/Name", "not_allowed"), ("/Sample/Header", "not_allowed")]);
    assert_eq!(refused(&house, "POST", "/v1/actions", &body).await, expected);

    let body = json!({
        "Kind": "Replay", "Filter": {"State": "Dead", "Error": "Timeout", "From": "now"}, "RatePerSecond": 0
    });
    let expected = sorted([
        ("/Filter/Error", "not_allowed"),
        ("/Filter/From", "bad_time"),
        ("/Filter/State", "not_allowed"),
        ("/RatePerSecond", "out_of_range"),
    ]);
    assert_eq!(refused(&house, "POST", "/v1/jobs", &body).await, expected);
    let body = json!({"Kind": "Erase", "All": true, "Filter": {"CompanyId": 5, "BranchId": 2}});
    let expected =
        sorted([("/All", "not_allowed"), ("/Filter", "not_allowed"), ("/Filter/CompanyId", "wrong_type")]);
    assert_eq!(refused(&house, "POST", "/v1/jobs", &body).await, expected);
}

#[tokio::test]
async fn of_what_needs_no_more_than_its_form() {
    let (house, _) = House::furnished().await;
    let client = house.post("/v1/companies/acme/clients", json!({})).await.with(201)["ClientId"].clone();
    let client = format!("/v1/companies/acme/clients/{}", client.as_str().unwrap());
    let name = [("/Colour", "unknown_member"), ("/Name", "wrong_type")];
    let cases = [
        ("PATCH", "/v1/companies/acme"),
        ("PATCH", "/v1/companies/acme/branches/492042"),
        ("POST", "/v1/companies/acme/clients"),
        ("PATCH", client.as_str()),
        ("PUT", "/v1/customers/5"),
    ];
    for (method, path) in cases {
        let body = json!({"Name": 5, "Colour": "red"});
        assert_eq!(refused(&house, method, path, &body).await, sorted(name), "{method} {path}");
    }
    let body = json!({"Name": "x".repeat(201), "CompanyId": "a b", "BranchId": "x"});
    let expected = sorted([("/BranchId", "unknown_member"), ("/CompanyId", "bad_id"), ("/Name", "too_long")]);
    assert_eq!(refused(&house, "POST", "/v1/companies", &body).await, expected);
    let expected =
        sorted([("/BranchId", "wrong_type"), ("/CompanyId", "unknown_member"), ("/Name", "too_long")]);
    assert_eq!(refused(&house, "POST", "/v1/companies/acme/branches", &body).await, expected);
    let body = json!({"Now": 1, "Soon": true});
    let expected = sorted([("/Now", "wrong_type"), ("/Soon", "unknown_member")]);
    for path in ["/v1/keys", &format!("{client}/rotate")] {
        assert_eq!(refused(&house, "POST", path, &body).await, expected, "{path}");
    }
}

#[tokio::test]
async fn of_a_notification_alone_and_in_an_array() {
    let (house, _) = House::furnished().await;
    let mut wrong = accepted("x");
    wrong["Header"]["BranchId"] = 7.into();
    wrong["Header"]["ActionDate"] = "now".into();
    wrong["InitiatedBy"] = json!({"ClientId": "01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47"});
    let expected = sorted([
        ("/Header/ActionDate", "bad_time"),
        ("/Header/BranchId", "unknown_branch"),
        ("/InitiatedBy/ClientId", "unknown_client"),
    ]);
    assert_eq!(refused(&house, "POST", "/v1/notifications", &wrong).await, expected);

    let mut unknown = wrong.clone();
    unknown["Header"]["Action"] = "Sung".into();
    unknown["Header"]["ActionDate"] = "2018-09-04T10:12:08Z".into();
    let strange = sorted([
        ("/Header/Action", "unknown_action"),
        ("/Header/BranchId", "unknown_branch"),
        ("/InitiatedBy/ClientId", "unknown_client"),
    ]);
    let mut found = house.post("/v1/notifications", unknown.clone()).await.problem(422, "unknown_action");
    found.sort();
    assert_eq!(found, strange);

    // Only the store would have refused these two.
    let mut known = unknown.clone();
    known["Header"]["Action"] = "Accepted".into();
    let mut found = house.post("/v1/notifications", known.clone()).await.problem(422, "unknown_branch");
    found.sort();
    let both = sorted([("/Header/BranchId", "unknown_branch"), ("/InitiatedBy/ClientId", "unknown_client")]);
    assert_eq!(found, both);

    let mut wide =
        json!({"Header": {"WorkOrderId": 0, "BranchId": 0, "Action": "Sung", "Sender": {"Name": 5}}});
    wide["CompanyId"] = "nobody".into();
    let whole = sorted([
        ("/CompanyId", "unknown_branch"),
        ("/Header/Action", "unknown_action"),
        ("/Header/Sender/Name", "wrong_type"),
        ("/Header/Sender/Type", "missing"),
    ]);
    assert_eq!(refused(&house, "POST", "/v1/notifications", &wide).await, whole);

    let items = json!([wrong, unknown, accepted("good"), known, wide]);
    let items = house.post("/v1/notifications", items).await.with(200);
    let pairs = |item: &Value| {
        let errors = item["Errors"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut pairs: Pairs = errors.iter().map(|it| (text(&it["Pointer"]), text(&it["Code"]))).collect();
        pairs.sort();
        pairs
    };
    for (place, expected) in [(0, &expected), (1, &strange), (3, &both), (4, &whole)] {
        assert_eq!(pairs(&items[place]), *expected, "{place}");
    }
    assert_eq!(items[2]["Fate"], "Queued");
}

#[tokio::test]
async fn of_a_work_order_and_an_act_on_it() {
    let (house, _) = House::furnished().await;
    let nobody = json!({"ClientId": "01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47"});
    let new = json!({
        "Sender": {"Name": "Dana"}, "MessageId": "x", "WorkOrderId": "x", "InitiatedBy": nobody,
        "Details": {"BranchId": 7, "Status": "Accepted", "WorkOrderNumber": "A-1", "Type": "PMRM"}
    });
    let expected = sorted([
        ("/Details/BranchId", "unknown_branch"),
        ("/Details/Status", "not_allowed"),
        ("/InitiatedBy/ClientId", "unknown_client"),
        ("/MessageId", "bad_id"),
        ("/Sender/Type", "missing"),
        ("/WorkOrderId", "wrong_type"),
    ]);
    assert_eq!(refused(&house, "POST", "/v1/work-orders", &new).await, expected);
    assert_eq!(house.get("/v1/work-orders").await.with(200)["Items"], json!([]));

    let order = crate::work_orders::create(&house).await;
    let path = format!("/v1/work-orders/{order}/actions");
    let body = json!({"Action": "Sung", "MessageId": "x", "ActionDate": 5, "InitiatedBy": nobody});
    let expected = sorted([
        ("/Action", "unknown_action"),
        ("/ActionDate", "wrong_type"),
        ("/InitiatedBy/ClientId", "unknown_client"),
        ("/MessageId", "bad_id"),
        ("/Sender/Name", "missing"),
        ("/Sender/Type", "missing"),
    ]);
    assert_eq!(refused(&house, "POST", &path, &body).await, expected);
    let twice = r#"{"Action": "Accepted", "Action": "Rejected", "Sender": {"Name": 5, "Type": "x"}, "ActionDate": "now"}"#;
    let mut found = house.text("POST", &path, twice).await.problem(422, "schema_violation");
    found.sort();
    let expected =
        sorted([("/Action", "doubled"), ("/ActionDate", "bad_time"), ("/Sender/Name", "wrong_type")]);
    assert_eq!(found, expected);
}
