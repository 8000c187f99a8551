//! The probes: what each one sends, why it matters, how to mend what it finds.

/// How much a failure weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// It costs time or will cause trouble one day.
    Minor,
    /// Notifications get lost, are done twice, or somebody can misuse them.
    Serious,
    /// No notification arrives, or anybody can send some.
    Critical,
}

impl Weight {
    /// Its name for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Weight::Minor => "Minor",
            Weight::Serious => "Serious",
            Weight::Critical => "Critical",
        }
    }
}

/// What a probe is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Whether and how the endpoint can be reached.
    Connection,
    /// What it takes.
    Contract,
    /// How it answers.
    Conduct,
    /// What it refuses.
    Verification,
    /// What it bears.
    Load,
}

impl Group {
    /// Its heading.
    pub const fn name(self) -> &'static str {
        match self {
            Group::Connection => "Connection",
            Group::Contract => "What it takes",
            Group::Conduct => "How it answers",
            Group::Verification => "What it refuses",
            Group::Load => "What it bears",
        }
    }
}

/// One probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "`Probe::sends` says what each one is")]
pub enum Probe {
    Reachable,
    Tls,
    Certificate,
    Accepts,
    KeepAlive,
    Continue,
    Actions,
    Variants,
    RawBody,
    PlainToken,
    UnknownMembers,
    UnknownAction,
    NullMembers,
    LargeBody,
    Quick,
    EarlyAnswer,
    SlowBody,
    Duplicate,
    DuplicateAtOnce,
    Dedupe,
    Reordered,
    TruncatedBody,
    NoToken,
    ForgedToken,
    ExpiredToken,
    FutureToken,
    WrongAudience,
    ForeignEndpoint,
    AccessToken,
    TamperedBody,
    NoSignature,
    OldSignature,
    Burst,
    Survives,
}

/// What is known of a probe before it runs.
struct Facts {
    name: &'static str,
    group: Group,
    weight: Weight,
    sends: &'static str,
    why: &'static str,
    mend: &'static str,
}

impl Probe {
    /// All of them, in the order in which they run.
    pub const ALL: [Probe; 34] = [
        Probe::Reachable,
        Probe::Tls,
        Probe::Certificate,
        Probe::Accepts,
        Probe::KeepAlive,
        Probe::Continue,
        Probe::Actions,
        Probe::Variants,
        Probe::RawBody,
        Probe::PlainToken,
        Probe::UnknownMembers,
        Probe::UnknownAction,
        Probe::NullMembers,
        Probe::LargeBody,
        Probe::Quick,
        Probe::EarlyAnswer,
        Probe::SlowBody,
        Probe::Duplicate,
        Probe::DuplicateAtOnce,
        Probe::Dedupe,
        Probe::Reordered,
        Probe::TruncatedBody,
        Probe::NoToken,
        Probe::ForgedToken,
        Probe::ExpiredToken,
        Probe::FutureToken,
        Probe::WrongAudience,
        Probe::ForeignEndpoint,
        Probe::AccessToken,
        Probe::TamperedBody,
        Probe::NoSignature,
        Probe::OldSignature,
        Probe::Burst,
        Probe::Survives,
    ];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// What it is about.
    pub const fn group(self) -> Group {
        self.facts().group
    }

    /// How much its failure weighs.
    pub const fn weight(self) -> Weight {
        self.facts().weight
    }

    /// What it sends.
    pub const fn sends(self) -> &'static str {
        self.facts().sends
    }

    /// Why it matters.
    pub const fn why(self) -> &'static str {
        self.facts().why
    }

    /// How to mend what it finds, where nothing better is known.
    pub const fn mend(self) -> &'static str {
        self.facts().mend
    }

    const fn facts(self) -> Facts {
        use Group::{Conduct, Connection, Contract, Load, Verification};
        use Weight::{Critical, Minor, Serious};
        let (name, group, weight, sends, why, mend) = match self {
            Probe::Reachable => (
                "reachable",
                Connection,
                Critical,
                "a connection to the host and port of the URL",
                "nothing can be delivered where nobody listens",
                "start the receiver, open its port in the firewall, and check host and port of the URL",
            ),
            Probe::Tls => (
                "tls",
                Connection,
                Critical,
                "a TLS handshake, TLS 1.2 or 1.3, certificate checked",
                "without TLS everybody on the way can read the notifications and reuse their tokens",
                "serve https with a certificate of a public authority for this host name, its whole chain included",
            ),
            Probe::Certificate => (
                "certificate",
                Connection,
                Minor,
                "nothing; looks at the end of the server's certificate",
                "on the day it ends every delivery fails",
                "renew it now, and let a program renew it from now on",
            ),
            Probe::Accepts => (
                "accepts",
                Connection,
                Critical,
                "one ordinary notification, Accepted",
                "any 2xx is success; everything else is tried again for days",
                "look into the receiver's log for this request",
            ),
            Probe::KeepAlive => (
                "keep-alive",
                Connection,
                Minor,
                "five more notifications, one after the other",
                "a new connection, and with https a new handshake, for each notification makes all of them slow",
                "speak HTTP/1.1, state Content-Length, and do not close the connection after an answer",
            ),
            Probe::Continue => (
                "continue",
                Connection,
                Minor,
                "Expect: 100-continue with the first notification",
                "without a 100 the body waits 350 ms; after three of them the wait is skipped for an hour",
                "answer 100 Continue before the body is read; most servers do it when the body is asked for",
            ),
            Probe::Actions => (
                "actions",
                Contract,
                Serious,
                "each of the 28 actions, as it usually is",
                "one that is not answered with a 2xx is tried again and again, and its work order waits meanwhile",
                "answer 2xx to an action that you do not need, too, or do not subscribe to it",
            ),
            Probe::Variants => (
                "variants",
                Contract,
                Serious,
                "each action with the fewest and with all documented members",
                "optional members are missing when nobody filled them in, and texts can be 3,000 characters long",
                "demand no optional member; take every character of Unicode and texts of the documented length",
            ),
            Probe::RawBody => (
                "raw-body",
                Contract,
                Serious,
                "a body with blanks inside values, escaped characters, 1200.00 and a time of 7 digits",
                "the signature covers the bytes as they are sent; parsed and written again they are others",
                "compute the signature over the body as it was read from the network, before any parsing",
            ),
            Probe::PlainToken => (
                "plain-token",
                Contract,
                Minor,
                "a token whose data is not compressed",
                "tokens come gzip-compressed or plain, as the operator of the service sets it",
                "look for the bytes 1f 8b after base64 and decompress only then",
            ),
            Probe::UnknownMembers => (
                "unknown-members",
                Contract,
                Serious,
                "members that are not documented, in the header and beside it",
                "a later version will add members, and on that day nothing would be accepted any more",
                "let the JSON reader ignore members that it does not know",
            ),
            Probe::UnknownAction => (
                "unknown-action",
                Contract,
                Minor,
                "an action that is not documented",
                "platforms have actions of their own, and a later version will add some",
                "answer 2xx and ignore it",
            ),
            Probe::NullMembers => (
                "null-members",
                Contract,
                Serious,
                "null for each optional member that is missing",
                "a published null is sent as null",
                "treat null like a member that is missing",
            ),
            Probe::LargeBody => (
                "large-body",
                Contract,
                Minor,
                "a body of 256 KiB",
                "so much the service takes by default; a longer description or check list is not rare",
                "raise the limit of the body in the receiver and in the proxy in front of it",
            ),
            Probe::Quick => (
                "quick",
                Conduct,
                Serious,
                "nothing more; the times of all answers so far",
                "after 30 s an attempt has failed, and slow answers hold up the notifications behind them",
                "keep the notification and answer; do the work afterwards",
            ),
            Probe::EarlyAnswer => (
                "early-answer",
                Conduct,
                Serious,
                "a body that comes in pieces, without Expect",
                "a 2xx before the last byte cannot mean that the notification was received; it counts as failure",
                "read the whole body before you answer",
            ),
            Probe::SlowBody => (
                "slow-body",
                Conduct,
                Minor,
                "the same body in pieces, over a few seconds",
                "networks are slow at times",
                "wait longer for a body than for its first bytes, 30 s at least",
            ),
            Probe::Duplicate => (
                "duplicate",
                Conduct,
                Serious,
                "the same notification twice, then another one",
                "an answer can get lost; the notification comes again until one arrives",
                "answer 200 to a MessageId that is known",
            ),
            Probe::DuplicateAtOnce => (
                "duplicate-at-once",
                Conduct,
                Minor,
                "the same notification four times at once",
                "two attempts can overlap when a connection is cut",
                "let a unique index on MessageId decide, and answer 200 when it says that it is known",
            ),
            Probe::Dedupe => (
                "dedupe",
                Conduct,
                Minor,
                "nothing more; compares the answers to repeats with those to fresh ones",
                "what is taken as new twice is done twice",
                "keep MessageIds for 45 days and do nothing for one that is known",
            ),
            Probe::Reordered => (
                "reordered",
                Conduct,
                Serious,
                "what happened later first, then what happened before",
                "a notification that was given up and sent again by hand comes after later ones",
                "answer 2xx; compare ActionDate or Workbell-Sequence before you overwrite something newer",
            ),
            Probe::TruncatedBody => (
                "truncated-body",
                Conduct,
                Serious,
                "half of a body, then the end of the connection",
                "half of a notification is none",
                "read as many bytes as Content-Length says, and drop the request when they do not come",
            ),
            Probe::NoToken => (
                "no-token",
                Verification,
                Critical,
                "a notification without Authorization",
                "anybody who knows the URL could send notifications",
                "answer 401 to a request without a bearer token",
            ),
            Probe::ForgedToken => (
                "forged-token",
                Verification,
                Critical,
                "a token with the right claims, signed with another key",
                "anybody can write claims; only the signature proves who sent them",
                "verify the signature of the token with the certificates of the service",
            ),
            Probe::ExpiredToken => (
                "expired-token",
                Verification,
                Serious,
                "a token that expired 40 minutes ago",
                "a token that leaked would be good for ever",
                "compare .expires with your clock, with 60 s of tolerance",
            ),
            Probe::FutureToken => (
                "future-token",
                Verification,
                Minor,
                "a token that is valid in an hour",
                "its time has not come; one of the two clocks is wrong",
                "compare .issued with your clock, with 60 s of tolerance",
            ),
            Probe::WrongAudience => (
                "wrong-audience",
                Verification,
                Serious,
                "a token for another audience",
                "it was made for somebody else",
                "compare the claim Aud with CorrigoProDirect, or what the operator of your service says",
            ),
            Probe::ForeignEndpoint => (
                "foreign-endpoint",
                Verification,
                Serious,
                "a token made for another endpoint elsewhere",
                "whoever runs another receiver could send its tokens to yours",
                "compare the claims urn:workbell:endpoint and urn:workbell:destination with your own",
            ),
            Probe::AccessToken => (
                "access-token",
                Verification,
                Serious,
                "an access token of the Direct API",
                "every client of the company can get one",
                "trust only the published certificates, and refuse tokens with the claim urn:workbell:use",
            ),
            Probe::TamperedBody => (
                "tampered-body",
                Verification,
                Serious,
                "a body changed after it was signed; its token is good",
                "the token does not cover the body; only Webhook-Signature does",
                "verify Webhook-Signature over the raw body",
            ),
            Probe::NoSignature => (
                "no-signature",
                Verification,
                Serious,
                "a notification without the Webhook headers",
                "who can change the body can take the signature away",
                "refuse requests without Webhook-Id, Webhook-Timestamp and Webhook-Signature",
            ),
            Probe::OldSignature => (
                "old-signature",
                Verification,
                Minor,
                "a good signature of an hour ago",
                "a recorded request could be sent again at any time",
                "refuse a Webhook-Timestamp more than five minutes away from your clock",
            ),
            Probe::Burst => (
                "burst",
                Load,
                Serious,
                "32 notifications of different work orders, 16 at once",
                "after a pause all that waited comes at once",
                "serve several connections at once; keep notifications in a queue of your own",
            ),
            Probe::Survives => (
                "survives",
                Load,
                Serious,
                "one more ordinary notification",
                "one bad request must not bring the receiver down",
                "look into its log for the first request that failed",
            ),
        };
        Facts { name, group, weight, sends, why, mend }
    }
}
