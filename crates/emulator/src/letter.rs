//! How one request is made: which token, which signature, how its body travels.

use crate::Fault;

/// Which token is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A good one.
    Good,
    /// A good one that is not compressed.
    Plain,
    /// No `Authorization` at all.
    Missing,
    /// It expired 40 minutes ago.
    Expired,
    /// It is valid in an hour.
    Future,
    /// For another audience.
    OtherAudience,
    /// For another endpoint elsewhere.
    Foreign,
    /// An access token of the Direct API.
    Access,
    /// Its signature was changed.
    BadSignature,
    /// Signed with a key that nobody was told to trust.
    Stranger,
}

/// Which signature over the body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signature {
    /// A good one.
    Good,
    /// None of its headers.
    Missing,
    /// A good one of an hour ago.
    Old,
}

/// How the body travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Travel {
    /// As a whole.
    Whole,
    /// Half of it, then the connection closes.
    Half,
    /// In pieces, with a wait before each.
    Slow,
}

/// How one request is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter {
    pub(crate) token: Token,
    pub(crate) signature: Signature,
    pub(crate) travel: Travel,
    /// Whether to send `Expect: 100-continue`.
    pub(crate) expect: bool,
    /// Whether the body is changed after it was signed.
    pub(crate) tampered: bool,
}

impl Letter {
    /// As live traffic is sent.
    pub(crate) const GOOD: Letter = Letter {
        token: Token::Good,
        signature: Signature::Good,
        travel: Travel::Whole,
        expect: true,
        tampered: false,
    };

    /// Good but for its token.
    pub(crate) const fn with_token(token: Token) -> Letter {
        Letter { token, ..Letter::GOOD }
    }

    /// With this fault, as far as that is not one of the notification itself.
    pub(crate) const fn of(fault: Fault) -> Letter {
        match fault {
            Fault::ExpiredToken => Letter::with_token(Token::Expired),
            Fault::WrongAudience => Letter::with_token(Token::OtherAudience),
            Fault::ForeignEndpoint => Letter::with_token(Token::Foreign),
            Fault::AccessToken => Letter::with_token(Token::Access),
            Fault::BadSignature => Letter::with_token(Token::BadSignature),
            Fault::TamperedBody => Letter { tampered: true, ..Letter::GOOD },
            Fault::TruncatedBody => Letter { travel: Travel::Half, ..Letter::GOOD },
            Fault::SlowBody => Letter { travel: Travel::Slow, ..Letter::GOOD },
            Fault::NoExpect => Letter { expect: false, ..Letter::GOOD },
            Fault::Duplicate
            | Fault::Reordered
            | Fault::UnknownAction
            | Fault::UnknownMember
            | Fault::NullMembers
            | Fault::HugeBody => Letter::GOOD,
        }
    }
}
