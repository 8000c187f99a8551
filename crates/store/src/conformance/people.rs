//! People, their links and sessions, and the lock after wrong passwords.

use std::time::Duration;

use uuid::Uuid;
use workbell_model::{CompanyId, Person, PersonId, Role};
use workbell_wire::Timestamp;

use super::bench::{Bench, DAY, MINUTE, company};
use crate::Error;
use crate::record::{Attempted, Change, IfUndelivered, LOCK, Session, SignedIn};

fn id(number: u128) -> PersonId {
    PersonId::from_uuid(Uuid::from_u128(number))
}

fn a_person(company_id: &CompanyId, number: u128, email: &str) -> Person {
    Person {
        company_id: company_id.clone(),
        person_id: id(number),
        email: email.to_owned(),
        role: Role::Reader,
        password: None,
        link: None,
        created: Timestamp::from_unix_seconds(1_800_000_000 + i64::try_from(number).expect("it is small")),
    }
}

async fn create(bench: &Bench, person: &Person) {
    bench.change(Change::CreatePerson(person.clone())).await.expect("a person is created");
}

async fn open(bench: &Bench, token: u8, person: &Person) {
    let session = Session {
        token: [token; 32],
        person: Some((person.company_id.clone(), person.person_id)),
        until: bench.now().plus(DAY),
    };
    bench.change(Change::OpenSession(session, bench.now())).await.expect("a session is opened");
}

async fn role_of(bench: &Bench, token: u8) -> Option<Role> {
    match bench.store().session([token; 32], bench.now()).await.expect("sessions are read")? {
        SignedIn::Operator => panic!("nobody signed in as the operator"),
        SignedIn::Person { role, .. } => Some(role),
    }
}

pub(crate) async fn a_person_is_created_changed_and_deleted(mut bench: Bench) {
    let acme = bench.company("acme").await;
    let mut ann = a_person(&acme, 1, "ann@example.org");
    create(&bench, &ann).await;
    ann.role = Role::Admin;
    ann.email = "ann@example.com".to_owned();
    ann.link = Some(([7; 32], bench.now().plus(DAY)));
    bench.change(Change::UpdatePerson(ann.clone())).await.unwrap();
    let bob = a_person(&acme, 2, "bob@example.org");
    create(&bench, &bob).await;
    bench.reopen().await;
    assert_eq!(bench.store().people(&acme).await.unwrap(), [ann.clone(), bob.clone()]);
    assert_eq!(bench.store().people_named("ann@example.com").await.unwrap(), [ann]);
    assert!(bench.store().people_named("ann@example.org").await.unwrap().is_empty());
    bench.change(Change::DeletePerson(acme.clone(), id(1))).await.unwrap();
    assert_eq!(bench.store().people(&acme).await.unwrap(), [bob]);
    let again = bench.change(Change::DeletePerson(acme, id(1))).await;
    assert!(matches!(again, Err(Error::NotFound(_))));
}

pub(crate) async fn an_email_is_unique_within_a_company_only(bench: Bench) {
    let acme = bench.company("acme").await;
    let other = bench.company("other").await;
    let here = a_person(&acme, 1, "ann@example.org");
    let there = a_person(&other, 2, "ann@example.org");
    create(&bench, &here).await;
    create(&bench, &there).await;
    let namesake = a_person(&acme, 3, "ann@example.org");
    assert!(matches!(bench.change(Change::CreatePerson(namesake)).await, Err(Error::Exists(_))));
    let mut bob = a_person(&acme, 4, "bob@example.org");
    create(&bench, &bob).await;
    bob.email = "ann@example.org".to_owned();
    assert!(matches!(bench.change(Change::UpdatePerson(bob)).await, Err(Error::Exists(_))));
    assert_eq!(bench.store().people_named("ann@example.org").await.unwrap(), [here, there]);
}

pub(crate) async fn a_person_of_another_company_cannot_be_touched(bench: Bench) {
    let acme = bench.company("acme").await;
    let other = bench.company("other").await;
    let ann = a_person(&acme, 1, "ann@example.org");
    create(&bench, &ann).await;
    let foreign = Person { company_id: other.clone(), role: Role::Admin, ..ann.clone() };
    assert!(matches!(bench.change(Change::UpdatePerson(foreign)).await, Err(Error::NotFound(_))));
    let delete = Change::DeletePerson(other.clone(), ann.person_id);
    assert!(matches!(bench.change(delete).await, Err(Error::NotFound(_))));
    assert!(bench.store().people(&other).await.unwrap().is_empty());
    assert_eq!(bench.store().people(&acme).await.unwrap(), [ann]);
    let nobody = a_person(&company("nobody"), 2, "x@example.org");
    assert!(matches!(bench.change(Change::CreatePerson(nobody)).await, Err(Error::NotFound(_))));
}

pub(crate) async fn a_link_sets_the_password_once_and_ends_all_sessions(mut bench: Bench) {
    let acme = bench.company("acme").await;
    let until = bench.now().plus(DAY);
    let ann = Person { link: Some(([7; 32], until)), ..a_person(&acme, 1, "ann@example.org") };
    let bob = a_person(&acme, 2, "bob@example.org");
    create(&bench, &ann).await;
    create(&bench, &bob).await;
    open(&bench, 1, &ann).await;
    open(&bench, 2, &bob).await;
    let set = |password: &str, now| Change::SetPassword { link: [7; 32], password: password.to_owned(), now };
    assert!(matches!(bench.change(set("late", until)).await, Err(Error::NotFound(_))), "its time is over");
    assert_eq!(bench.store().person_of_link([7; 32], until).await.unwrap(), None);
    // Looking at it uses nothing up.
    for _ in 0..2 {
        assert_eq!(bench.store().person_of_link([7; 32], bench.now()).await.unwrap(), Some(ann.clone()));
    }
    bench.change(set("first", bench.now())).await.unwrap();
    assert!(matches!(bench.change(set("second", bench.now())).await, Err(Error::NotFound(_))), "once");
    bench.reopen().await;
    let kept = bench.store().people(&acme).await.unwrap();
    assert_eq!(kept, [Person { link: None, password: Some("first".to_owned()), ..ann }, bob]);
    assert_eq!(role_of(&bench, 1).await, None);
    assert_eq!(role_of(&bench, 2).await, Some(Role::Reader), "another one's session goes on");
}

pub(crate) async fn a_new_link_takes_the_place_of_the_one_before(bench: Bench) {
    let acme = bench.company("acme").await;
    let until = bench.now().plus(DAY);
    let mut ann = Person { link: Some(([7; 32], until)), ..a_person(&acme, 1, "ann@example.org") };
    create(&bench, &ann).await;
    ann.link = Some(([8; 32], until));
    bench.change(Change::UpdatePerson(ann.clone())).await.unwrap();
    assert_eq!(bench.store().person_of_link([7; 32], bench.now()).await.unwrap(), None);
    assert_eq!(bench.store().person_of_link([8; 32], bench.now()).await.unwrap(), Some(ann));
}

pub(crate) async fn a_session_ends_by_itself_by_hand_and_with_its_person(bench: Bench) {
    let acme = bench.company("acme").await;
    let ann = a_person(&acme, 1, "ann@example.org");
    create(&bench, &ann).await;
    open(&bench, 1, &ann).await;
    open(&bench, 2, &ann).await;
    let late = bench.store().session([1; 32], bench.now().plus(DAY)).await.unwrap();
    assert_eq!(late, None, "it lasts until its end and no longer");
    bench.change(Change::CloseSession([1; 32])).await.unwrap();
    assert_eq!(role_of(&bench, 1).await, None);
    assert_eq!(role_of(&bench, 2).await, Some(Role::Reader));
    bench.change(Change::DeletePerson(acme, ann.person_id)).await.unwrap();
    assert_eq!(role_of(&bench, 2).await, None);
    let operator = Session { token: [3; 32], person: None, until: bench.now().plus(DAY) };
    bench.change(Change::OpenSession(operator, bench.now())).await.unwrap();
    let signed_in = bench.store().session([3; 32], bench.now()).await.unwrap();
    assert_eq!(signed_in, Some(SignedIn::Operator));
}

pub(crate) async fn a_session_has_the_role_of_the_moment(bench: Bench) {
    let acme = bench.company("acme").await;
    let mut ann = a_person(&acme, 1, "ann@example.org");
    create(&bench, &ann).await;
    open(&bench, 1, &ann).await;
    ann.role = Role::Admin;
    bench.change(Change::UpdatePerson(ann)).await.unwrap();
    assert_eq!(role_of(&bench, 1).await, Some(Role::Admin));
}

pub(crate) async fn one_person_has_a_bounded_number_of_sessions(bench: Bench) {
    let acme = bench.company("acme").await;
    let ann = a_person(&acme, 1, "ann@example.org");
    create(&bench, &ann).await;
    for number in 0..=100_u8 {
        let until = bench.now().plus(DAY + Duration::from_secs(number.into()));
        let person = Some((acme.clone(), ann.person_id));
        let session = Session { token: [number; 32], person, until };
        bench.change(Change::OpenSession(session, bench.now())).await.unwrap();
    }
    assert_eq!(role_of(&bench, 0).await, None, "the oldest ended");
    assert_eq!(role_of(&bench, 1).await, Some(Role::Reader));
    assert_eq!(role_of(&bench, 100).await, Some(Role::Reader));
}

fn tried(name: u8, address: &str) -> Attempted {
    Attempted { name: [name; 32], address: address.to_owned() }
}

pub(crate) async fn five_tries_lock_a_name_at_an_address_for_fifteen_minutes(bench: Bench) {
    let attempt = |at: Timestamp| bench.change(Change::TryPassword(tried(1, "192.0.2.1"), at));
    let begin = bench.now();
    for minute in 0..5 {
        attempt(begin.plus(MINUTE * minute)).await.expect("five are free");
    }
    let until = begin.plus(MINUTE * 4).plus(LOCK);
    for minute in [4, 15, 18] {
        let refused = attempt(begin.plus(MINUTE * minute)).await;
        assert!(matches!(refused, Err(Error::Locked(end)) if end == until), "{refused:?} at {minute}");
    }
    for other in [tried(2, "192.0.2.1"), tried(1, "192.0.2.2")] {
        bench.change(Change::TryPassword(other, begin.plus(MINUTE * 4))).await.expect("others are free");
    }
    attempt(until).await.expect("the lock is over");
    bench.change(Change::ForgetTries(tried(1, "192.0.2.1"))).await.unwrap();
    for _ in 0..5 {
        attempt(until).await.expect("a right password made all five free again");
    }
    assert!(matches!(attempt(until).await, Err(Error::Locked(_))));
}

pub(crate) async fn tries_that_are_far_apart_do_not_lock(bench: Bench) {
    for place in 0..20 {
        let at = bench.now().plus(MINUTE * 4 * place);
        bench.change(Change::TryPassword(tried(1, "::1"), at)).await.expect("four in 15 minutes are free");
    }
}

pub(crate) async fn people_and_sessions_go_with_their_company(bench: Bench) {
    let acme = bench.company("acme").await;
    let until = bench.now().plus(DAY);
    let ann = Person { link: Some(([7; 32], until)), ..a_person(&acme, 1, "ann@example.org") };
    create(&bench, &ann).await;
    open(&bench, 1, &ann).await;
    let delete = Change::DeleteCompany(acme.clone(), IfUndelivered::Refuse, bench.now());
    bench.change(delete).await.unwrap();
    assert_eq!(role_of(&bench, 1).await, None);
    assert!(bench.store().people(&acme).await.unwrap().is_empty());
    assert_eq!(bench.store().person_of_link([7; 32], bench.now()).await.unwrap(), None);
}
