//! Names of buckets.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a NATS key-value bucket: 1 to 255 letters, digits, `-` and `_`.
///
/// ```
/// use portcullis_core::BucketName;
///
/// assert!("revoked".parse::<BucketName>().is_ok());
/// assert!("$KV.revoked".parse::<BucketName>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct BucketName(Arc<str>);

/// A name that no bucket can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid bucket name `{name}`: use 1 to {max} letters, digits, `-` and `_`", name = name.escape_debug(), max = BucketName::MAX_LEN)]
pub struct InvalidBucketName {
    name: String,
}

impl BucketName {
    /// Maximum length of a name, in bytes.
    pub const MAX_LEN: usize = 255;

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BucketName {
    type Err = InvalidBucketName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=Self::MAX_LEN).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidBucketName {
                name: name.chars().take(64).collect(),
            })
        }
    }
}

impl TryFrom<String> for BucketName {
    type Error = InvalidBucketName;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<BucketName> for String {
    fn from(name: BucketName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Allows queries of a set of buckets by a text that is not validated.
impl std::borrow::Borrow<str> for BucketName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_nats_clients_take() {
        for name in ["a", "Revoked_Users-2", &"b".repeat(BucketName::MAX_LEN)] {
            assert_eq!(name.parse::<BucketName>().unwrap().as_str(), name);
        }
        for name in ["", "a.b", "a b", "*", "é", &"b".repeat(256)] {
            assert!(name.parse::<BucketName>().is_err(), "`{name}`");
        }
    }
}
