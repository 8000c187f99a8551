//! Sends notes, good ones and bad ones, and tells what came of each. Nothing is tried again.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::HeaderValue;
use workbell_egress::{Attempted, Client, ClientOptions, Policy, Pool, Request, Signed, Stamp, Target};
use workbell_signing::{KeyRing, Recipient};
use workbell_wire::Timestamp;
use workbell_wire::token::{self, DEFAULT_AUDIENCE};
use workbell_wire::webhook_signature::Keys;

use crate::bend::{Bend, overlay};
use crate::fault::{earlier, tampered};
use crate::letter::{Letter, Signature, Token, Travel};
use crate::{Fault, Identity, IdentityError, Note, Random};

/// Pieces in which a slow body comes.
const PIECES: usize = 20;

/// How far off the times of tokens and signatures are that are too old or too early.
const HOUR: Duration = Duration::from_secs(3600);

/// How a sender is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Longest attempt.
    pub timeout: Duration,
    /// Longest look-up, and TCP and TLS together.
    pub connect_timeout: Duration,
    /// How long a slow body takes.
    pub slow_for: Duration,
    /// Bytes of an answer that are kept.
    pub response_limit: usize,
    /// Connections at once.
    pub connections: usize,
    /// PEM file of authorities that are trusted beside those of the machine.
    pub ca_file: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            slow_for: Duration::from_secs(3),
            response_limit: 16 * 1024,
            connections: 1,
            ca_file: None,
        }
    }
}

/// Why a note cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is none of an endpoint.
    #[error("{0}")]
    Url(#[from] workbell_egress::UrlError),
    /// No client.
    #[error(transparent)]
    Client(#[from] workbell_egress::Error),
    /// Keys cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No token.
    #[error("no token can be made: {0}")]
    Token(#[from] workbell_signing::Error),
    /// Something that no header can carry.
    #[error("the value of the header {0} cannot be sent")]
    Header(&'static str),
}

/// A note that was sent, and what came back.
#[derive(Debug)]
pub struct Sent {
    /// What went out, its body as it went.
    pub note: Note,
    /// What came of it.
    pub attempted: Attempted,
}

impl Sent {
    /// Whether it was answered with a success.
    pub fn is_success(&self) -> bool {
        self.attempted.result.as_ref().is_ok_and(http::StatusCode::is_success)
    }
}

/// Sends to one URL.
pub struct Sender {
    target: Arc<Target>,
    client: ClientOptions,
    pool: Pool,
    ring: KeyRing,
    plain: KeyRing,
    other_audience: KeyRing,
    stranger: OnceLock<KeyRing>,
    recipient: Recipient,
    keys: Keys,
    options: Options,
}

impl Sender {
    /// A sender to this URL; loopback and private addresses are dialled too.
    ///
    /// # Errors
    /// When the URL is none of an endpoint, or the identity cannot be used.
    pub fn new(url: &str, identity: &Identity, options: Options) -> Result<Sender, Error> {
        let target = Arc::new(Target::parse(url)?);
        let client = ClientOptions { ca_file: options.ca_file.clone(), ..ClientOptions::new(Policy::open()) };
        let plain = workbell_signing::Options { gzip: false, ..workbell_signing::Options::default() };
        Ok(Sender {
            pool: Client::new(client.clone())?.pool(options.connections),
            client,
            ring: identity.ring(DEFAULT_AUDIENCE)?,
            plain: identity.ring_with(plain)?,
            other_audience: identity.ring("SomebodyElse")?,
            stranger: OnceLock::new(),
            recipient: Recipient {
                client_id: identity.client_id.clone(),
                endpoint: identity.endpoint_id.clone(),
                destination: target.origin().to_owned(),
            },
            keys: Keys::new([&identity.secret]),
            target,
            options,
        })
    }

    /// Whether this could be the URL of a receiver; looks nothing up and sends nothing.
    ///
    /// # Errors
    /// When the URL is none of an endpoint.
    pub fn judge_url(url: &str) -> Result<(), Error> {
        Target::parse(url)?;
        Ok(())
    }

    /// Where it sends.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The published certificate: what a receiver must trust.
    pub fn certificates_pem(&self, now: Timestamp) -> String {
        self.ring.certificates_pem(now)
    }

    /// Sends notes in their order, each with the fault.
    ///
    /// # Errors
    /// When a request cannot be made; what becomes of one that is made stands in [`Sent`].
    pub async fn play(
        &self,
        notes: &[Note],
        fault: Option<Fault>,
        random: &mut Random,
        now: impl Fn() -> Timestamp,
    ) -> Result<Vec<Sent>, Error> {
        let mut sent = Vec::new();
        for note in arranged(notes, fault, random) {
            sent.push(self.send(&note, fault, now()).await?);
        }
        Ok(sent)
    }

    /// Sends one note once.
    ///
    /// # Errors
    /// When the request cannot be made.
    pub async fn send(&self, note: &Note, fault: Option<Fault>, now: Timestamp) -> Result<Sent, Error> {
        match fault {
            None => self.post(note.clone(), Letter::GOOD, now).await,
            Some(fault) => self.post(fault.lay_on(note), Letter::of(fault), now).await,
        }
    }

    /// Sends one note once, as the letter says.
    pub(crate) async fn post(&self, mut note: Note, letter: Letter, now: Timestamp) -> Result<Sent, Error> {
        let token = self.token(letter.token, now)?;
        let authorization =
            token.map(|token| value("Authorization", &format!("Bearer {token}"))).transpose()?;
        let signature = self.signature(letter.signature, &note, now)?;
        if letter.tampered {
            note.body = tampered(&note.body);
        }
        let stamp = Stamp {
            authorization,
            event_type: value("Event-Type", &note.action)?,
            signature,
            attempt: 1,
            sequence: None,
            mode: "test",
        };
        let request = Request {
            target: Arc::clone(&self.target),
            headers: stamp.headers(),
            body: note.body.clone(),
            timeout: self.options.timeout,
            connect_timeout: self.options.connect_timeout,
            expect_continue: letter.expect,
            response_limit: self.options.response_limit,
        };
        let attempted = match self.bend(letter.travel, note.body.len()) {
            None => self.pool.send(request).await,
            Some(bend) => {
                let bent = ClientOptions { overlay: Some(overlay(bend)), ..self.client.clone() };
                Client::new(bent)?.pool(1).send(request).await
            }
        };
        Ok(Sent { note, attempted })
    }

    fn signature(&self, signature: Signature, note: &Note, now: Timestamp) -> Result<Option<Signed>, Error> {
        let at = match signature {
            Signature::Missing => return Ok(None),
            Signature::Good => now,
            Signature::Old => now.minus(HOUR),
        };
        let id = note.message_id.to_string();
        let text = self.keys.sign(&id, at.unix_seconds(), &note.body);
        Ok(Some(Signed {
            id: value("webhook-id", &id)?,
            timestamp: at.unix_seconds(),
            signature: value("webhook-signature", &text)?,
        }))
    }

    fn token(&self, token: Token, now: Timestamp) -> Result<Option<String>, Error> {
        let foreign = Recipient {
            endpoint: "00000000-0000-7000-8000-000000000000".to_owned(),
            destination: "https://somebody-else.example".to_owned(),
            ..self.recipient.clone()
        };
        let recipient = &self.recipient;
        let minted = match token {
            Token::Missing => return Ok(None),
            Token::Good | Token::BadSignature => self.ring.mint_token(recipient, now)?,
            Token::Plain => self.plain.mint_token(recipient, now)?,
            Token::Expired => self.ring.mint_token(recipient, now.minus(HOUR))?,
            Token::Future => self.ring.mint_token(recipient, now.plus(HOUR))?,
            Token::OtherAudience => self.other_audience.mint_token(recipient, now)?,
            Token::Foreign => self.ring.mint_token(&foreign, now)?,
            Token::Access => {
                let grant = token::Grant { company: "emulator".to_owned(), generation: "0".to_owned() };
                self.ring.mint_access_token(&recipient.client_id, grant, now)?
            }
            Token::Stranger => self.stranger(now)?.mint_token(recipient, now)?,
        };
        match (token, token::read(&minted.text)) {
            (Token::BadSignature, Ok(parsed)) => {
                let mut signature = parsed.signature().to_vec();
                signature.iter_mut().for_each(|byte| *byte ^= 0x55);
                Ok(Some(token::assemble(parsed.data().bytes(), &signature)))
            }
            _ => Ok(Some(minted.text)),
        }
    }

    fn stranger(&self, now: Timestamp) -> Result<&KeyRing, Error> {
        if let Some(ring) = self.stranger.get() {
            return Ok(ring);
        }
        let ring = Identity::stranger(now)?;
        Ok(self.stranger.get_or_init(|| ring))
    }

    fn bend(&self, travel: Travel, length: usize) -> Option<Bend> {
        let pieces = u32::try_from(PIECES).unwrap_or(1);
        match travel {
            Travel::Whole => None,
            Travel::Half => Some(Bend::Cut(length / 2)),
            Travel::Slow => Some(Bend::Slow(length.div_ceil(PIECES).max(1), self.options.slow_for / pieces)),
        }
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("target", &self.target).finish_non_exhaustive()
    }
}

/// Which notes go out, and in which order.
fn arranged(notes: &[Note], fault: Option<Fault>, random: &mut Random) -> Vec<Note> {
    match fault {
        Some(Fault::Duplicate) => notes.iter().flat_map(|note| [note.clone(), note.clone()]).collect(),
        Some(Fault::Reordered) => match notes {
            [only] => {
                let before = earlier(only, random.message_id(only.at));
                [only.clone()].into_iter().chain(before).collect()
            }
            many => many.chunks(2).flat_map(|pair| pair.iter().rev().cloned()).collect(),
        },
        _ => notes.to_vec(),
    }
}

fn value(name: &'static str, text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text).map_err(|_| Error::Header(name))
}
