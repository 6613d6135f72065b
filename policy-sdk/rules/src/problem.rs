//! Reasons why a permit cannot be signed.

use std::error::Error;
use std::fmt;

use crate::subject::InvalidSubject;
use crate::{InvalidConnectionType, InvalidSourceNetwork, InvalidTimeRange};

/// A reason why a permit cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PermitProblem {
    /// The permit names no account.
    NoAccount,
    /// The account name is one that no server could look up.
    Account(String),
    /// A subject is invalid.
    Subject {
        /// The list: `publish-allow`, `publish-deny`, `subscribe-allow` or `subscribe-deny`.
        side: &'static str,
        /// What is wrong with the subject.
        source: InvalidSubject,
    },
    /// A network is invalid.
    Source(InvalidSourceNetwork),
    /// A connection type is invalid.
    ConnectionType(InvalidConnectionType),
    /// A range of times is invalid.
    Time(InvalidTimeRange),
    /// The time zone has no valid name.
    TimeZone(String),
    /// The permit names a time zone without a range of times.
    TimeZoneWithoutTimes,
    /// The permit limits the bytes of a login (`data`), which no server enforces.
    DataNotEnforced,
    /// A limit is outside the range that servers read.
    Limit {
        /// The limit.
        limit: Limit,
        /// The rejected value.
        value: String,
    },
    /// The permit has more of something than it can carry.
    TooMany {
        /// The counted things, in the plural.
        what: &'static str,
        /// Maximum number.
        limit: usize,
    },
    /// The permit expires before the request was received, or at the same second.
    Expired {
        /// Expiry of the permit, in seconds since the Unix epoch.
        expires_at: u64,
        /// Time of the request, in seconds since the Unix epoch.
        received_at: u64,
    },
    /// The expiry is later than servers can read.
    ExpiryOutOfRange(u64),
    /// A tag has a prefix that is reserved for the host.
    ReservedTag(String),
    /// A user name or tag is not a single token, so it is unsafe in a role's template.
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
    UnknownAttribute(String),
    /// An attribute has too many or too few values.
    AttributeValues {
        /// Name of the attribute.
        name: String,
        /// Number of values that the attribute accepts, in words.
        expected: &'static str,
        /// Number of values found.
        found: usize,
    },
    /// A text is empty, too long or contains control characters.
    Text {
        /// Kind of the text.
        what: &'static str,
        /// Maximum length, in bytes.
        limit: usize,
    },
}

impl fmt::Display for PermitProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAccount => write!(formatter, "the permit names no account"),
            Self::Account(name) => write!(
                formatter,
                "invalid account name `{name}`: white space and control characters are not possible"
            ),
            Self::Subject { side, source } => write!(formatter, "{side}: {source}"),
            Self::Source(source) => write!(formatter, "source-allow: {source}"),
            Self::ConnectionType(source) => write!(formatter, "connection-type-allow: {source}"),
            Self::Time(source) => write!(formatter, "time-allow: {source}"),
            Self::TimeZone(zone) => write!(
                formatter,
                "invalid time zone `{zone}`: expected a name of the IANA database, as `Europe/Berlin` or `UTC`"
            ),
            Self::TimeZoneWithoutTimes => write!(
                formatter,
                "times-location without a range of times: add one with time-allow"
            ),
            Self::DataNotEnforced => write!(
                formatter,
                "limit-data: NATS servers ignore `data` of a user JWT; leave it out, and limit the account instead"
            ),
            Self::Limit { limit, value } => write!(
                formatter,
                "{limit}: `{value}` is not a whole number from 1 to 2147483647; leave it out for no limit"
            ),
            Self::TooMany { what, limit } => {
                write!(formatter, "more than {limit} {what} in one permit")
            }
            Self::Expired {
                expires_at,
                received_at,
            } => write!(
                formatter,
                "the permit expired at {expires_at}, the request came at {received_at}"
            ),
            Self::ExpiryOutOfRange(time) => write!(
                formatter,
                "the permit expires at {time}, after the year 9999; leave the expiry out for a login without end"
            ),
            Self::ReservedTag(tag) => write!(
                formatter,
                "tag `{tag}`: tags that begin with `policy:`, `policy-digest:`, `policy-version:` or \
                 `policy-generation:` are the host's own"
            ),
            Self::NotOneToken { what, text, role } => write!(
                formatter,
                "{what} `{text}` beside role `{role}`: the role's template puts it into subjects, so it has to be \
                 one token without `.`, `*`, `>`, braces, white space, control characters and a leading `$`; \
                 escape it (`template::escape` of the policy SDK)"
            ),
            Self::UnknownAttribute(name) => write!(
                formatter,
                "unknown attribute `{name}`: if the policy was made for a newer host, update the host; else \
                 correct the name"
            ),
            Self::AttributeValues {
                name,
                expected,
                found,
            } => write!(
                formatter,
                "attribute `{name}`: expected {expected}, found {found}"
            ),
            Self::Text { what, limit } => write!(
                formatter,
                "invalid {what}: expected 1 to {limit} bytes without control characters"
            ),
        }
    }
}

impl Error for PermitProblem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Subject { source, .. } => Some(source),
            Self::Source(source) => Some(source),
            Self::ConnectionType(source) => Some(source),
            Self::Time(source) => Some(source),
            _ => None,
        }
    }
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
