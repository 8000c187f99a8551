//! What a verification found: one verdict for each check, and which signature form matched.

use std::fmt;

use super::Parsed;

/// The checks, in the order in which they run and are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Check {
    /// Two halves with `<---->` between them.
    Shape,
    /// Both halves are base64url, padded or not.
    Base64,
    /// Data that starts with `1f 8b` decompresses, within the limit. Not checked for plain data.
    Gzip,
    /// The data is the JSON document of claims.
    Json,
    /// The signature fits one of the certificates.
    Signature,
    /// The certificate that fits is valid now and its key long enough.
    Certificate,
    /// The token is for what the reader does: not an access token of the Direct API in a notification.
    Use,
    /// The audience is the expected one.
    Audience,
    /// The endpoint is the expected one.
    Endpoint,
    /// The destination is the expected one.
    Destination,
    /// `.issued` is not in the future.
    NotYetValid,
    /// `.expires` is not in the past.
    Expired,
}

impl Check {
    /// All checks in their order.
    pub const ALL: [Check; 12] = [
        Check::Shape,
        Check::Base64,
        Check::Gzip,
        Check::Json,
        Check::Signature,
        Check::Certificate,
        Check::Use,
        Check::Audience,
        Check::Endpoint,
        Check::Destination,
        Check::NotYetValid,
        Check::Expired,
    ];

    /// The name that is printed: `shape`, …, `not yet valid`, `expired`.
    pub fn name(self) -> &'static str {
        match self {
            Check::Shape => "shape",
            Check::Base64 => "base64",
            Check::Gzip => "gzip",
            Check::Json => "JSON",
            Check::Signature => "signature",
            Check::Certificate => "certificate",
            Check::Use => "use",
            Check::Audience => "audience",
            Check::Endpoint => "endpoint",
            Check::Destination => "destination",
            Check::NotYetValid => "not yet valid",
            Check::Expired => "expired",
        }
    }

    /// Whether a valid token must have passed this check; the others may be left unchecked.
    fn is_demanded(self) -> bool {
        !matches!(self, Check::Gzip | Check::Audience | Check::Endpoint | Check::Destination)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not hold; the text says why, for people.
    Failed(String),
    /// It was not asked for, does not apply, or an earlier failure left nothing to judge.
    NotChecked,
}

/// How a signature was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5 with SHA-256: the documented one.
    Pkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-1.
    Pkcs1Sha1,
    /// RSASSA-PSS with SHA-256, salt as long as the digest or as long as possible.
    PssSha256,
}

/// What was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The bytes that base64url carried: the documented form.
    Bytes,
    /// The base64url text as it stands in the token.
    Text,
    /// The JSON document before it was compressed.
    Json,
}

/// The form of signature that fits, and with which certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched {
    /// How it was signed.
    pub scheme: Scheme,
    /// What was signed.
    pub over: Over,
    /// Place of the certificate in the list that was given, from 0.
    pub certificate: usize,
}

impl Matched {
    /// Whether this is the form of the contract, the only one that a receiver takes.
    pub fn is_documented(&self) -> bool {
        self.scheme == Scheme::Pkcs1Sha256 && self.over == Over::Bytes
    }
}

impl fmt::Display for Matched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.scheme {
            Scheme::Pkcs1Sha256 => "RSASSA-PKCS1-v1_5 with SHA-256",
            Scheme::Pkcs1Sha1 => "RSASSA-PKCS1-v1_5 with SHA-1",
            Scheme::PssSha256 => "RSASSA-PSS with SHA-256",
        })?;
        f.write_str(match self.over {
            Over::Bytes => " over the bytes",
            Over::Text => " over the base64url text",
            Over::Json => " over the JSON text",
        })
    }
}

/// What a verification found.
#[derive(Debug, Clone)]
pub struct Report {
    pub(super) verdicts: [Verdict; Check::ALL.len()],
    pub(super) matched: Option<Matched>,
    pub(super) parsed: Option<Parsed>,
}

impl Report {
    pub(super) fn empty() -> Self {
        Report { verdicts: [const { Verdict::NotChecked }; Check::ALL.len()], matched: None, parsed: None }
    }

    pub(super) fn set(&mut self, check: Check, verdict: Verdict) {
        self.verdicts[check as usize] = verdict;
    }

    /// What this check found.
    pub fn verdict(&self, check: Check) -> &Verdict {
        &self.verdicts[check as usize]
    }

    /// All checks with their verdicts, in order.
    pub fn checks(&self) -> impl Iterator<Item = (Check, &Verdict)> {
        Check::ALL.into_iter().zip(&self.verdicts)
    }

    /// The first check that failed and why.
    pub fn failure(&self) -> Option<(Check, &str)> {
        self.checks().find_map(|(check, verdict)| match verdict {
            Verdict::Failed(reason) => Some((check, reason.as_str())),
            Verdict::Passed | Verdict::NotChecked => None,
        })
    }

    /// Which form of signature fits; `None` when none does. Only a documented one is also a passed signature.
    pub fn matched(&self) -> Option<Matched> {
        self.matched
    }

    /// The token taken apart, when its form allowed that.
    pub fn parsed(&self) -> Option<&Parsed> {
        self.parsed.as_ref()
    }

    /// Whether the token can be trusted: nothing failed, and all that is demanded of every token was judged.
    pub fn is_valid(&self) -> bool {
        self.checks().all(|(check, verdict)| match verdict {
            Verdict::Passed => true,
            Verdict::Failed(_) => false,
            Verdict::NotChecked => !check.is_demanded(),
        })
    }
}
