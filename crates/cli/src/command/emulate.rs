//! `workbell emulate`: sends notifications to any URL, without a service.

mod show;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use workbell_emulator::{About, Expected, Fault, Note, Random, Scenario, Sender, SenderOptions, sample};
use workbell_model::EndpointId;
use workbell_wire::webhook_signature::Secret;
use workbell_wire::{Action, ActionName, Timestamp, Variant};

use crate::connection::{Connection, OfCompany};
use crate::developer::{self, Trust};
use crate::failure::Failure;
use crate::screen::{Screen, Style};
use crate::{input, moment};

const EXAMPLES: &str = "\
Examples:
  workbell emulate Accepted --to http://localhost:3000/hooks
  workbell emulate Accepted --endpoint 01990b5d-ac96-774b-bcce-b302099a8057   through the service
  workbell emulate --all --to http://localhost:3000/hooks
  workbell emulate --scenario happy-path --to https://cmms.example/hooks --speed 3600
  workbell emulate CheckedOut --fault tampered-body --to http://localhost:3000/hooks

Scenarios: happy-path, rejected, recalled, on-hold-and-reopened, quote, ivr-checkout, dispute, procedures, \
attachments-and-messages

Faults: duplicate, reordered, expired-token, wrong-audience, foreign-endpoint, access-token, bad-signature, \
tampered-body, truncated-body, unknown-action, unknown-member, null-members, huge-body, slow-body, no-expect

--endpoint sends through the service, with what it knows of that endpoint: registered actions too, and without \
scenarios and faults.

Status 0 when every notification was answered with a 2xx, 1 when not. With a fault, 0 when the receiver coped: \
it refused what is forged or tampered with (4xx), and took the rest.";

/// The branch of the documentation's sample.
const BRANCH: i64 = 492_042;

/// Send test notifications: to any URL without a service, or to an endpoint of a service
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Emulate {
    /// Name of the action, such as Accepted
    #[arg(value_name = "ACTION")]
    action: Option<String>,

    /// Where to post; signed with the key of this machine
    #[arg(long, value_name = "URL", required_unless_present = "endpoint")]
    to: Option<String>,

    /// An endpoint of the service, with its own URL, keys and settings; logged there
    #[arg(
        long,
        value_name = "ENDPOINT_ID",
        conflicts_with_all = ["to", "scenario", "fault", "seed", "key", "sample"]
    )]
    endpoint: Option<EndpointId>,

    /// The branch that the samples name; 492042, or the endpoint's first
    #[arg(long, value_name = "BRANCH_ID", value_parser = clap::value_parser!(i64).range(0..))]
    branch: Option<i64>,

    /// File with the members beside Header, JSON: sends ACTION as one of the platform's own
    #[arg(long, value_name = "FILE", requires = "action")]
    sample: Option<PathBuf>,

    /// Each of the 28 actions once
    #[arg(long, conflicts_with_all = ["action", "scenario"])]
    all: bool,

    /// The whole life of a work order
    #[arg(long, value_name = "NAME", conflicts_with = "action")]
    scenario: Option<String>,

    /// Something that is wrong with it, to see whether the receiver copes
    #[arg(long, value_name = "NAME")]
    fault: Option<String>,

    /// How much a sample holds: minimal, typical or maximal
    #[arg(long, value_name = "SIZE", default_value = "typical")]
    variant: String,

    /// The same seed sends the same ids and contents again
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Play a scenario with its pauses, this many times faster; without it there are no pauses
    #[arg(long, value_name = "N", requires = "scenario", value_parser = clap::value_parser!(u32).range(1..))]
    speed: Option<u32>,

    /// File with the signing key: an RSA key in PEM, or one that is made when it is not there; instead of the one in the
    /// configuration folder
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Secret of the signature over the body, whsec_…
    #[arg(long, value_name = "SECRET", env = "WORKBELL_SECRET", hide_env_values = true)]
    secret: Option<Secret>,

    #[command(flatten)]
    of: OfCompany,

    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl Emulate {
    /// Sends, and shows request and answer.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        match (&self.endpoint, &self.to) {
            (Some(endpoint), _) => self.through_the_service(*endpoint, screen).await,
            (None, Some(to)) => self.to_a_url(to, screen).await,
            (None, None) => Err(Failure::Usage("give --to URL, or --endpoint ID of a service".to_owned())),
        }
    }

    /// The service sends, with the endpoint's own keys and settings.
    async fn through_the_service(&self, endpoint: EndpointId, screen: &Screen) -> Result<(), Failure> {
        let platform = self.connection.platform()?;
        let company = self.of.resolve(&platform).await?;
        let id = endpoint.to_string();
        let path = ["v1", "companies", company.as_str(), "endpoints", id.as_str(), "emulate"];
        let variant = variant(&self.variant)?;
        let actions: Vec<&str> = match (&self.action, self.all) {
            (Some(action), _) => vec![action],
            (None, true) => Action::ALL.iter().map(|action| action.name()).collect(),
            (None, false) => return Err(nothing_named()),
        };
        let mut otherwise = 0;
        for action in actions {
            // The service knows the registered ones; of the 28 the case may be wrong, as elsewhere here.
            let known = Action::ALL.iter().find(|known| known.name().eq_ignore_ascii_case(action));
            let body = json!({
                "Action": known.map_or(action, |known| known.name()),
                "Variant": variant.name(),
                "BranchId": self.branch,
            });
            let body = without_nulls(body).to_string();
            let answer = platform.post(&path, body.into()).await?;
            let shown = show::Shown::of_record(&answer.value()?);
            otherwise += usize::from(!shown.is_as_expected());
            screen.print(&if self.connection.json {
                format!("{}\n", answer.value()?)
            } else {
                show::text(&shown, screen)
            })?;
        }
        self.end(otherwise, Expected::Success, screen)
    }

    /// This machine sends, with its own key.
    async fn to_a_url(&self, to: &str, screen: &Screen) -> Result<(), Failure> {
        let fault = self.fault.as_deref().map(fault).transpose()?;
        let variant = variant(&self.variant)?;
        let mut random = Random::new(self.seed.unwrap_or_else(chance));
        let notes = self.notes(variant, &mut random)?;
        let wrong_url = |error| Failure::Usage(format!("--to {to}: {error}"));
        Sender::judge_url(to).map_err(wrong_url)?;
        let path = self.key.clone().map_or_else(developer::path, Ok)?;
        let opened = developer::open(&path)?;
        let mut identity = opened.identity;
        if let Some(secret) = &self.secret {
            identity.secret = secret.clone();
        }
        let sender = Sender::new(to, &identity, SenderOptions::default()).map_err(wrong_url)?;
        if !self.connection.json {
            Trust::of(&identity, sender.certificates_pem(moment::now())).note(&path, opened.is_new, screen);
        }
        let expected = Expected::of(fault);
        let mut otherwise = 0;
        for (pause, group) in groups(&notes, fault) {
            if let Some(speed) = self.speed {
                tokio::time::sleep(pause / speed).await;
            }
            let sent = sender
                .play(group, fault, &mut random, moment::now)
                .await
                .map_err(|error| Failure::Failed(error.to_string()))?;
            for sent in &sent {
                let shown = show::Shown::of_sent(sent, expected);
                otherwise += usize::from(!shown.is_as_expected());
                screen.print(&if self.connection.json {
                    format!("{}\n", show::json(sent, fault))
                } else {
                    show::text(&shown, screen)
                })?;
            }
        }
        if let Some(fault) = fault
            && otherwise == 0
            && !self.connection.json
        {
            let line = format!("answered to {} as expected: with {}", fault.name(), expected.what());
            screen.note(&screen.paint(Style::Good, &line));
        }
        self.end(otherwise, expected, screen)
    }

    /// Success only when all were answered as expected.
    fn end(&self, otherwise: usize, expected: Expected, screen: &Screen) -> Result<(), Failure> {
        if otherwise == 0 {
            return Ok(());
        }
        if !self.connection.json {
            let line = format!("{otherwise} not answered as expected: with {}", expected.what());
            screen.note(&screen.paint(Style::Bad, &line));
        }
        Err(Failure::Shown)
    }

    fn notes(&self, variant: Variant, random: &mut Random) -> Result<Vec<Note>, Failure> {
        let branch = self.branch.unwrap_or(BRANCH);
        // With a seed everything is the same again, the days too.
        let fixed = Timestamp::from_unix_seconds(1_772_438_400);
        let now = if self.seed.is_some() { fixed } else { moment::now() };
        if let Some(name) = &self.scenario {
            let scenario = Scenario::from_name(name).ok_or_else(|| {
                unknown("scenario", name, Scenario::ALL.iter().map(|scenario| scenario.name()))
            })?;
            let first = if self.seed.is_some() { now } else { now.minus(Duration::from_secs(14 * 86_400)) };
            return Ok(scenario.notes(branch, random, first));
        }
        if self.all {
            return Ok(Action::ALL.into_iter().map(|it| sample(it, variant, branch, random, now)).collect());
        }
        let name = self.action.as_deref().ok_or_else(nothing_named)?;
        if let Some(file) = &self.sample {
            return Ok(vec![own(name, file, branch, random, now)?]);
        }
        let found = Action::ALL.into_iter().find(|action| action.name().eq_ignore_ascii_case(name));
        let action =
            found.ok_or_else(|| unknown("action", name, Action::ALL.iter().map(|action| action.name())))?;
        Ok(vec![sample(action, variant, branch, random, now)])
    }
}

fn nothing_named() -> Failure {
    Failure::Usage("what shall be sent? give the name of an action, --all or --scenario NAME".to_owned())
}

/// An action of a platform's own, with the members that stand in the file.
fn own(
    name: &str,
    file: &Path,
    branch_id: i64,
    random: &mut Random,
    now: Timestamp,
) -> Result<Note, Failure> {
    let action: ActionName = name.parse().map_err(|error| Failure::Usage(format!("{name:?}: {error}")))?;
    if let Some(known) = action.known() {
        let why = format!(
            "{} is one of the 28 actions, which have samples of their own; leave --sample out",
            known.name()
        );
        return Err(Failure::Usage(why));
    }
    let bytes = input::read(file)?;
    let id = random.message_id(now);
    let about = About::branch(branch_id);
    Note::own(&action, &String::from_utf8_lossy(&bytes), about, id, now)
        .map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))
}

/// The object without its members that are null.
fn without_nulls(mut object: Value) -> Value {
    if let Value::Object(members) = &mut object {
        members.retain(|_, value| !value.is_null());
    }
    object
}

/// What is arranged together (pairs where order is turned round, single ones else), and the pause before it.
fn groups(notes: &[Note], fault: Option<Fault>) -> impl Iterator<Item = (Duration, &[Note])> {
    let size = if fault == Some(Fault::Reordered) { 2 } else { 1 };
    notes.chunks(size).scan(None, |before: &mut Option<Timestamp>, group| {
        let at = |note: Option<&Note>| note.map(|note| note.at);
        let pause = at(group.first()).zip(*before).map_or(Duration::ZERO, |(at, before)| at.since(before));
        *before = at(group.last());
        Some((pause, group))
    })
}

fn fault(name: &str) -> Result<Fault, Failure> {
    Fault::from_name(name).ok_or_else(|| unknown("fault", name, Fault::ALL.iter().map(|fault| fault.name())))
}

fn variant(name: &str) -> Result<Variant, Failure> {
    Variant::from_name(name)
        .ok_or_else(|| unknown("variant", name, Variant::ALL.iter().map(|variant| variant.name())))
}

/// Wrong usage, with what was probably meant.
fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let known: Vec<&str> = known.collect();
    let lower = name.to_ascii_lowercase();
    let near = known.iter().min_by_key(|other| distance(&lower, &other.to_ascii_lowercase()));
    let meant = near.filter(|other| distance(&lower, &other.to_ascii_lowercase()) <= 3);
    let hint =
        meant.map_or_else(|| format!("known are {}", known.join(", ")), |it| format!("did you mean {it}?"));
    Failure::Usage(format!("there is no {what} {name:?}; {hint}"))
}

/// Letters to add, take away or change to get from one to the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for place in 0..other.len() {
            let changed = diagonal + usize::from(other[place] != letter);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}

fn chance() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

#[cfg(test)]
mod tests;
