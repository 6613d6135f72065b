//! Why a token is refused.

/// How many characters of a name out of a token an error shows.
const SHOWN: usize = 64;

/// Why a token is refused, for the operator. Of the token itself no more is shown than the names of its issuer, key and algorithm,
/// shortened and escaped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is longer than a token may be.
    #[error("the token has {size} bytes; at most {limit} are read")]
    TooLarge {
        /// Its length, in bytes.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// It is not a signed token in compact form.
    #[error("not a signed token: {0}")]
    Malformed(&'static str),
    /// It is not signed.
    #[error("the token is not signed: its `alg` is `none`")]
    Unsigned,
    /// It is signed with a shared secret.
    #[error(
        "the token's `alg` `{0}` is an HMAC; only signatures that a public key verifies are accepted"
    )]
    Symmetric(String),
    /// It is signed with an algorithm that the host does not know.
    #[error("the token's `alg` `{0}` is not known")]
    UnknownAlgorithm(String),
    /// It is signed with an algorithm that is not accepted from this issuer.
    #[error("the token's `alg` `{algorithm}` is not among the `algorithms` of `{issuer}`")]
    AlgorithmRefused {
        /// The operator's name for the issuer.
        issuer: String,
        /// The algorithm.
        algorithm: &'static str,
    },
    /// Its header demands something that the host does not do.
    #[error("the token's header has `{0}`, which the host does not support")]
    Unsupported(&'static str),
    /// Its `typ` is not among those accepted from this issuer.
    #[error("the token's `typ` is not among the `token-types` of `{issuer}`")]
    WrongType {
        /// The operator's name for the issuer.
        issuer: String,
    },
    /// It does not say who issued it.
    #[error("the token has no `iss`")]
    NoIssuer,
    /// It comes from somebody unknown.
    #[error("the token's `iss` `{0}` is no configured issuer")]
    UnknownIssuer(String),
    /// It is a JWT-SVID of a trust domain that is not configured.
    #[error(
        "the token has no `iss`, as a SPIFFE JWT-SVID, and `{0}`, the trust domain of its `sub`, is no configured issuer"
    )]
    UnknownTrustDomain(String),
    /// Its `sub` is no SPIFFE id of the trust domain that it claims to come from.
    #[error("the token's `sub` is no SPIFFE id of the trust domain of `{issuer}`")]
    OtherTrustDomain {
        /// The operator's name for the issuer.
        issuer: String,
    },
    /// It is meant for somebody else.
    #[error("the token is not meant for us: its `aud` has none of the `audiences` of `{issuer}`")]
    WrongAudience {
        /// The operator's name for the issuer.
        issuer: String,
    },
    /// A time in it is missing.
    #[error("the token has no `{0}`")]
    NoTime(&'static str),
    /// A time in it is not a number of seconds.
    #[error("the token's `{0}` is not a time")]
    InvalidTime(&'static str),
    /// A time in it is too far ahead to be in seconds.
    #[error(
        "the token's `{0}` is more than a hundred years ahead: it has to be in seconds since 1970, and seems to be in milliseconds"
    )]
    ImplausibleTime(&'static str),
    /// It has ended.
    #[error("the token expired {0} s ago")]
    Expired(u64),
    /// It does not hold yet.
    #[error("the token's `{claim}` is {ahead} s in the future")]
    FromTheFuture {
        /// The claim: `nbf` or `iat`.
        claim: &'static str,
        /// How far, in seconds.
        ahead: u64,
    },
    /// It was issued too long ago.
    #[error("the token was issued {age} s ago; `{issuer}` allows a `max-age` of {limit} s")]
    TooOld {
        /// The operator's name for the issuer.
        issuer: String,
        /// Its age, in seconds.
        age: u64,
        /// The limit, in seconds.
        limit: u64,
    },
    /// A claim that the operator asks for is not there.
    #[error("the token has no `{path}`, which `{issuer}` requires")]
    MissingClaim {
        /// The operator's name for the issuer.
        issuer: String,
        /// The claim's path.
        path: String,
    },
    /// A claim has none of the values that the operator accepts.
    #[error("the token's `{path}` has none of the values that `{issuer}` requires")]
    ClaimRefused {
        /// The operator's name for the issuer.
        issuer: String,
        /// The claim's path.
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
        /// Why the host does not use it.
        reason: String,
    },
    /// The key is not for this algorithm, or not for signatures.
    #[error("no key of `{issuer}` that the token can mean is one for `{algorithm}` signatures")]
    UnfitKey {
        /// The operator's name for the issuer.
        issuer: String,
        /// The token's algorithm.
        algorithm: &'static str,
    },
    /// Too many keys could have signed it.
    #[error(
        "{count} keys of `{issuer}` could have signed the token and at most {limit} are tried; it needs a `kid` of its own"
    )]
    TooManyKeys {
        /// The operator's name for the issuer.
        issuer: String,
        /// How many keys fit.
        count: usize,
        /// How many are tried.
        limit: usize,
    },
    /// The signature is not by the key.
    #[error("the token's signature is not by a key of `{issuer}`")]
    WrongSignature {
        /// The operator's name for the issuer.
        issuer: String,
    },
    /// The issuer's keys cannot be had, so that nobody can tell.
    #[error("the keys of `{issuer}` cannot be had: {reason}")]
    KeysUnavailable {
        /// The operator's name for the issuer.
        issuer: String,
        /// Why not.
        reason: String,
    },
    /// The issuer's keys did not come in time.
    #[error("the keys of `{issuer}` did not come within the request's deadline")]
    Deadline {
        /// The operator's name for the issuer.
        issuer: String,
    },
}

impl TokenError {
    /// Whether it is for want of keys: the token may be good.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::KeysUnavailable { .. } | Self::Deadline { .. })
    }

    /// Whether other keys might make it a good token.
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

    /// A name for metrics.
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
            Self::NoIssuer => "no-issuer",
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

/// A name out of a token, or out of what somebody else sent, as errors show it: short, in ASCII, on one line and without the
/// character that ends it.
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
