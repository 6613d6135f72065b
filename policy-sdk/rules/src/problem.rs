//! Reasons why a permit cannot be signed.

use std::error::Error;
use std::fmt;

use crate::subject::InvalidSubject;
use crate::{InvalidAccountLimit, InvalidConnectionType, InvalidSourceNetwork, InvalidTimeRange};

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
    /// A limit of an account is invalid.
    AccountLimit(InvalidAccountLimit),
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

// The texts of the problems. `{}` stands for a value, in the order of `PermitProblem::message`.
const NO_ACCOUNT: &str = "the permit names no account";
const ACCOUNT: &str =
    "invalid account name `{}`: white space and control characters are not possible";
const SUBJECT: &str = "{}: {}";
const SOURCE: &str = "source-allow: {}";
const CONNECTION_TYPE: &str = "connection-type-allow: {}";
const TIME: &str = "time-allow: {}";
const TIME_ZONE: &str = "times-location: invalid time zone `{}`: expected a name of the IANA database, as `Europe/Berlin` or `UTC`";
const TIME_ZONE_WITHOUT_TIMES: &str =
    "times-location: a time zone without a range of times: add a range to `times`, or leave it out";
const DATA_NOT_ENFORCED: &str = "limit-data: NATS servers ignore `data` of a user JWT; leave it out, and limit the account instead";
const LIMIT: &str =
    "{}: `{}` is not a whole number from 1 to 2147483647; leave it out for no limit";
const ACCOUNT_LIMIT: &str = "account-limit: {}";
const TOO_MANY: &str = "more than {} {} in one permit";
const EXPIRED: &str = "the permit expired at {}, the request came at {}";
const EXPIRY_OUT_OF_RANGE: &str =
    "the permit expires at {}, after the year 9999; leave the expiry out for a login without end";
const RESERVED_TAG: &str = "tag `{}`: tags that begin with `policy:`, `policy-digest:`, `policy-version:` or \
                            `policy-generation:` are the host's own";
const NOT_ONE_TOKEN: &str = "{} `{}` next to role `{}`: the role's template puts it into subjects, so it has to be \
                             one token without `.`, `*`, `>`, braces, white space, control characters and a leading \
                             `$`; escape it (`template::escape` of the policy SDK)";
const UNKNOWN_ATTRIBUTE: &str = "unknown attribute `{}`: if the policy was made for a newer host, update the host; else \
                                 correct the name";
const ATTRIBUTE_VALUES: &str = "attribute `{}`: expected {}, found {}";
const TEXT: &str = "invalid {}: expected 1 to {} bytes without control characters";

/// The values of a text. Unused ones are empty.
type Values<'a> = [&'a dyn fmt::Display; 3];

impl PermitProblem {
    /// Returns the text of the problem, and the values for it.
    #[rustfmt::skip]
    fn message(&self) -> (&'static str, Values<'_>) {
        match self {
            Self::NoAccount => (NO_ACCOUNT, [&"", &"", &""]),
            Self::Account(name) => (ACCOUNT, [name, &"", &""]),
            Self::Subject { side, source } => (SUBJECT, [side, source, &""]),
            Self::Source(source) => (SOURCE, [source, &"", &""]),
            Self::ConnectionType(source) => (CONNECTION_TYPE, [source, &"", &""]),
            Self::Time(source) => (TIME, [source, &"", &""]),
            Self::TimeZone(zone) => (TIME_ZONE, [zone, &"", &""]),
            Self::TimeZoneWithoutTimes => (TIME_ZONE_WITHOUT_TIMES, [&"", &"", &""]),
            Self::DataNotEnforced => (DATA_NOT_ENFORCED, [&"", &"", &""]),
            Self::Limit { limit, value } => (LIMIT, [limit, value, &""]),
            Self::AccountLimit(source) => (ACCOUNT_LIMIT, [source, &"", &""]),
            Self::TooMany { what, limit } => (TOO_MANY, [limit, what, &""]),
            Self::Expired { expires_at, received_at } => (EXPIRED, [expires_at, received_at, &""]),
            Self::ExpiryOutOfRange(time) => (EXPIRY_OUT_OF_RANGE, [time, &"", &""]),
            Self::ReservedTag(tag) => (RESERVED_TAG, [tag, &"", &""]),
            Self::NotOneToken { what, text, role } => (NOT_ONE_TOKEN, [what, text, role]),
            Self::UnknownAttribute(name) => (UNKNOWN_ATTRIBUTE, [name, &"", &""]),
            Self::AttributeValues { name, expected, found } => (ATTRIBUTE_VALUES, [name, expected, found]),
            Self::Text { what, limit } => (TEXT, [what, limit, &""]),
        }
    }
}

impl fmt::Display for PermitProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (text, values) = self.message();
        let mut parts = text.split("{}");
        formatter.write_str(parts.next().unwrap_or_default())?;
        for (value, part) in values.into_iter().zip(parts) {
            write!(formatter, "{value}{part}")?;
        }
        Ok(())
    }
}

impl Error for PermitProblem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Subject { source, .. } => Some(source),
            Self::Source(source) => Some(source),
            Self::ConnectionType(source) => Some(source),
            Self::Time(source) => Some(source),
            Self::AccountLimit(source) => Some(source),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_their_places_and_are_no_texts_themselves() {
        let text = "{}".to_owned();
        for (problem, expected) in [
            (PermitProblem::NoAccount, "the permit names no account"),
            (
                PermitProblem::TooMany {
                    what: "tags",
                    limit: 64,
                },
                "more than 64 tags in one permit",
            ),
            (
                PermitProblem::ReservedTag(text.clone()),
                "tag `{}`: tags that begin with `policy:`, `policy-digest:`, `policy-version:` or \
                 `policy-generation:` are the host's own",
            ),
            (
                PermitProblem::AttributeValues {
                    name: text,
                    expected: "one value",
                    found: 2,
                },
                "attribute `{}`: expected one value, found 2",
            ),
        ] {
            assert_eq!(problem.to_string(), expected);
        }
    }
}
