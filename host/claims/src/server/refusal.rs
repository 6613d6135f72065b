//! Reasons why a server refuses a response.

use std::fmt;

use portcullis_core::InvalidSubject;

use super::template::TemplateProblem;
use crate::jwt::TokenError;

/// The part of a response that has a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The response around the user JWT.
    Response,
    /// The user JWT.
    User,
}

/// A side of permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionSide {
    /// Publish permissions, `pub`.
    Publish,
    /// Subscribe permissions, `sub`.
    Subscribe,
}

/// A reason why a server would refuse a response, in the order of the server's checks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The response is empty.
    #[error("the response is empty")]
    Empty,
    /// A part is not a valid token.
    #[error("cannot decode the {part}")]
    Token {
        /// Part that is not a token.
        part: Part,
        /// What is wrong with it.
        #[source]
        source: TokenError,
    },
    /// The version of the claims is missing or not 2.
    #[error("the {0} does not have version 2")]
    Version(Part),
    /// A time does not fit the signed number into which servers read it.
    #[error("a time in the {0} is too large for the server to read")]
    TimeOutOfRange(Part),
    /// The subject of the response is not a user key.
    #[error("the response's subject is not a public user key")]
    SubjectKind,
    /// The audience of the response is not a server key.
    #[error("the response's audience is not a public server key")]
    AudienceKind,
    /// The response has neither a user JWT nor an error.
    #[error("the response has neither a user JWT nor an error")]
    NoAnswer,
    /// The response has both a user JWT and an error.
    #[error("the response has both a user JWT and an error")]
    TwoAnswers,
    /// An `issuer_account` is not an account key.
    #[error("the {0}'s `issuer_account` is not a public account key")]
    IssuerAccountKind(Part),
    /// A part has expired.
    #[error("the {part} expired at {expires_at}, it is {now}")]
    Expired {
        /// Part that has expired.
        part: Part,
        /// Expiry, in seconds since the Unix epoch.
        expires_at: u64,
        /// Current time, in seconds since the Unix epoch.
        now: u64,
    },
    /// A part is not valid yet.
    #[error("the {part} is valid from {not_before}, it is {now}")]
    NotYetValid {
        /// Part that is not valid yet.
        part: Part,
        /// Start of the validity, in seconds since the Unix epoch.
        not_before: u64,
        /// Current time, in seconds since the Unix epoch.
        now: u64,
    },
    /// A part is for another user.
    #[error("the {0} is not for the user of the request")]
    User(Part),
    /// The response is for another server.
    #[error("the response is not for the server that asked")]
    Server,
    /// The response names an account other than the callout account as its `issuer_account`
    /// (operator mode).
    #[error("the response's `issuer_account` is not the callout account")]
    NotTheCalloutAccount,
    /// A part is not signed by the configured issuer (config mode).
    #[error("the {0} is not signed by the configured issuer")]
    Issuer(Part),
    /// The response is signed by no key of the callout account (operator mode).
    #[error("the response is signed neither by the callout account nor by one of its signing keys")]
    NotACalloutKey,
    /// The user JWT requires a connection through a trusted proxy.
    #[error("the user must come through a proxy that the server trusts (`proxy_required`)")]
    ProxyRequired,
    /// The user JWT requires a proxy, and the server does not know that requirement.
    #[error(
        "servers enforce `proxy_required` from 2.12.0 on; this one is older or does not name its version"
    )]
    ProxyNotEnforced,
    /// The server's library rejects a subject.
    #[error("the user JWT's `{0}` permissions have a subject that servers refuse")]
    SubjectForm(PermissionSide),
    /// The server accepts a subject and then drops it, so that it does not deny what the subject
    /// denies.
    #[error("the user JWT's `{side}` permissions cannot be used")]
    Subject {
        /// Side of the subject.
        side: PermissionSide,
        /// What is wrong with the subject.
        #[source]
        source: InvalidSubject,
    },
    /// A subscribe permission is only white space.
    #[error(
        "the user JWT's `sub` permissions have an entry of white space, which crashes a server of this version"
    )]
    BlankSubject,
    /// An entry of `src` is not a network.
    #[error("the user JWT's `src` has an entry that is not a network such as `10.0.0.0/8`")]
    Source,
    /// A start or end in `times` is not a time of day.
    #[error("the user JWT's `times` have a start or an end that is not a time such as `08:30:00`")]
    Time,
    /// The time zone does not exist.
    #[error("the user JWT's `times_location` is not a time zone such as `Europe/Berlin`")]
    TimeZone,
    /// The times of day are in a time zone that only the server knows.
    #[error(
        "the user JWT's `times` are in the server's own time zone; name one in `times_location`"
    )]
    TimeZoneUnknown,
    /// The login is outside the times of day.
    #[error("it is not within the user JWT's `times`")]
    OutsideTimes,
    /// The server knows none of the connection types.
    #[error("the user JWT allows no connection type that the server knows")]
    ConnectionTypes,
    /// The client's address is not allowed, at servers from 2.14.10 and 2.15.3 on.
    #[error("the client's address is in none of the networks of `src`")]
    SourceNotAllowed,
    /// The connection type is not allowed, at servers from 2.14.9 and 2.15.2 on.
    #[error("the connection is of none of the `allowed_connection_types`")]
    ConnectionTypeNotAllowed,
    /// A part has an `issuer_account` in config mode.
    #[error("the {0} has an `issuer_account`, which servers in config mode refuse")]
    IssuerAccount(Part),
    /// The callout may not place users in the target account.
    #[error(
        "the callout account may not place users in the account of the user JWT (`allowed_accounts`)"
    )]
    AccountNotAllowed,
    /// The user JWT names no account.
    #[error("the user JWT names no account in its audience")]
    NoAccount,
    /// The server does not have the account.
    #[error("the server has no account `{0}`")]
    UnknownAccount(String),
    /// The user JWT is signed by no key of the target account (operator mode).
    #[error(
        "the user JWT is signed neither by its account nor by one of the account's signing keys"
    )]
    NotAnAccountKey,
    /// A scoped signing key signed a user with permissions or limits of its own.
    #[error("the user JWT is signed for the role `{0}` and has permissions or limits of its own")]
    ScopedWithPermissions(String),
    /// The server cannot use the role's template.
    #[error("the template of the role `{role}` cannot be used")]
    Template {
        /// Name of the role.
        role: String,
        /// What is wrong with the template.
        #[source]
        source: TemplateProblem,
    },
}

impl Refusal {
    /// Returns a part of the text that the server logs and publishes as `reason` on
    /// `$SYS.ACCOUNT.CLIENT.AUTH.ERR`. The text lacks the first letter, which some servers
    /// capitalise. `None` if no server refuses for this reason, or if the texts differ between
    /// servers.
    pub const fn in_the_servers_words(&self) -> Option<&'static str> {
        Some(match self {
            Self::Empty => "no reason supplied",
            Self::SubjectKind => "ubject must be a user public key",
            Self::AudienceKind => "udience must be a server public key",
            Self::NoAnswer => "rror or Jwt is required",
            Self::TwoAnswers => "nly Error or Jwt can be set",
            Self::IssuerAccountKind(_) => "is not an account public key",
            Self::Expired { .. } => "claim is expired",
            Self::NotYetValid { .. } => "claim is not yet valid",
            Self::User(Part::Response) => "is not for expected user",
            Self::User(Part::User) => "xpected authorized user of",
            Self::Server => "is not for server",
            Self::NotTheCalloutAccount => "is not the callout account",
            Self::Issuer(Part::Response) | Self::NotACalloutKey => "signing key is unknown",
            Self::Issuer(Part::User) => "rong issuer for auth callout response",
            Self::ProxyRequired => "roxy",
            Self::SubjectForm(_) => "rror validating user JWT",
            Self::Source => "invalid cidr",
            Self::Time => "time range",
            Self::TimeZone => "time zone",
            Self::OutsideTimes => "outside of valid connect times",
            Self::ConnectionTypes => "using invalid connection type",
            Self::SourceNotAllowed => "not allowed from source",
            Self::ConnectionTypeNotAllowed => "not allowed to use connection type",
            Self::IssuerAccount(_) => "attempted to use issuer_account",
            Self::AccountNotAllowed => "not permitted as valid account option",
            Self::NoAccount | Self::UnknownAccount(_) => "o valid account",
            Self::NotAnAccountKey => "ser JWT issuer",
            Self::ScopedWithPermissions(_) => "require no permissions or limits set",
            Self::Template { .. } => "generated invalid permissions",
            Self::Token { .. }
            | Self::Version(_)
            | Self::TimeOutOfRange(_)
            | Self::ProxyNotEnforced
            | Self::Subject { .. }
            | Self::BlankSubject
            | Self::TimeZoneUnknown => return None,
        })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Response => "response",
            Self::User => "user JWT",
        })
    }
}

impl fmt::Display for PermissionSide {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Publish => "pub",
            Self::Subscribe => "sub",
        })
    }
}
