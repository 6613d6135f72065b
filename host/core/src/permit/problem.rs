//! What keeps a permit from being signed.

use std::fmt;

use crate::{InvalidConnectionType, InvalidSourceNetwork, InvalidSubject, InvalidTimeRange};

/// What keeps a permit from being signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PermitProblem {
    /// No account.
    #[error("the permit names no account")]
    NoAccount,
    /// An account name the server could not look up.
    #[error("invalid account name `{0}`: white space and control characters are not possible")]
    Account(String),
    /// A bad subject.
    #[error("{side}: {source}")]
    Subject {
        /// `publish-allow` and its like.
        side: &'static str,
        /// What is wrong.
        #[source]
        source: InvalidSubject,
    },
    /// A bad network.
    #[error("source-allow: {0}")]
    Source(#[source] InvalidSourceNetwork),
    /// A bad connection type.
    #[error("connection-type-allow: {0}")]
    ConnectionType(#[source] InvalidConnectionType),
    /// A bad range of times.
    #[error("time-allow: {0}")]
    Time(#[source] InvalidTimeRange),
    /// A time zone that servers could not look up.
    #[error(
        "invalid time zone `{0}`: expected a name of the IANA database, as `Europe/Berlin` or `UTC`"
    )]
    TimeZone(String),
    /// A time zone, and no times in it.
    #[error("times-location without a range of times: add one with time-allow")]
    TimeZoneWithoutTimes,
    /// A limit on the bytes of a login, which no server holds it to.
    #[error(
        "limit-data: NATS servers ignore `data` of a user JWT; leave it out, and limit the account instead"
    )]
    DataNotEnforced,
    /// A limit that servers would not read.
    #[error(
        "{limit}: `{value}` is not a whole number from 1 to 2147483647; leave it out for no limit"
    )]
    Limit {
        /// Which limit.
        limit: Limit,
        /// What was asked for.
        value: String,
    },
    /// More than a permit can carry.
    #[error("more than {limit} {what} in one permit")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many are possible.
        limit: usize,
    },
    /// The login would be over before it began.
    #[error("the permit expired at {expires_at}, the request came at {received_at}")]
    Expired {
        /// When the permit ends, in seconds since the Unix epoch.
        expires_at: u64,
        /// When the request was received, in seconds since the Unix epoch.
        received_at: u64,
    },
    /// A time that servers cannot read.
    #[error(
        "the permit expires at {0}, after the year 9999; leave the expiry out for a login without end"
    )]
    ExpiryOutOfRange(u64),
    /// A tag that only the host may set.
    #[error(
        "tag `{0}`: tags that begin with `policy:`, `policy-digest:`, `policy-version:` or `policy-generation:` are the host's own"
    )]
    ReservedTag(String),
    /// A user name or tag that a role's template would not take as one token.
    #[error(
        "{what} `{text}` beside role `{role}`: the role's template puts it into subjects, so it has to be one token \
         without `.`, `*`, `>`, braces, white space, control characters and a leading `$`; escape it (`template::escape` \
         of the policy SDK)"
    )]
    NotOneToken {
        /// `user name` or `tag`.
        what: &'static str,
        /// The name or tag.
        text: String,
        /// The role.
        role: String,
    },
    /// A name that [`PermitBuilder::attribute`](crate::PermitBuilder::attribute) does not know.
    #[error(
        "unknown attribute `{0}`: if the policy was made for a newer host, update the host; else correct the name"
    )]
    UnknownAttribute(String),
    /// More or fewer values than an attribute takes.
    #[error("attribute `{name}`: expected {expected}, found {found}")]
    AttributeValues {
        /// Which attribute.
        name: String,
        /// How many it takes.
        expected: &'static str,
        /// How many there were.
        found: usize,
    },
    /// A text with control characters, empty or too long.
    #[error("invalid {what}: expected 1 to {limit} bytes without control characters")]
    Text {
        /// Which text.
        what: &'static str,
        /// The longest, in bytes.
        limit: usize,
    },
}

/// A limit of a user JWT that servers from 2.14.10 and 2.15.3 on hold a login to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Most subscriptions.
    Subscriptions,
    /// Largest message.
    Payload,
}

impl fmt::Display for Limit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Subscriptions => "limit-subscriptions",
            Self::Payload => "limit-payload",
        })
    }
}
