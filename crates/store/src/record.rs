//! What goes into the store and what comes out of it.

use std::time::Duration;

use bytes::Bytes;
use workbell_model::health::Cursor;
use workbell_model::{
    Branch, Client, ClientId, Company, CompanyId, Customer, DeliveryId, Endpoint, EndpointId, EndpointKey,
    Fate, Mode, NotificationNo, Outcome, Person, PersonId, Reason, Role, Sequence, State, Transition,
    Undelivered, WorkOrderId, log,
};
use workbell_wire::{ActionName, MessageId, Timestamp};

use crate::audit::Author;

/// A notification to accept, already checked against the contract.
#[derive(Clone, Debug)]
pub struct Acceptance {
    /// Whose it is, as published; `None`: the branch tells.
    pub company_id: Option<CompanyId>,
    /// Recipient branch; 0 for the whole company (then `company_id` is there).
    pub branch_id: i64,
    /// The work order; 0 when it is not about one.
    pub work_order_id: WorkOrderId,
    /// What happened.
    pub action: ActionName,
    /// Published or made by us.
    pub message_id: MessageId,
    /// SHA-256 of the content, to tell a repeat from a conflict.
    pub content_hash: [u8; 32],
    /// The Direct client that caused it.
    pub initiated_by: Option<ClientId>,
    /// The exact bytes that are sent.
    pub body: Bytes,
    /// Now.
    pub accepted: Timestamp,
}

/// What became of one of them.
pub type AcceptanceResult = Result<Accepted, Refused>;

/// An accepted notification, or a repeat of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub message_id: MessageId,
    /// What acceptance made of it.
    pub fate: Fate,
    /// Its deliveries.
    pub deliveries: Vec<DeliveryId>,
    /// The same was accepted before; this is the first answer.
    pub repeated: bool,
}

/// Why a notification was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No company has this branch, or not the company that was named.
    #[error("no branch {0} is known")]
    UnknownBranch(i64),
    /// The company that was named does not exist.
    #[error("no company {0} is known")]
    UnknownCompany(CompanyId),
    /// Neither a branch nor a company says whose it is.
    #[error("BranchId is 0, so CompanyId is needed to tell whose notification this is")]
    CompanyMissing,
    /// `InitiatedBy` names no client of this company.
    #[error("client {0} is not one of this company")]
    UnknownClient(ClientId),
    /// The MessageId was accepted before with other content.
    #[error("MessageId {0} was accepted before with other content")]
    MessageIdConflict(MessageId),
}

/// The end of an attempt.
#[derive(Clone, Debug)]
pub struct Completion {
    /// The delivery as it was tried.
    pub delivery: Undelivered,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// What follows for it.
    pub transition: Transition,
    /// Why the attempt began.
    pub occasion: Occasion,
    /// The endpoint's generation when the attempt began. When it has grown since, a failure counts for nothing and
    /// the delivery is due at once.
    pub generation: u64,
    /// The log record's own part.
    pub attempt: Attempt,
}

/// Why an attempt began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// It was due.
    Due,
    /// As the probe of an endpoint that is down; where in the order of due time it was found, if looked for there.
    Probe(Option<Cursor>),
}

/// What is to be tried at an endpoint that is down.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The delivery.
    pub delivery: Undelivered,
    /// Where in the order of due time it was found, if looked for there.
    pub cursor: Option<Cursor>,
}

/// An attempt as the communication log keeps it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Number of the attempt, from 1.
    pub number: u16,
    /// When it began.
    pub start: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// Status of the answer, if one came.
    pub status: Option<u16>,
    /// Class of the failure; `None` when it succeeded.
    pub error: Option<&'static str>,
    /// The rest: a [`log::Detail`] as JSON.
    pub detail: Bytes,
}

/// A notification that was sent to try an endpoint out: in no queue and no lane, only in the log.
#[derive(Clone, Debug)]
pub struct Emulation {
    /// Where it went.
    pub endpoint: EndpointKey,
    /// The work order that it tells of.
    pub work_order_id: WorkOrderId,
    /// The branch that it names.
    pub branch_id: i64,
    /// What it says that happened.
    pub action: ActionName,
    /// The log record's own part; its detail holds MessageId and body.
    pub attempt: Attempt,
}

/// A request of the Direct API as the communication log keeps it.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// Whose client called.
    pub company_id: CompanyId,
    /// The work order that it named; 0 for none or several.
    pub work_order_id: WorkOrderId,
    /// That one's branch, if it is the company's own; else 0.
    pub branch_id: i64,
    /// What it asked for: the action of an act, else the call.
    pub call: &'static str,
    /// When it began.
    pub start: Timestamp,
    /// How long the answer took.
    pub duration: Duration,
    /// Status of the answer.
    pub status: u16,
    /// Class of the failure; `None` when it was done.
    pub error: Option<&'static str>,
    /// The rest: a [`log::Detail`] as JSON.
    pub detail: Bytes,
}

/// A record of the communication log.
#[derive(Clone, Debug)]
pub struct LogRecord {
    /// Its number, growing.
    pub no: u64,
    /// Which way.
    pub direction: log::Direction,
    /// Whose.
    pub company_id: CompanyId,
    /// Which endpoint, for outbound ones.
    pub endpoint_id: Option<EndpointId>,
    /// Which delivery, for outbound ones of the queue.
    pub delivery_id: Option<DeliveryId>,
    /// The work order.
    pub work_order_id: WorkOrderId,
    /// The number that people use for it; `None` when Workbell does not hold it.
    pub work_order_number: Option<String>,
    /// Name of its customer, where that is known.
    pub customer: Option<String>,
    /// The branch.
    pub branch_id: i64,
    /// What happened.
    pub action: String,
    /// The notification, if it is still kept.
    pub message_id: Option<MessageId>,
    /// Number of the attempt; 0 for inbound ones.
    pub attempt: u16,
    /// Mode of the delivery.
    pub mode: Mode,
    /// When it began.
    pub start: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// Status of the answer.
    pub status: Option<u16>,
    /// Class of the failure.
    pub error: Option<String>,
    /// When the next attempt may start, if one follows.
    pub next_attempt_at: Option<Timestamp>,
    /// The rest.
    pub detail: log::Detail,
    /// The body that was sent; only in single records and `attempts`, and while the notification is kept.
    pub body: Option<Bytes>,
}

/// A delivery as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its id.
    pub delivery_id: DeliveryId,
    /// Whose, and where to.
    pub endpoint: EndpointKey,
    /// Its notification.
    pub message_id: MessageId,
    /// What happened.
    pub action: String,
    /// The work order.
    pub work_order_id: WorkOrderId,
    /// The branch.
    pub branch_id: i64,
    /// Place in the lane; of a replay that of the first delivery, 0 when there was none.
    pub sequence: Sequence,
    /// Value of `Workbell-Mode`.
    pub mode: Mode,
    /// Where it stands.
    pub state: State,
    /// Why, when `Dead` or `Discarded`.
    pub reason: Option<Reason>,
    /// Recorded attempts.
    pub attempts: u16,
    /// Class of the last failure, if there was one.
    pub last_error: Option<String>,
    /// Status of the last answer, if there was one.
    pub last_status: Option<u16>,
    /// When the next attempt may start, while undelivered.
    pub next_attempt_at: Option<Timestamp>,
    /// When the notification was accepted.
    pub accepted: Timestamp,
    /// When it came to its fate.
    pub finished: Option<Timestamp>,
}

/// The delivery that another one of its lane waits behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// Its id.
    pub delivery_id: DeliveryId,
    /// Its place, as [`DeliveryRecord::sequence`] shows it.
    pub sequence: Sequence,
}

/// A notification as it is kept.
#[derive(Clone, Debug)]
pub struct NotificationRecord {
    /// Its number.
    pub no: NotificationNo,
    /// Whose.
    pub company_id: CompanyId,
    /// Its id.
    pub message_id: MessageId,
    /// What happened.
    pub action: String,
    /// The work order.
    pub work_order_id: WorkOrderId,
    /// The branch.
    pub branch_id: i64,
    /// What acceptance made of it.
    pub fate: Fate,
    /// The Direct client that caused it.
    pub initiated_by: Option<ClientId>,
    /// When.
    pub accepted: Timestamp,
    /// The exact bytes.
    pub body: Bytes,
    /// Its deliveries.
    pub deliveries: Vec<DeliveryRecord>,
}

/// Due lanes of an endpoint.
#[derive(Clone, Debug, Default)]
pub struct DueLanes {
    /// Each with its head and what stands behind it, lowest sequence first.
    pub lanes: Vec<LaneWindow>,
    /// There are more due lanes than asked for.
    pub more: bool,
    /// Earliest due time among the lanes that are not due, if any.
    pub next_due: Option<Timestamp>,
}

/// The front of a lane that has a due head.
#[derive(Clone, Debug)]
pub struct LaneWindow {
    /// Whose lane.
    pub work_order_id: WorkOrderId,
    /// The due heads and what stands behind them, lowest sequence first. Those ahead that wait and hold nobody any more
    /// are left out.
    pub deliveries: Vec<Undelivered>,
    /// There are more behind these.
    pub more: bool,
    /// When the first of those that were left out is due: it goes first then.
    pub passed_due: Option<Timestamp>,
}

/// The front of any lane.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// The due heads and what stands behind them, as in [`LaneWindow`]; empty when no head is due.
    pub deliveries: Vec<Undelivered>,
    /// There are more behind these.
    pub more: bool,
    /// When the first of those ahead that wait and hold nobody is due: it goes first then.
    pub passed_due: Option<Timestamp>,
    /// When no head is due: when the first is, or when a hold ends. `None` when nothing waits.
    pub next_due: Option<Timestamp>,
}

/// A retry or discard by hand.
#[derive(Clone, Debug)]
pub struct ByHand {
    /// Which delivery.
    pub id: DeliveryId,
    /// Only if it is this company's.
    pub company_id: Option<CompanyId>,
    /// Whether an attempt is in flight, as the engine says.
    pub in_flight: bool,
    /// Now.
    pub now: Timestamp,
    /// Who asks, for the audit; `None` when it is a step of something that has a record of its own.
    pub by: Option<Author>,
}

/// A signing key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Its id.
    pub key_id: String,
    /// A JSON record, private parts sealed; the store does not look into it.
    pub record: String,
}

/// What a step of the sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Notifications, with their finished deliveries.
    pub notifications: u64,
    /// Log records.
    pub log_records: u64,
    /// Records of the audit.
    pub audit_records: u64,
    /// Counters of lanes that nobody needs any more.
    pub lanes: u64,
    /// How many of these went earlier than their time, because the store was too large.
    pub early: u64,
    /// Bytes in use, when that is still too much and nothing more can go.
    pub too_large: Option<u64>,
    /// The step was full: call again.
    pub more: bool,
    /// When the oldest kept record expires, if anything is kept.
    pub next: Option<Timestamp>,
}

/// An action that a platform registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAction {
    /// Its name.
    pub name: ActionName,
    /// The members beside Header, as JSON.
    pub sample: String,
    /// When.
    pub created: Timestamp,
}

/// Most people of one company.
///
/// 1,000: a list of them is one page that is read at once. The value is our choice.
pub const MOST_PEOPLE: usize = 1000;

/// Most tries with wrong passwords of one name from one address within [`LOCK`]; after these it is locked.
///
/// Source: service.md section 9.
pub const MOST_TRIES: u32 = 5;

/// How long a lock lasts, and how long a try counts: 15 minutes. Source: service.md section 9.
pub const LOCK: Duration = Duration::from_secs(15 * 60);

/// A session to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of what the cookie holds.
    pub token: [u8; 32],
    /// Whose; `None` for the operator.
    pub person: Option<(CompanyId, PersonId)>,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// Who a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// Who has the platform key.
    Operator,
    /// Somebody of a company, with the role as it is now.
    Person {
        /// The company.
        company_id: CompanyId,
        /// Who.
        person_id: PersonId,
        /// What they sign in with.
        email: String,
        /// What they may do.
        role: Role,
    },
}

/// Whose password was tried from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// SHA-256 of the name, for people type passwords into the wrong field.
    pub name: [u8; 32],
    /// The address it came from.
    pub address: String,
}

/// What changed at an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointChange {
    /// It was created.
    Created,
    /// Its request or target is another one: what waits is due at once, and holds start anew.
    Reopened,
    /// It was resumed or switched on: what waits is due at once. Nothing else ends a pause.
    Resumed,
    /// Something else: limits, filters, pause, off.
    Adjusted,
    /// It is gone, with all that waited.
    Deleted,
}

/// What happens to undelivered deliveries of something that is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfUndelivered {
    /// Nothing is deleted.
    Refuse,
    /// They become `Discarded` (`EndpointDeleted`).
    Discard,
}

/// A change of the configuration.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new company.
    CreateCompany(Company),
    /// Another name.
    RenameCompany(CompanyId, String),
    /// Its branches, clients and endpoints go too.
    DeleteCompany(CompanyId, IfUndelivered, Timestamp),
    /// A new branch.
    CreateBranch(Branch),
    /// Another name.
    RenameBranch(CompanyId, i64, String),
    /// Deliveries of the branch that wait are discarded or refuse it.
    DeleteBranch(CompanyId, i64, IfUndelivered, Timestamp),
    /// A new client.
    CreateClient(Client),
    /// All but the id may differ.
    UpdateClient(Client),
    /// Marked as deleted; it still counts for the echo rule.
    DeleteClient(CompanyId, ClientId, Timestamp),
    /// A new endpoint; at most `limit` per company.
    CreateEndpoint(Endpoint, usize),
    /// All but key and creation may differ. With [`EndpointChange::Reopened`] and [`EndpointChange::Resumed`] what waits
    /// becomes due at `now`.
    UpdateEndpoint(Endpoint, EndpointChange, Timestamp),
    /// Gone for good.
    DeleteEndpoint(EndpointKey, IfUndelivered, Timestamp),
    /// A new person; at most [`MOST_PEOPLE`] per company.
    CreatePerson(Person),
    /// Another email or role, or another one-time link in the place of the one before.
    UpdatePerson(Person),
    /// Their sessions end too.
    DeletePerson(CompanyId, PersonId),
    /// Uses a one-time link up: sets the password (a PHC string) and ends all sessions of the person.
    SetPassword {
        /// SHA-256 of the link's secret.
        link: [u8; 32],
        /// What the password is from now on.
        password: String,
        /// Now.
        now: Timestamp,
    },
    /// A new session.
    OpenSession(Session, Timestamp),
    /// Ends one, if it is there.
    CloseSession([u8; 32]),
    /// Notes a try to sign in before the password is looked at, so that many at once are all counted.
    /// [`Error::Locked`](crate::Error::Locked) when there were too many of this name from this address.
    TryPassword(Attempted, Timestamp),
    /// The password was right: the tries of this name from this address are forgotten.
    ForgetTries(Attempted),
    /// A new own action, or another sample for one.
    PutAction(OwnAction),
    /// No longer known.
    DeleteAction(ActionName),
    /// A new customer, or other demands of one.
    PutCustomer(Customer),
    /// Signing keys to write (new, or with another record) and ids of keys to remove.
    PutKeys(Vec<StoredKey>, Vec<String>),
}
