//! Secrets that do not print, and the comparison of secrets with hashes.

use std::fmt;
use std::time::Instant;

use zeroize::Zeroizing;

/// A password, token or JWT that a client presented. `Debug` does not show it, and its memory is
/// wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps `secret`.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(Zeroizing::new(secret.into()))
    }

    /// Returns the secret itself. Every call can leak it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// A reason why a secret could not be compared with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// The text is not a hash in a known form.
    #[error(
        "not a password hash: expected argon2, scrypt (PHC) or bcrypt; make one with `portcullis hash`"
    )]
    Unrecognized,
    /// The hash has a known form and malformed content.
    #[error("malformed {0} hash")]
    Malformed(&'static str),
    /// The hash needs more memory or time than the host spends on a login.
    #[error("{0} hash costs more than the host allows for one login")]
    TooCostly(&'static str),
    /// The request's deadline passes before the hash is computed.
    #[error("the request's deadline passed before the hash was computed")]
    Deadline,
}

/// The party on whose behalf a secret is compared. Verifiers share slow hashes fairly between
/// askers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asker<'a> {
    /// Name of the policy.
    pub policy: &'a str,
    /// Address of the client, if the server sent it.
    pub address: Option<&'a str>,
}

/// A comparison of secrets that clients present with stored hashes, in constant time where the form
/// allows it.
///
/// Implementations block. Callers may be on a runtime thread.
pub trait SecretVerifier: Send + Sync + 'static {
    /// Returns whether `secret` matches `hash`, on behalf of `asker`.
    ///
    /// An implementation that computes for long, or waits, first releases the runtime thread (in
    /// tokio with `block_in_place`).
    ///
    /// # Errors
    ///
    /// Fails if `hash` is unusable, or the work cannot start before `deadline`.
    fn matches(
        &self,
        secret: &Secret,
        hash: &str,
        asker: Asker<'_>,
        deadline: Instant,
    ) -> Result<bool, HashError>;

    /// Checks that `hash` is usable.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the hash.
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
