//! Jobs over the interface: what can be asked for, by whom, and what is answered. Nothing carries them out here.

use serde_json::{Value, json};
use workbell_model::Role;

use crate::house::{House, accepted, faults};
use crate::rights::{SAME, sign_in, with_cookie};

const NOTHING: &str = "01922d6e-7b2a-7c4e-9a53-3f0c8d1e2b47";

#[tokio::test]
async fn a_job_is_made_listed_read_and_cancelled() {
    let (house, endpoint) = House::furnished().await;
    let asked = json!({ "Kind": "Retry", "Filter": { "EndpointId": endpoint, "State": "Dead" } });
    let reply = house.post("/v1/jobs", asked.clone()).await;
    let location = reply.header("location").to_owned();
    let job = reply.with(201);
    assert_eq!(location, format!("/v1/jobs/{}", job["JobId"].as_str().unwrap()));
    assert_eq!((&job["Kind"], &job["Filter"]), (&asked["Kind"], &asked["Filter"]));
    assert_eq!(
        (&job["State"], &job["Total"], &job["RatePerSecond"]),
        (&json!("Running"), &Value::Null, &json!(50))
    );
    assert_eq!((&job["Done"], &job["Skipped"], &job["Failed"]), (&json!(0), &json!(0), &json!(0)));
    assert_eq!(house.get(&location).await.with(200), job);
    let second = json!({ "Kind": "Discard", "All": true, "RatePerSecond": 7, "DryRun": true });
    let second = house.post("/v1/jobs", second).await.with(201);
    assert_eq!(
        (&second["Filter"], &second["RatePerSecond"], &second["DryRun"]),
        (&json!({}), &json!(7), &json!(true))
    );
    let page = house.get("/v1/jobs?Limit=1").await.with(200);
    assert_eq!(page["Items"], json!([second]));
    let rest = house.get(&format!("/v1/jobs?After={}", page["Next"].as_str().unwrap())).await.with(200);
    assert_eq!(rest, json!({ "Items": [job], "Next": null }));
    let cancelled = house.post(&format!("{location}/cancel"), json!({})).await.with(200);
    assert_eq!(
        (&cancelled["State"], &cancelled["Finished"]),
        (&json!("Cancelled"), &json!("2026-01-01T00:00:00Z"))
    );
    house.post(&format!("{location}/cancel"), json!({})).await.problem(409, "state_conflict");
    for path in [format!("/v1/jobs/{NOTHING}"), "/v1/jobs/x".to_owned()] {
        house.get(&path).await.problem(404, "not_found");
        house.post(&format!("{path}/cancel"), json!({})).await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_makes_no_job() {
    let (house, _) = House::furnished().await;
    let cases = [
        (json!({ "Kind": "Retry" }), faults([("/Filter", "missing")])),
        (json!({ "Kind": "Retry", "Filter": {} }), faults([("/Filter", "missing")])),
        (json!({ "Kind": "Repair", "All": true }), faults([("/Kind", "not_allowed")])),
        (
            json!({ "Kind": "Retry", "Filter": { "state": "Dead" } }),
            faults([("/Filter/state", "unknown_member")]),
        ),
        (
            json!({ "Kind": "Retry", "Filter": { "State": "Delivered" } }),
            faults([("/Filter/State", "not_allowed")]),
        ),
        (
            json!({ "Kind": "Discard", "Filter": { "State": "Discarded" } }),
            faults([("/Filter/State", "not_allowed")]),
        ),
        (
            json!({ "Kind": "Retry", "All": true, "RatePerSecond": 0 }),
            faults([("/RatePerSecond", "out_of_range")]),
        ),
        (
            json!({ "Kind": "Replay", "Filter": { "State": "Dead", "Error": "Timeout" } }),
            faults([("/Filter/State", "not_allowed"), ("/Filter/Error", "not_allowed")]),
        ),
        (
            json!({ "Kind": "Erase", "All": true }),
            faults([("/All", "not_allowed"), ("/Filter", "not_allowed")]),
        ),
        (
            json!({ "Kind": "Erase", "Filter": { "CompanyId": "acme", "WorkOrderId": 1, "BranchId": 2 } }),
            faults([("/Filter", "not_allowed")]),
        ),
    ];
    for (asked, expected) in cases {
        let found = house.post("/v1/jobs", asked.clone()).await.problem(422, "schema_violation");
        assert_eq!(found, expected, "{asked}");
    }
    let unknown = json!({ "Kind": "Retry", "Filter": { "CompanyId": "nobody" } });
    house.post("/v1/jobs", unknown).await.problem(404, "not_found");
    assert_eq!(house.get("/v1/jobs").await.with(200)["Items"], json!([]));
}

#[tokio::test]
async fn an_admin_makes_jobs_of_the_own_company_and_a_reader_reads_them() {
    let (house, _) = House::furnished().await;
    house.post("/v1/companies", json!({"CompanyId": "other", "Name": "Other"})).await.with(201);
    house.post("/v1/notifications", accepted("ok")).await.with(202);
    let (admin, reader) = (sign_in(&house, Role::Admin).await, sign_in(&house, Role::Reader).await);
    let ask = async |cookie: &str, path: &str, body: Value| {
        with_cookie(&house, cookie, ("POST", path), &[SAME], Some(body)).await
    };
    let job = ask(&admin, "/v1/jobs", json!({ "Kind": "Retry", "All": true })).await.with(201);
    assert_eq!(job["Filter"], json!({ "CompanyId": "acme" }), "all of the own company");
    let own = format!("/v1/jobs/{}", job["JobId"].as_str().unwrap());
    let foreign = json!({ "Kind": "Retry", "Filter": { "CompanyId": "other" } });
    let nobodys = json!({ "Kind": "Retry", "Filter": { "CompanyId": "nobody" } });
    ask(&admin, "/v1/jobs", foreign.clone()).await.problem(404, "not_found");
    ask(&admin, "/v1/jobs", nobodys).await.problem(404, "not_found");
    let erase = json!({ "Kind": "Erase", "Filter": { "CompanyId": "acme", "WorkOrderId": 1 } });
    ask(&admin, "/v1/jobs", erase).await.problem(403, "forbidden");
    ask(&reader, "/v1/jobs", json!({ "Kind": "Retry", "All": true })).await.problem(403, "forbidden");
    ask(&reader, &format!("{own}/cancel"), json!({})).await.problem(403, "forbidden");
    let theirs = house.post("/v1/jobs", foreign).await.with(201);
    let theirs = format!("/v1/jobs/{}", theirs["JobId"].as_str().unwrap());
    for cookie in [&admin, &reader] {
        let list = with_cookie(&house, cookie, ("GET", "/v1/jobs"), &[], None).await.with(200);
        assert_eq!(list["Items"], json!([job]));
        with_cookie(&house, cookie, ("GET", &own), &[], None).await.with(200);
        with_cookie(&house, cookie, ("GET", &theirs), &[], None).await.problem(404, "not_found");
    }
    ask(&admin, &format!("{theirs}/cancel"), json!({})).await.problem(404, "not_found");
    ask(&admin, &format!("{own}/cancel"), json!({})).await.with(200);
}
