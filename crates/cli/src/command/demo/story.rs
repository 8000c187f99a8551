//! The story that the demo tells: five work orders and a company-wide change, which between them live through
//! every action.
//!
//! Contents are wire's samples with the words, people and places of this story laid over them, so all that is not
//! told here is as complete and consistent as there. The acts keep to the life cycle of service.md section 5.

mod bakery;
mod market;
mod others;

use serde_json::{Value, json};
use workbell_emulator::lay_over;
use workbell_wire::samples::{SampleContext, Variant, sample};
use workbell_wire::timestamp::TICKS_PER_SECOND;
use workbell_wire::{Action, MessageId, Timestamp};

/// The provider that is told.
pub(crate) const COMPANY: &str = "northwall";
/// Its name.
pub(crate) const COMPANY_NAME: &str = "Northwall Mechanical";
/// Its branches.
pub(crate) const BRANCHES: [(i64, &str); 2] = [(492_042, "Washington"), (492_043, "Baltimore")];

/// Which work order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Order {
    /// A leak above the proofing room of a bakery.
    Bakery,
    /// A walk-in cooler that gets warm.
    Market,
    /// A back door that does not lock.
    Books,
    /// A daycare without hot water.
    Daycare,
    /// A sign that flickers.
    Sign,
    /// None: the whole company.
    Company,
}

impl Order {
    /// All of them, with the one that is none.
    pub(crate) const ALL: [Order; 6] =
        [Order::Bakery, Order::Market, Order::Books, Order::Daycare, Order::Sign, Order::Company];

    /// Its id; 0 for the company.
    pub(crate) const fn id(self) -> i64 {
        match self {
            Order::Bakery => 4217,
            Order::Market => 4218,
            Order::Books => 4219,
            Order::Daycare => 4220,
            Order::Sign => 4221,
            Order::Company => 0,
        }
    }

    /// The branch that gets it; 0 for the company.
    const fn branch(self) -> i64 {
        match self {
            Order::Bakery | Order::Books | Order::Daycare | Order::Sign => BRANCHES[0].0,
            Order::Market => BRANCHES[1].0,
            Order::Company => 0,
        }
    }
}

/// Somebody who acts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Person {
    name: &'static str,
    phone: Option<&'static str>,
    is_customer: bool,
}

const fn customer(name: &'static str, phone: &'static str) -> Person {
    Person { name, phone: Some(phone), is_customer: true }
}

const fn provider(name: &'static str, phone: &'static str) -> Person {
    Person { name, phone: Some(phone), is_customer: false }
}

const DANA: Person = customer("Dana Whitfield", "+12025550163");
const LUIS: Person = customer("Luis Ortega", "+14105550117");
const PRIYA: Person = customer("Priya Nair", "+17035550122");
const TOM: Person = customer("Tom Becker", "+17035550188");
const MARIA: Person = provider("Maria Keller", "+12025550140");
const JON: Person = provider("Jon Snow", "+12025550141");
const SAM: Person = provider("Sam Okafor", "+14105550142");
const IVR: Person = Person { name: "IVR", phone: None, is_customer: false };

/// What is special about a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing.
    Plain,
    /// The provider did it through the Direct API: nobody is notified.
    Direct,
    /// The receiver answers 500 the first time.
    Hiccup,
}

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    /// Day of the story, from 0, and time of that day in minutes.
    at: (u8, u16),
    /// To which work order.
    pub(crate) order: Order,
    /// What.
    pub(crate) action: Action,
    /// Who.
    by: Person,
    /// In words.
    pub(crate) words: &'static str,
    /// What is special.
    pub(crate) turn: Turn,
    /// Members beside Header that the sample does not have, or has otherwise.
    members: Value,
}

/// A scene at `hour`:`minute` of the first day.
fn scene(
    (hour, minute): (u16, u16),
    (order, action): (Order, Action),
    by: Person,
    words: &'static str,
    members: Value,
) -> Scene {
    Scene { at: (0, hour * 60 + minute), order, action, by, words, turn: Turn::Plain, members }
}

impl Scene {
    /// The same on a later day.
    fn on_day(self, day: u8) -> Self {
        Scene { at: (day, self.at.1), ..self }
    }

    /// The same, with something special.
    fn turn(self, turn: Turn) -> Self {
        Scene { turn, ..self }
    }

    /// Its time of day.
    pub(crate) fn clock(&self) -> String {
        format!("{:02}:{:02}", self.at.1 / 60, self.at.1 % 60)
    }

    /// When it happens in a story that begins on the day of `first`.
    pub(crate) fn moment(&self, first: Timestamp) -> Timestamp {
        let seconds = first.unix_seconds().div_euclid(86_400) * 86_400
            + i64::from(self.at.0) * 86_400
            + i64::from(self.at.1) * 60;
        // Not on the second: times of the contract have seven digits.
        Timestamp::from_ticks(seconds * TICKS_PER_SECOND + 1_671_613)
    }

    /// The notification that tells of it, as it is published.
    pub(crate) fn notification(&self, message_id: MessageId, first: Timestamp, client_id: &str) -> Vec<u8> {
        let number = format!("WO-{:07}", self.order.id());
        let context = SampleContext {
            work_order_id: self.order.id(),
            work_order_number: &number,
            branch_id: self.order.branch(),
            company_id: (self.order == Order::Company).then_some(COMPANY),
            message_id,
            now: self.moment(first),
        };
        let text = sample(self.action, Variant::Typical, &context);
        let mut notification: Value = serde_json::from_slice(&text).expect("samples are JSON");
        lay_over(&mut notification, &self.members);
        let kind = if self.by.is_customer { "Customer" } else { "CorrigoPro" };
        let mut sender = json!({ "Name": self.by.name, "Type": kind });
        if let Some(phone) = self.by.phone {
            sender["Phone"] = phone.into();
        }
        notification["Header"]["Sender"] = sender;
        if self.turn == Turn::Direct {
            notification["InitiatedBy"] = json!({ "ClientId": client_id });
        }
        notification.to_string().into_bytes()
    }
}

/// All scenes, in the order in which they happen.
pub(crate) fn scenes() -> Vec<Scene> {
    let mut scenes = [bakery::scenes(), market::scenes(), others::scenes()].concat();
    scenes.sort_by_key(|scene| scene.at);
    scenes
}

#[cfg(test)]
mod tests;
