//! `workbell emulate`: sends notifications to any URL, without a service.

mod show;

use std::path::PathBuf;
use std::time::Duration;

use workbell_emulator::{Fault, Note, Random, Scenario, Sender, SenderOptions, sample};
use workbell_wire::webhook_signature::Secret;
use workbell_wire::{Action, Timestamp, Variant};

use crate::developer::{self, Trust};
use crate::failure::Failure;
use crate::moment;
use crate::screen::{Screen, Style};

const EXAMPLES: &str = "\
Examples:
  workbell emulate Accepted --to http://localhost:3000/hooks
  workbell emulate --all --to http://localhost:3000/hooks
  workbell emulate --scenario happy-path --to https://cmms.example/hooks --speed 3600
  workbell emulate CheckedOut --fault tampered-body --to http://localhost:3000/hooks

Scenarios: happy-path, rejected, recalled, on-hold-and-reopened, quote, ivr-checkout, dispute, procedures, \
attachments-and-messages

Faults: duplicate, reordered, expired-token, wrong-audience, foreign-endpoint, access-token, bad-signature, \
tampered-body, truncated-body, unknown-action, unknown-member, null-members, huge-body, slow-body, no-expect

Status 0 when every notification was answered with a 2xx, 1 when not.";

/// The branch of the documentation's sample.
const BRANCH: i64 = 492_042;

/// Send test notifications to any URL; needs no running service
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Emulate {
    /// Name of the action, such as Accepted
    #[arg(value_name = "ACTION")]
    action: Option<String>,

    /// Where to post
    #[arg(long, value_name = "URL")]
    to: String,

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

    /// File with the signing key, made when it is not there, instead of the one in the configuration folder
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Secret of the signature over the body, whsec_…
    #[arg(long, value_name = "SECRET", env = "WORKBELL_SECRET", hide_env_values = true)]
    secret: Option<Secret>,

    /// Print one JSON object per notification
    #[arg(long)]
    pub(crate) json: bool,
}

impl Emulate {
    /// Sends, and shows request and answer.
    pub(crate) async fn run(&self, screen: &Screen) -> Result<(), Failure> {
        let fault = self.fault.as_deref().map(fault).transpose()?;
        let variant = variant(&self.variant)?;
        let mut random = Random::new(self.seed.unwrap_or_else(chance));
        let notes = self.notes(variant, &mut random)?;
        let path = self.key.clone().map_or_else(developer::path, Ok)?;
        let mut identity = developer::open(&path)?;
        if let Some(secret) = &self.secret {
            identity.secret = secret.clone();
        }
        let sender = Sender::new(&self.to, &identity, SenderOptions::default())
            .map_err(|error| Failure::Usage(format!("--to {}: {error}", self.to)))?;
        if !self.json {
            Trust::of(&identity, sender.certificates_pem(moment::now())).note(screen);
        }
        let mut refused = 0;
        for (pause, group) in groups(&notes, fault) {
            if let Some(speed) = self.speed {
                tokio::time::sleep(pause / speed).await;
            }
            let sent = sender
                .play(group, fault, &mut random, moment::now)
                .await
                .map_err(|error| Failure::Failed(error.to_string()))?;
            for sent in &sent {
                refused += usize::from(!sent.is_success());
                if self.json {
                    screen.print(&format!("{}\n", show::json(sent, fault)))?;
                } else {
                    screen.print(&show::text(sent, screen))?;
                }
            }
        }
        if refused == 0 {
            return Ok(());
        }
        if !self.json {
            let line = format!("{refused} not answered with a 2xx");
            screen.note(&screen.paint(Style::Bad, &line));
        }
        Err(Failure::Shown)
    }

    fn notes(&self, variant: Variant, random: &mut Random) -> Result<Vec<Note>, Failure> {
        // With a seed everything is the same again, the days too.
        let fixed = Timestamp::from_unix_seconds(1_772_438_400);
        let now = if self.seed.is_some() { fixed } else { moment::now() };
        if let Some(name) = &self.scenario {
            let scenario = Scenario::from_name(name).ok_or_else(|| {
                unknown("scenario", name, Scenario::ALL.iter().map(|scenario| scenario.name()))
            })?;
            let first = if self.seed.is_some() { now } else { now.minus(Duration::from_secs(14 * 86_400)) };
            return Ok(scenario.notes(BRANCH, random, first));
        }
        if self.all {
            return Ok(Action::ALL.into_iter().map(|it| sample(it, variant, BRANCH, random, now)).collect());
        }
        let name = self.action.as_deref().ok_or_else(|| {
            Failure::Usage(
                "what shall be sent? give the name of an action, --all or --scenario NAME".to_owned(),
            )
        })?;
        let found = Action::ALL.into_iter().find(|action| action.name().eq_ignore_ascii_case(name));
        let action =
            found.ok_or_else(|| unknown("action", name, Action::ALL.iter().map(|action| action.name())))?;
        Ok(vec![sample(action, variant, BRANCH, random, now)])
    }
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
