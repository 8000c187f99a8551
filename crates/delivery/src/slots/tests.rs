//! The shares beside a second, simpler book; the rules one by one; and the channels around them.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use workbell_model::{EndpointId, EndpointKey};

use super::shares::{Asked, End, ShareId, Shares};
use super::{Share, Slot, Slots};

/// The same rules without lines and sums: everybody is looked at each time.
#[derive(Default)]
struct Book {
    all: usize,
    members: Vec<Member>,
}

#[derive(Clone, Default)]
struct Member {
    used: usize,
    width: usize,
    most: usize,
    ill: bool,
    since: Option<u64>,
}

impl Book {
    fn used(&self) -> usize {
        self.members.iter().map(|member| member.used).sum()
    }

    fn used_by_ill(&self) -> usize {
        self.members.iter().filter(|member| member.ill).map(|member| member.used).sum()
    }

    fn may_have_one(&self, member: &Member) -> bool {
        let free = self.all - self.used();
        let room = member.used < member.width.min(member.most);
        let second = member.used == 0 || free as f64 >= self.all as f64 / 4.0;
        let half = !member.ill || self.used_by_ill() < (self.all / 2).max(1);
        member.since.is_some() && free > 0 && room && second && half
    }

    fn next(&self) -> Option<usize> {
        let able = (0..self.members.len()).filter(|at| self.may_have_one(&self.members[*at]));
        able.min_by_key(|at| (self.members[*at].used > 0, self.members[*at].since))
    }

    fn end(&mut self, at: usize, end: End) {
        let member = &mut self.members[at];
        member.used -= 1;
        match end {
            End::Unused => {}
            End::Succeeded => (member.ill, member.width) = (false, (member.width * 2).min(member.most)),
            End::Unreached => (member.ill, member.width) = (true, 1),
            End::Failed => member.ill = false,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(usize, usize),
    Withdraw(usize),
    End(usize, End),
    Forgive(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let end = prop_oneof![
        1 => Just(End::Unused),
        4 => Just(End::Succeeded),
        3 => Just(End::Unreached),
        1 => Just(End::Failed),
    ];
    prop_oneof![
        8 => (any::<usize>(), prop_oneof![Just(1_usize), Just(3), Just(16)]).prop_map(|(at, most)| Step::Ask(at, most)),
        1 => any::<usize>().prop_map(Step::Withdraw),
        6 => (any::<usize>(), end).prop_map(|(at, end)| Step::End(at, end)),
        1 => any::<usize>().prop_map(Step::Forgive),
    ]
}

/// Hands on what is free, by both books.
fn hand_on(shares: &mut Shares, book: &mut Book, ids: &[ShareId]) {
    loop {
        let (granted, expected) = (shares.next(), book.next());
        assert_eq!(granted, expected.map(|at| ids[at]));
        let Some(at) = expected else { return };
        book.members[at].used += 1;
        book.members[at].since = None;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn slots_go_to_whom_the_rules_name_in_every_history(
        all in prop_oneof![Just(1_usize), Just(2), Just(3), Just(4), Just(7), Just(16), Just(64)],
        count in 1_usize..24,
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let mut shares = Shares::new(all);
        let ids: Vec<ShareId> = (0..count).map(|_| shares.join()).collect();
        let member = Member { width: 1, most: 1, ..Member::default() };
        let mut book = Book { all, members: vec![member; count] };
        for (time, step) in (0_u64..).zip(steps) {
            match step {
                Step::Ask(at, most) => {
                    let at = at % count;
                    let member = &mut book.members[at];
                    member.most = most;
                    member.since.get_or_insert(time);
                    // Nobody else was waiting for what it can have, or it would have had it.
                    let granted = book.next() == Some(at);
                    let asked = shares.ask(ids[at], most);
                    prop_assert_eq!(asked == Asked::Granted, granted);
                    if granted {
                        book.members[at].used += 1;
                        book.members[at].since = None;
                    }
                }
                Step::Withdraw(at) => {
                    book.members[at % count].since = None;
                    shares.withdraw(ids[at % count]);
                }
                Step::End(at, end) => {
                    let busy: Vec<usize> = (0..count).filter(|at| book.members[*at].used > 0).collect();
                    if let Some(at) = busy.get(at % busy.len().max(1)) {
                        book.end(*at, end);
                        shares.end(ids[*at], end);
                    }
                }
                Step::Forgive(at) => {
                    book.members[at % count].ill = false;
                    shares.forgive(ids[at % count]);
                }
            }
            hand_on(&mut shares, &mut book, &ids);
            prop_assert!(shares.used() <= all);
            prop_assert_eq!(shares.used(), book.used());
            prop_assert_eq!(shares.used_in_trouble(), book.used_by_ill());
        }
        // Nobody starves: when what is in flight ends, one after the other, each that waits has its turn.
        for (at, id) in ids.iter().enumerate() {
            if book.members[at].since.is_none() {
                continue;
            }
            let mut ends = 0;
            while book.members[at].since.is_some() {
                let (busy, _) = book.members.iter().enumerate().max_by_key(|(_, member)| member.used).unwrap();
                book.end(busy, End::Unreached);
                shares.end(ids[busy], End::Unreached);
                hand_on(&mut shares, &mut book, &ids);
                ends += 1;
                prop_assert!(ends <= all + count * 17, "it waits for ever");
            }
            prop_assert!(shares.used_by(*id) > 0);
        }
    }
}

/// Asks until there is no more.
fn take_all(shares: &mut Shares, id: ShareId, most: usize) -> usize {
    std::iter::from_fn(|| (shares.ask(id, most) == Asked::Granted).then_some(())).count()
}

#[test]
fn it_starts_with_one_and_has_twice_as_many_after_each_success_up_to_its_most() {
    let mut shares = Shares::new(1024);
    let id = shares.join();
    let mut used = take_all(&mut shares, id, 16);
    for expected in [1, 2, 4, 8, 16, 16] {
        assert_eq!(used, expected);
        assert_eq!(shares.width(id), expected);
        shares.withdraw(id);
        shares.end(id, End::Succeeded);
        used = used - 1 + take_all(&mut shares, id, 16);
    }
    shares.withdraw(id);
    shares.end(id, End::Failed);
    assert_eq!(shares.width(id), 16, "an answer, whatever it says, is an answer");
    shares.end(id, End::Unreached);
    assert_eq!((shares.width(id), shares.used_by(id)), (1, 14));
    assert_eq!(shares.ask(id, 16), Asked::InLine, "it has more than one already");
    for _ in 0..13 {
        shares.end(id, End::Unreached);
        assert_eq!(shares.next(), None);
    }
    shares.end(id, End::Unreached);
    assert_eq!(shares.next(), Some(id));
}

#[test]
fn whoever_has_none_goes_first_and_below_a_quarter_nobody_gets_a_second_one() {
    let mut shares = Shares::new(8);
    let (greedy, second) = (shares.join(), shares.join());
    assert_eq!(take_all(&mut shares, greedy, 8), 1);
    for _ in 0..3 {
        shares.withdraw(greedy);
        shares.end(greedy, End::Succeeded);
        take_all(&mut shares, greedy, 8);
    }
    assert_eq!(shares.used_by(greedy), 7, "one is kept for those that have none");
    assert_eq!(shares.ask(second, 8), Asked::Granted);
    let third = shares.join();
    assert_eq!(shares.ask(third, 8), Asked::InLine);
    shares.end(greedy, End::Succeeded);
    assert_eq!(shares.next(), Some(third), "though the first asked before");
    shares.end(greedy, End::Succeeded);
    assert_eq!(shares.next(), None, "one is free, a quarter would be two");
    shares.end(greedy, End::Succeeded);
    assert_eq!(shares.next(), Some(greedy));
}

#[test]
fn a_good_one_gets_its_slots_while_hundreds_hang() {
    let mut shares = Shares::new(64);
    let hanging: Vec<ShareId> = (0..500).map(|_| shares.join()).collect();
    let good = shares.join();
    // All are new, so each may have one, in the order in which they came.
    let at_once = hanging.iter().filter(|id| shares.ask(**id, 16) == Asked::Granted).count();
    assert_eq!(at_once, 64);
    assert_eq!(shares.ask(good, 16), Asked::InLine);
    // The attempts of those that hang time out, and all of them ask again and again.
    let mut in_flight: std::collections::VecDeque<ShareId> = hanging[..64].iter().copied().collect();
    let mut ends = 0;
    while shares.used_by(good) == 0 {
        let id = in_flight.pop_front().unwrap();
        shares.end(id, End::Unreached);
        shares.ask(id, 16);
        in_flight.extend(std::iter::from_fn(|| shares.next()));
        ends += 1;
    }
    assert!(ends <= 500, "only those before it had their turn: {ends}");
    in_flight.retain(|id| *id != good);
    // Now that they are known, they have half at most, and the good one all it can use of the other half.
    for _ in 0..2_000 {
        let id = in_flight.pop_front().unwrap();
        shares.end(id, End::Unreached);
        shares.ask(id, 16);
        in_flight.extend(std::iter::from_fn(|| shares.next()));
        // The good one answers, and has more to do.
        shares.end(good, End::Succeeded);
        take_all(&mut shares, good, 16);
        shares.withdraw(good);
    }
    assert_eq!(shares.used_in_trouble(), 32);
    assert_eq!(shares.used_by(good), 16);
    let late = shares.join();
    assert_eq!(shares.ask(late, 16), Asked::Granted, "and there is room for another one at once");
}

#[test]
fn of_a_single_slot_half_is_one() {
    let mut shares = Shares::new(1);
    let id = shares.join();
    assert_eq!(shares.ask(id, 16), Asked::Granted);
    shares.end(id, End::Unreached);
    assert_eq!(shares.ask(id, 16), Asked::Granted);
}

fn key(n: u128) -> EndpointKey {
    let endpoint_id = EndpointId::from_uuid(uuid::Uuid::from_u128(n));
    EndpointKey { company_id: "acme".parse().unwrap(), endpoint_id }
}

fn taken(share: &mut Share) -> Slot {
    share.take(16).expect("a slot is free")
}

fn state(slots: &Arc<Slots>) -> (usize, usize, usize) {
    let desk = slots.lock();
    (desk.shares.used(), desk.known.len(), desk.waiting.len())
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_comes_back_goes_to_who_waits_and_passes_on_when_that_one_is_gone() {
    let slots = Slots::new(1);
    let (mut first, mut second, mut third) =
        (slots.share(&key(1)), slots.share(&key(2)), slots.share(&key(3)));
    let slot = taken(&mut first);
    assert!(second.take(16).is_none() && third.take(16).is_none() && third.take(16).is_none());
    slot.end(End::Succeeded);
    assert!(first.take(16).is_none(), "it was granted to the second one");
    drop(second);
    let slot = third.granted().await.expect("it was passed on");
    drop(slot);
    let slot = first.take(16).expect("it came back to the first one");
    assert!(third.take(16).is_none());
    let waits = tokio::time::timeout(Duration::from_secs(1), third.granted()).await;
    assert!(waits.is_err(), "somebody has it");
    assert!(third.take(16).is_none(), "and the place is kept");
    drop(slot);
    assert!(third.take(16).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_wider_limit_counts_at_once_for_one_that_waits() {
    let slots = Slots::new(16);
    let mut share = slots.share(&key(1));
    taken(&mut share).end(End::Succeeded);
    let _one = share.take(1).expect("a slot is free");
    assert!(share.take(1).is_none());
    taken(&mut share).end(End::Succeeded);
    assert_eq!(share.used(), 1);
}

#[tokio::test(start_paused = true)]
async fn attempts_at_an_old_target_take_nothing_from_the_share_of_the_new_one() {
    let slots = Slots::new(4);
    let mut old = slots.share(&key(1));
    taken(&mut old).end(End::Unreached);
    let hangs = taken(&mut old);
    assert!(old.take(16).is_none());
    let mut new = slots.share_anew(&key(1));
    drop(old);
    let slot = taken(&mut new);
    assert_eq!(state(&slots), (2, 1, 0));
    assert_eq!(slots.lock().shares.used_in_trouble(), 2, "a new target has to show that it is better");
    hangs.end(End::Unreached);
    assert_eq!(state(&slots), (1, 1, 0));
    slot.end(End::Succeeded);
    assert_eq!(slots.lock().shares.used_in_trouble(), 0);
    let _two = (taken(&mut new), taken(&mut new));
    drop(new);
    assert_eq!(slots.lock().shares.used(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_slept_in_trouble_is_known_when_it_wakes_and_others_are_forgotten() {
    let slots = Slots::new(2);
    let (mut ill, mut well, mut gone) = (slots.share(&key(1)), slots.share(&key(2)), slots.share(&key(3)));
    taken(&mut ill).end(End::Unreached);
    taken(&mut well).end(End::Succeeded);
    taken(&mut gone).end(End::Unreached);
    gone.forgive();
    drop((ill, well, gone));
    assert_eq!(state(&slots), (0, 1, 0));
    let (mut ill, mut other) = (slots.share(&key(1)), slots.share(&key(4)));
    taken(&mut other).end(End::Unreached);
    let _half = taken(&mut other);
    assert!(ill.take(16).is_none(), "half of them is for those in trouble");
    // A task may end before its attempts.
    let mut well = slots.share(&key(2));
    let slot = taken(&mut well);
    drop(well);
    assert_eq!(state(&slots), (2, 3, 1));
    drop(slot);
    assert_eq!(state(&slots), (1, 2, 1));
}
