//! How large the file gets: what the book says that a day costs, and that a bound is kept.

use bytes::Bytes;

use super::place::Folder;
use crate::conformance::Bench;
use crate::conformance::bench::{DAY, End, MINUTE};
use crate::record::Acceptance;

/// Bytes of a body.
const BODY: usize = 1024;

fn used(folder: &std::path::Path) -> u64 {
    let connection = rusqlite::Connection::open(folder.join("workbell.db")).unwrap();
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0)).unwrap();
    (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
}

fn with_body(bench: &mut Bench, order: i64) -> Acceptance {
    Acceptance { body: Bytes::from(vec![b'x'; BODY]), ..bench.acceptance(order) }
}

/// Bytes per notification, beside its body, for so many failed attempts before the one that arrives.
async fn cost(failures: usize) -> u64 {
    const COUNT: u64 = 400;
    let folder = Folder::fresh();
    let path = folder.path().to_owned();
    let mut bench = Bench::open(folder).await;
    let endpoint = bench.endpoint().await;
    let before = used(&path);
    for order in 1..=i64::try_from(COUNT).unwrap() {
        let acceptance = with_body(&mut bench, order);
        bench.accept(acceptance).await.unwrap();
        for _ in 0..failures {
            bench.attempt(&endpoint, order, End::Failure(MINUTE)).await;
        }
        bench.attempt(&endpoint, order, End::Success).await;
    }
    bench.reopen().await;
    (used(&path) - before) / COUNT - BODY as u64
}

/// The numbers of docs/src/retention.md. The log records here have no headers, which take most of a real one.
#[tokio::test]
async fn a_notification_costs_what_the_book_says() {
    let arrived_at_once = cost(0).await;
    let per_attempt = (cost(4).await - arrived_at_once) / 4;
    println!(
        "beside the body: {arrived_at_once} bytes with one attempt, {per_attempt} more for each further one"
    );
    assert!((300..900).contains(&arrived_at_once), "{arrived_at_once}");
    assert!((100..500).contains(&per_attempt), "{per_attempt}");
}

#[tokio::test]
async fn a_file_with_a_bound_does_not_grow_on() {
    const MOST: u64 = 2 << 20;
    let folder = Folder::fresh();
    let path = folder.path().to_owned();
    let mut bench = Bench::open(folder).await;
    bench.endpoint().await;
    let mut sizes = Vec::new();
    for _ in 0..6 {
        for order in 0..20 {
            let acceptances: Vec<_> = (0..100)
                .map(|_| Acceptance {
                    branch_id: 0,
                    company_id: Some("other".parse().unwrap()),
                    ..with_body(&mut bench, order)
                })
                .collect();
            if order == 0 && sizes.is_empty() {
                bench.company("other").await;
            }
            bench.store().accept(acceptances).await.unwrap();
        }
        while bench.store().sweep_within(bench.now(), DAY, DAY, Some(MOST)).await.unwrap().more {}
        assert!(used(&path) <= MOST);
        sizes.push(std::fs::metadata(path.join("workbell.db")).unwrap().len());
    }
    bench.reopen().await;
    let last = std::fs::metadata(path.join("workbell.db")).unwrap().len();
    assert!(last < 4 * MOST, "what was removed is used again: {sizes:?}, {last}");
}
