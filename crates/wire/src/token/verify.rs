//! Judges a token: every check that can be judged is judged, in the order of the contract.
//!
//! [`verify`] takes only the documented form of signature and is what a receiver uses. [`diagnose`] tries the
//! other forms as well and says which one fits, so that an integrator learns what is wrong; a token that only
//! fits another form is as invalid as with [`verify`].

use super::read::{decode, decompress, parse, split};
use super::report::{Check, Matched, Over, Report, Scheme, Verdict};
use super::{
    ACCESS_USE, AUDIENCE_CLAIM, DESTINATION_CLAIM, Data, ENDPOINT_CLAIM, Error, Parsed, SKEW, USE_CLAIM,
};
use crate::Timestamp;
use crate::certificate::{Certificate, MIN_BITS};

/// What the reader of a token does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Purpose {
    /// Receives notifications: a token marked for any other use is refused.
    #[default]
    Notification,
    /// Answers the Direct API: only a token marked `access` is taken.
    Access,
}

/// What a token is held against.
#[derive(Debug, Clone, Copy)]
pub struct Expect<'a> {
    /// The moment at which it is judged.
    pub now: Timestamp,
    /// What the reader does with it.
    pub purpose: Purpose,
    /// The audience it must have; `None` leaves this unchecked.
    pub audience: Option<&'a str>,
    /// The endpoint id it must have; `None` leaves this unchecked.
    pub endpoint: Option<&'a str>,
    /// The destination (origin of the endpoint's URL) it must have; `None` leaves this unchecked.
    pub destination: Option<&'a str>,
}

impl Expect<'_> {
    /// A notification's token at this moment, with nothing optional checked.
    pub fn at(now: Timestamp) -> Self {
        Expect { now, purpose: Purpose::Notification, audience: None, endpoint: None, destination: None }
    }
}

/// Judges a token as a receiver must: only the documented form of signature counts.
pub fn verify(token: &str, certificates: &[Certificate], expect: &Expect<'_>) -> Report {
    judge(token, certificates, expect, &[(Scheme::Pkcs1Sha256, Over::Bytes)])
}

/// Judges a token like [`verify`] and also says which other form of signature fits: SHA-1, PSS, signing of the
/// text form or of the uncompressed JSON. Such a token stays invalid.
pub fn diagnose(token: &str, certificates: &[Certificate], expect: &Expect<'_>) -> Report {
    let mut forms = Vec::new();
    for over in [Over::Bytes, Over::Text, Over::Json] {
        for scheme in [Scheme::Pkcs1Sha256, Scheme::Pkcs1Sha1, Scheme::PssSha256] {
            forms.push((scheme, over));
        }
    }
    judge(token, certificates, expect, &forms)
}

fn judge(token: &str, certificates: &[Certificate], expect: &Expect<'_>, forms: &[(Scheme, Over)]) -> Report {
    let mut report = Report::empty();
    let Some((data, signature)) = judge_form(&mut report, token) else {
        return report;
    };
    let json = match decompress(&data) {
        Ok(json) => {
            if data.is_gzip() {
                report.set(Check::Gzip, Verdict::Passed);
            }
            Some(json)
        }
        Err(error) => {
            fail(&mut report, error);
            None
        }
    };
    judge_signature(
        &mut report,
        &Signed { data: &data, json: json.as_deref(), signature: &signature },
        certificates,
        expect.now,
        forms,
    );
    let Some(json) = json else {
        return report;
    };
    match parse(data, signature, json) {
        Ok(parsed) => {
            report.set(Check::Json, Verdict::Passed);
            judge_claims(&mut report, &parsed, expect);
            report.parsed = Some(parsed);
        }
        Err(error) => fail(&mut report, error),
    }
    report
}

/// Shape and base64; `None` when nothing further can be judged.
fn judge_form(report: &mut Report, token: &str) -> Option<(Data, Vec<u8>)> {
    let halves = split(token).map_err(|error| fail(report, error)).ok()?;
    report.set(Check::Shape, Verdict::Passed);
    let decoded = decode(halves).map_err(|error| fail(report, error)).ok()?;
    report.set(Check::Base64, Verdict::Passed);
    Some(decoded)
}

fn fail(report: &mut Report, error: Error) {
    let (check, reason) = match error {
        Error::Shape(reason) => (Check::Shape, reason),
        Error::Base64(reason) => (Check::Base64, reason),
        Error::Gzip(reason) => (Check::Gzip, reason),
        Error::Json(reason) => (Check::Json, reason),
    };
    report.set(check, Verdict::Failed(reason));
}

/// A signature and all that it may have been made over.
struct Signed<'a> {
    data: &'a Data,
    json: Option<&'a [u8]>,
    signature: &'a [u8],
}

impl Signed<'_> {
    fn message(&self, over: Over) -> Option<&[u8]> {
        match over {
            Over::Bytes => Some(self.data.bytes()),
            Over::Text => Some(self.data.text().as_bytes()),
            // Without compression these are the bytes again.
            Over::Json => self.json.filter(|_| self.data.is_gzip()),
        }
    }

    fn fits(&self, certificate: &Certificate, (scheme, over): (Scheme, Over)) -> bool {
        self.message(over).is_some_and(|message| match scheme {
            Scheme::Pkcs1Sha256 => certificate.verify(message, self.signature),
            Scheme::Pkcs1Sha1 => certificate.verify_sha1(message, self.signature),
            Scheme::PssSha256 => certificate.verify_pss(message, self.signature),
        })
    }
}

fn judge_signature(
    report: &mut Report,
    signed: &Signed<'_>,
    certificates: &[Certificate],
    now: Timestamp,
    forms: &[(Scheme, Over)],
) {
    if certificates.is_empty() {
        report.set(Check::Certificate, Verdict::Failed("no certificate was given".to_owned()));
        return;
    }
    let matched = forms.iter().find_map(|&form| {
        let mut fitting =
            certificates.iter().enumerate().filter(|(_, certificate)| signed.fits(certificate, form));
        let first = fitting.next()?;
        // Two certificates may carry the same key; the valid one counts.
        let best = std::iter::once(first)
            .chain(fitting)
            .find(|(_, certificate)| certificate_verdict(certificate, now) == Verdict::Passed)
            .unwrap_or(first);
        Some(Matched { scheme: form.0, over: form.1, certificate: best.0 })
    });
    report.matched = matched;
    let verdict = match matched {
        Some(form) if form.is_documented() => Verdict::Passed,
        Some(form) => Verdict::Failed(format!(
            "matched: {form}; the documented form is RSASSA-PKCS1-v1_5 with SHA-256 over the bytes"
        )),
        None if certificates.len() == 1 => {
            Verdict::Failed("the signature does not fit the key of the certificate".to_owned())
        }
        None => {
            Verdict::Failed(format!("the signature fits none of the {} certificates", certificates.len()))
        }
    };
    report.set(Check::Signature, verdict);
    let judged = matched.map(|form| form.certificate).or((certificates.len() == 1).then_some(0));
    if let Some(certificate) = judged.and_then(|place| certificates.get(place)) {
        report.set(Check::Certificate, certificate_verdict(certificate, now));
    }
}

fn certificate_verdict(certificate: &Certificate, now: Timestamp) -> Verdict {
    if certificate.bits() < MIN_BITS {
        Verdict::Failed(format!(
            "its RSA key has {} bits, at least {MIN_BITS} are demanded",
            certificate.bits()
        ))
    } else if now < certificate.not_before().minus(SKEW) {
        Verdict::Failed(format!("it is valid from {} and it is {now}", certificate.not_before()))
    } else if now > certificate.not_after().plus(SKEW) {
        Verdict::Failed(format!("it was valid until {} and it is {now}", certificate.not_after()))
    } else {
        Verdict::Passed
    }
}

fn judge_claims(report: &mut Report, parsed: &Parsed, expect: &Expect<'_>) {
    report.set(Check::Use, judge_use(parsed.claim(USE_CLAIM), expect.purpose));
    let claims = [
        (Check::Audience, AUDIENCE_CLAIM, expect.audience),
        (Check::Endpoint, ENDPOINT_CLAIM, expect.endpoint),
        (Check::Destination, DESTINATION_CLAIM, expect.destination),
    ];
    for (check, kind, expected) in claims {
        if let Some(expected) = expected {
            report.set(check, judge_claim(parsed, kind, expected));
        }
    }
    let now = expect.now;
    report.set(
        Check::NotYetValid,
        match parsed.issued() {
            Ok(issued) if issued > now.plus(SKEW) => {
                Verdict::Failed(format!("it is valid from {issued} and it is {now}; compare the clocks"))
            }
            Ok(_) => Verdict::Passed,
            Err(reason) => Verdict::Failed(reason),
        },
    );
    report.set(
        Check::Expired,
        match parsed.expires() {
            Ok(expires) if now > expires.plus(SKEW) => {
                Verdict::Failed(format!("it was valid until {expires} and it is {now}"))
            }
            Ok(_) => Verdict::Passed,
            Err(reason) => Verdict::Failed(reason),
        },
    );
}

fn judge_use(marked: Option<&str>, purpose: Purpose) -> Verdict {
    match (purpose, marked) {
        (Purpose::Notification, None) | (Purpose::Access, Some(ACCESS_USE)) => Verdict::Passed,
        (Purpose::Notification, Some(ACCESS_USE)) => Verdict::Failed(
            "this is an access token for the Direct API, not the token of a notification".to_owned(),
        ),
        (_, Some(other)) => Verdict::Failed(format!("the token is marked for the use \"{other}\"")),
        (Purpose::Access, None) => Verdict::Failed(
            "this is the token of a notification, not an access token for the Direct API".to_owned(),
        ),
    }
}

fn judge_claim(parsed: &Parsed, kind: &str, expected: &str) -> Verdict {
    let mut values =
        parsed.claims().iter().filter(|(other, _)| other == kind).map(|(_, value)| value.as_str());
    let Some(found) = values.next() else {
        return Verdict::Failed(format!("the token has no claim {kind}; \"{expected}\" is expected"));
    };
    if values.next().is_some() {
        return Verdict::Failed(format!("the token has the claim {kind} more than once"));
    }
    if found == expected {
        Verdict::Passed
    } else {
        Verdict::Failed(format!("the token is for \"{found}\"; \"{expected}\" is expected"))
    }
}
