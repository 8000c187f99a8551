//! The audit: who changed what, when, from where, and what it was before and after. Never a secret.
//!
//! A record is written in the commit of its change, so neither exists without the other. What only moves notifications
//! (publishing, attempts) has the communication log instead. Source: service.md section 4.

mod difference;

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Map, Value};
use workbell_model::{ClientId, CompanyId, PersonId};
use workbell_wire::Timestamp;

pub(crate) use difference::entry;

use crate::record::SignedIn;

/// How long records are kept at least; longer when `retention.log` is longer.
///
/// 400 days: a year's review finds the whole year. Changes of the configuration are few. Our choice.
pub const KEPT: Duration = Duration::from_secs(400 * 86_400);

/// Most records; the oldest go earlier than their time when there are more.
///
/// A million, about half a gigabyte: somebody who changes something in a loop must not fill the disk.
pub const MOST_RECORDS: u64 = 1_000_000;

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The service by itself: keys made at the first start, keys whose time is over.
    Service,
    /// Who has the platform key, or signed in with it.
    Operator,
    /// Somebody of a company who signed in.
    Person {
        /// The company.
        company_id: CompanyId,
        /// Who.
        person_id: PersonId,
        /// What they signed in with.
        email: String,
    },
    /// A client of a company, by the Direct API.
    Client {
        /// The company.
        company_id: CompanyId,
        /// Which one.
        client_id: ClientId,
    },
}

impl Actor {
    /// The kinds, by name.
    pub const KINDS: [&str; 4] = ["Service", "PlatformKey", "Person", "Client"];

    /// The kind's name in lists.
    pub const fn kind(&self) -> &'static str {
        match self {
            Actor::Service => "Service",
            Actor::Operator => "PlatformKey",
            Actor::Person { .. } => "Person",
            Actor::Client { .. } => "Client",
        }
    }
}

impl From<&SignedIn> for Actor {
    fn from(caller: &SignedIn) -> Self {
        match caller {
            SignedIn::Operator => Actor::Operator,
            SignedIn::Person { company_id, person_id, email, .. } => {
                Actor::Person { company_id: company_id.clone(), person_id: *person_id, email: email.clone() }
            }
        }
    }
}

/// Who makes a change, from where, when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// Who.
    pub actor: Actor,
    /// The address that the request came from; `None` when there was no request.
    pub address: Option<IpAddr>,
    /// Now.
    pub at: Timestamp,
}

impl Author {
    /// The service by itself.
    pub const fn service(at: Timestamp) -> Self {
        Author { actor: Actor::Service, address: None, at }
    }
}

macro_rules! acts {
    ($( $(#[doc = $about:literal])+ $act:ident, )+) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Act {
            $( $(#[doc = $about])+ $act, )+
        }

        impl Act {
            /// All of them.
            pub const ALL: &[Act] = &[ $( Act::$act, )+ ];

            /// Their names.
            pub const NAMES: &[&str] = &[ $( stringify!($act), )+ ];

            /// The name in lists.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Act::$act => stringify!($act), )+
                }
            }
        }
    };
}

acts! {
    /// It was said what a customer demands.
    CustomerPut,
    /// A company was created.
    CompanyCreated,
    /// It got another name.
    CompanyChanged,
    /// It was deleted with all that is its own.
    CompanyDeleted,
    /// A branch was created.
    BranchCreated,
    /// It got another name.
    BranchChanged,
    /// It was deleted.
    BranchDeleted,
    /// A client was created.
    ClientCreated,
    /// It got another name or secret.
    ClientChanged,
    /// It was deleted.
    ClientDeleted,
    /// An endpoint was created.
    EndpointCreated,
    /// Its settings or secret changed, it was paused or resumed.
    EndpointChanged,
    /// It was deleted.
    EndpointDeleted,
    /// A person was created.
    PersonCreated,
    /// Their email, role or one-time link changed.
    PersonChanged,
    /// They were deleted.
    PersonDeleted,
    /// They set a password with their one-time link.
    PasswordSet,
    /// Somebody signed in.
    SignedIn,
    /// An own action was registered, or got another sample.
    ActionPut,
    /// It was deleted.
    ActionDeleted,
    /// Signing keys were made or removed.
    KeysChanged,
    /// A delivery was retried by hand.
    DeliveryRetried,
    /// A delivery was discarded by hand.
    DeliveryDiscarded,
    /// A job was made.
    JobCreated,
    /// A job was cancelled.
    JobCancelled,
}

/// Members that changed, by their names in the interface.
pub type Members = Map<String, Value>;

/// What a change does, before anybody is named.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) act: Act,
    pub(crate) company_id: Option<CompanyId>,
    pub(crate) subject: String,
    pub(crate) before: Option<Members>,
    pub(crate) after: Option<Members>,
    /// Whoever a one-time link or a session belongs to is who did it.
    pub(crate) by: Option<Actor>,
}

/// A record of the audit.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Its number, growing.
    pub no: u64,
    /// Whose it is about; `None` for what belongs to no company.
    pub company_id: Option<CompanyId>,
    /// When.
    pub changed: Timestamp,
    /// What was done, an [`Act`] by name.
    pub act: String,
    /// What it was done to: an id or a name.
    pub subject: String,
    /// The kind of who did it: one of [`Actor::KINDS`].
    pub actor: String,
    /// The id of the person or client.
    pub actor_id: Option<String>,
    /// What the person signs in with.
    pub actor_name: Option<String>,
    /// Where it came from.
    pub address: Option<String>,
    /// The members that changed, as they were; `None` when it was not there.
    pub before: Option<Members>,
    /// The members that changed, as they are now; `None` when it is gone.
    pub after: Option<Members>,
}

/// Which records of the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// About this company.
    pub company_id: Option<CompanyId>,
    /// About this thing.
    pub subject: Option<String>,
    /// With this act.
    pub act: Option<String>,
    /// Then or later.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}
