//! Reasons why a permit cannot be signed.

use std::fmt;

use crate::{InvalidConnectionType, InvalidSourceNetwork, InvalidSubject, InvalidTimeRange};

/// A reason why a permit cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PermitProblem {
    /// The permit names no account.
    #[error("the permit names no account")]
    NoAccount,
    /// The account name is one that no server could look up.
    #[error("invalid account name `{0}`: white space and control characters are not possible")]
    Account(String),
    /// A subject is invalid.
    #[error("{side}: {source}")]
    Subject {
        /// The list: `publish-allow`, `publish-deny`, `subscribe-allow` or `subscribe-deny`.
        side: &'static str,
        /// What is wrong with the subject.
        #[source]
        source: InvalidSubject,
    },
    /// A network is invalid.
    #[error("source-allow: {0}")]
    Source(#[source] InvalidSourceNetwork),
    /// A connection type is invalid.
    #[error("connection-type-allow: {0}")]
    ConnectionType(#[source] InvalidConnectionType),
    /// A range of times is invalid.
    #[error("time-allow: {0}")]
    Time(#[source] InvalidTimeRange),
    /// The time zone has no valid name.
    #[error(
        "invalid time zone `{0}`: expected a name of the IANA database, as `Europe/Berlin` or `UTC`"
    )]
    TimeZone(String),
    /// The permit names a time zone without a range of times.
    #[error("times-location without a range of times: add one with time-allow")]
    TimeZoneWithoutTimes,
    /// The permit limits the bytes of a login (`data`), which no server enforces.
    #[error(
        "limit-data: NATS servers ignore `data` of a user JWT; leave it out, and limit the account instead"
    )]
    DataNotEnforced,
    /// A limit is outside the range that servers read.
    #[error(
        "{limit}: `{value}` is not a whole number from 1 to 2147483647; leave it out for no limit"
    )]
    Limit {
        /// The limit.
        limit: Limit,
        /// The rejected value.
        value: String,
    },
    /// The permit has more of something than it can carry.
    #[error("more than {limit} {what} in one permit")]
    TooMany {
        /// The counted things, in the plural.
        what: &'static str,
        /// Maximum number.
        limit: usize,
    },
    /// The permit expires before the request was received, or at the same second.
    #[error("the permit expired at {expires_at}, the request came at {received_at}")]
    Expired {
        /// Expiry of the permit, in seconds since the Unix epoch.
        expires_at: u64,
        /// Time of the request, in seconds since the Unix epoch.
        received_at: u64,
    },
    /// The expiry is later than servers can read.
    #[error(
        "the permit expires at {0}, after the year 9999; leave the expiry out for a login without end"
    )]
    ExpiryOutOfRange(u64),
    /// A tag has a prefix that is reserved for the host.
    #[error(
        "tag `{0}`: tags that begin with `policy:`, `policy-digest:`, `policy-version:` or `policy-generation:` are the host's own"
    )]
    ReservedTag(String),
    /// A user name or tag is not a single token, so it is unsafe in a role's template.
    #[error(
        "{what} `{text}` beside role `{role}`: the role's template puts it into subjects, so it has to be one token \
         without `.`, `*`, `>`, braces, white space, control characters and a leading `$`; escape it (`template::escape` \
         of the policy SDK)"
    )]
    NotOneToken {
        /// Kind of the text: `user name` or `tag`.
        what: &'static str,
        /// The user name or tag.
        text: String,
        /// The role.
        role: String,
    },
    /// The attribute is one that [`PermitBuilder::attribute`](crate::PermitBuilder::attribute) does
    /// not know.
    #[error(
        "unknown attribute `{0}`: if the policy was made for a newer host, update the host; else correct the name"
    )]
    UnknownAttribute(String),
    /// An attribute has too many or too few values.
    #[error("attribute `{name}`: expected {expected}, found {found}")]
    AttributeValues {
        /// Name of the attribute.
        name: String,
        /// Number of values that the attribute accepts, in words.
        expected: &'static str,
        /// Number of values found.
        found: usize,
    },
    /// A text is empty, too long or contains control characters.
    #[error("invalid {what}: expected 1 to {limit} bytes without control characters")]
    Text {
        /// Kind of the text.
        what: &'static str,
        /// Maximum length, in bytes.
        limit: usize,
    },
}

/// A limit of a user JWT that servers enforce from 2.14.10 and 2.15.3 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Maximum number of subscriptions.
    Subscriptions,
    /// Maximum size of a message.
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
