//! Why a server refuses a response.

use std::fmt;

use portcullis_core::InvalidSubject;

use super::template::TemplateProblem;
use crate::jwt::TokenError;

/// Where in a response something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The response around the user JWT.
    Response,
    /// The user JWT.
    User,
}

/// Publish or subscribe permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionSide {
    /// `pub`.
    Publish,
    /// `sub`.
    Subscribe,
}

/// Why a server would refuse a response, in the order in which it looks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Too short to say anything.
    #[error("the response is empty")]
    Empty,
    /// Not a valid token.
    #[error("cannot decode the {part}")]
    Token {
        /// Which token.
        part: Part,
        /// What is wrong.
        #[source]
        source: TokenError,
    },
    /// Claims whose version is missing or not 2.
    #[error("the {0} does not have version 2")]
    Version(Part),
    /// A time that does not fit the signed number servers read it into.
    #[error("a time in the {0} is too large for the server to read")]
    TimeOutOfRange(Part),
    /// The subject of the response is not a user.
    #[error("the response's subject is not a public user key")]
    SubjectKind,
    /// The audience of the response is not a server.
    #[error("the response's audience is not a public server key")]
    AudienceKind,
    /// Neither in nor out.
    #[error("the response has neither a user JWT nor an error")]
    NoAnswer,
    /// Both in and out.
    #[error("the response has both a user JWT and an error")]
    TwoAnswers,
    /// An `issuer_account` that is no account.
    #[error("the {0}'s `issuer_account` is not a public account key")]
    IssuerAccountKind(Part),
    /// Too late.
    #[error("the {part} expired at {expires_at}, it is {now}")]
    Expired {
        /// Which token.
        part: Part,
        /// When it expired, in seconds since the Unix epoch.
        expires_at: u64,
        /// Now, in seconds since the Unix epoch.
        now: u64,
    },
    /// Too early.
    #[error("the {part} is valid from {not_before}, it is {now}")]
    NotYetValid {
        /// Which token.
        part: Part,
        /// When it begins, in seconds since the Unix epoch.
        not_before: u64,
        /// Now, in seconds since the Unix epoch.
        now: u64,
    },
    /// About somebody else.
    #[error("the {0} is not for the user of the request")]
    User(Part),
    /// For another server.
    #[error("the response is not for the server that asked")]
    Server,
    /// The response claims to speak for an account that is not the callout's (operator mode).
    #[error("the response's `issuer_account` is not the callout account")]
    NotTheCalloutAccount,
    /// Signed by another account: config mode.
    #[error("the {0} is not signed by the configured issuer")]
    Issuer(Part),
    /// The response is signed by none of the callout account's keys: operator mode.
    #[error("the response is signed neither by the callout account nor by one of its signing keys")]
    NotACalloutKey,
    /// Only connections through a trusted proxy may have this user.
    #[error("the user must come through a proxy that the server trusts (`proxy_required`)")]
    ProxyRequired,
    /// A proxy is demanded of a server that does not know the demand.
    #[error(
        "servers enforce `proxy_required` from 2.12.0 on; this one is older or does not name its version"
    )]
    ProxyNotEnforced,
    /// A subject that the server's library refuses.
    #[error("the user JWT's `{0}` permissions have a subject that servers refuse")]
    SubjectForm(PermissionSide),
    /// A subject that the server takes and then drops, so that what it denies is not denied.
    #[error("the user JWT's `{side}` permissions cannot be used")]
    Subject {
        /// Publish or subscribe.
        side: PermissionSide,
        /// What is wrong.
        #[source]
        source: InvalidSubject,
    },
    /// A subscribe permission of white space only.
    #[error(
        "the user JWT's `sub` permissions have an entry of white space, which crashes a server of this version"
    )]
    BlankSubject,
    /// `src` with something that is no network.
    #[error("the user JWT's `src` has an entry that is not a network such as `10.0.0.0/8`")]
    Source,
    /// `times` with something that is no time of day.
    #[error("the user JWT's `times` have a start or an end that is not a time such as `08:30:00`")]
    Time,
    /// A time zone that does not exist.
    #[error("the user JWT's `times_location` is not a time zone such as `Europe/Berlin`")]
    TimeZone,
    /// Times of day in a time zone that only the server knows.
    #[error(
        "the user JWT's `times` are in the server's own time zone; name one in `times_location`"
    )]
    TimeZoneUnknown,
    /// Not at this time of day.
    #[error("it is not within the user JWT's `times`")]
    OutsideTimes,
    /// None of the connection types is known to the server.
    #[error("the user JWT allows no connection type that the server knows")]
    ConnectionTypes,
    /// Not from this address: servers from 2.14.10 and 2.15.3 on.
    #[error("the client's address is in none of the networks of `src`")]
    SourceNotAllowed,
    /// Not over this kind of connection: servers from 2.14.9 and 2.15.2 on.
    #[error("the connection is of none of the `allowed_connection_types`")]
    ConnectionTypeNotAllowed,
    /// `issuer_account` in config mode.
    #[error("the {0} has an `issuer_account`, which servers in config mode refuse")]
    IssuerAccount(Part),
    /// The callout may not place users there.
    #[error(
        "the callout account may not place users in the account of the user JWT (`allowed_accounts`)"
    )]
    AccountNotAllowed,
    /// No account to place the user in.
    #[error("the user JWT names no account in its audience")]
    NoAccount,
    /// An account that the server does not have.
    #[error("the server has no account `{0}`")]
    UnknownAccount(String),
    /// The user JWT is signed by none of the target account's keys: operator mode.
    #[error(
        "the user JWT is signed neither by its account nor by one of the account's signing keys"
    )]
    NotAnAccountKey,
    /// A scoped signing key signed a user with permissions of its own.
    #[error("the user JWT is signed for the role `{0}` and has permissions or limits of its own")]
    ScopedWithPermissions(String),
    /// A role's template comes to nothing.
    #[error("the template of the role `{role}` cannot be used")]
    Template {
        /// The role.
        role: String,
        /// What is wrong.
        #[source]
        source: TemplateProblem,
    },
}

impl Refusal {
    /// A part of what the server writes to its log and publishes as `reason` on `$SYS.ACCOUNT.CLIENT.AUTH.ERR`,
    /// the first letter left out, which some servers capitalise. None where the host refuses what a server would
    /// not, or where the words differ.
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
