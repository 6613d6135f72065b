//! Names and versions of policies.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::HEXLOWER;

/// The name of a policy: the stem of its file, `NAME.wasm`.
///
/// A name has 1 to 64 lower-case letters, digits, `-` and `_`, and begins with a letter or a digit.
/// Names order the chain, and appear in logs and in the tags of user JWTs. Comparison is byte by
/// byte.
///
/// ```
/// use portcullis_core::PolicyName;
///
/// assert!("static-users".parse::<PolicyName>().is_ok());
/// assert!("Static Users".parse::<PolicyName>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(Arc<str>);

/// A name that no policy can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid policy name `{name}`: use 1 to 64 lower-case letters, digits, `-` and `_`, \
     starting with a letter or digit"
)]
pub struct InvalidPolicyName {
    name: String,
}

impl PolicyName {
    /// Maximum length of a name, in bytes.
    pub const MAX_LEN: usize = 64;

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PolicyName {
    type Err = InvalidPolicyName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let valid = name.len() <= Self::MAX_LEN
            && name.bytes().next().is_some_and(word)
            && name
                .bytes()
                .all(|byte| word(byte) || byte == b'-' || byte == b'_');
        if valid {
            Ok(Self(name.into()))
        } else {
            Err(InvalidPolicyName {
                name: name.chars().take(Self::MAX_LEN).collect(),
            })
        }
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A SHA-256 digest. Displays as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

/// A text that is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid digest `{text}`: expected `sha256:` followed by 64 hexadecimal digits")]
pub struct InvalidDigest {
    text: String,
}

impl Digest {
    /// Wraps the 32 bytes of a SHA-256 sum.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "sha256:{}", HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix("sha256:")
            .and_then(|hex| HEXLOWER.decode(hex.as_bytes()).ok())
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .map(Self)
            .ok_or_else(|| InvalidDigest {
                text: text.chars().take(80).collect(),
            })
    }
}

/// One version of one policy: its name, its digests and its generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRef {
    /// Name of the policy.
    pub name: PolicyName,
    /// Digest of the module file as the host read it.
    pub digest: Digest,
    /// Digest of the version: module, settings, tests and texts. Hosts with identical files have
    /// identical digests.
    pub version: Digest,
    /// Number of the version among all that this host has put in service, over all policies, from
    /// 1.
    pub generation: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_escape_a_directory_or_a_log_field_are_refused() {
        for name in [
            "",
            "-a",
            "_a",
            "A",
            "a b",
            "a/b",
            "..",
            "a.b",
            "é",
            "a\n",
            &"a".repeat(65),
        ] {
            assert!(name.parse::<PolicyName>().is_err(), "{name:?} was accepted");
        }
        for name in ["a", "0", "static-users", "10_base", &"a".repeat(64)] {
            assert_eq!(name.parse::<PolicyName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn digest_reads_what_it_writes() {
        let digest = Digest::from_bytes([0xab; 32]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert!("sha256:abab".parse::<Digest>().is_err());
        assert!(
            digest
                .to_string()
                .replace("sha256", "sha512")
                .parse::<Digest>()
                .is_err()
        );
    }
}
