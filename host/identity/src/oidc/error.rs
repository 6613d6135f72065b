//! Reasons why a token is rejected.

/// Maximum number of characters of a token's name that an error shows.
const SHOWN: usize = 64;

/// A reason why a token is rejected, for the operator. Errors show only the names of the token's
/// issuer, key and algorithm, shortened and escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The token is longer than the limit.
    #[error("the token has {size} bytes; at most {limit} are read")]
    TooLarge {
        /// Length of the token, in bytes.
        size: usize,
        /// Maximum length, in bytes.
        limit: usize,
    },
    /// The text is not a signed token in compact form.
    #[error("not a signed token: {0}")]
    Malformed(&'static str),
    /// The token is not signed.
    #[error("the token is not signed: its `alg` is `none`")]
    Unsigned,
    /// The token is signed with a shared secret.
    #[error(
        "the token's `alg` `{0}` is an HMAC; only signatures that a public key verifies are accepted"
    )]
    Symmetric(String),
    /// The token is signed with an algorithm that the host does not know.
    #[error("the token's `alg` `{0}` is not known")]
    UnknownAlgorithm(String),
    /// The token is signed with an algorithm that is not accepted from this issuer.
    #[error("the token's `alg` `{algorithm}` is not among the `algorithms` of `{issuer}`")]
    AlgorithmRefused {
        /// The operator's name for the issuer.
        issuer: String,
        /// Algorithm of the token.
        algorithm: &'static str,
    },
    /// The token's header demands a feature that the host does not support.
    #[error("the token's header has `{0}`, which the host does not support")]
    Unsupported(&'static str),
    /// The token's `typ` is not among those accepted from this issuer.
    #[error("the token's `typ` is not among the `token-types` of `{issuer}`")]
    WrongType {
        /// The operator's name for the issuer.
        issuer: String,
    },
    /// The token does not name its issuer.
    #[error(
        "the token has no `iss`, and its `sub` is no SPIFFE id, whose trust domain would name the issuer of a JWT-SVID"
    )]
    NoIssuer,
    /// The token's `iss` is not a text.
    #[error("the token's `iss` is not a string")]
    InvalidIssuer,
    /// The token's issuer is not configured.
    #[error("the token's `iss` `{0}` is no configured issuer")]
    UnknownIssuer(String),
    /// The token is a JWT-SVID of a trust domain that is not configured.
    #[error(
        "the token has no `iss`, as a SPIFFE JWT-SVID, and `{0}`, the trust domain of its `sub`, is no configured issuer"
    )]
    UnknownTrustDomain(String),
    /// The token's `sub` is not a SPIFFE id of the trust domain that the token claims to come from.
    #[error("the token's `sub` is no SPIFFE id of the trust domain of `{issuer}`")]
    OtherTrustDomain {
        /// The operator's name for the issuer.
        issuer: String,
    },
    /// The token is for another audience.
    #[error("the token is not meant for us: its `aud` has none of the `audiences` of `{issuer}`")]
    WrongAudience {
        /// The operator's name for the issuer.
        issuer: String,
    },
    /// The token lacks a time.
    #[error("the token has no `{0}`")]
    NoTime(&'static str),
    /// A time of the token is not a number of seconds.
    #[error("the token's `{0}` is not a time")]
    InvalidTime(&'static str),
    /// A time of the token is too far ahead to be in seconds.
    #[error(
        "the token's `{0}` is more than a hundred years ahead: it has to be in seconds since 1970, and seems to be in milliseconds"
    )]
    ImplausibleTime(&'static str),
    /// The token has expired.
    #[error("the token expired {0} s ago")]
    Expired(u64),
    /// The token is not valid yet.
    #[error("the token's `{claim}` is {ahead} s in the future")]
    FromTheFuture {
        /// Claim: `nbf` or `iat`.
        claim: &'static str,
        /// Time from now to the claim's time, in seconds.
        ahead: u64,
    },
    /// The token was issued too long ago.
    #[error("the token was issued {age} s ago; `{issuer}` allows a `max-age` of {limit} s")]
    TooOld {
        /// The operator's name for the issuer.
        issuer: String,
        /// Age of the token, in seconds.
        age: u64,
        /// Maximum age, in seconds.
        limit: u64,
    },
    /// The token lacks a claim that the operator requires.
    #[error("the token has no `{path}`, which `{issuer}` requires")]
    MissingClaim {
        /// The operator's name for the issuer.
        issuer: String,
        /// Path of the claim.
        path: String,
    },
    /// A claim has none of the values that the operator accepts.
    #[error("the token's `{path}` has none of the values that `{issuer}` requires")]
    ClaimRefused {
        /// The operator's name for the issuer.
        issuer: String,
        /// Path of the claim.
        path: String,
    },
    /// The issuer has no such key.
    #[error("`{issuer}` has no usable key `{key}`")]
    UnknownKey {
        /// The operator's name for the issuer.
        issuer: String,
        /// The token's `kid`.
        key: String,
    },
    /// The issuer has this key, and the host cannot use it.
    #[error("the key `{key}` of `{issuer}` is not used: {reason}")]
    IgnoredKey {
        /// The operator's name for the issuer.
        issuer: String,
        /// The token's `kid`.
        key: String,
        /// Reason why the host does not use the key.
        reason: String,
    },
    /// The key is not for this algorithm, or not for signatures.
    #[error("no key of `{issuer}` that the token can mean is one for `{algorithm}` signatures")]
    UnfitKey {
        /// The operator's name for the issuer.
        issuer: String,
        /// Algorithm of the token.
        algorithm: &'static str,
    },
    /// Too many keys could have signed the token.
    #[error(
        "{count} keys of `{issuer}` could have signed the token and at most {limit} are tried; it needs a `kid` of its own"
    )]
    TooManyKeys {
        /// The operator's name for the issuer.
        issuer: String,
        /// Number of keys that could have signed.
        count: usize,
        /// Maximum number of keys that are tried.
        limit: usize,
    },
    /// The signature is not by the key.
    #[error("the token's signature is not by a key of `{issuer}`")]
    WrongSignature {
        /// The operator's name for the issuer.
        issuer: String,
    },
    /// The host does not have the issuer's keys, so it cannot verify the token.
    #[error("the keys of `{issuer}` cannot be had: {reason}")]
    KeysUnavailable {
        /// The operator's name for the issuer.
        issuer: String,
        /// Reason why the keys are missing.
        reason: String,
    },
    /// The issuer's keys did not arrive before the deadline.
    #[error("the keys of `{issuer}` did not come within the request's deadline")]
    Deadline {
        /// The operator's name for the issuer.
        issuer: String,
    },
}

impl TokenError {
    /// Returns whether the host lacks keys, so that the token may be valid.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::KeysUnavailable { .. } | Self::Deadline { .. })
    }

    /// Returns whether other keys might make the token valid.
    pub(crate) const fn is_for_want_of_a_key(&self) -> bool {
        matches!(
            self,
            Self::UnknownKey { .. }
                | Self::IgnoredKey { .. }
                | Self::UnfitKey { .. }
                | Self::WrongSignature { .. }
                | Self::KeysUnavailable { .. }
        )
    }

    /// Returns a name for metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::Malformed(_) => "malformed",
            Self::Unsigned => "unsigned",
            Self::Symmetric(_) => "symmetric",
            Self::UnknownAlgorithm(_) => "unknown-algorithm",
            Self::AlgorithmRefused { .. } => "algorithm-refused",
            Self::Unsupported(_) => "unsupported",
            Self::WrongType { .. } => "wrong-type",
            Self::NoIssuer | Self::InvalidIssuer => "no-issuer",
            Self::UnknownIssuer(_) => "unknown-issuer",
            Self::UnknownTrustDomain(_) => "unknown-trust-domain",
            Self::OtherTrustDomain { .. } => "other-trust-domain",
            Self::WrongAudience { .. } => "wrong-audience",
            Self::NoTime(_) => "no-time",
            Self::InvalidTime(_) => "invalid-time",
            Self::ImplausibleTime(_) => "implausible-time",
            Self::Expired(_) => "expired",
            Self::FromTheFuture { .. } => "from-the-future",
            Self::TooOld { .. } => "too-old",
            Self::MissingClaim { .. } => "missing-claim",
            Self::ClaimRefused { .. } => "claim-refused",
            Self::UnknownKey { .. } | Self::IgnoredKey { .. } => "unknown-key",
            Self::UnfitKey { .. } => "unfit-key",
            Self::TooManyKeys { .. } => "too-many-keys",
            Self::WrongSignature { .. } => "wrong-signature",
            Self::KeysUnavailable { .. } => "keys-unavailable",
            Self::Deadline { .. } => "deadline",
        }
    }
}

/// Returns a name from a token or another party in the form for errors: short, in ASCII, on one
/// line and without backticks.
pub(crate) fn shown(name: &str) -> String {
    let mut shown = String::new();
    for (index, character) in name.chars().enumerate() {
        if index == SHOWN {
            shown.push_str("...");
            break;
        }
        match character {
            '`' => shown.push('\''),
            _ => shown.extend(character.escape_default()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_wrote_is_shown_short_and_on_one_line() {
        assert_eq!(
            shown("https://idp.example/realm"),
            "https://idp.example/realm"
        );
        assert_eq!(shown("a`b\nc\u{1b}[1m\u{202e}"), r"a'b\nc\u{1b}[1m\u{202e}");
        assert_eq!(shown(&"x".repeat(65)), format!("{}...", "x".repeat(64)));
        assert_eq!(shown(&"x".repeat(64)), "x".repeat(64));
    }
}
