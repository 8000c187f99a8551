//! A check while it runs: what was seen so far, and how notifications are sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use workbell_egress::Failure;
use workbell_wire::{Action, Timestamp, Variant};

use super::Options;
use super::finding::{Finding, Outcome};
use super::probe::Probe;
use crate::letter::{Letter, Signature, Token};
use crate::sender::{Error, Sender, Sent};
use crate::{About, Note, Random, sample_about};

/// How a probe ended, and what is to be said of it.
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) came: String,
    /// Better advice than the probe's own.
    pub(super) mend: Option<String>,
}

impl Verdict {
    pub(super) fn passed(came: impl Into<String>) -> Verdict {
        Verdict { outcome: Outcome::Passed, came: came.into(), mend: None }
    }

    pub(super) fn warned(came: impl Into<String>) -> Verdict {
        Verdict { outcome: Outcome::Warned, came: came.into(), mend: None }
    }

    pub(super) fn failed(came: impl Into<String>) -> Verdict {
        Verdict { outcome: Outcome::Failed, came: came.into(), mend: None }
    }

    pub(super) fn not_judged(why: impl Into<String>) -> Verdict {
        Verdict { outcome: Outcome::NotJudged, came: why.into(), mend: None }
    }

    /// Failed, with better advice.
    pub(super) fn mended_by(self, mend: impl Into<String>) -> Verdict {
        Verdict { mend: Some(mend.into()), ..self }
    }
}

/// A check while it runs.
pub(super) struct Trial {
    pub(super) sender: Arc<Sender>,
    pub(super) options: Options,
    random: Random,
    clock: fn() -> Timestamp,
    /// The first notification.
    pub(super) first: Option<Sent>,
    /// Slowest answer to a notification that was sent alone, and to what.
    pub(super) slowest: Option<(Duration, String)>,
    /// The body that came in pieces.
    pub(super) in_pieces: Option<Sent>,
    /// The same notification twice, then another one.
    pub(super) repeats: Vec<Sent>,
    /// Work orders so far: those that are sent at once must not be the same.
    work_orders: i64,
}

impl Trial {
    pub(super) fn new(sender: Sender, options: Options, random: Random, clock: fn() -> Timestamp) -> Trial {
        Trial {
            sender: Arc::new(sender),
            options,
            random,
            clock,
            first: None,
            slowest: None,
            in_pieces: None,
            repeats: Vec::new(),
            work_orders: 0,
        }
    }

    /// Runs one probe.
    pub(super) async fn judge(&mut self, probe: Probe) -> Result<Finding, Error> {
        let begin = Instant::now();
        let verdict = if self.first.as_ref().is_some_and(Sent::is_success) || comes_first(probe) {
            self.verdict(probe).await?
        } else {
            Verdict::not_judged("not tried, for an ordinary notification is not accepted")
        };
        let mend = match verdict.outcome {
            Outcome::Passed | Outcome::NotJudged => String::new(),
            Outcome::Warned | Outcome::Failed => verdict.mend.unwrap_or_else(|| probe.mend().to_owned()),
        };
        Ok(Finding {
            probe,
            outcome: verdict.outcome,
            sent: probe.sends().to_owned(),
            came: verdict.came,
            mend,
            took: begin.elapsed(),
        })
    }

    async fn verdict(&mut self, probe: Probe) -> Result<Verdict, Error> {
        let letter = match probe {
            Probe::Reachable => return self.reachable().await,
            Probe::Tls => return Ok(self.tls()),
            Probe::Certificate => return Ok(self.certificate()),
            Probe::Accepts => return Ok(self.accepts()),
            Probe::KeepAlive => return self.keep_alive().await,
            Probe::Continue => return Ok(self.continued()),
            Probe::Actions => return self.actions().await,
            Probe::Variants => return self.variants().await,
            Probe::RawBody => return self.raw_body().await,
            Probe::PlainToken => return self.plain_token().await,
            Probe::UnknownMembers => return self.unknown_members().await,
            Probe::UnknownAction => return self.unknown_action().await,
            Probe::NullMembers => return self.null_members().await,
            Probe::LargeBody => return self.large_body().await,
            Probe::Quick => return Ok(self.quick()),
            Probe::EarlyAnswer => return self.early_answer().await,
            Probe::SlowBody => return Ok(self.slow_body()),
            Probe::Duplicate => return self.duplicate().await,
            Probe::DuplicateAtOnce => return self.duplicate_at_once().await,
            Probe::Dedupe => return Ok(self.dedupe()),
            Probe::Reordered => return self.reordered().await,
            Probe::TruncatedBody => return self.truncated_body().await,
            Probe::Burst => return self.burst().await,
            Probe::Survives => return self.survives().await,
            Probe::NoToken => Letter::with_token(Token::Missing),
            Probe::ForgedToken => Letter::with_token(Token::Stranger),
            Probe::ExpiredToken => Letter::with_token(Token::Expired),
            Probe::FutureToken => Letter::with_token(Token::Future),
            Probe::WrongAudience => Letter::with_token(Token::OtherAudience),
            Probe::ForeignEndpoint => Letter::with_token(Token::Foreign),
            Probe::AccessToken => Letter::with_token(Token::Access),
            Probe::TamperedBody => Letter { tampered: true, ..Letter::GOOD },
            Probe::NoSignature => Letter { signature: Signature::Missing, ..Letter::GOOD },
            Probe::OldSignature => Letter { signature: Signature::Old, ..Letter::GOOD },
        };
        self.must_refuse(letter).await
    }

    /// A sample of a work order of its own.
    pub(super) fn note(&mut self, action: Action, variant: Variant) -> Note {
        let now = (self.clock)();
        self.work_orders += 1;
        let fresh = FIRST_WORK_ORDER + self.work_orders;
        let about = About { work_order_id: fresh, branch_id: self.options.branch_id };
        sample_about(action, variant, about, &mut self.random, now)
    }

    /// An ordinary notification.
    pub(super) fn ordinary(&mut self) -> Note {
        self.note(Action::Accepted, Variant::Typical)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(super) fn message_id(&mut self) -> workbell_wire::MessageId {
        let now = self.now();
        self.random.message_id(now)
    }

    /// Sends a note alone, as the letter says.
    pub(super) async fn post(&mut self, note: Note, letter: Letter) -> Result<Sent, Error> {
        self.sender.post(note, letter, (self.clock)()).await
    }

    /// Sends good notes one after the other, and says which were not accepted and how many were sent.
    pub(super) async fn one_by_one(&mut self, notes: Vec<Note>) -> Result<Series, Error> {
        let begin = Instant::now();
        let mut series = Series { sent: 0, all: notes.len(), bad: Vec::new() };
        for note in notes {
            if begin.elapsed() > self.options.patience {
                break;
            }
            let sent = self.post(note, Letter::GOOD).await?;
            self.note_time(&sent);
            series.sent += 1;
            if !sent.is_success() {
                series.bad.push(sent);
            }
        }
        Ok(series)
    }

    /// Remembers how long an answer took.
    pub(super) fn note_time(&mut self, sent: &Sent) {
        let answered = sent.attempted.result.is_ok();
        let timed_out = matches!(sent.attempted.result, Err(Failure::Timeout { .. }));
        let took = sent.attempted.total;
        if (answered || timed_out) && self.slowest.as_ref().is_none_or(|(slowest, _)| took > *slowest) {
            self.slowest = Some((took, sent.note.action.clone()));
        }
    }

    /// Sends good notes, as many at once as there are connections.
    pub(super) async fn at_once(&mut self, notes: Vec<Note>) -> Result<Vec<Sent>, Error> {
        let mut tasks = JoinSet::new();
        let now = self.now();
        for note in notes {
            let sender = Arc::clone(&self.sender);
            tasks.spawn(async move { sender.post(note, Letter::GOOD, now).await });
        }
        let mut all = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            match ended {
                Ok(sent) => all.push(sent?),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        Ok(all)
    }
}

/// Whether the probe is judged also where nothing is accepted.
fn comes_first(probe: Probe) -> bool {
    matches!(probe, Probe::Reachable | Probe::Tls | Probe::Certificate | Probe::Accepts)
}

/// Far above the numbers that samples have elsewhere.
const FIRST_WORK_ORDER: i64 = 90_000_000;

/// What came of several notifications.
pub(super) struct Series {
    pub(super) sent: usize,
    pub(super) all: usize,
    pub(super) bad: Vec<Sent>,
}

impl Series {
    /// Judges it: all must be accepted.
    pub(super) fn verdict(&self) -> Verdict {
        let cut = match self.sent < self.all {
            true => format!("; only {} of {} were sent, for it took so long", self.sent, self.all),
            false => String::new(),
        };
        if self.bad.is_empty() {
            let came = format!("2xx for {} of them{cut}", self.sent);
            return if cut.is_empty() { Verdict::passed(came) } else { Verdict::warned(came) };
        }
        let named: Vec<String> =
            self.bad.iter().take(5).map(|sent| format!("{}: {}", sent.note.action, result(sent))).collect();
        let more = self.bad.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Verdict::failed(format!("not accepted: {}{more}{cut}", named.join(", ")))
    }
}

/// What came back, in a few words: `401 Unauthorized`, `Timeout: waiting …`.
pub(super) fn result(sent: &Sent) -> String {
    match &sent.attempted.result {
        Ok(status) => status.to_string(),
        Err(failure) => format!("{}: {failure}", failure.name()),
    }
}

/// Judges one notification that must be accepted.
pub(super) fn accepted(sent: &Sent) -> Verdict {
    if sent.is_success() { Verdict::passed(result(sent)) } else { Verdict::failed(result(sent)) }
}
