//! Whether and how the endpoint can be reached.

use std::net::SocketAddr;
use std::time::Duration;

use workbell_egress::{Continued, Failure, Phase, Policy};
use workbell_wire::certificate::validity;

use super::probe::Probe;
use super::trial::{Trial, Verdict, result};
use crate::letter::Letter;
use crate::sender::{Error, Sent};

/// A certificate that ends sooner fails, or sooner than a quarter of its life if that is shorter.
///
/// 14 days: programs that renew do it 30 days before the end, so this one is forgotten.
const SOON: Duration = Duration::from_secs(14 * 86_400);

/// How many notifications follow the first to see whether connections are kept.
const FOLLOWING: usize = 5;

impl Trial {
    /// Sends the first notification; the other probes of the connection look at what came of it.
    pub(super) async fn reachable(&mut self) -> Result<Verdict, Error> {
        let note = self.ordinary();
        let first = self.post(note, Letter::GOOD).await?;
        self.note_time(&first);
        let verdict = match unreachable(&first) {
            Some(failure) => Verdict::failed(format!("{}: {failure}", failure.name())),
            None => Verdict::passed(connected(&first)),
        };
        self.first = Some(first);
        Ok(verdict)
    }

    pub(super) fn tls(&self) -> Verdict {
        let Some(first) = &self.first else { return nothing_sent() };
        if !self.sender.target().is_https() {
            return match first.attempted.address {
                Some(address) if is_public(address) => Verdict::failed("plain http, to a public address"),
                Some(_) => Verdict::not_judged("plain http, on this machine or in a private network"),
                None => Verdict::not_judged("plain http, and no connection"),
            };
        }
        match (no_session(first), &first.attempted.tls) {
            (Some(failure), _) => Verdict::failed(format!("{}: {failure}", failure.name())),
            (None, Some(session)) => Verdict::passed(session.clone()),
            (None, None) => Verdict::not_judged("no connection"),
        }
    }

    pub(super) fn certificate(&self) -> Verdict {
        let Some(der) = self.first.as_ref().and_then(|first| first.attempted.certificate.as_ref()) else {
            return Verdict::not_judged("there is no TLS session with a certificate to look at");
        };
        let validity = match validity(der) {
            Ok(validity) => validity,
            Err(error) => return Verdict::not_judged(error.to_string()),
        };
        let left = validity.not_after.since(self.now());
        let life = validity.not_after.since(validity.not_before);
        let came = format!("it ends at {}, in {} days", validity.not_after, left.as_secs() / 86_400);
        if left < SOON.min(life / 4) { Verdict::failed(came) } else { Verdict::passed(came) }
    }

    pub(super) fn accepts(&self) -> Verdict {
        match &self.first {
            None => nothing_sent(),
            Some(first) if unreachable(first).is_some() || no_session(first).is_some() => {
                Verdict::not_judged("no connection")
            }
            Some(first) => accepted_first(first),
        }
    }

    pub(super) async fn keep_alive(&mut self) -> Result<Verdict, Error> {
        let mut kept = 0;
        for _ in 0..FOLLOWING {
            let note = self.ordinary();
            // Without Expect, so that a receiver that has trouble with it is not blamed twice.
            let sent = self.post(note, Letter { expect: false, ..Letter::GOOD }).await?;
            self.note_time(&sent);
            kept += usize::from(sent.attempted.reused && !sent.attempted.reconnected);
        }
        let came = format!("{kept} of {FOLLOWING} went over a connection that was open already");
        // The first may need a fresh one: its connection was used with Expect.
        Ok(if kept + 1 >= FOLLOWING { Verdict::passed(came) } else { Verdict::failed(came) })
    }

    pub(super) fn continued(&self) -> Verdict {
        let Some(first) = &self.first else { return nothing_sent() };
        match first.attempted.continued {
            Continued::Continued100 => Verdict::passed("100 Continue"),
            Continued::NoContinue | Continued::WaitSkipped => {
                Verdict::warned("no 100 Continue within 350 ms; the body was sent then")
            }
            Continued::Resent => {
                Verdict::warned("417, or an answer before the body: it was sent once more without Expect")
            }
            Continued::AnsweredEarly => Verdict::warned("a final answer before the body"),
            Continued::NotAsked => Verdict::not_judged("there was no Expect"),
        }
    }
}

fn nothing_sent() -> Verdict {
    Verdict::not_judged("nothing was sent")
}

/// Why there was no connection.
fn unreachable(first: &Sent) -> Option<&Failure> {
    let failure = first.attempted.result.as_ref().err()?;
    match failure {
        Failure::ResolveFailed { .. }
        | Failure::AddressRefused(_)
        | Failure::ConnectionRefused(_)
        | Failure::ConnectFailed { .. }
        | Failure::SchemeRefused
        | Failure::Timeout { phase: Phase::Slot | Phase::Resolve | Phase::Connect, .. } => Some(failure),
        Failure::Timeout { phase: Phase::Tls | Phase::Write | Phase::Head, .. }
        | Failure::TlsFailed(_)
        | Failure::ConnectionClosed(_)
        | Failure::InvalidResponse(_)
        | Failure::EarlyAnswer => None,
    }
}

/// Why there was no TLS session over a connection.
fn no_session(first: &Sent) -> Option<&Failure> {
    let failure = first.attempted.result.as_ref().err()?;
    matches!(failure, Failure::TlsFailed(_) | Failure::Timeout { phase: Phase::Tls, .. }).then_some(failure)
}

fn connected(first: &Sent) -> String {
    let address = first.attempted.address.map_or_else(String::new, |address| format!(" to {address}"));
    let took = first.attempted.connect_time.map_or_else(String::new, |time| format!(" in {time:.1?}"));
    format!("connected{address}{took}")
}

fn is_public(address: SocketAddr) -> bool {
    // The port is not what this is about.
    Policy::public().judge(SocketAddr::new(address.ip(), 443)).is_ok()
}

fn accepted_first(first: &Sent) -> Verdict {
    if first.is_success() {
        return Verdict::passed(result(first));
    }
    let said = first.attempted.response_body.trim();
    let mut came = result(first);
    if !said.is_empty() {
        let start: String = said.chars().take(200).collect();
        came = format!("{came}, {start:?}");
    }
    let mend = match &first.attempted.result {
        Ok(status) => match status.as_u16() {
            401 | 403 => {
                "give the receiver the certificate, the secret and the endpoint id that `workbell check --trust` \
                 prints, and as its own URL the one that was checked"
            }
            300..=399 => "redirects are never followed: check the URL that it leads to",
            404 | 405 | 410 => "check the path of the URL; it must answer POST",
            415 => "take application/json; charset=utf-8",
            _ => Probe::Accepts.mend(),
        },
        Err(_) => Probe::Accepts.mend(),
    };
    Verdict::failed(came).mended_by(mend)
}
