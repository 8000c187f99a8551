//! No statement of a busy store walks a whole table, and each index serves one.

use rusqlite::Connection;
use workbell_model::job::Kind;
use workbell_model::work_order::Act;
use workbell_model::{Customer, Person, PersonId, Reason, Role, State};

use super::place::Folder;
use crate::alert::{AlertFilter, Telling};
use crate::audit::AuditFilter;
use crate::conformance::bench::{DAY, End, MINUTE, ORDER, company};
use crate::conformance::jobs::{make, run};
use crate::conformance::{Bench, work_orders};
use crate::filter::{DeliveryFilter, LogFilter, NotificationFilter, Paging};
use crate::job::Filter;
use crate::record::{Attempted, Change, EndpointChange, IfUndelivered, Session};
use crate::traffic::Span;
use crate::work_order::WorkOrderFilter;

/// What reads a table whole, and why that is right.
const WHOLE: [&str; 22] = [
    // Once, by a migration.
    "INSERT INTO log_orders (work_order_id, log_no) SELECT",
    // At start, into the directory.
    "FROM companies WHERE deleted IS NULL",
    "SELECT company_id, branch_id, name, created FROM branches",
    "created, deleted\n         FROM clients",
    "generation\n         FROM endpoints\n         WHERE deleted IS NULL",
    "FROM endpoints AS e",
    "SELECT name, sample, created FROM actions",
    "SELECT company_id, endpoint_id, state FROM health",
    "SELECT company_id, branch_id, below FROM branch_discards",
    // A handful of rows.
    "SELECT key_id, record FROM signing_keys",
    // The oldest rows first, and no more than are wanted.
    "FROM log ORDER BY log_no LIMIT ?1",
    "SELECT start FROM log ORDER BY log_no LIMIT 1",
    "FROM audit ORDER BY audit_no LIMIT ?1",
    "FROM alerts ORDER BY alert_no LIMIT ?1",
    "FROM log WHERE start >= ?1 ORDER BY log_no LIMIT 1",
    "SELECT minute FROM traffic ORDER BY minute LIMIT 1",
    "SELECT job_no FROM jobs ORDER BY job_no LIMIT 1 OFFSET ?1",
    // Through an index of those alone that are under way.
    "FROM alerts\n         WHERE sent IS NULL",
    "FROM alerts WHERE sent IS NULL",
    "FROM jobs WHERE open = 1",
    // A page of all jobs.
    "FROM jobs\n         WHERE ?2 IS NULL",
    // To find a MessageId without a company: one look-up for each.
    "SELECT company_id FROM companies",
];

/// What sorts: the attempts of one delivery, or of the deliveries of one notification; a migration.
const SORTS: [&str; 2] =
    ["l.delivery_no BETWEEN ?2 AND ?3", "INSERT INTO log_orders (work_order_id, log_no) SELECT"];

/// Statements of the hot paths, by a part of them, with what their plan must say.
const HOT: [(&str, &str); 25] = [
    ("json_extract(l.detail, '$.MessageId') = ?2", "log_by_message (<expr>=? AND log_no<?)"),
    (
        "SELECT work_order_id FROM lanes\n         WHERE endpoint_id = ?1 AND mark = ?2 AND due <= ?3",
        "lanes_by_due (endpoint_id=? AND mark=? AND due<?)",
    ),
    (
        "SELECT work_order_id FROM lanes\n         WHERE endpoint_id = ?1 AND mark < ?2",
        "lanes_by_due (endpoint_id=? AND mark<?)",
    ),
    (
        "SELECT MIN(due) FROM lanes WHERE endpoint_id = ?1 AND mark = ?2 AND due > ?3",
        "lanes_by_due (endpoint_id=? AND mark=? AND due>? AND due<?)",
    ),
    (
        "SELECT work_order_id FROM lanes\n         WHERE endpoint_id = ?1 AND mark = ?2 AND due > ?3",
        "lanes_by_due (endpoint_id=? AND mark=? AND due>?)",
    ),
    (
        "SELECT MIN(due) FROM lanes WHERE endpoint_id = ?1 AND mark = ?2 AND due IS NOT NULL",
        "lanes_by_due (endpoint_id=? AND mark=?",
    ),
    (
        "u.sequence > ?4\n     ORDER BY u.sequence",
        "undelivered_by_lane (company_id=? AND endpoint_id=? AND work_order_id=? AND sequence>?)",
    ),
    (
        "SELECT COUNT(*) FROM undelivered WHERE company_id = ?1 AND endpoint_id = ?2",
        "COVERING INDEX undelivered_by_lane",
    ),
    (
        "SELECT COUNT(*), MAX(sequence) FROM undelivered",
        "COVERING INDEX undelivered_by_lane (company_id=? AND endpoint_id=? AND work_order_id=?)",
    ),
    (
        "wish FROM undelivered\n         WHERE company_id = ?1",
        "undelivered_by_lane (company_id=? AND endpoint_id=? AND work_order_id=?)",
    ),
    ("SELECT sequence FROM lanes", "PRIMARY KEY (company_id=? AND endpoint_id=? AND work_order_id=?)"),
    ("wish, counted\n                 FROM undelivered", "INTEGER PRIMARY KEY"),
    ("WHERE company_id = ?1 AND message_id = ?2", "notifications_by_message (company_id=? AND message_id=?)"),
    (
        "(emptied, company_id, endpoint_id, work_order_id) > (?2, ?3, ?4, ?5)",
        "lanes_by_emptied ((emptied,company_id,endpoint_id,work_order_id)>(?,?,?,?) AND emptied<?)",
    ),
    (
        "WHERE n.work_order_id = ?1 AND n.notification_no < ?2",
        "notifications_by_work_order (work_order_id=? AND notification_no<?)",
    ),
    (
        "(mark, due, work_order_id) > (?2, ?3, ?4)",
        "lanes_by_due (endpoint_id=? AND (mark,due,work_order_id)>(?,?,?))",
    ),
    (
        "(work_order_id, sequence) > (?3, ?4)",
        "undelivered_by_lane (company_id=? AND endpoint_id=? AND (work_order_id,sequence)>(?,?))",
    ),
    (
        "sequence < ?4\n                 LIMIT 1",
        "undelivered_by_lane (company_id=? AND endpoint_id=? AND work_order_id=? AND sequence<?)",
    ),
    ("ORDER BY f.delivery_no", "PRIMARY KEY (company_id=? AND endpoint_id=? AND delivery_no>?)"),
    (
        "SELECT n.accepted\n             FROM feed AS f",
        "PRIMARY KEY (company_id=? AND endpoint_id=? AND delivery_no=?)",
    ),
    ("d.state = 1 AND d.state <> 0", "finished_undone (state=? AND delivery_no"),
    (
        "SELECT minute, waiting FROM backlog",
        "PRIMARY KEY (company_id=? AND endpoint_id=? AND minute>? AND minute<?)",
    ),
    ("SELECT 1 FROM undelivered WHERE company_id = ?1 LIMIT", "COVERING INDEX undelivered_"),
    ("WHERE company_id = ?1 AND attempts > 0", "INDEX undelivered_tried (company_id=?)"),
    (
        "AND state = ?3 AND state <> 0 LIMIT",
        "COVERING INDEX finished_undone_by_company (company_id=? AND state=?)",
    ),
];

/// Everything that a store is asked in its life.
async fn busy_life(bench: &mut Bench) {
    let endpoint = bench.endpoint().await;
    bench.client(&endpoint.company_id).await;
    for order in 1..=5 {
        bench.publish_many(order, 3).await;
    }
    bench.attempt(&endpoint, 1, End::Failure(MINUTE)).await;
    bench.attempt(&endpoint, 2, End::Death(Reason::Exhausted)).await;
    for _ in 0..3 {
        bench.attempt(&endpoint, 3, End::Success).await;
    }
    let again = bench.acceptance(4);
    bench.accept(again.clone()).await.unwrap();
    bench.accept(again.clone()).await.unwrap();
    for _ in 0..12 {
        bench.attempt(&endpoint, 4, End::Failure(MINUTE)).await;
    }
    bench.probe(&endpoint, End::Failure(MINUTE)).await.unwrap();
    bench.store().front(&endpoint, 4, bench.now(), 10).await.unwrap();
    bench.update(&endpoint, EndpointChange::Reopened, |_| ()).await;
    let head = bench.head(&endpoint, 4).await;
    bench.discard(head.id()).await.unwrap();
    bench.retry(head.id()).await.unwrap();
    bench.store().settle(head.no, bench.now()).await.unwrap();
    bench.due(&endpoint).await;
    bench.store().due_times(bench.now()).await.unwrap();
    bench.store().backlog(&endpoint).await.unwrap();
    let span = Span { from: bench.now().minus(DAY), to: bench.now(), step: 1 };
    bench.store().traffic(&endpoint, span).await.unwrap();
    bench.store().backlog_over(&endpoint, span).await.unwrap();
    bench.store().tally(&endpoint.company_id).await.unwrap();
    bench.store().waiting(&endpoint).await.unwrap();
    feed(bench).await;
    bench.store().keys().await.unwrap();
    lists(bench, &head, &endpoint).await;
    people(bench).await;
    work_orders(bench).await;
    jobs(bench, &endpoint).await;
    bench.pass(2 * DAY);
    bench.sweep(DAY, DAY).await;
    while bench.store().sweep_within(bench.now(), DAY, DAY, Some(1)).await.unwrap().more {}
    let delete = Change::DeleteBranch(
        company("acme"),
        crate::conformance::bench::BRANCH,
        IfUndelivered::Discard,
        bench.now(),
    );
    bench.change(delete).await.unwrap();
    bench.delete(&endpoint, IfUndelivered::Refuse).await.unwrap();
    bench.change(Change::DeleteCompany(company("acme"), IfUndelivered::Refuse, bench.now())).await.unwrap();
    bench.reopen().await;
}

async fn work_orders(bench: &mut Bench) {
    let creation = work_orders::creation(bench, 77);
    bench.store().create_work_order(creation).await.unwrap().unwrap();
    let acting = work_orders::acting(bench, 77, Act::Accept, "{}");
    for _ in 0..2 {
        bench.store().act(acting.clone()).await.unwrap().unwrap();
    }
    let paging = || Paging { after: None, limit: 10 };
    for company_id in [None, Some(company("acme"))] {
        let filter = WorkOrderFilter { company_id, ..WorkOrderFilter::default() };
        assert_eq!(bench.store().work_orders(filter, paging()).await.unwrap().items.len(), 1);
    }
    bench.store().time_line(&company("acme"), 77, None).await.unwrap();
    bench.change(Change::PutCustomer(Customer::default())).await.unwrap();
    bench.store().customer(7).await.unwrap();
    bench.store().customers(paging()).await.unwrap();
}

async fn jobs(bench: &mut Bench, endpoint: &workbell_model::EndpointKey) {
    let filter = Filter { company_id: Some(endpoint.company_id.clone()), ..Filter::default() };
    for kind in [Kind::Retry, Kind::Discard, Kind::Replay, Kind::Erase] {
        let work_order_id = (kind == Kind::Erase).then_some(1);
        let job = make(bench, kind, Filter { work_order_id, ..filter.clone() }).await;
        bench.store().unfinished_jobs().await.unwrap();
        run(bench, &job).await;
        bench.store().job(job.job.id, None).await.unwrap().unwrap();
    }
    for company in [None, Some(&endpoint.company_id)] {
        bench.store().jobs(company, Paging { after: None, limit: 1 }).await.unwrap();
    }
}

async fn feed(bench: &mut Bench) {
    let mut endpoint = bench.an_endpoint(&company("acme"));
    endpoint.settings.url = None;
    let pull = bench.create(endpoint).await;
    bench.publish_many(6, 2).await;
    let page = bench.store().feed(&pull, None, 1).await.unwrap();
    bench.store().feed(&pull, Some(page.next), 10).await.unwrap();
}

async fn people(bench: &Bench) {
    let (acme, now) = (company("acme"), bench.now());
    let id = PersonId::from_uuid(uuid::Uuid::from_u128(1));
    let person = Person {
        company_id: acme.clone(),
        person_id: id,
        email: "ann@example.org".to_owned(),
        role: Role::Admin,
        password: None,
        link: Some(([7; 32], now.plus(DAY))),
        created: now,
    };
    let session = Session { token: [1; 32], person: Some((acme.clone(), id)), until: now.plus(DAY) };
    let attempted = Attempted { name: [2; 32], address: "192.0.2.1".to_owned() };
    for change in [
        Change::CreatePerson(person.clone()),
        Change::UpdatePerson(person),
        Change::OpenSession(session, now),
        Change::CloseSession([1; 32]),
        Change::TryPassword(attempted.clone(), now),
        Change::TryPassword(attempted.clone(), now),
        Change::ForgetTries(attempted),
    ] {
        bench.change(change).await.unwrap();
    }
    bench.store().people(&acme).await.unwrap();
    bench.store().people_named("ann@example.org").await.unwrap();
    bench.store().person_of_link([7; 32], now).await.unwrap().unwrap();
    bench.store().session([1; 32], now).await.unwrap();
    bench.change(Change::SetPassword { link: [7; 32], password: String::new(), now }).await.unwrap();
    bench.change(Change::DeletePerson(acme, id)).await.unwrap();
}

async fn lists(bench: &Bench, head: &workbell_model::Undelivered, endpoint: &workbell_model::EndpointKey) {
    let paging = || Paging { after: None, limit: 10 };
    for work_order_id in [None, Some(ORDER)] {
        let filter = NotificationFilter { work_order_id, ..NotificationFilter::default() };
        bench.store().notifications(filter.clone(), paging()).await.unwrap();
        for state in State::ALL.into_iter().map(Some).chain([None]) {
            let filter = DeliveryFilter {
                state: state.map(Into::into),
                notification: filter.clone(),
                ..DeliveryFilter::default()
            };
            bench.store().deliveries(filter, paging()).await.unwrap();
        }
    }
    for filter in [
        AuditFilter::default(),
        AuditFilter { company_id: Some(endpoint.company_id.clone()), ..AuditFilter::default() },
        AuditFilter { subject: Some("acme".to_owned()), ..AuditFilter::default() },
    ] {
        bench.store().audit(filter, paging()).await.unwrap();
    }
    let alert = bench.store().untold_alerts(bench.now(), 10).await.unwrap().due[0].clone();
    bench.store().told(alert.no, Telling::Told(bench.now())).await.unwrap();
    bench.store().alerts(AlertFilter::default(), paging()).await.unwrap();
    bench.store().notification(&endpoint.company_id, head.message_id).await.unwrap().unwrap();
    bench.store().attempts(head.id()).await.unwrap();
    bench.store().log_record(1).await.unwrap();
    let any = LogFilter::default;
    for filter in [
        any(),
        LogFilter { company_id: Some(endpoint.company_id.clone()), ..any() },
        LogFilter { endpoint_id: Some(endpoint.endpoint_id), ..any() },
        LogFilter { delivery_id: Some(head.id()), ..any() },
        LogFilter { work_order_id: Some(ORDER), ..any() },
        LogFilter { work_order_number: Some("WO-1".to_owned()), ..any() },
        LogFilter { message_id: Some(head.message_id), ..any() },
        LogFilter { work_order_number: Some("N-77".to_owned()), ..any() },
    ] {
        bench.store().log(filter, paging()).await.unwrap();
    }
}

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let unbound = rusqlite::params_from_iter(vec![rusqlite::types::Null; statement.parameter_count()]);
    statement.query_map(unbound, |row| row.get(3)).unwrap().map(Result::unwrap).collect()
}

/// Each statement of a busy life with its plan.
async fn plans() -> (Connection, Vec<(String, Vec<String>)>) {
    let folder = Folder::fresh();
    let (file, hooks) = (folder.file("workbell.db"), folder.hooks.clone());
    let mut bench = Bench::open(folder).await;
    busy_life(&mut bench).await;
    let connection = Connection::open(file).unwrap();
    let is_planned = |sql: &String| {
        ["SELECT", "INSERT", "UPDATE", "DELETE"].iter().any(|verb| sql.trim_start().starts_with(verb))
    };
    let plans = hooks
        .statements()
        .into_iter()
        .filter(is_planned)
        .map(|sql| {
            let plan = plan(&connection, &sql);
            (sql, plan)
        })
        .collect();
    (connection, plans)
}

#[tokio::test]
async fn no_statement_reads_a_table_whole_or_sorts_much() {
    let (_connection, plans) = plans().await;
    assert!(plans.len() > 50, "they were watched: {}", plans.len());
    let mut offenders = Vec::new();
    for (sql, plan) in &plans {
        let is_among = |known: &[&str]| known.iter().any(|part| sql.contains(part));
        for step in plan {
            let reads_whole = step.starts_with("SCAN") && !is_among(&WHOLE);
            let sorts = step.contains("TEMP B-TREE") && !is_among(&SORTS);
            if reads_whole || sorts {
                offenders.push(format!("{step}: {sql}"));
            }
        }
    }
    assert!(offenders.is_empty(), "{offenders:#?}");
}

#[tokio::test]
async fn hot_statements_use_the_index_made_for_them() {
    let (_connection, plans) = plans().await;
    for (part, expected) in HOT {
        let found: Vec<_> = plans.iter().filter(|(sql, _)| sql.contains(part)).collect();
        assert!(!found.is_empty(), "it was run: {part}");
        for (sql, plan) in found {
            assert!(plan.iter().any(|step| step.contains(expected)), "{plan:?}: {sql}");
        }
    }
}

#[tokio::test]
async fn each_index_serves_a_statement() {
    let (connection, plans) = plans().await;
    let mut statement = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        .unwrap();
    let indexes: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(indexes.len() >= 9);
    for index in indexes {
        let serves = plans.iter().any(|(_, plan)| plan.iter().any(|step| step.contains(&index)));
        assert!(serves, "{index} costs each write and helps nobody");
    }
}

/// Fills the log as a hundred thousand attempts and requests would.
fn fill_log(connection: &Connection, endpoint: &workbell_model::EndpointKey) {
    let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
               INSERT INTO log
                 (log_no, company_id, endpoint_id, delivery_no, work_order_id, branch_id, action, direction, attempt,
                  mode, start, duration, status, error, next_due, detail)
               SELECT 1000 + i, ?1, CASE i % 10 WHEN 0 THEN NULL ELSE ?2 END, CASE i % 10 WHEN 0 THEN NULL ELSE i << 12 END,
                      i % 500, 1, 'Accepted', i % 10 = 0, 1, 0, i * 10000000, 5, 200, NULL, NULL, '{}'
               FROM n";
    let parameters = rusqlite::params![endpoint.company_id.as_str(), endpoint.endpoint_id.as_bytes()];
    assert_eq!(connection.execute(sql, parameters).unwrap(), 100_000);
    connection.execute("INSERT INTO log_orders SELECT work_order_id, log_no FROM log", []).unwrap();
    connection
        .execute("INSERT INTO labels VALUES (?1, 42, 'WO-1', 'Oak Café')", [endpoint.company_id.as_str()])
        .unwrap();
    // The planner decides by what it knows of the tables, as it would after years.
    connection.execute_batch("ANALYZE").unwrap();
}

#[tokio::test]
async fn filters_of_the_log_use_their_index_on_a_hundred_thousand_rows() {
    let folder = Folder::fresh();
    let (file, hooks) = (folder.file("workbell.db"), folder.hooks.clone());
    let mut bench = Bench::open(folder).await;
    let endpoint = bench.endpoint().await;
    let published = bench.publish(ORDER).await;
    let connection = Connection::open(file).unwrap();
    fill_log(&connection, &endpoint);
    bench.reopen().await;
    let any = LogFilter::default;
    let cases = [
        (any(), 10, "SEARCH l USING INTEGER PRIMARY KEY (rowid<?)"),
        (
            LogFilter { endpoint_id: Some(endpoint.endpoint_id), ..any() },
            10,
            "log_by_endpoint (endpoint_id=?",
        ),
        (LogFilter { work_order_id: Some(42), ..any() }, 10, "SEARCH o USING PRIMARY KEY (work_order_id=?"),
        (
            LogFilter { work_order_number: Some("WO-1".to_owned()), ..any() },
            10,
            "SEARCH o USING PRIMARY KEY (work_order_id=?",
        ),
        (
            LogFilter { company_id: Some(endpoint.company_id.clone()), ..any() },
            10,
            "log_by_company (company_id=?",
        ),
        (
            LogFilter { delivery_id: Some(published.deliveries[0]), ..any() },
            1,
            "log_by_delivery (delivery_no>",
        ),
        (LogFilter { message_id: Some(published.message_id), ..any() }, 1, "log_by_message"),
    ];
    for (filter, expected, index) in cases {
        let before = hooks.statements();
        let page = bench.store().log(filter.clone(), Paging { after: None, limit: 10 }).await.unwrap();
        assert_eq!(page.items.len(), expected, "{filter:?}");
        if filter.work_order_number.is_some() {
            let first = &page.items[0];
            assert_eq!(
                (first.work_order_number.as_deref(), first.customer.as_deref()),
                (Some("WO-1"), Some("Oak Café"))
            );
        }
        let asked = hooks.statements();
        // By number it is the statement of a work order, which was asked before.
        let again = filter.work_order_number.is_some();
        let walked: Vec<&String> =
            asked.iter().filter(|sql| sql.contains("log AS l") && !before.contains(*sql)).collect();
        assert_eq!(walked.is_empty(), again, "{filter:?}");
        let mut plans = Vec::new();
        for sql in walked {
            plans.extend(plan(&connection, sql));
        }
        assert!(again || plans.iter().any(|step| step.contains(index)), "{filter:?}: {plans:?}");
        assert!(!plans.iter().any(|step| step.starts_with("SCAN l")), "{filter:?}: {plans:?}");
    }
}
