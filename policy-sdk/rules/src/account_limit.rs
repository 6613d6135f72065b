//! Limits of an account, in the permit of a request to sign one.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use crate::shown;

/// A limit of an account that the host signs on request. The names are those of the keys under
/// `[operator.account-requests.limits]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountLimit {
    /// Maximum number of connections.
    Connections,
    /// Maximum number of leafnode connections.
    Leafnodes,
    /// Maximum number of subscriptions.
    Subscriptions,
    /// Maximum size of a message, in bytes.
    Payload,
    /// Maximum number of imports.
    Imports,
    /// Maximum number of exports.
    Exports,
    /// Maximum memory storage of `JetStream`, in bytes. 0 grants none.
    JetStreamMemory,
    /// Maximum disk storage of `JetStream`, in bytes. 0 grants none.
    JetStreamDisk,
    /// Maximum number of streams.
    JetStreamStreams,
    /// Maximum number of consumers.
    JetStreamConsumers,
}

/// A text that is no limit of an account, or no value of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidAccountLimit {
    /// The text names no limit.
    Name(String),
    /// The value is outside the range of the limit.
    Value {
        /// The limit.
        limit: AccountLimit,
        /// The rejected value.
        value: String,
    },
}

impl AccountLimit {
    /// All limits.
    pub const ALL: [Self; 10] = [
        Self::Connections,
        Self::Leafnodes,
        Self::Subscriptions,
        Self::Payload,
        Self::Imports,
        Self::Exports,
        Self::JetStreamMemory,
        Self::JetStreamDisk,
        Self::JetStreamStreams,
        Self::JetStreamConsumers,
    ];

    /// The largest value, because account JWTs hold signed 64-bit numbers.
    pub const MAX: u64 = i64::MAX.cast_unsigned();

    /// Returns the name in the contract with policies and in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Leafnodes => "leafnodes",
            Self::Subscriptions => "subscriptions",
            Self::Payload => "payload",
            Self::Imports => "imports",
            Self::Exports => "exports",
            Self::JetStreamMemory => "jetstream-memory",
            Self::JetStreamDisk => "jetstream-disk",
            Self::JetStreamStreams => "jetstream-streams",
            Self::JetStreamConsumers => "jetstream-consumers",
        }
    }

    /// Returns the smallest value. Servers read 0 streams or consumers as no limit, and an account
    /// without connections, subscriptions or messages is of no use.
    pub const fn least(self) -> u64 {
        match self {
            Self::Leafnodes
            | Self::Imports
            | Self::Exports
            | Self::JetStreamMemory
            | Self::JetStreamDisk => 0,
            Self::Connections
            | Self::Subscriptions
            | Self::Payload
            | Self::JetStreamStreams
            | Self::JetStreamConsumers => 1,
        }
    }

    /// Returns the limit and the value in a text `NAME=VALUE`.
    ///
    /// # Errors
    ///
    /// Fails if the text names no limit, or if the value is outside its range.
    pub fn read(text: &str) -> Result<(Self, u64), InvalidAccountLimit> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let limit: Self = name.parse()?;
        match value.parse() {
            Ok(number) if (limit.least()..=Self::MAX).contains(&number) => Ok((limit, number)),
            _ => Err(InvalidAccountLimit::Value {
                limit,
                value: shown(value),
            }),
        }
    }
}

impl FromStr for AccountLimit {
    type Err = InvalidAccountLimit;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|limit| limit.as_str() == name);
        found.ok_or_else(|| InvalidAccountLimit::Name(shown(name)))
    }
}

impl fmt::Display for AccountLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for InvalidAccountLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => {
                let known = AccountLimit::ALL.map(AccountLimit::as_str).join("`, `");
                write!(
                    formatter,
                    "unknown limit `{name}` of an account: expected one of `{known}`"
                )
            }
            Self::Value { limit, value } => write!(
                formatter,
                "`{limit}` of an account: `{value}` is not a whole number from {} to {}; \
                 leave it out for the limit of the host's configuration",
                limit.least(),
                AccountLimit::MAX
            ),
        }
    }
}

impl Error for InvalidAccountLimit {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_read_by_its_name() {
        for limit in AccountLimit::ALL {
            let text = format!("{limit}=7");
            assert_eq!(AccountLimit::read(&text), Ok((limit, 7)));
            let least = format!("{limit}={}", limit.least());
            assert_eq!(AccountLimit::read(&least), Ok((limit, limit.least())));
        }
    }

    #[test]
    fn no_text_means_unlimited() {
        for text in [
            "connections",
            "connections=",
            "connections=-1",
            "connections=0",
            "jetstream-streams=0",
            "jetstream-consumers=0",
            "payload=1MiB",
            "payload=9223372036854775808",
            "data=5",
            "",
        ] {
            assert!(AccountLimit::read(text).is_err(), "{text}");
        }
    }
}
