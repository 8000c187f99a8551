//! Notifications to try a receiver with: each of the 28 actions in three sizes.
//!
//! They tell of one leaking pipe in a bakery, so ids, names, amounts and times agree with each other over all
//! actions of one [`SampleContext`]. Each is a text that can be published. Minimal has what the contract
//! demands and no more, typical what is usual, maximal every documented member, texts at their full length and
//! with characters of one to four bytes.

mod actions;
mod json;
mod procedures;
mod work_order;

use crate::action::Action;
use crate::action_name::ActionName;
use crate::message_id::MessageId;
use crate::timestamp::Timestamp;

use json::Object;

/// How much a sample holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// What the contract demands, and no more.
    Minimal,
    /// What is usual.
    Typical,
    /// Every documented member, texts at their full length.
    Maximal,
}

impl Variant {
    /// All of them, from small to large.
    pub const ALL: [Variant; 3] = [Variant::Minimal, Variant::Typical, Variant::Maximal];

    /// Its name, lower case, as on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Variant::Minimal => "minimal",
            Variant::Typical => "typical",
            Variant::Maximal => "maximal",
        }
    }

    /// The variant with this name, whatever its case.
    pub fn from_name(name: &str) -> Option<Variant> {
        Variant::ALL.into_iter().find(|variant| variant.name().eq_ignore_ascii_case(name))
    }
}

/// What a sample does not make up itself.
#[derive(Clone, Copy, Debug)]
pub struct SampleContext<'a> {
    /// The work order. `AdditionalFieldDescriptorUpdated` has 0 instead, as the contract says.
    pub work_order_id: i64,
    /// The number that people use for it.
    pub work_order_number: &'a str,
    /// The branch that gets it.
    pub branch_id: i64,
    /// Written as the reserved member `CompanyId`; needed when the branch is 0.
    pub company_id: Option<&'a str>,
    /// Id of the notification.
    pub message_id: MessageId,
    /// When it happens; all other times are counted from here.
    pub now: Timestamp,
}

impl<'a> SampleContext<'a> {
    /// A context with a made-up work order number and without a company.
    pub const fn new(work_order_id: i64, branch_id: i64, message_id: MessageId, now: Timestamp) -> Self {
        SampleContext {
            work_order_id,
            work_order_number: "RTL-0004217",
            branch_id,
            company_id: None,
            message_id,
            now,
        }
    }
}

/// The text of a notification that can be published.
pub fn sample(action: Action, variant: Variant, context: &SampleContext<'_>) -> Vec<u8> {
    let maker = Maker { action, variant, context };
    let mut notification = Object::new();
    notification.json("Header", maker.header());
    if let Some(company_id) = context.company_id {
        notification.text("CompanyId", company_id);
    }
    maker.members(&mut notification);
    notification.end().into_bytes()
}

/// The text of a notification with an action of a platform's own: `sample` holds its members beside `Header`.
///
/// What is no JSON object gives a text that cannot be published.
pub fn own_sample(action: &ActionName, sample: &str, context: &SampleContext<'_>) -> Vec<u8> {
    let mut sender = Object::new();
    sender.text("Name", "Jon Snow");
    sender.text("Phone", "+12025550141");
    sender.text("Type", "CorrigoPro");
    let mut notification = Object::new();
    notification.json("Header", header(action.as_str(), context.work_order_id, sender.end(), context));
    if let Some(company_id) = context.company_id {
        notification.text("CompanyId", company_id);
    }
    let begun = notification.end();
    let members = sample.trim().strip_prefix('{').unwrap_or(sample);
    let comma = if members.trim() == "}" { "" } else { "," };
    format!("{}{comma}{members}", begun.strip_suffix('}').unwrap_or(&begun)).into_bytes()
}

fn header(action: &str, work_order_id: i64, sender: String, context: &SampleContext<'_>) -> String {
    let mut header = Object::new();
    header.integer("WorkOrderId", work_order_id);
    header.integer("BranchId", context.branch_id);
    header.json("Sender", sender);
    header.text("Action", action);
    header.text("ActionDate", &context.now.to_string());
    header.text("ApiVersion", crate::publication::DEFAULT_API_VERSION);
    header.text("MessageId", &context.message_id.to_string());
    header.end()
}

/// Makes the parts of one sample.
struct Maker<'a> {
    action: Action,
    variant: Variant,
    context: &'a SampleContext<'a>,
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

impl Maker<'_> {
    fn typical(&self) -> bool {
        self.variant >= Variant::Typical
    }

    fn maximal(&self) -> bool {
        self.variant == Variant::Maximal
    }

    fn header(&self) -> String {
        let about_no_order = self.action == Action::AdditionalFieldDescriptorUpdated;
        let work_order_id = if about_no_order { 0 } else { self.context.work_order_id };
        header(self.action.name(), work_order_id, self.sender(), self.context)
    }

    fn sender(&self) -> String {
        let (name, phone, kind) = match self.action {
            Action::NeedsCompletionDetails => ("IVR", "+12025550100", "CorrigoPro"),
            _ if self.by_customer() => ("Dana Whitfield", "+12025550163", "Customer"),
            _ => ("Jon Snow", "+12025550141", "CorrigoPro"),
        };
        let mut sender = Object::new();
        sender.text("Name", name);
        if self.typical() {
            sender.text("Phone", phone);
        }
        sender.text("Type", kind);
        sender.end()
    }

    /// Who starts it in this story, where both could.
    fn by_customer(&self) -> bool {
        use crate::action::Starter;
        match self.action.facts().starter {
            Starter::Customer => true,
            Starter::Provider => false,
            Starter::Both => matches!(
                self.action,
                Action::Reopened | Action::ProcedureUpdated | Action::CheckListMigratedToProcedure
            ),
        }
    }

    /// The time this many seconds after the notification's own.
    fn time(&self, seconds: i64) -> String {
        let ticks = seconds.saturating_mul(crate::timestamp::TICKS_PER_SECOND);
        Timestamp::from_ticks(self.context.now.ticks().saturating_add(ticks)).to_string()
    }

    /// This text, or, in a maximal sample, one that begins with it and has exactly `most` characters.
    fn up_to(&self, most: usize, text: &str) -> String {
        const FILLER: &str =
            " Gemäß Vorgabe geprüft – naïve façade, 水漏れ確認済み, “done” ✓ 🔧\n\tBack\\slash/.";
        if !self.maximal() {
            return text.to_owned();
        }
        text.chars().chain(FILLER.chars().cycle()).take(most).collect()
    }
}

#[cfg(test)]
mod tests;
