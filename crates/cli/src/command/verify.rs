//! `workbell verify`: what is right and wrong about a token, or a captured request, and why.
//!
//! All checks of notifications.md section 5 are printed in their order; one that was not asked for, or that an
//! earlier failure left nothing to judge for, is `not checked`, never passed. Other forms of signature than the
//! documented one are recognised and named, and the token stays bad.

mod capture;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use url::Url;
use workbell_wire::Timestamp;
use workbell_wire::certificate::Certificate;
use workbell_wire::token::{self, Check, Expect, Report, Verdict};
use workbell_wire::webhook_signature::{self, Headers, Secret};

use self::capture::{Capture, Request};
use crate::failure::Failure;
use crate::record::Record;
use crate::screen::{Screen, Style, columns, fit, harmless};
use crate::{input, moment};

const EXAMPLES: &str = "\
Examples:
  curl -s http://127.0.0.1:8080/certificates > workbell.pem
  workbell verify --certificate workbell.pem < token.txt
  workbell verify --certificate workbell.pem --url https://cmms.example/hooks < request.txt
  workbell verify --certificate workbell.pem --secret whsec_... < request.txt    the body as well

Status 0 only for a good token of the documented form, and for a good body signature if --secret asks for it.";

/// Name of the check of the body's signature.
const BODY_SIGNATURE: &str = "body signature";

/// Check a token or a captured request from standard input
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Verify {
    /// PEM file with the certificates to trust, as GET /certificates answers
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// The token must be for this endpoint
    #[arg(long, value_name = "ENDPOINT_ID")]
    endpoint: Option<String>,
    /// The token must be for the origin of this URL, the endpoint's
    #[arg(long, value_name = "URL", value_parser = origin)]
    url: Option<String>,
    /// The token must be for this audience, usually CorrigoProDirect
    #[arg(long)]
    audience: Option<String>,
    /// Secret of the endpoint, to check the signature over the body of a captured request; repeat for several
    #[arg(long = "secret", value_name = "WHSEC", value_parser = secret)]
    secrets: Vec<Secret>,
    /// Judge as of this time instead of now, such as 2018-09-04T10:12:08Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Print JSON, for programs
    #[arg(long, help_heading = "Display")]
    pub(crate) json: bool,
}

impl Verify {
    /// Reads standard input, judges and prints.
    pub(crate) fn run(&self, screen: &Screen) -> Result<(), Failure> {
        self.judge(&input::read(Path::new("-"))?, screen)
    }

    fn judge(&self, input: &[u8], screen: &Screen) -> Result<(), Failure> {
        let certificates = certificates(&self.certificate)?;
        let capture = capture::read(input).map_err(Failure::Failed)?;
        let now = self.at.unwrap_or_else(moment::now);
        let expect = Expect {
            audience: self.audience.as_deref(),
            endpoint: self.endpoint.as_deref(),
            destination: self.url.as_deref(),
            ..Expect::at(now)
        };
        let report = token::diagnose(&capture.token, &certificates, &expect);
        let body = self.judge_body(&capture, now)?;
        let judgement = Judgement { options: self, report, body, certificates, capture };
        screen.print(&if self.json {
            crate::json::for_screen(&judgement.to_json().to_string(), screen)
        } else {
            judgement.render(screen)
        })?;
        if judgement.is_good() { Ok(()) } else { Err(Failure::Shown) }
    }

    /// The signature over the body; `None` when there is no body that it could cover.
    fn judge_body(&self, capture: &Capture, now: Timestamp) -> Result<Option<Verdict>, Failure> {
        match &capture.request {
            None if self.secrets.is_empty() => Ok(None),
            None => Err(Failure::Usage(
                "--secret checks the body of a captured request; only a token stands on standard input"
                    .to_owned(),
            )),
            Some(_) if self.secrets.is_empty() => Ok(Some(Verdict::NotChecked)),
            Some(request) => Ok(Some(match body_signature(request, &self.secrets, now) {
                Ok(()) => Verdict::Passed,
                Err(reason) => Verdict::Failed(reason),
            })),
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let bytes = input::read(path)?;
    Certificate::read_bundle(&String::from_utf8_lossy(&bytes))
        .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
}

fn body_signature(request: &Request, secrets: &[Secret], now: Timestamp) -> Result<(), String> {
    let header = |name: &str| request.header(name).ok_or_else(|| format!("the request has no header {name}"));
    let headers = Headers {
        id: header(webhook_signature::ID_HEADER)?,
        timestamp: header(webhook_signature::TIMESTAMP_HEADER)?,
        signature: header(webhook_signature::SIGNATURE_HEADER)?,
    };
    webhook_signature::Keys::new(secrets)
        .verify(&headers, &request.body, now, webhook_signature::TOLERANCE)
        .map_err(|error| error.to_string())
}

/// All that was found.
struct Judgement<'a> {
    options: &'a Verify,
    report: Report,
    body: Option<Verdict>,
    certificates: Vec<Certificate>,
    capture: Capture,
}

impl Judgement<'_> {
    fn is_good(&self) -> bool {
        self.report.is_valid() && !matches!(self.body, Some(Verdict::Failed(_)))
    }

    /// All checks in order: name, verdict, and why it was not judged.
    fn lines(&self) -> Vec<(&'static str, &Verdict, &'static str)> {
        let checks =
            self.report.checks().map(|(check, verdict)| (check.name(), verdict, self.why_not(check)));
        let body = self.body.as_ref().map(|verdict| (BODY_SIGNATURE, verdict, "--secret adds this check"));
        checks.chain(body).collect()
    }

    /// What could have been checked, had it been asked for.
    fn left_open(&self) -> Vec<&'static str> {
        let is_open = |check: &Check| match check {
            Check::Audience => self.options.audience.is_none(),
            Check::Endpoint => self.options.endpoint.is_none(),
            Check::Destination => self.options.url.is_none(),
            _ => false,
        };
        let checks = self.report.checks().map(|(check, _)| check).filter(is_open).map(Check::name);
        let body = matches!(self.body, Some(Verdict::NotChecked)).then_some(BODY_SIGNATURE);
        checks.chain(body).collect()
    }

    fn why_not(&self, check: Check) -> &'static str {
        match check {
            Check::Audience if self.options.audience.is_none() => "--audience adds this check",
            Check::Endpoint if self.options.endpoint.is_none() => "--endpoint adds this check",
            Check::Destination if self.options.url.is_none() => "--url adds this check",
            Check::Gzip if self.report.parsed().is_some() => "the data is plain",
            Check::Certificate => "no certificate fits",
            _ => "nothing was left to judge",
        }
    }

    /// The form of signature that fits, with the certificate that does.
    fn matched(&self) -> Option<String> {
        let matched = self.report.matched()?;
        let certificate = self.certificates.get(matched.certificate)?;
        Some(format!(
            "{matched}, certificate {} of {} ({}, SHA-256 {})",
            matched.certificate + 1,
            self.certificates.len(),
            certificate.subject(),
            certificate.fingerprint()
        ))
    }

    /// The first thing that is wrong.
    fn failure(&self) -> Option<(&'static str, String)> {
        let token = self.report.failure().map(|(check, reason)| (check.name(), reason.to_owned()));
        token.or_else(|| match &self.body {
            Some(Verdict::Failed(reason)) => Some((BODY_SIGNATURE, reason.clone())),
            Some(Verdict::Passed | Verdict::NotChecked) | None => None,
        })
    }

    fn render(&self, screen: &Screen) -> String {
        let mut text = String::new();
        let lines = self.lines();
        let width = lines.iter().map(|(name, _, _)| columns(name)).max().unwrap_or(0);
        for (name, verdict, why_not) in lines {
            let (word, style, reason) = match verdict {
                Verdict::Passed => ("passed", Style::Good, ""),
                Verdict::Failed(reason) => ("failed", Style::Bad, reason.as_str()),
                Verdict::NotChecked => ("not checked", Style::Faint, why_not),
            };
            let word = if reason.is_empty() { word.to_owned() } else { fit(word, "not checked".len()) };
            let line = format!("{}  {}", fit(name, width), screen.paint(style, &word));
            let _ = if reason.is_empty() {
                writeln!(text, "{line}")
            } else {
                writeln!(text, "{line}  {}", harmless(reason))
            };
        }
        text.push('\n');
        if let Some(matched) = self.matched() {
            let _ = writeln!(text, "matched: {}", harmless(&matched));
        }
        text.push_str(&self.claims().render(screen));
        let _ = match self.failure() {
            Some((check, reason)) => {
                writeln!(text, "{} {check}: {}", screen.paint(Style::Bad, "bad:"), harmless(&reason))
            }
            None if self.is_good() => {
                let open: Vec<_> = self.left_open();
                let rest = if open.is_empty() {
                    String::new()
                } else {
                    format!(", not checked: {}", open.join(", "))
                };
                writeln!(text, "{}{rest}", screen.paint(Style::Good, "good"))
            }
            None => writeln!(text, "{}", screen.paint(Style::Bad, "bad: not all could be judged")),
        };
        if self.report.parsed().is_none() && looks_like_jwt(&self.capture.token) {
            text.push_str(
                "This is a JWT: the endpoint asks for that form. Any JWT library verifies it with the keys at \
                 /.well-known/jwks.json.\n",
            );
        }
        text
    }

    /// What the token says, whether it can be trusted or not.
    fn claims(&self) -> Record {
        let mut record = Record::default();
        let Some(parsed) = self.report.parsed() else { return record };
        for (kind, value) in parsed.claims() {
            let name = if kind == token::NAME_CLAIM { "name" } else { kind };
            record.line(name, if value.is_empty() { "\"\"" } else { value });
        }
        for (name, time) in [("issued", parsed.issued()), ("expires", parsed.expires())] {
            if let Ok(time) = time {
                record.line(name, time.to_string());
            }
        }
        record
    }

    fn to_json(&self) -> Value {
        let checks: Vec<Value> = self
            .lines()
            .into_iter()
            .map(|(name, verdict, why_not)| match verdict {
                Verdict::Passed => json!({ "Check": name, "Verdict": "Passed" }),
                Verdict::Failed(reason) => json!({ "Check": name, "Verdict": "Failed", "Reason": reason }),
                Verdict::NotChecked => json!({ "Check": name, "Verdict": "NotChecked", "Reason": why_not }),
            })
            .collect();
        let parsed = self.report.parsed();
        let claims = parsed.map(|parsed| {
            let claims = parsed.claims().iter();
            claims.map(|(kind, value)| json!({ "Type": kind, "Value": value })).collect::<Vec<_>>()
        });
        let matched = self.report.matched();
        let certificate = matched.and_then(|matched| self.certificates.get(matched.certificate));
        json!({
            "Good": self.is_good(),
            "Matched": matched.map(|matched| matched.to_string()),
            "CertificateFingerprint": certificate.map(Certificate::fingerprint),
            "Checks": checks,
            "Claims": claims,
            "Issued": parsed.and_then(|parsed| parsed.issued().ok()),
            "Expires": parsed.and_then(|parsed| parsed.expires().ok()),
        })
    }
}

/// Three parts of base64url with dots between, of which the first is JSON.
fn looks_like_jwt(token: &str) -> bool {
    token.starts_with("eyJ") && token.split('.').count() == 3
}

fn origin(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url.origin().ascii_serialization()),
        scheme => Err(format!("{scheme}: is no scheme of an endpoint; write https:// or http://")),
    }
}

fn secret(text: &str) -> Result<Secret, String> {
    text.parse().map_err(|error: webhook_signature::Error| error.to_string())
}

#[cfg(test)]
mod tests;
