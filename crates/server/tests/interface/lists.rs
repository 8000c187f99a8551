//! Every list: newest first, paged by an opaque cursor.

use std::time::Duration;

use serde_json::{Value, json};

use crate::house::{House, accepted, faults};

/// Walks a list with pages of two.
async fn walk(house: &House, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut next = String::new();
    for _ in 0..20 {
        let page = house.get(&format!("{path}?Limit=2{next}")).await.with(200);
        let part = page["Items"].as_array().unwrap();
        assert!(part.len() <= 2);
        items.extend(part.clone());
        match page["Next"].as_str() {
            Some(cursor) => next = format!("&After={cursor}"),
            None => return items,
        }
    }
    panic!("{path} does not end");
}

#[tokio::test]
async fn every_list_is_paged_newest_first_and_refuses_cursors_from_elsewhere() {
    let (house, _) = House::furnished().await;
    for number in 1..=4 {
        house.later(Duration::from_secs(1));
        let company = json!({"CompanyId": format!("c{number}"), "Name": "x"});
        house.post("/v1/companies", company).await.with(201);
        house.post("/v1/companies/acme/branches", json!({"BranchId": number, "Name": "x"})).await.with(201);
        house.post("/v1/companies/acme/clients", json!({"Name": format!("{number}")})).await.with(201);
        house.post("/v1/companies/acme/endpoints", json!({"Url": "https://example.com/"})).await.with(201);
        house.post("/v1/actions", json!({"Name": format!("Own{number}"), "Sample": {}})).await.with(201);
        house.post("/v1/notifications", accepted("ok")).await.with(202);
    }
    let lists = [
        ("/v1/companies", "Created", 5),
        ("/v1/companies/acme/branches", "Created", 5),
        ("/v1/companies/acme/clients", "Created", 4),
        ("/v1/companies/acme/endpoints", "Created", 5),
        ("/v1/notifications", "Accepted", 4),
        // The first went to two endpoints, the last to five.
        ("/v1/deliveries", "Accepted", 14),
        ("/v1/keys", "Created", 3),
        ("/v1/actions", "", 32),
    ];
    for (path, sorted_by, expected) in lists {
        let items = walk(&house, path).await;
        assert_eq!(items.len(), expected, "{path}");
        if !sorted_by.is_empty() {
            let times: Vec<_> = items.iter().map(|it| it[sorted_by].as_str().unwrap()).collect();
            assert!(times.is_sorted_by(|a, b| a >= b), "{path}: {times:?}");
        }
        assert_eq!(
            items,
            house.get(&format!("{path}?Limit=10000")).await.with(200)["Items"].as_array().unwrap().clone()
        );
        let found = house.get(&format!("{path}?After=not-a-cursor")).await.problem(422, "schema_violation");
        assert_eq!(found, faults([("?After", "bad_cursor")]), "{path}");
    }
    let found = house.get("/v1/log?After=not-a-cursor").await.problem(422, "schema_violation");
    assert_eq!(found, faults([("?After", "bad_cursor")]));
}

#[tokio::test]
async fn a_page_has_fifty_items_and_never_more_than_five_hundred() {
    let (house, _) = House::furnished().await;
    let many: Value = (0..600).map(|_| accepted("ok")).collect();
    house.post("/v1/notifications", many).await.with(200);
    for (query, expected) in [("", 50), ("?Limit=1", 1), ("?Limit=500", 500), ("?Limit=100000", 500)] {
        let page = house.get(&format!("/v1/notifications{query}")).await.with(200);
        assert_eq!(page["Items"].as_array().unwrap().len(), expected, "{query}");
        assert!(page["Next"].is_string());
    }
}
