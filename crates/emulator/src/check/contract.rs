//! What the endpoint takes.

use workbell_wire::{Action, Variant};

use super::trial::{Trial, Verdict, accepted, result};
use crate::letter::{Letter, Token};
use crate::sender::Error;
use crate::{Fault, Note};

/// Bytes of a large body: the default of `limits.body`.
const LARGE: usize = 256 * 1024;

impl Trial {
    pub(super) async fn actions(&mut self) -> Result<Verdict, Error> {
        self.all(Action::ALL.into_iter().map(|action| (action, Variant::Typical))).await
    }

    pub(super) async fn variants(&mut self) -> Result<Verdict, Error> {
        let both = |action| [(action, Variant::Minimal), (action, Variant::Maximal)];
        self.all(Action::ALL.into_iter().flat_map(both)).await
    }

    pub(super) async fn raw_body(&mut self) -> Result<Verdict, Error> {
        let note = self.peculiar();
        self.must_accept(note, Letter::GOOD).await
    }

    pub(super) async fn plain_token(&mut self) -> Result<Verdict, Error> {
        let note = self.ordinary();
        self.must_accept(note, Letter::with_token(Token::Plain)).await
    }

    pub(super) async fn unknown_members(&mut self) -> Result<Verdict, Error> {
        let note = Fault::UnknownMember.lay_on(&self.ordinary());
        self.must_accept(note, Letter::GOOD).await
    }

    pub(super) async fn null_members(&mut self) -> Result<Verdict, Error> {
        let note = Fault::NullMembers.lay_on(&self.note(Action::CheckedOut, Variant::Minimal));
        self.must_accept(note, Letter::GOOD).await
    }

    pub(super) async fn large_body(&mut self) -> Result<Verdict, Error> {
        let note = self.long_check_list();
        self.must_accept(note, Letter::GOOD).await
    }

    async fn must_accept(&mut self, note: Note, letter: Letter) -> Result<Verdict, Error> {
        Ok(accepted(&self.post(note, letter).await?))
    }

    /// A check list as long as a notification may be.
    fn long_check_list(&mut self) -> Note {
        let (id, now, branch) = (self.message_id(), self.now(), self.options.branch_id);
        let mut text = format!(
            "{{\"Header\":{{\"WorkOrderId\":90000001,\"BranchId\":{branch},\
             \"Sender\":{{\"Name\":\"Jon Snow\",\"Type\":\"CorrigoPro\"}},\"Action\":\"CheckListUpdated\",\
             \"ActionDate\":\"{now}\",\"ApiVersion\":\"1.1\",\"MessageId\":\"{id}\"}},\"CheckList\":["
        );
        let mut number = 1;
        loop {
            let comma = if number == 1 { "" } else { "," };
            let item = format!(
                "{comma}{{\"Id\":{number},\"SortingIndex\":{number},\"Description\":\"Check valve {number} of the \
                 sprinklers for leaks\",\"IsDone\":false}}"
            );
            if text.len() + item.len() + "]}".len() > LARGE {
                break;
            }
            text.push_str(&item);
            number += 1;
        }
        text.push_str("]}");
        Note::publish(text.as_bytes(), id, now).expect("it keeps to the contract")
    }

    async fn all(&mut self, notes: impl Iterator<Item = (Action, Variant)>) -> Result<Verdict, Error> {
        let notes = notes.map(|(action, variant)| self.note(action, variant)).collect();
        Ok(self.one_by_one(notes).await?.verdict())
    }

    pub(super) async fn unknown_action(&mut self) -> Result<Verdict, Error> {
        let note = Fault::UnknownAction.lay_on(&self.ordinary());
        let sent = self.post(note, Letter::GOOD).await?;
        Ok(match &sent.attempted.result {
            Ok(status) if status.is_success() => Verdict::passed(result(&sent)),
            Ok(status) if status.is_client_error() => Verdict::warned(result(&sent)),
            Ok(_) | Err(_) => Verdict::failed(result(&sent)),
        })
    }

    /// A notification that no JSON library would write like this.
    fn peculiar(&mut self) -> Note {
        let (id, branch) = (self.message_id(), self.options.branch_id);
        let text = format!(
            "{{\"Header\":{{\"WorkOrderId\":90000000,\"BranchId\":{branch},\
             \"Sender\":{{ \"Type\" : \"Customer\",\n  \"Name\":\"J\\u00f6rg \\/ \\ud83d\\udd27\"}},\
             \"Action\":\"QuoteChanged\",\"ActionDate\":\"2026-03-02T10:12:08.1671610Z\",\
             \"ApiVersion\":\"1.1\",\"MessageId\":\"{id}\"}},\
             \"Quote\":{{ \"Amount\" : 1200.00,\t\"QuoteStatus\":\"Requested\", \"Comment\" : \"caf\\u00e9 \\u002b\" }}}}"
        );
        Note::publish(text.as_bytes(), id, self.now()).expect("it keeps to the contract")
    }
}
