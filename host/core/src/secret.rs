//! Secrets that do not print, and how what a client presented is checked.

use std::fmt;
use std::time::Instant;

use zeroize::Zeroizing;

/// A password, token or JWT that a client presented. `Debug` does not show it, and its memory is wiped
/// when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the secret into custody.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(Zeroizing::new(secret.into()))
    }

    /// The secret itself. Every call is a place where it can leak.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// Why a secret could not be compared with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// The text is not a hash in a form the host knows.
    #[error(
        "not a password hash: expected argon2, scrypt (PHC) or bcrypt; make one with `portcullis hash`"
    )]
    Unrecognized,
    /// The form is known, the content is broken.
    #[error("malformed {0} hash")]
    Malformed(&'static str),
    /// The hash asks for more memory or time than the host spends on a login.
    #[error("{0} hash costs more than the host allows for one login")]
    TooCostly(&'static str),
    /// The request would be too old before the hash is computed.
    #[error("the request's deadline passed before the hash was computed")]
    Deadline,
}

/// On whose behalf a secret is compared. Slow hashes are shared fairly between askers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker<'a> {
    /// The name of the policy.
    pub policy: &'a str,
    /// The address of the client, if the server told it.
    pub address: Option<&'a str>,
}

/// Compares the secrets that clients present with stored hashes, in constant time where the form allows it.
///
/// Implementations block, and may be called on the thread of a runtime.
pub trait SecretVerifier: Send + Sync + 'static {
    /// Whether `secret` matches `hash`, on behalf of `asker`. Who computes for long, or waits, first gives away the place that this thread has in a runtime
    /// (in tokio with `block_in_place`).
    ///
    /// # Errors
    ///
    /// When `hash` is not usable, or the work cannot start before `deadline`.
    fn matches(
        &self,
        secret: &Secret,
        hash: &str,
        asker: Asker<'_>,
        deadline: Instant,
    ) -> Result<bool, HashError>;

    /// Whether `hash` is usable at all.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn check(&self, hash: &str) -> Result<(), HashError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        let secret = Secret::new("hunter2");
        assert_eq!(
            format!("{secret:?} {:?}", Some(&secret)),
            "[redacted] Some([redacted])"
        );
    }
}
