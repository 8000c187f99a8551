//! A work order, and what each act changes of it.
//!
//! `details` is the model WorkOrder as it is sent with NewWorkOrder and read back; `kept` is what that model has no
//! member for: `Attachments`, `RepairInfo`, `CustomFields`, `Feedback`, `IsmStatus`, `Invoice`. Messages and notes
//! stand in the time line.
//!
//! Source: notifications.md section 4, service.md section 5.

use workbell_wire::Timestamp;

use crate::customer::Customer;
use crate::id::{CompanyId, WorkOrderId};
use crate::work_order::act::Act;
use crate::work_order::completion::{Completion, Demands};
use crate::work_order::life_cycle::{Change, Refusal, decide};
use crate::work_order::object::Object;
use crate::work_order::procedures;
use crate::work_order::status::Status;

/// How far from now the time of an act may lie before it counts as another time.
///
/// 60 s, the skew that readers of tokens allow as well. Source: notifications.md section 5; the value is our choice.
pub const SKEW: std::time::Duration = std::time::Duration::from_secs(60);

/// A work order as it stands.
#[derive(Clone, Debug)]
pub struct WorkOrder {
    /// Whose it is.
    pub company_id: CompanyId,
    /// Unique over all companies.
    pub work_order_id: WorkOrderId,
    /// The branch that does the work.
    pub branch_id: i64,
    /// Where it stands.
    pub status: Status,
    /// When it was created, as its details say.
    pub created: Timestamp,
    /// When it was last acted on.
    pub last_update: Timestamp,
    /// The model WorkOrder.
    pub details: Object,
    /// What that model has no member for.
    pub kept: Object,
}

/// Through which interface an act comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// The platform's: for all parties.
    Platform,
    /// The Direct API: the provider's own system.
    Direct,
}

/// An act that somebody wants to do.
#[derive(Clone, Debug)]
pub struct Doing {
    /// Which.
    pub act: Act,
    /// Where it comes from.
    pub interface: Interface,
    /// It came by telephone, which cannot take details.
    pub ivr: bool,
    /// The members of its action, checked against the contract.
    pub members: Object,
    /// When it was done, as the caller says.
    pub performed: Timestamp,
}

/// Why an act is refused. Nothing changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Not in this state.
    #[error(transparent)]
    State(#[from] Refusal),
    /// Orders that are billed beforehand are not accepted through the Direct API.
    #[error("a pre-billed work order cannot be accepted through the Direct API")]
    PreBilled,
    /// The customer takes no quotes.
    #[error("the customer of this work order does not allow quotes")]
    Quotes,
    /// The customer takes no acts of the past.
    #[error("the customer of this work order does not allow back-dating")]
    BackDating,
    /// Nobody has done it yet.
    #[error("the time of the act lies in the future")]
    Future,
}

impl WorkOrder {
    /// A new order from its details, which name its id, branch and status; `None` when they do not.
    pub fn new(company_id: CompanyId, details: Object, kept: Object, now: Timestamp) -> Option<Self> {
        Some(WorkOrder {
            company_id,
            work_order_id: details.read("WorkOrderId")?,
            branch_id: details.read("BranchId")?,
            status: Status::New,
            created: details.read("Created").unwrap_or(now),
            last_update: now,
            details,
            kept,
        })
    }

    /// The number that people use for it.
    pub fn number(&self) -> String {
        self.details.read("WorkOrderNumber").unwrap_or_default()
    }

    /// Id of the customer, where the details name one.
    pub fn customer_id(&self) -> Option<i64> {
        self.details.object("Customer").read("Id")
    }

    /// A time of its SLA: `AcknowledgeBy`, `OnSiteBy` or `DueDate`.
    pub fn agreed(&self, name: &str) -> Option<Timestamp> {
        self.details.object("Sla").read(name)
    }

    fn is_pmrm(&self) -> bool {
        self.details.read::<String>("Type").is_some_and(|kind| kind == "PMRM")
    }

    /// Does an act: what the order is afterwards, and what follows. `customer` is the order's, if known.
    ///
    /// # Errors
    /// It is refused, for the first reason in the order of [`Forbidden`].
    pub fn act(
        &self,
        doing: &Doing,
        customer: Option<&Customer>,
        now: Timestamp,
    ) -> Result<(WorkOrder, Change), Forbidden> {
        let usual = Customer::default();
        let customer = customer.unwrap_or(&usual);
        let change = decide(self.status, doing.act, self.completion(doing, &customer.demands))?;
        self.permit(doing, customer, now)?;
        let mut after = self.clone();
        after.apply(doing.act, &doing.members);
        after.status = change.status;
        after.last_update = now;
        after.details.put("Status", &change.status.name());
        after.details.put("LastUpdate", &now);
        Ok((after, change))
    }

    /// What is given with the act counts, and what was given before.
    fn completion(&self, doing: &Doing, demands: &Demands) -> Completion {
        let fields = [&doing.members, &self.kept];
        let ids: Vec<i64> = fields
            .into_iter()
            .flat_map(|source| source.list("CustomFields"))
            .filter_map(|field| field.read("Id"))
            .collect();
        let repair_info = fields.into_iter().any(|source| source.get("RepairInfo").is_some());
        Completion::of(self.is_pmrm(), doing.ivr, demands, repair_info, &ids)
    }

    fn permit(&self, doing: &Doing, customer: &Customer, now: Timestamp) -> Result<(), Forbidden> {
        let is_direct = doing.interface == Interface::Direct;
        let is_pre_billed = self.details.read("IsPreBilled").unwrap_or(false);
        if is_direct && doing.act == Act::Accept && is_pre_billed {
            return Err(Forbidden::PreBilled);
        }
        let submits = doing.act == Act::ChangeQuote
            && doing.members.object("Quote").read::<String>("QuoteStatus").as_deref() == Some("Submitted");
        if submits && !customer.allows_quotes {
            return Err(Forbidden::Quotes);
        }
        if is_direct && doing.performed < now.minus(SKEW) && !customer.allows_back_dating {
            return Err(Forbidden::BackDating);
        }
        if is_direct && doing.performed > now.plus(SKEW) {
            return Err(Forbidden::Future);
        }
        Ok(())
    }

    fn apply(&mut self, act: Act, given: &Object) {
        match act {
            Act::Accept
            | Act::Reject
            | Act::Recall
            | Act::PutOnHold
            | Act::Reopen
            | Act::CheckIn
            | Act::Pause
            | Act::SendMessage => {}
            Act::CheckOut => {
                self.complete(given);
                procedures::check_out(&mut self.details, given);
            }
            Act::WorkDoneDetails | Act::ChangeCompletionInfo => self.complete(given),
            Act::Verify => self.kept.take_over("Feedback", given),
            Act::AddAttachment => self.add_attachment(given),
            Act::RemoveAttachment => self.remove_attachment(given),
            Act::ChangeInternalNote => self.details.take_over("InternalNote", given),
            Act::ChangeNte => self.change_nte(|nte| nte.take_over("Amount", given)),
            Act::ChangeSla => self.details.take_over("Sla", given),
            Act::ChangeQuote => self.change_quote(given),
            Act::ChangeAppointment => {
                if let Some(appointment) = given.get("Appointment") {
                    self.details.set("Schedule", appointment.to_owned());
                }
            }
            Act::ChangeIsmStatus => {
                if let Some(status) = given.get("Status") {
                    self.kept.set("IsmStatus", status.to_owned());
                }
            }
            Act::UpdateCheckList => procedures::replace_check_list(&mut self.details, given),
            Act::MigrateCheckList => procedures::migrate_check_list(&mut self.details, given),
            Act::UpdateProcedures => procedures::update(&mut self.details, given),
            Act::UpdateSteps => procedures::update_steps(&mut self.details, given),
            Act::MarkProcedure => procedures::mark(&mut self.details, given),
            Act::ChangeInvoiceStatus => {
                let mut invoice = self.kept.object("Invoice");
                for name in ["Status", "Comment", "AuthNumber", "CheckNumber", "PaidDate", "Amount"] {
                    invoice.take_over(name, given);
                }
                self.kept.put("Invoice", &invoice);
            }
        }
    }

    fn complete(&mut self, given: &Object) {
        self.kept.take_over("RepairInfo", given);
        self.kept.take_over("CustomFields", given);
    }

    fn add_attachment(&mut self, given: &Object) {
        let mut attachment = Object::default();
        for name in ["AttachmentId", "Name", "MimeType", "Size", "Subtype"] {
            attachment.take_over(name, given);
        }
        self.remove_attachment(given);
        let mut attachments = self.kept.list("Attachments");
        attachments.push(attachment);
        self.kept.put("Attachments", &attachments);
    }

    fn remove_attachment(&mut self, given: &Object) {
        let id = |object: &Object| object.read::<String>("AttachmentId");
        let mut attachments = self.kept.list("Attachments");
        attachments.retain(|kept| id(kept) != id(given));
        self.kept.put("Attachments", &attachments);
    }

    fn change_nte(&mut self, edit: impl FnOnce(&mut Object)) {
        let mut nte = self.details.object("Nte");
        if nte.get("Amount").is_none() {
            nte.put("Amount", &0);
        }
        edit(&mut nte);
        self.details.put("Nte", &nte);
    }

    /// A quote that is approved moves the amount not to exceed; no NteChanged tells of that.
    fn change_quote(&mut self, given: &Object) {
        let quote = given.object("Quote");
        let is_approved = quote.read::<String>("QuoteStatus").as_deref() == Some("Approved");
        self.change_nte(|nte| {
            nte.take_over("Quote", given);
            if is_approved {
                nte.take_over("Amount", &quote);
            }
        });
    }
}

#[cfg(test)]
mod tests;
